/* The table of verbs, for parsing, help, completion and the manual page. */
#include "base/str.h"
#include "reconciler/cli/cli.h"

const struct cli_option common_options[] = {
    {'e', "environment", "NAME", "the environment to work on (default: the only one)"},
    {'C', "directory", "DIR", "work on the manifests in DIR on the local engine"},
    {0, "settings", "FILE", "settings file (default: $FORGE_SETTINGS, /etc/forge/forged.yaml)"},
    {0, "state-dir", "DIR",
     "where history and caches are kept (default: $FORGE_STATE_DIR, /var/lib/forge for root)"},
    {0, "json", "[lines]", "print one JSON document, or with =lines events as they happen"},
    {0, "local", NULL, "work in this process even when forged is running"},
    {0, "no-color", NULL, "no colors (like NO_COLOR)"},
    {'v', "verbose", NULL, "log what is done to stderr"},
    {'h', "help", NULL, "help for the verb"},
    {0},
};

#define PLAN_OPTIONS                                                                                         \
    {0, "only", "RESOURCE", "this resource and what it depends on; may be repeated"},                        \
        {0, "adopt", "RESOURCE[=NAME]", "take over the existing object for this resource; may be repeated"}, \
        {0, "allow-data-loss", "WORD",                                                                       \
         "allow the data loss that the blocked plan shows with this identifier; may be repeated"},           \
        {0, "fresh", NULL, "ignore caches: inspect everything on the engine"},                               \
    {                                                                                                        \
        0, "no-fetch", NULL, "use the last fetched state of the repository"                                  \
    }

#define RUN_OPTIONS                                                                                     \
    {'y', "yes", NULL, "do not ask for confirmation"}, {0, "dry-run", NULL, "print the plan and stop"}, \
        {0, "parallel", "N", "number of changes made in parallel"},                                     \
    {                                                                                                   \
        0, "timeout", "DURATION", "timeout of the whole run"                                            \
    }

#define BACKUP_OPTION                                                                                  \
    {                                                                                                  \
        0, "backup-volumes", "DIR", "first save the volumes whose data would be lost, as tar archives" \
    }

static const struct cli_option diff_options[] = {
    PLAN_OPTIONS,
    {0, "out", "FILE", "also write the plan, for `apply FILE`"},
    {0, "exit-code", NULL, "exit with 1 when there are differences (the default)"},
    {0},
};
static const struct cli_option apply_options[] = {PLAN_OPTIONS, RUN_OPTIONS, BACKUP_OPTION, {0}};
static const struct cli_option rollback_options[] = {PLAN_OPTIONS, RUN_OPTIONS, BACKUP_OPTION, {0}};
static const struct cli_option status_options[] = {
    {0, "watch", NULL, "print again whenever something changes (looks every 2 s)"},
    {0, "fresh", NULL, "ignore caches: inspect everything on the engine"},
    {0},
};
static const struct cli_option images_options[] = {
    {0, "no-fetch", NULL, "use the last fetched state of the repository"},
    {0, "dry-run", NULL, "prune: only show what would be removed, and why the rest is kept"},
    {0},
};
static const struct cli_option history_options[] = {
    {0, "transitions", NULL, "each change of each resource instead of generations"},
    {'n', "limit", "N", "at most N rows (default 20, 0: all)"},
    {0},
};
static const struct cli_option suspend_options[] = {
    {0, "reason", "TEXT", "the reason, shown in status"},
    {0, "for", "DURATION", "end automatically after this time"},
    {0},
};
static const struct cli_option reconcile_options[] = {{0, "wait", NULL, "wait for the outcome"}, {0}};
static const struct cli_option adopt_options[] = {RUN_OPTIONS, {0}};
static const struct cli_option logs_options[] = {
    {'f', "follow", NULL, "follow the output"},
    {0, "tail", "N", "only the last N lines"},
    {0, "since", "TIME", "from this time (RFC 3339) or age (10m)"},
    {'t', "timestamps", NULL, "show the time of each line"},
    {0, "instance", "N", "only of this replica"},
    {0},
};
static const struct cli_option exec_options[] = {
    {'i', "interactive", NULL, "pass stdin on"},
    {'t', "tty", NULL, "allocate a terminal (default: when stdin and stdout are terminals)"},
    {'u', "user", "USER", "run as this user"},
    {'w', "workdir", "DIR", "run in this folder"},
    {0, "instance", "N", "run in this replica (default 1)"},
    {0},
};
static const struct cli_option volume_options[] = {
    {0, "overwrite", NULL, "restore: also into a volume with files; files of the same name are replaced"},
    {0},
};
static const struct cli_option import_options[] = {
    {'o', "out", "PATH", "where to write: a file (*.yaml), or a folder with one file for each resource"},
    {'f', "force", NULL, "overwrite files that exist"},
    {0, "prefix", "TEXT", "prefix of the resource names"},
    {0, "host-dir", "DIR", "the folder on the engine's host to which relative paths of bind mounts refer"},
    {0, "running", NULL, "import running containers instead of a compose file"},
    {0, "project", "NAME", "with --running: only those of this Compose project"},
    {0},
};
static const struct cli_option restore_options[] = {{'y', "yes", NULL, "do not ask for confirmation"}, {0}};
static const struct cli_option validate_options[] = {{0, "no-warnings", NULL, "print errors only"}, {0}};

#define EXITS_PLAN  "0 no differences, 1 differences, 2 error"
#define EXITS_RUN   "0 done, 1 partly failed or blocked, 2 error or not done"
#define EXITS_PLAIN "0 done, 2 error"

const struct verb verbs[] = {
    {"init", "[DIR]", "write a small example repository with comments", NULL, EXITS_PLAIN, 0, 1, NULL,
     verb_init},
    {"validate", "[PATH...]", "check the manifests and list every problem with its place",
     "Reads the manifests without contacting any engine, and prints every problem in every file at once. "
     "PATH is a folder, or a file in one, to print only the problems of that file. Without PATH, the "
     "repository of the environment is checked.",
     "0 valid, 1 invalid, 2 error", 0, 100, validate_options, verb_validate},
    {"diff", "[REV | A..B]", "show what apply would change, and why",
     "Compares the repository with the state of the engine and with what was last applied. With REV, another "
     "commit is compared with the engine; with A..B, two commits are compared with each other without "
     "contacting an engine.\n\nLines: + created, ~ changed, - deleted, ! drift (changed on the engine, not "
     "in Git) or blocked.",
     EXITS_PLAN, 0, 1, diff_options, verb_diff},
    {"apply", "[PLAN]", "show the plan, ask for confirmation, and apply it",
     "PLAN is a file written by `diff --out`: exactly that plan is applied. If something has changed since, "
     "it is refused, with the reason.",
     EXITS_RUN, 0, 1, apply_options, verb_apply},
    {"status", "[RESOURCE]", "show the resources: sync, health, generation, age",
     "SYNC: synced; out-of-sync, it differs from Git; drifted, it was changed on the engine; held, it is not "
     "changed until its manifest changes; stalled, its manifest cannot be applied.",
     "0 healthy and in sync, 1 not, 2 error", 0, 1, status_options, verb_status},
    {"images", "[prune]", "show newer images in the registries; remove unneeded images",
     "Asks the registry of each container with an image_policy. NEWER is applied by `forge-ctl apply`, or by "
     "forged if the policy is automatic.\n\n`images prune` immediately removes images that Forge pulled to "
     "the engines of the environment and that are no longer needed: by no kept generation of any "
     "environment, and by no container at all. Images that Forge did not pull, or that have another name, "
     "are kept, and no removal is forced. It prints the size of each image, and why it is kept. forged does "
     "the same automatically after the time set in `images.keep`. Images on the nodes of a swarm cannot be "
     "removed.",
     "0 nothing newer, or pruned; 1 newer images, or with prune --dry-run images that would be removed; 2 "
     "error",
     0, 1, images_options, verb_images},
    {"history", "[RESOURCE]", "list generations, or the transitions of a resource",
     "A generation is one run of apply; a transition is what it did to one resource.", EXITS_PLAIN, 0, 1,
     history_options, verb_history},
    {"show", "GENERATION", "show one generation in full", NULL, EXITS_PLAIN, 1, 1, NULL, verb_show},
    {"rollback", "[GENERATION] [RESOURCE]", "roll back to a generation, with a plan",
     "Without GENERATION, rolls back to the newest successful one before the current. Configuration and "
     "images are restored as they were recorded. forged does not apply the commit again that was rolled "
     "back, until there is a newer one.",
     EXITS_RUN, 0, 2, rollback_options, verb_rollback},
    {"explain", "[KIND[.FIELD]]", "show the documentation of kinds and fields",
     "Example: `forge-ctl explain container.healthcheck`.", EXITS_PLAIN, 0, 1, NULL, verb_explain, true},
    {"schema", "", "print the JSON Schema of the manifests, for editors", NULL, EXITS_PLAIN, 0, 0, NULL,
     verb_schema},
    {"suspend", "", "stop all changes to an environment",
     "Until `forge-ctl resume`, or the end of --for, neither forged nor `forge-ctl apply` changes anything.",
     EXITS_PLAIN, 0, 0, suspend_options, verb_suspend},
    {"resume", "", "end a suspension", NULL, EXITS_PLAIN, 0, 0, NULL, verb_resume},
    {"reconcile", "", "tell forged to reconcile now", "Needs a running forged.", EXITS_PLAIN, 0, 0,
     reconcile_options, verb_reconcile},
    {"adopt", "RESOURCE [NAME]", "take over an existing object on the engine",
     "Lets RESOURCE of the manifests manage an object that Forge did not create.", EXITS_RUN, 1, 2,
     adopt_options, verb_adopt},
    {"import", "FILE... | --running [NAME...]", "write manifests from a compose file or running containers",
     "From a compose file (several are merged): writes a Container for each service, with its networks, "
     "volumes, configs and secrets; values of ${NAME} are written as they are now. Files used by Configs are "
     "relative to FILE's folder: put the manifests there.\n\nWith --running: from the containers of a "
     "project, from those that are named, or from all that Forge does not manage. Applying these manifests "
     "takes over the running containers; none is recreated until its manifest changes.",
     "0 done, 1 invalid compose file, 2 error", 0, 1000, import_options, verb_import},
    {"logs", "RESOURCE", "show the output of a container",
     "RESOURCE can be short, here and everywhere else: `web` is container/web.", EXITS_PLAIN, 1, 1,
     logs_options, verb_logs},
    {"exec", "RESOURCE [--] COMMAND [ARG...]", "run a command in a container", NULL,
     "that of the command, 2 error", 2, 1000, exec_options, verb_exec, true},
    {"volume", "backup|restore RESOURCE FILE", "copy the files of a volume to a tar archive, or back",
     "The copy goes through the engine, so it also works for unused volumes and on other machines. No "
     "container is stopped: stop those that write to the volume first, or use the database's own dump. "
     "`restore` fills an existing, empty volume; `apply` creates it.",
     EXITS_PLAIN, 3, 3, volume_options, verb_volume},
    {"backup", "FILE", "back up the store, consistently, while it is in use", NULL, EXITS_PLAIN, 1, 1, NULL,
     verb_backup},
    {"restore", "FILE", "replace the store with a backup", NULL, EXITS_PLAIN, 1, 1, restore_options,
     verb_restore},
    {"doctor", "", "check settings, repository, credentials, engine and disk", NULL,
     "0 no problems, 1 problems found", 0, 0, NULL, verb_doctor},
    {"completion", "bash|zsh|fish", "print the completion script of a shell", NULL, EXITS_PLAIN, 1, 1, NULL,
     verb_completion, true},
    {"version", "", "print the versions of Forge and of its libraries", NULL, EXITS_PLAIN, 0, 0, NULL,
     verb_version},
    {"help", "[VERB]", "show this text, or the help of a verb", NULL, EXITS_PLAIN, 0, 1, NULL, verb_help,
     true},
    {"names", "", NULL, NULL, EXITS_PLAIN, 0, 0, NULL, verb_names, true},
    {"generate", "man|reference|schema|settings|capabilities", NULL, NULL, EXITS_PLAIN, 1, 1, NULL,
     verb_generate, true},
    {0},
};

const struct verb *verb_find(const char *name)
{
    for (const struct verb *v = verbs; v->name; v++)
        if (str_eq(v->name, name))
            return v;
    return NULL;
}
