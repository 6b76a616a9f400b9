#ifndef PLAN_PLANNER_H
#define PLAN_PLANNER_H
/*
 * The making of a plan; shared by the files of this room, and nothing outside includes it.
 *
 *   decide    each resource by itself: what is there, what should be, the moves from one to the other
 *   remove    what Git no longer has
 *   disturb   what those changes do to others that are built on what is replaced
 *   gate      what is to be done, and may not be: suspended, held, would lose data, ...
 *   loss      the words that allow data to be lost
 *   order     what has to come before what
 *   describe  the words
 *
 * A planner lives for one plan_make(). Its changes are in the plan's arena, in any order, until `order` puts
 * them in line.
 */
#include "base/map.h"
#include "base/str.h"
#include "reconciler/plan/bind.h"
#include "reconciler/plan/compare.h"
#include "reconciler/plan/plan.h"
#include "schema/kinds/container.h"

/* Who needs a resource, and how; a list. */
struct relation {
    const struct resource *from;
    const struct depend *depend;
    const struct relation *next;
};

/* Path of the fact that says what becomes of a candidate: left by a run that was killed, or of a run that is
   at work right now (plan_policy.under_way). */
#define FACT_INTERRUPTED "interrupted replace"
#define FACT_UNDER_WAY   "replace under way"

/* A word in Git that allows a loss of data (S3), and who carries it. */
struct loss_word {
    const struct resource *from;
    const char *text; /* "volume/data@1f0c3a9be2d4" */
};

struct planner {
    const struct plan_input *in;
    const struct plan_policy *policy;
    struct arena *a;
    struct diag_list *diags;
    struct plan *plan;
    struct plan_change **changes;
    size_t n, cap;
    struct map by_id;     /* id -> struct plan_change */
    struct map selected;  /* ids that are planned; only with policy.only, or with touched */
    struct map relations; /* id -> struct relation; made at first use */
    struct map by_name;   /* native name of a container -> struct object; made at first use */
    bool has_relations, has_names;
    struct loss_word *words; /* at first use */
    size_t n_words, cap_words;
    bool has_words;
    struct plan_unready *refused; /* what the target cannot do, in a survey; in the order of ids */
    size_t n_refused, cap_refused;
    size_t at_observed, at_applied; /* how far decide() has come, in the order of ids */
    size_t existing; /* resources that are on the engine: the whole that a share of deletions is of (S2) */
};

/* One resource under decision. */
struct subject {
    struct planner *p;
    const struct resource *r;
    const struct applied *rec; /* NULL: unknown */
    const char *const *ignore;
    struct object *const *objects; /* all that carry its id */
    size_t n_objects;
    bool same_request; /* Git asks, word for word, for what it asked for when this was last applied */
    const char *name;  /* of instance name_of; by subject_name() */
    unsigned name_of;
    const char *mark;           /* digest of what is asked for; by subject_mark() */
    struct plan_change *change; /* by subject_change() */
    bool interrupted; /* a change of the instance at hand was cut short: if it is stopped, we stopped it */
};

const char *subject_mark(struct subject *s);
const char *subject_name(struct subject *s, unsigned instance); /* on the engine */
struct plan_change *subject_change(struct subject *s);
struct plan_move *change_move(struct planner *p, struct plan_change *c, enum plan_action action,
                              unsigned instance);
/* Adds a field, once for each path; returns it. */
struct field_change *change_field(struct planner *p, struct plan_change *c, const struct field_change *f);
/* A fact that is not a field of the manifest: texts for before and after (NULL: absent). */
void change_fact(struct planner *p, struct plan_change *c, const char *path, const char *before,
                 const char *after, unsigned cause, enum impact impact);

/* planner.c */
struct plan_change *planner_change(struct planner *p, const char *id,
                                   const struct kind_desc *kind); /* found or made */
struct plan_change *planner_find(const struct planner *p, const char *id);
bool planner_selected(const struct planner *p, const char *id);
const struct relation *planner_needed_by(struct planner *p, const char *id);
/* The container of that name on the engine that `id` is on. */
const struct object *planner_container(struct planner *p, const char *id, const char *native_name);
unsigned planner_caps(const struct planner *p, const char *id); /* of its engine */
/* Its state is unknown because its engine is away: it takes part in no change. */
void planner_unknown(struct planner *p, const char *id);
void planner_note(struct planner *p, const char *id, const char *text);
/* Why something goes that is not asked for: "no longer in Git", or "not in generation 4". */
const char *planner_absent(const struct planner *p);
/* Why it cannot be created (plan_input.unready); NULL: it can. */
const struct plan_unready *planner_unready(const struct planner *p, const char *id);
bool id_listed(const char *const *list, const char *id);
/* Is the object ours: by its mark, or adopted by the record. */
bool object_ours(const struct planner *p, const struct object *o, const struct applied *rec);
/* The container whose namespace a bound "container:NAME" joins, or NULL. */
const char *joined_name(const struct val *spec, const char *field);

/* decide.c */
void decide(struct planner *p, const struct resource *r);
void decide_single(struct subject *s);    /* networks, volumes: one object */
void decide_instances(struct subject *s); /* containers: `replicas` objects (instances.c) */
/* Of the objects that are one resource: the one to keep, preferably under its name; the rest is removed. */
const struct object *pick_single(const struct subject *s, const char *native_name);
void drop_duplicates(struct subject *s, const struct object *keep);
void decide_service(struct subject *s); /* the same where the engine replicates: one object (services.c) */
/* Does an update leave some of its tasks running at any time? */
bool service_keeps_running(const struct val *spec);
/* How much has to happen to `o` to match what is asked for, and the fields that differ. */
enum plan_action judge_object(struct subject *s, const struct object *o, unsigned instance,
                              struct field_list *ret);
void name_contents(struct planner *p, struct field_list *l, size_t from);
/* Does an object left by an interrupted replace match what is asked for now, apart from fields that can be
   set live (*ret_update)? */
bool candidate_usable(struct subject *s, const struct object *o, bool *ret_update);
/* Why a missing instance is created: it is new in Git, or it has disappeared. */
unsigned creation_cause(const struct subject *s, unsigned instance);
/* Something has the wanted name: it is adopted (true; the move is made), or it is in the way. */
bool decide_foreign(struct subject *s, const struct object *o, unsigned instance, const char *native_name);
const struct object *foreign_named(const struct subject *s, unsigned instance, const char *native_name);
/* What Git says that has no effect on what runs. */
void decide_record(struct subject *s);

/* state.c */
/* What `o`, whose fields all match, needs in order to run: nothing, or a restart, with a fact that says
   why. */
enum plan_action judge_state(struct subject *s, const struct object *o, enum plan_action so_far,
                             bool *ret_running);
/* The id of what `o` should have been restarted after, and was not; NULL: nothing. */
const char *left_behind(struct subject *s, const struct object *o);
/* Its last change was cut short while it waited: what it waits for and has not seen yet, in words (S9).
   NULL: nothing. */
const char *awaited_state(struct subject *s, const struct object *o);
bool is_job(struct subject *s);
bool has_ended_well(struct subject *s, const struct object *o);
void note_state(struct subject *s, const struct object *o);
/* Its state in words for people. */
const char *state_text(struct planner *p, const struct object *o);

/* remove.c */
void remove_rest(struct planner *p);
bool target_is_gone(const struct planner *p, const char *id); /* it names none of the environment's engines */

/* disturb.c */
void disturb(struct planner *p);
void decide_how(struct planner *p, struct plan_change *c);
/* What is waited for once a container runs: the condition that others ask for, else what its own check
   says. `checked`: the engine runs a check, possibly the image's. */
enum depend_condition wait_of(struct planner *p, const struct resource *r, bool checked);

/* rollout.c */
void decide_rollout(struct planner *p, struct plan_change *c);           /* after its order is decided */
const char *rollout_words(struct arena *a, const struct plan_change *c); /* "2 at a time, start-first, ..." */

/* gate.c */
void block(struct planner *p, struct plan_change *c, const char *fmt, ...) _printf_(3, 4);
void gate(struct planner *p, struct plan_change *c);
const char *gate_reason(struct planner *p, const struct plan_change *c);
/* Did the last attempt at exactly this fail permanently (L3)? */
bool is_stalled(struct planner *p, const struct resource *r, const struct applied *rec);
void gate_missing(struct planner *p); /* what cannot be created because something it needs is blocked */
void gate_caps(struct planner *p);    /* S2 */

/* loss.c (S3) */
/* The word that allows the data of a resource's objects to be lost; NULL: it has no objects of ours. */
const char *loss_word(struct planner *p, const char *id);
bool loss_allowed(struct planner *p, const struct plan_change *c);
void loss_notes(struct planner *p); /* words in Git that have no effect, or not yet */

/* claims.c */
/* What only one object at a time can have: "port 8080/tcp", "address 10.0.0.2", "the host's network";
 * NULL-terminated. */
const char *const *claims_of(struct arena *a, const struct val *spec);
/* The first thing that both specs claim, as a text for people; NULL: none. */
const char *claims_shared(struct arena *a, const struct val *one, const struct val *other);
/* Data that two objects at once might damage: a volume or a folder that both write to. NULL: none. */
const char *claims_data(struct arena *a, const struct val *one, const struct val *other);

/* unsupported.c */
int check_supported(struct planner *p, struct err *err) _must_check_;

/* order.c */
void order_changes(struct planner *p);

/* describe.c */
void describe(struct planner *p, struct plan_change *c);
const char *describe_resource(struct arena *a,
                              const struct resource *r); /* "nginx:1.27, 2 replicas, port 8080" */
#endif
