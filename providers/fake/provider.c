/* The table of provider_fake, and the calls other than observation, steps and events. */
#include "providers/fake/state.h"

#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

static int fake_open(const struct target *t, const struct provider_env *env, struct provider **ret,
                     struct err *err)
{
    const char *name = str_after(str_or(t->url, ""), "fake://");
    if (!name)
        return err_set(err, ERR_INVALID, "%s is no URL of a fake engine; write fake://NAME",
                       str_or(t->url, "(none)"));
    struct fake_provider *p = mem_alloc(sizeof(*p));
    p->base = (struct provider){.ops = &provider_fake, .target = t};
    p->file = *name == '/' ? name : NULL;
    p->engine = p->file ? fake_file_engine(p->file) : fake_engine(name);
    p->env = *env;
    fake_lock(p->engine);
    p->engine->clock = env->clock ? env->clock : clock_system();
    fake_unlock(p->engine);
    int r = p->file ? fake_file_open(p->engine, p->file, err) : 0;
    if (r < 0) {
        free(p);
        return r;
    }
    *ret = &p->base;
    return 0;
}

static void fake_close(struct provider *p)
{
    const struct fake_provider *f = (const struct fake_provider *)p;
    if (f->file)
        fake_file_close(f->engine, f->file);
    free(p);
}

static int fake_ping(struct provider *p, unsigned *ret_caps, const char **ret_engine, struct arena *a,
                     struct err *err)
{
    struct fake_engine *e = fake_of(p);
    struct fake_ticket t;
    int r = fake_enter(e, FAKE_PING, NULL, NULL, &t, err);
    if (r < 0)
        return r;
    r = fake_leave(e, &t, 0, false, err);
    if (r < 0)
        return r;
    *ret_caps = CAPS_CONTAINERS;
    *ret_engine = arena_strdup(a, "fake 1");
    return 0;
}

/* (locked) A container that must run. */
static int running(struct fake_engine *e, const char *name, struct fake_object **ret, struct err *err)
{
    struct fake_object *o = fake_find_kind(e, &kind_container, name);
    if (!o)
        return err_set(err, ERR_NOTFOUND, "no such container: %s", name);
    if (!fake_running(o))
        return err_set(err, ERR_CONFLICT, "container %s is not running", name);
    *ret = o;
    return 0;
}

static int fake_exec(struct provider *p, const struct exec_request *rq, const struct cancel *c, int *ret_exit,
                     struct err *err)
{
    struct fake_engine *e = fake_of(p);
    struct fake_ticket t;
    int r = fake_enter(e, FAKE_EXEC, rq->native_name, c, &t, err);
    if (r < 0)
        return r;
    struct fake_object *o;
    r = running(e, rq->native_name, &o, err);
    int exit_code = e->exec_exit;
    const char *output = e->exec_output;
    r = fake_leave(e, &t, r, false, err);
    if (r == 0 && output && rq->out_fd >= 0)
        r = io_write_all(rq->out_fd, output, strlen(output), err);
    if (r == 0)
        *ret_exit = exit_code;
    return r;
}

/* A copy of a request's lines from `*from` on, so that the receiver is called without the lock. */
static struct fake_line *take_lines(const struct fake_object *o, const struct logs_request *rq, size_t *from,
                                    size_t *ret_n, struct arena *a)
{
    struct fake_line *lines = NULL;
    size_t n = 0, cap = 0;
    for (; *from < o->n_lines; ++*from) {
        struct fake_line line = o->lines[*from];
        if (line.at_ns < rq->since_ns || (rq->until_ns && line.at_ns > rq->until_ns))
            continue;
        line.text = arena_strdup(a, line.text);
        arena_push(a, lines, n, cap, line);
    }
    *ret_n = n;
    return lines;
}

/* (locked) Deliver the existing lines and, when following, new ones until the container ends. */
static int give_lines(struct fake_engine *e, const struct logs_request *rq, const struct cancel *c)
{
    struct fake_listener l;
    size_t from = 0;
    bool first = true;
    int r = 0;
    fake_listen(e, &l, false);
    for (;;) {
        _cleanup_arena_ struct arena a = ARENA_INIT;
        const struct fake_object *o = fake_find_kind(e, &kind_container, rq->native_name);
        size_t n = 0;
        const struct fake_line *lines = o ? take_lines(o, rq, &from, &n, &a) : NULL;
        bool more = o && rq->follow && fake_running(o);
        size_t skip = first && rq->tail >= 0 && n > (size_t)rq->tail ? n - (size_t)rq->tail : 0;
        fake_unlock(e);
        for (size_t i = skip; i < n; i++)
            rq->line(rq->arg, lines[i].stream, lines[i].text, strlen(lines[i].text));
        fake_lock(e);
        first = false;
        if (!more || cancel_is_set(c))
            break;
        fake_pause(e, &l, INT64_MAX, c);
    }
    fake_unlisten(e, &l);
    return r;
}

static int fake_logs(struct provider *p, const struct logs_request *rq, const struct cancel *c,
                     struct err *err)
{
    struct fake_engine *e = fake_of(p);
    struct fake_ticket t;
    int r = fake_enter(e, FAKE_LOGS, rq->native_name, c, &t, err);
    if (r < 0)
        return r;
    if (!fake_find_kind(e, &kind_container, rq->native_name))
        r = err_set(err, ERR_NOTFOUND, "no such container: %s", rq->native_name);
    else
        r = give_lines(e, rq, c);
    return fake_leave(e, &t, r, false, err);
}

static int fake_stats(struct provider *p, const char *native, struct stats_sample *ret, struct err *err)
{
    struct fake_engine *e = fake_of(p);
    struct fake_ticket t;
    int r = fake_enter(e, FAKE_STATS, native, NULL, &t, err);
    if (r < 0)
        return r;
    struct fake_object *o = NULL;
    r = running(e, native, &o, err);
    struct stats_sample sample = {
        .at_ns = fake_now(e), .cpus = 2, .pids = 1, .memory_bytes = INT64_C(1) << 20};
    if (r == 0) {
        sample.system_cpu_ns = sample.at_ns;
        sample.cpu_ns = (sample.at_ns - o->started_ns) / 100; /* one percent of a processor */
        sample.memory_limit = val_get_int(val_get(o->spec, "resources"), "memory", 0);
    }
    r = fake_leave(e, &t, r, false, err);
    if (r == 0)
        *ret = sample;
    return r;
}

const struct provider_ops provider_fake = {
    .name = "fake",
    .open = fake_open,
    .close = fake_close,
    .ping = fake_ping,
    .observe = fake_observe,
    .inspect = fake_inspect,
    .apply = fake_apply,
    .watch_open = fake_watch_open,
    .watch_dispatch = fake_watch_dispatch,
    .watch_close = fake_watch_close,
    .exec = fake_exec,
    .logs = fake_logs,
    .images = fake_images,
    .image_remove = fake_image_remove,
    .stats = fake_stats,
};
