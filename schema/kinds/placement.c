#include "schema/kinds/placement.h"

#include "base/str.h"
#include "schema/kinds/common.h"

static const struct field target_name = {"",
                                         FT_STRING,
                                         IMPACT_NONE,
                                         FIELD_VIRTUAL,
                                         .doc = "A target's name.",
                                         .pattern = PLACEMENT_PATTERN,
                                         .pattern_doc = "letters, digits, _, . and -"};

static const struct field placement_fields[] = {
    {"matchLabels", FT_MAP, IMPACT_NONE, FIELD_VIRTUAL,
     .doc = "Labels that a target must have, all of them, with these values.",
     .example = "{role: edge, site: paris}", .elem = &field_text},
    {"names", FT_LIST, IMPACT_NONE, FIELD_VIRTUAL | FIELD_SET,
     .doc = "Names of targets; the target must be one of them.", .example = "[host1, host2]",
     .elem = &target_name},
    {0},
};

static void refuse_none(struct decode *d, const struct ynode *n)
{
    decode_error_hint(d, n, "write {} for all of them", "an empty list selects no target");
}

static void select_normalize(struct decode *d, const struct ynode *n, struct val *rec)
{
    const struct val *names = val_get(rec, "names");
    if (names && !val_len(names))
        refuse_none(d, node_at(n, "names"));
}

const struct field_table placement_table = {
    .name = "targets",
    .doc = "Engines selected by labels or names. An empty selector matches all.",
    .fields = placement_fields,
    .normalize = select_normalize,
};

/* A list is a list of names. Anything else is reported here and then selects everything, so that no second
   error follows. */
struct val *placement_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    static const struct field names = {"names", FT_LIST, IMPACT_NONE, FIELD_VIRTUAL | FIELD_SET,
                                       .elem = &target_name};
    struct val *rec = val_map(d->arena);
    (void)f;
    if (n->type != YN_SEQ) {
        decode_error_hint(d, n, "write [NAME], {names: [NAME]} or {matchLabels: {LABEL: VALUE}}",
                          "\"%.64s\" is not a target selector", n->text);
        return rec;
    }
    struct val *list = decode_field(d, &names, n);
    if (list && !list->len)
        refuse_none(d, n);
    else if (list)
        val_map_set(d->arena, rec, "names", list);
    return rec;
}

void placement_normalize(struct decode *d, const struct ynode *n, const struct val *spec)
{
    if (val_get(spec, PLACEMENT_TARGET) && val_get(spec, PLACEMENT_TARGETS))
        decode_error_hint(d, node_at(n, PLACEMENT_TARGETS), "set only one of them",
                          "target and targets cannot be combined");
}

bool placement_fits(const struct val *selector, const char *name, const struct val *labels)
{
    const struct val *match = val_get(selector, "matchLabels"), *names = val_get(selector, "names");
    bool named = !val_len(names);
    for (size_t i = 0; i < val_len(match); i++) {
        const struct val *want = match->pairs[i].val;
        if (!val_is(want, VAL_STR) || !str_eq(val_get_str(labels, match->pairs[i].key), want->s))
            return false;
    }
    for (size_t i = 0; i < val_len(names) && !named; i++)
        named = val_is(names->items[i], VAL_STR) && str_eq(names->items[i]->s, name);
    return named;
}

const char *placement_text(struct arena *a, const struct val *spec)
{
    const char *target = val_get_str(spec, PLACEMENT_TARGET);
    const struct val *targets = val_get(spec, PLACEMENT_TARGETS);
    if (!targets)
        return str_or(target, "");
    _cleanup_buf_ struct buf b = BUF_INIT;
    val_json(targets, 0, &b);
    return arena_strdup(a, buf_str(&b));
}
