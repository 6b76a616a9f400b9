#include "base/clock.h"
#include "base/str.h"
#include "providers/docker/docker.h"
#include "providers/podman/podman.h"

#include <ctype.h>

#define ID_LEN 64

/* The next id in the engine's message; NULL: no more. */
static const char *next_id(struct arena *a, const char **at)
{
    for (const char *p = *at; *p; p++) {
        size_t n = 0;
        while (isxdigit((unsigned char)p[n]))
            n++;
        if (n == ID_LEN) {
            *at = p + n;
            return arena_strndup(a, p, n);
        }
        p += n ? n - 1 : 0;
    }
    return NULL;
}

static bool take(struct act *t, const char *id)
{
    struct err ignored = {0};
    const struct ask stop = {.method = "POST",
                             .path = docker_path(t->arena, "/containers/", id, "/stop"),
                             .cancel = act_cancel(t),
                             .timeout_ns = 120 * NS_PER_S};
    const struct ask remove = {.method = "DELETE",
                               .path = docker_path(t->arena, "/containers/", id, "?v=1"),
                               .cancel = act_cancel(t),
                               .timeout_ns = 120 * NS_PER_S};
    (void)!docker_json(t->d, &stop, NULL, NULL, &ignored);
    return docker_json(t->d, &remove, NULL, NULL, &ignored) == 0;
}

bool podman_take_dependents(struct act *t, const struct err *err)
{
    /* "container A has dependent containers which must be removed before it: B, C: ..." (libpod) */
    const char *at = strstr(err->msg, "must be removed before it: ");
    const char *id;
    size_t n = 0;
    const char *ids[16];
    while (at && n < ARRAY_LEN(ids) && (id = next_id(t->arena, &at))) {
        struct object other;
        struct err ignored = {0};
        if (docker_look(t->d, &kind_container, id, act_cancel(t), t->arena, &other, &ignored) < 0 ||
            !other.owner || !str_eq(other.owner, t->step->owner))
            return false;
        ids[n++] = id;
    }
    for (size_t i = 0; i < n; i++)
        if (!take(t, ids[i]))
            return false;
    return n > 0;
}
