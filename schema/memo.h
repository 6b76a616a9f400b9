#ifndef SCHEMA_MEMO_H
#define SCHEMA_MEMO_H
/*
 * Values computed once for a constant and kept for the life of the program: the compiled form of a pattern,
 * the index of a table. Keys are addresses of constants, so their number is bounded by the program text.
 * Thread-safe and lock-free; two threads may both make a value, and then one is kept and the other dropped.
 */

/* The value for `key`, made by `make` on first use. `drop` frees a value that another thread was faster to
   make. Never NULL. */
void *memo_get(const void *key, void *(*make)(const void *key), void (*drop)(void *value));
#endif
