/*
 * The planner on folders of files: tests/golden/cases/NAME (README.md beside it). Each case is read, planned,
 * and compared with its plan.txt and plan.json. FORGE_GOLDEN_UPDATE=1 writes these files instead; a name as
 * argument runs one case.
 *
 * What holds for every plan is checked for every case: the same inputs in another order and at another time
 * give the same document (P4), which prints the same after a journey as JSON, and verifies against itself
 * (P6); no byte of a secret is in it (X4).
 */
#include "base/io.h"
#include "base/str.h"
#include "tests/lib/plan_case.h"
#include "tests/lib/unit.h"

#define CASES  "tests/golden/cases"
#define SECRET "hunter2" /* what cases write where a secret stands */

static bool update;

struct outcome {
    struct buf text, json;
};

static void add_problems(const struct plan_case *c, struct buf *out)
{
    for (size_t i = 0; i < c->diags.n; i++) {
        const struct diag *d = &c->diags.items[i];
        buf_addf(out, "%s:%u:%u: %s: %s\n", str_or(d->file, "-"), d->line, d->col,
                 d->level == DIAG_ERROR ? "error" : "warning", d->msg);
        if (d->hint)
            buf_addf(out, "  hint: %s\n", d->hint);
    }
}

/* The plan of a case, as people and as programs see it; or why there is none. */
static struct val *make_outcome(struct plan_case *c, struct outcome *o)
{
    struct plan plan;
    struct err err = {0};
    struct val *doc = NULL;
    c->diags.n = c->diags.errors = c->diags.warnings = 0;
    int r = plan_case_make(c, &plan, &err);
    add_problems(c, &o->text);
    if (r < 0) {
        buf_addf(&o->text, "error: %s\n", err.msg);
        buf_adds(&o->json, "null");
    } else {
        doc = plan_to_val(c->arena, &plan);
        plan_text(doc, false, &o->text);
        val_json(doc, 2, &o->json);
    }
    buf_addc(&o->json, '\n');
    return doc;
}

static void reverse_objects(struct observed *o)
{
    for (size_t i = 0; i < o->n / 2; i++) {
        struct object *kept = o->items[i];
        o->items[i] = o->items[o->n - 1 - i];
        o->items[o->n - 1 - i] = kept;
    }
    observed_sort(o);
}

static void check_always(struct plan_case *c, const struct outcome *first, const struct val *doc)
{
    struct outcome again = {BUF_INIT, BUF_INIT};
    struct err err = {0};
    struct val *parsed;
    reverse_objects(&c->observed);
    const struct val *second = make_outcome(c, &again);
    assert_string_equal(buf_str(&again.json), buf_str(&first->json));
    assert_null(strstr(buf_str(&first->json), SECRET));
    assert_null(strstr(buf_str(&first->text), SECRET));
    if (doc) {
        assert_ok(plan_verify(doc, second, &err));
        assert_ok(
            val_from_json(c->arena, buf_str(&first->json), first->json.len, "plan.json", &parsed, &err));
        assert_ok(plan_verify(parsed, doc, &err));
        buf_reset(&again.text);
        add_problems(c, &again.text);
        plan_text(parsed, false, &again.text);
        assert_string_equal(buf_str(&again.text), buf_str(&first->text));
    }
    buf_release(&again.text);
    buf_release(&again.json);
}

/* The first line that differs, and where the whole is. */
static void complain(const char *path, const char *got, const char *want)
{
    size_t line = 1;
    const char *g = got, *w = want;
    while (*g && *g == *w) {
        line += *g == '\n';
        g++;
        w++;
    }
    while (g > got && g[-1] != '\n') {
        g--;
        w--;
    }
    print_error("%s:%zu differs\n  expected: %.*s\n  got:      %.*s\n", path, line, (int)strcspn(w, "\n"), w,
                (int)strcspn(g, "\n"), g);
    print_error("look at all of it:\n%s\n", got);
}

static bool same_as_file(const char *path, const struct buf *got)
{
    _cleanup_buf_ struct buf want = BUF_INIT;
    struct err err = {0};
    if (update) {
        assert_ok(io_write_file(path, buf_str(got), got->len, 0644, &err));
        return true;
    }
    if (io_read_file(path, 16u << 20, &want, &err) < 0)
        print_error("%s\n", err.msg);
    if (str_eq(buf_str(&want), buf_str(got)))
        return true;
    complain(path, buf_str(got), buf_str(&want));
    return false;
}

static void run_case(void **state)
{
    struct arena arena = ARENA_INIT;
    struct plan_case c;
    struct outcome o = {BUF_INIT, BUF_INIT};
    struct err err = {0};
    const char *folder = arena_printf(&arena, CASES "/%s", (const char *)*state);
    assert_ok(plan_case_load(folder, &arena, &c, &err));
    const struct val *doc = make_outcome(&c, &o);
    check_always(&c, &o, doc);
    bool text = same_as_file(arena_printf(&arena, "%s/plan.txt", folder), &o.text);
    bool json = same_as_file(arena_printf(&arena, "%s/plan.json", folder), &o.json);
    assert_true(text && json);
    buf_release(&o.text);
    buf_release(&o.json);
    plan_case_release(&c);
    arena_release(&arena);
}

int main(int argc, char **argv)
{
    struct arena arena = ARENA_INIT;
    const char **names = plan_case_list(&arena, CASES, "");
    struct CMUnitTest *tests = NULL;
    size_t n = 0, cap = 0;
    update = str_eq(getenv("FORGE_GOLDEN_UPDATE"), "1");
    for (; *names; names++) {
        if (argc > 1 && !str_eq(argv[1], *names))
            continue;
        char *name = arena_strdup(&arena, *names);
        const struct CMUnitTest t = {name, run_case, NULL, NULL, name};
        arena_push(&arena, tests, n, cap, t);
    }
    int failed = _cmocka_run_group_tests("plan", tests, n, NULL, NULL);
    arena_release(&arena);
    return failed;
}
