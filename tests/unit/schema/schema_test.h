#ifndef SCHEMA_TEST_H
#define SCHEMA_TEST_H
/* Shared by the tests of schema/. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "schema/diag.h"
#include "schema/field.h"
#include "schema/val.h"
#include "schema/yaml.h"

/* An arena and a list of problems for one test. */
struct world {
    struct arena arena;
    struct diag_list diags;
    struct buf text;
};

static inline int world_setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    if (!w)
        return -1;
    diag_init(&w->diags, &w->arena);
    *state = w;
    return 0;
}

static inline int world_teardown(void **state)
{
    struct world *w = *state;
    arena_release(&w->arena);
    buf_release(&w->text);
    free(w);
    return 0;
}

#define world_test(function) cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

/* A value from JSON, written with single quotes to keep the tests readable. */
static inline struct val *val_of(struct world *w, const char *json)
{
    char *text = arena_strdup(&w->arena, json);
    for (char *p = strchr(text, '\''); p; p = strchr(p, '\''))
        *p = '"';
    struct val *v = NULL;
    struct err err = {0};
    if (val_from_json(&w->arena, text, strlen(text), "test", &v, &err) < 0)
        fail_msg("%s: %s", json, err.msg);
    return v;
}

/* The value as JSON on one line, with single quotes as well. */
static inline const char *json_of(struct world *w, const struct val *v)
{
    buf_reset(&w->text);
    val_json(v, 0, &w->text);
    char *text = arena_strdup(&w->arena, buf_str(&w->text));
    for (char *p = strchr(text, '"'); p; p = strchr(p, '"'))
        *p = '\'';
    return text;
}

/* All problems so far, sorted and printed, with hints. Empties the list. */
static inline const char *problems_of(struct world *w)
{
    buf_reset(&w->text);
    diag_sort(&w->diags);
    diag_print(&w->diags, NULL, NULL, false, &w->text);
    diag_init(&w->diags, &w->arena);
    return arena_strdup(&w->arena, buf_str(&w->text));
}

/* The only document of a text, or NULL. */
static inline struct ynode *yaml_of(struct world *w, const char *text)
{
    struct ynode **docs;
    return yaml_read(&w->arena, "f", text, strlen(text), &w->diags, &docs) == 1 ? docs[0] : NULL;
}
#endif
