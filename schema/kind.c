#include "schema/kind.h"

#include "base/cleanup.h"
#include "base/str.h"

const struct kind_desc *const kinds[] = {
    &kind_container, &kind_network, &kind_volume,  &kind_config,
    &kind_secret,    &kind_stack,   &kind_project, NULL,
};

const struct kind_desc *kind_find(const char *name)
{
    for (const struct kind_desc *const *kind = kinds; *kind; kind++)
        if (strcmp((*kind)->name, name) == 0)
            return *kind;
    return NULL;
}

const struct kind_desc *kind_by_prefix(const char *prefix)
{
    for (const struct kind_desc *const *kind = kinds; *kind; kind++)
        if (strcmp((*kind)->prefix, prefix) == 0)
            return *kind;
    return NULL;
}

const char *kind_planned(const char *name)
{
    static const struct {
        const char *name, *what;
    } planned[] = {
        {"Environment", "variables for env_from"},
        {"Database", "databases, roles and their backups"},
        {"CronJob", "commands on a schedule"},
        {"Route", "routes from hosts and paths to containers"},
        {"Repository", "a forge's repository settings"},
        {"Build", "images built from Dockerfiles"},
        {"Template", "parameterized bundles"},
        {"Instance", "parameterized bundles"},
        {"Policy", "rules that manifests must follow"},
        {"Notifier", "notifications about events"},
        {"Alert", "notifications about failures"},
    };
    for (size_t i = 0; i < ARRAY_LEN(planned); i++)
        if (strcmp(planned[i].name, name) == 0)
            return planned[i].what;
    return NULL;
}

static const char *const prune_words[] = {"disabled", "enabled", NULL};
static const char *const adopt_words[] = {"true", "false", NULL};

const struct annotation annotations[] = {
    {"forge/prune", "`disabled`: the object is not deleted when its manifest is no longer in Git.",
     "disabled", prune_words},
    {"forge/adopt", "`true`: take over an existing object of that name that belongs to no environment.",
     "\"true\"", adopt_words},
    {"forge/ignore", "Fields, separated by commas, that are not changed once the object exists.",
     "spec.replicas", NULL},
    {"forge/allow-data-loss",
     "Data that may be lost: the identifiers that a blocked plan shows, each bound to one object. Put it on "
     "the manifest that changes, or on one that stays when another is removed.",
     "volume/data@1f0c3a9be2d4", NULL},
    {"forge/suspend", "Suspends the resource: nothing is changed on it. The value is the reason.",
     "moving to the new disk", NULL},
    {NULL, NULL, NULL, NULL},
};
