/* The Stack kind: a compose file of the repository, used unchanged (schema/compose/). */
#include "base/str.h"
#include "schema/kinds/common.h"
#include "schema/kinds/objects.h"

static const struct field stack_fields[] = {
    {"files", FT_LIST, IMPACT_NONE, FIELD_SCALAR_OK,
     .doc = "Compose files, relative to this manifest; later ones are merged into earlier ones by the rules "
            "of the Compose specification. Default: `compose.yaml` or `docker-compose.yml` beside this "
            "manifest, and its `compose.override.yaml` if there is one.",
     .example = "[compose.yaml, compose.production.yaml]", .elem = &field_word},
    {"profiles", FT_LIST, IMPACT_NONE, FIELD_SET | FIELD_SCALAR_OK,
     .doc = "Active profiles of the compose file, in addition to those of the environment; `\"*\"` for all.",
     .example = "[metrics]", .elem = &field_word},
    {"environment", FT_MAP, IMPACT_NONE, FIELD_LIST_FORM,
     .doc = "Values for `${NAME}` in the compose file, like the shell environment for `docker compose`. They "
            "take precedence over the variables of forge.yaml, which take precedence over `env_files`.",
     .example = "{TAG: \"1.4\"}", .elem = &field_text},
    {"env_files", FT_LIST, IMPACT_NONE, FIELD_SCALAR_OK,
     .doc = "Files with values for `${NAME}`, relative to this manifest; later ones win. Default: `.env` "
            "beside the first compose file, if it is in the repository.",
     .example = "[production.env]", .elem = &field_word},
    {"project", FT_STRING, IMPACT_NONE, 0,
     .doc = "The project name, as for `docker compose -p`: networks and volumes are then named "
            "`PROJECT_NAME` on the engine, so that those created by Compose are found. Default: the `name` "
            "of the compose file; without one they are named like all objects of Forge, `ENVIRONMENT-NAME`.",
     .example = "shop", .pattern = "^[a-z0-9][a-z0-9_-]*$",
     .pattern_doc = "lowercase letters, digits, _ and -, starting with a letter or digit"},
    {"prefix", FT_STRING, IMPACT_NONE, FIELD_EMPTY_OK,
     .doc = "The prefix of the resource names: service `web` becomes `container/PREFIXweb`. Other services "
            "still find it as `web`. Default: the name of the Stack and a `-`, so that two Stacks do not "
            "collide; `\"\"` for none.",
     .example = "\"\"", .pattern = "^([a-z0-9][a-z0-9-]*)?$",
     .pattern_doc = "lowercase letters, digits and -"},
    {"directory", FT_STRING, IMPACT_NONE, 0,
     .doc = "The folder on the engine's host to which the relative paths of bind mounts refer. Default: "
            "files and small folders of the repository are copied into the containers as Configs, and other "
            "relative paths are errors, because there is no checkout on the host.",
     .example = "/srv/shop", .short_form = read_path},
    {0},
};
static const struct field_refusal stack_refused[] = {
    {"file", "write files"},
    {"env_file", "write env_files; it is for ${NAME} in the compose file"},
    {"services", "services belong in the compose file: files: [compose.yaml]"},
    {"name", "write project for the name that docker compose uses for networks and volumes"},
    {"project_name", "write project"},
    {0},
};

const struct field_table stack_table = {
    .name = "stack",
    .doc = "A compose file in the repository, used as it is. Each service becomes a Container, and its "
           "networks, volumes, configs and secrets become resources of their kinds: they are planned, "
           "recorded, rolled back and patched like any other. A compose file in the root folder needs no "
           "Stack: it is read as one without a prefix.",
    .fields = stack_fields,
    .refused = stack_refused,
};

const struct kind_desc kind_stack = {
    .name = "Stack",
    .prefix = "stack",
    .doc = "A compose file in the repository, used as it is.",
    .spec = &stack_table,
    .flags = KIND_SOURCE,
};
