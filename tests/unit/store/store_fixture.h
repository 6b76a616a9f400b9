#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H
/*
 * A store for tests: once in memory, and once in LMDB in a private folder. A test that runs on both is
 * registered with on_both(); its state is the struct fixture.
 */
#include "reconciler/store/records.h"
#include "tests/lib/unit.h"

struct fixture {
    bool in_memory;
    char *dir; /* NULL: in memory */
    struct store *store;
    struct arena arena;
    struct err err;
};

int fixture_setup(void **state);
int fixture_teardown(void **state);
/* Close and open again; a store in memory stays as it is. */
void fixture_reopen(struct fixture *f);
/* A value {"n": n, "s": s} to be stored. */
struct val *fixture_val(struct arena *a, int64_t n, const char *s);
/* n resources, container/c0000 and so on; the first one's value is `changed`. */
struct val *fixture_resources(struct fixture *f, int n, int changed);
/* Begin a generation; returns its number. */
uint64_t fixture_begin(struct fixture *f, const char *env, int64_t at, const struct val *all);

extern bool fixture_in_memory, fixture_on_disk; /* initial states */
#define on_memory(f) \
    cmocka_unit_test_prestate_setup_teardown(f, fixture_setup, fixture_teardown, &fixture_in_memory)
#define on_disk(f) \
    cmocka_unit_test_prestate_setup_teardown(f, fixture_setup, fixture_teardown, &fixture_on_disk)
#define on_both(f) on_memory(f), on_disk(f)
#endif
