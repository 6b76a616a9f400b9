/*
 * The commit of the work tree that a plain folder lies in.
 *
 * Every command in a folder of manifests needs it, so finding it takes a few reads and no libgit2: .git (a
 * folder, or a file that names one: gitrepository-layout(5)), HEAD, and the branch it names, loose or in
 * packed-refs. The commit's message and whether the files differ from it need libgit2, and are only looked up
 * for callers that record or show them.
 *
 * The .git found in a folder above may belong to anybody. Only a reference's name and 40 hex digits are taken
 * from it, so that it cannot make Forge reveal the content of other files.
 */
#include "reconciler/source/internal.h"

#include "base/io.h"

#include <limits.h>
#include <sys/stat.h>

#define PACKED_REFS_MAX ((size_t)64 << 20)

/* A small file as one line, or NULL. */
static const char *read_line(struct arena *a, const char *path)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    struct err ignored = {0};
    if (io_read_file(path, 4096, &b, &ignored) < 0)
        return NULL;
    const char *s = buf_str(&b);
    return arena_strndup(a, s, strcspn(s, "\r\n"));
}

static const char *below(struct arena *a, const char *base, const char *path)
{
    return *path == '/' ? arena_strdup(a, path) : arena_printf(a, "%s/%s", base, path);
}

/* The git folder of a work tree; NULL if it is not a work tree. */
static const char *git_dir(struct arena *a, const char *work_tree)
{
    struct stat st;
    const char *path = arena_printf(a, "%s/.git", work_tree);
    if (lstat(path, &st) < 0)
        return NULL;
    if (S_ISDIR(st.st_mode))
        return path;
    const char *line = S_ISREG(st.st_mode) ? read_line(a, path) : NULL;
    const char *target = line ? str_after(line, "gitdir: ") : NULL;
    return target && *target ? below(a, work_tree, target) : NULL;
}

static bool take_id(const char *text, char ret[41])
{
    if (!text || strspn(text, "0123456789abcdef") != 40)
        return false;
    str_copy(ret, 41, text);
    return true;
}

static bool packed_ref(const char *common, const char *name, char ret[41])
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    _cleanup_buf_ struct buf b = BUF_INIT;
    struct err ignored = {0};
    if (io_read_file(arena_printf(&a, "%s/packed-refs", common), PACKED_REFS_MAX, &b, &ignored) < 0)
        return false;
    const char *wanted = arena_printf(&a, " %s\n", name);
    /* Each line is an id, a space, and a name. */
    const char *hit = strstr(buf_str(&b), wanted);
    return hit && hit - b.data >= 40 && take_id(hit - 40, ret);
}

static bool resolve_head(struct arena *a, const char *dir, char ret[41])
{
    const char *head = read_line(a, arena_printf(a, "%s/HEAD", dir));
    const char *name = head ? str_after(head, "ref: ") : NULL;
    if (!name)
        return take_id(head, ret);
    if (!str_starts(name, "refs/") || strstr(name, ".."))
        return false;
    const char *line = read_line(a, arena_printf(a, "%s/commondir", dir));
    const char *common = line && *line ? below(a, dir, line) : dir;
    if (take_id(read_line(a, arena_printf(a, "%s/%s", common, name)), ret))
        return true;
    return packed_ref(common, name, ret);
}

bool head_find(const char *dir, struct arena *a, const char **ret_work_tree, char ret_commit[41])
{
    _cleanup_arena_ struct arena scratch = ARENA_INIT;
    char path[PATH_MAX];
    if (!realpath(dir, path))
        return false;
    for (;;) {
        const char *git = git_dir(&scratch, path);
        if (git && resolve_head(&scratch, git, ret_commit)) {
            *ret_work_tree = arena_strdup(a, *path ? path : "/");
            return true;
        }
        char *slash = strrchr(path, '/');
        if (git || !slash || !*path)
            return false;
        *slash = '\0';
    }
}

static int first_difference(_unused_ const char *path, _unused_ unsigned flags, _unused_ void *payload)
{
    return 1;
}

/* Does any file below the snapshot's folder, apart from ignored ones, differ from HEAD? */
static bool is_dirty(struct snapshot *s, git_repository *repo)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    char path[PATH_MAX];
    const struct source *source = s->source;
    const char *top = arena_printf(&a, "%s/%s", source->url.path, source->path);
    if (!realpath(top, path))
        return true;
    const char *inside = str_after(path, s->work_tree);
    char *spec = arena_strdup(&a, inside && *inside == '/' ? inside + 1 : "");
    git_status_options o = GIT_STATUS_OPTIONS_INIT;
    o.show = GIT_STATUS_SHOW_INDEX_AND_WORKDIR;
    o.flags = GIT_STATUS_OPT_INCLUDE_UNTRACKED | GIT_STATUS_OPT_EXCLUDE_SUBMODULES |
              GIT_STATUS_OPT_DISABLE_PATHSPEC_MATCH;
    if (*spec)
        o.pathspec = (git_strarray){.strings = &spec, .count = 1};
    return git2.status_foreach_ext(repo, &o, first_difference, NULL) != 0;
}

int head_describe(struct snapshot *s, struct err *err)
{
    _cleanup_(git_repository_freep) git_repository *repo = NULL;
    _cleanup_(git_commit_freep) git_commit *commit = NULL;
    git_oid id;
    int r = libgit_start(err);
    if (r < 0)
        return r;
    r = git2.repository_open_ext(&repo, s->work_tree, GIT_REPOSITORY_OPEN_NO_SEARCH, NULL);
    if (r == 0)
        r = git2.oid_fromstr(&id, s->info.commit);
    if (r == 0)
        r = git2.commit_lookup(&commit, repo, &id);
    if (r < 0)
        return libgit_error(err, r, "the Git repository of %s", s->work_tree);
    snapshot_set_commit(s, commit);
    s->info.dirty = is_dirty(s, repo);
    s->described = true;
    return 0;
}
