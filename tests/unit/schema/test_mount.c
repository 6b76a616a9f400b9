/* Files in a container: volumes, tmpfs, configs, secrets, devices: short form and long form (P2), and
 * problems. */
#include "kind_test.h"

static void check_same(struct world *w, const char *field, const char *is, const char *same)
{
    const char *a = canonical(w, &kind_container, arena_printf(&w->arena, "%s: %s", field, is));
    const char *b = canonical(w, &kind_container, arena_printf(&w->arena, "%s: %s", field, same));
    assert_string_equal(a, b);
}

static void test_volume_forms(void **state)
{
    struct world *w = *state;
    static const char *const pairs[][2] = {
        {"[\"data:/srv\"]", "[{type: volume, source: data, target: /srv}]"},
        {"[\"data:/srv\"]", "[{source: data, target: /srv/, read_only: false}]"},
        {"[\"data:/srv:rw\"]", "[\"data:/srv\"]"},
        {"[\"data:/srv:ro\"]", "[{source: data, target: /srv, read_only: true}]"},
        {"[\"data:/srv:ro,nocopy\"]",
         "[{source: data, target: /srv, read_only: true, volume: {nocopy: true}}]"},
        {"[\"/etc/ssl:/etc/ssl:ro\"]",
         "[{type: bind, source: /etc/ssl/, target: /etc//ssl, read_only: true}]"},
        {"[\"/a:/b:rslave,z\"]",
         "[{type: bind, source: /a, target: /b, bind: {propagation: rslave, selinux: z}}]"},
        {"[\"/a:/b:Z\"]", "[{type: bind, source: /a/./c/.., target: /b, selinux: Z}]"},
        {"[\"/a:/b:cached\"]", "[{type: bind, source: /a, target: /b, consistency: delegated}]"},
        {"[/srv]", "[{type: volume, target: /srv}]"},
        {"[{type: tmpfs, target: /run, tmpfs: {size: 16777216, mode: 0755}}]",
         "[{type: tmpfs, target: /run, size: 16MiB, mode: \"755\"}]"},
        {"[\"b:/b\", \"a:/a\"]", "[\"a:/a\", \"b:/b\"]"},
    };
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        const char *same = pairs[i][1];
        if (strstr(same, "read_only: false")) { /* a written default is equal, but not identical */
            const struct val *a = spec_of(w, &kind_container, "image: x\nvolumes: [\"data:/srv\"]");
            const struct val *b =
                spec_of(w, &kind_container, arena_printf(&w->arena, "image: x\nvolumes: %s", same));
            assert_true(field_equal(field_find(&container_table, "volumes"), val_get(a, "volumes"),
                                    val_get(b, "volumes")));
            continue;
        }
        check_same(w, "volumes", pairs[i][0], same);
    }
}

static void test_volume_canonical(void **state)
{
    struct world *w = *state;
    check_container(w, "volumes: [\"data:/srv:ro\"]",
                    "{'volumes': {'/srv': {'read_only': true, 'source': 'data', 'type': 'volume'}}}");
    check_container(w, "volumes: [/srv]", "{'volumes': {'/srv': {'type': 'volume'}}}");
    check_container(w, "volumes: [{type: bind, source: /a, target: /b, bind: {create_host_path: false}}]",
                    "{'volumes': {'/b': {'create_host_path': false, 'source': '/a', 'type': 'bind'}}}");
    check_container(w, "volumes: [{type: tmpfs, target: /run, tmpfs: {size: 1m, mode: 1777}}]",
                    "{'volumes': {'/run': {'mode': 1023, 'size': 1048576, 'type': 'tmpfs'}}}");
}

static void test_volume_problems(void **state)
{
    struct world *w = *state;
    static const char relative[] = "\n"
                                   "  hint: manifests are read from Git, not from a folder on the host: use "
                                   "an absolute path, or a Config for a file in the repository\n";
    static const char short_hint[] =
        "\n  hint: write \"data:/var/lib/data\", \"/etc/ssl:/etc/ssl:ro\", or {type: ..., target: ...}\n";
    const struct {
        const char *item, *problem, *hint;
    } rows[] = {
        {"\"./conf:/etc/x\"",
         "\"./conf\" is a relative path, and there is no host folder that it could be relative to", relative},
        {"\"~/x:/etc/x\"",
         "\"~/x\" is a relative path, and there is no host folder that it could be relative to", relative},
        {"\"data:srv\"", "\"srv\" is not a valid volume target",
         "\n  hint: write an absolute path below /\n"},
        {"\"data:/\"", "\"/\" is not a valid volume target", "\n  hint: write an absolute path below /\n"},
        {"\"a:/b:ro:x\"", "\"a:/b:ro:x\" has too many colons", short_hint},
        {"\"a::ro\"", "\"a::ro\" has an empty part", short_hint},
        {"\"a:/b:readonly\"", "\"a:/b:readonly\": \"readonly\" is not a volume option",
         "\n  hint: options are ro, rw, z, Z, nocopy, and rslave, rshared, ...\n"},
        {"\"a:/b:rslave\"", "propagation belongs to a mount of type bind, and this is a volume", "\n"},
        {"\"/a:/b:nocopy\"", "nocopy belongs to a mount of type volume, and this is a bind", "\n"},
        {"{type: bind, target: /b}", "a bind mount needs a source", "\n"},
        {"{type: bind, source: a/b, target: /b, volume: {nocopy: true}}", NULL, NULL},
        {"{source: a/b, target: /b}", "\"a/b\" is not a valid Volume name",
         "\n  hint: for a path on the host, start it with / and set type: bind\n"},
        {"{type: tmpfs, source: x, target: /b}", "a tmpfs has no source", "\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        spec_of(w, &kind_container, arena_printf(&w->arena, "image: x\nvolumes: [%s]", rows[i].item));
        const char *problems = problems_of(w);
        if (!rows[i].problem) {
            assert_true(strlen(problems) > 0);
            continue;
        }
        const char *want = arena_printf(&w->arena, "error: volumes[0]: %s%s", rows[i].problem, rows[i].hint);
        const char *got = strstr(problems, "error: ");
        assert_non_null(got);
        assert_string_equal(got, want);
    }
    check_problems(
        w, "volumes: [{type: bind, source: /a, target: /b, tmpfs: {size: 1m}}]",
        "f:2:11: error: volumes[0]: size belongs to a mount of type tmpfs, and this is a bind\n"
        "f:2:55: error: volumes[0]: tmpfs: options for a tmpfs cannot be used with a mount of type bind\n");
    check_problems(w, "volumes: [\"a:/x\", \"b:/x/\"]",
                   "f:2:19: error: volumes: \"/x\" is defined twice, first on line 2\n");
    check_problems(w, "volumes: [{type: volume, source: a, target: /b, volume: {subpath: c}}]",
                   "f:2:58: error: volumes[0].volume: \"subpath\" is not supported\n"
                   "  hint: not supported yet: mount the whole volume\n");
    check_problems(w, "volumes: [{type: npipe, source: a, target: /b}]",
                   "f:2:18: error: volumes[0].type: \"npipe\" is not one of volume, bind or tmpfs\n");
}

static void test_tmpfs(void **state)
{
    struct world *w = *state;
    check_container(w, "tmpfs: /run", "{'tmpfs': {'/run': ''}}");
    check_container(w, "tmpfs: [/run/, \"/tmp:size=64m,mode=1777,size=64m\"]",
                    "{'tmpfs': {'/run': '', '/tmp': 'mode=1777,size=64m'}}");
    check_container(w, "tmpfs: {/tmp: \"size=64m,mode=1777\", /run: \"\"}",
                    "{'tmpfs': {'/run': '', '/tmp': 'mode=1777,size=64m'}}");
    check_problems(w, "tmpfs: run",
                   "f:2:8: error: tmpfs: \"run\" is not a valid tmpfs target\n"
                   "  hint: write an absolute path below /\n");
    check_problems(w, "tmpfs: [/run, \"/run:ro\"]",
                   "f:2:15: error: tmpfs: \"/run\" is defined twice, first on line 2\n");
}

static void test_files(void **state)
{
    struct world *w = *state;
    check_same(w, "configs", "[conf]", "[{source: conf}]");
    check_same(w, "configs", "[conf]", "[{source: conf, target: conf}]");
    check_same(w, "configs", "[conf]", "[{source: conf, target: /conf}]");
    check_same(w, "secrets", "[key]", "[{source: key, target: /run/secrets/key}]");
    check_container(
        w, "configs: [{source: conf, target: /etc/x.conf, uid: 101, gid: \"101\", mode: 0440}]",
        "{'configs': {'/etc/x.conf': {'gid': '101', 'mode': 288, 'source': 'conf', 'uid': '101'}}}");
    check_container(
        w, "secrets: [key, {source: other, target: o.key}]",
        "{'secrets': {'/run/secrets/key': {'source': 'key'}, '/run/secrets/o.key': {'source': 'other'}}}");
    check_problems(w, "configs: [a, {source: b, target: a}]",
                   "f:2:14: error: configs: \"/a\" is defined twice, first on line 2\n");
    check_problems(
        w, "secrets: [{from: shop/session-key, env: SESSION_KEY}]",
        "f:2:11: error: secrets[0]: \"source\" is missing\n  hint: for example: source: nginx-conf\n"
        "f:2:12: error: secrets[0]: \"from\" is not supported\n"
        "  hint: external secrets are not supported yet: declare a Secret and name it in source\n"
        "f:2:36: error: secrets[0]: \"env\" is not supported\n"
        "  hint: secrets as environment variables are not supported yet: read the file in /run/secrets\n");
}

static void test_devices(void **state)
{
    struct world *w = *state;
    check_same(w, "devices", "[/dev/fuse]", "[\"/dev/fuse:/dev/fuse:rwm\"]");
    check_same(w, "devices", "[\"/dev/fuse:rw\"]", "[{source: /dev/fuse, permissions: wr}]");
    check_same(w, "devices", "[\"/dev/sda:/dev/xvda:r\"]",
               "[{source: /dev/sda, target: /dev/xvda, permissions: r}]");
    check_container(w, "devices: [\"/dev/sda:/dev/xvda\"]",
                    "{'devices': {'/dev/xvda': {'permissions': 'rwm', 'source': '/dev/sda'}}}");
    check_problems(
        w, "devices: [\"vendor.example/device=gpu\"]",
        "f:2:11: error: devices[0]: \"vendor.example/device=gpu\": CDI devices are not supported yet\n"
        "  hint: use gpus, or the path of the device\n");
    check_problems(w, "devices: [fuse]",
                   "f:2:11: error: devices[0]: \"fuse\" is not a device\n"
                   "  hint: write absolute paths\n");
    check_problems(w, "devices: [\":/dev/x\"]",
                   "f:2:11: error: devices[0]: \":/dev/x\" is not a device\n"
                   "  hint: write \"/dev/ttyUSB0\", or \"/dev/sda:/dev/xvda:rw\"\n");
    check_problems(w, "devices: [\"/dev/a:/dev/b:x\"]",
                   "f:2:11: error: devices[0]: \"x\" are not device permissions\n"
                   "  hint: write r, w and m (mknod) in any combination\n");
    check_container(w, "device_cgroup_rules: [\"c 1:3 mr\", \"a *:* rwm\"]",
                    "{'device_cgroup_rules': ['a *:* rwm', 'c 1:3 mr']}");
    check_problems(w, "device_cgroup_rules: [\"c 1 mr\"]",
                   "f:2:23: error: device_cgroup_rules[0]: \"c 1 mr\" is not a device rule\n"
                   "  hint: write \"c 1:3 mr\": type, major:minor, access\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_volume_forms),    world_test(test_volume_canonical),
        world_test(test_volume_problems), world_test(test_tmpfs),
        world_test(test_files),           world_test(test_devices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
