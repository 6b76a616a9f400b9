#include "reconciler/store/seal.h"

#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/str.h"
#include "tests/lib/unit.h"

static struct err err;

static void sealed_text_comes_back(void **state)
{
    (void)state;
    struct sealer s = {0};
    seal_random(&s);
    for (size_t len = 0; len < 200; len += 13) {
        char text[200];
        memset(text, 's', sizeof(text));
        _cleanup_buf_ struct buf sealed = BUF_INIT, again = BUF_INIT, plain = BUF_INIT;
        seal_add(&s, text, len, "place", 5, &sealed);
        seal_add(&s, text, len, "place", 5, &again);
        assert_int_equal(sealed.len, again.len);
        assert_memory_not_equal(sealed.data, again.data, sealed.len); /* another nonce */
        buf_adds(&plain, "before");
        assert_ok(seal_open(&s, sealed.data, sealed.len, "place", 5, &plain, &err));
        assert_int_equal(plain.len, len + 6);
        assert_memory_equal(plain.data + 6, text, len);
    }
    seal_release(&s);
    assert_false(s.have);
}

static void any_change_is_seen(void **state)
{
    (void)state;
    struct sealer s = {0}, other = {0}, none = {0};
    seal_random(&s);
    seal_random(&other);
    _cleanup_buf_ struct buf sealed = BUF_INIT, plain = BUF_INIT;
    seal_add(&s, "hunter2", 7, "place", 5, &sealed);
    for (size_t i = 0; i < sealed.len; i++) {
        sealed.data[i] ^= 1;
        assert_true(seal_open(&s, sealed.data, sealed.len, "place", 5, &plain, &err) < 0);
        sealed.data[i] ^= 1;
    }
    for (size_t len = 0; len < sealed.len; len++)
        assert_true(seal_open(&s, sealed.data, len, "place", 5, &plain, &err) < 0);
    assert_fails(seal_open(&s, sealed.data, sealed.len, "other", 5, &plain, &err), ERR_CORRUPT);
    assert_fails(seal_open(&other, sealed.data, sealed.len, "place", 5, &plain, &err), ERR_AUTH);
    assert_says("another key");
    assert_fails(seal_open(&none, sealed.data, sealed.len, "place", 5, &plain, &err), ERR_AUTH);
    assert_says("no key");
    assert_int_equal(plain.len, 0);
    assert_ok(seal_open(&s, sealed.data, sealed.len, "place", 5, &plain, &err));
    assert_string_equal(buf_str(&plain), "hunter2");
}

static void a_digest_is_of_key_place_and_content(void **state)
{
    (void)state;
    struct sealer s = {0}, other = {0}, none = {0};
    char one[SEAL_DIGEST_TEXT], two[SEAL_DIGEST_TEXT];
    seal_random(&s);
    seal_random(&other);
    assert_true(seal_digest(&s, "/a", "hunter2", 7, one));
    assert_true(seal_digest(&s, "/a", "hunter2", 7, two));
    assert_string_equal(one, two);
    assert_int_equal(strlen(one), SEAL_DIGEST_TEXT - 1);
    assert_true(seal_digest(&s, "/a", "hunter3", 7, two));
    assert_string_not_equal(one, two);
    assert_memory_equal(one, two, strlen("v1:00000000:")); /* the same key, so they can be compared */
    assert_true(seal_digest(&s, "/b", "hunter2", 7, two));
    assert_string_not_equal(one, two);
    assert_true(seal_digest(&other, "/a", "hunter2", 7, two));
    assert_memory_not_equal(one, two, strlen("v1:00000000:"));
    assert_false(seal_digest(&none, "/a", "hunter2", 7, two));
}

/* Digests on containers must mean the same to the next version (P3). */
static void a_digest_stays_what_it_is(void **state)
{
    (void)state;
    char text[SEAL_DIGEST_TEXT];
    struct sealer s = {.have = true, .key = "0123456789abcdef0123456789abcde", .id = {1, 2, 3, 4}};
    assert_true(seal_digest(&s, "/etc/forge/key", "hunter2", 7, text));
    assert_string_equal(text, "v1:01020304:3d0fb00c7acd8e27190ccd22dbc3f46a");
}

static void keys_are_kept_in_a_file(void **state)
{
    struct sealer a = {0}, b = {0};
    const char *file = unit_path(*state, "key");
    assert_ok(seal_load(&a, file, false, &err)); /* none there, none made */
    assert_false(a.have);
    assert_int_equal(access(file, F_OK), -1);
    assert_ok(seal_load(&a, file, true, &err));
    assert_ok(seal_load(&b, file, true, &err));
    assert_true(a.have && b.have);
    assert_memory_equal(a.key, b.key, sizeof(a.key));
    struct stat st;
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(chmod(file, 0644), 0);
    assert_fails(seal_load(&b, file, true, &err), ERR_DENIED);
}

static void wrong_key_files_are_refused(void **state)
{
    static const char *const bad[] = {"!!", "0123!",
                                      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdeg",
                                      "0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
                                      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0"};
    const char *file = unit_path(*state, "bad");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct sealer s = {0};
        unit_write(file, bad[i]);
        assert_fails(seal_load(&s, file, true, &err), ERR_CORRUPT);
        assert_false(s.have);
        assert_null(strstr(err.msg, bad[i])); /* it may be a mistyped key: must not be shown */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sealed_text_comes_back),
        cmocka_unit_test(any_change_is_seen),
        cmocka_unit_test(a_digest_is_of_key_place_and_content),
        cmocka_unit_test(a_digest_stays_what_it_is),
        cmocka_unit_test(keys_are_kept_in_a_file),
        cmocka_unit_test(wrong_key_files_are_refused),
    };
    return cmocka_run_group_tests(tests, unit_temp_new, unit_temp_gone);
}
