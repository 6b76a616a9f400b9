#ifndef KIND_TEST_H
#define KIND_TEST_H
/* Shared by the tests of kinds and of loading: specs from text, and repositories in memory. */
#include "schema/kinds/container.h"
#include "schema/kinds/objects.h"
#include "schema/load.h"
#include "schema_test.h"

/* The canonical spec of a kind. Problems stay in w->diags. */
static inline struct val *spec_of(struct world *w, const struct kind_desc *kind, const char *text)
{
    struct decode d = {.arena = &w->arena, .diags = &w->diags, .file = "f"};
    const struct ynode *n = yaml_of(w, text);
    return n ? decode_record(&d, kind->spec, n) : NULL;
}

/* A spec without problems, as JSON, without fields that are only there to make it complete. */
static inline const char *canonical(struct world *w, const struct kind_desc *kind, const char *text)
{
    bool container = kind == &kind_container;
    struct val *spec = spec_of(w, kind, container ? arena_printf(&w->arena, "image: x\n%s", text) : text);
    const char *problems = problems_of(w);
    if (*problems)
        fail_msg("%s\n%s", text, problems);
    assert_non_null(spec);
    if (container)
        val_map_del(spec, "image");
    return json_of(w, spec);
}

/* Check a container's canonical spec, as JSON with single quotes. */
static inline void check_container(struct world *w, const char *text, const char *want)
{
    assert_string_equal(canonical(w, &kind_container, text), want);
}

/* Check the problems of a container's spec; line 2 is the first line of `text`. */
static inline void check_problems(struct world *w, const char *text, const char *want)
{
    spec_of(w, &kind_container, arena_printf(&w->arena, "image: x\n%s", text));
    assert_string_equal(problems_of(w), want);
}

/* A repository: files sorted by path; the blob id of a file is "PATH=TEXT" unless `uncached`. */
struct repository {
    struct world *w;
    const char *environment, *commit;
    const char *const *profiles;
    bool cached;
    struct load_known *known;
    struct load_file files[64];
    const char *texts[64];
    size_t n;
    struct {
        char *key;
        void *data;
        size_t len;
    } kept[256];
    size_t n_kept;
    size_t reads;
    struct resource_set set;
    struct load_stats stats;
};

static inline void repository_add(struct repository *r, const char *path, const char *text)
{
    size_t at = r->n++;
    assert_true(r->n <= 64);
    for (; at > 0 && strcmp(r->files[at - 1].path, path) > 0; at--) {
        r->files[at] = r->files[at - 1];
        r->texts[at] = r->texts[at - 1];
    }
    r->files[at] = (struct load_file){.path = path, .size = strlen(text)};
    r->texts[at] = text;
}

static inline void repository_set(struct repository *r, const char *path, const char *text)
{
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->files[i].path, path) == 0) {
            r->texts[i] = text;
            r->files[i].size = strlen(text);
        }
}

static inline int repository_read(void *arg, size_t i, struct arena *a, const char **ret, size_t *ret_len,
                                  struct err *err)
{
    struct repository *r = arg;
    r->reads++;
    if (strcmp(r->texts[i], "EIO") == 0)
        return err_set(err, ERR_IO, "the disk is gone");
    *ret = arena_strdup(a, r->texts[i]);
    *ret_len = strlen(r->texts[i]);
    return 0;
}

static inline int repository_get(void *arg, const char *key, const void **ret, size_t *ret_len)
{
    struct repository *r = arg;
    for (size_t i = r->n_kept; i-- > 0;)
        if (strcmp(r->kept[i].key, key) == 0) {
            *ret = r->kept[i].data;
            *ret_len = r->kept[i].len;
            return 0;
        }
    return ERR_NOTFOUND;
}

static inline void repository_put(void *arg, const char *key, const void *data, size_t len)
{
    struct repository *r = arg;
    assert_true(r->n_kept < 256);
    r->kept[r->n_kept].key = arena_strdup(&r->w->arena, key);
    r->kept[r->n_kept].data = arena_memdup(&r->w->arena, data, len);
    r->kept[r->n_kept++].len = len;
}

/* Load the repository; returns the printed problems. */
static inline const char *repository_load(struct repository *r)
{
    struct load_input in = {.files = r->files,
                            .n_files = r->n,
                            .environment = r->environment,
                            .commit = r->commit,
                            .profiles = r->profiles,
                            .known = r->known,
                            .arg = r,
                            .read = repository_read};
    if (r->cached) {
        in.cache_get = repository_get;
        in.cache_put = repository_put;
    }
    if (r->cached || r->known) {
        for (size_t i = 0; i < r->n; i++) {
            struct digest d;
            char hex[DIGEST_HEX_LEN + 1];
            digest_of(r->texts[i], strlen(r->texts[i]), &d);
            digest_hex(&d, hex);
            r->files[i].blob_id = arena_strdup(&r->w->arena, hex);
        }
    }
    resource_set_release(&r->set);
    struct err err = {0};
    if (schema_load(&in, &r->w->arena, &r->set, &r->w->diags, &r->stats, &err) < 0)
        return arena_printf(&r->w->arena, "failed: %s", err.msg);
    return problems_of(r->w);
}

/* Repositories of the current test, to be released at its end: their sets hold a map outside of the arena. */
static struct repository *repositories[512];
static size_t n_repositories;

static inline struct repository *repository_new(struct world *w)
{
    struct repository *r = arena_new(&w->arena, struct repository);
    r->w = w;
    assert_true(n_repositories < 512);
    repositories[n_repositories++] = r;
    return r;
}

static inline int repository_teardown(void **state)
{
    while (n_repositories > 0)
        resource_set_release(&repositories[--n_repositories]->set);
    return world_teardown(state);
}

#define repository_test(function) cmocka_unit_test_setup_teardown(function, world_setup, repository_teardown)

/* A resource's spec as JSON; "(none)" when it is not there. */
static inline const char *spec_json(struct repository *r, const char *id)
{
    const struct resource *found = resource_find(&r->set, id);
    return found ? json_of(r->w, found->spec) : "(none)";
}

/* A manifest from its kind, name and spec. */
static inline const char *manifest(struct world *w, const char *kind, const char *name, const char *spec)
{
    return arena_printf(&w->arena, "apiVersion: forge/v1\nkind: %s\nmetadata: {name: %s}\nspec: %s\n", kind,
                        name, spec);
}
#endif
