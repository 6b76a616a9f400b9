#ifndef SCHEMA_LOAD_INTERP_H
#define SCHEMA_LOAD_INTERP_H
/*
 * References in text: `${NAME}`, with `:-default` and `-default`, `:?message` and `?message`, `:+other` and
 * `+other` as in Compose and shells (with a colon an empty value counts as unset). `$$` is a dollar sign, and
 * so is a dollar that no name or brace follows. `$NAME` without braces is an error that says how to write it,
 * so that nobody has to guess which of the two readings applies; in text from a compose file, Compose's rules
 * apply instead (bare, unset). Pure; results live in the arena.
 */
#include "base/arena.h"
#include "base/err.h"

struct ynode;

struct interp {
    struct arena *arena;
    void *arg;
    /* Look up a name ("TAG", "env.TAG", "git.commit", "container.db.host"): 0; ERR_NOTFOUND when it has no
       value, so that a default applies; any other error is final. */
    int (*lookup)(void *arg, const char *name, const char **ret, struct err *err);
    size_t *budget; /* bytes that results may still take; NULL: only the limit for each text */
    bool bare;      /* as in Compose: $NAME is a reference too */
    /* As in Compose: a name without a value or a default reads as "", and is reported here. NULL: it is an
       error. */
    void (*unset)(void *arg, const char *name);
};

/* The text with its references resolved; ret may be `text` itself when there is nothing to do.
 * NUL-terminated. */
int interp_text(const struct interp *in, const char *text, size_t len, const char **ret, size_t *ret_len,
                struct err *err) _must_check_;
/* Report each name that the text could refer to, whatever the values are. */
void interp_names(struct arena *a, const char *text, size_t len, void (*name)(void *arg, const char *name),
                  void *arg);
/* The node with the references in all its values resolved: the node itself when it has none, else a copy that
   shares the unchanged parts. Keys are left alone. Each problem is passed to `problem` with its node. */
struct ynode *interp_tree(const struct interp *in, struct ynode *n,
                          void (*problem)(void *arg, const struct ynode *n, const struct err *err),
                          void *arg);
#endif
