/* Loading: from files to resources, all problems at once, files that manifests refer to, the cache. */
#include "kind_test.h"

#include "base/limits.h"
#include "base/str.h"

static void test_one_file(void **state)
{
    struct world *w = *state;
    struct repository *r = repository_new(w);
    r->environment = "production";
    repository_add(r, "shop/web.yaml",
                   "# a comment\n---\napiVersion: forge/v1\nkind: Container\nmetadata:\n  name: web\n  "
                   "labels: {tier: front}\n"
                   "  annotations: {forge/prune: disabled, note: }\nx-common: &c {image: nginx}\nspec: {<<: "
                   "*c, ports: [80]}\n"
                   "---\napiVersion: forge/v1\nkind: Volume\nmetadata: {name: data}\n");
    repository_add(r, "README.md", "not: yaml: at all");
    repository_add(r, ".github/workflows/ci.yaml", "on: [push]");
    repository_add(r, ".hidden.yaml", "a: b");
    assert_string_equal(repository_load(r), "");
    assert_int_equal(r->set.n, 2);
    assert_string_equal(r->set.items[0]->id, "container/web");
    assert_string_equal(r->set.items[0]->file, "shop/web.yaml");
    assert_int_equal(r->set.items[0]->line, 3);
    assert_string_equal(json_of(w, r->set.items[0]->labels), "{'tier': 'front'}");
    assert_string_equal(resource_annotation(r->set.items[0], "forge/prune"), "disabled");
    assert_string_equal(resource_annotation(r->set.items[0], "note"), "");
    assert_null(resource_annotation(r->set.items[0], "forge/adopt"));
    assert_string_equal(r->set.items[1]->id, "volume/data");
    assert_string_equal(r->set.environment, "production");
    assert_null(r->set.project);
    assert_int_equal(r->stats.files, 1);
    assert_int_equal(r->stats.decoded, 1);
}

static void test_nothing(void **state)
{
    struct world *w = *state;
    struct repository *r = repository_new(w);
    assert_string_equal(repository_load(r), "");
    assert_int_equal(r->set.n, 0);
    repository_add(r, "empty.yaml", "# nothing\n");
    assert_string_equal(repository_load(r), "");
    assert_int_equal(r->set.n, 0);
}

/* All problems in all files at once, each with its place. */
static void test_all_problems_at_once(void **state)
{
    struct world *w = *state;
    struct repository *r = repository_new(w);
    repository_add(r, "a.yaml",
                   manifest(w, "Container", "web",
                            "\n  image: Nginx\n  prots: [80]\n  restart: allways\n  depends_on: [db]"));
    repository_add(r, "b.yaml", manifest(w, "Containr", "x", "{}"));
    repository_add(r, "c.yaml", "apiVersion: forge/v1\nkind: Volume\nmetadata: {nam: x}\n");
    repository_add(r, "d.yaml", "a: [\n");
    repository_add(r, "e.yml", manifest(w, "Network", "Front", "{}"));
    const char *want =
        "a.yaml:5:10: error: image: image \"Nginx\": \"Nginx\" has uppercase letters\n"
        "  hint: image names are lowercase\n"
        "a.yaml:6:3: error: unknown key \"prots\"\n  hint: did you mean \"ports\"?\n"
        "a.yaml:7:12: error: restart: \"allways\" is not a restart policy\n  hint: did you mean \"always\"?\n"
        "a.yaml:8:16: error: container/web: depends_on.db: there is no container/db\n"
        "  hint: add a manifest with kind: Container and metadata: {name: db}\n"
        "b.yaml:2:7: error: unknown kind \"Containr\"\n  hint: did you mean \"Container\"?\n"
        "c.yaml:3:12: error: metadata: unknown key \"nam\"\n  hint: did you mean \"name\"?\n";
    const char *got = repository_load(r);
    assert_memory_equal(got, want, strlen(want));
    assert_non_null(strstr(got, "d.yaml:"));
    assert_non_null(strstr(got, "e.yml:3:18: error: metadata.name: \"Front\" is not a valid name\n"));
    /* A resource that could not be fully decoded is still in the set: others may refer to it, and the decoded
       part is checked. */
    assert_non_null(resource_find(&r->set, "container/web"));
    assert_true(resource_find(&r->set, "container/web")->partial);
}

static void test_frame(void **state)
{
    struct world *w = *state;
    static const char *const rows[][2] = {
        {"kind: Container\n",
         "a.yaml:1:1: error: this is not a manifest: it has no apiVersion\n"
         "  hint: start it with apiVersion: forge/v1, or list the file in exclude of forge.yaml\n"},
        {"- a\n", "a.yaml:1:1: error: this is not a manifest: it has no apiVersion\n"
                  "  hint: start it with apiVersion: forge/v1, or list the file in exclude of forge.yaml\n"},
        {"services: {web: {image: x}}\n",
         "a.yaml:1:1: error: this is a compose file that no Stack refers to\n"
         "  hint: write a manifest for it: kind: Stack, spec: {files: [PATH]} (a compose.yaml in the root "
         "folder needs none), or list it in exclude of forge.yaml\n"},
        {"apiVersion: apps/v1\nkind: Deployment\n",
         "a.yaml:1:13: error: this is not a Forge manifest: its apiVersion is \"apps/v1\"\n"
         "  hint: list the file in exclude of forge.yaml, or write apiVersion: forge/v1\n"},
        {"apiVerson: forge/v1\nkind: Volume\nmetadata: {name: a}\n---\napiVersion: forge/v1\nkind: Volum\n",
         "a.yaml:1:1: error: unknown key \"apiVerson\"\n  hint: did you mean \"apiVersion\"?\n"
         "a.yaml:6:7: error: unknown kind \"Volum\"\n  hint: did you mean \"Volume\"?\n"},
        {"apiVersion: forge/v2\nkind: Container\n",
         "a.yaml:1:13: error: apiVersion \"forge/v2\" is not supported by this version of Forge\n"
         "  hint: write apiVersion: forge/v1\n"},
        {"apiVersion: forge/v1\nmetadata: {name: a}\n",
         "a.yaml:1:1: error: \"kind\" is missing\n  hint: for example: kind: Container\n"},
        {"apiVersion: forge/v1\nkind: Route\nmetadata: {name: a}\n",
         "a.yaml:2:7: error: kind Route (routes from hosts and paths to containers) is not supported yet\n"
         "  hint: list the file in exclude of forge.yaml until then\n"},
        {"apiVersion: forge/v1\nkind: Deployment\nmetadata: {name: a}\n",
         "a.yaml:2:7: error: unknown kind \"Deployment\"\n"
         "  hint: the kinds are Container, Network, Volume, Config, Secret, Stack and Project\n"},
        {"apiVersion: forge/v1\nkind: Volume\n",
         "a.yaml:1:1: error: \"metadata.name\" is missing\n  hint: for example: metadata: {name: web}\n"},
        {"apiVersion: forge/v1\nkind: Volume\nmetadata: web\n",
         "a.yaml:3:11: error: metadata: must be a mapping, not a string\n"},
        {"apiVersion: forge/v1\nkind: Volume\nmetadata: {label: {a: b}}\npatch: true\n",
         "a.yaml:3:12: error: metadata: unknown key \"label\"\n  hint: did you mean \"labels\"?\n"},
        {"apiVersion: forge/v1\nkind: Volume\nmetadata: {labels: {a: b}}\npatch: true\n",
         "a.yaml:3:11: error: \"metadata.name\" is missing\n  hint: for example: metadata: {name: web}\n"},
        {"apiVersion: forge/v1\nkind: Volume\nmetadata: {name: a}\nspecs: {}\n",
         "a.yaml:4:1: error: unknown key \"specs\"\n  hint: did you mean \"spec\"?\n"},
        {"apiVersion: forge/v1\nkind: Volume\nmetadata: {name: a}\ndata: {}\n",
         "a.yaml:4:1: error: unknown key \"data\"\n"
         "  hint: this is a Kubernetes key; in Forge everything is in spec\n"},
        {"apiVersion: forge/v1\nkind: Volume\nmetadata: {name: a, namespace: b}\n",
         "a.yaml:3:21: error: metadata: \"namespace\" is not supported\n"
         "  hint: remove it: environments separate resources\n"},
        {"apiVersion: forge/v1\nkind: Volume\nmetadata: {name: a, annotations: {forge/prun: x}}\n",
         "a.yaml:3:34: error: metadata: unknown annotation \"forge/prun\"\n  hint: did you mean "
         "\"forge/prune\"?\n"},
        {"apiVersion: forge/v1\nkind: Volume\nmetadata: {name: a, annotations: {forge/prune: no}}\n",
         "a.yaml:3:48: error: metadata: forge/prune: invalid value \"no\"\n  hint: write disabled or "
         "enabled\n"},
        {"apiVersion: forge/v1\nkind: Volume\nmetadata: {name: a, annotations: {forge/ignore: "
         "\"spec.labels.a, drivr\"}}\n",
         "a.yaml:3:49: error: metadata: forge/ignore: \"drivr\" is not a field of a Volume\n"
         "  hint: use field paths as in forge-ctl explain: spec.replicas, spec.environment.A\n"},
        {"apiVersion: forge/v1\nkind: Volume\nmetadata: {name: a, annotations: {forge/allow-data-loss: "
         "\"volume/a@0f, volume/b\"}}\n",
         "a.yaml:3:58: error: metadata: forge/allow-data-loss: \"volume/b\" does not say which object may be "
         "lost\n"
         "  hint: copy the identifier from the blocked plan: volume/data@1f0c3a9be2d4\n"},
        {"apiVersion: forge/v1\nkind: Volume\nmetadata: {name: a, labels: {io.forge.x: x}}\n",
         "a.yaml:3:29: error: metadata: labels: \"io.forge.x\": labels that start with io.forge. are "
         "reserved for Forge\n"
         "  hint: use another prefix\n"},
        {"apiVersion: forge/v1\nkind: Volume\nmetadata: {name: a}\nspec: [a]\n",
         "a.yaml:4:7: error: must be a mapping, not a sequence\n"},
        {"apiVersion: forge/v1\nkind: Volume\nmetadata: {name: a}\npatch: yes\n",
         "a.yaml:4:8: error: patch must be true, false or remove\n"
         "  hint: write patch: true to merge into the resource of this name, or patch: remove to leave it "
         "out\n"},
        {"apiVersion: forge/v1\nkind: Project\nmetadata: {name: a}\n",
         "a.yaml:1:1: error: a Project is only allowed in forge.yaml\n"
         "  hint: move it to forge.yaml in the root folder\n"},
        {"apiVersion: forge/v1\nkind: Container\nmetadata: {name: a}\n",
         "a.yaml:1:1: error: \"image\" is missing\n  hint: for example: image: "
         "registry.example/shop/web:1.4\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct repository *r = repository_new(w);
        repository_add(r, "a.yaml", rows[i][0]);
        assert_string_equal(repository_load(r), rows[i][1]);
    }
}

static void test_duplicates(void **state)
{
    struct world *w = *state;
    struct repository *r = repository_new(w);
    repository_add(r, "a.yaml", manifest(w, "Volume", "data", "{}"));
    repository_add(r, "b/a.yaml", manifest(w, "Volume", "data", "{}"));
    repository_add(r, "b/b.yaml", manifest(w, "Network", "data", "{}"));
    assert_string_equal(repository_load(r),
                        "b/a.yaml:1:1: error: volume/data is defined twice; first in a.yaml:1\n"
                        "  hint: rename one of them, or make one a patch (patch: true)\n");
}

static void test_external(void **state)
{
    struct world *w = *state;
    struct repository *r = repository_new(w);
    repository_add(r, "a.yaml",
                   manifest(w, "Network", "n", "{external: true, name: bridge, internal: true}"));
    assert_string_equal(repository_load(r), "a.yaml:4:48: error: network/n: internal cannot be used with "
                                            "external: true, which leaves the object unchanged\n"
                                            "  hint: remove it, or remove external\n");
}

static void test_env_files(void **state)
{
    struct world *w = *state;
    struct repository *r = repository_new(w);
    repository_add(r, "web/web.yaml",
                   manifest(w, "Container", "web",
                            "{image: x, environment: {A: own}, env_file: [a.env, ../b.env, {path: none.env, "
                            "required: false}]}"));
    repository_add(r, "web/raw.yaml",
                   manifest(w, "Container", "raw", "{image: x, env_file: [{path: a.env, format: raw}]}"));
    repository_add(r, "web/a.env", "A=file\nB=\"1\"\nC=${B}2\n");
    repository_add(r, "b.env", "B=3\n");
    assert_string_equal(repository_load(r), "");
    assert_string_equal(spec_json(r, "container/web"),
                        "{'environment': {'A': 'own', 'B': '3', 'C': '12'}, 'image': 'x'}");
    assert_string_equal(spec_json(r, "container/raw"),
                        "{'environment': {'A': 'file', 'B': '\\'1\\'', 'C': '${B}2'}, 'image': 'x'}");

    repository_set(
        r, "web/web.yaml",
        manifest(w, "Container", "web", "{image: x, env_file: [a.evn, ../../c.env, /d.env, bad.env]}"));
    repository_add(r, "web/bad.env", "A=1\nB\n");
    assert_string_equal(
        repository_load(r),
        "web/bad.env:2:1: error: \"B\" has no value\n  hint: write B= for an empty value\n"
        "web/web.yaml:4:29: error: container/web: there is no file web/a.evn in the repository\n"
        "  hint: did you mean \"a.env\"?\n"
        "web/web.yaml:4:36: error: container/web: \"../../c.env\" is not in the repository\n"
        "  hint: paths are relative to the manifest, and must be in the repository\n"
        "web/web.yaml:4:49: error: container/web: \"/d.env\" is not in the repository\n"
        "  hint: paths are relative to the manifest, and must be in the repository\n");
}

static void test_configs(void **state)
{
    struct world *w = *state;
    struct repository *r = repository_new(w);
    repository_add(r, "a/conf.yaml", manifest(w, "Config", "conf", "{file: ./x.conf, mode: 0400, uid: 7}"));
    repository_add(r, "a/x.conf", "${not} $a reference\n");
    repository_add(r, "a/inline.yaml", manifest(w, "Config", "inline", "{content: \"$$a\"}"));
    repository_add(r, "a/bin.yaml", manifest(w, "Config", "bin", "{content: \"//4B\", encoding: base64}"));
    repository_add(r, "a/text64.yaml", manifest(w, "Config", "text64", "{content: Zm9v, encoding: base64}"));
    repository_add(
        r, "a/web.yaml",
        manifest(w, "Container", "web", "{image: x, configs: [{source: conf, uid: 8, target: /x}]}"));
    repository_add(r, "a/key.yaml", manifest(w, "Secret", "key", "{file: /etc/key, mode: 0400}"));
    repository_add(r, "a/two.yaml", manifest(w, "Container", "two", "{image: x, secrets: [key]}"));
    assert_string_equal(repository_load(r), "");
    assert_string_equal(
        spec_json(r, "config/conf"),
        "{'content': '${not} $a reference\\n', 'digest': "
        "'cd0d893b175cd8e8ef34d88f8be568dbc7f512f615ef1e4e2571f5c3fdff1bdc', 'mode': 256, 'uid': '7'}");
    assert_string_equal(val_get_str(resource_find(&r->set, "config/inline")->spec, "content"), "$a");
    const struct val *bin = resource_find(&r->set, "config/bin")->spec;
    assert_string_equal(val_get_str(bin, "content"), "//4B");
    assert_string_equal(val_get_str(bin, "encoding"), "base64");
    /* Text is text, whatever its encoding in the manifest (P2). */
    assert_string_equal(val_get_str(resource_find(&r->set, "config/text64")->spec, "content"), "foo");
    assert_null(val_get(resource_find(&r->set, "config/text64")->spec, "encoding"));
    const struct val *file =
        val_get(val_path(resource_find(&r->set, "container/web")->spec, "configs"), "/x");
    assert_string_equal(val_get_str(file, "digest"),
                        val_get_str(resource_find(&r->set, "config/conf")->spec, "digest"));
    assert_string_equal(val_get_str(file, "uid"), "8");
    assert_int_equal(val_get_int(file, "mode", 0), 0400);
    assert_string_equal(spec_json(r, "container/two"),
                        "{'image': 'x', 'secrets': {'/run/secrets/key': {'file': '/etc/key', 'mode': 256, "
                        "'source': 'key'}}}");
}

static void test_config_problems(void **state)
{
    struct world *w = *state;
    static const char *const rows[][2] = {
        {"{}", "a.yaml:4:7: error: config/c: a Config needs content or file\n  hint: write content: ..., "
               "or file: PATH\n"},
        {"{content: a, file: b}", "a.yaml:4:26: error: config/c: content and file cannot be combined\n"
                                  "  hint: remove one of them; in a patch, set the other one to null\n"},
        {"{file: b}", "a.yaml:4:14: error: config/c: there is no file b in the repository\n"
                      "  hint: paths are relative to the manifest\n"},
        {"{content: \"*\", encoding: base64}", "a.yaml:4:17: error: config/c: content is not base64\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct repository *r = repository_new(w);
        repository_add(r, "a.yaml", manifest(w, "Config", "c", rows[i][0]));
        assert_string_equal(repository_load(r), rows[i][1]);
    }
}

/* A YAML file that a Config or an env_file refers to is not a manifest, whatever it contains; for other YAML
   files, a hint says how to exclude them. */
static void test_named_files_are_no_manifests(void **state)
{
    struct world *w = *state;
    struct repository *r = repository_new(w);
    repository_add(r, "a.yaml", manifest(w, "Config", "prom", "{file: prometheus.yml}"));
    repository_add(r, "b.yaml", manifest(w, "Config", "broken", "{file: helm.yaml}"));
    repository_add(r, "c.yaml", manifest(w, "Config", "ours", "{file: ours.yaml}"));
    repository_add(r, "helm.yaml", "{{ if x }}\n  - {{ y }\n");
    repository_add(r, "ours.yaml", manifest(w, "Volume", "not-made", "{drvier: x}"));
    repository_add(r, "prometheus.yml", "global: {}\n---\nmore: []\n");
    assert_string_equal(repository_load(r), "");
    assert_int_equal(r->set.n, 3);
    repository_add(r, "z.yaml", "global: {}\n---\nmore: []\n");
    assert_string_equal(repository_load(r),
                        "z.yaml:1:1: error: this is not a manifest: it has no apiVersion\n"
                        "  hint: start it with apiVersion: forge/v1, or list the file in exclude of "
                        "forge.yaml\n");
}

static void test_limits(void **state)
{
    struct world *w = *state;
    struct repository *r = repository_new(w);
    repository_add(r, "a.yaml", manifest(w, "Volume", "a", "{}"));
    r->files[0].size = LIMIT_MANIFEST_BYTES + 1;
    assert_string_equal(repository_load(r), "a.yaml: error: the file is larger than 1048576 bytes\n"
                                            "  hint: split it, or list it in exclude of forge.yaml\n");
    assert_int_equal(r->reads, 0);
}

static void test_read_failure(void **state)
{
    struct world *w = *state;
    struct repository *r = repository_new(w);
    repository_add(r, "a.yaml", "EIO");
    assert_string_equal(repository_load(r), "failed: a.yaml: the disk is gone");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        repository_test(test_one_file),
        repository_test(test_nothing),
        repository_test(test_all_problems_at_once),
        repository_test(test_frame),
        repository_test(test_duplicates),
        repository_test(test_external),
        repository_test(test_env_files),
        repository_test(test_configs),
        repository_test(test_config_problems),
        repository_test(test_named_files_are_no_manifests),
        repository_test(test_limits),
        repository_test(test_read_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
