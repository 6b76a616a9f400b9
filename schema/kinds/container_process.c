/* Container: image, command, environment, lifecycle, health, order. Fields in tbl/container_process.h. */
#include "schema/kinds/container_internal.h"
#include "schema/kinds/image_policy.h"

#include <ctype.h>

#include "base/limits.h"
#include "base/parse.h"
#include "base/str.h"

struct val *image_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    (void)f;
    const char *canonical;
    struct err err = {0};
    if (ref_canonical(d->arena, n->text, &canonical, &err) < 0)
        return decode_error_hint(d, n, err.hint, "%s", err.msg);
    return val_str(d->arena, n->text);
}

struct val *pull_policy_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    const char *text = str_eq(n->text, "if_not_present") ? "missing" : n->text;
    size_t n_choices = 0;
    for (; f->choices[n_choices]; n_choices++)
        if (strcmp(f->choices[n_choices], text) == 0)
            return val_str(d->arena, text);
    if (str_eq(text, "build"))
        return decode_error_hint(d, n, "build the image elsewhere and set image",
                                 "pull policy build is not supported: Forge does not build images yet");
    if (str_eq(text, "daily") || str_eq(text, "weekly") || str_starts(text, "every_"))
        return decode_error_hint(
            d, n, "use always, or pin the image by digest and change it with a commit",
            "pull policy %s is not supported: what runs must not depend on the time of a pull", text);
    const char *near = str_nearest(text, f->choices, n_choices);
    const char *hint =
        near ? arena_printf(d->arena, "did you mean \"%s\"?", near) : "write missing, always or never";
    return decode_error_hint(d, n, hint, "\"%s\" is not a pull policy", text);
}

struct val *env_file_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    (void)f;
    if (n->type != YN_SCALAR || ynode_is_null(n) || n->len == 0)
        return decode_error_hint(d, n, "write a path, or {path: ..., required: false}",
                                 "an env_file needs a path");
    struct val *rec = val_map(d->arena);
    val_map_set(d->arena, rec, "path", placed_at(n, val_str(d->arena, n->text)));
    return rec;
}

struct val *restart_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    (void)f;
    static const char *const policies[] = {"no", "always", "unless-stopped", "on-failure"};
    for (size_t i = 0; i < ARRAY_LEN(policies); i++)
        if (strcmp(n->text, policies[i]) == 0)
            return val_str(d->arena, policies[i]);

    const char *times = str_after(n->text, "on-failure:");
    int64_t count;
    struct err err = {0};
    if (times && parse_int(times, 0, INT32_MAX, &count, &err) == 0)
        return count ? val_strf(d->arena, "on-failure:%d", (int)count) : val_str(d->arena, "on-failure");
    const char *near = str_nearest(n->text, policies, ARRAY_LEN(policies));
    const char *hint = "write no, always, unless-stopped, on-failure or on-failure:N";
    if (near)
        hint = arena_printf(d->arena, "did you mean \"%s\"?", near);
    return decode_error_hint(d, n, hint, "\"%s\" is not a restart policy", n->text);
}

/* Linux signals by number; the numbers are the same on all architectures that engines run on, except MIPS,
   where several differ. */
static const char *const signal_names[] = {
    NULL,   "HUP",  "INT",  "QUIT", "ILL",    "TRAP",   "ABRT",  "BUS",  "FPE",  "KILL", "USR1",
    "SEGV", "USR2", "PIPE", "ALRM", "TERM",   "STKFLT", "CHLD",  "CONT", "STOP", "TSTP", "TTIN",
    "TTOU", "URG",  "XCPU", "XFSZ", "VTALRM", "PROF",   "WINCH", "IO",   "PWR",  "SYS",
};

const char *signal_canonical(struct arena *a, const char *text)
{
    int64_t number;
    struct err err = {0};
    if (parse_int(text, 1, 64, &number, &err) == 0) {
        if (number < (int64_t)ARRAY_LEN(signal_names))
            return arena_printf(a, "SIG%s", signal_names[number]);
        return number < 34 ? NULL : arena_printf(a, "SIGRTMIN+%d", (int)number - 34);
    }

    char *upper = arena_strdup(a, text);
    for (char *p = upper; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    const char *name = str_starts(upper, "SIG") ? upper + 3 : upper;
    for (size_t i = 1; i < ARRAY_LEN(signal_names); i++)
        if (strcmp(name, signal_names[i]) == 0)
            return arena_printf(a, "SIG%s", name);
    if (str_eq(name, "IOT"))
        return "SIGABRT";
    if (str_eq(name, "POLL"))
        return "SIGIO";
    const char *offset = str_after(name, "RTMIN+");
    if (!offset)
        offset = str_after(name, "RTMAX-");
    if (str_eq(name, "RTMIN") || str_eq(name, "RTMAX"))
        return arena_printf(a, "SIG%s", name);
    return offset && parse_int(offset, 0, 30, &number, &err) == 0 ? arena_printf(a, "SIG%s", name) : NULL;
}

struct val *signal_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    (void)f;
    return read_canonical(d, n, signal_canonical, "a signal",
                          "write a name or a number: SIGTERM, SIGQUIT, 15");
}

static const char *word_canonical(struct arena *a, const char *text)
{
    bool good = isalnum((unsigned char)text[0]);
    for (const char *p = text; *p && good; p++)
        good = isalnum((unsigned char)*p) || strchr("_.-", *p);
    return good ? arena_strdup(a, text) : NULL;
}

/* Engines refuse names of one character. */
static const char *name_canonical(struct arena *a, const char *text)
{
    return text[0] && text[1] ? word_canonical(a, text) : NULL;
}

struct val *native_name_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    (void)f;
    return read_canonical(d, n, name_canonical, "a container's name",
                          "use at least two letters, digits, _, . and -, starting with a letter or digit");
}

/* "" stands for "no profile is active", as in Compose. */
static const char *profile_canonical(struct arena *a, const char *text)
{
    return text[0] ? word_canonical(a, text) : "";
}

struct val *profile_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    (void)f;
    return read_canonical(d, n, profile_canonical, "a profile's name", "use letters, digits, _, . and -");
}

struct val *healthcheck_test_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    (void)f;
    struct val *test = val_list(d->arena);
    if (strcmp(n->text, "NONE") != 0) {
        if (n->len == 0)
            return decode_error(d, n,
                                "a health check needs a command; to have no check, write disable: true");
        val_list_add(d->arena, test, val_str(d->arena, "CMD-SHELL"));
    }
    val_list_add(d->arena, test, val_strn(d->arena, n->text, n->len));
    return test;
}

/* An engine passes all strings to the shell, which runs only the first. */
static void keep_first(struct decode *d, const struct ynode *at, struct val *rec, const struct val *test)
{
    decode_warning(d, at, "quote the whole command line",
                   "CMD-SHELL only runs its first string; the ones after it are not part of the command");
    struct val *kept = placed_at(at, val_list(d->arena));
    val_list_add(d->arena, kept, test->items[0]);
    val_list_add(d->arena, kept, test->items[1]);
    val_map_set(d->arena, rec, "test", kept);
}

static void healthcheck_normalize(struct decode *d, const struct ynode *n, struct val *rec)
{
    struct val *disable = val_get(rec, "disable");
    val_map_del(rec, "disable");
    const struct val *test = val_get(rec, "test");
    const char *first = val_is(test, VAL_LIST) && test->len ? test->items[0]->s : NULL;
    if (val_is(test, VAL_LIST)) {
        const struct ynode *at = node_at(n, "test");
        if (!str_eq(first, "NONE") && !str_eq(first, "CMD") && !str_eq(first, "CMD-SHELL"))
            decode_error_hint(
                d, at,
                "write [CMD, program, argument...], [CMD-SHELL, \"command line\"], or a string for the shell",
                "the list of a health check must start with CMD, CMD-SHELL or NONE%s%s%s",
                first ? ", not \"" : "", str_or(first, ""), first ? "\"" : "");
        else if (str_eq(first, "CMD-SHELL") && test->len > 2 && d->lenient)
            keep_first(d, at, rec, test);
        else if (str_eq(first, "CMD-SHELL") && test->len != 2)
            decode_error_hint(d, at, "quote the whole command line", "CMD-SHELL takes one string, not %u",
                              test->len - 1);
        else if (str_eq(first, "CMD") && test->len < 2)
            decode_error(d, at, "CMD needs a program");
    }

    bool off = str_eq(first, "NONE") || (val_is(disable, VAL_BOOL) && disable->b);
    if (!off)
        return;
    /* A disabled check has no times: {disable: true} and [NONE] are the same. */
    static const char *const times[] = {"interval", "timeout", "start_period", "start_interval", "retries"};
    for (size_t i = 0; i < ARRAY_LEN(times); i++)
        val_map_del(rec, times[i]);
    struct val *none = val_list(d->arena);
    val_list_add(d->arena, none, val_str(d->arena, "NONE"));
    val_map_set(d->arena, rec, "test", none);
}

#define HEALTH_TIME_RANGE .min = INT64_C(1000000), .max = SECONDS(86400)

static const struct field healthcheck_fields[] = {
    {"test", FT_LIST, IMPACT_REPLACE, 0,
     .doc = "The command: `[CMD, program, arguments]`, `[CMD-SHELL, \"command line\"]`, or a string for the "
            "container's shell. `[NONE]` disables the check. Exit code 0 is healthy.",
     .example = "[CMD, wget, -qO-, \"http://127.0.0.1/health\"]", .elem = &field_text,
     .short_form = healthcheck_test_short},
    {"disable", FT_BOOL, IMPACT_REPLACE, FIELD_ALIAS, .doc = "Disable the check, even if the image has one.",
     .example = "true"},
    {"interval", FT_DURATION, IMPACT_REPLACE, 0,
     .doc = "The time from the end of one check to the start of the next.", .example = "5s", .def = "30s",
     .def_val = DEF_INT(SECONDS(30)), HEALTH_TIME_RANGE},
    {"timeout", FT_DURATION, IMPACT_REPLACE, 0, .doc = "The timeout of one check.", .example = "3s",
     .def = "30s", .def_val = DEF_INT(SECONDS(30)), HEALTH_TIME_RANGE},
    {"retries", FT_INT, IMPACT_REPLACE, 0,
     .doc = "The number of consecutive failures after which it is unhealthy.", .example = "3", .def = "3",
     .def_val = DEF_INT(3), .min = 1, .max = 10000},
    {"start_period", FT_DURATION, IMPACT_REPLACE, 0, .doc = "How long after the start failures do not count.",
     .example = "10s", .def = "0s", .def_val = DEF_INT(0), .min = 0, .max = SECONDS(86400)},
    {"start_interval", FT_DURATION, IMPACT_REPLACE, 0,
     .doc = "The time between checks during `start_period`; needs an engine with API 1.44.", .example = "1s",
     .def = "5s", .def_val = DEF_INT(SECONDS(5)), HEALTH_TIME_RANGE},
    {0},
};
const struct field_table healthcheck_table = {"container.healthcheck",
                                              "A command that tells whether the container works.",
                                              healthcheck_fields, .normalize = healthcheck_normalize};

static const struct field logging_fields[] = {
    {"driver", FT_STRING, IMPACT_REPLACE, 0, .doc = "The engine's log driver. Default: that of the engine.",
     .example = "json-file"},
    {"options", FT_MAP, IMPACT_REPLACE, FIELD_LIST_FORM, .doc = "Options of the driver.",
     .example = "{max-size: 10m}", .elem = &field_text},
    {0},
};
const struct field_table logging_table = {"container.logging", "Where the output of the command goes.",
                                          logging_fields};

static const char *const strategies[] = {"rolling", "recreate", NULL};
static const char *const orders[] = {"start-first", "stop-first", NULL};
static const char *const failure_actions[] = {"pause", "continue", "rollback", NULL};

static const struct field update_fields[] = {
    {"strategy", FT_ENUM, IMPACT_NONE, FIELD_VIRTUAL,
     .doc = "`rolling`: some at a time, the next once the new ones are healthy. `recreate`: all old ones are "
            "stopped before any new one starts.",
     .example = "rolling", .def = "rolling", .def_val = DEF_STR("rolling"), .choices = strategies},
    {"order", FT_ENUM, IMPACT_NONE, FIELD_VIRTUAL,
     .doc =
         "Whether the new container starts before the old one stops. Default: `start-first` where both can "
         "run at once, `stop-first` where they cannot (a published port, a fixed address, a container_name).",
     .example = "start-first", .choices = orders},
    {"timeout", FT_DURATION, IMPACT_NONE, FIELD_VIRTUAL,
     .doc = "How long each new container may take to become healthy. After that the change has failed, and "
            "the old container keeps running.",
     .example = "2m", .def = "5m", .def_val = DEF_INT(SECONDS(300)), .min = SECONDS(1),
     .max = SECONDS(86400)},
    {"parallelism", FT_INT, IMPACT_NONE, FIELD_VIRTUAL,
     .doc = "How many replicas are updated at a time; 0: all at once.", .example = "2", .def = "1",
     .def_val = DEF_INT(1), .min = 0, .max = LIMIT_REPLICAS},
    {"delay", FT_DURATION, IMPACT_NONE, FIELD_VIRTUAL,
     .doc = "The delay between one batch of updated replicas and the next.", .example = "10s", .def = "0s",
     .def_val = DEF_INT(0), .min = 0, .max = SECONDS(86400)},
    {"monitor", FT_DURATION, IMPACT_NONE, FIELD_VIRTUAL,
     .doc = "How long each new container is monitored once it is ready: if it exits, restarts or becomes "
            "unhealthy in that time, it has failed. The old one is kept until then, and keeps running where "
            "`order` is `start-first`.",
     .example = "30s", .def = "0s", .def_val = DEF_INT(0), .min = 0, .max = SECONDS(86400)},
    {"failure_action", FT_ENUM, IMPACT_NONE, FIELD_VIRTUAL,
     .doc = "What happens to the other replicas when more fail than `max_failure_ratio` allows. A failed "
            "replica is always reverted. `pause`: no further replica is updated, and those already updated "
            "stay. `continue`: the others are still updated. `rollback`: those already updated return to "
            "their old containers, which are kept, stopped, until all are done. In each case the change has "
            "failed, and `forged` does not try the same change again. Default: `pause`, and `rollback` where "
            "`strategy` is `recreate`.",
     .example = "rollback", .choices = failure_actions},
    {"max_failure_ratio", FT_FLOAT, IMPACT_NONE, FIELD_VIRTUAL,
     .doc = "The fraction of replicas that may fail before `failure_action` applies.", .example = "0.25",
     .def = "0", .def_val = DEF_FLOAT(0), .min = 0, .max = 1},
    {0},
};
const struct field_table update_table = {"container.update", "How a new version replaces the old one.",
                                         update_fields};

static const char *const follows[] = {"digest", "semver", "pattern", NULL};
static const char *const sorts[] = {"alphabetical", "numerical", NULL};
static const char *const applies[] = {"automatic", "propose", NULL};

static const struct field image_policy_fields[] = {
    {"follow", FT_ENUM, IMPACT_NONE, FIELD_VIRTUAL | FIELD_REQUIRED,
     .doc =
         "What is looked up in the registry of `image`. `digest`: the current digest of its tag; `semver`: "
         "the tag of the newest version in `range`; `pattern`: the highest of the tags that match `pattern`.",
     .example = "semver", .choices = follows},
    {"range", FT_STRING, IMPACT_NONE, FIELD_VIRTUAL,
     .doc = "`semver`: which versions, such as `1.x`, `^1.4`, `~1.4.2`, `>=1.2 <2` or `1.2 - 1.4 || 2.x`. "
            "Default: all. Pre-releases count only if the range names one.",
     .example = "\"1.x\""},
    {"pattern", FT_STRING, IMPACT_NONE, FIELD_VIRTUAL,
     .doc = "Only tags that this extended regular expression matches; its first group, if it has one, is "
            "what is compared.",
     .example = "\"^main-[0-9a-f]+-([0-9]+)$\""},
    {"sort", FT_ENUM, IMPACT_NONE, FIELD_VIRTUAL, .doc = "`pattern`: how tags are compared.",
     .example = "numerical", .def = "alphabetical", .choices = sorts},
    {"interval", FT_DURATION, IMPACT_NONE, FIELD_VIRTUAL,
     .doc = "How often `forged` asks the registry; after a failure it waits longer.", .example = "10m",
     .def = "5m", .min = SECONDS(10), .max = SECONDS(30 * 86400)},
    {"apply", FT_ENUM, IMPACT_NONE, FIELD_VIRTUAL,
     .doc = "`automatic`: the image found is applied as if it were in Git. `propose`: `forge-ctl images` and "
            "`forge-ctl diff` show it, and `forge-ctl apply` applies it.",
     .example = "propose", .def = "propose", .choices = applies},
    {0},
};

static void image_policy_normalize(struct decode *d, const struct ynode *n, struct val *rec)
{
    struct err err = {0};
    if (d->patch || !val_get_str(rec, "follow") || image_policy_check(rec, &err) == 0)
        return;
    if (*err.hint)
        decode_error_hint(d, n, err.hint, "image_policy: %s", err.msg);
    else
        decode_error(d, n, "image_policy: %s", err.msg);
}

const struct field_table image_policy_table = {"container.image_policy",
                                               "Which of the images in the registry is run.",
                                               image_policy_fields, .normalize = image_policy_normalize};

static const char *const conditions[] = {
    "started", "healthy", "completed", "service_started", "service_healthy", "service_completed_successfully",
    NULL,
};

static struct val *condition_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    const char *text = n->text;
    for (const char *const *choice = f->choices; *choice; choice++)
        if (strcmp(*choice, text) == 0) {
            const char *bare = str_after(text, "service_");
            return val_str(d->arena, !bare                                    ? text
                                     : str_eq(bare, "completed_successfully") ? "completed"
                                                                              : bare);
        }
    size_t count = 0;
    while (f->choices[count])
        count++;
    const char *near = str_nearest(text, f->choices, count);
    const char *hint = "write started, healthy or completed";
    if (near)
        hint = arena_printf(d->arena, "did you mean \"%s\"?", near);
    return decode_error_hint(d, n, hint, "\"%s\" is not a condition", text);
}

static const struct field depends_fields[] = {
    {"condition", FT_ENUM, IMPACT_NONE, FIELD_VIRTUAL,
     .doc = "`started`: it runs. `healthy`: its health check passes; without a check in its manifest or "
            "image, it runs. `completed`: it has exited with code 0. `service_started` and so on, as in "
            "Compose, mean the same.",
     .example = "healthy", .def = "started", .def_val = DEF_STR("started"), .choices = conditions,
     .short_form = condition_short},
    {"required", FT_BOOL, IMPACT_NONE, FIELD_VIRTUAL, .doc = "`false`: only wait for it if it exists.",
     .example = "false", .def = "true", .def_val = DEF_BOOL(true)},
    {"restart", FT_BOOL, IMPACT_NONE, FIELD_VIRTUAL,
     .doc = "Restart this container after a change replaced or restarted the other one.", .example = "true",
     .def = "false", .def_val = DEF_BOOL(false)},
    {0},
};

static void depends_normalize(struct decode *d, const struct ynode *n, struct val *rec)
{
    (void)n;
    if (!d->patch && !val_get(rec, "condition"))
        val_map_set(d->arena, rec, "condition", val_str(d->arena, "started"));
}

const struct field_table depends_table = {"container.depends_on", "A dependency that must be ready first.",
                                          depends_fields, .normalize = depends_normalize};

struct val *depends_item_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    if (n->type != YN_SCALAR)
        return decode_error_hint(d, n, "write a condition, or {condition: healthy, required: false}",
                                 "a dependency must be a condition or a mapping, not a %s",
                                 ynode_type_name(n));
    struct val *rec = val_map(d->arena);
    if (!ynode_is_null(n)) {
        struct val *condition = condition_short(d, f->sub->fields, n);
        if (!condition)
            return NULL;
        val_map_set(d->arena, rec, "condition", condition);
    }
    depends_normalize(d, n, rec);
    return rec;
}

static struct val *depends_started(struct decode *d, const struct ynode *n)
{
    struct val *rec = val_map(d->arena);
    depends_normalize(d, n, rec);
    return rec;
}

struct val *depends_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    (void)f;
    return read_names(d, n, "a dependency must be the name of a container",
                      "write [db, cache], or {db: healthy}", depends_started);
}

static const char *const env_formats[] = {"compose", "raw", NULL};

static const struct field env_file_fields[] = {
    {"path", FT_STRING, IMPACT_REPLACE, FIELD_REQUIRED,
     .doc = "The path of the file, relative to the manifest and in the repository.", .example = "common.env"},
    {"required", FT_BOOL, IMPACT_REPLACE, 0, .doc = "`false`: a missing file is not an error.",
     .example = "false", .def = "true", .def_val = DEF_BOOL(true)},
    {"format", FT_ENUM, IMPACT_REPLACE, 0,
     .doc = "`compose`: quotes, escapes and `${...}` as in Compose. `raw`: the value is everything after the "
            "`=`.",
     .example = "raw", .def = "compose", .def_val = DEF_STR("compose"), .choices = env_formats},
    {0},
};
const struct field_table env_file_table = {"container.env_file", "A file of environment variables.",
                                           env_file_fields};

/* Report keys of a mapping that cannot be the name of a variable. NUL cannot occur here; "=" would end the
   name. */
static void check_environment(struct decode *d, const struct val *environment)
{
    if (!val_is(environment, VAL_MAP))
        return;
    for (size_t i = 0; i < environment->len; i++) {
        const char *name = environment->pairs[i].key;
        if (!*name || strpbrk(name, "= \t\n"))
            decode_error_at(d, environment->pairs[i].val, "environment: \"%s\" is not a valid variable name",
                            name);
    }
}

void process_normalize(struct decode *d, const struct ynode *n, struct val *spec)
{
    check_environment(d, val_get(spec, "environment"));
    check_labels(d, n, val_get(spec, "labels"), "labels");
    alias_move(d, node_at(n, "scale"), spec, "replicas", val_get(spec, "scale"), "scale");
    val_map_del(spec, "scale");
}

/* When an overlay disables a check, drop the times that the base has set. */
const struct val *container_settle(struct arena *a, const struct val *spec)
{
    const struct val *check = val_get(spec, "healthcheck");
    const struct val *test = val_get(check, "test");
    if (!val_is(test, VAL_LIST) || !test->len || !str_eq(test->items[0]->s, "NONE") || check->len == 1)
        return spec;
    struct val *off = val_map(a);
    val_map_set(a, off, "test", val_get(check, "test"));
    struct val *copy = val_map_copy(a, spec);
    val_map_set(a, copy, "healthcheck", off);
    return copy;
}
