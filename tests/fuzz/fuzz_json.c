/*
 * What engines and forges answer: any bytes as JSON. What is accepted and written again reads as the same
 * value.
 */
#include <assert.h>
#include <stdint.h>

#include "schema/val.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = ARENA_INIT;
    struct val *v;
    struct val *back;
    struct err err = {0};
    if (val_from_json(&a, (const char *)data, size, "input", &v, &err) == 0) {
        struct buf text = BUF_INIT;
        val_json(v, (int)(size % 3), &text);
        int result = val_from_json(&a, text.data, text.len, "output", &back, &err);
        assert(result == 0 && val_equal(v, back));
        buf_release(&text);
    }
    arena_release(&a);
    return 0;
}
