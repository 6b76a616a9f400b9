#ifndef SCHEMA_KINDS_PLACEMENT_H
#define SCHEMA_KINDS_PLACEMENT_H
/*
 * Where a resource goes: the fields `target` and `targets`, which every kind with objects of its own has, and
 * which the settings have too. Pure.
 */
#include "schema/field.h"

#define PLACEMENT_TARGET  "target"
#define PLACEMENT_TARGETS "targets"
#define PLACEMENT_PATTERN "^[a-zA-Z0-9][a-zA-Z0-9_.-]*$"

/* {matchLabels: {LABEL: VALUE}, names: [NAME]}: a target must match all of it; an empty selector matches
   all. */
extern const struct field_table placement_table;
/* [NAME, ...] for {names: [NAME, ...]}. */
struct val *placement_short(struct decode *d, const struct field *f, const struct ynode *n);

/* Two fields of a kind's table. Engines do not know them, and a change of them alone touches nothing that
   runs. */
#define PLACEMENT_FIELDS                                                                                     \
    {"target",                                                                                               \
     FT_STRING,                                                                                              \
     IMPACT_NONE,                                                                                            \
     FIELD_VIRTUAL,                                                                                          \
     .doc = "The engine to run on, by name, where the environment has several (`targets` in the settings). " \
            "Default: `targets`, then the default of the environment.",                                      \
     .example = "host2",                                                                                     \
     .pattern = PLACEMENT_PATTERN,                                                                           \
     .pattern_doc = "letters, digits, _, . and -"},                                                          \
    {                                                                                                        \
        "targets", FT_RECORD, IMPACT_NONE, FIELD_VIRTUAL,                                                    \
            .doc = "The engines to run on, by labels or names: one object on each that matches, named "      \
                   "`KIND/NAME@TARGET`. Networks and volumes follow the resources that use them, and need "  \
                   "neither field.",                                                                         \
            .example = "{matchLabels: {role: edge}}", .sub = &placement_table, .short_form = placement_short \
    }

/* Only one of the two may be set. For a kind's `normalize`. */
void placement_normalize(struct decode *d, const struct ynode *n, const struct val *spec);
/* Does a target of this name with these labels (a map; may be NULL) match a selector? */
bool placement_fits(const struct val *selector, const char *name, const struct val *labels);
/* What a spec says about where it goes, as text: equal texts mean the same engines; "" when it says
   nothing. */
const char *placement_text(struct arena *a, const struct val *spec);
#endif
