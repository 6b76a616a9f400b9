/* Sets of resources: dependencies, checks across resources, digests (P3), and their stored form. */
#include "kind_test.h"

#include "base/limits.h"
#include "base/str.h"

/* Load "name: spec" containers, one document each, and return the problems. */
static const char *containers(struct world *w, struct repository **ret, const char *const (*rows)[2])
{
    struct repository *r = repository_new(w);
    struct buf text = BUF_INIT;
    for (; (*rows)[0]; rows++)
        buf_addf(&text, "%s---\n", manifest(w, "Container", (*rows)[0], (*rows)[1]));
    repository_add(r, "a.yaml", arena_strdup(&w->arena, buf_str(&text)));
    buf_release(&text);
    if (ret)
        *ret = r;
    return repository_load(r);
}

static void test_names(void **state)
{
    (void)state;
    assert_true(resource_name_is_valid("a"));
    assert_true(resource_name_is_valid("web-1"));
    assert_true(resource_name_is_valid("0a"));
    static const char *const wrong[] = {
        "",    "-a",  "a-",
        "A",   "a_b", "a.b",
        "a b", "é",   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_false(resource_name_is_valid(wrong[i]));
    assert_int_equal(strlen(wrong[8]), LIMIT_NAME_BYTES + 1);
    assert_true(resource_name_is_valid(wrong[8] + 1));
}

static void test_dependencies(void **state)
{
    struct world *w = *state;
    struct repository *r = repository_new(w);
    repository_add(
        r, "a.yaml",
        "apiVersion: forge/v1\nkind: Container\nmetadata: {name: web}\nspec:\n  image: x\n"
        "  depends_on: {db: healthy, maybe: {required: false}}\n  networks: [front]\n  pid: service:db\n"
        "  volumes: [data:/d, /host:/h, /anonymous]\n  configs: [conf]\n  secrets: [key]\n");
    static const char *const others[][3] = {
        {"Container", "db", "{image: x}"},  {"Network", "front", ""},        {"Volume", "data", ""},
        {"Config", "conf", "{content: a}"}, {"Secret", "key", "{file: /k}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        repository_add(r, others[i][1], "");
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        repository_add(r, arena_printf(&w->arena, "%s.yaml", others[i][1]),
                       manifest(w, others[i][0], others[i][1], others[i][2]));
    assert_string_equal(repository_load(r), "");

    const struct resource *web = resource_find(&r->set, "container/web");
    struct buf text = BUF_INIT;
    for (size_t i = 0; i < web->n_depends; i++) {
        const struct depend *d = &web->depends[i];
        const struct val *place = resource_depend_place(web, d);
        buf_addf(&text, "%s %s%s %s :%u\n", d->id, depend_condition_name(d->condition),
                 d->required ? "" : "?", d->field, place ? place->line : 0);
    }
    assert_string_equal(buf_str(&text), "container/db healthy depends_on.db :6\n"
                                        "container/maybe started? depends_on.maybe :6\n"
                                        "network/front started networks.front :7\n"
                                        "volume/data started volumes./d :9\n"
                                        "config/conf started configs./conf :10\n"
                                        "secret/key started secrets./run/secrets/key :11\n");
    buf_release(&text);
}

/* L7: a cycle fails at validation, with its path, at the place of the reference. */
static void test_cycles(void **state)
{
    struct world *w = *state;
    assert_string_equal(
        containers(w, NULL, (const char *const[][2]){{"a", "{image: x, depends_on: [a]}"}, {NULL, NULL}}),
        "a.yaml:4:31: error: container/a: depends_on.a: dependency cycle: a -> a\n"
        "  hint: remove one of these dependencies\n");
    assert_string_equal(
        containers(w, NULL,
                   (const char *const[][2]){{"web", "{image: x, depends_on: [db]}"},
                                            {"db", "{image: x, depends_on: {seed: completed}}"},
                                            {"seed", "{image: x, network_mode: \"service:web\"}"},
                                            {"other", "{image: x, depends_on: [web, db]}"},
                                            {NULL, NULL}}),
        "a.yaml:4:31: error: container/web: depends_on.db: dependency cycle: db -> seed -> web -> "
        "db\n"
        "  hint: remove one of these dependencies\n");
    /* Two cycles with a common part are both reported. */
    const char *two = containers(w, NULL,
                                 (const char *const[][2]){{"a", "{image: x, depends_on: [b, c]}"},
                                                          {"b", "{image: x, depends_on: [a]}"},
                                                          {"c", "{image: x, depends_on: [a]}"},
                                                          {NULL, NULL}});
    assert_non_null(strstr(two, "a -> b -> a"));
    assert_non_null(strstr(two, "a -> c -> a"));
    /* A diamond is not a cycle. */
    assert_string_equal(containers(w, NULL,
                                   (const char *const[][2]){{"a", "{image: x, depends_on: [b, c]}"},
                                                            {"b", "{image: x, depends_on: [d]}"},
                                                            {"c", "{image: x, depends_on: [d]}"},
                                                            {"d", "{image: x}"},
                                                            {NULL, NULL}}),
                        "");
}

/* A dependency chain of the maximum length: there must be no recursion. */
static void test_long_chain(void **state)
{
    struct world *w = *state;
    struct resource_set set;
    resource_set_init(&set, &w->arena);
    const size_t n = 20000;
    for (size_t i = 0; i < n; i++) {
        struct resource *r = resource_new(&w->arena, &kind_container, arena_printf(&w->arena, "c%05zu", i));
        struct val *spec = val_map(&w->arena);
        val_set_str(&w->arena, spec, "image", "x");
        r->spec = spec;
        resource_depend(r, &w->arena, arena_printf(&w->arena, "container/c%05zu", (i + 1) % n),
                        DEPEND_STARTED, true, "depends_on.x");
        resource_set_add(&set, r);
    }
    resource_set_sort(&set);
    resource_set_check(&set, &w->diags);
    assert_int_equal(w->diags.errors, 1);
    assert_non_null(strstr(w->diags.items[0].msg, "dependency cycle: c00000 -> c00001 -> "));
    resource_set_release(&set);
}

static void test_references(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *spec, *problem;
    } rows[] = {
        {"{image: x, depends_on: [bd]}",
         "a.yaml:4:31: error: container/web: depends_on.bd: there is no container/bd\n"
         "  hint: did you mean \"db\"?\n"},
        {"{image: x, networks: {frnt: {}}}",
         "a.yaml:4:35: error: container/web: networks.frnt: there is no network/frnt\n"
         "  hint: add a manifest with kind: Network and metadata: {name: frnt}\n"},
        {"{image: x, volumes: [\"data:/d\"]}",
         "a.yaml:4:28: error: container/web: volumes./d: there is no volume/data\n"
         "  hint: add a manifest with kind: Volume and metadata: {name: data}\n"},
        {"{image: x, configs: [c]}", "a.yaml:4:28: error: container/web: configs./c: there is no config/c\n"
                                     "  hint: add a manifest with kind: Config and metadata: {name: c}\n"},
        {"{image: x, pid: \"service:dbb\"}",
         "a.yaml:4:23: error: container/web: pid: there is no container/dbb\n"
         "  hint: did you mean \"db\"?\n"},
        {"{image: x, depends_on: {none: {required: false}}}", ""},
        {"{image: x, networks: [default]}", ""},
        {"{image: x, depends_on: {off: healthy}}", "a.yaml:4:36: error: container/web: container/off can "
                                                   "never be healthy: its health check is disabled\n"
                                                   "  hint: wait for started, or give it a health check\n"},
        {"{image: x, depends_on: [later]}",
         "a.yaml:4:31: error: container/web: depends_on.later: there is no container/later\n"
         "  hint: container/later has profiles, but none of them is active\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_string_equal(
            containers(w, NULL,
                       (const char *const[][2]){{"web", rows[i].spec},
                                                {"db", "{image: x}"},
                                                {"off", "{image: x, healthcheck: {disable: true}}"},
                                                {"later", "{image: x, profiles: [p]}"},
                                                {NULL, NULL}}),
            rows[i].problem);
}

static void test_what_excludes_what(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *spec, *problem;
    } rows[] = {
        {"{image: x, network_mode: host, networks: [default]}",
         "a.yaml:4:32: error: container/web: network_mode and networks cannot be combined\n"
         "  hint: set only one of them\n"},
        {"{image: x, network_mode: host, ports: [80]}",
         "a.yaml:4:45: error: container/web: ports cannot be published with network_mode host\n"
         "  hint: remove ports; with network_mode host the container uses the host's ports directly\n"},
        {"{image: x, network_mode: bridge, ports: [80]}", ""},
        {"{image: x, replicas: 2, container_name: web1}",
         "a.yaml:4:47: error: container/web: 2 replicas cannot all be named \"web1\"\n"
         "  hint: remove container_name, or replicas\n"},
        {"{image: x, replicas: 2, ports: [\"80:80\"]}",
         "a.yaml:4:39: warning: container/web: 2 replicas cannot all publish 80->80/tcp on one engine\n"
         "  hint: publish a range of host ports (\"8080-8089:80\"), or leave out the host port\n"},
        {"{image: x, replicas: 2, ports: [\"80-81:80\", 81]}", ""},
        {"{image: x, deploy: {placement: {constraints: [node.rolle==worker, Node.Labels.x!=y]}}}",
         "a.yaml:4:53: warning: deploy.placement.constraints[0]: no node of a swarm has node.rolle, so none "
         "meets \"node.rolle==worker\"\n"
         "  hint: did you mean node.role?\n"},
        {"{image: x, deploy: {placement: {constraints: [node.label.x==y]}}}",
         "a.yaml:4:53: warning: deploy.placement.constraints[0]: no node of a swarm has node.label.x, so "
         "none "
         "meets \"node.label.x==y\"\n"
         "  hint: labels are node.labels.NAME and engine.labels.NAME\n"},
        {"{image: x, deploy: {placement: {preferences: [{spread: zone}, {spread: node.labels.z}]}}}",
         "a.yaml:4:62: warning: deploy.placement.preferences[0]: spread: a swarm spreads over labels of "
         "its nodes, and ignores \"zone\"\n"
         "  hint: labels are node.labels.NAME and engine.labels.NAME\n"},
        {"{image: x, volumes: [/run/], tmpfs: /run}",
         "a.yaml:4:43: error: container/web: volumes and tmpfs both mount something at /run\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_string_equal(
            containers(w, NULL, (const char *const[][2]){{"web", rows[i].spec}, {NULL, NULL}}),
            rows[i].problem);
}

static void test_clashes(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *one, *two;
        bool clash;
    } ports[] = {
        {"\"80:80\"", "\"80:8080\"", true},
        {"\"80:80\"", "\"80:80/udp\"", false},
        {"\"80:80\"", "\"127.0.0.1:80:80\"", true},
        {"\"127.0.0.1:80:80\"", "\"127.0.0.2:80:80\"", false},
        {"\"127.0.0.1:80:80\"", "\"0.0.0.0:80:80\"", true},
        {"\"[::1]:80:80\"", "\"[::]:80:80\"", true},
        {"\"[::1]:80:80\"", "\"0.0.0.0:80:80\"", false},
        {"\"[::1]:80:80\"", "\"80:80\"", true},
        {"80", "80", false},
        {"\"80-90:80\"", "\"80:80\"", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(ports); i++) {
        const char *problems = containers(
            w, NULL,
            (const char *const[][2]){{"a", arena_printf(&w->arena, "{image: x, ports: [%s]}", ports[i].one)},
                                     {"b", arena_printf(&w->arena, "{image: x, ports: [%s]}", ports[i].two)},
                                     {NULL, NULL}});
        if (ports[i].clash)
            assert_string_equal(
                problems,
                arena_printf(&w->arena,
                             "a.yaml:9:26: error: container/b: host port 80/tcp is already published by "
                             "container/a, a.yaml:1\n"));
        else
            assert_string_equal(problems, "");
    }
    assert_string_equal(containers(w, NULL,
                                   (const char *const[][2]){{"a", "{image: x, container_name: same}"},
                                                            {"b", "{image: x, container_name: same}"},
                                                            {NULL, NULL}}),
                        "a.yaml:9:34: error: container/b: the name \"same\" on the engine is already used by "
                        "container/a, a.yaml:1\n");
    assert_string_equal(
        containers(w, NULL,
                   (const char *const[][2]){{"a", "{image: x, ports: [\"80:80\"], replicas: 0}"},
                                            {"b", "{image: x, ports: [\"80:80\"]}"},
                                            {NULL, NULL}}),
        "");
}

static const char *digest_of_text(struct world *w, const char *kind, const char *spec)
{
    struct repository *r = repository_new(w);
    repository_add(r, "a.yaml", manifest(w, kind, "x", spec));
    assert_string_equal(repository_load(r), "");
    struct digest d;
    char *hex = arena_alloc(&w->arena, DIGEST_HEX_LEN + 1);
    resource_digest(r->set.items[0], &d);
    digest_hex(&d, hex);
    return hex;
}

/* P3: these never change: with new fields and new versions of Forge, a manifest keeps its digest. */
static void test_digests_are_golden(void **state)
{
    struct world *w = *state;
    static const char *const rows[][3] = {
        {"Network", "{}", "ff0e322c0887d36a4e8b951f7a86d71f76d3e2dbb865a968248a3cf9e49a2351"},
        {"Volume", "{driver: local}", "ec649f737e7004f98d18c42cc01775978193a2b2d8ff5ed4bf3b4b551952d1a4"},
        {"Config", "{content: \"hello\\n\"}",
         "ee9fb90792940ee2a1f458339718b27e46d4be5dc8a8b5e3341b558870b093c9"},
        {"Container", "{image: nginx}", "21178f3603efa5be3ed4f1562605b448c6bfbcec9e43ed457afdbb89721c7bfb"},
        {"Container",
         "{image: \"a:1\", command: x y, environment: [A=1], ports: [\"127.0.0.1::80\"], volumes: [/v, "
         "\"/a:/b:ro\"], "
         "healthcheck: {test: t, interval: 5s}, resources: {cpus: 0.5, memory: 64m}, restart: always, "
         "replicas: 2}",
         "18653ad1ae4cb1e73aa98f2f6db59e044f036233e33a7d23ccee2b23442f6ec5"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_string_equal(digest_of_text(w, rows[i][0], rows[i][1]), rows[i][2]);
}

/* Specs have the same digest exactly if they mean the same, wherever they are written (P2). */
static void test_digests_follow_meaning(void **state)
{
    struct world *w = *state;
    const char *digest =
        digest_of_text(w, "Container", "{image: x, ports: [\"80:80\"], environment: [A=1, B=2]}");
    assert_string_equal(digest, digest_of_text(w, "Container",
                                               "\n  environment: {B: 2, A: 1}\n  image: x\n  ports:\n"
                                               "  - {target: 80, published: 80}"));
    assert_string_not_equal(
        digest, digest_of_text(w, "Container", "{image: x, ports: [\"80:80\"], environment: [A=1, B=3]}"));
}

static void test_stored_form(void **state)
{
    struct world *w = *state;
    struct repository *r = NULL;
    assert_string_equal(
        containers(w, &r,
                   (const char *const[][2]){{"web", "{image: x, ports: [80], depends_on: [db]}"},
                                            {"db", "{image: x}"},
                                            {NULL, NULL}}),
        "");
    const struct resource *web = resource_find(&r->set, "container/web");
    struct arena a = ARENA_INIT;
    struct resource *back = NULL;
    struct err err = {0};
    struct val *v = resource_to_val(&a, web);
    assert_int_equal(resource_from_val(&a, v, &back, &err), 0);
    assert_string_equal(back->id, "container/web");
    assert_true(val_equal(back->spec, web->spec));
    assert_true(val_equal(back->labels, web->labels));
    assert_int_equal(back->n_depends, 1);
    struct digest x;
    struct digest y;
    resource_digest(web, &x);
    resource_digest(back, &y);
    assert_memory_equal(&x, &y, sizeof(x));

    val_set_str(&a, v, "kind", "Widget");
    assert_int_equal(resource_from_val(&a, v, &back, &err), ERR_CORRUPT);
    assert_string_equal(err.msg, "a stored resource has the unknown kind \"Widget\"; it may have been "
                                 "written by a newer version of Forge");
    val_set_str(&a, v, "kind", "Container");
    val_map_del(v, "spec");
    assert_int_equal(resource_from_val(&a, v, &back, &err), ERR_CORRUPT);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        repository_test(test_names),
        repository_test(test_dependencies),
        repository_test(test_cycles),
        repository_test(test_long_chain),
        repository_test(test_references),
        repository_test(test_what_excludes_what),
        repository_test(test_clashes),
        repository_test(test_digests_are_golden),
        repository_test(test_digests_follow_meaning),
        repository_test(test_stored_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
