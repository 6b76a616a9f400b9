/* What a full load notes for later loads of a part (load_internal.h). */
#include "base/str.h"
#include "schema/load_internal.h"

void load_trace_free(struct load_trace *t)
{
    if (!t)
        return;
    map_release(&t->odd);
    map_release(&t->patched);
    map_release(&t->named);
    map_release(&t->needed_by);
}

const struct resource_user *load_users(const struct resource_set *set, const char *id)
{
    return set->trace ? map_get(&set->trace->needed_by, id) : NULL;
}

void load_note_named(struct loader *l, const char *path, const struct resource *r)
{
    struct load_trace *t = l->set->trace;
    if (!t || str_empty(path))
        return;
    struct resource_user *user = arena_new(l->arena, struct resource_user);
    user->id = r->id;
    user->next = map_get(&t->named, path);
    map_put(&t->named, path, user);
}

void load_trace_needs(struct load_trace *t, struct arena *a, const struct resource *r)
{
    for (size_t i = 0; i < r->n_depends; i++) {
        struct resource_user *user = arena_new(a, struct resource_user);
        user->id = r->id;
        user->next = map_get(&t->needed_by, r->depends[i].id);
        map_put(&t->needed_by, r->depends[i].id, user);
    }
}

/* Does the file hold resources and nothing else, each of them in the set without a patch? */
static bool is_plain(struct loader *l, const struct load_unit *u)
{
    const struct load_trace *t = l->set->trace;
    if (!u->n_docs)
        return false;
    for (size_t i = 0; i < u->n_docs; i++) {
        const struct document *doc = &u->docs[i];
        if (doc->use != DOCUMENT_RESOURCE)
            return false;
        if (!t->patched.n && !l->set->n_inactive)
            continue;
        const char *id = load_document_id(l, doc);
        if (map_get(&t->patched, id) || !resource_find(l->set, id))
            return false;
    }
    return true;
}

static void note_patch(struct loader *l, const struct document *doc)
{
    if (doc->use != DOCUMENT_RESOURCE)
        map_put(&l->set->trace->patched, load_document_id(l, doc), l->set);
}

void load_trace_finish(struct loader *l)
{
    struct load_trace *t = l->set->trace;
    for (size_t i = 0; i < l->n_units; i++)
        for (size_t k = 0; k < l->units[i].n_docs; k++)
            note_patch(l, &l->units[i].docs[k]);
    for (size_t i = 0; i < l->env.n_patches; i++)
        note_patch(l, &l->env.patches[i]);
    for (size_t i = 0; i < l->n_units; i++)
        if (!is_plain(l, &l->units[i]))
            map_put(&t->odd, l->units[i].path, l->set);
    for (size_t i = 0; i < l->env.n_patch_files; i++)
        map_put(&t->odd, l->env.patch_files[i]->s, l->set);
    for (size_t i = 0; i < l->set->n; i++)
        load_trace_needs(t, l->arena, l->set->items[i]);
    load_trace_budgets(l);
}

void load_trace_budgets(struct loader *l)
{
    struct load_trace *t = l->set->trace;
    t->overlay_budget = l->overlay_budget;
    t->items_budget = l->items_budget;
    t->named_budget = l->named_budget;
    t->text_budget = l->vars.budget;
    t->knows_commit = l->vars.knows_commit;
}
