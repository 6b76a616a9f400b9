#include "schema/field_index.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "schema/memo.h"

/* FNV-1a: keys are short, and the names in a table are not chosen by the author of a manifest. */
static uint32_t hash_name(const char *name)
{
    uint32_t hash = 2166136261u;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    return hash ^ hash >> 16;
}

static int name_order(const void *a, const void *b)
{
    return strcmp((*(const struct field *const *)a)->name, (*(const struct field *const *)b)->name);
}

static void drop_index(void *value)
{
    struct field_index *index = value;
    free(index->sorted);
    free(index->names);
    free(index->required);
    free(index->slots);
    free(index);
}

static void *make_index(const void *key)
{
    const struct field_table *t = key;
    struct field_index *index = mem_new(struct field_index);
    while (t->fields[index->n].name)
        index->n++;
    assert(index->n <= FIELD_INDEX_MAX);

    index->sorted = mem_array(index->n, sizeof(*index->sorted));
    index->names = mem_array(index->n, sizeof(*index->names));
    index->required = mem_array(index->n, sizeof(*index->required));
    for (index->slots_n = 8; index->slots_n < index->n * 2;)
        index->slots_n *= 2;
    index->slots = mem_array(index->slots_n, sizeof(*index->slots));

    for (size_t i = 0; i < index->n; i++)
        index->sorted[i] = &t->fields[i];
    qsort(index->sorted, index->n, sizeof(*index->sorted), name_order);
    for (size_t i = 0; i < index->n; i++) {
        const struct field *f = index->sorted[i];
        assert(i == 0 || strcmp(index->sorted[i - 1]->name, f->name) != 0);
        if (!(f->flags & FIELD_HIDDEN))
            index->names[index->names_n++] = f->name;
        if (f->flags & FIELD_REQUIRED)
            index->required[index->required_n++] = (uint16_t)i;
        size_t at = hash_name(f->name) & (index->slots_n - 1);
        while (index->slots[at])
            at = (at + 1) & (index->slots_n - 1);
        index->slots[at] = (uint16_t)(i + 1);
    }
    return index;
}

const struct field_index *field_index(const struct field_table *t)
{
    return memo_get(t, make_index, drop_index);
}

int field_index_find(const struct field_index *index, const char *name)
{
    size_t at = hash_name(name) & (index->slots_n - 1);
    for (; index->slots[at]; at = (at + 1) & (index->slots_n - 1)) {
        int place = index->slots[at] - 1;
        if (strcmp(index->sorted[place]->name, name) == 0)
            return place;
    }
    return -1;
}
