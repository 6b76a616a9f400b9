/*
 * The Docker provider without a local socket: TLS, ssh, a registry with a password, and an engine that is
 * restarted while its event stream is open. On a private engine, which is found by its socket.
 *
 * services: engine-tls engine-ssh registry
 */
#include "tests/engine/docker_bench.h"

#include "base/child.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/str.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <cmocka.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#define ENGINE_ARGS 64

static const char *need(const char *name)
{
    const char *s = getenv(name);
    if (str_empty(s)) {
        print_message("skip - $%s is not set; run this by tests/run or tests/lib/with\n", name);
        exit(77);
    }
    return s;
}

/* Ping the target, and observe everything. */
static int try_target(struct bench *b, const struct target *t, struct err *err)
{
    struct provider *p;
    unsigned caps;
    const char *engine;
    struct observed o;
    const struct provider_env env = {.pool = b->pool};
    const struct observe_request rq = {.owner = b->owner};
    int r = provider_open(t, &env, &p, err);
    if (r < 0)
        return r;
    r = p->ops->ping(p, &caps, &engine, &b->arena, err);
    if (r == 0)
        r = p->ops->observe(p, &rq, NULL, &b->arena, &o, err);
    if (r == 0)
        assert_true(str_starts(engine, "docker 20."));
    provider_close(p);
    return r;
}

/* A slow engine may reset the connection before its refusal is read: then the error is transient, and the
   call is retried. */
static bool refused(struct bench *b, const struct target *t)
{
    for (int i = 0; i < 5; i++) {
        int r = try_target(b, t, &b->err);
        if (r == ERR_AUTH)
            return true;
        if (r != ERR_UNAVAILABLE)
            break;
    }
    return false;
}

static void test_tls(void **state)
{
    struct bench *b = *state;
    const char *dir = need("ENGINE_TLS_DIR"), *url = need("ENGINE_TLS_HOST");
    struct target t = {
        .name = "tls",
        .url = url,
        .timeout_ns = 5 * NS_PER_S,
        .ca_file = arena_printf(&b->arena, "%s/ca.pem", dir),
        .cert_file = arena_printf(&b->arena, "%s/cert.pem", dir),
        .key_file = arena_printf(&b->arena, "%s/key.pem", dir),
    };
    const struct target right = t;
    if (try_target(b, &t, &b->err) < 0)
        fail_msg("%s", b->err.msg);

    t.ca_file = arena_printf(&b->arena, "%s/wrong/ca.pem", dir);
    assert_int_equal(try_target(b, &t, &b->err), ERR_AUTH);
    assert_non_null(strstr(b->err.msg, "not trusted"));

    t = right;
    t.cert_file = arena_printf(&b->arena, "%s/wrong/cert.pem", dir);
    t.key_file = arena_printf(&b->arena, "%s/wrong/key.pem", dir);
    assert_true(refused(b, &t));
    assert_non_null(strstr(b->err.msg, "rejected"));
    assert_string_equal(b->err.hint, "check the target's cert and key");

    t = right;
    t.cert_file = t.key_file = NULL;
    assert_true(refused(b, &t));

    t = right;
    t.url = arena_printf(&b->arena, "tcp://127.0.0.2%s",
                         strrchr(url, ':')); /* a name that is not in the certificate */
    int r = try_target(b, &t, &b->err);
    assert_true(r == ERR_AUTH || r == ERR_UNAVAILABLE);

    t = (struct target){
        .name = "plain", .url = url, .timeout_ns = 5 * NS_PER_S}; /* no TLS towards a TLS port */
    assert_true(try_target(b, &t, &b->err) < 0);
}

static void test_ssh(void **state)
{
    struct bench *b = *state;
    struct target t = {
        .name = "ssh",
        .url = need("ENGINE_SSH_HOST"),
        .timeout_ns = 20 * NS_PER_S,
        .ssh_key_file = need("SSHD_KEY"),
        .ssh_known_hosts = need("SSHD_KNOWN_HOSTS"),
    };
    const struct target right = t;
    if (try_target(b, &t, &b->err) < 0)
        fail_msg("%s", b->err.msg);

    t.ssh_known_hosts = "/dev/null";
    assert_int_equal(try_target(b, &t, &b->err), ERR_AUTH);
    assert_non_null(strstr(b->err.msg, "Host key verification failed"));

    t.ssh_known_hosts = need("SSHD_WRONG_KNOWN_HOSTS");
    assert_int_equal(try_target(b, &t, &b->err), ERR_AUTH);
    assert_non_null(strstr(b->err.msg, ": its host key is not the one in known_hosts"));

    t = right;
    t.ssh_key_file = "/dev/null";
    assert_int_equal(try_target(b, &t, &b->err), ERR_AUTH);

    t = right;
    t.url = "ssh://127.0.0.1:1";
    assert_int_equal(try_target(b, &t, &b->err), ERR_UNAVAILABLE);

    t = right;
    t.url = arena_printf(&b->arena, "%s/run/no-such.sock", right.url);
    assert_int_equal(try_target(b, &t, &b->err), ERR_UNAVAILABLE);
}

/* The full life cycle of a container over ssh and TLS, including streams, uploads and upgraded
   connections. */
static void live(struct bench *b, const struct target *t)
{
    struct provider *local = b->p, *p;
    const struct provider_env env = {.pool = b->pool};
    if (provider_open(t, &env, &p, &b->err) < 0)
        fail_msg("%s", b->err.msg);
    b->p = p;
    struct resource *r =
        bench_resource(b, &kind_container, "far",
                       bench_json(b, "{'image': 'forge-test/busybox:1', 'network_mode': 'none'}"));
    struct step s = bench_step(b, STEP_CREATE, r);
    const struct step_file file = {.target = "/x", .source = "x", .data = "far away", .len = 8, .mode = -1};
    s.files = &file;
    s.n_files = 1;
    bench_must(b, &s);
    s.verb = STEP_START;
    bench_must(b, &s);
    int in[2], out[2], code = -1;
    char data[64] = "";
    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(out), 0);
    assert_int_equal(write(in[1], "over", 4), 4);
    close(in[1]);
    static const char *const argv[] = {"sh", "-c", "cat /x -", NULL};
    const struct exec_request rq = {.native_name = bench_name(b, "far-1"),
                                    .argv = argv,
                                    .interactive = true,
                                    .in_fd = in[0],
                                    .out_fd = out[1],
                                    .err_fd = out[1]};
    assert_int_equal(p->ops->exec(p, &rq, NULL, &code, &b->err), 0);
    assert_int_equal(code, 0);
    assert_true(read(out[0], data, sizeof(data) - 1) > 0);
    assert_string_equal(data, "far awayover");
    close(in[0]);
    close(out[0]);
    close(out[1]);
    bench_remove_all(b);
    provider_close(p);
    b->p = local;
}

static void test_a_life_far_away(void **state)
{
    struct bench *b = *state;
    const char *dir = need("ENGINE_TLS_DIR");
    const struct target tls = {
        .name = "tls",
        .url = need("ENGINE_TLS_HOST"),
        .ca_file = arena_printf(&b->arena, "%s/ca.pem", dir),
        .cert_file = arena_printf(&b->arena, "%s/cert.pem", dir),
        .key_file = arena_printf(&b->arena, "%s/key.pem", dir),
    };
    const struct target ssh = {.name = "ssh",
                               .url = need("ENGINE_SSH_HOST"),
                               .ssh_key_file = need("SSHD_KEY"),
                               .ssh_known_hosts = need("SSHD_KNOWN_HOSTS")};
    live(b, &tls);
    live(b, &ssh);
}

/* Run docker's command line, as tests/lib/registry.sh does. */
static void docker(struct bench *b, const char *const *argv, const char *input)
{
    struct buf out = BUF_INIT;
    int status;
    const struct child_opts o = {
        .argv = argv, .input = input, .input_len = input ? strlen(input) : 0, .timeout_ns = 60 * NS_PER_S};
    if (child_run(&o, &out, &out, &status, &b->err) < 0 || status != 0)
        fail_msg("docker %s: %s", argv[1], buf_str(&out));
    buf_release(&out);
}

static const char *in_registry(struct bench *b, const char *tag)
{
    return arena_printf(&b->arena, "%s/%s:%s", need("REGISTRY"), b->owner, tag);
}

/* Push a local image under a tag, and remove the local name unless `stay`. */
static void push(struct bench *b, const char *image, const char *tag, bool stay)
{
    const char *registry = need("REGISTRY"), *name = in_registry(b, tag);
    docker(
        b,
        (const char *[]){"docker", "login", "-u", need("REGISTRY_USER"), "--password-stdin", registry, NULL},
        need("REGISTRY_PASSWORD"));
    docker(b, (const char *[]){"docker", "tag", image, name, NULL}, NULL);
    docker(b, (const char *[]){"docker", "push", "-q", name, NULL}, NULL);
    if (!stay)
        docker(b, (const char *[]){"docker", "rmi", name, NULL}, NULL);
    docker(b, (const char *[]){"docker", "logout", registry, NULL}, NULL);
}

/* Reopen the provider with a login for the registry; *login may be changed while it is open. */
static void log_in(struct bench *b, struct target *t, struct registry_login *login,
                   const struct secret *password)
{
    *login = (struct registry_login){
        .registry = need("REGISTRY"), .username = need("REGISTRY_USER"), .password = password};
    *t =
        (struct target){.name = "with a login", .url = getenv("DOCKER_HOST"), .logins = login, .n_logins = 1};
    provider_close(b->p);
    if (provider_open(t, &b->env, &b->p, &b->err) < 0)
        fail_msg("%s", b->err.msg);
}

static struct step pull_step(struct bench *b, const char *image, const char *policy)
{
    struct step s = bench_step(b, STEP_PULL, bench_resource(b, &kind_container, "pull", bench_json(b, "{}")));
    s.image = image;
    s.pull_policy = policy;
    return s;
}

static void test_pulls_with_a_password(void **state)
{
    struct bench *b = *state;
    const char *password = need("REGISTRY_PASSWORD");
    struct secret *right = secret_new(password, strlen(password)), *wrong = secret_new("wrong-password", 14);
    struct registry_login login;
    struct target t;
    push(b, IMAGE_1, "1", false);
    struct step s = pull_step(b, in_registry(b, "1"), "missing");
    assert_int_equal(bench_do(b, &s), ERR_AUTH); /* nobody is logged in */
    log_in(b, &t, &login, wrong);
    assert_int_equal(bench_do(b, &s), ERR_AUTH);
    assert_null(strstr(b->err.msg, "wrong-password"));
    login.password = right;
    bench_must(b, &s);
    assert_false(b->result.unchanged);
    assert_true(str_starts(b->result.image_id, "sha256:"));
    assert_true(b->progress_calls > 0);
    bench_must(b, &s);
    assert_true(b->result.unchanged);
    s.pull_policy = "always";
    bench_must(b, &s);
    assert_true(b->result.unchanged);
    bench_reopen(b);
    secret_free(right);
    secret_free(wrong);
}

/* The registry's current image is known without a pull (P7), and an image can be pinned by its digest. */
static void test_an_image_that_moved_in_the_registry(void **state)
{
    struct bench *b = *state;
    const char *password = need("REGISTRY_PASSWORD"), *image = in_registry(b, "moving");
    struct secret *right = secret_new(password, strlen(password));
    struct registry_login login;
    struct target t;
    struct resource_set set;
    push(b, IMAGE_1, "moving", true);
    log_in(b, &t, &login, right);
    const char *json =
        arena_printf(&b->arena, "{'image': '%s', 'pull_policy': 'always', 'network_mode': 'none'}", image);
    struct resource *web = bench_resource(b, &kind_container, "web", bench_json(b, json));
    bench_make(b, web, false);
    resource_set_init(&set, &b->arena);
    resource_set_add(&set, web);
    resource_set_sort(&set);
    struct observed o = bench_observe(b, &set, false);
    const struct image_fact *fact = observed_image(&o, image);
    const char *first = fact->digest;
    assert_true(fact->present && first);
    assert_false(bench_find(&o, "container/web")->image_moved);

    push(b, IMAGE_2, "moving", false); /* from elsewhere */
    struct step s =
        pull_step(b, arena_printf(&b->arena, "%s/%s@%s", need("REGISTRY"), b->owner, first), "missing");
    bench_must(b, &s);
    docker(b, (const char *[]){"docker", "tag", IMAGE_1, image, NULL},
           NULL); /* the local tag still means the first image */
    o = bench_observe(b, &set, false);
    fact = observed_image(&o, image);
    assert_false(fact->present);
    assert_true(fact->digest && !str_eq(fact->digest, first));
    assert_true(bench_find(&o, "container/web")->image_moved);

    s = pull_step(b, image, "always");
    bench_must(b, &s);
    assert_false(b->result.unchanged);
    o = bench_observe(b, &set, false);
    fact = observed_image(&o, image);
    assert_true(fact->present && !str_eq(fact->id, bench_find(&o, "container/web")->image_id));
    bench_remove_all(b);
    bench_reopen(b);
    resource_set_release(&set);
    secret_free(right);
}

/* An image name that now resolves to another image on the engine than the running one, or to none. */
static void test_an_image_that_moved_here(void **state)
{
    struct bench *b = *state;
    const char *name = arena_printf(&b->arena, "%s:x", b->owner);
    docker(b, (const char *[]){"docker", "tag", IMAGE_1, name, NULL}, NULL);
    const char *json = arena_printf(&b->arena, "{'image': '%s', 'network_mode': 'none'}", name);
    struct resource *r = bench_resource(b, &kind_container, "local", bench_json(b, json));
    struct resource_set set;
    resource_set_init(&set, &b->arena);
    resource_set_add(&set, r);
    resource_set_sort(&set);
    bench_make(b, r, false);
    struct observed o = bench_observe(b, &set, false);
    assert_false(bench_find(&o, "container/local")->image_moved);
    assert_true(observed_image(&o, name)->present);
    docker(b, (const char *[]){"docker", "tag", IMAGE_2, name, NULL}, NULL);
    o = bench_observe(b, &set, false);
    assert_true(bench_find(&o, "container/local")->image_moved);
    assert_string_not_equal(observed_image(&o, name)->id, bench_find(&o, "container/local")->image_id);
    docker(b, (const char *[]){"docker", "rmi", name, NULL}, NULL);
    o = bench_observe(b, &set, false);
    assert_false(observed_image(&o, name)->present);
    assert_false(bench_find(&o, "container/local")->image_moved);
    bench_remove_all(b);
    resource_set_release(&set);
}

/* ---- a restart of the engine ---- */

static pid_t listener_of(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct ucred cred;
    socklen_t len = sizeof(cred);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    str_copy(addr.sun_path, sizeof(addr.sun_path), path);
    assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len), 0);
    close(fd);
    return cred.pid;
}

/* Stop dockerd. Returns the arguments that it was started with, for `start_engine`. */
static char **stop_engine(struct bench *b, const char *socket_path)
{
    pid_t engine = listener_of(socket_path);
    char **argv = arena_array(&b->arena, char *, ENGINE_ARGS + 1);
    char *data = arena_alloc(&b->arena, 4096);
    size_t n = 0;
    FILE *f = fopen(arena_printf(&b->arena, "/proc/%d/cmdline", (int)engine), "re");
    size_t got = fread(data, 1, 4095, f);
    fclose(f);
    for (char *p = data; p < data + got && n < ENGINE_ARGS; p += strlen(p) + 1)
        argv[n++] = p;
    assert_true(strstr(argv[0], "dockerd") != NULL);
    kill(engine, SIGTERM);
    for (int i = 0; i < 300 && kill(engine, 0) == 0; i++)
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    return argv;
}

/* Start dockerd again. Returns its process id. */
static pid_t start_engine(char **argv)
{
    extern char **environ;
    posix_spawn_file_actions_t files;
    pid_t pid;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
    assert_int_equal(posix_spawnp(&pid, argv[0], &files, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&files);
    return pid;
}

struct heard {
    struct buf text;
    unsigned lost;
};

static void hear(void *arg, const struct provider_event *ev)
{
    struct heard *h = arg;
    if (ev->lost)
        h->lost++;
    else
        buf_addf(&h->text, "%s %s|", ev->action, str_or(ev->id, "?"));
}

static bool listen_for(struct watch *w, struct heard *h, const char *what, unsigned lost, int ms)
{
    struct err err = {0};
    int64_t end = clock_mono(clock_system()) + ms * NS_PER_MS;
    while (clock_mono(clock_system()) < end) {
        struct pollfd p = {.fd = w->fd, .events = POLLIN};
        if (poll(&p, 1, 20) > 0)
            assert_int_equal(w->provider->ops->watch_dispatch(w, &err), 0);
        if ((!what || strstr(buf_str(&h->text), what)) && h->lost >= lost)
            return true;
    }
    return false;
}

static void test_events_and_a_restart_of_the_engine(void **state)
{
    struct bench *b = *state;
    const char *path = str_after(need("DOCKER_HOST"), "unix://"), *dir = need("SERVICE_DIR");
    if (!path || !str_starts(path, dir)) /* only ever restart a private engine */
        fail_msg("the engine at %s is not this test's own", path);
    struct heard h = {BUF_INIT, 0};
    struct watch w = {.provider = b->p, .event = hear, .arg = &h};
    assert_int_equal(b->p->ops->watch_open(b->p, b->owner, &w, &b->err), 0);
    assert_false(listen_for(&w, &h, "nothing", 0, 200));
    struct resource *net = bench_resource(b, &kind_network, "n", val_map(&b->arena));
    bench_make(b, net, false);
    struct resource *r = bench_resource(
        b, &kind_container, "e",
        bench_json(b,
                   arena_printf(&b->arena,
                                "{'image': 'forge-test/busybox:1', 'networks': {'%s': {'aliases': ['e']}}}",
                                bench_name(b, "n"))));
    const char *id = bench_make(b, r, true);
    assert_true(listen_for(&w, &h, "start container/e|", 0, 5000));
    assert_true(strstr(buf_str(&h.text), "create network/n|") != NULL);
    buf_reset(&h.text);
    docker(b, (const char *[]){"docker", "update", "--memory", "64m", "--memory-swap", "64m", id, NULL},
           NULL);
    assert_true(listen_for(&w, &h, "update container/e|", 0, 5000));
    docker(b, (const char *[]){"docker", "network", "disconnect", bench_name(b, "n"), id, NULL}, NULL);
    assert_true(listen_for(&w, &h, "disconnect container/e|", 0, 5000));
    docker(b, (const char *[]){"docker", "kill", id, NULL}, NULL);
    assert_true(listen_for(&w, &h, "die container/e|", 0, 5000));
    buf_reset(&h.text);
    /* Events of objects that are not ours do not wake the watcher. */
    docker(b, (const char *[]){"docker", "run", "--rm", "--net", "none", IMAGE_1, "true", NULL}, NULL);
    assert_false(listen_for(&w, &h, "|", 0, 500));
    assert_int_equal(h.lost, 0);

    bench_observe(b, NULL, false);
    struct observed o = bench_observe(b, NULL, false);
    assert_int_equal(o.inspected, 0);
    char **argv = stop_engine(b, path);
    assert_true(listen_for(&w, &h, NULL, 1, 30000)); /* it is gone */
    pid_t engine = start_engine(argv);
    assert_true(listen_for(&w, &h, NULL, 2, 30000)); /* its log starts over: events may be missing */
    buf_reset(&h.text);
    o = bench_observe(b, NULL, false); /* so the cache is not trusted either */
    assert_int_equal(o.inspected, 1);
    struct step s = bench_step(b, STEP_START, r);
    bench_must(b, &s);
    assert_true(listen_for(&w, &h, "start container/e|", 0, 5000));
    b->p->ops->watch_close(&w);
    bench_remove_all(b);
    buf_release(&h.text);
    kill(engine, SIGTERM);
    waitpid(engine, NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls),
        cmocka_unit_test(test_ssh),
        cmocka_unit_test(test_a_life_far_away),
        cmocka_unit_test(test_pulls_with_a_password),
        cmocka_unit_test(test_an_image_that_moved_in_the_registry),
        cmocka_unit_test(test_an_image_that_moved_here),
        cmocka_unit_test(test_events_and_a_restart_of_the_engine), /* last: it stops the engine */
    };
    return cmocka_run_group_tests(tests, bench_setup, bench_teardown);
}
