/* A source: its configuration, and the dispatch to the files that handle its kind of address. */
#include "reconciler/source/internal.h"

#include "base/mem.h"

#include <ctype.h>

/* "deploy//prod/" -> "deploy/prod"; NULL for a path that leaves the repository or holds an invalid name. */
static const char *normalise_path(struct arena *a, const char *path)
{
    size_t n;
    char **parts = str_split(a, str_or(path, ""), '/', &n);
    struct buf b = BUF_INIT;
    bool valid = true;
    for (size_t i = 0; i < n; i++) {
        if (!*parts[i] || str_eq(parts[i], "."))
            continue;
        struct err ignored = {0};
        valid = valid && snapshot_check_name(parts[i], path, &ignored) == 0;
        if (b.len)
            buf_addc(&b, '/');
        buf_adds(&b, parts[i]);
    }
    const char *ret = valid && b.len <= LIMIT_PATH_BYTES ? arena_strdup(a, buf_str(&b)) : NULL;
    buf_release(&b);
    return ret;
}

static const char *describe(struct source *s)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    buf_adds(&b, s->url.text);
    if (s->config.revision)
        buf_addf(&b, " revision %s", s->config.revision);
    else if (s->config.branch)
        buf_addf(&b, " branch %s", s->config.branch);
    if (*s->path)
        buf_addf(&b, " path %s", s->path);
    return arena_strdup(&s->arena, buf_str(&b));
}

/* Names of references end up in requests and paths: only what git-check-ref-format(1) allows, and not all of
   that. */
static bool ref_name_valid(const char *s)
{
    if (str_empty(s) || *s == '-' || *s == '/' || *s == '.' || strlen(s) > 255 || strstr(s, "..") ||
        strstr(s, "//") || strstr(s, "/.") || strstr(s, "@{") || str_ends(s, "/") || str_ends(s, ".") ||
        str_ends(s, ".lock"))
        return false;
    for (; *s; s++)
        if (iscntrl((unsigned char)*s) || strchr(" ~^:?*[\\", *s))
            return false;
    return true;
}

static int check_config(struct source *s, struct err *err)
{
    const struct source_config *c = &s->config;
    bool git = s->url.kind != SOURCE_DIR;
    if (c->branch && c->revision)
        return err_set(err, ERR_INVALID, "repository %s: branch and revision cannot be combined",
                       s->url.text);
    if (!git && (c->branch || c->revision))
        return err_set(err, ERR_INVALID, "%s: a plain folder has no branch and no revision", s->url.text);
    if (c->branch && !ref_name_valid(c->branch))
        return err_set(err, ERR_INVALID, "repository %s: \"%s\" is not a valid branch name", s->url.text,
                       c->branch);
    /* A local repository resolves any revision that git does ("main~3"); a remote can only be asked for names
       and commits. */
    if (c->revision && s->repo_dir && !ref_name_valid(c->revision)) {
        err_set(err, ERR_INVALID, "repository %s: revision \"%s\" is not a tag or a commit", s->url.text,
                c->revision);
        return err_hint(err, "write the name of a tag, or the 40 digits of a commit");
    }
    if (s->url.kind == SOURCE_HTTP && !s->url.tls && c->password) {
        err_set(err, ERR_DENIED, "repository %s: credentials are not sent over plain http", s->url.text);
        return err_hint(err, "use https://");
    }
    if (s->repo_dir && str_empty(c->cache_dir))
        return err_set(err, ERR_INVALID, "repository %s: no folder to keep its copy in", s->url.text);
    return 0;
}

static void copy_config(struct source *s, const struct source_config *c)
{
    struct arena *a = &s->arena;
    s->config = *c;
    s->config.url = arena_strdup(a, c->url);
    s->config.branch = arena_strdup(a, str_empty(c->branch) ? NULL : c->branch);
    s->config.revision = arena_strdup(a, str_empty(c->revision) ? NULL : c->revision);
    s->config.path = arena_strdup(a, c->path);
    s->config.cache_dir = arena_strdup(a, c->cache_dir);
    s->config.username = arena_strdup(a, c->username);
    s->config.ca_file = arena_strdup(a, c->ca_file);
    s->config.ssh_key_file = arena_strdup(a, c->ssh_key_file);
    s->config.ssh_known_hosts = arena_strdup(a, c->ssh_known_hosts);
    if (!s->config.timeout_ns)
        s->config.timeout_ns = 120 * NS_PER_S;
}

int source_open(const struct source_config *c, struct source **ret, struct err *err)
{
    struct source *s = mem_new(struct source);
    copy_config(s, c);
    int r = source_url_parse(&s->arena, c->url, &s->url, err);
    if (r == 0 && (s->url.kind == SOURCE_HTTP || s->url.kind == SOURCE_SSH)) {
        struct digest d;
        char hex[DIGEST_HEX_LEN + 1];
        digest_of(s->url.text, strlen(s->url.text), &d);
        digest_hex(&d, hex);
        s->repo_dir = arena_printf(&s->arena, "%s/%.32s.git", str_or(c->cache_dir, ""), hex);
    }
    if (r == 0) {
        s->path = normalise_path(&s->arena, c->path);
        r = s->path ? check_config(s, err)
                    : err_set(err, ERR_INVALID, "repository %s: path \"%s\" is not a folder inside it",
                              s->url.text, c->path);
    }
    if (r < 0) {
        source_close(s);
        return r;
    }
    s->where = describe(s);
    *ret = s;
    return 0;
}

void source_close(struct source *s)
{
    if (!s)
        return;
    watch_free(s->watch);
    http_session_free(s->http);
    repo_close(s);
    arena_release(&s->arena);
    free(s);
}

void source_note_fetch(struct source *s, const git_oid *tip, bool *ret_moved)
{
    *ret_moved = !s->have_fetched || !git2.oid_equal(tip, &s->fetched);
    s->tip = s->fetched = *tip;
    s->have_tip = s->have_fetched = true;
}

/* A local repository: read its references again. */
static int local_fetch(struct source *s, bool *ret_moved, struct err *err)
{
    git_oid tip;
    int r = repo_open(s, err);
    if (r == 0)
        r = repo_tip(s, &tip, err);
    if (r < 0) {
        /* Reopen it next time: it may have been replaced or repaired by then. */
        repo_close(s);
        return r;
    }
    source_note_fetch(s, &tip, ret_moved);
    return 0;
}

int source_fetch(struct source *s, const struct cancel *c, bool *ret_moved, struct err *err)
{
    int r = cancel_check(c, err);
    if (r < 0)
        return r;
    switch (s->url.kind) {
    case SOURCE_DIR:
        *ret_moved = true; /* only reading the files can tell */
        return 0;
    case SOURCE_LOCAL:
        return local_fetch(s, ret_moved, err);
    case SOURCE_HTTP:
    case SOURCE_SSH:
        break;
    }
    return remote_fetch(s, c, ret_moved, err);
}

/* Resolve the configured revision again: another source, or another process, may have fetched too. If that
   fails, the last known tip is used. */
static int refresh_tip(struct source *s, struct err *err)
{
    git_oid tip;
    int r = repo_open(s, err);
    if (r < 0)
        return r;
    r = repo_tip(s, &tip, err);
    s->damaged = s->damaged || r == ERR_CORRUPT;
    if (r < 0 && s->have_tip) {
        err_clear(err);
        return 0;
    }
    if (r == 0)
        s->tip = tip;
    s->have_tip = r == 0;
    return r;
}

int source_snapshot(struct source *s, const char *rev, struct snapshot **ret, struct err *err)
{
    if (s->url.kind == SOURCE_DIR) {
        if (!str_empty(rev)) {
            err_set(err, ERR_UNSUPPORTED, "%s: a plain folder has no revisions", s->url.text);
            return err_hint(err, "run git init there and commit, or leave out the revision");
        }
        return dir_snapshot(s, ret, err);
    }
    int r = refresh_tip(s, err);
    git_oid commit = s->tip;
    if (!str_empty(rev) && s->repo) {
        /* `rev` may exist even when the configured revision does not. */
        err_clear(err);
        r = repo_resolve(s, rev, &commit, err);
    }
    if (r == 0)
        r = tree_snapshot(s, &commit, ret, err);
    s->damaged = s->damaged || r == ERR_CORRUPT;
    return r;
}

int source_changes(struct source *s, const char *since, size_t max, struct arena *a, struct snapshot **ret,
                   const char *const **ret_removed, struct err *err)
{
    if (s->url.kind == SOURCE_DIR)
        return err_set(err, ERR_UNSUPPORTED, "%s: a plain folder has no revisions", s->url.text);
    int r = refresh_tip(s, err);
    return r < 0 ? r : tree_changes(s, since, max, a, ret, ret_removed, err);
}

int snapshot_read(void *arg, size_t i, struct arena *a, const char **ret, size_t *ret_len, struct err *err)
{
    struct snapshot *s = arg;
    return s->odb ? tree_read(s, i, a, ret, ret_len, err) : dir_read(s, i, a, ret, ret_len, err);
}

size_t snapshot_files(const struct snapshot *s, const struct load_file **ret)
{
    *ret = s->files;
    return s->n_files;
}

const struct snapshot_info *snapshot_info(const struct snapshot *s)
{
    return &s->info;
}

int snapshot_describe(struct snapshot *s, struct err *err)
{
    return s->odb || s->described || !s->work_tree ? 0 : head_describe(s, err);
}

struct snapshot *snapshot_new(struct source *source)
{
    struct snapshot *s = mem_new(struct snapshot);
    s->source = source;
    s->root = -1;
    s->info = (struct snapshot_info){
        .commit = "", .files = "", .subject = "", .author = "", .where = source->where};
    return s;
}

void snapshot_free(struct snapshot *s)
{
    if (!s)
        return;
    git_odb_freep(&s->odb);
    cleanup_closep(&s->root);
    arena_release(&s->arena);
    free(s);
}

int source_watch_fd(struct source *s)
{
    return watch_fd(s);
}

bool source_watch_changed(struct source *s)
{
    return watch_changed(s);
}
