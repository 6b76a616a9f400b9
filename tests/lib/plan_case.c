#include "tests/lib/plan_case.h"

#include "base/clock.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/str.h"
#include "tests/lib/plan_edit.h"

#include <dirent.h>

#define NOW_NS (INT64_C(1763690000) * NS_PER_S)

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **plan_case_list(struct arena *a, const char *folder, const char *suffix)
{
    const char **names = NULL;
    size_t n = 0, cap = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));)
        if (e->d_name[0] != '.' && str_ends(e->d_name, suffix))
            arena_push(a, names, n, cap, arena_strdup(a, e->d_name));
    if (d)
        closedir(d);
    if (n)
        qsort(names, n, sizeof(*names), by_text);
    arena_push(a, names, n, cap, NULL);
    return names;
}

struct reading {
    const char *folder;
    const char *const *names;
};

static int read_manifest(void *arg, size_t i, struct arena *a, const char **ret, size_t *ret_len,
                         struct err *err)
{
    const struct reading *r = arg;
    _cleanup_buf_ struct buf b = BUF_INIT;
    int rc = io_read_file(arena_printf(a, "%s/%s", r->folder, r->names[i]), LIMIT_MANIFEST_BYTES, &b, err);
    if (rc < 0)
        return rc;
    *ret = arena_strndup(a, buf_str(&b), b.len);
    *ret_len = b.len;
    return 0;
}

static const char *const one_swarm[] = {"", NULL};

static int load_set(const struct load_input *in, const char *what, const char *environment, struct arena *a,
                    struct resource_set *ret_raw, struct resource_set *ret_bound, struct err *err)
{
    struct diag_list diags;
    struct load_stats stats = {0};
    diag_init(&diags, a);
    resource_set_init(ret_raw, a);
    resource_set_init(ret_bound, a);
    int r = schema_load(in, a, ret_raw, &diags, &stats, err);
    if (r == 0 && diags.errors) {
        _cleanup_buf_ struct buf b = BUF_INIT;
        diag_print(&diags, NULL, NULL, false, &b);
        return err_set(err, ERR_INVALID, "%s: %s", what, buf_str(&b));
    }
    return r < 0 ? r : bind_set(ret_raw, environment, in->services ? one_swarm : NULL, a, ret_bound, err);
}

int plan_case_manifests(const char *folder, const char *environment, bool swarm, struct arena *a,
                        struct resource_set *ret_raw, struct resource_set *ret_bound, struct err *err)
{
    const char **names = plan_case_list(a, folder, ".yaml");
    size_t n = 0;
    while (names[n])
        n++;
    struct load_file *files = arena_array(a, struct load_file, n + 1);
    for (size_t i = 0; i < n; i++)
        files[i].path = names[i];
    struct reading reading = {folder, names};
    const struct load_input in = {.files = files,
                                  .n_files = n,
                                  .environment = environment,
                                  .services = swarm,
                                  .arg = &reading,
                                  .read = read_manifest};
    return load_set(&in, folder, environment, a, ret_raw, ret_bound, err);
}

static int read_text(void *arg, size_t i, struct arena *a, const char **ret, size_t *ret_len, struct err *err)
{
    (void)i;
    (void)a;
    (void)err;
    *ret = arg;
    *ret_len = strlen(arg);
    return 0;
}

static int load_text(const char *yaml, const char *environment, bool swarm, struct arena *a,
                     struct resource_set *ret, struct err *err)
{
    struct resource_set raw;
    struct load_file file = {.path = "manifest.yaml", .size = strlen(yaml)};
    const struct load_input in = {.files = &file,
                                  .n_files = 1,
                                  .environment = environment,
                                  .services = swarm,
                                  .arg = arena_strdup(a, yaml),
                                  .read = read_text};
    int r = load_set(&in, "manifest.yaml", environment, a, &raw, ret, err);
    resource_set_release(&raw);
    return r;
}

int plan_case_text(const char *yaml, const char *environment, struct arena *a, struct resource_set *ret,
                   struct err *err)
{
    return load_text(yaml, environment, false, a, ret, err);
}

int plan_case_swarm_text(const char *yaml, const char *environment, struct arena *a, struct resource_set *ret,
                         struct err *err)
{
    return load_text(yaml, environment, true, a, ret, err);
}

/* ---- policy.yaml ---- */

static const char *const *texts(struct arena *a, const struct ynode *n)
{
    if (!n)
        return NULL;
    const char **list = arena_array(a, const char *, n->len + 1);
    for (size_t i = 0; n->type == YN_SEQ && i < n->len; i++)
        list[i] = n->items[i]->text;
    return list;
}

static bool flag(const struct ynode *n, const char *key, bool fallback)
{
    const struct ynode *v = ynode_get(n, key);
    return v ? str_eq(v->text, "true") : fallback;
}

static int64_t number(const struct ynode *n, const char *key, int64_t fallback)
{
    const struct ynode *v = ynode_get(n, key);
    return v ? strtoll(v->text, NULL, 10) : fallback;
}

static const char *text(const struct ynode *n, const char *key, const char *fallback)
{
    const struct ynode *v = ynode_get(n, key);
    return v ? v->text : fallback;
}

/* What a real run would know about the files of secrets: {path: digest}. */
static void set_contents(struct plan_case *c, struct resource_set *set, const struct ynode *contents)
{
    for (size_t i = 0; i < set->n; i++) {
        const struct val *secrets = val_get(set->items[i]->spec, "secrets");
        if (!contents || !val_len(secrets))
            continue;
        struct val *spec = val_map_copy(c->arena, set->items[i]->spec),
                   *now = val_map_copy(c->arena, secrets);
        for (size_t k = 0; k < now->len; k++) {
            struct val *file = val_map_copy(c->arena, now->pairs[k].val);
            val_set_str(c->arena, file, "content",
                        text(contents, str_or(val_get_str(file, "file"), ""), NULL));
            now->pairs[k].val = file;
        }
        val_map_set(c->arena, spec, "secrets", now);
        set->items[i]->spec = spec;
    }
}

static void read_unready(struct plan_case *c, const struct ynode *n)
{
    size_t len = n ? n->len : 0;
    struct plan_unready *list = arena_array(c->arena, struct plan_unready, len + 1);
    for (size_t i = 0; i < len; i++)
        list[i] = (struct plan_unready){n->pairs[i].key->text, n->pairs[i].value->text};
    c->unready = list;
    c->n_unready = len;
}

static void read_policy(struct plan_case *c, const struct ynode *n)
{
    c->environment = text(n, "environment", "production");
    c->commit = text(n, "commit", "3f9c2d1e8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c3d");
    c->subject = text(n, "subject", "web: 1.5");
    c->target = text(n, "target", "docker://local");
    c->policy = (struct plan_policy){
        .prune = flag(n, "prune", true),
        .self_heal = flag(n, "self_heal", true),
        .load_failed = flag(n, "load_failed", false),
        .delete_cap = (unsigned)number(n, "delete_cap", 0),
        .delete_share = (unsigned)number(n, "delete_share", 0),
        .data_loss = texts(c->arena, ynode_get(n, "data_loss")),
        .adopt = texts(c->arena, ynode_get(n, "adopt")),
        .only = texts(c->arena, ynode_get(n, "only")),
        .resume = texts(c->arena, ynode_get(n, "resume")),
        .under_way = text(n, "under_way", NULL),
        .force_retry = flag(n, "force_retry", false),
        .now_ns = NOW_NS,
    };
    read_unready(c, ynode_get(n, "unready"));
}

/* ---- everything ---- */

static int read_yaml(struct plan_case *c, const char *name, const struct ynode **ret, struct err *err)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    struct ynode **docs;
    *ret = NULL;
    int r = io_read_file(arena_printf(c->arena, "%s/%s", c->folder, name), LIMIT_MANIFEST_BYTES, &b, err);
    if (r == ERR_NOTFOUND)
        return 0;
    if (r < 0)
        return r;
    const char *copy = arena_strndup(c->arena, buf_str(&b), b.len);
    size_t n = yaml_read(c->arena, name, copy, b.len, &c->diags, &docs);
    if (c->diags.errors || n > 1)
        return err_set(err, ERR_INVALID, "%s/%s: %s", c->folder, name,
                       c->diags.errors ? c->diags.items[0].msg : "more than one document");
    *ret = n ? docs[0] : NULL;
    return 0;
}

static int load_files(struct plan_case *c, struct err *err)
{
    const struct ynode *observed, *applied, *policy;
    struct resource_set raw;
    int r = read_yaml(c, "policy.yaml", &policy, err);
    if (r == 0)
        r = read_yaml(c, "observed.yaml", &observed, err);
    if (r < 0)
        return r;
    const bool swarm = flag(observed, "swarm", false);
    read_policy(c, policy);
    plan_world_init(&c->world, c->arena, c->environment);
    c->world.now_ns = NOW_NS - 3600 * NS_PER_S;
    c->world.generation = 7;
    c->world.inventory.generation = 7;
    r = plan_case_manifests(arena_printf(c->arena, "%s/desired", c->folder), c->environment, swarm, c->arena,
                            &c->desired, &c->bound, err);
    if (r == 0)
        r = plan_case_manifests(arena_printf(c->arena, "%s/previous", c->folder), c->environment, swarm,
                                c->arena, &raw, &c->previous, err);
    if (r == 0)
        resource_set_release(&raw);
    set_contents(c, &c->bound, ynode_get(policy, "contents"));
    set_contents(c, &c->previous, ynode_get(policy, "previous_contents"));
    if (r == 0)
        r = read_yaml(c, "applied.yaml", &applied, err);
    if (r == 0)
        r = plan_edit_world(c, observed, applied, err);
    return r;
}

/* Replace "@input" in records by the input digest of the resource's current change. */
static int set_inputs(struct plan_case *c, struct err *err)
{
    struct plan plan;
    const struct plan_policy policy = c->policy;
    c->policy.force_retry = true;
    c->policy.only = NULL;
    int r = plan_case_make(c, &plan, err);
    c->policy = policy;
    for (size_t i = 0; r == 0 && i < c->world.inventory.n; i++) {
        struct applied *rec = c->world.inventory.items[i];
        const struct plan_change *change = plan_find(&plan, rec->id);
        if (str_eq(rec->input_digest, "@input") && change)
            rec->input_digest = change->input_digest;
    }
    return r;
}

static bool wants_inputs(const struct plan_case *c)
{
    for (size_t i = 0; i < c->world.inventory.n; i++)
        if (str_eq(c->world.inventory.items[i]->input_digest, "@input"))
            return true;
    return false;
}

int plan_case_load(const char *folder, struct arena *a, struct plan_case *ret, struct err *err)
{
    *ret = (struct plan_case){.arena = a, .folder = folder};
    diag_init(&ret->diags, a);
    int r = load_files(ret, err);
    if (r < 0)
        return r;
    world_observe(&ret->world, a, &ret->observed);
    return wants_inputs(ret) ? set_inputs(ret, err) : 0;
}

void plan_case_release(struct plan_case *c)
{
    resource_set_release(&c->desired);
    resource_set_release(&c->bound);
    resource_set_release(&c->previous);
}

int plan_case_make(struct plan_case *c, struct plan *ret, struct err *err)
{
    const struct plan_input in = {
        .environment = c->environment,
        .commit = c->commit,
        .subject = c->subject,
        .target = c->target,
        .desired = &c->bound,
        .observed = &c->observed,
        .applied = &c->world.inventory,
        .policy = &c->policy,
        .unready = c->unready,
        .n_unready = c->n_unready,
    };
    return plan_make(&in, c->arena, ret, &c->diags, err);
}
