#include "schema/manifest.h"

#include "base/parse.h"
#include "base/str.h"
#include "schema/kinds/container.h"

#define LINE 100 /* maximum width of a value written on one line */

struct writer {
    struct buf *out;
    struct arena *arena;
};

/* Scalars. */

static bool is_plain(const char *s, size_t n)
{
    static const char *const words[] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n", "~"};
    if (n == 0 || s[n - 1] == ':' ||
        strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./@+:-") != n ||
        strchr("0123456789.+-@:", s[0]))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcasecmp(s, words[i]) == 0)
            return false;
    return true;
}

/* Quoted as in JSON, which YAML reads too. A dollar is doubled: ${...} would be a reference. */
static void write_text(const char *s, size_t n, bool key, struct buf *out)
{
    if (is_plain(s, n)) {
        buf_add(out, s, n);
        return;
    }
    _cleanup_buf_ struct buf doubled = BUF_INIT;
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '$' && !key)
            buf_addc(&doubled, '$');
        buf_addc(&doubled, s[i]);
    }
    val_json_str(buf_str(&doubled), doubled.len, out);
}

static void write_scalar(const struct field *f, const struct val *v, struct buf *out)
{
    _cleanup_buf_ struct buf text = BUF_INIT;
    if (v->type == VAL_STR) {
        write_text(v->s, v->len, false, out);
    } else if (v->type == VAL_INT && f && f->type == FT_MODE) {
        buf_addf(out, "\"%04llo\"", (unsigned long long)v->i);
    } else {
        field_print(f, v, 256, &text);
        buf_adds(out, buf_str(&text));
    }
}

/* Items of keyed lists, turned back into the form that people write. */

static const struct {
    const char *table, *key; /* what the key of the canonical map is called in the long form */
} keyed[] = {
    {"container.volumes", "target"},
    {"container.configs", "target"},
    {"container.devices", "target"},
    {"network.ipam.config", "subnet"},
};

static bool has_only(const struct val *rec, const char *const *keys)
{
    for (size_t i = 0; i < rec->len; i++) {
        bool known = false;
        for (const char *const *key = keys; *key && !known; key++)
            known = str_eq(*key, rec->pairs[i].key);
        if (!known)
            return false;
    }
    return true;
}

static struct val *short_port(struct writer *w, const struct val *rec)
{
    static const char *const keys[] = {"target", "published", "published_end", "host_ip", "protocol", NULL};
    const char *host = val_get_str(rec, "host_ip");
    const char *protocol = str_or(val_get_str(rec, "protocol"), "tcp");
    int64_t published = val_get_int(rec, "published", 0);
    int64_t end = val_get_int(rec, "published_end", 0);
    if (!has_only(rec, keys))
        return NULL;
    _cleanup_buf_ struct buf b = BUF_INIT;
    if (host)
        buf_addf(&b, strchr(host, ':') ? "[%s]:" : "%s:", host);
    if (published)
        buf_addf(&b, "%d", (int)published);
    if (end)
        buf_addf(&b, "-%d", (int)end);
    buf_addf(&b, "%s%d", published || host ? ":" : "", (int)val_get_int(rec, "target", 0));
    if (!str_eq(protocol, "tcp"))
        buf_addf(&b, "/%s", protocol);
    return val_str(w->arena, buf_str(&b));
}

static struct val *short_volume(struct writer *w, const char *target, const struct val *rec)
{
    static const char *const keys[] = {"type", "source", "read_only", NULL};
    const char *type = str_or(val_get_str(rec, "type"), "volume");
    const char *source = val_get_str(rec, "source");
    bool read_only = val_get_bool(rec, "read_only", false);
    if (!has_only(rec, keys) || str_eq(type, "tmpfs") || strchr(target, ':') || (!source && read_only) ||
        (source && (strchr(source, ':') || (str_eq(type, "bind") != (source[0] == '/')))))
        return NULL;
    if (!source)
        return val_str(w->arena, target);
    return val_strf(w->arena, "%s:%s%s", source, target, read_only ? ":ro" : "");
}

static struct val *short_file(struct writer *w, const char *field, const char *target, const struct val *rec)
{
    const char *source = str_or(val_get_str(rec, "source"), "");
    const char *folder = str_eq(field, "secrets") ? "/run/secrets/" : "/";
    static const char *const keys[] = {"source", NULL};
    if (!has_only(rec, keys) || !str_eq(target, arena_printf(w->arena, "%s%s", folder, source)))
        return NULL;
    return val_str(w->arena, source);
}

static struct val *shown(struct writer *w, const struct field_table *t, const struct val *rec);

static struct val *keyed_item(struct writer *w, const struct field *f, const struct val_pair *pair)
{
    const struct val *rec = shown(w, f->sub, pair->val);
    struct val *text = NULL;
    if (str_eq(f->sub->name, "container.ports"))
        text = short_port(w, pair->val);
    else if (str_eq(f->name, "volumes"))
        text = short_volume(w, pair->key, rec);
    else if (str_eq(f->name, "configs") || str_eq(f->name, "secrets"))
        text = short_file(w, f->name, pair->key, rec);
    if (text)
        return text;
    struct val *out = val_map_copy(w->arena, rec);
    if (val_get(pair->val, "published_end")) /* a range in the long form of a port */
        val_set_str(w->arena, out, "published",
                    arena_printf(w->arena, "%d-%d", (int)val_get_int(pair->val, "published", 0),
                                 (int)val_get_int(pair->val, "published_end", 0)));
    if (str_eq(f->name, "generic_resources")) {
        struct val *long_form = val_map(w->arena);
        val_set_str(w->arena, out, "kind", pair->key);
        val_set_int(w->arena, out, "value", val_get_int(pair->val, "value", 1));
        val_map_set(w->arena, long_form, "discrete_resource_spec", out);
        return long_form;
    }
    for (size_t i = 0; i < ARRAY_LEN(keyed); i++)
        if (str_eq(keyed[i].table, f->sub->name))
            val_map_set(w->arena, out, keyed[i].key, val_str(w->arena, pair->key));
    return out;
}

/* A record without the fields that cannot be written. */
static struct val *shown(struct writer *w, const struct field_table *t, const struct val *rec)
{
    struct val *out = val_map(w->arena);
    for (size_t i = 0; i < rec->len; i++) {
        const struct field *f = field_find(t, rec->pairs[i].key);
        if (f && !(f->flags & FIELD_HIDDEN) && rec->pairs[i].val->type != VAL_NULL)
            val_map_append(w->arena, out, rec->pairs[i].key, rec->pairs[i].val);
    }
    return out;
}

/* {name: {}} for each is a list of names; {name: {condition: healthy}} is {name: healthy}. */
static struct val *shortened(struct writer *w, const struct field *f, struct val *v)
{
    if (f->type != FT_MAP || !f->elem || f->elem->type != FT_RECORD || !f->short_form)
        return v;
    bool bare = v->len > 0;
    for (size_t i = 0; i < v->len && bare; i++)
        bare = val_is(v->pairs[i].val, VAL_MAP) && v->pairs[i].val->len == 0;
    if (bare) {
        struct val *names = val_list(w->arena);
        for (size_t i = 0; i < v->len; i++)
            val_list_add(w->arena, names, val_str(w->arena, v->pairs[i].key));
        return names;
    }
    struct val *out = val_map_copy(w->arena, v);
    for (size_t i = 0; i < out->len && str_eq(f->name, "depends_on"); i++) {
        struct val *condition = val_get(out->pairs[i].val, "condition");
        if (condition && out->pairs[i].val->len == 1)
            out->pairs[i].val = condition;
    }
    return out;
}

static struct val *listed(struct writer *w, const struct field *f, const struct val *map)
{
    struct val *list = val_list(w->arena);
    for (size_t i = 0; i < map->len; i++)
        val_list_add(w->arena, list, keyed_item(w, f, &map->pairs[i]));
    return list;
}

/* Trees. `f` describes the value; for the items of keyed lists `t` does. */

static void write_flow(struct writer *w, const struct field *f, const struct field_table *t,
                       const struct val *v, struct buf *out);

static const struct field *child_of(const struct field *f, const struct field_table *t, const char *key)
{
    if (t)
        return field_find(t, key);
    return f && f->type == FT_MAP ? f->elem : NULL;
}

static const struct field_table *table_of(const struct field *f, const struct val *v)
{
    return f && f->type == FT_RECORD && v->type == VAL_MAP ? f->sub : NULL;
}

static const struct field_table *item_table(const struct field *f, const struct val *item)
{
    if (f && f->type == FT_KEYED && item->type == VAL_MAP)
        return f->sub;
    return f && f->elem ? table_of(f->elem, item) : NULL;
}

/* A canonical value in the form that people write. */
static struct val *written(struct writer *w, const struct field *f, struct val *v)
{
    if (!f || v->type != VAL_MAP)
        return v;
    if (f->type == FT_KEYED)
        return listed(w, f, v);
    return f->type == FT_RECORD ? shown(w, f->sub, v) : shortened(w, f, v);
}

static void write_flow_value(struct writer *w, const struct field *f, const struct field_table *t,
                             const struct val *v, struct buf *out)
{
    if (v->type == VAL_LIST || v->type == VAL_MAP)
        write_flow(w, f, t, v, out);
    else
        write_scalar(f, v, out);
}

static void write_flow(struct writer *w, const struct field *f, const struct field_table *t,
                       const struct val *v, struct buf *out)
{
    buf_addc(out, v->type == VAL_LIST ? '[' : '{');
    for (size_t i = 0; i < v->len; i++) {
        buf_adds(out, i ? ", " : "");
        if (v->type == VAL_LIST) {
            const struct field *elem = f && f->type != FT_KEYED ? f->elem : NULL;
            write_flow_value(w, elem, item_table(f, v->items[i]), v->items[i], out);
            continue;
        }
        const struct field *child = child_of(f, t, v->pairs[i].key);
        const struct val *item = written(w, child, v->pairs[i].val);
        write_text(v->pairs[i].key, strlen(v->pairs[i].key), true, out);
        buf_adds(out, ": ");
        write_flow_value(w, child, table_of(child, item), item, out);
    }
    buf_addc(out, v->type == VAL_LIST ? ']' : '}');
}

static void write_map(struct writer *w, const struct field *f, const struct field_table *t,
                      const struct val *v, unsigned indent);

/* Write text of several lines as a literal block; false when it has to be quoted. */
static bool write_block(struct writer *w, const struct val *v, unsigned indent)
{
    const char *s = v->s;
    if (v->len < 2 || !memchr(s, '\n', v->len) || strchr(" \n\t", s[0]) || strchr(s, '\t') ||
        strchr(s, '\r') || (v->len > 1 && s[v->len - 1] == '\n' && s[v->len - 2] == '\n') ||
        !str_utf8_valid(s, v->len))
        return false;
    for (const char *p = s; *p; p++)
        if (((unsigned char)*p < ' ' && *p != '\n') || *p == 0x7f || (*p & 0x80))
            return false;
    buf_adds(w->out, s[v->len - 1] == '\n' ? " |\n" : " |-\n");
    for (const char *p = s; *p;) {
        size_t n = strcspn(p, "\n");
        if (n)
            buf_addf(w->out, "%*s", (int)indent, "");
        for (size_t i = 0; i < n; i++) {
            if (p[i] == '$')
                buf_addc(w->out, '$');
            buf_addc(w->out, p[i]);
        }
        buf_addc(w->out, '\n');
        p += n + (p[n] == '\n');
    }
    return true;
}

/* Write what comes after "key:" or "-". */
static void write_value(struct writer *w, const struct field *f, const struct field_table *t, struct val *v,
                        unsigned indent)
{
    if (v->type == VAL_STR && write_block(w, v, indent))
        return;
    _cleanup_buf_ struct buf flow = BUF_INIT;
    write_flow_value(w, f, t, v, &flow);
    bool tree = (v->type == VAL_LIST || v->type == VAL_MAP) && v->len;
    /* Maps with keys of their own at the top of a spec (environment, labels) read best with one entry per
       line. */
    bool wide = indent + flow.len > LINE || memchr(buf_str(&flow), '\n', flow.len) != NULL;
    bool names = v->type == VAL_MAP && v->len > 1 && f && f->type == FT_MAP && indent <= 4;
    if (!tree || (!wide && !names)) {
        buf_addf(w->out, " %s\n", buf_str(&flow));
        return;
    }
    buf_addc(w->out, '\n');
    if (v->type == VAL_MAP) {
        write_map(w, f, t, v, indent);
        return;
    }
    for (size_t i = 0; i < v->len; i++) {
        _cleanup_buf_ struct buf item = BUF_INIT;
        const struct field *elem = f && f->type != FT_KEYED ? f->elem : NULL;
        write_flow_value(w, elem, item_table(f, v->items[i]), v->items[i], &item);
        buf_addf(w->out, "%*s- %s\n", (int)indent, "", buf_str(&item));
    }
}

static void write_pair(struct writer *w, const struct field *f, const char *key, struct val *v,
                       unsigned indent)
{
    v = written(w, f, v);
    buf_addf(w->out, "%*s", (int)indent, "");
    write_text(key, strlen(key), true, w->out);
    buf_addc(w->out, ':');
    write_value(w, f, table_of(f, v), v, indent + 2);
}

static void write_map(struct writer *w, const struct field *f, const struct field_table *t,
                      const struct val *v, unsigned indent)
{
    if (t) { /* in the order of the table */
        for (const struct field *child = t->fields; child->name; child++) {
            struct val *item = val_get(v, child->name);
            if (item && !(child->flags & FIELD_HIDDEN) && item->type != VAL_NULL)
                write_pair(w, child, child->name, item, indent);
        }
        return;
    }
    for (size_t i = 0; i < v->len; i++)
        write_pair(w, child_of(f, NULL, v->pairs[i].key), v->pairs[i].key, v->pairs[i].val, indent);
}

void manifest_write(const struct resource *r, struct buf *out)
{
    struct arena scratch = ARENA_INIT;
    struct writer w = {.out = out, .arena = &scratch};
    buf_addf(out, "apiVersion: forge/v1\nkind: %s\nmetadata:\n  name: ", r->kind->name);
    write_text(r->name, strlen(r->name), false, out);
    buf_addc(out, '\n');
    if (r->labels->len)
        write_pair(&w, field_find(&metadata_table, "labels"), "labels", val_clone(&scratch, r->labels), 2);
    if (r->annotations->len)
        write_pair(&w, field_find(&metadata_table, "annotations"), "annotations",
                   val_clone(&scratch, r->annotations), 2);
    const struct val *spec = shown(&w, r->kind->spec, r->spec);
    if (spec->len) {
        buf_adds(out, "spec:\n");
        write_map(&w, NULL, r->kind->spec, spec, 2);
    } else {
        buf_adds(out, "spec: {}\n");
    }
    arena_release(&scratch);
}
