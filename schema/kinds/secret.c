/* The Secret kind: so far only files on the host. Their content never enters the model, so it cannot be
   printed. */
#include "schema/kinds/common.h"
#include "schema/kinds/objects.h"

static const struct field secret_fields[] = {
    {"file", FT_STRING, IMPACT_NONE, FIELD_REQUIRED,
     .doc = "A file on the host that Forge runs on, read when a container is made. Another content of it "
            "replaces the containers that use it. It must not be readable by others.",
     .example = "/etc/forge/secrets/session-key", .short_form = read_path},
    {"mode", FT_MODE, IMPACT_NONE, 0, .doc = "The file's mode where a container says none; octal.",
     .example = "\"0400\"", .def = "0444"},
    {"uid", FT_STRING, IMPACT_NONE, 0, .doc = "The number of its owner where a container says none.",
     .example = "\"101\"", .def = "0", .pattern = "^[0-9]+$", .pattern_doc = "a number"},
    {"gid", FT_STRING, IMPACT_NONE, 0, .doc = "The number of its group where a container says none.",
     .example = "\"101\"", .def = "0", .pattern = "^[0-9]+$", .pattern_doc = "a number"},
    {0},
};
static const struct field_refusal secret_refused[] = {
    {"content",
     "a secret in clear text does not belong into Git: put it into a file on the host and name it in file"},
    {"value",
     "a secret in clear text does not belong into Git: put it into a file on the host and name it in file"},
    {"environment", "not supported yet: put it into a file on the host and name it in file"},
    {"external",
     "only swarms keep secrets, and swarms are not supported yet: name a file of the host in file"},
    {"sops", "encrypted secrets are not supported yet: put it into a file on the host and name it in file"},
    {"age", "encrypted secrets are not supported yet: put it into a file on the host and name it in file"},
    {"generate",
     "generated secrets are not supported yet: put it into a file on the host and name it in file"},
    {"command", "not supported yet: put it into a file on the host and name it in file"},
    {0},
};
const struct field_table secret_table = {
    .name = "secret",
    .doc = "A secret from a file of the host in containers. They name it in `secrets`. It is never printed "
           "or kept.",
    .fields = secret_fields,
    .refused = secret_refused,
};

const struct kind_desc kind_secret = {
    .name = "Secret",
    .prefix = "secret",
    .doc = "A secret from a file of the host in containers.",
    .spec = &secret_table,
    .flags = KIND_VIRTUAL,
    .rank = 10,
};
