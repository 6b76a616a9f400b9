#ifndef PROVIDERS_CONTAINERS_SCAN_H
#define PROVIDERS_CONTAINERS_SCAN_H
/*
 * A pull parser for JSON: walks a text without building a tree and without copying, for listings of which
 * only a few members are needed. A listing of 1,000 containers is 900 kB; building its tree takes 12 ms and
 * ten times the memory, walking it 2 ms. Syntax is checked where the text is walked; in skipped values only
 * the brackets are balanced. Pure.
 */
#include "base/arena.h"
#include "base/err.h"

/* Some JSON text; p NULL: none. */
struct span {
    const char *p, *end;
};

struct scan {
    const char *p, *end;
    bool first;
};

/* Enter a value that must be an array ('[') or an object ('{'). */
int scan_enter(struct span value, char open, struct scan *ret, struct err *err) _must_check_;
/* Enter an answer that must be an array. 1, or 0 for "null", which is how an engine writes a nil list. */
int scan_list(struct span answer, struct scan *ret, struct err *err) _must_check_;
/* The next element. 1, 0 at the end, or ERR_CORRUPT. */
int scan_element(struct scan *s, struct span *ret, struct err *err) _must_check_;
/* The next member of an object: its raw key without quotes, and its value. */
int scan_member(struct scan *s, struct span *ret_key, struct span *ret_value, struct err *err) _must_check_;

bool span_is(struct span s, const char *text); /* the same bytes */
bool span_is_string(struct span s);
/* The content of a JSON string, escapes undone; NULL when it is no string or not valid. */
char *span_text(struct arena *a, struct span s);
#endif
