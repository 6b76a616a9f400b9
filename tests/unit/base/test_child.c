#include "base/child.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/str.h"
#include "tests/lib/unit.h"

#define SH(script) ((const char *const[]){"sh", "-c", (script), NULL})

static struct buf out, errout;
static int status;
static struct err err;

static int run(const struct child_opts *o)
{
    buf_reset(&out);
    buf_reset(&errout);
    err_clear(&err);
    status = -1;
    return child_run(o, &out, &errout, &status, &err);
}

static int64_t now(void)
{
    return clock_mono(clock_system());
}

static void output_and_exit_code(void **state)
{
    (void)state;
    assert_ok(run(&(struct child_opts){.argv = SH("echo out; echo err >&2; exit 3")}));
    assert_int_equal(status, 3);
    assert_string_equal(buf_str(&out), "out\n");
    assert_string_equal(buf_str(&errout), "err\n");
    assert_ok(run(&(struct child_opts){.argv = SH("kill -9 $$")}));
    assert_int_equal(status, 128 + 9);
    assert_ok(child_run(&(struct child_opts){.argv = SH("echo x; echo y >&2")}, NULL, NULL, &status, &err));
    assert_int_equal(status, 0);
}

static void arguments_are_not_a_shells(void **state)
{
    (void)state;
    const char *const argv[] = {"printf", "%s|", "a b", "$HOME", "`id`", "", "\"", NULL};
    assert_ok(run(&(struct child_opts){.argv = argv}));
    assert_string_equal(buf_str(&out), "a b|$HOME|`id`||\"|");
}

static void environment_and_folder(void **state)
{
    const char *const env[] = {"ONLY=this", NULL};
    assert_ok(run(&(struct child_opts){.argv = (const char *const[]){"env", NULL}, .env = env}));
    assert_string_equal(buf_str(&out), "ONLY=this\n");
    setenv("FORGE_TEST_INHERITED", "yes", 1);
    assert_ok(run(&(struct child_opts){.argv = SH("echo $FORGE_TEST_INHERITED; pwd"), .dir = *state}));
    assert_true(str_starts(buf_str(&out), "yes\n"));
    assert_contains(buf_str(&out), *state);
}

static void input_of_any_size(void **state)
{
    (void)state;
    assert_ok(run(&(struct child_opts){.argv = (const char *const[]){"cat", NULL}}));
    assert_string_equal(buf_str(&out), ""); /* no input is an end, not a wait */
    static char big[1000000];
    memset(big, 'i', sizeof(big));
    struct child_opts o = {
        .argv = (const char *const[]){"cat", NULL}, .input = big, .input_len = sizeof(big)};
    assert_ok(run(&o));
    assert_int_equal(out.len, sizeof(big));
    assert_memory_equal(out.data, big, sizeof(big));
    o.argv = (const char *const[]){"true", NULL}; /* does not read: no SIGPIPE, no error */
    assert_ok(run(&o));
    assert_int_equal(status, 0);
}

static void output_is_bounded(void **state)
{
    (void)state;
    const char *const argv[] = {"head", "-c", "5000000", "/dev/zero", NULL};
    assert_ok(run(&(struct child_opts){.argv = argv}));
    assert_int_equal(status, 0); /* it was read to its end */
    assert_int_equal(out.len, LIMIT_CHILD_OUTPUT_BYTES);
    assert_fails(buf_check(&out, "output", &err), ERR_LIMIT);
    _cleanup_buf_ struct buf small = {.max = 5};
    assert_ok(child_run(&(struct child_opts){.argv = SH("echo 0123456789")}, &small, NULL, &status, &err));
    assert_string_equal(buf_str(&small), "01234");
    assert_true(small.overflow);
}

static void programs_that_cannot_run(void **state)
{
    const char *const missing[] = {"forge-no-such-program", NULL};
    assert_fails(run(&(struct child_opts){.argv = missing}), ERR_NOTFOUND);
    assert_says("\"forge-no-such-program\" was not found");
    assert_hints("PATH");
    assert_fails(run(&(struct child_opts){.argv = SH(":"), .dir = "/no/such/folder"}), ERR_NOTFOUND);
    assert_says("/no/such/folder");
    const char *plain = unit_path(*state, "plain");
    unit_write(plain, "no program");
    assert_fails(run(&(struct child_opts){.argv = (const char *const[]){plain, NULL}}), ERR_IO);
    assert_says("Permission denied");
}

static void descriptors_stay_ours(void **state)
{
    (void)state;
    int fd = open("/dev/null", O_RDONLY); /* deliberately not CLOEXEC */
    assert_true(fd > 2);
    assert_ok(run(&(struct child_opts){.argv = SH("ls /proc/$$/fd | wc -w")}));
    close(fd);
    assert_true(str_starts(buf_str(&out), "3\n") ||
                str_starts(buf_str(&out), "4\n")); /* sh may hold one itself */
    char script[64];
    fd = open("/dev/null", O_RDONLY);
    snprintf(script, sizeof(script), "test -e /proc/self/fd/%d && echo leaked", fd);
    assert_ok(run(&(struct child_opts){.argv = SH(script)}));
    close(fd);
    assert_string_equal(buf_str(&out), "");
}

static void signals_are_reset(void **state)
{
    (void)state;
    sigset_t block, old;
    sigemptyset(&block);
    sigaddset(&block, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &block, &old);
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    sigaction(SIGPIPE, &ignore, &before);
    assert_ok(run(&(struct child_opts){.argv = SH("grep -E 'Sig(Blk|Ign)' /proc/self/status")}));
    sigaction(SIGPIPE, &before, NULL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    const char *blk = strstr(buf_str(&out), "SigBlk:"), *ign = strstr(buf_str(&out), "SigIgn:");
    assert_true(blk && ign);
    unsigned long long blocked = strtoull(blk + 7, NULL, 16), ignored = strtoull(ign + 7, NULL, 16);
    assert_int_equal(blocked, 0);
    assert_int_equal(ignored & 0x7FFFFFFF, 0); /* higher bits include two that the C library reserves */
}

static void time_runs_out(void **state)
{
    (void)state;
    struct child_opts o = {.argv = SH("trap 'echo ends; exit' TERM; echo begun; sleep 60 & wait"),
                           .timeout_ns = NS_PER_S};
    assert_fails(run(&o), ERR_TIMEOUT);
    assert_string_equal(err.msg, "sh did not end within 1 s");
    assert_string_equal(buf_str(&out), "begun\nends\n"); /* TERM was enough */
    assert_int_equal(status, -1);
}

static void who_ignores_term_is_killed(void **state)
{
    (void)state;
    int64_t begin = now();
    struct child_opts o = {.argv = SH("trap '' TERM; while :; do sleep 0.05; done"),
                           .timeout_ns = 100 * NS_PER_MS};
    assert_fails(run(&o), ERR_TIMEOUT);
    assert_true(now() - begin >= 2 * NS_PER_S);
    assert_true(now() - begin < 10 * NS_PER_S);
}

/* Grandchildren are killed as well, or the sleep would keep the pipe open for a minute. */
static void grandchildren_end_too(void **state)
{
    const char *file = unit_path(*state, "pid");
    char script[1200];
    snprintf(script, sizeof(script), "sleep 60 & echo $! >%s; wait", file);
    assert_fails(run(&(struct child_opts){.argv = SH(script), .timeout_ns = 300 * NS_PER_MS}), ERR_TIMEOUT);
    _cleanup_buf_ struct buf b = BUF_INIT;
    assert_ok(io_read_file(file, 100, &b, &err));
    pid_t pid = (pid_t)strtol(buf_str(&b), NULL, 10);
    assert_true(pid > 1);
    char path[64], what[8] = "Z";
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    for (int i = 0; i < 100 && access(path, F_OK) == 0; i++) {
        buf_reset(&b); /* gone, or a zombie that nobody has reaped yet */
        if (io_read_file(path, 4096, &b, &err) < 0 || sscanf(buf_str(&b), "%*d %*s %1s", what) != 1 ||
            *what == 'Z')
            return;
        usleep(20000);
    }
    assert_int_equal(access(path, F_OK), -1);
}

static void what_it_leaves_running_does_not_hold_us(void **state)
{
    (void)state;
    int64_t begin = now();
    assert_ok(run(&(struct child_opts){.argv = SH("sleep 20 & echo $!")}));
    assert_true(now() - begin < 10 * NS_PER_S);
    pid_t pid = (pid_t)strtol(buf_str(&out), NULL, 10);
    assert_true(pid > 1);
    kill(pid, SIGKILL);
}

static void *cancel_soon(void *arg)
{
    clock_sleep(clock_system(), 100 * NS_PER_MS);
    cancel_set(arg);
    return NULL;
}

static void cancelled_from_another_thread(void **state)
{
    (void)state;
    pthread_t t;
    struct cancel c;
    int64_t begin = now();
    cancel_init(&c);
    assert_int_equal(pthread_create(&t, NULL, cancel_soon, &c), 0);
    struct child_opts o = {.argv = SH("sleep 60"), .timeout_ns = 50 * NS_PER_S, .cancel = &c};
    assert_fails(run(&o), ERR_CANCELLED);
    pthread_join(t, NULL);
    assert_true(now() - begin < 20 * NS_PER_S);
    assert_fails(run(&o), ERR_CANCELLED); /* already cancelled: it is not even started */
    cancel_release(&c);
}

static void dialogue(void **state)
{
    (void)state;
    struct child c = {0};
    char b[16] = "";
    assert_ok(child_start(&(struct child_opts){.argv = (const char *const[]){"cat", NULL}}, &c, &err));
    assert_int_equal(write(c.in, "ping", 4), 4);
    assert_int_equal(read(c.out, b, sizeof(b)), 4);
    assert_string_equal(b, "ping");
    pid_t pid = c.pid;
    int64_t begin = now();
    child_stop(&c, 20 * NS_PER_S); /* it exits at the end of its input */
    assert_true(now() - begin < 10 * NS_PER_S);
    assert_int_equal(c.pid, 0);
    assert_int_equal(waitpid(pid, NULL, WNOHANG), -1); /* reaped */
    child_stop(&c, 0);
    child_stop(&(struct child){0}, 0);
    child_stop(NULL, 0);
    const char *const missing[] = {"forge-no-such-program", NULL};
    assert_fails(child_start(&(struct child_opts){.argv = missing}, &c, &err), ERR_NOTFOUND);
    assert_int_equal(c.pid, 0);
}

static void a_dialogues_errors_go_where_they_should(void **state)
{
    struct child c = {0};
    const char *path = unit_path(*state, "stderr");
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd > 0);
    assert_ok(child_start(&(struct child_opts){.argv = SH("echo oops >&2"), .err_fd = fd}, &c, &err));
    close(fd);
    child_stop(&c, 20 * NS_PER_S);
    _cleanup_buf_ struct buf b = BUF_INIT;
    assert_ok(io_read_file(path, 100, &b, &err));
    assert_string_equal(buf_str(&b), "oops\n");
}

static void a_stubborn_dialogue_is_killed(void **state)
{
    (void)state;
    struct child c = {0};
    char b[8];
    const char *const *argv = SH("trap '' TERM; echo ready; while :; do sleep 0.05; done");
    assert_ok(child_start(&(struct child_opts){.argv = argv}, &c, &err));
    assert_int_equal(read(c.out, b, sizeof(b)), 6);
    int64_t begin = now();
    child_stop(&c, 50 * NS_PER_MS);
    assert_true(now() - begin < 10 * NS_PER_S);
}

static void *run_some(void *arg)
{
    int *bad = arg;
    for (int i = 0; i < 10; i++) {
        struct err e = {0};
        _cleanup_buf_ struct buf o = BUF_INIT;
        int st = -1, r = child_run(&(struct child_opts){.argv = SH("echo hello; exit 5")}, &o, NULL, &st, &e);
        *bad += r != 0 || st != 5 || !str_eq(buf_str(&o), "hello\n");
    }
    return NULL;
}

static void threads_run_children_at_once(void **state)
{
    (void)state;
    pthread_t t[6];
    int bad[6] = {0};
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(pthread_create(&t[i], NULL, run_some, &bad[i]), 0);
    for (size_t i = 0; i < 6; i++) {
        pthread_join(t[i], NULL);
        assert_int_equal(bad[i], 0);
    }
}

static int setup(void **state)
{
    *state = unit_temp_dir();
    return 0;
}

static int teardown(void **state)
{
    buf_release(&out);
    buf_release(&errout);
    unit_temp_remove(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_and_exit_code),
        cmocka_unit_test(arguments_are_not_a_shells),
        cmocka_unit_test(environment_and_folder),
        cmocka_unit_test(input_of_any_size),
        cmocka_unit_test(output_is_bounded),
        cmocka_unit_test(programs_that_cannot_run),
        cmocka_unit_test(descriptors_stay_ours),
        cmocka_unit_test(signals_are_reset),
        cmocka_unit_test(time_runs_out),
        cmocka_unit_test(who_ignores_term_is_killed),
        cmocka_unit_test(grandchildren_end_too),
        cmocka_unit_test(what_it_leaves_running_does_not_hold_us),
        cmocka_unit_test(cancelled_from_another_thread),
        cmocka_unit_test(dialogue),
        cmocka_unit_test(a_dialogues_errors_go_where_they_should),
        cmocka_unit_test(a_stubborn_dialogue_is_killed),
        cmocka_unit_test(threads_run_children_at_once),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
