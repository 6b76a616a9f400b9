/* Pauses between attempts, and names of results. */
#include "reconciler/exec/exec.h"

#define FIRST_NS (INT64_C(750) * NS_PER_MS)
#define MOST_NS  (INT64_C(900) * NS_PER_S)

int64_t backoff_ns(unsigned attempt, double random)
{
    const int64_t last = MOST_NS / 4 * 3;
    int64_t base = FIRST_NS;
    for (unsigned i = 1; i < attempt && base < last; i++)
        base *= 2;
    if (base > last)
        base = last;
    /* Up to a third more, so that what failed together does not come back together. */
    return base + (int64_t)((double)base / 3 * random);
}

const char *exec_result_name(enum exec_result_code r)
{
    static const char *const names[] = {
        [EXEC_OK] = "ok",           [EXEC_FAILED] = "failed",
        [EXEC_SKIPPED] = "skipped", [EXEC_CANCELLED] = "cancelled",
        [EXEC_BLOCKED] = "blocked",
    };
    return names[r];
}
