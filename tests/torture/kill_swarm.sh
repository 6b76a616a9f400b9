#!/bin/bash
# forge-ctl is killed at each journal write in turn, on a swarm, and interrupted as people do; the next run converges to
# the same state, with nothing twice and nothing left over (S8).
. "${0%/*}/../lib/test.sh"
. "${0%/*}/../lib/forge.sh"
. "${0%/*}/../lib/swarm.sh"

swarm_start
forge-ctl version --json | jq -e .test_hooks >/dev/null ||
    skip "this build cannot be killed on purpose; build it with the debug preset (-DFORGE_TEST_HOOKS=ON)"

forge_s() { DOCKER_HOST=$SWARM_HOST forge "$@"; }
mark() { echo "label=io.forge.environment=$FORGE_ENV"; }

new()
{
    forge_new "$1"
    at_exit swarm_remove_objects "$FORGE_ENV"
}

# What is there in the end, without the environment's name.
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

# A network, a config, and two services, of which one needs the other.
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

killed_at() { DOCKER_HOST=$SWARM_HOST FORGE_TEST_KILL_AT=$1 forge apply --yes >/dev/null 2>"$SERVICE_DIR/killed"; }

# converges WANTED-WORLD WHEN
converges()
{
    run forge_s apply --yes
    [ "$status" = 0 ] || fail "$2: exit $status
$out
$err"
    eventually 10 is_world "$1"
    run forge_s diff
    [ "$status" = 0 ] || fail "$2 there is still something to do:
$out"
}

is_world() { [ "$(world)" = "$1" ]; }

test_killed_while_creating()
{
    local wanted point status
    new whole
    some one
    run forge_s apply --yes
    assert_status 0
    wanted=$(world)
    assert_contains "$wanted" "web 1/1"
    for ((point = 1; ; point += FORGE_TORTURE_STRIDE)); do
        swarm_remove_objects "$FORGE_ENV"
        new "create$point"
        some one
        status=0
        killed_at "$point" || status=$?
        [ "$status" != 0 ] || break
        assert_eq "$status" 137 "killed at point $point: $(cat "$SERVICE_DIR/killed")"
        converges "$wanted" "after a kill at point $point"
    done
    [ "$point" -gt 6 ] || fail "only $point points: a journal of three objects has more"
}

test_killed_while_updating()
{
    local point status value=0
    new update
    some 0
    run forge_s apply --yes
    assert_status 0
    for ((point = 1; ; point += FORGE_TORTURE_STRIDE)); do
        value=$((value + 1))
        some "$value"
        status=0
        killed_at "$point" || status=$?
        [ "$status" != 0 ] || break
        assert_eq "$status" 137 "killed at point $point: $(cat "$SERVICE_DIR/killed")"
        run forge_s apply --yes
        [ "$status" = 0 ] || fail "after a kill at point $point: exit $status $out $err"
        assert_eq "$(docker service ls --filter "$(mark)" --format '{{.Name}} {{.Replicas}}' | sort)" "$FORGE_ENV-db 1/1
$FORGE_ENV-web 1/1" "after a kill at point $point"
        assert_eq "$(world | grep -c "V=$value")" 2 "after a kill at point $point"
        run forge_s diff
        [ "$status" = 0 ] || fail "after a kill at point $point there is still something to do: $out"
    done
    [ "$point" -gt 4 ] || fail "only $point points"
}

# interrupted SIGNAL WHEN: an apply gets the signal once WHEN succeeds.
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

# Services come and go slowly: by default not at each write, but at those of all kinds.
FORGE_TORTURE_STRIDE=${FORGE_TORTURE_STRIDE:-3}
test_main "$@"
