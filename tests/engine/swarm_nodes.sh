#!/bin/bash
# A swarm of three nodes: where tasks run, and what happens when a node is drained, dies and comes back.
. "${0%/*}/../lib/test.sh"
. "${0%/*}/../lib/forge.sh"
. "${0%/*}/../lib/swarm.sh"

swarm_start 3

forge_s() { DOCKER_HOST=$SWARM_HOST forge "$@"; }

new()
{
    forge_new "$1"
    at_exit swarm_remove_objects "$FORGE_ENV"
}

sleeper()
{
    local name=$1
    shift
    container "$name" "stop_grace_period: 1s" "update: {monitor: 500ms, parallelism: 2}" "$@"
}

# Prints the nodes that run tasks of a service, one word per task.
nodes_of() { docker service ps --filter desired-state=running --format '{{.CurrentState}} {{.Node}}' "$FORGE_ENV-$1" | awk '/^Running/ {print $NF}' | sort | tr '\n' ' '; }
node_is() { [ "$(docker node inspect --format '{{.Status.State}}' "$1")" = "$2" ]; }

test_tasks_go_where_they_may()
{
    new placed
    docker node update --label-add disk=ssd node2 >/dev/null
    sleeper web "replicas: 2" "deploy: {endpoint_mode: dnsrr, placement: {constraints: [node.labels.disk==ssd]}}"
    sleeper agent "deploy: {endpoint_mode: dnsrr, mode: global}"
    run forge_s apply --yes
    assert_status 0
    assert_eq "$(nodes_of web)" "node2 node2 "
    assert_eq "$(nodes_of agent)" "node1 node2 node3 "
    run forge_s diff
    assert_status 0
    run forge_s status
    assert_contains "$out" "running 3/3"
    assert_match "$out" "node2 +worker +ready +active +"
    run forge_s logs container/web
    assert_status 0
    run forge_s exec container/web -- true
    assert_status 2
    assert_contains "$err" "on node node2"
    run forge_s exec container/agent -- true
    assert_status 0
}

test_a_node_is_drained_during_an_apply()
{
    new drained
    at_exit docker node update --availability active node3
    sleeper web "replicas: 6" "deploy: {endpoint_mode: dnsrr}" "environment: {A: one}"
    run forge_s apply --yes
    assert_status 0
    sleeper web "replicas: 6" "deploy: {endpoint_mode: dnsrr}" "environment: {A: two}"
    (sleep 1; docker node update --availability drain node3 >/dev/null) &
    run forge_s apply --yes
    wait
    # A swarm may count tasks that it moves to another node as failed, and roll back: that is reported, and a retry
    # succeeds.
    if [ "$status" != 0 ]; then
        assert_contains "$err" "the swarm rolled it back"
        run forge_s apply --yes
        assert_status 0
    fi
    assert_lacks "$(nodes_of web)" node3
    assert_eq "$(nodes_of web | wc -w)" 6
    run forge_s diff
    assert_status 0
    run forge_s status
    assert_match "$out" "node3 +worker +ready +drain +-"
}

test_a_node_dies_and_comes_back_during_an_apply() # S9
{
    new dies
    sleeper web "replicas: 6" "deploy: {endpoint_mode: dnsrr}" "environment: {A: one}"
    run forge_s apply --yes
    assert_status 0
    sleeper web "replicas: 6" "deploy: {endpoint_mode: dnsrr}" "environment: {A: two}"
    (sleep 1; swarm_kill 3) &
    run forge_s apply --yes
    wait
    # Once all tasks run elsewhere it is done, though the swarm never ends its update. It may also go back: that is reported,
    # and a retry succeeds.
    if [ "$status" = 0 ]; then
        assert_eq "$(nodes_of web | wc -w)" 6
        run forge_s diff
        assert_status 0
    else
        assert_contains "$err" "the swarm rolled it back"
    fi
    eventually 60 node_is node3 down
    run forge_s status
    assert_match "$out" "node3 +worker +down +active"
    swarm_revive 3
    eventually 60 node_is node3 ready
    run forge_s apply --yes
    assert_status 0
    assert_eq "$(nodes_of web | wc -w)" 6
    run forge_s diff
    assert_status 0
}

# The first batch of an update is on a node that is lost: the swarm itself would wait for it until it is back.
test_an_update_goes_on_without_a_lost_node() # S9
{
    new goeson
    at_exit swarm_revive 3
    container web "replicas: 4" "stop_grace_period: 1s" "update: {monitor: 500ms}" \
        "deploy: {endpoint_mode: dnsrr, placement: {constraints: [node.hostname==node1]}}"
    run forge_s apply --yes
    assert_status 0
    container web "replicas: 4" "stop_grace_period: 1s" "update: {monitor: 500ms}" "environment: {A: two}" \
        "deploy: {endpoint_mode: dnsrr, placement: {constraints: [node.hostname!=node1]}}"
    swarm_kill 3
    run forge_s apply --yes
    assert_status 0
    assert_eq "$(nodes_of web)" "node2 node2 node2 node2 "
    run forge_s diff
    assert_status 0
    swarm_revive 3
    eventually 60 node_is node3 ready
}

test_a_worker_cannot_be_asked()
{
    new worker
    sleeper web
    DOCKER_HOST=swarm+unix://$SWARM_DIR/node2/sock run forge diff
    assert_status 2
    assert_contains "$err" "this node is a worker"
}

test_main "$@"
