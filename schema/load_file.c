/* One file: read and decoded, or recalled from the cache (load_internal.h). */
#include "base/digest.h"
#include "base/limits.h"
#include "base/str.h"
#include "schema/compose/compose.h"
#include "schema/load_internal.h"
#include "schema/yaml.h"

/*
 * What the cache holds under the id of a blob:
 *   {docs: [document], refs: [name]}   the content of a file, independent of the environment; refs are the
 *                                      containers that ${container.NAME.host} names, with their places
 *   {vars: [name]}                     for a file with references: the names that it asks for; its content
 *                                      is then under the blob's id, "+" and a digest of their values
 *   {compose: true}                    a compose file, which means something only to a project that names it
 *
 * A file with any other problem is not cached, so that its problems are found again.
 */

struct reading {
    struct loader *l;
    struct load_unit *u;
    struct arena *scratch;           /* released when the file has been read */
    struct val *names;               /* all names that it refers to */
    const struct ynode **unresolved; /* of the current document */
    size_t n_unresolved, cap_unresolved;
    bool spoilt; /* something could not be resolved */
};

static void reference_problem(void *arg, const struct ynode *n, const struct err *err)
{
    struct reading *r = arg;
    arena_push(r->scratch, r->unresolved, r->n_unresolved, r->cap_unresolved, n);
    if (err->code == LOAD_VAR_BROKEN)
        return;
    struct diag *diag = diag_add(r->l->diags, DIAG_ERROR, r->u->path, n->line, n->col, "%s", err->msg);
    if (*err->hint)
        diag_hint(r->l->diags, diag, "%s", err->hint);
}

/* What could not be resolved cannot be read either: drop the diagnostics that decoding added at the same
   places. */
static void drop_echoes(struct reading *r, size_t first)
{
    struct diag_list *d = r->l->diags;
    size_t kept = first;
    for (size_t i = first; i < d->n; i++) {
        bool echo = false;
        for (size_t k = 0; k < r->n_unresolved && !echo; k++)
            echo = d->items[i].line == r->unresolved[k]->line && d->items[i].col == r->unresolved[k]->col;
        if (!echo)
            d->items[kept++] = d->items[i];
        else if (d->items[i].level == DIAG_ERROR)
            d->errors--;
        else
            d->warnings--;
    }
    d->n = kept;
}

struct name_sink {
    struct reading *r;
    const struct ynode *n;
};

static void add_name(void *arg, const char *name)
{
    struct name_sink *s = arg;
    struct loader *l = s->r->l;
    struct load_unit *u = s->r->u;
    val_list_add(s->r->scratch, s->r->names, val_str_borrow(s->r->scratch, name, strlen(name)));
    if (!str_starts(name, "container.") || !str_ends(name, ".host"))
        return;
    struct load_ref ref = {.name = arena_strndup(l->arena, name + 10, strlen(name) - 15),
                           .file = u->path,
                           .line = s->n->line,
                           .col = s->n->col};
    arena_push(&l->scratch, u->refs, u->n_refs, u->cap_refs, ref);
}

static void collect_names(struct reading *r, const struct ynode *n)
{
    if (n->type == YN_SCALAR) {
        struct name_sink sink = {r, n};
        if (memchr(n->text, '$', n->len))
            interp_names(r->scratch, n->text, n->len, add_name, &sink);
        return;
    }
    for (size_t i = 0; i < n->len; i++)
        collect_names(r, n->type == YN_SEQ ? n->items[i] : n->pairs[i].value);
}

/* The key under which a file with references is cached: its blob and the values of all names that it asks
   for. */
static const char *resolved_key(struct loader *l, const char *blob_id, const struct val *names)
{
    struct digest_ctx ctx;
    digest_begin(&ctx);
    for (size_t i = 0; i < val_len(names); i++)
        load_vars_digest(&l->vars, names->items[i]->s, &ctx);
    struct digest digest;
    char hex[DIGEST_HEX_LEN + 1];
    digest_end(&ctx, &digest);
    digest_hex(&digest, hex);
    return arena_printf(l->arena, "%s+%.32s", blob_id, hex);
}

static struct val *recall(struct loader *l, const char *key)
{
    const void *data;
    size_t len;
    struct val *v;
    struct err err = {0};
    if (!l->in->cache_get || l->in->cache_get(l->in->arg, key, &data, &len) < 0)
        return NULL;
    return val_decode(l->arena, data, len, &v, &err) < 0 ? NULL : v;
}

static void keep(struct loader *l, const char *key, const struct val *v)
{
    _cleanup_buf_ struct buf data = BUF_INIT;
    if (!l->in->cache_put)
        return;
    val_encode(v, true, &data);
    if (!data.overflow)
        l->in->cache_put(l->in->arg, key, buf_str(&data), data.len);
}

/* Reserve room for the documents of a file at once: most files have one. */
static void reserve_docs(struct loader *l, struct load_unit *u, size_t n)
{
    u->docs = n ? arena_array(&l->scratch, struct document, n) : NULL;
    u->cap_docs = n;
    u->n_docs = 0;
}

static bool is_known(struct loader *l, struct load_unit *u, const char *blob_id)
{
    const struct val *names = load_known_names(l, blob_id);
    return load_known_take(l, names ? resolved_key(l, blob_id, names) : blob_id, u);
}

static bool from_cache(struct loader *l, struct load_unit *u, const char *blob_id)
{
    const char *key = blob_id;
    struct val *v = recall(l, key);
    if (val_get_bool(v, "compose", false) && !l->part) {
        u->foreign = u->unread = true;
        u->n_compose = 1;
        return true;
    }
    const struct val *names = val_get(v, "vars");
    for (size_t i = 0; i < val_len(names); i++)
        if (!val_is(names, VAL_LIST) || !val_is(names->items[i], VAL_STR))
            return false;
    if (names) {
        load_known_put_names(l, blob_id, names);
        key = resolved_key(l, blob_id, names);
        v = recall(l, key);
    }
    const struct val *docs = val_get(v, "docs");
    const struct val *refs = val_get(v, "refs");
    if (!val_is(docs, VAL_LIST))
        return false;
    reserve_docs(l, u, docs->len);
    for (size_t i = 0; i < docs->len; i++) {
        struct document doc;
        if (!document_from_val(l->arena, docs->items[i], &doc)) {
            u->n_docs = 0;
            return false;
        }
        arena_push(&l->scratch, u->docs, u->n_docs, u->cap_docs, doc);
    }
    for (size_t i = 0; val_is(refs, VAL_LIST) && i < refs->len; i++) {
        const struct val *at = refs->items[i];
        if (!val_is(at, VAL_STR))
            return false;
        struct load_ref ref = {.name = at->s, .file = u->path, .line = at->line, .col = at->col};
        arena_push(&l->scratch, u->refs, u->n_refs, u->cap_refs, ref);
    }
    load_known_put(l, key, u);
    return true;
}

static void to_cache(struct reading *r, const char *blob_id)
{
    struct arena *a = r->scratch;
    const struct load_unit *u = r->u;
    struct val *v = val_map(a);
    struct val *docs = val_list(a);
    struct val *refs = val_list(a);
    for (size_t i = 0; i < u->n_docs; i++)
        val_list_add(a, docs, document_to_val(a, &u->docs[i]));
    for (size_t i = 0; i < u->n_refs; i++) {
        struct val *ref = val_str(a, u->refs[i].name);
        val_place(ref, 0, u->refs[i].line, u->refs[i].col);
        val_list_add(a, refs, ref);
    }
    val_map_set(a, v, "docs", docs);
    if (refs->len)
        val_map_set(a, v, "refs", refs);
    if (!val_len(r->names)) {
        keep(r->l, blob_id, v);
        load_known_put(r->l, blob_id, u);
        return;
    }
    val_list_sort(r->names);
    const char *key = resolved_key(r->l, blob_id, r->names);
    keep(r->l, key, v);
    load_known_put(r->l, key, u);
    load_known_put_names(r->l, blob_id, r->names);
    struct val *first = val_map(a);
    val_map_set(a, first, "vars", r->names);
    keep(r->l, blob_id, first);
}

static void decode_document(struct reading *r, struct ynode *node, bool references, bool *ret_foreign)
{
    struct loader *l = r->l;
    const struct ynode *kind = node->type == YN_MAP ? ynode_get(node, "kind") : NULL;
    bool project = kind && kind->type == YN_SCALAR && str_eq(kind->text, kind_project.name);
    *ret_foreign = false;
    if (project && str_eq(r->u->path, l->project_path))
        return; /* load_project() has read it */

    size_t before = l->diags->errors;
    if (references) {
        struct interp in = load_vars_interp(&l->vars, r->scratch);
        collect_names(r, node);
        r->n_unresolved = 0;
        node = interp_tree(&in, node, reference_problem, r);
    }
    size_t unresolved = references ? r->n_unresolved : 0;
    size_t first = l->diags->n;
    struct decode d = {
        .arena = r->scratch, .diags = l->diags, .file = r->u->path, .budget = &l->items_budget};
    struct document doc;
    bool good = document_decode(&d, node, &doc, ret_foreign);
    if (unresolved) {
        drop_echoes(r, first);
        r->spoilt = true;
    }
    if (!good)
        return;
    if (doc.kind->flags & KIND_META) {
        decode_error_hint(&d, node, "move it to forge.yaml in the root folder",
                          "a Project is only allowed in forge.yaml");
        return;
    }
    document_copy(l->arena, &doc); /* without the memory that reading took */
    doc.partial = unresolved || l->diags->errors > before;
    arena_push(&l->scratch, r->u->docs, r->u->n_docs, r->u->cap_docs, doc);
}

static int read_unit(struct reading *r, const struct load_file *file, struct err *err)
{
    struct loader *l = r->l;
    if (file->size > LIMIT_MANIFEST_BYTES) {
        struct diag *diag = diag_add(l->diags, DIAG_ERROR, r->u->path, 0, 0,
                                     "the file is larger than %u bytes", LIMIT_MANIFEST_BYTES);
        diag_hint(l->diags, diag, "split it, or list it in exclude of forge.yaml");
        return 0;
    }
    const char *text;
    size_t len;
    int code = l->in->read(l->in->arg, r->u->file, r->scratch, &text, &len, err);
    if (code < 0)
        return err_wrap(err, "%s", file->path);
    struct ynode **nodes;
    size_t n = yaml_read(r->scratch, r->u->path, text, len, l->diags, &nodes);
    bool references = memchr(text, '$', len) != NULL;
    reserve_docs(l, r->u, n);
    /* Once one is foreign the other documents are no manifests either, and one message is enough. */
    bool foreign = false;
    for (size_t i = 0; i < n && !foreign; i++)
        decode_document(r, nodes[i], references, &foreign);
    r->u->foreign = foreign;
    if (foreign && (document_is_compose(nodes[0]) || compose_is_default(r->u->path))) {
        r->u->compose = nodes;
        r->u->n_compose = n;
    }
    l->stats->decoded++;
    return 0;
}

static void keep_compose(struct loader *l, const char *blob_id)
{
    struct val *v = val_map(&l->scratch);
    val_set_bool(&l->scratch, v, "compose", true);
    keep(l, blob_id, v);
}

/* Read a file that is not in the cache; `key`: cache it under this key, NULL: do not. */
static int read_fresh(struct loader *l, struct load_unit *u, const char *key, struct err *err)
{
    size_t errors = l->diags->errors;
    size_t warnings = l->diags->warnings;
    u->first_diag = l->diags->n;
    u->n_refs = 0;
    struct arena scratch = ARENA_INIT;
    struct reading reading = {.l = l, .u = u, .scratch = &scratch, .names = val_list(&scratch)};
    int r = read_unit(&reading, &l->in->files[u->file], err);
    u->n_diags = l->diags->n - u->first_diag;
    u->errors = l->diags->errors - errors;
    u->warnings = l->diags->warnings - warnings;
    if (r == 0 && key && !u->errors && !u->warnings && !reading.spoilt)
        to_cache(&reading, key);
    if (r == 0 && key && u->n_compose && document_is_compose(u->compose[0]))
        keep_compose(l, key);
    if (u->n_compose)
        u->nodes = scratch; /* kept to be read again as a compose file */
    else
        arena_release(&scratch);
    return r;
}

int load_unit_read(struct loader *l, struct load_unit *u, struct err *err)
{
    const struct load_file *file = &l->in->files[u->file];
    l->stats->files++;
    /* The meaning of forge.yaml depends on its name: the same bytes elsewhere are not a Project. */
    const char *key = str_eq(u->path, l->project_path) ? NULL : file->blob_id;
    if (key && (is_known(l, u, key) || from_cache(l, u, key))) {
        l->stats->cached++;
        return 0;
    }
    return read_fresh(l, u, key, err);
}

int load_unread(struct loader *l, struct err *err)
{
    for (size_t i = 0; i < l->n_units; i++) {
        struct load_unit *u = &l->units[i];
        if (!u->unread || map_get(&l->named, u->path))
            continue;
        u->unread = false;
        u->n_compose = 0;
        l->stats->cached--;
        int r = read_fresh(l, u, NULL, err);
        if (r < 0)
            return r;
    }
    return 0;
}
