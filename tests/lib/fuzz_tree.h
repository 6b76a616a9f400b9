#ifndef TESTS_LIB_FUZZ_TREE_H
#define TESTS_LIB_FUZZ_TREE_H
/*
 * A small tree of files made from one input, for fuzzing the code that loads repositories. The input is text;
 * a line "%% PATH" begins the file with that path, and the text before the first such line is file `first`.
 */
#include "base/map.h"
#include "schema/load.h"

#define FUZZ_FILES_MAX 16
#define FUZZ_KEPT_MAX  64

struct fuzz_tree {
    struct arena arena;
    struct load_file files[FUZZ_FILES_MAX];
    const char *texts[FUZZ_FILES_MAX];
    size_t n;
    struct {
        const char *key;
        const void *data;
        size_t len;
    } kept[FUZZ_KEPT_MAX];
    size_t n_kept;
};

/* Aborts if the condition is false, which the fuzzer reports. */
void fuzz_require(bool condition);
void fuzz_tree_split(struct fuzz_tree *t, const char *first, const char *text, size_t size);
/* The input of a load: the files, callbacks and a cache. */
struct load_input fuzz_tree_input(struct fuzz_tree *t);
#endif
