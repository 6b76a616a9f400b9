#include "base/backoff.h"

#include "base/clock.h"
#include "base/io.h"

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
    /* Up to a third more, so that things that failed together are not retried at the same moment. */
    return base + (int64_t)((double)base / 3 * random);
}

double backoff_random(void)
{
    uint32_t n;
    io_random(&n, sizeof(n));
    return (double)n / 4294967296.0;
}
