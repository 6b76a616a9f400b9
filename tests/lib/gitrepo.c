#include "tests/lib/gitrepo.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/child.h"
#include "base/io.h"
#include "base/str.h"
#include "tests/lib/unit.h"

#define ARGS_MAX 32

static const char *git(const char *dir, const void *input, size_t len, va_list ap)
{
    static char ring[8][1024];
    static unsigned next;
    const char *argv[ARGS_MAX + 1] = {
        "git", "-c", "user.name=Test", "-c", "user.email=test@example.invalid", "-c", "gc.auto=0"};
    size_t n = 7;
    while (n < ARGS_MAX && (argv[n] = va_arg(ap, const char *)))
        n++;
    char path[4096];
    snprintf(path, sizeof(path), "PATH=%s", getenv("PATH"));
    const char *const env[] = {path,
                               "HOME=/nonexistent",
                               "GIT_CONFIG_GLOBAL=/dev/null",
                               "GIT_CONFIG_NOSYSTEM=1",
                               "GIT_AUTHOR_DATE=2026-01-02T03:04:05Z",
                               "GIT_COMMITTER_DATE=2026-01-02T03:04:05Z",
                               NULL};
    const struct child_opts o = {.argv = argv, .env = env, .dir = dir, .input = input, .input_len = len};
    struct buf out = BUF_INIT, errout = BUF_INIT;
    struct err err = {0};
    int status = -1;
    if (child_run(&o, &out, &errout, &status, &err) < 0)
        fail_msg("%s", err.msg);
    if (status != 0)
        fail_msg("git %s (%s): exit code %d: %s", argv[7], dir, status, buf_str(&errout));
    char *text = ring[next++ % 8];
    str_copy(text, sizeof(ring[0]), buf_str(&out));
    size_t end = strlen(text);
    if (end && text[end - 1] == '\n')
        text[end - 1] = '\0';
    buf_release(&out);
    buf_release(&errout);
    return text;
}

const char *gitrepo_run(const char *dir, ...)
{
    va_list ap;
    va_start(ap, dir);
    const char *text = git(dir, NULL, 0, ap);
    va_end(ap);
    return text;
}

const char *gitrepo_feed(const char *dir, const void *input, size_t len, ...)
{
    va_list ap;
    va_start(ap, len);
    const char *text = git(dir, input, len, ap);
    va_end(ap);
    return text;
}

const char *gitrepo_new(const char *dir, const char *name)
{
    const char *path = unit_path(dir, name);
    gitrepo_run(dir, "init", "-q", "-b", "main", name, NULL);
    return path;
}

const char *gitrepo_commit(const char *repo, const char *file, const char *text)
{
    struct err err = {0};
    char path[2048];
    snprintf(path, sizeof(path), "%s/%s", repo, file);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    assert_ok(io_make_dirs(path, 0755, &err));
    *slash = '/';
    unit_write(path, text);
    gitrepo_run(repo, "add", "-A", NULL);
    gitrepo_run(repo, "commit", "-q", "-m", file, NULL);
    return gitrepo_run(repo, "rev-parse", "HEAD", NULL);
}

const char *gitrepo_commit_raw_tree(const char *repo, const void *tree, size_t len)
{
    const char *id =
        gitrepo_feed(repo, tree, len, "hash-object", "-t", "tree", "-w", "--literally", "--stdin", NULL);
    const char *commit = gitrepo_run(repo, "commit-tree", "-m", "raw", id, NULL);
    gitrepo_run(repo, "update-ref", "refs/heads/main", commit, NULL);
    return commit;
}

size_t gitrepo_add_entry(char *tree, size_t len, const char *mode, const char *name, const char *id)
{
    len += (size_t)snprintf(tree + len, 512, "%s %s", mode, name) + 1;
    for (size_t i = 0; i < 20; i++) {
        unsigned byte;
        assert_int_equal(sscanf(id + 2 * i, "%2x", &byte), 1);
        tree[len++] = (char)byte;
    }
    return len;
}
