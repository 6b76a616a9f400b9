/* status: the actual and the desired state of each resource. */
#include "base/clock.h"
#include "base/parse.h"
#include "base/str.h"
#include "reconciler/cli/cli.h"

#define WATCH_NS INT64_C(2000000000)

static const char *age_text(struct cli *c, int64_t ns)
{
    if (ns < 0)
        return NULL;
    _cleanup_buf_ struct buf b = BUF_INIT;
    format_age(ns, &b);
    return arena_strdup(&c->arena, buf_str(&b));
}

static bool row_is_well(const struct val *row)
{
    static const char *const well[] = {"present", "completed", "healthy", "running"};
    const char *health = val_get_str(row, "health");
    if (!str_eq(val_get_str(row, "sync"), "synced"))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(well); i++)
        if (str_eq(health, well[i]))
            return true;
    return false;
}

static const char *health_text(struct cli *c, const struct val *row)
{
    int64_t replicas = val_get_int(row, "replicas", 1);
    const char *health = val_get_str(row, "health");
    if (replicas == 1 || str_eq(health, "completed")) /* none has to run */
        return health;
    return arena_printf(&c->arena, "%s %lld/%lld", health, (long long)val_get_int(row, "running", 0),
                        (long long)replicas);
}

/* The last fetch failed: the rows below may be based on an old state of the repository. */
static void fetch_line(const struct val *fetch, struct buf *b)
{
    const int64_t now = clock_wall(clock_system()), next = val_get_int(fetch, "next_ns", 0);
    if (!fetch)
        return;
    buf_adds(b, "not fetched since ");
    format_time(val_get_int(fetch, "since_ns", 0), b);
    buf_adds(b, next > now ? " (next try in " : " (trying again now");
    if (next > now)
        format_age(next - now, b);
    buf_addf(b, "): %s\n", str_or(val_get_str(fetch, "error"), "unknown reason"));
}

/* The rows are based on an older commit, because the repository's newest one cannot be used. */
static void not_in_force_line(const struct val *doc, struct buf *b)
{
    const struct val *why = val_get(doc, "not_in_force");
    const char *commit = val_get_str(why, "commit");
    if (!why || (str_empty(commit) && val_get(doc, "fetch"))) /* fetch_line() says it */
        return;
    if (str_empty(commit))
        buf_adds(b, "the last good commit stays in use: ");
    else
        buf_addf(b, "commit %.7s is not in use: ", commit);
    buf_addf(b, "%s\n", str_or(val_get_str(val_get(why, "error"), "message"), "unknown reason"));
}

/* For a plain folder there is no commit to name. */
static void held_line(const struct val *doc, struct buf *b)
{
    const char *commit = val_get_str(doc, "held_commit");
    const long long held = (long long)val_get_int(doc, "held_generation", 0);
    if (!held)
        return;
    /* A single resource is rolled back by a generation of its own. */
    if (held == val_get_int(doc, "generation", 0))
        buf_addf(b, "what was rolled back is in generation %lld", held);
    else
        buf_addf(b, "rolled back to generation %lld", held);
    if (!str_empty(commit))
        buf_addf(b, "; commit %.7s is not applied again, Forge waits for a newer one", commit);
    else
        buf_adds(b, "; Forge does not apply the folder by itself again until a file in it changes");
    buf_addc(b, '\n');
}

static void head_lines(const struct val *doc, struct buf *b)
{
    const char *commit = str_or(val_get_str(doc, "commit"), ""), *subject = val_get_str(doc, "subject");
    buf_addf(b, "environment %s", val_get_str(doc, "environment"));
    if (*commit)
        buf_addf(b, " · commit %.7s", commit);
    if (*commit && !str_empty(subject))
        buf_addf(b, " \"%s\"", subject);
    if (val_get_int(doc, "generation", 0))
        buf_addf(b, " · generation %lld", (long long)val_get_int(doc, "generation", 0));
    buf_addf(b, " · %s\n", str_or(val_get_str(doc, "engine"), "engine unknown"));
    if (val_get_str(doc, "suspended_by")) {
        int64_t until = val_get_int(doc, "suspended_until_ns", 0);
        buf_addf(b, "suspended by %s%s", val_get_str(doc, "suspended_by"), until ? " until " : "");
        if (until)
            format_time(until, b);
        buf_addf(b, ": %s\n", str_or(val_get_str(doc, "suspended_why"), "no reason given"));
    }
    if (val_get_str(doc, "under_way"))
        buf_addf(b, "%s is applying to this environment now\n", val_get_str(doc, "under_way"));
    held_line(doc, b);
    const struct val *why = val_get(doc, "not_in_force");
    const char *error = val_get_str(doc, "error");
    not_in_force_line(doc, b);
    fetch_line(val_get(doc, "fetch"), b);
    if (error && !str_eq(error, val_get_str(val_get(why, "error"), "message")))
        buf_addf(b, "last error: %s\n", error);
    buf_addc(b, '\n');
}

/* With several engines: the state of each, and since when it has been unreachable. */
static void print_targets(struct cli *c, const struct val *doc, struct buf *b)
{
    const struct val *targets = val_get(doc, "targets");
    if (!val_len(targets))
        return;
    struct table t;
    table_init(&t, &c->arena, 4, (const char *const[]){"TARGET", "STATE", "SINCE", "ENGINE"});
    for (size_t i = 0; i < val_len(targets); i++) {
        const struct val *one = targets->items[i];
        _cleanup_buf_ struct buf since = BUF_INIT;
        bool away = val_get_bool(one, "away", false);
        if (away)
            format_time(val_get_int(one, "since_ns", 0), &since);
        table_row(&t, (const char *const[]){val_get_str(one, "name"), away ? "away" : "here",
                                            away ? arena_strdup(&c->arena, buf_str(&since)) : NULL,
                                            val_get_str(one, away ? "error" : "engine")});
    }
    table_print(&t, c->out_colour, b);
    buf_addc(b, '\n');
}

/* The tasks on a node, abbreviated. */
static const char *tasks_text(struct cli *c, const struct val *tasks)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    for (size_t i = 0; i < val_len(tasks) && i < 6; i++)
        buf_addf(&b, "%s%s", i ? " " : "", tasks->items[i]->s);
    if (val_len(tasks) > 6)
        buf_addf(&b, " and %zu more", val_len(tasks) - 6);
    return arena_strdup(&c->arena, buf_str(&b));
}

static void print_nodes(struct cli *c, const struct val *nodes, struct buf *b)
{
    struct table t;
    table_init(&t, &c->arena, 5, (const char *const[]){"NODE", "ROLE", "STATE", "AVAILABILITY", "TASKS"});
    for (size_t i = 0; i < val_len(nodes); i++) {
        const struct val *row = nodes->items[i];
        bool leader = val_get_bool(row, "leader", false);
        table_row(&t, (const char *const[]){val_get_str(row, "node"),
                                            leader ? "leader" : val_get_str(row, "role"),
                                            val_get_str(row, "state"), val_get_str(row, "availability"),
                                            tasks_text(c, val_get(row, "tasks"))});
    }
    buf_addc(b, '\n');
    table_print(&t, c->out_colour, b);
}

static void print_rows(struct cli *c, const struct val *doc, struct buf *b)
{
    head_lines(doc, b);
    print_targets(c, doc, b);
    struct table t;
    table_init(&t, &c->arena, 6,
               (const char *const[]){"RESOURCE", "SYNC", "HEALTH", "GENERATION", "AGE", "MESSAGE"});
    const struct val *rows = val_get(doc, "resources");
    for (size_t i = 0; i < val_len(rows); i++) {
        const struct val *row = rows->items[i];
        int64_t generation = val_get_int(row, "generation", 0);
        table_row(&t, (const char *const[]){
                          val_get_str(row, "resource"), val_get_str(row, "sync"), health_text(c, row),
                          generation ? arena_printf(&c->arena, "%lld", (long long)generation) : NULL,
                          age_text(c, val_get_int(row, "age_ns", -1)), val_get_str(row, "message")});
    }
    table_print(&t, c->out_colour, b);
    if (val_len(val_get(doc, "nodes")))
        print_nodes(c, val_get(doc, "nodes"), b);
}

static int exit_code(const struct val *doc, const char *only, bool *ret_found)
{
    const struct val *rows = val_get(doc, "resources");
    int code = val_get(doc, "not_in_force") ? EXIT_NOTICE : 0;
    *ret_found = only == NULL;
    for (size_t i = 0; i < val_len(rows); i++) {
        if (only && !id_matches(only, str_or(val_get_str(rows->items[i], "resource"), "")))
            continue;
        *ret_found = true;
        if (!row_is_well(rows->items[i]))
            code = EXIT_NOTICE;
    }
    return code;
}

/* A copy of the document with one resource only. */
static struct val *narrowed(struct cli *c, const struct val *doc, const char *only)
{
    struct val *out = val_map_copy(&c->arena, doc), *rows = val_list(&c->arena);
    const struct val *all = val_get(doc, "resources");
    for (size_t i = 0; i < val_len(all); i++)
        if (id_matches(only, str_or(val_get_str(all->items[i], "resource"), "")))
            val_list_add(&c->arena, rows, all->items[i]);
    val_map_set(&c->arena, out, "resources", rows);
    return out;
}

static int no_such_resource(struct cli *c, const struct val *doc, const char *id, struct err *err)
{
    const struct val *rows = val_get(doc, "resources");
    const char **names = arena_array(&c->arena, const char *, val_len(rows) + 1);
    for (size_t i = 0; i < val_len(rows); i++)
        names[i] = val_get_str(rows->items[i], "resource");
    const char *near = id_nearest(&c->arena, id, names, val_len(rows));
    err_set(err, ERR_NOTFOUND, "environment %s has no resource %s", val_get_str(doc, "environment"), id);
    if (near)
        return err_hint(err, "did you mean %s?", near);
    return err_hint(err, "resources are named KIND/NAME, like container/web; `forge-ctl status` lists them");
}

static int look(struct cli *c, struct val **ret, int *ret_code)
{
    struct err err = {0};
    struct val *args = val_map(&c->arena), *doc;
    const char *only = cli_resource(c, c->args[0]);
    val_set_bool(&c->arena, args, "fresh", cli_flag(c, "fresh"));
    if (cli_call(c, "status", args, cli_waiting, c, &doc, &err) < 0)
        return cli_fail(c, &err, doc);
    cli_diagnostics(c, doc, NULL);
    bool found;
    *ret_code = exit_code(doc, only, &found);
    if (!found) {
        no_such_resource(c, doc, only, &err);
        return cli_fail(c, &err, NULL);
    }
    *ret = only ? narrowed(c, doc, only) : doc;
    return 0;
}

/* The document without ages and times that always change: printed again only when this differs. */
static void fingerprint(struct cli *c, const struct val *doc, struct buf *out)
{
    struct val *copy = val_clone(&c->arena, doc);
    const struct val *rows = val_get(copy, "resources");
    if (val_get(copy, "fetch"))
        val_map_del(val_get(copy, "fetch"), "next_ns");
    for (size_t i = 0; i < val_len(rows); i++)
        val_map_del(rows->items[i], "age_ns");
    buf_reset(out);
    val_json(copy, 0, out);
}

static void print(struct cli *c, const struct val *doc, bool again)
{
    if (c->json != JSON_OFF) {
        cli_json(c, doc);
        return;
    }
    _cleanup_buf_ struct buf b = BUF_INIT;
    if (again)
        buf_adds(&b, c->terminal ? "\033[H\033[2J" : "\n");
    print_rows(c, doc, &b);
    cli_out(&b);
}

/* Query and print again. It uses its own arena, because watching can go on for days. */
static int look_again(struct cli *c, struct buf *shown, int *code)
{
    struct arena kept = c->arena;
    arena_init(&c->arena);
    struct val *doc;
    int r = look(c, &doc, code);
    if (r == 0) {
        _cleanup_buf_ struct buf now = BUF_INIT;
        fingerprint(c, doc, &now);
        /* On a terminal ages are kept up to date; elsewhere print only changes. */
        if ((c->terminal && c->json == JSON_OFF) || !str_eq(buf_str(shown), buf_str(&now)))
            print(c, doc, true);
        buf_reset(shown);
        buf_adds(shown, buf_str(&now));
    }
    arena_release(&c->arena);
    c->arena = kept;
    return r;
}

int verb_status(struct cli *c)
{
    _cleanup_buf_ struct buf shown = BUF_INIT;
    struct val *doc;
    int code, r = look(c, &doc, &code);
    if (r)
        return r;
    print(c, doc, false);
    if (!cli_flag(c, "watch"))
        return code;
    fingerprint(c, doc, &shown);
    while (r == 0 && !cancel_sleep(&c->cancel, WATCH_NS))
        r = look_again(c, &shown, &code);
    return r ? r : code;
}
