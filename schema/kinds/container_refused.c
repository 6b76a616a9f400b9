/* Container: what people know from Compose and Docker, and what to do here instead. */
#include "schema/kinds/container_internal.h"

const struct field_refusal container_refused[] = {
    {"attach", "it is about what a terminal shows: use forge-ctl logs"},
    {"blkio_config", "limits of disk throughput are not supported yet: remove it"},
    {"build", "Forge builds no images yet: build it elsewhere, push it, and name it in image"},
    {"cpu_count", "it is for Windows: use resources.cpus"},
    {"cpu_percent", "it is for Windows: use resources.cpus"},
    {"cpu_rt_period", "real-time scheduling is not supported: use resources.cpus or cpu_shares"},
    {"cpu_rt_runtime", "real-time scheduling is not supported: use resources.cpus or cpu_shares"},
    {"credential_spec", "it is for Windows"},
    {"develop", "it is for working on a checkout; Forge runs what is in Git"},
    {"env_from",
     "Environments are not supported yet: use env_file, or the variables of forge.yaml as ${env.NAME}"},
    {"environments", "write environment"},
    {"expose_ports", "write expose, or ports to publish them on the host"},
    {"extends", "use a patch (patch: true), the defaults of forge.yaml, or YAML anchors"},
    {"external_links", "put both containers on one Network with external: true"},
    {"isolation", "it is for Windows"},
    {"label_file", "write the labels in labels"},
    {"links", "containers of one Network find each other by name; use networks aliases for other names, "
              "depends_on for order"},
    {"models", "not supported: run the model as a Container and name its address in environment"},
    {"name", "the name stands in metadata.name"},
    {"net", "write network_mode or networks"},
    {"post_start",
     "not supported yet: do it in the entrypoint, or in a second container that depends_on this one"},
    {"pre_stop", "not supported yet: let the command handle stop_signal"},
    {"provider", "not supported: Forge runs what an engine runs"},
    {"use_api_socket",
     "mount the socket yourself, if you must: volumes: [\"/run/docker.sock:/run/docker.sock\"]"},
    {"volume_driver", "set driver in the Volume"},
    {"volumes_from", "name the same Volumes in both containers"},
    {0},
};

const struct field_refusal deploy_refused[] = {
    {"endpoint_mode", "it is for swarms, which are not supported yet: remove it"},
    {"labels", "one engine has no services to label: put them in the container's labels"},
    {"placement", "it is for swarms, which are not supported yet: one engine has one place. Remove it"},
    {"rollback_config", "what goes back goes back as it came: see update.failure_action, and remove it"},
    {0},
};
