#!/bin/bash
# forged on a swarm: what happens unattended.
. "${0%/*}/../lib/test.sh"
. "${0%/*}/../lib/forge.sh"
. "${0%/*}/../lib/swarm.sh"
. "${0%/*}/../lib/git.sh"
. "${0%/*}/../lib/daemon.sh"

swarm_start 2

# A service that sleeps, with these lines in its spec.
sleeper()
{
    local name=$1
    shift
    container "$name" "stop_grace_period: 1s" "update: {monitor: ${MONITOR:-500ms}}" "deploy: {endpoint_mode: dnsrr}" "$@"
}

# new NAME [SYNC]
new()
{
    DAEMON_TARGET=$SWARM_HOST daemon_new "$@"
    at_exit swarm_remove_objects "$FORGE_ENV"
    sleeper web "environment: {A: one}"
    push "a service"
}

env_of() { docker service inspect --format '{{.Spec.TaskTemplate.ContainerSpec.Env}} {{.Spec.Mode.Replicated.Replicas}}' "$FORGE_ENV-web"; }
is() { [ "$(env_of)" = "$1" ]; }
runs() { [ "$(docker service ls --filter "name=$FORGE_ENV-$1" --format '{{.Replicas}}')" = "$2/$2" ]; }
in_sync() { metric forge_generation "[1-9]" && metric forge_resources_out_of_sync 0 && metric forge_resources_held 0; }

test_follows_commits_and_heals() # L8
{
    new follow
    daemon_start
    eventually 30 runs web 1
    eventually 10 metric forge_engine_connected 1
    sleeper web "environment: {A: two}"
    push "A is two"
    eventually 30 is "[A=two] 1"
    eventually 30 in_sync
    docker service update -d --env-add A=hand --replicas 2 "$FORGE_ENV-web" >/dev/null
    eventually 10 is "[A=two] 1"
    eventually 30 in_sync
    docker service rm "$FORGE_ENV-web" >/dev/null
    eventually 10 is "[A=two] 1"
    eventually 30 in_sync
    runs web 1 || fail "$(docker service ls)"
    run forge-ctl history --transitions --json
    assert_contains "$(jq -r '.transitions[].trigger' <<<"$out")" drift
    metric forge_engine_events_total "[1-9][0-9]*" || fail "no event was heard"
    metric forge_drift_corrections_total "[2-9]" || fail "no correction was counted"
}

test_what_is_changed_during_an_apply_is_set_back() # L3
{
    new during
    daemon_start
    eventually 30 in_sync
    MONITOR=3s sleeper web "environment: {A: two}"
    push "A is two"
    eventually 30 is "[A=two] 1"
    docker service update -d --env-add A=hand "$FORGE_ENV-web" >/dev/null
    eventually 20 is "[A=two] 1"
    eventually 30 in_sync
}

test_drift_is_reported_where_self_heal_is_off() # L8
{
    new report "automatic: true, self_heal: false"
    daemon_start
    eventually 30 in_sync
    docker service scale -d "$FORGE_ENV-web=2" >/dev/null
    eventually 10 metric forge_resources_drifted 1
    sleep 1
    is "[A=one] 2" || fail "it was set back: $(env_of)"
    docker service scale -d "$FORGE_ENV-web=1" >/dev/null
    eventually 10 metric forge_resources_drifted 0
}

knows() { [[ "$(forge-ctl status 2>&1)" == *"$1"* ]]; }
flag() { swarm_docker 2 run --rm --network none -v "$FORGE_ENV-flag:/flag" "$ENGINE_IMAGE" "$@"; }

test_a_task_that_fails_again_and_again_is_told()
{
    new flaps
    local before
    # On the other node, whose events do not reach forged.
    printf 'apiVersion: forge/v1\nkind: Volume\nmetadata: {name: flag}\nspec: {}\n' | manifest flag.yaml
    sleeper web "command: [sh, -c, 'while [ ! -e /flag/die ]; do sleep 0.1; done; exit 7']" "volumes: ['flag:/flag']"
    sed -i 's/{endpoint_mode: dnsrr}/{endpoint_mode: dnsrr, placement: {constraints: [node.role==worker]}, restart_policy: {delay: 500ms}}/' "$FORGE_DIR/web.yaml"
    push "on the worker"
    daemon_start
    eventually 30 in_sync
    before=$(events)
    flag touch /flag/die
    eventually 20 more_events "$before"
    eventually 30 knows "restarting"
    eventually 30 knows "web.1 failed: task: non-zero exit (7)"
    flag rm /flag/die
    eventually 30 runs web 1
    eventually 30 quiet
}

quiet() { ! knows "restarting"; }
events() { curl -fsS "http://127.0.0.1:$METRICS_PORT/metrics" | awk '/^forge_engine_events_total/ { print $2 }'; }
more_events() { [ "$(events)" -gt "$1" ]; }

test_a_commit_that_does_not_run_leaves_what_ran() # S6, L3
{
    new fails
    daemon_start
    eventually 30 in_sync
    sleeper web "command: [sh, -c, 'exit 7']"
    push "does not run"
    eventually 60 metric forge_reconcile_errors_total "[1-9][0-9]*"
    knows "the swarm rolled it back" || fail "$(forge-ctl status)"
    knows "non-zero exit (7)" || fail "$(forge-ctl status)"
    eventually 20 is "[A=one] 1"
    eventually 20 runs web 1
    sleeper web "environment: {A: two}"
    push "runs"
    eventually 30 is "[A=two] 1"
    eventually 30 in_sync
}

test_main "$@"
