/* forge.yaml: environments, inheritance, variables, defaults, patches, exclusions; and overlays. */
#include "kind_test.h"

#include "base/str.h"
#include "schema/load_internal.h"

#define PROJECT "apiVersion: forge/v1\nkind: Project\nmetadata: {name: shop}\nspec:\n"

static struct repository *project(struct world *w, const char *environment, const char *spec)
{
    struct repository *r = repository_new(w);
    r->environment = environment;
    repository_add(r, "forge.yaml", arena_printf(&w->arena, PROJECT "%s", spec));
    return r;
}

static void add(struct repository *r, const char *path, const char *kind, const char *name, const char *spec)
{
    repository_add(r, path, manifest(r->w, kind, name, spec));
}

static void add_patch(struct repository *r, const char *path, const char *kind, const char *name,
                      const char *rest)
{
    repository_add(r, path,
                   arena_printf(&r->w->arena,
                                "apiVersion: forge/v1\nkind: %s\nmetadata: {name: %s}\npatch: true\n%s", kind,
                                name, rest));
}

/* The ids in a set, joined. */
static const char *ids(struct repository *r)
{
    struct buf text = BUF_INIT;
    for (size_t i = 0; i < r->set.n; i++)
        buf_addf(&text, "%s%s", i ? " " : "", r->set.items[i]->id);
    const char *out = arena_strdup(&r->w->arena, buf_str(&text));
    buf_release(&text);
    return out;
}

static void test_without_environments(void **state)
{
    struct world *w = *state;
    struct repository *r = project(w, "any", "  exclude: [\"compose/\", \"**/*.tmpl.yaml\", ci.yml]\n");
    add(r, "a.yaml", "Volume", "a", "{}");
    add(r, "b/c.yaml", "Volume", "c", "{}");
    repository_add(r, "compose/x/y.yaml", "services: {}");
    repository_add(r, "x.tmpl.yaml", "{{ a }}");
    repository_add(r, "b/x.tmpl.yaml", "{{ a }}");
    repository_add(r, "b/ci.yml", "steps: []");
    assert_string_equal(repository_load(r), "");
    assert_string_equal(ids(r), "volume/a volume/c");
    assert_string_equal(r->set.project, "shop");
    assert_string_equal(r->set.environment, "any");
}

static void test_globs(void **state)
{
    (void)state;

    static const struct {
        const char *pattern, *path;
        bool match;
    } rows[] = {
        {"a.yaml", "a.yaml", true},
        {"a.yaml", "a.yml", false},
        {"*.yaml", "a.yaml", true},
        {"*.yaml", "b/a.yaml", false},
        {"b/*.yaml", "b/a.yaml", true},
        {"b/*.yaml", "b/c/a.yaml", false},
        {"b", "b/a.yaml", true},
        {"b/", "b/a.yaml", true},
        {"b/", "b", false},
        {"b", "bc/a.yaml", false},
        {"**/a.yaml", "a.yaml", true},
        {"**/a.yaml", "b/c/a.yaml", true},
        {"b/**", "b/c/a.yaml", true},
        {"b/**/a.yaml", "b/a.yaml", true},
        {"b/**/a.yaml", "b/c/d/a.yaml", true},
        {"?.yaml", "a.yaml", true},
        {"?.yaml", "ab.yaml", false},
        {"b?a", "b/a", false},
        {"*", "b/a.yaml", true},
        {"*a*b*c*", "xaxbxcx", true},
        {"*a*b*c*", "xaxcxbx", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (load_glob(rows[i].pattern, rows[i].path) != rows[i].match)
            fail_msg("%s and %s", rows[i].pattern, rows[i].path);
}

static void test_environments(void **state)
{
    struct world *w = *state;
    static const char spec[] = "  environments:\n    staging: {paths: [base, ./staging/]}\n"
                               "    production: {inherits: staging, paths: prod}\n";
    struct repository *r = project(w, "staging", spec);
    add(r, "base/a.yaml", "Volume", "a", "{}");
    add(r, "prod/c.yaml", "Volume", "c", "{}");
    add(r, "staging/b.yaml", "Volume", "b", "{}");
    repository_add(r, "elsewhere/broken.yaml", "[");
    assert_string_equal(repository_load(r), "");
    assert_string_equal(ids(r), "volume/a volume/b");
    r->environment = "production";
    assert_string_equal(repository_load(r), "");
    assert_string_equal(ids(r), "volume/a volume/b volume/c");
    assert_string_equal(r->set.environment, "production");

    r->environment = "prodution";
    assert_string_equal(repository_load(r),
                        "forge.yaml:6:5: error: there is no environment \"prodution\" in forge.yaml\n"
                        "  hint: did you mean \"production\"?\n");
    assert_int_equal(r->set.n, 0);
    r->environment = "";
    assert_string_equal(
        repository_load(r),
        "forge.yaml:6:5: error: no environment is selected, and there are several: production, staging\n"
        "  hint: choose one with -e NAME, or set default_environment in forge.yaml\n");
    repository_set(r, "forge.yaml",
                   arena_printf(&w->arena, PROJECT "%s  default_environment: staging\n", spec));
    assert_string_equal(repository_load(r), "");
    assert_string_equal(r->set.environment, "staging");
}

static void test_environment_problems(void **state)
{
    struct world *w = *state;
    static const char *const rows[][2] = {
        {"  environments: {a: {inherits: b}, b: {inherits: a}}\n",
         "forge.yaml:5:50: error: inherits forms a cycle: a -> b -> a\n"
         "  hint: remove inherits from one of them\n"},
        {"  environments: {a: {inherits: bb}, b: {}}\n",
         "forge.yaml:5:32: error: there is no environment \"bb\" in forge.yaml\n  hint: did you mean "
         "\"b\"?\n"},
        {"  environments: {a: {paths: [none, ../x]}}\n",
         "forge.yaml:5:30: error: there is no file or folder none\n"
         "  hint: paths are folders or files relative to forge.yaml\n"
         "forge.yaml:5:36: error: \"../x\" is outside the repository\n"
         "  hint: paths are relative to forge.yaml and must stay inside its folder\n"},
        {"  paths: [a]\n", "forge.yaml:5:3: error: \"paths\" is not supported\n"
                           "  hint: paths belong to an environment: environments: {NAME: {paths: [...]}}\n"},
        {"  environments: {b: {}}\n", "forge.yaml:5:17: error: there is no environment \"a\" in forge.yaml\n"
                                      "  hint: did you mean \"b\"?\n"},
        {"  default_environment: nowhere\n  environments: {a: {}, b: {}}\n", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct repository *r = project(w, "a", rows[i][0]);
        assert_string_equal(repository_load(r), rows[i][1]);
    }
    struct repository *r = project(w, "", "  default_environment: nowhere\n  environments: {a: {}, b: {}}\n");
    assert_string_equal(repository_load(r),
                        "forge.yaml:5:24: error: default_environment: there is no environment \"nowhere\"\n"
                        "  hint: known environments: a, b\n");
    r = project(w, NULL, "  environments: {only: {}}\n");
    assert_string_equal(repository_load(r), "");
    assert_string_equal(r->set.environment, "only");
    r = project(w, NULL, "");
    repository_add(r, "forge.yml", "");
    assert_string_equal(repository_load(r),
                        "forge.yml: error: there is also a forge.yaml; keep only one of them\n");
}

static void test_variables(void **state)
{
    struct world *w = *state;
    struct repository *r =
        project(w, "production",
                "  variables: {TAG: \"1.4\", REGISTRY: registry.example, IMAGE: \"${REGISTRY}/web:${TAG}\",\n"
                "    WHO: \"${project.name}-${environment.name}-${git.short}\"}\n"
                "  environments:\n    base: {paths: [.], variables: [COUNT=2]}\n"
                "    production: {inherits: base, variables: {TAG: \"1.5\", COUNT: 3}}\n");
    r->commit = "0123456789abcdef";
    add(r, "a.yaml", "Container", "web",
        "\n  image: ${IMAGE}\n  replicas: ${env.COUNT}\n  hostname: ${WHO}\n  command: echo $${HOME} "
        "${MISSING:-none}\n"
        "  environment: {DB: \"${container.db.host}:5432\", COMMIT: \"${git.commit}\"}\n  ports: "
        "[\"${PORT:-8080}-8089:80\"]\n"
        "  healthcheck: {test: \"test $$USER\"}");
    add(r, "b.yaml", "Container", "db", "{image: x}");
    assert_string_equal(repository_load(r), "");
    assert_string_equal(
        spec_json(r, "container/web"),
        "{'command': ['echo', '${HOME}', 'none'], "
        "'environment': {'COMMIT': '0123456789abcdef', 'DB': 'db:5432'}, "
        "'healthcheck': {'test': ['CMD-SHELL', 'test $USER']}, 'hostname': 'shop-production-0123456', "
        "'image': 'registry.example/web:1.5', "
        "'ports': {'8080-8089->80/tcp': {'protocol': 'tcp', 'published': 8080, 'published_end': 8089, "
        "'target': 80}}, 'replicas': 3}");
}

static void test_variable_problems(void **state)
{
    struct world *w = *state;
    struct repository *r =
        project(w, "e", "  variables: {A: \"${B}\", B: \"${A}\", TAG: \"1\", \"x-y\": z, U: \"${NO}\"}\n");
    add(r, "a.yaml", "Container", "web",
        "\n  image: a:${TAGG}\n  hostname: ${A}\n  user: ${git.commit}\n  domainname: ${container.bd.host}\n"
        "  environment: {S: \"${secret.x}\", X: \"${git.comit}\", C: \"${container.db}\"}\n  replicas: "
        "${TAG}x\n"
        "  working_dir: /$HOME\n");
    add(r, "b.yaml", "Container", "db", "{image: x}");
    assert_string_equal(
        repository_load(r),
        "a.yaml:5:10: error: variable TAGG is not set\n"
        "  hint: did you mean \"TAG\"?\n"
        "a.yaml:7:9: error: git.commit is not available\n"
        "  hint: manifests that are not read from a Git commit have none; or give a default: "
        "${git.commit:-value}\n"
        "a.yaml:8:15: error: ${container.bd.host}: there is no container/bd\n"
        "  hint: did you mean \"db\"?\n"
        "a.yaml:9:20: error: \"${secret.x}\": references to secrets and databases are not supported yet\n"
        "  hint: a secret reaches a container as a file: secrets: [NAME]\n"
        "a.yaml:9:38: error: unknown reference \"${git.comit}\"\n"
        "  hint: did you mean \"git.commit\"?\n"
        "a.yaml:9:57: error: unknown reference \"${container.db}\"\n"
        "  hint: write ${container.NAME.host}\n"
        "a.yaml:10:13: error: replicas: \"1x\" is not an integer; write digits only, such as 42\n"
        "a.yaml:11:16: error: \"$HOME\" is ambiguous\n"
        "  hint: write ${HOME} for a variable of the project, or $$HOME for the literal text\n"
        "forge.yaml:5:18: error: variable A: variable B: variable A refers to itself\n"
        "forge.yaml:5:54: error: \"x-y\" is not a valid variable name\n"
        "  hint: use letters, digits and _, not starting with a digit\n"
        "forge.yaml:5:60: error: variable U: variable NO is not set\n"
        "  hint: set it in variables of forge.yaml, or write a default: ${NO:-value}\n");
}

static void test_defaults(void **state)
{
    struct world *w = *state;
    struct repository *r = project(
        w, "b",
        "  defaults:\n    Container: {restart: always, logging: {driver: local, options: {max-size: 1m}}, "
        "cap_drop: [ALL]}\n"
        "  variables: {SIZE: 2m}\n"
        "  environments:\n    a: {}\n    b: {inherits: a, defaults: {Container: {restart: unless-stopped, "
        "logging: {options: {max-size: \"${SIZE}\"}}}}}\n");
    add(r, "a.yaml", "Container", "plain", "{image: x}");
    add(r, "b.yaml", "Container", "own",
        "{image: x, restart: no, cap_drop: [NET_RAW], logging: {options: {max-file: 3}}}");
    add(r, "c.yaml", "Volume", "v", "{}");
    assert_string_equal(repository_load(r), "");
    assert_string_equal(
        spec_json(r, "container/plain"),
        "{'cap_drop': ['ALL'], 'image': 'x', 'logging': {'driver': 'local', 'options': {'max-size': '2m'}}, "
        "'restart': 'unless-stopped'}");
    assert_string_equal(spec_json(r, "container/own"),
                        "{'cap_drop': ['NET_RAW'], 'image': 'x', 'logging': {'driver': 'local', "
                        "'options': {'max-file': '3', 'max-size': '2m'}}, 'restart': 'no'}");
    assert_string_equal(spec_json(r, "volume/v"), "{}");

    r = project(w, "b", "  defaults: {Containr: {}, Container: {restrat: no}}\n");
    assert_string_equal(repository_load(r), "forge.yaml:5:14: error: defaults: unknown kind \"Containr\"\n"
                                            "  hint: write {Container: {restart: always}}\n"
                                            "forge.yaml:5:40: error: unknown key \"restrat\"\n"
                                            "  hint: did you mean \"restart\"?\n");
}

/* Mappings merge, sequences replace unless they are keyed, null removes. */
static void test_patches(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *base, *patch, *want;
    } rows[] = {
        {"{image: a}", "{image: b}", "{'image': 'b'}"},
        {"{image: a, environment: {A: 1, B: 2}}", "{environment: {B: 3, C: 4, A: }}",
         "{'environment': {'B': '3', 'C': '4'}, 'image': 'a'}"},
        {"{image: a, environment: [A=1]}", "{environment: [B=2]}",
         "{'environment': {'A': '1', 'B': '2'}, 'image': 'a'}"},
        {"{image: a, environment: [A=1]}", "{environment: !override [B=2]}",
         "{'environment': {'B': '2'}, 'image': 'a'}"},
        {"{image: a, environment: [A=1]}", "{environment: !reset []}", "{'image': 'a'}"},
        {"{image: a, command: [x, y]}", "{command: [z]}", "{'command': ['z'], 'image': 'a'}"},
        {"{image: a, command: [x, y]}", "{command: ~}", "{'image': 'a'}"},
        {"{image: a, cap_add: [A, B]}", "{cap_add: [C]}", "{'cap_add': ['C'], 'image': 'a'}"},
        {"{image: a, ports: [80]}", "{ports: [81]}",
         "{'image': 'a', 'ports': {'0->80/tcp': {'protocol': 'tcp', 'published': 0, 'target': 80}, "
         "'0->81/tcp': {'protocol': 'tcp', 'published': 0, 'target': 81}}}"},
        {"{image: a, ports: [80]}", "{ports: !override [81]}",
         "{'image': 'a', 'ports': {'0->81/tcp': {'protocol': 'tcp', 'published': 0, 'target': 81}}}"},
        /* An item of a keyed list is replaced as a whole, with all its options. */
        {"{image: a, volumes: [\"/h:/v:ro,z\", /w]}", "{volumes: [/v]}",
         "{'image': 'a', 'volumes': {'/v': {'type': 'volume'}, '/w': {'type': 'volume'}}}"},
        {"{image: a, healthcheck: {test: x, interval: 5s}}", "{healthcheck: {interval: 9s}}",
         "{'healthcheck': {'interval': 9000000000, 'test': ['CMD-SHELL', 'x']}, 'image': 'a'}"},
        {"{image: a, healthcheck: {test: x, interval: 5s}}", "{healthcheck: {disable: true}}",
         "{'healthcheck': {'test': ['NONE']}, 'image': 'a'}"},
        {"{image: a, mem_limit: 10m, cpus: 1}", "{deploy: {resources: {limits: {memory: 20m}}}}",
         "{'image': 'a', 'resources': {'cpus': 1000000000, 'memory': 20971520}}"},
        {"{image: a, mem_limit: 10m, cpus: 1}", "{mem_limit: }",
         "{'image': 'a', 'resources': {'cpus': 1000000000}}"},
        {"{image: a, scale: 2}", "{deploy: {replicas: 3}}", "{'image': 'a', 'replicas': 3}"},
        {"{image: a, networks: {default: {aliases: [x]}}}", "{networks: [default]}",
         "{'image': 'a', 'networks': {'default': {'aliases': ['x']}}}"},
        {"{image: a}", "{logging: {driver: local, options: {a: , b: 1}}, user: }",
         "{'image': 'a', 'logging': {'driver': 'local', 'options': {'b': '1'}}}"},
        {"{image: a, ulimits: {nofile: {soft: 1, hard: 2}}}", "{ulimits: {nofile: {hard: 3}}}",
         "{'image': 'a', 'ulimits': {'nofile': {'hard': 3, 'soft': 1}}}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct repository *r = repository_new(w);
        add(r, "b.yaml", "Container", "web", rows[i].base);
        add_patch(r, "a.yaml", "Container", "web", arena_printf(&w->arena, "spec: %s\n", rows[i].patch));
        assert_string_equal(repository_load(r), "");
        assert_string_equal(spec_json(r, "container/web"), rows[i].want);
    }
}

static void test_patch_documents(void **state)
{
    struct world *w = *state;
    struct repository *r = repository_new(w);
    repository_add(r, "a.yaml",
                   "apiVersion: forge/v1\nkind: Volume\nmetadata: {name: v, labels: {a: 1, b: 2}, "
                   "annotations: {n: x}}\n");
    repository_add(
        r, "b.yaml",
        "apiVersion: forge/v1\nkind: Volume\nmetadata: {name: v, labels: {b: , c: 3}}\npatch: true\n");
    repository_add(r, "c.yaml", "apiVersion: forge/v1\nkind: Volume\nmetadata: {name: w}\n");
    repository_add(r, "d.yaml", "apiVersion: forge/v1\nkind: Volume\nmetadata: {name: w}\npatch: remove\n");
    assert_string_equal(repository_load(r), "");
    assert_string_equal(ids(r), "volume/v");
    assert_string_equal(json_of(w, r->set.items[0]->labels), "{'a': '1', 'c': '3'}");
    assert_string_equal(json_of(w, r->set.items[0]->annotations), "{'n': 'x'}");

    repository_add(
        r, "e.yaml",
        "apiVersion: forge/v1\nkind: Volume\nmetadata: {name: vv}\npatch: true\nspec: {driver: x}\n");
    assert_string_equal(repository_load(r), "e.yaml:1:1: error: the patch for volume/vv has nothing to "
                                            "change: there is no such resource in this environment\n"
                                            "  hint: did you mean \"v\"?\n");
}

/* Order of patches: later paths patch earlier ones, then patch files apply, then patches in forge.yaml. */
static void test_order_of_patches(void **state)
{
    struct world *w = *state;
    struct repository *r = project(
        w, "p",
        "  environments:\n    s: {paths: [base], patches: [{kind: Container, metadata: {name: web}, "
        "spec: {user: inline-s, hostname: s}}]}\n"
        "    p:\n      inherits: s\n      paths: [prod]\n      patches:\n      - extra/last.yaml\n"
        "      - {kind: Container, metadata: {name: web}, spec: {hostname: \"${environment.name}\"}}\n");
    add(r, "base/web.yaml", "Container", "web", "{image: base, user: base, domainname: base, runtime: base}");
    add_patch(r, "extra/last.yaml", "Container", "web", "spec: {domainname: last}\n");
    add_patch(r, "prod/web.yaml", "Container", "web", "spec: {image: prod, domainname: prod}\n");
    assert_string_equal(repository_load(r), "");
    assert_string_equal(
        spec_json(r, "container/web"),
        "{'domainname': 'last', 'hostname': 'p', 'image': 'prod', 'runtime': 'base', 'user': 'inline-s'}");

    r = project(w, "p",
                "  environments: {p: {patches: [none.yaml, 7, {kind: Container, metadata: {name: x}, spec: "
                "{imag: x}}, []]}}\n");
    assert_string_equal(
        repository_load(r),
        "forge.yaml:5:32: error: there is no file none.yaml\n"
        "  hint: paths of patches are relative to forge.yaml\n"
        "forge.yaml:5:43: error: there is no file 7\n"
        "  hint: paths of patches are relative to forge.yaml\n"
        "forge.yaml:5:46: error: the patch for container/x has nothing to change: there is no such resource "
        "in this environment\n"
        "  hint: a patch changes a resource that another document defines; without patch: true this document "
        "defines it\n"
        "forge.yaml:5:92: error: unknown key \"imag\"\n"
        "  hint: did you mean \"image\"?\n"
        "forge.yaml:5:103: error: a patch must be a mapping or a path, not a sequence\n"
        "  hint: write {kind: Container, metadata: {name: web}, spec: {...}}, or the path of a file\n");
}

/* A problem in patched content is reported in the patch's file. */
static void test_places_after_patches(void **state)
{
    struct world *w = *state;
    struct repository *r = repository_new(w);
    add(r, "a.yaml", "Container", "web", "{image: x}");
    add_patch(r, "sub/p.yaml", "Container", "web", "spec:\n  depends_on: [bd]\n  env_file: p.env\n");
    add_patch(r, "sub/q.yaml", "Container", "web", "spec:\n  networks: [nowhere]\n");
    repository_add(r, "sub/p.env", "A=1\n");
    assert_string_equal(
        repository_load(r),
        "sub/p.yaml:6:16: error: container/web: depends_on.bd: there is no container/bd\n"
        "  hint: add a manifest with kind: Container and metadata: {name: bd}\n"
        "sub/q.yaml:6:14: error: container/web: networks.nowhere: there is no network/nowhere\n"
        "  hint: add a manifest with kind: Network and metadata: {name: nowhere}\n");
    assert_string_equal(
        val_get_str(val_get(resource_find(&r->set, "container/web")->spec, "environment"), "A"), "1");
}

static void test_profiles(void **state)
{
    struct world *w = *state;
    struct repository *r =
        project(w, "e", "  profiles: [always]\n  environments: {e: {profiles: [here]}, f: {}}\n");
    static const char *const rows[][2] = {
        {"a", "{image: x}"},
        {"b", "{image: x, profiles: [always]}"},
        {"c", "{image: x, profiles: [here, never]}"},
        {"d", "{image: x, profiles: [asked]}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        add(r, arena_printf(&w->arena, "%s.yaml", rows[i][0]), "Container", rows[i][0], rows[i][1]);
    assert_string_equal(repository_load(r), "");
    assert_string_equal(ids(r), "container/a container/b container/c");
    r->profiles = (const char *const[]){"asked", NULL};
    r->environment = "f";
    assert_string_equal(repository_load(r), "");
    assert_string_equal(ids(r), "container/a container/b container/d");
}

/* forge.yaml may contain other documents as well. */
static void test_all_in_one_file(void **state)
{
    struct world *w = *state;
    struct repository *r = repository_new(w);
    r->environment = "e";
    repository_add(r, "forge.yaml",
                   arena_printf(&w->arena, PROJECT "  variables: {I: x}\n---\n%s",
                                manifest(w, "Container", "web", "{image: \"${I}\"}")));
    assert_string_equal(repository_load(r), "");
    assert_string_equal(spec_json(r, "container/web"), "{'image': 'x'}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        repository_test(test_without_environments),
        repository_test(test_globs),
        repository_test(test_environments),
        repository_test(test_environment_problems),
        repository_test(test_variables),
        repository_test(test_variable_problems),
        repository_test(test_defaults),
        repository_test(test_patches),
        repository_test(test_patch_documents),
        repository_test(test_order_of_patches),
        repository_test(test_places_after_patches),
        repository_test(test_profiles),
        repository_test(test_all_in_one_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
