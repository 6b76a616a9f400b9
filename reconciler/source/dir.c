/*
 * A plain folder as a sorted list of files, for trying things out. Files can change at any time, so manifests
 * are read once, when the snapshot is made, and their digests are computed from the same bytes that
 * snapshot_read() returns later. Other files are read on demand. libgit2 is not used: starting it would take
 * longer than all of this.
 */
#include "reconciler/source/internal.h"

#include "base/digest.h"
#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

/* While walking: a file, and its content if it is a manifest. */
struct found {
    const char *path;
    char id[DIGEST_HEX_LEN + 1];
    const char *text; /* NULL: not read */
    size_t size;
    bool executable;
    struct timespec changed;
};

struct walk {
    struct snapshot *snapshot;
    struct err *err;
    struct buf path;
    struct arena scratch; /* of `found` */
    struct found *found;
    size_t n, cap, entries, bytes;
};

static bool is_manifest(const char *name)
{
    return str_ends(name, ".yaml") || str_ends(name, ".yml");
}

static void identify(struct found *f)
{
    struct digest d;
    digest_of(f->text, f->size, &d);
    digest_hex(&d, f->id);
}

/* Read an open file of `size` bytes into the arena; *ret NULL when that is more than `max`. */
static int read_open(int fd, size_t size, size_t max, struct arena *a, const char **ret, size_t *ret_len,
                     struct err *err)
{
    *ret = NULL;
    if (size > max)
        return 0;
    /* Try to read one byte more than the size: it shows that the file has grown. */
    char *text = arena_alloc(a, size + 2);
    size_t len = 0;
    ssize_t n;
    while (len <= size && (n = read(fd, text + len, size + 1 - len)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(err, errno, "reading");
        len += (size_t)n;
    }
    if (len > size)
        return err_set(err, ERR_CONFLICT, "it is being written to");
    text[len] = '\0';
    *ret = text;
    *ret_len = len;
    return 0;
}

static int add_file(struct walk *w, int dir, const char *name, const struct stat *st)
{
    struct arena *a = &w->snapshot->arena;
    struct found f = {.path = arena_strndup(a, buf_str(&w->path), w->path.len),
                      .size = (size_t)st->st_size,
                      .executable = (st->st_mode & S_IXUSR) != 0,
                      .changed = st->st_mtim};
    if (is_manifest(name)) {
        _cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        struct stat now;
        if (fd < 0 || fstat(fd, &now) < 0)
            return err_errno(w->err, errno, "%s", f.path);
        f.size = (size_t)now.st_size;
        int r = S_ISREG(now.st_mode)
                    ? read_open(fd, f.size, LIMIT_MANIFEST_BYTES, a, &f.text, &f.size, w->err)
                    : err_set(w->err, ERR_CONFLICT, "it was replaced during the read");
        if (r < 0)
            return err_wrap(w->err, "%s", f.path);
        w->bytes += f.text ? f.size : 0;
        if (w->bytes > LIMIT_TREE_BYTES)
            return err_set(w->err, ERR_LIMIT, "%s: more than %u bytes of manifests",
                           w->snapshot->source->where, LIMIT_TREE_BYTES);
        if (f.text)
            identify(&f);
    }
    arena_push(&w->scratch, w->found, w->n, w->cap, f);
    return 0;
}

static int walk_dir(struct walk *w, int parent, const char *name, unsigned depth);

static int walk_entry(struct walk *w, int dir, const char *name, unsigned depth)
{
    struct stat st;
    int r = snapshot_check_name(name, buf_str(&w->path), w->err);
    if (r < 0)
        return r;
    if (++w->entries > LIMIT_TREE_ENTRIES)
        return err_set(w->err, ERR_LIMIT, "%s: more than %u files and folders", w->snapshot->source->where,
                       LIMIT_TREE_ENTRIES);
    if (w->path.len > LIMIT_PATH_BYTES)
        return err_set(w->err, ERR_LIMIT, "%.100s...: a path of more than %u bytes", buf_str(&w->path),
                       LIMIT_PATH_BYTES);
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : err_errno(w->err, errno, "%s", buf_str(&w->path));
    if (S_ISDIR(st.st_mode))
        return walk_dir(w, dir, name, depth + 1);
    if (S_ISREG(st.st_mode))
        return add_file(w, dir, name, &st);
    if (!S_ISLNK(st.st_mode) || str_starts(name, ".#"))
        return 0; /* sockets and pipes cannot be committed; ".#x" is how Emacs marks a file that is being
                     edited */
    err_set(w->err, ERR_INVALID, "%s: a symbolic link is refused", buf_str(&w->path));
    return err_hint(w->err, "put the file itself there; symbolic links are refused in Git repositories too");
}

static int walk_open(struct walk *w, DIR *d, unsigned depth)
{
    int r = 0;
    struct dirent *e;
    while (r == 0 && (errno = 0, e = readdir(d))) {
        if (str_eq(e->d_name, ".") || str_eq(e->d_name, "..") || str_eq(e->d_name, ".git"))
            continue;
        size_t before = w->path.len;
        if (before)
            buf_addc(&w->path, '/');
        buf_adds(&w->path, e->d_name);
        r = walk_entry(w, dirfd(d), e->d_name, depth);
        buf_truncate(&w->path, before);
    }
    if (r == 0 && errno)
        r = err_errno(w->err, errno, "folder %s", buf_str(&w->path));
    return r;
}

static int walk_dir(struct walk *w, int parent, const char *name, unsigned depth)
{
    if (depth > LIMIT_TREE_DEPTH)
        return err_set(w->err, ERR_LIMIT, "%.100s...: folders nested more than %u deep", buf_str(&w->path),
                       LIMIT_TREE_DEPTH);
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        int saved = errno;
        cleanup_closep(&fd);
        return err_errno(w->err, saved, "folder %s", buf_str(&w->path));
    }
    int r = walk_open(w, d, depth);
    closedir(d);
    return r;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct found *)a)->path, ((const struct found *)b)->path);
}

static void list_files(struct snapshot *s, struct walk *w)
{
    struct arena *a = &s->arena;
    if (w->n)
        qsort(w->found, w->n, sizeof(*w->found), by_path);
    s->files = arena_array(a, struct load_file, w->n);
    s->texts = arena_array(a, const char *, w->n);
    s->n_files = w->n;
    for (size_t i = 0; i < w->n; i++) {
        const struct found *f = &w->found[i];
        s->files[i] = (struct load_file){.path = f->path, .size = f->size, .executable = f->executable};
        if (f->text)
            s->files[i].blob_id = arena_strndup(a, f->id, DIGEST_HEX_LEN);
        s->texts[i] = f->text;
    }
}

/* Of each file, what tells that it has changed: a manifest's content, another one's size and time. */
static const char *digest_files(const struct walk *w, struct arena *a)
{
    struct digest_ctx ctx;
    struct digest d;
    char hex[DIGEST_HEX_LEN + 1];
    digest_begin(&ctx);
    for (size_t i = 0; i < w->n; i++) {
        const struct found *f = &w->found[i];
        digest_add(&ctx, f->path, strlen(f->path) + 1);
        digest_add(&ctx, &f->executable, sizeof(f->executable));
        if (f->text) {
            digest_add(&ctx, f->id, DIGEST_HEX_LEN);
        } else {
            digest_add(&ctx, &f->size, sizeof(f->size));
            digest_add(&ctx, &f->changed.tv_sec, sizeof(f->changed.tv_sec));
            digest_add(&ctx, &f->changed.tv_nsec, sizeof(f->changed.tv_nsec));
        }
    }
    digest_end(&ctx, &d);
    digest_hex(&d, hex);
    return arena_printf(a, SOURCE_FILES "%s", hex);
}

int dir_snapshot(struct source *source, struct snapshot **ret, struct err *err)
{
    _cleanup_(snapshot_freep) struct snapshot *s = snapshot_new(source);
    const char *top =
        arena_printf(&s->arena, "%s%s%s", source->url.path, *source->path ? "/" : "", source->path);
    s->root = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->root < 0)
        return err_errno(err, errno, "folder %s", top);
    struct walk w = {.snapshot = s, .err = err};
    int r = walk_dir(&w, s->root, ".", 1);
    buf_release(&w.path);
    if (r == 0) {
        list_files(s, &w);
        s->info.files = digest_files(&w, &s->arena);
    }
    arena_release(&w.scratch);
    if (r < 0)
        return err_wrap(err, "%s", top);
    char commit[GIT_OID_HEXSZ + 1];
    if (head_find(top, &s->arena, &s->work_tree, commit))
        s->info.commit = arena_strdup(&s->arena, commit);
    *ret = take_ptr(s);
    return 0;
}

int dir_read(struct snapshot *s, size_t i, struct arena *a, const char **ret, size_t *ret_len,
             struct err *err)
{
    const struct load_file *f = &s->files[i];
    if (s->texts[i]) {
        *ret_len = f->size;
        *ret = arena_memdup(a, s->texts[i], f->size + 1);
        return 0;
    }
    _cleanup_buf_ struct buf b = BUF_INIT;
    int r = io_read_file_at(s->root, f->path, LIMIT_MANIFEST_BYTES, &b, err);
    if (r < 0)
        return r;
    *ret_len = b.len;
    *ret = arena_memdup(a, buf_str(&b), b.len + 1);
    return 0;
}
