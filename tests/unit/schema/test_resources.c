/* Resource limits of a container: all of Compose's spellings end up in `resources`, `gpus`, `restart` and
   `update` (P2). */
#include "kind_test.h"

static void test_spellings(void **state)
{
    struct world *w = *state;
    static const char *const pairs[][2] = {
        {"cpus: 0.5", "resources: {cpus: \"0.50\"}"},
        {"mem_limit: 128m", "resources: {memory: 134217728}"},
        {"mem_limit: 128M", "resources: {memory: 128MiB}"},
        {"mem_reservation: 64m", "resources: {memory_reservation: 65536k}"},
        {"mem_limit: 64m\nmemswap_limit: 128m", "resources: {memory: 64m, memory_swap: 128m}"},
        {"memswap_limit: -1", "resources: {memory_swap: -1}"},
        {"memswap_limit: 0", "resources: {}"},
        {"mem_swappiness: 10", "resources: {memory_swappiness: 10}"},
        {"pids_limit: 100", "resources: {pids: 100}"},
        {"pids_limit: 0", "resources: {pids: -1}"},
        {"cpu_shares: 512\ncpuset: 0-3", "resources: {cpu_shares: 512, cpuset: \"0-3\"}"},
        {"cpu_period: 100000\ncpu_quota: 50000", "resources: {cpu_period: 100000, cpu_quota: 50000}"},
        {"deploy: {resources: {limits: {cpus: \"0.5\", memory: 50M, pids: 9}, reservations: {memory: 20M}}}",
         "resources: {cpus: 0.5, memory: 50m, pids: 9, memory_reservation: 20m}"},
        {"deploy: {resources: {limits: {memory: 50M}}}\nmem_limit: 50m", "mem_limit: 51200k"},
        {"deploy: {mode: replicated, replicas: 3}", "replicas: 3"},
        {"deploy: {replicas: 3}\nscale: 3", "replicas: 3"},
        {"deploy: {restart_policy: {}}", "restart: always"},
        {"deploy: {restart_policy: {condition: none}}", "restart: no"},
        {"deploy: {restart_policy: {condition: on-failure, max_attempts: 3}}", "restart: on-failure:3"},
        {"deploy: {restart_policy: {condition: any}}\nrestart: always", "restart: always"},
        {"deploy: {update_config: {order: start-first}}", "update: {order: start-first}"},
        {"deploy: {update_config: {order: start-first}}\nupdate: {timeout: 1m}",
         "update: {order: start-first, timeout: 60s}"},
        {"deploy: {update_config: {parallelism: 2, delay: 10s, monitor: 1m, failure_action: rollback, "
         "max_failure_ratio: 0.25}}",
         "update: {parallelism: 2, delay: 10s, monitor: 1m, failure_action: rollback, max_failure_ratio: "
         "0.25}"},
        {"deploy: {resources: {reservations: {devices: [{driver: nvidia, count: 1, capabilities: [gpu]}]}}}",
         "gpus: [{driver: nvidia, count: 1}]"},
        {"gpus: all", "gpus: [{count: all, capabilities: [gpu]}]"},
        {"gpus: 2", "gpus: [{count: 2}]"},
        {"gpus: [{}]", "gpus: [{count: -1}]"},
        {"ulimits: {nproc: 512}", "ulimits: {nproc: {soft: 512, hard: 512}}"},
        {"ulimits: {nofile: -1}", "ulimits: {nofile: {soft: -1, hard: -1}}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
        assert_string_equal(canonical(w, &kind_container, pairs[i][0]),
                            canonical(w, &kind_container, pairs[i][1]));
}

static void test_canonical(void **state)
{
    struct world *w = *state;
    check_container(w, "cpus: 1.5\nmem_limit: 1g",
                    "{'resources': {'cpus': 1500000000, 'memory': 1073741824}}");
    check_container(w, "deploy: {}", "{}");
    check_container(w, "deploy: {placement: {}, mode: replicated, endpoint_mode: dnsrr}",
                    "{'deploy': {'endpoint_mode': 'dnsrr'}}");
    check_container(w, "deploy: {resources: {limits: {memory: 50M}, reservations: {cpus: \"0.25\"}}}",
                    "{'deploy': {'resources': {'reservations': {'cpus': 250000000}}}, 'resources': "
                    "{'memory': 52428800}}");
    check_container(
        w,
        "deploy: {resources: {reservations: {generic_resources: [{discrete_resource_spec: {kind: gpu, "
        "value: 2}}]}}}",
        "{'deploy': {'resources': {'reservations': {'generic_resources': {'gpu': {'value': 2}}}}}}");
    check_container(w, "gpus: [{driver: nvidia, device_ids: [\"3\", \"0\"], options: {a: 1}}]",
                    "{'gpus': [{'capabilities': ['gpu'], 'device_ids': ['0', '3'], 'driver': 'nvidia', "
                    "'options': {'a': '1'}}]}");
}

static void test_problems(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"mem_limit: 64m\nresources: {memory: 65m}",
         "f:2:12: error: mem_limit conflicts with memory: both set the same thing\n"
         "  hint: set only one of them, or the same value in both\n"},
        {"deploy: {replicas: 2}\nscale: 3",
         "f:2:20: error: deploy.replicas conflicts with replicas: both set the same thing\n"
         "  hint: set only one of them, or the same value in both\n"},
        {"deploy: {resources: {limits: {memory: 6M}}}\nmem_limit: 7m",
         "f:3:12: error: mem_limit conflicts with memory: both set the same thing\n"
         "  hint: set only one of them, or the same value in both\n"},
        {"mem_limit: 1m", "f:2:12: error: the memory limit is too small\n"
                          "  hint: write at least 6MiB; engines reject less\n"},
        {"resources: {memory: 64m, memory_reservation: 65m}",
         "f:2:46: error: memory_reservation is larger than memory\n"
         "  hint: it is a soft limit below memory\n"},
        {"resources: {memory: 64m, memory_swap: 63m}", "f:2:39: error: memory_swap is smaller than memory\n"
                                                       "  hint: it is the total of memory and swap\n"},
        {"resources: {cpus: 1, cpu_quota: 100}", "f:2:33: error: cpus and cpu_quota set the same limit\n"
                                                 "  hint: set only one of them\n"},
        {"cpuset: 1-",
         "f:2:9: error: cpuset: \"1-\" is not a set of CPUs\n  hint: write \"0-3\" or \"0,2\"\n"},
        {"resources: {limits: {cpus: 1}}", "f:2:13: error: resources: \"limits\" is not supported\n"
                                           "  hint: write resources: {cpus: ..., memory: ...}, or Compose's "
                                           "deploy: {resources: {limits: ...}}\n"},
        {"deploy: {mode: global}\nreplicas: 2",
         "f:2:16: error: replicas cannot be combined with deploy.mode global\n"
         "  hint: remove one of them\n"},
        {"deploy: {mode: everywhere}", "f:2:16: error: deploy.mode: \"everywhere\" is not one of replicated, "
                                       "global, replicated-job or global-job\n"},
        {"update: {max_failure_ratio: 2}",
         "f:2:29: error: update.max_failure_ratio: 2 is out of range; write a number from 0 to 1\n"},
        {"deploy: {placement: {preferences: [{}]}}",
         "f:2:36: error: deploy.placement.preferences[0]: \"spread\" is missing\n"
         "  hint: for example: spread: node.labels.zone\n"},
        {"deploy: {resources: {reservations: {generic_resources: [{}]}}}",
         "f:2:57: error: deploy.resources.reservations.generic_resources[0]: a generic resource needs "
         "discrete_resource_spec\n  hint: write {discrete_resource_spec: {kind: gpu, value: 2}}\n"},
        {"gpus: some",
         "f:2:7: error: gpus: \"some\" is not a number of devices\n  hint: write a number, or all\n"},
        {"gpus: [{count: 1, device_ids: [a]}]",
         "f:2:8: error: gpus[0]: count and device_ids cannot be combined\n"},
        {"ulimits: {nofile: {soft: 2, hard: 1}}",
         "f:2:19: error: ulimits.nofile: the soft limit is higher than the hard limit\n"},
        {"ulimits: {nofile: [1]}", "f:2:19: error: ulimits.nofile: a limit must be a number or a mapping\n"
                                   "  hint: write a number, -1 for no limit, or {soft: 1024, hard: 4096}\n"},
        {"ulimits: {nofile: {soft: 1}}",
         "f:2:19: error: ulimits.nofile: \"hard\" is missing\n  hint: for example: hard: 4096\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_problems(w, rows[i].text, rows[i].want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_spellings),
        world_test(test_canonical),
        world_test(test_problems),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
