/* The automation of one environment, with a loop, a git repository and the fake engine. */
#include "reconciler/daemon/env.h"

#include "base/io.h"
#include "base/log.h"
#include "base/str.h"
#include "tests/unit/engine/engine_world.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE_NS (20 * NS_PER_S)
#define TICK_NS     (2 * NS_PER_MS)

struct aw {
    struct ew w; /* its own engine object plays "another process" */
    struct loop *loop;
    struct pool *jobs, *inspect;
    struct env *env;
    struct clock *clock;           /* of `env`; NULL: the system's */
    uint64_t reconciles, failures; /* before something is waited for */
    /* Of wait_for(). */
    bool (*until)(struct aw *a);
    int64_t deadline_ns;
    bool reached;
    struct loop_timer tick;
};

static void tick(void *arg)
{
    struct aw *a = arg;
    int64_t now = clock_mono(clock_system());
    a->reached = a->until && a->until(a);
    if (a->reached || now >= a->deadline_ns)
        loop_stop(a->loop);
    else
        loop_timer_at(a->loop, &a->tick, now + TICK_NS);
}

static void run_for(struct aw *a, bool (*until)(struct aw *), int64_t ns)
{
    struct err err = {0};
    a->until = until;
    a->deadline_ns = clock_mono(clock_system()) + ns;
    a->tick = (struct loop_timer){.fn = tick, .arg = a};
    loop_timer_at(a->loop, &a->tick, 1);
    assert_ok(loop_run(a->loop, &err));
    loop_timer_remove(a->loop, &a->tick);
}

#define wait_for(a, until)                     \
    do {                                       \
        run_for((a), (until), PATIENCE_NS);    \
        if (!(a)->reached)                     \
            fail_msg("%s never came", #until); \
    } while (0)

static struct env_numbers numbers(struct aw *a)
{
    struct env_numbers n;
    env_numbers(a->env, &n);
    return n;
}

static void aw_prepare(struct aw *a, const char *name)
{
    *a = (struct aw){0};
    ew_init(&a->w, name, EW_GIT, false);
    a->w.env.clock = clock_system();
    engine_close(a->w.engine);
    ew_ok_of(&a->w, engine_open(&a->w.config, &a->w.env, &a->w.engine, &a->w.err));
    a->loop = loop_new();
    a->jobs = pool_new(4);
    a->inspect = pool_new(2);
}

static void aw_start(struct aw *a)
{
    const struct env_host host = {.loop = a->loop,
                                  .store = a->w.store,
                                  .jobs = a->jobs,
                                  .inspect = a->inspect,
                                  .clock = a->clock ? a->clock : clock_system()};
    ew_ok_of(&a->w, env_new(&a->w.config, &host, &a->env, &a->w.err));
}

static bool is_idle(struct aw *a)
{
    return env_idle(a->env);
}

static void aw_stop(struct aw *a)
{
    env_stop(a->env);
    wait_for(a, is_idle);
    env_free(a->env);
    a->env = NULL;
}

static void aw_release(struct aw *a)
{
    if (a->env)
        aw_stop(a);
    pool_free(a->jobs);
    pool_free(a->inspect);
    loop_free(a->loop);
    ew_release(&a->w);
}

static bool web_runs(struct aw *a)
{
    char name[96];
    snprintf(name, sizeof(name), "%s-web-1", a->w.name);
    return fake_exists(a->w.fake, name) && fake_state(a->w.fake, name) == OBJECT_RUNNING;
}

/* Nothing is in progress, and nothing is left to do. */
static bool settled(struct aw *a)
{
    struct env_numbers n = numbers(a);
    return web_runs(a) && env_idle(a->env) && n.last_success_ns && n.out_of_sync == 0;
}

static void rest(struct aw *a, int64_t ms)
{
    run_for(a, NULL, ms * NS_PER_MS);
}

static bool is_broken(struct aw *a)
{
    return env_idle(a->env) && ew_state(&a->w).error;
}

static bool corrected(struct aw *a)
{
    return env_idle(a->env) && web_runs(a) && numbers(a).corrections > 0;
}

static bool generation_2(struct aw *a)
{
    return env_idle(a->env) && numbers(a).generation == 2;
}

/* While the newest commit is invalid, an event causes no listing of other resources than its own. */
static void test_drift_below_a_broken_commit(_unused_ void **state)
{
    struct aw a;
    char name[96];
    aw_prepare(&a, "dbroken");
    snprintf(name, sizeof(name), "%s-web-1", a.w.name);
    ew_commit(&a.w, "app.yaml", EW_C("web", "") EW_C("two", ""));
    aw_start(&a);
    wait_for(&a, settled);
    ew_commit(&a.w, "bad.yaml", "spec: [\n");
    wait_for(&a, is_broken);
    rest(&a, 300);
    fake_calls_clear(a.w.fake);
    fake_kill(a.w.fake, name, 1);
    wait_for(&a, corrected);
    /* Before and after the correction, for the one container; and once more for the correction's events. */
    assert_in_range(fake_count(a.w.fake, FAKE_OBSERVE), 2, 4);
    assert_non_null(ew_state(&a.w).error); /* the error is still reported */
    /* Once the error is fixed, the repository is followed. */
    ew_commit(&a.w, "bad.yaml", EW_C("three", ""));
    wait_for(&a, generation_2);
    assert_null(ew_state(&a.w).error);
    aw_release(&a);
}

static bool two_users(struct aw *a)
{
    return env_idle(a->env) && fake_exists(a->w.fake, arena_printf(&a->w.arena, "%s-two-1", a->w.name));
}

/* Two commits are applied one after the other, and then nothing happens. */
static void test_commits_are_applied(_unused_ void **state)
{
    struct aw a;
    aw_prepare(&a, "dcommit");
    ew_commit(&a.w, "app.yaml", EW_C("web", ""));
    aw_start(&a);
    wait_for(&a, settled);
    assert_int_equal(numbers(&a).generation, 1);
    ew_commit(&a.w, "app.yaml", EW_C("web", "") EW_C("two", ""));
    wait_for(&a, generation_2);
    wait_for(&a, two_users);
    rest(&a, 300); /* until the events of our own changes have been handled */
    struct env_numbers before = numbers(&a);
    fake_calls_clear(a.w.fake);
    rest(&a, 500);
    struct env_numbers after = numbers(&a);
    assert_int_equal(fake_reads(a.w.fake) + fake_writes(a.w.fake), 0);
    assert_int_equal(before.reconciles, after.reconciles);
    assert_int_equal(before.fetches, after.fetches);
    assert_int_equal(after.failures, 0);
    assert_true(after.engine_connected);
    aw_release(&a);
}

/* L8 */
static void test_drift_is_healed_and_flapping_is_held(_unused_ void **state)
{
    struct aw a;
    aw_prepare(&a, "ddrift");
    ew_commit(&a.w, "app.yaml", EW_C("web", "") EW_C("db", ""));
    aw_start(&a);
    wait_for(&a, settled);
    rest(&a, 200);
    for (unsigned i = 0; i < FLAP_CORRECTIONS; i++) {
        assert_true(web_runs(&a));
        int64_t began = clock_mono(clock_system());
        fake_kill(a.w.fake, "ddrift-web-1", 1);
        wait_for(&a, web_runs);
        assert_true(clock_mono(clock_system()) - began < NS_PER_S);
        wait_for(&a, settled);
        rest(&a, 60);
    }
    assert_int_equal(numbers(&a).corrections, FLAP_CORRECTIONS);
    fake_kill(a.w.fake, "ddrift-web-1", 1);
    rest(&a, 500);
    assert_false(web_runs(&a));
    assert_int_equal(ew_applied(&a.w, "container/web")->status, APPLIED_HELD);
    assert_int_equal(numbers(&a).held, 1);
    assert_int_equal(numbers(&a).generation, 1);
    fake_kill(a.w.fake, "ddrift-db-1", 1); /* L4: another one is still healed */
    rest(&a, 500);
    assert_int_equal(fake_state(a.w.fake, "ddrift-db-1"), OBJECT_RUNNING);
    aw_release(&a);
}

static bool waits_for_health(struct aw *a)
{
    return fake_exists(a->w.fake, "dnewer-web-1") && !env_idle(a->env);
}

/* L2: a newer commit ends the wait of an older one. */
static void test_newer_commit_cancels(_unused_ void **state)
{
    struct aw a;
    aw_prepare(&a, "dnewer");
    fake_behave(a.w.fake, "container/web", &(struct fake_behaviour){.healthy_after_ns = FAKE_NEVER});
    ew_commit(&a.w, "app.yaml",
              EW_C("web", ", healthcheck: {test: [CMD, \"true\"], interval: 60s, start_period: 1h}")
                  EW_C("after", ", depends_on: {web: {condition: healthy}}"));
    aw_start(&a);
    wait_for(&a, waits_for_health);
    int64_t began = clock_mono(clock_system());
    ew_commit(&a.w, "app.yaml", EW_C("web", "") EW_C("two", ""));
    wait_for(&a, two_users);
    assert_true(clock_mono(clock_system()) - began < 5 * NS_PER_S);
    assert_false(fake_exists(a.w.fake, "dnewer-after-1"));
    assert_int_equal(numbers(&a).failures, 0); /* a cancellation is not a failure */
    aw_release(&a);
}

/* L2: events during a run are handled after it. */
static void test_events_during_a_run(_unused_ void **state)
{
    struct aw a;
    aw_prepare(&a, "dduring");
    ew_commit(&a.w, "app.yaml", EW_C("web", ""));
    aw_start(&a);
    wait_for(&a, settled);
    rest(&a, 200);
    fake_latency(a.w.fake, FAKE_CREATE, 300 * NS_PER_MS);
    ew_commit(&a.w, "app.yaml", EW_C("web", "") EW_C("two", ""));
    rest(&a, 100);
    assert_false(env_idle(a.env));
    fake_kill(a.w.fake, "dduring-web-1", 1);
    wait_for(&a, two_users);
    wait_for(&a, web_runs);
    aw_release(&a);
}

static bool failed(struct aw *a)
{
    return env_idle(a->env) && numbers(a).failures > 0;
}

/* The engine is unreachable: the environment backs off, reports it, and continues when the engine is back. */
static void test_engine_away(_unused_ void **state)
{
    struct aw a;
    aw_prepare(&a, "daway");
    ew_commit(&a.w, "app.yaml", EW_C("web", ""));
    const struct fake_fault away = {.verb = FAKE_OBSERVE,
                                    .always = true,
                                    .code = ERR_UNAVAILABLE,
                                    .retryable = true,
                                    .message = "the engine is away"};
    fake_fault(a.w.fake, &away);
    fake_fault(a.w.fake, &(struct fake_fault){.verb = FAKE_WATCH, .code = ERR_UNAVAILABLE});
    aw_start(&a);
    assert_false(numbers(&a).engine_connected);
    wait_for(&a, failed);
    assert_contains(ew_state(&a.w).error, "the engine is away");
    rest(&a, 300);
    assert_true(fake_count(a.w.fake, FAKE_OBSERVE) < 3);
    fake_faults_clear(a.w.fake);
    wait_for(&a, settled);
    assert_null(ew_state(&a.w).error);
    rest(&a, 1500);
    assert_true(numbers(&a).engine_connected);
    aw_release(&a);
}

static bool db_is_gone(struct aw *a)
{
    return env_idle(a->env) && !fake_exists(a->w.fake, "dretry-db-1") && numbers(a).last_success_ns;
}

/* A failed change is retried automatically when its back-off is over. */
static void test_retry_timer(_unused_ void **state)
{
    struct aw a;
    aw_prepare(&a, "dretry");
    ew_commit(&a.w, "app.yaml", EW_C("web", "") EW_C("db", ""));
    aw_start(&a);
    wait_for(&a, settled);
    fake_fault(a.w.fake,
               &(struct fake_fault){.verb = FAKE_REMOVE, .code = ERR_FAILED, .name = "dretry-db-1"});
    ew_commit(&a.w, "app.yaml", EW_C("web", ""));
    wait_for(&a, failed);
    assert_int_equal(ew_applied(&a.w, "container/db")->status, APPLIED_DELETING);
    wait_for(&a, db_is_gone);
    rest(&a, 100);
    assert_int_equal(numbers(&a).generation, 2);
    assert_int_equal(ew_generation(&a.w, 2).status, GEN_OK);
    aw_release(&a);
}

/* How often the log has an event. */
static size_t logged(const char *file, const char *event)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    struct err err = {0};
    size_t n = 0;
    assert_ok(io_read_file(file, 1 << 20, &b, &err));
    for (const char *at = buf_str(&b); (at = strstr(at, event)); at++)
        n++;
    return n;
}

static void look_again(struct aw *a)
{
    a->reconciles = numbers(a).reconciles;
    env_look_again(a->env);
}

static bool has_looked(struct aw *a)
{
    return env_idle(a->env) && numbers(a).reconciles > a->reconciles;
}

static bool refused_again(struct aw *a)
{
    return env_idle(a->env) && numbers(a).failures > a->failures;
}

/* A commit that waits for approval is tried again, and logged once: it, and the next one. */
static void test_a_refusal_is_logged_once(_unused_ void **state)
{
    struct aw a;
    aw_prepare(&a, "drefused");
    const char *file = arena_printf(&a.w.arena, "%s.log", a.w.repo);
    int fd = open(file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    a.w.config.delete_cap = 1;
    ew_commit(&a.w, "app.yaml", EW_C("web", "") EW_C("one", "") EW_C("two", ""));
    aw_start(&a);
    wait_for(&a, settled);
    log_redirect(fd, NULL);
    ew_commit(&a.w, "app.yaml", EW_C("web", ""));
    wait_for(&a, failed);
    for (int i = 0; i < 3; i++) {
        look_again(&a);
        wait_for(&a, has_looked);
    }
    assert_int_equal(logged(file, "apply.failed"), 1);
    assert_int_equal(logged(file, "reconcile.failed"), 1);
    a.failures = numbers(&a).failures;
    ew_commit(&a.w, "app.yaml", EW_C("web", ", user: \"3\""));
    wait_for(&a, refused_again);
    assert_int_equal(logged(file, "apply.failed"), 2);
    assert_int_equal(logged(file, "reconcile.failed"), 2);
    log_redirect(STDERR_FILENO, NULL);
    close(fd);
    unlink(file);
    aw_release(&a);
}

static void interrupt(void *arg)
{
    env_interrupt(((struct aw *)arg)->env);
}

/* S7: nothing is written during a suspension; its end causes no event, but is noticed. */
static void test_suspension(_unused_ void **state)
{
    struct aw a;
    aw_prepare(&a, "dsuspend");
    ew_commit(&a.w, "app.yaml", EW_C("web", ""));
    int64_t until = clock_wall(clock_system()) + NS_PER_S;
    ew_ok_of(&a.w, engine_suspend(a.w.engine, "alice", "lunch", until, &a.w.err));
    aw_start(&a);
    loop_post(a.loop, interrupt, &a);
    rest(&a, 400);
    assert_int_equal(fake_writes(a.w.fake), 0);
    assert_true(numbers(&a).suspended);
    assert_int_equal(numbers(&a).failures, 0);
    wait_for(&a, settled);
    assert_true(clock_wall(clock_system()) >= until);
    assert_false(numbers(&a).suspended);
    aw_release(&a);
}

static bool after_runs(struct aw *a)
{
    return fake_exists(a->w.fake, "dmidway-after-1");
}

static bool first_waits(struct aw *a)
{
    return fake_exists(a->w.fake, "dmidway-web-1") && !env_idle(a->env);
}

/* A suspension set by another process during a run ends the run, which continues after the suspension. */
static void test_suspension_of_a_run(_unused_ void **state)
{
    struct aw a;
    aw_prepare(&a, "dmidway");
    fake_behave(a.w.fake, "container/web", &(struct fake_behaviour){.healthy_after_ns = FAKE_NEVER});
    ew_commit(&a.w, "app.yaml",
              EW_C("web", ", healthcheck: {test: [CMD, \"true\"], interval: 60s, start_period: 1h}")
                  EW_C("after", ", depends_on: {web: {condition: healthy}}"));
    aw_start(&a);
    wait_for(&a, first_waits);
    int64_t until = clock_wall(clock_system()) + 2 * NS_PER_S;
    ew_ok_of(&a.w, engine_suspend(a.w.engine, "alice", "lunch", until, &a.w.err));
    wait_for(&a, is_idle);
    rest(&a, 100);
    assert_true(numbers(&a).suspended);
    fake_set_health(a.w.fake, "dmidway-web-1", HEALTH_HEALTHY);
    wait_for(&a, after_runs);
    assert_true(clock_wall(clock_system()) >= until);
    aw_release(&a);
}

static bool lock_is_felt(struct aw *a)
{
    return env_idle(a->env) && numbers(a).reconciles > 1;
}

/* L6: another writer holds the lock: waiting for it is not a failure. */
static void test_another_writer(_unused_ void **state)
{
    struct aw a;
    aw_prepare(&a, "dlock");
    ew_commit(&a.w, "app.yaml", EW_C("web", ""));
    int lock;
    ew_ok_of(&a.w, store_lock(a.w.store, "dlock", "bob", &lock, &a.w.err));
    aw_start(&a);
    wait_for(&a, lock_is_felt);
    assert_int_equal(fake_writes(a.w.fake), 0);
    assert_int_equal(numbers(&a).failures, 0);
    assert_null(ew_state(&a.w).error);
    close(lock);
    wait_for(&a, settled);
    aw_release(&a);
}

static void poke(void *arg)
{
    env_poke(((struct aw *)arg)->env);
}

static bool answered(struct aw *a)
{
    return numbers(a).answered >= numbers(a).requested;
}

/* A request is answered by a run that has observed the state at the time of the request or later. */
static void test_request(_unused_ void **state)
{
    struct aw a;
    aw_prepare(&a, "drequest");
    ew_commit(&a.w, "app.yaml", EW_C("web", ""));
    aw_start(&a);
    wait_for(&a, settled);
    for (int i = 0; i < 5; i++) {
        const char *commit =
            ew_commit(&a.w, "app.yaml", arena_printf(&a.w.arena, EW_C("web", ", user: \"%d\""), i));
        assert_int_equal(env_request(a.env), i + 1);
        loop_post(a.loop, poke, &a);
        wait_for(&a, answered);
        assert_int_equal(numbers(&a).answer, 0);
        assert_string_equal(ew_state(&a.w).applied_commit, commit);
    }
    ew_commit(&a.w, "app.yaml", "kind: Nonsense\n");
    env_request(a.env);
    loop_post(a.loop, poke, &a);
    wait_for(&a, answered);
    assert_int_equal(numbers(&a).answer, ERR_INVALID);
    aw_release(&a);
}

static void block(void *arg)
{
    cancel_sleep(arg, PATIENCE_NS);
}

/* A request during a fetch needs another fetch: the current one may have missed the newest commit. */
static void test_request_during_a_fetch(_unused_ void **state)
{
    struct aw a;
    aw_prepare(&a, "dfetch");
    ew_commit(&a.w, "app.yaml", EW_C("web", ""));
    aw_start(&a);
    wait_for(&a, settled);
    rest(&a, 200);
    uint64_t before = numbers(&a).fetches;
    struct cancel go;
    cancel_init(&go);
    for (int i = 0; i < 4; i++)
        pool_submit(a.jobs, block, &go);
    for (int i = 0; i < 3; i++) {
        env_request(a.env);
        loop_post(a.loop, poke, &a);
    }
    rest(&a, 50);
    cancel_set(&go);
    wait_for(&a, answered);
    assert_int_equal(numbers(&a).fetches, before + 2);
    pool_drain(a.jobs);
    cancel_release(&go);
    aw_release(&a);
}

/* X3: an error in the newest commit stays reported while the last good commit is maintained. */
static void test_last_good_is_kept(_unused_ void **state)
{
    struct aw a;
    aw_prepare(&a, "dgood");
    ew_commit(&a.w, "app.yaml", EW_C("web", ""));
    aw_start(&a);
    wait_for(&a, settled);
    for (int hostile = 0; hostile < 2; hostile++) {
        if (hostile) {
            assert_int_equal(symlink("/etc/passwd", unit_path(a.w.repo, "link.yaml")), 0);
            ew_commit(&a.w, "app.yaml", EW_C("web", ", user: \"3\""));
        } else {
            ew_commit(&a.w, "app.yaml", "kind: Nonsense\n");
        }
        rest(&a, 400);
        const char *error = ew_state(&a.w).error;
        assert_non_null(error);
        fake_remove(a.w.fake, "dgood-web-1");
        wait_for(&a, web_runs);
        rest(&a, 300);
        assert_string_equal(ew_state(&a.w).error, error);
        assert_int_equal(numbers(&a).generation, 1);
    }
    aw_release(&a);
}

/* A socket on which nobody ever answers; with `full` even connect() blocks. */
static int deaf_socket(struct aw *a, bool full)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    str_copy(addr.sun_path, sizeof(addr.sun_path), arena_printf(&a->w.arena, "%s.deaf", a->w.repo));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_int_equal(listen(fd, full ? 0 : 8), 0);
    for (int i = 0; full && i < 4; i++) {
        int client = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(client, (const struct sockaddr *)&addr, sizeof(addr));
    }
    a->w.target.url = arena_printf(&a->w.arena, "unix://%s", addr.sun_path);
    return fd;
}

/* An engine that does not answer does not block the loop, and is not reported as connected. */
static void test_engine_is_deaf(_unused_ void **state)
{
    for (int full = 0; full < 2; full++) {
        struct aw a;
        aw_prepare(&a, full ? "dfull" : "ddeaf");
        int fd = deaf_socket(&a, full);
        int64_t begin = clock_mono(clock_system());
        aw_start(&a);
        rest(&a, 200);
        assert_true(clock_mono(clock_system()) - begin < NS_PER_S);
        assert_false(numbers(&a).engine_connected);
        close(fd);
        aw_release(&a);
    }
}

static bool fetch_fails(struct aw *a)
{
    return numbers(a).fetch_failing_ns > 0;
}

static bool fetch_works(struct aw *a)
{
    return numbers(a).fetch_failing_ns == 0 && env_idle(a->env);
}

/* Failing fetches are reported: since when, why, and when the next attempt is; and no longer once they
   succeed. */
static void test_failing_fetches_are_told(_unused_ void **state)
{
    struct aw a;
    aw_prepare(&a, "dfetch");
    ew_commit(&a.w, "app.yaml", EW_C("web", ""));
    aw_start(&a);
    wait_for(&a, settled);
    assert_false(fetch_fails(&a));
    const char *away = arena_printf(&a.w.arena, "%s.away", a.w.repo);
    assert_int_equal(rename(a.w.repo, away), 0);
    loop_post(a.loop, poke, &a);
    wait_for(&a, fetch_fails);
    int64_t since = numbers(&a).fetch_failing_ns;
    loop_post(a.loop, poke, &a);
    rest(&a, 100);
    assert_int_equal(numbers(&a).fetch_failing_ns, since);
    assert_true(numbers(&a).fetch_next_ns > since);
    assert_non_null(strstr(numbers(&a).fetch_error, a.w.repo));
    assert_int_equal(rename(away, a.w.repo), 0);
    loop_post(a.loop, poke, &a);
    wait_for(&a, fetch_works);
    assert_string_equal(numbers(&a).fetch_error, "");
    aw_release(&a);
}

static bool is_connected(struct aw *a)
{
    return numbers(a).engine_connected;
}

static void test_engine_is_connected(_unused_ void **state)
{
    struct aw a;
    aw_prepare(&a, "dconn");
    aw_start(&a);
    wait_for(&a, is_connected);
    aw_stop(&a);
    aw_release(&a);
}

/* ---- registries ---- */

static _Atomic int64_t ahead_ns; /* of the wall clock */

static int64_t wall_ahead(struct clock *c)
{
    (void)c;
    return clock_wall(clock_system()) + ahead_ns;
}

static int64_t mono_as_is(struct clock *c)
{
    (void)c;
    return clock_mono(clock_system());
}

static void sleep_as_is(struct clock *c, int64_t ns)
{
    (void)c;
    clock_sleep(clock_system(), ns);
}

static int64_t times_asked(struct aw *a)
{
    struct val *entry = val_get(ew_state(&a->w).images, "container/web");
    return val_get_int(entry, "failures", 0);
}

static bool asked_once(struct aw *a)
{
    return times_asked(a) == 1;
}

static bool asked_again(struct aw *a)
{
    return times_asked(a) > 1;
}

/* A registry that became due while what another had was applied is asked after that, not a minute later. */
static void test_a_registry_due_during_a_run(_unused_ void **state)
{
#define FOLLOWING(policy) \
    EW_HEAD("Container", "web") "spec: {image: \"127.0.0.1:1/app:1\", network_mode: none" policy "}\n"
    struct clock shifted = {wall_ahead, mono_as_is, sleep_as_is};
    struct aw a;
    ahead_ns = 0;
    aw_prepare(&a, "ddue");
    a.clock = &shifted;
    fake_image(a.w.fake, &(struct fake_image){.ref = "127.0.0.1:1/app:1", .local = 1});
    ew_commit(&a.w, "app.yaml", FOLLOWING(""));
    aw_start(&a);
    wait_for(&a, settled);
    rest(&a, 300); /* no other run may be what asks again */
    fake_latency(a.w.fake, FAKE_OBSERVE, NS_PER_S);
    ew_commit(&a.w, "app.yaml", FOLLOWING(", image_policy: {follow: digest}"));
    wait_for(&a, asked_once);
    ahead_ns = 3600 * NS_PER_S; /* the run looks at the engine meanwhile */
    wait_for(&a, asked_again);
    aw_release(&a);
#undef FOLLOWING
}

/* A restart does nothing unnecessary; a stop during a run is orderly. */
static void test_stop_and_start(_unused_ void **state)
{
    struct aw a;
    aw_prepare(&a, "dstop");
    fake_latency(a.w.fake, FAKE_CREATE, 200 * NS_PER_MS);
    ew_commit(&a.w, "app.yaml", EW_C("web", "") EW_C("two", ", depends_on: [web]"));
    aw_start(&a);
    loop_post(a.loop, poke, &a);
    rest(&a, 100);
    assert_false(env_idle(a.env));
    aw_stop(&a);
    aw_start(&a);
    wait_for(&a, two_users);
    wait_for(&a, settled);
    assert_int_equal(fake_objects(a.w.fake, NULL, "dstop"), 2);
    aw_stop(&a);
    fake_calls_clear(a.w.fake);
    aw_start(&a);
    wait_for(&a, settled);
    rest(&a, 100);
    assert_int_equal(fake_writes(a.w.fake), 0);
    aw_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commits_are_applied),
        cmocka_unit_test(test_drift_below_a_broken_commit),
        cmocka_unit_test(test_drift_is_healed_and_flapping_is_held),
        cmocka_unit_test(test_newer_commit_cancels),
        cmocka_unit_test(test_events_during_a_run),
        cmocka_unit_test(test_engine_away),
        cmocka_unit_test(test_retry_timer),
        cmocka_unit_test(test_a_refusal_is_logged_once),
        cmocka_unit_test(test_suspension),
        cmocka_unit_test(test_suspension_of_a_run),
        cmocka_unit_test(test_another_writer),
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_request_during_a_fetch),
        cmocka_unit_test(test_last_good_is_kept),
        cmocka_unit_test(test_failing_fetches_are_told),
        cmocka_unit_test(test_engine_is_deaf),
        cmocka_unit_test(test_engine_is_connected),
        cmocka_unit_test(test_a_registry_due_during_a_run),
        cmocka_unit_test(test_stop_and_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
