#include "schema/load_interp.h"

#include <ctype.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/str.h"
#include "schema/yaml.h"

#define NESTING_MAX 16

static bool is_name_start(char c)
{
    return isalpha((unsigned char)c) || c == '_';
}

static bool is_name(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* The length of the name at p: words joined by dots. In the name of a resource (container.shop-db.host) a "-"
   is part of the name; elsewhere it begins a default. */
static size_t name_length(const char *p, const char *end)
{
    const char *start = p;
    bool dashes = false;
    while (p < end) {
        size_t word = 0;
        while (p + word < end && (is_name(p[word]) || (dashes && p[word] == '-')))
            word++;
        p += word;
        if (word == 0 || p == end || *p != '.')
            break;
        size_t head = (size_t)(p - start);
        dashes = dashes || (head == 9 && memcmp(start, "container", 9) == 0) ||
                 (head == 6 && memcmp(start, "secret", 6) == 0) ||
                 (head == 8 && memcmp(start, "database", 8) == 0);
        p++;
    }
    return (size_t)(p - start);
}

/* The brace that closes the one before p; NULL when there is none. */
static const char *closing(const char *p, const char *end)
{
    int depth = 1;
    for (; p < end; p++) {
        if (*p == '$' && p + 1 < end && p[1] == '$') {
            p++;
        } else if (*p == '$' && p + 1 < end && p[1] == '{') {
            depth++;
            p++;
        } else if (*p == '}' && --depth == 0) {
            return p;
        }
    }
    return NULL;
}

struct expansion {
    const struct interp *in;
    struct buf *out;
    struct err *err;
    int nesting;
};

static int expand(struct expansion *x, const char *text, const char *end);

static int misread(struct expansion *x, const char *text, const char *end, const char *why)
{
    int shown = end - text > 60 ? 60 : (int)(end - text);
    err_set(x->err, ERR_INVALID, "\"%.*s\": %s", shown, text, why);
    return err_hint(x->err, "write ${NAME} or ${NAME:-default}; $$ is a literal dollar sign");
}

/* The name has no value, and there is no default. */
static int without_value(struct expansion *x, const char *name, int code)
{
    if (code != ERR_NOTFOUND || !x->in->unset)
        return code;
    *x->err = (struct err){0};
    x->in->unset(x->in->arg, name);
    return 0;
}

/* The text between the braces: NAME [OPERATOR WORD]. */
static int expand_reference(struct expansion *x, const char *p, const char *end)
{
    const char *whole = p - 2;
    size_t len = name_length(p, end);
    if (len == 0 || !is_name_start(*p) || p[len - 1] == '.')
        return misread(x, whole, end + 1, "a reference needs a name");
    const char *name = arena_strndup(x->in->arena, p, len);
    const char *word = p + len;
    bool colon = word < end && *word == ':';
    word += colon;
    char op = '\0';
    if (word < end) {
        op = *word++;
        if (!strchr("-?+", op) || !op)
            return misread(x, whole, end + 1, "unknown operator after the name");
    } else if (colon) {
        return misread(x, whole, end + 1, "unknown operator after the name");
    }

    const char *value = NULL;
    int r = x->in->lookup(x->in->arg, name, &value, x->err);
    if (r < 0 && r != ERR_NOTFOUND)
        return r;
    bool have = r == 0 && value && (!colon || *value);
    if (op == '+' ? have : (!have && op == '-'))
        return expand(x, word, end);
    if (op == '+')
        return 0;
    if (!have && op == '?') {
        _cleanup_buf_ struct buf message = BUF_INIT;
        struct expansion inner = {x->in, &message, x->err, x->nesting};
        if (word < end && expand(&inner, word, end) < 0)
            return x->err->code;
        err_set(x->err, ERR_NOTFOUND, "%s is not set%s%s", name, message.len ? ": " : "", buf_str(&message));
        return x->err->code;
    }
    if (r < 0)
        return without_value(x, name, r);
    buf_adds(x->out, str_or(value, ""));
    return 0;
}

/* $NAME: a reference in Compose, but not in manifests. */
static int expand_bare(struct expansion *x, const char *dollar, size_t len)
{
    if (!x->in->bare) {
        err_set(x->err, ERR_INVALID, "\"$%.*s\" is ambiguous", (int)len, dollar + 1);
        return err_hint(x->err, "write ${%.*s} for a variable of the project, or $$%.*s for the literal text",
                        (int)len, dollar + 1, (int)len, dollar + 1);
    }
    const char *name = arena_strndup(x->in->arena, dollar + 1, len);
    const char *value = NULL;
    int r = x->in->lookup(x->in->arg, name, &value, x->err);
    if (r < 0)
        return without_value(x, name, r);
    buf_adds(x->out, str_or(value, ""));
    return 0;
}

static int expand(struct expansion *x, const char *text, const char *end)
{
    if (++x->nesting > NESTING_MAX)
        return err_set(x->err, ERR_LIMIT, "references are nested more than %d levels deep", NESTING_MAX);
    for (const char *p = text; p < end;) {
        const char *dollar = memchr(p, '$', (size_t)(end - p));
        if (!dollar) {
            buf_add(x->out, p, (size_t)(end - p));
            break;
        }
        buf_add(x->out, p, (size_t)(dollar - p));
        char next = dollar + 1 < end ? dollar[1] : '\0';
        p = dollar + 2;
        if (next == '$') {
            buf_addc(x->out, '$');
        } else if (next == '{') {
            const char *close = closing(p, end);
            if (!close)
                return misread(x, dollar, end, "missing closing brace");
            int r = expand_reference(x, p, close);
            if (r < 0)
                return r;
            p = close + 1;
        } else if (is_name_start(next)) {
            size_t len = 1;
            while (dollar + 1 + len < end && is_name(dollar[1 + len]))
                len++;
            int r = expand_bare(x, dollar, len);
            if (r < 0)
                return r;
            p = dollar + 1 + len;
        } else {
            buf_addc(x->out, '$');
            p = dollar + 1;
        }
    }
    x->nesting--;
    return 0;
}

int interp_text(const struct interp *in, const char *text, size_t len, const char **ret, size_t *ret_len,
                struct err *err)
{
    if (!memchr(text, '$', len)) {
        *ret = text;
        *ret_len = len;
        return 0;
    }
    _cleanup_buf_ struct buf out = BUF_INIT;
    buf_init(&out, LIMIT_CONFIG_BYTES);
    struct expansion x = {in, &out, err, 0};
    int r = expand(&x, text, text + len);
    if (r < 0)
        return r;
    r = buf_check(&out, "the text with resolved references", err);
    if (r < 0)
        return r;
    if (in->budget) {
        if (out.len > *in->budget)
            return err_set(err, ERR_LIMIT, "resolved references produce more than %u bytes of text",
                           LIMIT_EXPANSION_BYTES);
        *in->budget -= out.len;
    }
    *ret = arena_memdup(in->arena, buf_str(&out), out.len + 1);
    *ret_len = out.len;
    return 0;
}

void interp_names(struct arena *a, const char *text, size_t len, void (*name)(void *arg, const char *name),
                  void *arg)
{
    const char *end = text + len;
    for (const char *p = text; p < end;) {
        p = memchr(p, '$', (size_t)(end - p));
        if (!p || end - p < 2)
            return;
        if (p[1] == '{') {
            size_t n = name_length(p + 2, end);
            if (n > 0)
                name(arg, arena_strndup(a, p + 2, n));
        }
        p += 2;
    }
}

struct walk {
    const struct interp *in;
    void (*problem)(void *arg, const struct ynode *n, const struct err *err);
    void *arg;
};

static struct ynode *copy_of(struct arena *a, const struct ynode *n)
{
    return arena_memdup(a, n, sizeof(*n));
}

static struct ynode *walk_scalar(struct walk *w, struct ynode *n)
{
    const char *text;
    size_t len;
    struct err err = {0};
    if (!memchr(n->text, '$', n->len))
        return n;
    if (interp_text(w->in, n->text, n->len, &text, &len, &err) < 0) {
        w->problem(w->arg, n, &err);
        return n;
    }
    struct ynode *copy = copy_of(w->in->arena, n);
    copy->text = text;
    copy->len = len;
    /* The value of a variable is text: an empty one, or one that says "null", is not YAML's null. */
    if (copy->plain && ynode_is_null(copy))
        copy->plain = false;
    return copy;
}

/* Nodes are shared where YAML has aliases, so they are copied, never changed. */
static struct ynode *walk(struct walk *w, struct ynode *n)
{
    if (n->type == YN_SCALAR)
        return walk_scalar(w, n);
    struct ynode *copy = NULL;
    for (size_t i = 0; i < n->len; i++) {
        struct ynode *old = n->type == YN_SEQ ? n->items[i] : n->pairs[i].value;
        struct ynode *new = walk(w, old);
        if (new == old)
            continue;
        if (!copy) {
            copy = copy_of(w->in->arena, n);
            if (n->type == YN_SEQ)
                copy->items = arena_memdup(w->in->arena, n->items, n->len * sizeof(*n->items));
            else
                copy->pairs = arena_memdup(w->in->arena, n->pairs, n->len * sizeof(*n->pairs));
        }
        if (n->type == YN_SEQ)
            copy->items[i] = new;
        else
            copy->pairs[i].value = new;
    }
    return copy ? copy : n;
}

struct ynode *interp_tree(const struct interp *in, struct ynode *n,
                          void (*problem)(void *arg, const struct ynode *n, const struct err *err), void *arg)
{
    struct walk w = {in, problem, arg};
    return walk(&w, n);
}
