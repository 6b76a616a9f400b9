/* The settings file: what is read, what is refused and where, and what works without one. */
#include "tests/lib/unit.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "reconciler/engine/settings.h"

#define HEAD "apiVersion: forge/v1\nkind: Settings\n"

struct fixture {
    char *dir;
    char path[512];
    struct settings settings;
    struct arena arena;
    struct diag_list diags;
};

static int setup(void **state)
{
    struct fixture *f = mem_new(struct fixture);
    f->dir = unit_temp_dir();
    snprintf(f->path, sizeof(f->path), "%s/forged.yaml", f->dir);
    setenv("FORGE_STATE_DIR", "/state", 1);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    settings_release(&f->settings);
    arena_release(&f->arena);
    unit_temp_remove(f->dir);
    free(f);
    return 0;
}

static const struct settings *load(struct fixture *f, const char *text)
{
    struct err err = {0};
    settings_release(&f->settings);
    arena_release(&f->arena);
    arena_init(&f->arena);
    diag_init(&f->diags, &f->arena);
    unit_write(f->path, text);
    assert_ok(settings_load(f->path, &f->settings, &f->diags, &err));
    return &f->settings;
}

static const struct settings *load_well(struct fixture *f, const char *text)
{
    const struct settings *s = load(f, text);
    for (size_t i = 0; i < f->diags.n; i++)
        print_error("%u:%u: %s\n", f->diags.items[i].line, f->diags.items[i].col, f->diags.items[i].msg);
    assert_int_equal(f->diags.n, 0);
    return s;
}

/* There is exactly one problem, at this line, with this message and hint. */
static void check_problem(struct fixture *f, const char *text, unsigned line, const char *says,
                          const char *hints)
{
    load(f, text);
    if (f->diags.n != 1)
        for (size_t i = 0; i < f->diags.n; i++)
            print_error("%s\n", f->diags.items[i].msg);
    assert_int_equal(f->diags.n, 1);
    const struct diag *d = &f->diags.items[0];
    assert_int_equal(d->level, DIAG_ERROR);
    assert_string_equal(d->file, f->path);
    assert_contains(d->msg, says);
    assert_contains(str_or(d->hint, ""), str_or(hints, ""));
    assert_int_equal(d->line, line);
}

static void put(struct fixture *f, const char *name, const char *text, mode_t mode)
{
    unit_write(unit_path(f->dir, name), text);
    assert_int_equal(chmod(unit_path(f->dir, name), mode), 0);
}

static void test_everything(void **state)
{
    struct fixture *f = *state;
    put(f, "password", "hunter2\n", 0600);
    put(f, "key", "k", 0600);
    put(f, "ca.pem", "c", 0644);
    const struct settings *s = load_well(
        f, HEAD
        "state_dir: state\n"
        "listen: {socket: run/s.sock, metrics: '127.0.0.1:9464'}\n"
        "log: {sink: json, level: debug}\n"
        "targets:\n"
        "  local: {url: unix:///run/docker.sock}\n"
        "  far: {url: 'tcp://h:2376', ca: ca.pem, cert: ca.pem, key: key, timeout: 5s}\n"
        "registries: {localhost:5000: {username: u, password_file: password}}\n"
        "environments:\n"
        "  production:\n"
        "    repository: {url: 'https://git.example/shop.git', branch: main, path: deploy, username: x,\n"
        "                 password_file: password, ca: ca.pem, timeout: 30s}\n"
        "    environment: live\n"
        "    target: far\n"
        "    interval: 5m\n"
        "    sync: {automatic: yes, prune: no, self_heal: off, delete_cap: 5, delete_share: 10, timeout: "
        "10m, parallel: 4}\n"
        "    retention: {generations: 9, age: 30d, transitions: 500}\n"
        "    images: {prune: false, keep: 0s}\n"
        "    profiles: [b, a]\n");
    char text[600];
    snprintf(text, sizeof(text), "%s/state", f->dir);
    assert_string_equal(s->state_dir, text);
    snprintf(text, sizeof(text), "%s/run/s.sock", f->dir);
    assert_string_equal(s->socket, text);
    assert_string_equal(s->metrics, "127.0.0.1:9464");
    assert_string_equal(s->log_sink, "json");
    assert_int_equal(s->log_level, LOG_DEBUG);
    assert_int_equal(s->n_targets, 2);
    const struct env_config *e = settings_env(s, NULL);
    assert_ptr_equal(e, settings_env(s, "production"));
    assert_null(settings_env(s, "staging"));
    assert_string_equal(e->project_environment, "live");
    assert_string_equal(e->target->name, "far");
    assert_string_equal(e->target->url, "tcp://h:2376");
    assert_string_equal(e->target->ca_file, unit_path(f->dir, "ca.pem"));
    assert_int_equal(e->target->timeout_ns, 5 * NS_PER_S);
    assert_int_equal(e->target->n_logins, 1);
    assert_string_equal(e->target->logins[0].registry, "localhost:5000");
    assert_string_equal(secret_bytes(e->target->logins[0].password, NULL), "hunter2");
    assert_string_equal(e->source.url, "https://git.example/shop.git");
    assert_string_equal(e->source.path, "deploy");
    assert_string_equal(secret_bytes(e->source.password, NULL), "hunter2");
    assert_string_equal(e->source.cache_dir, unit_path(f->dir, "state/repositories"));
    assert_int_equal(e->source.timeout_ns, 30 * NS_PER_S);
    assert_int_equal(e->interval_ns, 300 * NS_PER_S);
    assert_true(e->automatic);
    assert_false(e->prune);
    assert_false(e->self_heal);
    assert_int_equal(e->delete_cap, 5);
    assert_int_equal(e->delete_share, 10);
    assert_int_equal(e->timeout_ns, 600 * NS_PER_S);
    assert_int_equal(e->parallel, 4);
    assert_int_equal(e->retention.generations, 9);
    assert_int_equal(e->retention.age_ns, 30 * 24 * 3600 * NS_PER_S);
    assert_int_equal(e->retention.transitions, 500);
    assert_false(e->prune_images);
    assert_int_equal(e->keep_images_ns, 0);
    assert_string_equal(e->profiles[0], "a");
    assert_null(e->profiles[2]);
    settings_set_state_dir(&f->settings, "/other");
    assert_string_equal(s->state_dir, "/other");
    assert_string_equal(e->source.cache_dir, "/other/repositories");
}

static void test_defaults(void **state)
{
    struct fixture *f = *state;
    const struct settings *s = load_well(
        f, HEAD "environments:\n  a: {repository: {url: /srv/a}}\n  b: {repository: {url: /srv/b}}\n");
    assert_string_equal(s->state_dir, "/state");
    assert_null(s->metrics);
    assert_int_equal(s->log_level, LOG_INFO);
    assert_int_equal(s->n_envs, 2);
    assert_null(settings_env(s, NULL)); /* which of the two? */
    const struct env_config *e = settings_env(s, "b");
    assert_string_equal(e->target->name, "local");
    assert_null(e->target->url);
    assert_false(e->automatic);
    assert_true(e->prune);
    assert_true(e->prune_images);
    assert_int_equal(e->keep_images_ns, 7 * 24 * 3600 * NS_PER_S);
    assert_true(e->self_heal);
    assert_int_equal(e->delete_share, 50);
    assert_null(e->profiles);
    load_well(f, HEAD);
    assert_int_equal(f->settings.n_envs, 0);
}

static void test_paths_start_at_the_file(void **state)
{
    struct fixture *f = *state;
    char text[600];
    const struct settings *s = load_well(f, HEAD "environments:\n"
                                                 "  a: {repository: {url: repo}}\n"
                                                 "  b: {repository: {url: './up/../repo'}}\n"
                                                 "  c: {repository: {url: 'dir:manifests'}}\n"
                                                 "  d: {repository: {url: 'git@host:x.git'}}\n");
    assert_string_equal(settings_env(s, "a")->source.url, unit_path(f->dir, "repo"));
    assert_string_equal(settings_env(s, "b")->source.url, unit_path(f->dir, "./up/../repo"));
    snprintf(text, sizeof(text), "dir:%s/manifests", f->dir);
    assert_string_equal(settings_env(s, "c")->source.url, text);
    assert_string_equal(settings_env(s, "d")->source.url, "git@host:x.git");
}

#define ENV(fields) HEAD "environments:\n  prod:\n    repository: {url: /srv/x}\n" fields

static void test_problems_have_a_place_and_a_hint(void **state)
{
    struct fixture *f = *state;
    check_problem(f, HEAD "enviroments: {}\n", 3, "enviroments", "environments");
    check_problem(f, HEAD "targets: {local: {url: 'fake://x', timeout: soon}}\n", 3, "soon", NULL);
    check_problem(f, HEAD "targets: {local: {url: 'foo://x'}}\n", 3, "\"foo://x\" is not a valid engine URL",
                  "podman://");
    check_problem(f, HEAD "targets: {local: {url: 'unix://run/x.sock'}}\n", 3, "needs an absolute path",
                  NULL);
    check_problem(f, HEAD "targets: {local: {url: 'tcp://h:99999'}}\n", 3, "99999 is out of range", NULL);
    check_problem(f, HEAD "targets: {local: {url: 'ssh://'}}\n", 3, "has no host", NULL);
    check_problem(f, HEAD "targets: {local: {url: 'podman://run/x.sock'}}\n", 3, "needs an absolute path",
                  "ssh://USER@HOST");
    check_problem(f, HEAD "targets: {local: {url: 'swarm+podman://'}}\n", 3, "Podman manages no swarm",
                  "remove swarm+");
    check_problem(f, HEAD "targets: {local: {url: 'swarm+/run/x.sock'}}\n", 3, "not a valid engine URL",
                  NULL);
    check_problem(f,
                  HEAD "targets: {a: {url: 'unix:///x'}, b: {url: 'unix:///x'}}\nenvironments:\n  prod:\n"
                       "    repository: {url: /x}\n    targets: {}\n",
                  7, "targets a and b are the same engine: unix:///x", "leave one of them out");
    check_problem(f, HEAD "listen: {metrics: '9464'}\n", 3, "9464", NULL);
    check_problem(f, HEAD "listen: {metrics: '127.0.0.1:99999'}\n", 3, "99999 is out of range", NULL);
    check_problem(f, "kind: Settings\n", 1, "apiVersion", NULL);
    check_problem(f, "", 1, "one YAML document", NULL);
    check_problem(f, HEAD "---\n" HEAD, 1, "this one has 2", NULL);
    check_problem(f, HEAD "environments: {Prod: {repository: {url: /x}}}\n", 3,
                  "\"Prod\" is not a valid environment name", "a-z");
    check_problem(f, HEAD "environments: {prod: {}}\n", 3, "repository", NULL);
    check_problem(f, ENV("    interval: 10ms\n"), 6, "interval", NULL);
    check_problem(f, ENV("    sync: {delete_share: 101}\n"), 6, "delete_share", NULL);
    check_problem(f,
                  HEAD "targets: {local: {}, far: {}}\nenvironments:\n  prod:\n    repository: {url: /x}\n   "
                       " target: lokal\n",
                  7, "no target \"lokal\"", "did you mean \"local\"?");
    check_problem(f,
                  HEAD "targets: {local: {}, far: {}}\nenvironments:\n  prod:\n    repository: {url: /x}\n",
                  6, "must set target: there are 2 targets", NULL);
}

static void test_all_problems_at_once(void **state)
{
    struct fixture *f = *state;
    load(f, ENV("    target: nowhere\n    interval: never\n") "bogus: 1\n");
    assert_int_equal(f->diags.errors, 3);
}

/* X7 */
static void test_credentials(void **state)
{
    struct fixture *f = *state;
    static const char with_password[] =
        HEAD "environments:\n  prod:\n    repository: {url: 'https://h/x', password_file: password}\n";
    check_problem(f, with_password, 5, "password_file", NULL);
    put(f, "password", "hunter2", 0644);
    check_problem(f, with_password, 5, "others can read it", "chmod");
    assert_null(strstr(f->diags.items[0].msg, "hunter2"));
    put(f, "password", "hunter2", 0640);
    load_well(f, with_password);
    static const char with_key[] =
        HEAD "environments:\n  prod:\n    repository: {url: 'ssh://h/x', ssh_key: key}\n";
    put(f, "key", "k", 0640);
    check_problem(f, with_key, 5, "is accessible to others", "chmod 600");
    put(f, "key", "k", 0600);
    load_well(f, with_key);
    static const char tls[] = HEAD "targets: {far: {url: 'tcp://h:1', cert: key, key: tls}}\n";
    put(f, "tls", "k", 0644);
    check_problem(f, tls, 3, "is accessible to others", "chmod 600");
    put(f, "tls", "k", 0640);
    load_well(f, tls);
    check_problem(f, HEAD "targets: {far: {url: 'tcp://h:1', key: tls}}\n", 3, "without its cert", NULL);
    check_problem(f, HEAD "targets: {far: {url: 'tcp://h:1', cert: key}}\n", 3, "without its key", NULL);
    /* In an address: the message does not repeat it, and has no place, because the line would be shown. */
    check_problem(f, HEAD "environments:\n  prod:\n    repository: {url: 'https://u:hunter2@h/x'}\n", 0,
                  "credential", "password_file");
    assert_null(strstr(f->diags.items[0].msg, "hunter2"));
    check_problem(
        f,
        HEAD
        "environments:\n  prod:\n    repository:\n      url: 'http://h/x'\n      password_file: password\n",
        6, "not sent over plain http", "https");
}

static void test_file_itself(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct arena a = ARENA_INIT;
    struct diag_list diags;
    diag_init(&diags, &a);
    assert_fails(settings_load(unit_path(f->dir, "missing.yaml"), &f->settings, &diags, &err), ERR_NOTFOUND);
    assert_says("missing.yaml");
    unit_write(f->path, HEAD);
    assert_int_equal(chmod(f->path, 0666), 0);
    assert_ok(settings_load(f->path, &f->settings, &diags, &err));
    assert_int_equal(diags.errors, 1);
    assert_contains(diags.items[0].msg, "is writable by others");
    arena_release(&a);
}

static void check_name(struct fixture *f, const char *folder, const char *env, const char *name)
{
    struct err err = {0};
    settings_release(&f->settings);
    assert_ok(settings_default(unit_path(f->dir, folder), env, NULL, &f->settings, &err));
    assert_int_equal(f->settings.n_envs, 1);
    assert_string_equal(settings_env(&f->settings, NULL)->name, name);
}

static void test_without_a_file(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    static const char *const folders[] = {"My Shop_2", "...", "-x-", "named"};
    for (size_t i = 0; i < ARRAY_LEN(folders); i++)
        assert_int_equal(mkdir(unit_path(f->dir, folders[i]), 0755), 0);
    check_name(f, "My Shop_2", NULL, "my-shop-2");
    check_name(f, "...", NULL, "default");
    check_name(f, "-x-", NULL, "x");
    check_name(f, "-x-", "staging", "staging");
    unit_write(unit_path(f->dir, "named/forge.yaml"),
               "apiVersion: forge/v1\nkind: Project\nmetadata: {name: shop}\n");
    check_name(f, "named", NULL, "shop");
    char url[600];
    snprintf(url, sizeof(url), "dir:%s/named", f->dir);
    assert_string_equal(f->settings.envs[0].source.url, url);
    assert_string_equal(f->settings.envs[0].target->name, "local");
    /* Errors in it are reported by the loader. */
    unit_write(unit_path(f->dir, "named/forge.yaml"), "metadata: [\n");
    check_name(f, "named", NULL, "named");
    unit_write(unit_path(f->dir, "named/forge.yaml"), "kind: Project\nmetadata: {name: 'Not a Label'}\n");
    check_name(f, "named", NULL, "named");
    settings_release(&f->settings);
    assert_fails(settings_default(f->dir, "No Name", NULL, &f->settings, &err), ERR_INVALID);
    assert_fails(settings_default(unit_path(f->dir, "nothing"), NULL, NULL, &f->settings, &err),
                 ERR_NOTFOUND);
}

static void test_places(_unused_ void **state)
{
    struct arena a = ARENA_INIT;
    setenv("FORGE_STATE_DIR", "/given", 1);
    assert_string_equal(settings_default_state_dir(&a), "/given");
    unsetenv("FORGE_STATE_DIR");
    setenv("XDG_STATE_HOME", "/xdg/state", 1);
    assert_string_equal(settings_default_state_dir(&a),
                        getuid() == 0 ? "/var/lib/forge" : "/xdg/state/forge");
    assert_string_equal(settings_default_path(), "/etc/forge/forged.yaml");
    arena_release(&a);
}

/* contrib/doc/settings.md matches the tables. */
static void test_reference(_unused_ void **state)
{
    struct buf b = BUF_INIT;
    settings_reference(&b);
    assert_contains(buf_str(&b), "## environments.NAME.repository\n");
    assert_contains(buf_str(&b), "| `url` | text | required |");
    assert_contains(buf_str(&b), "| `level` | `error`, `warn`, `info`, `debug` | info |");
    struct buf file = BUF_INIT;
    struct err err = {0};
    assert_ok(io_read_file("contrib/doc/settings.md", 1 << 20, &file, &err));
    if (!str_eq(buf_str(&file), buf_str(&b)))
        fail_msg("the tables have changed: forge-ctl generate settings >contrib/doc/settings.md");
    buf_release(&file);
    buf_release(&b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#define ENGINES                                                         \
    HEAD "targets:\n"                                                   \
         "  b: {url: \"fake://b\", labels: {role: edge, disk: fast}}\n" \
         "  a: {url: \"fake://a\", labels: {role: edge}}\n"             \
         "  c: {url: \"fake://c\"}\n"                                   \
         "environments:\n"                                              \
         "  e:\n"                                                       \
         "    repository: {url: \"dir:/m\"}\n"

static void test_several_targets(void **state)
{
    static const struct {
        const char *text, *names, *fallback;
    } cases[] = {
        {"    targets: {matchLabels: {role: edge}}\n", "a, b", NULL},
        {"    targets: {}\n", "a, b, c", NULL},
        {"    targets: [c, a]\n", "a, c", NULL},
        {"    targets: {names: [c, a]}\n    target: c\n", "a, c", "c"},
        {"    targets: {matchLabels: {disk: fast}, names: [b, c]}\n", "b", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture *f = *state;
        char text[2048];
        snprintf(text, sizeof(text), ENGINES "%s", cases[i].text);
        const struct env_config *c = settings_env(load_well(f, text), "e");
        assert_non_null(c->target->members);
        assert_string_equal(c->target->name, cases[i].names);
        assert_true(str_eq(c->fallback, cases[i].fallback));
    }
}

static void test_several_targets_that_are_wrong(void **state)
{
    struct fixture *f = *state;
    check_problem(f, ENGINES "    targets: {matchLabels: {role: core}}\n", 10, "no target matches", "labels");
    check_problem(f, ENGINES "    targets: a\n", 10, "\"a\" is not a target selector", "names");
    check_problem(f, ENGINES "    targets: []\n", 10, "an empty list selects no target", "{}");
    check_problem(f, ENGINES "    targets: {names: []}\n", 10, "an empty list selects no target", "{}");
    check_problem(f, ENGINES "    targets: {names: [a, bb]}\n", 10, "there is no target \"bb\"", "\"b\"");
    check_problem(f, ENGINES "    targets: {names: [a, b]}\n    target: c\n", 11,
                  "target \"c\" is not one of those that targets selects", NULL);
    check_problem(f, HEAD "targets:\n  \"a@b\": {url: \"fake://a\"}\n", 4,
                  "\"a@b\" is not a valid target name", "letters");
    check_problem(f, HEAD "targets:\n  a: {url: \"fake://a\", labels: {role: [x]}}\n", 4, "labels", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_everything),
        TEST(test_several_targets),
        TEST(test_several_targets_that_are_wrong),
        TEST(test_defaults),
        TEST(test_paths_start_at_the_file),
        TEST(test_problems_have_a_place_and_a_hint),
        TEST(test_all_problems_at_once),
        TEST(test_credentials),
        TEST(test_file_itself),
        TEST(test_without_a_file),
        TEST(test_places),
        TEST(test_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
