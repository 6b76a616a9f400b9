/* History is bounded (H4), and what is kept can be rolled back to (H2, H3). */
#include <string.h>

#include "base/clock.h"
#include "reconciler/store/records.h"
#include "tests/unit/store/store_fixture.h"

static struct err err;

#define DAY (24 * 3600 * NS_PER_S)

static void end(struct fixture *f, const char *env, uint64_t number, int64_t at,
                enum generation_status status)
{
    struct generation g = {
        .number = number, .commit = "c0ffee", .begin_ns = at, .end_ns = at + 5, .status = status};
    assert_ok(generation_end(f->store, env, &g, &err));
}

static int count_one(void *arg, const char *key, const struct val *v)
{
    (void)key;
    (void)v;
    ++*(size_t *)arg;
    return 0;
}

static size_t records(struct fixture *f, enum store_table t)
{
    size_t n = 0;
    assert_ok(store_each(f->store, t, "", false, 0, &f->arena, count_one, &n, &err));
    return n;
}

static uint64_t oldest(struct fixture *f, const char *env)
{
    struct generation *items;
    size_t n;
    assert_ok(generation_list(f->store, env, 0, true, &f->arena, &items, &n, &err));
    return n ? items[n - 1].number : 0;
}

static void old_generations_go(void **state)
{
    struct fixture *f = *state;
    const struct retention keep = {.generations = 5, .age_ns = 10 * DAY, .transitions = 7};
    for (int i = 1; i <= 8; i++)
        end(f, "prod", fixture_begin(f, "prod", i * DAY, fixture_resources(f, 10, 100 + i)), i * DAY, GEN_OK);
    fixture_begin(f, "test", 1, fixture_resources(f, 10, 101));
    assert_int_equal(records(f, STORE_RESOURCE), 8 + 8 + 9 + 1 + 10);
    /* Young generations stay, however many there are. */
    assert_ok(retention_apply(f->store, "prod", &keep, 10 * DAY, &err));
    assert_int_equal(oldest(f, "prod"), 1);
    /* Of the old ones, the newest five stay. */
    assert_ok(retention_apply(f->store, "prod", &keep, 12 * DAY, &err));
    assert_int_equal(oldest(f, "prod"), 2);
    assert_ok(retention_apply(f->store, "prod", &keep, 100 * DAY, &err));
    assert_int_equal(oldest(f, "prod"), 4);
    assert_ok(retention_apply(f->store, "prod", &keep, 1000 * DAY, &err));
    assert_int_equal(oldest(f, "prod"), 4);
    assert_int_equal(records(f, STORE_RESOURCE), 5 + 5 + 9 + 1 + 10); /* unused resources were deleted */
    struct generation g;
    assert_ok(generation_get(f->store, "prod", 4, &f->arena, &g, &err));
    assert_int_equal(val_len(g.resources), 10);
    assert_ok(generation_get(f->store, "test", 1, &f->arena, &g, &err));
    assert_int_equal(val_len(g.resources), 10);
    assert_int_equal(fixture_begin(f, "prod", 2000 * DAY, NULL), 9); /* no number is reused */
}

/* A generation that is stored as a difference reads as a complete one, even after its base was deleted. */
static void differences_outlive_their_bases(void **state)
{
    struct fixture *f = *state;
    enum { N = 150 };
    const struct retention keep = {.generations = 3, .age_ns = DAY, .transitions = 7};
    struct val *expected = val_map_copy(&f->arena, fixture_resources(f, 20, 1));
    uint64_t number = fixture_begin(f, "prod", 0, expected);
    end(f, "prod", number, 0, GEN_OK);
    for (int i = 0; i < N; i++) {
        char id[32];
        snprintf(id, sizeof(id), "container/%c%04d", i % 5 ? 'c' : 'd', i % 20);
        struct val *changed = val_map(&f->arena), *v = fixture_val(&f->arena, 1000 + i, "spec");
        val_map_set(&f->arena, changed, id, v);
        val_map_set(&f->arena, expected, id, v);
        struct generation g = {.commit = "c0ffee", .resources = changed, .base = number};
        assert_ok(generation_begin(f->store, "prod", &g, &err));
        assert_int_equal(g.number, number + 1);
        number = g.number;
        end(f, "prod", number, i, GEN_OK);
        if (i % 40 == 20)
            assert_ok(retention_apply(f->store, "prod", &keep, 10 * DAY, &err));
        struct generation back;
        assert_ok(generation_get(f->store, "prod", number, &f->arena, &back, &err));
        assert_true(val_equal(back.resources, expected));
    }
    struct generation *items;
    size_t n;
    assert_ok(retention_apply(f->store, "prod", &keep, 10 * DAY, &err));
    assert_ok(generation_list(f->store, "prod", 0, false, &f->arena, &items, &n, &err));
    assert_int_equal(n, 3);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(val_len(items[i].resources), val_len(expected));
    /* Somebody else has recorded one meanwhile. */
    struct generation late = {.commit = "c0ffee", .resources = val_map(&f->arena), .base = number - 1};
    assert_int_equal(generation_begin(f->store, "prod", &late, &err), ERR_CONFLICT);
}

static void hold(struct env_state *st, void *arg)
{
    st->held_commit = "c0ffee";
    st->held_generation = *(uint64_t *)arg;
}

/* Automation keeps the environment at that generation (H2) until the hold ends. */
static void what_was_rolled_back_to_stays(void **state)
{
    struct fixture *f = *state;
    const struct retention keep = {.generations = 2, .age_ns = 1};
    uint64_t held = 3;
    for (int i = 1; i <= 6; i++)
        end(f, "prod", fixture_begin(f, "prod", i, fixture_resources(f, 3, i)), i, GEN_OK);
    assert_ok(env_state_update(f->store, "prod", hold, &held, &err));
    assert_ok(retention_apply(f->store, "prod", &keep, DAY, &err));
    struct generation g;
    assert_ok(generation_get(f->store, "prod", held, &f->arena, &g, &err));
    assert_int_equal(val_len(g.resources), 3);
    assert_int_equal(oldest(f, "prod"), 3);
    held = 0;
    assert_ok(env_state_update(f->store, "prod", hold, &held, &err));
    assert_ok(retention_apply(f->store, "prod", &keep, DAY, &err));
    assert_int_equal(oldest(f, "prod"), 5);
}

static void the_last_good_generation_stays(void **state)
{
    struct fixture *f = *state;
    const struct retention keep = {.generations = 2, .age_ns = 1};
    for (int i = 1; i <= 6; i++)
        end(f, "prod", fixture_begin(f, "prod", i, NULL), i, i == 1 || i == 3 ? GEN_OK : GEN_FAILED);
    assert_ok(retention_apply(f->store, "prod", &keep, DAY, &err));
    assert_int_equal(oldest(f, "prod"), 3);
    end(f, "prod", fixture_begin(f, "prod", 7, NULL), 7, GEN_OK);
    assert_ok(retention_apply(f->store, "prod", &keep, DAY, &err));
    assert_int_equal(oldest(f, "prod"), 6);
}

static void old_transitions_go_in_lots(void **state)
{
    struct fixture *f = *state;
    const struct retention keep = {.transitions = 20};
    for (int i = 0; i < 22; i++)
        assert_ok(transition_add(f->store, "prod", &(struct transition){.id = "x"}, &err));
    assert_ok(retention_apply(f->store, "prod", &keep, DAY, &err));
    assert_int_equal(records(f, STORE_TRANSITION), 22); /* up to a tenth more is kept */
    struct transition t = {.id = "x"};
    assert_ok(transition_add(f->store, "prod", &t, &err));
    assert_ok(retention_apply(f->store, "prod", &keep, DAY, &err));
    assert_int_equal(records(f, STORE_TRANSITION), 20);
    assert_ok(transition_add(f->store, "prod", &t, &err));
    assert_int_equal(t.seq, 24);
    assert_ok(retention_apply(f->store, "empty", &keep, DAY, &err));
}

static struct val *image(struct fixture *f, const char *ref, const char *id, const char *digest)
{
    struct val *all = val_map(&f->arena), *v = val_map(&f->arena);
    val_set_str(&f->arena, v, "id", id);
    val_set_str(&f->arena, v, "digest", digest);
    val_map_set(&f->arena, all, ref, v);
    return all;
}

static void images_of_kept_generations_are_needed(void **state)
{
    struct fixture *f = *state;
    static const char *const ids[] = {"sha256:1", "sha256:2", "sha256:1"};
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct generation g = {.begin_ns = 1};
        assert_ok(generation_begin(f->store, "prod", &g, &err));
        struct val *images = image(f, "app:1", ids[i], i == 1 ? "sha256:d" : NULL);
        if (i == 1) { /* other engines, other resources */
            struct val *entry = val_map_copy(&f->arena, val_get(images, "app:1"));
            val_map_set(&f->arena, entry, "on", image(f, "far", "sha256:on", NULL));
            val_map_set(&f->arena, entry, "of", image(f, "container/y", "sha256:of", NULL));
            val_map_set(&f->arena, images, "app:1", entry);
        }
        g.images = images;
        assert_ok(generation_end(f->store, "prod", &g, &err));
    }
    struct applied a = {.id = "container/x", .image_id = "sha256:run", .generation = 2};
    assert_ok(inventory_save(f->store, "prod", &a, &err));
    struct val *needed;
    assert_ok(retention_images(f->store, "prod", &f->arena, &needed, &err));
    assert_int_equal(val_len(needed), 6);
    assert_int_equal(val_get_int(needed, "sha256:on", 0), 2);
    assert_int_equal(val_get_int(needed, "sha256:of", 0), 2);
    assert_int_equal(val_get_int(needed, "sha256:1", 0), 3);
    assert_int_equal(val_get_int(needed, "sha256:2", 0), 2);
    assert_int_equal(val_get_int(needed, "sha256:d", 0), 2);
    assert_int_equal(val_get_int(needed, "sha256:run", 0), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_both(old_generations_go),
        on_both(differences_outlive_their_bases),
        on_both(the_last_good_generation_stays),
        on_both(what_was_rolled_back_to_stays),
        on_both(old_transitions_go_in_lots),
        on_both(images_of_kept_generations_are_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
