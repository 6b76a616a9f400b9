/* What registries have under a name, asked by the engine (Docker Engine API, DistributionInspect). */
#include "providers/docker/remote.h"

#include "base/clock.h"
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
    map_init(&r->noticed);
    if (how)
        r->how = *how;
    if (r->how.before)
        remember_lost(r, r->how.before);
}

void registries_release(struct registries *r)
{
    map_release(&r->lost);
    map_release(&r->noticed);
}

static void on_notice(void *arg)
{
    struct registries *r = arg;
    if (!map_get(&r->noticed, r->asked))
        r->how.waiting(r->how.arg, r->asked);
    map_put(&r->noticed, r->asked, r);
}

static int ask_patiently(struct registries *r, const char *ref, const char **ret, struct err *err)
{
    struct ask q = {.cancel = r->cancel, .timeout_ns = patience(r->d)};
    const int64_t left = r->how.until_ns - clock_mono(clock_system());
    if (r->how.until_ns && left <= 0)
        return err_set(err, ERR_TIMEOUT, "there was no time left to ask it");
    if (r->how.until_ns && left < q.timeout_ns)
        q.timeout_ns = left;
    if (r->how.waiting) {
        q.notice = on_notice;
        q.notice_arg = r;
        q.notice_ns = NOTICE_NS;
    }
    return ask(r->d, ref, &q, r->arena, ret, err);
}

const char *registries_digest(struct registries *r, const char *ref, const struct image_unasked **ret_why)
{
    struct err err = {0};
    const char *digest = NULL, *registry = registry_of(r->arena, ref);
    *ret_why = registry ? map_get(&r->lost, registry) : NULL;
    if (!registry || *ret_why || str_starts(ref, "sha256:"))
        return NULL;
    r->asked = registry;
    int k = ask_patiently(r, ref, &digest, &err);
    if (k == 0 || k == ERR_CANCELLED)
        return digest;
    struct image_unasked *why = arena_new(r->arena, struct image_unasked);
    *why = (struct image_unasked){.registry = registry, .err = err};
    *ret_why = why;
    if (is_lost(why))
        map_put(&r->lost, registry, why);
    return NULL;
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
