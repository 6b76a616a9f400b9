#!/bin/bash
# Kills forge-ctl at journal writes on a swarm, and interrupts it with signals as users do. The next run must converge
# to the same state, without duplicates or leftovers (S8).
. "${0%/*}/../lib/test.sh"
. "${0%/*}/../lib/forge.sh"
. "${0%/*}/../lib/swarm.sh"
. "${0%/*}/../lib/kill.sh"

swarm_start
kill_possible

forge_s() { DOCKER_HOST=$SWARM_HOST forge "$@"; }
mark() { echo "label=io.forge.environment=$FORGE_ENV"; }

new()
{
    forge_new "$1"
    at_exit swarm_remove_objects "$FORGE_ENV"
}

# The final state, without the environment's name.
world()
{
    {
        docker service ls --filter "$(mark)" --format '{{.Name}} {{.Replicas}}'
        docker service ls -q --filter "$(mark)" | xargs -r docker service inspect |
            jq -r '.[] | .Spec.Name + " " + ([.Spec.TaskTemplate.ContainerSpec.Env, (.Spec.TaskTemplate.ContainerSpec.Configs // [] | map(.ConfigName))] | tostring)'
        docker network ls --filter "$(mark)" --format 'network {{.Name}}'
        docker config ls --filter "$(mark)" --format 'config {{.Name}}'
    } | sed "s/$FORGE_ENV-//g" | sort
}

# A network, a config, and two services, one of which depends on the other.
some()
{
    manifest net.yaml <<<"{apiVersion: forge/v1, kind: Network, metadata: {name: back}, spec: {}}"
    manifest page.yaml <<<"{apiVersion: forge/v1, kind: Config, metadata: {name: page}, spec: {content: 'page $1'}}"
    service db "$1"
    service web "$1" "depends_on: [db]" "configs: [{source: page, target: /page}]"
}

service()
{
    local name=$1 value=$2
    shift 2
    container "$name" "networks: [back]" "environment: {V: '$value'}" "stop_grace_period: 1s" "update: {monitor: 200ms}" \
        "deploy: {endpoint_mode: dnsrr}" "$@"
}

kill_apply() { forge_s apply --yes; }
kill_diff() { forge_s diff; }

test_killed_while_creating()
{
    start_anew 0
    run forge_s apply --yes
    assert_status 0
    wanted=$(world)
    assert_contains "$wanted" "web 1/1"
    kill_at_each 6 start_anew is_as_wanted
}

# A new environment each time, because tasks take a while to disappear.
start_anew()
{
    [ -z "${FORGE_ENV:-}" ] || swarm_remove_objects "$FORGE_ENV"
    new "create$1"
    some one
}

is_as_wanted() { kill_recovers "after a kill at point $1" eventually 10 is_world; }
is_world() { [ "$(world)" = "$wanted" ]; }

test_killed_while_updating()
{
    new update
    some 0
    run forge_s apply --yes
    assert_status 0
    kill_at_each 4 some are_updated
}

are_updated() { kill_recovers "after a kill at point $1" look_updated "$1"; }
look_updated()
{
    assert_eq "$(docker service ls --filter "$(mark)" --format '{{.Name}} {{.Replicas}}' | sort)" "$FORGE_ENV-db 1/1
$FORGE_ENV-web 1/1" "after a kill at point $1"
    assert_eq "$(world | grep -c "V=$1")" 2 "after a kill at point $1"
}

# interrupted SIGNAL WHEN: sends an apply the signal once WHEN succeeds.
interrupted()
{
    local pid
    DOCKER_HOST=$SWARM_HOST forge-ctl -C "$FORGE_DIR" -e "$FORGE_ENV" apply --yes >"$SERVICE_DIR/int.out" 2>&1 &
    pid=$!
    eventually 20 "$2"
    kill "-$1" "$pid"
    status=0
    wait "$pid" || status=$?
}

has_db() { docker service inspect "$FORGE_ENV-db"; }
has_two() { [[ "$(docker service inspect --format '{{.Spec.TaskTemplate.ContainerSpec.Env}}' "$FORGE_ENV-db")" == *V=two* ]]; }

test_interrupted_in_the_middle()
{
    local wanted
    new interrupt
    some one
    sed -i 's/monitor: 200ms/monitor: 5s/' "$FORGE_DIR/db.yaml"
    interrupted INT has_db
    [ "$status" != 0 ] || fail "it was not interrupted: $(cat "$SERVICE_DIR/int.out")"
    assert_contains "$(cat "$SERVICE_DIR/int.out")" cancelled
    run forge_s apply --yes
    assert_status 0
    assert_eq "$(world | grep -c V=one)" 2
    run forge_s diff
    assert_status 0
    some two
    sed -i 's/monitor: 200ms/monitor: 5s/' "$FORGE_DIR/db.yaml"
    interrupted TERM has_two
    [ "$status" != 0 ] || fail "it was not interrupted: $(cat "$SERVICE_DIR/int.out")"
    run forge_s apply --yes
    assert_status 0
    assert_eq "$(world | grep -c V=two)" 2
    run forge_s diff
    assert_status 0
}

# Services start and stop slowly: by default only every third write, which still covers all kinds of writes.
FORGE_TORTURE_STRIDE=${FORGE_TORTURE_STRIDE:-3}
test_main "$@"
