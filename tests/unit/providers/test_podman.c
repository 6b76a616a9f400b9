/* How Podman describes a container, on a recorded answer. */
#include "providers/podman/podman.h"

#include "tests/lib/unit.h"

static const char *spread(const struct val *spec, const char *target)
{
    const struct val *rec = val_get(val_get(spec, "volumes"), target);
    assert_non_null(rec);
    return val_get_str(rec, "propagation");
}

/* Podman reports "rprivate" for each mount, which a manifest may not say for a volume. */
static void test_mounts_are_as_they_were_asked_for(void **state)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct err err = {0};
    struct object o;
    json_error_t why;
    json_t *j = json_load_file("tests/exchange/recorded/podman43_container.json", 0, &why);
    (void)state;
    assert_non_null(j);
    assert_ok(podman_read(&a, j, NULL, &o, &err));
    const struct val *volumes = val_get(o.spec, "volumes");
    assert_int_equal(val_len(volumes), 4);
    assert_null(spread(o.spec, "/data"));
    assert_null(spread(o.spec, "/anonymous"));
    assert_null(spread(o.spec, "/host"));
    assert_string_equal(spread(o.spec, "/slave"), "rslave");
    assert_string_equal(val_get_str(val_get(volumes, "/data"), "type"), "volume");
    assert_string_equal(val_get_str(val_get(volumes, "/data"), "source"), "data");
    assert_true(val_get_bool(val_get(volumes, "/data"), "read_only", false));
    json_decref(j);
}

/* Podman's default network is not one that a manifest could name. */
static void test_its_own_network_is_nothing_asked_for(void **state)
{
    static const char *const rows[][3] = {
        {"bridge", "{\"podman\": {\"Aliases\": []}}", "bridge"},
        {"slirp4netns", "{}", "slirp4netns"},
        {"bridge", "{\"podman\": {}, \"back\": {\"Aliases\": [\"web\"]}}", NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        _cleanup_arena_ struct arena a = ARENA_INIT;
        struct err err = {0};
        struct object o;
        json_error_t why;
        json_t *j = json_load_file("tests/exchange/recorded/podman43_container.json", 0, &why);
        json_object_set_new(json_object_get(j, "HostConfig"), "NetworkMode", json_string(rows[i][0]));
        json_object_set_new(json_object_get(j, "NetworkSettings"), "Networks",
                            json_pack("o", json_loads(rows[i][1], 0, &why)));
        assert_ok(podman_read(&a, j, NULL, &o, &err));
        const char *mode = val_get_str(o.spec, "network_mode");
        assert_string_equal(mode ? mode : "none", rows[i][2] ? rows[i][2] : "none");
        if (rows[i][2]) {
            assert_null(val_get(o.spec, "networks"));
        } else {
            assert_int_equal(val_len(val_get(o.spec, "networks")), 2);
            assert_non_null(val_get(val_get(o.spec, "networks"), "bridge"));
        }
        json_decref(j);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mounts_are_as_they_were_asked_for),
        cmocka_unit_test(test_its_own_network_is_nothing_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
