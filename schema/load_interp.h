#ifndef SCHEMA_LOAD_INTERP_H
#define SCHEMA_LOAD_INTERP_H
/*
 * References in text: `${NAME}`, with `:-default` and `-default`, `:?message` and `?message`, `:+other` and
 * `+other` as in Compose and shells (with a colon an empty value counts as none); `$$` is a dollar, and so is
 * one that no name or brace follows. `$NAME` without braces is an error that says how to write it, so that
 * nobody has to guess which of the two readings holds; but where a text is Compose's, its rules hold (bare,
 * unset). Pure; results live in the arena.
 */
#include "base/arena.h"
#include "base/err.h"

struct ynode;

struct interp {
    struct arena *arena;
    void *arg;
    /* The value of a name ("TAG", "env.TAG", "git.commit", "container.db.host"): 0; ERR_NOTFOUND when it has
       none, so that a default may stand in; anything else is final. */
    int (*lookup)(void *arg, const char *name, const char **ret, struct err *err);
    size_t *budget; /* bytes that results may still take; NULL: only each text's own limit */
    bool bare;      /* as in Compose: $NAME is a reference too */
    /* As in Compose: a name without a value, where nothing stands in for it, is "", and is given here; NULL:
       an error. */
    void (*unset)(void *arg, const char *name);
};

/* The text with its references resolved; ret may be `text` itself when there is nothing to do.
 * NUL-terminated. */
int interp_text(const struct interp *in, const char *text, size_t len, const char **ret, size_t *ret_len,
                struct err *err) _must_check_;
/* Give each name that the text could ask for, whatever the values are. */
void interp_names(struct arena *a, const char *text, size_t len, void (*name)(void *arg, const char *name),
                  void *arg);
/* The node with the references in all its values resolved: itself when it has none, else a copy that shares
   what did not change. Keys are left alone. Each problem is given to `problem` with its node. */
struct ynode *interp_tree(const struct interp *in, struct ynode *n,
                          void (*problem)(void *arg, const struct ynode *n, const struct err *err),
                          void *arg);
#endif
