/* import: manifests from a compose file, or from running containers. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "base/str.h"
#include "reconciler/cli/import.h"
#include "providers/provider.h"
#include "reconciler/source/source.h"
#include "schema/manifest.h"

/* The folder of a path, and its last part. */
static const char *folder_of(struct cli *c, const char *path, const char **ret_name)
{
    const char *slash = strrchr(path, '/');
    *ret_name = slash ? slash + 1 : path;
    if (!slash)
        return ".";
    return slash == path ? "/" : arena_strndup(&c->arena, path, (size_t)(slash - path));
}

/* Open a folder as a source, and read it. */
static int read_folder(struct cli *c, const char *folder, struct source **source, struct snapshot **snapshot,
                       struct err *err)
{
    const struct source_config config = {.url = arena_printf(&c->arena, "dir:%s", folder)};
    int r = source_open(&config, source, err);
    bool moved;
    if (r == 0)
        r = source_fetch(*source, &c->cancel, &moved, err);
    return r < 0 ? r : source_snapshot(*source, NULL, snapshot, err);
}

/* The spec of a Stack for the compose file, or NULL. */
static const struct val *stack_of(struct cli *c)
{
    const char *directory = cli_value(c, "host-dir");
    if (!directory)
        return NULL;
    struct val *spec = val_map(&c->arena);
    val_set_str(&c->arena, spec, "directory", directory);
    return spec;
}

int import_compose(struct import *m, struct err *err)
{
    struct cli *c = m->c;
    const char *name;
    const char *folder = folder_of(c, c->args[0], &name);
    const char **files = arena_array(&c->arena, const char *, c->n_args + 1);
    for (size_t i = 0; i < c->n_args; i++) {
        if (!str_eq(folder_of(c, c->args[i], &name), folder)) {
            err_set(err, ERR_INVALID, "%s is not in the folder of %s", c->args[i], c->args[0]);
            return err_hint(err, "import needs all files in one folder; a Stack can take them from anywhere");
        }
        if (access(c->args[i], F_OK) != 0)
            return err_set(err, ERR_NOTFOUND, "there is no file %s", c->args[i]);
        files[i] = name;
    }
    char *real = realpath(folder, NULL);
    if (!real)
        return err_set(err, ERR_NOTFOUND, "there is no folder %s", folder);
    struct source *source = NULL;
    struct snapshot *snapshot = NULL;
    int r = read_folder(c, real, &source, &snapshot, err);
    free(real);
    if (r == 0) {
        const struct target target = {0}; /* where the manifests would be applied */
        struct load_input in = {.services = target_is_swarm(&target), .arg = snapshot, .read = snapshot_read};
        in.n_files = snapshot_files(snapshot, &in.files);
        r = schema_load_compose(&in, files, stack_of(c), str_or(cli_value(c, "prefix"), ""), &c->arena,
                                &m->set, &m->diags, err);
    }
    for (size_t i = 0; i < m->diags.n; i++) /* diagnostics outlive the snapshot */
        if (m->diags.items[i].file)
            m->diags.items[i].file = arena_strdup(&c->arena, m->diags.items[i].file);
    snapshot_free(snapshot);
    source_close(source);
    return r;
}

static void print_problems(struct import *m)
{
    _cleanup_buf_ struct buf out = BUF_INIT;
    diag_print(&m->diags, NULL, NULL, m->c->err_colour, &out);
    cli_err(&out);
}

static int write_file(struct cli *c, const char *path, const struct buf *text, struct err *err)
{
    if (access(path, F_OK) == 0 && !cli_flag(c, "force")) {
        err_set(err, ERR_EXISTS, "%s already exists", path);
        return err_hint(err, "choose another path, or overwrite it with --force");
    }
    return io_write_file(path, buf_str(text), text->len, 0644, err);
}

static void add(const struct resource *r, struct buf *out)
{
    buf_adds(out, out->len ? "---\n" : "");
    manifest_write(r, out);
}

static int write_all(struct import *m, const char *path, struct err *err)
{
    struct cli *c = m->c;
    _cleanup_buf_ struct buf all = BUF_INIT;
    if (str_eq(path, "-")) /* stdout, by convention */
        path = NULL;
    bool one = !path || str_ends(path, ".yaml") || str_ends(path, ".yml");
    int r = one ? 0 : io_make_dirs(path, 0777, err);
    for (size_t i = 0; i < m->set.n && r == 0; i++) {
        const struct resource *res = m->set.items[i];
        add(res, &all);
        if (one)
            continue;
        r = write_file(c, arena_printf(&c->arena, "%s/%s-%s.yaml", path, res->kind->prefix, res->name), &all,
                       err);
        buf_reset(&all);
    }
    if (r < 0)
        return r;
    if (!path)
        cli_out(&all);
    else if (one)
        r = write_file(c, path, &all, err);
    if (r == 0 && path)
        fprintf(stderr, "Wrote %zu resource%s to %s\n", m->set.n, m->set.n == 1 ? "" : "s", path);
    return r;
}

static struct val *document(struct import *m)
{
    struct arena *a = &m->c->arena;
    struct val *doc = val_map(a), *list = val_list(a);
    for (size_t i = 0; i < m->set.n; i++)
        val_list_add(a, list, resource_to_val(a, m->set.items[i]));
    val_set_str(a, doc, "format", "forge/import/v1");
    val_map_set(a, doc, "resources", list);
    return doc;
}

int verb_import(struct cli *c)
{
    struct import m = {.c = c};
    struct err err = {0};
    bool running = cli_flag(c, "running");
    diag_init(&m.diags, &c->arena);
    if (!running && !c->n_args) {
        err_set(&err, ERR_INVALID, "nothing to import was given");
        err_hint(&err, "name a compose file, or use --running for running containers");
        return cli_fail(c, &err, NULL);
    }
    const char *host = cli_value(c, "host-dir");
    if (host && (running || host[0] != '/')) {
        err_set(&err, ERR_INVALID,
                running ? "--host-dir can only be used with a compose file"
                        : "--host-dir %s is not an absolute path",
                host);
        return cli_fail(c, &err, NULL);
    }
    if (!running && cli_value(c, "project")) {
        err_set(&err, ERR_INVALID, "--project can only be used with --running");
        return cli_fail(c, &err, NULL);
    }
    int r = running ? import_running(&m, &err) : import_compose(&m, &err);
    if (r < 0)
        return cli_fail(c, &err, NULL);
    print_problems(&m);
    if (m.diags.errors) {
        resource_set_release(&m.set);
        return EXIT_NOTICE;
    }
    if (c->json != JSON_OFF)
        cli_json(c, document(&m));
    else
        r = write_all(&m, cli_value(c, "out"), &err);
    resource_set_release(&m.set);
    return r < 0 ? cli_fail(c, &err, NULL) : 0;
}
