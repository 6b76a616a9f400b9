#include "reconciler/store/store.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "reconciler/store/keys.h"
#include "tests/unit/store/store_fixture.h"

static struct err err;

static void records_come_back(void **state)
{
    struct fixture *f = *state;
    struct val *v;
    assert_ok(store_put(f->store, STORE_ENV, "prod", fixture_val(&f->arena, 7, "seven"), &err));
    assert_ok(store_get(f->store, STORE_ENV, "prod", &f->arena, &v, &err));
    assert_true(val_equal(v, fixture_val(&f->arena, 7, "seven")));
    assert_ok(store_put(f->store, STORE_ENV, "prod", fixture_val(&f->arena, 8, NULL), &err));
    assert_ok(store_get(f->store, STORE_ENV, "prod", &f->arena, &v, &err));
    assert_int_equal(val_get_int(v, "n", 0), 8);
    assert_null(val_get(v, "s"));
    /* Tables are separate. */
    assert_fails(store_get(f->store, STORE_JOURNAL, "prod", &f->arena, &v, &err), ERR_NOTFOUND);
    assert_says("prod");
    assert_says("journal");
    fixture_reopen(f);
    assert_ok(store_get(f->store, STORE_ENV, "prod", &f->arena, &v, &err));
    assert_int_equal(val_get_int(v, "n", 0), 8);
    assert_ok(store_del(f->store, STORE_ENV, "prod", &err));
    assert_ok(store_del(f->store, STORE_ENV, "prod", &err));
    assert_fails(store_get(f->store, STORE_ENV, "prod", &f->arena, &v, &err), ERR_NOTFOUND);
}

static void keys_and_sizes_have_limits(void **state)
{
    struct fixture *f = *state;
    struct val *v = fixture_val(&f->arena, 1, NULL);
    char key[600];
    memset(key, 'k', sizeof(key));
    key[511] = '\0';
    assert_ok(store_put(f->store, STORE_ENV, key, v, &err));
    assert_ok(store_get(f->store, STORE_ENV, key, &f->arena, &v, &err));
    key[511] = 'k';
    key[512] = '\0';
    assert_fails(store_put(f->store, STORE_ENV, key, v, &err), ERR_INVALID);
    assert_fails(store_get(f->store, STORE_ENV, key, &f->arena, &v, &err), ERR_INVALID);
    assert_fails(store_del(f->store, STORE_ENV, key, &err), ERR_INVALID);
    assert_fails(store_put(f->store, STORE_ENV, "", v, &err), ERR_INVALID);
    assert_says("1 to 511");
    char *big = arena_alloc(&f->arena, LIMIT_STORE_VALUE_BYTES + 1);
    memset(big, 'b', LIMIT_STORE_VALUE_BYTES);
    assert_fails(
        store_put(f->store, STORE_ENV, "big", val_str_borrow(&f->arena, big, LIMIT_STORE_VALUE_BYTES), &err),
        ERR_LIMIT);
    assert_says("big");
    assert_ok(store_put(f->store, STORE_ENV, "big",
                        val_str_borrow(&f->arena, big, LIMIT_STORE_VALUE_BYTES / 2), &err));
    assert_ok(store_get(f->store, STORE_ENV, "big", &f->arena, &v, &err));
    assert_int_equal(v->len, LIMIT_STORE_VALUE_BYTES / 2);
}

struct seen {
    struct fixture *f;
    char keys[2000];
    size_t stop_after, n;
};

static int note(void *arg, const char *key, const struct val *v)
{
    struct seen *s = arg;
    assert_non_null(v);
    size_t len = strlen(s->keys);
    snprintf(s->keys + len, sizeof(s->keys) - len, "%s ", key);
    return ++s->n == s->stop_after;
}

static const char *each(struct fixture *f, const char *prefix, bool reverse, size_t limit, size_t stop_after)
{
    static struct seen s;
    s = (struct seen){.f = f, .stop_after = stop_after};
    assert_ok(store_each(f->store, STORE_INVENTORY, prefix, reverse, limit, &f->arena, note, &s, &err));
    return s.keys;
}

static void each_keeps_order_and_bounds(void **state)
{
    struct fixture *f = *state;
    static const char *const keys[] = {"b/2", "a/1",        "b/10",   "b\xFF", "b/1",      "c",
                                       "b",   "b\xFF\xFFx", "b/\xFF", "\xFF",  "\xFF\xFFz"};
    assert_string_equal(each(f, "", false, 0, 0), "");
    assert_string_equal(each(f, "", true, 0, 0), "");
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        assert_ok(store_put(f->store, STORE_INVENTORY, keys[i], fixture_val(&f->arena, (int)i, NULL), &err));
    assert_string_equal(each(f, "b/", false, 0, 0), "b/1 b/10 b/2 b/\xFF ");
    assert_string_equal(each(f, "b/", true, 0, 0), "b/\xFF b/2 b/10 b/1 ");
    assert_string_equal(each(f, "b/", false, 2, 0), "b/1 b/10 ");
    assert_string_equal(each(f, "b/", true, 2, 0), "b/\xFF b/2 ");
    assert_string_equal(each(f, "b/", false, 0, 3), "b/1 b/10 b/2 ");
    assert_string_equal(each(f, "b/", true, 1, 1), "b/\xFF ");
    assert_string_equal(each(f, "a", true, 0, 0), "a/1 ");
    assert_string_equal(each(f, "zz", true, 0, 0), "");
    assert_string_equal(each(f, "zz", false, 0, 0), "");
    assert_string_equal(each(f, "A", true, 0, 0), ""); /* before all there is */
    assert_string_equal(each(f, "b\xFF", true, 0, 0), "b\xFF\xFFx b\xFF ");
    assert_string_equal(each(f, "\xFF", true, 0, 0), "\xFF\xFFz \xFF ");
    assert_string_equal(each(f, "\xFF\xFF", true, 0, 0), "\xFF\xFFz ");
    assert_string_equal(each(f, "", true, 1, 0), "\xFF\xFFz ");
    assert_string_equal(each(f, "", false, 2, 0), "a/1 b ");
    char long_prefix[600];
    memset(long_prefix, 'b', sizeof(long_prefix));
    long_prefix[599] = '\0';
    assert_string_equal(each(f, long_prefix, true, 0, 0), "");
}

static void batches_are_all_or_nothing(void **state)
{
    struct fixture *f = *state;
    struct val *v = fixture_val(&f->arena, 1, NULL);
    assert_ok(store_put(f->store, STORE_INVENTORY, "old", v, &err));
    struct store_batch *b = store_begin(f->store);
    store_batch_put(b, STORE_INVENTORY, "one", v);
    store_batch_put(b, STORE_ENV, "two", v);
    store_batch_del(b, STORE_INVENTORY, "old");
    store_batch_put(b, STORE_INVENTORY, "twice", v);
    store_batch_del(b, STORE_INVENTORY, "twice");
    assert_string_equal(each(f, "", false, 0, 0), "old "); /* nothing before the commit */
    assert_ok(store_commit(b, &err));
    assert_string_equal(each(f, "", false, 0, 0), "one ");

    b = store_begin(f->store);
    store_batch_put(b, STORE_INVENTORY, "three", v);
    store_batch_put(b, STORE_INVENTORY, "", v); /* invalid key */
    store_batch_put(b, STORE_INVENTORY, "four", v);
    assert_fails(store_commit(b, &err), ERR_INVALID);
    assert_string_equal(each(f, "", false, 0, 0), "one ");

    b = store_begin(f->store);
    store_batch_put(b, STORE_INVENTORY, "five", v);
    store_abort(b);
    store_abort(NULL);
    assert_ok(store_commit(store_begin(f->store), &err)); /* empty */
    assert_string_equal(each(f, "", false, 0, 0), "one ");
}

static int add_next(struct store_tx *tx, void *arg, struct err *e)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct keys last;
    char key[32];
    int64_t *number = arg;
    int r = store_tx_keys(tx, STORE_TRANSITION, "prod/", true, 1, &a, &last, e);
    if (r < 0)
        return r;
    *number = last.n ? strtol(last.items[0] + 5, NULL, 10) + 1 : 1;
    snprintf(key, sizeof(key), "prod/%010lld", (long long)*number);
    return store_tx_put(tx, STORE_TRANSITION, key, fixture_val(&a, *number, NULL), e);
}

static int write_then_fail(struct store_tx *tx, void *arg, struct err *e)
{
    struct fixture *f = arg;
    struct val *v;
    assert_int_equal(store_tx_put(tx, STORE_ENV, "half", fixture_val(&f->arena, 1, NULL), e), 0);
    assert_int_equal(store_tx_get(tx, STORE_ENV, "half", &f->arena, &v, e), 0); /* it sees its own writes */
    assert_int_equal(store_tx_del(tx, STORE_ENV, "kept", e), 0);
    assert_int_equal(store_tx_get(tx, STORE_ENV, "kept", &f->arena, &v, e), ERR_NOTFOUND);
    return err_set(e, ERR_CONFLICT, "changed my mind");
}

static void updates_read_and_write_at_once(void **state)
{
    struct fixture *f = *state;
    struct val *v;
    int64_t n;
    for (int i = 1; i <= 3; i++) {
        assert_ok(store_update(f->store, add_next, &n, &err));
        assert_int_equal(n, i);
    }
    assert_ok(store_put(f->store, STORE_ENV, "kept", fixture_val(&f->arena, 1, NULL), &err));
    assert_fails(store_update(f->store, write_then_fail, f, &err), ERR_CONFLICT);
    assert_says("changed my mind");
    assert_fails(store_get(f->store, STORE_ENV, "half", &f->arena, &v, &err), ERR_NOTFOUND);
    assert_ok(store_get(f->store, STORE_ENV, "kept", &f->arena, &v, &err));
}

enum { THREADS = 8, EACH = 60 };

struct crowd {
    struct fixture *f;
    int id;
    int64_t numbers[EACH];
    int failures;
};

static int sometimes_fail(struct store_tx *tx, void *arg, struct err *e)
{
    struct crowd *c = arg;
    _cleanup_arena_ struct arena a = ARENA_INIT;
    char key[32];
    snprintf(key, sizeof(key), "bad-%d", c->id);
    int r = store_tx_put(tx, STORE_ENV, key, fixture_val(&a, 1, NULL), e);
    return r < 0 ? r : err_set(e, ERR_CONFLICT, "on purpose");
}

static void *join_crowd(void *arg)
{
    struct crowd *c = arg;
    struct err e = {0};
    _cleanup_arena_ struct arena a = ARENA_INIT;
    for (int i = 0; i < EACH; i++) {
        struct val *v;
        char key[32];
        c->failures += store_update(c->f->store, add_next, &c->numbers[i], &e) != 0;
        snprintf(key, sizeof(key), "mine-%d-%d", c->id, i);
        c->failures += store_put(c->f->store, STORE_JOURNAL, key, fixture_val(&a, i, NULL), &e) != 0;
        c->failures +=
            store_get(c->f->store, STORE_JOURNAL, key, &a, &v, &e) != 0; /* a finished write is visible */
        if (i % 10 == c->id)
            c->failures += store_update(c->f->store, sometimes_fail, c, &e) != ERR_CONFLICT;
    }
    return NULL;
}

/* Many threads share commits: no number is assigned twice, and a failing write does not affect others. */
static void threads_write_together(void **state)
{
    struct fixture *f = *state;
    static struct crowd crowd[THREADS];
    static bool given[THREADS * EACH + 1];
    pthread_t t[THREADS];
    struct val *v;
    memset(given, 0, sizeof(given));
    for (int i = 0; i < THREADS; i++) {
        crowd[i] = (struct crowd){.f = f, .id = i};
        assert_int_equal(pthread_create(&t[i], NULL, join_crowd, &crowd[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(t[i], NULL);
        assert_int_equal(crowd[i].failures, 0);
        for (int j = 0; j < EACH; j++) {
            assert_in_range(crowd[i].numbers[j], 1, THREADS * EACH);
            assert_false(given[crowd[i].numbers[j]]);
            given[crowd[i].numbers[j]] = true;
        }
        char key[32];
        snprintf(key, sizeof(key), "bad-%d", i);
        assert_fails(store_get(f->store, STORE_ENV, key, &f->arena, &v, &err), ERR_NOTFOUND);
    }
}

struct watch {
    struct fixture *f;
    atomic_bool stop;
    atomic_int looks;
    int torn;
};

static int sum_up(void *arg, const char *key, const struct val *v)
{
    (void)key;
    *(int64_t *)arg += val_get_int(v, "n", 0);
    return 0;
}

static void *watch_sum(void *arg)
{
    struct watch *w = arg;
    while (!atomic_load(&w->stop)) {
        _cleanup_arena_ struct arena a = ARENA_INIT;
        struct err e = {0};
        int64_t sum = 0;
        int r = store_each(w->f->store, STORE_INVENTORY, "", false, 0, &a, sum_up, &sum, &e);
        w->torn += r != 0 || sum != 0;
        atomic_fetch_add(&w->looks, 1);
    }
    return NULL;
}

/* A reader sees a commit completely or not at all: the sum over all records is always 0. */
static void readers_see_snapshots(void **state)
{
    struct fixture *f = *state;
    struct watch w = {.f = f};
    pthread_t t;
    assert_int_equal(pthread_create(&t, NULL, watch_sum, &w), 0);
    for (int i = 0; i < 200 || atomic_load(&w.looks) < 20; i++) {
        struct store_batch *b = store_begin(f->store);
        for (int j = 0; j < 20; j++) {
            char key[16];
            snprintf(key, sizeof(key), "k%d", j);
            store_batch_put(b, STORE_INVENTORY, key, fixture_val(&f->arena, j % 2 ? i : -i, NULL));
        }
        assert_ok(store_commit(b, &err));
    }
    atomic_store(&w.stop, true);
    pthread_join(t, NULL);
    assert_int_equal(w.torn, 0);
}

static void one_environment_one_writer(void **state)
{
    struct fixture *f = *state;
    int first = -1, other = -1, second = -1;
    assert_ok(store_lock(f->store, "prod", "forged, pid 1", &first, &err));
    assert_fails(store_lock(f->store, "prod", "forge-ctl, pid 2", &second, &err), ERR_BUSY);
    assert_says("environment prod is locked by forged, pid 1");
    assert_ok(store_lock(f->store, "test", "forge-ctl, pid 2", &other, &err));
    close(first);
    assert_ok(store_lock(f->store, "prod", "forge-ctl, pid 2", &second, &err));
    close(second);
    close(other);
    static const char *const bad[] = {"", ".", "..", "a/b", ".hidden", "../x"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_fails(store_lock(f->store, bad[i], "x", &second, &err), ERR_INVALID);
}

static void the_controller_has_a_name(void **state)
{
    struct fixture *f = *state;
    char before[64];
    str_copy(before, sizeof(before), store_controller(f->store));
    assert_int_equal(strlen(before), 32);
    fixture_reopen(f);
    assert_string_equal(store_controller(f->store), before);
    struct store *another;
    assert_ok(store_open(&(struct store_options){0}, &another, &err));
    assert_string_not_equal(store_controller(another), before);
    assert_null(store_dir(another));
    store_close(another);
    if (f->dir)
        assert_string_equal(store_dir(f->store), f->dir);
    store_close(NULL);
}

static void secrets_come_back(void **state)
{
    struct fixture *f = *state;
    struct val *v = fixture_val(&f->arena, 1, "plain"), *secret = val_str(&f->arena, "hunter2"), *back;
    secret->flags |= VAL_F_SECRET;
    val_map_set(&f->arena, v, "password", secret);
    assert_ok(store_put(f->store, STORE_INVENTORY, "x", v, &err));
    fixture_reopen(f);
    assert_ok(store_get(f->store, STORE_INVENTORY, "x", &f->arena, &back, &err));
    assert_true(val_equal(v, back));
    assert_true(val_get(back, "password")->flags & VAL_F_SECRET);
    assert_string_equal(val_get_str(back, "password"), "hunter2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_both(records_come_back),
        on_both(keys_and_sizes_have_limits),
        on_both(each_keeps_order_and_bounds),
        on_both(batches_are_all_or_nothing),
        on_both(updates_read_and_write_at_once),
        on_both(threads_write_together),
        on_both(readers_see_snapshots),
        on_both(one_environment_one_writer),
        on_both(the_controller_has_a_name),
        on_both(secrets_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
