/* The event stream against a scripted engine: resuming, gaps, trouble. */
#include "tests/exchange/docker_world.h"

#include "base/clock.h"
#include "base/str.h"
#include "providers/docker/docker.h"
#include "tests/lib/unit.h"

#include <poll.h>

#define EVENT(action, nano)                                                         \
    "{\"Type\":\"container\",\"Action\":\"" action                                  \
    "\",\"Actor\":{\"ID\":\"c1\",\"Attributes\":{\"io.forge.environment\":\"rec\"," \
    "\"io.forge.resource\":\"container/"                                            \
    "web\",\"io.forge.instance\":\"1\",\"name\":\"w\"}},\"timeNano\":" nano "}\n"
#define OTHERS                                                                                              \
    "{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\"c2\",\"Attributes\":{\"name\":\"x\"}}," \
    "\"timeNano\":1700000000000000009}\n"
#define STREAM_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"

static void test_the_stream_resumes_without_loss(void **state)
{
    static const struct peer_answer script[] = {
        {"GET /v1.41/networks", .body = "[]"},
        {"GET /v1.41/volumes", .body = "{\"Volumes\":[]}"},
        {"GET /events?filters=", .flags = PEER_RAW | PEER_CLOSE, .times = 1,
         .body =
             STREAM_HEAD EVENT("start", "1700000000000000001") OTHERS EVENT("die", "1700000000000000010")},
        {"GET /events?since=1699999999.000000010&filters=", .flags = PEER_RAW | PEER_CLOSE, .times = 1,
         .body = STREAM_HEAD EVENT("start", "1700000000000000001") EVENT("die", "1700000000000000010")
             EVENT("update", "1700000000000000011")},
        /* The engine was restarted: its log does not go back that far. */
        {"GET /events?since=1699999999.000000011&filters=", .flags = PEER_RAW | PEER_CLOSE, .times = 1,
         .body = STREAM_HEAD EVENT("start", "1700000000000000020")},
        /* The same, with nothing in the log at all. */
        {"GET /events?since=1699999999.000000020&filters=", .flags = PEER_RAW | PEER_HANG,
         .body = STREAM_HEAD},
        {0}};
    struct world w;
    struct listener l;
    (void)state;
    world_open(&w, script, NULL);
    listen_begin(&l, &w);
    listen_until(&l, "start!|LOST|");
    assert_string_equal(buf_str(&l.heard), "start!|die!|update!|LOST|start!|LOST|");
    assert_null(strstr(peer_log(w.peer), "?GET /events"));
    /* Nothing happens now, so nothing wakes the watcher. */
    struct pollfd p = {.fd = l.watch.fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 700), 0);
    listen_end(&l);
    world_close(&w);
}

static void test_the_stream_outlives_trouble(void **state)
{
    static const struct peer_answer script[] = {
        {"GET /v1.41/networks", .body = "[]"},
        {"GET /v1.41/volumes", .body = "{\"Volumes\":[]}"},
        {"GET /events", .status = 500, .body = "{\"message\":\"x\"}", .times = 1},
        {"GET /events", .flags = PEER_RAW | PEER_CLOSE, .body = "garbage\r\n\r\n", .times = 1},
        {"GET /events", .flags = PEER_RAW | PEER_CLOSE, .times = 1,
         .body = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{\"Type\":\"contain\r\nZZ"},
        {"GET /events", .flags = PEER_RAW | PEER_HANG,
         .body = STREAM_HEAD "not json\n\n{}\n" EVENT("die", "1700000000000000010")},
        {0}};
    struct world w;
    struct listener l;
    (void)state;
    world_open(&w, script, NULL);
    listen_begin(&l, &w);
    listen_until(&l, "die!|");
    assert_string_equal(buf_str(&l.heard), "LOST|die!|");
    listen_end(&l);
    world_close(&w);
}

static void test_a_watch_waits_for_an_engine_that_is_not_there_yet(void **state)
{
    static const struct peer_answer script[] = {{"GET /v1.41/networks", .body = "[]"},
                                                {"GET /v1.41/volumes", .body = "{}"},
                                                {"GET /events", .flags = PEER_RAW | PEER_HANG,
                                                 .body = STREAM_HEAD EVENT("die", "1700000000000000010")},
                                                {0}};
    struct world w;
    struct listener l;
    char hidden[200];
    (void)state;
    world_open(&w, script, NULL);
    snprintf(hidden, sizeof(hidden), "%s.hidden", peer_url(w.peer) + 7);
    assert_int_equal(rename(peer_url(w.peer) + 7, hidden), 0);
    listen_begin(&l, &w);
    listen_for(&l, 300);
    assert_int_equal(rename(hidden, peer_url(w.peer) + 7), 0);
    listen_until(&l, "die!|");
    assert_string_equal(buf_str(&l.heard), "die!|");
    listen_end(&l);
    world_close(&w);
}

/* Whoever observes the engine has to look when it goes away, and again when it is back: even if its log shows
   that no event was missed. */
static void test_an_engine_that_cannot_be_reached_again_is_reported_once(void **state)
{
    static const struct peer_answer script[] = {
        {"GET /v1.41/networks", .body = "[]"},
        {"GET /v1.41/volumes", .body = "{\"Volumes\":[]}"},
        {"GET /events?filters=", .flags = PEER_RAW | PEER_CLOSE, .times = 1,
         .body = STREAM_HEAD EVENT("start", "1700000000000000001")},
        {"GET /events?since=", .flags = PEER_CLOSE, .status = 503, .body = "{\"message\":\"x\"}", .times = 3},
        {"GET /events?since=", .flags = PEER_RAW | PEER_HANG,
         .body = STREAM_HEAD EVENT("start", "1700000000000000001") EVENT("die", "1700000000000000010")},
        {0}};
    struct world w;
    struct listener l;
    (void)state;
    world_open(&w, script, NULL);
    listen_begin(&l, &w);
    listen_until(&l, "LOST|");
    assert_string_equal(buf_str(&l.heard), "start!|LOST|");
    assert_false(l.watch.connected);
    listen_until(&l, "die!|");
    assert_string_equal(buf_str(&l.heard), "start!|LOST|LOST|die!|");
    assert_true(l.watch.connected);
    listen_end(&l);
    world_close(&w);
}

/* It keeps the stream open, like an engine where nothing happens: one that does not answer pings either. */
static void test_an_engine_that_hangs_while_nothing_happens(void **state)
{
    static const struct peer_answer well[] = {
        {"GET /_ping", .flags = PEER_RAW,
         .body = "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 0\r\n\r\n"},
        {"GET /v1.41/networks", .body = "[]"},
        {"GET /v1.41/volumes", .body = "{\"Volumes\":[]}"},
        {"GET /events", .flags = PEER_RAW | PEER_HANG,
         .body = STREAM_HEAD EVENT("start", "1700000000000000001")},
        {0}};
    static const struct peer_answer hanging[] = {{"GET /_ping", .flags = PEER_RAW | PEER_HANG, .body = ""},
                                                 {"GET /events", .flags = PEER_RAW | PEER_HANG, .body = ""},
                                                 {0}};
    struct world w;
    struct listener l;
    (void)state;
    world_open(&w, well, NULL);
    docker_of(w.p)->quiet_ns = 200 * NS_PER_MS;
    listen_begin(&l, &w);
    listen_for(&l, 1000);
    assert_string_equal(buf_str(&l.heard), "start!|");
    assert_true(str_ends(peer_log(w.peer), "GET /_ping|GET /_ping|"));
    assert_true(l.watch.connected);
    peer_script(w.peer, hanging);
    listen_until(&l, "LOST|");
    assert_false(l.watch.connected);
    peer_cut(w.peer);
    peer_script(w.peer, well);
    listen_until(&l, "LOST|LOST|");
    assert_true(l.watch.connected);
    assert_string_equal(buf_str(&l.heard), "start!|LOST|LOST|");
    listen_end(&l);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_stream_resumes_without_loss),
        cmocka_unit_test(test_the_stream_outlives_trouble),
        cmocka_unit_test(test_a_watch_waits_for_an_engine_that_is_not_there_yet),
        cmocka_unit_test(test_an_engine_that_cannot_be_reached_again_is_reported_once),
        cmocka_unit_test(test_an_engine_that_hangs_while_nothing_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
