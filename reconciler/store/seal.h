#ifndef STORE_SEAL_H
#define STORE_SEAL_H
/*
 * Encryption of the records that hold secrets (XChaCha20-Poly1305 of libsodium). The key is 32 random bytes
 * in the file "key" of the state folder, readable by its owner only. It is not part of a backup, so a backup
 * alone does not reveal any secret.
 *
 * A sealed text is: key id (4 bytes), nonce (24), cipher text and tag. It is bound to a context, the record's
 * table and key, so that a record cannot be moved to another place. Thread-safe once loaded.
 */
#include "base/buf.h"

#define SEAL_KEY_BYTES 32

struct sealer {
    bool have;
    uint8_t key[SEAL_KEY_BYTES];
    uint8_t id[4]; /* first bytes of the key's digest: distinguishes a wrong key from damage */
};

/* Read the key of a state folder; when it is missing, create it if `create` is set. A key that others can
   read is ERR_DENIED. When it is missing and `create` is not set, this succeeds, and opening sealed records
   is ERR_AUTH. */
int seal_load(struct sealer *s, const char *file, bool create, struct err *err) _must_check_;
void seal_random(struct sealer *s); /* for a store in memory */
void seal_release(struct sealer *s);
/* The keyed digest of some content: "v1:KEY ID:DIGEST" (the first 128 bits of HMAC-SHA-256, in hexadecimal,
   with a key derived from this one and from `context`). Without the key, guesses of the content cannot be
   checked against it. Digests with different key ids cannot be compared. False: there is no key. */
#define SEAL_DIGEST_TEXT 45 /* with the NUL */
bool seal_digest(const struct sealer *s, const char *context, const void *data, size_t len,
                 char ret[SEAL_DIGEST_TEXT]);
void seal_add(const struct sealer *s, const void *data, size_t len, const void *context, size_t context_len,
              struct buf *out);
/* Append the plain text. ERR_AUTH: another key; ERR_CORRUPT. */
int seal_open(const struct sealer *s, const void *data, size_t len, const void *context, size_t context_len,
              struct buf *out, struct err *err) _must_check_;
#endif
