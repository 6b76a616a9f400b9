#ifndef CLI_CLI_H
#define CLI_CLI_H
/*
 * forge-ctl: one table of verbs, one file per verb. A verb turns its arguments into a value tree, calls an
 * operation and prints the answer. The operation runs in this process, or in forged through its socket; both
 * return the same documents.
 */
#include "base/cancel.h"
#include "reconciler/engine/operation.h"

/* Exit codes. The meaning of 1 depends on the verb: changes, not healthy, partly failed, invalid. */
#define EXIT_NOTICE  1
#define EXIT_TROUBLE 2

struct cli_option {
    char letter;      /* 0: none */
    const char *name; /* "only" for --only */
    const char *arg;  /* the value's name in help: "RESOURCE"; NULL: a flag; "[lines]": optional, after = */
    const char *doc;
};

struct cli;

struct verb {
    const char *name;
    const char *args;    /* "[REV | A..B]" */
    const char *summary; /* one line; NULL: not shown */
    const char *doc;     /* paragraphs for `help` and the manual; may be NULL */
    const char *exits;   /* "0 no differences, 1 differences, 2 error" */
    unsigned min_args, max_args;
    const struct cli_option *options; /* in addition to the common ones; ends with a NULL name; may be NULL */
    int (*run)(struct cli *c);        /* returns the exit code */
    bool text_only;                   /* has no --json */
};
extern const struct verb verbs[]; /* ends with a NULL name */
extern const struct cli_option common_options[];
const struct verb *verb_find(const char *name);

enum json_mode { JSON_OFF, JSON_DOCUMENT, JSON_LINES };

struct cli_value {
    const struct cli_option *option;
    const char *value; /* NULL for a flag */
};

struct cli {
    const struct verb *verb;
    struct cli_value *values;
    size_t n_values, cap_values;
    const char **args; /* positional; NULL-terminated */
    size_t n_args, cap_args;
    enum json_mode json;
    bool out_colour, err_colour; /* per stream: a terminal, and NO_COLOR unset */
    bool terminal;               /* stdout and stderr are terminals, so that progress can be redrawn */
    struct arena arena;
    struct cancel cancel; /* set by SIGINT and SIGTERM */
    /* The session, opened on first use (session.c). */
    struct settings settings;
    bool have_settings;
    struct val *settings_problems; /* diagnostics of the settings file; NULL */
    /* While that file is wrong: the socket of a forged that runs on with what it had read, and which of its
       environments is meant; NULL. */
    const char *former_socket, *former_env;
    const char *rev; /* of the last operation in this process; NULL: the newest */
    struct store *store;
    struct pool *pool;
    struct engine *engine;
};

/* options.c */
int cli_parse(struct cli *c, int argc, char **argv, struct err *err) _must_check_;
const char *cli_value(const struct cli *c, const char *option); /* NULL: not given; the last one wins */
bool cli_flag(const struct cli *c, const char *option);
struct val *cli_values(struct cli *c, const char *option); /* all values of a repeated option, as a list */
/* Parse a number, or the duration given with an option. Without a text *ret is left unchanged. Errors name
   `what` or the option. */
int cli_number(const char *what, const char *text, int64_t min, int64_t *ret, struct err *err) _must_check_;
int cli_duration(const struct cli *c, const char *option, int64_t *ret_ns, struct err *err) _must_check_;
/* The operation arguments for the common planning options: only, adopt, data_loss, fresh. */
struct val *cli_plan_args(struct cli *c);
/* "web" is short for "container/web", "web=NAME" for "container/web=NAME". NULL for NULL. */
const char *cli_resource(struct cli *c, const char *word);
/* The same for verbs about another kind: "data" is short for "volume/data". */
const char *cli_resource_of(struct cli *c, const char *kind, const char *word);

/* session.c */
int cli_settings(struct cli *c, struct settings **ret, struct err *err) _must_check_;
int cli_env(struct cli *c, const struct env_config **ret, struct err *err) _must_check_;
int cli_store(struct cli *c, struct store **ret, struct err *err) _must_check_;
int cli_engine(struct cli *c, struct engine **ret, struct err *err) _must_check_;
/* Run an operation, in this process or in forged. `emit` as in operation.h, may be NULL. On an error *ret may
   hold diagnostics. */
int cli_call(struct cli *c, const char *operation, const struct val *args,
             void (*emit)(void *, const struct val *), void *arg, struct val **ret,
             struct err *err) _must_check_;
/* An `emit` for what is only waited for: says which registry does not answer. */
void cli_waiting(void *cli, const struct val *event);
const char *cli_actor(struct cli *c); /* the user's name */
void cli_close(struct cli *c);

/* object.c: the engine's object of a resource; `instance` as typed by the user, NULL: any. Lives in the
   arena. */
int cli_object(struct cli *c, const char *id, const char *instance, struct provider **ret_p,
               struct observed *ret_all, const struct object **ret, struct err *err) _must_check_;

/* verb_volume.c: save a volume to a new file, and every volume whose data a plan would lose to a folder. */
int cli_volume_save(struct cli *c, const char *id, const char *path, struct err *err) _must_check_;
int cli_volumes_save(struct cli *c, const struct val *plan, const char *dir, struct err *err) _must_check_;

/* output.c */
void cli_out(const struct buf *b);                    /* all of it to stdout */
void cli_err(const struct buf *b);                    /* all of it to stderr */
void cli_json(struct cli *c, const struct val *doc);  /* in the chosen mode */
void cli_plan(struct cli *c, const struct val *plan); /* for people */
/* Prints what went wrong, with the diagnostics of `answer` (may be NULL); returns EXIT_TROUBLE. */
int cli_fail(struct cli *c, const struct err *err, const struct val *answer);
bool cli_confirm(struct cli *c, const char *question, bool *ret_asked); /* false without a terminal */

/* diagnose.c: print the diagnostics of an answer to stderr. */
struct cli_place {
    struct source *source; /* has the files that the diagnostics refer to; NULL: they cannot be read here */
    const char *rev;
    const char *prefix; /* precedes the paths of `source` in diagnostics; NULL */
    bool on_disk;       /* the diagnostics refer to files on disk instead */
};
void cli_diagnostics(struct cli *c, const struct val *answer,
                     const struct cli_place *place); /* NULL: of the session's engine */

/* capabilities.c: which field works on which engine, in Markdown (contrib/doc/capabilities.md). */
void cli_capabilities(struct buf *out);

/* verb_images_prune.c: `images prune`. */
int cli_images_prune(struct cli *c);

/* table.c: aligned columns; the last one is not limited to the terminal's width. */
struct table {
    struct arena *arena;
    size_t columns;
    const char **cells;
    size_t n, cap;
};
void table_init(struct table *t, struct arena *a, size_t columns, const char *const *heads);
/* NULL prints as "-", several lines as one. */
void table_row(struct table *t, const char *const *cells);
void table_print(const struct table *t, bool colour, struct buf *out);

/* progress.c: a line for each running step on a terminal, a line for each finished change elsewhere. */
struct progress;
struct progress *progress_new(struct cli *c, bool show_plan); /* show_plan: nobody has seen the plan yet */
void progress_event(void *progress, const struct val *event); /* an `emit` */
void progress_free(struct progress *p);

/* The verbs. */
int verb_init(struct cli *c);
int verb_validate(struct cli *c);
int verb_diff(struct cli *c);
int verb_apply(struct cli *c);
int verb_status(struct cli *c);
int verb_images(struct cli *c);
int verb_history(struct cli *c);
int verb_show(struct cli *c);
int verb_rollback(struct cli *c);
int verb_explain(struct cli *c);
int verb_schema(struct cli *c);
int verb_suspend(struct cli *c);
int verb_resume(struct cli *c);
int verb_reconcile(struct cli *c);
int verb_adopt(struct cli *c);
int verb_import(struct cli *c);
int verb_logs(struct cli *c);
int verb_exec(struct cli *c);
int verb_volume(struct cli *c);
int verb_backup(struct cli *c);
int verb_restore(struct cli *c);
int verb_doctor(struct cli *c);
int verb_names(struct cli *c);
int verb_completion(struct cli *c);
int verb_version(struct cli *c);
int verb_help(struct cli *c);
int verb_generate(struct cli *c);
#endif
