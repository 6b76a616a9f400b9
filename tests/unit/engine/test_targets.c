/* One environment on several engines. */
#include "tests/unit/engine/fleet_world.h"

#include "base/str.h"
#include "reconciler/plan/bind.h"

#include <stdio.h>

#define ok(call) unit_check_code((call), 0, &w.ew.err, #call, __FILE__, __LINE__)

#define APP                                                                                                          \
    EW_HEAD("Container", "web")                                                                                      \
    "spec: {image: app:1, networks: [back], volumes: [\"data:/d\"]}\n" EW_HEAD(                                      \
        "Container",                                                                                                 \
        "db") "spec: {image: app:1, network_mode: none, target: b}\n" EW_HEAD("Network",                             \
                                                                              "back") "spec: {}\n" EW_HEAD("Volume", \
                                                                                                           "data") "spec: {}\n"

static void test_each_engine_has_its_own(_unused_ void **state)
{
    struct fw w;
    fw_init(&w, "each", 3, false);
    ew_commit(&w.ew, "app.yaml", APP);
    ok(ew_reconcile(&w.ew));
    assert_int_equal(w.ew.result.generation, 1);
    for (const char *l = "abc"; *l; l++) {
        assert_true(fake_exists(fw_fake(&w, *l), "each-web-1"));
        assert_true(fake_exists(fw_fake(&w, *l), "each-back"));
        assert_true(fake_exists(fw_fake(&w, *l), "each-data"));
        assert_int_equal(fake_exists(fw_fake(&w, *l), "each-db-1"), *l == 'b');
    }
    ew_assert_in_sync(&w.ew);
    assert_int_equal(w.ew.look.plan.in_sync, 10);
    assert_non_null(ew_applied(&w.ew, "container/web@c"));
    assert_null(ew_applied(&w.ew, "container/web"));
    ok(ew_reconcile(&w.ew)); /* L1 */
    assert_int_equal(w.ew.result.generation, 0);
    fw_release(&w);
}

/* Images that are built or loaded on each engine have ids of their own there. */
static void test_a_rollback_asks_each_engine_for_its_own_image(_unused_ void **state)
{
    struct fw w;
    fw_init(&w, "differ", 2, false);
    fake_image(fw_fake(&w, 'a'), &(struct fake_image){.ref = "app:1", .local = 1});
    fake_image(fw_fake(&w, 'b'), &(struct fake_image){.ref = "app:1", .local = 9});
    ew_commit(&w.ew, "app.yaml", EW_C("web", ""));
    ok(ew_reconcile(&w.ew));
    ew_commit(&w.ew, "app.yaml", EW_C("web", ", user: \"2\""));
    ok(ew_reconcile(&w.ew));
    const struct val *on = val_get(val_get(ew_generation(&w.ew, 1).images, "app:1"), "on");
    assert_string_equal(val_get_str(val_get(on, "a"), "id"), fake_image_id(&w.ew.arena, "app:1", 1));
    assert_string_equal(val_get_str(val_get(on, "b"), "id"), fake_image_id(&w.ew.arena, "app:1", 9));
    /* One of them has another image by now, and only that one is pinned. */
    fake_image(fw_fake(&w, 'b'), &(struct fake_image){.ref = "app:1", .local = 7});
    ok(ew_look(&w.ew, &(struct look_options){.attended = true, .rollback_to = 1}));
    const struct resource *a = resource_find(&w.ew.look.bound, "container/web@a"),
                          *b = resource_find(&w.ew.look.bound, "container/web@b");
    assert_string_equal(val_get_str(a->spec, "image"), "app:1");
    assert_string_equal(val_get_str(b->spec, "image"), fake_image_id(&w.ew.arena, "app:1", 9));
    fw_release(&w);
}

static void test_only_one_or_all(_unused_ void **state)
{
    struct fw w;
    fw_init(&w, "only", 2, false);
    ew_commit(&w.ew, "app.yaml", EW_C("web", "") EW_C("other", ""));
    const char *one[] = {"container/web@b", NULL}, *all[] = {"container/web", NULL};
    ok(ew_run(&w.ew, &(struct look_options){.attended = true, .only = one}));
    assert_int_equal(fake_objects(fw_fake(&w, 'a'), NULL, NULL), 0);
    assert_int_equal(fake_objects(fw_fake(&w, 'b'), NULL, NULL), 1);
    ok(ew_run(&w.ew, &(struct look_options){.attended = true, .only = all}));
    assert_int_equal(fake_objects(fw_fake(&w, 'a'), NULL, NULL), 1);
    assert_int_equal(
        ew_look(&w.ew, &(struct look_options){.only = (const char *[]){"container/web@z", NULL}}),
        ERR_NOTFOUND);
    struct val *answer;
    ok(ew_operation(&w.ew, "history", "{\"resource\": \"container/web\"}", &answer));
    assert_int_equal(val_len(val_get(answer, "transitions")), 2);
    ok(ew_operation(&w.ew, "history", "{\"resource\": \"container/web@a\"}", &answer));
    assert_int_equal(val_len(val_get(answer, "transitions")), 1);
    fw_release(&w);
}

static void test_away_is_unknown_and_left_alone(_unused_ void **state)
{
    struct fw w;
    fw_init(&w, "away", 2, false);
    ew_commit(&w.ew, "app.yaml", EW_C("web", "") EW_C("old", ""));
    ok(ew_reconcile(&w.ew));
    fw_leave(&w, 'b');
    /* A commit removes and changes something: done where possible, and nothing is deleted blindly. */
    ew_remove_file(&w.ew, "app.yaml");
    ew_commit(&w.ew, "app.yaml", EW_C("web", ", user: \"7\""));
    ok(ew_reconcile(&w.ew));
    assert_int_equal(ew_generation(&w.ew, 2).status, GEN_PARTIAL);
    assert_true(fw_unknown(&w, "container/web@b"));
    assert_true(fw_unknown(&w, "container/old@b"));
    assert_false(fake_exists(fw_fake(&w, 'a'), "away-old-1"));
    assert_true(fake_exists(fw_fake(&w, 'b'), "away-old-1"));
    assert_string_equal(ew_applied(&w.ew, "container/old@b")->id, "container/old@b");
    assert_null(ew_state(&w.ew).error);
    assert_false(str_eq(ew_state(&w.ew).applied_commit, ew_state(&w.ew).seen_commit));
    ok(ew_reconcile(&w.ew)); /* nothing more can be done, and no generation is recorded */
    assert_int_equal(w.ew.result.generation, 0);
    assert_int_equal(w.ew.look.plan.n, 0);
    const char *text = ew_plan_text(&w.ew);
    assert_contains(text, "? b   unreachable since 2027-01-15");
    assert_contains(text, "the line is cut");
    assert_contains(text, "state unknown, not changed: container/web@b, container/old@b");
    assert_contains(text, "Incomplete: 2 resources");

    fw_return(&w, 'b');
    fw_converge(&w);
    assert_false(fake_exists(fw_fake(&w, 'b'), "away-old-1"));
    assert_true(str_eq(ew_state(&w.ew).applied_commit, ew_state(&w.ew).seen_commit));
    assert_null(ew_applied(&w.ew, "container/old@b"));
    fw_release(&w);
}

static void test_away_is_asked_again_with_pauses(_unused_ void **state)
{
    struct fw w;
    fw_init(&w, "pause", 2, false);
    ew_commit(&w.ew, "app.yaml", EW_C("web", ""));
    ok(ew_reconcile(&w.ew));
    fw_leave(&w, 'b');
    ok(ew_look(&w.ew, &(struct look_options){0}));
    int64_t since = w.ew.look.observed.targets[1].since_ns;
    assert_true(w.ew.look.observed.targets[1].next_ns > since);
    fake_calls_clear(fw_fake(&w, 'b'));
    ok(ew_look(&w.ew, &(struct look_options){0}));
    assert_int_equal(fake_reads(fw_fake(&w, 'b')), 0); /* back-off: it is not contacted */
    ok(ew_look(&w.ew, &(struct look_options){.attended = true}));
    assert_true(fake_reads(fw_fake(&w, 'b')) > 0); /* a request by a user ignores the back-off */
    clock_fake_advance(&w.ew.time, 3600 * NS_PER_S);
    ew_restart(&w.ew); /* another process knows since when it is unreachable */
    ok(ew_look(&w.ew, &(struct look_options){0}));
    assert_int_equal(w.ew.look.observed.targets[1].since_ns, since);
    fw_return(&w, 'b');
    ok(ew_look(&w.ew, &(struct look_options){0}));
    assert_false(plan_is_partial(&w.ew.look.plan));
    fw_leave(&w, 'b');
    ok(ew_look(&w.ew, &(struct look_options){0}));
    assert_true(w.ew.look.observed.targets[1].since_ns > since); /* a new outage */
    fw_release(&w);
}

/* Each command is a process of its own: the one that saw it back ends the outage for the next. */
static void test_an_outage_that_ended_between_processes(_unused_ void **state)
{
    struct fw w;
    fw_init(&w, "outage", 2, false);
    ew_commit(&w.ew, "app.yaml", EW_C("web", ""));
    ok(ew_reconcile(&w.ew));
    fw_leave(&w, 'b');
    ok(ew_look(&w.ew, &(struct look_options){0}));
    int64_t since = w.ew.look.observed.targets[1].since_ns;
    fw_return(&w, 'b');
    ew_restart(&w.ew);
    ok(ew_look(&w.ew, &(struct look_options){0}));
    assert_false(plan_is_partial(&w.ew.look.plan));
    clock_fake_advance(&w.ew.time, 3600 * NS_PER_S);
    fw_leave(&w, 'b');
    ew_restart(&w.ew);
    ok(ew_look(&w.ew, &(struct look_options){0}));
    assert_true(w.ew.look.observed.targets[1].since_ns > since);
    fw_release(&w);
}

static void test_cut_off_in_the_middle(_unused_ void **state)
{
    struct fw w;
    fw_init(&w, "cut", 2, true);
    ew_commit(&w.ew, "app.yaml", EW_C("one", "") EW_C("two", ""));
    /* It creates the container, but its answer is lost, and so is everything after that. */
    fake_power_cut(fw_fake(&w, 'b'), 1, true);
    for (unsigned v = FAKE_PING; v <= FAKE_INSPECT; v++)
        fake_fault(fw_fake(&w, 'b'), &(struct fake_fault){.verb = (enum fake_verb)v,
                                                          .nth = v == FAKE_OBSERVE ? 2 : 1,
                                                          .always = true,
                                                          .code = ERR_UNAVAILABLE,
                                                          .retryable = true});
    assert_int_equal(ew_reconcile(&w.ew), ERR_FAILED);
    assert_int_equal(w.ew.result.report.ok, 2); /* those of a */
    assert_int_equal(fake_state(fw_fake(&w, 'a'), "cut-two-1"), OBJECT_RUNNING);
    assert_int_equal(ew_generation(&w.ew, 1).status, GEN_PARTIAL);
    ew_restart(&w.ew);
    fake_power_cut(fw_fake(&w, 'b'), 0, false);
    fw_return(&w, 'b');
    fw_converge(&w);
    assert_int_equal(fake_objects(fw_fake(&w, 'b'), &kind_container, NULL), 2);
    assert_int_equal(fake_state(fw_fake(&w, 'b'), "cut-one-1"), OBJECT_RUNNING);
    assert_int_equal(fake_count(fw_fake(&w, 'a'), FAKE_CREATE), 2);
    fw_release(&w);
}

static void test_none_answers(_unused_ void **state)
{
    struct fw w;
    fw_init(&w, "none", 2, false);
    ew_commit(&w.ew, "app.yaml", EW_C("web", ""));
    fw_leave(&w, 'a');
    fw_leave(&w, 'b');
    assert_int_equal(ew_reconcile(&w.ew), ERR_UNAVAILABLE);
    assert_true(w.ew.err.retryable);
    assert_contains(w.ew.err.msg, "no engine is reachable");
    fw_release(&w);
}

/* P3: running containers and their records stay as they are. */
static void test_from_one_engine_to_several_and_back(_unused_ void **state)
{
    struct fw w;
    fw_init(&w, "grow", 2, false);
    fw_use(&w, "=a");
    ew_commit(&w.ew, "app.yaml", APP);
    ew_commit(&w.ew, "app.yaml", EW_C("web", ", user: \"1\"") EW_HEAD("Volume", "data") "spec: {}\n");
    ok(ew_reconcile(&w.ew));
    const struct applied *before = ew_applied(&w.ew, "container/web");
    fake_calls_clear(fw_fake(&w, 'a'));
    fw_use(&w, "ab");
    ok(ew_look(&w.ew, &(struct look_options){0}));
    assert_null(plan_find(&w.ew.look.plan, "container/web@a"));
    assert_null(plan_find(&w.ew.look.plan, "container/web"));
    fw_converge(&w);
    assert_int_equal(fake_changes(fw_fake(&w, 'a')), 0);
    assert_true(fake_exists(fw_fake(&w, 'b'), "grow-web-1"));
    assert_null(ew_applied(&w.ew, "container/web"));
    assert_int_equal(ew_applied(&w.ew, "container/web@a")->changed_ns, before->changed_ns);
    assert_non_null(ew_applied(&w.ew, "container/web@a")->baseline);
    fw_use(&w, "=a");
    ok(ew_look(&w.ew, &(struct look_options){0}));
    assert_int_equal(w.ew.look.plan.n, 0);
    ok(ew_reconcile(&w.ew));
    assert_non_null(ew_applied(&w.ew, "container/web"));
    assert_null(ew_applied(&w.ew, "container/web@a"));
    assert_int_equal(fake_changes(fw_fake(&w, 'a')), 0);
    assert_true(fake_exists(fw_fake(&w, 'b'), "grow-web-1")); /* nobody may delete it */
    fw_release(&w);
}

static void test_an_engine_that_is_no_target_any_more(_unused_ void **state)
{
    struct fw w;
    fw_init(&w, "gone", 2, false);
    ew_commit(&w.ew, "app.yaml", EW_C("web", ""));
    ok(ew_reconcile(&w.ew));
    fw_use(&w, "a");
    ok(ew_reconcile(&w.ew));
    assert_int_equal(w.ew.look.plan.n, 0);
    assert_int_equal(w.ew.look.plan.n_notes, 1);
    assert_true(fake_exists(fw_fake(&w, 'b'), "gone-web-1"));
    fw_use(&w, "ab"); /* a mistake in the settings has no consequences */
    ew_assert_in_sync(&w.ew);
    fw_use(&w, "a");
    ok(ew_apply(&w.ew)); /* an apply by a user confirms it */
    assert_null(ew_applied(&w.ew, "container/web@b"));
    assert_true(fake_exists(fw_fake(&w, 'b'), "gone-web-1"));
    assert_int_equal(w.ew.look.plan.n_notes, 0);
    fw_release(&w);
}

static const struct fake_call *call_of(const struct fake_call *calls, size_t n, enum fake_verb v,
                                       const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (calls[i].verb == v && str_eq(calls[i].name, name))
            return &calls[i];
    fail_msg("no %s of %s", fake_verb_name(v), name);
    return NULL;
}

static const char across[] = EW_C("db", ", target: b, healthcheck: {test: [\"CMD\", \"true\"], interval: 1s}")
    EW_C("web", ", target: a, depends_on: {db: healthy}") EW_C("alone", ", target: a");

static void test_dependencies_across_engines(_unused_ void **state) /* L7 */
{
    struct fw w;
    size_t na, nb;
    fw_init(&w, "order", 2, false);
    fake_behave(fw_fake(&w, 'b'), "container/db", &(struct fake_behaviour){.healthy_after_ns = 3 * NS_PER_S});
    ew_commit(&w.ew, "app.yaml", across);
    ok(ew_reconcile(&w.ew));
    assert_int_equal(w.ew.look.diags.warnings, 1); /* the name does not resolve on the other engine */
    struct fake_call *a = fake_calls(fw_fake(&w, 'a'), &na), *b = fake_calls(fw_fake(&w, 'b'), &nb);
    int64_t started = call_of(b, nb, FAKE_START, "order-db-1")->end_ns;
    assert_true(call_of(a, na, FAKE_CREATE, "order-web-1")->begin_ns >= started + 3 * NS_PER_S);
    free(a);
    free(b);

    /* The dependency cannot be observed: the dependent is not begun, and nothing else waits. */
    fw_leave(&w, 'b');
    ew_commit(&w.ew, "app.yaml",
              EW_C("db", ", target: b, healthcheck: {test: [\"CMD\", \"true\"], interval: 1s}")
                  EW_C("web", ", target: a, user: \"2\", depends_on: {db: healthy}")
                      EW_C("alone", ", target: a, user: \"2\""));
    ok(ew_look(&w.ew, &(struct look_options){0}));
    const struct plan_change *web = plan_find(&w.ew.look.plan, "container/web@a");
    assert_int_equal(web->action, PLAN_BLOCKED);
    assert_contains(web->reason, "waits for container/db@b, whose state is unknown while b is unreachable");
    ok(ew_apply_look(&w.ew));
    assert_string_equal(ew_field(&w.ew, "order-alone-1", "user"), "\"2\"");
    fw_return(&w, 'b');
    fw_converge(&w);
    fw_release(&w);
}

static void test_references_that_cannot_work(_unused_ void **state)
{
    static const struct {
        const char *manifest, *problem;
    } cases[] = {
        {EW_C("x", ", target: z"), "target: \"z\" is not a target of this environment"},
        {EW_C("x", ", targets: {matchLabels: {role: edge}}"),
         "none of the 2 targets of this environment matches"},
        {EW_C("base", ", target: a")
             EW_HEAD("Container", "x") "spec: {image: app:1, network_mode: \"service:base\", target: b}\n",
         "is on a, but this resource is also on b, where it cannot be used"},
        {EW_HEAD("Network", "n") "spec: {target: a}\n" EW_HEAD("Container",
                                                               "x") "spec: {image: app:1, networks: [n]}\n",
         "networks.n: network/n is on a, but this resource is also on b"},
        {EW_C("x", ", container_name: same, target: a")
             EW_C("y", ", container_name: same, targets: {matchLabels: {all: \"yes\"}}"),
         "on the engine is already used by container/x@a"},
        {EW_C("x", ", target: a, targets: {}"), "target and targets cannot be combined"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fw w;
        char name[16];
        snprintf(name, sizeof(name), "bad%zu", i);
        fw_init(&w, name, 2, false);
        ew_commit(&w.ew, "app.yaml", cases[i].manifest);
        assert_int_equal(ew_look(&w.ew, &(struct look_options){0}), ERR_INVALID);
        assert_true(w.ew.look.diags.n > 0);
        assert_contains(w.ew.look.diags.items[0].msg, cases[i].problem);
        assert_string_equal(w.ew.look.diags.items[0].file, "app.yaml");
        assert_true(w.ew.look.diags.items[0].line > 1 && w.ew.look.diags.items[0].col > 1);
        fw_release(&w);
    }
}

static void test_what_two_engines_may_both_have(_unused_ void **state)
{
    struct fw w;
    fw_init(&w, "both", 2, false);
    ew_commit(&w.ew, "app.yaml",
              EW_HEAD("Container", "x") "spec: {image: app:1, target: a, container_name: same, ports: "
                                        "[\"80:80\"]}\n" EW_HEAD(
                                            "Container", "y") "spec: {image: app:1, target: b, "
                                                              "container_name: same, ports: [\"80:80\"]}\n");
    ok(ew_reconcile(&w.ew));
    ew_assert_in_sync(&w.ew);
    assert_true(fake_exists(fw_fake(&w, 'a'), "same") && fake_exists(fw_fake(&w, 'b'), "same"));
    fw_release(&w);
}

/* By a socket and by ssh, for instance. Each would remove what the other one has made. */
static void test_two_targets_that_are_the_same_engine(_unused_ void **state)
{
    struct fw w;
    fw_init(&w, "twice", 2, false);
    ew_commit(&w.ew, "app.yaml",
              EW_HEAD("Container", "x") "spec: {image: app:1, target: a}\n" EW_HEAD(
                  "Container", "y") "spec: {image: app:1, target: b}\n");
    ok(ew_reconcile(&w.ew));
    w.targets[1].url = w.targets[0].url;
    ew_restart(&w.ew);
    assert_int_equal(ew_reconcile(&w.ew), ERR_INVALID);
    assert_non_null(strstr(w.ew.err.msg, "targets a and b are the same engine"));
    assert_true(fake_exists(fw_fake(&w, 'a'), "twice-x-1"));
    fw_release(&w);
}

static void test_drift_and_rollback(_unused_ void **state) /* L8, H2 */
{
    struct fw w;
    fw_init(&w, "back", 2, false);
    ew_commit(&w.ew, "app.yaml", EW_C("web", ", user: \"1\""));
    ok(ew_reconcile(&w.ew));
    ew_commit(&w.ew, "app.yaml", EW_C("web", ", user: \"2\""));
    ok(ew_reconcile(&w.ew));
    fake_kill(fw_fake(&w, 'b'), "back-web-1", 137);
    ok(ew_look(&w.ew, &(struct look_options){0}));
    assert_int_equal(w.ew.look.plan.n, 1);
    assert_string_equal(w.ew.look.plan.changes[0].id, "container/web@b");
    assert_int_equal(w.ew.look.plan.changes[0].causes, CAUSE_DRIFT);
    ok(ew_apply_look(&w.ew));
    ok(ew_rollback(&w.ew, 1, NULL));
    assert_int_equal(w.ew.result.generation, 3);
    assert_string_equal(ew_field(&w.ew, "back-web-1", "user"), "\"1\"");
    assert_int_equal(ew_rollback(&w.ew, 2, "container/web@b"), ERR_UNSUPPORTED);
    ok(ew_rollback(&w.ew, 2, "container/web"));
    ew_assert_in_sync(&w.ew);
    fw_release(&w);
}

static void test_status_and_plan_name_the_engines(_unused_ void **state)
{
    struct fw w;
    struct val *doc;
    fw_init(&w, "status", 2, false);
    ew_commit(&w.ew, "app.yaml", EW_C("web", ""));
    ok(ew_reconcile(&w.ew));
    fw_leave(&w, 'b');
    ok(ew_operation(&w.ew, "status", NULL, &doc));
    const struct val *rows = val_get(doc, "resources"), *targets = val_get(doc, "targets");
    assert_string_equal(val_get_str(rows->items[0], "sync"), "synced");
    assert_string_equal(val_get_str(rows->items[1], "resource"), "container/web@b");
    assert_string_equal(val_get_str(rows->items[1], "sync"), "unknown");
    assert_true(val_get_int(rows->items[1], "unknown_since_ns", 0) > 0);
    assert_false(val_get_bool(targets->items[0], "away", false));
    assert_true(val_get_bool(targets->items[1], "away", false));
    ok(ew_operation(&w.ew, "apply", NULL, &doc));
    assert_int_equal(val_len(val_get(doc, "unknown")), 1);
    fw_release(&w);
}

/* ---- property: engines that come and go never cause a loss ---- */

static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 16;
}

/* A commit with some of six containers. */
static unsigned commit_some(struct fw *w, uint32_t *seed)
{
    struct buf b = BUF_INIT;
    unsigned mask = (next(seed) % 63u) + 1u;
    for (unsigned i = 0; i < 6; i++)
        if (mask & 1u << i)
            buf_addf(&b, EW_HEAD("Container", "c%u") "spec: {image: app:%u, network_mode: none%s}\n", i,
                     next(seed) % 2 + 1, i == 5 ? ", targets: {names: [a, b]}" : "");
    ew_commit(&w->ew, "app.yaml", buf_str(&b));
    buf_release(&b);
    return mask;
}

/* Nothing was deleted that this commit and all earlier ones of this round contain. */
static void check_nothing_lost(struct fw *w, const bool *there, unsigned kept, uint32_t seed)
{
    for (size_t e = 0; e < w->n; e++)
        for (unsigned i = 0; i < 5; i++) {
            char name[80];
            snprintf(name, sizeof(name), "%s-c%u-1", w->ew.name, i);
            if (there[e * 6 + i] && kept & 1u << i && !fake_exists(w->fake[e], name))
                fail_msg("seed %u: %s is gone from %c", seed, name, (int)('a' + e));
        }
}

static void note_there(struct fw *w, bool *there)
{
    for (size_t e = 0; e < w->n; e++)
        for (unsigned i = 0; i < 6; i++) {
            char name[80];
            snprintf(name, sizeof(name), "%s-c%u-1", w->ew.name, i);
            there[e * 6 + i] = fake_exists(w->fake[e], name);
        }
}

static void come_and_go(uint32_t seed)
{
    struct fw w;
    const uint32_t first = seed;
    char name[24];
    bool there[3 * 6];
    snprintf(name, sizeof(name), "prop%u", seed);
    fw_init(&w, name, 3, false);
    unsigned mask = commit_some(&w, &seed);
    for (int round = 0; round < 8; round++) {
        char which = (char)('a' + next(&seed) % 3);
        switch (next(&seed) % 5) {
        case 0:
            fw_leave(&w, which);
            break;
        case 1:
            fw_return(&w, which);
            break;
        case 2:
            fw_use(&w, which == 'a' ? "bc" : which == 'b' ? "abc" : "ab");
            break;
        case 3:
            fake_power_cut(fw_fake(&w, which), next(&seed) % 3 + 1, next(&seed) % 2);
            break;
        default:
            mask = commit_some(&w, &seed);
        }
        note_there(&w, there);
        (void)ew_reconcile(&w.ew);
        fake_power_cut(fw_fake(&w, which), 0, false);
        check_nothing_lost(&w, there, mask, first);
    }
    for (const char *l = "abc"; *l; l++)
        fw_return(&w, *l);
    fw_use(&w, "abc");
    fw_converge(&w);
    for (size_t e = 0; e < 3; e++) {
        unsigned wanted = (unsigned)__builtin_popcount(mask & 31u) + (mask & 32u && e < 2 ? 1u : 0u);
        if (fake_objects(w.fake[e], &kind_container, NULL) != wanted)
            fail_msg("seed %u: %zu containers on %c, not %u", first,
                     fake_objects(w.fake[e], &kind_container, NULL), (int)('a' + e), wanted);
    }
    fw_release(&w);
}

static void test_engines_come_and_go(_unused_ void **state) /* S1, S8 */
{
    for (uint32_t seed = 1; seed <= 40; seed++)
        come_and_go(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_rollback_asks_each_engine_for_its_own_image),
        cmocka_unit_test(test_each_engine_has_its_own),
        cmocka_unit_test(test_only_one_or_all),
        cmocka_unit_test(test_away_is_unknown_and_left_alone),
        cmocka_unit_test(test_away_is_asked_again_with_pauses),
        cmocka_unit_test(test_an_outage_that_ended_between_processes),
        cmocka_unit_test(test_cut_off_in_the_middle),
        cmocka_unit_test(test_none_answers),
        cmocka_unit_test(test_from_one_engine_to_several_and_back),
        cmocka_unit_test(test_an_engine_that_is_no_target_any_more),
        cmocka_unit_test(test_dependencies_across_engines),
        cmocka_unit_test(test_references_that_cannot_work),
        cmocka_unit_test(test_what_two_engines_may_both_have),
        cmocka_unit_test(test_two_targets_that_are_the_same_engine),
        cmocka_unit_test(test_drift_and_rollback),
        cmocka_unit_test(test_status_and_plan_name_the_engines),
        cmocka_unit_test(test_engines_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
