#include "reconciler/store/seal.h"

#include <sodium/crypto_aead_xchacha20poly1305.h>
#include <string.h>

#include "base/digest.h"
#include "base/io.h"
#include "base/secret.h"

#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_BYTES   crypto_aead_xchacha20poly1305_ietf_ABYTES
#define HEAD_BYTES  (sizeof(((struct sealer *)0)->id) + NONCE_BYTES)

static void set_key(struct sealer *s, const void *key)
{
    _Static_assert(SEAL_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "the cipher's key");
    struct digest d;
    memcpy(s->key, key, SEAL_KEY_BYTES);
    digest_hmac(key, SEAL_KEY_BYTES, "forge-key-id", 12, &d);
    memcpy(s->id, d.bytes, sizeof(s->id));
    s->have = true;
}

void seal_random(struct sealer *s)
{
    uint8_t key[SEAL_KEY_BYTES];
    io_random(key, sizeof(key));
    set_key(s, key);
    secret_wipe(key, sizeof(key));
}

void seal_release(struct sealer *s)
{
    secret_wipe(s, sizeof(*s));
}

static int make_key(struct sealer *s, const char *file, struct err *err)
{
    struct sealer fresh = {0};
    seal_random(&fresh);
    /* As text, so that it can be printed and kept on paper. */
    char hex[2 * SEAL_KEY_BYTES + 2];
    for (size_t i = 0; i < SEAL_KEY_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", fresh.key[i]);
    hex[2 * SEAL_KEY_BYTES] = '\n';
    int r = io_write_file(file, hex, 2 * SEAL_KEY_BYTES + 1, 0600, err);
    if (r == 0)
        *s = fresh;
    secret_wipe(hex, sizeof(hex));
    secret_wipe(&fresh, sizeof(fresh));
    return r;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int parse_key(struct sealer *s, const struct secret *text, const char *file, struct err *err)
{
    size_t len;
    const char *hex = secret_bytes(text, &len);
    uint8_t key[SEAL_KEY_BYTES];
    bool good = len == 2 * SEAL_KEY_BYTES;
    for (size_t i = 0; good && i < SEAL_KEY_BYTES; i++) {
        int high = hex_value(hex[2 * i]), low = hex_value(hex[2 * i + 1]);
        good = high >= 0 && low >= 0;
        key[i] = (uint8_t)(high * 16 + low);
    }
    if (good)
        set_key(s, key);
    secret_wipe(key, sizeof(key));
    if (good)
        return 0;
    err_set(err, ERR_CORRUPT, "%s is not a store key: it must be %d hexadecimal digits", file,
            2 * SEAL_KEY_BYTES);
    return err_hint(err, "restore the right file; without it the secrets in the store cannot be read");
}

int seal_load(struct sealer *s, const char *file, bool create, struct err *err)
{
    _cleanup_secret_ struct secret *text = NULL;
    int r = secret_read_file(file, &text, err);
    if (r == ERR_NOTFOUND) {
        err_clear(err);
        return create ? make_key(s, file, err) : 0;
    }
    return r < 0 ? r : parse_key(s, text, file, err);
}

bool seal_digest(const struct sealer *s, const char *context, const void *data, size_t len,
                 char ret[SEAL_DIGEST_TEXT])
{
    static const char use[] = "forge-content-v1";
    struct digest key, own, d;
    char hex[DIGEST_HEX_LEN + 1];
    if (!s->have)
        return false;
    digest_hmac(s->key, sizeof(s->key), use, sizeof(use) - 1, &key);
    digest_hmac(key.bytes, sizeof(key.bytes), context, strlen(context), &own);
    digest_hmac(own.bytes, sizeof(own.bytes), data, len, &d);
    digest_hex(&d, hex);
    snprintf(ret, SEAL_DIGEST_TEXT, "v1:%02x%02x%02x%02x:%.32s", s->id[0], s->id[1], s->id[2], s->id[3], hex);
    secret_wipe(&key, sizeof(key));
    secret_wipe(&own, sizeof(own));
    return true;
}

void seal_add(const struct sealer *s, const void *data, size_t len, const void *context, size_t context_len,
              struct buf *out)
{
    char *room = buf_reserve(out, HEAD_BYTES + len + TAG_BYTES);
    if (!room)
        return; /* the caller's check of the buffer reports it */
    uint8_t *p = (uint8_t *)room, *nonce = p + sizeof(s->id);
    memcpy(p, s->id, sizeof(s->id));
    io_random(nonce, NONCE_BYTES);
    crypto_aead_xchacha20poly1305_ietf_encrypt(p + HEAD_BYTES, NULL, data, len, context, context_len, NULL,
                                               nonce, s->key);
    out->len += HEAD_BYTES + len + TAG_BYTES;
    buf_truncate(out, out->len);
}

int seal_open(const struct sealer *s, const void *data, size_t len, const void *context, size_t context_len,
              struct buf *out, struct err *err)
{
    const uint8_t *p = data;
    if (len < HEAD_BYTES + TAG_BYTES)
        return err_set(err, ERR_CORRUPT, "a sealed record is too short");
    if (!s->have || memcmp(p, s->id, sizeof(s->id)) != 0) {
        err_set(err, ERR_AUTH,
                s->have ? "it is sealed with another key" : "it is sealed, but there is no key");
        return err_hint(err, "put the file \"key\" of this store into its folder");
    }
    size_t plain = len - HEAD_BYTES - TAG_BYTES;
    char *room = buf_reserve(out, plain);
    if (!room)
        return buf_check(out, "a sealed record", err);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt((uint8_t *)room, NULL, NULL, p + HEAD_BYTES,
                                                   len - HEAD_BYTES, context, context_len, p + sizeof(s->id),
                                                   s->key) != 0)
        return err_set(err, ERR_CORRUPT, "a sealed record is damaged");
    out->len += plain;
    buf_truncate(out, out->len);
    return 0;
}
