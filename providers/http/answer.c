#include "providers/http/answer.h"

#include "base/limits.h"
#include "base/str.h"

#define LINE_MAX_BYTES 4096u /* a chunk's size line, a trailer */

size_t http_head_length(const char *in, size_t len)
{
    /* memmem() needs a valid pointer even for an empty input. */
    const char *end = len < 4 ? NULL : memmem(in, len, "\r\n\r\n", 4);
    return end ? (size_t)(end - in) + 4 : 0;
}

static int corrupt(const char *what, struct err *err)
{
    return err_set(err, ERR_CORRUPT, "the engine's answer is not HTTP: %s", what);
}

/* "HTTP/1.1 200 OK" */
static int parse_status(const char *line, size_t len, struct http_head *h, struct err *err)
{
    if (len < 12 || memcmp(line, "HTTP/1.", 7) != 0 || (line[7] != '0' && line[7] != '1') || line[8] != ' ')
        return corrupt("bad status line", err);
    int status = 0;
    for (size_t i = 9; i < 12; i++) {
        if (line[i] < '0' || line[i] > '9')
            return corrupt("bad status", err);
        status = status * 10 + (line[i] - '0');
    }
    if (status < 100 || (len > 12 && line[12] != ' '))
        return corrupt("bad status", err);
    h->status = status;
    h->keep = line[7] == '1';
    h->length = -1;
    return 0;
}

static void copy_value(char *dst, size_t size, const char *v, size_t len)
{
    size_t n = len < size - 1 ? len : size - 1;
    memcpy(dst, v, n);
    dst[n] = '\0';
    str_clean(dst);
}

static bool value_is(const char *v, size_t len, const char *word)
{
    return strlen(word) == len && strncasecmp(v, word, len) == 0;
}

static int parse_length(const char *v, size_t len, struct http_head *h, struct err *err)
{
    int64_t n = 0;
    if (len == 0 || len > 18)
        return corrupt("bad Content-Length", err);
    for (size_t i = 0; i < len; i++) {
        if (v[i] < '0' || v[i] > '9')
            return corrupt("bad Content-Length", err);
        n = n * 10 + (v[i] - '0');
    }
    if (h->length >= 0 && h->length != n)
        return corrupt("two Content-Lengths", err);
    h->length = n;
    return 0;
}

static int parse_header(const char *name, size_t name_len, const char *v, size_t len, struct http_head *h,
                        struct err *err)
{
    const struct {
        const char *name;
        char *dst;
        size_t size;
    } kept[] = {
        {"api-version", h->api_version, sizeof(h->api_version)},
        {"server", h->server, sizeof(h->server)},
        {"content-type", h->content_type, sizeof(h->content_type)},
        {"date", h->date, sizeof(h->date)},
    };
    for (size_t i = 0; i < ARRAY_LEN(kept); i++)
        if (value_is(name, name_len, kept[i].name))
            copy_value(kept[i].dst, kept[i].size, v, len);
    if (value_is(name, name_len, "content-length"))
        return parse_length(v, len, h, err);
    if (value_is(name, name_len, "transfer-encoding")) {
        if (!value_is(v, len, "chunked"))
            return corrupt("unknown Transfer-Encoding", err);
        h->chunked = true;
    }
    if (value_is(name, name_len, "connection") && value_is(v, len, "close"))
        h->keep = false;
    return 0;
}

static int parse_header_line(const char *line, size_t len, struct http_head *h, struct err *err)
{
    const char *colon = memchr(line, ':', len);
    if (!colon || colon == line || *line == ' ' || *line == '\t')
        return corrupt("bad header", err);
    const char *v = colon + 1, *end = line + len;
    while (v < end && (*v == ' ' || *v == '\t'))
        v++;
    while (end > v && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    return parse_header(line, (size_t)(colon - line), v, (size_t)(end - v), h, err);
}

int http_head_parse(const char *in, size_t len, struct http_head *ret, struct err *err)
{
    struct http_head h = {0};
    const char *line = in, *end = in + len;
    bool first = true;
    while (line < end) {
        const char *eol = memmem(line, (size_t)(end - line), "\r\n", 2);
        if (!eol)
            return corrupt("no end of line", err);
        size_t n = (size_t)(eol - line);
        if (n == 0)
            break;
        int r = first ? parse_status(line, n, &h, err) : parse_header_line(line, n, &h, err);
        if (r < 0)
            return r;
        first = false;
        line = eol + 2;
    }
    if (first)
        return corrupt("no status line", err);
    h.upgraded = h.status == 101;
    *ret = h;
    return 0;
}

void http_body_begin(struct http_body *b, const struct http_head *h, bool no_body)
{
    *b = (struct http_body){.state = BODY_CLOSE};
    if (no_body || h->status == 204 || h->status == 304 || h->status < 200) {
        b->state = BODY_DONE;
    } else if (h->chunked) {
        b->state = BODY_CHUNK_SIZE;
    } else if (h->length >= 0) {
        b->left = (uint64_t)h->length;
        b->state = b->left > 0 ? BODY_LENGTH : BODY_DONE;
    }
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One byte of a line "SIZE[;extension]\r\n". */
static int feed_size(struct http_body *b, char c, struct err *err)
{
    if (++b->line > LINE_MAX_BYTES)
        return corrupt("endless chunk size", err);
    if (c == '\n') {
        if (b->digits == 0)
            return corrupt("no chunk size", err);
        b->state = b->left > 0 ? BODY_CHUNK_DATA : BODY_TRAILER;
        b->digits = b->line = 0;
        b->extension = false;
        return 0;
    }
    int digit = hex_digit(c);
    if (b->extension || c == '\r')
        return 0;
    if (c == ';' || c == ' ' || c == '\t') {
        b->extension = true;
        return 0;
    }
    if (digit < 0 || ++b->digits > 15)
        return corrupt("bad chunk size", err);
    b->left = b->left * 16 + (uint64_t)digit;
    return 0;
}

/* One byte of the lines between the last chunk and the empty line. */
static int feed_trailer(struct http_body *b, char c, struct err *err)
{
    if (c == '\n') {
        if (b->digits == 0)
            b->state = BODY_DONE;
        b->digits = 0;
    } else if (c != '\r') {
        b->digits = 1;
    }
    return ++b->line > LINE_MAX_BYTES ? corrupt("endless trailer", err) : 0;
}

static int feed_chunk_end(struct http_body *b, char c, struct err *err)
{
    if (c == '\r')
        return 0;
    if (c != '\n')
        return corrupt("a chunk is longer than its size", err);
    b->state = BODY_CHUNK_SIZE;
    return 0;
}

int http_body_feed(struct http_body *b, const char *in, size_t len, const char **ret_data, size_t *ret_len,
                   size_t *ret_used, struct err *err)
{
    size_t used = 0;
    *ret_data = in;
    *ret_len = 0;
    while (used < len && b->state != BODY_DONE) {
        int r = 0;
        switch (b->state) {
        case BODY_LENGTH:
        case BODY_CHUNK_DATA:
        case BODY_CLOSE: {
            size_t n = len - used;
            if (b->state != BODY_CLOSE && n > b->left)
                n = (size_t)b->left;
            if (b->state != BODY_CLOSE && (b->left -= n) == 0)
                b->state = b->state == BODY_LENGTH ? BODY_DONE : BODY_CHUNK_END;
            *ret_data = in + used;
            *ret_len = n;
            *ret_used = used + n;
            return 0;
        }
        case BODY_CHUNK_SIZE:
            r = feed_size(b, in[used++], err);
            break;
        case BODY_CHUNK_END:
            r = feed_chunk_end(b, in[used++], err);
            break;
        case BODY_TRAILER:
            r = feed_trailer(b, in[used++], err);
            break;
        case BODY_DONE:
            break;
        }
        if (r < 0)
            return r;
    }
    *ret_used = used;
    return 0;
}

int http_body_end(struct http_body *b, struct err *err)
{
    if (b->state == BODY_DONE)
        return 0;
    if (b->state == BODY_CLOSE) {
        b->state = BODY_DONE;
        return 0;
    }
    return err_set(err, ERR_UNAVAILABLE, "the engine's answer was incomplete");
}
