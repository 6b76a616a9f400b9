/* The loop: timers in order, messages from any thread, descriptors, and removals while it runs. */
#include "reconciler/daemon/loop.h"

#include "base/clock.h"
#include "tests/lib/unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

struct log {
    struct loop *loop;
    char text[256];
    size_t n, end_at;
};

static void note(struct log *l, char c)
{
    assert_true(l->n + 1 < sizeof(l->text));
    l->text[l->n++] = c;
    l->text[l->n] = '\0';
    if (l->end_at && l->n == l->end_at)
        loop_stop(l->loop);
}

static int64_t soon(int64_t ms)
{
    return clock_mono(clock_system()) + ms * NS_PER_MS;
}

static void note_a(void *arg)
{
    note(arg, 'a');
}

static void note_b(void *arg)
{
    note(arg, 'b');
}

static void note_c(void *arg)
{
    note(arg, 'c');
}

static void stop(void *arg)
{
    loop_stop(((struct log *)arg)->loop);
}

static void run(struct log *l)
{
    struct err err = {0};
    assert_ok(loop_run(l->loop, &err));
}

static void test_timers_fire_in_order(_unused_ void **state)
{
    struct log l = {.loop = loop_new(), .end_at = 3};
    struct loop_timer a = {.fn = note_a, .arg = &l}, b = {.fn = note_b, .arg = &l},
                      c = {.fn = note_c, .arg = &l};
    loop_timer_at(l.loop, &c, soon(30));
    loop_timer_at(l.loop, &a, soon(1));
    loop_timer_at(l.loop, &b, soon(500));
    loop_timer_at(l.loop, &b, soon(10)); /* replaces the time above */
    run(&l);
    assert_string_equal(l.text, "abc");
    /* Each fires once; disabled and removed timers do not. */
    loop_timer_at(l.loop, &a, soon(1));
    loop_timer_at(l.loop, &a, 0);
    loop_timer_at(l.loop, &b, soon(1));
    loop_timer_remove(l.loop, &b);
    loop_timer_remove(l.loop, &b);
    struct loop_timer end = {.fn = stop, .arg = &l};
    loop_timer_at(l.loop, &end, soon(20));
    run(&l);
    assert_string_equal(l.text, "abc");
    loop_free(l.loop);
}

struct again {
    struct log *log;
    struct loop_timer timer;
};

static void past(void *arg)
{
    struct again *x = arg;
    note(x->log, 'p');
    loop_timer_at(x->log->loop, &x->timer, 1); /* long ago */
}

/* A timer that is always due does not starve messages. */
static void test_timer_in_the_past(_unused_ void **state)
{
    struct log l = {.loop = loop_new()};
    struct again x = {.log = &l, .timer = {.fn = past, .arg = &x}};
    loop_timer_at(l.loop, &x.timer, 1);
    loop_post(l.loop, stop, &l);
    alarm(10);
    run(&l);
    alarm(0);
    assert_true(l.n < 200);
    loop_free(l.loop);
}

static void *post_many(void *arg)
{
    for (int i = 0; i < 50; i++)
        loop_post(((struct log *)arg)->loop, note_b, arg);
    return NULL;
}

static void test_messages_are_not_lost(_unused_ void **state)
{
    struct log l = {.loop = loop_new(), .end_at = 200};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, post_many, &l), 0);
    run(&l);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(l.n, 200);
    loop_free(l.loop);
}

static void test_forgotten_messages(_unused_ void **state)
{
    struct log l = {.loop = loop_new()}, gone = {.loop = l.loop};
    loop_post(l.loop, note_a, &gone);
    loop_post(l.loop, note_a, &l);
    loop_post(l.loop, note_b, &gone);
    loop_forget(l.loop, &gone);
    loop_post(l.loop, note_b, &l);
    loop_forget(l.loop, &gone);
    loop_post(l.loop, stop, &l);
    run(&l);
    assert_string_equal(l.text, "ab");
    assert_int_equal(gone.n, 0);
    loop_post(l.loop, note_a, &gone); /* freed with the loop */
    loop_free(l.loop);
}

struct pipes {
    struct log *log;
    int first[2], second[2];
};

static void read_one(void *arg)
{
    struct pipes *p = arg;
    char c;
    assert_int_equal(read(p->first[0], &c, 1), 1);
    note(p->log, c);
}

/* Removes itself and the other descriptor, which is readable as well. */
static void read_and_remove(void *arg)
{
    struct pipes *p = arg;
    note(p->log, 'r');
    loop_remove_fd(p->log->loop, p->first[0]);
    loop_remove_fd(p->log->loop, p->second[0]);
    loop_remove_fd(p->log->loop, p->second[0]);
    stop(p->log);
}

static void test_descriptors(_unused_ void **state)
{
    struct err err = {0};
    struct log l = {.loop = loop_new(), .end_at = 2};
    struct pipes p = {.log = &l};
    assert_int_equal(pipe2(p.first, O_CLOEXEC), 0);
    assert_int_equal(pipe2(p.second, O_CLOEXEC), 0);
    assert_ok(loop_add_fd(l.loop, p.first[0], read_one, &p, &err));
    assert_true(loop_add_fd(l.loop, -1, read_one, &p, &err) < 0);
    assert_int_equal(write(p.first[1], "xy", 2), 2);
    run(&l);
    assert_string_equal(l.text, "xy");
    l.end_at = 0;
    assert_int_equal(write(p.second[1], "z", 1), 1);
    assert_ok(loop_add_fd(l.loop, p.second[0], read_and_remove, &p, &err));
    run(&l);
    assert_string_equal(l.text, "xyr");
    for (int i = 0; i < 2; i++) {
        close(p.first[i]);
        close(p.second[i]);
    }
    loop_free(l.loop);
    loop_free(NULL);
}

static void test_stopped_before_it_ran(_unused_ void **state)
{
    struct log l = {.loop = loop_new()};
    loop_stop(l.loop);
    run(&l);
    loop_free(l.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timers_fire_in_order),  cmocka_unit_test(test_timer_in_the_past),
        cmocka_unit_test(test_messages_are_not_lost), cmocka_unit_test(test_forgotten_messages),
        cmocka_unit_test(test_descriptors),           cmocka_unit_test(test_stopped_before_it_ran),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
