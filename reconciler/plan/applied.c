#include "reconciler/plan/applied.h"

#include "base/str.h"
#include "reconciler/plan/observed.h"

#include <stdlib.h>

static int by_id(const void *pa, const void *pb)
{
    const struct applied *a = *(struct applied *const *)pa, *b = *(struct applied *const *)pb;
    return strcmp(a->id, b->id);
}

const struct applied *inventory_find(const struct inventory *inv, const char *id)
{
    const struct applied key = {.id = id}, *pkey = &key;
    if (!inv || !inv->n)
        return NULL;
    struct applied *const *found = bsearch(&pkey, inv->items, inv->n, sizeof(*inv->items), by_id);
    return found ? *found : NULL;
}

void inventory_add(struct inventory *inv, struct applied *a)
{
    arena_push(inv->arena, inv->items, inv->n, inv->cap, a);
}

void inventory_sort(struct inventory *inv)
{
    if (inv->n)
        qsort(inv->items, inv->n, sizeof(*inv->items), by_id);
}

static void set_tree(struct arena *a, struct val *m, const char *key, const struct val *v)
{
    if (v)
        val_map_set(a, m, key, val_clone(a, v));
}

static void set_number(struct arena *a, struct val *m, const char *key, int64_t i)
{
    if (i)
        val_set_int(a, m, key, i);
}

struct val *applied_to_val(struct arena *a, const struct applied *r)
{
    struct val *m = val_map(a);
    val_set_str(a, m, "id", r->id);
    set_tree(a, m, "spec", r->spec);
    set_tree(a, m, "labels", r->labels);
    set_tree(a, m, "annotations", r->annotations);
    if (r->baseline) {
        set_tree(a, m, "baseline", r->baseline);
        val_set_int(a, m, "baseline_form", OBSERVED_FORM);
        val_set_str(a, m, "baseline_id", r->baseline_id);
    }
    set_number(a, m, "generation", (int64_t)r->generation);
    val_set_str(a, m, "commit", r->commit);
    val_set_str(a, m, "status", applied_status_name(r->status));
    val_set_str(a, m, "error", r->error);
    val_set_str(a, m, "input_digest", r->input_digest);
    set_number(a, m, "attempts", r->attempts);
    set_number(a, m, "next_ns", r->next_ns);
    set_number(a, m, "changed_ns", r->changed_ns);
    val_set_str(a, m, "image_id", r->image_id);
    val_set_str(a, m, "adopted", r->adopted);
    set_number(a, m, "corrections", r->corrections);
    set_number(a, m, "window_ns", r->window_ns);
    return m;
}

/* A subtree that has to be a map, or absent. */
static int get_map(const struct val *v, const char *id, const char *key, const struct val **ret,
                   struct err *err)
{
    const struct val *m = val_get(v, key);
    if (m && !val_is(m, VAL_MAP))
        return err_set(err, ERR_CORRUPT, "record of %s: %s is not a mapping", id, key);
    *ret = m;
    return 0;
}

int applied_from_val(struct arena *a, const struct val *v, struct applied *ret, struct err *err)
{
    (void)a;
    struct applied r = {.id = val_get_str(v, "id")};
    if (str_empty(r.id))
        return err_set(err, ERR_CORRUPT, "an inventory record has no id");
    const char *status = val_get_str(v, "status");
    if (status && applied_status_from_name(status, &r.status) < 0)
        return err_set(err, ERR_CORRUPT, "record of %s: \"%s\" is not a status", r.id, status);
    int rc = get_map(v, r.id, "spec", &r.spec, err);
    if (rc == 0)
        rc = get_map(v, r.id, "labels", &r.labels, err);
    if (rc == 0)
        rc = get_map(v, r.id, "annotations", &r.annotations, err);
    if (rc == 0)
        rc = get_map(v, r.id, "baseline", &r.baseline, err);
    if (rc < 0)
        return rc;
    /* The baseline was read back by a Forge that described objects differently: a difference from it would
       say nothing about the engine. */
    if (val_get_int(v, "baseline_form", 0) != OBSERVED_FORM)
        r.baseline = NULL;
    r.baseline_id = val_get_str(v, "baseline_id");
    r.generation = (uint64_t)val_get_int(v, "generation", 0);
    r.commit = val_get_str(v, "commit");
    r.error = val_get_str(v, "error");
    r.input_digest = val_get_str(v, "input_digest");
    r.attempts = (unsigned)val_get_int(v, "attempts", 0);
    r.next_ns = val_get_int(v, "next_ns", 0);
    r.changed_ns = val_get_int(v, "changed_ns", 0);
    r.image_id = val_get_str(v, "image_id");
    r.adopted = val_get_str(v, "adopted");
    r.corrections = (unsigned)val_get_int(v, "corrections", 0);
    r.window_ns = val_get_int(v, "window_ns", 0);
    *ret = r;
    return 0;
}
