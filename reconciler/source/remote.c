/*
 * Fetching: list the references of a remote, and bring our bare copy up to date.
 *
 * One conversation: list the references; if our copy already has the wanted one, stop there without writing
 * anything. Otherwise download a pack (libgit2 checks each object in it against its id before the pack is put
 * in place), and move our reference last: a failure at any point before leaves the last good state.
 *
 * libgit2 1.5 has no shallow fetch, speaks only protocol version 0, and has no timeouts, which is why the
 * bytes go through our own transports.
 */
#include "reconciler/source/internal.h"

#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"

#include <errno.h>

int remote_op_check(struct remote_op *op)
{
    if (op->err->code)
        return op->err->code;
    int r = cancel_check(op->cancel, op->err);
    if (r < 0)
        return r;
    if (clock_mono(clock_system()) < op->deadline)
        return 0;
    return err_set(op->err, ERR_TIMEOUT, "it took longer than %lld s",
                   (long long)(op->source->config.timeout_ns / NS_PER_S));
}

int remote_op_received(struct remote_op *op, size_t bytes)
{
    uint64_t most = op->downloading ? LIMIT_FETCH_BYTES : LIMIT_REFS_BYTES;
    op->received += bytes;
    if (op->received <= most)
        return 0;
    return err_set(op->err, ERR_LIMIT, "the server sends more than %llu bytes of %s",
                   (unsigned long long)most, op->downloading ? "objects" : "references");
}

int remote_op_wait_ms(const struct remote_op *op, int most)
{
    int64_t left = (op->deadline - clock_mono(clock_system())) / NS_PER_MS + 1;
    return left < 0 ? 0 : left < most ? (int)left : most;
}

static int on_transport(git_transport **ret, git_remote *owner, void *arg)
{
    struct remote_op *op = arg;
    return op->source->url.kind == SOURCE_SSH ? ssh_transport(ret, owner, op)
                                              : http_transport(ret, owner, op);
}

static int on_sideband(_unused_ const char *text, _unused_ int len, void *arg)
{
    return remote_op_check(arg) < 0 ? GIT_EUSER : 0;
}

static int on_progress(_unused_ const git_indexer_progress *p, void *arg)
{
    return remote_op_check(arg) < 0 ? GIT_EUSER : 0;
}

static void set_callbacks(struct remote_op *op, git_remote_callbacks *cb)
{
    cb->transport = on_transport;
    cb->sideband_progress = on_sideband;
    cb->transfer_progress = on_progress;
    cb->payload = op;
}

/* Our own error if one of our callbacks stopped the conversation, else libgit2's. Data that cannot be parsed
   comes from a server that broke off or is broken: worth a retry. */
static int conversation_failed(struct remote_op *op, int r)
{
    struct source *s = op->source;
    if (op->err->code)
        return err_wrap(op->err, "repository %s", s->url.text);
    int code = libgit_error(op->err, r, "repository %s", s->url.text);
    if (code == ERR_CORRUPT || code == ERR_FAILED || code == ERR_UNAVAILABLE) {
        op->err->code = ERR_UNAVAILABLE;
        op->err->retryable = true;
        err_hint(op->err, "the server closed the connection or sent invalid data; Forge will try again");
    }
    return op->err->code;
}

/* What to fetch: a reference of the remote, or a commit by its id, and the reference that keeps it here. */
struct want {
    const char *spec; /* "refs/heads/main", "HEAD", or 40 hex digits */
    const char *keep; /* our reference */
    git_oid id;       /* its current object at the remote */
};

static const git_remote_head *find_head(const git_remote_head **heads, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(heads[i]->name, name))
            return heads[i];
    return NULL;
}

static int no_such_branch(struct source *s, const char *name, const git_remote_head **heads, size_t n,
                          struct err *err)
{
    const char *names[256];
    size_t found = 0;
    for (size_t i = 0; i < n && found < ARRAY_LEN(names); i++) {
        const char *branch = str_after(heads[i]->name, "refs/heads/");
        if (branch)
            names[found++] = branch;
    }
    return found ? repo_no_branch(s, name, names, found, err) : repo_empty(s, err);
}

static int want_revision(struct source *s, const git_remote_head **heads, size_t n, struct arena *a,
                         struct want *w, struct err *err)
{
    const char *rev = s->config.revision;
    const git_remote_head *head = find_head(heads, n, arena_printf(a, "refs/tags/%s", rev));
    if (!head)
        head = find_head(heads, n, arena_printf(a, "refs/heads/%s", rev));
    if (!head && str_starts(rev, "refs/"))
        head = find_head(heads, n, rev);
    if (head) {
        w->spec = head->name;
        w->id = head->oid;
        return 0;
    }
    if (repo_is_commit_id(rev)) {
        w->spec = rev;
        return git2.oid_fromstr(&w->id, rev) < 0 ? err_set(err, ERR_INVALID, "%s is not a commit", rev) : 0;
    }
    err_set(err, ERR_NOTFOUND, "repository %s has no tag \"%s\"%s", s->url.text, rev,
            s->have_tip ? " any more; its last commit stays in use" : "");
    return err_hint(err, "give the name of a tag, or all 40 digits of a commit");
}

static int want_configured(struct source *s, const git_remote_head **heads, size_t n, struct arena *a,
                           struct want *w, struct err *err)
{
    w->keep = repo_tip_ref(s, a);
    if (s->config.revision)
        return want_revision(s, heads, n, a, w, err);
    w->spec = s->config.branch ? w->keep : "HEAD";
    const git_remote_head *head = find_head(heads, n, w->spec);
    if (!head)
        return no_such_branch(s, str_or(s->config.branch, "HEAD"), heads, n, err);
    w->id = head->oid;
    return 0;
}

static int want_named(struct source *s, const char *name, const git_remote_head **heads, size_t n,
                      struct arena *a, struct want *w, struct err *err)
{
    static const char *const places[] = {"", "refs/tags/", "refs/heads/"};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        const git_remote_head *head = find_head(heads, n, arena_printf(a, "%s%s", places[i], name));
        if (head && str_starts(head->name, "refs/")) {
            *w = (struct want){.spec = head->name, .keep = head->name, .id = head->oid};
            return 0;
        }
    }
    return no_such_branch(s, name, heads, n, err);
}

/* Is it in our copy already, with its commit? */
static bool have(struct source *s, const struct want *w)
{
    git_oid id;
    _cleanup_(git_object_freep) git_object *object = NULL;
    _cleanup_(git_object_freep) git_object *commit = NULL;
    return git2.reference_name_to_id(&id, s->repo, w->keep) == 0 && git2.oid_equal(&id, &w->id) &&
           git2.object_lookup(&object, s->repo, &id, GIT_OBJECT_ANY) == 0 &&
           git2.object_peel(&commit, object, GIT_OBJECT_COMMIT) == 0;
}

/* Store the tags whose objects came with the download. A tag that cannot be stored is only logged. */
static void keep_tags(struct source *s, const git_remote_head **heads, size_t n)
{
    _cleanup_(git_odb_freep) git_odb *odb = NULL;
    if (git2.repository_odb(&odb, s->repo) < 0)
        return;
    for (size_t i = 0; i < n; i++) {
        git_oid id;
        const char *name = heads[i]->name;
        if (!str_starts(name, "refs/tags/") || str_ends(name, "^{}"))
            continue;
        if (git2.reference_name_to_id(&id, s->repo, name) == 0 && git2.oid_equal(&id, &heads[i]->oid))
            continue;
        struct err ignored = {0};
        if (git2.odb_exists_ext(odb, &heads[i]->oid, GIT_ODB_LOOKUP_NO_REFRESH) &&
            repo_set_ref(s, name, &heads[i]->oid, &ignored) < 0)
            log_debug("source.tag_not_kept", "tag", name, "error", ignored.msg, NULL);
    }
}

/* Wait for another process or source that is fetching the same repository: it may fetch what we want. */
static int lock_repo(struct remote_op *op, int *ret_fd)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    const char *path = arena_printf(&a, "%s.lock", op->source->repo_dir);
    const char *owner = arena_printf(&a, "process %ld", (long)getpid());
    for (;;) {
        int r = io_lock_file(path, owner, ret_fd, op->err);
        if (r != ERR_BUSY || clock_mono(clock_system()) >= op->deadline)
            return r;
        err_clear(op->err);
        r = cancel_sleep(op->cancel, 20 * NS_PER_MS) ? cancel_check(op->cancel, op->err) : 0;
        if (r < 0)
            return r;
    }
}

static int not_given(struct source *s, const char *commit, struct err *err)
{
    err_set(err, ERR_NOTFOUND, "repository %s: the server does not provide commit %.12s", s->url.text,
            commit);
    return err_hint(err, "has it been pushed? Some servers only provide branches and tags: use one of those");
}

static int download(struct remote_op *op, git_remote *remote, const struct want *w)
{
    struct source *s = op->source;
    git_fetch_options o = GIT_FETCH_OPTIONS_INIT;
    set_callbacks(op, &o.callbacks);
    o.update_fetchhead = 0;
    o.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_AUTO;
    _cleanup_free_ char *spec = mem_strdup(w->spec);
    const git_strarray specs = {.strings = &spec, .count = 1};
    _cleanup_(git_object_freep) git_object *object = NULL;
    _cleanup_(git_object_freep) git_object *commit = NULL;
    op->downloading = true;
    op->received = 0;
    int r = git2.remote_download(remote, &specs, &o);
    if (r == 0)
        r = git2.object_lookup(&object, s->repo, &w->id, GIT_OBJECT_ANY);
    /* When a server refuses to send a commit, libgit2 1.5 drops its message and reports "early EOF". */
    if (r < 0 && !op->err->code && repo_is_commit_id(w->spec))
        return not_given(s, w->spec, op->err);
    if (r < 0)
        return conversation_failed(op, r);
    if (git2.object_peel(&commit, object, GIT_OBJECT_COMMIT) < 0)
        return err_set(op->err, ERR_INVALID, "repository %s: %s is not a commit", s->url.text, w->spec);
    r = tree_verify(s, git2.object_id(commit), op->err);
    if (r < 0)
        return err_wrap(op->err, "the fetched data is incomplete");
    return repo_set_ref(s, w->keep, &w->id, op->err);
}

/* Talk to the remote: pick what is wanted from its references, and download it unless our copy has it. */
static int converse(struct remote_op *op, const char *name, git_remote *remote)
{
    struct source *s = op->source;
    _cleanup_arena_ struct arena a = ARENA_INIT;
    const git_remote_head **heads = NULL;
    size_t n = 0;
    struct want w = {0};
    git_remote_callbacks cb = GIT_REMOTE_CALLBACKS_INIT;
    set_callbacks(op, &cb);
    int r = git2.remote_connect(remote, GIT_DIRECTION_FETCH, &cb, NULL, NULL);
    if (r == 0)
        r = git2.remote_ls(&heads, &n, remote);
    if (r < 0)
        return conversation_failed(op, r);
    r = name ? want_named(s, name, heads, n, &a, &w, op->err) : want_configured(s, heads, n, &a, &w, op->err);
    if (r < 0 || have(s, &w))
        return r;
    _cleanup_close_ int lock = -1;
    r = lock_repo(op, &lock);
    if (r < 0 || have(s, &w))
        return r;
    r = download(op, remote, &w);
    if (r == 0) {
        keep_tags(s, heads, n);
        r = repo_tidy(s, op->err);
    }
    return r;
}

/* The lookup of insteadOf is skipped: no such configuration is read, and libgit2 1.5 leaks 20 KB for each
   line of configuration that it matches against a pattern. */
static int make_remote(struct source *s, git_remote **ret, struct err *err)
{
    git_remote_create_options o = GIT_REMOTE_CREATE_OPTIONS_INIT;
    o.repository = s->repo;
    o.flags = GIT_REMOTE_CREATE_SKIP_INSTEADOF | GIT_REMOTE_CREATE_SKIP_DEFAULT_FETCHSPEC;
    int r = git2.remote_create_with_opts(ret, s->url.text, &o);
    return r < 0 ? libgit_error(err, r, "repository %s", s->url.text) : 0;
}

static int remote_talk(struct source *s, const struct cancel *c, const char *name, struct err *err)
{
    struct err own = {0};
    struct remote_op op = {
        .source = s, .cancel = c, .err = &own, .deadline = clock_mono(clock_system()) + s->config.timeout_ns};
    git_remote *remote = NULL;
    buf_init(&op.said, 4096);
    int r = repo_make(s, &own);
    if (r == 0)
        r = make_remote(s, &remote, &own);
    if (r == 0)
        r = converse(&op, name, remote);
    if (remote)
        git2.remote_free(remote); /* ends the conversation; errors no longer matter */
    buf_release(&op.said);
    if (r < 0) {
        *err = own;
        return own.code;
    }
    return 0;
}

int remote_fetch_name(struct source *s, const char *name, struct err *err)
{
    return remote_talk(s, NULL, name, err);
}

/* The revision is a commit id that our copy has: it cannot change, so the server need not be asked. */
static bool have_pinned(struct source *s)
{
    git_oid id;
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct err ignored = {0};
    return repo_is_commit_id(s->config.revision) && git2.oid_fromstr(&id, s->config.revision) == 0 &&
           git2.reference_name_to_id(&id, s->repo, repo_tip_ref(s, &a)) == 0 &&
           repo_tip(s, &id, &ignored) == 0;
}

/* Take the state of earlier fetches, possibly of other processes, from our copy. */
static void recall(struct source *s)
{
    struct err err = {0};
    int r = repo_open(s, &err);
    if (r == 0)
        r = repo_tip(s, &s->fetched, &err);
    s->have_fetched = r == 0;
    if (r == 0)
        s->tip = s->fetched;
    s->have_tip = s->have_tip || r == 0;
    s->damaged = s->damaged || r == ERR_CORRUPT;
}

/* Replace a damaged copy by a new one, which is made beside it: until that is complete, the old one is still
   used as far as possible. At most once an hour, because the damage may be the server's. */
static int rebuild(struct source *s, const struct cancel *c, struct err *err)
{
    const char *dir = s->repo_dir;
    int64_t now = clock_mono(clock_system());
    if (s->rebuilt_ns && now - s->rebuilt_ns < 3600 * NS_PER_S) {
        err_set(err, ERR_CORRUPT, "%s: damaged, and so is a new copy of it", s->where);
        return err_hint(err, "run git fsck in the repository; Forge copies it again within an hour");
    }
    repo_close(s);
    s->rebuilt_ns = now;
    s->repo_dir = arena_printf(&s->arena, "%s.new", dir);
    int r = io_remove_tree(s->repo_dir, err);
    if (r == 0)
        r = remote_talk(s, c, NULL, err);
    repo_close(s);
    if (r == 0)
        r = io_remove_tree(dir, err);
    if (r == 0 && rename(s->repo_dir, dir) < 0)
        r = err_errno(err, errno, "%s", dir);
    s->repo_dir = dir;
    if (r == 0)
        s->damaged = false;
    return r < 0 ? r : repo_open(s, err);
}

int remote_fetch(struct source *s, const struct cancel *c, bool *ret_moved, struct err *err)
{
    git_oid tip;
    int r;
    if (!s->have_fetched)
        recall(s);
    if (s->damaged)
        r = rebuild(s, c, err);
    else
        r = s->have_tip && have_pinned(s) ? 0 : remote_talk(s, c, NULL, err);
    if (r == 0)
        r = repo_tip(s, &tip, err);
    if (r < 0) {
        s->damaged = s->damaged || r == ERR_CORRUPT;
        return r;
    }
    source_note_fetch(s, &tip, ret_moved);
    return 0;
}
