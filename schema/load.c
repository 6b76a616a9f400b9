/* The steps of a load in order (load.h). */
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

void load_check_refs(struct loader *l, const struct resource_set *set, const struct load_ref *refs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (resource_find(set, arena_printf(&l->scratch, "container/%s", refs[i].name)))
            continue;
        const char *near = resource_nearest(set, &kind_container, refs[i].name, l->diags);
        struct diag *diag =
            diag_add(l->diags, DIAG_ERROR, refs[i].file, refs[i].line, refs[i].col,
                     "${container.%s.host}: there is no container/%s", refs[i].name, refs[i].name);
        if (near)
            diag_hint(l->diags, diag, "did you mean \"%s\"?", near);
    }
}

void load_settle(struct loader *l)
{
    resource_set_sort(l->set);
    for (size_t i = 0; i < l->set->n; i++)
        if (l->set->items[i]->kind->depends)
            l->set->items[i]->kind->depends(l->set->items[i], l->arena);
}

static void check(struct loader *l)
{
    resource_set_check(l->set, l->diags);
    load_check_refs(l, l->set, l->refs, l->n_refs);
    for (size_t i = 0; i < l->n_units; i++)
        load_check_refs(l, l->set, l->units[i].refs, l->units[i].n_refs);
    diag_sort(l->diags);
}

int load_steps(struct loader *l, struct err *err)
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
    r = load_stacks(l, err);
    if (r < 0)
        return r;
    r = load_unread(l, err);
    if (r < 0)
        return r;
    load_drop_named(l);
    load_merge(l);
    return load_expand(l, err);
}

void loader_init(struct loader *l, const struct load_input *in, struct arena *a, struct resource_set *ret,
                 struct diag_list *diags, struct load_stats *stats)
{
    *l = (struct loader){.in = in, .arena = a, .diags = diags, .stats = stats, .set = ret};
    *stats = (struct load_stats){0};
    resource_set_init(ret, a);
    load_vars_init(&l->vars, a, diags);
    l->vars.commit = str_empty(in->commit) ? NULL : in->commit;
    l->env.profiles = val_list(a);
    l->env.defaults = val_map(a);
    l->overlay_budget = LIMIT_OVERLAY_VALUES;
    l->items_budget = LIMIT_EXPANDED_ITEMS;
    l->named_budget = LIMIT_TREE_BYTES;
    map_init(&l->paths);
    map_init(&l->indices);
    map_init(&l->env_files);
    map_init(&l->named);
    arena_words_begin(a); /* manifests repeat the same words */
}

void loader_release(struct loader *l)
{
    map_release(&l->paths);
    map_release(&l->indices);
    map_release(&l->env_files);
    map_release(&l->named);
    for (size_t i = 0; i < l->n_units; i++)
        arena_release(&l->units[i].nodes);
    arena_words_end(l->arena);
    load_vars_release(&l->vars);
    arena_release(&l->scratch);
}

void loader_take_files(struct loader *l)
{
    for (size_t i = 1; i < l->set->n_files; i++) {
        uint16_t *index = arena_new(&l->scratch, uint16_t);
        *index = (uint16_t)i;
        map_put(&l->indices, l->set->files[i], index);
    }
}

int schema_load_compose(const struct load_input *in, const char *const *files, const struct val *spec,
                        const char *prefix, struct arena *a, struct resource_set *ret,
                        struct diag_list *diags, struct err *err)
{
    struct load_stats unused;
    struct loader l;
    loader_init(&l, in, a, ret, diags, &unused);
    ret->environment = in->environment;
    int r = load_compose(&l, files, spec, prefix, err);
    resource_set_sort(ret);
    diag_sort(diags);
    loader_release(&l);
    if (r < 0)
        resource_set_release(ret);
    return r;
}

int schema_load(const struct load_input *in, struct arena *a, struct resource_set *ret,
                struct diag_list *diags, struct load_stats *stats, struct err *err)
{
    struct load_stats unused;
    struct loader l;
    loader_init(&l, in, a, ret, diags, stats ? stats : &unused);
    if (in->trace)
        ret->trace = arena_new(a, struct load_trace);
    int r = load_steps(&l, err);
    if (r == 0) {
        load_settle(&l);
        check(&l);
    }
    if (r == 0 && in->trace && !diags->errors)
        load_trace_finish(&l);
    if (ret->trace)
        ret->trace->whole = l.has_stacks;
    loader_release(&l);
    if (r < 0)
        resource_set_release(ret);
    return r;
}
