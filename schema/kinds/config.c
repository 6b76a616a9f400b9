/* The Config kind, and the bytes of a Config. */
#include "base/str.h"
#include "schema/kinds/common.h"
#include "schema/kinds/objects.h"

#include "base/limits.h"

static const char *const encodings[] = {"text", "base64", NULL};

static const struct field config_fields[] = {
    {"content", FT_STRING, IMPACT_NONE, FIELD_EMPTY_OK,
     .doc = "The content. `${...}` is resolved in it; `$$` is a literal dollar sign.",
     .example = "\"worker_processes 2;\\n\"", .min = 0, .max = LIMIT_CONFIG_BYTES},
    {"file", FT_STRING, IMPACT_NONE, FIELD_ALIAS,
     .doc = "A file in the repository, relative to this manifest, used byte for byte, instead of `content`.",
     .example = "nginx.conf"},
    {"encoding", FT_ENUM, IMPACT_NONE, 0, .doc = "`base64`: `content` is the base64 encoding of the file.",
     .example = "base64", .def = "text", .def_val = DEF_STR("text"), .choices = encodings},
    {"mode", FT_MODE, IMPACT_NONE, 0, .doc = "The default file mode, octal; a container can override it.",
     .example = "\"0440\"", .def = "0444"},
    {"uid", FT_STRING, IMPACT_NONE, 0, .doc = "The default owner (numeric uid); a container can override it.",
     .example = "\"101\"", .def = "0", .pattern = "^[0-9]+$", .pattern_doc = "a number"},
    {"gid", FT_STRING, IMPACT_NONE, 0, .doc = "The default group (numeric gid); a container can override it.",
     .example = "\"101\"", .def = "0", .pattern = "^[0-9]+$", .pattern_doc = "a number"},
    {"digest", FT_STRING, IMPACT_NONE, FIELD_HIDDEN, .doc = "SHA-256 of the content."},
    {0},
};
static const struct field_refusal config_refused[] = {
    {"external", "external configs are not supported: write content or file"},
    {"environment", "write content: ${env.NAME}"},
    {"template_driver", "not supported: write ${...} in content"},
    {"labels", "configs are copied into containers as files and have no labels"},
    {"name", "configs are copied into containers as files and have no name on the engine"},
    {0},
};
const struct field_table config_table = {
    .name = "config",
    .doc = "A file from Git for containers, which refer to it in `configs`. When its content changes, they "
           "are replaced.",
    .fields = config_fields,
    .refused = config_refused,
};

static void config_check(const struct resource *r, const struct resource_set *set, struct diag_list *diags)
{
    if (r->partial)
        return;
    if (!val_get(r->spec, "content"))
        resource_error_hint(set, r, r->spec, diags, "write content: ..., or file: PATH",
                            "a Config needs content or file");
    else if (!val_get(r->spec, "digest"))
        resource_error(set, r, val_get(r->spec, "content"), diags, "content is not base64");
}

const struct kind_desc kind_config = {
    .name = "Config",
    .prefix = "config",
    .doc = "A file from Git for containers.",
    .spec = &config_table,
    .flags = KIND_VIRTUAL,
    .rank = 10,
    .check = config_check,
};

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(struct arena *a, const void *data, size_t len)
{
    const unsigned char *in = data;
    char *out = arena_alloc(a, (len + 2) / 3 * 4 + 1);
    char *p = out;
    for (size_t i = 0; i < len; i += 3) {
        size_t n = len - i < 3 ? len - i : 3;
        uint32_t bits =
            (uint32_t)in[i] << 16 | (n > 1 ? (uint32_t)in[i + 1] << 8 : 0) | (n > 2 ? in[i + 2] : 0);
        *p++ = alphabet[bits >> 18 & 63];
        *p++ = alphabet[bits >> 12 & 63];
        *p++ = n > 1 ? alphabet[bits >> 6 & 63] : '=';
        *p++ = n > 2 ? alphabet[bits & 63] : '=';
    }
    return out;
}

void *base64_decode(struct arena *a, const char *text, size_t len, size_t *ret_len)
{
    unsigned char *out = arena_alloc(a, len / 4 * 3 + 4);
    size_t n = 0;
    uint32_t bits = 0;
    unsigned have = 0;
    unsigned pads = 0;
    for (size_t i = 0; i < len; i++) {
        if (strchr(" \t\r\n", text[i]) && text[i])
            continue;
        const char *at = text[i] ? strchr(alphabet, text[i]) : NULL;
        if (text[i] == '=' && have + pads >= 2 && have + pads < 4 && have) {
            pads++;
            continue;
        }
        if (!at || pads)
            return NULL;
        bits = bits << 6 | (uint32_t)(at - alphabet);
        if (++have < 4)
            continue;
        out[n++] = (unsigned char)(bits >> 16);
        out[n++] = (unsigned char)(bits >> 8);
        out[n++] = (unsigned char)bits;
        bits = 0;
        have = 0;
    }
    if (have == 1 || (pads && have + pads != 4) || (have && bits & ((1u << (have == 2 ? 4 : 2)) - 1)))
        return NULL; /* a part of a byte, or bits left over */
    if (have >= 2)
        out[n++] = (unsigned char)(bits >> (have == 2 ? 4 : 10));
    if (have == 3)
        out[n++] = (unsigned char)(bits >> 2);
    out[n] = '\0';
    *ret_len = n;
    return out;
}

void config_set_bytes(struct arena *a, struct val *spec, const void *data, size_t len)
{
    struct digest digest;
    char hex[DIGEST_HEX_LEN + 1];
    digest_of(data, len, &digest);
    digest_hex(&digest, hex);
    val_set_str(a, spec, "digest", hex);
    if (str_utf8_valid(data, len)) {
        val_map_set(a, spec, "content", val_strn(a, data, len));
        val_map_del(spec, "encoding");
    } else {
        val_map_set(a, spec, "content", val_str(a, base64_encode(a, data, len)));
        val_set_str(a, spec, "encoding", "base64");
    }
}

int config_bytes(const struct resource *config, struct arena *a, const void **ret, size_t *ret_len,
                 struct err *err)
{
    const struct val *content = val_get(config->spec, "content");
    if (!val_is(content, VAL_STR))
        return err_set(err, ERR_INVALID, "%s has no content", config->id);
    if (!str_eq(val_get_str(config->spec, "encoding"), "base64")) {
        *ret = content->s;
        *ret_len = content->len;
        return 0;
    }
    size_t len;
    void *data = base64_decode(a, content->s, content->len, &len);
    if (!data)
        return err_set(err, ERR_INVALID, "%s: content is not base64", config->id);
    *ret = data;
    *ret_len = len;
    return 0;
}
