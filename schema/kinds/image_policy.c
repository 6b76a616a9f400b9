#include "schema/kinds/image_policy.h"

#include "base/parse.h"
#include "base/str.h"

#include <ctype.h>
#include <regex.h>

#define RANGE_WORDS 64 /* comparators of one alternative */

/* ---- versions ---- */

/* Digits without a sign and, but for 0 itself, without a leading 0. */
static bool read_number(const char **at, uint64_t *ret)
{
    uint64_t n = 0;
    const char *s = *at;
    if (!isdigit((unsigned char)*s) || (s[0] == '0' && isdigit((unsigned char)s[1])))
        return false;
    for (; isdigit((unsigned char)*s); s++) {
        if (n > (UINT64_MAX - 9) / 10)
            return false;
        n = n * 10 + (uint64_t)(*s - '0');
    }
    *at = s;
    *ret = n;
    return true;
}

/* "[v]1.2.3", as many numbers as there are; "x" and "*" end it when `wild`. */
static bool read_parts(const char **at, struct version *v, bool wild, bool *ret_wild)
{
    const char *s = *at;
    *v = (struct version){.parts = 0};
    s += *s == 'v' || *s == 'V';
    for (; v->parts < 3; s++) {
        bool star = wild && (*s == 'x' || *s == 'X' || *s == '*');
        if (star) {
            *ret_wild = true;
            s++;
            while (*s == '.' || *s == 'x' || *s == 'X' || *s == '*')
                s++;
            break;
        }
        if (!read_number(&s, &v->part[v->parts]))
            return false;
        v->parts++;
        if (*s != '.')
            break;
        if (v->parts == 3)
            return false;
    }
    *at = s;
    return true;
}

static bool read_rest(const char *s, struct version *v)
{
    static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-.";
    if (*s == '-') {
        /* "1.27-alpine" and "2026-11-19" are not pre-releases. */
        if (v->parts < 3)
            return false;
        v->pre = s + 1;
        v->pre_len = strspn(v->pre, letters);
        if (!v->pre_len)
            return false;
        s = v->pre + v->pre_len;
    }
    if (*s == '+')
        s += 1 + strspn(s + 1, letters);
    return !*s;
}

bool version_parse(const char *text, struct version *ret)
{
    const char *s = text;
    return read_parts(&s, ret, false, NULL) && read_rest(s, ret);
}

/* Compare one identifier of a pre-release: numbers come before words, and compare as numbers (semver.org,
   11). */
static int compare_identifier(const char *a, size_t na, const char *b, size_t nb)
{
    bool da = strspn(a, "0123456789") >= na, db = strspn(b, "0123456789") >= nb;
    if (da != db)
        return da ? -1 : 1;
    if (da && na != nb)
        return na < nb ? -1 : 1;
    int c = memcmp(a, b, na < nb ? na : nb);
    return c ? c : (na > nb) - (na < nb);
}

static size_t identifier(const char *s, size_t left)
{
    const char *dot = memchr(s, '.', left);
    return dot ? (size_t)(dot - s) : left;
}

static int compare_pre(const struct version *a, const struct version *b)
{
    const char *pa = a->pre, *pb = b->pre;
    size_t la = a->pre_len, lb = b->pre_len;
    if (!pa || !pb)
        return (pa == NULL) - (pb == NULL);
    for (;;) {
        size_t na = identifier(pa, la), nb = identifier(pb, lb);
        int c = compare_identifier(pa, na, pb, nb);
        if (c || na == la || nb == lb)
            return c ? c : (na < la) - (nb < lb);
        pa += na + 1, la -= na + 1;
        pb += nb + 1, lb -= nb + 1;
    }
}

int version_compare(const struct version *a, const struct version *b)
{
    for (int i = 0; i < 3; i++)
        if (a->part[i] != b->part[i])
            return a->part[i] < b->part[i] ? -1 : 1;
    return compare_pre(a, b);
}

/* ---- ranges ---- */

/* The versions from `from` to `before`; a missing bound does not limit. */
struct span {
    struct version from, before;
    /* excluded: all versions but these */
    bool has_from, from_excluded, has_before, before_included, excluded;
};

static struct version next_of(const struct version *v, unsigned part)
{
    struct version next = {.parts = 3};
    for (unsigned i = 0; i <= part && i < 3; i++)
        next.part[i] = v->part[i];
    next.part[part]++;
    return next;
}

/* The first pre-release of a version, for bounds that are written in part: 2.0.0-rc.1 belongs to 2.0.0, and
   is neither in "^1.2" nor in "<2". */
static struct version first_of(struct version v)
{
    v.pre = "0";
    v.pre_len = 1;
    return v;
}

/* "^1.2": up to the next change of the first part that is not 0. */
static unsigned caret_part(const struct version *v)
{
    unsigned i = 0;
    while (i + 1 < v->parts && v->part[i] == 0)
        i++;
    return i;
}

/* From v up to, and without, the next change of the part at index `part`. */
static void span_of_parts(const struct version *v, unsigned part, struct span *ret)
{
    ret->from = *v;
    ret->has_from = true;
    ret->before = first_of(next_of(v, part));
    ret->has_before = true;
}

static bool make_span(const char *op, const struct version *v, struct span *ret)
{
    const unsigned last = v->parts ? v->parts - 1 : 0;
    *ret = (struct span){.has_from = false};
    if (!v->parts)
        return !*op || str_eq(op, "=") || str_eq(op, ">=") || str_eq(op, "<="); /* "*" */
    if (!*op || str_eq(op, "=") || str_eq(op, "!=")) {
        span_of_parts(v, last, ret);
        if (v->parts == 3) {
            ret->before = *v;
            ret->before_included = true;
        }
        ret->excluded = *op == '!';
    } else if (str_eq(op, "^") || str_eq(op, "~")) {
        span_of_parts(v, *op == '^' ? caret_part(v) : last < 1 ? 0 : 1, ret);
    } else if (str_eq(op, ">") || str_eq(op, ">=")) {
        ret->has_from = true;
        ret->from = op[1] || v->parts == 3 ? *v : next_of(v, last);
        ret->from_excluded = !op[1] && v->parts == 3;
    } else {
        ret->has_before = true;
        ret->before = v->parts == 3 ? *v : first_of(op[1] ? next_of(v, last) : *v);
        ret->before_included = op[1] && v->parts == 3;
    }
    return true;
}

static bool in_span(const struct span *s, const struct version *v)
{
    int low = s->has_from ? version_compare(v, &s->from) : 1;
    int high = s->has_before ? version_compare(v, &s->before) : -1;
    bool in = (low > 0 || (low == 0 && !s->from_excluded)) && (high < 0 || (high == 0 && s->before_included));
    return in != s->excluded;
}

/* "OPERATOR VERSION", without blanks between them. */
static bool read_comparator(const char *text, struct span *ret, bool *ret_pre)
{
    char op[3] = "";
    size_t n = strspn(text, "<>=!~^");
    struct version v;
    bool wild = false;
    if (n > 2)
        return false;
    memcpy(op, text, n);
    const char *s = text + n;
    if (!read_parts(&s, &v, true, &wild) || (wild && *s) || (!wild && !read_rest(s, &v)))
        return false;
    static const char *const ops[] = {"", "=", "!=", ">", ">=", "<", "<=", "~", "^"};
    bool known = false;
    for (size_t i = 0; i < ARRAY_LEN(ops); i++)
        known |= str_eq(op, ops[i]);
    *ret_pre |= v.pre != NULL;
    return known && make_span(op, &v, ret);
}

/* Split an alternative into words; an operator followed by blanks is joined with its version. */
static size_t split(struct arena *a, const char *text, size_t len, const char **words)
{
    size_t n = 0;
    for (size_t i = 0; i < len && n < RANGE_WORDS;) {
        size_t w = 0;
        while (i < len && strchr(" ,\t", text[i]))
            i++;
        while (i + w < len && !strchr(" ,\t", text[i + w]))
            w++;
        if (!w)
            break;
        const char *word = arena_strndup(a, text + i, w);
        const char *before = n ? words[n - 1] : NULL;
        if (before && *before && strspn(before, "<>=!~^") == strlen(before))
            words[n - 1] = arena_printf(a, "%s%s", before, word);
        else
            words[n++] = word;
        i += w;
    }
    return n;
}

/* Set *ret when all comparators of the alternative hold for the version. False: it cannot be read. */
static bool alternative_holds(struct arena *a, const char *text, size_t len, const struct version *v,
                              bool *ret)
{
    const char *words[RANGE_WORDS];
    size_t n = split(a, text, len, words);
    bool holds = n > 0, pre = false;
    for (size_t i = 0; i < n; i++) {
        struct span s, end;
        bool hyphen = i + 2 < n && str_eq(words[i + 1], "-");
        if (!read_comparator(words[i], &s, &pre))
            return false;
        if (hyphen) {
            if (!read_comparator(arena_printf(a, "<=%s", words[i + 2]), &end, &pre) ||
                !read_comparator(arena_printf(a, ">=%s", words[i]), &s, &pre))
                return false;
            holds &= in_span(&end, v);
            i += 2;
        }
        holds &= in_span(&s, v);
    }
    *ret |= holds && (!v->pre || pre);
    return n > 0 && n < RANGE_WORDS;
}

int version_in_range(const char *range, const struct version *v, bool *ret, struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    bool holds = false;
    for (const char *at = range;;) {
        const char *end = strstr(at, "||");
        size_t len = end ? (size_t)(end - at) : strlen(at);
        if (!alternative_holds(&a, at, len, v, &holds)) {
            err_set(err, ERR_INVALID, "\"%.*s\" is not a version range", (int)(len < 200 ? len : 200), at);
            return err_hint(err,
                            "write a range such as \"1.x\", \">=1.2 <2\", \"^1.4\", or \"1.2 - 1.4 || 2.x\"");
        }
        if (!end)
            break;
        at = end + 2;
    }
    *ret = holds;
    return 0;
}

/* ---- tags ---- */

struct matcher {
    regex_t re;
    bool has_re;
};

static void matcher_release(struct matcher *m)
{
    if (m->has_re)
        regfree(&m->re);
}

static int matcher_init(struct matcher *m, const char *pattern, struct err *err)
{
    char words[128];
    *m = (struct matcher){.has_re = false};
    if (!pattern)
        return 0;
    int r = regcomp(&m->re, pattern, REG_EXTENDED);
    if (r) {
        regerror(r, &m->re, words, sizeof(words));
        return err_set(err, ERR_INVALID, "\"%s\" is not a regular expression: %s", pattern, words);
    }
    m->has_re = true;
    return 0;
}

/* The part of the tag that is compared, in the arena; NULL: the tag does not match. */
static const char *key_of_tag(const struct matcher *m, struct arena *a, const char *tag)
{
    regmatch_t at[2];
    if (!m->has_re)
        return tag;
    if (regexec(&m->re, tag, 2, at, 0) != 0)
        return NULL;
    if (at[1].rm_so < 0)
        return tag;
    return arena_strndup(a, tag + at[1].rm_so, (size_t)(at[1].rm_eo - at[1].rm_so));
}

struct candidate {
    const char *tag, *key;
    struct version version;
};

/* Compare numbers of any length, ignoring leading zeros. */
static int compare_numbers(const char *a, const char *b)
{
    a += strspn(a, "0");
    b += strspn(b, "0");
    size_t na = strlen(a), nb = strlen(b);
    return na != nb ? (na < nb ? -1 : 1) : strcmp(a, b);
}

enum order { BY_VERSION, BY_NUMBER, BY_TEXT };

static int compare(enum order by, const struct candidate *a, const struct candidate *b)
{
    int c = by == BY_VERSION  ? version_compare(&a->version, &b->version)
            : by == BY_NUMBER ? compare_numbers(a->key, b->key)
                              : strcmp(a->key, b->key);
    /* Of "1.4" and "1.4.0", the more specific one is greater. */
    if (!c && by == BY_VERSION && a->version.parts != b->version.parts)
        c = a->version.parts < b->version.parts ? -1 : 1;
    return c ? c : strcmp(a->tag, b->tag);
}

static int is_candidate(enum order by, const char *range, struct candidate *c, bool *ret, struct err *err)
{
    *ret = by == BY_TEXT || (by == BY_NUMBER && *c->key && strspn(c->key, "0123456789") == strlen(c->key));
    if (by != BY_VERSION || !version_parse(c->key, &c->version))
        return 0;
    return version_in_range(range, &c->version, ret, err);
}

static enum order order_of(const struct val *policy)
{
    if (str_eq(val_get_str(policy, "follow"), "semver"))
        return BY_VERSION;
    return str_eq(val_get_str(policy, "sort"), "numerical") ? BY_NUMBER : BY_TEXT;
}

int image_policy_choose(const struct val *policy, const char *const *tags, size_t n, const char **ret,
                        struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    _cleanup_(matcher_release) struct matcher m;
    const char *range = str_or(val_get_str(policy, "range"), "*");
    const enum order by = order_of(policy);
    struct candidate best = {.tag = NULL};
    int r = matcher_init(&m, val_get_str(policy, "pattern"), err);
    for (size_t i = 0; r == 0 && i < n; i++) {
        struct candidate c = {.tag = tags[i], .key = key_of_tag(&m, &a, tags[i])};
        bool fits = false;
        if (c.key)
            r = is_candidate(by, range, &c, &fits, err);
        if (fits && (!best.tag || compare(by, &c, &best) > 0))
            best = c;
    }
    if (r < 0)
        return r;
    if (!best.tag)
        return err_set(err, ERR_NOTFOUND, "none of the %zu tags matches image_policy", n);
    *ret = best.tag;
    return 0;
}

int image_policy_check(const struct val *policy, struct err *err)
{
    const char *follow = val_get_str(policy, "follow"), *range = val_get_str(policy, "range");
    const char *pattern = val_get_str(policy, "pattern");
    const struct version any = {.parts = 3};
    struct matcher m;
    bool ignored;
    if (str_eq(follow, "pattern") && !pattern)
        return err_set(err, ERR_INVALID, "follow: pattern needs a pattern");
    if (str_eq(follow, "digest") && pattern)
        return err_set(err, ERR_INVALID,
                       "pattern cannot be used with follow: digest, which follows the tag of `image`");
    if (range && !str_eq(follow, "semver"))
        return err_set(err, ERR_INVALID, "range can only be used with follow: semver");
    if (val_get(policy, "sort") && !str_eq(follow, "pattern"))
        return err_set(err, ERR_INVALID, "sort can only be used with follow: pattern");
    int r = range ? version_in_range(range, &any, &ignored, err) : 0;
    if (r == 0)
        r = matcher_init(&m, pattern, err);
    if (r == 0)
        matcher_release(&m);
    return r;
}
