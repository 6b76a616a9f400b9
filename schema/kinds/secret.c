/* The Secret kind: so far only files on the host. Their content never enters the model, so it cannot be
   printed. */
#include "schema/kinds/common.h"
#include "schema/kinds/objects.h"

static const struct field secret_fields[] = {
    {"file", FT_STRING, IMPACT_NONE, FIELD_REQUIRED,
     .doc = "A file on the host where Forge runs, read when a container is created. When its content "
            "changes, the containers that use it are replaced. It must not be readable by others.",
     .example = "/etc/forge/secrets/session-key", .short_form = read_path},
    {"mode", FT_MODE, IMPACT_NONE, 0, .doc = "The default file mode, octal; a container can override it.",
     .example = "\"0400\"", .def = "0444"},
    {"uid", FT_STRING, IMPACT_NONE, 0, .doc = "The default owner (numeric uid); a container can override it.",
     .example = "\"101\"", .def = "0", .pattern = "^[0-9]+$", .pattern_doc = "a number"},
    {"gid", FT_STRING, IMPACT_NONE, 0, .doc = "The default group (numeric gid); a container can override it.",
     .example = "\"101\"", .def = "0", .pattern = "^[0-9]+$", .pattern_doc = "a number"},
    {0},
};
static const struct field_refusal secret_refused[] = {
    {"content",
     "a secret in clear text does not belong in Git: put it in a file on the host and set file to its path"},
    {"value",
     "a secret in clear text does not belong in Git: put it in a file on the host and set file to its path"},
    {"environment", "not supported yet: put it in a file on the host and set file to its path"},
    {"external", "external secrets are not supported: put it in a file on the host and set file to its path"},
    {"sops",
     "encrypted secrets are not supported yet: put it in a file on the host and set file to its path"},
    {"age", "encrypted secrets are not supported yet: put it in a file on the host and set file to its path"},
    {"generate",
     "generated secrets are not supported yet: put it in a file on the host and set file to its path"},
    {"command", "not supported yet: put it in a file on the host and set file to its path"},
    {0},
};
const struct field_table secret_table = {
    .name = "secret",
    .doc = "A secret for containers, read from a file on the host. Containers refer to it in `secrets`. It "
           "is never printed or stored.",
    .fields = secret_fields,
    .refused = secret_refused,
};

const struct kind_desc kind_secret = {
    .name = "Secret",
    .prefix = "secret",
    .doc = "A secret for containers, read from a file on the host.",
    .spec = &secret_table,
    .flags = KIND_VIRTUAL,
    .rank = 10,
};
