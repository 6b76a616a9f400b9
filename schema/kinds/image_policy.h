#ifndef SCHEMA_KINDS_IMAGE_POLICY_H
#define SCHEMA_KINDS_IMAGE_POLICY_H
/*
 * Which tag of a repository a container follows. Pure: tags in, one of them out.
 *
 * A rule is the value of `image_policy`:
 *   follow   digest | semver | pattern
 *   range    semver: comparators separated by spaces or commas, alternatives by "||". A comparator is one of
 *            "1.2.3", "=1.2", "!=1.2.3", ">1.2", ">=1.2", "<2", "<=2", "~1.2", "^1.2", "1.x", "*" and
 *            "1.2 - 1.4". A pre-release (1.2.3-rc.1) matches only if a comparator of its alternative names
 *            one
 *   pattern  an extended regular expression that a tag must match; if it has a group, what the first group
 *            matches is compared, else the whole tag
 *   sort     pattern: alphabetical | numerical; the greatest is chosen
 *
 * Versions are those of semver.org, with an optional "v". A release may leave out its last one or two parts,
 * which are read as 0. Build metadata is ignored.
 */
#include "schema/val.h"

struct version {
    uint64_t part[3];
    unsigned parts;  /* written: 1 to 3 */
    const char *pre; /* "rc.1", into the text; NULL: a release */
    size_t pre_len;
};
/* False: not a version. */
bool version_parse(const char *text, struct version *ret);
int version_compare(const struct version *a, const struct version *b); /* precedence: < 0, 0, > 0 */
/* Is the version in the range? ERR_INVALID says which part of the range cannot be read. */
int version_in_range(const char *range, const struct version *v, bool *ret, struct err *err) _must_check_;

/* Can the rule be followed: are its range and pattern valid, and do its fields fit together? */
int image_policy_check(const struct val *policy, struct err *err) _must_check_;
/* The tag to run, chosen from the tags of the registry. ERR_NOTFOUND: none matches. Not for `follow:
   digest`. */
int image_policy_choose(const struct val *policy, const char *const *tags, size_t n, const char **ret,
                        struct err *err) _must_check_;
#endif
