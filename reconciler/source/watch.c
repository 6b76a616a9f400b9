/*
 * Tells when a local source may have changed, by inotify(7).
 *
 * A folder is watched with all folders below it. In a repository only what a push or a commit replaces is
 * watched: HEAD, packed-refs and the references, which git writes as NAME.lock and renames. Watches that the
 * kernel refuses (fs.inotify.max_user_watches) are left out: sources are polled as well.
 */
#include "reconciler/source/internal.h"

#include "base/log.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#define WATCH_MAX 16384u
#define MASK                                                                                                \
    (IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | \
     IN_ONLYDIR | IN_EXCL_UNLINK | IN_DONT_FOLLOW)

/* Which names matter in a watched folder. */
enum role {
    ROLE_FOLDER, /* manifests: every name that is not hidden, and folders below */
    ROLE_GIT,    /* the git folder: HEAD and packed-refs */
    ROLE_REFS,   /* references: all names but locks, and folders below */
};

struct watched {
    int wd; /* -1: gone */
    enum role role;
    char *path;
};

struct source_watch {
    int fd;
    struct watched *items;
    size_t n, cap;
    bool missing; /* a top folder does not exist (any more): try to watch it again */
};

static bool add_one(struct source_watch *w, const char *path, enum role role)
{
    if (w->n >= WATCH_MAX)
        return false;
    int wd = inotify_add_watch(w->fd, path, MASK);
    if (wd < 0) {
        log_debug("source.watch_refused", "path", path, "error", strerror(errno), NULL);
        return false;
    }
    for (size_t i = 0; i < w->n; i++)
        if (w->items[i].wd == wd)
            return true; /* watched already */
    if (w->n == w->cap) {
        w->cap = w->cap ? 2 * w->cap : 16;
        w->items = mem_resize(w->items, w->cap, sizeof(*w->items));
    }
    w->items[w->n++] = (struct watched){.wd = wd, .role = role, .path = mem_strdup(path)};
    return true;
}

/* A folder and those below it. */
static bool add_tree(struct source_watch *w, const char *path, enum role role, unsigned depth)
{
    if (depth > LIMIT_TREE_DEPTH || !add_one(w, path, role))
        return false;
    DIR *d = opendir(path);
    struct dirent *e;
    while (d && (e = readdir(d))) {
        if (*e->d_name == '.' || (e->d_type != DT_DIR && e->d_type != DT_UNKNOWN))
            continue;
        _cleanup_arena_ struct arena a = ARENA_INIT;
        struct stat st;
        if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
            add_tree(w, arena_printf(&a, "%s/%s", path, e->d_name), role, depth + 1);
    }
    if (d)
        closedir(d);
    return true;
}

static void add_all(struct source *s, struct source_watch *w)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct err ignored = {0};
    if (s->url.kind == SOURCE_DIR) {
        const char *top = arena_printf(&a, "%s%s%s", s->url.path, *s->path ? "/" : "", s->path);
        w->missing = !add_tree(w, top, ROLE_FOLDER, 1);
        return;
    }
    w->missing = true;
    if (repo_open(s, &ignored) < 0)
        return;
    const char *common = git2.repository_commondir(s->repo);
    w->missing = !add_one(w, git2.repository_path(s->repo), ROLE_GIT);
    if (!str_eq(common, git2.repository_path(s->repo)))
        add_one(w, common, ROLE_GIT);
    add_tree(w, arena_printf(&a, "%srefs", common), ROLE_REFS, 1);
}

int watch_fd(struct source *s)
{
    if (s->repo_dir)
        return -1;
    if (!s->watch) {
        int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (fd < 0) {
            log_debug("source.watch_refused", "error", strerror(errno), NULL);
            return -1;
        }
        s->watch = mem_new(struct source_watch);
        s->watch->fd = fd;
        s->watch->missing = true;
    }
    if (s->watch->missing)
        add_all(s, s->watch);
    return s->watch->fd;
}

static bool name_matters(enum role role, const char *name)
{
    switch (role) {
    case ROLE_FOLDER:
        return *name != '.' && !str_ends(name, "~");
    case ROLE_GIT:
        return str_eq(name, "HEAD") || str_eq(name, "packed-refs");
    case ROLE_REFS:
        return !str_ends(name, ".lock");
    }
    return false;
}

static bool take_event(struct source *s, const struct inotify_event *ev)
{
    struct source_watch *w = s->watch;
    if (ev->mask & IN_Q_OVERFLOW) {
        add_all(s, w);
        return true;
    }
    struct watched *it = NULL;
    for (size_t i = 0; i < w->n && !it; i++)
        if (w->items[i].wd == ev->wd)
            it = &w->items[i];
    if (!it)
        return false;
    if (ev->mask & IN_IGNORED) {
        free(it->path);
        *it = w->items[--w->n];
        return false;
    }
    if (ev->mask & (IN_DELETE_SELF | IN_MOVE_SELF)) {
        w->missing = true;
        return true;
    }
    const char *name = ev->len ? ev->name : "";
    if (!name_matters(it->role, name))
        return false;
    if ((ev->mask & IN_ISDIR) && (ev->mask & (IN_CREATE | IN_MOVED_TO)) && it->role != ROLE_GIT) {
        _cleanup_arena_ struct arena a = ARENA_INIT;
        add_tree(w, arena_printf(&a, "%s/%s", it->path, name), it->role, 1);
    }
    return true;
}

bool watch_changed(struct source *s)
{
    struct source_watch *w = s->watch;
    bool changed = false;
    ssize_t n;
    union {
        struct inotify_event ev;
        char bytes[8192];
    } buf;
    if (!w)
        return false;
    while ((n = read(w->fd, buf.bytes, sizeof(buf.bytes))) > 0)
        for (char *p = buf.bytes; p < buf.bytes + n;) {
            struct inotify_event ev;
            memcpy(&ev, p, sizeof(ev));
            /* The kernel aligns events by padding their names. */
            changed = take_event(s, (const struct inotify_event *)(const void *)p) || changed;
            p += sizeof(ev) + ev.len;
        }
    if (w->missing)
        add_all(s, w);
    return changed;
}

void watch_free(struct source_watch *w)
{
    if (!w)
        return;
    cleanup_closep(&w->fd);
    for (size_t i = 0; i < w->n; i++)
        free(w->items[i].path);
    free(w->items);
    free(w);
}
