/* The whole daemon: settings, signals, orderly reload and shutdown. */
#include "reconciler/daemon/daemon.h"

#include "base/str.h"
#include "reconciler/api/control.h"
#include "tests/unit/engine/engine_world.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

struct dw {
    char *dir;
    const char *repo, *settings, *socket, *more; /* more: lines at the end of the settings */
    struct daemon_options options;
    pthread_t thread;
    int result;
    struct err err;
    struct arena arena;
};

static void *daemon_thread(void *arg)
{
    struct dw *d = arg;
    d->result = daemon_main(&d->options, &d->err);
    return NULL;
}

static void write_settings(struct dw *d, const char *self_heal)
{
    const char *text =
        arena_printf(&d->arena,
                     "apiVersion: forge/v1\nkind: Settings\nstate_dir: %s/state\n"
                     "log: {level: error}\n"
                     "listen: {socket: %s}\ntargets: {local: {url: \"fake://dmain\"}}\n"
                     "environments:\n  dmain:\n    repository: {url: %s, branch: main}\n"
                     "    target: local\n    sync: {automatic: true, prune: true, self_heal: %s}\n%s",
                     d->dir, d->socket, d->repo, self_heal, str_or(d->more, ""));
    unit_write(d->settings, text);
}

static void start(struct dw *d)
{
    *d = (struct dw){.dir = unit_temp_dir()};
    arena_init(&d->arena);
    d->repo = arena_strdup(&d->arena, gitrepo_new(d->dir, "repo"));
    d->settings = arena_printf(&d->arena, "%s/forged.yaml", d->dir);
    d->socket = arena_printf(&d->arena, "%s/socket", d->dir);
    write_settings(d, "true");
    gitrepo_commit(d->repo, "app.yaml", EW_C("web", ""));
    fake_image(fake_engine("dmain"), &(struct fake_image){.ref = "app:1", .local = 1, .remote = 1});
    d->options = (struct daemon_options){.settings_path = d->settings};
    assert_int_equal(pthread_create(&d->thread, NULL, daemon_thread, d), 0);
}

static bool web_is(enum object_state state)
{
    struct fake_engine *e = fake_engine("dmain");
    return fake_exists(e, "dmain-web-1") && fake_state(e, "dmain-web-1") == state;
}

static void wait_until_web_is(enum object_state state)
{
    for (int i = 0; i < 4000 && !web_is(state); i++)
        usleep(5000);
    assert_true(web_is(state));
}

static int call(struct dw *d, const char *operation, const char *args, struct val **ret)
{
    struct val *v = val_map(&d->arena);
    struct err err = {0};
    if (args)
        assert_ok(val_from_json(&d->arena, args, strlen(args), "test", &v, &err));
    int r = ERR_UNAVAILABLE;
    /* While the socket is being replaced, nobody answers. */
    for (int i = 0; i < 400 && (r == ERR_UNAVAILABLE || r == ERR_CANCELLED); i++) {
        err = (struct err){0};
        r = control_call(d->socket, "dmain", operation, v, NULL, NULL, NULL, &d->arena, ret, &err);
        if (r == ERR_UNAVAILABLE || r == ERR_CANCELLED)
            usleep(10000);
    }
    return r;
}

static void end(struct dw *d)
{
    kill(getpid(), SIGTERM);
    pthread_join(d->thread, NULL);
    assert_int_equal(d->result, 0);
    fake_engine_free(fake_engine("dmain"));
    arena_release(&d->arena);
    unit_temp_remove(d->dir);
}

static void test_reload_while_running(_unused_ void **state)
{
    struct dw d;
    struct val *answer;
    start(&d);
    wait_until_web_is(OBJECT_RUNNING);
    assert_int_equal(call(&d, "reconcile", "{\"wait\": true}", &answer), 0);
    /* Invalid settings leave the current ones in force. */
    unit_write(d.settings, "kind: Nonsense\n");
    kill(getpid(), SIGHUP);
    usleep(100000);
    fake_kill(fake_engine("dmain"), "dmain-web-1", 1);
    wait_until_web_is(OBJECT_RUNNING);
    /* Several reloads at once, during a run: the last one counts. */
    fake_latency(fake_engine("dmain"), FAKE_CREATE, 200 * NS_PER_MS);
    gitrepo_commit(d.repo, "app.yaml", EW_C("web", "") EW_C("two", ""));
    usleep(50000);
    write_settings(&d, "true");
    kill(getpid(), SIGHUP);
    usleep(10000);
    write_settings(&d, "false");
    kill(getpid(), SIGHUP);
    usleep(300000);
    assert_int_equal(call(&d, "reconcile", "{\"wait\": true}", &answer), 0);
    assert_true(fake_exists(fake_engine("dmain"), "dmain-two-1"));
    fake_kill(fake_engine("dmain"), "dmain-web-1", 1);
    usleep(500000);
    assert_true(web_is(OBJECT_EXITED));
    assert_int_equal(call(&d, "status", NULL, &answer), 0);
    assert_string_equal(val_get_str(answer, "environment"), "dmain");
    end(&d);
}

static int64_t reconciles(struct dw *d, const char *env)
{
    struct err err = {0};
    struct val *answer = NULL;
    int r = ERR_UNAVAILABLE;
    for (int i = 0; i < 400 && r < 0; i++, usleep(10000))
        r = control_call(d->socket, NULL, "environments", val_map(&d->arena), NULL, NULL, NULL, &d->arena,
                         &answer, &err);
    const struct val *list = val_get(answer, "environments");
    for (size_t i = 0; i < val_len(list); i++)
        if (str_eq(val_get_str(list->items[i], "environment"), env))
            return val_get_int(list->items[i], "reconciles", -1);
    return -1;
}

/* An environment whose settings did not change is neither stopped nor restarted. */
static void test_reload_leaves_the_rest_alone(_unused_ void **state)
{
    struct dw d;
    struct val *answer;
    start(&d);
    wait_until_web_is(OBJECT_RUNNING);
    for (int i = 0; i < 3; i++)
        assert_int_equal(call(&d, "reconcile", "{\"wait\": true}", &answer), 0);
    int64_t before = reconciles(&d, "dmain");
    assert_true(before >= 3);
    assert_int_equal(reconciles(&d, "dother"), -1);
    d.more = arena_printf(&d.arena, "  dother:\n    repository: {url: %s, branch: main}\n    target: local\n",
                          d.repo);
    write_settings(&d, "true");
    kill(getpid(), SIGHUP);
    for (int i = 0; i < 400 && reconciles(&d, "dother") < 0; i++)
        usleep(10000);
    assert_true(reconciles(&d, "dother") >= 0);
    assert_true(reconciles(&d, "dmain") >= before);
    /* It still works, and can be stopped. */
    fake_kill(fake_engine("dmain"), "dmain-web-1", 1);
    wait_until_web_is(OBJECT_RUNNING);
    d.more = NULL;
    write_settings(&d, "false");
    kill(getpid(), SIGHUP);
    for (int i = 0; i < 400 && reconciles(&d, "dother") >= 0; i++)
        usleep(10000);
    assert_int_equal(reconciles(&d, "dother"), -1);
    assert_true(reconciles(&d, "dmain") < before);
    end(&d);
}

static void test_end_in_the_middle(_unused_ void **state)
{
    struct dw d;
    start(&d);
    fake_latency(fake_engine("dmain"), FAKE_CREATE, 300 * NS_PER_MS);
    usleep(150000);
    end(&d);
}

/* A second daemon on the same state folder is refused, and the first one is named. */
static void test_second_daemon(_unused_ void **state)
{
    struct dw d;
    start(&d);
    wait_until_web_is(OBJECT_RUNNING);
    struct err err = {0};
    assert_fails(daemon_main(&d.options, &err), ERR_BUSY);
    end(&d);
}

int main(void)
{
    /* Blocked as in the daemon: a thread that has them unblocked would be killed by them. */
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reload_while_running),
        cmocka_unit_test(test_reload_leaves_the_rest_alone),
        cmocka_unit_test(test_end_in_the_middle),
        cmocka_unit_test(test_second_daemon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
