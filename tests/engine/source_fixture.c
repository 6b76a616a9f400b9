#include "tests/engine/source_fixture.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/io.h"

const char *remote_env(const char *name)
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
    snprintf(f->bare, sizeof(f->bare), "%s/%s.git", remote_env("GIT_ROOT"), f->name);
    snprintf(f->cache, sizeof(f->cache), "%s/cache", f->dir);
    snprintf(f->url, sizeof(f->url), "%s/%s.git", remote_env(ssh ? "GIT_SSH_URL" : "GIT_HTTPS_URL"), f->name);
    gitrepo_run(f->dir, "init", "-q", "--bare", "-b", "main", f->bare, NULL);
    gitrepo_run(f->bare, "config", "uploadpack.allowAnySHA1InWant", "true", NULL);
    f->tree = mem_strdup(gitrepo_new(f->dir, "tree"));
    gitrepo_run(f->tree, "remote", "add", "origin", f->bare, NULL);
    f->password = secret_new(remote_env("GIT_HTTPS_PASSWORD"), strlen(remote_env("GIT_HTTPS_PASSWORD")));
    f->passphrase = secret_new(PASSPHRASE, strlen(PASSPHRASE));
    f->config = (struct source_config){.url = f->url, .cache_dir = f->cache, .timeout_ns = 20 * NS_PER_S};
    if (ssh) {
        f->config.ssh_key_file = remote_env("SSHD_KEY");
        f->config.ssh_known_hosts = remote_env("SSHD_KNOWN_HOSTS");
    } else {
        f->config.username = remote_env("GIT_HTTPS_USER");
        f->config.password = f->password;
        f->config.ca_file = remote_env("GIT_HTTPS_CA");
    }
    return f;
}

int remote_setup_https(void **state)
{
    *state = fixture_new(false);
    return 0;
}

int remote_setup_ssh(void **state)
{
    *state = fixture_new(true);
    return 0;
}

int remote_teardown(void **state)
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

void remote_reopen(struct fixture *f)
{
    struct err err = {0};
    snapshot_free(f->snapshot);
    f->snapshot = NULL;
    source_close(f->source);
    f->source = NULL;
    assert_ok(source_open(&f->config, &f->source, &err));
}

const char *remote_push(struct fixture *f, const char *file, const char *text)
{
    const char *commit = gitrepo_commit(f->tree, file, text);
    gitrepo_run(f->tree, "push", "-q", "--force", "origin", "HEAD", NULL);
    return commit;
}

bool remote_fetched(struct fixture *f)
{
    struct err err = {0};
    bool moved = false;
    assert_ok(source_fetch(f->source, NULL, &moved, &err));
    return moved;
}

/* X7: no error contains a credential. */
void remote_check_no_secret(const struct err *err)
{
    static const char *const names[] = {"GIT_HTTPS_PASSWORD", "GIT_HTTPS_TOKEN"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_null(strstr(err->msg, remote_env(names[i])));
        assert_null(strstr(err->hint, remote_env(names[i])));
    }
    assert_null(strstr(err->msg, PASSPHRASE));
    assert_null(strstr(err->msg, "wrong-secret"));
}

void remote_check_fails(struct fixture *f, int code, const char *says, const char *hints)
{
    struct err err = {0};
    bool moved = false;
    assert_fails(source_fetch(f->source, NULL, &moved, &err), code);
    assert_says(says);
    assert_hints(hints);
    assert_int_equal(err.retryable, code == ERR_UNAVAILABLE || code == ERR_TIMEOUT);
    assert_false(moved);
    remote_check_no_secret(&err);
}

const char *remote_commit_of(struct fixture *f, const char *rev)
{
    struct err err = {0};
    snapshot_free(f->snapshot);
    f->snapshot = NULL;
    assert_ok(source_snapshot(f->source, rev, &f->snapshot, &err));
    return snapshot_info(f->snapshot)->commit;
}

void remote_check_content(struct fixture *f, const char *path, const char *wanted)
{
    const struct load_file *files;
    struct err err = {0};
    struct arena a = ARENA_INIT;
    const char *text;
    size_t len;
    remote_commit_of(f, NULL);
    for (size_t i = 0; i < snapshot_files(f->snapshot, &files); i++)
        if (str_eq(files[i].path, path)) {
            assert_ok(snapshot_read(f->snapshot, i, &a, &text, &len, &err));
            assert_string_equal(text, wanted);
            arena_release(&a);
            return;
        }
    fail_msg("%s is not there", path);
}

int remote_shutdown(_unused_ void **state)
{
    source_shutdown();
    return 0;
}
