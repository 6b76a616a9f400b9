/* The Docker provider on a real engine: verbs, waiting, files, listings and the cache, name-sakes. */
#include "tests/engine/docker_bench.h"

#include "base/clock.h"
#include "base/io.h"
#include "base/str.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <sys/stat.h>

#define IDLE "'image': 'forge-test/busybox:1', 'network_mode': 'none'"

static struct resource *container(struct bench *b, const char *name, const char *json)
{
    return bench_resource(b, &kind_container, name, bench_json(b, json));
}

static struct step on(struct bench *b, enum step_verb verb, const struct resource *r)
{
    return bench_step(b, verb, r);
}

static void say_line(void *arg, int stream, const char *text, size_t len)
{
    struct buf *out = arg;
    buf_addf(out, "%d:%.*s|", stream, (int)len, text);
}

static const char *logs_of(struct bench *b, const char *native)
{
    struct buf out = BUF_INIT;
    const struct logs_request rq = {.native_name = native, .tail = -1, .line = say_line, .arg = &out};
    assert_int_equal(b->p->ops->logs(b->p, &rq, NULL, &b->err), 0);
    const char *text = arena_strdup(&b->arena, buf_str(&out));
    buf_release(&out);
    return text;
}

static void test_life_of_a_container(void **state)
{
    struct bench *b = *state;
    struct resource *r = container(b, "life", "{" IDLE "}");
    const char *id = bench_make(b, r, true);
    struct object o = bench_inspect(b, &kind_container, id);
    assert_int_equal(o.state, OBJECT_RUNNING);
    assert_string_equal(o.native_name, bench_name(b, "life-1"));
    assert_string_equal(o.spec_digest, bind_spec_mark(&b->arena, r));

    struct step s = on(b, STEP_START, r);
    bench_must(b, &s);
    assert_true(b->result.unchanged);
    s = on(b, STEP_CREATE, r); /* done already: the very object */
    bench_must(b, &s);
    assert_true(b->result.unchanged);
    assert_string_equal(b->result.native_id, id);

    s = on(b, STEP_RENAME, r);
    s.native_id = id;
    s.new_name = bench_name(b, "renamed-1");
    bench_must(b, &s);
    assert_false(b->result.unchanged);
    bench_must(b, &s);
    assert_true(b->result.unchanged);

    s = on(b, STEP_STOP, r);
    s.native_id = id;
    bench_must(b, &s);
    bench_must(b, &s);
    assert_true(b->result.unchanged);
    s.verb = STEP_REMOVE;
    bench_must(b, &s);
    bench_must(b, &s);
    assert_true(b->result.unchanged);
    s.verb = STEP_STOP; /* of something gone */
    bench_must(b, &s);
    assert_true(b->result.unchanged);
}

/* S4, L5 */
static void test_what_is_not_the_planned_object_is_left_alone(void **state)
{
    struct bench *b = *state;
    struct resource *r = container(b, "guard", "{" IDLE "}");
    struct resource *other = container(b, "other", "{" IDLE "}");
    bench_make(b, r, true);
    static const enum step_verb verbs[] = {STEP_STOP, STEP_REMOVE, STEP_RENAME, STEP_UPDATE, STEP_START};
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        struct step s = on(b, verbs[i], r);
        s.new_name = bench_name(b, "x-1");
        s.native_id = "0000000000000000000000000000000000000000000000000000000000000000";
        int code = bench_do(b, &s); /* another id: gone for those who want it gone */
        assert_true(code == 0 ? b->result.unchanged : code == ERR_NOTFOUND);
        s = on(b, verbs[i], other); /* another resource's object under this name */
        s.new_name = bench_name(b, "x-1");
        s.native_name = bench_name(b, "guard-1");
        assert_int_equal(bench_do(b, &s), ERR_CONFLICT);
        assert_false(b->err.retryable);
    }
    struct step s = on(b, STEP_STOP, r); /* another environment's resource of the same name */
    s.owner = "somebody-else";
    assert_int_equal(bench_do(b, &s), ERR_CONFLICT);
    s = on(b, STEP_CREATE, other);
    s.native_name = bench_name(b, "guard-1");
    assert_int_equal(bench_do(b, &s), ERR_CONFLICT);
    struct object o = bench_inspect(b, &kind_container, bench_name(b, "guard-1"));
    assert_int_equal(o.state, OBJECT_RUNNING);
    bench_remove_all(b);
}

/* What carries no mark is changed only by the id that an adoption named. */
static void test_adoption(void **state)
{
    struct bench *b = *state;
    struct resource *r = container(b, "adopt", "{" IDLE "}");
    struct step s = on(b, STEP_CREATE, r);
    s.labels = val_map(&b->arena);
    bench_must(b, &s);
    const char *id = arena_strdup(&b->arena, b->result.native_id);
    s = on(b, STEP_START, r);
    assert_int_equal(bench_do(b, &s), ERR_CONFLICT);
    s.native_id = id;
    assert_int_equal(bench_do(b, &s), ERR_CONFLICT);
    s.foreign = true;
    bench_must(b, &s);
    s.verb = STEP_STOP;
    bench_must(b, &s);
    s.verb = STEP_REMOVE;
    bench_must(b, &s);
    assert_false(b->result.unchanged);
}

static void test_failed_create_leaves_nothing(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *spec;
        int code;
    } cases[] = {
        {"{'image': 'forge-test/none:9', 'network_mode': 'none'}", ERR_NOTFOUND},
        {"{" IDLE ", 'resources': {'memory': 1024}}", ERR_INVALID},
        {"{" IDLE ", 'volumes': {'/b': {'type': 'bind', 'source': '/no/such', 'create_host_path': false}}}",
         ERR_NOTFOUND},
        {"{'image': 'forge-test/busybox:1', 'network_mode': 'container:no-such'}", ERR_NOTFOUND},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct step s = on(b, STEP_CREATE, container(b, "bad", cases[i].spec));
        int code = bench_do(b, &s);
        if (code != cases[i].code)
            fail_msg("%s: %d %s", cases[i].spec, code, b->err.msg);
        struct observed seen = bench_observe(b, NULL, true);
        assert_int_equal(seen.n, 0);
    }
}

static void test_files_in_a_container(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *spec, *target;
        int code;
    } cases[] = {
        {"{" IDLE "}", "/etc/app/deep/x.conf", 0},
        {"{" IDLE "}", "/x.conf", 0},
        {"{" IDLE ", 'read_only': true}", "/etc/app/x.conf", 0},
        {"{" IDLE ", 'read_only': true}", "/etc/passwd2", 0}, /* a folder that the image has */
        {"{" IDLE ", 'read_only': true}", "/x.conf", ERR_UNSUPPORTED},
        {"{" IDLE ", 'tmpfs': {'/run': ''}}", "/run/x.conf", ERR_UNSUPPORTED},
        {"{" IDLE ", 'volumes': {'/data': {'type': 'volume'}}}", "/data/x.conf", 0},
        {"{" IDLE ", 'read_only': true, 'volumes': {'/data': {'type': 'volume'}}}", "/data/sub/x.conf", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct val *spec = bench_json(b, cases[i].spec), *configs = val_map(&b->arena),
                   *rec = val_map(&b->arena);
        val_set_str(&b->arena, rec, "source", "x");
        val_map_set(&b->arena, configs, cases[i].target, rec);
        val_map_set(&b->arena, spec, "configs", configs);
        val_map_set(
            &b->arena, spec, "command",
            bench_json(b,
                       arena_printf(
                           &b->arena,
                           "['sh', '-c', 'cat %s; stat -c %%a:%%u:%%g %s; ls -ld /etc/app; cat /etc/passwd']",
                           cases[i].target, cases[i].target)));
        struct resource *r = bench_resource(b, &kind_container, "file", spec);
        struct step s = on(b, STEP_CREATE, r);
        const struct step_file file = {.target = cases[i].target,
                                       .source = "x",
                                       .data = "hello\nworld\n",
                                       .len = 12,
                                       .uid = "101",
                                       .gid = "102",
                                       .mode = 0440};
        s.files = &file;
        s.n_files = 1;
        int code = bench_do(b, &s);
        if (code != cases[i].code)
            fail_msg("%s in %s: %d %s", cases[i].target, cases[i].spec, code, b->err.msg);
        if (code == 0) {
            s = on(b, STEP_START, r);
            bench_must(b, &s);
            s = on(b, STEP_WAIT, r);
            s.condition = DEPEND_COMPLETED;
            s.timeout_ns = 20 * NS_PER_S;
            (void)bench_do(b, &s);
            const char *out = logs_of(b, bench_name(b, "file-1"));
            if (!strstr(out, "1:hello|1:world|") || !strstr(out, "1:440:101:102|") ||
                !strstr(out, "root:x:0"))
                fail_msg("%s in %s: %s", cases[i].target, cases[i].spec, out);
            struct object o = bench_inspect(b, &kind_container, bench_name(b, "file-1"));
            assert_true(val_equal(val_get(o.spec, "volumes"), val_get(spec, "volumes")));
        }
        bench_remove_all(b);
    }
}

static void test_secret_files(void **state)
{
    struct bench *b = *state;
    char path[] = "/tmp/forge-secret-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);
    assert_true(fd >= 0 && write(fd, "canary-1234\n", 12) == 12);
    close(fd);
    struct val *spec =
        bench_json(b, arena_printf(&b->arena,
                                   "{" IDLE ", 'command': ['cat', '/run/secrets/k'],"
                                   " 'secrets': {'/run/secrets/k': {'source': 'k', 'file': '%s'}}}",
                                   path));
    struct resource *r = bench_resource(b, &kind_container, "secret", spec);
    struct step s = on(b, STEP_CREATE, r);
    const struct step_file file = {.target = "/run/secrets/k", .source = "k", .mode = 0400};
    s.files = &file;
    s.n_files = 1;
    bench_must(b, &s);
    s = on(b, STEP_START, r);
    bench_must(b, &s);
    s = on(b, STEP_WAIT, r);
    s.condition = DEPEND_COMPLETED;
    s.timeout_ns = 20 * NS_PER_S;
    bench_must(b, &s);
    assert_string_equal(logs_of(b, bench_name(b, "secret-1")), "1:canary-1234|");
    struct object o = bench_inspect(b, &kind_container, bench_name(b, "secret-1"));
    struct buf text = BUF_INIT;
    val_json(object_to_val(&b->arena, &o), 0, &text);
    assert_null(strstr(buf_str(&text), "canary"));
    buf_release(&text);
    bench_remove_all(b);
    assert_int_equal(chmod(path, 0644), 0); /* others may read it: refused */
    s = on(b, STEP_CREATE, r);
    s.files = &file;
    s.n_files = 1;
    assert_int_equal(bench_do(b, &s), ERR_DENIED);
    unlink(path);
    struct observed seen = bench_observe(b, NULL, true);
    assert_int_equal(seen.n, 0);
}

static void test_waiting(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *spec;
        enum depend_condition condition;
        int64_t timeout_ms;
        bool may_end;
        int code;
        const char *says;
    } cases[] = {
        {"{" IDLE "}", DEPEND_STARTED, 300, false, 0, NULL},
        {"{" IDLE ", 'command': ['true']}", DEPEND_COMPLETED, 10000, false, 0, NULL},
        {"{" IDLE ", 'command': ['sh', '-c', 'echo no disk >&2; exit 3']}", DEPEND_COMPLETED, 10000, false,
         ERR_FAILED, "no disk"},
        {"{" IDLE ", 'command': ['sh', '-c', 'sleep 0.2; exit 4']}", DEPEND_STARTED, 5000, false, ERR_FAILED,
         "exit code 4"},
        {"{" IDLE ", 'command': ['sleep', '0.2']}", DEPEND_STARTED, 5000, true, 0, NULL},
        {"{" IDLE ", 'command': ['sleep', '0.2']}", DEPEND_STARTED, 5000, false, ERR_FAILED, "ended"},
        {"{" IDLE ", 'command': ['sleep', '5']}", DEPEND_COMPLETED, 300, false, ERR_TIMEOUT, "in time"},
        {"{" IDLE "}", DEPEND_HEALTHY, 1000, false, 0, NULL},
        {"{" IDLE ", 'healthcheck': {'test': ['CMD', 'true'], 'interval': 100000000}}", DEPEND_HEALTHY, 10000,
         false, 0, NULL},
        {"{" IDLE ", 'healthcheck': {'test': ['CMD-SHELL', 'echo not yet; false'], 'interval': 100000000, "
         "'retries': 1}}",
         DEPEND_HEALTHY, 10000, false, ERR_FAILED, "not yet"},
        {"{" IDLE ", 'healthcheck': {'test': ['CMD', 'sleep', '9'], 'interval': 100000000}}", DEPEND_HEALTHY,
         500, false, ERR_TIMEOUT, "healthy"},
        {"{" IDLE ", 'restart': 'always', 'command': ['false']}", DEPEND_STARTED, 3000, false, ERR_FAILED,
         "exit code 1"},
        {"{" IDLE ", 'command': ['sh', '-c', 'x=aaaaaaaaaaaaaaaa; while :; do x=$x$x$x; done'], 'resources': "
         "{'memory': 8388608, 'memory_swap': 8388608}}",
         DEPEND_COMPLETED, 20000, false, ERR_FAILED, "OOM"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct resource *r = container(b, "wait", cases[i].spec);
        bench_make(b, r, true);
        struct step s = on(b, STEP_WAIT, r);
        s.condition = cases[i].condition;
        s.timeout_ns = cases[i].timeout_ms * NS_PER_MS;
        s.may_end = cases[i].may_end;
        int64_t begin = clock_mono(clock_system());
        int code = bench_do(b, &s);
        int64_t took = clock_mono(clock_system()) - begin;
        if (code != cases[i].code || (cases[i].says && !strstr(b->err.msg, cases[i].says)))
            fail_msg("%s: %d %s", cases[i].spec, code, b->err.msg);
        assert_true(took < s.timeout_ns + 2 * NS_PER_S);
        bench_remove_all(b);
    }
}

static void *cancel_soon(void *arg)
{
    nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    cancel_set(arg);
    return NULL;
}

static void test_a_wait_is_cancelled(void **state)
{
    struct bench *b = *state;
    struct cancel c;
    pthread_t thread;
    struct resource *r = container(b, "cancel", "{" IDLE "}");
    bench_make(b, r, true);
    cancel_init(&c);
    struct step s = on(b, STEP_WAIT, r);
    s.condition = DEPEND_COMPLETED;
    s.timeout_ns = 60 * NS_PER_S;
    const struct step_context ctx = {.cancel = &c};
    int64_t begin = clock_mono(clock_system());
    pthread_create(&thread, NULL, cancel_soon, &c);
    assert_int_equal(b->p->ops->apply(b->p, &s, &ctx, &b->result, &b->err), ERR_CANCELLED);
    assert_true(clock_mono(clock_system()) - begin < NS_PER_S);
    pthread_join(thread, NULL);
    cancel_release(&c);
    bench_remove_all(b);
}

static void test_live_update(void **state)
{
    struct bench *b = *state;
    struct resource *a_net = bench_resource(b, &kind_network, "one", val_map(&b->arena));
    struct resource *b_net = bench_resource(b, &kind_network, "two", val_map(&b->arena));
    bench_make(b, a_net, false);
    bench_make(b, b_net, false);
    static const char *const specs[] = {
        "{'image': 'forge-test/busybox:1', 'networks': {'%s': {'aliases': ['u']}}, 'resources': {'memory': "
        "67108864, 'cpus': 500000000}}",
        "{'image': 'forge-test/busybox:1', 'networks': {'%s': {'aliases': ['u']}}, 'restart': 'on-failure:2',"
        " 'resources': {'memory': 134217728, 'cpus': 1000000000, 'pids': 50}}",
        "{'image': 'forge-test/busybox:1', 'networks': {'%s': {'aliases': ['u', 'v']}}, 'restart': 'always',"
        " 'resources': {'memory': 33554432, 'memory_swap': 33554432, 'cpus': 1000000000}}",
    };
    static const char *const nets[] = {"one", "two", "two"};
    for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
        char *json = arena_strdup(&b->arena, specs[i]), *at = strstr(json, "%s");
        *at = '\0';
        json = arena_printf(&b->arena, "%s%s%s", json, bench_name(b, nets[i]), at + 2);
        struct resource *r = container(b, "update", json);
        struct step s = on(b, STEP_UPDATE, r);
        if (i == 0) {
            bench_make(b, r, true);
        } else {
            bench_must(b, &s);
            assert_false(b->result.unchanged);
        }
        bench_must(b, &s); /* a second time: nothing to do */
        assert_true(b->result.unchanged);
        struct object o = bench_inspect(b, &kind_container, bench_name(b, "update-1"));
        for (size_t k = 0; k < r->spec->len; k++) {
            const struct field *f = field_find(kind_container.spec, r->spec->pairs[k].key);
            const struct val *want = r->spec->pairs[k].val, *got = val_get(o.spec, f->name);
            for (size_t m = 0; f->type == FT_RECORD && m < want->len; m++)
                assert_int_equal(want->pairs[m].val->i, val_get_int(got, want->pairs[m].key, -7));
            if (f->type != FT_RECORD && !field_equal(f, want, got))
                fail_msg("%zu: %s", i, f->name);
        }
    }
    struct resource *r = container(b, "update", "{'image': 'forge-test/busybox:1'}");
    struct step s = on(b, STEP_UPDATE, r);
    assert_int_equal(bench_do(b, &s), ERR_UNSUPPORTED); /* a limit cannot be taken away */
    bench_remove_all(b);
}

static void test_networks_and_volumes(void **state)
{
    struct bench *b = *state;
    struct resource *net = bench_resource(
        b, &kind_network, "net",
        bench_json(
            b, "{'driver': 'bridge', 'internal': true, 'labels': {'k': 'v'},"
               " 'driver_opts': {'com.docker.network.driver.mtu': '1400'},"
               " 'ipam': {'config': {'10.77.9.0/24': {'gateway': '10.77.9.9', 'ip_range': '10.77.9.128/25',"
               " 'aux_addresses': {'x': '10.77.9.200'}}}}}"));
    struct resource *vol = bench_resource(
        b, &kind_volume, "vol",
        bench_json(b, "{'labels': {'k': 'v'},"
                      " 'driver_opts': {'type': 'tmpfs', 'device': 'tmpfs', 'o': 'size=1m'}}"));
    const struct resource *both[] = {net, vol};
    for (size_t i = 0; i < 2; i++) {
        const char *id = bench_make(b, both[i], false);
        struct step s = on(b, STEP_CREATE, both[i]);
        bench_must(b, &s);
        assert_true(b->result.unchanged);
        assert_string_equal(b->result.native_id, id);
        struct object o = bench_inspect(b, both[i]->kind, s.native_name);
        for (size_t k = 0; k < both[i]->spec->len; k++) {
            const struct val_pair *want = &both[i]->spec->pairs[k];
            if (!val_equal(want->val, val_get(o.spec, want->key)))
                fail_msg("%s.%s", both[i]->id, want->key);
        }
        struct observed seen = bench_observe(b, NULL, false);
        const struct object *listed = bench_find(&seen, both[i]->id);
        assert_non_null(listed);
        assert_true(val_equal(listed->spec, o.spec));
        assert_string_equal(listed->native_id, id);
        /* The same name, asked for differently: not this one. */
        struct resource *changed = bench_resource(b, both[i]->kind, both[i]->name, val_map(&b->arena));
        s = on(b, STEP_CREATE, changed);
        assert_int_equal(bench_do(b, &s), ERR_EXISTS);
    }
    /* A network is removed from under what is ours on it. */
    struct resource *r =
        container(b, "on",
                  arena_printf(&b->arena, "{'image': 'forge-test/busybox:1', 'networks': {'%s': {}}}",
                               bench_name(b, "net")));
    bench_make(b, r, true);
    for (size_t i = 0; i < 2; i++) {
        struct step s = on(b, STEP_REMOVE, both[i]);
        bench_must(b, &s);
        assert_false(b->result.unchanged);
        bench_must(b, &s);
        assert_true(b->result.unchanged);
    }
    bench_remove_all(b);
}

static void test_the_cache_spares_inspection(void **state)
{
    struct bench *b = *state;
    struct resource *r = container(b, "one", "{" IDLE ", 'resources': {'memory': 67108864}}");
    const char *id = bench_make(b, r, true);
    bench_make(b, container(b, "two", "{" IDLE "}"), true);
    struct observed o = bench_observe(b, NULL, false);
    assert_int_equal(o.inspected, 2);
    bench_reopen(b); /* a new process */
    o = bench_observe(b, NULL, false);
    assert_int_equal(o.inspected, 0);
    assert_int_equal(o.cached, 2);
    const struct object *one = bench_find(&o, "container/one");
    struct object now = bench_inspect(b, &kind_container, id);
    assert_true(val_equal(one->spec, now.spec));
    assert_true(val_equal(one->defaults, now.defaults));
    assert_string_equal(one->image_id, now.image_id);

    o = bench_observe(b, NULL, true);
    assert_int_equal(o.inspected, 2);

    /* What a listing does not show: limits, changed by hand while it runs. */
    struct step s = on(b, STEP_UPDATE, container(b, "one", "{" IDLE ", 'resources': {'memory': 134217728}}"));
    bench_must(b, &s);
    o = bench_observe(b, NULL, false);
    assert_int_equal(o.inspected, 1);
    assert_int_equal(val_get_int(val_get(bench_find(&o, "container/one")->spec, "resources"), "memory", 0),
                     134217728);
    o = bench_observe(b, NULL, false);
    assert_int_equal(o.inspected, 0);

    /* A stopped and a renamed one look different in the listing. */
    s = on(b, STEP_STOP, r);
    bench_must(b, &s);
    o = bench_observe(b, NULL, false);
    assert_int_equal(o.inspected, 1);
    assert_int_equal(bench_find(&o, "container/one")->state, OBJECT_EXITED);
    bench_remove_all(b);
}

/* When the log does not reach back to what was seen last, nothing of the cache is believed. */
static void test_a_gap_in_the_event_log_inspects_all(void **state)
{
    struct bench *b = *state;
    bench_make(b, container(b, "gap", "{" IDLE "}"), true);
    bench_observe(b, NULL, false);
    struct observed o = bench_observe(b, NULL, false);
    assert_int_equal(o.cached, 1);
    struct val *anchor = bench_json(b, "{'time': 1700000000000000000, 'id': 'x', 'action': 'start'}");
    struct buf bytes = BUF_INIT;
    val_encode(anchor, false, &bytes);
    b->env.cache.put(b, arena_printf(&b->arena, "docker1/anchor/%s", b->owner), bytes.data, bytes.len);
    buf_release(&bytes);
    o = bench_observe(b, NULL, false);
    assert_int_equal(o.inspected, 1);
    bench_remove_all(b);
}

static void test_name_sakes_externals_and_images(void **state)
{
    struct bench *b = *state;
    struct resource *taken = container(b, "taken", "{" IDLE "}");
    struct resource *ext = bench_resource(b, &kind_network, "host", bench_json(b, "{'external': true}"));
    struct resource *none = container(b, "none", "{'image': 'forge-test/absent:3', 'network_mode': 'none'}");
    struct step s = on(b, STEP_CREATE, taken);
    s.labels =
        bench_json(b, "{'io.forge.environment': 'somebody-else', 'io.forge.resource': 'container/theirs'}");
    bench_must(b, &s);
    struct resource_set set;
    resource_set_init(&set, &b->arena);
    resource_set_add(&set, taken);
    resource_set_add(&set, ext);
    resource_set_add(&set, none);
    resource_set_sort(&set);
    struct observed o = bench_observe(b, &set, false);
    const struct object *found = bench_find(&o, "container/taken");
    assert_non_null(found);
    assert_string_equal(found->owner, "somebody-else");
    assert_int_equal(found->instance, 1);
    found = bench_find(&o, "network/host");
    assert_non_null(found);
    assert_null(found->owner);
    assert_string_equal(found->native_name, "host");
    assert_null(bench_find(&o, "container/none"));
    assert_true(observed_image(&o, IMAGE_1)->present);
    assert_false(observed_image(&o, "forge-test/absent:3")->present);
    resource_set_release(&set);
    s = (struct step){.verb = STEP_REMOVE,
                      .kind = &kind_container,
                      .id = "container/theirs",
                      .native_name = bench_name(b, "taken-1")};
    bench_must(b, &s);
}

static void test_candidates_and_joined_namespaces(void **state)
{
    struct bench *b = *state;
    struct resource *r = container(b, "base", "{" IDLE "}");
    const char *id = bench_make(b, r, true);
    struct resource *join = container(
        b, "join",
        arena_printf(
            &b->arena,
            "{'image': 'forge-test/busybox:1', 'network_mode': 'container:%s', 'pid': 'container:%s'}",
            bench_name(b, "base-1"), bench_name(b, "base-1")));
    bench_make(b, join, true);
    struct step s = on(b, STEP_CREATE, r);
    s.native_name = bench_name(b, "base-1" MARK_CANDIDATE);
    bench_must(b, &s);
    struct observed o = bench_observe(b, NULL, false);
    struct object *const *found;
    assert_int_equal(observed_find(&o, "container/base", &found), 2);
    assert_false(found[0]->candidate);
    assert_true(found[1]->candidate);
    const struct object *j = bench_find(&o, "container/join");
    assert_true(field_equal(NULL ? NULL : field_find(kind_container.spec, "network_mode"),
                            val_get(join->spec, "network_mode"), val_get(j->spec, "network_mode")));
    assert_string_equal(val_get_str(j->spec, "pid"), val_get_str(join->spec, "pid"));
    s = on(b, STEP_STOP, r);
    s.native_id = id;
    bench_must(b, &s);
    s.verb = STEP_REMOVE;
    bench_must(b, &s);
    o = bench_observe(b, NULL, false);
    j = bench_find(&o, "container/join");
    assert_string_equal(val_get_str(j->spec, "pid"), arena_printf(&b->arena, "container:%s", id));
    bench_remove_all(b);
}

static void test_logs(void **state)
{
    struct bench *b = *state;
    struct resource *r =
        container(b, "logs", "{" IDLE ", 'command': ['sh', '-c', 'echo one; echo two >&2; printf three']}");
    bench_make(b, r, true);
    struct step s = on(b, STEP_WAIT, r);
    s.condition = DEPEND_COMPLETED;
    s.timeout_ns = 10 * NS_PER_S;
    bench_must(b, &s);
    const char *out = logs_of(b, bench_name(b, "logs-1"));
    assert_non_null(strstr(out, "1:one|"));
    assert_non_null(strstr(out, "2:two|"));
    assert_non_null(strstr(out, "1:three|"));
    struct buf text = BUF_INIT;
    const struct logs_request rq = {.native_name = bench_name(b, "logs-1"),
                                    .tail = 1,
                                    .timestamps = true,
                                    .follow = true,
                                    .line = say_line,
                                    .arg = &text};
    assert_int_equal(b->p->ops->logs(b->p, &rq, NULL, &b->err), 0);
    assert_non_null(strstr(buf_str(&text), "Z three|"));
    buf_release(&text);
    bench_remove_all(b);
}

static int run_exec(struct bench *b, const char *const *argv, const char *input, bool tty, struct buf *out,
                    int *ret_exit)
{
    int in[2], o[2];
    char data[4096];
    ssize_t n;
    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(o), 0);
    if (input)
        assert_true(write(in[1], input, strlen(input)) == (ssize_t)strlen(input));
    close(in[1]);
    const struct exec_request rq = {.native_name = bench_name(b, "exec-1"),
                                    .argv = argv,
                                    .tty = tty,
                                    .interactive = input,
                                    .in_fd = in[0],
                                    .out_fd = o[1],
                                    .err_fd = o[1]};
    int r = b->p->ops->exec(b->p, &rq, NULL, ret_exit, &b->err);
    close(o[1]);
    while ((n = read(o[0], data, sizeof(data))) > 0)
        buf_add(out, data, (size_t)n);
    close(o[0]);
    close(in[0]);
    return r;
}

static void test_exec_and_stats(void **state)
{
    struct bench *b = *state;
    bench_make(b, container(b, "exec", "{" IDLE "}"), true);
    static const char *const say[] = {"sh", "-c", "echo out; echo err >&2; exit 7", NULL},
                             *const cat[] = {"cat", NULL}, *const tty[] = {"tty", NULL},
                             *const none[] = {"/no/such", NULL};
    struct buf out = BUF_INIT;
    int code = -1;
    assert_int_equal(run_exec(b, say, NULL, false, &out, &code), 0);
    assert_int_equal(code, 7);
    assert_non_null(strstr(buf_str(&out), "out\n"));
    assert_non_null(strstr(buf_str(&out), "err\n"));
    buf_reset(&out);
    assert_int_equal(run_exec(b, cat, "through and back", false, &out, &code), 0);
    assert_string_equal(buf_str(&out), "through and back");
    buf_reset(&out);
    assert_int_equal(run_exec(b, tty, NULL, true, &out, &code), 0);
    assert_non_null(strstr(buf_str(&out), "/dev/pts/"));
    buf_reset(&out);
    int r = run_exec(b, none, NULL, false, &out, &code);
    assert_true(r < 0 || code == 126 || code == 127);
    buf_release(&out);
    struct stats_sample s;
    assert_int_equal(b->p->ops->stats(b->p, bench_name(b, "exec-1"), &s, &b->err), 0);
    assert_true(s.cpu_ns > 0 && s.memory_bytes > 0 && s.pids >= 1 && s.cpus >= 1);
    bench_remove_all(b);
}

static void test_pull_policies(void **state)
{
    struct bench *b = *state;
    struct resource *r = container(b, "pull", "{" IDLE "}");
    struct step s = on(b, STEP_PULL, r);
    s.image = IMAGE_1;
    s.pull_policy = "never";
    bench_must(b, &s);
    assert_true(b->result.unchanged && str_starts(b->result.image_id, "sha256:"));
    s.pull_policy = "missing";
    bench_must(b, &s);
    s.image = "forge-test/absent:3";
    s.pull_policy = "never";
    assert_int_equal(bench_do(b, &s), ERR_NOTFOUND);
    s.image = "127.0.0.1:1/none:3"; /* nobody listens there */
    s.pull_policy = "missing";
    assert_int_equal(bench_do(b, &s), ERR_UNAVAILABLE);
    assert_true(b->err.retryable);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life_of_a_container),
        cmocka_unit_test(test_what_is_not_the_planned_object_is_left_alone),
        cmocka_unit_test(test_adoption),
        cmocka_unit_test(test_failed_create_leaves_nothing),
        cmocka_unit_test(test_files_in_a_container),
        cmocka_unit_test(test_secret_files),
        cmocka_unit_test(test_waiting),
        cmocka_unit_test(test_a_wait_is_cancelled),
        cmocka_unit_test(test_live_update),
        cmocka_unit_test(test_networks_and_volumes),
        cmocka_unit_test(test_the_cache_spares_inspection),
        cmocka_unit_test(test_a_gap_in_the_event_log_inspects_all),
        cmocka_unit_test(test_name_sakes_externals_and_images),
        cmocka_unit_test(test_candidates_and_joined_namespaces),
        cmocka_unit_test(test_logs),
        cmocka_unit_test(test_exec_and_stats),
        cmocka_unit_test(test_pull_policies),
    };
    return cmocka_run_group_tests(tests, bench_setup, bench_teardown);
}
