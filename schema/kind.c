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
        {"Route", "hosts and paths to containers"},
        {"Repository", "a forge's repository settings"},
        {"Build", "images from Dockerfiles"},
        {"Template", "parametrised bundles"},
        {"Instance", "parametrised bundles"},
        {"Policy", "rules that manifests must keep"},
        {"Notifier", "messages about what happens"},
        {"Alert", "messages about what goes wrong"},
    };
    for (size_t i = 0; i < ARRAY_LEN(planned); i++)
        if (strcmp(planned[i].name, name) == 0)
            return planned[i].what;
    return NULL;
}

static const char *const prune_words[] = {"disabled", "enabled", NULL};
static const char *const adopt_words[] = {"true", "false", NULL};

const struct annotation annotations[] = {
    {"forge/prune", "`disabled`: it is not removed when it is no longer in Git.", "disabled", prune_words},
    {"forge/adopt", "`true`: an object of that name which exists already and is nobody's is taken over.",
     "\"true\"", adopt_words},
    {"forge/ignore", "Fields, separated by commas, that are left alone once it exists.", "spec.replicas",
     NULL},
    {"forge/allow-data-loss",
     "Words of a plan that was refused because data would be lost, each bound to the object that holds them: "
     "these may be lost. On the manifest that is changed, or on one that stays when another is removed.",
     "volume/data@1f0c3a9be2d4", NULL},
    {"forge/suspend", "Nothing is changed on it; the value is the reason.", "moving to the new disk", NULL},
    {NULL, NULL, NULL, NULL},
};
