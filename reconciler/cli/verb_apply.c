/* apply and rollback: show the plan, ask, run exactly that plan. */
#include "base/buf.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/parse.h"
#include "base/str.h"
#include "reconciler/cli/cli.h"

#include <stdio.h>

static int read_plan(struct cli *c, const char *file, struct val *args, struct err *err)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    struct val *plan;
    int r = io_read_file(file, LIMIT_CONTROL_BYTES, &b, err);
    if (r == 0)
        r = val_from_json(&c->arena, buf_str(&b), b.len, "the plan", &plan, err);
    if (r < 0) {
        err_wrap(err, "cannot read the plan");
        return err_hint(err, "`forge-ctl diff --out FILE` writes one");
    }
    if (!str_eq(val_get_str(plan, "format"), PLAN_FORMAT)) {
        err_set(err, ERR_INVALID, "%s is not a plan of this version (%s)", file, PLAN_FORMAT);
        return err_hint(err, "`forge-ctl diff --out FILE` writes one");
    }
    val_map_set(&c->arena, args, "plan", plan);
    return 0;
}

static int run_args(struct cli *c, struct val *args, struct err *err)
{
    int64_t n;
    int r = 0;
    if (cli_value(c, "parallel")) {
        r = parse_int(cli_value(c, "parallel"), 1, 64, &n, err);
        if (r < 0)
            return err_wrap(err, "--parallel");
        val_set_int(&c->arena, args, "parallel", n);
    }
    if (cli_value(c, "timeout")) {
        r = cli_duration(c, "timeout", &n, err);
        if (r < 0)
            return r;
        val_set_int(&c->arena, args, "timeout_ns", n);
    }
    return 0;
}

static bool plan_does_something(const struct val *plan)
{
    const struct val *changes = val_get(plan, "changes");
    for (size_t i = 0; i < val_len(changes); i++)
        if (!str_eq(val_get_str(changes->items[i], "action"), "blocked"))
            return true;
    return false;
}

/* Make the plan and show it, and ask unless that is not wanted. The run is then bound to the plan that was
   shown (P6). */
static int review(struct cli *c, struct val *args, bool *ret_go, struct val **ret_plan, struct err *err)
{
    bool dry = cli_flag(c, "dry-run");
    int r = cli_call(c, "diff", args, cli_waiting, c, ret_plan, err);
    if (r < 0)
        return r;
    if (val_get(args, "plan"))
        r = plan_verify(val_get(args, "plan"), *ret_plan, err);
    if (r < 0)
        return r;
    if (c->json == JSON_OFF)
        cli_plan(c, *ret_plan);
    *ret_go = !dry;
    if (dry || !plan_does_something(*ret_plan))
        return 0;
    bool asked;
    if (cli_flag(c, "yes"))
        return 0;
    *ret_go = cli_confirm(c, "Apply this plan?", &asked);
    if (!asked) {
        err_set(err, ERR_DENIED, "nothing was changed: cannot ask for confirmation %s",
                c->json != JSON_OFF ? "with --json" : "without a terminal");
        return err_hint(err, "--yes applies without asking, --dry-run only shows the plan");
    }
    return 0;
}

/* Was an engine unreachable, before or after the run? */
static bool is_partial(const struct val *answer)
{
    return val_len(val_path(answer, "plan.unknown")) || val_len(val_get(answer, "unknown"));
}

/* Changes of the plan that need a person first. */
static int64_t blocked(const struct val *answer)
{
    return val_get_int(val_path(answer, "plan.summary"), "blocked", 0);
}

static void print_result(const struct val *answer, int r)
{
    const struct val *changes = val_get(answer, "changes");
    size_t ok = 0, bad = 0;
    for (size_t i = 0; i < val_len(changes); i++) {
        const char *result = val_get_str(changes->items[i], "result");
        ok += str_eq(result, "ok");
        bad += !str_eq(result, "ok") && !str_eq(result, "blocked");
    }
    int64_t generation = val_get_int(answer, "generation", 0);
    bool partly = is_partial(answer);
    if (!generation) {
        if (r == 0 && blocked(answer))
            printf("Nothing was done: %lld blocked.\n", (long long)blocked(answer));
        else if (r == 0)
            puts(partly ? "Nothing to do on the engines that answer; the rest is unknown."
                        : "Nothing to do.");
        return;
    }
    printf("%s generation %lld: %zu of %zu changes done in %.1f s",
           r == 0 && !partly && !blocked(answer) ? "Applied"
           : ok || r == 0                        ? "Partly applied"
                                                 : "Failed to apply",
           (long long)generation, ok, ok + bad, (double)val_get_int(answer, "duration_ns", 0) / 1e9);
    if (blocked(answer))
        printf(", %lld blocked", (long long)blocked(answer));
    puts(".");
    if (val_get_str(answer, "not_converged"))
        printf("Does not converge: %s. The resource is held until its manifest changes.\n",
               val_get_str(answer, "not_converged"));
    fflush(stdout);
}

static int run(struct cli *c, struct val *args)
{
    struct err err = {0};
    struct val *plan = NULL, *answer = NULL;
    /* With --yes alone there is no review: the run makes its own plan, and is not bound to an earlier one. */
    const char *backups = cli_value(c, "backup-volumes");
    bool reviewed = cli_flag(c, "dry-run") || !cli_flag(c, "yes") || backups, go = !reviewed;
    int r = run_args(c, args, &err);
    if (r == 0 && reviewed)
        r = review(c, args, &go, &plan, &err);
    if (r < 0)
        return cli_fail(c, &err, plan);
    if (go && backups && cli_volumes_save(c, plan, backups, &err) < 0)
        return cli_fail(c, &err, NULL);
    if (!go) {
        if (c->json != JSON_OFF)
            cli_json(c, plan);
        if (cli_flag(c, "dry-run"))
            return 0;
        fputs("Nothing was changed.\n", stderr);
        return EXIT_TROUBLE;
    }
    if (reviewed)
        val_map_set(&c->arena, args, "plan", plan);
    if (reviewed && c->json == JSON_OFF && plan_does_something(plan))
        putchar('\n');
    fflush(stdout);
    struct progress *p = progress_new(c, !reviewed);
    r = cli_call(c, "apply", args, progress_event, p, &answer, &err);
    progress_free(p);
    if (!answer || (r < 0 && !val_get_int(answer, "generation", 0)))
        return cli_fail(c, &err, answer);
    if (c->json != JSON_OFF) {
        if (r < 0)
            val_map_set(&c->arena, answer, "error", err_to_val(&c->arena, &err));
        cli_json(c, answer);
    } else {
        print_result(answer, r);
    }
    if (r < 0)
        return c->json == JSON_OFF && r != ERR_FAILED ? cli_fail(c, &err, NULL), EXIT_NOTICE : EXIT_NOTICE;
    return val_get_str(answer, "not_converged") || is_partial(answer) || blocked(answer) ? EXIT_NOTICE : 0;
}

int verb_apply(struct cli *c)
{
    struct err err = {0};
    struct val *args = cli_plan_args(c);
    if (c->args[0] && read_plan(c, c->args[0], args, &err) < 0)
        return cli_fail(c, &err, NULL);
    return run(c, args);
}

/* The newest successful generation before the current one. */
static int previous_generation(struct cli *c, int64_t *ret, struct err *err)
{
    struct val *answer;
    int r = cli_call(c, "history", val_map(&c->arena), NULL, NULL, &answer, err);
    if (r < 0)
        return r;
    const struct val *list = val_get(answer, "generations");
    for (size_t i = 1; i < val_len(list); i++)
        if (str_eq(val_get_str(list->items[i], "status"), "ok")) {
            *ret = val_get_int(list->items[i], "generation", 0);
            return 0;
        }
    err_set(err, ERR_NOTFOUND, "there is no earlier successful generation to roll back to");
    return err_hint(err, "`forge-ctl history` lists the generations");
}

int verb_rollback(struct cli *c)
{
    struct err err = {0};
    struct val *args = cli_plan_args(c);
    const char *number = c->args[0], *resource = c->n_args > 1 ? c->args[1] : NULL;
    if (number && !resource && (*number < '0' || *number > '9')) {
        resource = number;
        number = NULL;
    }
    int64_t generation = 0;
    int r = number ? cli_number("the generation", number, 1, &generation, &err)
                   : previous_generation(c, &generation, &err);
    if (r < 0)
        return cli_fail(c, &err, NULL);
    val_set_int(&c->arena, args, "rollback", generation);
    val_set_str(&c->arena, args, "resource", cli_resource(c, resource));
    return run(c, args);
}

int verb_adopt(struct cli *c)
{
    struct val *args = cli_plan_args(c);
    const char *id = cli_resource(c, c->args[0]);
    const char *what = c->n_args > 1 ? arena_printf(&c->arena, "%s=%s", id, c->args[1]) : id;
    struct val *adopt = val_list(&c->arena), *only = val_list(&c->arena);
    val_list_add(&c->arena, adopt, val_str(&c->arena, what));
    val_list_add(&c->arena, only, val_str(&c->arena, id));
    val_map_set(&c->arena, args, "adopt", adopt);
    val_map_set(&c->arena, args, "only", only);
    return run(c, args);
}
