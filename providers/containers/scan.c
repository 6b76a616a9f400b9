#include "providers/containers/scan.h"

#include "base/str.h"

static int corrupt(struct err *err)
{
    return err_set(err, ERR_CORRUPT, "the engine's answer is not valid JSON");
}

static const char *skip_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    return p;
}

/* Returns the position after the string that begins at p (a quote); NULL when it does not end. */
static const char *skip_string(const char *p, const char *end)
{
    for (p++; p < end; p++) {
        p = memchr(p, '"', (size_t)(end - p));
        if (!p)
            return NULL;
        /* An odd number of backslashes before the quote escapes it. The opening quote ends the count. */
        size_t slashes = 0;
        while (p[-1 - (ptrdiff_t)slashes] == '\\')
            slashes++;
        if (slashes % 2 == 0)
            return p + 1;
    }
    return NULL;
}

/* Returns the position after an array or object: brackets are counted, strings skipped. */
static const char *skip_nested(const char *p, const char *end)
{
    size_t depth = 0;
    while (p < end) {
        switch (*p) {
        case '"':
            p = skip_string(p, end);
            if (!p)
                return NULL;
            continue;
        case '{':
        case '[':
            depth++;
            break;
        case '}':
        case ']':
            if (--depth == 0)
                return p + 1;
            break;
        default:
            break;
        }
        p++;
    }
    return NULL;
}

static const char *skip_value(const char *p, const char *end)
{
    if (p >= end)
        return NULL;
    if (*p == '"')
        return skip_string(p, end);
    if (*p == '{' || *p == '[')
        return skip_nested(p, end);
    const char *begin = p;
    while (p < end && !strchr(",]} \n\r\t", *p))
        p++;
    return p > begin ? p : NULL;
}

int scan_enter(struct span value, char open, struct scan *ret, struct err *err)
{
    const char *p = value.p ? skip_space(value.p, value.end) : NULL;
    if (!p || p >= value.end || *p != open)
        return corrupt(err);
    *ret = (struct scan){.p = p + 1, .end = value.end, .first = true};
    return 0;
}

int scan_list(struct span answer, struct scan *ret, struct err *err)
{
    const char *p = answer.p ? skip_space(answer.p, answer.end) : NULL;
    if (p && answer.end - p >= 4 && memcmp(p, "null", 4) == 0)
        return 0;
    return scan_enter(answer, '[', ret, err) < 0 ? err->code : 1;
}

/* Advance to the next item: 1 with s->p at it, 0 at the end. */
static int next_item(struct scan *s, char close, struct err *err)
{
    s->p = skip_space(s->p, s->end);
    if (s->p >= s->end)
        return corrupt(err);
    if (*s->p == close)
        return 0;
    if (!s->first) {
        if (*s->p != ',')
            return corrupt(err);
        s->p = skip_space(s->p + 1, s->end);
    }
    s->first = false;
    return 1;
}

static int take_value(struct scan *s, struct span *ret, struct err *err)
{
    const char *end = skip_value(s->p, s->end);
    if (!end)
        return corrupt(err);
    *ret = (struct span){s->p, end};
    s->p = end;
    return 1;
}

int scan_element(struct scan *s, struct span *ret, struct err *err)
{
    int r = next_item(s, ']', err);
    return r <= 0 ? r : take_value(s, ret, err);
}

int scan_member(struct scan *s, struct span *ret_key, struct span *ret_value, struct err *err)
{
    int r = next_item(s, '}', err);
    if (r <= 0)
        return r;
    if (s->p >= s->end || *s->p != '"')
        return corrupt(err);
    const char *end = skip_string(s->p, s->end);
    if (!end)
        return corrupt(err);
    *ret_key = (struct span){s->p + 1, end - 1};
    s->p = skip_space(end, s->end);
    if (s->p >= s->end || *s->p != ':')
        return corrupt(err);
    s->p = skip_space(s->p + 1, s->end);
    return take_value(s, ret_value, err);
}

bool span_is(struct span s, const char *text)
{
    size_t n = strlen(text);
    return s.p && (size_t)(s.end - s.p) == n && memcmp(s.p, text, n) == 0;
}

bool span_is_string(struct span s)
{
    return s.p && s.end - s.p >= 2 && *s.p == '"' && s.end[-1] == '"';
}

static int hex4(const char *p, const char *end)
{
    int v = 0;
    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int d = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
        if (d < 0)
            return -1;
        v = v * 16 + d;
    }
    return v;
}

static char *put_utf8(char *out, unsigned c)
{
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
        *out++ = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *out++ = (char)(0xe0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
        *out++ = (char)(0x80 | (c & 0x3f));
    } else {
        *out++ = (char)(0xf0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 0x3f));
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
        *out++ = (char)(0x80 | (c & 0x3f));
    }
    return out;
}

/* Decode "\uXXXX", with its second half when it is a surrogate. Returns the position after it, or NULL. */
static const char *put_escape(const char *p, const char *end, char **out)
{
    int c = hex4(p, end);
    p += 4;
    if (c >= 0xd800 && c < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
        int low = hex4(p + 2, end);
        if (low < 0xdc00 || low > 0xdfff)
            return NULL;
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        p += 6;
    }
    if (c <= 0 || (c >= 0xd800 && c <= 0xdfff))
        return NULL;
    *out = put_utf8(*out, (unsigned)c);
    return p;
}

char *span_text(struct arena *a, struct span s)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (!span_is_string(s))
        return NULL;
    const char *p = s.p + 1, *end = s.end - 1;
    char *text = arena_alloc(a, (size_t)(end - p) + 1), *out = text;
    while (p < end) {
        if (*p != '\\') {
            *out++ = *p++;
            continue;
        }
        if (++p >= end)
            return NULL;
        const char *known = strchr(from, *p);
        if (*p == 'u') {
            p = put_escape(p + 1, end, &out);
            if (!p)
                return NULL;
        } else if (known && *p) {
            *out++ = to[known - from];
            p++;
        } else {
            return NULL;
        }
    }
    *out = '\0';
    return text;
}
