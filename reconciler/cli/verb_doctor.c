/* doctor: checks everything that Forge depends on, and says what to do about problems. */
#include "base/clock.h"
#include "base/parse.h"
#include "base/str.h"
#include "reconciler/cli/cli.h"

#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum verdict { WELL, ODD, BAD };

struct doctor {
    struct cli *cli;
    struct val *checks;
    enum verdict worst;
};

static void report(struct doctor *d, enum verdict v, const char *what, const char *found, const char *hint)
{
    static const char *const words[] = {"ok", "warning", "error"};
    struct arena *a = &d->cli->arena;
    struct val *row = val_map(a);
    val_set_str(a, row, "check", what);
    val_set_str(a, row, "result", words[v]);
    val_set_str(a, row, "message", found);
    val_set_str(a, row, "hint", hint);
    val_list_add(a, d->checks, row);
    if (v > d->worst)
        d->worst = v;
}

static void report_err(struct doctor *d, const char *what, const struct err *err)
{
    report(d, BAD, what, err->msg, err->hint);
}

static bool check_settings(struct doctor *d, struct settings **ret)
{
    struct err err = {0};
    if (cli_settings(d->cli, ret, &err) < 0) {
        report_err(d, "settings", &err);
        return false;
    }
    report(d, WELL, "settings", (*ret)->path ? (*ret)->path : "none: this folder on the local engine", NULL);
    return true;
}

static void check_disk(struct doctor *d, const char *dir)
{
    struct statvfs fs;
    if (statvfs(dir, &fs) < 0) {
        report(d, BAD, "disk", arena_printf(&d->cli->arena, "cannot inspect %s", dir),
               "does the state folder exist?");
        return;
    }
    _cleanup_buf_ struct buf b = BUF_INIT;
    uint64_t free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    buf_addf(&b, "%.1f GiB free in %s", (double)free_bytes / (1 << 30), dir);
    bool low = free_bytes < (UINT64_C(256) << 20);
    report(d, low ? BAD : WELL, "disk", buf_str(&b),
           low ? "free some space: history and journal are written there" : NULL);
}

static bool check_store(struct doctor *d, const struct settings *s)
{
    struct err err = {0};
    struct store *store;
    if (cli_store(d->cli, &store, &err) < 0) {
        report_err(d, "state", &err);
        return false;
    }
    report(d, WELL, "state", s->state_dir, NULL);
    check_disk(d, s->state_dir);
    return true;
}

static void check_manifests(struct doctor *d, struct engine *e)
{
    struct err err = {0};
    struct arena *a = &d->cli->arena;
    const struct look_options o = {.fetch = true, .cancel = &d->cli->cancel};
    _cleanup_(look_release) struct look l;
    int r = engine_load(e, &o, &l, &err);
    const char *what = arena_printf(a, "repository of %s", engine_config(e)->name);
    if (r < 0 && !l.diags.errors)
        report_err(d, what, &err);
    else if (r < 0)
        report(d, BAD, what, err.msg, "`forge-ctl validate` shows them");
    else
        report(d, WELL, what,
               arena_printf(a, "%s: %zu resource%s", str_or(l.info->where, "?"), l.desired.n,
                            l.desired.n == 1 ? "" : "s"),
               NULL);
}

static void check_target(struct doctor *d, const struct target *t)
{
    struct err err = {0};
    struct provider *p = NULL;
    unsigned caps;
    const char *engine = NULL;
    struct arena *a = &d->cli->arena;
    const char *what = arena_printf(a, "target %s", str_or(t->name, "local"));
    const struct provider_env env = {.clock = clock_system()};
    int64_t begin = clock_mono(clock_system());
    int r = provider_open(t, &env, &p, &err);
    if (r == 0)
        r = p->ops->ping(p, &caps, &engine, a, &err);
    provider_close(p);
    if (r < 0) {
        report_err(d, what, &err);
        return;
    }
    double ms = (double)(clock_mono(clock_system()) - begin) / 1e6;
    report(d, WELL, what, arena_printf(a, "%s, answered in %.1f ms", engine, ms), NULL);
}

/* A target that several environments use is checked once. */
static bool is_checked(const struct doctor *d, const struct target *t)
{
    const char *what = arena_printf(&d->cli->arena, "target %s", str_or(t->name, "local"));
    for (size_t i = 0; i < val_len(d->checks); i++)
        if (str_eq(val_get_str(d->checks->items[i], "check"), what))
            return true;
    return false;
}

static void check_targets(struct doctor *d, const struct target *t)
{
    for (size_t i = 0; i < t->n_members; i++)
        if (!is_checked(d, t->members[i]))
            check_target(d, t->members[i]);
    if (!t->members && !is_checked(d, t))
        check_target(d, t);
}

static void check_env(struct doctor *d, const struct env_config *config, struct store *store)
{
    struct err err = {0};
    _cleanup_(engine_closep) struct engine *e = NULL;
    const struct engine_env env = {.store = store, .clock = clock_system()};
    if (engine_open(config, &env, &e, &err) < 0) {
        report_err(d, arena_printf(&d->cli->arena, "environment %s", config->name), &err);
        return;
    }
    check_manifests(d, e);
    check_targets(d, config->target);
}

static void check_clock(struct doctor *d)
{
    /* Back-off, retention and certificates depend on the clock. A time before this program was written must
       be wrong. */
    const int64_t built = INT64_C(1760000000) * NS_PER_S;
    bool bad = clock_wall(clock_system()) < built;
    _cleanup_buf_ struct buf b = BUF_INIT;
    format_time(clock_wall(clock_system()), &b);
    report(d, bad ? BAD : WELL, "clock", buf_str(&b), bad ? "set the clock, or run an NTP client" : NULL);
}

static void print(struct doctor *d)
{
    static const char *const colours[] = {"\033[32m", "\033[33m", "\033[31m"};
    static const char *const marks[] = {"✔", "!", "✘"};
    _cleanup_buf_ struct buf b = BUF_INIT;
    for (size_t i = 0; i < val_len(d->checks); i++) {
        const struct val *row = d->checks->items[i];
        const char *result = val_get_str(row, "result");
        enum verdict v = str_eq(result, "ok") ? WELL : str_eq(result, "error") ? BAD : ODD;
        buf_addf(&b, "%s%s%s %s: %s\n", d->cli->out_colour ? colours[v] : "", marks[v],
                 d->cli->out_colour ? "\033[0m" : "", val_get_str(row, "check"),
                 str_or(val_get_str(row, "message"), ""));
        if (val_get_str(row, "hint"))
            buf_addf(&b, "  hint: %s\n", val_get_str(row, "hint"));
    }
    cli_out(&b);
}

int verb_doctor(struct cli *c)
{
    struct doctor d = {.cli = c, .checks = val_list(&c->arena)};
    struct settings *s;
    check_clock(&d);
    if (check_settings(&d, &s) && check_store(&d, s))
        for (size_t i = 0; i < s->n_envs; i++)
            check_env(&d, &s->envs[i], c->store);
    if (c->json != JSON_OFF) {
        struct val *doc = val_map(&c->arena);
        val_set_str(&c->arena, doc, "format", "forge/doctor/v1");
        val_map_set(&c->arena, doc, "checks", d.checks);
        cli_json(c, doc);
    } else {
        print(&d);
    }
    return d.worst == BAD ? EXIT_NOTICE : 0;
}
