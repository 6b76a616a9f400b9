/*
 * The cache of resolved projects (compose.h).
 *
 * The result for a project follows from the Stack and from everything that was looked up while it was
 * resolved: which files exist and what they hold, which files are in a folder, the values of variables. The
 * cache has two entries:
 *
 * - what was looked up, under a digest of the Stack: {files, folders, names}
 * - the result, under a digest of the Stack and of the answers: {docs, paths, files, used, warnings}
 *
 * so that the same answers give the same documents, and a change of any of them resolves the project again. A
 * project with errors is not cached. A value names its file by an index into the cached list `files`, which
 * reading turns into an index into the set's list.
 */
#include "schema/compose/compose.h"

#include "base/str.h"

/* ---- what was looked up ---- */

static void ask(struct compose *c, struct val **map, const char *what)
{
    if (!*map)
        *map = val_map(c->arena);
    if (!val_get(*map, what))
        val_map_set(c->arena, *map, what, val_bool(c->arena, true));
}

const struct load_file *compose_find_file(struct compose *c, const char *path)
{
    ask(c, &c->asked.files, path);
    return load_find_file(c->l, path);
}

void compose_use_file(struct compose *c, const char *path)
{
    map_put(c->used, path, c->l);
    ask(c, &c->read, path);
}

void compose_ask_folder(struct compose *c, const char *folder)
{
    ask(c, &c->asked.folders, folder);
}

void compose_ask_name(struct compose *c, const char *name)
{
    ask(c, &c->asked.names, name);
}

size_t compose_first_file(const struct load_input *in, const char *path)
{
    size_t low = 0;
    size_t high = in->n_files;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (strcmp(in->files[mid].path, path) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* ---- keys ---- */

/* Includes the final NUL, so that two texts in a row are not the same as another two. */
static void add_text(struct digest_ctx *ctx, const char *s)
{
    digest_add(ctx, s ? "=" : "-", 1);
    if (s)
        digest_add(ctx, s, strlen(s) + 1);
}

static void add_number(struct digest_ctx *ctx, uint64_t n)
{
    digest_add(ctx, &n, sizeof(n));
}

static const char *key_of(struct loader *l, struct digest_ctx *ctx)
{
    struct digest digest;
    char hex[DIGEST_HEX_LEN + 1];
    digest_end(ctx, &digest);
    digest_hex(&digest, hex);
    return arena_printf(&l->scratch, "stack+%s", hex);
}

static void add_options(const struct loader *l, const struct compose_options *o, struct digest_ctx *ctx)
{
    struct digest spec;
    add_text(ctx, l->set->environment);
    add_number(ctx, l->in->services);
    add_text(ctx, o->file);
    add_number(ctx, (uint64_t)o->line << 32 | o->col);
    add_text(ctx, o->prefix);
    add_text(ctx, o->name);
    for (size_t i = 0; o->files[i]; i++) {
        add_text(ctx, o->files[i]);
        if (o->at)
            add_number(ctx, (uint64_t)o->at->items[i]->line << 32 | o->at->items[i]->col);
    }
    add_text(ctx, NULL);
    if (o->spec) {
        val_digest(o->spec, &spec);
        digest_add(ctx, spec.bytes, sizeof(spec.bytes));
    }
}

static bool add_file(struct digest_ctx *ctx, const char *path, const struct load_file *file)
{
    if (file && !file->blob_id)
        return false; /* its content is not known without reading it */
    add_text(ctx, path);
    add_text(ctx, file ? file->blob_id : NULL);
    add_number(ctx, file && file->executable);
    return true;
}

/* Add the present answers to what was looked up. False: they cannot be told. */
static bool add_answers(struct loader *l, const struct compose_asked *asked, struct digest_ctx *ctx)
{
    const struct load_input *in = l->in;
    for (size_t i = 0; i < val_len(asked->files); i++) {
        const char *path = asked->files->pairs[i].key;
        if (!add_file(ctx, path, load_find_file(l, path)))
            return false;
    }
    for (size_t i = 0; i < val_len(asked->folders); i++) {
        const char *folder = asked->folders->pairs[i].key;
        add_text(ctx, folder);
        for (size_t k = compose_first_file(in, folder);
             k < in->n_files && str_starts(in->files[k].path, folder); k++) {
            add_text(ctx, in->files[k].path);
            add_number(ctx, in->files[k].executable);
        }
    }
    for (size_t i = 0; i < val_len(asked->names); i++)
        load_vars_digest(&l->vars, asked->names->pairs[i].key, ctx);
    return true;
}

static const char *questions_key(struct loader *l, const struct compose_options *o)
{
    struct digest_ctx ctx;
    digest_begin(&ctx);
    add_options(l, o, &ctx);
    return key_of(l, &ctx);
}

/* NULL: it cannot be cached. */
static const char *answers_key(struct loader *l, const struct compose_options *o,
                               const struct compose_asked *asked)
{
    struct digest_ctx ctx;
    digest_begin(&ctx);
    add_options(l, o, &ctx);
    bool known = add_answers(l, asked, &ctx);
    const char *key = key_of(l, &ctx);
    return known ? key : NULL;
}

/* ---- from the cache ---- */

static struct val *fetch(struct loader *l, struct arena *a, const char *key)
{
    const void *data;
    size_t len;
    struct val *v;
    struct err err = {0};
    if (l->in->cache_get(l->in->arg, key, &data, &len) < 0)
        return NULL;
    return val_decode(a, data, len, &v, &err) < 0 ? NULL : v;
}

static bool are_strings(const struct val *list)
{
    for (size_t i = 0; i < val_len(list); i++)
        if (!val_is(list->items[i], VAL_STR))
            return false;
    return val_is(list, VAL_LIST);
}

/* Change the indices of one list of files into those of another; 0 is kept. */
static bool renumber(struct val *v, const uint16_t *numbers, size_t n)
{
    if (v->file >= n)
        return false;
    v->file = numbers[v->file];
    bool good = true;
    for (size_t i = 0; v->type == VAL_LIST && i < v->len && good; i++)
        good = renumber(v->items[i], numbers, n);
    for (size_t i = 0; v->type == VAL_MAP && i < v->len && good; i++)
        good = renumber(v->pairs[i].val, numbers, n);
    return good;
}

static bool take_docs(struct loader *l, const struct val *form, struct load_unit *unit)
{
    const struct val *docs = val_get(form, "docs"), *paths = val_get(form, "paths");
    struct val *files = val_get(form, "files");
    if (!val_is(docs, VAL_LIST) || !are_strings(paths) || paths->len != docs->len || !are_strings(files))
        return false;
    uint16_t *numbers = arena_array(&l->scratch, uint16_t, files->len + 1);
    for (size_t i = 0; i < files->len; i++)
        numbers[i + 1] = load_file_index(l, files->items[i]->s);
    for (size_t i = 0; i < docs->len; i++) {
        struct document doc;
        if (!document_from_val(l->arena, docs->items[i], &doc) ||
            !renumber(doc.spec, numbers, (size_t)files->len + 1))
            return false;
        doc.path = paths->items[i]->s;
        arena_push(&l->scratch, unit->docs, unit->n_docs, unit->cap_docs, doc);
    }
    return true;
}

static void take_warnings(struct loader *l, const struct val *warnings)
{
    for (size_t i = 0; i < val_len(warnings); i++) {
        const struct val *w = warnings->items[i];
        const char *file = val_get_str(w, "file"), *hint = val_get_str(w, "hint");
        struct diag *diag = diag_add(l->diags, DIAG_WARNING, file, w->line, w->col, "%s",
                                     str_or(val_get_str(w, "message"), ""));
        if (hint)
            diag_hint(l->diags, diag, "%s", hint);
    }
}

bool compose_recall(struct loader *l, const struct compose_options *o, struct load_unit *unit,
                    struct map *used)
{
    if (!l->in->cache_get)
        return false;
    const struct val *q = fetch(l, &l->scratch, questions_key(l, o));
    const struct compose_asked asked = {
        .files = val_get(q, "files"), .folders = val_get(q, "folders"), .names = val_get(q, "names")};
    const char *key = q ? answers_key(l, o, &asked) : NULL;
    const struct val *form = key ? fetch(l, l->arena, key) : NULL;
    const struct val *names = val_get(form, "used");
    if (!form || !are_strings(names) || !take_docs(l, form, unit)) {
        unit->n_docs = 0;
        return false;
    }
    for (size_t i = 0; i < names->len; i++)
        map_put(used, names->items[i]->s, l);
    take_warnings(l, val_get(form, "warnings"));
    l->stats->cached += names->len;
    return true;
}

/* ---- into the cache ---- */

struct numbering {
    struct arena *arena;
    const struct resource_set *set;
    uint16_t *numbers; /* by index in the set */
    struct val *files;
};

/* Give the values of a copy indices into a list of just the files that are needed. */
static void number_anew(struct numbering *g, struct val *v)
{
    if (v->file) {
        uint16_t *number = &g->numbers[v->file];
        if (!*number) {
            val_list_add(g->arena, g->files, val_str(g->arena, g->set->files[v->file]));
            *number = (uint16_t)g->files->len;
        }
        v->file = *number;
    }
    for (size_t i = 0; v->type == VAL_LIST && i < v->len; i++)
        number_anew(g, v->items[i]);
    for (size_t i = 0; v->type == VAL_MAP && i < v->len; i++)
        number_anew(g, v->pairs[i].val);
}

static void store(struct loader *l, const char *key, const struct val *v)
{
    _cleanup_buf_ struct buf data = BUF_INIT;
    val_encode(v, true, &data);
    if (!data.overflow)
        l->in->cache_put(l->in->arg, key, buf_str(&data), data.len);
}

static struct val *warning_to_val(struct arena *a, const struct diag *d)
{
    struct val *v = val_map(a);
    val_set_str(a, v, "file", d->file);
    val_set_str(a, v, "message", d->msg);
    val_set_str(a, v, "hint", d->hint);
    val_place(v, 0, d->line, d->col);
    return v;
}

static struct val *result(struct compose *c, size_t first_diag)
{
    struct arena *a = c->arena;
    struct loader *l = c->l;
    struct val *docs = val_list(a), *paths = val_list(a), *used = val_list(a), *warnings = val_list(a);
    struct numbering g = {.arena = a, .set = l->set, .files = val_list(a)};
    g.numbers = arena_array(a, uint16_t, l->set->n_files + 1);
    for (size_t i = 0; i < c->unit->n_docs; i++) {
        struct document doc = c->unit->docs[i];
        doc.spec = val_clone(a, doc.spec);
        number_anew(&g, doc.spec);
        val_list_add(a, docs, document_to_val(a, &doc));
        val_list_add(a, paths, val_str(a, doc.path));
    }
    for (size_t i = 0; i < val_len(c->read); i++)
        val_list_add(a, used, val_str(a, c->read->pairs[i].key));
    for (size_t i = first_diag; i < l->diags->n; i++)
        val_list_add(a, warnings, warning_to_val(a, &l->diags->items[i]));
    struct val *v = val_map(a);
    val_map_set(a, v, "docs", docs);
    val_map_set(a, v, "paths", paths);
    val_map_set(a, v, "files", g.files);
    val_map_set(a, v, "used", used);
    if (warnings->len)
        val_map_set(a, v, "warnings", warnings);
    return v;
}

static void set_questions(struct compose *c, struct val *questions, const char *key, struct val *asked)
{
    if (asked)
        val_map_set(c->arena, questions, key, asked);
}

void compose_keep(struct compose *c, size_t first_diag)
{
    struct loader *l = c->l;
    bool whole = !c->failed && c->unit->n_docs;
    for (size_t i = 0; i < c->unit->n_docs; i++)
        whole = whole && !c->unit->docs[i].partial;
    if (!l->in->cache_put || !whole)
        return;
    const char *key = answers_key(l, c->options, &c->asked);
    if (!key)
        return;
    store(l, key, result(c, first_diag));
    struct val *questions = val_map(c->arena);
    set_questions(c, questions, "files", c->asked.files);
    set_questions(c, questions, "folders", c->asked.folders);
    set_questions(c, questions, "names", c->asked.names);
    store(l, questions_key(l, c->options), questions);
}
