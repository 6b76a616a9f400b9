/* Several processes on one store, and processes that are killed. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "reconciler/store/store.h"
#include "tests/unit/store/store_fixture.h"

static struct err err;

static struct val *blob(struct arena *a, size_t len)
{
    char *text = arena_alloc(a, len + 1);
    memset(text, 'x', len);
    return val_str_borrow(a, text, len);
}

/* Batches of twenty records that all contain the batch's number; each batch is acknowledged on the pipe once
   it is committed. */
enum { BATCH = 20 };

static void put_batch(struct store *s, int n, size_t padding)
{
    struct arena a = ARENA_INIT;
    struct err e = {0};
    struct store_batch *b = store_begin(s);
    for (int i = 0; i < BATCH; i++) {
        char key[32];
        snprintf(key, sizeof(key), "r%02d", i);
        struct val *v = fixture_val(&a, n, NULL);
        val_map_set(&a, v, "pad", blob(&a, padding));
        store_batch_put(b, STORE_INVENTORY, key, v);
    }
    if (store_commit(b, &e) < 0) {
        fprintf(stderr, "%s\n", e.msg);
        _exit(1);
    }
    arena_release(&a);
}

static void write_for_ever(const char *dir, int from, int ack)
{
    struct store *s;
    if (store_open(&(struct store_options){.dir = dir, .map_initial = 256 << 10}, &s, &err) < 0) {
        fprintf(stderr, "%s\n", err.msg);
        _exit(1);
    }
    for (int n = from;; n++) {
        put_batch(s, n, (size_t)n % 7 * 1000);
        if (write(ack, &n, sizeof(n)) != sizeof(n))
            _exit(1);
    }
}

struct batch_seen {
    int64_t n;
    int records;
    bool torn;
};

static int look_at_batch(void *arg, const char *key, const struct val *v)
{
    struct batch_seen *b = arg;
    int64_t n = val_get_int(v, "n", -1);
    (void)key;
    b->torn = b->torn || (b->records && n != b->n);
    b->n = n;
    b->records++;
    return 0;
}

static void killed_in_the_middle_of_a_write(void **state)
{
    (void)state;
    char *dir = unit_temp_dir();
    int next = 1;
    for (int round = 0; round < 25; round++) {
        int ack[2], n, last = next - 1;
        assert_int_equal(pipe2(ack, O_CLOEXEC), 0);
        pid_t pid = fork();
        if (pid == 0)
            write_for_ever(dir, next, ack[1]);
        close(ack[1]);
        assert_int_equal(read(ack[0], &n, sizeof(n)), sizeof(n)); /* it is writing */
        last = n;
        usleep((useconds_t)(round * 331 % 5000));
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        while (read(ack[0], &n, sizeof(n)) == sizeof(n))
            last = n;
        close(ack[0]);

        struct store *s;
        struct arena a = ARENA_INIT;
        struct batch_seen seen = {0};
        assert_ok(store_open(&(struct store_options){.dir = dir}, &s, &err));
        assert_ok(store_each(s, STORE_INVENTORY, "", false, 0, &a, look_at_batch, &seen, &err));
        assert_int_equal(seen.records, BATCH);
        assert_false(seen.torn);
        assert_true(seen.n >= last); /* acknowledged batches are stored; one more may have been committed */
        assert_true(seen.n <= last + 1);
        next = (int)seen.n + 1;
        put_batch(s, next++, 10); /* and the store is writable */
        store_close(s);
        arena_release(&a);
    }
    unit_temp_remove(dir);
}

static void two_processes_write_and_grow(void **state)
{
    (void)state;
    char *dir = unit_temp_dir();
    enum { N = 150 };
    pid_t pid[2];
    for (int who = 0; who < 2; who++) {
        pid[who] = fork();
        if (pid[who] > 0)
            continue;
        struct store *s;
        struct arena a = ARENA_INIT;
        if (store_open(&(struct store_options){.dir = dir, .map_initial = 128 << 10}, &s, &err) < 0)
            _exit(1);
        for (int i = 0; i < N; i++) {
            char key[32];
            struct val *v, *back;
            snprintf(key, sizeof(key), "%d-%d", who, i);
            v = fixture_val(&a, i, NULL);
            val_map_set(&a, v, "pad", blob(&a, 10000));
            if (store_put(s, STORE_ENV, key, v, &err) < 0 ||
                store_get(s, STORE_ENV, key, &a, &back, &err) < 0) {
                fprintf(stderr, "%s\n", err.msg);
                _exit(2);
            }
        }
        store_close(s);
        _exit(0);
    }
    /* A third process reads, read-only, as soon as the store exists. */
    struct store *s = NULL;
    int r;
    while ((r = store_open(&(struct store_options){.dir = dir, .read_only = true}, &s, &err)) == ERR_NOTFOUND)
        usleep(1000);
    assert_ok(r);
    for (int i = 0; i < 50; i++) {
        struct arena a = ARENA_INIT;
        struct batch_seen seen = {0};
        assert_ok(store_each(s, STORE_ENV, "", false, 0, &a, look_at_batch, &seen, &err));
        arena_release(&a);
        usleep(1000);
    }
    for (int who = 0; who < 2; who++) {
        int status;
        assert_int_equal(waitpid(pid[who], &status, 0), pid[who]);
        assert_int_equal(status, 0);
    }
    struct arena a = ARENA_INIT;
    struct batch_seen seen = {0};
    assert_ok(store_each(s, STORE_ENV, "", false, 0, &a, look_at_batch, &seen, &err));
    assert_int_equal(seen.records, 2 * N);
    arena_release(&a);
    store_close(s);
    unit_temp_remove(dir);
}

static void many_processes_make_one_store(void **state)
{
    (void)state;
    char *dir = unit_temp_dir();
    enum { N = 6 };
    int names[2];
    assert_int_equal(pipe2(names, O_CLOEXEC), 0);
    for (int i = 0; i < N; i++) {
        if (fork() > 0)
            continue;
        struct store *s;
        if (store_open(&(struct store_options){.dir = dir}, &s, &err) < 0)
            _exit(1);
        _exit(write(names[1], store_controller(s), 32) == 32 ? 0 : 1);
    }
    for (int i = 0; i < N; i++) {
        int status;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    char first[32], name[32];
    assert_int_equal(read(names[0], first, 32), 32);
    for (int i = 1; i < N; i++) {
        assert_int_equal(read(names[0], name, 32), 32);
        assert_memory_equal(name, first, 32);
    }
    close(names[0]);
    close(names[1]);
    unit_temp_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_in_the_middle_of_a_write),
        cmocka_unit_test(two_processes_write_and_grow),
        cmocka_unit_test(many_processes_make_one_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
