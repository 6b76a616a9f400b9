/*
 * The files that secrets are read from. Git names them and says nothing of what is in them: their contents
 * take part in what is desired as digests under a key of the state folder (store_keyed_digest()), in the
 * hidden field `content` of a container's secrets. No byte of one is kept.
 *
 * A file is read again when its stamp (device, inode, size, times) moved. One that was written to shortly
 * before it was read is read again in any case: it may have been written to twice within one tick of the
 * clock.
 */
#include "reconciler/engine/internal.h"

#include "base/mem.h"
#include "base/secret.h"
#include "base/str.h"
#include "reconciler/plan/compare.h"
#include "reconciler/store/seal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SETTLED_NS (2 * NS_PER_S)

struct stamp {
    dev_t dev;
    ino_t ino;
    off_t size;
    int64_t written_ns, changed_ns;
};

struct secret_file {
    char *path;
    struct stamp stamp;
    bool settled; /* as long as the stamp is the same, so is the content */
    bool used;    /* by the look at hand */
    int result;   /* of reading it; with `err` */
    struct err err;
    char digest[SEAL_DIGEST_TEXT]; /* "": there is no key to make one with */
};

void secret_files_init(struct secret_files *s)
{
    *s = (struct secret_files){0};
    pthread_mutex_init(&s->lock, NULL);
}

static void drop_unused(struct secret_files *s, bool all)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (s->items[i].used && !all) {
            s->items[kept++] = s->items[i];
            continue;
        }
        free(s->items[i].path);
    }
    s->n = kept;
}

void secret_files_release(struct secret_files *s)
{
    drop_unused(s, true);
    free(s->items);
    pthread_mutex_destroy(&s->lock);
}

/* ---- one file ---- */

static int64_t time_ns(struct timespec t)
{
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static bool read_stamp(const char *path, struct stamp *ret)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return false;
    ret->dev = st.st_dev;
    ret->ino = st.st_ino;
    ret->size = st.st_size;
    ret->written_ns = time_ns(st.st_mtim);
    ret->changed_ns = time_ns(st.st_ctim);
    return true;
}

static bool same_stamp(const struct stamp *a, const struct stamp *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->written_ns == b->written_ns &&
           a->changed_ns == b->changed_ns;
}

static void read_digest(struct engine *e, struct secret_file *f)
{
    _cleanup_secret_ struct secret *content = NULL;
    _cleanup_arena_ struct arena a = ARENA_INIT;
    f->err = (struct err){0};
    f->digest[0] = '\0';
    f->result = secret_read_file(f->path, &content, &f->err);
    if (f->result < 0)
        return;
    size_t len;
    const char *bytes = secret_bytes(content, &len);
    str_copy(f->digest, sizeof(f->digest),
             str_or(store_keyed_digest(e->env.store, &a, f->path, bytes, len), ""));
}

/* Know what the file holds now. */
static void refresh(struct engine *e, struct secret_file *f)
{
    struct stamp now = {0};
    bool there = read_stamp(f->path, &now);
    if (there && f->settled && same_stamp(&now, &f->stamp))
        return;
    int64_t newest = now.written_ns > now.changed_ns ? now.written_ns : now.changed_ns;
    f->stamp = now;
    f->settled = there && newest + SETTLED_NS < clock_wall(e->env.clock);
    read_digest(e, f);
}

static struct secret_file *file_at(struct secret_files *s, const char *path)
{
    for (size_t i = 0; i < s->n; i++)
        if (str_eq(s->items[i].path, path))
            return &s->items[i];
    if (s->n == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 8;
        s->items = mem_resize(s->items, s->cap, sizeof(*s->items));
    }
    s->items[s->n] = (struct secret_file){.path = mem_strdup(path)};
    return &s->items[s->n++];
}

/* Known as of this look: several containers that use one file see the same content. */
static struct secret_file *file_now(struct engine *e, const char *path)
{
    struct secret_file *f = file_at(&e->secrets, path);
    if (!f->used)
        refresh(e, f);
    f->used = true;
    return f;
}

bool engine_secrets_moved(struct engine *e)
{
    struct secret_files *s = &e->secrets;
    bool moved = false;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->n; i++) {
        struct secret_file *f = &s->items[i];
        char before[sizeof(f->digest)];
        int result = f->result;
        str_copy(before, sizeof(before), f->digest);
        refresh(e, f);
        moved |= result != f->result || !str_eq(before, f->digest);
    }
    pthread_mutex_unlock(&s->lock);
    return moved;
}

/* ---- into what is desired ---- */

static const struct resource *declared(const struct look *l, const struct val *file)
{
    const char *source = val_get_str(file, "source");
    char id[512];
    snprintf(id, sizeof(id), "secret/%s", str_or(source, ""));
    return resource_find(&l->desired, id);
}

/* At the place of the Secret's `file`, once for each. */
static void warn(struct look *l, const struct resource *user, const struct val *file, const char *hint,
                 const char *text)
{
    const struct resource *secret = declared(l, file);
    const struct resource *r = secret ? secret : user;
    const struct val *at = secret ? val_get(secret->spec, "file") : file;
    const char *message = arena_printf(&l->arena, "%s: %s", r->id, text);
    for (size_t i = 0; i < l->diags.n; i++)
        if (str_eq(l->diags.items[i].msg, message))
            return;
    resource_warning_hint(&l->desired, r, at, &l->diags, str_empty(hint) ? NULL : hint, "%s", text);
}

static void add_unready(struct look *l, const struct resource *r, const char *target,
                        const struct secret_file *f)
{
    const struct plan_unready u = {
        r->id, arena_printf(&l->arena, "secrets.%s cannot be read: %s", target, f->err.msg)};
    if (!l->n_unready || !str_eq(l->unready[l->n_unready - 1].id, r->id))
        arena_push(&l->arena, l->unready, l->n_unready, l->cap_unready, u);
}

/* The secrets of a container with their contents as they are now. */
static struct val *with_contents(struct engine *e, struct look *l, const struct resource *r,
                                 const struct val *secrets)
{
    struct arena *a = &l->wanted->arena;
    struct val *now = val_map_copy(a, secrets);
    for (size_t i = 0; i < now->len; i++) {
        struct val *file = val_map_copy(a, now->pairs[i].val);
        const char *path = val_get_str(file, "file");
        const struct secret_file *f = path ? file_now(e, path) : NULL;
        now->pairs[i].val = file;
        if (f && f->result < 0) {
            add_unready(l, r, now->pairs[i].key, f);
            warn(l, r, now->pairs[i].val, f->err.hint, arena_printf(&l->arena, "file: %s", f->err.msg));
        }
        if (f && f->digest[0])
            val_set_str(a, file, "content", f->digest);
        else
            val_map_del(file, "content");
    }
    return now;
}

void secrets_stamp(struct engine *e, struct look *l)
{
    struct arena *a = &l->wanted->arena;
    pthread_mutex_lock(&e->secrets.lock);
    for (size_t i = 0; i < e->secrets.n; i++)
        e->secrets.items[i].used = false;
    for (size_t i = 0; i < l->bound.n; i++) {
        struct resource *r = l->bound.items[i];
        const struct val *secrets = r->kind->flags & KIND_INSTANCES ? val_get(r->spec, "secrets") : NULL;
        struct val *now = val_len(secrets) ? with_contents(e, l, r, secrets) : NULL;
        if (!now || val_equal(now, secrets))
            continue;
        struct val *spec = val_map_copy(a, r->spec);
        val_map_set(a, spec, "secrets", now);
        r->spec = spec;
    }
    if (!l->scope)
        drop_unused(&e->secrets, false);
    pthread_mutex_unlock(&e->secrets.lock);
}

/* ---- generations ---- */

static void record(struct arena *a, struct val *map, const struct resource *r)
{
    const struct val *secrets = r->kind->flags & KIND_INSTANCES ? val_get(r->spec, "secrets") : NULL;
    for (size_t i = 0; i < val_len(secrets); i++) {
        const struct val *file = secrets->pairs[i].val;
        const char *path = val_get_str(file, "file");
        if (path && val_get(file, "content"))
            val_set_str(a, map, path, val_get_str(file, "content"));
    }
}

const struct val *secrets_recorded(struct look *l)
{
    const struct resource_set *set = l->scope ? &l->wanted->bound : &l->bound;
    struct val *map = val_map(&l->arena);
    for (size_t i = 0; i < set->n; i++)
        record(&l->arena, map, set->items[i]);
    return map->len ? map : NULL;
}

void secrets_warn_rollback(struct look *l, const struct resource *r, const struct generation *g)
{
    const struct val *secrets = r->kind->flags & KIND_INSTANCES ? val_get(r->spec, "secrets") : NULL;
    for (size_t i = 0; i < val_len(secrets); i++) {
        const struct val *file = secrets->pairs[i].val;
        const struct val *then = val_get(g->secrets, str_or(val_get_str(file, "file"), ""));
        const struct val *now = val_get(file, "content");
        if (digests_comparable(now, then) && !val_equal(now, then))
            warn(l, r, file, "if you want the old content, restore the file yourself",
                 arena_printf(&l->arena,
                              "file: %s has changed since generation %llu; the rollback uses its current "
                              "content, because Forge stores no secrets",
                              val_get_str(file, "file"), (unsigned long long)g->number));
    }
}
