/* Which field works on which engine, and what happens where it does not: generated from the planner's
   tables. */
#include "base/str.h"
#include "reconciler/cli/cli.h"
#include "reconciler/plan/compare.h"
#include "reconciler/plan/unsupported.h"

#include <string.h>

/* One backend: its variants are adjacent. */
struct column {
    const struct backend_variant *first;
    size_t n;
};

struct page {
    struct arena arena;
    struct column columns[8];
    size_t n;
    struct buf *out;
    const struct kind_desc *kind; /* whose rows are being written */
};

static void page_init(struct page *p, struct buf *out)
{
    size_t n;
    *p = (struct page){.out = out};
    const struct backend_variant *v = provider_variants(&p->arena, &n);
    for (size_t i = 0; i < n; i++) {
        struct column *last = p->n ? &p->columns[p->n - 1] : NULL;
        if (last && last->first->ops == v[i].ops)
            last->n++;
        else if (p->n < ARRAY_LEN(p->columns))
            p->columns[p->n++] = (struct column){&v[i], 1};
    }
}

static void heads(struct page *p, const char *first, const char *last)
{
    buf_addf(p->out, "\n| %s |", first);
    for (size_t i = 0; i < p->n; i++)
        buf_addf(p->out, " %s |", p->columns[i].first->backend);
    buf_addf(p->out, "%s%s\n|---|", last, *last ? " |" : "");
    for (size_t i = 0; i < p->n + (*last ? 1 : 0); i++)
        buf_adds(p->out, "---|");
    buf_adds(p->out, "\n");
}

/* ---- one field ---- */

/* The impact of changing a field; for a field with subfields, the highest impact of these. */
static enum impact impact_of(const struct field *f, unsigned depth)
{
    enum impact most = f->impact;
    for (const struct field *sub = f->sub && depth ? f->sub->fields : NULL;
         sub && sub->name && f->impact == IMPACT_NONE; sub++) {
        enum impact below = impact_of(sub, depth - 1);
        most = below > most ? below : most;
    }
    return most;
}

static const char *cost_word(const struct field *f, const char *top, unsigned caps)
{
    if (f->flags & FIELD_CREATE_ONLY)
        return "at creation";
    if (str_eq(f->name, "deploy") && !(caps & CAP_SERVICES))
        return "as the field it stands for";
    bool ours = f->flags & FIELD_VIRTUAL && !(f->flags & FIELD_SERVICES && caps & CAP_SERVICES);
    return impact_name(ours ? IMPACT_NONE : impact_on(caps, top, impact_of(f, 4), false));
}

/* Do two limits differ at most in the engines they apply to, and so belong into one row? */
static bool same_row(const struct limit *a, const struct limit *b)
{
    return a->kind == b->kind && str_eq(a->path, b->path) && str_eq(a->value, b->value) &&
           str_eq(a->part, b->part) && str_eq(a->beside, b->beside);
}

static const struct limit *refusal(const struct limit *row, unsigned caps)
{
    for (const struct limit *l = limits; row && l->kind; l++)
        if (same_row(l, row) && limit_refuses(l, caps))
            return l;
    return NULL;
}

static const char *only(struct page *p, const char *fine)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    buf_adds(&b, "only `");
    for (; *fine; fine++)
        *fine == ' ' ? buf_adds(&b, "`, `") : buf_addc(&b, *fine);
    buf_addc(&b, '`');
    return arena_strdup(&p->arena, buf_str(&b));
}

/* In a swarm the nodes create volumes and never change them. */
static const char *cost_of(const struct page *p, const struct field *f, const char *top, unsigned caps)
{
    bool kept = p->kind->flags & KIND_STATEFUL && caps & CAP_SERVICES && f->impact == IMPACT_DATA_LOSS;
    if (!kept)
        return cost_word(f, top, caps);
    return str_eq(f->name, "name") ? "creates another volume" : "needs another `name`";
}

static const char *cell(struct page *p, const struct column *c, const struct field *f, const char *top,
                        const struct limit *row)
{
    const struct backend_variant *v = c->first;
    size_t refused = 0, change = 0;
    for (size_t i = 0; i < c->n; i++) {
        bool no = refusal(row, v[i].caps);
        refused += no;
        if (i && no != (refusal(row, v[i - 1].caps) != NULL))
            change = i;
    }
    const char *cost = cost_of(p, f, top, v[c->n - 1].caps);
    if (!refused)
        return cost;
    const struct limit *l = refusal(row, v[0].caps);
    if (refused == c->n)
        return l->fine ? only(p, l->fine) : "no";
    return l ? arena_printf(&p->arena, "%s, from %s", cost, v[change].name)
             : arena_printf(&p->arena, "%s, except %s", cost_of(p, f, top, v[0].caps), v[change].name);
}

/* What to do instead, by backend. */
static void advice(struct page *p, const struct limit *row)
{
    const char *said = NULL;
    for (size_t i = 0; i < p->n; i++) {
        const struct column *c = &p->columns[i];
        const struct limit *l = refusal(row, c->first->caps);
        if (!l || !l->hint)
            continue;
        if (!str_eq(said, l->hint))
            buf_addf(p->out, "%s%s", said ? "; " : "", l->hint);
        said = l->hint;
    }
}

static void row(struct page *p, const struct field *f, const char *top, const char *path,
                const struct limit *l)
{
    buf_addf(p->out, "| `%s%s%s`", path, l && l->value ? ": " : "", l && l->value ? l->value : "");
    if (l && l->part)
        buf_addf(p->out, " with `%s`", l->part);
    if (l && l->beside)
        buf_addf(p->out, " beside `%s`", l->beside);
    buf_adds(p->out, " |");
    for (size_t i = 0; i < p->n; i++)
        buf_addf(p->out, " %s |", cell(p, &p->columns[i], f, top, l));
    buf_addc(p->out, ' ');
    advice(p, l);
    buf_adds(p->out, " |\n");
}

/* Does the limit apply to a part of the field only? */
static bool is_special(const struct limit *l)
{
    return l->value || l->part || l->beside;
}

static const struct limit *limit_of(const struct kind_desc *kind, const char *path)
{
    for (const struct limit *l = limits; l->kind; l++)
        if (l->kind == kind && str_eq(l->path, path) && !is_special(l))
            return l;
    return NULL;
}

static bool said_before(const struct limit *row)
{
    for (const struct limit *l = limits; l < row; l++)
        if (same_row(l, row))
            return true;
    return false;
}

static void field_rows(struct page *p, const struct kind_desc *kind, const struct field *f)
{
    size_t n = strlen(f->name);
    row(p, f, f->name, f->name, limit_of(kind, f->name));
    for (const struct limit *l = limits; l->kind; l++) {
        if (l->kind != kind || strncmp(l->path, f->name, n) != 0 || said_before(l))
            continue;
        if (l->path[n] == '.' || (!l->path[n] && is_special(l)))
            row(p, field_path(kind->spec, l->path), f->name, l->path, l);
    }
}

static void kind_table(struct page *p, const struct kind_desc *kind)
{
    p->kind = kind;
    buf_addf(p->out, "\n## %s\n", kind->name);
    heads(p, "Field", " Instead");
    for (const struct field *f = kind->spec->fields; f->name; f++)
        if (!(f->flags & (FIELD_HIDDEN | FIELD_ALIAS)))
            field_rows(p, kind, f);
}

/* ---- other tables ---- */

static void kinds_table(struct page *p)
{
    buf_adds(p->out, "\n## Kinds\n");
    heads(p, "Kind", "");
    for (const struct kind_desc *const *k = kinds; *k; k++) {
        if ((*k)->flags & (KIND_META | KIND_SOURCE))
            continue;
        buf_addf(p->out, "| [%s](#%s) |", (*k)->name, (*k)->prefix);
        for (size_t i = 0; i < p->n; i++) {
            unsigned caps = p->columns[i].first->caps;
            bool service = (*k)->flags & KIND_INSTANCES && caps & CAP_SERVICES;
            const char *what = service                        ? "one service"
                               : (*k)->flags & KIND_INSTANCES ? "a container for each replica"
                               : (*k)->flags & KIND_STATEFUL && caps & CAP_SERVICES
                                   ? "created on each node by the tasks that use it"
                               : (*k)->flags & KIND_VIRTUAL && caps & CAP_SERVICES
                                   ? "an immutable object; new content makes a new one"
                               : (*k)->flags & KIND_VIRTUAL ? "a file copied into containers"
                                                            : "an object on the engine";
            buf_addf(p->out, " %s |", what);
        }
        buf_adds(p->out, "\n");
    }
}

#define HAS(slot) (ops->slot ? "yes" : "no")

static void verbs_table(struct page *p)
{
    static const char *const names[] = {"exec", "logs", "volume backup, volume restore", "import --running",
                                        "images prune"};
    buf_adds(p->out, "\n## What `forge-ctl` can do on them\n");
    heads(p, "Verb", "");
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        buf_addf(p->out, "| `%s` |", names[i]);
        for (size_t k = 0; k < p->n; k++) {
            const struct provider_ops *ops = p->columns[k].first->ops;
            const char *words[] = {HAS(exec), HAS(logs), HAS(volume_save), HAS(list), HAS(image_remove)};
            buf_addf(p->out, " %s |", words[i]);
        }
        buf_adds(p->out, "\n");
    }
    buf_adds(p->out, "\nAll other verbs work the same everywhere.\n");
}

void cli_capabilities(struct buf *out)
{
    struct page p;
    page_init(&p, out);
    buf_adds(
        out,
        "# What works where\n\nGenerated by `forge-ctl generate capabilities` from the tables that the "
        "planner uses; do not edit.\n\nA word in a column says that the field works there, and what a change "
        "of it costs: `none`, `live`, `replace`,\n`data-loss`, or `at creation` where a later change has no "
        "effect. `no` says that a plan which asks for it is refused,\nwith the file and line, before "
        "anything is done: nothing is left out in silence. A field that is not here works as\nthe one that "
        "it is part of does. [The reference](reference.md) says what each means, [podman.md](podman.md) what "
        "else\nis different on Podman, and [decisions.md](decisions.md#what-differs-on-a-swarm) on a "
        "swarm.\nDocker and Swarm are of API 1.41 (Docker 20.10) or newer, Podman is 4.3 or newer.\n");
    kinds_table(&p);
    for (const struct kind_desc *const *k = kinds; *k; k++)
        if (!((*k)->flags & (KIND_META | KIND_SOURCE)))
            kind_table(&p, *k);
    verbs_table(&p);
    arena_release(&p.arena);
}
