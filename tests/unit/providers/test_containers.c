/* The rules of the Docker family, on recorded answers, and round trips for API versions that no available
   engine has. */
#include "providers/containers/containers.h"
#include "providers/containers/events.h"
#include "providers/containers/listing.h"

#include "base/io.h"
#include "base/str.h"
#include "schema/kinds/container.h"
#include "tests/lib/unit.h"

#define RECORDED "tests/exchange/recorded/"

static json_t *recorded(const char *name)
{
    json_error_t why;
    char path[200];
    snprintf(path, sizeof(path), RECORDED "%s", name);
    json_t *j = json_load_file(path, 0, &why);
    if (!j)
        fail_msg("%s: %s", path, why.text);
    return j;
}

static void test_a_recorded_container(void **state)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct err err = {0};
    struct object o;
    struct image_info image;
    struct engine_facts facts;
    json_t *j = recorded("docker20_container.json"), *i = recorded("docker20_image.json"),
           *f = recorded("docker20_info.json");
    (void)state;
    image_read(&a, i, &image);
    assert_int_equal(facts_read(&a, f, &facts), 0);
    assert_ok(container_read(&a, j, &image, &o, &err));
    o.defaults = container_defaults(&a, &o, &image, &facts);
    assert_string_equal(o.id, "container/web");
    assert_string_equal(o.owner, "rec");
    assert_string_equal(o.native_name, "rec-web-1");
    assert_int_equal(o.generation, 3);
    assert_int_equal(o.state, OBJECT_RUNNING);
    assert_int_equal(o.health, HEALTH_HEALTHY);
    assert_true(o.started_ns > 0 && o.created_ns > 0 && o.finished_ns == 0);
    assert_string_equal(val_get_str(o.spec, "image"), "forge-test/busybox:1");
    assert_string_equal(val_get_str(o.spec, "restart"), "unless-stopped");
    assert_string_equal(val_get_str(val_path(o.spec, "environment"), "A"), "1");
    assert_int_equal(val_get_int(val_get(o.spec, "resources"), "memory", 0), 67108864);
    assert_int_equal(val_get_int(val_get(o.defaults, "resources"), "memory_swap", 0), 134217728);
    assert_non_null(val_get(val_get(o.spec, "ports"), "18091->80/tcp"));
    assert_null(val_get(o.spec, "expose"));
    assert_null(val_get(o.spec, "hostname"));
    assert_string_equal(val_get_str(val_get(o.spec, "labels"), "tier"), "front");
    assert_null(val_get(val_get(o.spec, "labels"), MARK_OWNER));
    const struct val *net = val_get(val_get(o.spec, "networks"), "rec-back");
    assert_int_equal(val_len(val_get(net, "aliases")), 1);
    assert_string_equal(val_get_str(val_get(val_get(o.spec, "volumes"), "/data"), "source"), "rec-data");
    assert_true(val_equal(val_get(o.spec, "command"), val_get(o.defaults, "command")));
    json_decref(j);
    json_decref(i);
    json_decref(f);
}

static void test_a_recorded_end(void **state)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct err err = {0};
    struct object o;
    json_t *j = recorded("docker20_container_exited.json");
    (void)state;
    assert_ok(container_read(&a, j, NULL, &o, &err));
    assert_int_equal(o.state, OBJECT_EXITED);
    assert_int_equal(o.exit_code, 3);
    assert_true(o.finished_ns >= o.started_ns);
    assert_string_equal(val_get_str(o.spec, "network_mode"), "none");
    assert_null(o.message);
    json_object_set_new(json_object_get(j, "State"), "OOMKilled", json_true());
    assert_ok(container_read(&a, j, NULL, &o, &err));
    assert_string_equal(o.message, "killed because it ran out of memory (OOM)");
    json_decref(j);
}

static void test_recorded_networks_and_volumes(void **state)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct err err = {0};
    struct object o;
    json_t *n = recorded("docker20_networks.json"), *v = recorded("docker20_volumes.json");
    (void)state;
    assert_ok(network_read(&a, json_array_get(n, 0), &o, &err));
    assert_string_equal(o.id, "network/back");
    assert_string_equal(val_get_str(o.spec, "driver"), "bridge");
    assert_true(val_equal(val_get(o.spec, "ipam"), val_get(o.defaults, "ipam")));
    assert_ok(volume_read(&a, json_array_get(json_object_get(v, "Volumes"), 0), &o, &err));
    assert_string_equal(o.id, "volume/data");
    assert_string_equal(o.native_name, "rec-data");
    json_decref(n);
    json_decref(v);
}

static void read_listing(struct arena *a, const char *text, struct listed *ret, size_t max, size_t *n)
{
    struct err err = {0};
    struct scan s;
    struct span entry;
    *n = 0;
    assert_ok(scan_enter((struct span){text, text + strlen(text)}, '[', &s, &err));
    while (scan_element(&s, &entry, &err) > 0 && *n < max)
        assert_ok(listing_read(a, entry, &ret[(*n)++], &err));
}

static void test_a_recorded_listing(void **state)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct err err = {0};
    struct buf text = BUF_INIT;
    struct listed l[4], again[4];
    size_t n;
    (void)state;
    assert_ok(io_read_file(RECORDED "docker20_containers.json", 1 << 20, &text, &err));
    read_listing(&a, buf_str(&text), l, 4, &n);
    assert_int_equal(n, 2);
    size_t web = str_eq(l[0].name, "rec-web-1") ? 0 : 1;
    assert_string_equal(l[web].resource, "container/web");
    assert_int_equal(l[web].state, OBJECT_RUNNING);
    assert_int_equal(l[web].health, HEALTH_HEALTHY);
    assert_int_equal(l[1 - web].exit_code, 3);
    assert_false(l[web].image_moved);
    /* The passing of time does not change the digest of a listing entry; a label does. */
    char *up = strstr(text.data, "\"Status\": \"Up");
    assert_non_null(up);
    up[14] = '9'; /* "Up 9 seconds" */
    read_listing(&a, buf_str(&text), again, 4, &n);
    assert_memory_equal(&l[web].look, &again[web].look, sizeof(l[web].look));
    char *tier = strstr(text.data, "\"front\"");
    tier[1] = 'F';
    read_listing(&a, buf_str(&text), again, 4, &n);
    assert_true(memcmp(&l[0].look, &again[0].look, sizeof(l[0].look)) != 0 ||
                memcmp(&l[1].look, &again[1].look, sizeof(l[1].look)) != 0);
    buf_release(&text);
}

static void test_recorded_events(void **state)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct err err = {0};
    struct buf text = BUF_INIT;
    size_t containers = 0, others = 0;
    (void)state;
    assert_ok(io_read_file(RECORDED "docker20_events.jsonl", 1 << 20, &text, &err));
    for (char *p = text.data, *eol; (eol = strchr(p, '\n')); p = eol + 1) {
        struct engine_event e;
        assert_ok(event_read(&a, p, (size_t)(eol - p), &e, &err));
        assert_true(e.at_ns > 0);
        if (e.type == EVENT_CONTAINER) {
            containers++;
            assert_string_equal(e.owner, "rec");
            assert_int_equal(e.instance, 1);
            if (str_eq(e.action, "die"))
                assert_non_null(e.exit_code);
        } else {
            others++;
            assert_null(e.owner);
        }
    }
    assert_true(containers >= 5 && others >= 3);
    struct engine_event e;
    assert_fails(event_read(&a, "{}", 2, &e, &err), ERR_CORRUPT);
    assert_fails(event_read(&a, "nonsense", 8, &e, &err), ERR_CORRUPT);
    buf_release(&text);
}

/* The inspection of a container by an ideal engine that stores the request body unchanged. */
static json_t *as_inspected(json_t *body, unsigned api)
{
    json_t *host = json_incref(json_object_get(body, "HostConfig"));
    json_t *endpoints = json_object_get(json_object_get(body, "NetworkingConfig"), "EndpointsConfig");
    json_t *networks = endpoints ? json_incref(endpoints) : json_object();
    json_object_del(body, "HostConfig");
    json_object_del(body, "NetworkingConfig");
    if (api >= API(1u, 44u))
        json_object_del(body, "MacAddress");
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:{s:o}, s:{s:s}}", "Id", "0123456789abcdef", "Name", "/x",
                     "Image", "sha256:1", "Config", body, "HostConfig", host, "NetworkSettings", "Networks",
                     networks, "State", "Status", "created");
}

static const char *const round_trips[] = {
    "{'networks': {'a': {'aliases': ['w'], 'mac_address': '02:42:ac:11:00:02'}, 'b': {'aliases': ['w'], "
    "'ipv4_address': '10.0.0.2'}}}",
    "{'networks': {'a': {'aliases': ['w']}}, 'mac_address': '02:42:ac:11:00:02'}",
    "{'network_mode': 'some-net'}",
    "{'network_mode': 'container:abc', 'annotations': {'run.oci.x': '1'}}",
    "{'network_mode': 'none', 'healthcheck': {'test': ['CMD', 'x'], 'start_period': 5000000000, "
    "'start_interval': 1000000000}}",
    "{'network_mode': 'none', 'volumes': {'/b': {'type': 'bind', 'source': '/srv/x'}, '/c': {'type': 'bind', "
    "'source': '/y', 'create_host_path': false},"
    " '/d': {'type': 'volume', 'source': 'v', 'nocopy': true, 'read_only': true}, '/e': {'type': 'bind', "
    "'source': '/z', 'selinux': 'Z'}}}",
    "{'network_mode': 'none', 'security_opt': ['label=disable', 'no-new-privileges=true'], 'privileged': "
    "true}",
    "{'network_mode': 'none', 'expose': ['80/tcp'], 'ports': {'80->80/tcp': {'target': 80, 'published': 80, "
    "'protocol': 'tcp'}}}",
    "{'network_mode': 'none', 'read_only': true, 'secrets': {'/run/secrets/k': {'source': 'k', 'file': "
    "'/etc/k'}}, 'configs': {'/etc/x/y': {'source': 'y'}}}",
    "{'network_mode': 'none', 'stop_grace_period': 2500000000}",
};

static struct val *parse(struct arena *a, const char *json)
{
    struct err err = {0};
    struct val *v;
    char *text = arena_strdup(a, json);
    for (char *p = text; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    assert_ok(val_from_json(a, text, strlen(text), "spec", &v, &err));
    return v;
}

static void test_there_and_back(void **state)
{
    static const unsigned apis[] = {API(1u, 41u), API(1u, 43u), API(1u, 44u), API_NEWEST};
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct err err = {0};
    (void)state;
    for (size_t k = 0; k < ARRAY_LEN(apis) * ARRAY_LEN(round_trips); k++) {
        unsigned api = apis[k % ARRAY_LEN(apis)];
        const char *json = round_trips[k / ARRAY_LEN(apis)];
        struct val *spec = parse(&a, json), *labels = val_map(&a);
        const struct val *configs = val_get(spec, "configs");
        val_set_str(&a, labels, "k", "v");
        if (configs) { /* the planner's mark */
            struct buf text = BUF_INIT;
            val_json(configs, 0, &text);
            val_set_str(&a, labels, MARK_CONFIGS, buf_str(&text));
            buf_release(&text);
        }
        json_t *body;
        struct object o;
        assert_ok(container_write(&a, &(struct create_request){.spec = spec, .labels = labels, .api = api},
                                  &body, &err));
        json_t *inspect = as_inspected(body, api);
        assert_ok(container_read(&a, inspect, NULL, &o, &err));
        for (size_t i = 0; i < spec->len; i++) {
            const struct field *f = field_find(&container_table, spec->pairs[i].key);
            const struct val *want = spec->pairs[i].val, *got = val_get(o.spec, f->name);
            /* Older APIs join further networks after creation. */
            if (str_eq(f->name, "networks") && api < API(1u, 44u)) {
                want = want->pairs[0].val;
                got = got->pairs[0].val;
                f = f->elem;
            }
            if (!field_equal(f, want, got)) {
                struct buf text = BUF_INIT;
                val_json(got ? got : val_null(&a), 0, &text);
                fail_msg("API %u: %s: %s came back as %s", api, json, spec->pairs[i].key, buf_str(&text));
            }
        }
        for (size_t i = 0; i < o.spec->len; i++) {
            const char *key = o.spec->pairs[i].key;
            if (!val_get(spec, key) && val_len(o.spec->pairs[i].val) && !str_eq(key, "labels") &&
                !str_eq(key, "stop_signal") &&
                !field_equal(field_find(&container_table, key), NULL, o.spec->pairs[i].val))
                fail_msg("API %u: %s: %s appeared", api, json, key);
        }
        json_decref(inspect);
    }
}

static void test_empty_commands(void **state)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct err err = {0};
    struct image_info image = {.defaults = parse(&a, "{'entrypoint': ['/init'], 'command': ['x']}"),
                               .exposed = val_list(&a)};
    static const struct {
        const char *spec, *entrypoint, *command;
    } cases[] = {
        {"{'command': []}", "[\"/init\"]", NULL},
        {"{'entrypoint': []}", "[\"\"]", NULL},
        {"{'entrypoint': [], 'command': ['a']}", "[\"\"]", "[\"a\"]"},
        {"{'entrypoint': ['e'], 'command': []}", "[\"e\"]", NULL},
        {"{}", NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        json_t *body;
        assert_ok(container_write(
            &a,
            &(struct create_request){.spec = parse(&a, cases[i].spec), .image = &image, .api = API_OLDEST},
            &body, &err));
        char *entrypoint = json_dumps(json_object_get(body, "Entrypoint"), JSON_COMPACT);
        char *command = json_dumps(json_object_get(body, "Cmd"), JSON_COMPACT);
        assert_true(str_eq(entrypoint, cases[i].entrypoint));
        assert_true(str_eq(command, cases[i].command));
        free(entrypoint);
        free(command);
        json_decref(body);
    }
}

static void test_live_updates(void **state)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    static const struct {
        const char *want, *have, *body;
        int code;
    } cases[] = {
        {"{'resources': {'memory': 100}}", "{'resources': {'memory': 50, 'memory_swap': 100}}",
         "{\"Memory\":100,\"MemorySwap\":200}", 0},
        {"{'resources': {'memory': 50}}", "{'resources': {'memory': 50, 'memory_swap': 100}}", NULL, 0},
        {"{'resources': {'memory': 50, 'memory_swap': -1}}",
         "{'resources': {'memory': 50, 'memory_swap': 100}}", "{\"MemorySwap\":-1}", 0},
        {"{'resources': {'pids': -1}}", "{'resources': {'pids': 5}}", "{\"PidsLimit\":-1}", 0},
        {"{'restart': 'on-failure:3'}", "{}",
         "{\"RestartPolicy\":{\"MaximumRetryCount\":3,\"Name\":\"on-failure\"}}", 0},
        {"{}", "{'restart': 'always'}", "{\"RestartPolicy\":{\"MaximumRetryCount\":0,\"Name\":\"no\"}}", 0},
        {"{}", "{'resources': {'memory': 50, 'memory_swap': 100}}", NULL, ERR_UNSUPPORTED},
        {"{'resources': {'cpus': 0}}", "{'resources': {'cpus': 5}}", NULL, ERR_UNSUPPORTED},
        {"{'resources': {'memory_swappiness': 3}}", "{}", NULL, ERR_UNSUPPORTED},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};
        json_t *body = NULL;
        int r = container_write_update(parse(&a, cases[i].want), parse(&a, cases[i].have), &body, &err);
        char *text = body ? json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
        if (r != cases[i].code || (r == 0 && !str_eq(text, cases[i].body)))
            fail_msg("%s from %s: %d %s", cases[i].want, cases[i].have, r, str_or(text, "nothing"));
        free(text);
        json_decref(body);
    }
}

static void test_folders_for_files(void **state)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    static const struct {
        const char *spec, *target, *folder;
    } cases[] = {
        {"{}", "/x", "/"},
        {"{}", "/etc/a/x", "/"},
        {"{'read_only': true}", "/etc/a/x", "/etc/a"},
        {"{'read_only': true}", "/x", NULL},
        {"{'read_only': true, 'volumes': {'/etc': {'type': 'volume'}}}", "/etc/a/x", "/etc"},
        {"{'read_only': true, 'volumes': {'/etc': {'type': 'volume', 'read_only': true}}}", "/etc/a/x", NULL},
        {"{'tmpfs': {'/run': ''}}", "/run/secrets/k", NULL},
        {"{'tmpfs': {'/run': ''}}", "/runner/k", "/"},
        {"{'tmpfs': {'/run': ''}, 'volumes': {'/run/secrets': {'type': 'volume'}}}", "/run/secrets/k", "/"},
        {"{'volumes': {'/m': {'type': 'tmpfs'}}}", "/m/k", NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};
        const char *folder = NULL;
        int r = file_folder(&a, parse(&a, cases[i].spec), cases[i].target, &folder, &err);
        if (!str_eq(r == 0 ? folder : NULL, cases[i].folder) || (r < 0 && r != ERR_UNSUPPORTED))
            fail_msg("%s in %s: %d %s", cases[i].target, cases[i].spec, r, str_or(folder, ""));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_recorded_container),
        cmocka_unit_test(test_a_recorded_end),
        cmocka_unit_test(test_recorded_networks_and_volumes),
        cmocka_unit_test(test_a_recorded_listing),
        cmocka_unit_test(test_recorded_events),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_empty_commands),
        cmocka_unit_test(test_live_updates),
        cmocka_unit_test(test_folders_for_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
