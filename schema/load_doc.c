#include "schema/load_doc.h"

#include "base/str.h"
#include "schema/kinds/common.h"

#define API_VERSION "forge/v1"

static const struct field metadata_fields[] = {
    {"name", FT_STRING, IMPACT_NONE, FIELD_REQUIRED, .doc = "The name of the resource.", .example = "web"},
    {"labels", FT_MAP, IMPACT_REPLACE, FIELD_LIST_FORM,
     .doc = "Labels, which are also set on the objects on the engine.", .example = "{tier: front}",
     .elem = &field_label},
    {"annotations", FT_MAP, IMPACT_NONE, FIELD_LIST_FORM,
     .doc = "Annotations. Those that start with forge/ change the behaviour of Forge.",
     .example = "{forge/prune: disabled}", .elem = &field_label},
    {0},
};
static const struct field_refusal metadata_refused[] = {
    {"namespace", "remove it: environments separate resources"},
    {"environment", "remove it: a manifest belongs to the environments whose paths contain its file"},
    {0},
};
const struct field_table metadata_table = {"metadata", "The identity of a resource.", metadata_fields,
                                           .refused = metadata_refused};

static const char *const frame_keys[] = {"apiVersion", "kind", "metadata", "spec", "patch"};

static void check_frame(struct decode *d, const struct ynode *n)
{
    for (size_t i = 0; i < n->len; i++) {
        const struct ynode *key = n->pairs[i].key;
        bool known = str_starts(key->text, "x-");
        for (size_t k = 0; k < ARRAY_LEN(frame_keys) && !known; k++)
            known = strcmp(key->text, frame_keys[k]) == 0;
        if (known)
            continue;
        const char *near = str_nearest(key->text, frame_keys, ARRAY_LEN(frame_keys));
        const char *hint = "known keys: apiVersion, kind, metadata, spec, patch";
        if (near)
            hint = arena_printf(d->diags->arena, "did you mean \"%s\"?", near);
        else if (str_eq(key->text, "data") || str_eq(key->text, "status"))
            hint = "this is a Kubernetes key; in Forge everything is in spec";
        decode_error_hint(d, key, hint, "unknown key \"%.64s\"", key->text);
    }
}

bool document_is_compose(const struct ynode *n)
{
    return n->type == YN_MAP && !ynode_get(n, "apiVersion") &&
           (ynode_get(n, "services") || ynode_get(n, "include"));
}

/* Is the version there, under a misspelt key? check_frame() reports that. */
static bool is_misspelt(const struct ynode *n)
{
    for (size_t i = 0; n->type == YN_MAP && i < n->len; i++)
        if (str_nearest(n->pairs[i].key->text, frame_keys, 1) &&
            str_eq(node_text(n, n->pairs[i].key->text), API_VERSION))
            return true;
    return false;
}

/* Does the document claim to be a manifest of Forge? When it does not, says how to exclude its file. */
static bool check_version(struct decode *d, const struct ynode *n, bool *ret_foreign)
{
    const char *version = n->type == YN_MAP ? node_text(n, "apiVersion") : NULL;
    if (str_eq(version, API_VERSION) || (!version && is_misspelt(n)))
        return true;
    *ret_foreign = !version || !str_starts(version, "forge/");
    if (version && !*ret_foreign) {
        decode_error_hint(d, node_at(n, "apiVersion"), "write apiVersion: " API_VERSION,
                          "apiVersion \"%.64s\" is not supported by this version of Forge", version);
    } else if (version) {
        decode_error_hint(d, node_at(n, "apiVersion"),
                          "list the file in exclude of forge.yaml, or write apiVersion: " API_VERSION,
                          "this is not a Forge manifest: its apiVersion is \"%.64s\"", version);
    } else if (document_is_compose(n)) {
        decode_error_hint(d, n,
                          "write a manifest for it: kind: Stack, spec: {files: [PATH]} (a compose.yaml in "
                          "the root folder needs none), or list it in exclude of forge.yaml",
                          "this is a compose file that no Stack refers to");
    } else {
        decode_error_hint(
            d, n, "start it with apiVersion: " API_VERSION ", or list the file in exclude of forge.yaml",
            "this is not a manifest: it has no apiVersion");
    }
    return false;
}

static const struct kind_desc *read_kind(struct decode *d, const struct ynode *n)
{
    const char *text = node_text(n, "kind");
    if (!text) {
        decode_error_hint(d, node_at(n, "kind"), "for example: kind: Container", "\"kind\" is missing");
        return NULL;
    }
    const struct kind_desc *kind = kind_find(text);
    if (kind)
        return kind;
    const char *names[16];
    size_t count = 0;
    for (; kinds[count] && count < ARRAY_LEN(names); count++)
        names[count] = kinds[count]->name;
    const char *near = str_nearest(text, names, count);
    const char *planned = kind_planned(text);
    const struct ynode *at = node_at(n, "kind");
    if (planned)
        decode_error_hint(d, at, "list the file in exclude of forge.yaml until then",
                          "kind %s (%s) is not supported yet", text, planned);
    else if (near)
        decode_error_hint(d, at, arena_printf(d->diags->arena, "did you mean \"%s\"?", near),
                          "unknown kind \"%.64s\"", text);
    else
        decode_error_hint(d, at,
                          "the kinds are Container, Network, Volume, Config, Secret, Stack and Project",
                          "unknown kind \"%.64s\"", text);
    return NULL;
}

/* The fields that forge/ignore names, with or without "spec." before them. */
static void check_ignored(struct decode *d, const struct ynode *at, const struct kind_desc *kind,
                          const char *text)
{
    size_t count;
    char **part = str_split(d->arena, text, ',', &count);
    for (size_t i = 0; i < count; i++) {
        char *name = part[i] + strspn(part[i], " ");
        name[strcspn(name, " ")] = '\0';
        const char *path = str_after(name, "spec.");
        if (!field_path(kind->spec, path ? path : name))
            decode_error_hint(d, at,
                              "use field paths as in forge-ctl explain: spec.replicas, spec.environment.A",
                              "forge/ignore: \"%.64s\" is not a field of a %s", name, kind->name);
    }
}

/* Words as a refused plan prints them: RESOURCE@DIGEST. A bare name would also allow every later loss. */
static void check_loss_words(struct decode *d, const struct ynode *at, const char *text)
{
    for (size_t n; *(text += strspn(text, " ,\t\n")); text += n) {
        n = strcspn(text, " ,\t\n");
        const char *slash = memchr(text, '/', n), *mark = memchr(text, '@', n);
        if (!slash || !mark || slash > mark ||
            strspn(mark + 1, "0123456789abcdef") != (size_t)(text + n - mark - 1) || mark + 1 == text + n)
            decode_error_hint(d, at, "copy the identifier from the blocked plan: volume/data@1f0c3a9be2d4",
                              "forge/allow-data-loss: \"%.*s\" does not say which object may be lost",
                              (int)(n < 64 ? n : 64), text);
    }
}

static void check_annotation(struct decode *d, const struct ynode *at, const struct kind_desc *kind,
                             const struct annotation *known, const char *value)
{
    if (str_eq(known->name, "forge/ignore"))
        check_ignored(d, at, kind, value);
    if (str_eq(known->name, "forge/allow-data-loss"))
        check_loss_words(d, at, value);
    bool good = !known->choices;
    size_t n = 0;
    for (; known->choices && known->choices[n]; n++)
        good = good || strcmp(known->choices[n], value) == 0;
    if (!good)
        decode_error_hint(
            d, at, arena_printf(d->diags->arena, "write %s or %s", known->choices[0], known->choices[1]),
            "%s: invalid value \"%.64s\"", known->name, value);
}

static void check_annotations(struct decode *d, const struct ynode *n, const struct kind_desc *kind,
                              const struct val *notes)
{
    const char *names[16];
    size_t count = 0;
    for (; annotations[count].name && count < ARRAY_LEN(names); count++)
        names[count] = annotations[count].name;
    for (size_t i = 0; i < val_len(notes); i++) {
        const char *key = notes->pairs[i].key;
        const struct val *value = notes->pairs[i].val;
        const struct ynode at = {.file = value->file, .line = value->line, .col = value->col};
        size_t k = 0;
        while (k < count && strcmp(names[k], key) != 0)
            k++;
        if (k < count && val_is(value, VAL_STR)) {
            check_annotation(d, &at, kind, &annotations[k], value->s);
        } else if (k == count && str_starts(key, "forge/")) {
            const char *near = str_nearest(key, names, count);
            const char *hint = near ? arena_printf(d->diags->arena, "did you mean \"%s\"?", near)
                                    : "the prefix forge/ is reserved for Forge; use another prefix";
            decode_error_hint(d, node_at(n, "annotations"), hint, "unknown annotation \"%.64s\"", key);
        }
    }
}

static bool read_metadata(struct decode *d, const struct ynode *n, struct document *doc)
{
    const struct ynode *meta = ynode_get(n, "metadata");
    const char *name = meta ? node_text(meta, "name") : NULL;
    size_t before = d->diags->errors;
    struct decode_at at = {.up = d->at, .name = "metadata"};
    d->at = &at;
    struct val *rec = meta ? decode_record(d, &metadata_table, meta) : NULL;
    bool reported = d->diags->errors > before;
    struct val *labels = val_get(rec, "labels");
    struct val *notes = val_get(rec, "annotations");
    doc->name = name;
    doc->labels = val_is(labels, VAL_MAP) ? labels : val_map(d->arena);
    doc->annotations = val_is(notes, VAL_MAP) ? notes : val_map(d->arena);
    check_labels(d, meta, doc->labels, "labels");
    check_annotations(d, meta, doc->kind, doc->annotations);
    d->at = at.up;
    if (name && resource_name_is_valid(name))
        return true;
    if (name)
        decode_error_hint(d, node_at(meta, "name"),
                          "use at most 63 lowercase letters, digits and -, without - at either end",
                          "metadata.name: \"%.80s\" is not a valid name", name);
    else if (!reported)
        decode_error_hint(d, meta ? meta : n, "for example: metadata: {name: web}",
                          "\"metadata.name\" is missing");
    return false;
}

static enum document_use read_use(struct decode *d, const struct ynode *n)
{
    const struct ynode *patch = ynode_get(n, "patch");
    if (!patch || ynode_is_null(patch))
        return DOCUMENT_RESOURCE;
    const char *text = patch->type == YN_SCALAR ? patch->text : "";
    if (str_eq(text, "true"))
        return DOCUMENT_PATCH;
    if (str_eq(text, "remove"))
        return DOCUMENT_REMOVE;
    if (!str_eq(text, "false"))
        decode_error_hint(
            d, patch,
            "write patch: true to merge into the resource of this name, or patch: remove to leave it out",
            "patch must be true, false or remove");
    return DOCUMENT_RESOURCE;
}

static bool read_body(struct decode *d, const struct ynode *n, bool is_patch, struct document *doc)
{
    size_t before = d->diags->errors;
    *doc = (struct document){.line = n->line, .col = n->col};
    check_frame(d, n);
    doc->kind = read_kind(d, n);
    if (!doc->kind)
        return false;
    doc->use = read_use(d, n);
    if (is_patch && doc->use == DOCUMENT_RESOURCE)
        doc->use = DOCUMENT_PATCH;
    bool patch = d->patch;
    d->patch = doc->use != DOCUMENT_RESOURCE;
    bool named = read_metadata(d, n, doc);
    const struct ynode *spec = ynode_get(n, "spec");
    struct ynode none = {.type = YN_SCALAR, .plain = true, .text = "", .line = n->line, .col = n->col};
    doc->spec = doc->use == DOCUMENT_REMOVE ? NULL : decode_record(d, doc->kind->spec, spec ? spec : &none);
    if (doc->use == DOCUMENT_REMOVE && spec)
        decode_error_hint(d, spec, "remove the spec", "a document with patch: remove cannot have a spec");
    if (!doc->spec)
        doc->spec = val_map(d->arena);
    d->patch = patch;
    doc->partial = d->diags->errors > before;
    return named;
}

bool document_decode(struct decode *d, const struct ynode *n, struct document *ret, bool *ret_foreign)
{
    *ret_foreign = false;
    return check_version(d, n, ret_foreign) && read_body(d, n, false, ret);
}

bool document_decode_inline(struct decode *d, const struct ynode *n, struct document *ret)
{
    if (n->type != YN_MAP) {
        decode_error_hint(
            d, n, "write {kind: Container, metadata: {name: web}, spec: {...}}, or the path of a file",
            "a patch must be a mapping or a path, not a %s", ynode_type_name(n));
        return false;
    }
    return read_body(d, n, true, ret);
}

void document_copy(struct arena *a, struct document *doc)
{
    doc->name = arena_word(a, doc->name, strlen(doc->name));
    doc->labels = val_clone(a, doc->labels);
    doc->annotations = val_clone(a, doc->annotations);
    doc->spec = val_clone(a, doc->spec);
}

struct val *document_to_val(struct arena *a, const struct document *doc)
{
    struct val *v = val_map(a);
    val_set_str(a, v, "kind", doc->kind->name);
    val_set_str(a, v, "name", doc->name);
    if (doc->use != DOCUMENT_RESOURCE)
        val_set_int(a, v, "use", doc->use);
    if (doc->labels->len)
        val_map_set(a, v, "labels", doc->labels);
    if (doc->annotations->len)
        val_map_set(a, v, "annotations", doc->annotations);
    val_map_set(a, v, "spec", doc->spec);
    val_place(v, 0, doc->line, doc->col);
    return v;
}

bool document_from_val(struct arena *a, const struct val *v, struct document *ret)
{
    const char *kind = val_get_str(v, "kind");
    struct val *labels = val_get(v, "labels");
    struct val *notes = val_get(v, "annotations");
    *ret = (struct document){
        .kind = kind ? kind_find(kind) : NULL, .name = val_get_str(v, "name"), .spec = val_get(v, "spec")};
    ret->use = (enum document_use)val_get_int(v, "use", DOCUMENT_RESOURCE);
    ret->labels = labels ? labels : val_map(a);
    ret->annotations = notes ? notes : val_map(a);
    if (v) {
        ret->line = v->line;
        ret->col = v->col;
    }
    return ret->kind && ret->name && val_is(ret->spec, VAL_MAP) && val_is(ret->labels, VAL_MAP) &&
           val_is(ret->annotations, VAL_MAP) && ret->use <= DOCUMENT_REMOVE;
}
