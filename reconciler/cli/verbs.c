/* The table of verbs, for parsing, help, completion and the manual page. */
#include "base/str.h"
#include "reconciler/cli/cli.h"

const struct cli_option common_options[] = {
    {'e', "environment", "NAME", "the environment to work on (default: the only one)"},
    {'C', "directory", "DIR", "work on the manifests in DIR on the local engine"},
    {0, "settings", "FILE", "settings file (default: $FORGE_SETTINGS, /etc/forge/forged.yaml)"},
    {0, "state-dir", "DIR",
     "where history and caches live (default: $FORGE_STATE_DIR, /var/lib/forge for root)"},
    {0, "json", "[lines]", "print one JSON document, or with =lines events as they happen"},
    {0, "local", NULL, "work in this process even when forged is running"},
    {0, "no-color", NULL, "no colours (as does NO_COLOR)"},
    {'v', "verbose", NULL, "log what is done to stderr"},
    {'h', "help", NULL, "help for the verb"},
    {0},
};

#define PLAN_OPTIONS                                                                               \
    {0, "only", "RESOURCE", "this resource and what it depends on; may be repeated"},              \
        {0, "adopt", "RESOURCE[=NAME]", "take over what exists and is not ours; may be repeated"}, \
        {0, "allow-data-loss", "WORD",                                                             \
         "allow the loss of data that the refused plan gives this word for; may be repeated"},     \
        {0, "fresh", NULL, "trust no cache: inspect everything on the engine"},                    \
    {                                                                                              \
        0, "no-fetch", NULL, "work on the last fetched state of the repository"                    \
    }

#define RUN_OPTIONS                                                                    \
    {'y', "yes", NULL, "do not ask"}, {0, "dry-run", NULL, "print the plan and stop"}, \
        {0, "parallel", "N", "changes under way at once"},                             \
    {                                                                                  \
        0, "timeout", "DURATION", "of the whole run"                                   \
    }

#define BACKUP_OPTION                                                                                   \
    {                                                                                                   \
        0, "backup-volumes", "DIR", "first save the volumes whose data the plan loses, as tar archives" \
    }

static const struct cli_option diff_options[] = {
    PLAN_OPTIONS,
    {0, "out", "FILE", "also write the plan, for `apply FILE`"},
    {0, "exit-code", NULL, "exit with 1 when there are differences, as it does anyway"},
    {0},
};
static const struct cli_option apply_options[] = {PLAN_OPTIONS, RUN_OPTIONS, BACKUP_OPTION, {0}};
static const struct cli_option rollback_options[] = {PLAN_OPTIONS, RUN_OPTIONS, BACKUP_OPTION, {0}};
static const struct cli_option status_options[] = {
    {0, "watch", NULL, "print again whenever something changes (looks every 2 s)"},
    {0, "fresh", NULL, "trust no cache: inspect everything on the engine"},
    {0},
};
static const struct cli_option images_options[] = {
    {0, "no-fetch", NULL, "work on the last fetched state of the repository"},
    {0, "dry-run", NULL, "prune: only show what would go, and why the rest stays"},
    {0},
};
static const struct cli_option history_options[] = {
    {0, "transitions", NULL, "each change of each resource instead of generations"},
    {'n', "limit", "N", "at most N rows (default 20, 0: all)"},
    {0},
};
static const struct cli_option suspend_options[] = {
    {0, "reason", "TEXT", "why; shown to everyone"},
    {0, "for", "DURATION", "ends by itself after this time"},
    {0},
};
static const struct cli_option reconcile_options[] = {{0, "wait", NULL, "wait for the outcome"}, {0}};
static const struct cli_option adopt_options[] = {RUN_OPTIONS, {0}};
static const struct cli_option logs_options[] = {
    {'f', "follow", NULL, "go on as lines come"},
    {0, "tail", "N", "only the last N lines"},
    {0, "since", "TIME", "from this time (RFC 3339) or age (10m)"},
    {'t', "timestamps", NULL, "with the time of each line"},
    {0, "instance", "N", "of one replica"},
    {0},
};
static const struct cli_option exec_options[] = {
    {'i', "interactive", NULL, "pass stdin on"},
    {'t', "tty", NULL, "with a terminal (default: when stdin and stdout are one)"},
    {'u', "user", "USER", "as this user"},
    {'w', "workdir", "DIR", "in this folder"},
    {0, "instance", "N", "in one replica (default 1)"},
    {0},
};
static const struct cli_option volume_options[] = {
    {0, "overwrite", NULL, "restore: also where there are files; those of the same name are replaced"},
    {0},
};
static const struct cli_option import_options[] = {
    {'o', "out", "PATH", "write there: a file (*.yaml), or a folder with a file for each resource"},
    {'f', "force", NULL, "overwrite files that exist"},
    {0, "prefix", "TEXT", "what the resources' names begin with"},
    {0, "host-dir", "DIR", "the folder of the engine's host that relative paths of bind mounts are in"},
    {0, "running", NULL, "containers that run, in place of a compose file"},
    {0, "project", "NAME", "with --running: those of this compose project"},
    {0},
};
static const struct cli_option restore_options[] = {{'y', "yes", NULL, "do not ask"}, {0}};
static const struct cli_option validate_options[] = {{0, "no-warnings", NULL, "print errors only"}, {0}};

#define EXITS_PLAN  "0 no differences, 1 differences, 2 error"
#define EXITS_RUN   "0 done, 1 partly failed or blocked, 2 error or not done"
#define EXITS_PLAIN "0 done, 2 error"

const struct verb verbs[] = {
    {"init", "[DIR]", "write a small commented starting repository", NULL, EXITS_PLAIN, 0, 1, NULL,
     verb_init},
    {"validate", "[PATH...]", "everything that is wrong with the manifests, with places",
     "Reads manifests without asking any engine, and prints every problem of every file at once. PATH is a "
     "folder, or "
     "a file of one: then its problems only. Without PATH: what the environment's repository has.",
     "0 valid, 1 invalid, 2 error", 0, 100, validate_options, verb_validate},
    {"diff", "[REV | A..B]", "what applying would change, and why",
     "Compares what the repository asks for with what runs and with what was last applied. With REV another "
     "commit is compared with what runs; with A..B two commits are compared with each other, and no engine "
     "is "
     "asked.\n\n"
     "Lines: + created, ~ changed, - deleted, ! drift (changed on the engine, not in Git) or blocked.",
     EXITS_PLAN, 0, 1, diff_options, verb_diff},
    {"apply", "[PLAN]", "show the plan, ask, and make it so",
     "PLAN is a file written by `diff --out`: exactly that plan is run, or refused with what has moved "
     "since.",
     EXITS_RUN, 0, 1, apply_options, verb_apply},
    {"status", "[RESOURCE]", "a table of resources: sync, health, generation, age",
     "SYNC: synced; out-of-sync, Git asks for something else; drifted, it was changed on the engine; held, "
     "it is left alone "
     "until its manifest changes; stalled, what it asks for cannot be done.",
     "0 healthy and in sync, 1 not, 2 error", 0, 1, status_options, verb_status},
    {"images", "[prune]", "what registries have for images; remove those that nothing needs",
     "Asks the registry of each container with an image_policy. NEWER is taken by `forge-ctl apply`, or by "
     "forged where the policy says automatic.\n\n"
     "`images prune` removes, at once, images that Forge has pulled to the environment's engines, and that "
     "nothing needs any more: no generation that is kept, of any environment, and no container, whosever. "
     "What Forge did not pull, or somebody else has given another name, is left alone, and nothing is "
     "removed by force. It tells the size of each, and why it stays. forged does the same by itself after "
     "the time that `images.keep` in the settings says. Images of a swarm's nodes are out of reach.",
     "0 nothing newer, or pruned; 1 newer images, or with prune --dry-run some that would go; 2 error", 0, 1,
     images_options, verb_images},
    {"history", "[RESOURCE]", "generations, or the transitions of a resource",
     "A generation is one run of apply; a transition is what it did to one resource.", EXITS_PLAIN, 0, 1,
     history_options, verb_history},
    {"show", "GENERATION", "one generation in full", NULL, EXITS_PLAIN, 1, 1, NULL, verb_show},
    {"rollback", "[GENERATION] [RESOURCE]", "go back to a generation, as a plan like any other",
     "Without GENERATION: to the newest successful one before the current. Configuration and images come "
     "back as they "
     "were recorded. Automation leaves the commit that was rolled back alone until another one comes.",
     EXITS_RUN, 0, 2, rollback_options, verb_rollback},
    {"explain", "[KIND[.FIELD]]", "documentation of kinds and fields",
     "Example: `forge-ctl explain container.healthcheck`.", EXITS_PLAIN, 0, 1, NULL, verb_explain, true},
    {"schema", "", "JSON Schema of the manifests, for editors", NULL, EXITS_PLAIN, 0, 0, NULL, verb_schema},
    {"suspend", "", "stop every writer of an environment",
     "Until `forge-ctl resume`, or the end of --for, neither forged nor `forge-ctl apply` changes anything.",
     EXITS_PLAIN, 0, 0, suspend_options, verb_suspend},
    {"resume", "", "end a suspension", NULL, EXITS_PLAIN, 0, 0, NULL, verb_resume},
    {"reconcile", "", "have forged look now", "Needs a running forged.", EXITS_PLAIN, 0, 0, reconcile_options,
     verb_reconcile},
    {"adopt", "RESOURCE [NAME]", "take over what exists on the engine",
     "Puts RESOURCE of the manifests in charge of an object that Forge did not make.", EXITS_RUN, 1, 2,
     adopt_options, verb_adopt},
    {"import", "FILE... | --running [NAME...]", "write manifests of a compose file, or of what runs",
     "Of a compose file (several are merged): a Container of each service, with its networks, volumes, "
     "configs "
     "and secrets; "
     "values of ${NAME} stand in them as they are now. Files that Configs name are relative to FILE's "
     "folder: "
     "put the "
     "manifests there.\n\n"
     "With --running: of the containers of a project, of those that are named, or of all that are not "
     "Forge's. "
     "Applying these "
     "manifests takes the containers over as they run; nothing is made anew until a manifest changes.",
     "0 done, 1 the compose file is wrong, 2 error", 0, 1000, import_options, verb_import},
    {"logs", "RESOURCE", "what a container prints",
     "RESOURCE may be short: `web` is container/web, here and wherever a resource is named.", EXITS_PLAIN, 1,
     1, logs_options, verb_logs},
    {"exec", "RESOURCE [--] COMMAND [ARG...]", "run a command in a container", NULL,
     "the command's own, 2 error", 2, 1000, exec_options, verb_exec, true},
    {"volume", "backup|restore RESOURCE FILE", "the files of a volume, into a tar archive and back",
     "The copy is made through the engine, also of a volume that nothing uses, and of a volume on another "
     "machine. Nothing is "
     "stopped for it: stop what writes to the volume first, or use the database's own dump. `restore` fills "
     "a volume that is "
     "there and empty; `apply` makes it.",
     EXITS_PLAIN, 3, 3, volume_options, verb_volume},
    {"backup", "FILE", "a consistent copy of the store, while others write", NULL, EXITS_PLAIN, 1, 1, NULL,
     verb_backup},
    {"restore", "FILE", "put a backup in the store's place", NULL, EXITS_PLAIN, 1, 1, restore_options,
     verb_restore},
    {"doctor", "", "check settings, repository, credentials, engine, disk", NULL,
     "0 all well, 1 something is not", 0, 0, NULL, verb_doctor},
    {"completion", "bash|zsh|fish", "completions for a shell", NULL, EXITS_PLAIN, 1, 1, NULL, verb_completion,
     true},
    {"version", "", "the version of Forge, and of the libraries it runs with", NULL, EXITS_PLAIN, 0, 0, NULL,
     verb_version},
    {"help", "[VERB]", "this text, or help for a verb", NULL, EXITS_PLAIN, 0, 1, NULL, verb_help, true},
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
