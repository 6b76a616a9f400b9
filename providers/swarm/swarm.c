/* The Swarm provider: opening, and which function executes which step. */
#include "providers/swarm/swarm.h"

#include "base/str.h"

static int swarm_url_check(const char *url, struct err *err)
{
    const char *engine = str_after(url, SWARM_SCHEME);
    if (!str_starts(engine, "podman://"))
        return dial_check(engine, err);
    err_set(err, ERR_INVALID, "\"%s\": Podman manages no swarm", url);
    return err_hint(err, "remove swarm+");
}

static int swarm_open(const struct target *t, const struct provider_env *env, struct provider **ret,
                      struct err *err)
{
    int r = docker_open_as(&provider_swarm, t, str_after(t->url, SWARM_SCHEME), env, ret, err);
    if (r == 0)
        docker_of(*ret)->crowd = crowd_new();
    return r;
}

static void swarm_close(struct provider *p)
{
    if (p)
        crowd_free(docker_of(p)->crowd);
    docker_close(p);
}

unsigned swarm_caps(unsigned api)
{
    unsigned caps = CAP_SERVICES | CAP_HEALTHCHECK | CAP_COPY_INTO | CAP_LIMITS | CAP_SWAP_UNLIMITED |
                    CAP_PORT_CHOICE | CAP_DOMAINNAME | CAP_DEVICE_REQUESTS | CAP_ENDPOINT_MORE |
                    CAP_REMOTE_DIGEST | CAP_INIT_SHARED | CAP_OVERLAY;
    if (api >= API(1u, 44u))
        caps |= CAP_START_INTERVAL;
    return caps;
}

static int swarm_ping(struct provider *p, unsigned *ret_caps, const char **ret_engine, struct arena *a,
                      struct err *err)
{
    struct docker *d = docker_of(p);
    /* Only a manager answers this. */
    int r = docker_json(d, &(struct ask){.path = "/swarm"}, NULL, NULL, err);
    if (r == ERR_NOTFOUND)
        err_hint(err, "Podman manages no swarm: remove \"swarm+\" from the target's url");
    if (r < 0)
        return err_wrap(err, "target %s", str_or(d->target.name, d->target.url));
    *ret_caps = swarm_caps(d->api);
    *ret_engine = arena_printf(a, "swarm, %s", d->engine);
    return 0;
}

static int look(struct act *t, bool named, struct object *ret, json_t **ret_json, struct err *err)
{
    const struct step *s = t->step;
    _cleanup_json_ json_t *j = NULL, *networks = NULL;
    struct object o;
    int r = swarm_service(t->d, act_target(t), act_cancel(t), &j, err);
    if (r == 0 && named)
        r = swarm_network_list(t->d, act_cancel(t), &networks, err);
    const struct swarm_lists l = {.networks = networks};
    if (r == 0)
        r = swarm_object(t->arena, &l, j, &o, err);
    if (r == 0)
        r = act_check(s, &o, err);
    if (r < 0)
        return r;
    *ret = o;
    if (ret_json)
        *ret_json = json_incref(j);
    return 0;
}

int swarm_look(struct act *t, struct object *ret, json_t **ret_json, struct err *err)
{
    return look(t, true, ret, ret_json, err);
}

int swarm_glance(struct act *t, struct object *ret, json_t **ret_json, struct err *err)
{
    return look(t, false, ret, ret_json, err);
}

/* The logs of all tasks, as the manager collects them from the nodes. */
static int swarm_logs(struct provider *p, const struct logs_request *rq, const struct cancel *c,
                      struct err *err)
{
    struct docker *d = docker_of(p);
    _cleanup_json_ json_t *j = NULL;
    int r = swarm_service(d, rq->native_name, c, &j, err);
    if (r < 0)
        return r;
    json_t *task = json_object_get(json_object_get(j, "Spec"), "TaskTemplate");
    bool tty = json_is_true(json_object_get(json_object_get(task, "ContainerSpec"), "TTY"));
    return docker_logs_of(d, "/services/", tty, rq, c, err);
}

static int swarm_images(struct provider *p, const struct cancel *c, struct arena *a,
                        struct engine_images *ret, struct err *err)
{
    (void)p;
    (void)c;
    (void)a;
    (void)ret;
    return err_set(err, ERR_UNSUPPORTED,
                   "images on the nodes of a swarm cannot be managed: the nodes pull them themselves");
}

static int swarm_apply(struct provider *p, const struct step *s, const struct step_context *ctx,
                       struct step_result *ret, struct err *err)
{
    static const struct act_row rows[] = {
        {&kind_container, STEP_CREATE, service_create},
        {&kind_container, STEP_UPDATE, service_update},
        {&kind_container, STEP_REMOVE, service_remove},
        {&kind_container, STEP_WAIT, service_wait},
        {&kind_network, STEP_CREATE, swarm_network_create},
        {&kind_network, STEP_REMOVE, swarm_network_remove},
        {0},
    };
    return docker_apply_by(p, rows, CAP_SERVICES, s, ctx, ret, err);
}

const struct provider_ops provider_swarm = {
    .name = "swarm",
    .url_check = swarm_url_check,
    .open = swarm_open,
    .close = swarm_close,
    .ping = swarm_ping,
    .observe = swarm_observe,
    .inspect = swarm_inspect,
    .apply = swarm_apply,
    .watch_open = swarm_watch_open,
    .watch_dispatch = docker_watch_dispatch,
    .watch_close = docker_watch_close,
    .exec = swarm_exec,
    .logs = swarm_logs,
    .images = swarm_images,
};
