#include "toy.h"

#include <string.h>

#include "base/parse.h"
#include "base/str.h"

static const char *const colours[] = {"red", "green", "blue", NULL};

static const struct field word = {"", FT_STRING, IMPACT_REPLACE, 0, .doc = "A word."};
static const struct field text = {"", FT_STRING, IMPACT_REPLACE, FIELD_EMPTY_OK, .doc = "A text."};
static const struct field label = {"", FT_STRING, IMPACT_REPLACE, FIELD_EMPTY_OK | FIELD_NULL_OK,
                                   .doc = "A label."};
static const struct field number = {"", FT_INT, IMPACT_REPLACE, 0, .doc = "A number."};

/* "HOST:PORT". */
static struct val *address_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    (void)f;
    const char *colon = n->type == YN_SCALAR ? strchr(n->text, ':') : NULL;
    if (!colon)
        return decode_error_hint(d, n, "write HOST:PORT", "a %s is no address", ynode_type_name(n));
    struct err err = {0};
    int64_t port;
    if (parse_int(colon + 1, 1, 65535, &port, &err) < 0)
        return decode_error(d, n, "%s", err.msg);
    struct val *rec = val_map(d->arena);
    val_map_set(d->arena, rec, "host", val_strn(d->arena, n->text, (size_t)(colon - n->text)));
    val_set_int(d->arena, rec, "port", port);
    return rec;
}

static void address_normalize(struct decode *d, const struct ynode *n, struct val *rec)
{
    if (str_eq(val_get_str(rec, "host"), "nowhere"))
        decode_error(d, n, "there is no nowhere");
}

static const struct field address_fields[] = {
    {"host", FT_STRING, IMPACT_REPLACE, FIELD_REQUIRED, .doc = "The host.", .example = "db.example"},
    {"port", FT_INT, IMPACT_LIVE, 0, .doc = "The port.", .def = "80",
     .def_val = &(const struct val){.type = VAL_INT, .i = 80}, .min = 1, .max = 65535},
    {0},
};
static const struct field_table address_table = {
    .name = "toy.address", .doc = "An address.", .fields = address_fields, .normalize = address_normalize};

/* Items are keyed by host; a negative port never gets here. "many:3" gives three items. */
static void address_keyed(struct decode *d, const struct field *f, const struct ynode *n, struct val *rec,
                          struct val *into)
{
    (void)f;
    (void)n;
    const char *host = str_or(val_get_str(rec, "host"), "?");
    int64_t count = str_eq(host, "many") ? val_get_int(rec, "port", 1) : 1;
    for (int64_t i = 0; i < count; i++)
        val_map_set(d->arena, into, count > 1 ? arena_printf(d->arena, "%s%d", host, (int)i) : host, rec);
}

static const struct field peer = {
    "", FT_RECORD, IMPACT_LIVE, 0, .doc = "A peer.", .sub = &address_table, .short_form = address_short};

/* A list of names is short for a map from names to empty values. */
static struct val *peers_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    (void)f;
    if (n->type != YN_SEQ)
        return decode_error(d, n, "one peer is no map of peers");
    struct val *map = val_map(d->arena);
    for (size_t i = 0; i < n->len; i++)
        val_map_set(d->arena, map, n->items[i]->text, val_map(d->arena));
    return map;
}

static struct val *shout_short(struct decode *d, const struct field *f, const struct ynode *n)
{
    (void)f;
    return val_strf(d->arena, "%s!", n->text);
}

static const struct field toy_fields[] = {
    {"name", FT_STRING, IMPACT_REPLACE, FIELD_REQUIRED, .doc = "The name.", .example = "bob",
     .pattern = "^[a-z][a-z0-9-]*$", .pattern_doc = "a DNS label: a-z, 0-9 and -"},
    {"text", FT_STRING, IMPACT_LIVE, FIELD_EMPTY_OK, .doc = "Any text."},
    {"bounded", FT_STRING, IMPACT_LIVE, 0, .doc = "A text of 2 to 5 bytes.", .min = 2, .max = 5},
    {"shout", FT_STRING, IMPACT_LIVE, 0, .doc = "A text that gets louder.", .short_form = shout_short},
    {"password", FT_STRING, IMPACT_LIVE, FIELD_SECRET, .doc = "A secret.", .pattern = "^[a-z0-9]+$"},
    {"on", FT_BOOL, IMPACT_LIVE, 0, .doc = "Is it on.", .def = "false",
     .def_val = &(const struct val){.type = VAL_BOOL}},
    {"count", FT_INT, IMPACT_LIVE, 0, .doc = "How many.", .min = 0, .max = 1000},
    {"any_int", FT_INT, IMPACT_LIVE, 0, .doc = "A number."},
    {"ratio", FT_FLOAT, IMPACT_LIVE, 0, .doc = "A ratio.", .min = 0, .max = 1},
    {"cpus", FT_CPUS, IMPACT_LIVE, 0, .doc = "Processors."},
    {"wait", FT_DURATION, IMPACT_NONE, FIELD_VIRTUAL, .doc = "A time.", .min = 0,
     .max = INT64_C(3600000000000), .def = "10s",
     .def_val = &(const struct val){.type = VAL_INT, .i = INT64_C(10000000000)}},
    {"memory", FT_SIZE, IMPACT_LIVE, 0, .doc = "A size.", .min = 4096, .max = INT64_C(1) << 40},
    {"mode", FT_MODE, IMPACT_REPLACE, 0, .doc = "A mode."},
    {"colour", FT_ENUM, IMPACT_RESTART, 0, .doc = "A colour.", .choices = colours},
    {"words", FT_LIST, IMPACT_REPLACE, 0, .doc = "Words.", .example = "[a, b]", .elem = &word},
    {"some", FT_LIST, IMPACT_REPLACE, FIELD_SCALAR_OK, .doc = "One word or more.", .elem = &word},
    {"tags", FT_LIST, IMPACT_REPLACE, FIELD_SET, .doc = "Tags.", .elem = &word},
    {"numbers", FT_LIST, IMPACT_REPLACE, FIELD_SET, .doc = "Numbers.", .elem = &number},
    {"peers", FT_LIST, IMPACT_REPLACE, 0, .doc = "Peers.", .elem = &peer},
    {"env", FT_MAP, IMPACT_REPLACE, FIELD_LIST_FORM, .doc = "Variables.", .elem = &text},
    {"labels", FT_MAP, IMPACT_REPLACE, FIELD_LIST_FORM, .doc = "Labels.", .elem = &label},
    {"sysctls", FT_MAP, IMPACT_REPLACE, 0, .doc = "Settings.", .elem = &word},
    {"by_name", FT_MAP, IMPACT_REPLACE, 0, .doc = "Peers by name.", .elem = &peer, .short_form = peers_short},
    {"address", FT_RECORD, IMPACT_REPLACE, 0, .doc = "Where it is.", .sub = &address_table,
     .short_form = address_short},
    {"plain", FT_RECORD, IMPACT_REPLACE, 0, .doc = "An address without a short form.", .sub = &address_table},
    {"hosts", FT_KEYED, IMPACT_LIVE, FIELD_SCALAR_OK, .doc = "Hosts.", .sub = &address_table,
     .short_form = address_short, .keyed = address_keyed},
    {"command", FT_COMMAND, IMPACT_REPLACE, 0, .doc = "A command."},
    {"free", FT_ANY, IMPACT_NONE, 0, .doc = "Anything."},
    {"digest", FT_STRING, IMPACT_REPLACE, FIELD_HIDDEN, .doc = "Put in later."},
    {0},
};

static const struct field_refusal toy_refused[] = {{"build", "build it elsewhere"}, {0}};

const struct field_table toy_table = {
    .name = "toy", .doc = "A toy.", .fields = toy_fields, .refused = toy_refused};
