/* What registries have under a name, asked by the engine (Docker Engine API, DistributionInspect). */
#include "providers/docker/remote.h"

#include "base/clock.h"
#include "base/pool.h"
#include "base/str.h"
#include "providers/docker/credential.h"

#define PATIENCE_NS (15 * NS_PER_S) /* at most: less where the target is waited for less */
#define NOTICE_NS   NS_PER_S

static int64_t patience(const struct docker *d)
{
    int64_t own = d->target.timeout_ns;
    return own > 0 && own < PATIENCE_NS ? own : PATIENCE_NS;
}

/* *q: how long it is waited for, and who is told. */
static int ask(struct docker *d, const char *ref, struct ask *q, struct arena *a, const char **ret,
               struct err *err)
{
    _cleanup_json_ json_t *j = NULL;
    char *login = NULL;
    int r = credential_header(d, ref, q->cancel, &login, err);
    if (r < 0)
        return r;
    q->path = docker_path(a, "/distribution/", ref, "/json");
    q->headers = login;
    int status;
    r = docker_json(d, q, &j, &status, err);
    credential_free(login);
    if (r == ERR_TIMEOUT && !status)
        return err_set(err, r, "there was no answer for %.2g s", (double)q->timeout_ns / NS_PER_S);
    if (r < 0)
        return r;
    const char *digest = json_string_value(json_object_get(json_object_get(j, "Descriptor"), "digest"));
    if (!digest)
        return err_set(err, ERR_CORRUPT, "the registry of %s returned no digest", ref);
    *ret = arena_strdup(a, digest);
    return 0;
}

int docker_ask_registry(struct docker *d, const char *ref, const struct cancel *c, struct arena *a,
                        const char **ret, struct err *err)
{
    struct ask q = {.cancel = c, .timeout_ns = patience(d)};
    return ask(d, ref, &q, a, ret, err);
}

static bool is_lost(const struct image_unasked *why)
{
    return why->err.code == ERR_TIMEOUT || why->err.code == ERR_UNAVAILABLE;
}

static void remember_lost(struct registries *r, const struct observed *before)
{
    for (size_t i = 0; i < before->n_images; i++) {
        const struct image_fact *f = &before->images[i];
        if (f->unasked && is_lost(f->unasked) && (!f->target || str_eq(f->target, r->d->target.name)))
            map_put(&r->lost, f->unasked->registry, (void *)(uintptr_t)f->unasked);
    }
}

void registries_init(struct registries *r, struct docker *d, const struct registry_asking *how,
                     const struct cancel *c, struct arena *a)
{
    *r = (struct registries){.d = d, .cancel = c, .arena = a};
    map_init(&r->lost);
    map_init(&r->answers);
    map_init(&r->noticed);
    pthread_mutex_init(&r->lock, NULL);
    if (how)
        r->how = *how;
    if (r->how.before)
        remember_lost(r, r->how.before);
}

void registries_release(struct registries *r)
{
    map_release(&r->lost);
    map_release(&r->answers);
    map_release(&r->noticed);
    pthread_mutex_destroy(&r->lock);
}

/* What is asked about one reference, and the answer. */
struct question {
    struct registries *of;
    const char *ref, *registry, *digest;
    const struct image_unasked *why; /* there is no digest; NULL as well when the look was cancelled */
    struct err err;
    struct arena arena; /* its thread's */
};

static void on_notice(void *arg)
{
    const struct question *q = arg;
    struct registries *r = q->of;
    pthread_mutex_lock(&r->lock);
    bool first = !map_get(&r->noticed, q->registry);
    map_put(&r->noticed, q->registry, r);
    pthread_mutex_unlock(&r->lock);
    if (first)
        r->how.waiting(r->how.arg, q->registry);
}

static int ask_patiently(struct question *question)
{
    const struct registries *r = question->of;
    struct ask q = {.cancel = r->cancel, .timeout_ns = patience(r->d)};
    const int64_t left = r->how.until_ns - clock_mono(clock_system());
    if (r->how.until_ns && left <= 0)
        return err_set(&question->err, ERR_TIMEOUT, "there was no time left to ask it");
    if (r->how.until_ns && left < q.timeout_ns)
        q.timeout_ns = left;
    if (r->how.waiting) {
        q.notice = on_notice;
        q.notice_arg = question;
        q.notice_ns = NOTICE_NS;
    }
    return ask(r->d, question->ref, &q, &question->arena, &question->digest, &question->err);
}

/* NULL: no registry can be asked for it. */
static struct question *question_new(struct registries *r, const char *ref)
{
    const char *registry = registry_of(r->arena, ref);
    if (!registry || strchr(ref, '@') || str_starts(ref, "sha256:"))
        return NULL;
    struct question *q = arena_new(r->arena, struct question);
    *q = (struct question){.of = r, .ref = ref, .registry = registry};
    map_put(&r->answers, ref, q);
    return q;
}

static void ask_one(void *arg, size_t i)
{
    struct question **items = arg;
    if (!items[i]->why)
        (void)ask_patiently(items[i]);
}

static void take_answer(struct registries *r, struct question *q)
{
    arena_adopt(r->arena, &q->arena);
    if (q->why || !q->err.code || q->err.code == ERR_CANCELLED)
        return;
    struct image_unasked *why = arena_new(r->arena, struct image_unasked);
    *why = (struct image_unasked){.registry = q->registry, .err = q->err};
    q->why = why;
    if (is_lost(why))
        map_put(&r->lost, q->registry, why);
}

/* All at the same time, except those of registries that are known to be lost. */
static void ask_all(struct registries *r, struct question **items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        items[i]->why = map_get(&r->lost, items[i]->registry);
    if (r->d->env.pool)
        pool_each(r->d->env.pool, n, ask_one, items);
    else
        for (size_t i = 0; i < n; i++)
            ask_one(items, i);
    for (size_t i = 0; i < n; i++)
        take_answer(r, items[i]);
}

void registries_ask(struct registries *r, const struct map *refs)
{
    _cleanup_map_ struct map seen = MAP_INIT;
    struct question **first = arena_array(r->arena, struct question *, refs->n),
                    **rest = arena_array(r->arena, struct question *, refs->n);
    size_t n_first = 0, n_rest = 0, it = 0;
    for (const struct map_slot *slot; (slot = map_next(refs, &it));) {
        struct question *q = question_new(r, slot->key);
        if (!q)
            continue;
        if (map_get(&seen, q->registry))
            rest[n_rest++] = q;
        else
            first[n_first++] = q;
        map_put(&seen, q->registry, q);
    }
    ask_all(r, first, n_first);
    ask_all(r, rest, n_rest);
}

const char *registries_digest(struct registries *r, const char *ref, const struct image_unasked **ret_why)
{
    struct question *q = map_get(&r->answers, ref);
    if (!q && (q = question_new(r, ref)))
        ask_all(r, &q, 1);
    *ret_why = q ? q->why : NULL;
    return q ? q->digest : NULL;
}

void always_pulled(const struct resource_set *set, struct map *ret)
{
    map_init(ret);
    for (size_t i = 0; i < set->n; i++) {
        const struct val *spec = set->items[i]->spec;
        const char *ref = val_get_str(spec, "image");
        if (ref && str_eq(val_get_str(spec, "pull_policy"), "always"))
            map_put(ret, ref, ret);
    }
}
