/* The order of a load (load.h). */
#include "base/limits.h"
#include "base/str.h"
#include "schema/load_internal.h"

uint16_t load_file_index(struct loader *l, const char *path)
{
    struct resource_set *s = l->set;
    const uint16_t *there = map_get(&l->indices, path);
    if (there)
        return *there;
    if (s->n_files > UINT16_MAX)
        return 0;
    if (!s->n_files)
        arena_push(l->arena, s->files, s->n_files, s->cap_files, NULL);
    uint16_t *index = arena_new(l->arena, uint16_t);
    *index = (uint16_t)s->n_files;
    arena_push(l->arena, s->files, s->n_files, s->cap_files, path);
    map_put(&l->indices, path, index);
    return *index;
}

void load_stamp(struct val *v, uint16_t index)
{
    if (!index || v->file)
        return;
    v->file = index;
    for (size_t i = 0; v->type == VAL_LIST && i < v->len; i++)
        load_stamp(v->items[i], index);
    for (size_t i = 0; v->type == VAL_MAP && i < v->len; i++)
        load_stamp(v->pairs[i].val, index);
}

/* Uses of ${container.NAME.host}. */
static void check_refs(struct loader *l, const struct load_ref *refs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (resource_find(l->set, arena_printf(l->arena, "container/%s", refs[i].name)))
            continue;
        const char *near = resource_nearest(l->set, &kind_container, refs[i].name, l->diags);
        struct diag *diag =
            diag_add(l->diags, DIAG_ERROR, refs[i].file, refs[i].line, refs[i].col,
                     "${container.%s.host}: there is no container/%s", refs[i].name, refs[i].name);
        if (near)
            diag_hint(l->diags, diag, "did you mean \"%s\"?", near);
    }
}

static void finish(struct loader *l)
{
    resource_set_sort(l->set);
    for (size_t i = 0; i < l->set->n; i++)
        if (l->set->items[i]->kind->depends)
            l->set->items[i]->kind->depends(l->set->items[i], l->arena);
    resource_set_check(l->set, l->diags);
    check_refs(l, l->refs, l->n_refs);
    for (size_t i = 0; i < l->n_units; i++)
        check_refs(l, l->units[i].refs, l->units[i].n_refs);
    diag_sort(l->diags);
}

static int load_all(struct loader *l, struct err *err)
{
    int r = load_project(l, err);
    if (r < 0)
        return r;
    load_select(l);
    for (size_t i = 0; i < l->n_units; i++) {
        r = load_unit_read(l, &l->units[i], err);
        if (r < 0)
            return r;
    }
    load_drop_named(l);
    load_merge(l);
    r = load_expand(l, err);
    if (r < 0)
        return r;
    finish(l);
    return 0;
}

int schema_load(const struct load_input *in, struct arena *a, struct resource_set *ret,
                struct diag_list *diags, struct load_stats *stats, struct err *err)
{
    struct load_stats unused;
    struct loader l = {.in = in, .arena = a, .diags = diags, .stats = stats ? stats : &unused, .set = ret};
    *l.stats = (struct load_stats){0};
    resource_set_init(ret, a);
    load_vars_init(&l.vars, a, diags);
    l.vars.commit = str_empty(in->commit) ? NULL : in->commit;
    l.env.profiles = val_list(a);
    l.env.defaults = val_map(a);
    l.overlay_budget = LIMIT_OVERLAY_VALUES;
    l.items_budget = LIMIT_EXPANDED_ITEMS;
    l.named_budget = LIMIT_TREE_BYTES;
    map_init(&l.paths);
    map_init(&l.indices);
    map_init(&l.env_files);

    int r = load_all(&l, err);
    map_release(&l.paths);
    map_release(&l.indices);
    map_release(&l.env_files);
    load_vars_release(&l.vars);
    arena_release(&l.scratch);
    if (r < 0)
        resource_set_release(ret);
    return r;
}
