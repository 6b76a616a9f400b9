/* The journal (S8): what a run is about to do, and the results. The entries are deleted when the run ends
   normally. */
#include <stdlib.h>

#include "base/map.h"
#include "base/str.h"
#include "reconciler/store/fields.h"
#include "reconciler/store/keys.h"
#include "reconciler/store/records.h"

static const struct stored_field fields[] = {
    STORED(journal_entry, FIELD_STR, run),         STORED(journal_entry, FIELD_UINT, seq),
    STORED(journal_entry, FIELD_INT, at_ns),       STORED(journal_entry, FIELD_STR, phase),
    STORED(journal_entry, FIELD_UINT, generation), STORED(journal_entry, FIELD_STR, id),
    STORED(journal_entry, FIELD_STR, verb),        STORED(journal_entry, FIELD_STR, native_name),
    STORED(journal_entry, FIELD_STR, native_id),   STORED(journal_entry, FIELD_STR, result),
};

int journal_append(struct store *s, const char *env, const struct journal_entry *items, size_t n,
                   struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct store_batch *b = store_begin(s);
    for (size_t i = 0; i < n; i++) {
        const struct journal_entry *e = &items[i];
        struct key key = key_of(env, "%s/" KEY_NUMBER, e->run, (unsigned long long)e->seq);
        store_batch_put(b, STORE_JOURNAL, key.text, fields_to_val(&a, fields, ARRAY_LEN(fields), e));
    }
    return store_commit(b, err);
}

/* A run, as reconstructed from its journal entries. */
struct seen_run {
    int64_t begin_ns;
    bool done;
};

struct seen_entry {
    struct journal_entry entry;
    struct seen_run *run;
};

struct reading {
    struct arena *arena;
    struct map runs;
    struct seen_entry *items;
    size_t n, cap;
};

static int add(void *arg, const char *key, const struct val *v)
{
    struct reading *j = arg;
    struct seen_entry e = {0};
    (void)key;
    fields_from_val(fields, ARRAY_LEN(fields), v, &e.entry);
    const char *name = str_or(e.entry.run, "");
    e.run = map_get(&j->runs, name);
    if (!e.run) {
        e.run = arena_new(j->arena, struct seen_run);
        e.run->begin_ns = e.entry.at_ns;
        map_put(&j->runs, name, e.run);
    }
    e.run->done = e.run->done || str_eq(e.entry.phase, "done");
    arena_push(j->arena, j->items, j->n, j->cap, e);
    return 0;
}

static int older_first(const void *pa, const void *pb)
{
    const struct seen_entry *a = pa, *b = pb;
    if (a->run != b->run && a->run->begin_ns != b->run->begin_ns)
        return a->run->begin_ns < b->run->begin_ns ? -1 : 1;
    int c = strcmp(str_or(a->entry.run, ""), str_or(b->entry.run, ""));
    return c ? c : (a->entry.seq > b->entry.seq) - (a->entry.seq < b->entry.seq);
}

int journal_open(struct store *s, const char *env, struct arena *a, struct journal_entry **ret, size_t *ret_n,
                 struct err *err)
{
    struct reading j = {.arena = a};
    int r = store_each(s, STORE_JOURNAL, key_of(env, "%s", "").text, false, 0, a, add, &j, err);
    map_release(&j.runs);
    if (r < 0)
        return r;
    if (j.n)
        qsort(j.items, j.n, sizeof(*j.items), older_first);
    struct journal_entry *open = arena_array(a, struct journal_entry, j.n);
    size_t n = 0;
    for (size_t i = 0; i < j.n; i++)
        if (!j.items[i].run->done)
            open[n++] = j.items[i].entry;
    *ret = open;
    *ret_n = n;
    return 0;
}

static int run_close(struct store_tx *tx, void *arg, struct err *err)
{
    const struct key *prefix = arg;
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct keys keys;
    int r = store_tx_keys(tx, STORE_JOURNAL, prefix->text, false, 0, &a, &keys, err);
    for (size_t i = 0; r == 0 && i < keys.n; i++)
        r = store_tx_del(tx, STORE_JOURNAL, keys.items[i], err);
    return r;
}

int journal_close(struct store *s, const char *env, const char *run, struct err *err)
{
    struct key prefix = key_of(env, "%s/", run);
    return store_update(s, run_close, &prefix, err);
}
