#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H
/*
 * The engine of one environment: source -> load -> observe -> plan -> execute -> record, as one object used
 * the same way by forge-ctl in its own process and by forged. A session belongs to one thread at a time; each
 * environment has its own.
 */
#include "reconciler/engine/settings.h"
#include "reconciler/exec/exec.h"

struct engine; /* one environment, opened: store, source, provider */

struct engine_env {
    struct store *store; /* lent; shared between environments */
    struct clock *clock;
    struct pool *pool; /* for parallel observation; lent */
    bool keep_wanted;  /* keep what a commit asks for in memory, for the next look (forged) */
};

int engine_open(const struct env_config *c, const struct engine_env *e, struct engine **ret,
                struct err *err) _must_check_;
void engine_close(struct engine *e);
static inline void engine_closep(struct engine **e)
{
    engine_close(*e);
}
const struct env_config *engine_config(const struct engine *e);
/* Does it read a plain folder, and no repository? Then there are no commits to tell states apart. */
bool engine_reads_folder(const struct env_config *c);
struct source *engine_source(struct engine *e);
struct store *engine_store(struct engine *e);
/* Opens the connection on first use. */
int engine_provider(struct engine *e, struct provider **ret, struct err *err) _must_check_;

/* What a commit asks for, loaded and bound; kept from look to look while the commit stays the same. */
struct wanted;

/* One look: everything a plan was made from, in one arena. */
struct look {
    struct arena arena;
    struct arena observed_arena;      /* filled by the observing thread, beside loading */
    struct snapshot *snapshot;        /* NULL when nothing was read from a source */
    const struct snapshot_info *info; /* never NULL */
    struct wanted *wanted;            /* owns the two sets */
    struct resource_set desired;      /* unbound */
    struct resource_set bound;
    struct diag_list diags; /* of loading and of planning */
    struct load_stats loaded;
    struct load_known *known; /* while two commits are loaded; NULL */
    struct observed observed;
    struct inventory inventory;
    struct env_state state;
    const char *const *resume; /* ids that an interrupted run left unfinished, or that `under_way` is at */
    const char *under_way;     /* who was applying while this look was taken; NULL: nobody */
    struct plan_policy policy;
    struct plan plan;
    struct val *doc;      /* plan_to_val() */
    uint64_t rollback_to; /* 0: not a rollback */
    const char *rollback_only;
    bool rollback_same;       /* of that one, the newest generation asks for the same */
    const struct val *pinned; /* {resource: {id, digest}} of the generation rolled back to, where it differs */
    bool attended;
    struct plan_unready *unready; /* containers whose secrets cannot be read */
    size_t n_unready, cap_unready;
    bool unread;                       /* the repository could not be read, or its manifests are wrong */
    const struct container_end *ended; /* while it is observed: what events told */
    size_t n_ended;
    bool on_word; /* the plan is based on that event alone: if it cannot be applied, look again before judging
                   */
    const char *const *scope;  /* only these resources were observed, NULL-terminated; NULL: all */
    size_t resources;          /* all that are asked for, observed or not */
    const char *const *needed; /* what the scope needs from outside, for scope_observe() */
    const char **renamed;      /* of records: old id, new id, ...; the number of engines changed */
    size_t n_renamed, cap_renamed;
    int64_t fetch_ns, load_ns, observe_ns, plan_ns;
};
void look_release(struct look *l);
/* Its diagnostics as a document, each with the line of its file ("text"), where that can still be read. */
struct val *look_diagnostics(struct look *l, struct arena *a);
/* Would applying it only restore, or retry, what the newest generation asks for? Then it belongs to that
   one. */
bool look_continues_generation(const struct look *l);

struct look_options {
    const char *rev;           /* another commit than the configured one; NULL */
    uint64_t rollback_to;      /* a recorded generation instead of a commit; 0 */
    const char *rollback_only; /* one resource of it; NULL: all */
    const char *against;       /* compare with what this revision asks for instead of with the engine; NULL */
    bool fetch;                /* ask the remote first */
    bool fresh;                /* trust no cache of observations */
    bool status; /* for status: learn the machines of a swarm, and plan also where the target cannot do all */
    bool images; /* learn what each image reference means now, for the record of a generation */
    bool attended; /* a person decides: caps, self_heal and holds do not stop it */
    const char *const *only, *const *data_loss, *const *adopt;
    bool force_retry;
    bool same_commit; /* the repository is known to be unchanged since the last look */
    bool settled;     /* the last look left nothing to do, and since then nothing can have changed but the
                         commit (unless same_commit) and `touched` */
    const struct container_end *ended; /* of the touched: containers that ended, when that is all there was */
    size_t n_ended;
    const char *const *touched; /* resources that can have changed, NULL-terminated; may be NULL */
    const struct cancel *cancel;
    /* A registry keeps everything waiting; once for each, and one at a time. May be NULL. */
    void (*waiting)(void *arg, const char *registry);
    void *arg;
    int64_t registries_until_ns; /* monotonic: they are waited for until then at most; 0: as always */
};
/* Has a secret's file that was asked for at the last look another content since, or become unreadable, or
   readable again? Costs a stat() of each. Any thread. */
bool engine_secrets_moved(struct engine *e);
/* Loads, observes (in parallel with loading) and plans. Diagnostics with errors: ERR_INVALID, with l->diags
   to print. P7: writes nothing but the cache. */
int engine_look(struct engine *e, const struct look_options *o, struct look *ret,
                struct err *err) _must_check_;
/* Only load and check, no engine: `validate`. */
int engine_load(struct engine *e, const struct look_options *o, struct look *ret,
                struct err *err) _must_check_;

struct poll_options {
    bool all;   /* also what is not due yet */
    bool fetch; /* ask the remote first */
    const struct cancel *cancel;
    /* A registry keeps everything waiting; once for each. May be NULL. */
    void (*waiting)(void *arg, const char *registry);
    void *arg;
};
struct poll_result {
    size_t asked, failed;
    bool changed;           /* a registry has something newer than before */
    int64_t next_ns;        /* when the first registry is due (wall clock); 0: nothing follows its registry */
    const struct val *rows; /* [{resource, image, asked, found, newer, apply, checked_ns, error}] */
    struct val *diagnostics; /* what is wrong with the manifests, also on failure; NULL: nothing */
};
/* Ask registries for what image_policy follows, and remember the answers; changes no container and pulls
   nothing. A registry that fails becomes a row with an error, and is asked again later. Rows live in `a`. */
int engine_poll_images(struct engine *e, const struct poll_options *o, struct arena *a,
                       struct poll_result *ret, struct err *err) _must_check_;

struct prune_options {
    bool dry_run;  /* only report what would be removed: nothing is removed or written */
    bool own_only; /* leave alone what was pulled for other environments */
    int64_t
        keep_ns; /* unneeded images are kept for this long, counted from when they were first seen unneeded */
    const char *actor, *trigger;
    const struct cancel *cancel;
};
struct prune_result {
    size_t removed;         /* or that would go */
    int64_t bytes;          /* of those, at most: images share layers */
    int64_t next_ns;        /* when to look again (wall clock); 0: there are no images of ours */
    const struct val *rows; /* [{image, name, refs, target, size, environment, resource, pulled_ns, idle_ns,
                               state: goes|gone|kept, why}], of our images only */
    const struct val *targets; /* engines that could not be asked: [{target, message, away}] */
};
/* Remove images that were pulled by us, that no kept generation of any environment needs, no container uses
   and nobody else has named (H3); never by force, each a transition. Under the environment's lock (L6):
   ERR_BUSY, ERR_DENIED when it is suspended (S7). Rows live in `a`, and are filled in also when it fails. */
int engine_prune_images(struct engine *e, const struct prune_options *o, struct arena *a,
                        struct prune_result *ret, struct err *err) _must_check_;

/* When the next registry is to be asked for what this look asks for (wall clock); 0: none. */
int64_t engine_images_due(struct engine *e, const struct look *l);

struct apply_options {
    const char *actor, *trigger;
    unsigned parallel;
    int64_t timeout_ns;
    int64_t spent_ns; /* of which so much went by before */
    const struct cancel *cancel;
    void (*event)(void *arg, const struct exec_event *ev);
    void *arg;
};
struct apply_result {
    uint64_t generation; /* 0: nothing was to be done */
    struct exec_report report;
    const char *not_converged; /* L9: the field that will not converge; NULL */
};
/* Runs l->plan under the environment's lock (L6), records a generation and transitions, reads back, plans
   again and checks that the plan is empty (L9). ERR_BUSY names the other writer; ERR_CONFLICT (retryable):
   somebody else applied since the look was taken, plan again; ERR_DENIED suspended (S7) or needs approval
   (S2). A suspension set while it runs cancels it. */
int engine_apply(struct engine *e, struct look *l, const struct apply_options *o, struct apply_result *ret,
                 struct err *err) _must_check_;

/* Did it fail only because somebody else was at work? Then look again in a moment. */
bool engine_lost_race(int result, const struct err *err);

/* Record how a reconcile went (result 0 or an error), for `status`; writes only when that changed. */
int engine_note(struct engine *e, int result, const struct err *outcome, struct err *err) _must_check_;

/* Rows of `status`: resource, sync, health, generation, age, message. From a look. */
struct val *engine_status(struct arena *a, const struct look *l);

int engine_suspend(struct engine *e, const char *who, const char *why, int64_t until_ns,
                   struct err *err) _must_check_;
int engine_resume(struct engine *e, const char *who, struct err *err) _must_check_;
#endif
