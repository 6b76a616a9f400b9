/* Networks, volumes, configs and secrets: canonical forms and problems; base64. */
#include "kind_test.h"

static void check(struct world *w, const struct kind_desc *kind, const char *text, const char *want)
{
    assert_string_equal(canonical(w, kind, text), want);
}

static void check_wrong(struct world *w, const struct kind_desc *kind, const char *text, const char *want)
{
    spec_of(w, kind, text);
    assert_string_equal(problems_of(w), want);
}

static void test_network(void **state)
{
    struct world *w = *state;
    check(w, &kind_network, "{}", "{}");
    check(w, &kind_network,
          "ipam: {config: [{subnet: 10.7.0.99/24, gateway: 10.7.0.1, aux_addresses: {r: 10.7.0.2}}, "
          "\"fd00:7::1/64\"]}",
          "{'ipam': {'config': {'10.7.0.0/24': {'aux_addresses': {'r': '10.7.0.2'}, 'gateway': '10.7.0.1'}, "
          "'fd00:7::/64': {}}}}");
    check(w, &kind_network,
          "{internal: yes, attachable: on, enable_ipv6: true, labels: [a=b], driver_opts: {mtu: 1400}, name: "
          "x}",
          "{'attachable': true, 'driver_opts': {'mtu': '1400'}, 'enable_ipv6': true, 'internal': true, "
          "'labels': {'a': 'b'}, 'name': 'x'}");
    assert_string_equal(
        canonical(w, &kind_network, "ipam: {config: [10.7.0.0/24, 10.8.0.0/24]}"),
        canonical(w, &kind_network, "ipam: {config: [{subnet: 10.8.0.0/24}, {subnet: 10.7.0.0/24}]}"));
    check_wrong(w, &kind_network, "ipam: {config: [10.7.0.0]}",
                "f:1:17: error: ipam.config[0]: \"10.7.0.0\" is not a subnet\n"
                "  hint: write an address and a prefix length: 10.7.0.0/24, fd00:7::/64\n");
    check_wrong(w, &kind_network, "ipam: {config: [{subnet: 10.7.0.0/33}]}",
                "f:1:26: error: ipam.config[0].subnet: \"10.7.0.0/33\" is not a subnet\n"
                "  hint: write an address and a prefix length: 10.7.0.0/24, fd00:7::/64\n");
    check_wrong(
        w, &kind_network, "ipam: {config: [{gateway: 10.7.0.1}]}",
        "f:1:17: error: ipam.config[0]: \"subnet\" is missing\n  hint: for example: subnet: 10.7.0.0/24\n");
    check_wrong(w, &kind_network, "drvier: bridge",
                "f:1:1: error: unknown key \"drvier\"\n  hint: did you mean \"driver\"?\n");
}

static void test_volume(void **state)
{
    struct world *w = *state;
    check(w, &kind_volume, "{driver: local, driver_opts: {type: nfs, device: \":/x\"}, name: data}",
          "{'driver': 'local', 'driver_opts': {'device': ':/x', 'type': 'nfs'}, 'name': 'data'}");
    check(w, &kind_volume, "external: true", "{'external': true}");
    check_wrong(w, &kind_volume, "name: \"a/b\"",
                "f:1:7: error: name: \"a/b\" is invalid: expected letters, digits, _, . and -; on a swarm, "
                "also templates\n"
                "  hint: for example: shop-data\n");
    check_wrong(
        w, &kind_volume, "labels: {io.forge.x: 1}",
        "f:1:9: error: labels: \"io.forge.x\": labels that start with io.forge. are reserved for Forge\n"
        "  hint: use another prefix\n");
}

static void test_config_and_secret(void **state)
{
    struct world *w = *state;
    check(w, &kind_config, "{content: \"a\\n\", mode: 0600, uid: 7, gid: 8}",
          "{'content': 'a\\n', 'gid': '8', 'mode': 384, 'uid': '7'}");
    check(w, &kind_config, "content: ''", "{'content': ''}");
    check_wrong(w, &kind_config, "{content: a, uid: root}",
                "f:1:19: error: uid: \"root\" is invalid: expected a number\n"
                "  hint: for example: \"101\"\n");
    check(w, &kind_secret, "{file: /etc/keys//a, mode: 0400}", "{'file': '/etc/keys/a', 'mode': 256}");
    check_wrong(w, &kind_secret, "file: keys/a", "f:1:7: error: file: \"keys/a\" is not an absolute path\n");
    check_wrong(w, &kind_secret, "{file: /a, value: s3cr3t}",
                "f:1:12: error: \"value\" is not supported\n"
                "  hint: a secret in clear text does not belong in Git: put it in a file on the host and set "
                "file to its path\n");
}

static void test_base64(void **state)
{
    struct world *w = *state;
    static const char *const rows[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xff\xfe\x01", "//4B"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t len = strlen(rows[i][0]);
        assert_string_equal(base64_encode(&w->arena, rows[i][0], len), rows[i][1]);
        size_t got;
        const void *back = base64_decode(&w->arena, rows[i][1], strlen(rows[i][1]), &got);
        assert_non_null(back);
        assert_int_equal(got, len);
        assert_memory_equal(back, rows[i][0], len);
    }
    size_t len;
    assert_memory_equal(base64_decode(&w->arena, "Zm9v\r\n YmFy", 11, &len), "foobar", 6);
    assert_memory_equal(base64_decode(&w->arena, "Zm8", 3, &len), "fo", 2);
    static const char *const wrong[] = {
        "Z", "Zg=", "Z===", "Zg==Zg==", "Zm9v=", "Zh==", "Zm9=", "Zm_v", "=", "Zg=a"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        if (base64_decode(&w->arena, wrong[i], strlen(wrong[i]), &len))
            fail_msg("%s is read as base64", wrong[i]);
    assert_null(base64_decode(&w->arena, "Zg\0=", 4, &len));
}

static void test_config_bytes(void **state)
{
    struct world *w = *state;
    struct resource *r = resource_new(&w->arena, &kind_config, "c");
    struct val *spec = val_map(&w->arena);
    r->spec = spec;
    const void *bytes;
    size_t len;
    struct err err = {0};
    assert_int_equal(config_bytes(r, &w->arena, &bytes, &len, &err), ERR_INVALID);
    assert_string_equal(err.msg, "config/c has no content");

    config_set_bytes(&w->arena, spec, "text\n", 5);
    assert_string_equal(json_of(w, spec),
                        "{'content': 'text\\n', 'digest': "
                        "'b9e68e1bea3e5b19ca6b2f98b73a54b73daafaa250484902e09982e07a12e733'}");
    assert_int_equal(config_bytes(r, &w->arena, &bytes, &len, &err), 0);
    assert_int_equal(len, 5);

    config_set_bytes(&w->arena, spec, "\0\xff", 2);
    assert_string_equal(val_get_str(spec, "encoding"), "base64");
    assert_int_equal(config_bytes(r, &w->arena, &bytes, &len, &err), 0);
    assert_int_equal(len, 2);
    assert_memory_equal(bytes, "\0\xff", 2);

    val_set_str(&w->arena, spec, "content", "*");
    assert_int_equal(config_bytes(r, &w->arena, &bytes, &len, &err), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_network), world_test(test_volume),       world_test(test_config_and_secret),
        world_test(test_base64),  world_test(test_config_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
