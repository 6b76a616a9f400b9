/* The cache of decoded files: results are the same, and only changed files are decoded. */
#include "kind_test.h"

#include "base/str.h"

#define PROJECT "apiVersion: forge/v1\nkind: Project\nmetadata: {name: shop}\nspec:\n"

static struct repository *cached(struct world *w)
{
    struct repository *r = repository_new(w);
    r->cached = true;
    r->environment = "e";
    return r;
}

/* All of a set that is visible to callers. */
static const char *print(struct repository *r)
{
    struct buf text = BUF_INIT;
    for (size_t i = 0; i < r->set.n; i++) {
        const struct resource *x = r->set.items[i];
        buf_addf(&text, "%s %s:%u:%u %s", x->id, x->file, x->line, x->col, json_of(r->w, x->spec));
        for (size_t k = 0; k < x->spec->len; k++)
            buf_addf(&text, " %u:%u:%u", x->spec->pairs[k].val->file, x->spec->pairs[k].val->line,
                     x->spec->pairs[k].val->col);
        buf_addf(&text, " %s %s\n", json_of(r->w, x->labels), json_of(r->w, x->annotations));
    }
    const char *out = arena_strdup(&r->w->arena, buf_str(&text));
    buf_release(&text);
    return out;
}

static void load(struct repository *r, size_t decoded, size_t recalled)
{
    assert_string_equal(repository_load(r), "");
    assert_int_equal(r->stats.decoded, decoded);
    assert_int_equal(r->stats.cached, recalled);
}

static void test_same_from_the_cache(void **state)
{
    struct world *w = *state;
    struct repository *r = cached(w);
    repository_add(r, "a.yaml",
                   "apiVersion: forge/v1\nkind: Container\nmetadata: {name: web, labels: {a: b}, "
                   "annotations: {forge/adopt: \"true\"}}\n"
                   "spec:\n  image: x\n  ports: [80]\n  env_file: e.env\n  depends_on: [db]\n");
    repository_add(
        r, "b.yaml",
        manifest(w, "Container", "db", "{image: \"${I:-y}\", hostname: \"${container.web.host}\"}"));
    repository_add(r, "c.yaml",
                   "apiVersion: forge/v1\nkind: Container\nmetadata: {name: web}\npatch: true\nspec: {ports: "
                   "!override [81], user: }\n");
    repository_add(r, "e.env", "A=1\n");
    load(r, 3, 0);
    const char *cold = print(r);
    size_t reads = r->reads;
    load(r, 0, 3);
    assert_string_equal(print(r), cold);
    assert_int_equal(r->reads, reads + 1); /* the env_file */
    assert_non_null(strstr(cold, "0->81/tcp"));
    assert_null(strstr(cold, "0->80/tcp"));

    repository_set(r, "a.yaml", manifest(w, "Container", "web", "{image: z}"));
    load(r, 1, 2);
    load(r, 0, 3);
}

/* A file with references is cached by the values of all variables that it may use. */
static void test_references(void **state)
{
    struct world *w = *state;
    struct repository *r = cached(w);
    repository_add(r, "forge.yaml", PROJECT "  variables: {A: \"1\"}\n");
    repository_add(r, "one.yaml", manifest(w, "Container", "one", "{image: \"x:${A}\"}"));
    repository_add(r, "two.yaml", manifest(w, "Container", "two", "{image: \"x:${B:-${C:-c}}\"}"));
    repository_add(r, "zero.yaml", manifest(w, "Container", "zero", "{image: \"x\"}"));
    load(r, 4, 0); /* forge.yaml is always read */
    load(r, 1, 3);
    repository_set(r, "forge.yaml", PROJECT "  variables: {A: \"2\"}\n");
    load(r, 2, 2); /* forge.yaml and one */
    assert_string_equal(spec_json(r, "container/one"), "{'image': 'x:2'}");
    repository_set(r, "forge.yaml", PROJECT "  variables: {A: \"2\", C: d}\n");
    load(r, 2, 2);
    assert_string_equal(spec_json(r, "container/two"), "{'image': 'x:d'}");
    repository_set(r, "forge.yaml", PROJECT "  variables: {A: \"2\", B: b, C: d}\n");
    load(r, 2, 2);
    assert_string_equal(spec_json(r, "container/two"), "{'image': 'x:b'}");
    /* An empty value is not the same as none. */
    repository_set(r, "forge.yaml", PROJECT "  variables: {A: \"2\", B: \"\", C: d}\n");
    load(r, 2, 2);
    assert_string_equal(spec_json(r, "container/two"), "{'image': 'x:d'}");
    repository_set(r, "forge.yaml", PROJECT "  variables: {A: \"1\"}\n");
    load(r, 1, 3); /* all of it is in the cache */
    assert_string_equal(spec_json(r, "container/one"), "{'image': 'x:1'}");
}

/* The same blob in two places: results that depend on the file's place are not cached. */
static void test_one_blob_in_two_places(void **state)
{
    struct world *w = *state;
    static const char spec[] = "  environments: {a: {paths: [a]}, b: {paths: [b]}}\n";
    struct repository *r = cached(w);
    const char *config = manifest(w, "Config", "c", "{file: c.txt}");
    repository_add(r, "forge.yaml", arena_printf(&w->arena, PROJECT "%s", spec));
    repository_add(r, "a/c.yaml", config);
    repository_add(r, "a/c.txt", "of a");
    repository_add(r, "b/c.yaml", config);
    repository_add(r, "b/c.txt", "of b");
    r->environment = "a";
    load(r, 1, 0);
    assert_string_equal(val_get_str(resource_find(&r->set, "config/c")->spec, "content"), "of a");
    r->environment = "b";
    load(r, 0, 1);
    assert_string_equal(val_get_str(resource_find(&r->set, "config/c")->spec, "content"), "of b");
    assert_string_equal(r->set.items[0]->file, "b/c.yaml");
}

static void test_problems_are_found_again(void **state)
{
    struct world *w = *state;
    struct repository *r = cached(w);
    repository_add(r, "forge.yaml", PROJECT "  variables: {A: \"${A}\"}\n");
    repository_add(r, "a.yaml", manifest(w, "Container", "a", "{image: x, prots: []}"));
    repository_add(r, "b.yaml", manifest(w, "Container", "b", "{image: \"${A}\"}"));
    repository_add(r, "c.yaml",
                   manifest(w, "Container", "c", "{image: x, hostname: \"${container.d.host}\"}"));
    const char *first = repository_load(r);
    assert_non_null(strstr(first, "a.yaml:4:18: error: unknown key"));
    assert_non_null(strstr(first, "c.yaml:4:28: error: ${container.d.host}: there is no container/d"));
    const char *again = repository_load(r);
    assert_string_equal(again, first);
    assert_int_equal(r->stats.decoded, 3); /* a, b and forge.yaml */
    assert_int_equal(r->stats.cached, 1);
}

/* A Project in another file is an error, even if the file is identical to forge.yaml. */
static void test_project_elsewhere(void **state)
{
    struct world *w = *state;
    struct repository *r = cached(w);
    repository_add(r, "a/forge.yaml", PROJECT "  variables: {}\n");
    repository_add(r, "forge.yaml", PROJECT "  variables: {}\n");
    static const char want[] = "a/forge.yaml:1:1: error: a Project is only allowed in forge.yaml\n"
                               "  hint: move it to forge.yaml in the root folder\n";
    assert_string_equal(repository_load(r), want);
    assert_string_equal(repository_load(r), want);
}

static void test_damaged_cache(void **state)
{
    struct world *w = *state;
    struct repository *r = cached(w);
    repository_add(r, "a.yaml", manifest(w, "Container", "a", "{image: x}"));
    load(r, 1, 0);
    const char *good = print(r);
    char *data = r->kept[0].data;
    for (size_t i = 0; i < r->kept[0].len; i++) {
        char was = data[i];
        data[i] = (char)(was ^ 0x55);
        repository_load(r); /* any result but a crash */
        data[i] = was;
    }
    r->kept[0].len--;
    repository_load(r);
    assert_string_equal(print(r), good);
    r->kept[0].len = 0;
    repository_load(r);
    assert_string_equal(print(r), good);
}

static const struct val *image_of(struct repository *r, const char *id)
{
    return val_get(resource_find(&r->set, id)->spec, "image");
}

/* Two loads of almost the same files: equal parts are shared, and both sets read as if loaded separately. */
static void test_known_files(void **state)
{
    struct world *w = *state;
    struct repository *r = cached(w);
    r->cached = false;
    r->known = load_known_new();
    repository_add(r, "forge.yaml", PROJECT "  variables: {A: \"1\"}\n");
    repository_add(r, "a.yaml", manifest(w, "Container", "plain", "{image: x}"));
    repository_add(r, "b.yaml", manifest(w, "Container", "asks", "{image: \"x:${A}\"}"));
    repository_add(r, "c.yaml", manifest(w, "Container", "uses", "{image: \"x:${container.plain.host}\"}"));
    repository_add(r, "d.yaml",
                   "apiVersion: forge/v1\nkind: Container\nmetadata: {name: plain}\npatch: true\n"
                   "spec: {hostname: h}\n");
    repository_add(r, "e.yaml", "# nothing\n");
    load(r, 6, 0);
    const char *first = print(r);
    const struct val *plain = image_of(r, "container/plain"), *asks = image_of(r, "container/asks");

    load(r, 2, 4); /* forge.yaml and the patch, which is specific to its set */
    assert_string_equal(print(r), first);
    assert_ptr_equal(image_of(r, "container/plain"), plain);
    assert_ptr_equal(image_of(r, "container/asks"), asks);

    repository_set(r, "forge.yaml", PROJECT "  variables: {A: \"2\"}\n");
    load(r, 3, 3);
    assert_ptr_equal(image_of(r, "container/plain"), plain);
    assert_ptr_not_equal(image_of(r, "container/asks"), asks);
    assert_string_equal(image_of(r, "container/asks")->s, "x:2");

    /* The same bytes in another file, with a reference that no longer resolves: the problem is reported for
       the other file. */
    repository_set(r, "a.yaml", "# nothing\n");
    repository_set(r, "d.yaml", "# nothing\n");
    repository_set(r, "e.yaml", r->texts[2]);
    repository_set(r, "c.yaml", "# nothing\n");
    assert_string_equal(r->files[2].path, "c.yaml");
    assert_non_null(strstr(repository_load(r), "e.yaml:4:15: error: ${container.plain.host}: there is no"));
    load_known_free(r->known);
    r->known = NULL;
}

static const char *web_image(struct repository *r)
{
    return val_get_str(resource_find(&r->set, "container/web")->spec, "image");
}

/* A compose project is resolved again only when one of its inputs has changed. */
static void test_compose_projects(void **state)
{
    struct world *w = *state;
    struct repository *r = cached(w);
    repository_add(r, "forge.yaml", PROJECT "  variables: {TAG: \"1\", OTHER: x}\n");
    repository_add(r, "compose.yaml", "services: {web: {image: \"shop/web:${TAG}${MORE-}\"}}\n");
    load(r, 2, 0);
    assert_string_equal(web_image(r), "shop/web:1");
    size_t reads = r->reads;
    load(r, 1, 2); /* decoded: forge.yaml, which is read twice; cached: the compose file and the project */
    assert_int_equal(r->reads, reads + 2);
    repository_set(r, "forge.yaml", PROJECT "  variables: {TAG: \"1\", OTHER: y}\n");
    load(r, 1, 2);
    repository_set(r, "forge.yaml", PROJECT "  variables: {TAG: \"2\", OTHER: y}\n");
    load(r, 2, 1);
    assert_string_equal(web_image(r), "shop/web:2");
    repository_add(r, ".env", "MORE=-a\n");
    load(r, 2, 1);
    assert_string_equal(web_image(r), "shop/web:2-a");
    repository_set(r, "forge.yaml", PROJECT "  variables: {TAG: \"1\"}\n");
    load(r, 2, 1);
    assert_string_equal(web_image(r), "shop/web:1-a");
    load(r, 1, 3); /* .env belongs to the project */
}

/* A compose file that no Stack refers to is reported, whether cached or not. */
static void test_compose_files_of_nobody(void **state)
{
    struct world *w = *state;
    struct repository *r = cached(w);
    repository_add(r, "a/x.yaml", "services: {web: {image: x}}\n");
    repository_add(r, "b.yaml", manifest(w, "Stack", "shop", "{files: [a/x.yaml]}"));
    load(r, 2, 0);
    load(r, 0, 3);
    repository_set(r, "b.yaml", manifest(w, "Container", "c", "{image: x}"));
    const char *problems = repository_load(r);
    assert_non_null(strstr(problems, "a/x.yaml:1:1: error: this is a compose file that no Stack refers to"));
    assert_string_equal(repository_load(r), problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        repository_test(test_same_from_the_cache),
        repository_test(test_references),
        repository_test(test_one_blob_in_two_places),
        repository_test(test_problems_are_found_again),
        repository_test(test_project_elsewhere),
        repository_test(test_damaged_cache),
        repository_test(test_known_files),
        repository_test(test_compose_projects),
        repository_test(test_compose_files_of_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
