/* The requests of the Swarm provider, and how it handles bad answers: scripted managers. */
#include "tests/exchange/docker_world.h"

#include "base/clock.h"
#include "base/str.h"
#include "providers/swarm/swarm.h"
#include "tests/lib/unit.h"

#define MARKS                                                                                       \
    "\"io.forge.environment\":\"rec\",\"io.forge.resource\":\"container/web\",\"io.forge.spec\":\"" \
    "v1:abc\",\"io.forge.instance\":\"0\""
#define SPEC(A)                                                                                     \
    "{\"Name\":\"rec-web\",\"Labels\":{" MARKS                                                      \
    "},\"TaskTemplate\":{\"ContainerSpec\":{\"Image\":\"web:1\",\"Env\":[\"A=" A                    \
    "\"]},\"Runtime\":\"container\"},\"Mode\":{\"Replicated\":{\"Replicas\":1}},\"EndpointSpec\":{" \
    "\"Mode\":\"dnsrr\"}}"
#define SERVICE(VERSION, A)                            \
    "{\"ID\":\"svc1\",\"Version\":{\"Index\":" VERSION \
    "},\"CreatedAt\":\"2026-01-02T03:04:05Z\",\"UpdatedAt\":\"2026-01-02T03:04:05Z\",\"Spec\":" SPEC(A) "}"
#define TASK(ID, STATE)                                                                                     \
    "{\"ID\":\"" ID "\",\"ServiceID\":\"svc1\",\"NodeID\":\"n1\",\"Slot\":1,\"Spec\":{\"ContainerSpec\":{"  \
    "\"Image\":\"web:1\",\"Env\":[\"A=one\"]}},\"DesiredState\":\"running\",\"Status\":{\"State\":\"" STATE \
    "\",\"Timestamp\":\"2026-01-02T03:04:05Z\"},\"CreatedAt\":\"2026-01-02T03:04:05Z\"}"
#define OUT_OF_SEQUENCE "{\"message\":\"rpc error: code = Unknown desc = update out of sequence\"}"
#define SERVICES_PATH   "GET /v1.41/services?"
#define TASKS_PATH      "GET /v1.41/tasks"
#define NETWORKS_PATH   "GET /v1.41/networks?"
#define SERVICE_PATH    "GET /v1.41/services/rec-web "

#define TAKEN_BACK(PHASE)                                                                               \
    "{\"ID\":\"svc1\",\"Version\":{\"Index\":12},\"CreatedAt\":\"2026-01-02T03:04:05Z\",\"UpdatedAt\":" \
    "\"2026-01-02T03:04:05Z\",\"UpdateStatus\":{\"State\":\"" PHASE "\"},\"Spec\":" SPEC("one") "}"

/* The service changes after the first request, from "one" to A; an update with the old version is refused. */
#define MOVED_ON(A)                                                                                     \
    {SERVICE_PATH, .body = SERVICE("10", "one"), .times = 1}, {SERVICE_PATH, .body = SERVICE("12", A)}, \
    {                                                                                                   \
        NETWORKS_PATH, .body = "[]"                                                                     \
    }
#define REFUSED                                                                                \
    {                                                                                          \
        "POST /v1.41/services/svc1/update?version=10 ", .status = 500, .body = OUT_OF_SEQUENCE \
    }

static void open_swarm(struct world *w, const struct peer_answer *script)
{
    static const struct target swarm = {.url = "swarm+", .docker_config = "/no/such"};
    world_open(w, script, &swarm);
}

static struct step step_of(struct world *w, enum step_verb verb)
{
    static const char spec[] =
        "{\"image\":\"web:1\",\"environment\":{\"A\":\"two\"},\"deploy\":{\"endpoint_mode\":"
        "\"dnsrr\"}}";
    static const char labels[] = "{" MARKS "}";
    struct err err = {0};
    struct val *v;
    struct step s = {.verb = verb,
                     .kind = &kind_container,
                     .id = "container/web",
                     .owner = "rec",
                     .native_name = "rec-web"};
    assert_ok(val_from_json(&w->arena, spec, strlen(spec), "spec", &v, &err));
    s.spec = v;
    assert_ok(val_from_json(&w->arena, labels, strlen(labels), "labels", &v, &err));
    s.labels = v;
    return s;
}

static int apply(struct world *w, const struct step *s)
{
    struct step_result result;
    err_clear(&w->err);
    return w->p->ops->apply(w->p, s, NULL, &result, &w->err);
}

/* The version index has changed, but nothing that the plan depends on: retried with the newer index. */
static void test_an_update_out_of_sequence_is_made_again(void **state)
{
    static const struct peer_answer script[] = {
        MOVED_ON("one"),
        REFUSED,
        {"POST /v1.41/services/svc1/update?version=12 ", .body = "{}", .expect = "\"A=two\""},
        {0}};
    struct world w;
    (void)state;
    open_swarm(&w, script);
    struct step s = step_of(&w, STEP_UPDATE);
    assert_int_equal(apply(&w, &s), 0);
    assert_int_equal(peer_count(w.peer, "POST "), 2);
    assert_null(strchr(peer_log(w.peer), '!'));
    world_close(&w);
}

/* A change by somebody else is not overwritten, but planned again. */
static void test_what_was_changed_meanwhile_is_not_overwritten(void **state)
{
    static const struct peer_answer script[] = {MOVED_ON("by hand"), REFUSED, {0}};
    struct world w;
    (void)state;
    open_swarm(&w, script);
    struct step s = step_of(&w, STEP_UPDATE);
    assert_int_equal(apply(&w, &s), ERR_CONFLICT);
    assert_true(w.err.retryable);
    assert_contains(w.err.msg, "container/web: service rec-web was changed by another client");
    assert_contains(w.err.hint, "make a new plan");
    assert_int_equal(peer_count(w.peer, "POST "), 1);
    world_close(&w);
}

static void test_a_service_that_never_rests_is_given_up(void **state)
{
    static const struct peer_answer script[] = {
        {SERVICE_PATH, .body = SERVICE("10", "one")}, {NETWORKS_PATH, .body = "[]"}, REFUSED, {0}};
    struct world w;
    (void)state;
    open_swarm(&w, script);
    struct step s = step_of(&w, STEP_UPDATE);
    assert_int_equal(apply(&w, &s), ERR_CONFLICT);
    assert_true(w.err.retryable);
    assert_int_equal(peer_count(w.peer, "POST "), 4);
    world_close(&w);
}

/* The same when it changes during the wait for its tasks. */
static void test_what_is_changed_while_it_is_waited_for(void **state)
{
    static const struct peer_answer script[] = {
        MOVED_ON("by hand"), {TASKS_PATH, .body = "[" TASK("t1", "starting") "]"}, {0}};
    struct world w;
    (void)state;
    open_swarm(&w, script);
    struct step s = step_of(&w, STEP_WAIT);
    s.timeout_ns = 10 * NS_PER_S;
    assert_int_equal(apply(&w, &s), ERR_CONFLICT);
    assert_contains(w.err.msg, "changed by another client while Forge waited for its tasks");
    assert_int_equal(peer_count(w.peer, NETWORKS_PATH), 0);
    world_close(&w);
}

/* So it is when somebody else rolls the service back, or removes it. */
static void test_what_is_undone_while_it_is_waited_for(void **state)
{
    static const struct {
        struct peer_answer first, then;
        const char *says;
    } cases[] = {
        {{SERVICE_PATH, .body = TAKEN_BACK("rollback_started\",\"Message\":\"manually requested rollback"),
          .times = 1},
         {SERVICE_PATH, .body = TAKEN_BACK("rollback_completed")},
         "rolled back by another client"},
        {{SERVICE_PATH, .body = SERVICE("11", "two"), .times = 1},
         {SERVICE_PATH, .status = 404, .body = "{\"message\":\"service rec-web not found\"}"},
         "removed by another client"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct peer_answer script[] = {
            cases[i].first, cases[i].then, {TASKS_PATH, .body = "[" TASK("t1", "failed") "]"}, {0}};
        struct world w;
        open_swarm(&w, script);
        struct step s = step_of(&w, STEP_WAIT);
        s.timeout_ns = 10 * NS_PER_S;
        assert_int_equal(apply(&w, &s), ERR_CONFLICT);
        assert_true(w.err.retryable);
        assert_contains(w.err.msg, cases[i].says);
        world_close(&w);
    }
}

/* An update that the swarm took back because a node was drained or demoted is worth another one; where a task
   of it failed by itself, or the rollback failed as well, it is not. */
static void test_what_nodes_undo_is_tried_again(void **state)
{
#define ENDED(STATE, WHY)                                                                                    \
    "[{\"ID\":\"t1\",\"ServiceID\":\"svc1\",\"NodeID\":\"n1\",\"Slot\":1,\"Spec\":{\"ContainerSpec\":{"      \
    "\"Image\":\"web:1\",\"Env\":[\"A=two\"]}},\"DesiredState\":\"shutdown\",\"Status\":{\"State\":\"" STATE \
    "\",\"Err\":\"" WHY                                                                                      \
    "\",\"Timestamp\":\"2026-01-02T03:04:05Z\"},\"CreatedAt\":\"2026-01-02T03:04:05Z\"}]"
#define MOVED "assigned node no longer meets constraints"
    static const struct {
        const char *service, *tasks, *says;
        int code;
    } cases[] = {
        {TAKEN_BACK("rollback_completed"), ENDED("rejected", MOVED), MOVED, ERR_CONFLICT},
        {TAKEN_BACK("rollback_completed"), "[]", "none of its tasks failed by itself", ERR_CONFLICT},
        {TAKEN_BACK("rollback_completed"), ENDED("failed", "task: non-zero exit (3)"), "exit (3)",
         ERR_FAILED},
        {TAKEN_BACK("rollback_paused"), ENDED("rejected", MOVED), "and so did the rollback", ERR_FAILED},
        /* A task of the spec before says nothing of the update. */
        {TAKEN_BACK("rollback_completed"), "[" TASK("t1", "failed") "]", "none of its tasks failed by itself",
         ERR_CONFLICT},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct peer_answer script[] = {{SERVICE_PATH, .body = SERVICE("11", "two"), .times = 1},
                                             {SERVICE_PATH, .body = cases[i].service},
                                             {TASKS_PATH, .body = cases[i].tasks},
                                             {"GET /v1.41/nodes", .body = "[]"},
                                             {0}};
        struct world w;
        open_swarm(&w, script);
        struct step s = step_of(&w, STEP_WAIT);
        s.timeout_ns = 10 * NS_PER_S;
        int r = apply(&w, &s);
        if (r != cases[i].code || w.err.retryable != (r == ERR_CONFLICT))
            fail_msg("case %zu: %d %s", i, r, w.err.msg);
        assert_contains(w.err.msg, cases[i].says);
        world_close(&w);
    }
}

/* The manager goes away in the middle: the request may or may not have taken effect, and is retried. */
static void test_a_manager_that_is_lost_in_the_middle(void **state)
{
    static const struct {
        struct peer_answer post;
        int code;
        const char *says;
    } cases[] = {
        {{"POST /v1.41/services/svc1/update", .flags = PEER_RAW | PEER_CLOSE, .body = ""},
         ERR_UNAVAILABLE,
         ""},
        {{"POST /v1.41/services/svc1/update", .flags = PEER_RAW | PEER_CLOSE,
          .body = "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"},
         ERR_UNAVAILABLE,
         ""},
        {{"POST /v1.41/services/svc1/update", .status = 503,
          .body = "{\"message\":\"rpc error: code = Unknown desc = The swarm does not have a leader. It's "
                  "possible "
                  "that too few managers are online.\"}"},
         ERR_UNAVAILABLE,
         "does not have a leader"},
        {{"POST /v1.41/services/svc1/update", .status = 500,
          .body = "{\"message\":\"context deadline exceeded\"}"},
         ERR_UNAVAILABLE,
         "deadline"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct peer_answer script[] = {
            {SERVICE_PATH, .body = SERVICE("10", "one")}, {NETWORKS_PATH, .body = "[]"}, cases[i].post, {0}};
        struct world w;
        open_swarm(&w, script);
        struct step s = step_of(&w, STEP_UPDATE);
        int r = apply(&w, &s);
        if (r != cases[i].code)
            fail_msg("case %zu: %d %s", i, r, w.err.msg);
        assert_contains(w.err.msg, "container/web: ");
        assert_contains(w.err.msg, cases[i].says);
        assert_true(w.err.retryable);
        world_close(&w);
    }
}

static void test_a_listing_says_what_runs(void **state)
{
    /* A slow answer, a byte every 20 ms, is no reason to give up. */
    static const struct peer_answer script[] = {{SERVICES_PATH, .body = "[" SERVICE("10", "one") "]"},
                                                {TASKS_PATH, .body = "[" TASK("t1", "running") "]"},
                                                {NETWORKS_PATH, .body = "[ ]", .flags = PEER_DRIP},
                                                {0}};
    static const struct target patient = {
        .url = "swarm+", .docker_config = "/no/such", .timeout_ns = 60 * NS_PER_S};
    struct world w;
    struct observed o;
    (void)state;
    world_open(&w, script, &patient);
    assert_int_equal(world_observe(&w, NULL, &o), 0);
    assert_int_equal(o.n, 1);
    assert_string_equal(o.items[0]->id, "container/web");
    assert_int_equal(o.items[0]->state, OBJECT_RUNNING);
    assert_int_equal(o.items[0]->tasks_running, 1);
    assert_string_equal(val_get_str(val_get(o.items[0]->spec, "environment"), "A"), "one");
    assert_int_equal(peer_count(w.peer, "GET "), 3);
    world_close(&w);
}

static void test_listings_that_go_wrong(void **state)
{
    static const struct {
        struct peer_answer a;
        int code;
    } cases[] = {
        {{SERVICES_PATH, .body = "[{\"ID\":"}, ERR_CORRUPT},
        {{SERVICES_PATH, .body = "{}"}, ERR_CORRUPT},
        {{SERVICES_PATH, .body = "[{\"ID\":1}]"}, ERR_CORRUPT},
        {{SERVICES_PATH, .body = "[{\"ID\":\"a\",\"Spec\":[]}]"}, ERR_CORRUPT},
        {{SERVICES_PATH, .body = "7"}, ERR_CORRUPT},
        {{TASKS_PATH, .body = "[{}]"}, ERR_CORRUPT},
        {{TASKS_PATH, .body = "{\"message\":\"x\"}"}, ERR_CORRUPT},
        {{TASKS_PATH, .body = "[7]"}, ERR_CORRUPT},
        {{NETWORKS_PATH, .body = "[{]"}, ERR_CORRUPT},
        {{NETWORKS_PATH, .body = "[{\"Name\":5}]"}, ERR_CORRUPT},
        {{SERVICES_PATH, .status = 503,
          .body =
              "{\"message\":\"This node is not a swarm manager. Worker nodes can't be used to view or modify "
              "cluster state.\"}"},
         ERR_UNSUPPORTED},
        {{SERVICES_PATH, .status = 500, .body = "{\"message\":\"The swarm does not have a leader\"}"},
         ERR_UNAVAILABLE},
        {{TASKS_PATH, .body = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[",
          .flags = PEER_RAW | PEER_CLOSE},
         ERR_UNAVAILABLE},
        {{TASKS_PATH, .flags = PEER_RAW | PEER_HANG}, ERR_TIMEOUT},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct peer_answer script[] = {cases[i].a,
                                             {SERVICES_PATH, .body = "[]"},
                                             {TASKS_PATH, .body = "[]"},
                                             {NETWORKS_PATH, .body = "[]"},
                                             {0}};
        struct world w;
        struct observed o;
        open_swarm(&w, script);
        int r = world_observe(&w, NULL, &o);
        if (r != cases[i].code)
            fail_msg("case %zu: %d %s", i, r, w.err.msg);
        assert_contains(w.err.msg, "target peer");
        world_close(&w);
    }
}

/* ---- events ---- */

#define HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
#define EVENT(ID, ACTION, NANO)                                               \
    "{\"Type\":\"service\",\"Action\":\"" ACTION "\",\"Actor\":{\"ID\":\"" ID \
    "\",\"Attributes\":{\"name\":\"x\""                                       \
    "}},\"scope\":\"swarm\",\"timeNano\":" NANO "}\n"

/* The stream breaks, cannot be opened again at once, and is resumed where it ended; then the manager's log
   does not go back far enough. Everything is observed when it is gone, when it is back, and after the gap. */
static void test_an_event_stream_that_breaks(void **state)
{
    static const struct peer_answer script[] = {
        {SERVICES_PATH, .body = "[" SERVICE("10", "one") "]"},
        {NETWORKS_PATH, .body = "[]"},
        {"GET /v1.41/services/other ", .body = "{\"ID\":\"other\",\"Spec\":{\"Labels\":{}}}"},
        {TASKS_PATH, .body = "[]"},
        {"GET /events?filters=", .flags = PEER_RAW | PEER_CLOSE, .times = 1,
         .body = HEAD EVENT("svc1", "update", "1700000000000000001")
             EVENT("other", "update", "1700000000000000002")},
        {"GET /events?since=", .flags = PEER_RAW | PEER_CLOSE, .times = 1, .body = "garbage\r\n\r\n"},
        {"GET /events?since=", .flags = PEER_RAW | PEER_CLOSE, .times = 1,
         .body = HEAD EVENT("other", "update", "1700000000000000002")
             EVENT("svc1", "remove", "1700000000000000003")},
        {"GET /events?since=", .flags = PEER_RAW | PEER_HANG,
         .body = HEAD EVENT("svc1", "create", "1700000000000000009")},
        {0}};
    struct world w;
    struct listener l;
    (void)state;
    open_swarm(&w, script);
    listen_begin(&l, &w);
    listen_until(&l, "create!|");
    assert_string_equal(buf_str(&l.heard), "update!|LOST|LOST|destroy!|LOST|create!|");
    listen_end(&l);
    world_close(&w);
}

/* There are no events about tasks on other nodes: tasks are polled. */
static void test_tasks_that_come_and_go_are_noticed(void **state)
{
    static const struct peer_answer script[] = {
        {SERVICES_PATH, .body = "[" SERVICE("10", "one") "]"},
        {NETWORKS_PATH, .body = "[]"},
        {TASKS_PATH, .times = 2, .body = "[" TASK("t1", "running") "]"},
        {TASKS_PATH, .times = 1, .body = "[{}, 7"},
        {TASKS_PATH, .body = "[" TASK("t2", "starting") "]"},
        {"GET /events?filters=", .flags = PEER_RAW | PEER_HANG, .body = HEAD},
        {0}};
    struct world w;
    struct listener l;
    (void)state;
    open_swarm(&w, script);
    listen_begin(&l, &w);
    listen_until(&l, "tasks!|");
    assert_string_equal(buf_str(&l.heard), "tasks!|");
    assert_int_equal(peer_count(w.peer, TASKS_PATH), 4);
    listen_end(&l);
    world_close(&w);
}

/* Concurrent waits share two listings instead of two requests each; a service that the listing lacks is
   requested separately. */
static void test_those_who_wait_ask_together(void **state)
{
    static const struct peer_answer script[] = {
        {SERVICES_PATH, .body = "[" SERVICE("10", "one") "]"},
        {TASKS_PATH " ", .body = "[" TASK("t1", "running") "," TASK("t2", "failed") "]"},
        {TASKS_PATH "?", .body = "[" TASK("t1", "running") "]"},
        {SERVICE_PATH, .body = SERVICE("10", "one")},
        {"GET /v1.41/services/rec-db ", .status = 404, .body = "{\"message\":\"no such service\"}"},
        {0}};
    struct world w;
    (void)state;
    open_swarm(&w, script);
    struct docker *d = docker_of(w.p);
    struct step web = step_of(&w, STEP_WAIT), db = web;
    db.native_name = "rec-db";
    for (unsigned n = 1; n <= 5; n++)
        crowd_join(d->crowd);
    int64_t since = stream_now();
    for (size_t i = 0; i < 4; i++) {
        struct act t = {.d = d, .step = i == 3 ? &db : &web, .arena = &w.arena};
        struct swarm_lists lists = {0};
        json_t *service = NULL;
        int r = crowd_look(&t, since, &service, &lists, &w.err);
        assert_int_equal(r, i == 3 ? ERR_NOTFOUND : 0);
        if (r == 0) {
            assert_string_equal(json_string_value(json_object_get(service, "ID")), "svc1");
            assert_int_equal(lists.n_tasks, 2);
            assert_string_equal(lists.task[1].state, "failed");
        }
        json_decref(service);
        swarm_lists_release(&lists);
        if (i == 2)
            assert_int_equal(peer_count(w.peer, "GET /v1.41/services"), 1);
    }
    assert_int_equal(peer_count(w.peer, SERVICES_PATH), 1);
    assert_int_equal(peer_count(w.peer, TASKS_PATH), 1);
    /* A wait that began later needs a newer listing. */
    struct act t = {.d = d, .step = &web, .arena = &w.arena};
    struct swarm_lists lists = {0};
    json_t *service = NULL;
    struct err err = {0};
    assert_ok(crowd_look(&t, stream_now(), &service, &lists, &err));
    assert_int_equal(peer_count(w.peer, SERVICES_PATH), 2);
    json_decref(service);
    swarm_lists_release(&lists);
    for (unsigned n = 1; n <= 5; n++)
        crowd_leave(d->crowd);
    /* A single wait makes its own requests. */
    web.timeout_ns = 5 * NS_PER_S;
    peer_script(w.peer, script);
    assert_int_equal(apply(&w, &web), 0);
    assert_int_equal(peer_count(w.peer, SERVICES_PATH), 0);
    world_close(&w);
}

/* A network is accepted before its driver is known, which the read-back would take for another driver. */
static void test_a_new_network_is_waited_for(void **state)
{
    static const struct peer_answer script[] = {
        {"POST /v1.41/networks/create ", .status = 201, .body = "{\"Id\":\"net1\"}"},
        {"GET /v1.41/networks/net1?scope=swarm ", .times = 2, .body = "{\"Id\":\"net1\",\"Driver\":\"\"}"},
        {"GET /v1.41/networks/net1?scope=swarm ", .body = "{\"Id\":\"net1\",\"Driver\":\"overlay\"}"},
        {0}};
    struct world w;
    (void)state;
    open_swarm(&w, script);
    struct step s = step_of(&w, STEP_CREATE);
    s.kind = &kind_network;
    s.id = "network/net";
    s.spec = val_map(&w.arena);
    assert_int_equal(apply(&w, &s), 0);
    assert_int_equal(peer_count(w.peer, "GET /v1.41/networks/net1"), 3);
    world_close(&w);
}

/* An update that waits for a lost node goes back and forward again, unless somebody else intervenes. */
static void test_a_stalled_update_is_begun_anew(void **state)
{
#define AT      "POST /v1.41/services/svc1/update?version="
#define BACK    AT "10&rollback=previous "
#define FORWARD "&registryAuthFrom=previous-spec "
#define NOW     "GET /v1.41/services/svc1 "
    static const struct {
        struct peer_answer script[6];
        size_t posts;
        int code;
    } cases[] = {
        {{{BACK, .body = "{}", .expect = "\"A=one\""},
          {NOW, .body = SERVICE("11", "one")},
          {AT "11" FORWARD, .body = "{}", .expect = "\"A=two\""}},
         2,
         0},
        /* The swarm writes the service as well. */
        {{{BACK, .body = "{}"},
          {NOW, .body = SERVICE("11", "one"), .times = 1},
          {AT "11" FORWARD, .status = 500, .body = OUT_OF_SEQUENCE},
          {NOW, .body = SERVICE("12", "one")},
          {AT "12" FORWARD, .body = "{}", .expect = "\"A=two\""}},
         3,
         0},
        /* Somebody else does, before and after it has gone back. */
        {{{BACK, .status = 500, .body = OUT_OF_SEQUENCE}}, 1, 0},
        {{{BACK, .body = "{}"}, {NOW, .body = SERVICE("12", "by hand")}}, 1, 0},
        {{{BACK, .body = "{}"}, {NOW, .status = 404, .body = "{\"message\":\"no such service\"}"}},
         1,
         ERR_NOTFOUND},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world w;
        struct err err = {0};
        open_swarm(&w, cases[i].script);
        struct step s = step_of(&w, STEP_WAIT);
        struct act t = {.d = docker_of(w.p), .step = &s, .arena = &w.arena};
        json_t *stalled = json_loads(SERVICE("10", "two"), 0, NULL);
        assert_int_equal(json_object_set_new(stalled, "PreviousSpec", json_loads(SPEC("one"), 0, NULL)), 0);
        assert_int_equal(docker_negotiate(t.d, NULL, &err), 0);
        if (stall_end(&t, stalled, &err) != cases[i].code || peer_count(w.peer, "POST ") != cases[i].posts)
            fail_msg("case %zu: %s\n%s", i, err.msg, peer_log(w.peer));
        assert_null(strchr(peer_log(w.peer), '!'));
        json_decref(stalled);
        world_close(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_update_out_of_sequence_is_made_again),
        cmocka_unit_test(test_what_was_changed_meanwhile_is_not_overwritten),
        cmocka_unit_test(test_a_service_that_never_rests_is_given_up),
        cmocka_unit_test(test_what_is_changed_while_it_is_waited_for),
        cmocka_unit_test(test_what_is_undone_while_it_is_waited_for),
        cmocka_unit_test(test_what_nodes_undo_is_tried_again),
        cmocka_unit_test(test_a_manager_that_is_lost_in_the_middle),
        cmocka_unit_test(test_a_listing_says_what_runs),
        cmocka_unit_test(test_listings_that_go_wrong),
        cmocka_unit_test(test_an_event_stream_that_breaks),
        cmocka_unit_test(test_those_who_wait_ask_together),
        cmocka_unit_test(test_tasks_that_come_and_go_are_noticed),
        cmocka_unit_test(test_a_new_network_is_waited_for),
        cmocka_unit_test(test_a_stalled_update_is_begun_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
