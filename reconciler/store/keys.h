#ifndef STORE_KEYS_H
#define STORE_KEYS_H
/* Keys of records below an environment, and listing keys without decoding the records. */
#include "reconciler/store/internal.h"

struct key {
    char text[KV_KEY_MAX + 2]; /* room for one byte too many, so that store_check_key() notices a long key */
};

/* "ENV/...". */
struct key key_of(const char *env, const char *fmt, ...) _printf_(2, 3);
#define KEY_NUMBER "%010llu" /* a number in a key: keys sort in numerical order */
/* The number at the end of a key; 0 when there is none. */
uint64_t key_number(const char *key);

/* The keys with a prefix, in order or in reverse, in the arena; at most limit (0: all). */
struct keys {
    const char **items;
    size_t n, cap;
};
int store_tx_keys(struct store_tx *tx, unsigned table, const char *prefix, bool reverse, size_t limit,
                  struct arena *a, struct keys *ret, struct err *err) _must_check_;
/* The same in a read transaction of its own. */
int store_keys(struct store *s, unsigned table, const char *prefix, bool reverse, size_t limit,
               struct arena *a, struct keys *ret, struct err *err) _must_check_;
bool store_tx_has(struct store_tx *tx, unsigned table, const char *key);
/* The number of the newest record under "ENV/"; 0 when there is none. */
int store_tx_newest(struct store_tx *tx, unsigned table, const char *env, uint64_t *ret,
                    struct err *err) _must_check_;
#endif
