/* generate: prints files of the source tree that are generated from tables. Not shown in help; used by the
   build and by lint. */
#include "base/str.h"
#include "forge_version.h"
#include "reconciler/cli/cli.h"
#include "schema/doc.h"

#include <ctype.h>

/* Escape text for roff, where backslashes and leading dots are commands. `code` becomes bold. */
static void roff(struct buf *b, const char *s)
{
    bool bold = false;
    for (; s && *s; s++) {
        if (*s == '`')
            buf_adds(b, (bold = !bold) ? "\\fB" : "\\fR");
        else if (*s == '\\')
            buf_adds(b, "\\e");
        else if (*s == '-')
            buf_adds(b, "\\-");
        else if (*s == '\n' && s[1] == '\n')
            buf_adds(b, "\n.PP"); /* the second newline ends the request */
        else
            buf_addc(b, *s);
    }
}

static void man_options(struct buf *b, const struct cli_option *o)
{
    for (; o && o->name; o++) {
        buf_adds(b, ".TP\n");
        if (o->letter)
            buf_addf(b, "\\fB\\-%c\\fR, ", o->letter);
        buf_adds(b, "\\fB\\-\\-");
        roff(b, o->name);
        buf_adds(b, "\\fR");
        if (o->arg)
            buf_addf(b, "%s\\fI%s\\fR", o->arg[0] == '[' ? "[=" : " ", o->arg + (o->arg[0] == '['));
        buf_addc(b, '\n');
        roff(b, o->doc);
        buf_addc(b, '\n');
    }
}

static void man_verb(struct buf *b, const struct verb *v)
{
    buf_addf(b, ".SS \"%s%s", v->name, *v->args ? " " : "");
    roff(b, v->args);
    buf_adds(b, "\"\n");
    const char first[] = {(char)toupper((unsigned char)v->summary[0]), '\0'};
    roff(b, first);
    roff(b, v->summary + 1);
    buf_adds(b, ".\n");
    if (v->doc) {
        buf_adds(b, ".PP\n");
        roff(b, v->doc);
        buf_addc(b, '\n');
    }
    man_options(b, v->options);
    buf_adds(b, ".PP\nExit codes: ");
    roff(b, v->exits);
    buf_adds(b, ".\n");
}

static void manual(struct buf *b)
{
    buf_addf(b,
             ".\\\" Made by `forge-ctl generate man`; do not edit.\n.TH FORGE-CTL 1 \"\" \"Forge %s\" "
             "\"Forge manual\"\n"
             ".SH NAME\nforge-ctl \\- keep containers as a Git repository says\n"
             ".SH SYNOPSIS\n.B forge-ctl\n.I verb\n[\\fIoptions\\fR] [\\fIarguments\\fR]\n.SH DESCRIPTION\n"
             "In a folder with manifests, \\fBforge-ctl diff\\fR and \\fBforge-ctl apply\\fR work on the "
             "local engine. With a settings "
             "file\nthey work on a named environment. What goes to standard output is the answer, as text or "
             "JSON; diagnostics go to\n"
             "standard error.\n.SH VERBS\n",
             FORGE_VERSION);
    for (const struct verb *v = verbs; v->name; v++)
        if (v->summary)
            man_verb(b, v);
    buf_adds(b, ".SH COMMON OPTIONS\n");
    man_options(b, common_options);
    buf_adds(b, ".SH ENVIRONMENT\n"
                ".TP\n.B FORGE_SETTINGS\nsettings file, when \\-\\-settings is not given\n"
                ".TP\n.B FORGE_STATE_DIR\nwhere history and caches live\n"
                ".TP\n.B DOCKER_HOST\nthe engine, when no target is configured; after it the default sockets "
                "of Docker and Podman\n"
                ".TP\n.B DOCKER_CONFIG\nfolder of Docker's config.json, for registry credentials\n"
                ".TP\n.B NO_COLOR\nno colours\n"
                ".SH FILES\n.TP\n.I /etc/forge/forged.yaml\nsettings\n.TP\n.I /var/lib/forge\nstate, for "
                "root and forged\n"
                ".TP\n.I $XDG_STATE_HOME/forge\nstate, for everyone else\n.SH SEE ALSO\n.BR forged (8)\n");
}

int verb_generate(struct cli *c)
{
    static const struct {
        const char *name;
        void (*print)(struct buf *);
    } things[] = {{"man", manual},
                  {"reference", doc_reference},
                  {"schema", doc_json_schema},
                  {"settings", settings_reference},
                  {"capabilities", cli_capabilities}};
    for (size_t i = 0; i < ARRAY_LEN(things); i++) {
        if (!str_eq(things[i].name, c->args[0]))
            continue;
        _cleanup_buf_ struct buf b = BUF_INIT;
        things[i].print(&b);
        cli_out(&b);
        return 0;
    }
    struct err err = {0};
    err_set(&err, ERR_INVALID, "nothing to generate is called \"%s\"", c->args[0]);
    err_hint(&err, "man, reference, schema, settings and capabilities are");
    return cli_fail(c, &err, NULL);
}
