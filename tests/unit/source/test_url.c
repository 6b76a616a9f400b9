#include "tests/lib/unit.h"

#include "reconciler/source/internal.h"

static struct source_url parsed(struct arena *a, const char *text)
{
    struct source_url u;
    struct err err = {0};
    assert_ok(source_url_parse(a, text, &u, &err));
    return u;
}

static void check(const char *text, enum source_kind kind, const char *user, const char *host,
                  const char *port, const char *path)
{
    struct arena a = ARENA_INIT;
    struct source_url u = parsed(&a, text);
    assert_int_equal(u.kind, kind);
    assert_false(source_url_has_credentials(text));
    assert_string_equal(str_or(u.user, "-"), str_or(user, "-"));
    assert_string_equal(str_or(u.host, "-"), str_or(host, "-"));
    assert_string_equal(str_or(u.port, "-"), str_or(port, "-"));
    assert_string_equal(u.path, path);
    arena_release(&a);
}

static void test_forms(_unused_ void **state)
{
    check("/srv/git/x.git", SOURCE_LOCAL, NULL, NULL, NULL, "/srv/git/x.git");
    check("file:///srv/a%20b", SOURCE_LOCAL, NULL, NULL, NULL, "/srv/a b");
    check("file://localhost/srv/x", SOURCE_LOCAL, NULL, NULL, NULL, "/srv/x");
    check("dir:/srv/manifests", SOURCE_DIR, NULL, NULL, NULL, "/srv/manifests");
    check("dir:", SOURCE_DIR, NULL, NULL, NULL, ".");
    check("https://git.example/shop.git", SOURCE_HTTP, NULL, "git.example", NULL, "/shop.git");
    check("https://[::1]:8443/shop", SOURCE_HTTP, NULL, "::1", "8443", "/shop");
    check("ssh://git@host:2222/shop.git", SOURCE_SSH, "git", "host", "2222", "/shop.git");
    check("ssh://host/~user/shop.git", SOURCE_SSH, NULL, "host", NULL, "~user/shop.git");
    check("git@github.com:shop/web.git", SOURCE_SSH, "git", "github.com", NULL, "shop/web.git");
    check("host:shop.git", SOURCE_SSH, NULL, "host", NULL, "shop.git");
    check("git@[::1]:shop.git", SOURCE_SSH, "git", "::1", NULL, "shop.git");
}

static const struct {
    const char *url, *says, *hides;
} refused[] = {
    {"", "empty", NULL},
    {"shop.git", "not the address of a repository", NULL},
    {"file://host/x", "not an absolute path", NULL},
    {"./x", "not an absolute path", NULL},
    {"file:///a%00b", "not an absolute path", NULL},
    {"git://host/x.git", "not supported", NULL},
    {"ext::sh -c id", "not a valid address", NULL},
    {"https://host/x?ref=main", "cannot contain \"?\"", NULL},
    {"https://ho st/x", "not a valid address", NULL},
    {"https://host:99999/x", "not a valid address", NULL},
    /* X7: a credential in an address is refused, and not repeated. */
    {"https://user:hunter2@host/x.git", "credential", "hunter2"},
    {"https://ghp_token@host/x.git", "credential", "ghp_token"},
    {"https://a@b:hunter2@host/x.git", "credential", "hunter2"},
    {"ssh://git:hunter2@host/x.git", "password", "hunter2"},
    {"ftp://user:hunter2@host/x.git", "not supported", "hunter2"},
    /* What would become an option or another argument of ssh. */
    {"ssh://-oProxyCommand=id/x", "not a valid address", NULL},
    {"-oProxyCommand=id:x", "not a valid address", NULL},
    {"ssh://-l@host/x", "not a valid address", NULL},
    {"ssh://host/", "not a valid address", NULL},
    {"git@host:", "not a valid address", NULL},
};

static void test_refused(_unused_ void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct arena a = ARENA_INIT;
        struct source_url u;
        struct err err = {0};
        assert_fails(source_url_parse(&a, refused[i].url, &u, &err), ERR_INVALID);
        assert_says(refused[i].says);
        if (refused[i].hides) {
            assert_null(strstr(err.msg, refused[i].hides));
            assert_null(strstr(err.hint, refused[i].hides));
            assert_true(source_url_has_credentials(refused[i].url));
        }
        arena_release(&a);
    }
}

static const struct {
    struct source_config config;
    int code;
    const char *says;
} bad_configs[] = {
    {{.url = "/x", .branch = "main", .revision = "v1"}, ERR_INVALID, "cannot be combined"},
    {{.url = "dir:/x", .branch = "main"}, ERR_INVALID, "no branch"},
    {{.url = "/x", .branch = "a..b"}, ERR_INVALID, "not a valid branch name"},
    {{.url = "/x", .branch = "-x"}, ERR_INVALID, "not a valid branch name"},
    {{.url = "/x", .branch = "a b"}, ERR_INVALID, "not a valid branch name"},
    {{.url = "/x", .path = "../up"}, ERR_INVALID, "not a folder inside"},
    {{.url = "/x", .path = "a/.git/b"}, ERR_INVALID, "not a folder inside"},
    {{.url = "https://h/x", .cache_dir = "/c", .revision = "HEAD~1"}, ERR_INVALID, "not a tag or a commit"},
    {{.url = "https://h/x"}, ERR_INVALID, "no folder to keep its copy"},
};

static void test_bad_configs(_unused_ void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(bad_configs); i++) {
        struct source *s = NULL;
        struct err err = {0};
        assert_fails(source_open(&bad_configs[i].config, &s, &err), bad_configs[i].code);
        assert_says(bad_configs[i].says);
        assert_null(s);
    }
}

static void test_no_credentials_over_plain_http(_unused_ void **state)
{
    struct source *s = NULL;
    struct err err = {0};
    struct secret *password = secret_new("hunter2", 7);
    const struct source_config c = {.url = "http://h/x", .cache_dir = "/c", .password = password};
    assert_fails(source_open(&c, &s, &err), ERR_DENIED);
    assert_null(strstr(err.msg, "hunter2"));
    secret_free(password);
}

static void test_path_is_normalised(_unused_ void **state)
{
    struct source *s = NULL;
    struct err err = {0};
    const struct source_config c = {.url = "/x", .path = "/deploy//./prod/"};
    assert_ok(source_open(&c, &s, &err));
    assert_string_equal(s->path, "deploy/prod");
    assert_string_equal(s->where, "/x path deploy/prod");
    source_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_bad_configs),
        cmocka_unit_test(test_no_credentials_over_plain_http),
        cmocka_unit_test(test_path_is_normalised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
