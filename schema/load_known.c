/* Decoded files shared by several loads (load.h). */
#include "base/mem.h"
#include "schema/load_internal.h"

/* The content of a file; or, for a file with references, only `names`, the names it asks for: the content is
   then under another key. */
struct known_file {
    const struct val *names;
    const struct document *docs;
    size_t n_docs;
    const struct load_ref *refs;
    size_t n_refs;
};

struct load_known {
    struct arena arena;
    struct map files;
};

struct load_known *load_known_new(void)
{
    return mem_new(struct load_known);
}

void load_known_free(struct load_known *k)
{
    if (!k)
        return;
    map_release(&k->files);
    arena_release(&k->arena);
    free(k);
}

/* A patch cannot be shared: it is marked with its index in one set's list of files. */
static bool can_share(const struct load_unit *u)
{
    for (size_t i = 0; i < u->n_docs; i++)
        if (u->docs[i].use != DOCUMENT_RESOURCE)
            return false;
    return true;
}

void load_known_put(struct loader *l, const char *key, const struct load_unit *u)
{
    struct load_known *k = l->in->known;
    if (!k || !can_share(u))
        return;
    struct known_file *file = arena_new(&k->arena, struct known_file);
    file->docs = arena_memdup(&k->arena, u->docs, u->n_docs * sizeof(*u->docs));
    file->n_docs = u->n_docs;
    file->refs = arena_memdup(&k->arena, u->refs, u->n_refs * sizeof(*u->refs));
    file->n_refs = u->n_refs;
    map_put(&k->files, arena_strdup(&k->arena, key), file);
}

void load_known_put_names(struct loader *l, const char *key, const struct val *names)
{
    struct load_known *k = l->in->known;
    if (!k)
        return;
    struct known_file *file = arena_new(&k->arena, struct known_file);
    file->names = val_clone(&k->arena, names);
    map_put(&k->files, arena_strdup(&k->arena, key), file);
}

const struct val *load_known_names(const struct loader *l, const char *key)
{
    const struct known_file *file = l->in->known ? map_get(&l->in->known->files, key) : NULL;
    return file ? file->names : NULL;
}

bool load_known_take(struct loader *l, const char *key, struct load_unit *u)
{
    const struct known_file *file = l->in->known ? map_get(&l->in->known->files, key) : NULL;
    if (!file || file->names)
        return false;
    u->docs = arena_memdup(&l->scratch, file->docs, file->n_docs * sizeof(*file->docs));
    u->n_docs = u->cap_docs = file->n_docs;
    u->refs = arena_memdup(&l->scratch, file->refs, file->n_refs * sizeof(*file->refs));
    u->n_refs = u->cap_refs = file->n_refs;
    for (size_t i = 0; i < u->n_refs; i++)
        u->refs[i].file = u->path; /* the same bytes may be at another path */
    return true;
}
