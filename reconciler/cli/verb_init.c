/* init: a small commented repository to start from. */
#include "base/io.h"
#include "base/str.h"
#include "reconciler/cli/cli.h"

#include <stdio.h>
#include <unistd.h>

struct template
{
    const char *path, *text;
};

static const struct template templates[] = {
    {"forge.yaml", "# The root of this repository. Everything here is optional: without this file, every "
                   "manifest below this\n"
                   "# folder belongs to one environment, named after the folder.\n"
                   "apiVersion: forge/v1\n"
                   "kind: Project\n"
                   "metadata:\n"
                   "  name: my-project\n"},
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

static int write_templates(struct cli *c, const char *dir, struct err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(templates); i++)
        if (access(arena_printf(&c->arena, "%s/%s", dir, templates[i].path), F_OK) == 0) {
            err_set(err, ERR_EXISTS, "%s/%s exists already", dir, templates[i].path);
            return err_hint(err, "init writes only into a folder that has no manifests");
        }
    int r = io_make_dirs(dir, 0777, err);
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(templates); i++) {
        const char *path = arena_printf(&c->arena, "%s/%s", dir, templates[i].path);
        r = io_write_file(path, templates[i].text, strlen(templates[i].text), 0644, err);
    }
    return r;
}

int verb_init(struct cli *c)
{
    struct err err = {0};
    const char *dir = c->args[0] ? c->args[0] : str_or(cli_value(c, "directory"), ".");
    if (write_templates(c, dir, &err) < 0)
        return cli_fail(c, &err, NULL);
    if (c->json == JSON_OFF)
        printf("Wrote %s/forge.yaml and %s/web.yaml. Next:\n  cd %s && git init && git add . && git commit "
               "-m \"start\"\n"
               "  forge-ctl validate\n  forge-ctl diff\n  forge-ctl apply\n",
               dir, dir, dir);
    return 0;
}
