#ifndef SCHEMA_FIELD_H
#define SCHEMA_FIELD_H
/*
 * Field tables: the language, as data.
 *
 * A kind is a table of fields. The same table decodes YAML into canonical values, validates, suggests the
 * nearest name for an unknown key, tells the planner how two values compare and what a change costs, and
 * prints JSON Schema, the reference documentation and `forge-ctl explain`. Tables are constant and shared
 * between threads.
 */
#include "schema/diag.h"
#include "schema/val.h"
#include "schema/yaml.h"

/* What a change of a field costs on a running resource; ordered. */
enum impact {
    IMPACT_NONE,      /* nothing that runs is affected (records, policies of Forge's own) */
    IMPACT_LIVE,      /* the engine changes it while it runs */
    IMPACT_RESTART,   /* stopped and started, same object */
    IMPACT_REPLACE,   /* a new object takes the place of the old one */
    IMPACT_DATA_LOSS, /* what is stored in it is lost */
};
const char *impact_name(enum impact i); /* "none", "live", "restart", "replace", "data-loss" */

enum field_type {
    FT_STRING,
    FT_BOOL,
    FT_INT, /* min..max */
    FT_FLOAT,
    FT_CPUS,     /* a fraction of processors ("0.5", 1.5); canonical: nanocpus */
    FT_DURATION, /* canonical: nanoseconds */
    FT_SIZE,     /* canonical: bytes */
    FT_MODE,     /* octal file mode; canonical: integer */
    FT_ENUM,     /* one of `choices` */
    FT_LIST,     /* of `elem`; order has meaning unless FIELD_SET */
    FT_MAP,      /* string -> `elem`; also the list form ["K=V", "K"] with FIELD_LIST_FORM */
    FT_RECORD,   /* of `sub` */
    FT_KEYED,    /* a list of records of `sub`: the canonical form is a map by the key that `keyed`
                    derives */
    FT_COMMAND,  /* list of strings, or one string split into words as a shell would (quotes, no expansion) */
    FT_ANY,      /* any tree, unchanged (extensions) */
};

/* Flags. */
#define FIELD_REQUIRED 0x0001u
/* A list whose order and duplicates have no meaning: sorted, duplicates dropped. */
#define FIELD_SET 0x0002u
/* The string becomes VAL_F_SECRET. */
#define FIELD_SECRET 0x0004u
/* Map: the form ["K=V"] is accepted too. */
#define FIELD_LIST_FORM 0x0008u
/* List: a single scalar is accepted as a list of one. */
#define FIELD_SCALAR_OK 0x0010u
/* String: null (and "K" in a list form) reads as "", as in labels; without it, null is an error that says to
   write "" for an empty value. */
#define FIELD_NULL_OK 0x0020u
/* Not compared with the engine (update strategy, depends_on, profiles). */
#define FIELD_VIRTUAL 0x0040u
/* Used at creation; a later change has no effect and is not drift (pull_policy). */
#define FIELD_CREATE_ONLY 0x0080u
/* Accepted in input only: the table's `normalize` moves it to its canonical field (mem_limit, deploy). */
#define FIELD_ALIAS 0x0100u
/* Part of the canonical form only: cannot be written (digests that loading fills in). */
#define FIELD_HIDDEN 0x0200u
/* String: "" is accepted. */
#define FIELD_EMPTY_OK 0x0400u
/* Compared on targets that run services (swarms), even where other flags exclude it on other engines. */
#define FIELD_SERVICES 0x0800u
/* String: a digest made with a key, "VERSION:KEY:DIGEST". Two digests with different keys or versions, or a
   missing one, say nothing about whether the contents are the same: they count as equal. */
#define FIELD_KEYED_DIGEST 0x1000u

struct field_table;
struct decode;

struct field {
    const char *name;
    enum field_type type;
    enum impact impact;
    unsigned flags;
    const char *doc;     /* a sentence or more; Markdown; required (lint) */
    const char *example; /* YAML, one line; may be NULL */
    const char *def;     /* the default as text for documentation; NULL: none */
    /* The default's canonical value: absent means the same as this (P2); NULL: absent is its own value. */
    const struct val *def_val;
    const char *const *choices; /* FT_ENUM, NULL-terminated */
    /* The range, when max > min: of the value for FT_INT, FT_FLOAT, FT_SIZE and FT_DURATION; of the length in
       bytes for FT_STRING, which is otherwise at most LIMIT_SCALAR_BYTES. */
    int64_t min, max;
    const char *pattern;           /* POSIX extended regular expression for FT_STRING; NULL: any */
    const char *pattern_doc;       /* "a DNS label: a-z, 0-9 and -" */
    const struct field *elem;      /* FT_LIST, FT_MAP */
    const struct field_table *sub; /* FT_RECORD, FT_KEYED */
    /* Reads a node that is not in the long form. FT_RECORD: a node that is not a mapping; returns the record.
       FT_KEYED: an item that is not a mapping; returns the record that the long form would have given, for
       `keyed`. Other types: every scalar (and for FT_MAP a sequence), in place of the built-in reader;
       returns the canonical value. NULL: the long form only. On a problem adds a diagnostic to d and returns
       NULL. */
    struct val *(*short_form)(struct decode *d, const struct field *f, const struct ynode *n);
    /* FT_KEYED: add to `into` the canonical item (or several: port ranges) that `rec` (the long form, decoded
       by sub) stands for. `into` holds only the items of this call, in any order (val_map_append() will do);
       the caller merges them and reports keys that exist already. */
    void (*keyed)(struct decode *d, const struct field *f, const struct ynode *n, struct val *rec,
                  struct val *into);
    /* Do two different canonical values mean the same, because one is less specific ("linux" and
       "linux/amd64")? Symmetric. NULL: different values mean different things. */
    bool (*same)(const struct val *a, const struct val *b);
};

/* A key that people know from Compose or Docker and that Forge does not support: an error that says so, with
   `why` as its hint, in place of "unknown key". Not part of JSON Schema or the reference. */
struct field_refusal {
    const char *name;
    const char *why; /* what to do instead: "build the image elsewhere and name it in image" */
};

struct field_table {
    const char *name; /* "container.healthcheck" */
    const char *doc;
    const struct field *fields;          /* ends with a NULL name */
    const struct field_refusal *refused; /* ends with a NULL name; may be NULL */
    /* After decoding of a record: cross-field checks and moves (aliases to canonical). May be NULL. */
    void (*normalize)(struct decode *d, const struct ynode *n, struct val *rec);
};

/* One step of the path from the root of a decode to the current node: a field or key, or (name NULL) an index
   in a list. */
struct decode_at {
    const struct decode_at *up;
    const char *name;
    size_t index;
};

/* A decode in progress: where problems are reported, and which file they belong to. */
struct decode {
    struct arena *arena;
    struct diag_list *diags;
    const char *file;
    uint16_t file_index;
    const char *const *files; /* by ynode.file, for a tree made of several files; NULL: all of it is `file` */
    /* Part of an overlay: required fields of records reached through mappings may be missing, and null is
       kept as VAL_NULL, which removes the field or key when the overlay is merged. In a patch the tag !reset
       reads as null, and !override gives VAL_F_REPLACE. A list in a patch replaces the whole list: inside it
       neither applies. */
    bool patch;
    const struct decode_at *at; /* the current position; maintained by decode_record() and decode_field() */
    /* A compose file: the later one of duplicates in a list is used, as Compose does, with a warning where
       the two differ. */
    bool lenient;
    /* How many items ranges may still stand for beyond what is written; NULL: LIMIT_EXPANDED_ITEMS for each
       range. */
    size_t *budget;
};

/*
 * Decode one node by a table or a field. Problems are added to d->diags; the result is then NULL or partial:
 * a field that could not be read is absent, so that everything else is still checked.
 *
 * Null means absent for a field of a record, whatever its type; for items of lists and values of maps see
 * FIELD_NULL_OK. Keys that start with "x-" are free for people's own use (and as a place for anchors) and are
 * left out.
 */
struct val *decode_record(struct decode *d, const struct field_table *t, const struct ynode *n);
struct val *decode_field(struct decode *d, const struct field *f, const struct ynode *n);
/* Split into words as a shell would (quotes and backslashes, no expansion): a list of strings, or NULL and
   the reason in *ret_problem. */
struct val *decode_words(struct arena *a, const char *text, const char **ret_problem);
/* Add an error at a node. The message is prefixed with the path of the field ("ports[0]: "). Returns NULL so
   that callers can return it. */
struct val *decode_error(struct decode *d, const struct ynode *n, const char *fmt, ...) _printf_(3, 4);
struct val *decode_error_hint(struct decode *d, const struct ynode *n, const char *hint, const char *fmt, ...)
    _printf_(4, 5);
/* Warn about a value that is read differently from how it is written, in a compose file (lenient). */
void decode_warning(struct decode *d, const struct ynode *n, const char *hint, const char *fmt, ...)
    _printf_(4, 5);

const struct field *field_find(const struct field_table *t, const char *name);
/* Follow a dotted path through records, keyed lists and maps ("healthcheck.interval",
 * "environment.LOG_LEVEL"). NULL: unknown. */
const struct field *field_path(const struct field_table *t, const char *dotted);
/* Are two canonical values of this field equal in meaning (P2)? NULL is absent; def_val counts. */
bool field_equal(const struct field *f, const struct val *a, const struct val *b);
/* Print a canonical value as a person writes it: 134217728 -> 128MiB by the field's type. One line, at most
 * max bytes. */
void field_print(const struct field *f, const struct val *v, size_t max, struct buf *out);
/* Does a canonical value that did not come from YAML (JSON plans, stored records) have the shape that the
   table describes: known names, right types, ranges and choices? ERR_INVALID names the first field that does
   not. VAL_NULL passes for any type. */
int field_check(const struct field_table *t, const struct val *v, struct err *err) _must_check_;
/* The name of a type as documentation says it: "string", "list of strings", "mapping from names to ports". */
void field_type_name(const struct field *f, struct buf *out);
#endif
