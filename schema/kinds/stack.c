/* The Stack kind: a compose file of the repository, used unchanged (schema/compose/). */
#include "base/str.h"
#include "schema/kinds/common.h"
#include "schema/kinds/objects.h"

static const struct field stack_fields[] = {
    {"files", FT_LIST, IMPACT_NONE, FIELD_SCALAR_OK,
     .doc =
         "Compose files, relative to this manifest; later ones are merged into earlier ones by the rules of "
         "the Compose specification. Absent: `compose.yaml` or `docker-compose.yml` beside this manifest, "
         "and its `compose.override.yaml` if there is one.",
     .example = "[compose.yaml, compose.production.yaml]", .elem = &field_word},
    {"profiles", FT_LIST, IMPACT_NONE, FIELD_SET | FIELD_SCALAR_OK,
     .doc = "Profiles of the compose file that are active, beside those of the environment; `\"*\"` for all.",
     .example = "[metrics]", .elem = &field_word},
    {"environment", FT_MAP, IMPACT_NONE, FIELD_LIST_FORM,
     .doc =
         "Values for `${NAME}` in the compose file: what the shell is for `docker compose`. They go before "
         "the variables of forge.yaml, and those before `env_files`.",
     .example = "{TAG: \"1.4\"}", .elem = &field_text},
    {"env_files", FT_LIST, IMPACT_NONE, FIELD_SCALAR_OK,
     .doc = "Files of values for `${NAME}`, relative to this manifest; later ones win. Absent: `.env` beside "
            "the first compose file, if it is in the repository.",
     .example = "[production.env]", .elem = &field_word},
    {"project", FT_STRING, IMPACT_NONE, 0,
     .doc = "The project's name, as `docker compose -p` has it: networks and volumes are then called "
            "`PROJECT_NAME` on the engine, so that those which Compose made are found. Absent: the compose "
            "file's `name`; without one they are named as all of Forge's, `ENVIRONMENT-NAME`.",
     .example = "shop", .pattern = "^[a-z0-9][a-z0-9_-]*$",
     .pattern_doc = "small letters, digits, _ and -, starting with a letter or digit"},
    {"prefix", FT_STRING, IMPACT_NONE, FIELD_EMPTY_OK,
     .doc = "What the names of the resources begin with: service `web` becomes `container/PREFIXweb`. Other "
            "services find it as `web` all the same. Absent: the Stack's name and a `-`, so that two Stacks "
            "keep apart; `\"\"` for none.",
     .example = "\"\"", .pattern = "^([a-z0-9][a-z0-9-]*)?$", .pattern_doc = "small letters, digits and -"},
    {"directory", FT_STRING, IMPACT_NONE, 0,
     .doc = "The folder of the engine's host that relative paths of bind mounts are in. Absent: files and "
            "small folders of the repository are put into the containers as Configs, and other relative "
            "paths are errors: there is no checkout that they could be in.",
     .example = "/srv/shop", .short_form = read_path},
    {0},
};
static const struct field_refusal stack_refused[] = {
    {"file", "write files"},
    {"env_file", "write env_files; it is for ${NAME} in the compose file"},
    {"services", "the services stand in the compose file: files: [compose.yaml]"},
    {"name", "write project for the name that docker compose gives to networks and volumes"},
    {"project_name", "write project"},
    {0},
};

const struct field_table stack_table = {
    .name = "stack",
    .doc =
        "A compose file of the repository, taken as it is. Each service becomes a Container, and its "
        "networks, volumes, configs and secrets become resources of their kinds: they are planned, recorded "
        "and rolled back as those, and patches of theirs apply. A compose file in the topmost folder needs "
        "no Stack: it is one without a prefix.",
    .fields = stack_fields,
    .refused = stack_refused,
};

const struct kind_desc kind_stack = {
    .name = "Stack",
    .prefix = "stack",
    .doc = "A compose file in the repository, taken as it is.",
    .spec = &stack_table,
    .flags = KIND_SOURCE,
};
