/* Container: capabilities, security options, device rules, platform. Fields in tbl/container_isolation.h. */
#include "schema/kinds/container_internal.h"

#include <ctype.h>

#include "base/str.h"

static const char *capability_canonical(struct arena *a, const char *text)
{
    char *upper = arena_strdup(a, text);
    for (char *p = upper; *p; p++) {
        if (!isalpha((unsigned char)*p) && *p != '_')
            return NULL;
        *p = (char)toupper((unsigned char)*p);
    }
    const char *bare = str_after(upper, "CAP_");
    bare = bare ? bare : upper;
    return *bare ? bare : NULL;
}

struct val *capability_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    (void)f;
    return read_canonical(d, n, capability_canonical, "a capability",
                          "write NET_ADMIN, CAP_NET_ADMIN or ALL");
}

const char *security_opt_canonical(struct arena *a, const char *text)
{
    if (strcmp(text, "no-new-privileges") == 0)
        return "no-new-privileges=true";
    /* A colon is the older separator; after a "=" a value may contain colons. */
    char *out = arena_strdup(a, text);
    size_t key = strcspn(out, "=:");
    if (out[key] == ':' && !strchr(out, '='))
        out[key] = '=';
    return out;
}

struct val *security_option_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    (void)f;
    const char *option = security_opt_canonical(d->arena, n->text);
    const char *profile = str_after(option, "seccomp=");
    if (profile && !str_eq(profile, "unconfined") && !str_eq(profile, "builtin") && profile[0] != '{')
        return decode_error_hint(d, n, "write seccomp=unconfined, or the profile itself as JSON",
                                 "\"%s\": a seccomp profile in a file is not supported yet", n->text);
    if (!*option)
        return decode_error(d, n, "a security option must not be empty");
    return val_str(d->arena, option);
}

/* "c 1:3 mr", "a *:* rwm": type, numbers, access. */
static const char *device_rule_canonical(struct arena *a, const char *text)
{
    const char *p = text;
    if (!strchr("abc", *p) || !*p || p[1] != ' ')
        return NULL;
    p += 2;
    for (int i = 0; i < 2; i++) {
        size_t digits = *p == '*' ? 1 : strspn(p, "0123456789");
        if (digits == 0 || p[digits] != (i == 0 ? ':' : ' '))
            return NULL;
        p += digits + 1;
    }
    return *p && strspn(p, "rwm") == strlen(p) ? arena_strdup(a, text) : NULL;
}

struct val *device_rule_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    (void)f;
    return read_canonical(d, n, device_rule_canonical, "a device rule",
                          "write \"c 1:3 mr\": type, major:minor, access");
}

/* Architectures that may be written without an operating system (containerd's platforms.isKnownArch). */
static bool is_architecture(const char *name)
{
    static const char *const known[] = {"386",    "amd64",    "arm",     "arm64",   "loong64",
                                        "mips64", "mips64le", "ppc64le", "riscv64", "s390x"};
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (str_eq(name, known[i]))
            return true;
    return false;
}

static const char *architecture_canonical(const char *name)
{
    static const struct {
        const char *from, *to;
    } same[] = {
        {"x86_64", "amd64"}, {"x86-64", "amd64"}, {"aarch64", "arm64"}, {"i386", "386"}, {"armhf", "arm"}};
    for (size_t i = 0; i < ARRAY_LEN(same); i++)
        if (str_eq(name, same[i].from))
            return same[i].to;
    return name;
}

/* Resolve aliases to one spelling, as engines normalise them. */
static const char *platform_canonical(struct arena *a, const char *text)
{
    size_t count;
    char **part = str_split(a, text, '/', &count);
    if (count < 1 || count > 3)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (!*part[i] ||
            strspn(part[i], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") !=
                strlen(part[i]))
            return NULL;
        for (char *p = part[i]; *p; p++)
            *p = (char)tolower((unsigned char)*p);
    }
    const char *architecture = architecture_canonical(part[count == 1 ? 0 : 1]);
    if (count == 1)
        return is_architecture(architecture) ? arena_printf(a, "linux/%s", architecture) : part[0];
    bool implied = count == 3 && str_eq(architecture, "arm64") && str_eq(part[2], "v8");
    if (count == 2 || implied)
        return arena_printf(a, "%s/%s", part[0], architecture);
    return arena_printf(a, "%s/%s/%s", part[0], architecture, part[2]);
}

/* An engine reports the complete platform of an image, a manifest only the part that matters. */
bool platform_same(const struct val *a, const struct val *b)
{
    if (!val_is(a, VAL_STR) || !val_is(b, VAL_STR))
        return false;
    const struct val *less = strlen(a->s) < strlen(b->s) ? a : b, *more = less == a ? b : a;
    const char *rest = str_after(more->s, less->s);
    return rest && (*rest == '/' || *rest == '\0');
}

struct val *platform_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    (void)f;
    return read_canonical(d, n, platform_canonical, "a platform",
                          "write os/architecture: linux/amd64, linux/arm64");
}
