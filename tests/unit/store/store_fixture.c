#include "tests/unit/store/store_fixture.h"

#include "base/mem.h"

bool fixture_in_memory = true, fixture_on_disk = false;

int fixture_setup(void **state)
{
    struct fixture *f = mem_new(struct fixture);
    f->in_memory = *(bool *)*state;
    f->dir = f->in_memory ? NULL : unit_temp_dir();
    if (store_open(&(struct store_options){.dir = f->dir}, &f->store, &f->err) < 0)
        fail_msg("%s", f->err.msg);
    *state = f;
    return 0;
}

int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    store_close(f->store);
    unit_temp_remove(f->dir);
    arena_release(&f->arena);
    free(f);
    return 0;
}

void fixture_reopen(struct fixture *f)
{
    if (f->in_memory)
        return;
    store_close(f->store);
    f->store = NULL;
    if (store_open(&(struct store_options){.dir = f->dir}, &f->store, &f->err) < 0)
        fail_msg("%s", f->err.msg);
}

struct val *fixture_val(struct arena *a, int64_t n, const char *s)
{
    struct val *v = val_map(a);
    val_set_int(a, v, "n", n);
    val_set_str(a, v, "s", s);
    return v;
}

struct val *fixture_resources(struct fixture *f, int n, int changed)
{
    struct val *all = val_map(&f->arena);
    for (int i = 0; i < n; i++) {
        char id[32];
        snprintf(id, sizeof(id), "container/c%04d", i);
        val_map_append(&f->arena, all, arena_strdup(&f->arena, id),
                       fixture_val(&f->arena, i == 0 ? changed : i, "spec"));
    }
    return all;
}

uint64_t fixture_begin(struct fixture *f, const char *env, int64_t at, const struct val *all)
{
    struct generation g = {
        .commit = "c0ffee", .actor = "root", .trigger = "apply", .begin_ns = at, .resources = all};
    struct err err = {0};
    assert_ok(generation_begin(f->store, env, &g, &err));
    return g.number;
}
