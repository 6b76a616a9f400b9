/*
 * Documents that come from outside: a saved plan as text and against another one, an observed object, a
 * record of the inventory. What is printed steers no terminal.
 */
#include <assert.h>
#include <stdint.h>

#include "reconciler/plan/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const struct buf *b)
{
    for (size_t i = 0; i < b->len; i++) {
        unsigned char c = (unsigned char)b->data[i];
        assert(c == '\n' || (c >= 0x20 && c != 0x7f));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = ARENA_INIT;
    struct val *v;
    struct object object;
    struct applied record;
    struct err err = {0};
    if (val_from_json(&a, (const char *)data, size, "input", &v, &err) == 0) {
        struct buf text = BUF_INIT;
        plan_text(v, false, &text);
        check_text(&text);
        buf_release(&text);
        (void)!plan_verify(v, v, &err);
        (void)!plan_verify(v, val_get(v, "changes"), &err);
        if (object_from_val(&a, v, &object, &err) == 0) {
            struct digest d;
            object_digest(&object, &d);
            assert(object_from_val(&a, object_to_val(&a, &object), &object, &err) == 0);
        }
        if (applied_from_val(&a, v, &record, &err) == 0)
            assert(applied_from_val(&a, applied_to_val(&a, &record), &record, &err) == 0);
    }
    arena_release(&a);
    return 0;
}
