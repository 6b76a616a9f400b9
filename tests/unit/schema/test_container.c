/* A container's process, lifecycle, isolation and network: short forms and long ones (P2), and problems. */
#include "kind_test.h"

static void check_same(struct world *w, const char *a, const char *b)
{
    assert_string_equal(canonical(w, &kind_container, a), canonical(w, &kind_container, b));
}

static void test_same_meaning(void **state)
{
    struct world *w = *state;
    static const char *const pairs[][2] = {
        {"command: nginx -g 'daemon off;'", "command: [nginx, -g, daemon off;]"},
        {"entrypoint: /bin/tini --", "entrypoint: [\"/bin/tini\", \"--\"]"},
        {"command: ''", "command: []"},
        {"environment: [A=1, B=]", "environment: {A: 1, B: \"\"}"},
        {"environment: [A=x=y]", "environment: {A: \"x=y\"}"},
        {"environment: {D: no, M: 0755, T: 12:30, F: 1e3}",
         "environment: {D: \"no\", M: \"0755\", T: \"12:30\", F: \"1e3\"}"},
        {"labels: [a.b=c, d]", "labels: {a.b: c, d: }"},
        {"annotations: [x=1]", "annotations: {x: \"1\"}"},
        {"pull_policy: if_not_present", "pull_policy: missing"},
        {"restart: no", "restart: \"no\""},
        {"restart: on-failure:0", "restart: on-failure"},
        {"stop_signal: TERM", "stop_signal: 15"},
        {"stop_signal: sigusr1", "stop_signal: SIGUSR1"},
        {"stop_grace_period: 90s", "stop_grace_period: 1m30s"},
        {"healthcheck: {test: wget -q localhost}", "healthcheck: {test: [CMD-SHELL, wget -q localhost]}"},
        {"healthcheck: {disable: true}", "healthcheck: {test: [NONE]}"},
        {"healthcheck: {disable: true, interval: 5s, test: [CMD, x]}", "healthcheck: {test: NONE}"},
        {"healthcheck: {disable: false, retries: 3}", "healthcheck: {retries: \"3\"}"},
        {"depends_on: [db, cache]", "depends_on: {db: started, cache: {}}"},
        {"depends_on: [db]", "depends_on: {db: {condition: service_started}}"},
        {"depends_on: {db: healthy}", "depends_on: {db: {condition: service_healthy}}"},
        {"depends_on: {db: completed}", "depends_on: {db: {condition: service_completed_successfully}}"},
        {"depends_on: {db: }", "depends_on: db"},
        {"profiles: [b, a, b]", "profiles: [a, b]"},
        {"platform: linux/aarch64", "platform: linux/arm64/v8"},
        {"platform: Linux/x86_64", "platform: linux/amd64"},
        {"platform: arm64", "platform: linux/arm64"},
        {"platform: x86_64", "platform: linux/amd64"},
        {"cap_add: [net_admin, CAP_SYS_PTRACE]", "cap_add: [SYS_PTRACE, NET_ADMIN, cap_net_admin]"},
        {"security_opt: [\"no-new-privileges:true\"]", "security_opt: [no-new-privileges]"},
        {"security_opt: [\"label:type:x\"]", "security_opt: [\"label=type:x\"]"},
        {"security_opt: [\"seccomp:unconfined\"]", "security_opt: [seccomp=unconfined]"},
        {"group_add: [video, 44]", "group_add: [\"44\", video]"},
        {"networks: [front, back]", "networks: {front: , back: {}}"},
        {"networks: {n: {aliases: [b, a]}}", "networks: {n: {aliases: [a, b]}}"},
        {"networks: {n: {ipv6_address: \"fd00:0::0010\"}}", "networks: {n: {ipv6_address: \"fd00::10\"}}"},
        {"network_mode: \"service:db\"", "network_mode: container/db"},
        {"network_mode: default", "network_mode: bridge"},
        {"pid: \"service:db\"", "pid: container/db"},
        {"dns: 9.9.9.9", "dns: [9.9.9.9]"},
        {"dns_search: a.example", "dns_search: [a.example]"},
        {"extra_hosts: [\"a=10.0.0.1\"]", "extra_hosts: {a: 10.0.0.1}"},
        {"extra_hosts: [\"a:10.0.0.1\", \"b:::1\"]", "extra_hosts: {a: 10.0.0.1, b: \"::1\"}"},
        {"extra_hosts: [\"a=[::1]\", \"a=10.0.0.1\"]", "extra_hosts: {a: [10.0.0.1, \"0:0::1\"]}"},
        {"extra_hosts: [\"a:host-gateway\"]", "extra_hosts: {a: host-gateway}"},
        {"mac_address: 02-42-AC-11-00-02", "mac_address: \"02:42:ac:11:00:02\""},
        {"sysctls: [net.core.somaxconn=1024]", "sysctls: {net.core.somaxconn: 1024}"},
        {"logging: {driver: local, options: [max-size=10m]}",
         "logging: {driver: local, options: {max-size: 10m}}"},
        {"scale: 2", "replicas: 2"},
        {"shm_size: 64m", "shm_size: 67108864"},
        {"env_file: a.env", "env_file: [{path: a.env}]"},
    };
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
        check_same(w, pairs[i][0], pairs[i][1]);
}

/* A written default is equal to an absent field. */
static void test_defaults_are_equal_to_nothing(void **state)
{
    struct world *w = *state;
    static const char *const rows[] = {
        "init: false",
        "tty: no",
        "stdin_open: off",
        "privileged: false",
        "read_only: false",
        "restart: no",
        "replicas: 1",
        "pull_policy: missing",
        "stop_grace_period: 10s",
        "oom_score_adj: 0",
        "oom_kill_disable: false",
        "shm_size: 64m",
        "resources: {cpus: 0, memory: 0, pids: -1}",
        "pids_limit: 0",
        "labels: {}",
        "environment: []",
        "ports: []",
        "update: {strategy: rolling, timeout: 5m}",
        "volumes: []",
        "cap_add: []",
        "networks: []",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct val *spec =
            spec_of(w, &kind_container, arena_printf(&w->arena, "image: x\n%s", rows[i]));
        assert_string_equal(problems_of(w), "");
        for (size_t k = 0; k < spec->len; k++) {
            const struct val_pair *pair = &spec->pairs[k];
            if (strcmp(pair->key, "image") == 0)
                continue;
            if (!field_equal(field_find(&container_table, pair->key), pair->val, NULL))
                fail_msg("%s is not equal to nothing", rows[i]);
        }
    }
    /* But an empty command means no command, while an absent one means the image's. */
    const struct val *spec = spec_of(w, &kind_container, "{image: x, command: []}");
    assert_false(field_equal(field_find(&container_table, "command"), val_get(spec, "command"), NULL));
}

static void test_canonical(void **state)
{
    struct world *w = *state;
    check_container(
        w, "healthcheck: {test: [CMD, x], interval: 1m30s, timeout: 500ms, retries: 2, start_interval: 1s}",
        "{'healthcheck': {'interval': 90000000000, 'retries': 2, 'start_interval': 1000000000, "
        "'test': ['CMD', 'x'], 'timeout': 500000000}}");
    check_container(w, "depends_on: {db: {condition: healthy, required: false, restart: true}}",
                    "{'depends_on': {'db': {'condition': 'healthy', 'required': false, 'restart': true}}}");
    check_container(w, "update: {strategy: recreate, order: stop-first, timeout: 2m}",
                    "{'update': {'order': 'stop-first', 'strategy': 'recreate', 'timeout': 120000000000}}");
    check_container(
        w, "user: 1000\nworking_dir: /srv/../app/\nhostname: web-1\ndomainname: shop.example",
        "{'domainname': 'shop.example', 'hostname': 'web-1', 'user': '1000', 'working_dir': '/app'}");
    check_container(
        w, "pid: host\nipc: shareable\nuts: host\ncgroup: private\nuserns_mode: host\nnetwork_mode: none",
        "{'cgroup': 'private', 'ipc': 'shareable', 'network_mode': 'none', 'pid': 'host', "
        "'userns_mode': 'host', 'uts': 'host'}");
    check_container(w, "x-mine: {a: 1}", "{}");
}

static void test_signals(void **state)
{
    struct world *w = *state;
    static const char *const rows[][2] = {
        {"9", "SIGKILL"},          {"KILL", "SIGKILL"},          {"sigkill", "SIGKILL"}, {"34", "SIGRTMIN+0"},
        {"RTMIN+3", "SIGRTMIN+3"}, {"SIGRTMAX-1", "SIGRTMAX-1"}, {"IOT", "SIGABRT"},     {"POLL", "SIGIO"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_string_equal(signal_canonical(&w->arena, rows[i][0]), rows[i][1]);
    static const char *const wrong[] = {"",       "0",   "33",       "65",        "SIG",
                                        "SIGFOO", "15x", "RTMIN+99", "SIGSIGTERM"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_null(signal_canonical(&w->arena, wrong[i]));
}

static void test_problems(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"restart: alway",
         "f:2:10: error: restart: \"alway\" is not a restart policy\n  hint: did you mean \"always\"?\n"},
        {"restart: false", "f:2:10: error: restart: \"false\" is not a restart policy\n"
                           "  hint: write no, always, unless-stopped, on-failure or on-failure:N\n"},
        {"restart: on-failure:x", "f:2:10: error: restart: \"on-failure:x\" is not a restart policy\n"
                                  "  hint: did you mean \"on-failure\"?\n"},
        {"pull_policy: allways", "f:2:14: error: pull_policy: \"allways\" is not a pull policy\n"
                                 "  hint: did you mean \"always\"?\n"},
        {"pull_policy: build",
         "f:2:14: error: pull_policy: pull policy build is not supported: Forge does not build images yet\n"
         "  hint: build the image elsewhere and set image\n"},
        {"pull_policy: every_12h",
         "f:2:14: error: pull_policy: pull policy every_12h is not supported: what runs must not depend on "
         "the time of a pull\n"
         "  hint: use always, or pin the image by digest and change it with a commit\n"},
        {"environment: {A: }",
         "f:2:18: error: environment.A: the value is missing\n  hint: write \"\" for an empty value\n"},
        {"environment: [A]", "f:2:15: error: environment: \"A\" has no value; Forge does not take values "
                             "from its own environment\n"
                             "  hint: write A= for an empty value\n"},
        {"environment: {A B: 1}", "f:2:20: error: environment: \"A B\" is not a valid variable name\n"},
        {"healthcheck: {test: [curl, x]}", "f:2:21: error: healthcheck: the list of a health check must "
                                           "start with CMD, CMD-SHELL or NONE, not \"curl\"\n"
                                           "  hint: write [CMD, program, argument...], [CMD-SHELL, \"command "
                                           "line\"], or a string for the shell\n"},
        {"healthcheck: {test: [CMD-SHELL, a, b]}",
         "f:2:21: error: healthcheck: CMD-SHELL takes one string, not 2\n"
         "  hint: quote the whole command line\n"},
        {"healthcheck: {test: [CMD]}", "f:2:21: error: healthcheck: CMD needs a program\n"},
        {"healthcheck: {test: []}",
         "f:2:21: error: healthcheck: the list of a health check must start with CMD, CMD-SHELL or NONE\n"
         "  hint: write [CMD, program, argument...], [CMD-SHELL, \"command line\"], or a string for the "
         "shell\n"},
        {"healthcheck: {interval: 5}", NULL},
        {"depends_on: {db: helthy}", "f:2:18: error: depends_on.db: \"helthy\" is not a condition\n"
                                     "  hint: did you mean \"healthy\"?\n"},
        {"depends_on: [a, a]", "f:2:17: error: depends_on: \"a\" is defined twice, first on line 2\n"},
        {"depends_on: [{db: healthy}]",
         "f:2:14: error: depends_on: a dependency must be the name of a container, not a mapping\n"
         "  hint: write [db, cache], or {db: healthy}\n"},
        {"hostname: a b", "f:2:11: error: hostname: \"a b\" is not a host name\n"
                          "  hint: use letters, digits, - and _, in parts separated by dots\n"},
        {"container_name: -x",
         "f:2:17: error: container_name: \"-x\" is not a container's name\n"
         "  hint: use at least two letters, digits, _, . and -, starting with a letter or digit\n"},
        {"working_dir: srv", "f:2:14: error: working_dir: \"srv\" is not an absolute path\n"},
        {"stop_signal: FOO", "f:2:14: error: stop_signal: \"FOO\" is not a signal\n"
                             "  hint: write a name or a number: SIGTERM, SIGQUIT, 15\n"},
        {"cap_add: [\"NET ADMIN\"]", "f:2:11: error: cap_add[0]: \"NET ADMIN\" is not a capability\n"
                                     "  hint: write NET_ADMIN, CAP_NET_ADMIN or ALL\n"},
        {"security_opt: [seccomp=./p.json]",
         "f:2:16: error: security_opt[0]: \"seccomp=./p.json\": a seccomp profile in a file is not supported "
         "yet\n"
         "  hint: write seccomp=unconfined, or the profile itself as JSON\n"},
        {"pid: shareable", "f:2:6: error: pid: \"shareable\" is not a namespace\n"
                           "  hint: write host, service:NAME or container:ID\n"},
        {"network_mode: \"container:\"", "f:2:15: error: network_mode: \"container:\" is not a network mode\n"
                                         "  hint: write none, host, bridge, service:NAME or container:ID\n"},
        {"networks: {n: {ipv4_address: \"::1\"}}",
         "f:2:30: error: networks.n.ipv4_address: \"::1\" is not an IPv4 address\n"},
        {"networks: {n: x}",
         "f:2:15: error: networks.n: the settings of an attachment must be a mapping, not a string\n"
         "  hint: write {aliases: [...]}, or {} for the defaults\n"},
        {"networks: {n: {priority: 1}}",
         "f:2:16: error: networks.n: \"priority\" is not supported\n"
         "  hint: remove it: networks are attached in the order of their names\n"},
        {"dns: localhost", "f:2:6: error: dns: \"localhost\" is not an IP address\n"},
        {"extra_hosts: [a]", "f:2:15: error: extra_hosts: \"a\" must be a name and an address\n"
                             "  hint: write \"db.local=10.0.0.7\"\n"},
        {"mac_address: \"02:42\"", "f:2:14: error: mac_address: \"02:42\" is not a MAC address\n"
                                   "  hint: write six pairs of hexadecimal digits: \"02:42:ac:11:00:02\"\n"},
        {"labels: {io.forge.environment: x}", "f:2:9: error: labels: \"io.forge.environment\": labels that "
                                              "start with io.forge. are reserved for Forge\n"
                                              "  hint: use another prefix\n"},
        {"scale: 2\nreplicas: 3", "f:2:8: error: scale conflicts with replicas: both set the same thing\n"
                                  "  hint: set only one of them, or the same value in both\n"},
        {"replicas: 1001", NULL},
        {"build: .", "f:2:1: error: \"build\" is not supported\n"
                     "  hint: Forge does not build images yet: build it elsewhere, push it, and set image\n"},
        {"env_from: [x]",
         "f:2:1: error: \"env_from\" is not supported\n"
         "  hint: Environments are not supported yet: use env_file, or the variables of forge.yaml as "
         "${env.NAME}\n"},
        {"volmes: [a]", "f:2:1: error: unknown key \"volmes\"\n  hint: did you mean \"volumes\"?\n"},
        {"bulid: .", "f:2:1: error: unknown key \"bulid\"\n  hint: did you mean \"build\"?\n"},
        {"platform: linux/amd64/v1/x", "f:2:11: error: platform: \"linux/amd64/v1/x\" is not a platform\n"
                                       "  hint: write os/architecture: linux/amd64, linux/arm64\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        spec_of(w, &kind_container, arena_printf(&w->arena, "image: x\n%s", rows[i].text));
        const char *problems = problems_of(w);
        if (rows[i].want)
            assert_string_equal(problems, rows[i].want);
        else
            assert_non_null(strstr(problems, "f:2:")); /* the wording comes from base/parse.h */
    }
}

static void test_image_is_required(void **state)
{
    struct world *w = *state;
    spec_of(w, &kind_container, "command: x");
    assert_string_equal(problems_of(w), "f:1:1: error: \"image\" is missing\n"
                                        "  hint: for example: image: registry.example/shop/web:1.4\n");
}

/* Every field of a Compose service is either a field here, or refused with a hint. */
static void test_compose_vocabulary(void **state)
{
    (void)state;
    static const char *const names[] = {
        "annotations",
        "attach",
        "blkio_config",
        "build",
        "cap_add",
        "cap_drop",
        "cgroup",
        "cgroup_parent",
        "command",
        "configs",
        "container_name",
        "cpu_count",
        "cpu_percent",
        "cpu_period",
        "cpu_quota",
        "cpu_rt_period",
        "cpu_rt_runtime",
        "cpu_shares",
        "cpus",
        "cpuset",
        "credential_spec",
        "depends_on",
        "deploy",
        "develop",
        "device_cgroup_rules",
        "devices",
        "dns",
        "dns_opt",
        "dns_search",
        "domainname",
        "entrypoint",
        "env_file",
        "environment",
        "expose",
        "extends",
        "external_links",
        "extra_hosts",
        "gpus",
        "group_add",
        "healthcheck",
        "hostname",
        "image",
        "init",
        "ipc",
        "isolation",
        "label_file",
        "labels",
        "links",
        "logging",
        "mac_address",
        "mem_limit",
        "mem_reservation",
        "mem_swappiness",
        "memswap_limit",
        "models",
        "network_mode",
        "networks",
        "oom_kill_disable",
        "oom_score_adj",
        "pid",
        "pids_limit",
        "platform",
        "ports",
        "post_start",
        "pre_stop",
        "privileged",
        "profiles",
        "provider",
        "pull_policy",
        "read_only",
        "restart",
        "runtime",
        "scale",
        "secrets",
        "security_opt",
        "shm_size",
        "stdin_open",
        "stop_grace_period",
        "stop_signal",
        "storage_opt",
        "sysctls",
        "tmpfs",
        "tty",
        "ulimits",
        "use_api_socket",
        "user",
        "userns_mode",
        "uts",
        "volumes",
        "volumes_from",
        "working_dir",
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        bool known = field_find(&container_table, names[i]) != NULL;
        for (const struct field_refusal *r = container_table.refused; r->name && !known; r++)
            known = strcmp(r->name, names[i]) == 0;
        if (!known)
            fail_msg("%s is neither a field nor refused", names[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_same_meaning),       world_test(test_defaults_are_equal_to_nothing),
        world_test(test_canonical),          world_test(test_signals),
        world_test(test_problems),           world_test(test_image_is_required),
        world_test(test_compose_vocabulary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
