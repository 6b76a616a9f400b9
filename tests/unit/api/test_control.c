/* The control socket: both sides of it, in one process. */
#include "tests/lib/unit.h"

#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "reconciler/api/control.h"

struct fixture {
    char *dir;
    char path[512];
    struct control *control;
    struct arena arena;
    struct cancel release; /* ends the operation "wait", as does cancellation */
    _Atomic int running, cancelled;
    int events;
    struct cancel first_event;
};

static int op_echo(const struct control_request *rq, struct val **ret)
{
    struct val *v = val_map(rq->arena);
    val_set_str(rq->arena, v, "environment", rq->environment);
    val_set_str(rq->arena, v, "operation", rq->operation);
    val_set_str(rq->arena, v, "actor", rq->actor);
    val_map_set(rq->arena, v, "args", val_clone(rq->arena, rq->args));
    *ret = v;
    return 0;
}

static int op_wait(struct fixture *f, const struct control_request *rq, struct err *err)
{
    struct val *event = val_map(rq->arena);
    val_set_str(rq->arena, event, "event", "begin");
    f->running++;
    rq->emit(rq->arg, event);
    while (!cancel_is_set(rq->cancel) && !cancel_is_set(&f->release))
        cancel_sleep(rq->cancel, 10 * NS_PER_MS);
    f->cancelled += cancel_is_set(rq->cancel);
    f->running--;
    return cancel_check(rq->cancel, err);
}

static int op_large(const struct control_request *rq, struct val **ret)
{
    size_t len = (size_t)4 << 20;
    char *text = arena_alloc(rq->arena, len + 1);
    memset(text, 'x', len);
    *ret = val_str_borrow(rq->arena, text, len);
    return 0;
}

static int handle(void *arg, const struct control_request *rq, struct val **ret, struct err *err)
{
    struct fixture *f = arg;
    if (str_eq(rq->operation, "wait"))
        return op_wait(f, rq, err);
    if (str_eq(rq->operation, "large"))
        return op_large(rq, ret);
    if (!str_eq(rq->operation, "fail"))
        return op_echo(rq, ret);
    err_set(err, ERR_BUSY, "somebody else applies");
    return err_hint(err, "wait for it");
}

static int start(struct fixture *f, struct control **ret, struct err *err)
{
    return control_start(f->path, &(const struct control_handler){.arg = f, .call = handle}, ret, err);
}

static int setup(void **state)
{
    struct fixture *f = mem_new(struct fixture);
    struct err err = {0};
    f->dir = unit_temp_dir();
    snprintf(f->path, sizeof(f->path), "%s/run/s.sock", f->dir);
    cancel_init(&f->release);
    cancel_init(&f->first_event);
    assert_ok(start(f, &f->control, &err));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    cancel_set(&f->release);
    control_stop(f->control);
    cancel_release(&f->release);
    cancel_release(&f->first_event);
    arena_release(&f->arena);
    unit_temp_remove(f->dir);
    free(f);
    return 0;
}

static void on_event(void *arg, const struct val *event)
{
    struct fixture *f = arg;
    assert_string_equal(val_get_str(event, "event"), "begin");
    f->events++;
    cancel_set(&f->first_event);
}

static int call(struct fixture *f, const char *operation, const struct cancel *c, struct val **ret,
                struct err *err)
{
    struct val *args = val_map(&f->arena);
    val_set_str(&f->arena, args, "who", "\"me\"\n");
    return control_call(f->path, "prod", operation, args, c, on_event, f, &f->arena, ret, err);
}

static void test_answers(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct val *v = NULL;
    assert_ok(call(f, "echo", NULL, &v, &err));
    assert_string_equal(val_get_str(v, "environment"), "prod");
    assert_string_equal(val_get_str(v, "operation"), "echo");
    assert_string_equal(val_get_str(val_get(v, "args"), "who"), "\"me\"\n");
    /* The kernel tells who the client is. */
    const struct passwd *me = getpwuid(getuid());
    if (me)
        assert_string_equal(val_get_str(v, "actor"), me->pw_name);
    assert_ok(control_call(f->path, NULL, "environments", val_map(&f->arena), NULL, NULL, NULL, &f->arena, &v,
                           &err));
    assert_string_equal(val_get_str(v, "operation"), "environments");
    assert_ok(call(f, "large", NULL, &v, &err));
    assert_int_equal(v->len, 4 << 20);
}

static void test_errors_arrive_whole(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct val *v = NULL;
    assert_fails(call(f, "fail", NULL, &v, &err), ERR_BUSY);
    assert_says("somebody else applies");
    assert_hints("wait for it");
    assert_true(err.retryable);
}

static void test_socket(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct stat st;
    struct control *second = NULL;
    struct val *v;
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0660);
    assert_fails(start(f, &second, &err), ERR_BUSY);
    assert_says("another forged is already listening");
    control_stop(f->control);
    f->control = NULL;
    assert_int_equal(stat(f->path, &st), -1);
    assert_fails(call(f, "echo", NULL, &v, &err), ERR_UNAVAILABLE);
    /* A socket left by a killed daemon is replaced. */
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    str_copy(at.sun_path, sizeof(at.sun_path), f->path);
    int dead = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(dead, (const struct sockaddr *)&at, sizeof(at)), 0);
    close(dead);
    assert_fails(call(f, "echo", NULL, &v, &err), ERR_UNAVAILABLE);
    assert_ok(start(f, &f->control, &err));
    assert_ok(call(f, "echo", NULL, &v, &err));
}

static void *cancel_after_event(void *arg)
{
    struct fixture *f = ((void **)arg)[0];
    while (!cancel_sleep(&f->first_event, NS_PER_S))
        ;
    cancel_set(((void **)arg)[1]);
    return NULL;
}

static void wait_until_idle(struct fixture *f)
{
    for (int i = 0; i < 300 && f->running; i++)
        usleep(10000);
    assert_int_equal(f->running, 0);
}

static void test_caller_that_goes_away_cancels(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct cancel c;
    struct val *v;
    pthread_t thread;
    cancel_init(&c);
    void *args[] = {f, &c};
    assert_int_equal(pthread_create(&thread, NULL, cancel_after_event, args), 0);
    assert_fails(call(f, "wait", &c, &v, &err), ERR_CANCELLED);
    assert_int_equal(f->events, 1); /* it arrived before the end */
    pthread_join(thread, NULL);
    wait_until_idle(f);
    assert_int_equal(f->cancelled, 1);
    cancel_release(&c);
}

static void *stop_after_event(void *arg)
{
    struct fixture *f = arg;
    while (!cancel_sleep(&f->first_event, NS_PER_S))
        ;
    control_stop(f->control);
    f->control = NULL;
    return NULL;
}

static void test_stop_cancels(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct val *v;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, stop_after_event, f), 0);
    int r = call(f, "wait", NULL, &v, &err);
    /* The answer may or may not be delivered. */
    assert_true(r == ERR_CANCELLED || r == ERR_UNAVAILABLE);
    pthread_join(thread, NULL);
    assert_int_equal(f->running, 0);
    assert_int_equal(f->cancelled, 1);
}

#define CALLERS 8

static void *call_in_parallel(void *arg)
{
    struct fixture *f = arg;
    struct arena a = ARENA_INIT;
    struct err err = {0};
    struct val *v;
    intptr_t failed = 0;
    for (int i = 0; i < 20 && !failed; i++)
        failed = control_call(f->path, "prod", "echo", val_map(&a), NULL, NULL, NULL, &a, &v, &err) != 0;
    arena_release(&a);
    return (void *)failed;
}

static void test_many_callers(void **state)
{
    pthread_t threads[CALLERS];
    for (size_t i = 0; i < CALLERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_in_parallel, *state), 0);
    for (size_t i = 0; i < CALLERS; i++) {
        void *failed = NULL;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
}

/* Send raw text to the socket, and return the answer. */
static const char *raw(struct fixture *f, const char *request, size_t body)
{
    static char answer[4096];
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    str_copy(at.sun_path, sizeof(at.sun_path), f->path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
    char *zeros = mem_alloc(65536);
    memset(zeros, ' ', 65536);
    ssize_t n = send(fd, request, strlen(request), MSG_NOSIGNAL);
    for (; body && n >= 0; body -= (size_t)n) {
        n = send(fd, zeros, body < 65536 ? body : 65536, MSG_NOSIGNAL);
        if (n < 0)
            break;
    }
    size_t len = 0;
    while (len < sizeof(answer) - 1 && (n = recv(fd, answer + len, sizeof(answer) - 1 - len, 0)) > 0)
        len += (size_t)n;
    answer[len] = '\0';
    free(zeros);
    close(fd);
    return answer;
}

static void test_strange_requests(void **state)
{
    struct fixture *f = *state;
    char request[200];
    assert_contains(raw(f, "GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 0),
                    "unknown path /nothing");
    assert_contains(raw(f, "GET /v1/environments/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 0),
                    "\"notfound\"");
    assert_contains(raw(f,
                        "POST /v1/environments/a/echo HTTP/1.1\r\nHost: x\r\nConnection: "
                        "close\r\nContent-Length: 4\r\n\r\n{\"a\"",
                        0),
                    "\"invalid\"");
    raw(f, "rubbish\r\n\r\n", 0); /* not answered, and harmless */
    /* X2 */
    snprintf(
        request, sizeof(request),
        "POST /v1/environments/a/echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %u\r\n\r\n",
        LIMIT_CONTROL_BYTES + 1);
    assert_contains(raw(f, request, LIMIT_CONTROL_BYTES + 1), "\"limit\"");
}

static void test_a_file_is_no_socket(void **state)
{
    struct err err = {0};
    struct fixture *f = *state;
    struct control *c;
    struct stat st;
    char path[600];
    snprintf(path, sizeof(path), "%s/precious", f->dir);
    assert_int_equal(io_write_file(path, "x", 1, 0600, &err), 0);
    assert_fails(control_start(path, &(const struct control_handler){.call = handle}, &c, &err), ERR_EXISTS);
    assert_int_equal(stat(path, &st), 0);
    assert_true(S_ISREG(st.st_mode));
    unlink(path);
}

static void test_path_too_long(_unused_ void **state)
{
    struct err err = {0};
    struct control *c;
    char path[300];
    memset(path, 'x', sizeof(path) - 1);
    path[0] = '/';
    path[sizeof(path) - 1] = '\0';
    assert_fails(control_start(path, &(const struct control_handler){.call = handle}, &c, &err), ERR_INVALID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_file_is_no_socket),
        TEST(test_answers),
        TEST(test_errors_arrive_whole),
        TEST(test_socket),
        TEST(test_caller_that_goes_away_cancels),
        TEST(test_stop_cancels),
        TEST(test_many_callers),
        TEST(test_strange_requests),
        cmocka_unit_test(test_path_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
