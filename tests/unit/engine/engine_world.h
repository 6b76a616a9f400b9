#ifndef TEST_ENGINE_WORLD_H
#define TEST_ENGINE_WORLD_H
/*
 * One environment from a repository to an engine: a git repository (or a folder), the fake engine, a store.
 * Images app:1 and app:2 are on the engine. Waiting advances the fake clock.
 */
#include "providers/fake/fake.h"
#include "reconciler/engine/operation.h"
#include "tests/lib/gitrepo.h"
#include "tests/lib/unit.h"

#define EW_HEAD(kind, name) "---\napiVersion: forge/v1\nkind: " kind "\nmetadata: {name: " name "}\n"
#define EW_C(name, rest)    EW_HEAD("Container", name) "spec: {image: app:1, network_mode: none" rest "}\n"

/* Options of a look after one that found nothing to do: only this resource has changed. */
#define EW_TOUCHED(id)                                \
    .settled = true, .touched = (const char *const[]) \
    {                                                 \
        id, NULL                                      \
    }

enum ew_source { EW_GIT, EW_FOLDER };

struct ew {
    char name[64]; /* of the environment and of its engine */
    char url[80];
    char *dir;
    const char *repo;
    struct fake_engine *fake;
    struct clock_fake time;
    struct store *store;
    struct target target;
    struct env_config config;
    struct engine_env env;
    struct engine *engine;
    bool looked;
    struct look look; /* the last one */
    struct apply_result result;
    struct err err;
    struct arena arena;
};

/* `disk`: the store is LMDB in a folder, else in memory. */
void ew_init(struct ew *w, const char *name, enum ew_source source, bool disk);
void ew_release(struct ew *w);
/* Close and reopen everything but the engine, like another process. A store in memory stays as it is. */
void ew_restart(struct ew *w);
/* Commit one file of manifests. Returns the commit (in a ring). */
const char *ew_commit(struct ew *w, const char *file, const char *text);
void ew_remove_file(struct ew *w, const char *file);

int ew_look(struct ew *w, const struct look_options *o);
/* Apply the last look. */
int ew_apply_look(struct ew *w);
/* Look and apply: as forged does; with options; as a user does. */
int ew_reconcile(struct ew *w);
int ew_run(struct ew *w, const struct look_options *o);
int ew_apply(struct ew *w);
int ew_rollback(struct ew *w, uint64_t to, const char *only);
/* Run an operation; the answer lives until ew_release(). */
int ew_operation(struct ew *w, const char *name, const char *args, struct val **ret);

struct env_state ew_state(struct ew *w);
struct generation ew_generation(struct ew *w, uint64_t number);
const struct applied *ew_applied(struct ew *w, const char *id); /* NULL: no record */
/* The value of a field of a running object, as text; NULL: absent. */
const char *ew_field(struct ew *w, const char *native, const char *field);
const char *ew_image_id(struct ew *w, const char *native);
/* A plan's text, for messages and comparisons. */
const char *ew_plan_text(struct ew *w);
void ew_assert_in_sync(struct ew *w);

#define ew_ok(call)           unit_check_code((call), 0, &w.err, #call, __FILE__, __LINE__)
#define ew_ok_of(w, call)     unit_check_code((call), 0, &(w)->err, #call, __FILE__, __LINE__)
#define ew_fails(call, code_) unit_check_code((call), (code_), &w.err, #call, __FILE__, __LINE__)
#endif
