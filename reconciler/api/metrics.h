#ifndef API_METRICS_H
#define API_METRICS_H
/*
 * /metrics for Prometheus (text exposition format 0.0.4), on an address of its own, when asked for.
 */
#include "base/buf.h"

struct metrics;

/* address: "127.0.0.1:9464", "[::1]:9464". fill() writes the page; called from the server's thread. */
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
#endif
