/* Where an engine is: parsing of URLs. */
#include "providers/http/stream.h"

#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"

#include <sys/un.h>

static void wipe_free(char **p)
{
    free(*p);
    *p = NULL;
}

void dial_free(struct dial *d)
{
    if (!d)
        return;
    tls_context_free(d->tls);
    char **owned[] = {&d->url,     &d->path,      &d->host,     &d->port,         &d->user,
                      &d->ca_file, &d->cert_file, &d->key_file, &d->ssh_key_file, &d->ssh_known_hosts};
    for (size_t i = 0; i < ARRAY_LEN(owned); i++)
        wipe_free(owned[i]);
    free(d);
}

static char *copy_range(const char *begin, const char *end)
{
    size_t n = (size_t)(end - begin);
    char *s = mem_alloc(n + 1);
    memcpy(s, begin, n);
    return s;
}

/* "host", "host:port", "[::1]:port" of [begin, end). */
static int read_authority(struct dial *d, const char *begin, const char *end, struct err *err)
{
    const char *host_end, *port = NULL;
    if (begin < end && *begin == '[') {
        host_end = memchr(begin, ']', (size_t)(end - begin));
        if (!host_end)
            return err_set(err, ERR_INVALID, "\"%s\": an IPv6 address needs both brackets", d->url);
        d->host = copy_range(begin + 1, host_end);
        host_end++;
        if (host_end < end && *host_end == ':')
            port = host_end + 1;
        else if (host_end < end)
            return err_set(err, ERR_INVALID, "\"%s\": unexpected text after the address", d->url);
    } else {
        host_end = memchr(begin, ':', (size_t)(end - begin));
        port = host_end ? host_end + 1 : NULL;
        d->host = copy_range(begin, host_end ? host_end : end);
    }
    /* ssh would take a host that starts with '-' for an option. */
    if (!*d->host || *d->host == '-')
        return err_set(err, ERR_INVALID, "\"%s\" has no host", d->url);
    if (port) {
        int64_t number;
        d->port = copy_range(port, end);
        int r = parse_int(d->port, 1, 65535, &number, err);
        if (r < 0)
            return err_wrap(err, "\"%s\": the port", d->url);
    }
    return 0;
}

static int read_remote(struct dial *d, const char *rest, struct err *err)
{
    const char *slash = strchr(rest, '/');
    const char *end = slash ? slash : rest + strlen(rest);
    const char *at = memchr(rest, '@', (size_t)(end - rest));
    if (at) {
        if (memchr(rest, ':', (size_t)(at - rest)))
            /* Not d->url: it would show the password. */
            return err_set(err, ERR_INVALID, "the engine's URL contains a password; use a key instead");
        if (d->scheme != DIAL_SSH)
            return err_set(err, ERR_INVALID, "\"%s\": only ssh:// can have a user", d->url);
        d->user = copy_range(rest, at);
        if (!*d->user || *d->user == '-')
            return err_set(err, ERR_INVALID, "\"%s\" has no user before the @", d->url);
        rest = at + 1;
    }
    if (slash && slash[1]) {
        if (d->scheme != DIAL_SSH)
            return err_set(err, ERR_INVALID, "\"%s\": the engine's URL must not have a path", d->url);
        d->path = mem_strdup(slash);
    }
    int r = read_authority(d, rest, end, err);
    if (r == 0 && !d->port && d->scheme != DIAL_SSH)
        d->port = mem_strdup(d->scheme == DIAL_TLS ? "2376" : "2375");
    return r;
}

static int read_url(struct dial *d, struct err *err)
{
    static const struct {
        const char *prefix;
        enum dial_scheme scheme;
    } schemes[] = {
        {"unix://", DIAL_UNIX}, {"tcp://", DIAL_TCP}, {"http://", DIAL_TCP},
        {"https://", DIAL_TLS}, {"ssh://", DIAL_SSH},
    };
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        const char *rest = str_after(d->url, schemes[i].prefix);
        if (!rest)
            continue;
        d->scheme = schemes[i].scheme;
        if (d->scheme == DIAL_TCP && (d->ca_file || d->cert_file || d->key_file))
            d->scheme = DIAL_TLS;
        if (d->scheme != DIAL_UNIX)
            return read_remote(d, rest, err);
        if (*rest != '/')
            return err_set(err, ERR_INVALID, "\"%s\": unix:// needs an absolute path", d->url);
        if (strlen(rest) >= sizeof((struct sockaddr_un){0}.sun_path))
            return err_set(err, ERR_INVALID, "the path of the engine's socket is too long: %s", rest);
        d->path = mem_strdup(rest);
        return 0;
    }
    err_set(err, ERR_INVALID, "\"%s\" is not a valid engine URL", d->url);
    return err_hint(err, "write unix:///run/docker.sock, tcp://HOST:2376 or ssh://USER@HOST");
}

int dial_check(const char *url, struct err *err)
{
    struct dial *d = mem_new(struct dial);
    d->url = mem_strdup(url);
    int r = read_url(d, err);
    dial_free(d);
    return r;
}

int dial_new(const char *url, const struct dial_files *files, struct dial **ret, struct err *err)
{
    struct dial *d = mem_new(struct dial);
    d->url = mem_strdup(url);
    d->ca_file = mem_strdup(files->ca_file);
    d->cert_file = mem_strdup(files->cert_file);
    d->key_file = mem_strdup(files->key_file);
    d->ssh_key_file = mem_strdup(files->ssh_key_file);
    d->ssh_known_hosts = mem_strdup(files->ssh_known_hosts);
    int r = read_url(d, err);
    if (r == 0 && d->scheme == DIAL_TLS)
        r = tls_context_new(d, &d->tls, err);
    if (r < 0) {
        dial_free(d);
        return r;
    }
    *ret = d;
    return 0;
}
