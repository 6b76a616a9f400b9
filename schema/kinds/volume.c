/* The Volume kind. */
#include "base/str.h"
#include "schema/kinds/common.h"
#include "schema/kinds/objects.h"
#include "schema/kinds/placement.h"

static const struct field volume_fields[] = {
    {"driver", FT_STRING, IMPACT_DATA_LOSS, 0, .doc = "The volume driver of the engine.", .example = "local",
     .def = "local", .def_val = DEF_STR("local")},
    {"driver_opts", FT_MAP, IMPACT_DATA_LOSS, FIELD_LIST_FORM,
     .doc = "Options for the driver. The nodes of a swarm never change an existing volume: there, other "
            "options need another `name`.",
     .example = "{type: nfs, o: \"addr=10.0.0.9,rw\", device: \":/export\"}", .elem = &field_text},
    {"labels", FT_MAP, IMPACT_NONE, FIELD_LIST_FORM | FIELD_CREATE_ONLY,
     .doc = "Labels of the volume on the engine; they cannot be changed later.",
     .example = "{com.example.team: shop}", .elem = &field_label},
    {"name", FT_STRING, IMPACT_DATA_LOSS, 0,
     .doc = "The name on the engine, instead of `ENVIRONMENT-NAME`. A different name is a different volume, "
            "which starts empty. On a swarm it may contain templates, which each task fills in: "
            "`data-{{.Task.Slot}}` is one volume for each slot of a service.",
     .example = "shop-data",
     .pattern = "^([a-zA-Z0-9]|[{][{][^{}]+[}][}])([a-zA-Z0-9_.-]|[{][{][^{}]+[}][}])*$",
     .pattern_doc = "letters, digits, _, . and -; on a swarm, also templates"},
    EXTERNAL_FIELD,
    PLACEMENT_FIELDS,
    {0},
};

const struct field_table volume_table = {
    .name = "volume",
    .doc = "Data that outlives containers. A volume is never deleted or replaced because a manifest changed, "
           "unless its data loss is explicitly allowed.",
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
