/* The requests of the Docker provider, one by one, and how it handles bad answers. */
#include "tests/exchange/docker_world.h"

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "tests/lib/unit.h"

#include <sys/stat.h>

#define LABEL_FILTER "filters=%7B%22label%22%3A%20%5B%22io.forge.environment%3Drec%22%5D%7D"

/* The first observation takes four requests and one for each new container; the next one only the four. */
static void test_the_questions_of_an_observation(void **state)
{
    char *list = peer_recorded("docker20_containers.json"), *web = peer_recorded("docker20_container.json"),
         *job = peer_recorded("docker20_container_exited.json"),
         *nets = peer_recorded("docker20_networks.json"), *vols = peer_recorded("docker20_volumes.json"),
         *image = peer_recorded("docker20_image.json"), *info = peer_recorded("docker20_info.json");
    struct buf events = BUF_INIT;
    struct err err = {0};
    (void)state;
    assert_ok(io_read_file("tests/exchange/recorded/docker20_events.jsonl", 1 << 20, &events, &err));
    const struct peer_answer script[] = {{"GET /v1.41/containers/json?all=1&" LABEL_FILTER " ", .body = list},
                                         {"GET /v1.41/networks?" LABEL_FILTER " ", .body = nets},
                                         {"GET /v1.41/volumes?" LABEL_FILTER " ", .body = vols},
                                         {"GET /v1.41/events?since=", .body = buf_str(&events)},
                                         {"GET /v1.41/info ", .body = info},
                                         {"GET /v1.41/containers/e01cee589e55", .body = web},
                                         {"GET /v1.41/containers/5730376fcafe", .body = job},
                                         {"GET /v1.41/images/sha256%3A", .body = image},
                                         {0}};
    struct world w;
    struct observed o;
    world_open(&w, script, NULL);
    assert_int_equal(world_observe(&w, NULL, &o), 0);
    assert_int_equal(o.n, 4);
    assert_int_equal(o.inspected, 2);
    assert_string_equal(o.engine, "docker 20.10.24 (API 1.41)");
    assert_null(strchr(peer_log(w.peer), '?') == strstr(peer_log(w.peer), "?GET") ? "unscripted" : NULL);
    peer_script(w.peer, script);
    assert_int_equal(world_observe(&w, NULL, &o), 0);
    assert_int_equal(o.inspected, 0);
    assert_int_equal(o.cached, 2);
    const char *log = peer_log(w.peer);
    size_t questions = 0;
    for (const char *p = log; (p = strchr(p, '|')); p++)
        questions++;
    assert_int_equal(questions, 4);
    assert_null(strstr(log, "/json|GET /v1.41/containers/e0"));
    world_close(&w);
    char *all[] = {list, web, job, nets, vols, image, info};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        free(all[i]);
    buf_release(&events);
}

static void test_observations_that_go_wrong(void **state)
{
    static const struct {
        struct peer_answer a;
        int code;
    } cases[] = {
        {{"GET /v1.41/containers/json", .body = "[{\"Id\":"}, ERR_CORRUPT},
        {{"GET /v1.41/containers/json", .body = "{}"}, ERR_CORRUPT},
        {{"GET /v1.41/containers/json", .body = "[{\"Id\":\"1\"}]"}, ERR_CORRUPT},
        {{"GET /v1.41/containers/json", .status = 500, .body = "{\"message\":\"broken inside\"}"},
         ERR_FAILED},
        {{"GET /v1.41/containers/json", .body = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[",
          .flags = PEER_RAW | PEER_CLOSE},
         ERR_UNAVAILABLE},
        {{"GET /v1.41/networks", .body = "[{]"}, ERR_CORRUPT},
        {{"GET /v1.41/volumes", .status = 503}, ERR_UNAVAILABLE},
        {{"GET /v1.41/containers/json", .flags = PEER_RAW | PEER_HANG}, ERR_TIMEOUT},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct peer_answer script[] = {cases[i].a,
                                             {"GET /v1.41/containers/json", .body = "[]"},
                                             {"GET /v1.41/networks", .body = "[]"},
                                             {"GET /v1.41/volumes", .body = "{\"Volumes\":null}"},
                                             {"GET /v1.41/events", .body = ""},
                                             {"GET /v1.41/info", .body = "{}"},
                                             {0}};
        struct world w;
        struct observed o;
        world_open(&w, script, NULL);
        int r = world_observe(&w, NULL, &o);
        if (r != cases[i].code)
            fail_msg("case %zu: %d %s", i, r, w.err.msg);
        assert_contains(w.err.msg, "target peer");
        world_close(&w);
    }
}

static void test_who_is_no_engine_or_an_old_one(void **state)
{
    static const struct peer_answer none[] = {
        {"GET /_ping", .flags = PEER_RAW, .body = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}, {0}};
    static const struct peer_answer old[] = {
        {"GET /_ping", .flags = PEER_RAW,
         .body = "HTTP/1.1 200 OK\r\nApi-Version: 1.39\r\nContent-Length: 0\r\n\r\n"},
        {0}};
    static const struct peer_answer newer[] = {
        {"GET /_ping", .flags = PEER_RAW,
         .body = "HTTP/1.1 200 OK\r\nApi-Version: 1.99\r\nContent-Length: 0\r\n\r\n"},
        {0}};
    const struct {
        const struct peer_answer *script;
        int code;
        const char *says;
    } cases[] = {{none, ERR_UNSUPPORTED, "is not a container engine"},
                 {old, ERR_UNSUPPORTED, "too old"},
                 {newer, 0, NULL}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world w;
        unsigned caps = 0;
        const char *engine;
        world_open(&w, cases[i].script, NULL);
        assert_int_equal(w.p->ops->ping(w.p, &caps, &engine, &w.arena, &w.err), cases[i].code);
        if (cases[i].says)
            assert_contains(w.err.msg, cases[i].says);
        else
            assert_string_equal(engine, "docker (API 1.51)");
        world_close(&w);
    }
}

#define NOTHING_THERE                                                                    \
    {"GET /v1.41/containers/json", .body = "[]"}, {"GET /v1.41/networks", .body = "[]"}, \
        {"GET /v1.41/volumes", .body = "{\"Volumes\":null}"},                            \
    {                                                                                    \
        "GET /v1.41/events", .body = ""                                                  \
    }

/* Whether the engine manages a swarm is known, and asked again only where that would refuse a network. */
static void test_who_can_span_a_swarm(void **state)
{
    static const struct peer_answer alone[] = {
        NOTHING_THERE, {"GET /v1.41/info ", .body = "{\"Swarm\":{\"ControlAvailable\":false}}"}, {0}};
    static const struct peer_answer manager[] = {
        NOTHING_THERE, {"GET /v1.41/info ", .body = "{\"Swarm\":{\"ControlAvailable\":true}}"}, {0}};
    struct world w;
    struct observed o;
    struct resource_set plain, overlay;
    (void)state;
    world_open(&w, alone, NULL);
    resource_set_init(&plain, &w.arena);
    resource_set_init(&overlay, &w.arena);
    world_want(&w, &plain, &kind_network, "front", "{}");
    world_want(&w, &overlay, &kind_network, "front", "{\"driver\":\"overlay\"}");
    assert_int_equal(world_observe(&w, &plain, &o), 0);
    assert_false(o.caps & CAP_OVERLAY);
    peer_script(w.peer, manager);
    assert_int_equal(world_observe(&w, &plain, &o), 0);
    assert_null(strstr(peer_log(w.peer), "/info"));
    assert_int_equal(world_observe(&w, &overlay, &o), 0);
    assert_true(o.caps & CAP_OVERLAY);
    assert_contains(peer_log(w.peer), "/info");
    peer_script(w.peer, alone);
    assert_int_equal(world_observe(&w, &overlay, &o), 0);
    assert_null(strstr(peer_log(w.peer), "/info"));
    resource_set_release(&plain);
    resource_set_release(&overlay);
    world_close(&w);
}

static struct step step_of(struct world *w, enum step_verb verb, const char *json)
{
    static const char labels[] = "{\"io.forge.environment\":\"rec\",\"io.forge.resource\":\"container/"
                                 "web\",\"io.forge.instance\":\"1\",\"io.forge.spec\":\"v1:abc\"}";
    struct step s = {.verb = verb,
                     .kind = &kind_container,
                     .id = "container/web",
                     .instance = 1,
                     .native_name = "rec-web-1",
                     .image = "r.example/web:1",
                     .pull_policy = "always"};
    struct val *v;
    if (val_from_json(&w->arena, json, strlen(json), "spec", &v, &w->err) < 0)
        fail_msg("%s", w->err.msg);
    s.spec = v;
    if (val_from_json(&w->arena, labels, strlen(labels), "labels", &v, &w->err) < 0)
        fail_msg("%s", w->err.msg);
    s.labels = v;
    return s;
}

static int apply(struct world *w, const struct step *s, struct step_result *ret)
{
    err_clear(&w->err);
    return w->p->ops->apply(w->p, s, NULL, ret, &w->err);
}

#define CREATED "{\"Id\":\"abc123\",\"Warnings\":[]}"

static void test_a_create_that_fails_half_way_is_taken_back(void **state)
{
    static const struct peer_answer no_net[] = {
        {"POST /v1.41/containers/create?name=rec-web-1 ", .status = 201, .body = CREATED},
        {"POST /v1.41/networks/b/connect", .status = 404, .body = "{\"message\":\"network b not found\"}"},
        {"DELETE /v1.41/containers/abc123?v=1&force=1", .status = 204},
        {0}};
    static const struct peer_answer no_file[] = {
        {"POST /v1.41/containers/create?name=rec-web-1 ", .status = 201, .body = CREATED},
        {"POST /v1.41/networks/b/connect", .expect = "\"Aliases\":[\"w\"]"},
        {"PUT /v1.41/containers/abc123/archive?path=%2F", .status = 500,
         .body = "{\"message\":\"no space left on device\"}", .expect = "ustar"},
        {"DELETE /v1.41/containers/abc123?v=1&force=1", .status = 204},
        {0}};
    static const struct peer_answer cut[] = {
        {"POST /v1.41/containers/create?name=rec-web-1 ", .status = 201, .body = CREATED},
        {"POST /v1.41/networks/b/connect", .flags = PEER_RAW | PEER_CLOSE, .body = ""},
        {"DELETE /v1.41/containers/abc123?v=1&force=1", .status = 204},
        {0}};
    static const struct {
        const struct peer_answer *script;
        int code;
    } cases[] = {{no_net, ERR_NOTFOUND}, {no_file, ERR_NOSPACE}, {cut, ERR_UNAVAILABLE}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world w;
        struct step_result result;
        world_open(&w, cases[i].script, NULL);
        struct step s = step_of(
            &w, STEP_CREATE,
            "{\"image\":\"web:1\",\"networks\":{\"a\":{\"aliases\":[\"w\"]},\"b\":{\"aliases\":[\"w\"]}}}");
        const struct step_file file = {.target = "/etc/x", .data = "x", .len = 1, .mode = -1};
        s.files = &file;
        s.n_files = 1;
        assert_int_equal(apply(&w, &s, &result), cases[i].code);
        assert_contains(w.err.msg, "container/web: ");
        assert_true(str_ends(peer_log(w.peer), "|DELETE /v1.41/containers/abc123?v=1&force=1|"));
        assert_null(strstr(peer_log(w.peer), "!"));
        world_close(&w);
    }
}

static void test_the_name_is_taken(void **state)
{
    char *mine = peer_recorded("docker20_container.json");
    (void)state;
    const struct peer_answer script[] = {
        {"POST /v1.41/containers/create", .status = 409,
         .body = "{\"message\":\"Conflict. The container name \\\"/rec-web-1\\\" is already in use by "
                 "container \\\"1\\\".\"}"},
        {"GET /v1.41/containers/rec-web-1/json", .body = mine},
        {"GET /v1.41/images/", .status = 404},
        {"GET /v1.41/info", .body = "{}"},
        {0}};
    struct world w;
    struct step_result result;
    world_open(&w, script, NULL);
    struct step s = step_of(&w, STEP_CREATE, "{\"image\":\"web:1\",\"network_mode\":\"none\"}");
    assert_int_equal(apply(&w, &s, &result), 0); /* already created by this step */
    assert_true(result.unchanged);
    assert_true(str_starts(result.native_id, "e01cee589e55"));
    s.id = "container/other";
    assert_int_equal(apply(&w, &s, &result), ERR_CONFLICT);
    assert_contains(w.err.msg, "rec-web-1 is taken by container e01cee589e55");
    world_close(&w);
    free(mine);
}

/* A create request of a killed run is still in progress: the name is taken, but no object can be found
   yet. */
static void test_the_name_is_taken_by_what_is_not_there_yet(void **state)
{
    (void)state;
    static const struct peer_answer script[] = {
        {"POST /v1.41/containers/create", .status = 409, .times = 5, .body = "{\"message\":\"in use\"}"},
        {"GET /v1.41/containers/rec-web-1/json", .status = 404,
         .body = "{\"message\":\"No such container\"}"},
        {"POST /v1.41/containers/create", .status = 201, .body = "{\"Id\":\"abc\"}"},
        {0}};
    struct world w;
    struct step_result result;
    world_open(&w, script, NULL);
    struct step s = step_of(&w, STEP_CREATE, "{\"image\":\"web:1\",\"network_mode\":\"none\"}");
    assert_int_equal(apply(&w, &s, &result), 0);
    assert_string_equal(result.native_id, "abc");
    world_close(&w);
}

#define NETWORK(ID, NAME, TIME, SPEC)                                                               \
    "{\"Name\":\"" NAME "\",\"Id\":\"" ID "\",\"Created\":\"2026-01-02T03:04:" TIME                 \
    "Z\",\"Driver\":\"bridge\",\"Labels\":{\"io.forge.environment\":\"rec\",\"io.forge.resource\":" \
    "\"network/"                                                                                    \
    "front\",\"io.forge.instance\":\"1\",\"io.forge.spec\":\"" SPEC "\"}}"

/* An engine creates two networks with the same name when both are requested at once; one of them is
   removed. */
static void test_two_networks_of_one_name(void **state)
{
    (void)state;
    static const struct peer_answer script[] = {
        {"POST /v1.41/networks/create", .status = 201, .body = "{\"Id\":\"n2\"}"},
        {"GET /v1.41/networks?filters=%7B%22name%22%3A%20%5B%22rec-front%22%5D%7D ",
         .body = "[" NETWORK("n2", "rec-front", "06", "v1:abc") "," NETWORK(
             "n1", "rec-front", "05", "v1:abc") "," NETWORK("n0", "rec-front-2", "04", "v1:abc") "]"},
        {"DELETE /v1.41/networks/n2 ", .status = 204},
        {0}};
    static const struct peer_answer taken[] = {
        {"POST /v1.41/networks/create", .status = 409, .body = "{\"message\":\"exists\"}"},
        {"GET /v1.41/networks?", .body = "[" NETWORK("n9", "rec-front", "05", "v1:xyz") "]"},
        {0}};
    struct world w;
    struct step_result result;
    world_open(&w, script, NULL);
    struct step s = step_of(&w, STEP_CREATE, "{}");
    s.kind = &kind_network;
    s.id = "network/front";
    s.native_name = "rec-front";
    struct val *labels = val_map_copy(&w.arena, s.labels);
    val_map_set(&w.arena, labels, "io.forge.resource", val_str(&w.arena, s.id));
    s.labels = labels;
    assert_int_equal(apply(&w, &s, &result), 0);
    assert_string_equal(result.native_id, "n1");
    assert_contains(peer_log(w.peer), "|DELETE /v1.41/networks/n2");
    assert_false(result.unchanged);
    peer_script(w.peer, taken);
    assert_int_equal(apply(&w, &s, &result), ERR_EXISTS);
    assert_contains(w.err.msg, "created from another specification");
    world_close(&w);
}

/* A killed run's request may even end after that: then a container cannot join, and the next attempt can. */
static void test_a_second_network_that_comes_late(void **state)
{
    static const char refusal[] =
        "{\"message\":\"network rec-front is ambiguous (2 matches found on name)\"}";
    static const char both[] =
        "[" NETWORK("n2", "rec-front", "06", "v1:abc") "," NETWORK("n1", "rec-front", "05", "v1:abc") "]";
    static const struct peer_answer unused[] = {
        {"POST /v1.41/containers/create", .status = 400, .times = 1, .body = refusal},
        {"GET /v1.41/networks?", .body = both},
        {"DELETE /v1.41/networks/n2 ", .status = 204},
        {"POST /v1.41/containers/create", .status = 201, .body = CREATED},
        {0}};
    /* The newer one is in use already. */
    static const struct peer_answer used[] = {
        {"POST /v1.41/containers/create", .status = 400, .times = 1, .body = refusal},
        {"GET /v1.41/networks?", .body = both},
        {"DELETE /v1.41/networks/n2 ", .status = 403,
         .body =
             "{\"message\":\"error while removing network: network rec-front id n2 has active endpoints\"}"},
        {"DELETE /v1.41/networks/n1 ", .status = 204},
        {"POST /v1.41/containers/create", .status = 201, .body = CREATED},
        {0}};
    static const struct peer_answer *const scripts[] = {unused, used};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
        struct world w;
        struct step_result result;
        world_open(&w, scripts[i], NULL);
        struct step s = step_of(&w, STEP_CREATE,
                                "{\"image\":\"web:1\",\"networks\":{\"rec-front\":{\"aliases\":[\"w\"]}}}");
        s.owner = "rec";
        assert_int_equal(apply(&w, &s, &result), ERR_BUSY);
        assert_true(w.err.retryable);
        assert_contains(peer_log(w.peer), i ? "|DELETE /v1.41/networks/n1" : "|DELETE /v1.41/networks/n2");
        assert_int_equal(apply(&w, &s, &result), 0);
        assert_null(strchr(peer_log(w.peer), '!'));
        world_close(&w);
    }
}

static void test_a_pull_with_progress_and_a_login(void **state)
{
    /* {"username":"u","password":"canary-pw","serveraddress":"r.example"} */
    static const struct peer_answer script[] = {
        {"GET /v1.41/images/r.example%2Fweb%3A1/json", .status = 404,
         .body = "{\"message\":\"No such image: r.example/web:1\"}", .times = 1},
        {"POST /v1.41/images/create?fromImage=r.example%2Fweb&tag=1 ",
         .expect =
             "X-Registry-Auth: "
             "eyJ1c2VybmFtZSI6InUiLCJwYXNzd29yZCI6ImNhbmFyeS1wdyIsInNlcnZlcmFkZHJlc3MiOiJyLmV4YW1wbGUifQ==",
         .body = "{\"status\":\"Pulling from "
                 "web\",\"id\":\"1\"}\r\n{\"status\":\"Downloading\",\"progressDetail\":{\"current\":512,"
                 "\"total\":1024},\"id\":\"aa\"}\r\n"
                 "{\"status\":\"Downloading\",\"progressDetail\":{\"current\":100,\"total\":200},\"id\":"
                 "\"bb\"}\r\n{\"status\":\"Downloading\",\"progressDetail\":{\"current\":1024,\"total\":1024}"
                 ",\"id\":\"aa\"}\r\n"},
        {"GET /v1.41/images/r.example%2Fweb%3A1/json", .body = "{\"Id\":\"sha256:new\"}"},
        {0}};
    struct secret *pw = secret_new("canary-pw", 9);
    const struct registry_login login = {
        .registry = "https://r.example/v2/", .username = "u", .password = pw};
    const struct target t = {.logins = &login, .n_logins = 1};
    struct world w;
    struct step_result result;
    (void)state;
    world_open(&w, script, &t);
    struct step s = step_of(&w, STEP_PULL, "{}");
    assert_int_equal(apply(&w, &s, &result), 0);
    assert_string_equal(result.image_id, "sha256:new");
    assert_false(result.unchanged);
    assert_null(strstr(peer_log(w.peer), "!"));
    world_close(&w);
    secret_free(pw);
}

/* X4, X7: an error in the middle of the stream, after status 200; and no byte of the password in any
   message. */
static void test_a_pull_that_fails(void **state)
{
    static const struct {
        const char *body;
        int status, code;
        bool retryable;
    } cases[] = {
        {"{\"status\":\"Pulling\"}\r\n{\"errorDetail\":{\"message\":\"x\"},\"error\":\"unauthorized: "
         "authentication required\"}\r\n",
         200, ERR_AUTH, false},
        {"{\"errorDetail\":{\"message\":\"x\"},\"error\":\"manifest for r.example/web:1 not found: manifest "
         "unknown: manifest unknown\"}\r\n",
         200, ERR_NOTFOUND, false},
        {"{\"message\":\"Get https://r.example/v2/: net/http: TLS handshake timeout\"}", 500, ERR_UNAVAILABLE,
         true},
    };
    struct secret *pw = secret_new("canary-pw", 9);
    const struct registry_login login = {.registry = "r.example", .username = "u", .password = pw};
    const struct target t = {.logins = &login, .n_logins = 1};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct peer_answer script[] = {
            {"GET /v1.41/images/", .status = 404},
            {"POST /v1.41/images/create", .status = cases[i].status, .body = cases[i].body},
            {0}};
        struct world w;
        struct step_result result;
        world_open(&w, script, &t);
        struct step s = step_of(&w, STEP_PULL, "{}");
        assert_int_equal(apply(&w, &s, &result), cases[i].code);
        assert_int_equal(w.err.retryable, cases[i].retryable);
        assert_contains(w.err.msg, "r.example/web:1");
        assert_null(strstr(w.err.msg, "canary"));
        assert_null(strstr(w.err.msg, "Y2FuYXJ5"));
        world_close(&w);
    }
    secret_free(pw);
}

static void test_docker_config_files(void **state)
{
    static const struct {
        const char *config, *header;
        int code;
    } cases[] = {
        /* {"username":"a","password":"b:c",...} */
        {"{\"auths\":{\"https://r.example/v1/\":{\"auth\":\"YTpiOmM=\"}}}",
         "X-Registry-Auth: eyJ1c2VybmFtZSI6ImEiLCJwYXNzd29yZCI6ImI6YyIs", 0},
        /* {"identitytoken":"tok",...} */
        {"{\"auths\":{\"r.example\":{\"identitytoken\":\"tok\"}}}",
         "X-Registry-Auth: eyJpZGVudGl0eXRva2VuIjoidG9rIi", 0},
        {"{\"auths\":{\"other.example\":{\"auth\":\"YTpi\"}}}", "Content-Length: 0\r\n\r\n", 0},
        {"{\"credHelpers\":{\"r.example\":\"forge-test\"}}", "X-Registry-Auth: eyJ1c2VybmFtZSI6ImhlbHBlZCIs",
         0},
        {"{\"credsStore\":\"forge-test\"}", "X-Registry-Auth: eyJ1c2VybmFtZSI6ImhlbHBlZCIs", 0},
        {"{\"credHelpers\":{\"r.example\":\"../x\"}}", NULL, ERR_INVALID},
        {"not json", NULL, ERR_INVALID},
    };
    char *dir = unit_temp_dir(), *path = mem_strdup(getenv("PATH"));
    struct buf both = BUF_INIT;
    (void)state;
    /* The helper gets the registry on its stdin, not as an argument. */
    unit_write(unit_path(dir, "docker-credential-forge-test"),
               "#!/bin/sh\nread -r name || :\n[ \"$1 $name\" = 'get r.example' ] || { echo credentials not "
               "found in native keychain; exit 1; }\n"
               "echo '{\"ServerURL\":\"r.example\",\"Username\":\"helped\",\"Secret\":\"s3\"}'\n");
    assert_int_equal(chmod(unit_path(dir, "docker-credential-forge-test"), 0755), 0);
    buf_addf(&both, "%s:%s", dir, path);
    setenv("PATH", buf_str(&both), 1);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct peer_answer script[] = {{"GET /v1.41/images/", .status = 404, .times = 1},
                                             {"POST /v1.41/images/create", .expect = cases[i].header},
                                             {"GET /v1.41/images/", .body = "{\"Id\":\"sha256:x\"}"},
                                             {0}};
        const struct target t = {.docker_config = dir};
        struct world w;
        struct step_result result;
        unit_write(unit_path(dir, "config.json"), cases[i].config);
        world_open(&w, script, &t);
        struct step s = step_of(&w, STEP_PULL, "{}");
        int r = apply(&w, &s, &result);
        if (r != cases[i].code || strstr(peer_log(w.peer), "!"))
            fail_msg("%s: %d %s %s", cases[i].config, r, w.err.msg, peer_log(w.peer));
        world_close(&w);
    }
    setenv("PATH", path, 1);
    buf_release(&both);
    free(path);
    unit_temp_remove(dir);
}

/* S4, L5: an object is inspected before it is changed, and left alone when it is another one. */
static void test_nothing_is_stopped_unseen(void **state)
{
    char *mine = peer_recorded("docker20_container.json");
    (void)state;
    const struct peer_answer script[] = {
        {"GET /v1.41/containers/", .body = mine},
        {"GET /v1.41/images/", .status = 404},
        {"GET /v1.41/info", .body = "{}"},
        {"POST /v1.41/containers/e01cee589e55344416a38c2393644a30ee6ca4378121e7cc98df11b3b77c2386/stop?t=3",
         .status = 204},
        {0}};
    struct world w;
    struct step_result result;
    world_open(&w, script, NULL);
    struct step s = step_of(&w, STEP_STOP, "{}");
    s.timeout_ns = 2500 * NS_PER_MS;
    assert_int_equal(apply(&w, &s, &result), 0);
    assert_true(str_ends(peer_log(w.peer), "/stop?t=3|"));
    peer_script(w.peer, script);
    s.native_id = "somebody else's";
    assert_int_equal(apply(&w, &s, &result), ERR_CONFLICT);
    s.native_id = NULL;
    s.id = "container/other";
    assert_int_equal(apply(&w, &s, &result), ERR_CONFLICT);
    assert_null(strstr(peer_log(w.peer), "POST"));
    world_close(&w);
    free(mine);
}

#define WEB_ID "e01cee589e55344416a38c2393644a30ee6ca4378121e7cc98df11b3b77c2386"

/* Marks do not change: an object that was observed as ours is not inspected again before it is stopped. */
static void test_what_was_observed_is_stopped_by_its_id(void **state)
{
    char *list = peer_recorded("docker20_containers.json"), *web = peer_recorded("docker20_container.json"),
         *job = peer_recorded("docker20_container_exited.json"),
         *image = peer_recorded("docker20_image.json");
    (void)state;
    const struct peer_answer script[] = {{"GET /v1.41/containers/json", .body = list},
                                         {"GET /v1.41/networks", .body = "[]"},
                                         {"GET /v1.41/volumes", .body = "{\"Volumes\":null}"},
                                         {"GET /v1.41/events", .body = ""},
                                         {"GET /v1.41/info ", .body = "{}"},
                                         {"GET /v1.41/containers/e01cee589e55", .body = web},
                                         {"GET /v1.41/containers/5730376fcafe", .body = job},
                                         {"GET /v1.41/images/sha256%3A", .body = image},
                                         {"POST /v1.41/containers/" WEB_ID "/stop?t=0 ", .status = 204},
                                         {0}};
    struct world w;
    struct observed o;
    struct step_result result;
    world_open(&w, script, NULL);
    assert_int_equal(world_observe(&w, NULL, &o), 0);
    peer_script(w.peer, script);
    struct step s = step_of(&w, STEP_STOP, "{}");
    s.native_id = WEB_ID;
    assert_int_equal(apply(&w, &s, &result), 0);
    assert_string_equal(peer_log(w.peer), "POST /v1.41/containers/" WEB_ID "/stop?t=0|");
    /* As an object of another resource it is unknown, and an inspection shows that it is not one. */
    peer_script(w.peer, script);
    s.id = "container/other";
    assert_int_equal(apply(&w, &s, &result), ERR_CONFLICT);
    assert_null(strstr(peer_log(w.peer), "POST"));
    world_close(&w);
    char *all[] = {list, web, job, image};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        free(all[i]);
}

/* Stopped, and started again by a request that the engine had accepted before it hung. */
static void test_what_was_started_again_is_stopped_and_removed(void **state)
{
    static const char runs[] = "{\"message\":\"You cannot remove a running container abc. Stop the container "
                               "before attempting removal or force remove\"}";
    static const struct peer_answer script[] = {
        {"DELETE /v1.41/containers/abc?v=1 ", .status = 409, .body = runs, .times = 1},
        {"POST /v1.41/containers/abc/stop?t=3 ", .status = 204},
        {"DELETE /v1.41/containers/abc?v=1 ", .status = 204},
        {0}};
    struct world w;
    struct step_result result;
    (void)state;
    world_open(&w, script, NULL);
    struct step s = step_of(&w, STEP_REMOVE, "{}");
    s.native_id = "abc";
    s.made = true;
    s.timeout_ns = 3 * NS_PER_S;
    assert_int_equal(apply(&w, &s, &result), 0);
    assert_false(result.unchanged);
    assert_true(str_ends(peer_log(w.peer), "/stop?t=3|DELETE /v1.41/containers/abc?v=1|"));
    /* What Forge did not stop is left to somebody who sees that it runs. */
    s.timeout_ns = 0;
    peer_script(w.peer, script);
    assert_int_equal(apply(&w, &s, &result), ERR_CONFLICT);
    assert_contains(w.err.hint, "started in the meantime");
    assert_null(strstr(peer_log(w.peer), "POST"));
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_questions_of_an_observation),
        cmocka_unit_test(test_observations_that_go_wrong),
        cmocka_unit_test(test_who_is_no_engine_or_an_old_one),
        cmocka_unit_test(test_who_can_span_a_swarm),
        cmocka_unit_test(test_a_create_that_fails_half_way_is_taken_back),
        cmocka_unit_test(test_the_name_is_taken),
        cmocka_unit_test(test_the_name_is_taken_by_what_is_not_there_yet),
        cmocka_unit_test(test_two_networks_of_one_name),
        cmocka_unit_test(test_a_second_network_that_comes_late),
        cmocka_unit_test(test_a_pull_with_progress_and_a_login),
        cmocka_unit_test(test_a_pull_that_fails),
        cmocka_unit_test(test_docker_config_files),
        cmocka_unit_test(test_nothing_is_stopped_unseen),
        cmocka_unit_test(test_what_was_observed_is_stopped_by_its_id),
        cmocka_unit_test(test_what_was_started_again_is_stopped_and_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
