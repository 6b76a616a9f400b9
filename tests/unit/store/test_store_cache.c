#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "reconciler/store/store.h"
#include "tests/unit/store/store_fixture.h"

static struct err err;

static const char *get(struct fixture *f, const char *ns, const char *key)
{
    const void *data;
    size_t len;
    if (store_cache_get(f->store, ns, key, &f->arena, &data, &len) != 0)
        return NULL;
    return arena_strndup(&f->arena, len ? data : "", len);
}

static void put(struct fixture *f, const char *ns, const char *key, const char *value)
{
    store_cache_put(f->store, ns, key, value, strlen(value));
}

static void puts_are_found_before_and_after_the_flush(void **state)
{
    struct fixture *f = *state;
    assert_null(get(f, "blob", "a"));
    put(f, "blob", "a", "one");
    put(f, "blob", "empty", "");
    assert_string_equal(get(f, "blob", "a"), "one");
    assert_ok(store_cache_flush(f->store, &err));
    assert_string_equal(get(f, "blob", "a"), "one");
    assert_string_equal(get(f, "blob", "empty"), "");
    put(f, "blob", "a", "two");
    put(f, "blob", "a", "three");
    assert_string_equal(get(f, "blob", "a"), "three");
    assert_null(get(f, "container", "a")); /* namespaces are separate */
    assert_null(get(f, "blo", "ba"));
    assert_ok(store_cache_flush(f->store, &err));
    assert_ok(store_cache_flush(f->store, &err)); /* nothing to do */
    fixture_reopen(f);
    assert_string_equal(get(f, "blob", "a"), "three");
    put(f, "blob", "late", "x"); /* closing flushes, too */
    fixture_reopen(f);
    assert_string_equal(get(f, "blob", "late"), "x");
}

static void keys_of_any_length(void **state)
{
    struct fixture *f = *state;
    char key[2000];
    for (size_t len = 490; len < sizeof(key); len += len < 520 ? 1 : 400) {
        memset(key, 'k', len);
        key[len] = '\0';
        put(f, "ns", key, "first");
        key[len - 1] = 'l';
        put(f, "ns", key, "second");
        if (len % 2)
            assert_ok(store_cache_flush(f->store, &err));
        assert_string_equal(get(f, "ns", key), "second");
        key[len - 1] = 'k';
        assert_string_equal(get(f, "ns", key), "first");
    }
}

static void many_at_once(void **state)
{
    struct fixture *f = *state;
    enum { N = 3000 };
    char key[32];
    for (int i = 0; i < N; i++) {
        snprintf(key, sizeof(key), "%d", i);
        put(f, "n", key, key);
        if (i == N / 2)
            assert_ok(store_cache_flush(f->store, &err));
    }
    struct store_cache_read *r = store_cache_begin(f->store);
    for (int i = 0; i < N + 100; i++) {
        const void *data;
        size_t len;
        snprintf(key, sizeof(key), "%d", i);
        int rc = store_cache_peek(r, "n", key, &data, &len);
        assert_int_equal(rc, i < N ? 0 : ERR_NOTFOUND);
        if (rc == 0)
            assert_true(len == strlen(key) && memcmp(data, key, len) == 0);
        if (i % 1000 == 200)
            store_relax(f->store); /* does not affect readers */
        if (i == 100)
            put(f, "n", "0", "changed"); /* puts are allowed meanwhile; bytes that were read stay valid */
    }
    store_cache_end(r);
    store_cache_end(NULL);
    assert_string_equal(get(f, "n", "0"), "changed");
}

static void memory_stays_bounded(void **state)
{
    struct fixture *f = *state;
    static char big[1 << 20];
    memset(big, 'b', sizeof(big) - 1);
    char key[32];
    for (int i = 0; i < 80; i++) { /* flushes by itself at 32 MiB */
        snprintf(key, sizeof(key), "%d", i);
        put(f, "big", key, big);
    }
    for (int i = 0; i < 80; i++) {
        snprintf(key, sizeof(key), "%d", i);
        assert_int_equal(strlen(get(f, "big", key)), sizeof(big) - 1);
    }
}

/* A store with a fake clock. */
static struct clock_fake fake;

static int setup_fake(void **state)
{
    int r = fixture_setup(state);
    struct fixture *f = *state;
    clock_fake_init(&fake, 1000 * 3600 * NS_PER_S);
    store_close(f->store);
    assert_ok(store_open(&(struct store_options){.dir = f->dir, .clock = &fake.clock}, &f->store, &err));
    return r;
}

static void trim_drops_what_is_not_used(void **state)
{
    struct fixture *f = *state;
    const int64_t hour = 3600 * NS_PER_S;
    put(f, "c", "old", "1");
    put(f, "c", "used", "2");
    assert_ok(store_cache_flush(f->store, &err));
    clock_fake_advance(&fake, 10 * hour);
    put(f, "c", "new", "3");
    assert_string_equal(get(f, "c", "used"), "2");
    assert_ok(store_cache_trim(f->store, clock_wall(&fake.clock), 10 * hour, &err)); /* none is older */
    assert_string_equal(get(f, "c", "old"), "1");                                    /* which also uses it */
    clock_fake_advance(&fake, 5 * hour);
    assert_string_equal(get(f, "c", "used"), "2");
    assert_ok(store_cache_trim(f->store, clock_wall(&fake.clock), 4 * hour, &err));
    assert_string_equal(get(f, "c", "used"), "2");
    assert_null(get(f, "c", "new"));
    clock_fake_advance(&fake, 100 * hour);
    assert_ok(store_cache_trim(f->store, clock_wall(&fake.clock), hour, &err));
    assert_null(get(f, "c", "used"));
    assert_null(get(f, "c", "old"));
    assert_ok(store_cache_trim(f->store, clock_wall(&fake.clock), hour, &err)); /* nothing left */
}

static void trim_of_many(void **state)
{
    struct fixture *f = *state;
    char key[32];
    for (int i = 0; i < 2500; i++) {
        snprintf(key, sizeof(key), "%d", i);
        put(f, "c", key, "x");
    }
    assert_ok(store_cache_flush(f->store, &err));
    clock_fake_advance(&fake, 3600 * NS_PER_S);
    put(f, "c", "0", "kept");
    assert_ok(store_cache_trim(f->store, clock_wall(&fake.clock), NS_PER_S, &err));
    assert_null(get(f, "c", "1"));
    assert_null(get(f, "c", "2499"));
    assert_string_equal(get(f, "c", "0"), "kept");
}

struct worker {
    struct fixture *f;
    int id, failures;
};

static void *work(void *arg)
{
    struct worker *w = arg;
    struct err e = {0};
    char key[32], value[64];
    for (int i = 0; i < 300; i++) {
        _cleanup_arena_ struct arena a = ARENA_INIT;
        const void *data;
        size_t len;
        snprintf(key, sizeof(key), "%d", i % 50);
        snprintf(value, sizeof(value), "%d of somebody", i % 50);
        store_cache_put(w->f->store, "shared", key, value, strlen(value));
        if (store_cache_get(w->f->store, "shared", key, &a, &data, &len) == 0)
            w->failures += len != strlen(value) || memcmp(data, value, len) != 0;
        if (i % 20 == w->id)
            w->failures += store_cache_flush(w->f->store, &e) != 0;
    }
    return NULL;
}

static void threads_share_the_cache(void **state)
{
    struct fixture *f = *state;
    pthread_t t[6];
    struct worker w[6];
    for (int i = 0; i < 6; i++) {
        w[i] = (struct worker){f, i, 0};
        assert_int_equal(pthread_create(&t[i], NULL, work, &w[i]), 0);
    }
    for (int i = 0; i < 6; i++) {
        pthread_join(t[i], NULL);
        assert_int_equal(w[i].failures, 0);
    }
    assert_string_equal(get(f, "shared", "7"), "7 of somebody");
}

static void readers_only_do_not_write(void **state)
{
    struct fixture *f = *state;
    put(f, "c", "k", "v");
    assert_ok(store_cache_flush(f->store, &err));
    store_close(f->store);
    assert_ok(store_open(&(struct store_options){.dir = f->dir, .read_only = true}, &f->store, &err));
    assert_string_equal(get(f, "c", "k"), "v");
    put(f, "c", "k", "changed");
    assert_string_equal(get(f, "c", "k"), "v");
    assert_ok(store_cache_flush(f->store, &err));
    assert_ok(store_cache_trim(f->store, INT64_MAX, 0, &err));
    assert_string_equal(get(f, "c", "k"), "v");
}

/* File-backed memory of this process. */
static long file_kilobytes(void)
{
    _cleanup_buf_ struct buf status = BUF_INIT;
    assert_ok(io_read_file("/proc/self/status", 1 << 16, &status, &err));
    const char *line = strstr(buf_str(&status), "RssFile:");
    assert_non_null(line);
    return strtol(line + strlen("RssFile:"), NULL, 10);
}

static void relaxing_gives_memory_back(void **state)
{
    struct fixture *f = *state;
    enum { N = 2000 };
    char key[32];
    static const char data[4000];
    for (int i = 0; i < N; i++) {
        snprintf(key, sizeof(key), "%d", i);
        store_cache_put(f->store, "n", key, data, sizeof(data));
    }
    assert_ok(store_cache_flush(f->store, &err));
    long before = file_kilobytes();
    for (int i = 0; i < N; i++) {
        snprintf(key, sizeof(key), "%d", i);
        assert_non_null(get(f, "n", key));
    }
    long read = file_kilobytes();
    store_relax(f->store);
    long after = file_kilobytes();
    assert_true(read - after > 6000);
    assert_true(after <= before + 100);
    assert_non_null(get(f, "n", "7"));
}

#define with_clock(f, where) cmocka_unit_test_prestate_setup_teardown(f, setup_fake, fixture_teardown, where)

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_both(puts_are_found_before_and_after_the_flush),
        on_both(keys_of_any_length),
        on_both(many_at_once),
        on_both(memory_stays_bounded),
        with_clock(trim_drops_what_is_not_used, &fixture_in_memory),
        with_clock(trim_drops_what_is_not_used, &fixture_on_disk),
        with_clock(trim_of_many, &fixture_in_memory),
        with_clock(trim_of_many, &fixture_on_disk),
        on_both(threads_share_the_cache),
        on_disk(relaxing_gives_memory_back),
        on_disk(readers_only_do_not_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
