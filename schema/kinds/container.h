#ifndef SCHEMA_KINDS_CONTAINER_H
#define SCHEMA_KINDS_CONTAINER_H
// clang-format off
/*
 * The canonical form of a Container's spec: decoding makes it from every short and long form, providers make it
 * from what an engine reports, and the planner compares it. Fields that are not asked for are absent, never
 * filled with defaults. Virtual: not compared with an engine.
 *
 *   image            str   as written, normalised only by ref_canonical() when compared
 *   pull_policy      str   always | missing | never   (create-only)
 *   platform         str   "linux/amd64", "linux/arm/v7", "linux": parts left out are not compared
 *   command          [str]
 *   entrypoint       [str] empty list: none, whatever the image says
 *   environment      {NAME: str}   env_file is read and merged under it at load
 *   ports            {"[HOSTIP:]PUBLISHED->TARGET/PROTO":
 *                       {target int, published int (0: engine chooses), published_end int? (the engine
 *                        chooses between the two), host_ip str?, protocol str, mode str? "host" (virtual)}}
 *   expose           [str] set, "80/tcp"
 *   volumes          {TARGET:
 *                       {type volume|bind|tmpfs, source str? (none: anonymous), read_only bool?,
 *                        propagation str?, create_host_path bool? (absent: true), nocopy bool?,
 *                        selinux str? z|Z, size int?, mode int?}}
 *                          a source that names a Volume of the set is replaced by its native name at apply
 *   tmpfs            {TARGET: options str, sorted}
 *   networks         {NAME:
 *                       {aliases [str] set?, ipv4_address str?, ipv6_address str?, link_local_ips [str] set?,
 *                        mac_address str?, driver_opts {K: str}?}}
 *   network_mode     str   bridge | host | none | container:ID | container/NAME | a native network's name;
 *                          excludes networks
 *   hostname domainname    str
 *   dns dns_search dns_opt [str]
 *   extra_hosts      {HOST: [IP | "host-gateway"] set}
 *   mac_address      str   "02:42:ac:11:00:02", lower case
 *   healthcheck      {test [str] ("NONE" | "CMD" ... | "CMD-SHELL" x), interval timeout start_period
 *                     start_interval ns, retries int}   {test: ["NONE"]} for disable: true
 *   restart          str   no | always | unless-stopped | on-failure | on-failure:N
 *   user working_dir str
 *   group_add        [str] set
 *   init privileged read_only tty stdin_open oom_kill_disable   bool
 *   cap_add cap_drop [str] set, upper case, without CAP_
 *   security_opt     [str] set, "KEY=VALUE" (no-new-privileges=true, seccomp=unconfined, label=type:T):
 *                          security_opt_canonical()
 *   devices          {TARGET: {source str, permissions str ("rwm" when not given)}}
 *   device_cgroup_rules    [str] set
 *   gpus             [{driver str?, count int? (-1 all), device_ids [str]?, capabilities [str] set,
 *                      options {K: str}?}]
 *   ulimits          {NAME: {soft int, hard int}}   -1: unlimited
 *   sysctls          {NAME: str}
 *   shm_size         bytes
 *   storage_opt      {K: str}
 *   pid ipc          str   host | container:ID | container/NAME; ipc also private, shareable, none
 *   uts cgroup userns_mode cgroup_parent runtime   str
 *   oom_score_adj    int
 *   labels annotations     {KEY: str}
 *   logging          {driver str, options {K: str}}
 *   stop_signal      str   the "SIGTERM" spelling
 *   stop_grace_period      ns
 *   resources        {cpus nanocpus, memory bytes, memory_reservation bytes, memory_swap bytes
 *                     (-1 unlimited), memory_swappiness int, pids int (-1 unlimited), cpu_shares int,
 *                     cpuset str, cpu_period cpu_quota int (microseconds)}
 *                          deploy.resources, mem_limit, cpus, pids_limit, ... are aliases that end up here
 *   configs secrets  {TARGET path:
 *                       {source str (name of a Config or Secret), uid str?, gid str?, mode int?, and hidden,
 *                        put in at load: digest str (configs: of the content), file str (secrets: the path on
 *                        the host)}}
 *   replicas         int   absent: 1
 *   container_name   str   native name; only with replicas 1
 *   depends_on       {NAME: {condition started|healthy|completed, required bool?, restart bool?}}   (virtual)
 *   update           {strategy rolling|recreate, order stop-first|start-first, timeout ns, parallelism,
 *                     delay ns, monitor ns, failure_action pause|continue|rollback,
 *                     max_failure_ratio}   (virtual)
 *   profiles         [str] set   (virtual)
 */
// clang-format on
#include "schema/kind.h"

extern const struct field_table container_table;
/* network_mode, pid, ipc: the fields by which a container joins another one's namespace; NULL-terminated. */
extern const char *const join_fields[];

/* "nginx" -> "docker.io/library/nginx:latest", "localhost:5000/a@sha256:.." stays: the canonical name of an
   image reference (Docker's distribution reference rules). ERR_INVALID says what is wrong with it. */
int ref_canonical(struct arena *a, const char *ref, const char **ret, struct err *err) _must_check_;
/* "node.role == manager" -> "node.role==manager" (deploy.placement.constraints); NULL: it has no operator. */
const char *constraint_canonical(struct arena *a, const char *text);
/* Do two references mean the same, as nginx and docker.io/library/nginx:latest do? */
bool ref_same(struct arena *a, const char *x, const char *y);
/* "docker.io/library/web:1@sha256:..." -> "docker.io/library/web"; NULL: not a reference. */
const char *ref_repository(struct arena *a, const char *ref);
/* The reverse, to the familiar spelling: "docker.io/library/nginx:latest" -> "nginx:latest". */
const char *ref_familiar(struct arena *a, const char *canonical);
/* Key of a canonical port: "127.0.0.1:8080->80/tcp"; without a host IP "8080->80/tcp"; "[::1]:8080->80/tcp". */
const char *port_key(struct arena *a, const char *host_ip, int published, int target, const char *protocol);
/* The same for a range of which the engine chooses one port: "8000-8010->80/tcp". last 0: no range. */
const char *port_key_range(struct arena *a, const char *host_ip, int first, int last, int target,
                           const char *protocol);
/* "no-new-privileges:true", "no-new-privileges" -> "no-new-privileges=true"; "label:disable" ->
 * "label=disable". */
const char *security_opt_canonical(struct arena *a, const char *text);
/* "TERM", "15", "sigterm" -> "SIGTERM"; NULL when there is no such signal. */
const char *signal_canonical(struct arena *a, const char *text);
/* "size=64m,mode=1777" -> "mode=1777,size=64m": options in one order, each once. */
const char *mount_options_canonical(struct arena *a, const char *text);
#endif
