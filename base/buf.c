#include "base/buf.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"

#define FIRST_CAP 64

static size_t max_of(const struct buf *b)
{
    return b->max ? b->max : BUF_MAX_DEFAULT;
}

/* Make room for n more bytes and the NUL; false when that exceeds the maximum, or after an overflow. */
static bool make_room(struct buf *b, size_t n)
{
    if (b->overflow || b->len > max_of(b) || n > max_of(b) - b->len) {
        b->overflow = true;
        return false;
    }
    size_t need = b->len + n + 1;
    if (need <= b->cap)
        return true;
    size_t cap = b->cap < FIRST_CAP ? FIRST_CAP : b->cap;
    while (cap < need)
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    b->data = mem_resize(b->data, cap, 1);
    b->cap = cap;
    b->data[b->len] = '\0';
    return true;
}

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_release(struct buf *b)
{
    if (!b)
        return;
    free(b->data);
    *b = (struct buf){.max = b->max};
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    b->overflow = false;
    if (b->data)
        b->data[0] = '\0';
}

void buf_add(struct buf *b, const void *data, size_t len)
{
    if (len == 0 || !make_room(b, len))
        return;
    memcpy(b->data + b->len, data, len);
    b->len += len;
    b->data[b->len] = '\0';
}

void buf_adds(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_addc(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_addn(struct buf *b, char c, size_t times)
{
    if (times == 0 || !make_room(b, times))
        return;
    memset(b->data + b->len, c, times);
    b->len += times;
    b->data[b->len] = '\0';
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    buf_addv(b, fmt, ap);
    va_end(ap);
}

void buf_addv(struct buf *b, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    size_t room = b->data ? b->cap - b->len : 0;
    int n = vsnprintf(b->data ? b->data + b->len : NULL, room, fmt, ap);
    if (n >= 0 && make_room(b, (size_t)n)) {
        if ((size_t)n >= room)
            vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    } else if (b->data) {
        b->data[b->len] = '\0';
    }
    va_end(again);
}

void buf_truncate(struct buf *b, size_t len)
{
    assert(len <= b->len);
    b->len = len;
    if (b->data)
        b->data[len] = '\0';
}

char *buf_reserve(struct buf *b, size_t n)
{
    return make_room(b, n) ? b->data + b->len : NULL;
}

int buf_check(const struct buf *b, const char *what, struct err *err)
{
    if (!b->overflow)
        return 0;
    return err_set(err, ERR_LIMIT, "%s is larger than %zu bytes", what, max_of(b));
}

const char *buf_str(const struct buf *b)
{
    return b->data ? b->data : "";
}

char *buf_steal(struct buf *b)
{
    char *data = b->data ? b->data : mem_alloc(1);
    *b = (struct buf){.max = b->max};
    return data;
}
