/* The Project kind: the table of forge.yaml. How a load uses it is in load_project.c. */
#include "base/limits.h"
#include "schema/kinds/common.h"
#include "schema/kinds/objects.h"

static const struct field any = {"", FT_ANY, IMPACT_NONE, 0, .doc = "Part of a manifest."};

static const struct field environment_fields[] = {
    {"inherits", FT_STRING, IMPACT_NONE, 0,
     .doc = "Another environment to extend: its paths come before the ones here, its variables and defaults "
            "are overridden by the ones here, and the profiles and patches here are added to its own.",
     .example = "base"},
    {"paths", FT_LIST, IMPACT_NONE, FIELD_SCALAR_OK,
     .doc = "Folders or files with the manifests, relative to forge.yaml, in the order in which patches "
            "apply. Default: the whole folder, or the inherited paths.",
     .example = "[base, production]", .elem = &field_word},
    {"profiles", FT_LIST, IMPACT_NONE, FIELD_SET, .doc = "Active profiles.", .example = "[debug]",
     .elem = &field_word},
    {"variables", FT_MAP, IMPACT_NONE, FIELD_LIST_FORM, .doc = "Values for `${env.NAME}` or `${NAME}`.",
     .example = "{TAG: \"1.4\"}", .elem = &field_text},
    {"defaults", FT_MAP, IMPACT_NONE, 0,
     .doc = "Default values of specs, by kind. A manifest that sets a field overrides them.",
     .example = "{Container: {restart: always}}", .elem = &any},
    {"patches", FT_LIST, IMPACT_NONE, 0,
     .doc = "Changes to manifests, applied last: a file with patches, or an inline patch `{kind, metadata: "
            "{name}, spec}`.",
     .example = "[{kind: Container, metadata: {name: web}, spec: {replicas: 3}}]", .elem = &any},
    {0},
};
static const struct field_table environment_table = {
    "project.environments", "An environment: its manifests and their values.", environment_fields};
static const struct field environment_item = {
    "", FT_RECORD, IMPACT_NONE, 0, .doc = "An environment.", .sub = &environment_table};

static const struct field project_fields[] = {
    {"environments", FT_MAP, IMPACT_NONE, 0,
     .doc = "The environments of this repository, by name. If there are none, all manifests form one "
            "environment, which can have any name.",
     .example = "{staging: {paths: [base, staging]}, production: {inherits: staging, paths: [production]}}",
     .elem = &environment_item},
    {"default_environment", FT_STRING, IMPACT_NONE, 0, .doc = "The environment to use when none is given.",
     .example = "staging"},
    {"exclude", FT_LIST, IMPACT_NONE, FIELD_SCALAR_OK,
     .doc = "Files that are not manifests, as patterns: `*` and `?` match within a folder, `**` across "
            "folders; a folder matches everything in it. Hidden files and folders, and files named by a "
            "Config or env_file, are excluded automatically.",
     .example = "[\"compose/\", \"**/*.tmpl.yaml\"]", .elem = &field_word},
    {"variables", FT_MAP, IMPACT_NONE, FIELD_LIST_FORM,
     .doc = "Values for `${env.NAME}` or `${NAME}` in manifests, in all environments. They may use each "
            "other, `${git.commit}`, "
            "`${environment.name}` and `${project.name}`.",
     .example = "{REGISTRY: registry.example/shop}", .elem = &field_text},
    {"profiles", FT_LIST, IMPACT_NONE, FIELD_SET, .doc = "Profiles active in all environments.",
     .example = "[metrics]", .elem = &field_word},
    {"defaults", FT_MAP, IMPACT_NONE, 0,
     .doc =
         "Default values of specs in all environments, by kind. A manifest that sets a field overrides them.",
     .example = "{Container: {restart: unless-stopped, logging: {driver: local}}}", .elem = &any},
    {0},
};
static const struct field_refusal project_refused[] = {
    {"paths", "paths belong to an environment: environments: {NAME: {paths: [...]}}"},
    {"patches", "patches belong to an environment: environments: {NAME: {patches: [...]}}"},
    {"name", "set the name in metadata.name"},
    {0},
};

const struct field_table project_table = {
    .name = "project",
    .doc =
        "The configuration of the repository: its environments, their files, values and defaults. Optional.",
    .fields = project_fields,
    .refused = project_refused,
};

const struct kind_desc kind_project = {
    .name = "Project",
    .prefix = "project",
    .doc = "The file forge.yaml at the root of the repository: the environments, their folders and values.",
    .spec = &project_table,
    .flags = KIND_META,
};
