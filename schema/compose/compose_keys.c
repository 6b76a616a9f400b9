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
    {"", "version", "it is obsolete: remove the line"},
    {"", "models", "run the model as a service, and set its address in environment"},
    {"services", "attach", "it only affects what docker compose prints: use forge-ctl logs"},
    {"services", "blkio_config", "limits on disk throughput are not supported"},
    {"services", "cpu_count", "it is Windows only: use cpus"},
    {"services", "cpu_percent", "it is Windows only: use cpus"},
    {"services", "cpu_rt_period", "real-time scheduling is not supported: use cpus or cpu_shares"},
    {"services", "cpu_rt_runtime", "real-time scheduling is not supported: use cpus or cpu_shares"},
    {"services", "develop", "it is for development in a local checkout; Forge deploys what is in Git"},
    {"services", "isolation", "it is Windows only"},
    {"services", "pull_refresh_after",
     "what runs must not depend on the time of a pull: follow the tag with image_policy"},
    {"services.deploy", "endpoint_mode", "it is for swarms only: a single engine has no virtual IP addresses",
     true},
    {"services.deploy", "labels", "they apply to swarm services only: put the labels of containers in labels",
     true},
    {"services.deploy", "placement", "it is for swarms only: a single engine has only one node", true},
    {"services.deploy", "rollback_config",
     "it is for swarms only: on a single engine a failed update leaves the old containers running", true},
    {"services.deploy.restart_policy", "delay",
     "it is for swarms only: a single engine increases the delay after each restart by itself", true},
    {"services.deploy.restart_policy", "window",
     "it is for swarms only: a single engine counts a restart as successful after ten seconds", true},
    {"services.deploy.resources.reservations", "cpus",
     "it is for swarms only: a single engine cannot reserve CPUs", true},
    {"services.deploy.resources.reservations", "generic_resources", "they are for swarms only", true},
    {"services.networks", "priority", "networks are attached in the order of their names"},
    {"services.networks", "gw_priority",
     "the default gateway is that of the first network, by name, that has one"},
    {"services.networks", "interface_name", "the engine names the interfaces: eth0, eth1, ..."},
    {"networks", "scope", "the network driver decides it"},
    {"configs", "name", "configs are copied into containers as files and have no name on the engine"},
    {"configs", "labels", "configs are copied into containers as files and have no labels"},
    {"secrets", "name", "secrets are copied into containers as files and have no name on the engine"},
    {"secrets", "labels", "secrets are copied into containers as files and have no labels"},
};

void compose_check_keys(struct compose *c, const struct ynode *map, const char *where,
                        const char *const *known, const char *hint)
{
    size_t count = 0;
    while (known[count])
        count++;
    for (size_t i = 0; i < map->len; i++) {
        const struct ynode *key = map->pairs[i].key;
        bool good = str_starts(key->text, "x-");
        for (size_t k = 0; k < count && !good; k++)
            good = str_eq(known[k], key->text);
        if (good)
            continue;
        const char *near = str_nearest(key->text, known, count);
        compose_error(c, key, near ? arena_printf(c->arena, "did you mean \"%s\"?", near) : hint,
                      "%sunknown key \"%.64s\"", where, key->text);
    }
}

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
            compose_warning(c, n->pairs[k].key, ignored[i].why, "%s%s%s is ignored", path, *path ? "." : "",
                            ignored[i].key);
            if (!copy)
                copy = compose_copy(c, n);
            compose_remove(copy, ignored[i].key);
        }
    }
    return copy ? copy : n;
}
