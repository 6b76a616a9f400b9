/* Values in compose files that have no meaning, or another one than they seem to have (compose.h). */
#include "schema/compose/compose.h"

#include "base/str.h"

/* Below these keys empty text is a value. */
static const char *const free_keys[] = {
    "annotations", "args",    "command", "content", "driver_opts", "entrypoint",
    "environment", "image",   "labels",  "options", "storage_opt", "sysctls",
    "test",        "volumes", "secrets", "configs", NULL,
};

static bool is_free(const char *key)
{
    for (const char *const *name = free_keys; *name; name++)
        if (strcmp(*name, key) == 0)
            return true;
    return str_starts(key, "x-");
}

static bool is_blank(const struct ynode *n)
{
    return n->type == YN_SCALAR && !n->len && !ynode_is_null(n);
}

static struct ynode *drop_blank_child(struct compose *c, const struct ynode *key, struct ynode *child)
{
    if (key && is_free(key->text))
        return child;
    return key && is_blank(child) ? NULL : compose_drop_blank(c, child);
}

struct ynode *compose_drop_blank(struct compose *c, struct ynode *n)
{
    return compose_change_children(c, n, drop_blank_child);
}

/* "0", "0s": the engine uses its default instead. */
static bool is_zero(const struct ynode *n)
{
    const char *text = compose_text(n);
    return text && text[0] == '0' && !strpbrk(text, "123456789");
}

/* Fields in which zero means no limit, or the engine's default. */
static const struct {
    const char *path, *key;
} no_zero[] = {
    {"", "cpu_period"},
    {"", "cpu_quota"},
    {"", "cpu_shares"},
    {"", "cpus"},
    {"", "mem_limit"},
    {"", "mem_reservation"},
    {"", "memswap_limit"},
    {"", "pids_limit"},
    {"", "shm_size"},
    {"healthcheck", "interval"},
    {"healthcheck", "retries"},
    {"healthcheck", "start_interval"},
    {"healthcheck", "timeout"},
    {"deploy.resources.limits", "cpus"},
    {"deploy.resources.limits", "memory"},
    {"deploy.resources.limits", "pids"},
    {"deploy.resources.reservations", "cpus"},
    {"deploy.resources.reservations", "memory"},
};

/* The mapping without the key at a dotted path if its value is zero; otherwise the mapping itself. */
static struct ynode *without(struct compose *c, struct ynode *map, const char *path, const char *key)
{
    if (!map || map->type != YN_MAP)
        return map;
    if (!*path) {
        if (!is_zero(ynode_get(map, key)))
            return map;
        struct ynode *copy = compose_copy(c, map);
        compose_remove(copy, key);
        return copy;
    }
    size_t len = strcspn(path, ".");
    const char *name = arena_strndup(c->arena, path, len);
    struct ynode *old = ynode_get(map, name);
    struct ynode *new = without(c, old, path + len + (path[len] == '.'), key);
    if (new == old)
        return map;
    struct ynode *copy = compose_copy(c, map);
    compose_set(c, copy, compose_scalar(c, old, name), new);
    return copy;
}

static void tidy_zeros(struct compose_part *p)
{
    for (size_t i = 0; i < ARRAY_LEN(no_zero); i++)
        p->out = without(p->c, p->out, no_zero[i].path, no_zero[i].key);
}

/* Engines ignore published ports where the container has no network of its own to publish them from. */
static void tidy_ports(struct compose_part *p)
{
    const char *mode = compose_text(ynode_get(p->out, "network_mode"));
    const struct ynode *ports = ynode_get(p->out, "ports");
    if (!ports || ports->type != YN_SEQ || !ports->len || !(str_eq(mode, "host") || str_eq(mode, "none")))
        return;
    if (str_eq(mode, "host"))
        compose_warning(
            p->c, ports, "remove ports",
            "ports are ignored with network_mode host: the container uses the host's ports directly");
    else
        compose_warning(p->c, ports, "remove ports, or network_mode",
                        "ports are ignored with network_mode none: the container has no network");
    compose_remove(p->out, "ports");
}

/* Which image runs must not depend on when it was last pulled. */
static void tidy_pull_policy(struct compose_part *p)
{
    const struct ynode *policy = ynode_get(p->out, "pull_policy");
    const char *text = compose_text(policy);
    if (!text || !(str_eq(text, "daily") || str_eq(text, "weekly") || str_eq(text, "refresh") ||
                   str_starts(text, "every_")))
        return;
    compose_warning(
        p->c, policy,
        "use always, or follow the tag with a patch of the Container: image_policy: {follow: digest}",
        "pull_policy %s is ignored: the image is pulled if it is missing", text);
    compose_remove(p->out, "pull_policy");
}

/* Warn about operators that only a shell understands. */
static void check_words(struct compose_part *p, const char *key)
{
    static const char *const shell[] = {"&&", "||", ">", ">>"};
    const struct ynode *n = ynode_get(p->out, key);
    const char *text = compose_text(n);
    const char *problem;
    const struct val *words = text ? decode_words(p->c->arena, text, &problem) : NULL;
    for (size_t i = 0; i < val_len(words); i++)
        for (size_t k = 0; k < ARRAY_LEN(shell); k++)
            if (str_eq(words->items[i]->s, shell[k])) {
                compose_warning(p->c, n, "to run a shell, write [sh, -c, \"...\"]",
                                "%s is not run by a shell: \"%s\" is passed as a plain argument", key,
                                shell[k]);
                return;
            }
}

void compose_service_tidy(struct compose_part *p)
{
    check_words(p, "command");
    check_words(p, "entrypoint");
    tidy_zeros(p);
    tidy_ports(p);
    tidy_pull_policy(p);
}
