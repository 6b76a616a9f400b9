/* Targets in the settings: their section, and which of them an environment uses. */
#include "reconciler/engine/settings_reading.h"

#include "base/limits.h"
#include "base/str.h"
#include "schema/kinds/placement.h"

#include <stdlib.h>

/* The name becomes part of ids: container/web@NAME. */
static void check_target_name(struct settings_reading *rd, const char *name, const struct val *at)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    size_t n = strlen(name);
    if (n && n <= LIMIT_NAME_BYTES && !strchr("_.-", name[0]) && strspn(name, good) == n)
        return;
    struct diag *d = reading_problem(rd, at, "\"%s\" is not a valid target name", name);
    diag_hint(rd->diags, d, "use up to %u letters, digits, _, . and -, starting with a letter or digit",
              LIMIT_NAME_BYTES);
}

static void check_url(struct settings_reading *rd, const struct val *url)
{
    struct err err = {0};
    if (!url || provider_url_check(url->s, &err) == 0)
        return;
    struct diag *d = reading_problem(rd, url, "%s", err.msg);
    if (*err.hint)
        diag_hint(rd->diags, d, "%s", err.hint);
}

static void check_pair(struct settings_reading *rd, const struct val *target)
{
    const struct val *cert = val_get(target, "cert"), *key = val_get(target, "key");
    if (cert && !key)
        reading_problem(rd, cert, "cert is of no use without its key");
    else if (key && !cert)
        reading_problem(rd, key, "key is of no use without its cert");
}

void reading_targets(struct settings_reading *rd, const struct val *map)
{
    struct settings *s = rd->s;
    s->targets = arena_array(rd->arena, struct target, val_len(map) + 1);
    if (val_len(map) > LIMIT_TARGETS)
        reading_problem(rd, map, "there are %zu targets; the maximum is %u", val_len(map), LIMIT_TARGETS);
    for (size_t i = 0; i < val_len(map); i++) {
        const struct val *v = map->pairs[i].val;
        s->targets[s->n_targets++] = (struct target){
            .name = map->pairs[i].key,
            .url = val_get_str(v, "url"),
            .ca_file = reading_file(rd, v, "ca"),
            .cert_file = reading_file(rd, v, "cert"),
            .key_file = reading_private_file(rd, v, "key", TLS_KEY_FORBIDDEN),
            .ssh_key_file = reading_private_file(rd, v, "ssh_key", SSH_KEY_FORBIDDEN),
            .ssh_known_hosts = reading_file(rd, v, "known_hosts"),
            .timeout_ns = val_get_int(v, "timeout", 0),
            .logins = rd->logins,
            .n_logins = rd->n_logins,
            .docker_config = reading_path(rd, v, "docker_config"),
            .labels = val_get(v, "labels"),
        };
        check_target_name(rd, map->pairs[i].key, v);
        check_url(rd, val_get(v, "url"));
        check_pair(rd, v);
    }
    if (!s->n_targets)
        s->targets[s->n_targets++] =
            (struct target){.name = "local", .logins = rd->logins, .n_logins = rd->n_logins};
}

static void suggest(struct settings_reading *rd, struct diag *d, const char *name, const char *const *names,
                    size_t n)
{
    const char *near = str_nearest(name, names, n);
    if (near)
        diag_hint(rd->diags, d, "did you mean \"%s\"?", near);
}

/* The target of this name; NULL, and a problem, when there is none. */
static const struct target *find_target(struct settings_reading *rd, const struct val *name)
{
    const struct settings *s = rd->s;
    const char **names = arena_array(rd->arena, const char *, s->n_targets);
    for (size_t i = 0; i < s->n_targets; i++) {
        names[i] = s->targets[i].name;
        if (str_eq(names[i], name->s))
            return &s->targets[i];
    }
    suggest(rd, reading_problem(rd, name, "there is no target \"%s\"", name->s), name->s, names,
            s->n_targets);
    return NULL;
}

static const struct target *single_target(struct settings_reading *rd, const struct val *env,
                                          const char *env_name)
{
    const struct settings *s = rd->s;
    const struct target *found = NULL;
    if (val_get_str(env, "target"))
        found = find_target(rd, val_get(env, "target"));
    else if (s->n_targets > 1)
        reading_problem(rd, env, "environment %s must set target: there are %zu targets", env_name,
                        s->n_targets);
    return found ? found : &s->targets[0];
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const struct target *const *)a)->name, (*(const struct target *const *)b)->name);
}

/* Each would remove what the other one has made. Other ways to one engine show when it is observed. */
static void check_distinct(struct settings_reading *rd, const struct val *selector, const struct target *set)
{
    for (size_t i = 0; i < set->n_members; i++) {
        for (size_t j = 0; j < i; j++) {
            const struct target *a = set->members[j], *b = set->members[i];
            if (!str_eq(a->url, b->url))
                continue;
            struct diag *d = reading_problem(rd, selector, "targets %s and %s are the same engine: %s",
                                             a->name, b->name, str_or(a->url, "the local one"));
            diag_hint(rd->diags, d, "leave one of them out");
            return;
        }
    }
}

/* The targets that an environment selects, as one. */
static const struct target *target_set(struct settings_reading *rd, const struct val *selector)
{
    const struct settings *s = rd->s;
    const struct target **members = arena_array(rd->arena, const struct target *, s->n_targets + 1);
    struct target *set = arena_new(rd->arena, struct target);
    _cleanup_buf_ struct buf names = BUF_INIT;
    const struct val *named = val_get(selector, "names");
    for (size_t i = 0; i < val_len(named); i++)
        (void)find_target(rd, named->items[i]);
    for (size_t i = 0; i < s->n_targets; i++)
        if (placement_fits(selector, s->targets[i].name, s->targets[i].labels))
            members[set->n_members++] = &s->targets[i];
    qsort(members, set->n_members, sizeof(*members), by_name);
    for (size_t i = 0; i < set->n_members; i++)
        buf_addf(&names, "%s%s", i ? ", " : "", members[i]->name);
    set->members = members;
    check_distinct(rd, selector, set);
    set->name = arena_strdup(rd->arena, buf_str(&names));
    if (!set->n_members) {
        struct diag *d = reading_problem(rd, selector, "no target matches");
        diag_hint(rd->diags, d,
                  "set the labels of targets in the section \"targets\" at the top of this file");
    }
    return set;
}

/* Where a resource without a placement goes. */
static const char *read_fallback(struct settings_reading *rd, const struct target *set,
                                 const struct val *name)
{
    const char **names = arena_array(rd->arena, const char *, set->n_members + 1);
    if (!name)
        return NULL;
    for (size_t i = 0; i < set->n_members; i++) {
        names[i] = set->members[i]->name;
        if (str_eq(names[i], name->s))
            return name->s;
    }
    suggest(rd, reading_problem(rd, name, "target \"%s\" is not one of those that targets selects", name->s),
            name->s, names, set->n_members);
    return NULL;
}

const struct target *reading_env_target(struct settings_reading *rd, const struct val *env, const char *name,
                                        const char **ret_fallback)
{
    const struct val *selector = val_get(env, "targets");
    *ret_fallback = NULL;
    if (!selector)
        return single_target(rd, env, name);
    const struct target *set = target_set(rd, selector);
    *ret_fallback = read_fallback(rd, set, val_get(env, "target"));
    return set;
}
