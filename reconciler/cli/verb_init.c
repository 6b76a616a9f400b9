/* init: a small commented repository to start from. */
#include "base/io.h"
#include "base/str.h"
#include "reconciler/cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct template
{
    const char *path, *text; /* a %s stands for the project's name */
};

static const struct template templates[] = {
    {"forge.yaml", "# The root of this repository. Everything here is optional: without this file, every "
                   "manifest below this\n"
                   "# folder belongs to one environment, named after the folder.\n"
                   "apiVersion: forge/v1\n"
                   "kind: Project\n"
                   "metadata:\n"
                   "  name: %s\n"},
    {"web.yaml",
     "# A container. `forge-ctl explain container` lists its fields; they are those of a Compose service.\n"
     "apiVersion: forge/v1\n"
     "kind: Container\n"
     "metadata:\n"
     "  name: web\n"
     "spec:\n"
     "  image: nginx:1.27\n"
     "  ports: [\"8080:80\"]\n"
     "  restart: unless-stopped\n"
     "  healthcheck:\n"
     "    test: [\"CMD\", \"curl\", \"-fsS\", \"http://127.0.0.1/\"]\n"
     "    interval: 10s\n"
     "  volumes:\n"
     "    - site:/usr/share/nginx/html\n"
     "---\n"
     "# A volume. It is never deleted unless you say so by name.\n"
     "apiVersion: forge/v1\n"
     "kind: Volume\n"
     "metadata:\n"
     "  name: site\n"
     "spec: {}\n"},
};

/* The name of the folder, resolved because "." has none. */
static const char *project_name(struct cli *c, const char *dir)
{
    char *real = realpath(dir, NULL);
    const char *name = settings_folder_name(&c->arena, real ? real : dir);
    free(real);
    return name;
}

static int write_templates(struct cli *c, const char *dir, struct err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(templates); i++)
        if (access(arena_printf(&c->arena, "%s/%s", dir, templates[i].path), F_OK) == 0) {
            err_set(err, ERR_EXISTS, "%s/%s already exists", dir, templates[i].path);
            return err_hint(err, "init only writes to a folder without manifests");
        }
    int r = io_make_dirs(dir, 0777, err);
    const char *project = project_name(c, dir);
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(templates); i++) {
        const char *path = arena_printf(&c->arena, "%s/%s", dir, templates[i].path);
        const char *text = templates[i].text, *mark = strstr(text, "%s");
        if (mark)
            text = arena_printf(&c->arena, "%.*s%s%s", (int)(mark - text), text, project, mark + 2);
        r = io_write_file(path, text, strlen(text), 0644, err);
    }
    return r;
}

static void print_next(const char *dir)
{
    bool here = str_eq(dir, ".");
    printf("Wrote %s%sforge.yaml and %s%sweb.yaml. Next:\n", here ? "" : dir, here ? "" : "/",
           here ? "" : dir, here ? "" : "/");
    if (!here)
        printf("  cd %s\n", dir);
    fputs("  git init && git add . && git commit -m start\n"
          "  forge-ctl validate\n  forge-ctl diff\n  forge-ctl apply\n",
          stdout);
}

int verb_init(struct cli *c)
{
    struct err err = {0};
    const char *dir = c->args[0] ? c->args[0] : str_or(cli_value(c, "directory"), ".");
    if (write_templates(c, dir, &err) < 0)
        return cli_fail(c, &err, NULL);
    if (c->json == JSON_OFF) {
        print_next(dir);
        return 0;
    }
    struct val *doc = val_map(&c->arena), *files = val_list(&c->arena);
    for (size_t i = 0; i < ARRAY_LEN(templates); i++)
        val_list_add(&c->arena, files,
                     val_str(&c->arena, arena_printf(&c->arena, "%s/%s", dir, templates[i].path)));
    val_set_str(&c->arena, doc, "format", "forge/init/v1");
    val_map_set(&c->arena, doc, "files", files);
    cli_json(c, doc);
    return 0;
}
