#include "providers/containers/demux.h"

#include "base/limits.h"

#include <string.h>

#define STREAM_STDOUT 1
#define STREAM_STDERR 2

static int head_done(struct demux *d, struct err *err)
{
    if (d->head[0] > STREAM_STDERR || d->head[1] || d->head[2] || d->head[3])
        return err_set(err, ERR_CORRUPT, "the container's output is not framed as expected");
    d->left =
        (uint32_t)d->head[4] << 24 | (uint32_t)d->head[5] << 16 | (uint32_t)d->head[6] << 8 | d->head[7];
    d->have = 0;
    return 0;
}

int demux_feed(struct demux *d, const char *data, size_t len, struct err *err)
{
    int r = 0;
    if (d->bare)
        return len ? d->out(d->arg, STREAM_STDOUT, data, len, err) : 0;
    while (len > 0 && r >= 0) {
        if (d->left == 0) {
            d->head[d->have++] = (unsigned char)*data++;
            len--;
            if (d->have == sizeof(d->head))
                r = head_done(d, err);
            continue;
        }
        size_t n = len < d->left ? len : d->left;
        /* Stream 0 is echoed stdin. */
        r = d->out(d->arg, d->head[0] == STREAM_STDERR ? STREAM_STDERR : STREAM_STDOUT, data, n, err);
        data += n;
        len -= n;
        d->left -= (uint32_t)n;
    }
    return r < 0 ? r : 0;
}

static void emit(struct lines *l, int stream, const char *text, size_t len)
{
    if (len > 0 && text[len - 1] == '\r')
        len--;
    l->line(l->arg, stream, text, len);
}

void lines_feed(struct lines *l, int stream, const char *data, size_t len)
{
    struct buf *b = &l->partial[stream];
    while (len > 0) {
        const char *eol = memchr(data, '\n', len);
        size_t n = eol ? (size_t)(eol - data) : len;
        size_t room = LIMIT_EVENT_BYTES - b->len;
        if (n >= room) {
            buf_add(b, data, room);
            l->line(l->arg, stream, b->data, b->len);
            buf_reset(b);
            data += room;
            len -= room;
            continue;
        }
        if (eol && b->len == 0) {
            emit(l, stream, data, n);
        } else {
            buf_add(b, data, n);
            if (eol) {
                emit(l, stream, b->data, b->len);
                buf_reset(b);
            }
        }
        data += n + (eol ? 1 : 0);
        len -= n + (eol ? 1 : 0);
    }
}

void lines_end(struct lines *l)
{
    for (int i = 0; i < 3; i++) {
        if (l->partial[i].len > 0)
            emit(l, i, l->partial[i].data, l->partial[i].len);
        buf_release(&l->partial[i]);
    }
}
