#ifndef BASE_STR_H
#define BASE_STR_H
/* Small string predicates and tools. Borrow their arguments; no allocation unless an arena is given. */
#include "base/arena.h"
#include <stdbool.h>
#include <string.h>
#include <strings.h>

static inline bool str_eq(const char *a, const char *b) /* NULL equals only NULL */
{
    return a == b || (a && b && strcmp(a, b) == 0);
}
static inline bool str_empty(const char *s)
{
    return !s || !*s;
}
static inline const char *str_or(const char *s, const char *fallback)
{
    return s ? s : fallback;
}
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
/* The text after `prefix`, or NULL when s does not start with it. */
const char *str_after(const char *s, const char *prefix);
/* Copy with truncation; always NUL-terminated when size > 0. */
void str_copy(char *dst, size_t size, const char *src);
/* Split at each `sep`; empty parts are kept; "" gives no part. Count in *ret_n. */
char **str_split(struct arena *a, const char *s, char sep, size_t *ret_n);
/* Optimal string alignment distance (a transposition counts one), at most `max` + 1. */
size_t str_distance(const char *a, const char *b, size_t max);
/* The nearest of n names within a third of the length (at least 1 edit), case-insensitive; NULL when none is
   that near. */
const char *str_nearest(const char *s, const char *const *names, size_t n);
/* The length of the character at s (1 to 4), of which len bytes are there; 0 when it is not valid UTF-8. */
size_t str_utf8_char(const char *s, size_t len);
/* True for UTF-8 without NUL, surrogates or overlong forms. */
bool str_utf8_valid(const char *s, size_t len);
/* Make an external text safe to show, in place: invalid UTF-8 and control characters (C0 except newline and
   tab, DEL, C1) become '?'. */
void str_clean(char *s);
/* Remove white space at the end, in place. */
void str_chomp(char *s);
#endif
