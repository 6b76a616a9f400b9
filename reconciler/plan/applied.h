#ifndef PLAN_APPLIED_H
#define PLAN_APPLIED_H
/*
 * What was last applied: the third side of a plan. The store keeps it; the planner reads it. A missing record
 * means that Forge does not know (a lost store, an adoption): then removal from Git cannot be seen for that
 * resource, and nothing is taken for drift.
 */
#include "schema/resource.h"

/* L8: an object that had to be put back this often within this time is flapping, and is held. */
#define FLAP_CORRECTIONS 5u
#define FLAP_WINDOW_NS   (INT64_C(600) * 1000000000)

enum applied_status {
    APPLIED_OK,
    APPLIED_FAILED,   /* the last attempt failed; `error` says why */
    APPLIED_STALLED,  /* a permanent error: not tried again until the change's inputs are different (L3) */
    APPLIED_DELETING, /* a delete was begun and has not succeeded (S5) */
    APPLIED_HELD, /* flaps or will not converge: left alone until its inputs change or it is released (L8, L9)
                   */
};
const char *applied_status_name(enum applied_status s);
int applied_status_from_name(const char *s, enum applied_status *ret);

struct applied {
    const char *id;
    const struct val *spec;        /* bound spec, as asked for; NULL when never applied */
    const struct val *labels;      /* of the resource */
    const struct val *annotations; /* labels and annotations of the resource: a prune protection must outlive
                                      its removal from Git */
    const struct val
        *baseline;       /* observed spec read back right after the apply (first instance); NULL unknown */
    uint64_t generation; /* that applied it */
    const char *commit;
    const char *baseline_id; /* native id of the object that it was read from; NULL unknown */
    enum applied_status status;
    const char *error;        /* of the last attempt; NULL */
    const char *input_digest; /* inputs that FAILED, STALLED or HELD applies to: others release it */
    unsigned attempts;
    int64_t next_ns;      /* not tried before (wall clock), for FAILED */
    int64_t changed_ns;   /* when the record last changed */
    const char *image_id; /* that runs since (H3) */
    const char *adopted;  /* native id of an object without our mark that this record makes ours (PLAN_ADOPT);
                             NULL: none */
    unsigned corrections; /* of drift in the current window (L8) */
    int64_t window_ns;    /* start of that window */
};

struct inventory {
    struct arena *arena;
    struct applied **items; /* sorted by id */
    size_t n, cap;
    uint64_t generation; /* newest of the environment; 0 none */
};
const struct applied *inventory_find(const struct inventory *inv, const char *id);
void inventory_add(struct inventory *inv, struct applied *a); /* then inventory_sort() */
void inventory_sort(struct inventory *inv);
/* The stored form. The baseline is written with OBSERVED_FORM, and dropped on reading when its form is
   another (P3). */
struct val *applied_to_val(struct arena *a, const struct applied *r);
int applied_from_val(struct arena *a, const struct val *v, struct applied *ret, struct err *err) _must_check_;
#endif
