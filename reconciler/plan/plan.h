#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H
/*
 * The plan: desired + observed + applied -> ordered changes. Pure: no I/O, no clock, no randomness; the same
 * inputs give the same bytes. Lives in the caller's arena and borrows from its inputs.
 */
#include "reconciler/plan/applied.h"
#include "reconciler/plan/observed.h"

enum plan_action {
    PLAN_NONE, /* in sync */
    PLAN_CREATE,
    PLAN_UPDATE,  /* live, same object */
    PLAN_RESTART, /* start what is stopped, or stop and start; same object */
    PLAN_REPLACE,
    PLAN_DELETE,
    PLAN_ADOPT,   /* make an existing object ours: containers are replaced, to carry our mark; networks and
                     volumes become ours by the record only (applied.adopted = native id of the move's current
                     object) */
    PLAN_FORGET,  /* gone from Git and from the engine: only the record is dropped */
    PLAN_BLOCKED, /* something should be done and is not: `reason` says why (held, stalled, prune off,
                     protected, suspended, conflict) */
};
const char *plan_action_name(enum plan_action a);

/* Why; a set of bits. */
#define CAUSE_COMMIT     0x01u /* Git asks for something else than what was applied */
#define CAUSE_DRIFT      0x02u /* it was changed, stopped or removed on the engine */
#define CAUSE_IMAGE      0x04u /* the same reference means another image */
#define CAUSE_DEPENDENCY 0x08u /* something it is built on is replaced */
#define CAUSE_RESUME     0x10u /* an interrupted change is finished or undone */
#define CAUSE_RETRY      0x20u /* the last attempt failed */
#define CAUSE_SECRET     0x40u /* the file of a secret has another content */
#define CAUSE_LAST       CAUSE_SECRET
const char *cause_name(unsigned bit); /* "commit", "drift", ... */

struct field_change {
    const char
        *path; /* "environment.LOG_LEVEL"; "state", "image id" and the like for facts that are not fields */
    const struct field *field; /* NULL for those */
    const struct val *before;  /* observed; NULL absent */
    const struct val *after;   /* NULL: removed */
    unsigned cause;            /* one CAUSE_ bit */
    enum impact impact;
    bool reverted_default; /* after is the engine's or the image's default, because Git no longer asks for
                              anything */
    bool secret;           /* neither value may be shown */
    const char *before_id, *after_id; /* image: what the reference means; NULL unknown */
};

enum rollout_failure { ROLLOUT_PAUSE, ROLLOUT_CONTINUE, ROLLOUT_ROLLBACK };
const char *rollout_failure_name(enum rollout_failure f);

/* How the objects of a resource take turns when they are changed while serving (container.update). */
struct plan_rollout {
    unsigned total;     /* that are changed so; 0: none */
    unsigned parallel;  /* at a time: 1 to total */
    int64_t delay_ns;   /* between those and the next */
    int64_t monitor_ns; /* each is watched for this long once it is ready */
    unsigned tolerated; /* so many may fail before `failure` applies */
    enum rollout_failure failure;
    bool decided;  /* Git says what happens after a failure: it is not retried automatically */
    bool together; /* none starts before all have stopped (strategy recreate) */
};

/* What happens to one object of a resource; the executor makes steps of it (steps.h). */
struct plan_move {
    enum plan_action action; /* CREATE, UPDATE, RESTART, REPLACE, DELETE, ADOPT */
    unsigned instance;
    const char *native_name;        /* that it has when all is done */
    const struct object *current;   /* NULL: none */
    const struct object *candidate; /* left by an interrupted replace; NULL: none */
    bool resume;  /* the candidate matches what is asked for: continue with it; else it is removed */
    bool update;  /* fields of the object, or of the candidate that is kept, are set without replacing it */
    bool restart; /* it is stopped and started although it is running */
    bool await;   /* nothing is done to it: only the wait of its last change is repeated */
    bool running; /* it has to run when all is done (a job that has ended does not) */
};

/*
 * What happens to one resource. Without moves only its record changes: Git says something new that has no
 * effect on what runs (impact none), or the resource is forgotten.
 *
 * The action is the heaviest of its moves, except that a resource of which only some instances come or go is
 * an UPDATE: CREATE and DELETE mean the whole resource.
 */
struct plan_change {
    const char *id;
    const struct kind_desc *kind;
    const struct resource *resource; /* bound; NULL for deletes */
    const struct applied *applied;   /* NULL: unknown */
    enum plan_action action;         /* the heaviest of the moves */
    enum plan_action wanted;         /* BLOCKED: what would be done otherwise */
    enum impact impact;
    unsigned causes;
    const char *how;    /* the impact in words: "rolling, no downtime expected"; NULL: nothing to add */
    const char *reason; /* one line for people; NULL when the fields say everything */
    struct field_change *fields;
    size_t n_fields, cap_fields;
    struct plan_move *moves;
    size_t n_moves, cap_moves;
    size_t *after; /* indices of changes that must have succeeded before; never of BLOCKED ones */
    size_t n_after, cap_after;
    bool data_loss_allowed; /* S3: the word was given */
    const char
        *loss_word;  /* BLOCKED until this word allows the loss (loss.c); NULL: blocked for another reason */
    bool stop_first; /* REPLACE: both cannot run at once */
    const char *stop_reason; /* why: "port 8080 is shared"; NULL: update.order says so */
    struct plan_rollout rollout;
    bool returns; /* an update failed, and its rollback was cut short: the rollback is finished, and what is
                     asked for now is not tried */
    bool job;     /* it may end: an exit with code 0 is as good as running */
    enum depend_condition wait; /* what its objects wait for once started (steps.h) */
    const char *image_digest;   /* of a service: what its image means, as far as it is known; NULL */
    const char *input_digest;   /* the inputs that a stall, a hold or a back-off of this change applies to
                                   (applied.h) */
};

struct plan_note {
    const char *id, *text;
};

struct plan {
    const char *environment, *commit, *subject, *target;
    uint64_t generation;         /* newest one the plan saw */
    struct plan_change *changes; /* in order of execution; those with nothing to do are left out */
    size_t n, cap;
    const struct plan_change **by_id; /* n of them, sorted by id: plan_find() */
    size_t in_sync;                   /* resources with objects of their own and nothing to do */
    unsigned counts[PLAN_BLOCKED + 1];
    bool prune_skipped;         /* S1: not everything could be loaded, so nothing is pruned */
    const char *under_way;      /* who was applying when it was made (plan_policy.under_way); NULL */
    const char *needs_approval; /* S2: why an unattended apply must stop; NULL: nothing */
    struct plan_note *notes;    /* what is wrong and cannot be corrected by a plan (unhealthy, restarting) */
    size_t n_notes, cap_notes;
    /* Ids of which nobody knows how they are, because their engine is away (observed.targets): nothing is
       planned for them, and they are not in sync either. */
    const char **unknown;
    size_t n_unknown, cap_unknown;
    const struct resource_set *desired; /* what it was made of, for steps_make() and the objects seen (P6) */
    const struct observed *observed;
    const char *const *only;
};

/* Is it one of those that take turns? */
bool move_takes_turn(const struct plan_move *m);

/* What may be done; from the environment's settings and the command line. */
struct plan_policy {
    bool prune;            /* delete what Git no longer has */
    bool self_heal;        /* correct drift; off: reported as BLOCKED */
    bool load_failed;      /* S1 */
    unsigned delete_cap;   /* S2: more deletions than this need approval; 0: no cap */
    unsigned delete_share; /* S2: percent of what is there; 0: no cap */
    /* Whose data may be lost (S3): words bound to objects ("volume/data@1f0c3a9be2d4"), or bare ids;
       NULL-terminated, may be NULL. */
    const char *const *data_loss;
    const char *const
        *adopt; /* ids that may be adopted ("container/web" or "container/web=NATIVE"), NULL-terminated */
    const char *const *only; /* P8: these resources and what they depend on; NULL: all */
    /* Ids whose change was under way when the last run ended (the journal), NULL-terminated; may be NULL.
       What is missing or stopped there is not drift: it is finished (S8), even where self_heal is off. */
    const char *const *resume;
    const char
        *under_way; /* who applies at this moment, so that `resume` is no interrupted work; NULL: nobody */
    uint64_t rollback_to; /* what is asked for is this generation, and not Git; 0: Git */
    bool force_retry;     /* try stalled and held ones again */
    bool survey; /* nothing will be applied: what the target cannot do is BLOCKED, and the rest is planned */
    bool attended;  /* a person decides: may drop records of engines that the environment no longer has */
    int64_t now_ns; /* wall clock: back-off */
};

/* A resource that lacks something which neither Git nor the engine provides. */
struct plan_unready {
    const char *id, *reason;
};

struct plan_input {
    const char *environment, *commit, *subject, *target;
    const struct resource_set *desired; /* bound (bind.h) */
    const struct observed *observed;
    const struct inventory *applied;
    const struct plan_policy *policy;
    /* Nothing but these can have moved since a plan that left nothing to do (P8): only they are planned, and
       the rest is as it was. NULL-terminated; NULL: everything. The sets hold them, all that need them, and
       what they need; the others are `others_in_sync`, and `notes` are what was last said of resources. */
    const char *const *touched;
    size_t others_in_sync;
    const struct plan_note *notes;
    size_t n_notes;
    /* What cannot be created now, and why (the file of a secret cannot be read): BLOCKED, unless its
       change does not need it. */
    const struct plan_unready *unready;
    size_t n_unready;
};

/* ERR_UNSUPPORTED for fields that the target cannot do (all of them, in diags), except in a survey;
   ERR_NOTFOUND for an id of `only` that is nowhere. Something that belongs to somebody else (S4) is a BLOCKED
   change and a warning in diags: it does not stop what is independent of it (L4). */
int plan_make(const struct plan_input *in, struct arena *a, struct plan *ret, struct diag_list *diags,
              struct err *err) _must_check_;
bool plan_empty(const struct plan *p); /* nothing that would be done (BLOCKED counts as nothing) */

/* Is there any resource whose state is unknown? */
static inline bool plan_is_partial(const struct plan *p)
{
    return p->n_unknown > 0;
}

const struct plan_change *plan_find(const struct plan *p,
                                    const char *id); /* NULL: nothing is to be done there */

/* The versioned JSON document (PLAN_FORMAT), deterministic (P4); its "digest" member binds it (P6). */
#define PLAN_FORMAT "forge/plan/v1"
struct val *plan_to_val(struct arena *a, const struct plan *p);
/* Text as in the manual, from the document, so that a saved or a remote plan prints the same. */
void plan_text(const struct val *plan, bool colour, struct buf *out);
/* Does its document say that something differs from what is asked for, is blocked or is unknown? Taking over
   what runs, as it is, changes only the record, and is no difference. */
bool plan_differs(const struct val *plan);
/* P6: does the document still describe `now`? 0, or ERR_CONFLICT naming everything that moved. */
int plan_verify(const struct val *saved, const struct val *now, struct err *err) _must_check_;
#endif
