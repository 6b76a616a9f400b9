/*
 * A commit as a sorted list of files, and their content, from the object database.
 *
 * Anybody who can push can write a tree, with any bytes in its names. Names are checked as if they were going
 * to be created on disk (X1): they never are, but they end up in messages, paths and identities. Git sorts
 * the entries of a tree so that a walk gives full paths in bytewise order (gitformat-pack(5) leaves the check
 * to "git fsck", which reports "treeNotSorted"): a walk in any other order means a damaged or crafted tree.
 */
#include "reconciler/source/internal.h"

#include <ctype.h>

int snapshot_check_name(const char *name, const char *path, struct err *err)
{
    const char *why = NULL;
    if (!*name || str_eq(name, ".") || str_eq(name, ".."))
        why = "the name points outside its folder";
    else if (strcasecmp(name, ".git") == 0)
        why = "the name is reserved for Git";
    else if (strchr(name, '/'))
        why = "a name contains a slash";
    else if (!str_utf8_valid(name, strlen(name)))
        why = "its name is not UTF-8";
    else
        for (const char *p = name; *p && !why; p++)
            if (iscntrl((unsigned char)*p))
                why = "its name contains control characters";
    if (!why)
        return 0;
    /* The path is shown on terminals and in logs: no control characters. */
    char shown[256];
    str_copy(shown, sizeof(shown), path);
    str_clean(shown);
    for (char *p = shown; *p; p++)
        if (iscntrl((unsigned char)*p))
            *p = '?';
    return err_set(err, ERR_INVALID, "%s: refused: %s", shown, why);
}

struct walk {
    struct source *source;
    struct snapshot *snapshot;
    struct buf path; /* below the environment's folder */
    size_t entries;
    bool complete; /* also check that each blob exists */
    struct err *err;
};

static int refuse(struct walk *w, const char *what, const char *hint)
{
    err_set(w->err, ERR_INVALID, "%s: %s is refused", buf_str(&w->path), what);
    return err_hint(w->err, "%s", hint);
}

int snapshot_add_file(struct snapshot *s, const char *path, const git_oid *id, bool executable,
                      struct err *err)
{
    char hex[GIT_OID_HEXSZ + 1];
    if (s->n_files > LIMIT_TREE_ENTRIES)
        return err_set(err, ERR_LIMIT, "%s: more than %u files", path, LIMIT_TREE_ENTRIES);
    git2.oid_tostr(hex, sizeof(hex), id);
    size_t n = s->n_files;
    arena_push(&s->arena, s->oids, n, s->cap_oids, *id);
    struct load_file f = {
        .path = arena_strdup(&s->arena, path),
        .blob_id = arena_strndup(&s->arena, hex, GIT_OID_HEXSZ),
        .executable = executable,
    };
    arena_push(&s->arena, s->files, s->n_files, s->cap_files, f);
    return 0;
}

static int add_file(struct walk *w, const git_oid *id, bool executable)
{
    struct snapshot *s = w->snapshot;
    const char *path = buf_str(&w->path);
    if (s->n_files && strcmp(s->files[s->n_files - 1].path, path) >= 0)
        return refuse(w, "a tree with unordered or duplicate entries", "run git fsck for details");
    if (w->complete && !git2.odb_exists(s->odb, id))
        return err_set(w->err, ERR_CORRUPT, "%s: blob %.12s is missing", path, git2.oid_tostr_s(id));
    return snapshot_add_file(s, path, id, executable, w->err);
}

static int walk_tree(struct walk *w, const git_oid *id, unsigned depth);

static int walk_entry(struct walk *w, const git_tree_entry *e, unsigned depth)
{
    const char *name = git2.tree_entry_name(e);
    size_t before = w->path.len;
    if (before)
        buf_addc(&w->path, '/');
    buf_adds(&w->path, name);
    int r = snapshot_check_name(name, buf_str(&w->path), w->err);
    if (r == 0 && (++w->entries > LIMIT_TREE_ENTRIES))
        r = err_set(w->err, ERR_LIMIT, "%s: more than %u files and folders", w->source->where,
                    LIMIT_TREE_ENTRIES);
    if (r == 0 && w->path.len > LIMIT_PATH_BYTES)
        r = err_set(w->err, ERR_LIMIT, "%.100s...: a path of more than %u bytes", buf_str(&w->path),
                    LIMIT_PATH_BYTES);
    if (r == 0) {
        switch (git2.tree_entry_filemode(e)) {
        case GIT_FILEMODE_TREE:
            r = walk_tree(w, git2.tree_entry_id(e), depth + 1);
            break;
        case GIT_FILEMODE_BLOB:
        case GIT_FILEMODE_BLOB_EXECUTABLE:
            r = add_file(w, git2.tree_entry_id(e),
                         git2.tree_entry_filemode(e) == GIT_FILEMODE_BLOB_EXECUTABLE);
            break;
        case GIT_FILEMODE_LINK:
            r = refuse(w, "a symbolic link", "commit the file itself");
            break;
        case GIT_FILEMODE_COMMIT:
            r = refuse(w, "a submodule", "commit its files, or make it a separate environment");
            break;
        case GIT_FILEMODE_UNREADABLE:
        default:
            r = refuse(w, "an entry of an unknown kind", "remove it");
            break;
        }
    }
    buf_truncate(&w->path, before);
    return r;
}

static int walk_tree(struct walk *w, const git_oid *id, unsigned depth)
{
    _cleanup_(git_tree_freep) git_tree *tree = NULL;
    if (depth > LIMIT_TREE_DEPTH)
        return err_set(w->err, ERR_LIMIT, "%.100s...: folders nested more than %u deep", buf_str(&w->path),
                       LIMIT_TREE_DEPTH);
    int r = git2.tree_lookup(&tree, w->source->repo, id);
    if (r < 0) {
        libgit_error(w->err, r, "%s: tree %.12s of \"%s\"", w->source->where, git2.oid_tostr_s(id),
                     buf_str(&w->path));
        return w->err->code = ERR_CORRUPT;
    }
    size_t n = git2.tree_entrycount(tree);
    for (size_t i = 0; i < n && r == 0; i++)
        r = walk_entry(w, git2.tree_entry_byindex(tree, i), depth);
    return r;
}

int tree_folder(struct source *s, git_commit *commit, git_oid *ret, struct err *err)
{
    _cleanup_(git_tree_freep) git_tree *root = NULL;
    _cleanup_(git_tree_entry_freep) git_tree_entry *entry = NULL;
    *ret = *git2.commit_tree_id(commit);
    if (!*s->path)
        return 0;
    int r = git2.commit_tree(&root, commit);
    if (r == 0)
        r = git2.tree_entry_bypath(&entry, root, s->path);
    if (r == GIT_ENOTFOUND || (r == 0 && git2.tree_entry_type(entry) != GIT_OBJECT_TREE)) {
        err_set(err, ERR_NOTFOUND, "repository %s, commit %.12s: there is no folder \"%s\"", s->url.text,
                git2.oid_tostr_s(git2.commit_id(commit)), s->path);
        return err_hint(err, "check the environment's path");
    }
    if (r < 0) {
        libgit_error(err, r, "%s: commit %.12s", s->where, git2.oid_tostr_s(git2.commit_id(commit)));
        return err->code = ERR_CORRUPT;
    }
    *ret = *git2.tree_entry_id(entry);
    return 0;
}

/* The first line of untrusted text, without control characters. */
static const char *one_line(struct arena *a, const char *text)
{
    size_t len = strcspn(str_or(text, ""), "\r\n");
    char *s = arena_strndup(a, str_or(text, ""), len < 512 ? len : 512);
    str_clean(s);
    return s;
}

void snapshot_set_commit(struct snapshot *s, git_commit *commit)
{
    struct arena *a = &s->arena;
    char hex[GIT_OID_HEXSZ + 1];
    const git_signature *who = git2.commit_author(commit);
    git2.oid_tostr(hex, sizeof(hex), git2.commit_id(commit));
    s->info.commit = arena_strdup(a, hex);
    s->info.subject = one_line(a, git2.commit_message(commit));
    if (who)
        s->info.author = one_line(a, arena_printf(a, "%s <%s>", who->name, who->email));
    /* The committer's time: when this commit was made, even by an amend. 0 for a time that does not fit into
       nanoseconds. */
    int64_t seconds = git2.commit_time(commit);
    s->info.time_ns = seconds > 0 && seconds < INT64_MAX / NS_PER_S ? seconds * NS_PER_S : 0;
}

static int make_snapshot(struct source *source, const git_oid *id, bool complete, struct snapshot **ret,
                         struct err *err)
{
    _cleanup_(git_commit_freep) git_commit *commit = NULL;
    _cleanup_(snapshot_freep) struct snapshot *s = snapshot_new(source);
    git_oid folder;
    int r = git2.commit_lookup(&commit, source->repo, id);
    if (r == 0)
        r = git2.repository_odb(&s->odb, source->repo);
    if (r < 0) {
        libgit_error(err, r, "%s: commit %.12s", source->where, git2.oid_tostr_s(id));
        return err->code = ERR_CORRUPT;
    }
    r = tree_folder(source, commit, &folder, err);
    if (r < 0)
        return r;
    snapshot_set_commit(s, commit);
    struct walk w = {.source = source, .snapshot = s, .complete = complete, .err = err};
    r = walk_tree(&w, &folder, 1);
    buf_release(&w.path);
    if (r < 0)
        return err_wrap(err, "commit %.12s", git2.oid_tostr_s(id));
    *ret = take_ptr(s);
    return 0;
}

int tree_snapshot(struct source *source, const git_oid *id, struct snapshot **ret, struct err *err)
{
    return make_snapshot(source, id, false, ret, err);
}

int tree_verify(struct source *source, const git_oid *id, struct err *err)
{
    _cleanup_(snapshot_freep) struct snapshot *s = NULL;
    struct err own = {0};
    int r = make_snapshot(source, id, true, &s, &own);
    if (r == ERR_CORRUPT)
        *err = own;
    return r == ERR_CORRUPT ? r : 0;
}

int tree_read(struct snapshot *s, size_t i, struct arena *a, const char **ret, size_t *ret_len,
              struct err *err)
{
    const char *path = s->files[i].path;
    size_t size;
    git_object_t type;
    /* Check the size first: a blob may not fit into memory. */
    int r = git2.odb_read_header(&size, &type, s->odb, &s->oids[i]);
    if (r == 0 && type == GIT_OBJECT_BLOB && size > LIMIT_MANIFEST_BYTES)
        return err_set(err, ERR_LIMIT, "%s: %zu bytes; the maximum for one file is %u", path, size,
                       LIMIT_MANIFEST_BYTES);
    git_odb_object *object = NULL;
    if (r == 0)
        r = git2.odb_read(&object, s->odb, &s->oids[i]);
    if (r < 0) {
        libgit_error(err, r, "commit %.12s: %s", s->info.commit, path);
        return err->code = ERR_CORRUPT;
    }
    if (type != GIT_OBJECT_BLOB || git2.odb_object_type(object) != GIT_OBJECT_BLOB) {
        git2.odb_object_free(object);
        return err_set(err, ERR_CORRUPT, "commit %.12s: %s is not a file", s->info.commit, path);
    }
    *ret_len = git2.odb_object_size(object);
    char *text = arena_alloc(a, *ret_len + 1);
    if (*ret_len)
        memcpy(text, git2.odb_object_data(object), *ret_len);
    *ret = text;
    git2.odb_object_free(object);
    return 0;
}
