/* Keys of compose files that have no effect here, and why (compose.h). */
#include "schema/compose/compose.h"

#include "base/str.h"

const char *const compose_top_keys[] = {"version", "name",    "include", "services", "networks",
                                        "volumes", "configs", "secrets", NULL};
const char *const compose_sections[] = {"services", "networks", "volumes", "configs", "secrets", NULL};

/* Left out with a warning. Keys that would change what a container does are not listed here: those are errors
   of the Container's own table. */
static const struct {
    const char *path, *key, *why;
    bool swarm; /* supported where a target is a swarm */
} ignored[] = {
    {"", "version", "it means nothing any more: remove the line"},
    {"", "models", "run the model as a service, and name its address in environment"},
    {"services", "attach", "it is about what a terminal shows: use forge-ctl logs"},
    {"services", "blkio_config", "limits of disk throughput are not set"},
    {"services", "cpu_count", "it is for Windows: use cpus"},
    {"services", "cpu_percent", "it is for Windows: use cpus"},
    {"services", "cpu_rt_period", "real-time scheduling is not set: use cpus or cpu_shares"},
    {"services", "cpu_rt_runtime", "real-time scheduling is not set: use cpus or cpu_shares"},
    {"services", "develop", "it is for working on a checkout; Forge runs what is in Git"},
    {"services", "isolation", "it is for Windows"},
    {"services", "pull_refresh_after",
     "what is run does not depend on the time of day: follow the tag with image_policy"},
    {"services.deploy", "endpoint_mode", "it is for swarms: one engine has no virtual addresses", true},
    {"services.deploy", "labels", "they are a swarm service's: a container's stand in labels", true},
    {"services.deploy", "placement", "it is for swarms: one engine is one place", true},
    {"services.deploy", "rollback_config", "a failed update leaves the old containers running", true},
    {"services.deploy.restart_policy", "delay", "an engine waits longer after each restart by itself", true},
    {"services.deploy.restart_policy", "window", "an engine counts a restart as good after ten seconds",
     true},
    {"services.deploy.resources.reservations", "cpus", "one engine reserves no processors", true},
    {"services.deploy.resources.reservations", "generic_resources", "they are for swarms", true},
    {"services.networks", "priority", "networks are connected in the order of their names"},
    {"services.networks", "gw_priority", "the gateway is that of the first network by name that has one"},
    {"services.networks", "interface_name", "the engine names the interfaces: eth0, eth1, ..."},
    {"networks", "scope", "the driver decides it"},
    {"configs", "name", "a config is a file in containers, and has no name on the engine"},
    {"configs", "labels", "a config is a file in containers, and has no labels"},
    {"secrets", "name", "a secret is a file in containers, and has no name on the engine"},
    {"secrets", "labels", "a secret is a file in containers, and has no labels"},
};

struct ynode *compose_drop_ignored(struct compose *c, struct ynode *n, const char *path)
{
    if (n->type != YN_MAP)
        return n;
    struct ynode *copy = NULL;
    for (size_t i = 0; i < ARRAY_LEN(ignored); i++) {
        if (!str_eq(ignored[i].path, path) || (ignored[i].swarm && c->l->in->services))
            continue;
        for (size_t k = 0; k < n->len; k++) {
            if (!str_eq(n->pairs[k].key->text, ignored[i].key))
                continue;
            compose_warning(c, n->pairs[k].key, ignored[i].why, "%s%s%s is not honoured", path,
                            *path ? "." : "", ignored[i].key);
            if (!copy)
                copy = compose_copy(c, n);
            compose_remove(copy, ignored[i].key);
        }
    }
    return copy ? copy : n;
}
