#ifndef SCHEMA_KINDS_IMAGE_POLICY_H
#define SCHEMA_KINDS_IMAGE_POLICY_H
/*
 * Which tag of a repository a container follows. Pure: tags in, one of them out.
 *
 * A rule is the value of `image_policy`:
 *   follow   digest | semver | pattern
 *   range    semver: comparators separated by spaces or commas, alternatives by "||"; each one of
 *            "1.2.3", "=1.2", "!=1.2.3", ">1.2", ">=1.2", "<2", "<=2", "~1.2", "^1.2", "1.x", "*", "1.2
 * - 1.4". Versions before a release (1.2.3-rc.1) count only where a comparator of the alternative names one
 *   pattern  an extended regular expression that a tag must match; its first group, where it has one, is what
 * is compared sort     pattern: alphabetical | numerical; the greatest is chosen
 *
 * Versions are those of semver.org, with an optional "v"; of a release one or two parts may be missing and
 * are read as 0. Build metadata is ignored.
 */
#include "schema/val.h"

struct version {
    uint64_t part[3];
    unsigned parts;  /* written: 1 to 3 */
    const char *pre; /* "rc.1", into the text; NULL: a release */
    size_t pre_len;
};
/* False: it is none. */
bool version_parse(const char *text, struct version *ret);
int version_compare(const struct version *a, const struct version *b); /* precedence: < 0, 0, > 0 */
/* Does the range hold for the version? ERR_INVALID says what of the range cannot be read. */
int version_in_range(const char *range, const struct version *v, bool *ret, struct err *err) _must_check_;

/* Is the rule one that can be followed: its range, its pattern, and what belongs together? */
int image_policy_check(const struct val *policy, struct err *err) _must_check_;
/* The tag to run, of those that the registry has. ERR_NOTFOUND: none will do. Not for `follow: digest`. */
int image_policy_choose(const struct val *policy, const char *const *tags, size_t n, const char **ret,
                        struct err *err) _must_check_;
#endif
