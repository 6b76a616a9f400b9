/* Configs and secrets as files in containers of a real engine. */
#include "tests/engine/docker_bench.h"

#include "base/clock.h"
#include "base/str.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <sys/stat.h>

#define IDLE BENCH_IDLE

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
        struct step s = bench_step(b, STEP_CREATE, r);
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
        /* Podman can copy files even into a read-only root. */
        if (code != cases[i].code && !(b->podman && code == 0 && val_get_bool(spec, "read_only", false)))
            fail_msg("%s in %s: %d %s", cases[i].target, cases[i].spec, code, b->err.msg);
        if (code == 0) {
            s = bench_step(b, STEP_START, r);
            bench_must(b, &s);
            s = bench_step(b, STEP_WAIT, r);
            s.condition = DEPEND_COMPLETED;
            s.timeout_ns = 20 * NS_PER_S;
            (void)bench_do(b, &s);
            const char *out = bench_logs(b, bench_name(b, "file-1"));
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
    struct step s = bench_step(b, STEP_CREATE, r);
    bench_must(b, &s);
    s = bench_step(b, STEP_START, r);
    bench_must(b, &s);
    s = bench_step(b, STEP_WAIT, r);
    s.condition = DEPEND_COMPLETED;
    s.timeout_ns = 20 * NS_PER_S;
    bench_must(b, &s);
    assert_string_equal(bench_logs(b, bench_name(b, "secret-1")), "1:canary-1234|");
    struct object o = bench_inspect(b, &kind_container, bench_name(b, "secret-1"));
    struct buf text = BUF_INIT;
    val_json(object_to_val(&b->arena, &o), 0, &text);
    assert_null(strstr(buf_str(&text), "canary"));
    buf_release(&text);
    bench_remove_all(b);
    assert_int_equal(chmod(path, 0644), 0); /* others may read it: refused */
    s = bench_step(b, STEP_CREATE, r);
    assert_int_equal(bench_do(b, &s), ERR_DENIED);
    unlink(path);
    struct observed seen = bench_observe(b, NULL, true);
    assert_int_equal(seen.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_in_a_container),
        cmocka_unit_test(test_secret_files),
    };
    return cmocka_run_group_tests(tests, bench_setup, bench_teardown);
}
