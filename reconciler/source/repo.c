/*
 * The repository that objects are read from.
 *
 * A local one is read in place: opening it takes 0.1 ms, a fetch that finds nothing new takes one stat and
 * one reference lookup, and a big repository is not copied first. Objects that it loses (deleted, or garbage
 * collected after a forced push) are lost for Forge as well.
 *
 * A remote one has a bare copy below the cache folder, named by a digest of its address and shared by all
 * environments that follow it. Branches keep their own names, as in a mirror, so that revisions resolve as
 * people write them.
 */
#include "reconciler/source/internal.h"

#include "base/io.h"

#include <errno.h>
#include <sys/stat.h>

void repo_close(struct source *s)
{
    git_repository_freep(&s->repo);
    s->repo = NULL;
}

static int refuse_writable(struct source *s, git_repository *repo, struct err *err)
{
    struct stat st;
    const char *dir = git2.repository_path(repo);
    if (stat(dir, &st) < 0)
        return err_errno(err, errno, "%s", dir);
    if (!(st.st_mode & S_IWOTH))
        return 0;
    err_set(err, ERR_DENIED, "repository %s: it is writable by others, who could decide what is deployed",
            s->url.text);
    return err_hint(err, "chmod o-w %s", dir);
}

static int open_local(struct source *s, struct err *err)
{
    struct stat st;
    if (stat(s->url.path, &st) < 0)
        return err_errno(err, errno, "repository %s", s->url.text);
    if (s->repo && s->repo_dev == st.st_dev && s->repo_ino == st.st_ino)
        return 0;
    repo_close(s);
    git_repository *repo = NULL;
    int r = libgit_start(err);
    if (r < 0)
        return r;
    r = git2.repository_open_ext(&repo, s->url.path, GIT_REPOSITORY_OPEN_NO_SEARCH, NULL);
    if (r == GIT_ENOTFOUND) {
        err_set(err, ERR_NOTFOUND, "%s is not a Git repository", s->url.text);
        return err_hint(err, "to use a plain folder, write dir:%s", s->url.path);
    }
    if (r < 0)
        return libgit_error(err, r, "repository %s cannot be opened", s->url.text);
    r = refuse_writable(s, repo, err);
    if (r < 0) {
        git2.repository_free(repo);
        return r;
    }
    s->repo = repo;
    s->repo_dev = st.st_dev;
    s->repo_ino = st.st_ino;
    return 0;
}

int repo_open(struct source *s, struct err *err)
{
    if (!s->repo_dir)
        return open_local(s, err);
    if (s->repo)
        return 0;
    int r = libgit_start(err);
    if (r < 0)
        return r;
    r = git2.repository_open_bare(&s->repo, s->repo_dir);
    if (r == GIT_ENOTFOUND) {
        err_set(err, ERR_NOTFOUND, "repository %s: nothing has been fetched yet", s->url.text);
        return err_hint(err, "fetch it first; is the server reachable?");
    }
    return r < 0 ? libgit_error(err, r, "local copy of %s in %s", s->url.text, s->repo_dir) : 0;
}

int repo_make(struct source *s, struct err *err)
{
    int r = repo_open(s, err);
    if (r != ERR_NOTFOUND)
        return r;
    err_clear(err);
    r = io_make_dirs(s->config.cache_dir, 0700, err);
    if (r < 0)
        return r;
    git_repository_init_options o = GIT_REPOSITORY_INIT_OPTIONS_INIT;
    o.flags = GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_MKDIR;
    o.mode = 0700;
    r = git2.repository_init_ext(&s->repo, s->repo_dir, &o);
    return r < 0 ? libgit_error(err, r, "local copy of %s in %s", s->url.text, s->repo_dir) : 0;
}

bool repo_is_commit_id(const char *rev)
{
    return rev && strlen(rev) == GIT_OID_HEXSZ && strspn(rev, "0123456789abcdefABCDEF") == GIT_OID_HEXSZ;
}

int repo_empty(struct source *s, struct err *err)
{
    err_set(err, ERR_NOTFOUND, "repository %s is empty: it has no commit yet", s->url.text);
    return err_hint(err, "commit some manifests and push them");
}

int repo_no_branch(struct source *s, const char *name, const char *const *others, size_t n, struct err *err)
{
    err_set(err, ERR_NOTFOUND, "repository %s has no branch \"%s\"%s", s->url.text, name,
            s->have_tip ? " any more; its last commit stays in use" : "");
    const char *near = str_nearest(name, others, n);
    if (near)
        err_hint(err, "did you mean \"%s\"?", near);
    return ERR_NOTFOUND;
}

const char *repo_tip_ref(const struct source *s, struct arena *a)
{
    const char *branch = s->config.branch;
    if (s->config.revision)
        return arena_printf(a, "refs/forge/revision/%s", s->config.revision);
    if (!branch)
        return s->repo_dir ? "refs/forge/HEAD" : "HEAD";
    return str_starts(branch, "refs/") ? branch : arena_printf(a, "refs/heads/%s", branch);
}

static int local_no_branch(struct source *s, struct err *err)
{
    git_strarray refs = {0};
    const char *names[256];
    size_t n = 0;
    if (git2.reference_list(&refs, s->repo) == 0)
        for (size_t i = 0; i < refs.count && n < ARRAY_LEN(names); i++) {
            const char *name = str_after(refs.strings[i], "refs/heads/");
            if (name)
                names[n++] = name;
        }
    int r = n ? repo_no_branch(s, str_or(s->config.branch, "HEAD"), names, n, err) : repo_empty(s, err);
    git2.strarray_dispose(&refs);
    return r;
}

static int commit_of(struct source *s, const char *spec, const char *shown, git_oid *ret, struct err *err)
{
    _cleanup_(git_object_freep) git_object *object = NULL;
    _cleanup_arena_ struct arena a = ARENA_INIT;
    int r = git2.revparse_single(&object, s->repo, arena_printf(&a, "%s^{commit}", spec));
    if (r == GIT_ENOTFOUND) {
        err_set(err, ERR_NOTFOUND, "repository %s has no revision \"%s\"", s->url.text, shown);
        return err_hint(err, "use a commit, a tag, a branch, or HEAD~1");
    }
    if (r < 0)
        return libgit_error(err, r, "repository %s, revision \"%s\"", s->url.text, shown);
    *ret = *git2.object_id(object);
    return 0;
}

int repo_tip(struct source *s, git_oid *ret, struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    if (!s->repo_dir && s->config.revision)
        return commit_of(s, s->config.revision, s->config.revision, ret, err);
    const char *name = repo_tip_ref(s, &a);
    git_oid id;
    int r = git2.reference_name_to_id(&id, s->repo, name);
    if (r == GIT_ENOTFOUND && !s->repo_dir)
        return local_no_branch(s, err);
    if (r == GIT_ENOTFOUND) {
        err_set(err, ERR_NOTFOUND, "%s: nothing has been fetched yet", s->where);
        return err_hint(err, "fetch it first; is the server reachable?");
    }
    if (r < 0)
        return libgit_error(err, r, "%s: reference %s", s->where, name);
    /* Not through revparse: libgit2 1.5 leaks a reference whose commit is missing. */
    _cleanup_(git_object_freep) git_object *object = NULL;
    _cleanup_(git_object_freep) git_object *commit = NULL;
    r = git2.object_lookup(&object, s->repo, &id, GIT_OBJECT_ANY);
    if (r == 0)
        r = git2.object_peel(&commit, object, GIT_OBJECT_COMMIT);
    if (r < 0) {
        libgit_error(err, r, "%s: commit %.12s is missing or damaged", s->where, git2.oid_tostr_s(&id));
        return err->code = ERR_CORRUPT;
    }
    *ret = *git2.object_id(commit);
    return 0;
}

/* The name at the start of a revision: "main" of "main~2^". */
static char *base_name(struct arena *a, const char *rev)
{
    return arena_strndup(a, rev, strcspn(rev, "~^@"));
}

static bool looks_like_id(const char *name)
{
    size_t len = strlen(name);
    return len >= 4 && len <= GIT_OID_HEXSZ && strspn(name, "0123456789abcdefABCDEF") == len;
}

int repo_resolve(struct source *s, const char *rev, git_oid *ret, struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    const char *rest = str_after(rev, "HEAD");
    if (*rev == '-' || strpbrk(rev, ": \t\r\n")) {
        err_set(err, ERR_INVALID, "\"%s\" is not a revision", rev);
        return err_hint(err, "use a commit, a tag, a branch, or HEAD~1");
    }
    if (rest && (!*rest || strchr("~^", *rest))) {
        if (!s->have_tip)
            return err_set(err, ERR_NOTFOUND, "%s: nothing has been fetched yet", s->where);
        return commit_of(s, arena_printf(&a, "%s%s", git2.oid_tostr_s(&s->tip), rest), rev, ret, err);
    }
    const char *name = base_name(&a, rev);
    if (s->repo_dir && *name && !str_eq(name, s->config.branch) && !looks_like_id(name)) {
        /* A branch other than the configured one: fetch it, or use our copy of it when that fails. */
        struct err fetching = {0}, resolving = {0};
        int r = remote_fetch_name(s, name, &fetching);
        if (r < 0 && commit_of(s, rev, rev, ret, &resolving) == 0)
            return 0;
        if (r < 0) {
            *err = fetching;
            return r;
        }
    }
    return commit_of(s, rev, rev, ret, err);
}

/* Is one name a parent folder of the other? Both references cannot exist at once. */
static bool names_clash(const char *a, const char *b)
{
    const char *rest = str_after(a, b);
    if (rest && *rest == '/')
        return true;
    rest = str_after(b, a);
    return rest && *rest == '/';
}

static void remove_clashing(struct source *s, const char *name)
{
    git_strarray refs = {0};
    if (git2.reference_list(&refs, s->repo) < 0)
        return;
    for (size_t i = 0; i < refs.count; i++)
        if (names_clash(refs.strings[i], name))
            git2.reference_remove(s->repo, refs.strings[i]);
    git2.strarray_dispose(&refs);
}

int repo_set_ref(struct source *s, const char *name, const git_oid *id, struct err *err)
{
    _cleanup_(git_reference_freep) git_reference *ref = NULL;
    int r = git2.reference_create(&ref, s->repo, name, id, 1, NULL);
    if (r < 0 && r != GIT_ELOCKED && r != GIT_EINVALIDSPEC) {
        remove_clashing(s, name);
        r = git2.reference_create(&ref, s->repo, name, id, 1, NULL);
    }
    return r < 0 ? libgit_error(err, r, "local copy of %s: reference %s", s->url.text, name) : 0;
}
