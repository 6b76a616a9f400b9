/*
 * The address of a repository. The forms are git's own (git-fetch(1), "GIT URLS"): a path, file://, https://,
 * ssh:// and the scp-like user@host:path; and dir: for a plain folder.
 */
#include "reconciler/source/internal.h"

#include "base/parse.h"

#include <ctype.h>

/* Credentials are between "scheme://" and the last "@" before the path. */
const char *source_url_scrub(struct arena *a, const char *text)
{
    const char *scheme = strstr(text, "://");
    if (!scheme)
        return arena_strdup(a, text);
    const char *begin = scheme + 3;
    const char *end = begin + strcspn(begin, "/");
    const char *at = NULL;
    for (const char *p = begin; p < end; p++)
        if (*p == '@')
            at = p;
    if (!at)
        return arena_strdup(a, text);
    return arena_printf(a, "%.*s...%s", (int)(begin - text), text, at);
}

static int refuse(struct arena *a, const char *text, const char *why, const char *hint, struct err *err)
{
    err_set(err, ERR_INVALID, "repository %s: %s", source_url_scrub(a, text), why);
    return err_hint(err, "%s", hint);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Decode %XX in a path as git does. NULL for an invalid escape or a NUL byte. */
static const char *percent_decode(struct arena *a, const char *s)
{
    char *out = arena_strdup(a, s), *w = out;
    for (; *s; s++) {
        if (*s != '%') {
            *w++ = *s;
            continue;
        }
        int high = hex_digit(s[1]), low = high < 0 ? -1 : hex_digit(s[2]);
        if (low < 0 || high * 16 + low == 0)
            return NULL;
        *w++ = (char)(high * 16 + low);
        s += 2;
    }
    *w = '\0';
    return out;
}

/* A word that becomes part of a program's arguments must not look like an option, nor hold white space or
   control characters. */
static bool plain_word(const char *s)
{
    if (str_empty(s) || *s == '-')
        return false;
    for (; *s; s++)
        if (iscntrl((unsigned char)*s) || isspace((unsigned char)*s))
            return false;
    return true;
}

/* "[user@]host[:port]"; the host may be an address in brackets. */
static bool parse_authority(struct arena *a, const char *text, size_t len, struct source_url *u)
{
    char *s = arena_strndup(a, text, len);
    char *at = strrchr(s, '@');
    if (at) {
        *at = '\0';
        u->user = s;
        s = at + 1;
    }
    char *port = NULL;
    if (*s == '[') {
        char *close_ = strchr(s, ']');
        if (!close_ || (close_[1] && close_[1] != ':'))
            return false;
        port = close_[1] ? close_ + 2 : NULL;
        *close_ = '\0';
        u->host = s + 1;
    } else {
        port = strchr(s, ':');
        if (port)
            *port++ = '\0';
        u->host = s;
    }
    if (port && *port) {
        int64_t n;
        struct err ignored = {0};
        if (parse_int(port, 1, 65535, &n, &ignored) < 0)
            return false;
        u->port = port;
    }
    return plain_word(u->host) && !strpbrk(u->host, "/\\'\"");
}

static int parse_local(struct arena *a, const char *text, const char *path, struct source_url *u,
                       struct err *err)
{
    u->path = path;
    if (path && *path == '/')
        return 0;
    return refuse(a, text, "not an absolute path", "write file:///folder or /folder", err);
}

static int parse_http(struct arena *a, const char *text, const char *rest, struct source_url *u,
                      struct err *err)
{
    size_t len = strcspn(rest, "/?#");
    u->kind = SOURCE_HTTP;
    u->path = rest + len;
    if (memchr(rest, '@', len))
        return refuse(a, text, "it contains a user name or a credential",
                      "remove it from the address, and set username and password_file instead", err);
    if (!parse_authority(a, rest, len, u) || strpbrk(rest, " \t\r\n"))
        return refuse(a, text, "not a valid address", "write https://host/path.git", err);
    if (strpbrk(rest, "?#"))
        return refuse(a, text, "the address of a repository cannot contain \"?\" or \"#\"",
                      "use the settings branch, revision and path instead", err);
    return 0;
}

static int parse_ssh(struct arena *a, const char *text, const char *rest, struct source_url *u,
                     struct err *err)
{
    size_t len = strcspn(rest, "/");
    u->kind = SOURCE_SSH;
    bool valid = parse_authority(a, rest, len, u);
    if (u->user && strchr(u->user, ':'))
        return refuse(a, text, "it contains a password",
                      "remove it from the address, and set ssh_key instead", err);
    u->path = percent_decode(a, rest + len);
    /* ssh://host/~user/x is relative to a home folder, as in git. */
    if (u->path && u->path[0] == '/' && u->path[1] == '~')
        u->path++;
    if (!valid || (u->user && !plain_word(u->user)) || !u->path || !u->path[0] || str_eq(u->path, "/"))
        return refuse(a, text, "not a valid address", "write ssh://user@host:port/path.git", err);
    return 0;
}

/* user@host:path: a colon before any slash. The path is relative to the home folder. */
static int parse_scp(struct arena *a, const char *text, struct source_url *u, struct err *err)
{
    const char *hint = "write /folder, file:///folder, https://host/path.git, ssh://user@host/path.git, "
                       "git@host:path.git or dir:/folder";
    const char *colon = *text == '[' || strstr(text, "@[") ? strstr(text, "]:") : strchr(text, ':');
    if (colon && *colon == ']')
        colon++;
    if (!colon || memchr(text, '/', (size_t)(colon - text)))
        return refuse(a, text, "not the address of a repository", hint, err);
    u->kind = SOURCE_SSH;
    u->path = arena_strdup(a, colon + 1);
    if (!parse_authority(a, text, (size_t)(colon - text), u) || u->port ||
        (u->user && !plain_word(u->user)) || !u->path[0] || u->path[0] == ':')
        return refuse(a, text, "not a valid address", hint, err);
    return 0;
}

int source_url_parse(struct arena *a, const char *text, struct source_url *ret, struct err *err)
{
    struct source_url u = {.text = arena_strdup(a, text), .kind = SOURCE_LOCAL};
    const char *rest;
    int r;
    if (str_empty(text))
        return err_set(err, ERR_INVALID, "the address of the repository is empty");
    if ((rest = str_after(text, "dir:"))) {
        u.kind = SOURCE_DIR;
        u.path = *rest ? arena_strdup(a, rest) : ".";
        r = 0;
    } else if ((rest = str_after(text, "file://"))) {
        rest = str_starts(rest, "localhost/") ? rest + strlen("localhost") : rest;
        r = parse_local(a, text, percent_decode(a, rest), &u, err);
    } else if (*text == '/' || *text == '.') {
        r = parse_local(a, text, u.text, &u, err);
    } else if ((rest = str_after(u.text, "https://"))) {
        u.tls = true;
        r = parse_http(a, text, rest, &u, err);
    } else if ((rest = str_after(u.text, "http://"))) {
        r = parse_http(a, text, rest, &u, err);
    } else if ((rest = str_after(u.text, "ssh://"))) {
        r = parse_ssh(a, text, rest, &u, err);
    } else if (strstr(text, "://")) {
        r = refuse(a, text, "this kind of address is not supported", "use https://, ssh:// or file://", err);
    } else {
        r = parse_scp(a, text, &u, err);
    }
    if (r == 0)
        *ret = u;
    return r;
}

bool source_url_has_credentials(const char *url)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    struct source_url u;
    struct err err = {0};
    return source_url_parse(&a, url, &u, &err) < 0 && !str_eq(source_url_scrub(&a, url), url);
}
