#ifndef SCHEMA_KINDS_CONTAINER_H
#define SCHEMA_KINDS_CONTAINER_H
/*
 * The canonical form of a Container's spec, which decoding makes of every short and long form, providers make of what
 * an engine reports, and the planner compares. Fields that are not asked for are absent, never filled with defaults.
 *
 *   image            str     as written, normalised only by ref_canonical() when compared
 *   pull_policy      str     always | missing | never                      (create-only)
 *   platform         str
 *   command          [str]   entrypoint [str]
 *   environment      {NAME: str}                (env_file is read and merged under it at load)
 *   ports            {"[HOSTIP:]PUBLISHED->TARGET/PROTO": {target int, published int (0: engine chooses), host_ip str?, protocol str}}
 *   expose           [str] set "80/tcp"
 *   volumes          {TARGET: {type volume|bind|tmpfs, source str?, read_only bool?, propagation str?, create_host_path bool?,
 *                     nocopy bool?, selinux str?, size int?, mode int?}}      (a source that names a Volume of the set: its native name at apply)
 *   tmpfs            {TARGET: options str}
 *   networks         {NAME: {aliases [str] set?, ipv4_address str?, ipv6_address str?, link_local_ips [str]?, mac_address str?}}
 *   network_mode     str  bridge | host | none | container:ID | container/NAME  (excludes networks)
 *   hostname domainname str   dns [str]  dns_search [str]  dns_opt [str]  extra_hosts {HOST: [IP] set}   mac_address str
 *   healthcheck      {test [str] ("NONE" | "CMD" ... | "CMD-SHELL" x), interval timeout start_period ns, retries int}  ({test: ["NONE"]} for disable: true)
 *   restart          str  no | always | unless-stopped | on-failure | on-failure:N
 *   user working_dir str    group_add [str] set
 *   init privileged read_only tty stdin_open  bool
 *   cap_add cap_drop [str] set, upper case, without CAP_     security_opt [str] set
 *   devices          {TARGET: {source str, permissions str}}   device_cgroup_rules [str] set
 *   ulimits          {NAME: {soft int, hard int}}   sysctls {NAME: str}   shm_size bytes
 *   pid ipc uts userns_mode cgroup_parent runtime str   oom_score_adj int   oom_kill_disable bool
 *   labels           {KEY: str}        annotations {KEY: str}
 *   logging          {driver str, options {K: str}}
 *   stop_signal      str ("SIGTERM" spelling)  stop_grace_period ns
 *   resources        {cpus nanocpus, memory bytes, memory_reservation bytes, memory_swap bytes (-1 unlimited), pids int, cpu_shares int, cpuset str}
 *                    (deploy.resources, mem_limit, cpus, pids_limit, ... are aliases that end up here)
 *   configs secrets  {TARGET path: {source str (name of a Config), uid str?, gid str?, mode int?, digest str (hidden, put in at load)}}
 *   replicas         int (absent: 1)
 *   container_name   str (native name; only with replicas 1)
 *   depends_on       {NAME: {condition started|healthy|completed, required bool?, restart bool?}}     (virtual)
 *   update           {strategy rolling|recreate, order stop-first|start-first, timeout ns, ...}        (virtual)
 *   profiles         [str] set                                                                        (virtual)
 */
#include "schema/kind.h"

extern const struct field_table container_table;

/* "nginx" -> "docker.io/library/nginx:latest", "localhost:5000/a@sha256:.." stays: the canonical name of an image
   reference (Docker's distribution reference rules). ERR_INVALID says what is wrong with it. */
int ref_canonical(struct arena *a, const char *ref, const char **ret, struct err *err) _must_check_;
/* The familiar spelling back: "docker.io/library/nginx:latest" -> "nginx:latest". */
const char *ref_familiar(struct arena *a, const char *canonical);
/* Key of a canonical port: "0.0.0.0:8080->80/tcp" without a host IP gives "8080->80/tcp". */
const char *port_key(struct arena *a, const char *host_ip, int published, int target, const char *protocol);
#endif
