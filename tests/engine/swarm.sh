#!/bin/bash
# A swarm of one node: from manifests to services whose tasks run.
. "${0%/*}/../lib/test.sh"
. "${0%/*}/../lib/forge.sh"
. "${0%/*}/../lib/swarm.sh"

swarm_start

forge_s() { DOCKER_HOST=$SWARM_HOST forge "$@"; }

service() { docker service inspect --format "$2" "$FORGE_ENV-$1"; }
tasks() { docker service ps --no-trunc --filter desired-state=running --format '{{.ID}}' "$FORGE_ENV-$1" | sort | tr '\n' ' '; }
version() { service "$1" '{{.Version.Index}}'; }

new()
{
    forge_new "$1"
    at_exit swarm_remove_objects "$FORGE_ENV"
}

# A service that sleeps, with these lines in its spec; without a virtual address, which not every kernel supports.
sleeper()
{
    local name=$1
    shift
    container "$name" "deploy: {endpoint_mode: dnsrr, update_config: {monitor: 500ms}}" "stop_grace_period: 1s" "$@"
}

config()
{
    printf 'apiVersion: forge/v1\nkind: Config\nmetadata: {name: %s}\nspec: {content: "%s"}\n' "$1" "$2" | manifest "$1.yaml"
}

test_first_apply_then_nothing_to_do() # L1, L9, S9
{
    new first
    sleeper web "environment: {A: one}" "replicas: 2" "labels: {tier: front}"
    run forge_s diff
    assert_status 1
    assert_contains "$out" "+ container/web"
    run forge_s apply --yes
    assert_status 0
    assert_contains "$out" "Applied generation 1"
    assert_eq "$(tasks web | wc -w)" 2
    run forge_s diff
    assert_contains "$out" "no changes"
    assert_status 0
    run forge_s apply --yes
    assert_status 0
    assert_contains "$out" "Nothing to do"
}

test_an_image_is_changed_and_rolled_back() # H2, L1
{
    new image
    sleeper web
    run forge_s apply --yes
    assert_status 0
    local before
    before=$(tasks web)
    sed -i 's/busybox:1/busybox:2/' "$FORGE_DIR/web.yaml"
    run forge_s diff
    assert_status 1
    assert_contains "$out" "busybox:1 -> :2"
    run forge_s apply --yes
    assert_status 0
    [ "$(tasks web)" != "$before" ] || fail "the task was not replaced"
    run forge_s diff
    assert_status 0
    run forge_s rollback --yes
    assert_status 0
    assert_contains "$(service web '{{.Spec.TaskTemplate.ContainerSpec.Image}}')" "busybox:1"
}

test_scaling_restarts_nothing()
{
    new scale
    sleeper web "replicas: 1"
    run forge_s apply --yes
    assert_status 0
    local before
    before=$(tasks web)
    sed -i 's/replicas: 1/replicas: 3/' "$FORGE_DIR/web.yaml"
    run forge_s apply --yes
    assert_status 0
    assert_eq "$(tasks web | wc -w)" 3
    assert_contains "$(tasks web)" "${before% }"
    run forge_s status
    assert_contains "$out" "running 3/3"
}

test_every_field_is_as_asked_for() # L9, P2
{
    new fields
    config page "hello"
    sleeper web "command: [sh, -c, 'sleep infinity']" "environment: {A: one}" "user: '0:0'" "working_dir: /tmp" \
        "hostname: web-1" "init: true" "read_only: true" "stop_signal: KILL" "restart: on-failure:3" \
        "cap_add: [NET_ADMIN]" "cap_drop: [ALL]" "dns: [9.9.9.9]" "extra_hosts: ['db=10.0.0.7']" \
        "sysctls: {net.core.somaxconn: '512'}" "ulimits: {nofile: {soft: 512, hard: 1024}}" \
        "tmpfs: ['/run:mode=755,size=16m']" "volumes: ['data:/data', {type: tmpfs, target: /t, size: 1MiB}]" \
        "configs: [{source: page, target: /etc/page, mode: '0440', uid: '7'}]" \
        "resources: {cpus: 0.5, memory: 64MiB, memory_reservation: 16MiB, pids: 50}" \
        "logging: {driver: json-file, options: {max-size: 1m}}" "labels: {a: b}" "expose: ['80']" \
        "healthcheck: {test: [CMD, 'true'], interval: 1s}" "ports: [{target: 80, published: 18080, mode: host}]"
    sed -i 's/deploy: {/deploy: {labels: {x: y}, placement: {constraints: [node.role==manager], max_replicas_per_node: 2, preferences: [{spread: node.labels.zone}]}, restart_policy: {condition: on-failure, max_attempts: 3, delay: 1s, window: 1m}, rollback_config: {parallelism: 2, order: start-first}, resources: {reservations: {cpus: "0.01"}}, /' \
        "$FORGE_DIR/web.yaml"
    printf 'apiVersion: forge/v1\nkind: Volume\nmetadata: {name: data}\nspec: {driver_opts: {type: tmpfs, device: tmpfs, o: size=1m}, labels: {c: d}}\n' |
        manifest data.yaml
    run forge_s apply --yes
    assert_status 0
    assert_eq "$(docker volume inspect --format '{{.Driver}} {{.Options.o}} {{.Labels.c}}' "$FORGE_ENV-data")" "local size=1m d"
    run forge_s diff
    assert_status 0
    local before
    before=$(version web)
    run forge_s apply --yes
    assert_status 0
    assert_eq "$(version web)" "$before" "an unchanged apply wrote"
}

# A compose file whose deploy section uses everything that only swarms support.
stack()
{
    cat >"$FORGE_DIR/compose.yaml" <<END
services:
  web:
    image: $ENGINE_IMAGE
    stop_grace_period: 1s
    deploy:
      replicas: 2
      endpoint_mode: dnsrr
      labels: [team=shop]
      placement:
        constraints: [node.role == manager]
        preferences: [{spread: node.labels.zone}]
        max_replicas_per_node: ${1:-2}
      resources:
        limits: {cpus: "0.5", memory: 64M}
        reservations: {cpus: "0.01", memory: 8M}
      restart_policy: {condition: on-failure, max_attempts: 3, delay: 1s, window: 1m}
      update_config: {parallelism: 2, delay: 1s, monitor: 600ms, order: start-first, failure_action: pause, max_failure_ratio: 0.5}
      rollback_config: {parallelism: 0, monitor: 700ms, failure_action: continue, order: start-first}
  agent:
    image: $ENGINE_IMAGE
    stop_grace_period: 1s
    deploy: {mode: global, endpoint_mode: dnsrr}
  once:
    image: $ENGINE_IMAGE
    command: ["true"]
    deploy: {mode: replicated-job, replicas: 2}
  each:
    image: $ENGINE_IMAGE
    command: ["true"]
    deploy: {mode: global-job}
END
}

test_the_deploy_section_of_a_stack_is_honoured() # L9
{
    new stack
    stack
    run forge_s apply --yes
    assert_status 0
    assert_lacks "$out$err" "not honoured"
    local spec
    spec=$(docker service inspect "$FORGE_ENV-web" | jq -c '.[0].Spec | {r: .Mode.Replicated.Replicas, e: .EndpointSpec.Mode,
        l: .Labels.team, p: .TaskTemplate.Placement | [.Constraints[0], .Preferences[0].Spread.SpreadDescriptor, .MaxReplicas],
        limit: .TaskTemplate.Resources.Limits, reserve: .TaskTemplate.Resources.Reservations, restart: .TaskTemplate.RestartPolicy,
        u: .UpdateConfig | [.Parallelism, .Delay, .Monitor, .Order, .FailureAction, .MaxFailureRatio],
        b: .RollbackConfig | [.Parallelism, .Monitor, .Order, .FailureAction]}')
    assert_eq "$spec" "$(jq -c . <<<'{"r": 2, "e": "dnsrr", "l": "shop", "p": ["node.role==manager", "node.labels.zone", 2],
        "limit": {"NanoCPUs": 500000000, "MemoryBytes": 67108864}, "reserve": {"NanoCPUs": 10000000, "MemoryBytes": 8388608},
        "restart": {"Condition": "on-failure", "Delay": 1000000000, "MaxAttempts": 3, "Window": 60000000000},
        "u": [2, 1000000000, 600000000, "start-first", "pause", 0.5], "b": [0, 700000000, "start-first", "continue"]}')"
    assert_eq "$(docker service ls --filter "label=io.forge.environment=$FORGE_ENV" --format '{{.Name}} {{.Mode}}' | sed "s/^$FORGE_ENV-//" | sort)" \
        "agent global
each global job
once replicated job
web replicated"
    run forge_s diff
    assert_status 0
    stack 3
    run forge_s diff
    assert_status 1
    assert_contains "$out" "deploy.placement.max_replicas_per_node"
    run forge_s apply --yes
    assert_status 0
    run forge_s diff
    assert_status 0
}

test_one_engine_warns_of_what_only_swarms_do()
{
    new warn
    stack
    sed -i '/^  once:/,$d' "$FORGE_DIR/compose.yaml"
    run forge diff
    assert_status 1
    assert_contains "$err$out" "compose.yaml:9:7: warning: services.deploy.placement is ignored"
    assert_contains "$err$out" "services.deploy.endpoint_mode is ignored"
    assert_contains "$err$out" "deploy.mode global means one task on each node of a swarm"
    assert_lacks "$err$out" "update_config"
}

test_drift_is_shown_and_set_back() # P1
{
    new drift
    sleeper web "environment: {A: one}"
    run forge_s apply --yes
    assert_status 0
    docker service update -d --env-add A=two --replicas 2 "$FORGE_ENV-web" >/dev/null
    run forge_s diff
    assert_status 1
    assert_contains "$out" "drift"
    assert_contains "$out" "environment.A"
    assert_contains "$out" "replicas"
    run forge_s apply --yes
    assert_status 0
    run forge_s diff
    assert_status 0
    # What nobody asks for is drift too, though the service is the same object.
    docker service update -d --env-add B=hand --user 7 "$FORGE_ENV-web" >/dev/null
    run forge_s diff
    assert_status 1
    assert_contains "$out" "environment.B   hand was added on the engine; will be removed"
    assert_contains "$out" "user"
    run forge_s apply --yes
    assert_status 0
    assert_eq "$(service web '{{.Spec.TaskTemplate.ContainerSpec.Env}} {{.Spec.TaskTemplate.ContainerSpec.User}}')" "[A=one] "
}

test_what_is_changed_during_an_apply_is_not_undone() # S4
{
    new during
    sleeper web "replicas: 3" "environment: {A: one}"
    run forge_s apply --yes
    assert_status 0
    container web "deploy: {endpoint_mode: dnsrr, update_config: {monitor: 5s}}" "stop_grace_period: 1s" "replicas: 3" \
        "environment: {A: two}"
    (eventually 20 has_env two && docker service update -d --env-add B=hand "$FORGE_ENV-web" >/dev/null) &
    run forge_s apply --yes
    wait
    assert_status 1
    assert_contains "$err" "was changed by another client"
    assert_contains "$err" "failed, undoing what was done for it"
    assert_lacks "$(service web '{{json .UpdateStatus}}')" "manually requested rollback" # which only Forge requests
    run forge_s apply --yes
    assert_status 0
    assert_eq "$(service web '{{.Spec.TaskTemplate.ContainerSpec.Env}}')" "[A=two]"
}

has_env() { [ "$(service web '{{.Spec.TaskTemplate.ContainerSpec.Env}}')" = "[A=$1]" ]; }

test_an_update_that_was_paused_is_no_drift()
{
    new paused
    sleeper web "replicas: 2"
    run forge_s apply --yes
    assert_status 0
    container web "deploy: {endpoint_mode: dnsrr, update_config: {monitor: 2s, failure_action: pause}}" "stop_grace_period: 1s" \
        "replicas: 2" "command: [sh, -c, 'exit 7']"
    run forge_s apply --yes
    assert_status 1
    assert_contains "$err" "failed and was paused"
    run forge_s diff
    assert_status 1
    assert_match "$out" "state +update paused after a failure -> running"
    assert_lacks "$out" drift
    assert_lacks "$out" "live"
}

test_another_content_is_another_config() # H2
{
    new content
    config page "one"
    sleeper web "configs: [{source: page, target: /etc/page}]"
    run forge_s apply --yes
    assert_status 0
    config page "two"
    run forge_s diff
    assert_contains "$out" "configs"
    run forge_s apply --yes
    assert_status 0
    assert_eq "$(docker config ls -q --filter "label=io.forge.environment=$FORGE_ENV" | wc -l)" 2
    local id
    id=$(docker ps -q --filter "label=com.docker.swarm.service.name=$FORGE_ENV-web" | head -1)
    assert_eq "$(docker exec "$id" cat /etc/page)" two
    run forge_s rollback --yes
    assert_status 0
    assert_eq "$(docker config ls -q --filter "label=io.forge.environment=$FORGE_ENV" | wc -l)" 2
    rm "$FORGE_DIR"/*.yaml
    sleeper other
    run forge_s apply --yes
    assert_status 0
    assert_eq "$(docker config ls -q --filter "label=io.forge.environment=$FORGE_ENV" | wc -l)" 0
}

test_no_byte_of_a_secret_is_seen() # X4
{
    new secret
    (umask 077; echo canary-1f7e >"$SERVICE_DIR/key")
    printf 'apiVersion: forge/v1\nkind: Secret\nmetadata: {name: key}\nspec: {file: %s}\n' "$SERVICE_DIR/key" | manifest key.yaml
    sleeper web "secrets: [key]"
    run forge_s apply --yes
    assert_status 0
    assert_lacks "$out$err$(docker service inspect "$FORGE_ENV-web")$(docker secret ls -q | xargs docker secret inspect)" canary
    local id
    id=$(docker ps -q --filter "label=com.docker.swarm.service.name=$FORGE_ENV-web" | head -1)
    assert_eq "$(docker exec "$id" cat /run/secrets/key)" canary-1f7e
    run forge_s diff
    assert_status 0
    (umask 077; echo canary-2e8d >"$SERVICE_DIR/key")
    run forge_s diff
    assert_status 1
    assert_contains "$out" "secrets./run/secrets/key   content changed"
    run forge_s apply --yes
    assert_status 0
    id=$(docker ps -q --filter "label=com.docker.swarm.service.name=$FORGE_ENV-web" | head -1)
    assert_eq "$(docker exec "$id" cat /run/secrets/key)" canary-2e8d
    assert_lacks "$out$err$(docker service inspect "$FORGE_ENV-web")" canary
    run forge_s diff
    assert_status 0
}

test_a_task_that_fails_is_told() # S9
{
    new fails
    sleeper web "command: [sh, -c, 'exit 7']"
    run forge_s apply --yes
    assert_status 1
    assert_contains "$err$out" "non-zero exit (7)"
    assert_contains "$err$out" "$FORGE_ENV-web"
}

test_an_image_that_is_nowhere_is_told()
{
    new nowhere
    sleeper web
    sed -i 's/busybox:1/busybox:missing/' "$FORGE_DIR/web.yaml"
    run forge_s apply --yes
    assert_status 1
    assert_contains "$err$out" "No such image: forge-test/busybox:missing"
}

# A task that a swarm cannot place stays pending for ever, with a reason.
test_a_task_that_fits_nowhere_is_told() # S9
{
    new fits
    container web "deploy: {endpoint_mode: dnsrr, placement: {constraints: ['node.labels.forge-test == none']}}"
    run forge_s apply --yes --timeout 5s
    assert_status 1
    assert_contains "$err$out" "the run's time was up while waiting for its tasks: 0 of 1 running, no suitable node"
}

test_what_the_swarm_takes_back_has_failed() # S6, S9
{
    new back
    sleeper web
    run forge_s apply --yes
    assert_status 0
    sleeper web "command: [sh, -c, 'exit 7']"
    run forge_s apply --yes
    assert_status 1
    assert_contains "$err$out" "the swarm rolled it back"
    assert_contains "$err$out" "non-zero exit (7)"
    assert_lacks "$(service web '{{.Spec.TaskTemplate.ContainerSpec.Args}}')" "exit 7"
    eventually 20 has_tasks 1
}

has_tasks() { [ "$(docker service ls --filter "name=$FORGE_ENV-web" --format '{{.Replicas}}')" = "$1/$1" ]; }

test_a_job_ends()
{
    new job
    container once "command: ['true']" "replicas: 2" "deploy: {mode: replicated-job}"
    run forge_s apply --yes
    assert_status 0
    run forge_s diff
    assert_status 0
    run forge_s status
    assert_contains "$out" "synced  completed  1 "
}

# A swarm counts a task that ends as a failed update, and starts it again by default: not what is wanted of a migration.
test_a_migration_is_updated_like_on_a_plain_engine() # P2, L7
{
    new migration
    local v
    for v in one two one; do
        sleeper migrate "command: ['sh', '-c', 'sleep 1']" "environment: {V: $v}"
        sleeper web "depends_on: {migrate: completed}" "environment: {V: $v}"
        run forge_s apply --yes
        assert_status 0
        assert_eq "$(service migrate '{{.Spec.TaskTemplate.ContainerSpec.Env}} {{.Spec.TaskTemplate.RestartPolicy.Condition}}')" "[V=$v] none"
        # The web's task is of this version and was created after the migration's had ended.
        assert_eq "$(migrated_first)" yes
    done
    sleep 6 # what a swarm takes at most to undo an update
    run forge_s diff
    assert_status 0
    sleeper migrate "command: ['sh', '-c', 'exit 3']"
    run forge_s apply --yes
    assert_status 1
    assert_contains "$err" "non-zero exit (3)"
}

# As on a plain engine: what failed at once is tried again, once, and nobody is said to have changed it.
test_a_failed_job_is_run_again() # P2, L3
{
    new failing
    sleeper migrate "command: [sh, -c, 'echo no such table >&2; exit 3']" "restart: 'no'"
    sleeper web "depends_on: {migrate: completed}"
    run forge_s apply --yes
    assert_status 1
    assert_contains "$err" "non-zero exit (3); its last output:"
    assert_contains "$err" "    no such table"
    run forge_s diff
    assert_status 1
    assert_contains "$out" "state   exited with code 3 -> running"
    assert_contains "$out" "the last attempt failed: service"
    assert_lacks "$out" "drift"
    run forge_s apply --yes
    assert_status 1
    assert_lacks "$err$out" "restoring"
    assert_eq "$(docker service ps -q "$FORGE_ENV-migrate" | wc -l)" 2
    run forge_s status
    assert_contains "$out" "its last output: no such table"
}

migrated_first()
{
    local ended created
    ended=$(docker service ps -q "$FORGE_ENV-migrate" | head -n 1 | xargs docker inspect --format '{{.Status.State}} {{.Status.Timestamp}}')
    created=$(docker service ps -q --filter desired-state=running "$FORGE_ENV-web" | head -n 1 | xargs docker inspect --format '{{.CreatedAt}}')
    [[ $ended == "complete "* && ${ended#complete } < $created ]] && echo yes
}

test_global_runs_on_each_node()
{
    new global
    container web "deploy: {mode: global, endpoint_mode: dnsrr}"
    run forge_s apply --yes
    assert_status 0
    assert_eq "$(tasks web | wc -w)" 1
    run forge_s diff
    assert_status 0
    # The mode cannot be changed: the service is recreated.
    sleeper web
    run forge_s apply --yes
    assert_status 0
    run forge_s diff
    assert_status 0
}

test_what_is_not_ours_is_left_alone() # S4
{
    new foreign
    docker service create -d --name "$FORGE_ENV-web" --endpoint-mode dnsrr --label "$ENGINE_LABEL" "$ENGINE_IMAGE" >/dev/null
    at_exit docker service rm "$FORGE_ENV-web"
    sleeper web
    run forge_s diff
    assert_contains "$out" "conflict"
    run forge_s apply --yes --adopt container/web
    assert_status 0
    assert_eq "$(service web '{{index .Spec.Labels "io.forge.resource"}}')" container/web
    run forge_s diff
    assert_status 0
}

test_a_plain_engine_says_that_it_is_no_swarm()
{
    new plain
    sleeper web
    run forge diff
    assert_status 2
    assert_contains "$err$out" "deploy.endpoint_mode"
}

test_nodes_are_shown()
{
    new nodes
    sleeper web
    run forge_s apply --yes
    assert_status 0
    docker node update --label-add zone=a node1 >/dev/null
    run forge_s status
    assert_match "$out" "node1 +leader +ready +active +$FORGE_ENV-web.1"
    run forge_s status --json
    assert_eq "$(jq -r '.nodes[0] | .labels.zone + " " + .tasks[0]' <<<"$out")" "a $FORGE_ENV-web.1"
}

test_images_of_nodes_are_out_of_reach() # H3
{
    new reach
    run forge_s images prune
    assert_status 0
    assert_contains "$out" "images on the nodes of a swarm cannot be managed: the nodes pull them themselves"
}

test_a_network_that_services_are_on_is_not_changed()
{
    new network
    manifest back.yaml <<<"{apiVersion: forge/v1, kind: Network, metadata: {name: back}, spec: {}}"
    sleeper web "networks: [back]"
    run forge_s apply --yes
    assert_status 0
    manifest back.yaml <<<"{apiVersion: forge/v1, kind: Network, metadata: {name: back}, spec: {attachable: true}}"
    run forge_s diff
    assert_status 1
    assert_contains "$out" "cannot change a network while services use it (container/web)"
    # Do what the message says.
    rm "$FORGE_DIR/back.yaml"
    manifest rear.yaml <<<"{apiVersion: forge/v1, kind: Network, metadata: {name: rear}, spec: {attachable: true}}"
    sleeper web "networks: [rear]"
    run forge_s apply --yes
    assert_status 0
    run forge_s diff
    assert_status 0
}

test_exec_in_a_task_of_this_node()
{
    new exec
    sleeper web
    run forge_s apply --yes
    assert_status 0
    # shellcheck disable=SC2016 # for the inner shell
    run forge_s exec container/web -- sh -c 'echo "here $0"; exit 3' I
    assert_status 3
    assert_eq "$out" "here I"
}

test_logs_of_all_tasks()
{
    new logs
    sleeper web "command: [sh, -c, 'echo here I am; sleep infinity']"
    run forge_s apply --yes
    assert_status 0
    run forge_s logs container/web
    assert_status 0
    assert_contains "$out" "here I am"
}

test_removed_from_git_is_removed() # S5
{
    new gone
    sleeper web
    sleeper db
    run forge_s apply --yes
    assert_status 0
    rm "$FORGE_DIR/web.yaml"
    run forge_s apply --yes
    assert_status 0
    assert_eq "$(docker service ls -q --filter "name=$FORGE_ENV-web")" ""
    run forge_s diff
    assert_status 0
    # Remove everything, with the network that tasks use until they have ended. The config keeps the tree from being
    # empty.
    rm "$FORGE_DIR/db.yaml"
    config none "-"
    run forge_s apply --yes
    assert_status 0
    assert_eq "$(docker network ls -q --filter "label=io.forge.environment=$FORGE_ENV")" ""
    assert_eq "$(docker ps -q --filter "name=$FORGE_ENV")" ""
}

test_main "$@"
