/* Properties of a store on disk. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/str.h"
#include "reconciler/store/kv.h"
#include "reconciler/store/store.h"
#include "tests/unit/store/store_fixture.h"

static struct err err;

static struct val *blob(struct arena *a, size_t len)
{
    char *text = arena_alloc(a, len + 1);
    memset(text, 'x', len);
    return val_str_borrow(a, text, len);
}

static void reopen_with(struct fixture *f, struct store_options o)
{
    o.dir = f->dir;
    store_close(f->store);
    f->store = NULL;
    assert_ok(store_open(&o, &f->store, &err));
}

/* ---- growing ---- */

struct looker {
    struct fixture *f;
    atomic_bool stop;
    int failures;
};

static void *look_all_the_time(void *arg)
{
    struct looker *l = arg;
    while (!atomic_load(&l->stop)) {
        _cleanup_arena_ struct arena a = ARENA_INIT;
        struct err e = {0};
        struct val *v;
        const void *data;
        size_t len;
        struct store_cache_read *r = store_cache_begin(l->f->store);
        l->failures +=
            store_get(l->f->store, STORE_META, "format", &a, &v, &e) != 0; /* a read within a read */
        store_cache_peek(r, "none", "none", &data, &len);
        store_cache_end(r);
    }
    return NULL;
}

static void grows_without_a_restart(void **state)
{
    struct fixture *f = *state;
    reopen_with(f, (struct store_options){.map_initial = 64 << 10, .map_max = 256 << 20});
    struct looker l = {.f = f};
    pthread_t t;
    assert_int_equal(pthread_create(&t, NULL, look_all_the_time, &l), 0);
    struct val *v = blob(&f->arena, 5000);
    for (int i = 0; i < 1000; i++) {
        char key[32];
        snprintf(key, sizeof(key), "k%d", i);
        assert_ok(store_put(f->store, STORE_ENV, key, v, &err));
    }
    /* One commit that is many times the current size. */
    assert_ok(store_put(f->store, STORE_ENV, "huge", blob(&f->arena, 60 << 20), &err));
    atomic_store(&l.stop, true);
    pthread_join(t, NULL);
    assert_int_equal(l.failures, 0);
    struct val *back;
    assert_ok(store_get(f->store, STORE_ENV, "k999", &f->arena, &back, &err));
    assert_true(val_equal(back, v));
    reopen_with(
        f, (struct store_options){.map_initial = 64 << 10, .map_max = 64 << 10}); /* less than the file */
    assert_ok(store_get(f->store, STORE_ENV, "k0", &f->arena, &back, &err));
    assert_true(val_equal(back, v));
}

static void stops_at_its_largest_size(void **state)
{
    struct fixture *f = *state;
    reopen_with(f, (struct store_options){.map_initial = 128 << 10, .map_max = 1 << 20});
    struct val *v = blob(&f->arena, 20000), *back;
    char key[32];
    int n = 0, r;
    do {
        snprintf(key, sizeof(key), "k%d", n++);
        r = store_put(f->store, STORE_ENV, key, v, &err);
    } while (r == 0 && n < 1000);
    assert_int_equal(r, ERR_NOSPACE);
    assert_says("maximum size, 1 MiB");
    assert_true(err.hint[0]);
    assert_in_range(n, 20, 60);
    assert_ok(store_get(f->store, STORE_ENV, "k0", &f->arena, &back, &err));
    assert_fails(store_get(f->store, STORE_ENV, key, &f->arena, &back, &err), ERR_NOTFOUND);
    for (int i = 0; i < n / 2; i++) { /* deletions free space, once no reader needs it */
        snprintf(key, sizeof(key), "k%d", i);
        assert_ok(store_del(f->store, STORE_ENV, key, &err));
    }
    assert_ok(store_put(f->store, STORE_ENV, "again", v, &err));
}

/* Threads write together, and one of them needs more than the maximum size. */
static void *write_small(void *arg)
{
    struct fixture *f = arg;
    struct err e = {0};
    for (int i = 0; i < 200; i++) {
        _cleanup_arena_ struct arena a = ARENA_INIT;
        if (store_put(f->store, STORE_JOURNAL, "small", fixture_val(&a, i, NULL), &e) < 0)
            return arg;
    }
    return NULL;
}

static void one_that_does_not_fit_takes_no_other_with_it(void **state)
{
    struct fixture *f = *state;
    reopen_with(f, (struct store_options){.map_initial = 1 << 20, .map_max = 4 << 20});
    pthread_t t[4];
    void *failed;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&t[i], NULL, write_small, f), 0);
    struct val *v = blob(&f->arena, 5 << 20);
    for (int i = 0; i < 20; i++)
        assert_fails(store_put(f->store, STORE_ENV, "large", v, &err), ERR_NOSPACE);
    for (int i = 0; i < 4; i++) {
        pthread_join(t[i], &failed);
        assert_null(failed);
    }
}

/* ---- a full disk ---- */

/* In a child process: fill a store until it fails, and check the error and that nothing is lost. Returns 0,
   or the number of the check that failed. */
static int fill_up(const char *dir)
{
    struct arena a = ARENA_INIT;
    struct store *s = NULL;
    struct val *v = blob(&a, 30000), *back;
    char key[32], last[32] = "";
    int r = store_open(&(struct store_options){.dir = dir}, &s, &err);
    if (r < 0)
        return 1;
    for (int i = 0; i < 1000 && r == 0; i++) {
        snprintf(key, sizeof(key), "k%03d", i);
        r = store_put(s, STORE_ENV, key, v, &err);
        if (r == 0)
            str_copy(last, sizeof(last), key);
    }
    if (r != ERR_NOSPACE || !strstr(err.msg, "no space left") || !strstr(err.hint, "free some space")) {
        fprintf(stderr, "%s: %s\n", err_name(r), err.msg);
        return 2;
    }
    if (!*last || store_get(s, STORE_ENV, last, &a, &back, &err) < 0 || !val_equal(v, back))
        return 3;
    if (store_put(s, STORE_ENV, "more", v, &err) != ERR_NOSPACE) /* still full, and still intact */
        return 4;
    store_close(s);
    if (store_open(&(struct store_options){.dir = dir}, &s, &err) < 0)
        return 5;
    if (store_get(s, STORE_ENV, last, &a, &back, &err) < 0 ||
        store_get(s, STORE_ENV, "more", &a, &back, &err) == 0)
        return 6;
    store_close(s);
    arena_release(&a);
    return 0;
}

static int in_child(int (*fn)(const char *dir), const char *dir)
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(fn(dir));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int fill_to_limit(const char *dir)
{
    const struct rlimit limit = {2 << 20, 2 << 20};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    return fill_up(dir);
}

enum { CANNOT_MOUNT = 77 };

static int fill_small_disk(const char *dir)
{
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", dir, "tmpfs", 0, "size=3m") < 0)
        return CANNOT_MOUNT;
    int r = fill_up(dir);
    if (r)
        return r;
    /* Once there is space again, the same store works. */
    struct store *s;
    struct arena a = ARENA_INIT;
    if (store_open(&(struct store_options){.dir = dir}, &s, &err) < 0)
        return 10;
    if (mount("tmpfs", dir, "tmpfs", MS_REMOUNT, "size=30m") < 0)
        return CANNOT_MOUNT;
    if (store_put(s, STORE_ENV, "later", blob(&a, 100000), &err) < 0)
        return 11;
    store_close(s);
    arena_release(&a);
    return 0;
}

static void a_full_disk_is_said_clearly(void **state)
{
    char *dir = unit_temp_dir();
    (void)state;
    assert_int_equal(in_child(fill_to_limit, dir), 0);
    unit_temp_remove(dir);
    dir = unit_temp_dir();
    int r = in_child(fill_small_disk, dir);
    if (r == CANNOT_MOUNT)
        print_message(
            "a small file system cannot be mounted here: only a limit on the file's size was tested\n");
    else
        assert_int_equal(r, 0);
    unit_temp_remove(dir);
}

static void one_process_opens_it_once(void **state)
{
    struct fixture *f = *state;
    struct store *second = NULL;
    assert_fails(store_open(&(struct store_options){.dir = f->dir}, &second, &err), ERR_BUSY);
    assert_says("open in this process");
    assert_fails(store_open(&(struct store_options){.dir = f->dir, .read_only = true}, &second, &err),
                 ERR_BUSY);
    assert_null(second);
    fixture_reopen(f);
}

/* ---- reading only ---- */

static void reading_only(void **state)
{
    struct fixture *f = *state;
    struct store *s = NULL;
    struct val *v;
    int fd;
    char *empty = unit_temp_dir();
    assert_fails(store_open(&(struct store_options){.dir = empty, .read_only = true}, &s, &err),
                 ERR_NOTFOUND);
    assert_says("there is no store in");
    unit_temp_remove(empty);
    assert_fails(store_open(&(struct store_options){.dir = "/no/such/folder", .read_only = true}, &s, &err),
                 ERR_NOTFOUND);

    assert_ok(store_put(f->store, STORE_ENV, "x", fixture_val(&f->arena, 1, NULL), &err));
    reopen_with(f, (struct store_options){.read_only = true});
    assert_ok(store_get(f->store, STORE_ENV, "x", &f->arena, &v, &err));
    assert_fails(store_put(f->store, STORE_ENV, "x", v, &err), ERR_DENIED);
    assert_says("read-only");
    assert_fails(store_del(f->store, STORE_ENV, "x", &err), ERR_DENIED);
    assert_fails(store_lock(f->store, "prod", "me", &fd, &err), ERR_DENIED);
    assert_int_equal(strlen(store_controller(f->store)), 32);
}

/* ---- what is on the disk ---- */

/* Open the store's file directly, without the store's checks. */
static struct kv *raw(const char *dir)
{
    static const char *const tables[] = {"meta",     "env",        "inventory", "generation",
                                         "resource", "transition", "journal"};
    struct kv_lmdb_options o = {.file = unit_path(dir, "store.mdb"),
                                .tables = tables,
                                .n_tables = ARRAY_LEN(tables),
                                .map_initial = 16 << 20,
                                .map_max = 64 << 20};
    struct kv *kv;
    assert_ok(kv_lmdb_open(&o, &kv, &err));
    return kv;
}

struct raw_put {
    struct kv *kv;
    unsigned table;
    struct slice key, bytes;
};

static int do_put(struct kv_txn *txn, void *arg, struct err *e)
{
    const struct raw_put *p = arg;
    return p->kv->ops->put(txn, p->table, p->key, p->bytes, e);
}

static void put_raw(const char *dir, unsigned table, const char *key, const void *bytes, size_t len)
{
    struct kv *kv = raw(dir);
    struct raw_put p = {kv, table, slice_of(key), {bytes, len}};
    assert_ok(kv->ops->write(kv, do_put, &p, &err));
    kv->ops->close(kv);
}

static size_t get_raw(const char *dir, unsigned table, const char *key, char *room, size_t size)
{
    struct kv *kv = raw(dir);
    struct kv_txn *txn;
    struct slice bytes;
    assert_ok(kv->ops->begin(kv, &txn, &err));
    assert_ok(kv->ops->get(txn, table, slice_of(key), &bytes, &err));
    assert_true(bytes.len <= size);
    memcpy(room, bytes.data, bytes.len);
    size_t len = bytes.len;
    kv->ops->end(txn);
    kv->ops->close(kv);
    return len;
}

static void damage_is_seen(void **state)
{
    struct fixture *f = *state;
    struct val *v;
    char bytes[256];
    assert_ok(store_put(f->store, STORE_ENV, "prod", fixture_val(&f->arena, 1, "some text"), &err));
    store_close(f->store);
    f->store = NULL;
    size_t len = get_raw(f->dir, STORE_ENV, "prod", bytes, sizeof(bytes));
    for (size_t i = 0; i <= len; i++) {
        if (i < len)
            bytes[i] = (char)(bytes[i] ^ 0x10);
        put_raw(f->dir, STORE_ENV, "prod", bytes, i < len ? len : len / 2);
        assert_ok(store_open(&(struct store_options){.dir = f->dir}, &f->store, &err));
        int r = store_get(f->store, STORE_ENV, "prod", &f->arena, &v, &err);
        assert_int_equal(r, i == 0 ? ERR_UNSUPPORTED : ERR_CORRUPT); /* the first byte is the version */
        assert_says("prod");
        assert_says("table env");
        store_close(f->store);
        f->store = NULL;
        if (i < len)
            bytes[i] = (char)(bytes[i] ^ 0x10);
    }
    put_raw(f->dir, STORE_ENV, "prod", "", 0);
    put_raw(f->dir, STORE_ENV, "moved", bytes, len); /* intact, but under another key */
    assert_ok(store_open(&(struct store_options){.dir = f->dir}, &f->store, &err));
    assert_fails(store_get(f->store, STORE_ENV, "prod", &f->arena, &v, &err), ERR_CORRUPT);
    assert_fails(store_get(f->store, STORE_ENV, "moved", &f->arena, &v, &err), ERR_CORRUPT);
    assert_hints("backup");
}

static int put_format(struct store_tx *tx, void *arg, struct err *e)
{
    return store_tx_put(tx, STORE_META, "format", arg, e);
}

static void a_newer_format_is_refused(void **state)
{
    struct fixture *f = *state;
    struct val *format = val_map(&f->arena);
    val_set_int(&f->arena, format, "version", 2);
    assert_ok(store_update(f->store, put_format, format, &err));
    store_close(f->store);
    f->store = NULL;
    assert_fails(store_open(&(struct store_options){.dir = f->dir}, &f->store, &err), ERR_UNSUPPORTED);
    assert_says("newer version of Forge");
    assert_fails(store_open(&(struct store_options){.dir = f->dir, .read_only = true}, &f->store, &err),
                 ERR_UNSUPPORTED);
    assert_null(f->store);
}

static void not_a_store_is_refused(void **state)
{
    (void)state;
    char *dir = unit_temp_dir(), text[9000];
    struct store *s = NULL;
    memset(text, 'n', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    unit_write(unit_path(dir, "store.mdb"), text);
    assert_fails(store_open(&(struct store_options){.dir = dir}, &s, &err), ERR_CORRUPT);
    assert_says("store.mdb is damaged");
    unit_temp_remove(dir);
}

static mode_t mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static void nobody_else_may_read_it(void **state)
{
    struct fixture *f = *state;
    char *top = unit_temp_dir();
    struct store *s;
    mode_t old = umask(0);
    int r = store_open(&(struct store_options){.dir = unit_path(top, "a/b")}, &s, &err);
    umask(old);
    assert_ok(r);
    store_close(s);
    assert_int_equal(mode_of(unit_path(top, "a/b")), 0700);
    assert_int_equal(mode_of(unit_path(top, "a/b/store.mdb")), 0600);
    assert_int_equal(mode_of(unit_path(top, "a/b/key")), 0600);
    unit_temp_remove(top);
    /* Programs that we start do not inherit its descriptors. */
    DIR *d = opendir("/proc/self/fd");
    for (struct dirent *e; (e = readdir(d));) {
        char target[1024] = "", link[300];
        snprintf(link, sizeof(link), "/proc/self/fd/%s", e->d_name);
        if (readlink(link, target, sizeof(target) - 1) > 0 && str_starts(target, f->dir))
            assert_true(fcntl((int)strtol(e->d_name, NULL, 10), F_GETFD) & FD_CLOEXEC);
    }
    closedir(d);
}

static bool file_holds(const char *path, const char *text)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    assert_ok(io_read_file(path, 32 << 20, &b, &err));
    return memmem(b.data, b.len, text, strlen(text)) != NULL;
}

static void secrets_are_sealed(void **state)
{
    struct fixture *f = *state;
    struct val *v = val_map(&f->arena), *secret = val_str(&f->arena, "hunter2-canary"), *back;
    secret->flags |= VAL_F_SECRET;
    struct val *list = val_list(&f->arena);
    val_list_add(&f->arena, list, secret);
    val_map_set(&f->arena, v, "deep", list);
    assert_ok(store_put(f->store, STORE_INVENTORY, "x", v, &err));
    assert_ok(store_put(f->store, STORE_INVENTORY, "y", val_str(&f->arena, "plain-canary"), &err));
    assert_true(file_holds(unit_path(f->dir, "store.mdb"), "plain-canary"));
    assert_false(file_holds(unit_path(f->dir, "store.mdb"), "hunter2-canary"));
    /* Without the key, or with another, everything else can still be read. */
    store_close(f->store);
    f->store = NULL;
    assert_int_equal(rename(unit_path(f->dir, "key"), unit_path(f->dir, "away")), 0);
    assert_ok(store_open(&(struct store_options){.dir = f->dir, .read_only = true}, &f->store, &err));
    assert_fails(store_get(f->store, STORE_INVENTORY, "x", &f->arena, &back, &err), ERR_AUTH);
    assert_says("no key");
    assert_ok(store_get(f->store, STORE_INVENTORY, "y", &f->arena, &back, &err));
    fixture_reopen(f); /* creates a new key */
    assert_fails(store_get(f->store, STORE_INVENTORY, "x", &f->arena, &back, &err), ERR_AUTH);
    assert_says("another key");
    assert_hints("key");
    assert_int_equal(rename(unit_path(f->dir, "away"), unit_path(f->dir, "key")), 0);
    fixture_reopen(f);
    assert_ok(store_get(f->store, STORE_INVENTORY, "x", &f->arena, &back, &err));
    assert_true(val_equal(back, v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_disk_is_said_clearly),
        on_disk(grows_without_a_restart),
        on_disk(stops_at_its_largest_size),
        on_disk(one_that_does_not_fit_takes_no_other_with_it),
        on_disk(one_process_opens_it_once),
        on_disk(reading_only),
        on_disk(damage_is_seen),
        on_disk(a_newer_format_is_refused),
        cmocka_unit_test(not_a_store_is_refused),
        on_disk(nobody_else_may_read_it),
        on_disk(secrets_are_sealed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
