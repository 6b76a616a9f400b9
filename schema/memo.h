#ifndef SCHEMA_MEMO_H
#define SCHEMA_MEMO_H
/*
 * What is worked out once for a constant and kept for the life of the program: the compiled form of a
 * pattern, the index of a table. Keys are addresses of constants, so that there are as many as the program
 * text holds. Thread-safe and without locks; two threads may both make a value, and then one of the two is
 * kept and the other is dropped.
 */

/* The value for `key`, made by `make` at first use. `drop` frees one that came too late. Never NULL. */
void *memo_get(const void *key, void *(*make)(const void *key), void (*drop)(void *value));
#endif
