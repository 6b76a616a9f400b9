/*
 * Configs and secrets. In a swarm these are immutable objects, so each content is an object of its own, whose
 * name ends with a digest of it. For a new content a new object is made, and the service is switched to it.
 * The old one is kept for rollbacks, until there are enough newer ones.
 *
 * The content of a secret cannot be read back. Its digest is keyed with a random salt that is stored in the
 * object's labels: that suffices to find the object of a known content again, and makes precomputed tables of
 * guesses useless.
 */
#include "providers/swarm/swarm.h"

#include "base/io.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

#include <sodium/utils.h>
#include <stdlib.h>

#define MARK_DIGEST "io.forge.digest"
#define MARK_SALT   "io.forge.salt"
#define NAME_DIGITS 12
#define SALT_BYTES  16u
#define OBJECT_MAX  (500u * 1024u) /* a swarm's limit for a config or secret (swarmkit, MaxConfigSize) */

/* One kind of immutable object. */
struct shelf {
    const char *what, *field, *path;
    bool secret;
};
static const struct shelf shelves[] = {{"config", "configs", "/configs", false},
                                       {"secret", "secrets", "/secrets", true}};

static const char *owned(struct act *t, const char *path, const char *source, const char *prefix)
{
    struct val *filters = val_map(t->arena), *labels = val_list(t->arena);
    val_list_add(t->arena, labels, val_strf(t->arena, MARK_OWNER "=%s", t->step->owner));
    val_list_add(t->arena, labels, val_strf(t->arena, MARK_RESOURCE "=%s/%s", prefix, source));
    val_map_set(t->arena, filters, "label", labels);
    return arena_printf(t->arena, "%s?%s", path, docker_filters(t->arena, filters));
}

static const char *label(json_t *item, const char *key)
{
    return json_string_value(json_object_get(json_object_get(json_object_get(item, "Spec"), "Labels"), key));
}

static const char *name_of(json_t *item)
{
    return str_or(json_string_value(json_object_get(json_object_get(item, "Spec"), "Name")), "");
}

/* The digest of a content; keyed for secrets. */
static void content_digest(const char *salt, const void *data, size_t len, char ret[DIGEST_HEX_LEN + 1])
{
    struct digest d;
    if (salt)
        digest_hmac(salt, strlen(salt), data, len, &d);
    else
        digest_of(data, len, &d);
    digest_hex(&d, ret);
}

static json_t *find_content(json_t *list, bool secret, const void *data, size_t len)
{
    json_t *item;
    size_t i;
    json_array_foreach(list, i, item)
    {
        char hex[DIGEST_HEX_LEN + 1];
        const char *salt = secret ? label(item, MARK_SALT) : NULL;
        if (secret && !salt)
            continue;
        content_digest(salt, data, len, hex);
        if (str_eq(hex, label(item, MARK_DIGEST)))
            return item;
    }
    return NULL;
}

/* POST of a content; all copies are wiped, because it may be a secret. */
static int post_content(struct act *t, const struct shelf *shelf, json_t *about, const void *data, size_t len,
                        json_t **ret, struct err *err)
{
    const size_t size = sodium_base64_ENCODED_LEN(len, sodium_base64_VARIANT_ORIGINAL);
    _cleanup_free_ char *base64 = mem_alloc(size);
    sodium_bin2base64(base64, size, data, len, sodium_base64_VARIANT_ORIGINAL); /* RFC 4648, section 4 */
    char *head = json_dumps(about, JSON_COMPACT);
    if (!head)
        mem_exhausted();
    struct buf body = BUF_INIT;
    buf_add(&body, head, strlen(head) - 1);
    buf_addf(&body, ",\"Data\":\"%s\"}", base64);
    free(head);
    const struct ask q = {.method = "POST",
                          .path = arena_printf(t->arena, "%s/create", shelf->path),
                          .raw = body.data,
                          .raw_len = body.len,
                          .raw_type = "application/json",
                          .cancel = act_cancel(t)};
    int r = docker_json(t->d, &q, ret, NULL, err);
    secret_wipe(base64, strlen(base64));
    if (body.data)
        secret_wipe(body.data, body.cap);
    buf_release(&body);
    return r;
}

static int make_object(struct act *t, const struct shelf *shelf, const char *source, const void *data,
                       size_t len, struct service_file *ret, struct err *err)
{
    char hex[DIGEST_HEX_LEN + 1], salt[2 * SALT_BYTES + 1] = "";
    if (shelf->secret) {
        unsigned char bytes[SALT_BYTES];
        io_random(bytes, sizeof(bytes));
        for (size_t i = 0; i < sizeof(bytes); i++)
            snprintf(salt + 2 * i, 3, "%02x", bytes[i]);
    }
    content_digest(shelf->secret ? salt : NULL, data, len, hex);
    const char *name = arena_printf(t->arena, "%s-%s-%.*s", t->step->owner, source, NAME_DIGITS, hex);
    json_t *labels = json_pack("{s:s, s:s, s:s}", MARK_OWNER, t->step->owner, MARK_RESOURCE,
                               arena_printf(t->arena, "%s/%s", shelf->what, source), MARK_DIGEST, hex);
    if (shelf->secret)
        json_object_set_new(labels, MARK_SALT, json_string(salt));
    _cleanup_json_ json_t *about = json_pack("{s:s, s:o}", "Name", name, "Labels", labels), *answer = NULL;
    int r = post_content(t, shelf, about, data, len, &answer, err);
    if (r < 0)
        return err_wrap(err, "%s %s", shelf->what, name);
    ret->id = arena_strdup(t->arena, json_string_value(json_object_get(answer, "ID")));
    ret->name = name;
    return 0;
}

static int find_or_make(struct act *t, const struct shelf *shelf, const char *source, const void *data,
                        size_t len, struct service_file *ret, struct err *err)
{
    _cleanup_json_ json_t *list = NULL;
    const struct ask q = {.path = owned(t, shelf->path, source, shelf->what), .cancel = act_cancel(t)};
    if (len == 0 || len > OBJECT_MAX) {
        err_set(err, ERR_LIMIT, "%s %s has %zu bytes; a swarm takes 1 to %u", shelf->what, source, len,
                OBJECT_MAX);
        return err_hint(err, "put it in the image, or in a volume");
    }
    for (int tries = 0;; tries++) {
        int r = swarm_ask_list(t->d, &q, &list, err);
        json_t *there = r == 0 ? find_content(list, shelf->secret, data, len) : NULL;
        if (there) {
            ret->id = arena_strdup(t->arena, json_string_value(json_object_get(there, "ID")));
            ret->name = arena_strdup(t->arena, name_of(there));
            return 0;
        }
        if (r == 0)
            r = make_object(t, shelf, source, data, len, ret, err);
        /* A conflict: the step of another service has just made it. */
        if (r != ERR_CONFLICT || tries > 2)
            return r;
        err_clear(err);
        json_decref(list);
        list = NULL;
    }
}

static const struct step_file *step_file_at(const struct step *s, const char *target)
{
    for (size_t i = 0; i < s->n_files; i++)
        if (str_eq(s->files[i].target, target))
            return &s->files[i];
    return NULL;
}

static int one_file(struct act *t, const struct shelf *shelf, const struct val_pair *asked,
                    struct service_file *ret, struct err *err)
{
    const struct step_file *given = step_file_at(t->step, asked->key);
    const char *source = str_or(val_get_str(asked->val, "source"), "");
    const char *path = val_get_str(asked->val, "file");
    _cleanup_secret_ struct secret *secret = NULL;
    const void *data = given ? given->data : NULL;
    size_t len = given ? given->len : 0;
    *ret = (struct service_file){.secret = shelf->secret,
                                 .target = asked->key,
                                 .uid = val_get_str(asked->val, "uid"),
                                 .gid = val_get_str(asked->val, "gid"),
                                 .mode = val_get_int(asked->val, "mode", -1)};
    if (!data && !path)
        return err_set(err, ERR_INVALID, "%s: its content is not known", asked->key);
    if (!data) {
        int r = secret_read_file(path, &secret, err);
        if (r < 0)
            return err_wrap(err, "%s", asked->key);
        data = secret_bytes(secret, &len);
    }
    return find_or_make(t, shelf, source, data, len, ret, err);
}

int swarm_files(struct act *t, struct service_file **ret, size_t *ret_n, struct err *err)
{
    const struct val *spec = t->step->spec;
    size_t n = 0;
    struct service_file *files =
        arena_array(t->arena, struct service_file,
                    val_len(val_get(spec, "configs")) + val_len(val_get(spec, "secrets")) + 1);
    for (size_t k = 0; k < ARRAY_LEN(shelves); k++) {
        const struct val *map = val_get(spec, shelves[k].field);
        for (size_t i = 0; i < val_len(map); i++) {
            int r = one_file(t, &shelves[k], &map->pairs[i], &files[n++], err);
            if (r < 0)
                return r;
        }
    }
    *ret = files;
    *ret_n = n;
    return 0;
}

/* Newest first: a swarm numbers its objects by a common version counter. */
static int by_age(const void *pa, const void *pb)
{
    int64_t a = service_version(*(json_t *const *)pa), b = service_version(*(json_t *const *)pb);
    return a < b ? 1 : a > b ? -1 : 0;
}

/* Try to remove all but the newest: a swarm refuses to remove what a service uses. */
static void collect_source(struct act *t, const struct shelf *shelf, const char *source, size_t keep)
{
    _cleanup_json_ json_t *list = NULL;
    struct err ignored = {0};
    const struct ask q = {.path = owned(t, shelf->path, source, shelf->what), .cancel = act_cancel(t)};
    if (swarm_ask_list(t->d, &q, &list, &ignored) < 0)
        return;
    size_t n = json_array_size(list);
    json_t **items = arena_array(t->arena, json_t *, n + 1);
    for (size_t i = 0; i < n; i++)
        items[i] = json_array_get(list, i);
    qsort(items, n, sizeof(*items), by_age);
    for (size_t i = keep; i < n; i++) {
        const char *id = json_string_value(json_object_get(items[i], "ID"));
        const struct ask del = {
            .method = "DELETE",
            .path = docker_path(t->arena, arena_printf(t->arena, "%s/", shelf->path), str_or(id, ""), ""),
            .cancel = act_cancel(t)};
        (void)!docker_json(t->d, &del, NULL, NULL, &ignored);
        err_clear(&ignored);
    }
}

void swarm_collect(struct act *t, const struct val *spec, size_t keep)
{
    for (size_t k = 0; t->step->owner && k < ARRAY_LEN(shelves); k++) {
        const struct val *map = val_get(spec, shelves[k].field);
        for (size_t i = 0; i < val_len(map); i++) {
            const char *source = val_get_str(map->pairs[i].val, "source");
            if (source)
                collect_source(t, &shelves[k], source, keep);
        }
    }
}
