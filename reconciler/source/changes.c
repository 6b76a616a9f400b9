/*
 * The difference between two commits. A tree's id is a digest of its content, so trees with equal ids are
 * skipped: a small change in a large repository costs only the folders on the path to it.
 *
 * Only simple cases are handled. Everything that a walk over the whole tree (tree.c) would refuse, or that
 * only such a walk can judge, is an error here, and the caller falls back to that walk.
 */
#include "reconciler/source/internal.h"

struct compare {
    struct source *source;
    struct snapshot *snapshot;
    struct buf path;
    size_t left; /* how many more files may differ */
    struct arena *arena;
    const char **removed;
    size_t n_removed, cap_removed;
    struct err *err;
};

static int give_up(struct compare *c, const char *why)
{
    return err_set(c->err, ERR_UNSUPPORTED, "%s: %s", buf_str(&c->path), why);
}

static int compare_trees(struct compare *c, const git_oid *before, const git_oid *after, unsigned depth);

/* One name, in one of the trees or in both. */
static int compare_entries(struct compare *c, const git_tree_entry *before, const git_tree_entry *after,
                           unsigned depth)
{
    const git_oid *old = before ? git2.tree_entry_id(before) : NULL;
    const git_oid *new = after ? git2.tree_entry_id(after) : NULL;
    git_filemode_t mode = git2.tree_entry_filemode(after ? after : before);
    bool folder = mode == GIT_FILEMODE_TREE;
    if (before && after && git2.tree_entry_type(before) != git2.tree_entry_type(after))
        return give_up(c, "another kind of entry");
    if (old && new &&git2.oid_equal(old, new))
        return 0;
    if (folder)
        return compare_trees(c, old, new, depth + 1);
    if (mode != GIT_FILEMODE_BLOB && mode != GIT_FILEMODE_BLOB_EXECUTABLE)
        return give_up(c, "no plain file");
    if (c->left == 0)
        return give_up(c, "too many files differ");
    c->left--;
    if (new)
        return snapshot_add_file(c->snapshot, buf_str(&c->path), new, mode == GIT_FILEMODE_BLOB_EXECUTABLE,
                                 c->err);
    arena_push(c->arena, c->removed, c->n_removed, c->cap_removed, arena_strdup(c->arena, buf_str(&c->path)));
    return 0;
}

static int compare_named(struct compare *c, const git_tree_entry *before, const git_tree_entry *after,
                         unsigned depth)
{
    const char *name = git2.tree_entry_name(after ? after : before);
    size_t len = c->path.len;
    if (len)
        buf_addc(&c->path, '/');
    buf_adds(&c->path, name);
    int r = c->path.len > LIMIT_PATH_BYTES ? give_up(c, "a long path") : 0;
    if (r == 0)
        r = snapshot_check_name(name, buf_str(&c->path), c->err);
    if (r == 0)
        r = compare_entries(c, before, after, depth);
    buf_truncate(&c->path, len);
    return r;
}

static int lookup(struct compare *c, const git_oid *id, git_tree **ret)
{
    *ret = NULL;
    int r = id ? git2.tree_lookup(ret, c->source->repo, id) : 0;
    return r < 0 ? libgit_error(c->err, r, "tree %.12s", git2.oid_tostr_s(id)) : 0;
}

/* Git sorts the entries of a tree: one that is not sorted is damaged or crafted. */
static bool in_order(const git_tree *tree, size_t i)
{
    return i == 0 ||
           git2.tree_entry_cmp(git2.tree_entry_byindex(tree, i - 1), git2.tree_entry_byindex(tree, i)) < 0;
}

static int compare_trees(struct compare *c, const git_oid *before, const git_oid *after, unsigned depth)
{
    _cleanup_(git_tree_freep) git_tree *old = NULL, *new = NULL;
    if (depth > LIMIT_TREE_DEPTH)
        return give_up(c, "deep folders");
    int r = lookup(c, before, &old);
    if (r == 0)
        r = lookup(c, after, &new);
    size_t i = 0, k = 0, n = old ? git2.tree_entrycount(old) : 0, m = new ? git2.tree_entrycount(new) : 0;
    while (r == 0 && (i < n || k < m)) {
        const git_tree_entry *x = i < n ? git2.tree_entry_byindex(old, i) : NULL;
        const git_tree_entry *y = k < m ? git2.tree_entry_byindex(new, k) : NULL;
        int order = !x ? 1 : !y ? -1 : git2.tree_entry_cmp(x, y);
        if (y && !in_order(new, k))
            return give_up(c, "a tree whose entries are out of order");
        if (order != 0 || !git2.oid_equal(git2.tree_entry_id(x), git2.tree_entry_id(y)) ||
            git2.tree_entry_filemode(x) != git2.tree_entry_filemode(y))
            r = compare_named(c, order <= 0 ? x : NULL, order >= 0 ? y : NULL, depth);
        i += order <= 0;
        k += order >= 0;
    }
    return r;
}

static int folder_at(struct source *s, const git_oid *id, git_commit **ret_commit, git_oid *ret,
                     struct err *err)
{
    int r = git2.commit_lookup(ret_commit, s->repo, id);
    return r < 0 ? libgit_error(err, r, "commit %.12s", git2.oid_tostr_s(id))
                 : tree_folder(s, *ret_commit, ret, err);
}

static int compare(struct source *s, const char *since, struct compare *c, struct err *err)
{
    _cleanup_(git_commit_freep) git_commit *old = NULL, *new = NULL;
    git_oid base, before, after;
    int r = git2.oid_fromstr(&base, since);
    if (r == 0)
        r = git2.repository_odb(&c->snapshot->odb, s->repo);
    if (r < 0)
        return libgit_error(err, r, "commit %.12s", since);
    r = folder_at(s, &base, &old, &before, err);
    if (r == 0)
        r = folder_at(s, &s->tip, &new, &after, err);
    if (r < 0)
        return r;
    c->snapshot->folder = after;
    snapshot_set_commit(c->snapshot, new);
    return git2.oid_equal(&before, &after) ? 0 : compare_trees(c, &before, &after, 1);
}

int tree_changes(struct source *s, const char *since, size_t max, struct arena *a, struct snapshot **ret,
                 const char *const **ret_removed, struct err *err)
{
    _cleanup_(snapshot_freep) struct snapshot *snap = snapshot_new(s);
    struct compare c = {.source = s, .snapshot = snap, .left = max, .arena = a, .err = err};
    int r = compare(s, since, &c, err);
    buf_release(&c.path);
    if (r < 0)
        return r;
    arena_push(a, c.removed, c.n_removed, c.cap_removed, NULL);
    *ret_removed = c.removed;
    *ret = take_ptr(snap);
    return 0;
}

int snapshot_find(struct snapshot *s, const char *path, size_t *ret, struct err *err)
{
    _cleanup_(git_tree_freep) git_tree *root = NULL;
    _cleanup_(git_tree_entry_freep) git_tree_entry *entry = NULL;
    for (size_t i = 0; i < s->n_files; i++)
        if (str_eq(s->files[i].path, path)) {
            *ret = i;
            return 0;
        }
    int r = s->odb ? git2.tree_lookup(&root, s->source->repo, &s->folder) : GIT_ENOTFOUND;
    if (r == 0)
        r = git2.tree_entry_bypath(&entry, root, path);
    if (r < 0 || git2.tree_entry_type(entry) != GIT_OBJECT_BLOB)
        return err_set(err, ERR_NOTFOUND, "there is no file %s", path);
    r = snapshot_add_file(s, path, git2.tree_entry_id(entry),
                          git2.tree_entry_filemode(entry) == GIT_FILEMODE_BLOB_EXECUTABLE, err);
    *ret = s->n_files - 1;
    return r;
}
