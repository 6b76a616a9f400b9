#ifndef ENGINE_OPERATION_H
#define ENGINE_OPERATION_H
/*
 * What can be asked of an environment, as a table: the one way in for every front end. forge-ctl calls an
 * operation in its own process, or sends its name and arguments to forged, which calls the same function; the
 * answers are the same documents. Arguments and answers are value trees (JSON on a wire).
 */
#include "reconciler/engine/engine.h"

struct operation_context {
    struct engine *engine;
    const char *actor; /* who asks: "root", "forged" */
    const struct cancel *cancel;
    struct arena *arena; /* the answer lives here */
    /* Called with each event of a long operation, as it happens, one at a time, from any thread. May be NULL.
     */
    void (*emit)(void *arg, const struct val *event);
    void *arg;
};

struct operation {
    const char *name;
    const char *doc;
    bool writes; /* changes an engine or the store */
    int (*run)(const struct operation_context *c, const struct val *args, struct val **ret, struct err *err);
};

/*
 * name      arguments (all optional)                                         answer
 * diff      rev, against, rollback, resource, only[], adopt[], data_loss[],  the plan document
 *           fetch, fresh
 * apply     as diff, and plan (a document that must still hold), trigger,    {result, generation, changes:
 * [...], plan} parallel, timeout_ns; unattended status    fetch, fresh forge/status/v1 history   resource,
 * generation, limit, transitions                         {generations: [...]} or {transitions: [...]} show
 * generation                                                       {generation..., transitions: [...]}
 * prune-images  dry_run                                                {images: [...], targets: [...]}
 * suspend reason, until_ns                                                 {} resume {}
 *
 * Wrong manifests: ERR_INVALID and an answer {"diagnostics": [...]}.
 */
extern const struct operation operations[]; /* ends with a NULL name */
const struct operation *operation_find(const char *name);

/* report.c: documents of what happens. */
#define EVENT_FORMAT "forge/event/v1"
struct val *exec_event_to_val(struct arena *a, const struct exec_event *ev);
struct val *err_to_val(struct arena *a, const struct err *err);
void err_from_val(const struct val *v, struct err *ret);
struct val *diags_to_val(struct arena *a, const struct diag_list *d);
#endif
