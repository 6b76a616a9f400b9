/* completion: scripts for shells, from the tables of verbs and options. */
#include "base/str.h"
#include "reconciler/cli/cli.h"
#include "schema/kind.h"

static void all_verbs(struct buf *b)
{
    for (const struct verb *v = verbs; v->name; v++)
        if (v->summary)
            buf_addf(b, "%s%s", v == verbs ? "" : " ", v->name);
}

static void option_names(const struct cli_option *o, struct buf *b)
{
    for (; o && o->name; o++)
        buf_addf(b, " --%s", o->name);
}

/* Completions for a verb's argument: a list of words, files, or nothing. */
static bool argument_words(const struct verb *v, struct buf *b)
{
    if (strstr(v->args, "KIND")) {
        for (const struct kind_desc *const *kind = kinds; *kind; kind++)
            buf_addf(b, "%s ", (*kind)->prefix);
        buf_adds(b, "metadata");
    } else if (strstr(v->args, "VERB")) {
        all_verbs(b);
    } else if (strchr(v->args, '|') && !strchr(v->args, ' ')) {
        for (const char *p = v->args; *p; p++)
            buf_addc(b, *p == '|' ? ' ' : *p);
    } else {
        return false;
    }
    return true;
}

/* Resources are completed by calling the program, which lists them within milliseconds from the manifests and
   the inventory. */
static bool argument_is_resource(const struct verb *v)
{
    return strstr(v->args, "RESOURCE") != NULL;
}

static bool option_is_resource(const struct cli_option *o)
{
    return o->arg && str_starts(o->arg, "RESOURCE");
}

static bool argument_is_file(const struct verb *v)
{
    return strstr(v->args, "FILE") || strstr(v->args, "PATH") || strstr(v->args, "PLAN") ||
           strstr(v->args, "DIR");
}

static void bash_verb(const struct verb *v, struct buf *b)
{
    _cleanup_buf_ struct buf words = BUF_INIT;
    buf_addf(b, "    %s)\n        options+=\"", v->name);
    option_names(v->options, b);
    buf_adds(b, "\"\n");
    if (argument_words(v, &words))
        buf_addf(b, "        words=\"%s\"\n", buf_str(&words));
    else if (argument_is_resource(v))
        buf_adds(b, "        resources=yes\n");
    if (argument_is_file(v))
        buf_adds(b, "        files=yes\n");
    buf_adds(b, "        ;;\n");
}

static void bash(struct buf *b)
{
    buf_adds(b, "# bash completion of forge-ctl\n"
                "# Made by `forge-ctl completion bash`; do not edit.\n\n"
                "_forge_ctl()\n{\n"
                "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} verb='' words='' "
                "files='' resources='' i\n"
                "    local -a place=()\n"
                "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
                "        case ${COMP_WORDS[i]} in\n"
                "        --settings | --state-dir | --directory | --environment | -C | -e)\n"
                "            place+=(\"${COMP_WORDS[i]}\" \"${COMP_WORDS[i + 1]}\")\n            ((i++))\n   "
                "         ;;\n"
                "        -*) ;;\n"
                "        *)\n            verb=${COMP_WORDS[i]}\n            break\n            ;;\n"
                "        esac\n    done\n    local options=\"");
    option_names(common_options, b);
    buf_adds(b, "\"\n    case $verb in\n    '') words=\"");
    all_verbs(b);
    buf_adds(b, "\" ;;\n");
    for (const struct verb *v = verbs; v->name; v++)
        if (v->summary)
            bash_verb(v, b);
    buf_adds(b, "    esac\n    case $prev in\n    --settings | --out) files=yes words='' resources='' ;;\n"
                "    --only | --adopt) resources=yes files='' words='' ;;\n"
                "    --state-dir | --directory | -C)\n"
                "        mapfile -t COMPREPLY < <(compgen -d -- \"$cur\")\n        return\n        ;;\n"
                "    esac\n    case $cur in\n    -*) words=$options files='' resources='' ;;\n    esac\n"
                "    [ -z \"$resources\" ] || words=$(forge-ctl names \"${place[@]}\" 2>/dev/null)\n"
                "    mapfile -t COMPREPLY < <(\n        compgen -W \"$words\" -- \"$cur\"\n"
                "        [ -z \"$files\" ] || compgen -f -- \"$cur\"\n    )\n}\n\n"
                "complete -o filenames -F _forge_ctl forge-ctl\n");
}

/* Escape a description for the single quotes that both zsh and fish need. */
static void quoted(const char *s, struct buf *b)
{
    for (; *s; s++) {
        if (*s == '\'')
            buf_adds(b, "'\\''");
        else if (*s == '[' || *s == ']' || *s == ':')
            buf_addf(b, "\\%c", *s);
        else
            buf_addc(b, *s);
    }
}

static void zsh_options(const struct cli_option *o, struct buf *b)
{
    for (; o && o->name; o++) {
        buf_addf(b, " \\\n            '--%s%s[", o->name, o->arg && o->arg[0] != '[' ? "=" : "");
        quoted(o->doc, b);
        buf_addf(b, "]%s'",
                 option_is_resource(o)        ? ":resource:_forge_ctl_names"
                 : o->arg && o->arg[0] != '[' ? ":value:_files"
                                              : "");
    }
}

static void zsh_argument(const struct verb *v, struct buf *b)
{
    _cleanup_buf_ struct buf words = BUF_INIT;
    if (argument_words(v, &words))
        buf_addf(b, " \\\n            '1:word:(%s)' ;;\n", buf_str(&words));
    else
        buf_addf(b, " \\\n            '*:%s' ;;\n",
                 argument_is_resource(v) ? "resource:_forge_ctl_names"
                 : argument_is_file(v)   ? "file:_files"
                                         : "argument: ");
}

static void zsh(struct buf *b)
{
    buf_adds(
        b,
        "#compdef forge-ctl\n# Made by `forge-ctl completion zsh`; do not edit.\n"
        "_forge_ctl_names() {\n    local -a names\n"
        "    names=(${(f)\"$(forge-ctl names 2>/dev/null)\"})\n    compadd -a names\n}\n_forge_ctl() {\n    "
        "local -a verbs\n    verbs=(\n");
    for (const struct verb *v = verbs; v->name && v->summary; v++) {
        buf_addf(b, "        '%s:", v->name);
        quoted(v->summary, b);
        buf_adds(b, "'\n");
    }
    buf_adds(b, "    )\n    if (( CURRENT == 2 )); then\n        _describe verb verbs\n        return\n    "
                "fi\n    case $words[2] in\n");
    for (const struct verb *v = verbs; v->name && v->summary; v++) {
        buf_addf(b, "    %s)\n        _arguments", v->name);
        zsh_options(v->options, b);
        zsh_options(common_options, b);
        zsh_argument(v, b);
    }
    buf_adds(b, "    esac\n}\n_forge_ctl \"$@\"\n");
}

static void fish_options(const char *verb, const struct cli_option *o, struct buf *b)
{
    for (; o && o->name; o++) {
        buf_adds(b, "complete -c forge-ctl");
        if (verb)
            buf_addf(b, " -n '__fish_seen_subcommand_from %s'", verb);
        if (o->letter)
            buf_addf(b, " -s %c", o->letter);
        buf_addf(b, " -l %s%s -d '", o->name, o->arg && o->arg[0] != '[' ? " -r" : "");
        for (const char *s = o->doc; *s; s++)
            buf_addf(b, *s == '\'' ? "\\%c" : "%c", *s);
        buf_addf(b, "'%s\n", option_is_resource(o) ? " -f -a '(forge-ctl names 2>/dev/null)'" : "");
    }
}

static void fish(struct buf *b)
{
    buf_adds(b, "# fish completion of forge-ctl\n# Made by `forge-ctl completion fish`; do not edit.\n");
    for (const struct verb *v = verbs; v->name && v->summary; v++) {
        buf_addf(b, "complete -c forge-ctl -f -n __fish_use_subcommand -a %s -d '%s'\n", v->name, v->summary);
        fish_options(v->name, v->options, b);
        _cleanup_buf_ struct buf words = BUF_INIT;
        if (argument_words(v, &words))
            buf_addf(b, "complete -c forge-ctl -f -n '__fish_seen_subcommand_from %s' -a '%s'\n", v->name,
                     buf_str(&words));
        else if (argument_is_resource(v))
            buf_addf(b,
                     "complete -c forge-ctl -f -n '__fish_seen_subcommand_from %s' -a '(forge-ctl names "
                     "2>/dev/null)'\n",
                     v->name);
        else if (!argument_is_file(v))
            buf_addf(b, "complete -c forge-ctl -f -n '__fish_seen_subcommand_from %s'\n", v->name);
    }
    fish_options(NULL, common_options, b);
}

/* Print the ids of all desired and applied resources, one per line, without asking an engine or fetching. */
static int print_names(struct cli *c, struct err *err)
{
    struct engine *e;
    int r = cli_engine(c, &e, err);
    if (r < 0)
        return r;
    const struct look_options o = {.cancel = &c->cancel};
    _cleanup_(look_release) struct look l;
    _cleanup_buf_ struct buf b = BUF_INIT;
    struct inventory applied = {0};
    r = engine_load(e, &o, &l, err);
    for (size_t i = 0; i < l.desired.n; i++)
        buf_addf(&b, "%s\n", l.desired.items[i]->id);
    /* Errors in manifests are not reported by a completion. */
    if (inventory_load(engine_store(e), engine_config(e)->name, &c->arena, &applied, err) == 0)
        for (size_t i = 0; i < applied.n; i++)
            if (!resource_find(&l.desired, applied.items[i]->id))
                buf_addf(&b, "%s\n", applied.items[i]->id);
    cli_out(&b);
    return b.len ? 0 : r;
}

int verb_names(struct cli *c)
{
    struct err err = {0};
    return print_names(c, &err) < 0 ? cli_fail(c, &err, NULL) : 0;
}

int verb_completion(struct cli *c)
{
    static const struct {
        const char *name;
        void (*print)(struct buf *);
    } shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};
    for (size_t i = 0; i < ARRAY_LEN(shells); i++) {
        if (!str_eq(shells[i].name, c->args[0]))
            continue;
        _cleanup_buf_ struct buf b = BUF_INIT;
        shells[i].print(&b);
        cli_out(&b);
        return 0;
    }
    struct err err = {0};
    err_set(&err, ERR_INVALID, "no completions for the shell \"%s\"", c->args[0]);
    err_hint(&err, "bash, zsh and fish have them");
    return cli_fail(c, &err, NULL);
}
