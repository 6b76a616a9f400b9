/* Image references. The rows follow the tests of Docker's distribution project
   (reference/normalize_test.go). */
#include "kind_test.h"

#define SHA "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

static void test_canonical(void **state)
{
    struct world *w = *state;
    static const char *const rows[][2] = {
        {"nginx", "docker.io/library/nginx:latest"},
        {"nginx:1.27", "docker.io/library/nginx:1.27"},
        {"library/nginx", "docker.io/library/nginx:latest"},
        {"docker.io/nginx", "docker.io/library/nginx:latest"},
        {"docker.io/library/nginx:latest", "docker.io/library/nginx:latest"},
        {"index.docker.io/nginx", "docker.io/library/nginx:latest"},
        {"shop/web", "docker.io/shop/web:latest"},
        {"shop/web/api:2", "docker.io/shop/web/api:2"},
        {"localhost/web", "localhost/web:latest"},
        {"localhost:5000/web", "localhost:5000/web:latest"},
        {"registry.example/a/b/c:tag", "registry.example/a/b/c:tag"},
        {"registry.example:5000/a@sha256:" SHA, "registry.example:5000/a@sha256:" SHA},
        {"a:1@sha256:" SHA, "docker.io/library/a:1@sha256:" SHA},
        {"[::1]:5000/a", "[::1]:5000/a:latest"},
        {"127.0.0.1/a", "127.0.0.1/a:latest"},
        {"UPPER/a", "UPPER/a:latest"},
        {"a--b.c__d_e", "docker.io/library/a--b.c__d_e:latest"},
        {"sha256:" SHA, "sha256:" SHA},
        {"a:_x.-", "docker.io/library/a:_x.-"},
        {"docker.io/sub.example/x",
         "docker.io/sub.example/x:latest"}, /* without docker.io, sub.example would be the registry */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *got = NULL;
        struct err err = {0};
        if (ref_canonical(&w->arena, rows[i][0], &got, &err) < 0)
            fail_msg("%s: %s", rows[i][0], err.msg);
        assert_string_equal(got, rows[i][1]);
        /* The canonical name is valid, and its own canonical name. */
        const char *again = NULL;
        assert_int_equal(ref_canonical(&w->arena, got, &again, &err), 0);
        assert_string_equal(again, got);
        /* The familiar name has the same canonical name. */
        assert_int_equal(ref_canonical(&w->arena, ref_familiar(&w->arena, got), &again, &err), 0);
        assert_string_equal(again, got);
    }
}

static void test_familiar(void **state)
{
    struct world *w = *state;
    assert_string_equal(ref_familiar(&w->arena, "docker.io/library/nginx:latest"), "nginx:latest");
    assert_string_equal(ref_familiar(&w->arena, "docker.io/shop/web:1"), "shop/web:1");
    assert_string_equal(ref_familiar(&w->arena, "docker.io/library/a/b:1"), "library/a/b:1");
    assert_string_equal(ref_familiar(&w->arena, "registry.example/a:1"), "registry.example/a:1");
    assert_string_equal(ref_familiar(&w->arena, "sha256:" SHA), "sha256:" SHA);
}

static void test_problems(void **state)
{
    struct world *w = *state;
    static const char *const rows[][2] = {
        {"", "the image name is empty"},
        {SHA, "image \"" SHA "\" looks like an image ID"},
        {"https://registry.example/a", "image \"https://registry.example/a\" is a URL"},
        {"Nginx", "image \"Nginx\": \"Nginx\" has uppercase letters"},
        {"shop/Web", "image \"shop/Web\": \"shop/Web\" has uppercase letters"},
        {"a//b", "image \"a//b\": \"\" is not a valid part of a name"},
        {"a/", "image \"a/\": \"\" is not a valid part of a name"},
        {"-a", "image \"-a\": \"-a\" is not a valid part of a name"},
        {"a-", "image \"a-\": \"a-\" is not a valid part of a name"},
        {"a..b", "image \"a..b\": \"a..b\" is not a valid part of a name"},
        {"a___b", "image \"a___b\": \"a___b\" is not a valid part of a name"},
        {"a b", "image \"a b\": \"a b\" is not a valid part of a name"},
        {"a:", "image \"a:\": \"\" is not a tag"},
        {"a:.x", "image \"a:.x\": \".x\" is not a tag"},
        {"a:x/y", "image \"a:x/y\": \"a:x\" is not a registry name or address"},
        {"host:port/a", "image \"host:port/a\": \"host:port\" is not a registry name or address"},
        {"registry.example:/a",
         "image \"registry.example:/a\": \"registry.example:\" is not a registry name or address"},
        {"-r.example/a", "image \"-r.example/a\": \"-r.example\" is not a registry name or address"},
        {"a@sha256:12", "image \"a@sha256:12\": \"sha256:12\" is not a digest"},
        {"a@", "image \"a@\": \"\" is not a digest"},
        {":1", "image \":1\": \"\" is not a valid part of a name"},
        {"/a", "image \"/a\": \"\" is not a valid part of a name"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *got = NULL;
        struct err err = {0};
        assert_int_equal(ref_canonical(&w->arena, rows[i][0], &got, &err), ERR_INVALID);
        assert_null(got);
        assert_string_equal(err.msg, rows[i][1]);
    }
    char tag[140] = "a:";
    memset(tag + 2, 'x', 129);
    const char *got;
    struct err err = {0};
    assert_int_equal(ref_canonical(&w->arena, tag, &got, &err), ERR_INVALID);
    tag[130] = '\0';
    assert_int_equal(ref_canonical(&w->arena, tag, &got, &err), 0);
    char *name = arena_alloc(&w->arena, 300);
    memset(name, 'a', 248); /* too long together with the "library/" of the canonical name */
    assert_int_equal(ref_canonical(&w->arena, name, &got, &err), ERR_INVALID);
    name[247] = '\0';
    assert_int_equal(ref_canonical(&w->arena, name, &got, &err), 0);
}

static void test_in_a_manifest(void **state)
{
    struct world *w = *state;
    spec_of(w, &kind_container, "image: shop/Web");
    assert_string_equal(problems_of(w),
                        "f:1:8: error: image: image \"shop/Web\": \"shop/Web\" has uppercase letters\n"
                        "  hint: image names are lowercase\n");
    /* Kept as written: the engine and users see what is in Git. */
    assert_string_equal(val_get_str(spec_of(w, &kind_container, "image: nginx"), "image"), "nginx");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_canonical),
        world_test(test_familiar),
        world_test(test_problems),
        world_test(test_in_a_manifest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
