#ifndef PLAN_COMPARE_H
#define PLAN_COMPARE_H
/*
 * What differs, field by field, guided by the tables of a kind. Pure; everything lives in the caller's arena.
 */
#include "reconciler/plan/plan.h"

struct field_list {
    struct arena *arena;
    struct field_change *items;
    size_t n, cap;
};

/* One object and what is known about what it should be. Trees may be NULL: empty. */
struct sides {
    const struct val *desired;  /* what Git asks for */
    const struct val *applied;  /* what Git asked for when it was last applied */
    const struct val *baseline; /* what was there right after */
    const struct val *observed;
    const struct val *defaults;
    bool has_applied;  /* else nothing is known of what was asked for before */
    bool has_baseline; /* else what nobody asks for is left alone */
    bool same_object;  /* the baseline was read from this very object, so fields that cannot be changed on it
                          have not changed */
    const char *found_as; /* a name that the object has on its networks, alias or not; NULL: none is known */
    const char *const *ignore; /* paths that are left alone, NULL-terminated; may be NULL */
    unsigned caps;             /* of the target: what it cannot change live is a replacement */
};

/*
 * Three-way (P1): appends each field of the engine's that is not as it should be. Left out: fields that are
 * not of the engine's (virtual, create-only), the image, and what makes the names and number of objects,
 * which is compared as objects.
 */
void compare_object(const struct field_table *t, const struct sides *s, struct field_list *out);

/* Two-way: appends each field in which what Git asks for now differs from what it asked for before, engine's
   or not; impact none, for it says nothing of what runs. `prefix` ("metadata.") may be NULL. */
void compare_record(const struct field_table *t, const struct val *desired, const struct val *applied,
                    struct field_list *out);
/* The same for plain maps of strings; paths are PREFIX.KEY. */
void compare_labels(const char *prefix, const struct val *desired, const struct val *applied,
                    struct field_list *out);

/* What a change of a container's field costs on a target with these capabilities. `impact` is what its
   table says, `top` the first component of its path, and `lifted` means that the field is no longer asked
   for. */
enum impact impact_on(unsigned caps, const char *top, enum impact impact, bool lifted);

/* Two values of a field of FIELD_KEYED_DIGEST: can it be told whether they are of the same content? */
bool digests_comparable(const struct val *one, const struct val *other);

struct field_change *field_list_add(struct field_list *l);
/* "spec.a, spec.b" of forge/ignore as paths; NULL when there are none. */
const char *const *ignore_parse(struct arena *a, const char *annotation);
bool ignore_match(const char *const *ignore, const char *path);

enum image_verdict {
    IMAGE_SAME,
    IMAGE_REF,   /* another reference is asked for */
    IMAGE_MOVED, /* the same reference means another image by now */
};
/* Does `o` run the image that is asked for? Equal in meaning are two spellings of a name, and a name and a
   digest or id of the image that it means. *ret_id: the id asked for, NULL when unknown. */
enum image_verdict image_compare(struct arena *a, const char *ref, const struct object *o,
                                 const struct image_fact *fact, const char **ret_id);
/* Are two references spellings of one name ("nginx", "docker.io/library/nginx:latest")? */
bool image_same_name(struct arena *a, const char *x, const char *y);
#endif
