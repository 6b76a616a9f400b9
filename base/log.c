#include "base/log.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/parse.h"
#include "base/str.h"

#define MAX_PAIRS 32
#define MAX_VALUE ((size_t)8 << 10)                   /* a longer value is cut and ends in "..." */
#define MAX_LINE  (MAX_PAIRS * (MAX_VALUE + 256) * 6) /* escaping turns a byte into up to six */
#define MAX_RUN   64

struct pair {
    const char *key, *value;
};

/* One line on its way to a sink. */
struct line {
    enum log_level level;
    int64_t wall_ns;
    const char *event;
    struct pair pairs[MAX_PAIRS];
    size_t n;
};

struct sink {
    const char *name;
    void (*write)(const struct line *l, struct buf *scratch);
};

static const struct {
    const char *name;  /* in JSON */
    const char *shown; /* on a terminal */
    const char *colour;
    int priority; /* of syslog(3) */
} levels[] = {
    [LOG_ERROR] = {"error", "ERROR", "\033[31m", 3},
    [LOG_WARN] = {"warn", "WARN ", "\033[33m", 4},
    [LOG_INFO] = {"info", "INFO ", "\033[32m", 6},
    [LOG_DEBUG] = {"debug", "DEBUG", "\033[2m", 7},
};

static void write_terminal(const struct line *l, struct buf *b);
static void write_json(const struct line *l, struct buf *b);
static void write_journal(const struct line *l, struct buf *b);
static void write_none(const struct line *l, struct buf *b);

static const struct sink sinks[] = {
    {"terminal", write_terminal},
    {"json", write_json},
    {"journald", write_journal},
    {"none", write_none},
};

/* Set before threads start, except the level. Until then warnings show, so that a program that forgets
   log_setup() is not silent. */
static const struct sink *sink = &sinks[0];
static atomic_int max_level = LOG_WARN;
static int out_fd = STDERR_FILENO;
static bool colour;
static const char *journal_path = "/run/systemd/journal/socket";
static int journal_fd = -1;

static _Thread_local char run_of_thread[MAX_RUN];

const char *log_fmt_int(struct log_scratch *s, int64_t v)
{
    snprintf(s->text, sizeof(s->text), "%lld", (long long)v);
    return s->text;
}

const char *log_fmt_dur(struct log_scratch *s, int64_t ns)
{
    /* Three digits are precise enough for a log, and short enough to read in a column. */
    static const struct {
        int64_t unit;
        const char *name;
    } units[] = {{NS_PER_S, "s"}, {NS_PER_MS, "ms"}, {NS_PER_US, "us"}, {1, "ns"}};
    size_t i = 0;
    while (i + 1 < ARRAY_LEN(units) && llabs(ns) < units[i].unit)
        i++;
    double v = (double)ns / (double)units[i].unit;
    snprintf(s->text, sizeof(s->text), llabs(ns) >= 1000 * NS_PER_S ? "%.0f%s" : "%.3g%s", v, units[i].name);
    return s->text;
}

static void write_line(const struct buf *b)
{
    const char *p = buf_str(b);
    for (size_t left = b->len; left > 0;) {
        ssize_t n = write(out_fd, p, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; /* there is nowhere left to report it */
        p += n;
        left -= (size_t)n;
    }
}

/* Append the next character, escaped as in a JSON string; also fit for the quotes of a terminal line. Returns
   how many bytes were read. Invalid UTF-8 becomes U+FFFD; no control character passes through raw. */
static size_t add_escaped(struct buf *b, const char *s, size_t left)
{
    static const struct {
        char c;
        const char *text;
    } shorts[] = {{'"', "\\\""}, {'\\', "\\\\"}, {'\n', "\\n"}, {'\t', "\\t"}, {'\r', "\\r"}};
    unsigned char c = (unsigned char)*s;
    for (size_t i = 0; i < ARRAY_LEN(shorts); i++) {
        if (*s == shorts[i].c) {
            buf_adds(b, shorts[i].text);
            return 1;
        }
    }
    size_t n = str_utf8_char(s, left);
    if (n == 0) {
        buf_adds(b, "\xEF\xBF\xBD");
        return 1;
    }
    bool c1 = n == 2 && c == 0xC2 && (unsigned char)s[1] < 0xA0;
    if (c < 0x20 || c == 0x7F || c1)
        buf_addf(b, "\\u%04x", c1 ? (unsigned char)s[1] : c);
    else
        buf_add(b, s, n);
    return n;
}

static void add_quoted(struct buf *b, const char *s)
{
    buf_addc(b, '"');
    for (size_t left = strnlen(s, MAX_VALUE), n; left > 0; s += n, left -= n)
        n = add_escaped(b, s, left);
    buf_adds(b, *s ? "...\"" : "\"");
}

/* Bare when it reads as one word, quoted otherwise. */
static void add_value(struct buf *b, const char *s)
{
    size_t len = strnlen(s, MAX_VALUE);
    bool bare = *s && !s[len] && str_utf8_valid(s, len);
    for (const char *p = s; bare && *p; p++)
        bare = (unsigned char)*p > ' ' && !strchr("\"\\=\x7F", *p) && (unsigned char)*p != 0xC2;
    if (bare)
        buf_adds(b, s);
    else
        add_quoted(b, s);
}

static void add_pairs(struct buf *b, const struct line *l, const char *before_key, const char *after_key)
{
    for (size_t i = 0; i < l->n; i++) {
        buf_addf(b, " %s%s=%s", before_key, l->pairs[i].key, after_key);
        add_value(b, l->pairs[i].value);
    }
}

/* 01:33:54.123 INFO  apply.done env=prod generation=3 (local time: a person is watching) */
static void write_terminal(const struct line *l, struct buf *b)
{
    time_t s = (time_t)(l->wall_ns / NS_PER_S);
    struct tm tm;
    localtime_r(&s, &tm);
    const char *dim = colour ? "\033[2m" : "", *bold = colour ? "\033[1m" : "",
               *end = colour ? "\033[0m" : "";
    buf_addf(b, "%s%02d:%02d:%02d.%03d%s %s%s%s %s%s%s", dim, tm.tm_hour, tm.tm_min, tm.tm_sec,
             (int)(l->wall_ns / NS_PER_MS % 1000), end, colour ? levels[l->level].colour : "",
             levels[l->level].shown, end, bold, l->event, end);
    add_pairs(b, l, dim, end);
    buf_addc(b, '\n');
    write_line(b);
}

static void write_json(const struct line *l, struct buf *b)
{
    buf_adds(b, "{\"time\":\"");
    format_time(l->wall_ns, b);
    buf_addf(b, "\",\"level\":\"%s\",\"event\":", levels[l->level].name);
    add_quoted(b, l->event);
    for (size_t i = 0; i < l->n; i++) {
        buf_addc(b, ',');
        add_quoted(b, l->pairs[i].key);
        buf_addc(b, ':');
        add_quoted(b, l->pairs[i].value);
    }
    buf_adds(b, "}\n");
    write_line(b);
}

/* A field of systemd's journal protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): NAME=value, or, where the value
   contains a newline, with its length as eight little-endian bytes. */
static void add_field(struct buf *b, const char *name, const char *value, size_t len)
{
    buf_adds(b, name);
    if (!memchr(value, '\n', len)) {
        buf_addc(b, '=');
    } else {
        buf_addc(b, '\n');
        for (int i = 0; i < 8; i++)
            buf_addc(b, (char)((uint64_t)len >> (8 * i) & 0xFF));
    }
    buf_add(b, value, len);
    buf_addc(b, '\n');
}

/* FORGE_ and the key, in characters that the journal accepts in a name; at most 64 of them. */
static void field_name(const char *key, char ret[64])
{
    size_t n = (size_t)snprintf(ret, 64, "FORGE_%s", key);
    for (size_t i = 0; i < n && i < 63; i++)
        ret[i] = isalnum((unsigned char)ret[i]) ? (char)toupper((unsigned char)ret[i]) : '_';
}

static void write_journal(const struct line *l, struct buf *b)
{
    _cleanup_buf_ struct buf text = {.max = MAX_LINE};
    buf_adds(&text, l->event);
    add_pairs(&text, l, "", "");
    add_field(b, "MESSAGE", buf_str(&text), text.len);
    buf_addf(b, "PRIORITY=%d\nSYSLOG_IDENTIFIER=forge\n", levels[l->level].priority);
    add_field(b, "FORGE_EVENT", l->event, strlen(l->event));
    for (size_t i = 0; i < l->n; i++) {
        char name[64];
        field_name(l->pairs[i].key, name);
        add_field(b, name, l->pairs[i].value, strnlen(l->pairs[i].value, MAX_VALUE));
    }
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    str_copy(to.sun_path, sizeof(to.sun_path), journal_path);
    if (sendto(journal_fd, buf_str(b), b->len, MSG_NOSIGNAL, (struct sockaddr *)&to, sizeof(to)) >= 0)
        return;
    /* The journal is gone or refuses the entry: a line on stderr is better than none. */
    buf_reset(b);
    write_terminal(l, b);
}

static void write_none(const struct line *l, struct buf *b)
{
    (void)l;
    (void)b;
}

/* JOURNAL_STREAM holds the device and inode of the stderr that systemd gave us; after a redirection they no
   longer match. */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat st;
    char text[64];
    if (!stream || fstat(out_fd, &st) < 0)
        return false;
    snprintf(text, sizeof(text), "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
    return str_eq(stream, text);
}

static bool wants_colour(void)
{
    const char *term = getenv("TERM");
    return isatty(out_fd) && str_empty(getenv("NO_COLOR")) && term && !str_eq(term, "dumb");
}

bool log_setup(const char *name, enum log_level level)
{
    if (str_eq(name, "auto"))
        name = stderr_is_journal() ? "journald" : isatty(out_fd) ? "terminal" : "json";
    const struct sink *found = NULL;
    for (size_t i = 0; i < ARRAY_LEN(sinks) && !found; i++)
        if (str_eq(sinks[i].name, name))
            found = &sinks[i];
    if (!found)
        return false;
    if (found->write == write_journal && journal_fd < 0)
        journal_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sink = found;
    colour = wants_colour();
    log_set_level(level);
    return true;
}

void log_redirect(int fd, const char *journal_socket)
{
    out_fd = fd;
    journal_path = journal_socket ? journal_socket : journal_path;
}

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&max_level, (int)level, memory_order_relaxed);
}

bool log_enabled(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&max_level, memory_order_relaxed) && sink->write != write_none;
}

void log_run(const char *run_id)
{
    str_copy(run_of_thread, sizeof(run_of_thread), run_id ? run_id : "");
}

void log_event(enum log_level level, const char *event, ...)
{
    if (!log_enabled(level))
        return;
    struct line l = {.level = level, .wall_ns = clock_wall(clock_system()), .event = event};
    bool has_run = false;
    va_list ap;
    va_start(ap, event);
    for (const char *key; l.n < MAX_PAIRS - 1 && (key = va_arg(ap, const char *));) {
        l.pairs[l.n++] = (struct pair){key, str_or(va_arg(ap, const char *), "")};
        has_run = has_run || str_eq(key, "run");
    }
    va_end(ap);
    if (!has_run && *run_of_thread)
        l.pairs[l.n++] = (struct pair){"run", run_of_thread};
    _cleanup_buf_ struct buf b = {.max = MAX_LINE};
    sink->write(&l, &b);
}
