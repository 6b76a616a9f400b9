/* What registries have under a name, asked by the engine (Docker Engine API, DistributionInspect). */
#include "providers/docker/remote.h"

#include "base/clock.h"
#include "base/str.h"
#include "providers/docker/credential.h"

#define PATIENCE_NS (15 * NS_PER_S) /* at most: less where the target is waited for less */

static int64_t patience(const struct docker *d)
{
    int64_t own = d->target.timeout_ns;
    return own > 0 && own < PATIENCE_NS ? own : PATIENCE_NS;
}

int docker_ask_registry(struct docker *d, const char *ref, const struct cancel *c, struct arena *a,
                        const char **ret, struct err *err)
{
    _cleanup_json_ json_t *j = NULL;
    char *login = NULL;
    int r = credential_header(d, ref, c, &login, err);
    if (r < 0)
        return r;
    const struct ask q = {.path = docker_path(a, "/distribution/", ref, "/json"),
                          .headers = login,
                          .cancel = c,
                          .timeout_ns = patience(d)};
    int status;
    r = docker_json(d, &q, &j, &status, err);
    credential_free(login);
    if (r == ERR_TIMEOUT && !status)
        return err_set(err, r, "there was no answer for %.3g s", (double)q.timeout_ns / NS_PER_S);
    if (r < 0)
        return r;
    const char *digest = json_string_value(json_object_get(json_object_get(j, "Descriptor"), "digest"));
    if (!digest)
        return err_set(err, ERR_CORRUPT, "the registry of %s returned no digest", ref);
    *ret = arena_strdup(a, digest);
    return 0;
}

void registries_init(struct registries *r, struct docker *d, const struct cancel *c, struct arena *a)
{
    *r = (struct registries){.d = d, .cancel = c, .arena = a};
    map_init(&r->lost);
}

void registries_release(struct registries *r)
{
    map_release(&r->lost);
}

const char *registries_digest(struct registries *r, const char *ref, const struct image_unasked **ret_why)
{
    struct err err = {0};
    const char *digest = NULL, *registry = registry_of(r->arena, ref);
    *ret_why = registry ? map_get(&r->lost, registry) : NULL;
    if (!registry || *ret_why || str_starts(ref, "sha256:"))
        return NULL;
    int k = docker_ask_registry(r->d, ref, r->cancel, r->arena, &digest, &err);
    if (k == 0 || k == ERR_CANCELLED)
        return digest;
    struct image_unasked *why = arena_new(r->arena, struct image_unasked);
    *why = (struct image_unasked){.registry = registry, .err = err};
    *ret_why = why;
    if (k == ERR_TIMEOUT || k == ERR_UNAVAILABLE)
        map_put(&r->lost, registry, why);
    return NULL;
}

void always_pulled(const struct resource_set *set, struct map *ret)
{
    map_init(ret);
    for (size_t i = 0; i < set->n; i++) {
        const struct val *spec = set->items[i]->spec;
        const char *ref = val_get_str(spec, "image");
        if (ref && str_eq(val_get_str(spec, "pull_policy"), "always"))
            map_put(ret, ref, ret);
    }
}
