/* help, from the tables, and version. */
#include "base/curl.h"
#include "base/str.h"
#include "forge_version.h"
#include "providers/http/openssl.h"
#include "reconciler/cli/cli.h"

#include <jansson.h>
#include <lmdb.h>
#include <stdio.h>
#include <yaml.h>

static void print_options(const struct cli_option *o, struct buf *b)
{
    for (; o && o->name; o++) {
        char left[64], letter[8] = "    ";
        if (o->letter)
            snprintf(letter, sizeof(letter), "-%c, ", o->letter);
        bool optional = o->arg && o->arg[0] == '[';
        snprintf(left, sizeof(left), "%s--%s%s%s", letter, o->name,
                 !o->arg    ? ""
                 : optional ? "[="
                            : " ",
                 !o->arg    ? ""
                 : optional ? o->arg + 1
                            : o->arg);
        buf_addf(b, "  %-34s %s\n", left, o->doc);
    }
}

#define HELP_WIDTH 96

/* Print paragraphs, wrapped between words. */
static void put_wrapped(const char *text, struct buf *b)
{
    size_t column = 0;
    while (*text) {
        size_t word = strcspn(text, " \n");
        if (column && column + 1 + word > HELP_WIDTH) {
            buf_addc(b, '\n');
            column = 0;
        }
        if (column)
            buf_addc(b, ' ');
        buf_add(b, text, word);
        column += word + (column ? 1 : 0);
        text += word;
        for (; *text == '\n'; text++) {
            buf_addc(b, '\n');
            column = 0;
        }
        while (*text == ' ')
            text++;
    }
    buf_addc(b, '\n');
}

static void help_verb(const struct verb *v, struct buf *b)
{
    buf_addf(b, "forge-ctl %s%s%s\n\n%s\n", v->name, *v->args ? " " : "", v->args,
             v->summary ? v->summary : "");
    if (v->doc) {
        buf_addc(b, '\n');
        put_wrapped(v->doc, b);
    }
    if (v->options) {
        buf_adds(b, "\nOptions:\n");
        print_options(v->options, b);
    }
    buf_adds(b, "\nCommon options:\n");
    print_options(common_options, b);
    buf_addf(b, "\nExit codes: %s\n", v->exits);
}

static void help_all(struct buf *b)
{
    buf_adds(b, "forge-ctl VERB [ARGS]: keep containers in sync with a Git repository.\n\nIn a folder with "
                "manifests, `forge-ctl diff` and `forge-ctl apply` work on the local engine.\nWith a "
                "settings file they work on a named environment.\n\nVerbs:\n");
    for (const struct verb *v = verbs; v->name; v++)
        if (v->summary)
            buf_addf(b, "  %-12s %s\n", v->name, v->summary);
    buf_adds(b, "\nCommon options:\n");
    print_options(common_options, b);
    buf_adds(b, "\n`forge-ctl help VERB` shows the help of a verb.\n");
}

int verb_help(struct cli *c)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    const struct verb *v = c->verb && c->verb->run != verb_help ? c->verb : NULL;
    if (!v && c->n_args && c->args[0]) {
        v = verb_find(c->args[0]);
        if (!v) {
            struct err err = {0};
            err_set(&err, ERR_NOTFOUND, "unknown verb %s", c->args[0]);
            err_hint(&err, "`forge-ctl help` lists the verbs");
            return cli_fail(c, &err, NULL);
        }
    }
    if (v)
        help_verb(v, &b);
    else
        help_all(&b);
    cli_out(&b);
    return 0;
}

int verb_version(struct cli *c)
{
    struct err err = {0};
    const char *libgit2;
    int y1, y2, y3;
    yaml_get_version(&y1, &y2, &y3);
    struct val *v = val_map(&c->arena);
    val_set_str(&c->arena, v, "forge", FORGE_VERSION);
    val_set_str(&c->arena, v, "libgit2", source_library(&c->arena, &libgit2, &err) < 0 ? err.msg : libgit2);
    val_set_str(&c->arena, v, "libyaml", arena_printf(&c->arena, "%d.%d.%d", y1, y2, y3));
    val_set_str(&c->arena, v, "libcurl",
                curl_load(&err) < 0 ? err.msg : curl.version_info(CURLVERSION_NOW)->version);
    val_set_str(&c->arena, v, "jansson", jansson_version_str());
    val_set_str(&c->arena, v, "lmdb", mdb_version(NULL, NULL, NULL));
    val_set_str(&c->arena, v, "openssl",
                openssl_load(&err) < 0 ? err.msg : openssl.OpenSSL_version(OPENSSL_VERSION));
#ifdef FORGE_TEST_HOOKS
    val_set_str(&c->arena, v, "test_hooks", "on: not for production use");
#endif
    if (c->json != JSON_OFF) {
        val_set_str(&c->arena, v, "format", "forge/version/v1");
        cli_json(c, v);
        return 0;
    }
    printf("forge-ctl %s\n", FORGE_VERSION);
    for (size_t i = 0; i < val_len(v); i++)
        if (!str_eq(v->pairs[i].key, "forge"))
            printf("  %-10s %s\n", v->pairs[i].key, v->pairs[i].val->s);
    return 0;
}
