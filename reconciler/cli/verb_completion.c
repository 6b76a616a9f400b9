/* completion: scripts for shells, from the tables of verbs and options. */
#include "base/str.h"
#include "reconciler/cli/cli.h"

static void verb_names(struct buf *b)
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

static void bash(struct buf *b)
{
    buf_adds(
        b,
        "# bash completion of forge-ctl\n_forge_ctl() {\n    local cur=${COMP_WORDS[COMP_CWORD]} verb= word\n"
        "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
        "        case $word in -*) ;; *) verb=$word; break ;; esac\n    done\n    local options=\"");
    option_names(common_options, b);
    buf_adds(b, "\"\n    case $verb in\n    \"\") COMPREPLY=($(compgen -W \"");
    verb_names(b);
    buf_adds(b, "$options\" -- \"$cur\")); return ;;\n");
    for (const struct verb *v = verbs; v->name; v++) {
        if (!v->options)
            continue;
        buf_addf(b, "    %s) options+=\"", v->name);
        option_names(v->options, b);
        buf_adds(b, "\" ;;\n");
    }
    buf_adds(
        b,
        "    esac\n    case $cur in\n    -*) COMPREPLY=($(compgen -W \"$options\" -- \"$cur\")) ;;\n"
        "    *) COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n    esac\n}\ncomplete -F _forge_ctl forge-ctl\n");
}

/* Descriptions stand between quotes in both of the other shells. */
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
        buf_addf(b, "]%s'", o->arg && o->arg[0] != '[' ? ":value:_files" : "");
    }
}

static void zsh(struct buf *b)
{
    buf_adds(b, "#compdef forge-ctl\n_forge_ctl() {\n    local -a verbs\n    verbs=(\n");
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
        buf_adds(b, " \\\n            '*:file:_files' ;;\n");
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
        buf_adds(b, "'\n");
    }
}

static void fish(struct buf *b)
{
    buf_adds(b, "# fish completion of forge-ctl\n");
    for (const struct verb *v = verbs; v->name && v->summary; v++) {
        buf_addf(b, "complete -c forge-ctl -f -n __fish_use_subcommand -a %s -d '%s'\n", v->name, v->summary);
        fish_options(v->name, v->options, b);
    }
    fish_options(NULL, common_options, b);
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
