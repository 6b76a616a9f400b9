#ifndef BASE_PARSE_H
#define BASE_PARSE_H
/*
 * Reading and writing of numbers, durations, sizes and times as people write them. The whole string must
 * match: trailing bytes are an error. Errors quote the input and say what would be right ("\"10x\" is not a
 * duration; write 10s, 1m30s, 2h, 500ms").
 */
#include "base/err.h"

struct buf;

int parse_int(const char *s, int64_t min, int64_t max, int64_t *ret, struct err *err) _must_check_;
int parse_float(const char *s, double min, double max, double *ret, struct err *err) _must_check_;
/* true/false, yes/no, on/off, in any case (the words of YAML 1.1; only for fields declared boolean). */
int parse_bool(const char *s, bool *ret, struct err *err) _must_check_;
/* Compose durations: us, ms, s, m, h, d, w in descending order, fractions allowed ("1m30s", "1.5s");
 * nanoseconds. "0" is zero. */
int parse_duration(const char *s, int64_t *ret_ns, struct err *err) _must_check_;
/* Bytes: b, k/kb/KiB, m, g, t, any case; all binary (1k = 1kb = 1KiB = 1024), as Compose and Docker read
 * them; fractions allowed. */
int parse_size(const char *s, int64_t *ret_bytes, struct err *err) _must_check_;
/* Octal file mode: "0644", "644", "0o644". */
int parse_mode(const char *s, int64_t *ret, struct err *err) _must_check_;
/* RFC 3339 ("2026-11-21T01:33:54.123Z", any offset) to nanoseconds since the epoch. Docker's zero time gives
 * 0. */
int parse_time(const char *s, int64_t *ret_ns, struct err *err) _must_check_;

/* The shortest exact spelling: 90000000000 -> "1m30s"; 0 -> "0s". */
void format_duration(int64_t ns, struct buf *out);
/* For people: "4 s", "2 m", "3 h", "5 d": one unit. */
void format_age(int64_t ns, struct buf *out);
/* The shortest exact binary spelling: 134217728 -> "128MiB"; 1000 -> "1000B". */
void format_size(int64_t bytes, struct buf *out);
/* RFC 3339 UTC, milliseconds. */
void format_time(int64_t ns, struct buf *out);
#endif
