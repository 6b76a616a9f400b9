/*
 * S8: the process is killed before and after each journal write of an apply, one after the other. The next
 * run converges to the same state, without duplicates or orphans. The engine's state survives the process in
 * a file.
 */
#include "tests/unit/exec/world.h"

#include "base/io.h"
#include "base/str.h"

#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define HEAD(kind, name) "---\napiVersion: forge/v1\nkind: " kind "\nmetadata: {name: " name "}\n"
#define C(name, rest)    HEAD("Container", name) "spec: {image: app:1" rest "}\n"
#define CHECK            ", healthcheck: {test: [CMD, \"true\"]}"

/* Twelve resources, which cover every kind of change that can be interrupted. */
static const char first_want[] = HEAD("Network", "front") HEAD("Network", "back") HEAD("Volume", "data")
    HEAD("Volume", "cache") C("db", CHECK ", networks: [back], volumes: [\"data:/data\"]")
        C("migrate", ", networks: [back], depends_on: {db: healthy}")
            C("api",
              CHECK ", networks: [back, front], depends_on: {migrate: completed, db: healthy}, replicas: 2")
                C("web", ", networks: [front], ports: [\"8080:80\"], depends_on: {api: healthy}")
                    C("worker", ", networks: [back], volumes: [\"cache:/cache\"], replicas: 2")
                        C("cron", ", network_mode: none")
                            C("probe", ", networks: [front], environment: {V: one}")
                                C("gone", ", network_mode: none");

/* Then one change of each kind: replace with and without a port, several at once, live update, scale, delete,
   create. */
static const char then_want[] = HEAD("Network", "front") HEAD("Network", "back") HEAD("Volume", "data")
    HEAD("Volume",
         "cache") C("db", CHECK ", networks: [back], volumes: [\"data:/data\"], resources: {memory: 64MiB}")
        C("migrate", ", networks: [back], depends_on: {db: healthy}") C(
            "api", CHECK ", networks: [back, front], depends_on: {migrate: completed, db: healthy}, "
                         "replicas: 2, environment: {V: two}")
            C("web",
              ", networks: [front], ports: [\"8080:80\"], depends_on: {api: healthy}, environment: {V: two}")
                C("worker",
                  ", networks: [back], volumes: [\"cache:/cache\"], replicas: 3, environment: {V: two}, "
                  "update: {failure_action: rollback, order: start-first}")
                    C("cron", ", network_mode: none, restart: always")
                        C("probe", ", networks: [front], environment: {V: two}")
                            C("new", ", network_mode: none");

/* Sanitizers are slow, and find their errors without testing every point. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define STRIDE 4
#else
#define STRIDE 1
#endif

struct killing {
    struct world *w;
    uint64_t at;
    const char *engine_file;
};

static void save_engine(struct world *w, const char *file)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    struct err err = {0};
    fake_save(w->engine, &b);
    if (io_write_file(file, b.data, b.len, 0600, &err) < 0)
        _exit(1);
}

/* Other threads may be in the middle of a call: only what the engine has done so far counts. */
static void kill_here(void *arg, uint64_t n)
{
    const struct killing *k = arg;
    if (n < k->at)
        return;
    save_engine(k->w, k->engine_file);
    (void)raise(SIGKILL);
}

static void setup_engine(struct world *w)
{
    fake_behave(w->engine, "container/migrate", &(struct fake_behaviour){.exit_after_ns = NS_PER_MS});
    fake_behave(w->engine, "container/db", &(struct fake_behaviour){.healthy_after_ns = NS_PER_MS});
}

static void load_engine(struct world *w, const char *file)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    struct err err = {0};
    assert_int_equal(io_read_file(file, 1 << 24, &b, &err), 0);
    assert_int_equal(fake_load(w->engine, b.data, b.len, &err), 0);
}

/* In a child process: bring the engine to `want`, and die at a point. Returns true when it died there. */
static bool run_and_die(const char *name, const char *dir, const char *engine_file, const char *want,
                        uint64_t at)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct world w;
        world_init(&w, name, false);
        world_close(&w);
        world_open(&w, dir);
        load_engine(&w, engine_file);
        struct killing k = {.w = &w, .at = at, .engine_file = engine_file};
        w.options.test_point = kill_here;
        w.options.test_arg = &k;
        w.options.parallel = 3;
        w.runs = (unsigned)getpid(); /* makes the run's name unique */
        w.policy.self_heal = false;
        world_want(&w, want);
        int r = world_apply(&w);
        if (r < 0)
            fprintf(stderr, "the child's run: %s\n", w.err.msg);
        save_engine(&w, engine_file);
        world_close(&w);
        _exit(r == 0 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    assert_true(killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
    return killed;
}

/* Names of all objects, sorted, with what they run. */
static void describe(struct world *w, struct buf *out)
{
    for (size_t i = 0; i < w->observed.n; i++) {
        const struct object *o = w->observed.items[i];
        buf_addf(out, "%s %s %s\n", o->native_name, object_state_name(o->state), str_or(o->spec_digest, "-"));
    }
}

static void check_converges(const char *name, const char *dir, const char *engine_file, const char *want,
                            struct buf *expected, uint64_t at)
{
    struct world w;
    _cleanup_buf_ struct buf found = BUF_INIT;
    world_init(&w, name, false);
    world_close(&w);
    world_open(&w, dir);
    load_engine(&w, engine_file);
    w.policy.self_heal = false; /* interrupted changes must be finished regardless */
    w.runs = 1000000;
    world_want(&w, want);
    int r = world_apply(&w);
    if (r < 0)
        fail_msg("after a kill at point %llu: %s", (unsigned long long)at, w.err.msg);
    world_assert_in_sync(&w);
    describe(&w, &found);
    if (expected->len && !str_eq(buf_str(&found), buf_str(expected)))
        fail_msg("after a kill at point %llu:\n%s\ninstead of\n%s", (unsigned long long)at, buf_str(&found),
                 buf_str(expected));
    if (!expected->len)
        buf_add(expected, found.data, found.len);
    /* No other objects, and no open runs. */
    assert_int_equal(fake_objects(w.engine, NULL, NULL), w.observed.n);
    size_t runs;
    assert_int_equal(exec_recover(w.store, w.name, w.clock, &runs, &w.err), 0);
    assert_int_equal(runs, 0);
    world_release(&w);
}

/* A folder in memory: what a killed process has written survives it, and syncing is free. */
static void make_dir(char ret[64])
{
    bool shm = access("/dev/shm", W_OK) == 0;
    str_copy(ret, 64, shm ? "/dev/shm/forge-torture-XXXXXX" : "/tmp/forge-torture-XXXXXX");
    assert_non_null(mkdtemp(ret));
}

static void copy_dir(const char *from, const char *to)
{
    DIR *d = opendir(from);
    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d));) {
        _cleanup_buf_ struct buf content = BUF_INIT;
        char source[512], target[512];
        struct err err = {0};
        if (e->d_type != DT_REG)
            continue;
        snprintf(source, sizeof(source), "%s/%s", from, e->d_name);
        snprintf(target, sizeof(target), "%s/%s", to, e->d_name);
        assert_int_equal(io_read_file(source, 64 << 20, &content, &err), 0);
        assert_int_equal(io_write_file(target, content.data, content.len, 0600, &err), 0);
    }
    closedir(d);
}

/* From `before` to `want`, killed at every point. */
static void torture(const char *name, const char *before, const char *want, bool twice)
{
    const uint64_t stride = twice ? 3 * STRIDE : STRIDE;
    _cleanup_buf_ struct buf expected = BUF_INIT;
    struct err err = {0};
    char start[64], engine_file[80];
    make_dir(start);
    snprintf(engine_file, sizeof(engine_file), "%s/engine", start);
    struct world w;
    world_init(&w, name, false);
    setup_engine(&w);
    save_engine(&w, engine_file);
    world_release(&w);
    if (before)
        (void)run_and_die(name, start, engine_file, before, UINT64_MAX);

    bool died = true;
    uint64_t at, points = 0;
    for (at = 0; died; at += at ? stride : 1, points++) {
        char dir[64];
        make_dir(dir);
        copy_dir(start, dir);
        snprintf(engine_file, sizeof(engine_file), "%s/engine", dir);
        /* First without being killed, for the expected state. */
        died = run_and_die(name, dir, engine_file, want, at == 0 ? UINT64_MAX : at) || at == 0;
        /* Killed again during the repair, at another point each time. */
        if (twice && at > 0)
            (void)run_and_die(name, dir, engine_file, want, 1 + at % 37);
        check_converges(name, dir, engine_file, want, &expected, at);
        assert_int_equal(io_remove_tree(dir, &err), 0);
    }
    assert_int_equal(io_remove_tree(start, &err), 0);
    print_message("killed at %llu points\n", (unsigned long long)points - 2);
    assert_true(at > 50);
}

static void test_first_apply(_unused_ void **state)
{
    torture("torture", NULL, first_want, false);
}

static void test_second_apply(_unused_ void **state)
{
    torture("torture", first_want, then_want, false);
}

static void test_killed_twice(_unused_ void **state)
{
    torture("torture", first_want, then_want, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_apply),
        cmocka_unit_test(test_second_apply),
        cmocka_unit_test(test_killed_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
