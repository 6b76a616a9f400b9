#include "base/digest.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* Fetched once: otherwise OpenSSL 3 looks the algorithm up by name on each use, which costs more than a short
   digest. */
static EVP_MD *sha256;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;

static void check(int ok)
{
    if (ok)
        return;
    fputs("forge: SHA-256 is not available in this OpenSSL\n", stderr);
    abort();
}

static void fetch(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    check(sha256 != NULL);
}

void digest_begin(struct digest_ctx *c)
{
    pthread_once(&sha256_once, fetch);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    check(md && EVP_DigestInit_ex2(md, sha256, NULL));
    c->md = md;
}

void digest_add(struct digest_ctx *c, const void *data, size_t len)
{
    check(EVP_DigestUpdate(c->md, data, len));
}

void digest_end(struct digest_ctx *c, struct digest *ret)
{
    check(EVP_DigestFinal_ex(c->md, ret->bytes, NULL));
    EVP_MD_CTX_free(c->md);
    c->md = NULL;
}

void digest_of(const void *data, size_t len, struct digest *ret)
{
    pthread_once(&sha256_once, fetch);
    check(EVP_Digest(data, len, ret->bytes, NULL, sha256, NULL));
}

void digest_hmac(const void *key, size_t key_len, const void *data, size_t len, struct digest *ret)
{
    pthread_once(&sha256_once, fetch);
    check(key_len <= INT_MAX);
    check(HMAC(sha256, key_len ? key : "", (int)key_len, len ? data : (const void *)"", len, ret->bytes,
               NULL) != NULL);
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
