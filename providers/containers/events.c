#include "providers/containers/events.h"

#include "base/str.h"
#include "providers/containers/wire.h"

#include <stdlib.h>

static int type_of(const char *type)
{
    static const char *const names[] = {[EVENT_CONTAINER] = "container",
                                        [EVENT_NETWORK] = "network",
                                        [EVENT_VOLUME] = "volume",
                                        [EVENT_SERVICE] = "service",
                                        [EVENT_NODE] = "node"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq(type, names[i]))
            return (int)i;
    return EVENT_OTHER;
}

/* Podman's names for the same events (libpod/events/config.go). */
static const struct {
    const char *podman, *docker;
} actions[] = {{"died", "die"}, {"remove", "destroy"}};

static const char *action_of(const char *action)
{
    for (size_t i = 0; i < ARRAY_LEN(actions); i++)
        if (str_eq(action, actions[i].podman))
            return actions[i].docker;
    return action;
}

int event_read(struct arena *a, const char *line, size_t len, struct engine_event *ret, struct err *err)
{
    json_t *j = json_loadb(line, len, 0, NULL);
    json_t *actor = json_object_get(j, "Actor"), *attributes = json_object_get(actor, "Attributes");
    struct engine_event e = {
        .action = arena_strdup(a, action_of(json_text(j, "Action"))),
        .id = arena_strdup(a, json_text(actor, "ID")),
        .name = arena_strdup(a, json_text(attributes, "name")),
        .service = arena_strdup(a, json_text(attributes, "com.docker.swarm.service.id")),
        .container = arena_strdup(a, json_text(attributes, "container")),
        .owner = arena_strdup(a, json_text(attributes, MARK_OWNER)),
        .resource = arena_strdup(a, json_text(attributes, MARK_RESOURCE)),
        .instance = (unsigned)strtoul(str_or(json_text(attributes, MARK_INSTANCE), "0"), NULL, 10),
        .exit_code = arena_strdup(a, json_text(attributes, "exitCode")),
        .at_ns = json_int(j, "timeNano"),
    };
    e.type = (unsigned)type_of(json_text(j, "Type"));
    json_decref(j);
    /* Podman reports the container and not the network. */
    if (e.type == EVENT_NETWORK && !e.container &&
        (str_eq(e.action, "connect") || str_eq(e.action, "disconnect")))
        e.container = e.id;
    /* Podman's volume events carry only the name. */
    if (e.type == EVENT_VOLUME && !e.id)
        e.id = e.name;
    if (!e.action || !e.id || e.at_ns <= 0)
        return err_set(err, ERR_CORRUPT, "a line of the engine's event stream is not an event");
    *ret = e;
    return 0;
}
