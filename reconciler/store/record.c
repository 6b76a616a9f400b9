/*
 * The bytes of a record:
 *
 *   version (1 byte), flags (1 byte), checksum (4 bytes), body
 *
 * The body is the value's canonical form (schema/val_code.c), sealed when it holds a secret. The checksum
 * covers the body and the record's place: LMDB has no checksums, and a flipped bit in a string would decode
 * without an error.
 */
#include <sodium/crypto_shorthash.h>

#include "base/limits.h"
#include "base/secret.h"
#include "reconciler/store/internal.h"

#define VERSION    1
#define HEAD_BYTES 6

#define F_SEALED 0x01

static bool holds_secret(const struct val *v)
{
    if (!v)
        return false;
    if (v->flags & VAL_F_SECRET)
        return true;
    bool found = false;
    for (size_t i = 0; v->type == VAL_LIST && i < v->len && !found; i++)
        found = holds_secret(v->items[i]);
    for (size_t i = 0; v->type == VAL_MAP && i < v->len && !found; i++)
        found = holds_secret(v->pairs[i].val);
    return found;
}

/* A record's place (table and key) as bytes, to which its checksum and its seal are bound. */
struct place {
    char bytes[KV_KEY_MAX + 1];
    size_t len;
};

static struct place place_of(unsigned table, const char *key)
{
    struct place p = {.len = strlen(key) + 1};
    p.bytes[0] = (char)table;
    memcpy(p.bytes + 1, key, p.len - 1);
    return p;
}

static void checksum(const struct place *p, const void *body, size_t len, uint8_t ret[4])
{
    static const unsigned char key[crypto_shorthash_KEYBYTES] = "forge record v1";
    unsigned char of_place[crypto_shorthash_BYTES], of_body[crypto_shorthash_BYTES];
    crypto_shorthash(of_place, (const unsigned char *)p->bytes, p->len, key);
    crypto_shorthash(of_body, body, len, key);
    for (int i = 0; i < 4; i++)
        ret[i] = of_place[i] ^ of_body[i];
}

int record_encode(const struct store *s, unsigned table, const char *key, const struct val *v,
                  struct buf *out, struct err *err)
{
    bool seals = holds_secret(v);
    struct place place = place_of(table, key);
    struct buf plain = {.max = LIMIT_STORE_VALUE_BYTES};
    size_t start = out->len;
    uint8_t head[HEAD_BYTES] = {VERSION, seals ? F_SEALED : 0};
    buf_add(out, head, HEAD_BYTES);
    val_encode(v, false, seals ? &plain : out);
    if (seals) {
        seal_add(&s->sealer, plain.data, plain.len, place.bytes, place.len, out);
        secret_wipe(plain.data, plain.len);
    }
    bool fits = !plain.overflow && !out->overflow && out->len - start <= LIMIT_STORE_VALUE_BYTES;
    buf_release(&plain);
    if (!fits)
        return err_set(err, ERR_LIMIT, "the record %s of table %s is larger than %u bytes", key,
                       store_table_name(table), LIMIT_STORE_VALUE_BYTES);
    uint8_t *at = (uint8_t *)out->data + start;
    checksum(&place, at + HEAD_BYTES, out->len - start - HEAD_BYTES, at + 2);
    return 0;
}

static int decode_body(const struct store *s, const struct place *place, uint8_t flags, struct slice body,
                       struct arena *a, struct val **ret, struct err *err)
{
    if (!(flags & F_SEALED))
        return val_decode(a, body.data, body.len, ret, err);
    struct buf plain = {.max = LIMIT_STORE_VALUE_BYTES};
    int r = seal_open(&s->sealer, body.data, body.len, place->bytes, place->len, &plain, err);
    if (r == 0)
        r = val_decode(a, plain.data, plain.len, ret, err);
    secret_wipe(plain.data, plain.len);
    buf_release(&plain);
    return r;
}

int record_decode(const struct store *s, unsigned table, const char *key, struct slice bytes, struct arena *a,
                  struct val **ret, struct err *err)
{
    const uint8_t *p = bytes.data;
    struct place place = place_of(table, key);
    struct slice body = {p + HEAD_BYTES, bytes.len - HEAD_BYTES};
    uint8_t sum[4];
    int r = 0;
    if (bytes.len >= 1 && p[0] > VERSION) {
        err_set(err, ERR_UNSUPPORTED, "the record %s of table %s was written by a newer version of Forge",
                key, store_table_name(table));
        return err_hint(err, "use that version, or restore a backup of this one");
    }
    if (bytes.len < HEAD_BYTES || p[0] == 0 || (p[1] & ~F_SEALED) != 0)
        r = err_set(err, ERR_CORRUPT, "it has no valid header");
    if (r == 0)
        checksum(&place, body.data, body.len, sum);
    if (r == 0 && memcmp(sum, p + 2, sizeof(sum)) != 0)
        r = err_set(err, ERR_CORRUPT, "its checksum does not match");
    if (r == 0)
        r = decode_body(s, &place, p[1], body, a, ret, err);
    if (r == ERR_CORRUPT)
        err_hint(err, "restore a backup of the store");
    return r < 0 ? err_wrap(err, "the store's record %s of table %s", key, store_table_name(table)) : 0;
}
