#include "base/str.h"

#include <ctype.h>
#include <stdint.h>

bool str_starts(const char *s, const char *prefix)
{
    return str_after(s, prefix) != NULL;
}

bool str_ends(const char *s, const char *suffix)
{
    size_t n = strlen(s), k = strlen(suffix);
    return n >= k && memcmp(s + n - k, suffix, k) == 0;
}

const char *str_after(const char *s, const char *prefix)
{
    size_t k = strlen(prefix);
    return strncmp(s, prefix, k) == 0 ? s + k : NULL;
}

void str_copy(char *dst, size_t size, const char *src)
{
    if (size == 0)
        return;
    size_t n = strnlen(src, size - 1);
    memcpy(dst, src, n);
    dst[n] = '\0';
}

char **str_split(struct arena *a, const char *s, char sep, size_t *ret_n)
{
    size_t n = *s ? 1 : 0;
    for (const char *p = s; *p; p++)
        n += *p == sep;
    char **parts = arena_array(a, char *, n + 1);
    for (size_t i = 0; i < n; i++) {
        const char *end = strchrnul(s, sep);
        parts[i] = arena_strndup(a, s, (size_t)(end - s));
        s = end + 1;
    }
    *ret_n = n;
    return parts;
}

static int fold_byte(const char *s, size_t i, bool fold)
{
    unsigned char c = (unsigned char)s[i];
    return fold ? tolower(c) : c;
}

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Names are short; a longer text is close to nothing but itself. */
#define DISTANCE_LEN 128

/* Optimal string alignment: of the classic table, the current row and the two before it are enough. */
static size_t distance(const char *a, const char *b, size_t max, bool fold)
{
    size_t na = strlen(a), nb = strlen(b);
    if ((na > nb ? na - nb : nb - na) > max)
        return max + 1;
    if (na > DISTANCE_LEN || nb > DISTANCE_LEN)
        return (fold ? strcasecmp(a, b) : strcmp(a, b)) == 0 ? 0 : max + 1;
    size_t rows[3][DISTANCE_LEN + 1];
    size_t *before = rows[0], *last = rows[1], *now = rows[2];
    for (size_t j = 0; j <= nb; j++)
        last[j] = j;
    for (size_t i = 1; i <= na; i++) {
        now[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            int ca = fold_byte(a, i - 1, fold), cb = fold_byte(b, j - 1, fold);
            size_t d = min_size(min_size(last[j], now[j - 1]) + 1, last[j - 1] + (ca != cb));
            if (i > 1 && j > 1 && ca == fold_byte(b, j - 2, fold) && cb == fold_byte(a, i - 2, fold))
                d = min_size(d, before[j - 2] + 1);
            now[j] = d;
        }
        size_t *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return min_size(last[nb], max + 1);
}

size_t str_distance(const char *a, const char *b, size_t max)
{
    return distance(a, b, max, false);
}

const char *str_nearest(const char *s, const char *const *names, size_t n)
{
    size_t max = strlen(s) / 3;
    if (max == 0)
        max = 1;
    const char *best = NULL;
    for (size_t i = 0; i < n; i++) {
        size_t d = distance(s, names[i], max, true);
        if (d > max)
            continue;
        best = names[i];
        if (d == 0)
            break;
        max = d - 1; /* only a closer name replaces it: the first of equals stays */
    }
    return best;
}

size_t str_utf8_char(const char *s, size_t len)
{
    /* For each number of bytes: the bits that mark the first byte, and the smallest code point that needs
       that many. */
    static const struct {
        unsigned char mask, lead;
        uint32_t least;
    } forms[] = {{0x80, 0x00, 1}, {0xE0, 0xC0, 0x80}, {0xF0, 0xE0, 0x800}, {0xF8, 0xF0, 0x10000}};
    for (size_t i = 0; i < ARRAY_LEN(forms) && i < len; i++) {
        unsigned char first = (unsigned char)s[0];
        if ((first & forms[i].mask) != forms[i].lead)
            continue;
        uint32_t code = first & (unsigned char)~forms[i].mask;
        for (size_t j = 1; j <= i; j++) {
            unsigned char c = (unsigned char)s[j];
            if ((c & 0xC0) != 0x80)
                return 0;
            code = code << 6 | (c & 0x3F);
        }
        bool surrogate = code >= 0xD800 && code <= 0xDFFF;
        return code < forms[i].least || code > 0x10FFFF || surrogate ? 0 : i + 1;
    }
    return 0;
}

bool str_utf8_valid(const char *s, size_t len)
{
    while (len > 0) {
        size_t n = str_utf8_char(s, len);
        if (n == 0)
            return false;
        s += n;
        len -= n;
    }
    return true;
}

static bool is_control(const char *s, size_t n)
{
    unsigned char c = (unsigned char)s[0];
    if (n == 1)
        return (c < 0x20 && c != '\n' && c != '\t') || c == 0x7F;
    return n == 2 && c == 0xC2 && (unsigned char)s[1] < 0xA0;
}

void str_clean(char *s)
{
    char *to = s;
    for (size_t left = strlen(s), n; left > 0; s += n, left -= n) {
        n = str_utf8_char(s, left);
        if (n == 0 || is_control(s, n)) {
            n = n ? n : 1;
            *to++ = '?';
        } else {
            memmove(to, s, n);
            to += n;
        }
    }
    *to = '\0';
}

void str_chomp(char *s)
{
    for (size_t n = strlen(s); n > 0 && strchr(" \r\n\t", s[n - 1]); n--)
        s[n - 1] = '\0';
}
