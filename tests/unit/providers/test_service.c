/* Services: every field written and read back, and the state of a service derived from its tasks. */
#include "base/clock.h"
#include "base/str.h"
#include "providers/containers/service.h"
#include "reconciler/plan/compare.h"
#include "tests/lib/plan_case.h"
#include "tests/lib/unit.h"

#define WEB                                                                                                 \
    "apiVersion: forge/v1\nkind: Container\nmetadata: {name: web, labels: {tier: front}}\nspec:\n  image: " \
    "shop/web:1\n"
#define DIGEST "sha256:1111111111111111111111111111111111111111111111111111111111111111"

struct fixture {
    struct arena arena;
    struct resource_set set;
    const struct resource *web;
    json_t *service;
    struct object object;
};

static const char *name_of(void *arg, const char *id)
{
    (void)arg;
    return id; /* in these tests a network's id is its name */
}

static void begin(struct fixture *f, const char *fields, const struct service_request *more)
{
    struct err err = {0};
    *f = (struct fixture){0};
    assert_ok(
        plan_case_swarm_text(arena_printf(&f->arena, WEB "%s", fields), "prod", &f->arena, &f->set, &err));
    f->web = resource_find(&f->set, "container/web");
    assert_non_null(f->web);
    struct service_request rq = *more;
    rq.name = "prod-web";
    rq.spec = f->web->spec;
    rq.labels = bind_marks(&f->arena, "prod", f->web, 0, 7, "c0ffee");
    f->service = json_pack("{s:s, s:{s:i}, s:o}", "ID", "s1", "Version", "Index", 9, "Spec",
                           service_write(&f->arena, &rq));
    assert_ok(service_read(&f->arena, f->service, name_of, NULL, &f->object, &err));
}

static void end(struct fixture *f)
{
    json_decref(f->service);
    resource_set_release(&f->set);
    arena_release(&f->arena);
}

/* The spec reads back as requested: no field differs, and no field was added. */
static void test_fields_come_back(void **state)
{
    static const char *const rows[] = {
        "  command: [sh, -c, 'a b']\n  entrypoint: [tini]\n",
        "  environment: {A: one, EMPTY: ''}\n",
        "  working_dir: /srv\n  user: '7:8'\n  hostname: web-1\n  group_add: ['9']\n",
        "  tty: true\n  stdin_open: true\n  read_only: true\n  init: true\n",
        "  stop_signal: SIGUSR1\n  stop_grace_period: 1500ms\n",
        "  healthcheck: {test: [CMD, 'true'], interval: 5s, timeout: 2s, start_period: 1s, retries: 4}\n",
        "  extra_hosts: ['db=10.0.0.7', 'db=10.0.0.8', 'x=10.0.0.7']\n",
        "  sysctls: {net.core.somaxconn: '512'}\n  ulimits: {nofile: {soft: 1, hard: 2}}\n",
        "  cap_add: [NET_ADMIN]\n  cap_drop: [ALL]\n",
        "  dns: [9.9.9.9, 1.1.1.1]\n  dns_search: [a.example]\n  dns_opt: [use-vc]\n",
        "  labels: {a: b}\n",
        "  logging: {driver: json-file, options: {max-size: 1m}}\n",
        "  restart: 'no'\n",
        "  restart: always\n",
        "  restart: unless-stopped\n",
        "  restart: on-failure\n",
        "  restart: on-failure:3\n",
        "  replicas: 0\n",
        "  replicas: 5\n",
        "  ports: ['8080:80', '53:53/udp', {target: 81, published: 8081, mode: host}, '82']\n",
        "  expose: ['3000']\n",
        /* NOLINTNEXTLINE(bugprone-suspicious-missing-comma): it is one text of several lines */
        "  networks: {back: {aliases: [api], driver_opts: {a: b}}, front: {}}\n"
        "---\napiVersion: forge/v1\nkind: Network\nmetadata: {name: back}\nspec: {}\n"
        "---\napiVersion: forge/v1\nkind: Network\nmetadata: {name: front}\nspec: {}\n",
        "  network_mode: host\n",
        "  volumes: ['data:/data', '/srv:/srv:ro', '/var/tmp', {type: bind, source: /a, target: /a, bind: "
        "{propagation: rslave, create_host_path: false}}, {type: tmpfs, target: /t, tmpfs: {size: 1MiB}}, "
        "{type: volume, source: data, target: /b, volume: {nocopy: true}}]\n"
        "---\napiVersion: forge/v1\nkind: Volume\nmetadata: {name: data}\nspec: {}\n",
        "  volumes: ['data:/data', {type: volume, source: data, target: /b, volume: {nocopy: true}}]\n"
        "---\napiVersion: forge/v1\nkind: Volume\nmetadata: {name: data}\n"
        "spec: {driver_opts: {type: tmpfs, device: tmpfs, o: size=1m}, labels: {team: shop}}\n",
        "  volumes: ['data:/data']\n"
        "---\napiVersion: forge/v1\nkind: Volume\nmetadata: {name: data}\nspec: {driver: store}\n",
        "  tmpfs: ['/run:mode=755,size=16m', /tmp]\n",
        "  resources: {cpus: 0.5, memory: 64MiB, memory_reservation: 16MiB, pids: 50}\n",
        "  platform: linux/amd64\n",
        "  deploy: {mode: global}\n",
        "  deploy: {mode: replicated-job}\n  replicas: 3\n",
        "  deploy: {mode: global-job}\n",
        "  deploy: {endpoint_mode: dnsrr, labels: {x: y}}\n",
        "  deploy: {placement: {constraints: ['node.role==worker', 'a==b'], preferences: [{spread: "
        "node.labels.zone}, {spread: node.labels.rack}], max_replicas_per_node: 2}}\n",
        "  deploy: {restart_policy: {condition: on-failure, delay: 1s, window: 1m}}\n",
        "  deploy: {rollback_config: {parallelism: 0, delay: 1s, monitor: 2s, failure_action: continue, "
        "max_failure_ratio: 0.5, order: start-first}}\n",
        "  deploy: {resources: {reservations: {cpus: '0.25', generic_resources: [{discrete_resource_spec: "
        "{kind: "
        "gpu, value: 2}}]}}}\n",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;
        begin(&f, rows[i], &(struct service_request){0});
        struct field_list differs = {.arena = &f.arena};
        const struct sides sides = {.desired = f.web->spec,
                                    .observed = f.object.spec,
                                    .defaults = f.object.defaults,
                                    .baseline = f.web->spec,
                                    .has_baseline = true,
                                    .caps = CAP_SERVICES};
        compare_object(f.web->kind->spec, &sides, &differs);
        for (size_t k = 0; k < differs.n; k++)
            if (!str_eq(differs.items[k].path, "restart") || val_get(f.web->spec, "restart"))
                fail_msg("%s: %s differs", rows[i], differs.items[k].path);
        end(&f);
    }
}

static void test_marks_and_identity(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, "  deploy: {labels: {team: shop}}\n", &(struct service_request){.force_update = 3});
    assert_string_equal(f.object.id, "container/web");
    assert_string_equal(f.object.owner, "prod");
    assert_string_equal(f.object.native_name, "prod-web");
    assert_string_equal(f.object.native_id, "s1");
    assert_int_equal(f.object.instance, 0);
    assert_int_equal(f.object.generation, 7);
    assert_string_equal(f.object.spec_digest, bind_spec_mark(&f.arena, f.web));
    assert_int_equal(service_version(f.service), 9);
    json_t *task = json_object_get(json_object_get(f.service, "Spec"), "TaskTemplate");
    assert_int_equal(json_integer_value(json_object_get(task, "ForceUpdate")), 3);
    /* Marks change with each generation: on the containers they would recreate all tasks each time. */
    assert_null(json_object_get(json_object_get(task, "ContainerSpec"), "Labels"));
    end(&f);
}

static void test_a_pinned_image_is_what_was_asked_for(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, "", &(struct service_request){.image = "shop/web:1@" DIGEST});
    assert_string_equal(val_get_str(f.object.spec, "image"), "shop/web:1");
    assert_string_equal(f.object.image_id, DIGEST);
    end(&f);
    begin(&f, "", &(struct service_request){0});
    assert_string_equal(val_get_str(f.object.spec, "image"), "shop/web:1");
    assert_null(f.object.image_id);
    end(&f);
    /* Somebody else's image is shown as it is. */
    begin(&f, "", &(struct service_request){.image = "other@" DIGEST});
    assert_string_equal(val_get_str(f.object.spec, "image"), "other@" DIGEST);
    end(&f);
}

static void test_updates_are_told_in_full(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, "  update: {order: start-first, parallelism: 2, delay: 3s}\n", &(struct service_request){0});
    json_t *o = json_object_get(json_object_get(f.service, "Spec"), "UpdateConfig");
    assert_int_equal(json_integer_value(json_object_get(o, "Parallelism")), 2);
    assert_int_equal(json_integer_value(json_object_get(o, "Delay")), 3 * NS_PER_S);
    assert_int_equal(json_integer_value(json_object_get(o, "Monitor")), 5 * NS_PER_S);
    assert_string_equal(json_string_value(json_object_get(o, "FailureAction")), "rollback");
    assert_string_equal(json_string_value(json_object_get(o, "Order")), "start-first");
    end(&f);
    begin(&f, "  update: {strategy: recreate}\n", &(struct service_request){0});
    o = json_object_get(json_object_get(f.service, "Spec"), "UpdateConfig");
    assert_int_equal(json_integer_value(json_object_get(o, "Parallelism")), 0);
    end(&f);
    /* A swarm counts a task that ends as a failed update. */
    static const struct {
        const char *spec, *action;
    } ends[] = {{"  restart: 'no'\n", "continue"},
                {"  restart: 'no'\n  update: {failure_action: rollback}\n", "continue"},
                {"  restart: on-failure\n", "continue"},
                {"  restart: on-failure\n  ports: ['80:80']\n", "rollback"},
                {"  restart: on-failure:3\n  replicas: 2\n", "rollback"},
                {"  restart: always\n", "rollback"}};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        begin(&f, ends[i].spec, &(struct service_request){0});
        o = json_object_get(json_object_get(f.service, "Spec"), "UpdateConfig");
        assert_string_equal(json_string_value(json_object_get(o, "FailureAction")), ends[i].action);
        end(&f);
    }
    /* A swarm refuses an update configuration for a job. */
    begin(&f, "  deploy: {mode: replicated-job}\n", &(struct service_request){0});
    assert_null(json_object_get(json_object_get(f.service, "Spec"), "UpdateConfig"));
    end(&f);
}

/* Configs are identified by the suffix of their objects' names. */
static void test_another_config_is_seen(void **state)
{
    static const char manifest[] = "  configs: [{source: page, target: /etc/page}]\n"
                                   "---\napiVersion: forge/v1\nkind: Config\nmetadata: {name: page}\nspec: "
                                   "{content: hello}\n";
    struct fixture f;
    (void)state;
    begin(&f, manifest, &(struct service_request){0});
    const char *digest = val_get_str(val_get(val_get(f.web->spec, "configs"), "/etc/page"), "digest");
    assert_non_null(digest);
    const char *hex = str_or(str_after(digest, "sha256:"), digest);
    for (int same = 0; same < 2; same++) {
        struct fixture g;
        const struct service_file file = {
            .target = "/etc/page",
            .id = "c1",
            .name = arena_printf(&f.arena, "prod-page-%.12s", same ? hex : "000000000000"),
            .mode = -1};
        begin(&g, manifest, &(struct service_request){.files = &file, .n_files = 1});
        const struct val *read = val_get(val_get(g.object.spec, "configs"), "/etc/page");
        assert_string_equal(val_get_str(read, "source"), "page");
        assert_int_equal(str_eq(val_get_str(read, "digest"), digest), same);
        end(&g);
    }
    end(&f);
}

/* Tasks. */

static json_t *task_json(const struct fixture *f, int slot, const char *state, const char *wanted,
                         const char *err)
{
    json_t *template = json_object_get(json_object_get(f->service, "Spec"), "TaskTemplate");
    json_t *t = json_pack("{s:s, s:s, s:i, s:s, s:s, s:{s:s, s:s, s:{s:i}}, s:O}", "ID", "t", "ServiceID",
                          "s1", "Slot", slot, "DesiredState", wanted, "CreatedAt", "2026-01-01T00:00:00Z",
                          "Status", "State", state, "Timestamp", "2026-01-01T00:00:05Z", "ContainerStatus",
                          "ExitCode", err ? 7 : 0, "Spec", template);
    if (err)
        json_object_set_new(json_object_get(t, "Status"), "Err", json_string(err));
    return t;
}

struct said {
    const char *state, *wanted, *err;
};

/* Takes ownership of the list. */
static struct task *read_tasks(struct fixture *f, json_t *list, size_t wanted)
{
    char *text = json_dumps(list, JSON_COMPACT);
    const char *kept = arena_strdup(&f->arena, text);
    struct task *tasks;
    size_t n;
    struct err err = {0};
    assert_ok(tasks_read(&f->arena, (struct span){kept, kept + strlen(kept)}, &tasks, &n, &err));
    assert_int_equal(n, wanted);
    free(text);
    json_decref(list);
    return tasks;
}

static void judge(struct fixture *f, const struct said *said, size_t n)
{
    json_t *list = json_array();
    struct task *tasks;
    struct service_state s;
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, task_json(f, (int)i + 1, said[i].state, said[i].wanted, said[i].err));
    tasks = read_tasks(f, list, n);
    tasks_count(f->service, tasks, n, &s);
    service_judge(&f->arena, f->service, &s, &f->object);
}

static void test_the_listing_of_tasks(void **state)
{
    static const char whole[] =
        "[{\"ID\":\"t1\",\"Version\":{\"Index\":9},\"CreatedAt\":\"1970-01-01T00:00:02Z\",\"Labels\":{},"
        "\"Spec\":{\"ContainerSpec\":{\"Image\":\"web:1\"}},\"ServiceID\":\"s1\",\"Slot\":2,\"NodeID\":"
        "\"n1\","
        "\"Status\":{\"Timestamp\":\"1970-01-01T00:00:03Z\",\"State\":\"failed\",\"Message\":\"started\","
        "\"Err\":\"task: \\\"no\\\"\",\"ContainerStatus\":{\"ContainerID\":\"c1\",\"PID\":7,\"ExitCode\":3}},"
        "\"DesiredState\":\"shutdown\",\"NetworksAttachments\":[{\"Network\":{\"ID\":\"x\"}}]},"
        "{\"ID\":\"t2\",\"Status\":null,\"Spec\":{}}]\n";
    static const struct {
        const char *text;
        size_t n;
        int result;
    } others[] = {{"null\n", 0, 0},
                  {"[]", 0, 0},
                  {"", 0, ERR_CORRUPT},
                  {"{}", 0, ERR_CORRUPT},
                  {"[{\"ID\":\"t1\"}", 1, ERR_CORRUPT},
                  {"[{\"Slot\":1}]", 0, ERR_CORRUPT},
                  {"[{\"ID\":\"t1\",\"Status\":[]}]", 0, ERR_CORRUPT}};
    struct arena a = ARENA_INIT;
    struct task *t;
    size_t n;
    struct err err = {0};
    (void)state;
    assert_ok(tasks_read(&a, (struct span){whole, whole + sizeof(whole) - 1}, &t, &n, &err));
    assert_int_equal(n, 2);
    assert_string_equal(t[0].id, "t1");
    assert_string_equal(t[0].service, "s1");
    assert_string_equal(t[0].node, "n1");
    assert_string_equal(t[0].container, "c1");
    assert_int_equal(t[0].slot, 2);
    assert_string_equal(t[0].state, "failed");
    assert_string_equal(t[0].wanted, "shutdown");
    assert_string_equal(t[0].error, "task: \"no\"");
    assert_int_equal(t[0].exit_code, 3);
    assert_int_equal(t[0].created_ns, 2 * NS_PER_S);
    assert_int_equal(t[0].at_ns, 3 * NS_PER_S);
    json_t *spec = task_spec(&t[0]);
    assert_string_equal(json_string_value(json_object_get(json_object_get(spec, "ContainerSpec"), "Image")),
                        "web:1");
    json_decref(spec);
    assert_string_equal(t[1].state, "new");
    assert_string_equal(t[1].wanted, "running");
    assert_null(t[1].service);
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        const struct span text = {others[i].text, others[i].text + strlen(others[i].text)};
        if (tasks_read(&a, text, &t, &n, &err) != others[i].result || n != others[i].n)
            fail_msg("%s: %zu %s", others[i].text, n, err.msg);
    }
    arena_release(&a);
}

static void test_what_tasks_say(void **state)
{
    static const struct said up = {"running", "running", NULL},
                             failed = {"failed", "shutdown", "no such image"},
                             starting = {"preparing", "running", NULL}, done = {"complete", "shutdown", NULL};
    const struct {
        const char *fields;
        struct said tasks[3];
        size_t n;
        enum object_state state;
        int exit_code;
    } rows[] = {
        {"  replicas: 2\n", {up, up}, 2, OBJECT_RUNNING, 0},
        {"  replicas: 2\n", {up, starting}, 2, OBJECT_RESTARTING, 0},
        {"  replicas: 2\n", {up, failed, starting}, 3, OBJECT_RESTARTING, 7},
        {"  replicas: 0\n", {failed}, 1, OBJECT_RUNNING, 0},
        {"  restart: 'no'\n", {done}, 1, OBJECT_EXITED, 0},
        {"  restart: 'no'\n", {failed}, 1, OBJECT_EXITED, 7},
        {"  restart: on-failure:1\n", {failed, failed}, 2, OBJECT_EXITED, 7},
        {"  restart: on-failure:1\n", {failed}, 1, OBJECT_RESTARTING, 7},
        {"  deploy: {mode: replicated-job}\n  replicas: 2\n", {done, done}, 2, OBJECT_EXITED, 0},
        {"  deploy: {mode: replicated-job}\n  replicas: 2\n", {done, up}, 2, OBJECT_RESTARTING, 0},
        {"  deploy: {mode: global}\n", {up, up}, 2, OBJECT_RUNNING, 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;
        begin(&f, rows[i].fields, &(struct service_request){0});
        judge(&f, rows[i].tasks, rows[i].n);
        if (f.object.state != rows[i].state || f.object.exit_code != rows[i].exit_code)
            fail_msg("row %zu: %s %d", i, object_state_name(f.object.state), f.object.exit_code);
        end(&f);
    }
}

static void test_a_failure_is_told(void **state)
{
    static const struct said tasks[] = {{"running", "running", NULL},
                                        {"rejected", "shutdown", "No such image: x"}};
    struct fixture f;
    (void)state;
    begin(&f, "  replicas: 2\n", &(struct service_request){0});
    judge(&f, tasks, 2);
    assert_string_equal(f.object.message, "task prod-web.2 rejected: No such image: x");
    assert_int_equal(f.object.tasks_running, 1);
    assert_int_equal(f.object.tasks_wanted, 2);
    end(&f);
}

/* An update can bring back a spec whose earlier tasks are still listed. */
static void test_only_the_last_task_of_a_slot_shows_how_a_job_ended(void **state)
{
    static const struct {
        const char *state, *wanted, *err;
        enum object_state is;
        int exit_code;
    } next[] = {{"preparing", "running", NULL, OBJECT_RESTARTING, 0},
                {"failed", "shutdown", "task: non-zero exit (7)", OBJECT_EXITED, 7},
                {"complete", "shutdown", NULL, OBJECT_EXITED, 0}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(next); i++) {
        struct fixture f;
        struct service_state s;
        begin(&f, "  restart: 'no'\n", &(struct service_request){0});
        json_t *list = json_array(), *second;
        json_array_append_new(list, task_json(&f, 1, "complete", "shutdown", NULL));
        json_array_append_new(list, second = task_json(&f, 1, next[i].state, next[i].wanted, next[i].err));
        json_object_set_new(second, "CreatedAt", json_string("2026-01-01T00:01:00Z"));
        tasks_count(f.service, read_tasks(&f, list, 2), 2, &s);
        service_judge(&f.arena, f.service, &s, &f.object);
        assert_int_equal(f.object.state, next[i].is);
        assert_int_equal(f.object.exit_code, next[i].exit_code);
        end(&f);
    }
}

static void test_a_stopped_update_is_paused(void **state)
{
    static const struct said tasks[] = {{"running", "running", NULL}};
    struct fixture f;
    (void)state;
    begin(&f, "", &(struct service_request){0});
    json_object_set_new(
        f.service, "UpdateStatus",
        json_pack("{s:s, s:s}", "State", "paused", "Message", "update paused due to failure"));
    judge(&f, tasks, 1);
    assert_int_equal(f.object.state, OBJECT_PAUSED);
    assert_string_equal(f.object.message, "update paused due to failure");
    end(&f);
}

/* A change of the placement does not affect tasks that still fit; a swarm omits empty lists in tasks. */
static void test_which_tasks_are_current(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, "", &(struct service_request){0});
    json_t *one = task_json(&f, 1, "running", "running", NULL), *list = json_array();
    json_array_append_new(list, json_deep_copy(one));
    json_object_del(json_object_get(json_array_get(list, 0), "Spec"), "Networks");
    const struct task *t = read_tasks(&f, list, 1);
    json_t *now = json_object_get(json_object_get(f.service, "Spec"), "TaskTemplate");
    json_object_set_new(now, "Networks", json_array());
    assert_true(task_is_current(t, f.service));
    json_object_set_new(now, "Placement", json_pack("{s:[s]}", "Constraints", "a==b"));
    assert_true(task_is_current(t, f.service));
    json_object_set_new(now, "ForceUpdate", json_integer(1));
    assert_false(task_is_current(t, f.service));
    json_decref(one);
    end(&f);
}

static void test_nodes(void **state)
{
    struct arena a = ARENA_INIT;
    size_t n;
    (void)state;
    json_t *list = json_pack(
        "[{s:s, s:{s:s, s:s, s:{s:s}}, s:{s:s}, s:{s:s, s:s}}, {s:s, s:{s:s}, s:{s:s}, s:{s:s}, s:{s:b}}]",
        "ID", "2", "Spec", "Role", "worker", "Availability", "drain", "Labels", "zone", "a", "Description",
        "Hostname", "b", "Status", "State", "down", "Message", "heartbeat failure", "ID", "1", "Spec", "Role",
        "manager", "Description", "Hostname", "a", "Status", "State", "ready", "ManagerStatus", "Leader", 1);
    const struct node_fact *nodes = nodes_read(&a, list, &n);
    assert_int_equal(n, 2);
    assert_string_equal(nodes[0].name, "a");
    assert_true(nodes[0].leader);
    assert_string_equal(nodes[1].state, "down");
    assert_string_equal(nodes[1].availability, "drain");
    assert_string_equal(nodes[1].message, "heartbeat failure");
    assert_string_equal(val_get_str(nodes[1].labels, "zone"), "a");
    json_decref(list);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_come_back),
        cmocka_unit_test(test_marks_and_identity),
        cmocka_unit_test(test_a_pinned_image_is_what_was_asked_for),
        cmocka_unit_test(test_updates_are_told_in_full),
        cmocka_unit_test(test_another_config_is_seen),
        cmocka_unit_test(test_the_listing_of_tasks),
        cmocka_unit_test(test_what_tasks_say),
        cmocka_unit_test(test_a_failure_is_told),
        cmocka_unit_test(test_only_the_last_task_of_a_slot_shows_how_a_job_ended),
        cmocka_unit_test(test_a_stopped_update_is_paused),
        cmocka_unit_test(test_which_tasks_are_current),
        cmocka_unit_test(test_nodes),
    };
    return cmocka_run_group_tests_name("service", tests, NULL, NULL);
}
