/*
 * What a store holds: any bytes as the binary form of a value. What is accepted is canonical: written again
 * it is the same bytes, so that equal values have equal digests.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "schema/val.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = ARENA_INIT;
    struct val *v;
    struct err err = {0};
    if (val_decode(&a, data, size, &v, &err) == 0) {
        struct buf again = BUF_INIT;
        val_encode(v, true, &again);
        assert(again.len == size && memcmp(again.data, data, size) == 0);
        val_json(v, 2, &again);
        val_print(v, 100, &again);
        struct digest digest;
        struct digest of_copy;
        val_digest(v, &digest);
        val_digest(val_clone(&a, v), &of_copy);
        assert(memcmp(&digest, &of_copy, sizeof(digest)) == 0);
        buf_release(&again);
    }
    arena_release(&a);
    return 0;
}
