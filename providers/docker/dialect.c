/* Docker's own dialect. */
#include "providers/docker/docker.h"

#include "base/clock.h"

static unsigned caps(unsigned api, const struct engine_facts *facts)
{
    unsigned can = CAP_LIVE_UPDATE | CAP_NETWORK_CONNECT | CAP_RENAME | CAP_HEALTHCHECK | CAP_COPY_INTO |
                   CAP_SWAP_UNLIMITED | CAP_PORT_CHOICE | CAP_DOMAINNAME | CAP_DEVICE_REQUESTS |
                   CAP_ENDPOINT_MORE | CAP_REMOTE_DIGEST | CAP_LIMITS | CAP_INIT_SHARED;
    if (api >= API(1u, 43u))
        can |= CAP_ANNOTATIONS;
    if (api >= API(1u, 44u))
        can |= CAP_START_INTERVAL;
    if (!facts || !facts->outside_swarm)
        can |= CAP_OVERLAY;
    return can;
}

static int create(struct arena *a, const struct create_request *rq, const char **ret_path, json_t **ret_body,
                  struct err *err)
{
    _cleanup_buf_ struct buf path = BUF_INIT;
    const char *platform = val_get_str(rq->spec, "platform");
    buf_adds(&path, "/containers/create?name=");
    http_escape(&path, rq->name);
    if (platform) {
        buf_adds(&path, "&platform=");
        http_escape(&path, platform);
    }
    *ret_path = arena_strdup(a, buf_str(&path));
    return container_write(a, rq, ret_body, err);
}

const struct dialect dialect_docker = {
    .name = "docker",
    .list_containers = "/containers/json?all=1",
    .list_networks = "/networks?",
    .bridge = "bridge",
    .images = "/images/",
    .has_id = true,
    .updates_are_events = true,
    .archives_are_faithful = true,
    .listing_shows_moves = true,
    .facts_age_ns = 600 * NS_PER_S,
    .caps = caps,
    .read = container_read,
    .defaults = container_defaults,
    .create = create,
};
