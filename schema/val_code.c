/*
 * The canonical binary form of a value (val.h).
 *
 *   document  = 0x01 (version) value
 *   value     = head [place] content
 *   head      = one byte: the low four bits are the type below, the rest are H_* bits
 *   place     = line - line of the previous value (zigzag varint), col << 1 | (file != 0) (varint),
 *               [file (varint)]
 *   content, by type:
 *     null, false, true: nothing
 *     integers: a zigzag varint
 *     floats: 8 bytes, little-endian IEEE 754
 *     strings: a length (varint), the bytes and a NUL
 *     lists: a count (varint) and the values
 *     maps: a count and pairs of key (like the content of a string) and value, keys strictly ascending
 *
 * An integral float is written as the integer it equals, so that equal trees have equal forms. Strings end
 * with a NUL so that a decoded tree can point into one copy of the bytes. Varints are little-endian groups of
 * seven bits, shortest form only.
 */
#include "schema/val.h"

#include <string.h>

#define VERSION 1u

enum code_type { C_NULL, C_FALSE, C_TRUE, C_INT, C_FLOAT, C_STR, C_LIST, C_MAP, C_END };

#define H_TYPE        0x0fu
#define H_PLACE       0x10u
#define H_FLAGS_SHIFT 5 /* the two VAL_F_* bits */
#define H_FREE        0x80u

#define NOT_A_NUMBER UINT64_C(0x7ff8000000000000) /* one stands for all NaNs */

struct writer {
    struct buf *out;
    bool places, flags;
    uint32_t line;
};

#define VARINT_MAX 10
#define HEAD_MAX   (1 + 3 * VARINT_MAX)

static char *put_varint(char *p, uint64_t n)
{
    while (n >= 0x80) {
        *p++ = (char)(n | 0x80);
        n >>= 7;
    }
    *p++ = (char)n;
    return p;
}

static uint64_t zigzag(int64_t i)
{
    return ((uint64_t)i << 1) ^ (i < 0 ? UINT64_MAX : 0);
}

static int64_t unzigzag(uint64_t n)
{
    return (int64_t)((n >> 1) ^ (n & 1 ? UINT64_MAX : 0));
}

/* Reserve room for all of a value's own bytes, to write them at once. NULL when the buffer is full, which the
   buffer records. */
static char *room(struct writer *w, size_t n)
{
    return buf_reserve(w->out, n);
}

static void written(struct writer *w, const char *end)
{
    w->out->len = (size_t)(end - w->out->data);
    w->out->data[w->out->len] = '\0';
}

static char *put_head(struct writer *w, char *p, enum code_type type, const struct val *v)
{
    unsigned head = type;
    bool place = w->places && (v->line || v->col || v->file);
    if (w->flags)
        head |= (unsigned)v->flags << H_FLAGS_SHIFT;
    if (place)
        head |= H_PLACE;
    *p++ = (char)head;
    if (!place)
        return p;
    p = put_varint(p, zigzag((int64_t)v->line - (int64_t)w->line));
    p = put_varint(p, (uint64_t)v->col << 1 | (v->file != 0));
    if (v->file)
        p = put_varint(p, v->file);
    w->line = v->line;
    return p;
}

static char *put_bytes(char *p, const char *s, size_t n)
{
    p = put_varint(p, n);
    if (n)
        memcpy(p, s, n);
    p[n] = '\0';
    return p + n + 1;
}

/* A value that consists of its head and a number. */
static void write_number(struct writer *w, enum code_type type, const struct val *v, uint64_t n)
{
    char *p = room(w, HEAD_MAX + VARINT_MAX);
    if (p)
        written(w, put_varint(put_head(w, p, type, v), n));
}

static void write_bare(struct writer *w, enum code_type type, const struct val *v)
{
    char *p = room(w, HEAD_MAX);
    if (p)
        written(w, put_head(w, p, type, v));
}

static void write_str(struct writer *w, const struct val *v)
{
    char *p = room(w, HEAD_MAX + VARINT_MAX + (size_t)v->len + 1);
    if (p)
        written(w, put_bytes(put_head(w, p, C_STR, v), v->s, v->len));
}

static void write_key(struct writer *w, const char *key)
{
    size_t n = strlen(key);
    char *p = room(w, VARINT_MAX + n + 1);
    if (p)
        written(w, put_bytes(p, key, n));
}

static bool is_integral(double f)
{
    return f >= -9223372036854775808.0 && f < 9223372036854775808.0 && (double)(int64_t)f == f;
}

static void write_float(struct writer *w, const struct val *v)
{
    double f = v->f;
    if (is_integral(f)) {
        write_number(w, C_INT, v, zigzag((int64_t)f));
        return;
    }
    uint64_t bits = NOT_A_NUMBER;
    if (f == f)
        memcpy(&bits, &f, sizeof(bits));
    char *p = room(w, HEAD_MAX + 8);
    if (!p)
        return;
    p = put_head(w, p, C_FLOAT, v);
    for (size_t i = 0; i < 8; i++)
        *p++ = (char)(bits >> (8 * i));
    written(w, p);
}

static void write_val(struct writer *w, const struct val *v)
{
    switch ((enum val_type)v->type) {
    case VAL_NULL:
        write_bare(w, C_NULL, v);
        break;
    case VAL_BOOL:
        write_bare(w, v->b ? C_TRUE : C_FALSE, v);
        break;
    case VAL_INT:
        write_number(w, C_INT, v, zigzag(v->i));
        break;
    case VAL_FLOAT:
        write_float(w, v);
        break;
    case VAL_STR:
        write_str(w, v);
        break;
    case VAL_LIST:
        write_number(w, C_LIST, v, v->len);
        for (size_t i = 0; i < v->len; i++)
            write_val(w, v->items[i]);
        break;
    case VAL_MAP:
        write_number(w, C_MAP, v, v->len);
        for (size_t i = 0; i < v->len; i++) {
            write_key(w, v->pairs[i].key);
            write_val(w, v->pairs[i].val);
        }
        break;
    }
}

void val_encode(const struct val *v, bool places, struct buf *out)
{
    struct writer w = {.out = out, .places = places, .flags = true};
    buf_addc(out, (char)VERSION);
    write_val(&w, v);
}

void val_digest(const struct val *v, struct digest *ret)
{
    static const char domain[] = "forge-val-v1";
    /* No maximum: the limits were applied when the value was read, and truncated forms would give two
       different trees the same digest. */
    _cleanup_buf_ struct buf form = BUF_INIT;
    buf_init(&form, SIZE_MAX);
    buf_add(&form, domain, sizeof(domain));
    struct writer w = {.out = &form};
    write_val(&w, v);
    digest_of(form.data, form.len, ret);
}

struct reader {
    struct arena *arena;
    bool words; /* strings are words of the arena; else they stay in the copy of the bytes */
    const char *start, *at, *end;
    uint32_t line;
    const char *problem; /* what is wrong; only the first problem is kept */
};

static bool damaged(struct reader *r, const char *problem)
{
    if (!r->problem)
        r->problem = problem;
    return false;
}

static bool read_varint(struct reader *r, uint64_t *ret)
{
    uint64_t n = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (r->at == r->end)
            return damaged(r, "it ends inside a number");
        uint64_t byte = (unsigned char)*r->at++;
        if ((shift == 63 && byte > 1) || (byte == 0 && shift > 0))
            break;
        n |= (byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret = n;
            return true;
        }
    }
    return damaged(r, "a number is not in its shortest form");
}

/* A count of items that take at least `size` bytes each, so that no count makes us allocate more than a
   multiple of the input. */
static bool read_count(struct reader *r, size_t size, uint32_t *ret)
{
    uint64_t n;
    if (!read_varint(r, &n))
        return false;
    if (n > (size_t)(r->end - r->at) / size)
        return damaged(r, "it ends too early");
    *ret = (uint32_t)n;
    return true;
}

static bool read_bytes(struct reader *r, const char **ret, uint32_t *ret_len)
{
    uint32_t n;
    if (!read_count(r, 1, &n))
        return false;
    if (r->end - r->at <= (ptrdiff_t)n || r->at[n])
        return damaged(r, "a string has no terminator");
    *ret = r->words ? arena_word(r->arena, r->at, n) : r->at;
    *ret_len = n;
    r->at += (size_t)n + 1;
    return true;
}

static bool read_place(struct reader *r, struct val *v)
{
    uint64_t delta;
    uint64_t col;
    uint64_t file = 0;
    if (!read_varint(r, &delta) || !read_varint(r, &col) || (col & 1 && !read_varint(r, &file)))
        return false;
    int64_t step = unzigzag(delta);
    if (step < -(int64_t)UINT32_MAX || step > (int64_t)UINT32_MAX)
        return damaged(r, "a source position is out of range");
    int64_t line = (int64_t)r->line + step;
    bool shortest = (col & 1) == (file != 0);
    if (line < 0 || line > VAL_LINE_MAX || col >> 1 > VAL_COL_MAX || file > UINT16_MAX || !shortest ||
        !(line || col >> 1 || file))
        return damaged(r, "a source position is out of range");
    r->line = (uint32_t)line;
    val_place(v, (uint16_t)file, r->line, (uint32_t)(col >> 1));
    return true;
}

static bool read_float(struct reader *r, struct val *v)
{
    if (r->end - r->at < 8)
        return damaged(r, "it ends inside a number");
    uint64_t bits = 0;
    for (size_t i = 0; i < 8; i++)
        bits |= (uint64_t)(unsigned char)r->at[i] << (8 * i);
    memcpy(&v->f, &bits, sizeof(bits));
    if (is_integral(v->f) || (v->f != v->f && bits != NOT_A_NUMBER))
        return damaged(r, "a number is not in its canonical form");
    r->at += 8;
    return true;
}

static bool read_val(struct reader *r, unsigned depth, struct val **ret);

static bool read_list(struct reader *r, unsigned depth, struct val *v)
{
    if (!read_count(r, 1, &v->len))
        return false;
    v->cap = v->len;
    v->items = v->len ? arena_array(r->arena, struct val *, v->len) : NULL;
    for (size_t i = 0; i < v->len; i++) {
        if (!read_val(r, depth + 1, &v->items[i]))
            return false;
    }
    return true;
}

static bool read_map(struct reader *r, unsigned depth, struct val *v)
{
    if (!read_count(r, 3, &v->len))
        return false;
    v->cap = v->len;
    v->pairs = v->len ? arena_array(r->arena, struct val_pair, v->len) : NULL;
    for (size_t i = 0; i < v->len; i++) {
        struct val_pair *pair = &v->pairs[i];
        uint32_t len;
        if (!read_bytes(r, &pair->key, &len))
            return false;
        if (strlen(pair->key) != len || (i > 0 && strcmp(v->pairs[i - 1].key, pair->key) >= 0))
            return damaged(r, "the keys of a map are not in order");
        if (!read_val(r, depth + 1, &pair->val))
            return false;
    }
    return true;
}

static bool read_content(struct reader *r, enum code_type type, unsigned depth, struct val *v)
{
    static const uint8_t types[C_END] = {VAL_NULL,  VAL_BOOL, VAL_BOOL, VAL_INT,
                                         VAL_FLOAT, VAL_STR,  VAL_LIST, VAL_MAP};
    uint64_t n;
    v->type = types[type];
    switch (type) {
    case C_TRUE:
        v->b = true;
        return true;
    case C_INT:
        if (!read_varint(r, &n))
            return false;
        v->i = unzigzag(n);
        return true;
    case C_FLOAT:
        return read_float(r, v);
    case C_STR:
        return read_bytes(r, &v->s, &v->len);
    case C_LIST:
        return read_list(r, depth, v);
    case C_MAP:
        return read_map(r, depth, v);
    case C_NULL:
    case C_FALSE:
    case C_END:
        break;
    }
    return true;
}

static bool read_val(struct reader *r, unsigned depth, struct val **ret)
{
    if (depth > VAL_DEPTH_MAX)
        return damaged(r, "it is nested too deeply");
    if (r->at == r->end)
        return damaged(r, "it ends too early");
    unsigned head = (unsigned char)*r->at++;
    if ((head & H_TYPE) >= C_END || head & H_FREE)
        return damaged(r, "it holds a value of an unknown type");
    struct val *v = arena_new(r->arena, struct val);
    v->flags = (uint8_t)(head >> H_FLAGS_SHIFT);
    if ((head & H_PLACE && !read_place(r, v)) || !read_content(r, head & H_TYPE, depth, v))
        return false;
    *ret = v;
    return true;
}

int val_decode(struct arena *a, const void *data, size_t len, struct val **ret, struct err *err)
{
    /* Strings of the tree are words of the arena if it keeps words, else they point into one copy of the
       bytes. */
    bool words = a->words;
    const char *bytes = words ? data : arena_memdup(a, data, len);
    struct reader r = {.arena = a, .words = words, .start = bytes, .at = bytes, .end = bytes + len};
    struct val *v = NULL;

    if (len == 0 || (unsigned char)*r.at++ != VERSION)
        return err_set(err, ERR_CORRUPT, "stored value: its version is not %u", VERSION);
    if (read_val(&r, 0, &v) && r.at != r.end)
        damaged(&r, "there is data after its end");
    if (r.problem)
        return err_set(err, ERR_CORRUPT, "stored value: %s (byte %zu of %zu)", r.problem,
                       (size_t)(r.at - r.start), len);
    *ret = v;
    return 0;
}
