#ifndef SCHEMA_VAL_H
#define SCHEMA_VAL_H
/*
 * The value tree: the one canonical model that desired, observed and applied state share.
 *
 * A value lives in an arena and is immutable once its builder has handed it on; subtrees may be shared
 * between trees of the same arena. Maps are always sorted by key (bytewise), so that equal trees have equal
 * encodings. A value may know its place in a file; line and column are 0 when it does not, and stay at their
 * maximum beyond what they can count. Places take no part in equality or digests.
 *
 * Canonical types: durations are integers of nanoseconds, sizes integers of bytes, fractions of processors
 * integers of nanocpus (1 cpu = 1000000000), file modes integers. The field table (field.h) says which is
 * which, for printing.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"

enum val_type {
    VAL_NULL,
    VAL_BOOL,
    VAL_INT,
    VAL_FLOAT,
    VAL_STR,
    VAL_LIST,
    VAL_MAP,
};

struct val_pair;

#define VAL_LINE_BITS 20
#define VAL_COL_BITS  12
#define VAL_LINE_MAX  ((1u << VAL_LINE_BITS) - 1)
#define VAL_COL_MAX   ((1u << VAL_COL_BITS) - 1)

/* A manifest has some forty values, and all manifests of a repository are in memory at once: hence 24
   bytes. */
struct val {
    uint8_t type;  /* enum val_type */
    uint8_t flags; /* VAL_F_* */
    uint16_t file; /* index in the load's list of files; 0: the file of the resource itself */
    uint32_t len;  /* bytes of a string, items of a list, pairs of a map */
    /* set by val_place() */
    uint32_t line : VAL_LINE_BITS;
    uint32_t col : VAL_COL_BITS;
    uint32_t cap; /* builders only */
    union {
        bool b;
        int64_t i;
        double f;
        const char *s; /* NUL-terminated, len bytes before it */
        struct val **items;
        struct val_pair *pairs;
    };
};

#define VAL_F_SECRET  0x01 /* a string of which no byte may be printed; printing gives "(secret)" */
#define VAL_F_REPLACE 0x02 /* in a patch: replaces the value that it would otherwise be merged into */

_Static_assert(sizeof(struct val) == 16 + sizeof(void *) || sizeof(void *) != 8, "a value has no gaps");

#define VAL_DEPTH_MAX 128 /* nesting that val_decode() and val_from_json() accept */

struct val_pair {
    const char *key;
    struct val *val;
};

/* Builders. Strings are copied into the arena. */
struct val *val_null(struct arena *a);
struct val *val_bool(struct arena *a, bool b);
struct val *val_int(struct arena *a, int64_t i);
struct val *val_float(struct arena *a, double f);
struct val *val_str(struct arena *a, const char *s); /* s NULL gives VAL_NULL */
struct val *val_strn(struct arena *a, const char *s, size_t n);
struct val *val_strf(struct arena *a, const char *fmt, ...) _printf_(2, 3);
struct val *val_list(struct arena *a);
struct val *val_map(struct arena *a);
/* With room for n items or pairs, so that adding them takes no more memory than they need. */
struct val *val_list_sized(struct arena *a, size_t n);
struct val *val_map_sized(struct arena *a, size_t n);
void val_list_add(struct arena *a, struct val *list, struct val *item);
/* Insert or replace; the key is copied. */
void val_map_set(struct arena *a, struct val *map, const char *key, struct val *v);
void val_map_del(struct val *map, const char *key);
/* Append without a search: the key is borrowed, and order and uniqueness are up to the caller until
   val_map_sort(). For building large maps in linear time. */
void val_map_append(struct arena *a, struct val *map, const char *key, struct val *v);
/* Sort what val_map_append() added. Of equal keys the last one added stays; each dropped pair is given to
   `dropped` (may be NULL) together with the one that stays. */
void val_map_sort(struct val *map,
                  void (*dropped)(void *arg, const struct val_pair *gone, const struct val_pair *kept),
                  void *arg);
/* Shorthands. NULL or an empty string is not set. */
void val_set_str(struct arena *a, struct val *map, const char *key, const char *s);
void val_set_int(struct arena *a, struct val *map, const char *key, int64_t i); /* always set */
void val_set_bool(struct arena *a, struct val *map, const char *key, bool b);   /* always set */
/* A string that is not copied: `s` outlives the arena (a constant) or lives in it. */
struct val *val_str_borrow(struct arena *a, const char *s, size_t n);
/* Sort a list of scalars (strings bytewise) and drop duplicates, for lists whose order has no meaning. */
void val_list_sort(struct val *list);
/* Set a value's place in its file. */
static inline void val_place(struct val *v, uint16_t file, uint32_t line, uint32_t col)
{
    v->file = file;
    v->line = (line < VAL_LINE_MAX ? line : VAL_LINE_MAX) & VAL_LINE_MAX;
    v->col = (col < VAL_COL_MAX ? col : VAL_COL_MAX) & VAL_COL_MAX;
}
static inline void val_place_like(struct val *v, const struct val *other)
{
    v->file = other->file;
    v->line = other->line;
    v->col = other->col;
}
/* A deep copy in another arena. */
struct val *val_clone(struct arena *a, const struct val *v);
/* A copy of one level only: for changing a map without touching the original. NULL gives an empty map. */
struct val *val_map_copy(struct arena *a, const struct val *map);
struct val *val_map_copy_room(struct arena *a, const struct val *map,
                              size_t more); /* with room for this many more pairs */

/* Readers. `v` may be NULL, or of another type: then they give NULL or the fallback. */
struct val *val_get(const struct val *map, const char *key);
struct val *val_path(const struct val *v, const char *dotted);   /* "resources.memory" */
const char *val_get_str(const struct val *map, const char *key); /* NULL when absent or not a string */
int64_t val_get_int(const struct val *map, const char *key, int64_t fallback);
bool val_get_bool(const struct val *map, const char *key, bool fallback);
size_t val_len(const struct val *v); /* items, pairs, bytes; 0 for others and for NULL */
static inline bool val_is(const struct val *v, enum val_type t)
{
    return v && v->type == t;
}
/* Iterate: for (size_t i = 0; i < val_len(v); i++) v->items[i] / v->pairs[i]. */

/* Structural equality; NULL equals only NULL. An integral float equals the same integer. */
bool val_equal(const struct val *a, const struct val *b);
/* Do two lists hold the same items, each taken as a set? */
bool val_equal_set(const struct val *a, const struct val *b);

/* The canonical binary form: versioned, self-delimiting, the same for equal trees with equal flags. `places`:
   include the places. Layout in val_code.c. */
void val_encode(const struct val *v, bool places, struct buf *out);
/* ERR_CORRUPT for anything that val_encode() would not have written. Keeps nothing of `data`. */
int val_decode(struct arena *a, const void *data, size_t len, struct val **ret, struct err *err) _must_check_;
/* SHA-256 of "forge-val-v1\0" and the canonical form without places and flags. Stable for ever
 * (golden-tested). */
void val_digest(const struct val *v, struct digest *ret);

/* JSON (RFC 8259). indent 0: one line. Secrets print as "(secret)". Deterministic. */
void val_json(const struct val *v, int indent, struct buf *out);
/* Parse strict JSON (jansson): duplicate keys are refused, the depth is bounded. Errors carry line and column
   of `name`. */
int val_from_json(struct arena *a, const char *text, size_t len, const char *name, struct val **ret,
                  struct err *err) _must_check_;
/* Append a string as JSON, with its quotes. Bytes that are not UTF-8 become U+FFFD. */
void val_json_str(const char *s, size_t n, struct buf *out);
/* For people, on one line: strings bare when plain, else quoted; lists [a, b]; maps {k: v}; at most `max`
 * bytes and then an ellipsis. */
void val_print(const struct val *v, size_t max, struct buf *out);
/* A string as val_print() shows it; reads at most about `max` bytes of it. */
void val_print_str(const char *s, size_t n, size_t max, struct buf *out);
/* Cut what was appended to `out` since `start` to at most `max` bytes, between characters, ending in an
 * ellipsis.
 */
void val_print_cut(struct buf *out, size_t start, size_t max);
#endif
