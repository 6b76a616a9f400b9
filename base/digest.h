#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H
/*
 * SHA-256 (libsodium) and its text forms. Infallible. Thread-safe, except that a struct digest_ctx belongs to
 * one thread.
 */
#include <sodium/crypto_hash_sha256.h>
#include <stddef.h>
#include <stdint.h>

#define DIGEST_LEN     32
#define DIGEST_HEX_LEN 64

struct digest {
    uint8_t bytes[DIGEST_LEN];
};

struct digest_ctx {
    crypto_hash_sha256_state state;
};

void digest_begin(struct digest_ctx *c);
void digest_add(struct digest_ctx *c, const void *data, size_t len);
void digest_end(struct digest_ctx *c, struct digest *ret);
void digest_of(const void *data, size_t len, struct digest *ret);
/* HMAC-SHA-256, for values that must be comparable but not guessable (keyed digests of secrets). */
void digest_hmac(const void *key, size_t key_len, const void *data, size_t len, struct digest *ret);
void digest_hex(const struct digest *d, char ret[DIGEST_HEX_LEN + 1]);
#endif
