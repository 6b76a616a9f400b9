/* Image references: what is accepted has a canonical name, which is its own, and a familiar one that means
 * the same. */
#include <stdlib.h>
#include <string.h>

#include "schema/kinds/container.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = ARENA_INIT;
    struct err err = {0};
    const char *canonical = NULL;
    const char *again = NULL;
    if (ref_canonical(&a, arena_strndup(&a, (const char *)data, size), &canonical, &err) == 0) {
        require(ref_canonical(&a, canonical, &again, &err) == 0);
        require(strcmp(canonical, again) == 0);
        require(ref_canonical(&a, ref_familiar(&a, canonical), &again, &err) == 0);
        require(strcmp(canonical, again) == 0);
    } else {
        require(err.code == ERR_INVALID && canonical == NULL && *err.msg);
    }
    arena_release(&a);
    return 0;
}
