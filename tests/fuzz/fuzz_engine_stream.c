/* Bytes as they come from an engine's connection: answers, listings, events, the output of containers. The
   first byte says in which pieces they come. */
#include "base/str.h"
#include "providers/containers/demux.h"
#include "providers/containers/events.h"
#include "providers/containers/listing.h"
#include "providers/http/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int swallow(void *arg, int stream, const char *data, size_t len, struct err *err)
{
    (void)err;
    lines_feed(arg, stream, data, len);
    return 0;
}

static void count(void *arg, int stream, const char *text, size_t len)
{
    (void)stream;
    (void)text;
    *(size_t *)arg += len;
}

static void listing(const char *text, size_t len)
{
    struct arena a = ARENA_INIT;
    struct err err = {0};
    struct scan s;
    struct span entry;
    struct listed l;
    struct engine_event e;
    int r = scan_enter((struct span){text, text + len}, '[', &s, &err);
    while (r >= 0 && (r = scan_element(&s, &entry, &err)) > 0)
        r = listing_read(&a, entry, &l, &err);
    (void)!event_read(&a, text, len, &e, &err);
    arena_release(&a);
}

static void answer(const char *text, size_t len, size_t step)
{
    struct err err = {0};
    struct http_head h;
    struct http_body b;
    size_t at = http_head_length(text, len);
    if (!at || http_head_parse(text, at, &h, &err) < 0)
        return;
    http_body_begin(&b, &h, false);
    while (at < len && b.state != BODY_DONE) {
        const char *data;
        size_t n = len - at < step ? len - at : step, got, used;
        if (http_body_feed(&b, text + at, n, &data, &got, &used, &err) < 0)
            return;
        at += used;
    }
    (void)!http_body_end(&b, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct err err = {0};
    size_t total = 0, step = len ? (size_t)data[0] % 17 + 1 : 1;
    struct lines lines = {.line = count, .arg = &total};
    struct demux d = {.out = swallow, .arg = &lines, .bare = len && data[0] & 0x80};
    if (len < 1)
        return 0;
    const char *text = (const char *)data + 1;
    len--;
    for (size_t at = 0; at < len; at += step)
        if (demux_feed(&d, text + at, len - at < step ? len - at : step, &err) < 0)
            break;
    lines_end(&lines);
    answer(text, len, step);
    listing(text, len);
    return 0;
}
