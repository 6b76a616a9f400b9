/* The repositories in examples/ load without a problem, in each of their environments. */
#include <dirent.h>
#include <stdlib.h>

#include "kind_test.h"

#include "base/io.h"
#include "base/str.h"

static void add_folder(struct repository *r, const char *top, const char *folder)
{
    struct dirent **entries;
    const char *path = arena_printf(&r->w->arena, "%s/%s", top, folder);
    int n = scandir(path, &entries, NULL, alphasort);
    if (n < 0)
        fail_msg("%s is missing; run from the top of the tree", path);
    for (int i = 0; i < n; i++) {
        const char *name = entries[i]->d_name;
        const char *inner = arena_printf(&r->w->arena, "%s%s%s", folder, *folder ? "/" : "", name);
        if (entries[i]->d_type == DT_DIR && name[0] != '.') {
            add_folder(r, top, inner);
        } else if (entries[i]->d_type == DT_REG) {
            struct buf text = BUF_INIT;
            struct err err = {0};
            if (io_read_file(arena_printf(&r->w->arena, "%s/%s", top, inner), 1u << 20, &text, &err) < 0)
                fail_msg("%s", err.msg);
            repository_add(r, inner, arena_strdup(&r->w->arena, buf_str(&text)));
            buf_release(&text);
        }
        free(entries[i]);
    }
    free(entries);
}

static struct repository *example(struct world *w, const char *name, const char *environment)
{
    struct repository *r = repository_new(w);
    r->environment = environment;
    r->commit = "0123456789abcdef0123456789abcdef01234567";
    add_folder(r, arena_printf(&w->arena, "examples/%s", name), "");
    assert_string_equal(repository_load(r), "");
    return r;
}

static void test_hello(void **state)
{
    struct world *w = *state;
    struct repository *r = example(w, "hello", "hello");
    assert_int_equal(r->set.n, 5);
    const struct val *web = resource_find(&r->set, "container/web")->spec;
    assert_string_equal(val_get_str(web, "image"), "forge-example/web:1");
    assert_string_equal(val_get_str(web, "restart"), "unless-stopped");
    assert_string_equal(val_get(web, "command")->items[2]->s,
                        "echo \"$GREETING\" >/www/greeting && exec httpd -f -p 80 -h /www");
}

static void test_backends(void **state)
{
    struct world *w = *state;
    struct repository *plain = example(w, "backends", "docker"), *swarm = example(w, "backends", "swarm");
    assert_int_equal(plain->set.n, 5);
    assert_null(val_get(resource_find(&plain->set, "container/web")->spec, "deploy"));
    assert_string_equal(
        val_path(resource_find(&swarm->set, "container/web")->spec, "deploy.endpoint_mode")->s, "dnsrr");
}

static void test_compose(void **state)
{
    struct world *w = *state;
    struct repository *r = example(w, "compose", "compose");
    assert_int_equal(r->set.n, 4);
    const struct val *web = resource_find(&r->set, "container/web")->spec;
    assert_string_equal(val_get_str(web, "image"), "forge-example/web:1");
    assert_int_equal(val_len(val_get(web, "configs")), 1);
    assert_string_equal(val_path(web, "environment.GREETING")->s, "hello from a compose file");
    assert_int_equal(r->set.n_inactive, 1);
}

static void test_overlays(void **state)
{
    struct world *w = *state;
    struct repository *staging = example(w, "overlays", NULL);
    assert_string_equal(staging->set.environment, "staging");
    assert_int_equal(staging->set.n, 3);
    assert_string_equal(
        json_of(w, val_get(resource_find(&staging->set, "container/web")->spec, "environment")),
        "{'BANNER': 'running staging', 'ENVIRONMENT': 'staging', 'LOG_LEVEL': 'debug', 'WORKERS': '2'}");

    struct repository *production = example(w, "overlays", "production");
    assert_int_equal(production->set.n, 2);
    const struct val *web = resource_find(&production->set, "container/web")->spec;
    assert_string_equal(val_get_str(web, "image"), "forge-example/web:1");
    assert_int_equal(val_get_int(val_get(web, "resources"), "memory", 0), 64 << 20);
    assert_int_equal(val_get_int(resource_find(&production->set, "container/worker")->spec, "replicas", 0),
                     3);
}

static void test_many_engines(void **state)
{
    struct world *w = *state;
    struct repository *r = example(w, "many-engines", NULL);
    assert_int_equal(r->set.n, 5);
    assert_string_equal(val_get_str(resource_find(&r->set, "container/report")->spec, "target"), "paris");
}

static void test_swarm(void **state)
{
    struct world *w = *state;
    struct repository *r = example(w, "swarm", "shop");
    assert_non_null(resource_find(&r->set, "container/agent"));
    assert_string_equal(
        val_get_str(val_path(resource_find(&r->set, "container/agent")->spec, "deploy"), "mode"), "global");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        repository_test(test_hello),    repository_test(test_backends),     repository_test(test_compose),
        repository_test(test_overlays), repository_test(test_many_engines), repository_test(test_swarm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
