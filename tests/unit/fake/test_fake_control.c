/* What tests can do to the fake engine and read from it: faults, power cuts, counters, events, logs. */
#include "providers/fake/fake.h"

#include "base/str.h"
#include "reconciler/plan/bind.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>
#include <cmocka.h>

struct fixture {
    struct fake_engine *engine;
    struct clock_fake clock;
    struct target target;
    struct provider *p;
    struct arena a;
    struct err err;
};

static void setup_with(struct fixture *f, struct clock *clock)
{
    *f = (struct fixture){.target = {.name = "t", .url = "fake://control"}};
    clock_fake_init(&f->clock, INT64_C(1800000000) * NS_PER_S);
    const struct provider_env env = {.clock = clock ? clock : &f->clock.clock};
    f->engine = fake_engine("control");
    assert_int_equal(provider_fake.open(&f->target, &env, &f->p, &f->err), 0);
    fake_image(f->engine, &(struct fake_image){.ref = "app:1", .local = 1});
}

static void setup(struct fixture *f)
{
    setup_with(f, NULL);
}

static void teardown(struct fixture *f)
{
    provider_fake.close(f->p);
    fake_engine_free(f->engine);
    arena_release(&f->a);
}

static int run(struct fixture *f, enum step_verb verb, const char *name)
{
    struct val *spec = val_map(&f->a), *labels = val_map(&f->a);
    val_set_str(&f->a, spec, "image", "app:1");
    val_set_str(&f->a, labels, MARK_OWNER, "env");
    val_set_str(&f->a, labels, MARK_RESOURCE, "container/a");
    val_set_str(&f->a, labels, MARK_INSTANCE, "1");
    const struct step s = {.verb = verb,
                           .kind = &kind_container,
                           .id = "container/a",
                           .native_name = name,
                           .image = "app:1",
                           .spec = spec,
                           .labels = labels};
    const struct step_context ctx = {0};
    struct step_result result;
    f->err = (struct err){0};
    return provider_fake.apply(f->p, &s, &ctx, &result, &f->err);
}

static void test_faults(_unused_ void **state)
{
    struct fixture f;
    setup(&f);
    fake_fault(f.engine,
               &(struct fake_fault){.verb = FAKE_CREATE, .name = "b", .code = ERR_BUSY, .retryable = true});
    fake_fault(f.engine, &(struct fake_fault){.verb = FAKE_CREATE, .nth = 3, .code = ERR_IO, .always = true});
    assert_int_equal(run(&f, STEP_CREATE, "a"), 0);
    assert_int_equal(run(&f, STEP_CREATE, "b"), ERR_BUSY);
    assert_true(f.err.retryable);
    assert_false(fake_exists(f.engine, "b"));
    assert_int_equal(run(&f, STEP_CREATE, "b"), ERR_IO);
    assert_int_equal(run(&f, STEP_CREATE, "b"), ERR_IO);
    fake_faults_clear(f.engine);
    assert_int_equal(run(&f, STEP_CREATE, "b"), 0);
    /* The call takes effect, but its answer is lost. */
    fake_fault(f.engine,
               &(struct fake_fault){.verb = FAKE_START, .code = ERR_UNAVAILABLE, .after_effect = true});
    assert_int_equal(run(&f, STEP_START, "a"), ERR_UNAVAILABLE);
    assert_int_equal(fake_state(f.engine, "a"), OBJECT_RUNNING);
    assert_int_equal(run(&f, STEP_START, "a"), 0);
    teardown(&f);
}

static void test_power_cut(_unused_ void **state)
{
    for (int after = 0; after < 2; after++) {
        struct fixture f;
        unsigned caps;
        const char *engine;
        setup(&f);
        fake_power_cut(f.engine, 2, after);
        assert_int_equal(run(&f, STEP_CREATE, "a"), 0);
        assert_int_equal(run(&f, STEP_START, "a"), ERR_UNAVAILABLE);
        assert_int_equal(provider_fake.ping(f.p, &caps, &engine, &f.a, &f.err), ERR_UNAVAILABLE);
        assert_int_equal(run(&f, STEP_START, "a"), ERR_UNAVAILABLE);
        fake_power_cut(f.engine, 0, false);
        assert_int_equal(fake_state(f.engine, "a"), after ? OBJECT_RUNNING : OBJECT_CREATED);
        assert_int_equal(provider_fake.ping(f.p, &caps, &engine, &f.a, &f.err), 0);
        teardown(&f);
    }
}

static void test_counters(_unused_ void **state)
{
    struct fixture f;
    struct observed seen;
    setup(&f);
    assert_int_equal(run(&f, STEP_PULL, "a"), 0);
    assert_int_equal(fake_writes(f.engine), 0);
    assert_int_equal(run(&f, STEP_CREATE, "a"), 0);
    assert_int_equal(run(&f, STEP_CREATE, "a"), 0);
    const struct observe_request rq = {.owner = "env"};
    assert_int_equal(provider_fake.observe(f.p, &rq, NULL, &f.a, &seen, &f.err), 0);
    assert_int_equal(seen.n, 1);
    assert_int_equal(fake_writes(f.engine), 2);
    assert_int_equal(fake_changes(f.engine), 1);
    assert_int_equal(fake_reads(f.engine), 2);
    assert_int_equal(fake_count(f.engine, FAKE_CREATE), 2);
    size_t n;
    _cleanup_free_ struct fake_call *calls = fake_calls(f.engine, &n);
    assert_int_equal(n, 4);
    assert_int_equal(calls[1].verb, FAKE_CREATE);
    assert_true(calls[1].changed);
    assert_false(calls[2].changed);
    fake_calls_clear(f.engine);
    assert_int_equal(fake_writes(f.engine), 0);
    teardown(&f);
}

struct heard {
    char text[512];
    bool lost;
};

static void hear(void *arg, const struct provider_event *ev)
{
    struct heard *h = arg;
    size_t n = strlen(h->text);
    if (ev->lost)
        h->lost = true;
    else
        snprintf(h->text + n, sizeof(h->text) - n, "%s %s,", ev->id, ev->action);
}

static bool readable(int fd, int ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, ms) == 1;
}

static void test_events(_unused_ void **state)
{
    struct fixture f;
    struct heard h = {0};
    struct watch w = {.event = hear, .arg = &h}, other = {.event = hear, .arg = &h};
    setup(&f);
    assert_int_equal(provider_fake.watch_open(f.p, "env", &w, &f.err), 0);
    assert_int_equal(provider_fake.watch_open(f.p, "another", &other, &f.err), 0);
    assert_false(readable(w.fd, 0));
    assert_int_equal(run(&f, STEP_CREATE, "a"), 0);
    assert_int_equal(run(&f, STEP_START, "a"), 0);
    fake_foreign(f.engine, &kind_container, "theirs", NULL);
    fake_kill(f.engine, "a", 137);
    assert_true(readable(w.fd, 0));
    assert_int_equal(provider_fake.watch_dispatch(&other, &f.err), 0);
    assert_string_equal(h.text, "");
    assert_int_equal(provider_fake.watch_dispatch(&w, &f.err), 0);
    assert_string_equal(h.text, "container/a create,container/a start,container/a die,");
    assert_false(readable(w.fd, 0));
    fake_lose_events(f.engine);
    assert_int_equal(provider_fake.watch_dispatch(&w, &f.err), 0);
    assert_true(h.lost);
    provider_fake.watch_close(&w);
    provider_fake.watch_close(&other);
    teardown(&f);
}

/* On the real clock, a future event wakes the watcher when it is due. */
static void test_events_come_by_themselves(_unused_ void **state)
{
    struct fixture f;
    struct heard h = {0};
    struct watch w = {.event = hear, .arg = &h};
    setup_with(&f, clock_system());
    fake_behave(f.engine, "a", &(struct fake_behaviour){.exit_after_ns = 50 * NS_PER_MS, .exit_code = 4});
    assert_int_equal(provider_fake.watch_open(f.p, NULL, &w, &f.err), 0);
    assert_int_equal(run(&f, STEP_CREATE, "a"), 0);
    assert_int_equal(run(&f, STEP_START, "a"), 0);
    assert_int_equal(provider_fake.watch_dispatch(&w, &f.err), 0);
    for (int i = 0; i < 20 && !strstr(h.text, "die"); i++) {
        assert_true(readable(w.fd, 5000));
        assert_int_equal(provider_fake.watch_dispatch(&w, &f.err), 0);
    }
    assert_string_equal(h.text, "container/a create,container/a start,container/a die,");
    provider_fake.watch_close(&w);
    teardown(&f);
}

static void add_line(void *arg, int stream, const char *text, size_t len)
{
    struct buf *b = arg;
    buf_addf(b, "%d:%.*s;", stream, (int)len, text);
}

static void test_logs_exec_stats(_unused_ void **state)
{
    struct fixture f;
    _cleanup_buf_ struct buf lines = BUF_INIT;
    setup(&f);
    assert_int_equal(run(&f, STEP_CREATE, "a"), 0);
    assert_int_equal(run(&f, STEP_START, "a"), 0);
    for (int i = 0; i < 3; i++)
        fake_log_line(f.engine, "a", i == 1 ? 2 : 1, i == 1 ? "bad" : "good");
    const struct logs_request logs = {.native_name = "a", .tail = 2, .line = add_line, .arg = &lines};
    assert_int_equal(provider_fake.logs(f.p, &logs, NULL, &f.err), 0);
    assert_string_equal(buf_str(&lines), "2:bad;1:good;");

    int fds[2], code;
    char out[16] = "";
    assert_int_equal(pipe(fds), 0);
    fake_exec_result(f.engine, 7, "hello");
    const struct exec_request rq = {.native_name = "a", .in_fd = -1, .out_fd = fds[1], .err_fd = -1};
    assert_int_equal(provider_fake.exec(f.p, &rq, NULL, &code, &f.err), 0);
    assert_int_equal(code, 7);
    assert_int_equal(read(fds[0], out, sizeof(out)), 5);
    assert_string_equal(out, "hello");
    close(fds[0]);
    close(fds[1]);

    struct stats_sample sample;
    assert_int_equal(provider_fake.stats(f.p, "a", &sample, &f.err), 0);
    fake_kill(f.engine, "a", 0);
    assert_int_equal(provider_fake.stats(f.p, "a", &sample, &f.err), ERR_CONFLICT);
    assert_int_equal(provider_fake.exec(f.p, &rq, NULL, &code, &f.err), ERR_CONFLICT);
    teardown(&f);
}

/* A cancellation ends a simulated latency. */
static void test_latency_can_be_cancelled(_unused_ void **state)
{
    struct fixture f;
    struct cancel c;
    struct observed seen;
    setup_with(&f, clock_system());
    cancel_init(&c);
    cancel_set(&c);
    fake_latency(f.engine, FAKE_OBSERVE, 60 * NS_PER_S);
    const struct observe_request rq = {.owner = "env"};
    assert_int_equal(provider_fake.observe(f.p, &rq, &c, &f.a, &seen, &f.err), ERR_CANCELLED);
    cancel_release(&c);
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_power_cut),
        cmocka_unit_test(test_counters),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_events_come_by_themselves),
        cmocka_unit_test(test_logs_exec_stats),
        cmocka_unit_test(test_latency_can_be_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
