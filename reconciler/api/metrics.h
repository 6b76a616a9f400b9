#ifndef API_METRICS_H
#define API_METRICS_H
/*
 * /metrics for Prometheus (text exposition format 0.0.4), on an address of its own, when asked for.
 */
#include "base/buf.h"

struct metrics;

/* Answers GET and HEAD. address: "127.0.0.1:9464", "[::1]:9464". fill() writes the page; called from the
 * server's thread. */
int metrics_start(const char *address, void (*fill)(void *arg, struct buf *out), void *arg,
                  struct metrics **ret, struct err *err) _must_check_;
void metrics_stop(struct metrics *m); /* accepts NULL */

/* Writing a page. */
void metrics_head(struct buf *out, const char *name, const char *type, const char *help);
void metrics_value(struct buf *out, const char *name, const char *label, const char *label_value,
                   double value);
struct metrics_label {
    const char *name, *value;
};
void metrics_sample(struct buf *out, const char *name, const struct metrics_label *labels, size_t n,
                    double value);

/* Durations by buckets whose upper bounds are fixed (le: less or equal); all zero: nothing was observed. */
#define METRICS_BUCKETS 18
struct metrics_histogram {
    uint64_t counts[METRICS_BUCKETS]; /* of each bucket alone; the last is +Inf */
    double sum_s;
};
void metrics_observe(struct metrics_histogram *h, int64_t duration_ns);
void metrics_histogram(struct buf *out, const char *name, const char *label, const char *label_value,
                       const struct metrics_histogram *h);
#endif
