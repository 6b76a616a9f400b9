/* Table-driven parsing of the command line: options may be anywhere, `--` ends them, and the command of
   `exec` is not parsed. */
#include "base/parse.h"
#include "base/str.h"
#include "reconciler/cli/cli.h"

static const struct cli_option *find_by(const struct cli_option *table, char letter, const char *name,
                                        size_t len)
{
    for (; table && table->name; table++) {
        if (letter && table->letter == letter)
            return table;
        if (name && strlen(table->name) == len && strncmp(table->name, name, len) == 0)
            return table;
    }
    return NULL;
}

static const struct cli_option *find(const struct cli *c, char letter, const char *name, size_t len)
{
    const struct cli_option *o = c->verb ? find_by(c->verb->options, letter, name, len) : NULL;
    return o ? o : find_by(common_options, letter, name, len);
}

static const char *nearest_option(const struct cli *c, const char *name)
{
    const char *names[64];
    size_t n = 0;
    for (const struct cli_option *o = common_options; o->name && n < ARRAY_LEN(names); o++)
        names[n++] = o->name;
    for (const struct cli_option *o = c->verb ? c->verb->options : NULL; o && o->name && n < ARRAY_LEN(names);
         o++)
        names[n++] = o->name;
    return str_nearest(name, names, n);
}

static int unknown_option(const struct cli *c, const char *word, struct err *err)
{
    err_set(err, ERR_INVALID, "unknown option %s", word);
    const char *near = str_starts(word, "--") ? nearest_option(c, word + 2) : NULL;
    if (near)
        return err_hint(err, "did you mean --%s?", near);
    return err_hint(err, "`forge-ctl help%s%s` lists the options", c->verb ? " " : "",
                    c->verb ? c->verb->name : "");
}

static int record(struct cli *c, const struct cli_option *o, const char *value, struct err *err)
{
    struct cli_value v = {o, value};
    arena_push(&c->arena, c->values, c->n_values, c->cap_values, v);
    if (!str_eq(o->name, "json"))
        return 0;
    /* Set right away, so that later parse errors are reported in JSON as well. */
    c->json = str_eq(value, "lines") ? JSON_LINES : JSON_DOCUMENT;
    if (!value || c->json == JSON_LINES)
        return 0;
    err_set(err, ERR_INVALID, "--json=%s: unknown format", value);
    return err_hint(err, "--json prints one document, --json=lines events as they happen");
}

static int no_value(const struct cli *c, const struct cli_option *o, const char *word, struct err *err)
{
    err_set(err, ERR_INVALID, "option %s needs a value: %s", word, o->arg);
    return err_hint(err, "%s: `forge-ctl help%s%s`", o->doc, c->verb ? " " : "",
                    c->verb ? c->verb->name : "");
}

static bool value_is_optional(const struct cli_option *o)
{
    return o->arg && o->arg[0] == '[';
}

static int parse_long(struct cli *c, char **argv, int argc, int *i, struct err *err)
{
    const char *word = argv[*i], *name = word + 2, *eq = strchr(name, '=');
    size_t len = eq ? (size_t)(eq - name) : strlen(name);
    const struct cli_option *o = find(c, 0, name, len);
    if (!o)
        return unknown_option(c, arena_strndup(&c->arena, word, len + 2), err);
    if (!o->arg && eq) {
        err_set(err, ERR_INVALID, "option --%s takes no value", o->name);
        return err_hint(err, "write --%s alone", o->name);
    }
    const char *value = eq ? eq + 1 : NULL;
    if (o->arg && !value && !value_is_optional(o)) {
        if (*i + 1 >= argc)
            return no_value(c, o, word, err);
        value = argv[++*i];
    }
    return record(c, o, value, err);
}

static int parse_letters(struct cli *c, char **argv, int argc, int *i, struct err *err)
{
    for (const char *p = argv[*i] + 1; *p; p++) {
        const struct cli_option *o = find(c, *p, NULL, 0);
        if (!o)
            return unknown_option(c, arena_printf(&c->arena, "-%c", *p), err);
        if (!o->arg) {
            int r = record(c, o, NULL, err);
            if (r < 0)
                return r;
            continue;
        }
        const char *value = p[1] ? p + 1 : *i + 1 < argc ? argv[++*i] : NULL;
        if (!value)
            return no_value(c, o, arena_printf(&c->arena, "-%c", *p), err);
        return record(c, o, value, err);
    }
    return 0;
}

static int take_verb(struct cli *c, const char *word, struct err *err)
{
    c->verb = verb_find(word);
    if (c->verb)
        return 0;
    const char *names[64];
    size_t n = 0;
    for (const struct verb *v = verbs; v->name && n < ARRAY_LEN(names); v++)
        names[n++] = v->name;
    const char *near = str_nearest(word, names, n);
    err_set(err, ERR_INVALID, "unknown verb %s", word);
    return near ? err_hint(err, "did you mean `forge-ctl %s`?", near)
                : err_hint(err, "`forge-ctl help` lists the verbs");
}

/* Everything after the resource of `exec` belongs to the command. */
static bool rest_is_command(const struct cli *c)
{
    return c->verb && c->verb->run == verb_exec && c->n_args >= 1;
}

/* `--version` instead of the verb `version`, as in other programs. */
static bool asks_version(const struct cli *c, const char *word)
{
    return !c->verb && str_eq(word, "--version");
}

static int parse_words(struct cli *c, int argc, char **argv, struct err *err)
{
    bool options = true;
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        int r = 0;
        if (options && str_eq(word, "--"))
            options = false;
        else if (options && asks_version(c, word))
            r = take_verb(c, "version", err);
        else if (options && str_starts(word, "--"))
            r = parse_long(c, argv, argc, &i, err);
        else if (options && word[0] == '-' && word[1])
            r = parse_letters(c, argv, argc, &i, err);
        else if (!c->verb)
            r = take_verb(c, word, err);
        else
            arena_push(&c->arena, c->args, c->n_args, c->cap_args, word);
        if (r < 0)
            return r;
        if (rest_is_command(c))
            options = options && i + 1 < argc && str_eq(argv[i + 1], "--");
    }
    arena_push(&c->arena, c->args, c->n_args, c->cap_args, NULL);
    c->n_args--;
    return 0;
}

static int check_counts(const struct cli *c, struct err *err)
{
    const struct verb *v = c->verb;
    if (!v || cli_flag(c, "help"))
        return 0;
    if (c->n_args < v->min_args)
        err_set(err, ERR_INVALID, "%s needs %s", v->name, v->args);
    else if (c->n_args > v->max_args)
        err_set(err, ERR_INVALID, "%s takes %s: unexpected argument \"%s\"", v->name,
                *v->args ? v->args : "no arguments", c->args[v->max_args]);
    else
        return 0;
    return err_hint(err, "`forge-ctl help %s`", v->name);
}

int cli_parse(struct cli *c, int argc, char **argv, struct err *err)
{
    int r = parse_words(c, argc, argv, err);
    return r < 0 ? r : check_counts(c, err);
}

const char *cli_value(const struct cli *c, const char *option)
{
    const char *value = NULL;
    for (size_t i = 0; i < c->n_values; i++)
        if (str_eq(c->values[i].option->name, option))
            value = c->values[i].value;
    return value;
}

bool cli_flag(const struct cli *c, const char *option)
{
    for (size_t i = 0; i < c->n_values; i++)
        if (str_eq(c->values[i].option->name, option))
            return true;
    return false;
}

struct val *cli_values(struct cli *c, const char *option)
{
    struct val *list = val_list(&c->arena);
    for (size_t i = 0; i < c->n_values; i++)
        if (str_eq(c->values[i].option->name, option))
            val_list_add(&c->arena, list, val_str(&c->arena, c->values[i].value));
    return list;
}

int cli_number(const char *what, const char *text, int64_t min, int64_t *ret, struct err *err)
{
    int r = text ? parse_int(text, min, INT64_MAX, ret, err) : 0;
    return r < 0 ? err_wrap(err, "%s", what) : r;
}

int cli_duration(const struct cli *c, const char *option, int64_t *ret_ns, struct err *err)
{
    const char *text = cli_value(c, option);
    int r = text ? parse_duration(text, ret_ns, err) : 0;
    return r < 0 ? err_wrap(err, "--%s", option) : r;
}

const char *cli_resource_of(struct cli *c, const char *kind, const char *word)
{
    if (!word || memchr(word, '/', strcspn(word, "=")))
        return word;
    return arena_printf(&c->arena, "%s/%s", kind, word);
}

const char *cli_resource(struct cli *c, const char *word)
{
    return cli_resource_of(c, "container", word);
}

static struct val *resources(struct cli *c, const char *kind, const char *option)
{
    struct val *words = cli_values(c, option), *list = val_list(&c->arena);
    for (size_t i = 0; i < val_len(words); i++)
        val_list_add(&c->arena, list, val_str(&c->arena, cli_resource_of(c, kind, words->items[i]->s)));
    return list;
}

struct val *cli_plan_args(struct cli *c)
{
    struct val *args = val_map(&c->arena);
    val_map_set(&c->arena, args, "only", resources(c, "container", "only"));
    val_map_set(&c->arena, args, "adopt", resources(c, "container", "adopt"));
    val_map_set(&c->arena, args, "data_loss", resources(c, "volume", "allow-data-loss"));
    val_set_bool(&c->arena, args, "fresh", cli_flag(c, "fresh"));
    val_set_bool(&c->arena, args, "fetch", !cli_flag(c, "no-fetch"));
    return args;
}
