#include "reconciler/store/records.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "tests/unit/store/store_fixture.h"

static struct err err;

static int count_one(void *arg, const char *key, const struct val *v)
{
    (void)key;
    (void)v;
    ++*(size_t *)arg;
    return 0;
}

static size_t records(struct fixture *f, enum store_table t)
{
    size_t n = 0;
    assert_ok(store_each(f->store, t, "", false, 0, &f->arena, count_one, &n, &err));
    return n;
}

/* ---- the environment's state ---- */

static void set_all(struct env_state *st, void *arg)
{
    *st = *(const struct env_state *)arg;
}

static void state_round_trip(void **state)
{
    struct fixture *f = *state;
    struct env_state st, back;
    memset(&st, 0xFF, sizeof(st));
    assert_ok(env_state_get(f->store, "prod", &f->arena, &st, &err)); /* absent is empty */
    assert_null(st.source);
    assert_int_equal(st.generation, 0);
    assert_int_equal(st.checked_ns, 0);
    st = (struct env_state){.source = "git@h:r//p",
                            .seen_commit = "a",
                            .good_commit = "b",
                            .applied_commit = "c",
                            .error = "line\nfeed",
                            .error_ns = 1,
                            .checked_ns = 2,
                            .applied_ns = -3,
                            .suspended_by = "root",
                            .suspended_why = "because",
                            .suspended_ns = 4,
                            .suspended_until_ns = 5,
                            .held_commit = "d",
                            .held_generation = 6,
                            .generation = 99,
                            .transition = 99};
    assert_ok(env_state_update(f->store, "prod", set_all, &st, &err));
    fixture_reopen(f);
    assert_ok(env_state_get(f->store, "prod", &f->arena, &back, &err));
    assert_string_equal(back.source, "git@h:r//p");
    assert_string_equal(back.error, "line\nfeed");
    assert_string_equal(back.held_commit, "d");
    assert_int_equal(back.applied_ns, -3);
    assert_int_equal(back.suspended_until_ns, 5);
    assert_int_equal(back.held_generation, 6);
    assert_int_equal(back.generation, 0); /* derived from the stored generations */
    assert_int_equal(back.transition, 0);
}

static void suspend(struct env_state *st, void *arg)
{
    st->suspended_by = arg;
    st->suspended_ns++;
}

static void state_changes_in_one_commit(void **state)
{
    struct fixture *f = *state;
    struct env_state st = {.source = "s"};
    assert_ok(env_state_update(f->store, "prod", set_all, &st, &err));
    assert_ok(env_state_update(f->store, "prod", suspend, (char[]){"root"}, &err));
    assert_ok(env_state_update(f->store, "prod", suspend, (char[]){"admin"}, &err));
    assert_ok(env_state_update(f->store, "new", suspend, (char[]){"root"}, &err)); /* created if absent */
    assert_ok(env_state_get(f->store, "prod", &f->arena, &st, &err));
    assert_string_equal(st.source, "s");
    assert_string_equal(st.suspended_by, "admin");
    assert_int_equal(st.suspended_ns, 2);
    const char **names;
    size_t n;
    assert_ok(env_list(f->store, &f->arena, &names, &n, &err));
    assert_int_equal(n, 2);
    assert_string_equal(names[0], "new");
    assert_string_equal(names[1], "prod");
}

/* ---- the inventory ---- */

static void inventory_round_trip(void **state)
{
    struct fixture *f = *state;
    struct inventory inv;
    assert_ok(inventory_load(f->store, "prod", &f->arena, &inv, &err));
    assert_int_equal(inv.n, 0);
    struct applied a = {.id = "container/web",
                        .spec = fixture_val(&f->arena, 1, "x"),
                        .generation = 4,
                        .status = APPLIED_FAILED,
                        .error = "no",
                        .attempts = 3,
                        .next_ns = 77};
    assert_ok(inventory_save(f->store, "prod", &a, &err));
    a.id = "container/db";
    a.status = APPLIED_OK;
    assert_ok(inventory_save(f->store, "prod", &a, &err));
    assert_ok(inventory_save(f->store, "prod2", &a, &err)); /* a name with the same prefix */
    fixture_reopen(f);
    assert_ok(inventory_load(f->store, "prod", &f->arena, &inv, &err));
    assert_int_equal(inv.n, 2);
    const struct applied *web = inventory_find(&inv, "container/web");
    assert_non_null(web);
    assert_true(val_equal(web->spec, fixture_val(&f->arena, 1, "x")));
    assert_int_equal(web->status, APPLIED_FAILED);
    assert_string_equal(web->error, "no");
    assert_int_equal(web->next_ns, 77);
    assert_ok(inventory_drop(f->store, "prod", "container/web", &err));
    assert_ok(inventory_drop(f->store, "prod", "container/web", &err));
    assert_ok(inventory_load(f->store, "prod", &f->arena, &inv, &err));
    assert_int_equal(inv.n, 1);
    assert_ok(inventory_load(f->store, "prod2", &f->arena, &inv, &err));
    assert_int_equal(inv.n, 1);
}

static void many_are_saved_at_once(void **state)
{
    struct fixture *f = *state;
    struct inventory inv;
    struct applied items[200] = {{0}};
    for (size_t i = 0; i < ARRAY_LEN(items); i++)
        items[i] = (struct applied){.id = arena_printf(&f->arena, "container/c%zu", i), .generation = i};
    assert_ok(inventory_save_all(f->store, "prod", items, ARRAY_LEN(items), &err));
    assert_ok(inventory_save_all(f->store, "prod", NULL, 0, &err));
    assert_ok(inventory_load(f->store, "prod", &f->arena, &inv, &err));
    assert_int_equal(inv.n, ARRAY_LEN(items));
    assert_int_equal(inventory_find(&inv, "container/c77")->generation, 77);
    assert_ok(inventory_load_one(f->store, "prod", "container/c78", &f->arena, &inv, &err));
    assert_int_equal(inv.n, 1);
    assert_int_equal(inventory_find(&inv, "container/c78")->generation, 78);
    assert_ok(inventory_load_one(f->store, "prod", "container/none", &f->arena, &inv, &err));
    assert_int_equal(inv.n, 0);
    assert_string_equal(err.msg, "");
    /* If one cannot be stored, none is. */
    char id[600];
    memset(id, 'i', sizeof(id) - 1);
    id[sizeof(id) - 1] = '\0';
    items[0].id = "container/new";
    items[1].id = id;
    assert_fails(inventory_save_all(f->store, "prod", items, 2, &err), ERR_INVALID);
    assert_ok(inventory_load(f->store, "prod", &f->arena, &inv, &err));
    assert_int_equal(inv.n, ARRAY_LEN(items));
}

static void a_strange_record_is_an_error(void **state)
{
    struct fixture *f = *state;
    struct inventory inv;
    assert_ok(store_put(f->store, STORE_INVENTORY, "prod/x", fixture_val(&f->arena, 1, NULL), &err));
    assert_fails(inventory_load(f->store, "prod", &f->arena, &inv, &err), ERR_CORRUPT);
    assert_says("prod/x");
}

/* ---- generations ---- */

static void generation_round_trip(void **state)
{
    struct fixture *f = *state;
    struct generation g = {.commit = "c0ffee",
                           .subject = "a: b",
                           .author = "A",
                           .actor = "root",
                           .trigger = "apply",
                           .plan_digest = "p",
                           .begin_ns = 10,
                           .status = GEN_RUNNING,
                           .resources = fixture_resources(f, 3, 0),
                           .summary = fixture_val(&f->arena, 2, NULL)},
                      back;
    assert_ok(generation_begin(f->store, "prod", &g, &err));
    assert_int_equal(g.number, 1);
    assert_ok(generation_get(f->store, "prod", 1, &f->arena, &back, &err));
    assert_int_equal(back.status, GEN_RUNNING);
    assert_true(val_equal(back.resources, g.resources));
    g.end_ns = 20;
    g.status = GEN_PARTIAL;
    g.error = "one failed";
    g.images = fixture_val(&f->arena, 3, "i");
    g.resources = NULL; /* ignored: they stay as generation_begin() stored them */
    assert_ok(generation_end(f->store, "prod", &g, &err));
    fixture_reopen(f);
    assert_ok(generation_get(f->store, "prod", 1, &f->arena, &back, &err));
    assert_int_equal(back.number, 1);
    assert_int_equal(back.status, GEN_PARTIAL);
    assert_string_equal(back.subject, "a: b");
    assert_string_equal(back.error, "one failed");
    assert_int_equal(back.begin_ns, 10);
    assert_int_equal(back.end_ns, 20);
    assert_int_equal(val_len(back.resources), 3);
    assert_true(val_equal(back.images, g.images));
    assert_true(val_equal(back.summary, g.summary));
    assert_fails(generation_get(f->store, "prod", 2, &f->arena, &back, &err), ERR_NOTFOUND);
    assert_string_equal(err.msg, "environment prod has no generation 2");
    assert_fails(generation_get(f->store, "other", 1, &f->arena, &back, &err), ERR_NOTFOUND);
    g.number = 9;
    assert_fails(generation_end(f->store, "prod", &g, &err), ERR_NOTFOUND);
    struct val *out = generation_to_val(&f->arena, &back);
    assert_string_equal(val_get_str(out, "status"), "partial");
    assert_int_equal(val_get_int(out, "generation", 0), 1);
    assert_int_equal(val_len(val_get(out, "resources")), 3);
}

static void numbers_go_up_in_each_environment(void **state)
{
    struct fixture *f = *state;
    struct env_state st;
    assert_int_equal(fixture_begin(f, "prod", 1, NULL), 1);
    assert_int_equal(fixture_begin(f, "prod", 2, NULL), 2);
    assert_int_equal(fixture_begin(f, "test", 3, NULL), 1);
    assert_int_equal(fixture_begin(f, "prod", 4, NULL), 3);
    fixture_reopen(f);
    assert_int_equal(fixture_begin(f, "prod", 5, NULL), 4);
    assert_ok(env_state_get(f->store, "prod", &f->arena, &st, &err));
    assert_int_equal(st.generation, 4);
    struct generation *items, one;
    size_t n;
    assert_ok(generation_list(f->store, "prod", 2, true, &f->arena, &items, &n, &err));
    assert_int_equal(n, 2);
    assert_int_equal(items[0].number, 4);
    assert_int_equal(items[1].number, 3);
    assert_ok(generation_list(f->store, "prod", 0, true, &f->arena, &items, &n, &err));
    assert_int_equal(n, 4);
    assert_ok(generation_list(f->store, "none", 0, true, &f->arena, &items, &n, &err));
    assert_int_equal(n, 0);
    assert_ok(generation_get(f->store, "prod", 1, &f->arena, &one, &err));
    assert_null(one.resources); /* it was begun without any */
}

static void what_generations_share_is_stored_once(void **state)
{
    struct fixture *f = *state;
    fixture_begin(f, "prod", 1, fixture_resources(f, 500, 0));
    assert_int_equal(records(f, STORE_RESOURCE), 501);
    fixture_begin(f, "prod", 2, fixture_resources(f, 500, 0));
    assert_int_equal(records(f, STORE_RESOURCE), 502); /* one more list */
    fixture_begin(f, "prod", 3, fixture_resources(f, 500, 1000));
    assert_int_equal(records(f, STORE_RESOURCE), 504); /* one list and one resource */
    struct generation *items;
    size_t n;
    assert_ok(generation_list(f->store, "prod", 0, false, &f->arena, &items, &n, &err));
    assert_int_equal(n, 3);
    assert_true(val_equal(items[2].resources, items[1].resources));
    assert_false(val_equal(items[1].resources, items[0].resources));
    assert_int_equal(val_get_int(val_get(items[0].resources, "container/c0000"), "n", 0), 1000);
}

/* Two resources that differ only in which parts are secret are stored separately. */
static void secrecy_is_part_of_a_resource(void **state)
{
    struct fixture *f = *state;
    struct generation g;
    struct val *plain = val_map(&f->arena), *sealed = val_map(&f->arena);
    struct val *a = fixture_val(&f->arena, 1, "hunter2"), *b = fixture_val(&f->arena, 1, "hunter2");
    val_get(b, "s")->flags |= VAL_F_SECRET;
    val_map_set(&f->arena, plain, "x", a);
    val_map_set(&f->arena, sealed, "x", b);
    fixture_begin(f, "prod", 1, plain);
    fixture_begin(f, "prod", 2, sealed);
    assert_ok(generation_get(f->store, "prod", 2, &f->arena, &g, &err));
    assert_true(val_get(val_get(g.resources, "x"), "s")->flags & VAL_F_SECRET);
    assert_ok(generation_get(f->store, "prod", 1, &f->arena, &g, &err));
    assert_false(val_get(val_get(g.resources, "x"), "s")->flags & VAL_F_SECRET);
}

/* ---- transitions ---- */

/* The end of a change: its transition and what the inventory has from then on, in one commit. */
static void transitions_edit_the_inventory(void **state)
{
    struct fixture *f = *state;
    struct inventory inv;
    struct transition t = {.id = "container/web", .action = "create", .result = "ok"};
    struct applied web = {.id = "container/web", .generation = 7};
    assert_ok(transition_add_with(f->store, "prod", &t, &(struct inventory_edit){.save = &web}, &err));
    fixture_reopen(f);
    assert_ok(inventory_load(f->store, "prod", &f->arena, &inv, &err));
    assert_int_equal(inv.n, 1);
    assert_int_equal(inv.items[0]->generation, 7);
    /* Neither is written when one of them cannot be: here, because the key is too long. */
    char id[600];
    memset(id, 'x', sizeof(id));
    id[sizeof(id) - 1] = '\0';
    const struct applied wrong = {.id = id};
    assert_int_equal(
        transition_add_with(f->store, "prod", &t, &(struct inventory_edit){.save = &wrong}, &err),
        ERR_INVALID);
    struct env_state st;
    assert_ok(env_state_get(f->store, "prod", &f->arena, &st, &err));
    assert_int_equal(st.transition, 1);
    assert_ok(transition_add_with(f->store, "prod", &t, &(struct inventory_edit){.drop = web.id}, &err));
    assert_ok(inventory_load(f->store, "prod", &f->arena, &inv, &err));
    assert_int_equal(inv.n, 0);
}

static void transitions_are_found(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *id;
        uint64_t generation;
    } made[] = {{"a", 1}, {"b", 1}, {"a", 0}, {"a", 2}, {"c", 2}, {"a", 3}};
    for (size_t i = 0; i < ARRAY_LEN(made); i++) {
        struct transition t = {.id = made[i].id,
                               .generation = made[i].generation,
                               .at_ns = (int64_t)i,
                               .action = "update",
                               .result = "ok",
                               .duration_ns = 5,
                               .changes = fixture_val(&f->arena, 1, NULL)};
        assert_ok(transition_add(f->store, "prod", &t, &err));
        assert_int_equal(t.seq, i + 1);
    }
    fixture_reopen(f);
    struct transition *items;
    size_t n;
    assert_ok(transition_list(f->store, "prod", NULL, 0, 0, &f->arena, &items, &n, &err));
    assert_int_equal(n, 6);
    assert_int_equal(items[0].seq, 6); /* newest first */
    assert_string_equal(items[0].action, "update");
    assert_true(val_equal(items[0].changes, fixture_val(&f->arena, 1, NULL)));
    assert_ok(transition_list(f->store, "prod", "a", 0, 0, &f->arena, &items, &n, &err));
    assert_int_equal(n, 4);
    assert_ok(transition_list(f->store, "prod", "a", 0, 2, &f->arena, &items, &n, &err));
    assert_int_equal(n, 2);
    assert_int_equal(items[1].seq, 4);
    assert_ok(transition_list(f->store, "prod", NULL, 1, 0, &f->arena, &items, &n, &err));
    assert_int_equal(n, 2);
    assert_int_equal(items[0].seq, 2);
    assert_ok(transition_list(f->store, "prod", "c", 1, 0, &f->arena, &items, &n, &err));
    assert_int_equal(n, 0);
    assert_ok(transition_list(f->store, "test", NULL, 0, 0, &f->arena, &items, &n, &err));
    assert_int_equal(n, 0);
    struct env_state st;
    assert_ok(env_state_get(f->store, "prod", &f->arena, &st, &err));
    assert_int_equal(st.transition, 6);
    struct transition t = {.seq = 3, .result = "failed", .error = "e"};
    struct val *out = transition_to_val(&f->arena, &t);
    assert_int_equal(val_get_int(out, "seq", 0), 3);
    assert_string_equal(val_get_str(out, "error"), "e");
}

static void *add_transitions(void *arg)
{
    struct fixture *f = arg;
    struct err e = {0};
    size_t failures = 0;
    for (int i = 0; i < 50; i++)
        failures +=
            transition_add(f->store, "prod", &(struct transition){.id = "x", .result = "ok"}, &e) != 0;
    return failures ? arg : NULL;
}

static void workers_add_transitions(void **state)
{
    struct fixture *f = *state;
    pthread_t t[6];
    void *failed;
    for (int i = 0; i < 6; i++)
        assert_int_equal(pthread_create(&t[i], NULL, add_transitions, f), 0);
    for (int i = 0; i < 6; i++) {
        pthread_join(t[i], &failed);
        assert_null(failed);
    }
    struct transition *items;
    size_t n;
    assert_ok(transition_list(f->store, "prod", NULL, 0, 0, &f->arena, &items, &n, &err));
    assert_int_equal(n, 300);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(items[i].seq, 300 - i);
}

/* ---- the journal ---- */

static void note(struct fixture *f, const char *run, uint64_t seq, int64_t at, const char *phase)
{
    struct journal_entry e = {.run = run,
                              .seq = seq,
                              .at_ns = at,
                              .phase = phase,
                              .generation = 3,
                              .id = "container/web",
                              .verb = "create",
                              .native_name = "web",
                              .native_id = "abc",
                              .result = NULL};
    assert_ok(journal_append(f->store, "prod", &e, 1, &err));
}

static void journal_shows_what_a_kill_left(void **state)
{
    struct fixture *f = *state;
    struct journal_entry *items;
    size_t n;
    assert_ok(journal_open(f->store, "prod", &f->arena, &items, &n, &err));
    assert_int_equal(n, 0);
    note(f, "ff", 1, 10, "run"); /* the older run sorts last by name */
    note(f, "ff", 2, 11, "begin");
    note(f, "aa", 1, 20, "run");
    note(f, "aa", 10, 29, "end");
    note(f, "aa", 9, 28, "begin");
    note(f, "cc", 1, 15, "run");
    note(f, "cc", 2, 16, "done");
    fixture_reopen(f);
    assert_ok(journal_open(f->store, "prod", &f->arena, &items, &n, &err));
    assert_int_equal(n, 5);
    static const struct {
        const char *run;
        uint64_t seq;
    } want[] = {{"ff", 1}, {"ff", 2}, {"aa", 1}, {"aa", 9}, {"aa", 10}};
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(items[i].run, want[i].run);
        assert_int_equal(items[i].seq, want[i].seq);
    }
    assert_string_equal(items[1].native_id, "abc");
    assert_int_equal(items[1].generation, 3);
    assert_null(items[1].result);
    assert_ok(journal_close(f->store, "prod", "ff", &err));
    assert_ok(journal_close(f->store, "prod", "ff", &err));
    assert_ok(journal_close(f->store, "prod", "cc", &err));
    assert_ok(journal_open(f->store, "prod", &f->arena, &items, &n, &err));
    assert_int_equal(n, 3);
    assert_int_equal(records(f, STORE_JOURNAL), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_both(state_round_trip),
        on_both(state_changes_in_one_commit),
        on_both(inventory_round_trip),
        on_both(many_are_saved_at_once),
        on_both(a_strange_record_is_an_error),
        on_both(generation_round_trip),
        on_both(numbers_go_up_in_each_environment),
        on_both(what_generations_share_is_stored_once),
        on_both(secrecy_is_part_of_a_resource),
        on_both(transitions_edit_the_inventory),
        on_both(transitions_are_found),
        on_both(workers_add_transitions),
        on_both(journal_shows_what_a_kill_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
