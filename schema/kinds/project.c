/* The Project kind: the table of forge.yaml. How a load uses it is in load_project.c. */
#include "base/limits.h"
#include "schema/kinds/common.h"
#include "schema/kinds/objects.h"

static const struct field any = {"", FT_ANY, IMPACT_NONE, 0, .doc = "Part of a manifest."};

static const struct field environment_fields[] = {
    {"inherits", FT_STRING, IMPACT_NONE, 0,
     .doc = "Another environment: its paths come before these, its variables and defaults are overridden by "
            "these, its profiles "
            "and patches are added to.",
     .example = "base"},
    {"paths", FT_LIST, IMPACT_NONE, FIELD_SCALAR_OK,
     .doc = "Folders or files with the manifests, relative to forge.yaml, in the order in which patches "
            "apply. Absent: the whole "
            "folder, or what is inherited.",
     .example = "[base, production]", .elem = &field_word},
    {"profiles", FT_LIST, IMPACT_NONE, FIELD_SET, .doc = "Profiles that are active.", .example = "[debug]",
     .elem = &field_word},
    {"variables", FT_MAP, IMPACT_NONE, FIELD_LIST_FORM, .doc = "Values for `${env.NAME}` or `${NAME}`.",
     .example = "{TAG: \"1.4\"}", .elem = &field_text},
    {"defaults", FT_MAP, IMPACT_NONE, 0,
     .doc = "By kind, the part of a spec that resources have unless they say otherwise.",
     .example = "{Container: {restart: always}}", .elem = &any},
    {"patches", FT_LIST, IMPACT_NONE, 0,
     .doc = "Changes to manifests, applied last: a file of patches, or a patch here as `{kind, metadata: "
            "{name}, spec}`.",
     .example = "[{kind: Container, metadata: {name: web}, spec: {replicas: 3}}]", .elem = &any},
    {0},
};
static const struct field_table environment_table = {
    "project.environments", "An environment: which manifests, with which values.", environment_fields};
static const struct field environment_item = {
    "", FT_RECORD, IMPACT_NONE, 0, .doc = "An environment.", .sub = &environment_table};

static const struct field project_fields[] = {
    {"environments", FT_MAP, IMPACT_NONE, 0,
     .doc = "The environments of this repository, by name. Without any, every manifest is one environment of "
            "any name.",
     .example = "{staging: {paths: [base, staging]}, production: {inherits: staging, paths: [production]}}",
     .elem = &environment_item},
    {"default_environment", FT_STRING, IMPACT_NONE, 0, .doc = "The one that is meant when none is named.",
     .example = "staging"},
    {"exclude", FT_LIST, IMPACT_NONE, FIELD_SCALAR_OK,
     .doc = "Files that are no manifests, as patterns: `*` and `?` within a folder, `**` across folders; a "
            "folder stands for what "
            "is in it. Hidden files and folders, and files that a Config or env_file names, need no mention.",
     .example = "[\"compose/\", \"**/*.tmpl.yaml\"]", .elem = &field_word},
    {"variables", FT_MAP, IMPACT_NONE, FIELD_LIST_FORM,
     .doc = "Values for `${env.NAME}` or `${NAME}` in manifests, in all environments. They may use each "
            "other, `${git.commit}`, "
            "`${environment.name}` and `${project.name}`.",
     .example = "{REGISTRY: registry.example/shop}", .elem = &field_text},
    {"profiles", FT_LIST, IMPACT_NONE, FIELD_SET, .doc = "Profiles that are active in all environments.",
     .example = "[metrics]", .elem = &field_word},
    {"defaults", FT_MAP, IMPACT_NONE, 0,
     .doc = "By kind, the part of a spec that resources have unless they say otherwise, in all environments.",
     .example = "{Container: {restart: unless-stopped, logging: {driver: local}}}", .elem = &any},
    {0},
};
static const struct field_refusal project_refused[] = {
    {"paths", "paths belong to an environment: environments: {NAME: {paths: [...]}}"},
    {"patches", "patches belong to an environment: environments: {NAME: {patches: [...]}}"},
    {"name", "the name stands in metadata.name"},
    {0},
};

const struct field_table project_table = {
    .name = "project",
    .doc = "What forge.yaml says about the repository: its environments, their files, values and defaults. "
           "Optional.",
    .fields = project_fields,
    .refused = project_refused,
};

const struct kind_desc kind_project = {
    .name = "Project",
    .prefix = "project",
    .doc = "The root file forge.yaml: which folders make which environment, with which values.",
    .spec = &project_table,
    .flags = KIND_META,
};
