/* The Volume kind. */
#include "base/str.h"
#include "schema/kinds/common.h"
#include "schema/kinds/objects.h"
#include "schema/kinds/placement.h"

static const struct field volume_fields[] = {
    {"driver", FT_STRING, IMPACT_DATA_LOSS, 0, .doc = "The engine's driver.", .example = "local",
     .def = "local", .def_val = DEF_STR("local")},
    {"driver_opts", FT_MAP, IMPACT_DATA_LOSS, FIELD_LIST_FORM,
     .doc =
         "Options of the driver. The nodes of a swarm keep a volume that they have as it is: other options "
         "go with another `name` there.",
     .example = "{type: nfs, o: \"addr=10.0.0.9,rw\", device: \":/export\"}", .elem = &field_text},
    {"labels", FT_MAP, IMPACT_NONE, FIELD_LIST_FORM | FIELD_CREATE_ONLY,
     .doc = "Labels of the volume on the engine; engines cannot change them later.",
     .example = "{com.example.team: shop}", .elem = &field_label},
    {"name", FT_STRING, IMPACT_DATA_LOSS, 0,
     .doc = "Its name on the engine, in place of `ENVIRONMENT-NAME`. Another name is another volume, and an "
            "empty one. On a swarm it may have templates, which each task fills in: `data-{{.Task.Slot}}` is "
            "one "
            "for each place of a service.",
     .example = "shop-data",
     .pattern = "^([a-zA-Z0-9]|[{][{][^{}]+[}][}])([a-zA-Z0-9_.-]|[{][{][^{}]+[}][}])*$",
     .pattern_doc = "letters, digits, _, . and -; on a swarm also templates"},
    EXTERNAL_FIELD,
    PLACEMENT_FIELDS,
    {0},
};

const struct field_table volume_table = {
    .name = "volume",
    .doc = "Data that outlives containers. A volume is never removed or replaced because a manifest changed: "
           "that needs a word of "
           "its own.",
    .fields = volume_fields,
    .normalize = object_normalize,
};

static void volume_check(const struct resource *r, const struct resource_set *set, struct diag_list *diags)
{
    check_external(r, set, diags);
}

const struct kind_desc kind_volume = {
    .name = "Volume",
    .prefix = "volume",
    .doc = "Data that outlives containers.",
    .spec = &volume_table,
    .flags = KIND_STATEFUL,
    .rank = 10,
    .check = volume_check,
};
