/*
 * Keeping our bare copies small and quick to open.
 *
 * Each fetch that brings something adds a pack, and libgit2 has no gc. When there are more than PACKS_MAX
 * small packs, they are merged into one, so that their number stays bounded without rewriting big packs again
 * and again. Every object is kept: nothing here has to decide what is still needed.
 */
#include "reconciler/source/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <git2/sys/odb_backend.h>
#include <sys/stat.h>

#define PACKS_MAX   24u
#define MERGE_BYTES ((off_t)64 << 20) /* larger packs stay as they are */
#define LEFTOVER_S  (3600)

/* Packs to be merged: ".../objects/pack/pack-HEX", without the extension. */
struct packs {
    struct arena arena;
    const char **items;
    size_t n, cap;
};

static int for_object(const git_oid *id, void *arg)
{
    return git2.packbuilder_insert(arg, id, NULL);
}

/* Find small packs, and remove temporary files of fetches that were killed (libgit2 names them
   pack_git2_XXXXXX). */
static void scan(const char *dir, struct packs *small)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    while (d && (e = readdir(d))) {
        struct stat st;
        if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        if (str_starts(e->d_name, "pack_git2_") && st.st_mtime + LEFTOVER_S < time(NULL)) {
            unlinkat(dirfd(d), e->d_name, 0);
            continue;
        }
        if (!str_starts(e->d_name, "pack-") || !str_ends(e->d_name, ".pack") || st.st_size > MERGE_BYTES)
            continue;
        const char *stem = arena_strndup(&small->arena, e->d_name, strlen(e->d_name) - strlen(".pack"));
        arena_push(&small->arena, small->items, small->n, small->cap,
                   arena_printf(&small->arena, "%s/%s", dir, stem));
    }
    if (d)
        closedir(d);
}

static int add_pack(git_packbuilder *builder, const char *stem, struct arena *a)
{
    git_odb *odb = NULL;
    git_odb_backend *backend = NULL;
    int r = git2.odb_new(&odb);
    if (r == 0)
        r = git2.odb_backend_one_pack(&backend, arena_printf(a, "%s.idx", stem));
    if (r == 0)
        r = git2.odb_add_backend(odb, backend, 1); /* takes ownership of the backend */
    if (r == 0)
        r = git2.odb_foreach(odb, for_object, builder);
    git2.odb_free(odb);
    return r;
}

/* The new pack is in place and on disk before any old one is removed. */
static int merge(struct source *s, struct packs *small, const char *dir)
{
    git_packbuilder *builder = NULL;
    struct arena *a = &small->arena;
    int r = git2.packbuilder_new(&builder, s->repo);
    for (size_t i = 0; i < small->n && r == 0; i++)
        r = add_pack(builder, small->items[i], a);
    if (r == 0)
        r = git2.packbuilder_write(builder, dir, 0, NULL, NULL);
    const char *made = r == 0 ? arena_printf(a, "%s/pack-%s", dir, git2.packbuilder_name(builder)) : NULL;
    git2.packbuilder_free(builder);
    for (size_t i = 0; i < small->n && made; i++) {
        if (str_eq(small->items[i], made))
            continue;
        /* The index first: without it the pack is not seen. */
        unlink(arena_printf(a, "%s.idx", small->items[i]));
        unlink(arena_printf(a, "%s.pack", small->items[i]));
    }
    return r;
}

int repo_tidy(struct source *s, struct err *err)
{
    struct packs small = {.n = 0};
    const char *dir = arena_printf(&small.arena, "%s/objects/pack", s->repo_dir);
    int r = 0;
    scan(dir, &small);
    if (small.n > PACKS_MAX)
        r = merge(s, &small, dir);
    if (r < 0)
        libgit_error(err, r, "merging the packs of local copy of %s", s->url.text);
    arena_release(&small.arena);
    return r < 0 ? err->code : 0;
}
