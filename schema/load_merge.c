/* From documents to resources: duplicates, patches, defaults, profiles (load_internal.h). */
#include "base/limits.h"
#include "base/str.h"
#include "schema/load_internal.h"

const char *load_document_id(struct loader *l, const struct document *doc)
{
    return arena_printf(l->arena, "%s/%s", doc->kind->prefix, doc->name);
}

static void add_resource(struct loader *l, const struct load_unit *u, const struct document *doc)
{
    struct resource *r = resource_new(l->arena, doc->kind, doc->name);
    r->labels = doc->labels;
    r->annotations = doc->annotations;
    r->spec = doc->spec;
    r->file = doc->path ? doc->path : u->path;
    r->line = doc->line;
    r->col = doc->col;
    r->partial = doc->partial;

    const struct resource *there = resource_find(l->set, r->id);
    if (there) {
        struct diag *diag = diag_add(l->diags, DIAG_ERROR, r->file, r->line, r->col,
                                     "%s is defined twice; first in %s:%u", r->id, there->file, there->line);
        diag_hint(l->diags, diag, "rename one of them, or make one a patch (patch: true)");
    } else if (l->set->n == LIMIT_RESOURCES) {
        diag_add(l->diags, DIAG_ERROR, r->file, r->line, r->col, "more than %u resources in one environment",
                 LIMIT_RESOURCES);
    } else if (l->set->n < LIMIT_RESOURCES) {
        resource_set_add(l->set, r);
    }
}

/* Report a patch for a resource that does not exist. */
static void report_unknown(struct loader *l, const char *file, const struct document *doc)
{
    const char *near = resource_nearest(l->set, doc->kind, doc->name, l->diags);
    struct diag *diag =
        diag_add(l->diags, DIAG_ERROR, file, doc->line, doc->col,
                 "the patch for %s has nothing to change: there is no such resource in this environment",
                 load_document_id(l, doc));
    if (near)
        diag_hint(l->diags, diag, "did you mean \"%s\"?", near);
    else
        diag_hint(l->diags, diag,
                  "a patch changes a resource that another document defines; without patch: true this "
                  "document defines it");
}

/* Remove a resource from the environment by a patch: its name is NULL until compact() drops it. */
static void remove_resource(struct loader *l, struct resource *r)
{
    map_del(&l->set->by_id, r->id);
    r->name = NULL;
}

static void apply_patch(struct loader *l, const char *file, struct document *doc, uint16_t index)
{
    struct resource *r = resource_find(l->set, load_document_id(l, doc));
    if (!r) {
        report_unknown(l, file, doc);
        return;
    }
    if (doc->use == DOCUMENT_REMOVE) {
        remove_resource(l, r);
        return;
    }
    load_stamp(doc->spec, index);
    r->spec = load_overlay(l, r->kind->spec, r->spec, doc->spec);
    r->labels = load_overlay_map(l, r->labels, doc->labels);
    r->annotations = load_overlay_map(l, r->annotations, doc->annotations);
    r->partial |= doc->partial;
    if (r->kind->settle)
        r->spec = r->kind->settle(l->arena, r->spec);
}

static void apply_defaults(struct loader *l, struct resource *r)
{
    const struct val *part = val_get(l->env.defaults, r->kind->name);
    if (!part)
        return;
    struct val *spec = load_overlay(l, r->kind->spec, part, r->spec);
    /* The spec keeps the resource's place, not that of the defaults. */
    val_place_like(spec, r->spec);
    r->spec = r->kind->settle ? r->kind->settle(l->arena, spec) : spec;
}

static bool is_active(const struct loader *l, const struct resource *r)
{
    const struct val *profiles = val_get(r->spec, "profiles");
    if (!val_len(profiles))
        return true;
    bool any = l->env.profiles->len || (l->in->profiles && l->in->profiles[0]);
    for (size_t i = 0; i < profiles->len; i++) {
        if (!any && !profiles->items[i]->s[0])
            return true;
        for (const char *const *p = l->in->profiles; p && *p; p++)
            if (str_eq(*p, profiles->items[i]->s))
                return true;
        for (size_t k = 0; k < l->env.profiles->len; k++)
            if (str_eq(l->env.profiles->items[k]->s, profiles->items[i]->s))
                return true;
    }
    return false;
}

/* Drop resources that patches removed, and those whose profiles are all inactive. */
static void compact(struct loader *l)
{
    struct resource_set *s = l->set;
    size_t kept = 0;
    for (size_t i = 0; i < s->n; i++) {
        struct resource *r = s->items[i];
        if (!r->name)
            continue;
        if (is_active(l, r)) {
            s->items[kept++] = r;
            continue;
        }
        map_del(&s->by_id, r->id);
        arena_push(l->arena, s->inactive, s->n_inactive, s->cap_inactive, r->id);
    }
    s->n = kept;
}

/* A part with patches is refused: they may be for a resource outside it. The patches of forge.yaml are for
   other resources. */
static void refuse_patches(struct loader *l)
{
    for (size_t i = 0; i < l->n_units; i++)
        for (size_t k = 0; k < l->units[i].n_docs; k++)
            l->refused |= l->units[i].docs[k].use != DOCUMENT_RESOURCE;
}

/* Sources (Stacks) are skipped: load_stack.c has turned them into resources. */
static bool is_resource(const struct document *doc, enum document_use use)
{
    return doc->use == use && !(doc->kind->flags & KIND_SOURCE);
}

void load_merge(struct loader *l)
{
    for (size_t i = 0; i < l->n_units; i++)
        for (size_t k = 0; k < l->units[i].n_docs; k++)
            if (is_resource(&l->units[i].docs[k], DOCUMENT_RESOURCE))
                add_resource(l, &l->units[i], &l->units[i].docs[k]);
    for (size_t i = 0; i < l->set->n; i++)
        apply_defaults(l, l->set->items[i]);
    if (l->part) {
        refuse_patches(l);
        compact(l);
        return;
    }
    for (size_t i = 0; i < l->n_units; i++) {
        struct load_unit *u = &l->units[i];
        for (size_t k = 0; k < u->n_docs; k++)
            if (is_resource(&u->docs[k], DOCUMENT_PATCH) || is_resource(&u->docs[k], DOCUMENT_REMOVE))
                apply_patch(l, u->path, &u->docs[k], load_file_index(l, u->path));
    }
    for (size_t i = 0; i < l->env.n_patches; i++)
        if (!(l->env.patches[i].kind->flags & KIND_SOURCE))
            apply_patch(l, l->project_path, &l->env.patches[i], l->env.patches[i].index);
    compact(l);
}
