/*
 * Compose projects on folders of files: tests/golden/compose/NAME. Each folder is a repository: it is loaded,
 * and its resources and problems are compared with the file EXPECTED in it. FORGE_GOLDEN_UPDATE=1 writes that
 * file instead; a name as argument runs one case.
 *
 * What holds for every case is checked for every case: loaded again from the cache it is the same and nothing
 * is resolved; with a file taken away or changed it is what it would be without a cache; every spec has the
 * shape of its table; and the manifests that import would write of it load to the same resources.
 */
#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/str.h"
#include "schema/load.h"
#include "schema/manifest.h"
#include "tests/lib/plan_case.h"
#include "tests/lib/unit.h"

#define CASES    "tests/golden/compose"
#define EXPECTED "EXPECTED"

static bool update;
static const char *const chosen[] = {"chosen", NULL};

struct repo {
    struct arena arena;
    const char *top;
    bool swarm;                  /* the target is one: folders called swarm-* */
    const char *const *profiles; /* active ones of the environment: none for folders called unchosen-* */
    struct load_file *files;
    size_t n, cap;
    struct map cache;
    const char *changed; /* path of a file that reads otherwise: each "a" in it is a "b" */
    size_t yaml_reads;
};

struct kept {
    const void *data;
    size_t len;
};

static int read_file(void *arg, size_t i, struct arena *a, const char **ret, size_t *ret_len, struct err *err)
{
    struct repo *r = arg;
    _cleanup_buf_ struct buf b = BUF_INIT;
    r->yaml_reads += str_ends(r->files[i].path, ".yaml") && !str_eq(r->files[i].path, "forge.yaml");
    int code = io_read_file(arena_printf(a, "%s/%s", r->top, r->files[i].path), 1u << 20, &b, err);
    if (code < 0)
        return code;
    char *text = arena_memdup(a, buf_str(&b), b.len + 1);
    for (char *p = text; str_eq(r->changed, r->files[i].path) && (p = strchr(p, 'a'));)
        *p = 'b';
    *ret = text;
    *ret_len = b.len;
    return 0;
}

static int cache_get(void *arg, const char *key, const void **ret, size_t *ret_len)
{
    const struct repo *r = arg;
    const struct kept *kept = map_get(&r->cache, key);
    if (!kept)
        return ERR_NOTFOUND;
    *ret = kept->data;
    *ret_len = kept->len;
    return 0;
}

static void cache_put(void *arg, const char *key, const void *data, size_t len)
{
    struct repo *r = arg;
    struct kept *kept = arena_new(&r->arena, struct kept);
    *kept = (struct kept){arena_memdup(&r->arena, data, len), len};
    map_put(&r->cache, arena_strdup(&r->arena, key), kept);
}

static void add_folder(struct repo *r, const char *below)
{
    DIR *d = opendir(arena_printf(&r->arena, "%s/%s", r->top, below));
    assert_non_null(d);
    const struct dirent *e;
    while ((e = readdir(d))) {
        if (str_eq(e->d_name, ".") || str_eq(e->d_name, "..") || str_eq(e->d_name, EXPECTED))
            continue;
        struct stat st;
        const char *path = arena_printf(&r->arena, "%s%s%s", below, *below ? "/" : "", e->d_name);
        assert_int_equal(stat(arena_printf(&r->arena, "%s/%s", r->top, path), &st), 0);
        if (S_ISDIR(st.st_mode)) {
            add_folder(r, path);
            continue;
        }
        struct load_file f = {.path = path, .blob_id = path, .executable = (st.st_mode & S_IXUSR) != 0};
        arena_push(&r->arena, r->files, r->n, r->cap, f);
    }
    closedir(d);
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct load_file *)a)->path, ((const struct load_file *)b)->path);
}

/* Where each value stands, by the path of its file. */
static void add_places(const struct resource_set *set, const struct val *v, struct buf *out)
{
    buf_addf(out, " %s:%u:%u", v->file ? set->files[v->file] : "", v->line, v->col);
    for (size_t i = 0; v->type == VAL_LIST && i < v->len; i++)
        add_places(set, v->items[i], out);
    for (size_t i = 0; v->type == VAL_MAP && i < v->len; i++)
        add_places(set, v->pairs[i].val, out);
}

/* Returns the number of errors. */
static size_t load(struct repo *r, bool cached, bool places, struct buf *out)
{
    struct diag_list diags;
    struct resource_set set;
    struct load_stats stats;
    struct err err = {0};
    struct load_input in = {.files = r->files,
                            .n_files = r->n,
                            .environment = "test",
                            .profiles = r->profiles,
                            .services = r->swarm,
                            .arg = r,
                            .read = read_file,
                            .cache_get = cached ? cache_get : NULL,
                            .cache_put = cached ? cache_put : NULL};
    r->yaml_reads = 0;
    diag_init(&diags, &r->arena);
    assert_ok(schema_load(&in, &r->arena, &set, &diags, &stats, &err));
    diag_print(&diags, NULL, NULL, false, out);
    for (size_t i = 0; i < set.n; i++) {
        const struct resource *res = set.items[i];
        if (!diags.errors)
            assert_ok(field_check(res->kind->spec, res->spec, &err));
        buf_addf(out, "\n%s (%s:%u:%u)\n", res->id, res->file, res->line, res->col);
        val_json(res->spec, 2, out);
        if (places)
            add_places(&set, res->spec, out);
        buf_addc(out, '\n');
    }
    for (size_t i = 0; i < set.n_inactive; i++)
        buf_addf(out, "\n%s is inactive\n", set.inactive[i]);
    resource_set_release(&set);
    return diags.errors;
}

static void same_as_without_cache(struct repo *r, const char *what, const char *path)
{
    struct buf cached = BUF_INIT, alone = BUF_INIT;
    load(r, true, true, &cached);
    load(r, false, true, &alone);
    if (!str_eq(buf_str(&cached), buf_str(&alone)))
        print_error("%s: %s %s\n", r->top, path, what);
    assert_string_equal(buf_str(&cached), buf_str(&alone));
    buf_release(&cached);
    buf_release(&alone);
}

/* Whatever changes is seen, though all but it comes from the cache; and so is that it is as it was again. */
static void check_cache(struct repo *r)
{
    for (size_t i = 0; i < r->n; i++) {
        struct load_file file = r->files[i];
        r->changed = file.path;
        r->files[i].blob_id = arena_printf(&r->arena, "%s'", file.path);
        same_as_without_cache(r, "changed", file.path);
        r->changed = NULL;
        r->files[i].blob_id = file.blob_id;
        same_as_without_cache(r, "as it was", file.path);
        memmove(&r->files[i], &r->files[i + 1], (--r->n - i) * sizeof(file));
        same_as_without_cache(r, "gone", file.path);
        memmove(&r->files[i + 1], &r->files[i], (r->n++ - i) * sizeof(file));
        r->files[i] = file;
        same_as_without_cache(r, "there again", file.path);
    }
}

/* What was imported, as one file of manifests beside the files that it names, is what was there before. */

struct imported {
    struct repo *from;
    struct buf manifests;
    size_t own; /* number of the file of manifests */
    size_t *numbers;
};

static int read_imported(void *arg, size_t i, struct arena *a, const char **ret, size_t *ret_len,
                         struct err *err)
{
    struct imported *m = arg;
    if (i != m->own)
        return read_file(m->from, m->numbers[i], a, ret, ret_len, err);
    *ret = arena_memdup(a, buf_str(&m->manifests), m->manifests.len + 1);
    *ret_len = m->manifests.len;
    return 0;
}

static bool is_manifest(struct repo *r, size_t i)
{
    const char *text;
    size_t len;
    struct err err = {0};
    assert_ok(read_file(r, i, &r->arena, &text, &len, &err));
    return strstr(text, "apiVersion:") != NULL;
}

static const char *summary(struct repo *r, const struct resource_set *set)
{
    struct buf out = BUF_INIT;
    for (size_t i = 0; i < set->n; i++) {
        buf_addf(&out, "%s ", set->items[i]->id);
        val_json(set->items[i]->spec, 2, &out);
        buf_addc(&out, '\n');
    }
    for (size_t i = 0; i < set->n_inactive; i++)
        buf_addf(&out, "%s is inactive\n", set->inactive[i]);
    const char *text = arena_strdup(&r->arena, buf_str(&out));
    buf_release(&out);
    return text;
}

static void check_import(struct repo *r)
{
    static const char *const both[] = {"compose.yaml", "compose.override.yaml", NULL};
    static const char *const one[] = {"compose.yaml", NULL};
    bool has = false;
    bool override = false;
    for (size_t i = 0; i < r->n; i++) {
        has |= str_eq(r->files[i].path, one[0]);
        override |= str_eq(r->files[i].path, both[1]);
    }
    struct diag_list diags;
    struct resource_set stack;
    struct resource_set raw;
    struct resource_set back;
    struct err err = {0};
    struct load_input in = {.files = r->files,
                            .n_files = r->n,
                            .environment = "test",
                            .profiles = r->profiles,
                            .services = r->swarm,
                            .arg = r,
                            .read = read_file};
    diag_init(&diags, &r->arena);
    if (!has)
        return;
    assert_ok(schema_load(&in, &r->arena, &stack, &diags, NULL, &err));
    if (!diags.errors) {
        assert_ok(schema_load_compose(&in, override ? both : one, NULL, "", &r->arena, &raw, &diags, &err));
        struct imported m = {.from = r, .manifests = BUF_INIT};
        for (size_t i = 0; i < raw.n; i++) {
            buf_adds(&m.manifests, i ? "---\n" : "");
            manifest_write(raw.items[i], &m.manifests);
        }
        struct load_file *files = arena_array(&r->arena, struct load_file, r->n + 1);
        m.numbers = arena_array(&r->arena, size_t, r->n + 1);
        size_t n = 0;
        for (size_t i = 0; i < r->n; i++)
            if ((!str_ends(r->files[i].path, ".yaml") || is_manifest(r, i)) && r->files[i].path[0] != '.') {
                m.numbers[n] = i;
                files[n++] = r->files[i];
            }
        m.own = n;
        files[n++] = (struct load_file){.path = "zz-import.yaml", .size = m.manifests.len};
        struct load_input again = {.files = files,
                                   .n_files = n,
                                   .environment = "test",
                                   .profiles = r->profiles,
                                   .services = r->swarm,
                                   .arg = &m,
                                   .read = read_imported};
        diag_init(&diags, &r->arena);
        assert_ok(schema_load(&again, &r->arena, &back, &diags, NULL, &err));
        struct buf problems = BUF_INIT;
        diag_print(&diags, NULL, NULL, false, &problems);
        if (problems.len)
            print_error("%s\n%s", buf_str(&problems), buf_str(&m.manifests));
        assert_int_equal(problems.len, 0);
        assert_string_equal(summary(r, &back), summary(r, &stack));
        buf_release(&problems);
        buf_release(&m.manifests);
        resource_set_release(&raw);
        resource_set_release(&back);
    }
    resource_set_release(&stack);
}

static void run_case(void **state)
{
    struct repo r = {.arena = ARENA_INIT,
                     .swarm = str_starts(*state, "swarm-"),
                     .profiles = str_starts(*state, "unchosen-") ? NULL : chosen};
    struct buf cold = BUF_INIT;
    struct buf warm = BUF_INIT;
    struct err err = {0};
    r.top = arena_printf(&r.arena, CASES "/%s", (const char *)*state);
    map_init(&r.cache);
    add_folder(&r, "");
    qsort(r.files, r.n, sizeof(*r.files), by_path);
    load(&r, true, false, &cold);
    size_t errors = load(&r, true, false, &warm);
    assert_string_equal(buf_str(&warm), buf_str(&cold));
    if (!errors)
        assert_int_equal(r.yaml_reads, 0);
    check_cache(&r);
    check_import(&r);

    const char *path = arena_printf(&r.arena, "%s/" EXPECTED, r.top);
    if (update) {
        assert_ok(io_write_file(path, buf_str(&cold), cold.len, 0644, &err));
    } else {
        _cleanup_buf_ struct buf want = BUF_INIT;
        assert_ok(io_read_file(path, 1u << 20, &want, &err));
        if (!str_eq(buf_str(&want), buf_str(&cold)))
            print_error("%s: got\n%s\n", path, buf_str(&cold));
        assert_string_equal(buf_str(&cold), buf_str(&want));
    }
    buf_release(&cold);
    buf_release(&warm);
    map_release(&r.cache);
    arena_release(&r.arena);
}

int main(int argc, char **argv)
{
    struct arena arena = ARENA_INIT;
    const char **names = plan_case_list(&arena, CASES, "");
    struct CMUnitTest *tests = NULL;
    size_t n = 0, cap = 0;
    update = str_eq(getenv("FORGE_GOLDEN_UPDATE"), "1");
    for (size_t i = 0; names[i]; i++) {
        if (argc > 1 && !str_eq(argv[1], names[i]))
            continue;
        struct CMUnitTest test = {
            .name = names[i], .test_func = run_case, .initial_state = (void *)(uintptr_t)names[i]};
        arena_push(&arena, tests, n, cap, test);
    }
    int failed = n ? _cmocka_run_group_tests("compose", tests, n, NULL, NULL) : 1;
    arena_release(&arena);
    return failed;
}
