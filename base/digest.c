#include "base/digest.h"

#include <sodium/crypto_auth_hmacsha256.h>

_Static_assert(DIGEST_LEN == crypto_hash_sha256_BYTES, "SHA-256");

void digest_begin(struct digest_ctx *c)
{
    (void)crypto_hash_sha256_init(&c->state);
}

void digest_add(struct digest_ctx *c, const void *data, size_t len)
{
    if (len > 0)
        (void)crypto_hash_sha256_update(&c->state, data, len);
}

void digest_end(struct digest_ctx *c, struct digest *ret)
{
    (void)crypto_hash_sha256_final(&c->state, ret->bytes);
}

void digest_of(const void *data, size_t len, struct digest *ret)
{
    struct digest_ctx c;
    digest_begin(&c);
    digest_add(&c, data, len);
    digest_end(&c, ret);
}

void digest_hmac(const void *key, size_t key_len, const void *data, size_t len, struct digest *ret)
{
    crypto_auth_hmacsha256_state c;
    (void)crypto_auth_hmacsha256_init(&c, key_len > 0 ? key : (const void *)"", key_len);
    if (len > 0)
        (void)crypto_auth_hmacsha256_update(&c, data, len);
    (void)crypto_auth_hmacsha256_final(&c, ret->bytes);
}

void digest_hex(const struct digest *d, char ret[DIGEST_HEX_LEN + 1])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < DIGEST_LEN; i++) {
        ret[2 * i] = digits[d->bytes[i] >> 4];
        ret[2 * i + 1] = digits[d->bytes[i] & 15];
    }
    ret[DIGEST_HEX_LEN] = '\0';
}
