/* What an engine's error answer means. */
#include "base/str.h"
#include "providers/containers/containers.h"

/*
 * Docker answers 500 for many requests that can never succeed, and 409 or 404 for some that can later. These
 * are its phrases (daemon/, libnetwork and distribution of Docker 20.10 to 28, and the kernel's) for cases in
 * which the status alone does not decide.
 */
static const struct {
    const char *text;
    int code;
    bool retryable;
    const char *hint;
} known[] = {
    {"port is already allocated", ERR_CONFLICT, false,
     "another container publishes this port; use another port, or stop that container"},
    {"address already in use", ERR_CONFLICT, false, "another process on the host already uses this port"},
    {"Address already in use", ERR_CONFLICT, false,
     "the address is already in use; choose another ipv4_address"},
    {"Pool overlaps with other one", ERR_CONFLICT, false,
     "another network uses these addresses; choose another subnet"},
    {"could not find an available", ERR_NOSPACE, false,
     "the engine has no addresses left for networks; remove unused networks, or widen default-address-pools"},
    {"no available IPv4 addresses", ERR_NOSPACE, false,
     "the network has no address left: give it a wider ipam.subnet, or spread the containers over more"},
    {"no space left on device", ERR_NOSPACE, false,
     "free some space on the engine's disk (docker system df)"},
    {"no basic auth credentials", ERR_AUTH, false,
     "log in: give the target a login for this registry, or run docker login"},
    {"unauthorized", ERR_AUTH, false, "check the login for this registry"},
    {"pull access denied", ERR_AUTH, false, "the image does not exist, or it needs a login for its registry"},
    {"denied: ", ERR_AUTH, false, "the login for this registry has no permission to do that"},
    {"manifest unknown", ERR_NOTFOUND, false, "check the tag"},
    {"not found: manifest", ERR_NOTFOUND, false, "check the tag"},
    {"no matching manifest", ERR_NOTFOUND, false, "the image is not made for this platform"},
    {"repository does not exist", ERR_NOTFOUND, false, "check the image's name"},
    {"name unknown", ERR_NOTFOUND, false, "check the image's name"},
    {"no such host", ERR_UNAVAILABLE, true, "the engine cannot resolve the registry's host name"},
    {"connection refused", ERR_UNAVAILABLE, true, NULL},
    {"i/o timeout", ERR_UNAVAILABLE, true, NULL},
    {"TLS handshake timeout", ERR_UNAVAILABLE, true, NULL},
    {"Client.Timeout exceeded", ERR_UNAVAILABLE, true, NULL},
    {"context deadline exceeded", ERR_UNAVAILABLE, true, NULL},
    {"toomanyrequests", ERR_UNAVAILABLE, true, "the registry limits pulls; log in, or try later"},
    {"unexpected EOF", ERR_UNAVAILABLE, true, NULL},
    {"removal of container", ERR_BUSY, true, NULL}, /* ... is already in progress */
    {"is marked for removal", ERR_BUSY, true, NULL},
    {"device or resource busy", ERR_BUSY, true, NULL},
    {"is restarting, wait until", ERR_BUSY, true, NULL},
    {"matches found ", ERR_BUSY, true, NULL}, /* by name: see providers/docker/networks.c */
    {"has active endpoints", ERR_BUSY, true, "containers are still on this network"},
    {"volume is in use", ERR_BUSY, true, "containers still use this volume"},
    /* It did not run when the plan was made, or has been stopped since. What the engine was asked for before
       it hung may come true only now. */
    {"removal or force remove", ERR_CONFLICT, true, "it was started in the meantime: apply again"},
    {"before removing or force remove", ERR_CONFLICT, true, "it was started in the meantime: apply again"},
    {"is already in use by container", ERR_CONFLICT, false, NULL},
    {"update out of sequence", ERR_CONFLICT, true, NULL}, /* a swarm, when the version sent is outdated */
    {"name conflicts with an existing object", ERR_CONFLICT, false, NULL},
    {"is in use by service", ERR_BUSY, true, "services are still on this network"},
    {"is in use by task", ERR_BUSY, true, NULL},
    {"is in use by the following service", ERR_BUSY, true, NULL},
    {"Worker nodes can't be used", ERR_UNSUPPORTED, false,
     "this node is a worker, and only managers can answer: use a manager in the target's url, or make this "
     "node one (docker node promote)"},
    {"not a swarm manager", ERR_UNSUPPORTED, false,
     "this engine is not in a swarm: run `docker swarm init` on it, or, to use it as a plain engine, remove "
     "\"swarm+\" from the target's url and \"driver: overlay\" from networks"},
    {"HTTP request to an HTTPS server", ERR_INVALID, false,
     "this engine speaks TLS: set ca, cert and key of its target"},
    {"swarm does not have a leader", ERR_UNAVAILABLE, true,
     "more than half of the swarm's managers have to be up: see `docker node ls`"},
    {"is already using port", ERR_CONFLICT, false, "another service publishes this port; choose another"},
    {"service mode change is not allowed", ERR_UNSUPPORTED, false, NULL},
    {"only updates to Labels are allowed", ERR_UNSUPPORTED, false, NULL},
    {"executable file not found", ERR_INVALID, false,
     "check command and entrypoint: the program is not in the image"},
    {"no such file or directory: unknown", ERR_INVALID, false,
     "check command and entrypoint, and the sources of mounts"},
    {"permission denied: unknown", ERR_INVALID, false, "is the command executable in the image?"},
    {"bind source path does not exist", ERR_NOTFOUND, false,
     "make the path on the engine's host, or leave create_host_path on"},
    {"No such image", ERR_NOTFOUND, false, NULL},
    /* Podman's phrases, sent with status 500 (libpod/define/errors.go, netavark). */
    {"image not known", ERR_NOTFOUND, false, NULL},
    {"no such container", ERR_NOTFOUND, false, NULL},
    {"that name is already in use", ERR_EXISTS, false, NULL},
    {"network already exists", ERR_EXISTS, false, NULL},
    {"network is being used", ERR_BUSY, true, "containers are still on this network"},
    {"volume is being used", ERR_BUSY, true, "containers still use this volume"},
    {"cannot be removed without force", ERR_CONFLICT, true, "it was started in the meantime: apply again"},
    {"refusing to clean up", ERR_CONFLICT, true, "it was started in the meantime: apply again"},
    /* A container left a network while it was being stopped; goes away once it has stopped. */
    {"network inspection mismatch", ERR_BUSY, true, NULL},
    /* A device disappeared while Go listed the host's interfaces (net.InterfaceAddrs). */
    {"route ip+net: no such network interface", ERR_BUSY, true, NULL},
    {"already used on the host or by another", ERR_CONFLICT, false,
     "another network uses these addresses; choose another subnet"},
    {"failed to find free IP in range", ERR_NOSPACE, false,
     "the network has no address left: give it a wider ipam.subnet, or spread the containers over more"},
    {"is already allocated on", ERR_CONFLICT, false,
     "the address is already in use; choose another ipv4_address"},
    {"container-init binary not found", ERR_UNSUPPORTED, false,
     "init: true needs catatonit on the engine's host (Debian: apt install catatonit)"},
    {"statfs ", ERR_NOTFOUND, false, "make the path on the engine's host"},
    {"is too new", ERR_UNSUPPORTED, false, NULL},
    {"is too old", ERR_UNSUPPORTED, false, "this engine is newer than this version of Forge"},
};

static const struct {
    int status, code;
} by_status[] = {
    {304, ERR_EXISTS},      {400, ERR_INVALID},     {401, ERR_AUTH},        {403, ERR_AUTH},
    {404, ERR_NOTFOUND},    {406, ERR_CONFLICT},    {408, ERR_TIMEOUT},     {409, ERR_CONFLICT},
    {429, ERR_UNAVAILABLE}, {500, ERR_FAILED},      {501, ERR_UNSUPPORTED}, {502, ERR_UNAVAILABLE},
    {503, ERR_UNAVAILABLE}, {504, ERR_UNAVAILABLE},
};

static int code_of(int status)
{
    for (size_t i = 0; i < ARRAY_LEN(by_status); i++)
        if (by_status[i].status == status)
            return by_status[i].code;
    return status >= 500 ? ERR_FAILED : ERR_INVALID;
}

int refusal_read(int status, const char *body, size_t len, struct err *err)
{
    char plain[400];
    json_t *j = json_loadb(body ? body : "", len, JSON_DISABLE_EOF_CHECK, NULL);
    const char *text = json_string_value(json_object_get(j, "message"));
    if (!text) {
        size_t n = len < sizeof(plain) - 1 ? len : sizeof(plain) - 1;
        memcpy(plain, body ? body : "", n);
        plain[n] = '\0';
        str_clean(plain);
        str_chomp(plain);
        text = plain;
    }
    err_clear(err);
    err_set(err, code_of(status), "%s (HTTP %d)", *text ? text : "the engine gave no reason", status);
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (!strstr(text, known[i].text))
            continue;
        err->code = known[i].code;
        err->retryable = known[i].retryable;
        if (known[i].hint)
            err_hint(err, "%s", known[i].hint);
        break;
    }
    json_decref(j);
    return err->code;
}
