#include "base/parse.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/clock.h"

#define NS_PER_M (60 * NS_PER_S)
#define NS_PER_H (60 * NS_PER_M)
#define NS_PER_D (24 * NS_PER_H)

/* How many bytes of the input are quoted in a message. */
#define SHOWN 64

struct unit {
    const char *name;
    int64_t factor;
};

/* In descending order, the order in which they must appear; spellings of one unit are adjacent. */
static const struct unit durations[] = {
    {"w", 7 * NS_PER_D}, {"d", NS_PER_D},   {"h", NS_PER_H},          {"m", NS_PER_M}, {"s", NS_PER_S},
    {"ms", NS_PER_MS},   {"us", NS_PER_US}, {"\xC2\xB5s", NS_PER_US}, {"ns", 1},
};

/* The first is what format_size() writes. A bare letter is the same as the letter with b or iB. */
static const struct unit sizes[] = {
    {"PiB", INT64_C(1) << 50}, {"TiB", INT64_C(1) << 40}, {"GiB", INT64_C(1) << 30},
    {"MiB", INT64_C(1) << 20}, {"KiB", INT64_C(1) << 10}, {"B", 1},
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int not_a(struct err *err, const char *s, const char *what, const char *instead)
{
    return err_set(err, ERR_INVALID, "\"%.*s%s\" is not %s; write %s", SHOWN, s,
                   strlen(s) > SHOWN ? "..." : "", what, instead);
}

int parse_int(const char *s, int64_t min, int64_t max, int64_t *ret, struct err *err)
{
    const char *digits = s + (*s == '-' || *s == '+');
    if (!*digits || digits[strspn(digits, "0123456789")])
        return not_a(err, s, "an integer", "digits only, such as 42");
    /* Some tools read 010 as eight, others as ten: refuse it, so that nobody has to guess. */
    if (digits[0] == '0' && digits[1])
        return not_a(err, s, "a plain number", "it without leading zeros");
    errno = 0;
    long long value = strtoll(s, NULL, 10);
    if (errno || value < min || value > max)
        return err_set(err, ERR_INVALID, "%.*s%s is out of range; write a number from %lld to %lld", SHOWN, s,
                       strlen(s) > SHOWN ? "..." : "", (long long)min, (long long)max);
    *ret = value;
    return 0;
}

int parse_float(const char *s, double min, double max, double *ret, struct err *err)
{
    /* strtod() alone would also read "inf", "nan", hexadecimal and leading blanks. */
    bool plain = s[strspn(s, "+-.0123456789eE")] == '\0' && strpbrk(s, "0123456789");
    char *end = NULL;
    double value = plain ? strtod(s, &end) : 0;
    if (!plain || *end)
        return not_a(err, s, "a number", "it as in 0.5 or 2");
    if (!isfinite(value) || value < min || value > max)
        return err_set(err, ERR_INVALID, "%.*s%s is out of range; write a number from %.15g to %.15g", SHOWN,
                       s, strlen(s) > SHOWN ? "..." : "", min, max);
    *ret = value;
    return 0;
}

int parse_bool(const char *s, bool *ret, struct err *err)
{
    static const char *const words[][2] = {{"false", "true"}, {"no", "yes"}, {"off", "on"}};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        for (int v = 0; v < 2; v++) {
            if (strcasecmp(s, words[i][v]) == 0) {
                *ret = v;
                return 0;
            }
        }
    }
    return not_a(err, s, "a boolean", "true or false");
}

/* A number with an optional fraction: where its parts are in the text. */
struct decimal {
    const char *whole, *fraction;
    size_t whole_len, fraction_len;
};

/* Read a decimal at *s and advance past it; false when there is none, or its point lacks digits around it. */
static bool scan_decimal(const char **s, struct decimal *ret)
{
    const char *p = *s;
    ret->whole = p;
    while (is_digit(*p))
        p++;
    ret->whole_len = (size_t)(p - ret->whole);
    ret->fraction = p;
    ret->fraction_len = 0;
    if (*p == '.') {
        ret->fraction = ++p;
        while (is_digit(*p))
            p++;
        ret->fraction_len = (size_t)(p - ret->fraction);
        if (ret->fraction_len == 0)
            return false;
    }
    *s = p;
    return ret->whole_len > 0;
}

/* Add decimal * factor to *sum, in integers only, rounded down; false on overflow. factor is below 2^59. */
static bool add_scaled(const struct decimal *d, int64_t factor, int64_t *sum)
{
    int64_t whole = 0, part = 0, scaled;
    for (size_t i = 0; i < d->whole_len; i++)
        if (__builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_add_overflow(whole, d->whole[i] - '0', &whole))
            return false;
    /* From the last digit up: rounding down at each step is the same as once at the end. */
    for (size_t i = d->fraction_len; i > 0; i--)
        part = ((d->fraction[i - 1] - '0') * factor + part) / 10;
    return !__builtin_mul_overflow(whole, factor, &scaled) &&
           !__builtin_add_overflow(scaled, part, &scaled) && !__builtin_add_overflow(*sum, scaled, sum);
}

int parse_duration(const char *s, int64_t *ret_ns, struct err *err)
{
    static const char instead[] = "10s, 1m30s, 2h, 500ms";
    int64_t sum = 0, last = INT64_MAX;
    if (strcmp(s, "0") == 0) {
        *ret_ns = 0;
        return 0;
    }
    if (!*s)
        return not_a(err, s, "a duration", instead);
    for (const char *p = s; *p;) {
        struct decimal d;
        if (!scan_decimal(&p, &d))
            return not_a(err, s, "a duration", instead);
        size_t len = strcspn(p, "0123456789.");
        const struct unit *unit = NULL;
        for (size_t i = 0; i < ARRAY_LEN(durations) && !unit; i++)
            if (strlen(durations[i].name) == len && memcmp(durations[i].name, p, len) == 0)
                unit = &durations[i];
        if (!unit && len == 0)
            return not_a(err, s, "a duration: it has no unit", instead);
        if (!unit)
            return not_a(err, s, "a duration: its units are w, d, h, m, s, ms, us, ns", instead);
        if (unit->factor >= last)
            return not_a(err, s, "a duration: its units must descend", instead);
        if (!add_scaled(&d, unit->factor, &sum))
            return err_set(err, ERR_INVALID, "\"%.*s\" is too long for a duration; the maximum is 292 years",
                           SHOWN, s);
        last = unit->factor;
        p += len;
    }
    *ret_ns = sum;
    return 0;
}

/* "", "b", "k", "kb", "kib": NULL when it is none of these units. */
static const struct unit *size_unit(const char *s)
{
    const struct unit *bytes = &sizes[ARRAY_LEN(sizes) - 1];
    if (!*s || strcasecmp(s, "b") == 0)
        return bytes;
    for (const struct unit *u = sizes; u < bytes; u++)
        if (tolower((unsigned char)*s) == tolower((unsigned char)u->name[0]) &&
            (!s[1] || strcasecmp(s + 1, "b") == 0 || strcasecmp(s + 1, "ib") == 0))
            return u;
    return NULL;
}

int parse_size(const char *s, int64_t *ret_bytes, struct err *err)
{
    static const char instead[] = "bytes as 64m, 512MiB, 1.5g or 1048576";
    const char *p = s;
    struct decimal d;
    if (!scan_decimal(&p, &d))
        return not_a(err, s, "a size", instead);
    p += p[0] == ' ' && p[1];
    const struct unit *unit = size_unit(p);
    if (!unit)
        return not_a(err, s, "a size: its units are b, k, m, g, t, p", instead);
    int64_t sum = 0;
    if (!add_scaled(&d, unit->factor, &sum))
        return err_set(err, ERR_INVALID, "\"%.*s\" is too large for a size; the maximum is 8191 PiB", SHOWN,
                       s);
    *ret_bytes = sum;
    return 0;
}

int parse_mode(const char *s, int64_t *ret, struct err *err)
{
    const char *p = s[0] == '0' && (s[1] == 'o' || s[1] == 'O') ? s + 2 : s;
    int64_t mode = 0;
    if (!*p || p[strspn(p, "01234567")] || strlen(p) > 5)
        return not_a(err, s, "a file mode", "it in octal, as in 0644");
    for (; *p; p++)
        mode = mode * 8 + (*p - '0');
    if (mode > 07777)
        return not_a(err, s, "a file mode", "at most 07777");
    *ret = mode;
    return 0;
}

/* Days since 1970-01-01 of a date in the proleptic Gregorian calendar, and back. A year is taken to begin in
   March, so that a leap day is its last day; 400 years are 146097 days. */
static int64_t days_from_date(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
    int64_t of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_from_days(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
    int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, of_era = z - era * 146097;
    int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * y + y / 4 - y / 100), m = (5 * of_year + 2) / 153;
    *day = of_year - (153 * m + 2) / 5 + 1;
    *month = m < 10 ? m + 3 : m - 9;
    *year = y + era * 400 + (*month <= 2);
}

static int64_t days_in_month(int64_t year, int64_t month)
{
    int64_t next = month == 12 ? days_from_date(year + 1, 1, 1) : days_from_date(year, month + 1, 1);
    return next - days_from_date(year, month, 1);
}

/* Exactly `len` digits and a value within the bounds. */
static bool take_digits(const char **s, int len, int64_t min, int64_t max, int64_t *ret)
{
    int64_t v = 0;
    for (int i = 0; i < len; i++) {
        if (!is_digit((*s)[i]))
            return false;
        v = v * 10 + ((*s)[i] - '0');
    }
    *s += len;
    *ret = v;
    return v >= min && v <= max;
}

static bool take_char(const char **s, const char *any)
{
    if (!**s || !strchr(any, **s))
        return false;
    (*s)++;
    return true;
}

static bool take_date(const char **s, int64_t *ret_days)
{
    int64_t year, month, day;
    if (!take_digits(s, 4, 0, 9999, &year) || !take_char(s, "-") || !take_digits(s, 2, 1, 12, &month) ||
        !take_char(s, "-") || !take_digits(s, 2, 1, days_in_month(year, month), &day))
        return false;
    *ret_days = days_from_date(year, month, day);
    return true;
}

static bool take_time_of_day(const char **s, int64_t *ret_seconds, int64_t *ret_ns)
{
    int64_t hour, minute, second, scale = NS_PER_S;
    if (!take_digits(s, 2, 0, 23, &hour) || !take_char(s, ":") || !take_digits(s, 2, 0, 59, &minute) ||
        !take_char(s, ":") || !take_digits(s, 2, 0, 60, &second))
        return false;
    *ret_seconds = hour * 3600 + minute * 60 + second;
    *ret_ns = 0;
    if (!take_char(s, "."))
        return true;
    if (!is_digit(**s))
        return false;
    for (; is_digit(**s); (*s)++) {
        scale /= 10; /* digits finer than a nanosecond count as zero */
        *ret_ns += (**s - '0') * scale;
    }
    return true;
}

static bool take_offset(const char **s, int64_t *ret_seconds)
{
    int64_t hour, minute, sign = **s == '-' ? -1 : 1;
    *ret_seconds = 0;
    if (take_char(s, "Zz"))
        return true;
    if (!take_char(s, "+-") || !take_digits(s, 2, 0, 23, &hour) || !take_char(s, ":") ||
        !take_digits(s, 2, 0, 59, &minute))
        return false;
    *ret_seconds = sign * (hour * 3600 + minute * 60);
    return true;
}

int parse_time(const char *s, int64_t *ret_ns, struct err *err)
{
    const char *p = s;
    int64_t days, seconds, ns, offset, sum;
    if (!take_date(&p, &days) || !take_char(&p, "Tt ") || !take_time_of_day(&p, &seconds, &ns) ||
        !take_offset(&p, &offset) || *p)
        return not_a(err, s, "a time", "it as in 2026-11-21T01:33:54Z");
    if (strcmp(s, "0001-01-01T00:00:00Z") == 0) {
        *ret_ns = 0;
        return 0;
    }
    if (__builtin_mul_overflow(days * 86400 + seconds - offset, NS_PER_S, &sum) ||
        __builtin_add_overflow(sum, ns, &sum))
        return not_a(err, s, "a time from 1678 to 2261", "one that is");
    *ret_ns = sum;
    return 0;
}

/* value / unit as a decimal without trailing zeros. */
static void add_decimal(struct buf *out, uint64_t value, uint64_t unit)
{
    buf_addf(out, "%llu", (unsigned long long)(value / unit));
    uint64_t rest = value % unit;
    if (rest)
        buf_addc(out, '.');
    while (rest) {
        unit /= 10;
        buf_addc(out, (char)('0' + rest / unit));
        rest %= unit;
    }
}

void format_duration(int64_t ns, struct buf *out)
{
    uint64_t left = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;
    if (ns < 0)
        buf_addc(out, '-');
    /* Below a second one unit with its fraction; above, seconds carry the fraction: 1.5ms, 1m30.25s. */
    if (left > 0 && left < NS_PER_S) {
        const struct unit *u = durations;
        while ((uint64_t)u->factor > left)
            u++;
        add_decimal(out, left, (uint64_t)u->factor);
        buf_adds(out, u->name);
        return;
    }
    for (const struct unit *u = durations + 1; u->factor > NS_PER_S; u++) {
        uint64_t factor = (uint64_t)u->factor;
        if (left >= factor)
            buf_addf(out, "%llu%s", (unsigned long long)(left / factor), u->name);
        left %= factor;
    }
    if (left || ns == 0) {
        add_decimal(out, left, NS_PER_S);
        buf_addc(out, 's');
    }
}

void format_age(int64_t ns, struct buf *out)
{
    static const struct unit units[] = {{"d", NS_PER_D}, {"h", NS_PER_H}, {"m", NS_PER_M}, {"s", NS_PER_S}};
    const struct unit *u = units;
    while (u->factor > NS_PER_S && u->factor > ns)
        u++;
    buf_addf(out, "%lld %s", (long long)(ns > 0 ? ns / u->factor : 0), u->name);
}

void format_size(int64_t bytes, struct buf *out)
{
    const struct unit *u = sizes;
    while (u->factor > 1 && (bytes == 0 || bytes % u->factor != 0))
        u++;
    buf_addf(out, "%lld%s", (long long)(bytes / u->factor), u->name);
}

void format_time(int64_t ns, struct buf *out)
{
    int64_t ms = ns / NS_PER_MS - (ns % NS_PER_MS < 0), year, month, day;
    int64_t days = ms / 86400000 - (ms % 86400000 < 0), of_day = ms - days * 86400000;
    date_from_days(days, &year, &month, &day);
    buf_addf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", (int)year, (int)month, (int)day,
             (int)(of_day / 3600000), (int)(of_day / 60000 % 60), (int)(of_day / 1000 % 60),
             (int)(of_day % 1000));
}
