/* L9 on a real engine: a created container reads back as requested, field by field, and all other fields have
   their defaults. */
#include "tests/engine/docker_bench.h"

#include "base/str.h"
#include "schema/kinds/container.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>
#include <unistd.h>

/* Specs, without image and network_mode, as canonical JSON. */
static const char *const specs[] = {
    "{}",
    "{'command': ['sleep', '1000']}",
    "{'entrypoint': ['/bin/sh', '-c'], 'command': ['sleep 1000']}",
    "{'entrypoint': ['/bin/sleep', '1000']}",
    "{'entrypoint': ['/bin/sleep', '1000'], 'command': []}",
    "{'entrypoint': [], 'command': ['sleep', '1000']}",
    "{'environment': {'A': '1', 'EMPTY': '', 'EQ': 'a=b', 'UNI': 'gr\u00fc\u00df'}}",
    /* NOLINTNEXTLINE(bugprone-suspicious-missing-comma): long ones go over several lines */
    "{'ports': {'18081->80/tcp': {'target': 80, 'published': 18081, 'protocol': 'tcp'}}, 'network_mode': "
    "'bridge'}",
    "{'ports': {'127.0.0.1:18082->80/udp': {'target': 80, 'published': 18082, 'host_ip': '127.0.0.1', "
    "'protocol': 'udp'},"
    " '0->81/tcp': {'target': 81, 'published': 0, 'protocol': 'tcp'},"
    " '18100-18110->82/tcp': {'target': 82, 'published': 18100, 'published_end': 18110, 'protocol': 'tcp'}}, "
    "'network_mode': 'bridge'}",
    "{'expose': ['3000/tcp', '8000/udp']}",
    "{'expose': ['80/tcp'], 'ports': {'18083->80/tcp': {'target': 80, 'published': 18083, 'protocol': "
    "'tcp'}}, 'network_mode': 'bridge'}",
    "{'volumes': {'/anon': {'type': 'volume'}, '/tmp/bind': {'type': 'bind', 'source': '/tmp', 'read_only': "
    "true},"
    " '/mem': {'type': 'tmpfs', 'size': 16777216, 'mode': 1777}}}",
    "{'volumes': {'/b': {'type': 'bind', 'source': '/tmp', 'create_host_path': false, 'propagation': "
    "'rslave'}}}",
    "{'volumes': {'/b': {'type': 'bind', 'source': '/tmp', 'propagation': 'rslave', 'selinux': 'z'}}}",
    "{'tmpfs': {'/run': 'mode=755,size=16m', '/x': ''}}",
    "{'hostname': 'web-1', 'domainname': 'shop.example'}",
    "{'dns': ['9.9.9.9', '1.1.1.1'], 'dns_search': ['shop.example'], 'dns_opt': ['use-vc']}",
    "{'extra_hosts': {'db.local': ['10.0.0.7', '10.0.0.8'], 'six': ['fd00::1'], 'gw': ['host-gateway']}}",
    "{'healthcheck': {'test': ['CMD', 'true'], 'interval': 5000000000, 'timeout': 1500000000, "
    "'start_period': 1000000000, 'retries': 4}}",
    "{'healthcheck': {'test': ['CMD-SHELL', 'true || false']}}",
    "{'healthcheck': {'test': ['NONE']}}",
    "{'restart': 'no'}",
    "{'restart': 'always'}",
    "{'restart': 'unless-stopped'}",
    "{'restart': 'on-failure'}",
    "{'restart': 'on-failure:5'}",
    "{'user': '65534:65534', 'working_dir': '/tmp', 'group_add': ['audio', '998']}",
    "{'init': true, 'read_only': true, 'tty': true, 'stdin_open': true}",
    "{'init': false, 'read_only': false, 'privileged': false, 'tty': false}",
    "{'privileged': true}",
    "{'cap_add': ['NET_ADMIN', 'SYS_TIME'], 'cap_drop': ['ALL']}",
    "{'security_opt': ['apparmor=unconfined', 'no-new-privileges=true', 'seccomp=unconfined']}",
    "{'devices': {'/dev/null2': {'source': '/dev/null', 'permissions': 'rw'}, '/dev/zero': {'source': "
    "'/dev/zero', 'permissions': 'rwm'}}}",
    "{'device_cgroup_rules': ['c 1:3 mr', 'c 7:* rwm']}",
    "{'ulimits': {'nofile': {'soft': 1024, 'hard': 4096}, 'nproc': {'soft': 512, 'hard': 512}}}",
    "{'sysctls': {'net.core.somaxconn': '1024'}, 'network_mode': 'bridge'}",
    "{'shm_size': 33554432}",
    "{'pid': 'host', 'ipc': 'host', 'uts': 'host', 'cgroup': 'host', 'userns_mode': 'host'}",
    "{'ipc': 'shareable', 'cgroup': 'private'}",
    "{'ipc': 'none'}",
    "{'cgroup_parent': '/forgetest', 'runtime': 'runc', 'oom_score_adj': 200, 'oom_kill_disable': true, "
    "'resources': {'memory': 67108864}}",
    "{'labels': {'com.example.a': '1', 'empty': ''}}",
    "{'logging': {'driver': 'json-file', 'options': {'max-file': '3', 'max-size': '10m'}}}",
    "{'logging': {'driver': 'none'}}",
    "{'stop_signal': 'SIGQUIT', 'stop_grace_period': 30000000000}",
    "{'stop_grace_period': 1500000000}",
    "{'stop_grace_period': 0}",
    "{'resources': {'cpus': 500000000, 'memory': 134217728, 'memory_reservation': 67108864, 'pids': 200, "
    "'cpu_shares': 512, 'cpuset': '0'}}",
    "{'resources': {'memory': 67108864, 'memory_swap': 67108864}}",
    "{'resources': {'memory': 67108864, 'memory_swap': -1, 'memory_swappiness': 10}}",
    "{'resources': {'memory': 67108864, 'memory_swappiness': 0}}",
    "{'resources': {'cpu_period': 50000, 'cpu_quota': 25000, 'pids': -1}}",
    "{'network_mode': 'host'}",
    "{'network_mode': 'none', 'mac_address': '02:42:ac:11:00:09'}",
    "{'network_mode': 'bridge', 'mac_address': '02:42:ac:11:00:0a'}",
    "{'platform': 'linux/amd64'}",
    "{'networks': {'NET-a': {'aliases': ['f']}}}",
    "{'networks': {'NET-a': {'aliases': ['f', 'web'], 'ipv4_address': '10.77.1.10'}, 'NET-b': {'aliases': "
    "['f'], 'ipv4_address': '10.77.2.10',"
    " 'link_local_ips': ['169.254.8.8']}}}",
    "{'networks': {'NET-a': {'aliases': ['f'], 'mac_address': '02:42:ac:11:00:0b'}, 'NET-b': {'aliases': "
    "['f']}}}",
    "{'networks': {'NET-a': {'aliases': ['f']}}, 'mac_address': '02:42:ac:11:00:0c', 'hostname': 'h'}",
    "{'networks': {'NET-a': {'aliases': ['f', 'h']}, 'NET-b': {'aliases': ['f']}}, 'hostname': 'h'}",
    "{'network_mode': 'NET-a'}",
    "{'gpus': [{'driver': 'none-such', 'count': 1, 'capabilities': ['gpu', 'utility'], 'options': {'a': "
    "'b'}}, {'device_ids': ['0', '3'], 'capabilities': ['gpu']}]}",
    "{'configs': {'/etc/app/x.conf': {'source': 'x', 'mode': 288, 'uid': '101', 'digest': 'abc'}}}",
    "{'secrets': {'/run/secrets/k': {'source': 'k', 'mode': 256, 'file': 'SECRET-FILE'}}}",
    "{'read_only': true, 'configs': {'/etc/app/x.conf': {'source': 'x', 'digest': 'abc'}}}",
};

/* Each value of `want` is in `spec`; the rest of `spec` is equal to `defaults`, or to an absent field. */
static void compare(const char *what, const struct field_table *t, const struct val *want,
                    const struct val *spec, const struct val *defaults)
{
    for (size_t i = 0; i < val_len(want); i++) {
        const char *key = want->pairs[i].key;
        const struct field *f = field_find(t, key);
        const struct val *w = want->pairs[i].val, *got = val_get(spec, key);
        assert_non_null(f);
        if (val_is(w, VAL_MAP) && (str_eq(key, "environment") || str_eq(key, "labels"))) {
            for (size_t k = 0; k < w->len; k++)
                if (!val_equal(w->pairs[k].val, val_get(got, w->pairs[k].key)))
                    fail_msg("%s: %s.%s differs", what, key, w->pairs[k].key);
            continue;
        }
        if (f->type == FT_RECORD) {
            compare(what, f->sub, w, got, val_get(defaults, key));
            continue;
        }
        if (!field_equal(f, w, got)) {
            struct buf b = BUF_INIT;
            val_json(w, 0, &b);
            buf_adds(&b, " but got ");
            if (got)
                val_json(got, 0, &b);
            fail_msg("%s: %s is asked to be %s", what, key, buf_str(&b));
        }
    }
    for (size_t i = 0; i < val_len(spec); i++) {
        const char *key = spec->pairs[i].key;
        const struct field *f = field_find(t, key);
        if (!f)
            fail_msg("%s: %s is no field", what, key);
        if (val_get(want, key) || field_equal(f, NULL, spec->pairs[i].val) ||
            field_equal(f, val_get(defaults, key), spec->pairs[i].val))
            continue;
        struct buf b = BUF_INIT;
        val_json(spec->pairs[i].val, 0, &b);
        fail_msg("%s: %s appears as %s", what, key, buf_str(&b));
    }
}

/* A file that only its owner can read. */
static char secret_file[] = "/tmp/forge-secret.XXXXXX";

static char *with_names(struct bench *b, const char *json)
{
    struct buf out = BUF_INIT;
    for (const char *p = json; *p;) {
        if (strncmp(p, "NET-", 4) == 0) {
            buf_addf(&out, "%s-", b->owner);
            p += 4;
        } else if (strncmp(p, "SECRET-FILE", 11) == 0) {
            buf_adds(&out, secret_file);
            p += 11;
        } else {
            buf_addc(&out, *p++);
        }
    }
    char *text = arena_strdup(&b->arena, buf_str(&out));
    buf_release(&out);
    return text;
}

static void make_networks(struct bench *b)
{
    static const char *const json[] = {"{'ipam': {'config': {'10.77.1.0/24': {}}}}",
                                       "{'ipam': {'config': {'10.77.2.0/24': {}}}}"};
    static const char *const names[] = {"a", "b"};
    for (size_t i = 0; i < 2; i++)
        bench_make(b, bench_resource(b, &kind_network, names[i], bench_json(b, json[i])), false);
}

/* The same after it was started, if it can be: most of the specs run nothing useful. */
static void compare_running(struct bench *b, const char *what, struct step s, const struct val *spec)
{
    s.verb = STEP_START;
    if (bench_do(b, &s) == 0) {
        struct object o = bench_inspect(b, &kind_container, s.native_id);
        compare(what, kind_container.spec, spec, o.spec, o.defaults);
    }
    s.verb = STEP_STOP;
    s.timeout_ns = 0;
    bench_must(b, &s);
}

static void test_every_field_reads_back(void **state)
{
    struct bench *b = *state;
    int fd = mkstemp(secret_file);
    assert_true(fd >= 0 && write(fd, "k", 1) == 1 && close(fd) == 0);
    make_networks(b);
    for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
        if (strstr(specs[i], "'memory_swap': -1") && !(b->caps & CAP_SWAP_UNLIMITED))
            continue;
        struct val *spec = bench_json(b, with_names(b, specs[i]));
        val_set_str(&b->arena, spec, "image", IMAGE_1);
        if (!val_get(spec, "networks") && !val_get(spec, "network_mode"))
            val_set_str(&b->arena, spec, "network_mode", "none");
        struct resource *r = bench_resource(b, &kind_container, "f", spec);
        struct step s = bench_step(b, STEP_CREATE, r);
        if (bench_do(b, &s) < 0)
            fail_msg("%s: %s", specs[i], b->err.msg);
        struct object o = bench_inspect(b, &kind_container, b->result.native_id);
        compare(specs[i], kind_container.spec, spec, o.spec, o.defaults);
        assert_string_equal(o.id, "container/f");
        assert_string_equal(o.owner, b->owner);
        assert_int_equal(o.instance, 1);
        assert_int_equal(o.generation, 7);
        assert_string_equal(o.commit, "c0ffee");
        assert_int_equal(o.state, OBJECT_CREATED);
        /* The same in an observation. */
        struct observed seen = bench_observe(b, NULL, false);
        const struct object *listed = bench_find(&seen, "container/f");
        assert_non_null(listed);
        assert_true(val_equal(listed->spec, o.spec));
        assert_true(val_equal(listed->defaults, o.defaults));
        s.native_id = o.native_id;
        compare_running(b, specs[i], s, spec);
        s.verb = STEP_REMOVE;
        bench_must(b, &s);
    }
    bench_remove_all(b);
    unlink(secret_file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_field_reads_back)};
    return cmocka_run_group_tests(tests, bench_setup, bench_teardown);
}
