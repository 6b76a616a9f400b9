#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/io.h"
#include "base/str.h"
#include "reconciler/store/store.h"
#include "tests/unit/store/store_fixture.h"

static struct err err;

static void fill(struct fixture *f, int from, int to)
{
    for (int i = from; i < to; i++) {
        char key[32];
        snprintf(key, sizeof(key), "k%d", i);
        assert_ok(store_put(f->store, STORE_ENV, key, fixture_val(&f->arena, i, "text"), &err));
    }
}

static int count_one(void *arg, const char *key, const struct val *v)
{
    (void)key;
    (void)v;
    ++*(size_t *)arg;
    return 0;
}

static size_t count(struct store *s, struct arena *a)
{
    size_t n = 0;
    assert_ok(store_each(s, STORE_ENV, "", false, 0, a, count_one, &n, &err));
    return n;
}

static size_t files_like(const char *dir, const char *part)
{
    size_t n = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        n += strstr(e->d_name, part) != NULL;
    closedir(d);
    return n;
}

static void a_backup_restores(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    char controller[64];
    char *dir = unit_temp_dir();
    const char *file = unit_path(dir, "backup");
    str_copy(controller, sizeof(controller), store_controller(f->store));
    fill(f, 0, 100);
    unit_write(file, "an older backup");
    assert_ok(store_backup(f->store, file, &err));
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(files_like(dir, "part"), 0);
    fill(f, 100, 150);
    assert_fails(store_restore(file, f->dir, &err), ERR_BUSY);
    assert_says("in use");
    assert_hints("stop forged");
    assert_int_equal(count(f->store, &f->arena), 150);

    store_close(f->store);
    f->store = NULL;
    assert_ok(store_restore(file, f->dir, &err));
    assert_int_equal(files_like(f->dir, "store.mdb.before-"), 1); /* the old one is kept */
    assert_int_equal(files_like(f->dir, "part"), 0);
    assert_ok(store_open(&(struct store_options){.dir = f->dir}, &f->store, &err));
    assert_int_equal(count(f->store, &f->arena), 100);
    assert_string_equal(store_controller(f->store), controller);
    fill(f, 100, 120); /* and it is writable */

    /* In a folder that does not exist yet. */
    struct store *s;
    assert_ok(store_restore(file, unit_path(dir, "new/state"), &err));
    assert_ok(store_open(&(struct store_options){.dir = unit_path(dir, "new/state")}, &s, &err));
    assert_int_equal(count(s, &f->arena), 100);
    store_close(s);
    unit_temp_remove(dir);
}

static void sealed_records_need_their_key(void **state)
{
    struct fixture *f = *state;
    char *dir = unit_temp_dir();
    struct val *secret = val_str(&f->arena, "hunter2-canary"), *back;
    secret->flags |= VAL_F_SECRET;
    assert_ok(store_put(f->store, STORE_ENV, "s", secret, &err));
    assert_ok(store_backup(f->store, unit_path(dir, "b"), &err));
    _cleanup_buf_ struct buf b = BUF_INIT;
    assert_ok(io_read_file(unit_path(dir, "b"), 32 << 20, &b, &err));
    assert_null(memmem(b.data, b.len, "hunter2", 7));
    const char *other = unit_path(dir, "other");
    assert_ok(store_restore(unit_path(dir, "b"), other, &err));
    struct store *s;
    assert_ok(store_open(&(struct store_options){.dir = other}, &s, &err));
    assert_fails(store_get(s, STORE_ENV, "s", &f->arena, &back, &err), ERR_AUTH);
    store_close(s);
    buf_reset(&b);
    assert_ok(io_read_file(unit_path(f->dir, "key"), 1000, &b, &err));
    assert_ok(io_write_file(unit_path(dir, "other/key"), b.data, b.len, 0600, &err));
    assert_ok(store_open(&(struct store_options){.dir = other}, &s, &err));
    assert_ok(store_get(s, STORE_ENV, "s", &f->arena, &back, &err));
    store_close(s);
    unit_temp_remove(dir);
}

struct writer {
    struct fixture *f;
    atomic_bool stop;
    int failures, batches;
};

/* Two records that always carry the same number. */
static void *write_pairs(void *arg)
{
    struct writer *w = arg;
    struct err e = {0};
    for (int i = 0; !atomic_load(&w->stop); i++, w->batches++) {
        _cleanup_arena_ struct arena a = ARENA_INIT;
        struct store_batch *b = store_begin(w->f->store);
        store_batch_put(b, STORE_INVENTORY, "left", fixture_val(&a, i, NULL));
        store_batch_put(b, STORE_INVENTORY, "right", fixture_val(&a, i, NULL));
        w->failures += store_commit(b, &e) != 0;
    }
    return NULL;
}

static void a_hot_backup_is_consistent(void **state)
{
    struct fixture *f = *state;
    char *dir = unit_temp_dir();
    struct writer w = {.f = f};
    pthread_t t;
    fill(f, 0, 500);
    assert_ok(store_put(f->store, STORE_INVENTORY, "left", fixture_val(&f->arena, 0, NULL), &err));
    assert_ok(store_put(f->store, STORE_INVENTORY, "right", fixture_val(&f->arena, 0, NULL), &err));
    assert_int_equal(pthread_create(&t, NULL, write_pairs, &w), 0);
    for (int i = 0; i < 10; i++) {
        struct store *s;
        struct val *left, *right;
        assert_ok(store_backup(f->store, unit_path(dir, "hot"), &err));
        assert_ok(store_restore(unit_path(dir, "hot"), unit_path(dir, "state"), &err));
        assert_ok(store_open(&(struct store_options){.dir = unit_path(dir, "state")}, &s, &err));
        assert_ok(store_get(s, STORE_INVENTORY, "left", &f->arena, &left, &err));
        assert_ok(store_get(s, STORE_INVENTORY, "right", &f->arena, &right, &err));
        assert_true(val_equal(left, right));
        assert_int_equal(count(s, &f->arena), 500);
        store_close(s);
    }
    atomic_store(&w.stop, true);
    pthread_join(t, NULL);
    assert_int_equal(w.failures, 0);
    unit_temp_remove(dir);
}

static void damaged_backups_are_refused(void **state)
{
    struct fixture *f = *state;
    char *dir = unit_temp_dir();
    const char *file = unit_path(dir, "b"), *bad = unit_path(dir, "bad");
    _cleanup_buf_ struct buf b = BUF_INIT;
    fill(f, 0, 50);
    assert_ok(store_backup(f->store, file, &err));
    store_close(f->store);
    f->store = NULL;
    assert_ok(io_read_file(file, 32 << 20, &b, &err));
    for (size_t i = 0; i < 24; i++) { /* one flipped bit, from the first byte to the last */
        size_t at = i * (b.len - 1) / 23;
        b.data[at] = (char)(b.data[at] ^ 4);
        assert_ok(io_write_file(bad, b.data, b.len, 0600, &err));
        assert_fails(store_restore(bad, f->dir, &err), ERR_CORRUPT);
        assert_says("bad");
        b.data[at] = (char)(b.data[at] ^ 4);
    }
    const size_t cuts[] = {0, 1, 55, 56, 57, 4096, b.len / 2, b.len - 56, b.len - 1};
    for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
        assert_ok(io_write_file(bad, b.data, cuts[i], 0600, &err));
        assert_fails(store_restore(bad, f->dir, &err), ERR_CORRUPT);
    }
    assert_fails(store_restore(unit_path(dir, "missing"), f->dir, &err), ERR_NOTFOUND);
    assert_fails(store_restore(dir, f->dir, &err), ERR_INVALID);
    /* After all that the store is unchanged, and no files are left over. */
    assert_int_equal(files_like(f->dir, "part"), 0);
    assert_int_equal(files_like(f->dir, "before"), 0);
    assert_ok(store_open(&(struct store_options){.dir = f->dir}, &f->store, &err));
    assert_int_equal(count(f->store, &f->arena), 50);
    unit_temp_remove(dir);
}

static void a_backup_of_a_newer_forge_is_refused(void **state)
{
    struct fixture *f = *state;
    char *dir = unit_temp_dir();
    struct val *format = val_map(&f->arena);
    val_set_int(&f->arena, format, "version", 2);
    assert_ok(store_put(f->store, STORE_META, "format", format, &err));
    assert_ok(store_backup(f->store, unit_path(dir, "b"), &err));
    assert_fails(store_restore(unit_path(dir, "b"), unit_path(dir, "state"), &err), ERR_UNSUPPORTED);
    assert_says("newer version of Forge");
    assert_int_equal(files_like(unit_path(dir, "state"), "part"), 0);
    unit_temp_remove(dir);
}

/* A backup by another process while this one has the store open, like `backup` while forged runs. */
static void another_process_backs_up(void **state)
{
    struct fixture *f = *state;
    char *dir = unit_temp_dir();
    int status, go[2];
    char c = 0;
    assert_int_equal(pipe(go), 0);
    pid_t pid = fork();
    if (pid == 0) { /* does not use the inherited store */
        if (read(go[0], &c, 1) != 1)
            _exit(1);
        execl("/proc/self/exe", "backup", f->dir, unit_path(dir, "b"), (char *)NULL);
        _exit(2);
    }
    fill(f, 0, 30);
    assert_int_equal(write(go[1], "x", 1), 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    fill(f, 30, 40);
    struct store *s;
    assert_ok(store_restore(unit_path(dir, "b"), unit_path(dir, "state"), &err));
    assert_ok(store_open(&(struct store_options){.dir = unit_path(dir, "state")}, &s, &err));
    assert_int_equal(count(s, &f->arena), 30);
    store_close(s);
    close(go[0]);
    close(go[1]);
    unit_temp_remove(dir);
}

/* Runs in the other process, which is this program as well. */
static int back_up(const char *dir, const char *file)
{
    struct store *s;
    int r = store_open(&(struct store_options){.dir = dir, .read_only = true}, &s, &err);
    if (r == 0) {
        r = store_backup(s, file, &err);
        store_close(s);
    }
    if (r < 0)
        fprintf(stderr, "%s\n", err.msg);
    return r < 0;
}

static void failures_leave_nothing(void **state)
{
    struct fixture *f = *state;
    char *dir = unit_temp_dir();
    assert_fails(store_backup(f->store, unit_path(dir, "no/such/folder/b"), &err), ERR_NOTFOUND);
    assert_int_equal(mkdir(unit_path(dir, "d"), 0700), 0);
    assert_true(store_backup(f->store, unit_path(dir, "d"), &err) < 0);
    assert_int_equal(files_like(dir, "part"), 0);
    unit_temp_remove(dir);
}

static void memory_has_no_backup(void **state)
{
    struct fixture *f = *state;
    assert_fails(store_backup(f->store, "/nowhere", &err), ERR_UNSUPPORTED);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        on_disk(a_backup_restores),
        on_disk(sealed_records_need_their_key),
        on_disk(a_hot_backup_is_consistent),
        on_disk(damaged_backups_are_refused),
        on_disk(a_backup_of_a_newer_forge_is_refused),
        on_disk(another_process_backs_up),
        on_disk(failures_leave_nothing),
        on_memory(memory_has_no_backup),
    };
    if (argc == 3)
        return back_up(argv[1], argv[2]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
