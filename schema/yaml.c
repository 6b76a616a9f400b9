#include "schema/yaml.h"

#include <string.h>
#include <yaml.h>

#include "base/limits.h"
#include "base/map.h"
#include "base/str.h"
#include "schema/yaml_internal.h"

/* libyaml gives only an offset for bytes that it cannot decode. */
static yaml_mark_t mark_of_offset(const struct yaml_reader *r, size_t offset)
{
    yaml_mark_t mark = {.index = offset};
    for (size_t i = 0; i < offset && i < r->len; i++) {
        mark.column += ((unsigned char)r->text[i] & 0xc0) != 0x80;
        if (r->text[i] == '\n') {
            mark.line++;
            mark.column = 0;
        }
    }
    return mark;
}

/* Report a problem and stop reading this file: after a syntax error or a limit the rest has no meaning. */
static void stop(struct yaml_reader *r, const yaml_mark_t *at, const char *hint, const char *fmt, ...)
    _printf_(4, 5);

static void stop(struct yaml_reader *r, const yaml_mark_t *at, const char *hint, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *msg = arena_vprintf(r->arena, fmt, ap);
    va_end(ap);
    /* For a file without a final newline libyaml reports the end one line too far. */
    yaml_mark_t end = mark_of_offset(r, r->len);
    if (at->line > end.line)
        at = &end;
    struct diag *diag =
        diag_add(r->diags, DIAG_ERROR, r->file, (uint32_t)at->line + 1, (uint32_t)at->column + 1, "%s", msg);
    if (hint)
        diag_hint(r->diags, diag, "%s", hint);
    r->stopped = true;
}

static void stop_syntax(struct yaml_reader *r)
{
    const yaml_parser_t *p = &r->parser;
    const char *problem = str_or(p->problem, "it cannot be read");
    if (p->error == YAML_MEMORY_ERROR)
        abort();
    if (p->error == YAML_READER_ERROR) {
        yaml_mark_t at = mark_of_offset(r, p->problem_offset);
        stop(r, &at, "save the file as UTF-8 text", "not YAML: %s", problem);
        return;
    }
    const char *hint = NULL;
    if (strstr(problem, "cannot start any token"))
        hint = "a value that starts with @ or ` needs quotes, and indentation needs spaces, not tabs";
    else if (strstr(problem, "mapping values are not allowed"))
        hint = "a value with \": \" in it needs quotes; otherwise check the indentation";
    if (p->context && p->context_mark.line != p->problem_mark.line)
        stop(r, &p->problem_mark, hint, "not YAML: %s (%s that starts in line %zu)", problem, p->context,
             p->context_mark.line + 1);
    else
        stop(r, &p->problem_mark, hint, "not YAML: %s%s%s%s", problem, p->context ? " (" : "",
             str_or(p->context, ""), p->context ? ")" : "");
}

/* Read the next event, which the caller deletes; false at a syntax error, which is reported. */
static bool next_event(struct yaml_reader *r, yaml_event_t *ret)
{
    if (yaml_parser_parse(&r->parser, ret))
        return true;
    stop_syntax(r);
    return false;
}

/* Count nodes against the limit of the file (X2). An alias counts as all the nodes it stands for, although it
   takes no memory: code that walks the tree visits them all. */
static bool count_nodes(struct yaml_reader *r, size_t n, const yaml_mark_t *at)
{
    r->nodes += n;
    if (r->nodes <= LIMIT_YAML_NODES)
        return true;
    stop(r, at, "split the file", "more than %u values in one file, aliases counted at each use",
         LIMIT_YAML_NODES);
    return false;
}

/* The supported tags. */
static const struct {
    const char *uri, *name;
    unsigned types; /* a bit per ynode_type */
} tags[] = {
    {YAML_STR_TAG, "!!str", 1u << YN_SCALAR},
    {YAML_INT_TAG, "!!int", 1u << YN_SCALAR},
    {YAML_FLOAT_TAG, "!!float", 1u << YN_SCALAR},
    {YAML_BOOL_TAG, "!!bool", 1u << YN_SCALAR},
    {YAML_NULL_TAG, "!!null", 1u << YN_SCALAR},
    {YAML_SEQ_TAG, "!!seq", 1u << YN_SEQ},
    {YAML_MAP_TAG, "!!map", 1u << YN_MAP},
    {"tag:yaml.org,2002:merge", "!!merge", 1u << YN_SCALAR},
    {"!", "!", 1u << YN_SCALAR | 1u << YN_SEQ | 1u << YN_MAP},
    {"!reset", "!reset", 1u << YN_SCALAR | 1u << YN_SEQ | 1u << YN_MAP},
    {"!override", "!override", 1u << YN_SEQ | 1u << YN_MAP},
};

static void read_tag(struct yaml_reader *r, struct ynode *n, const char *uri)
{
    if (!uri)
        return;
    for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
        if (strcmp(uri, tags[i].uri) != 0)
            continue;
        if (tags[i].types & 1u << n->type)
            n->tag = tags[i].name;
        else
            diag_add(r->diags, DIAG_ERROR, r->file, n->line, n->col, "the tag %s cannot be used on a %s",
                     tags[i].name, ynode_type_name(n));
        return;
    }
    const char *core = str_after(uri, "tag:yaml.org,2002:");
    struct diag *diag = diag_add(r->diags, DIAG_ERROR, r->file, n->line, n->col, "unknown tag %s%.64s",
                                 core ? "!!" : "", core ? core : uri);
    diag_hint(r->diags, diag, "remove it: the field determines the type of the value");
}

static struct ynode *new_node(struct yaml_reader *r, enum ynode_type type, const yaml_event_t *event)
{
    struct ynode *n = arena_new(r->arena, struct ynode);
    n->type = type;
    n->line = (uint32_t)event->start_mark.line + 1;
    n->col = (uint32_t)event->start_mark.column + 1;
    return n;
}

static struct ynode *read_scalar(struct yaml_reader *r, const yaml_event_t *event)
{
    size_t len = event->data.scalar.length;
    const char *text = (const char *)event->data.scalar.value;
    if (memchr(text, '\0', len)) {
        stop(r, &event->start_mark, NULL, "a string contains a NUL character, which is not allowed");
        return NULL;
    }
    struct ynode *n = new_node(r, YN_SCALAR, event);
    char *copy = arena_alloc(r->arena, len + 1);
    memcpy(copy, text, len);
    n->text = copy;
    n->len = len;
    n->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    read_tag(r, n, (const char *)event->data.scalar.tag);
    if (n->tag && (str_eq(n->tag, "!!str") || str_eq(n->tag, "!")))
        n->plain = false;
    return n;
}

static void read_anchor(struct yaml_reader *r, const yaml_char_t *name, struct ynode *n,
                        struct yaml_anchor **ret)
{
    *ret = NULL;
    if (!name)
        return;
    struct yaml_anchor *anchor = arena_new(r->arena, struct yaml_anchor);
    anchor->node = n;
    anchor->first = r->nodes;
    anchor->open = true;
    map_put(&r->anchors, arena_strdup(r->arena, (const char *)name), anchor);
    *ret = anchor;
}

static void close_anchor(struct yaml_reader *r, struct yaml_anchor *anchor)
{
    if (!anchor)
        return;
    anchor->open = false;
    anchor->weight = r->nodes - anchor->first + 1;
}

static struct ynode *read_alias(struct yaml_reader *r, const yaml_event_t *event)
{
    const char *name = (const char *)event->data.alias.anchor;
    const struct yaml_anchor *anchor = map_get(&r->anchors, name);
    if (++r->aliases > LIMIT_YAML_ALIASES) {
        stop(r, &event->start_mark, NULL, "more than %u aliases in one file", LIMIT_YAML_ALIASES);
        return NULL;
    }
    if (!anchor || anchor->open) {
        struct ynode *n = new_node(r, YN_SCALAR, event);
        diag_add(r->diags, DIAG_ERROR, r->file, n->line, n->col,
                 anchor ? "the alias *%.64s is inside its own anchor"
                        : "there is no anchor &%.64s before this alias",
                 name);
        r->spoilt = true;
        n->text = "";
        n->plain = true;
        return n;
    }
    return count_nodes(r, anchor->weight - 1, &event->start_mark) ? anchor->node : NULL;
}

static struct ynode *read_node(struct yaml_reader *r, const yaml_event_t *event, unsigned depth);

/* Children are collected on one stack for the whole file, and copied once their number is known. */
static void push(struct yaml_reader *r, struct ynode *n)
{
    arena_push(r->arena, r->stack, r->stack_n, r->stack_cap, n);
}

/* Push all nodes up to the event `end` onto the stack. */
static bool read_children(struct yaml_reader *r, yaml_event_type_t end, unsigned depth)
{
    for (;;) {
        yaml_event_t event;
        if (!next_event(r, &event))
            return false;
        if (event.type == end) {
            yaml_event_delete(&event);
            return true;
        }
        struct ynode *n = read_node(r, &event, depth);
        yaml_event_delete(&event);
        if (!n)
            return false;
        push(r, n);
    }
}

static struct ynode *read_seq(struct yaml_reader *r, const yaml_event_t *event, unsigned depth)
{
    struct ynode *n = new_node(r, YN_SEQ, event);
    struct yaml_anchor *anchor;
    read_tag(r, n, (const char *)event->data.sequence_start.tag);
    read_anchor(r, event->data.sequence_start.anchor, n, &anchor);
    size_t base = r->stack_n;
    if (!read_children(r, YAML_SEQUENCE_END_EVENT, depth + 1))
        return NULL;
    n->len = r->stack_n - base;
    if (n->len)
        n->items = arena_memdup(r->arena, r->stack + base, n->len * sizeof(*n->items));
    r->stack_n = base;
    close_anchor(r, anchor);
    return n;
}

static struct ynode *read_map(struct yaml_reader *r, const yaml_event_t *event, unsigned depth)
{
    struct ynode *n = new_node(r, YN_MAP, event);
    struct yaml_anchor *anchor;
    read_tag(r, n, (const char *)event->data.mapping_start.tag);
    read_anchor(r, event->data.mapping_start.anchor, n, &anchor);
    size_t base = r->stack_n;
    if (!read_children(r, YAML_MAPPING_END_EVENT, depth + 1))
        return NULL;
    n->pairs = arena_array(r->arena, struct ypair, (r->stack_n - base) / 2);
    for (size_t i = base; i + 1 < r->stack_n; i += 2)
        n->pairs[n->len++] = (struct ypair){.key = r->stack[i], .value = r->stack[i + 1]};
    r->stack_n = base;
    yaml_mapping_finish(r, n);
    if (!count_nodes(r, r->merged, &event->start_mark))
        return NULL;
    r->merged = 0;
    close_anchor(r, anchor);
    return n;
}

static struct ynode *read_node(struct yaml_reader *r, const yaml_event_t *event, unsigned depth)
{
    if (!count_nodes(r, 1, &event->start_mark))
        return NULL;
    if (depth > LIMIT_YAML_DEPTH) {
        stop(r, &event->start_mark, NULL, "nested more than %u levels deep", LIMIT_YAML_DEPTH);
        return NULL;
    }
    struct ynode *n = NULL;
    struct yaml_anchor *anchor;
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        n = read_scalar(r, event);
        if (n) {
            read_anchor(r, event->data.scalar.anchor, n, &anchor);
            close_anchor(r, anchor);
        }
        break;
    case YAML_SEQUENCE_START_EVENT:
        n = read_seq(r, event, depth);
        break;
    case YAML_MAPPING_START_EVENT:
        n = read_map(r, event, depth);
        break;
    case YAML_ALIAS_EVENT:
        n = read_alias(r, event);
        break;
    default: /* libyaml sends no other event here */
        break;
    }
    return n;
}

/* Read one document, whose start event has been read. */
static void read_document(struct yaml_reader *r, const yaml_event_t *start)
{
    if (++r->documents > LIMIT_YAML_DOCUMENTS) {
        stop(r, &start->start_mark, "split the file", "more than %u documents in one file",
             LIMIT_YAML_DOCUMENTS);
        return;
    }
    map_clear(&r->anchors);
    r->spoilt = false;

    yaml_event_t event;
    if (!next_event(r, &event))
        return;
    struct ynode *n = read_node(r, &event, 0);
    yaml_event_delete(&event);
    if (!n || !next_event(r, &event))
        return;
    yaml_event_delete(&event); /* the end of the document */
    /* A document with a missing part would only cause misleading errors later. */
    if (!r->spoilt && !ynode_is_null(n))
        arena_push(r->arena, r->docs, r->docs_n, r->docs_cap, n);
}

static void read_stream(struct yaml_reader *r)
{
    for (bool end = false; !end && !r->stopped;) {
        yaml_event_t event;
        if (!next_event(r, &event))
            return;
        if (event.type == YAML_DOCUMENT_START_EVENT)
            read_document(r, &event);
        end = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
}

/* Refuse a file that is too large, or that libyaml would read as another encoding. */
static bool check_bytes(struct yaml_reader *r)
{
    static const yaml_mark_t start;
    if (r->len > LIMIT_MANIFEST_BYTES) {
        stop(r, &start, "split the file", "the file has %zu bytes; the maximum is %u", r->len,
             LIMIT_MANIFEST_BYTES);
        return false;
    }
    if (r->len >= 2 && (memcmp(r->text, "\xff\xfe", 2) == 0 || memcmp(r->text, "\xfe\xff", 2) == 0)) {
        stop(r, &start, "save the file as UTF-8", "the file is encoded as UTF-16");
        return false;
    }
    return true;
}

size_t yaml_read(struct arena *a, const char *file, const char *text, size_t len, struct diag_list *diags,
                 struct ynode ***ret_docs)
{
    struct yaml_reader r = {.arena = a, .file = file, .text = text, .len = len, .diags = diags};
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        r.text += 3;
        r.len -= 3;
    }
    if (check_bytes(&r)) {
        if (!yaml_parser_initialize(&r.parser))
            abort();
        yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&r.parser, (const unsigned char *)r.text, r.len);
        map_init(&r.anchors);
        read_stream(&r);
        map_release(&r.anchors);
        yaml_parser_delete(&r.parser);
    }
    *ret_docs = r.docs;
    return r.docs_n;
}
