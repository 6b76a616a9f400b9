/* Pulling images, with progress in bytes; one pull serves all steps that want the same image. */
#include "providers/docker/docker.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "schema/kinds/container.h"

/* A pull in progress, shared by all steps that want the image. */
struct pull {
    const char *ref;
    unsigned users;
    bool done;
    int result;
    struct err err;
    struct pull *next;
};

struct pulls {
    pthread_mutex_t lock;
    pthread_cond_t ended;
    struct pull *first;
};

struct pulls *pulls_new(void)
{
    struct pulls *p = mem_new(struct pulls);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->ended, NULL);
    return p;
}

void pulls_free(struct pulls *p)
{
    if (!p)
        return;
    pthread_cond_destroy(&p->ended);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

/* The progress stream: one JSON object per line. */
struct progress {
    struct act *act;
    struct buf line;
    struct arena arena;
    struct map layers; /* id -> struct layer */
    int64_t done, total;
    struct err failure; /* code 0: none */
};

struct layer {
    int64_t done, total;
};

static void count_layer(struct progress *p, const char *id, int64_t done, int64_t total)
{
    struct layer *l = map_get(&p->layers, id);
    if (!l) {
        l = arena_new(&p->arena, struct layer);
        map_put(&p->layers, arena_strdup(&p->arena, id), l);
    }
    p->done += done - l->done;
    p->total += total - l->total;
    *l = (struct layer){done, total};
}

static void read_line(struct progress *p, const char *text, size_t len)
{
    _cleanup_json_ json_t *j = json_loadb(text, len, 0, NULL);
    const char *id = json_string_value(json_object_get(j, "id"));
    const char *status = str_or(json_string_value(json_object_get(j, "status")), "");
    json_t *detail = json_object_get(j, "progressDetail");
    const char *error = json_string_value(json_object_get(j, "error"));
    if (error) {
        _cleanup_json_ json_t *body = json_pack("{s:s}", "message", error);
        char *copy = json_dumps(body, JSON_COMPACT);
        /* The status 200 was sent long ago: only the message tells what failed. */
        refusal_read(500, copy, copy ? strlen(copy) : 0, &p->failure);
        free(copy);
        return;
    }
    int64_t total = json_integer_value(json_object_get(detail, "total"));
    if (!id || total <= 0 || !str_eq(status, "Downloading"))
        return;
    count_layer(p, id, json_integer_value(json_object_get(detail, "current")), total);
    act_progress(p->act, "pulling", p->done, p->total, p->act->step->image);
}

static int take_progress(void *arg, const char *data, size_t len, struct err *err)
{
    struct progress *p = arg;
    buf_add(&p->line, data, len);
    int r = buf_check(&p->line, "a line of the pull's progress", err);
    if (r < 0)
        return r;
    size_t begin = 0;
    char *eol;
    while ((eol = memchr(p->line.data + begin, '\n', p->line.len - begin))) {
        size_t end = (size_t)(eol - p->line.data);
        read_line(p, p->line.data + begin, end - begin);
        begin = end + 1;
    }
    if (begin > 0) {
        size_t rest = p->line.len - begin;
        memmove(p->line.data, p->line.data + begin, rest);
        buf_truncate(&p->line, rest);
    }
    return 0;
}

/* fromImage and tag; without a tag the engine would pull all tags. */
static int pull_path(struct act *t, struct buf *path, struct err *err)
{
    const char *canonical;
    int r = ref_canonical(t->arena, t->step->image, &canonical, err);
    if (r < 0)
        return r;
    char *name = arena_strdup(t->arena, canonical), *tag = NULL;
    char *at = strchr(name, '@'), *slash = strrchr(name, '/');
    char *colon = strchr(slash ? slash : name, ':');
    if (at) {
        *at = '\0';
        tag = at + 1;
        if (colon && colon < at)
            *colon = '\0';
    } else if (colon) {
        *colon = '\0';
        tag = colon + 1;
    }
    buf_adds(path, "/images/create?fromImage=");
    http_escape(path, name);
    if (tag) {
        buf_adds(path, "&tag=");
        http_escape(path, tag);
    }
    const struct val *spec = t->step->spec       ? t->step->spec
                             : t->step->resource ? t->step->resource->spec
                                                 : NULL;
    const char *platform = val_get_str(spec, "platform");
    if (platform) {
        buf_adds(path, "&platform=");
        http_escape(path, platform);
    }
    return 0;
}

static int pull_now(struct act *t, struct err *err)
{
    _cleanup_buf_ struct buf path = BUF_INIT;
    _cleanup_answer_ struct http_answer answer = HTTP_ANSWER_INIT;
    struct progress p = {.act = t};
    char *login = NULL;
    int r = pull_path(t, &path, err);
    if (r == 0)
        r = credential_header(t->d, t->step->image, act_cancel(t), &login, err);
    if (r < 0)
        return r;
    buf_init(&p.line, LIMIT_EVENT_BYTES);
    map_init(&p.layers);
    act_progress(t, "pulling", 0, 0, t->step->image);
    const struct ask q = {.method = "POST",
                          .path = buf_str(&path),
                          .headers = login,
                          .cancel = act_cancel(t),
                          .timeout_ns = 300 * NS_PER_S, /* without any data */
                          .sink = take_progress,
                          .arg = &p};
    r = docker_ask(t->d, &q, &answer, NULL, err);
    if (r == 0 && p.failure.code) {
        *err = p.failure;
        r = err->code;
    }
    credential_free(login);
    map_release(&p.layers);
    arena_release(&p.arena);
    buf_release(&p.line);
    return r;
}

static struct pull *find_pull(struct pulls *ps, const char *ref)
{
    for (struct pull *p = ps->first; p; p = p->next)
        if (!p->done && str_eq(p->ref, ref))
            return p;
    return NULL;
}

static void drop_pull(struct pulls *ps, struct pull *gone)
{
    if (--gone->users > 0)
        return;
    for (struct pull **at = &ps->first; *at; at = &(*at)->next) {
        if (*at == gone) {
            *at = gone->next;
            break;
        }
    }
    free(gone);
}

/* The image is already being pulled: wait for that pull. */
static int join_pull(struct act *t, struct pulls *ps, struct pull *p, struct err *err)
{
    int r = 0;
    p->users++;
    while (!p->done && r == 0) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec++; /* wake up regularly to check for cancellation */
        pthread_cond_timedwait(&ps->ended, &ps->lock, &until);
        r = cancel_check(act_cancel(t), err);
    }
    bool failed = r == 0 && p->result < 0;
    if (failed) {
        *err = p->err;
        r = p->result;
    }
    drop_pull(ps, p);
    return r;
}

static int pull_once(struct act *t, struct err *err)
{
    struct pulls *ps = t->d->pulls;
    int r;
    pthread_mutex_lock(&ps->lock);
    struct pull *p = find_pull(ps, t->step->image);
    if (p) {
        r = join_pull(t, ps, p, err);
        pthread_mutex_unlock(&ps->lock);
        /* The step that pulled was cancelled, and ours was not. */
        return r == ERR_CANCELLED && !cancel_is_set(act_cancel(t)) ? pull_once(t, err) : r;
    }
    p = mem_new(struct pull);
    *p = (struct pull){.ref = t->step->image, .users = 1, .next = ps->first};
    ps->first = p;
    pthread_mutex_unlock(&ps->lock);
    r = pull_now(t, err);
    pthread_mutex_lock(&ps->lock);
    p->done = true;
    p->result = r;
    if (r < 0)
        p->err = *err;
    pthread_cond_broadcast(&ps->ended);
    drop_pull(ps, p);
    pthread_mutex_unlock(&ps->lock);
    return r;
}

static int report_image(struct act *t, struct err *err)
{
    const char *id;
    int r = docker_image_id(t->d, t->step->image, act_cancel(t), t->arena, &id, err);
    if (r == 0)
        str_copy(t->result->image_id, sizeof(t->result->image_id), id);
    return r;
}

/* List the images before a pull: only an image that is new afterwards was brought by it. False: it cannot be
   told, which does not prevent the pull. */
static bool list_before(struct act *t, struct map *ret)
{
    struct err ignored = {0};
    const char *engine;
    if (docker_engine_id(t->d, act_cancel(t), t->arena, &engine, &ignored) < 0 ||
        docker_image_ids(t->d, act_cancel(t), t->arena, ret, &ignored) < 0)
        return false;
    str_copy(t->result->engine, sizeof(t->result->engine), engine);
    return strlen(engine) < sizeof(t->result->engine);
}

int act_pull(struct act *t, struct err *err)
{
    const char *policy = str_or(t->step->pull_policy, "missing");
    bool by_id = str_starts(t->step->image, "sha256:"); /* a local image id: no registry can provide it */
    struct err before = {0};
    int r = report_image(t, &before);
    if (r < 0 && r != ERR_NOTFOUND) {
        *err = before;
        return r;
    }
    if (r == 0 && (by_id || !str_eq(policy, "always"))) {
        t->result->unchanged = true;
        return 0;
    }
    if (by_id || str_eq(policy, "never")) {
        err_set(err, ERR_NOTFOUND, "image %s is not on the engine, and its pull_policy is never",
                t->step->image);
        return err_hint(err, "load or build it there, or choose pull_policy: missing");
    }
    char old[80];
    str_copy(old, sizeof(old), t->result->image_id);
    _cleanup_map_ struct map before_ids = MAP_INIT;
    bool known = list_before(t, &before_ids);
    r = pull_once(t, err);
    if (r < 0)
        return err_wrap(err, "image %s", t->step->image);
    r = report_image(t, err);
    t->result->unchanged = r == 0 && str_eq(old, t->result->image_id);
    t->result->brought = r == 0 && known && !map_get(&before_ids, t->result->image_id);
    return r;
}
