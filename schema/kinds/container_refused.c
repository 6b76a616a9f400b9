/* Container: fields known from Compose and Docker that are refused, and what to do instead. */
#include "schema/kinds/container_internal.h"

const struct field_refusal container_refused[] = {
    {"attach", "it only affects what docker compose prints: use forge-ctl logs"},
    {"blkio_config", "limits on disk throughput are not supported yet: remove it"},
    {"build", "Forge does not build images yet: build it elsewhere, push it, and set image"},
    {"cpu_count", "it is Windows only: use resources.cpus"},
    {"cpu_percent", "it is Windows only: use resources.cpus"},
    {"cpu_rt_period", "real-time scheduling is not supported: use resources.cpus or cpu_shares"},
    {"cpu_rt_runtime", "real-time scheduling is not supported: use resources.cpus or cpu_shares"},
    {"credential_spec", "it is Windows only"},
    {"develop", "it is for development in a local checkout; Forge deploys what is in Git"},
    {"env_from",
     "Environments are not supported yet: use env_file, or the variables of forge.yaml as ${env.NAME}"},
    {"environments", "write environment"},
    {"expose_ports", "write expose, or ports to publish them on the host"},
    {"extends", "use a patch (patch: true), the defaults of forge.yaml, or YAML anchors"},
    {"external_links", "attach both containers to one Network with external: true"},
    {"isolation", "it is Windows only"},
    {"label_file", "put the labels in labels"},
    {"links", "containers on one Network find each other by name; use aliases in networks for other names, "
              "and depends_on for the order"},
    {"models", "not supported: run the model as a Container and set its address in environment"},
    {"name", "set the name in metadata.name"},
    {"net", "write network_mode or networks"},
    {"post_start",
     "not supported yet: do it in the entrypoint, or in a second container that depends_on this one"},
    {"pre_stop", "not supported yet: let the command handle stop_signal"},
    {"provider", "not supported: Forge only runs what an engine can run"},
    {"use_api_socket", "not supported: mount the socket explicitly if you need it: volumes: "
                       "[\"/run/docker.sock:/run/docker.sock\"]"},
    {"volume_driver", "set driver in the Volume"},
    {"volumes_from", "use the same Volumes in both containers"},
    {0},
};
