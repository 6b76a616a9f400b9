#include "base/secret.h"

#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "tests/lib/unit.h"

static void holds_bytes(void **state)
{
    (void)state;
    size_t len = 99;
    _cleanup_secret_ struct secret *s = secret_new("a\0b", 3);
    assert_memory_equal(secret_bytes(s, &len), "a\0b", 4);
    assert_int_equal(len, 3);
    _cleanup_secret_ struct secret *none = secret_new(NULL, 0);
    assert_string_equal(secret_bytes(none, NULL), "");
    secret_free(NULL);
    secret_wipe(NULL, 0);
    char b[4] = "abc";
    secret_wipe(b, sizeof(b));
    assert_memory_equal(b, "\0\0\0\0", 4);
}

static void file_with_mode(const char *path, const char *text, size_t len, mode_t mode)
{
    struct err err = {0};
    assert_ok(io_write_file(path, text, len, mode, &err));
}

static void reads_a_file(void **state)
{
    struct err err = {0};
    const char *path = unit_path(*state, "token");
    static const struct {
        const char *text, *want;
    } cases[] = {{"hunter2\n", "hunter2"},
                 {"hunter2", "hunter2"},
                 {"two\nlines\n\n", "two\nlines\n"},
                 {" sp ", " sp "}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        file_with_mode(path, cases[i].text, strlen(cases[i].text), 0600);
        _cleanup_secret_ struct secret *s = NULL;
        assert_ok(secret_read_file(path, &s, &err));
        assert_string_equal(secret_bytes(s, NULL), cases[i].want);
    }
    file_with_mode(path, "x", 1, 0440); /* a group may read: service accounts share files this way */
    _cleanup_secret_ struct secret *s = NULL;
    assert_ok(secret_read_file(path, &s, &err));
}

static void refuses_open_files(void **state)
{
    static const mode_t modes[] = {0604, 0644, 0602, 0620, 0601, 0777};
    const char *path = unit_path(*state, "open");
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        struct err err = {0};
        struct secret *s = NULL;
        file_with_mode(path, "hunter2", 7, modes[i]);
        assert_fails(secret_read_file(path, &s, &err), ERR_DENIED);
        assert_null(s);
        assert_says(path);
        assert_hints("chmod g-w,o-rwx ");
        assert_null(strstr(err.msg, "hunter2"));
    }
}

static void refuses_other_things(void **state)
{
    struct err err = {0};
    struct secret *s = NULL;
    assert_fails(secret_read_file(unit_path(*state, "missing"), &s, &err), ERR_NOTFOUND);
    const char *path = unit_path(*state, "pipe");
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_fails(secret_read_file(path, &s, &err), ERR_INVALID); /* and does not hang */
    assert_fails(secret_read_file(*state, &s, &err), ERR_INVALID);
    path = unit_path(*state, "empty");
    file_with_mode(path, "", 0, 0600);
    assert_fails(secret_read_file(path, &s, &err), ERR_INVALID);
    file_with_mode(path, "\n", 1, 0600);
    assert_fails(secret_read_file(path, &s, &err), ERR_INVALID);
    assert_null(s);
}

static void size_limit(void **state)
{
    struct err err = {0};
    static char big[65537];
    const char *path = unit_path(*state, "big");
    memset(big, 'k', sizeof(big));
    file_with_mode(path, big, sizeof(big) - 1, 0600);
    size_t len;
    _cleanup_secret_ struct secret *s = NULL;
    assert_ok(secret_read_file(path, &s, &err));
    secret_bytes(s, &len);
    assert_int_equal(len, 65536);
    struct secret *t = NULL;
    file_with_mode(path, big, sizeof(big), 0600);
    assert_fails(secret_read_file(path, &t, &err), ERR_LIMIT);
    assert_null(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_bytes),        cmocka_unit_test(reads_a_file),
        cmocka_unit_test(refuses_open_files), cmocka_unit_test(refuses_other_things),
        cmocka_unit_test(size_limit),
    };
    return cmocka_run_group_tests(tests, unit_temp_new, unit_temp_gone);
}
