/* Real Git servers, over https and ssh: what is fetched, what is refused, and what a failing one leaves
 * behind. */
/* services: git-ssh git-https */
#include "tests/lib/faultproxy.h"
#include "tests/lib/gitrepo.h"
#include "tests/lib/unit.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/child.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"
#include "reconciler/source/source.h"

#define PASSPHRASE "correct horse"

/* A repository on the servers, a work tree to push from, and a source that follows it. */
struct fixture {
    char *dir, *tree;
    char name[64], bare[512], url[1024], cache[512];
    bool ssh;
    struct secret *password, *passphrase;
    struct source_config config;
    struct source *source;
    struct snapshot *snapshot;
};

static const char *env(const char *name)
{
    const char *value = getenv(name);
    if (!value)
        fail_msg("%s is not set: run this under tests/lib/with git-ssh git-https", name);
    return value;
}

static struct fixture *fixture_new(bool ssh)
{
    struct fixture *f = mem_new(struct fixture);
    static unsigned count;
    f->dir = unit_temp_dir();
    f->ssh = ssh;
    snprintf(f->name, sizeof(f->name), "remote-%u", ++count);
    snprintf(f->bare, sizeof(f->bare), "%s/%s.git", env("GIT_ROOT"), f->name);
    snprintf(f->cache, sizeof(f->cache), "%s/cache", f->dir);
    snprintf(f->url, sizeof(f->url), "%s/%s.git", env(ssh ? "GIT_SSH_URL" : "GIT_HTTPS_URL"), f->name);
    gitrepo_run(f->dir, "init", "-q", "--bare", "-b", "main", f->bare, NULL);
    gitrepo_run(f->bare, "config", "uploadpack.allowAnySHA1InWant", "true", NULL);
    f->tree = mem_strdup(gitrepo_new(f->dir, "tree"));
    gitrepo_run(f->tree, "remote", "add", "origin", f->bare, NULL);
    f->password = secret_new(env("GIT_HTTPS_PASSWORD"), strlen(env("GIT_HTTPS_PASSWORD")));
    f->passphrase = secret_new(PASSPHRASE, strlen(PASSPHRASE));
    f->config = (struct source_config){.url = f->url, .cache_dir = f->cache, .timeout_ns = 20 * NS_PER_S};
    if (ssh) {
        f->config.ssh_key_file = env("SSHD_KEY");
        f->config.ssh_known_hosts = env("SSHD_KNOWN_HOSTS");
    } else {
        f->config.username = env("GIT_HTTPS_USER");
        f->config.password = f->password;
        f->config.ca_file = env("GIT_HTTPS_CA");
    }
    return f;
}

static int setup_https(void **state)
{
    *state = fixture_new(false);
    return 0;
}

static int setup_ssh(void **state)
{
    *state = fixture_new(true);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    snapshot_free(f->snapshot);
    source_close(f->source);
    assert_ok(io_remove_tree(f->bare, &err));
    unit_temp_remove(f->dir);
    secret_free(f->password);
    secret_free(f->passphrase);
    free(f->tree);
    free(f);
    return 0;
}

/* A new source for the configuration, as a new process would open it. */
static void reopen(struct fixture *f)
{
    struct err err = {0};
    snapshot_free(f->snapshot);
    f->snapshot = NULL;
    source_close(f->source);
    f->source = NULL;
    assert_ok(source_open(&f->config, &f->source, &err));
}

static const char *push(struct fixture *f, const char *file, const char *text)
{
    const char *commit = gitrepo_commit(f->tree, file, text);
    gitrepo_run(f->tree, "push", "-q", "--force", "origin", "HEAD", NULL);
    return commit;
}

static bool fetch(struct fixture *f)
{
    struct err err = {0};
    bool moved = false;
    assert_ok(source_fetch(f->source, NULL, &moved, &err));
    return moved;
}

/* X7: no error holds a credential. */
static void check_no_secret(const struct err *err)
{
    static const char *const names[] = {"GIT_HTTPS_PASSWORD", "GIT_HTTPS_TOKEN"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_null(strstr(err->msg, env(names[i])));
        assert_null(strstr(err->hint, env(names[i])));
    }
    assert_null(strstr(err->msg, PASSPHRASE));
    assert_null(strstr(err->msg, "wrong-secret"));
}

static void check_fetch_fails(struct fixture *f, int code, const char *says, const char *hints)
{
    struct err err = {0};
    bool moved = false;
    assert_fails(source_fetch(f->source, NULL, &moved, &err), code);
    assert_says(says);
    assert_hints(hints);
    assert_int_equal(err.retryable, code == ERR_UNAVAILABLE || code == ERR_TIMEOUT);
    assert_false(moved);
    check_no_secret(&err);
}

static const char *commit_of(struct fixture *f, const char *rev)
{
    struct err err = {0};
    snapshot_free(f->snapshot);
    f->snapshot = NULL;
    assert_ok(source_snapshot(f->source, rev, &f->snapshot, &err));
    return snapshot_info(f->snapshot)->commit;
}

static void check_content(struct fixture *f, const char *path, const char *wanted)
{
    const struct load_file *files;
    struct err err = {0};
    struct arena a = ARENA_INIT;
    const char *text;
    size_t len;
    commit_of(f, NULL);
    for (size_t i = 0; i < snapshot_files(f->snapshot, &files); i++)
        if (str_eq(files[i].path, path)) {
            assert_ok(snapshot_read(f->snapshot, i, &a, &text, &len, &err));
            assert_string_equal(text, wanted);
            arena_release(&a);
            return;
        }
    fail_msg("%s is not there", path);
}

/* The newest change of anything in our copy. */
static const char *state_of_copy(struct fixture *f)
{
    return gitrepo_run(f->cache, "-c", "alias.state=!find . -printf '%p %T@ %s\\n' | sort | sha256sum",
                       "state", NULL);
}

/* ---- both ways ---- */

static void test_follows(void **state)
{
    struct fixture *f = *state;
    char first[41], second[41], before[128];
    str_copy(first, sizeof(first), push(f, "deploy/x.yaml", "1"));
    f->config.path = "deploy";
    reopen(f);
    assert_true(fetch(f));
    check_content(f, "x.yaml", "1");
    /* Nothing new: nothing is written. */
    str_copy(before, sizeof(before), state_of_copy(f));
    assert_false(fetch(f));
    assert_string_equal(state_of_copy(f), before);
    str_copy(second, sizeof(second), push(f, "deploy/x.yaml", "2"));
    assert_true(fetch(f));
    check_content(f, "x.yaml", "2");
    assert_string_equal(commit_of(f, "HEAD~1"), first);
    /* Another process starts from what is there. */
    reopen(f);
    assert_string_equal(commit_of(f, NULL), second);
    assert_false(fetch(f));
    /* History rewritten. */
    gitrepo_run(f->tree, "reset", "-q", "--hard", first, NULL);
    push(f, "deploy/y.yaml", "3");
    assert_true(fetch(f));
    check_content(f, "y.yaml", "3");
    assert_string_equal(commit_of(f, "HEAD~1"), first);
}

/* forged fetches with one source and looks with another; forge-ctl may fetch beside it. */
static void test_two_sources_of_one_repository(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    bool moved = false;
    struct source *other = NULL;
    char second[41];
    push(f, "x.yaml", "1");
    reopen(f);
    assert_true(fetch(f));
    commit_of(f, NULL);
    assert_ok(source_open(&f->config, &other, &err));
    str_copy(second, sizeof(second), push(f, "x.yaml", "2"));
    assert_ok(source_fetch(other, NULL, &moved, &err));
    assert_true(moved);
    assert_string_equal(commit_of(f, NULL), second);
    assert_true(fetch(f)); /* moved since its own last fetch */
    assert_false(fetch(f));
    source_close(other);
}

static void test_branches_tags_and_commits(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    char first[41], second[41], third[41];
    str_copy(first, sizeof(first), push(f, "x.yaml", "1"));
    gitrepo_run(f->tree, "tag", "-a", "-m", "one", "v1", NULL);
    str_copy(second, sizeof(second), push(f, "x.yaml", "2"));
    gitrepo_run(f->tree, "push", "-q", "origin", "v1", NULL);
    gitrepo_run(f->tree, "checkout", "-q", "-b", "feature", NULL);
    str_copy(third, sizeof(third), push(f, "x.yaml", "3"));
    f->config.branch = "main";
    reopen(f);
    assert_true(fetch(f));
    assert_string_equal(commit_of(f, NULL), second);
    assert_string_equal(commit_of(f, "v1"), first);
    assert_string_equal(commit_of(f, "v1^{commit}"), first);
    /* Another branch is fetched when it is asked for, each time. */
    assert_string_equal(commit_of(f, "feature"), third);
    str_copy(third, sizeof(third), push(f, "x.yaml", "4"));
    assert_string_equal(commit_of(f, "feature"), third);
    assert_string_equal(commit_of(f, "feature~2"), second);
    snapshot_free(f->snapshot);
    f->snapshot = NULL;
    assert_fails(source_snapshot(f->source, "featur", &f->snapshot, &err), ERR_NOTFOUND);
    assert_hints("\"feature\"");
    f->config.branch = NULL;
    f->config.revision = "v1";
    reopen(f);
    fetch(f);
    assert_string_equal(commit_of(f, NULL), first);
    /* A commit that is no tip. */
    f->config.revision = second;
    reopen(f);
    fetch(f);
    assert_string_equal(commit_of(f, NULL), second);
    f->config.revision = "v2";
    reopen(f);
    check_fetch_fails(f, ERR_NOTFOUND, "has no tag \"v2\"", "tag");
    f->config.revision = "1234567812345678123456781234567812345678";
    reopen(f);
    assert_fails(source_fetch(f->source, NULL, &(bool){false}, &err), ERR_NOTFOUND);
}

static void test_commit_alone_in_a_new_copy(void **state)
{
    struct fixture *f = *state;
    char first[41];
    str_copy(first, sizeof(first), push(f, "x.yaml", "1"));
    push(f, "x.yaml", "2");
    f->config.revision = first;
    reopen(f);
    assert_true(fetch(f));
    assert_string_equal(commit_of(f, NULL), first);
    check_content(f, "x.yaml", "1");
}

static void test_missing_things(void **state)
{
    struct fixture *f = *state;
    char commit[41];
    reopen(f);
    check_fetch_fails(f, ERR_NOTFOUND, "is empty: it has no commit yet", "push");
    str_copy(commit, sizeof(commit), push(f, "x.yaml", "1"));
    gitrepo_run(f->tree, "push", "-q", "origin", "main:live", NULL);
    f->config.branch = "live";
    reopen(f);
    assert_true(fetch(f));
    gitrepo_run(f->tree, "push", "-q", "origin", ":live", NULL);
    check_fetch_fails(f, ERR_NOTFOUND, "no branch \"live\" any more; its last commit stays in use", "");
    assert_string_equal(commit_of(f, NULL), commit);
    f->config.branch = "mian";
    reopen(f);
    check_fetch_fails(f, ERR_NOTFOUND, "no branch \"mian\"", "did you mean \"main\"?");
    snprintf(f->url, sizeof(f->url), "%s/nothing.git", env(f->ssh ? "GIT_SSH_URL" : "GIT_HTTPS_URL"));
    reopen(f);
    check_fetch_fails(f, ERR_NOTFOUND, "", "check the");
}

/* A branch a, then a branch a/b: their references would be file and folder. */
static void test_branches_that_clash(void **state)
{
    struct fixture *f = *state;
    push(f, "x.yaml", "1");
    gitrepo_run(f->tree, "push", "-q", "origin", "main:a", NULL);
    f->config.branch = "a";
    reopen(f);
    fetch(f);
    gitrepo_run(f->tree, "push", "-q", "origin", ":a", NULL);
    gitrepo_run(f->tree, "push", "-q", "origin", "main:a/b", NULL);
    f->config.branch = "a/b";
    reopen(f);
    fetch(f);
    check_content(f, "x.yaml", "1");
}

static void test_many_fetches_stay_few_packs(void **state)
{
    struct fixture *f = *state;
    char text[32], first[41];
    struct err err = {0};
    struct source *other = NULL;
    struct snapshot *old = NULL, *others = NULL;
    reopen(f);
    str_copy(first, sizeof(first), push(f, "x.yaml", "0"));
    fetch(f);
    assert_ok(source_snapshot(f->source, NULL, &old, &err));
    assert_ok(source_open(&f->config, &other, &err));
    for (int i = 1; i < 60; i++) {
        snprintf(text, sizeof(text), "%d", i);
        push(f, "x.yaml", text);
        assert_true(fetch(f));
        /* Somebody who only looks now and then, and has packs open that have been merged meanwhile. */
        if (i % 7 == 0) {
            snapshot_free(others);
            assert_ok(source_snapshot(other, NULL, &others, &err));
        }
    }
    check_content(f, "x.yaml", "59");
    const char *packs = gitrepo_run(f->cache, "-c", "alias.n=!find . -name '*.pack' | wc -l", "n", NULL);
    int64_t n;
    assert_ok(parse_int(packs, 1, 26, &n, &err));
    /* Snapshots of before go on working. */
    struct arena a = ARENA_INIT;
    const char *content;
    size_t len;
    assert_ok(snapshot_read(old, 0, &a, &content, &len, &err));
    assert_string_equal(content, "0");
    assert_ok(snapshot_read(others, 0, &a, &content, &len, &err));
    assert_string_equal(content, "56");
    snapshot_free(others);
    assert_ok(source_snapshot(other, "HEAD~58", &others, &err));
    assert_ok(snapshot_read(others, 0, &a, &content, &len, &err));
    assert_string_equal(content, "1");
    snapshot_free(old);
    snapshot_free(others);
    source_close(other);
    arena_release(&a);
    reopen(f);
    assert_string_equal(commit_of(f, "HEAD~59"), first);
}

/* What is broken on our disk is copied anew, and until then what can be read is used. */
static void test_damaged_copy_is_made_anew(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    push(f, "x.yaml", "1");
    reopen(f);
    fetch(f);
    gitrepo_run(f->cache, "-c",
                "alias.spoil=!for p in */objects/pack/*.pack; do chmod u+w $p; dd if=/dev/zero of=$p bs=1 "
                "seek=40 count=100 conv=notrunc status=none; done",
                "spoil", NULL);
    reopen(f);
    assert_fails(source_snapshot(f->source, NULL, &f->snapshot, &err), ERR_CORRUPT);
    fetch(f);
    check_content(f, "x.yaml", "1");
    const char *left = gitrepo_run(f->cache, "-c", "alias.left=!ls | grep -c new$ || true", "left", NULL);
    assert_string_equal(left, "0");
}

/* ---- servers that fail ---- */

static struct faultproxy *put_proxy(struct fixture *f, char *known_hosts, size_t size)
{
    int64_t port;
    struct err err = {0};
    const char *url = env(f->ssh ? "GIT_SSH_URL" : "GIT_HTTPS_URL");
    const char *colon = strrchr(url, ':');
    char digits[16];
    str_copy(digits, sizeof(digits), colon + 1);
    digits[strspn(digits, "0123456789")] = '\0';
    assert_ok(parse_int(digits, 1, 65535, &port, &err));
    struct faultproxy *p = faultproxy_start((uint16_t)port);
    snprintf(f->url, sizeof(f->url), "%.*s:%u%s/%s.git", (int)(colon - url), url, faultproxy_port(p),
             colon + 1 + strlen(digits), f->name);
    if (f->ssh) {
        struct buf b = BUF_INIT;
        assert_ok(io_read_file(env("SSHD_KNOWN_HOSTS"), 65536, &b, &err));
        const char *key = strchr(buf_str(&b), ' ');
        snprintf(known_hosts, size, "%s/known_hosts", f->dir);
        char line[4096];
        snprintf(line, sizeof(line), "[127.0.0.1]:%u%s", faultproxy_port(p), key);
        unit_write(known_hosts, line);
        f->config.ssh_known_hosts = known_hosts;
        buf_release(&b);
    }
    return p;
}

/* Text that does not compress. */
static void fill(char *text, size_t size)
{
    uint32_t x = 1;
    for (size_t i = 0; i < size - 1; i++) {
        x = x * 1664525 + 1013904223;
        text[i] = (char)('!' + (x >> 24) % 90);
    }
    text[size - 1] = '\0';
}

static void test_server_that_breaks_off_anywhere(void **state)
{
    struct fixture *f = *state;
    char known_hosts[600], first[41], text[20000];
    struct faultproxy *p = put_proxy(f, known_hosts, sizeof(known_hosts));
    str_copy(first, sizeof(first), push(f, "x.yaml", "1"));
    reopen(f);
    fetch(f);
    fill(text, sizeof(text));
    push(f, "x.yaml", text);
    /* How much a fetch takes, and then a failure at each of many places in it. A new connection each time. */
    struct err err = {0};
    bool moved;
    size_t total = 0;
    unsigned failures = 0;
    for (size_t at = 1;; at += 1 + at / 6) {
        reopen(f);
        faultproxy_set(p, FAULT_CUT, at);
        err_clear(&err);
        int r = source_fetch(f->source, NULL, &moved, &err);
        if (r == 0)
            break;
        if (err.code != ERR_UNAVAILABLE)
            fail_msg("cut after %zu bytes: %s: %s", at, err_name(err.code), err.msg);
        assert_true(err.retryable);
        failures++;
        assert_string_equal(commit_of(f, NULL), first);
        check_content(f, "x.yaml", "1");
        total = at;
    }
    assert_true(total > 10000);
    assert_true(failures > 20);
    check_content(f, "x.yaml", text);
    faultproxy_stop(p);
    check_no_secret(&err);
}

static void test_silent_server_is_given_up(void **state)
{
    struct fixture *f = *state;
    char known_hosts[600];
    char text[20000];
    struct faultproxy *p = put_proxy(f, known_hosts, sizeof(known_hosts));
    fill(text, sizeof(text));
    push(f, "x.yaml", text);
    f->config.timeout_ns = NS_PER_S / 2;
    static const size_t places[] = {0, 500, 8000};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        reopen(f);
        faultproxy_set(p, FAULT_SILENT, places[i]);
        int64_t begin = clock_mono(clock_system());
        check_fetch_fails(f, ERR_TIMEOUT, "it took longer than", "");
        assert_in_range((uintmax_t)(clock_mono(clock_system()) - begin), NS_PER_S / 2, 3 * NS_PER_S);
    }
    faultproxy_stop(p);
}

static void *cancel_soon(void *arg)
{
    usleep(200000);
    cancel_set(arg);
    return NULL;
}

static void test_cancelled_at_once(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    char known_hosts[600];
    bool moved;
    pthread_t thread;
    struct cancel c;
    struct faultproxy *p = put_proxy(f, known_hosts, sizeof(known_hosts));
    push(f, "x.yaml", "1");
    cancel_init(&c);
    reopen(f);
    faultproxy_set(p, FAULT_SILENT, 100);
    int64_t begin = clock_mono(clock_system());
    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, &c), 0);
    assert_fails(source_fetch(f->source, &c, &moved, &err), ERR_CANCELLED);
    assert_in_range((uintmax_t)(clock_mono(clock_system()) - begin), NS_PER_S / 5, NS_PER_S);
    pthread_join(thread, NULL);
    cancel_release(&c);
    faultproxy_stop(p);
}

static void test_nobody_listens(void **state)
{
    struct fixture *f = *state;
    char known_hosts[600];
    struct faultproxy *p = put_proxy(f, known_hosts, sizeof(known_hosts));
    faultproxy_stop(p);
    reopen(f);
    check_fetch_fails(f, ERR_UNAVAILABLE, "", "running");
}

/* ---- https ---- */

static void test_https_credentials(void **state)
{
    struct fixture *f = *state;
    struct secret *token = secret_new(env("GIT_HTTPS_TOKEN"), strlen(env("GIT_HTTPS_TOKEN")));
    struct secret *wrong = secret_new("wrong-secret", 12);
    push(f, "x.yaml", "1");
    f->config.username = NULL;
    f->config.password = token;
    reopen(f);
    assert_true(fetch(f));
    f->config.password = wrong;
    reopen(f);
    check_fetch_fails(f, ERR_AUTH, "refuses the credentials (HTTP 401)", "token");
    f->config.password = NULL;
    reopen(f);
    check_fetch_fails(f, ERR_AUTH, "asks for credentials, and none are configured", "password_file");
    secret_free(token);
    secret_free(wrong);
}

static void test_https_certificates(void **state)
{
    struct fixture *f = *state;
    push(f, "x.yaml", "1");
    f->config.ca_file = NULL;
    reopen(f);
    check_fetch_fails(f, ERR_AUTH, "certificate", "ca_file");
    f->config.ca_file = unit_path(f->dir, "missing.pem");
    reopen(f);
    check_fetch_fails(f, ERR_INVALID, "", "ca_file");
    /* The right authority, but a name that the certificate does not have. */
    f->config.ca_file = env("GIT_HTTPS_CA");
    snprintf(f->url, sizeof(f->url), "https://other.localhost%s/%s.git", strrchr(env("GIT_HTTPS_URL"), ':'),
             f->name);
    reopen(f);
    check_fetch_fails(f, ERR_AUTH, "other.localhost", "ca_file");
}

/* ---- ssh ---- */

static void test_ssh_host_keys(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    char hashed[600];
    push(f, "x.yaml", "1");
    f->config.ssh_known_hosts = env("SSHD_WRONG_KNOWN_HOSTS");
    reopen(f);
    check_fetch_fails(f, ERR_AUTH, "host key is not the one in known_hosts", "compare");
    snprintf(hashed, sizeof(hashed), "%s/known hosts", f->dir); /* a name with a space */
    unit_write(hashed, "");
    f->config.ssh_known_hosts = hashed;
    reopen(f);
    check_fetch_fails(f, ERR_AUTH, "Host key verification failed", "known_hosts");
    struct buf b = BUF_INIT;
    assert_ok(io_read_file(env("SSHD_KNOWN_HOSTS"), 65536, &b, &err));
    unit_write(hashed, buf_str(&b));
    const char *const argv[] = {"ssh-keygen", "-q", "-H", "-f", hashed, NULL};
    const struct child_opts o = {.argv = argv};
    int status;
    assert_ok(child_run(&o, NULL, NULL, &status, &err));
    assert_int_equal(status, 0);
    reopen(f);
    assert_true(fetch(f));
    buf_release(&b);
}

static void keygen(const char *type, const char *passphrase, const char *file)
{
    struct err err = {0};
    struct buf b = BUF_INIT;
    const char *const argv[] = {"ssh-keygen", "-q", "-t", type, "-N", passphrase, "-f", file, NULL};
    const struct child_opts o = {.argv = argv};
    int status;
    assert_ok(child_run(&o, NULL, NULL, &status, &err));
    assert_int_equal(status, 0);
    char public[700];
    snprintf(public, sizeof(public), "%s.pub", file);
    assert_ok(io_read_file(public, 65536, &b, &err));
    snprintf(public, sizeof(public), "%s.pub", env("SSHD_KEY"));
    FILE *authorized = fopen(public, "a");
    assert_non_null(authorized);
    fputs(buf_str(&b), authorized);
    fclose(authorized);
    buf_release(&b);
}

static void test_ssh_keys(void **state)
{
    struct fixture *f = *state;
    char key[600];
    struct secret *wrong = secret_new("wrong-secret", 12);
    push(f, "x.yaml", "1");
    f->config.ssh_key_file = env("SSHD_WRONG_KEY");
    reopen(f);
    check_fetch_fails(f, ERR_AUTH, "Permission denied (publickey)", "deploy key");
    static const char *const types[] = {"ed25519", "rsa"};
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        snprintf(key, sizeof(key), "%s/%s key", f->dir, types[i]);
        keygen(types[i], "", key);
        f->config.ssh_key_file = key;
        reopen(f);
        fetch(f);
        check_content(f, "x.yaml", "1");
    }
    snprintf(key, sizeof(key), "%s/locked", f->dir);
    keygen("ed25519", PASSPHRASE, key);
    f->config.ssh_passphrase = f->passphrase;
    reopen(f);
    fetch(f);
    f->config.ssh_passphrase = wrong;
    reopen(f);
    check_fetch_fails(f, ERR_AUTH, "Permission denied (publickey)", "passphrase");
    f->config.ssh_passphrase = NULL;
    reopen(f);
    check_fetch_fails(f, ERR_AUTH, "Permission denied (publickey)", "passphrase");
    secret_free(wrong);
}

static void test_ssh_program_missing(void **state)
{
    struct fixture *f = *state;
    char *path = mem_strdup(env("PATH"));
    push(f, "x.yaml", "1");
    reopen(f);
    setenv("PATH", "/nonexistent", 1);
    check_fetch_fails(f, ERR_NOTFOUND, "the program \"ssh\" was not found", "openssh-client");
    setenv("PATH", path, 1);
    free(path);
}

static void test_ssh_scp_like_address(void **state)
{
    struct fixture *f = *state;
    char config[2048], program[600], path[4096];
    push(f, "x.yaml", "1");
    /* Its port can only come from a person's ssh configuration. */
    snprintf(program, sizeof(program), "%s/ssh", f->dir);
    snprintf(config, sizeof(config), "#!/bin/sh\nexec /usr/bin/ssh -p %s \"$@\"\n", env("SSHD_PORT"));
    unit_write(program, config);
    assert_int_equal(chmod(program, 0700), 0);
    char *before = mem_strdup(env("PATH"));
    snprintf(path, sizeof(path), "%s:%s", f->dir, before);
    snprintf(f->url, sizeof(f->url), "%s@127.0.0.1:%s", env("SSHD_USER"), f->bare);
    setenv("PATH", path, 1);
    reopen(f);
    assert_true(fetch(f));
    setenv("PATH", before, 1);
    free(before);
}

static int shut_down(_unused_ void **state)
{
    source_shutdown();
    return 0;
}

#define HTTPS(name)                                            \
    {                                                          \
#name " over https", name, setup_https, teardown, NULL \
    }
#define SSH(name)                                          \
    {                                                      \
#name " over ssh", name, setup_ssh, teardown, NULL \
    }
#define BOTH(name) HTTPS(name), SSH(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_follows),
        HTTPS(test_two_sources_of_one_repository),
        BOTH(test_branches_tags_and_commits),
        BOTH(test_commit_alone_in_a_new_copy),
        BOTH(test_missing_things),
        BOTH(test_branches_that_clash),
        HTTPS(test_many_fetches_stay_few_packs),
        HTTPS(test_damaged_copy_is_made_anew),
        BOTH(test_server_that_breaks_off_anywhere),
        BOTH(test_silent_server_is_given_up),
        BOTH(test_cancelled_at_once),
        BOTH(test_nobody_listens),
        HTTPS(test_https_credentials),
        HTTPS(test_https_certificates),
        SSH(test_ssh_host_keys),
        SSH(test_ssh_keys),
        SSH(test_ssh_program_missing),
        SSH(test_ssh_scp_like_address),
    };
    return cmocka_run_group_tests(tests, NULL, shut_down);
}
