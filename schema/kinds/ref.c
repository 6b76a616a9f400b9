/*
 * Image references: the grammar and the defaults of Docker's distribution project (reference/reference.go,
 * normalize.go): [domain/]path[:tag][@digest].
 */
#include "schema/kinds/container.h"

#include <ctype.h>

#include "base/str.h"

#define DEFAULT_DOMAIN "docker.io"
#define OFFICIAL       "library/"
#define NAME_MAX_BYTES 255
#define TAG_MAX_BYTES  128

static bool is_hex(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isdigit((unsigned char)s[i]) && !(s[i] >= 'a' && s[i] <= 'f'))
            return false;
    return true;
}

/* The first part is a registry only if it cannot be a namespace of Docker Hub. */
static bool is_domain(const char *s, size_t n)
{
    if (n == 9 && memcmp(s, "localhost", 9) == 0)
        return true;
    for (size_t i = 0; i < n; i++)
        if (s[i] == '.' || s[i] == ':' || isupper((unsigned char)s[i]))
            return true;
    return false;
}

/* A host name, an IPv4 address or an IPv6 address in brackets, with an optional port. */
static bool domain_is_valid(const char *s, size_t n)
{
    const char *bracket = n && s[0] == '[' ? memchr(s, ']', n) : NULL;
    const char *colon = bracket ? bracket + 1 : memchr(s, ':', n);
    size_t host = colon ? (size_t)(colon - s) : n;
    if (host == 0 || (host < n && s[host] != ':') || host + 1 == n)
        return false;
    for (size_t i = 0; i < host; i++)
        if (!isalnum((unsigned char)s[i]) && s[i] != '.' && s[i] != '-' && !(bracket && strchr("[]:", s[i])))
            return false;
    for (size_t i = host + 1; i < n; i++)
        if (!isdigit((unsigned char)s[i]))
            return false;
    return bracket || (isalnum((unsigned char)s[0]) && isalnum((unsigned char)s[host - 1]));
}

static int check_domain(const char *ref, const char *s, size_t n, struct err *err)
{
    if (domain_is_valid(s, n))
        return 0;
    return err_set(err, ERR_INVALID, "image \"%s\": \"%.*s\" is not a registry name or address", ref, (int)n,
                   s);
}

/* One part of a path: lower-case letters and digits, joined by ".", "_", "__" or any number of "-". */
static bool component_is_valid(const char *s, size_t n)
{
    size_t i = 0;
    while (i < n) {
        size_t word = i;
        while (i < n && (isdigit((unsigned char)s[i]) || islower((unsigned char)s[i])))
            i++;
        if (i == word)
            return false;
        if (i == n)
            return true;
        size_t joint = i;
        char c = s[i];
        while (i < n && s[i] == c)
            i++;
        size_t width = i - joint;
        if (!(c == '-' || (c == '.' && width == 1) || (c == '_' && width <= 2)))
            return false;
    }
    return false; /* empty, or it ends in a separator */
}

static int check_path(const char *ref, const char *s, size_t n, struct err *err)
{
    const char *end = s + n;
    for (const char *p = s; p <= end;) {
        const char *slash = memchr(p, '/', (size_t)(end - p));
        size_t len = (size_t)((slash ? slash : end) - p);
        if (!component_is_valid(p, len)) {
            for (size_t i = 0; i < len; i++)
                if (isupper((unsigned char)p[i])) {
                    err_set(err, ERR_INVALID, "image \"%s\": \"%.*s\" has uppercase letters", ref, (int)n, s);
                    return err_hint(err, "image names are lowercase");
                }
            err_set(err, ERR_INVALID, "image \"%s\": \"%.*s\" is not a valid part of a name", ref, (int)len,
                    p);
            return err_hint(err, "use lowercase letters and digits, separated by ., _ or -");
        }
        if (!slash)
            break;
        p = slash + 1;
    }
    return 0;
}

static int check_tag(const char *ref, const char *s, size_t n, struct err *err)
{
    bool good = n > 0 && n <= TAG_MAX_BYTES && s[0] != '.' && s[0] != '-';
    for (size_t i = 0; i < n && good; i++)
        good = isalnum((unsigned char)s[i]) || strchr("_.-", s[i]);
    if (good)
        return 0;
    err_set(err, ERR_INVALID, "image \"%s\": \"%.*s\" is not a tag", ref, (int)n, s);
    return err_hint(err, "a tag has 1 to 128 letters, digits, _, . and -, and does not start with . or -");
}

static int check_digest(const char *ref, const char *digest, struct err *err)
{
    const char *hex = str_after(digest, "sha256:");
    size_t want = 64;
    if (!hex) {
        hex = str_after(digest, "sha512:");
        want = 128;
    }
    if (hex && strlen(hex) == want && is_hex(hex, want))
        return 0;
    err_set(err, ERR_INVALID, "image \"%s\": \"%s\" is not a digest", ref, digest);
    return err_hint(err, "a digest is sha256: and 64 lowercase hexadecimal digits");
}

struct parts {
    const char *domain, *path, *tag, *digest; /* tag and digest may be NULL */
    size_t domain_len, path_len, tag_len;
    bool official; /* an official image of Docker Hub, whose "library/" is left out */
};

static void split(const char *ref, struct parts *ret)
{
    *ret = (struct parts){0};
    const char *at = strchr(ref, '@');
    size_t len = at ? (size_t)(at - ref) : strlen(ref);
    ret->digest = at ? at + 1 : NULL;

    const char *slash = memchr(ref, '/', len);
    size_t first = slash ? (size_t)(slash - ref) : 0;
    if (slash && is_domain(ref, first)) {
        ret->domain = ref;
        ret->domain_len = first;
        ref += first + 1;
        len -= first + 1;
    }
    ret->path = ref;
    ret->path_len = len;
    const char *last = memrchr(ref, '/', len);
    const char *name = last ? last + 1 : ref;
    const char *colon = memchr(name, ':', len - (size_t)(name - ref));
    if (colon) {
        ret->path_len = (size_t)(colon - ref);
        ret->tag = colon + 1;
        ret->tag_len = len - ret->path_len - 1;
    }
}

/* Fill in what a short name leaves out. */
static void complete(struct parts *p)
{
    static const char alias[] = "index.docker.io";
    if (!p->domain || (p->domain_len == strlen(alias) && memcmp(p->domain, alias, p->domain_len) == 0)) {
        p->domain = DEFAULT_DOMAIN;
        p->domain_len = strlen(DEFAULT_DOMAIN);
    }
    bool hub =
        p->domain_len == strlen(DEFAULT_DOMAIN) && memcmp(p->domain, DEFAULT_DOMAIN, p->domain_len) == 0;
    p->official = hub && !memchr(p->path, '/', p->path_len);
    if (!p->tag && !p->digest) {
        p->tag = "latest";
        p->tag_len = strlen(p->tag);
    }
}

static const char *join(struct arena *a, const struct parts *p)
{
    return arena_printf(a, "%.*s/%s%.*s%s%.*s%s%s", (int)p->domain_len, p->domain,
                        p->official ? OFFICIAL : "", (int)p->path_len, p->path, p->tag ? ":" : "",
                        (int)p->tag_len, str_or(p->tag, ""), p->digest ? "@" : "", str_or(p->digest, ""));
}

int ref_canonical(struct arena *a, const char *ref, const char **ret, struct err *err)
{
    const char *id = str_after(ref, "sha256:");
    if (id && strlen(id) == 64 && is_hex(id, 64)) { /* the id of an image that the engine has */
        *ret = arena_strdup(a, ref);
        return 0;
    }
    if (!*ref)
        return err_set(err, ERR_INVALID, "the image name is empty");
    if (strlen(ref) == 64 && is_hex(ref, 64)) {
        err_set(err, ERR_INVALID, "image \"%s\" looks like an image ID", ref);
        return err_hint(err, "write sha256: before it");
    }
    if (strstr(ref, "://")) {
        err_set(err, ERR_INVALID, "image \"%s\" is a URL", ref);
        return err_hint(err, "leave out everything before the registry: registry.example/shop/web:1.4");
    }

    struct parts p;
    split(ref, &p);
    int r = p.domain ? check_domain(ref, p.domain, p.domain_len, err) : 0;
    if (r == 0)
        r = check_path(ref, p.path, p.path_len, err);
    if (r == 0 && p.tag)
        r = check_tag(ref, p.tag, p.tag_len, err);
    if (r == 0 && p.digest)
        r = check_digest(ref, p.digest, err);
    complete(&p);
    if (r == 0 && p.path_len + (p.official ? strlen(OFFICIAL) : 0) > NAME_MAX_BYTES)
        r = err_set(err, ERR_INVALID, "image \"%.40s...\": the name is longer than %d bytes", ref,
                    NAME_MAX_BYTES);
    if (r == 0)
        *ret = join(a, &p);
    return r;
}

bool ref_same(struct arena *a, const char *x, const char *y)
{
    const char *cx, *cy;
    struct err ignored = {0};
    if (str_eq(x, y))
        return true;
    return ref_canonical(a, x, &cx, &ignored) == 0 && ref_canonical(a, y, &cy, &ignored) == 0 &&
           str_eq(cx, cy);
}

const char *ref_repository(struct arena *a, const char *ref)
{
    const char *canonical;
    struct err ignored = {0};
    if (ref_canonical(a, ref, &canonical, &ignored) < 0)
        return NULL;
    char *name = arena_strdup(a, canonical);
    name[strcspn(name, "@")] = '\0';
    char *slash = strrchr(name, '/'), *colon = strrchr(name, ':');
    if (colon && (!slash || colon > slash))
        *colon = '\0';
    return name;
}

const char *ref_familiar(struct arena *a, const char *canonical)
{
    const char *rest = str_after(canonical, DEFAULT_DOMAIN "/");
    if (!rest)
        return arena_strdup(a, canonical);
    const char *official = str_after(rest, OFFICIAL);
    /* "library/a/b" is not an official image: only one part may follow. */
    if (official && !strchr(official, '/'))
        rest = official;
    /* Docker Hub's name is kept where the next part would otherwise be read as a registry. */
    const char *slash = strchr(rest, '/');
    return arena_strdup(a, slash && is_domain(rest, (size_t)(slash - rest)) ? canonical : rest);
}
