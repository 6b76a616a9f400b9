#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H
/* Shared by the programs of tests/bench: arguments, clocks, medians. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/parse.h"

/* argv[i], a whole number from 1 to max, or the fallback if it is missing. Exits on anything else. */
static inline size_t bench_argument(int argc, char **argv, int i, size_t fallback, size_t max)
{
    int64_t n;
    struct err err = {0};
    if (i >= argc)
        return fallback;
    if (parse_int(argv[i], 1, (int64_t)max, &n, &err) < 0) {
        fprintf(stderr, "%s: argument %d: %s\n", argv[0], i, err.msg);
        exit(2);
    }
    return (size_t)n;
}

/* The time of a clock_gettime() clock, in milliseconds. */
static inline double bench_ms(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static inline int bench_by_size(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* The median of n values. Sorts them: afterwards the first is the best, and the last the worst. */
static inline double bench_median(double *values, size_t n)
{
    qsort(values, n, sizeof(*values), bench_by_size);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

#endif
