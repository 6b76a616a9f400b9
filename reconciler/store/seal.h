#ifndef STORE_SEAL_H
#define STORE_SEAL_H
/*
 * Encryption of the records that hold secrets (XChaCha20-Poly1305 of libsodium). The key is 32 random bytes
 * in the file "key" of the state folder, readable by its owner only, and not part of a backup: who has a
 * backup alone reads no secret.
 *
 * A sealed text is: key id (4 bytes), nonce (24), cipher text and tag. It is bound to a context, the record's
 * place, so that a record cannot be moved to another. Thread-safe once loaded.
 */
#include "base/buf.h"

#define SEAL_KEY_BYTES 32

struct sealer {
    bool have;
    uint8_t key[SEAL_KEY_BYTES];
    uint8_t id[4]; /* first bytes of the key's digest: tells a wrong key from damage */
};

/* Read the key of a state folder; make it when missing and `create`. A key that others can read is
   ERR_DENIED. When it is missing and not to be made this succeeds, and sealed records are ERR_AUTH. */
int seal_load(struct sealer *s, const char *file, bool create, struct err *err) _must_check_;
void seal_random(struct sealer *s); /* for a store in memory */
void seal_release(struct sealer *s);
/* The digest of a content under this key: "v1:KEY ID:DIGEST" (HMAC-SHA-256 with a key made of this one and of
   `context`, the first 128 bits, in hexadecimal). Without the key no guess of the content can be tried.
   Digests of different key ids cannot be compared. False: there is no key. */
#define SEAL_DIGEST_TEXT 45 /* with the NUL */
bool seal_digest(const struct sealer *s, const char *context, const void *data, size_t len,
                 char ret[SEAL_DIGEST_TEXT]);
void seal_add(const struct sealer *s, const void *data, size_t len, const void *context, size_t context_len,
              struct buf *out);
/* Append the plain text. ERR_AUTH: another key; ERR_CORRUPT. */
int seal_open(const struct sealer *s, const void *data, size_t len, const void *context, size_t context_len,
              struct buf *out, struct err *err) _must_check_;
#endif
