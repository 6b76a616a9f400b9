#!/bin/bash
# forge-ctl is killed at each journal write in turn, on a real engine; the next run converges to the same state, with
# nothing twice and nothing left over (S8).
. "${0%/*}/../lib/test.sh"
. "${0%/*}/../lib/forge.sh"

engine_start
forge-ctl version --json | jq -e .test_hooks >/dev/null ||
    skip "this build cannot be killed on purpose; build it with the debug preset (-DFORGE_TEST_HOOKS=ON)"

mark() { echo "label=io.forge.environment=$FORGE_ENV"; }
names() { docker ps -a --filter "$(mark)" --format '{{.Names}} {{.State}}' | sort; }

# What is there in the end: names and states of containers, names of the rest.
world()
{
    names
    docker network ls --filter "$(mark)" --format 'network {{.Name}}' | sort
    docker volume ls --filter "$(mark)" --format 'volume {{.Name}}' | sort
    # Podman tells a container's own host name, and all in any order.
    docker ps -q --filter "$(mark)" | xargs -r docker inspect |
        jq -r '.[] | .Name + " " + (.Config.Env | map(select(startswith("HOSTNAME=") | not)) | sort | join(" "))' | sort
}

# Twelve resources: two networks, two volumes, eight containers that need them and each other.
twelve()
{
    local i
    for i in front back; do
        manifest "net-$i.yaml" <<<"{apiVersion: forge/v1, kind: Network, metadata: {name: $i}, spec: {}}"
        manifest "vol-$i.yaml" <<<"{apiVersion: forge/v1, kind: Volume, metadata: {name: $i}, spec: {}}"
    done
    for i in 1 2 3 4; do
        container "a$i" "networks: [front]" "environment: {V: '$1'}" "volumes: ['front:/data']"
        container "b$i" "networks: [back]" "environment: {V: '$1'}" "depends_on: [a$i]"
    done
}

killed_at() { FORGE_TEST_KILL_AT=$1 forge apply --yes --parallel 4 >/dev/null 2>"$SERVICE_DIR/killed"; }

# converges WANTED-WORLD POINT
converges()
{
    run forge apply --yes --parallel 4
    [ "$status" = 0 ] || fail "after a kill at point $2: exit $status
$out
$err"
    assert_eq "$(world)" "$1" "after a kill at point $2"
    run forge diff
    [ "$status" = 0 ] || fail "after a kill at point $2 there is still something to do:
$out"
}

start_anew()
{
    forge_remove_objects "$FORGE_ENV"
    rm -rf "$FORGE_STATE_DIR"
}

test_killed_while_creating_twelve()
{
    local wanted point status
    forge_new create
    twelve one
    run forge apply --yes
    assert_status 0
    wanted=$(world)
    for ((point = 1; ; point += FORGE_TORTURE_STRIDE)); do
        start_anew
        status=0
        killed_at "$point" || status=$?
        [ "$status" != 0 ] || break
        assert_eq "$status" 137 "killed at point $point: $(cat "$SERVICE_DIR/killed")"
        converges "$wanted" "$point"
    done
    [ "$point" -gt 24 ] || fail "only $point points: a journal of twelve resources has more"
    echo "    killed at each of $((point - 1)) points"
}

test_killed_while_replacing_two()
{
    local wanted point=1 status value=0
    forge_new replace
    container old "environment: {V: '0'}" "ports: ['127.0.0.1::80']"
    container new "environment: {V: '0'}"
    run forge apply --yes
    assert_status 0
    while :; do
        value=$((value + 1))
        container old "environment: {V: '$value'}" "ports: ['127.0.0.1::80']"
        container new "environment: {V: '$value'}"
        status=0
        killed_at "$point" || status=$?
        wanted="$(native new) running
$(native old) running"
        [ "$status" != 0 ] || break
        assert_eq "$status" 137 "killed at point $point"
        run forge apply --yes
        [ "$status" = 0 ] || fail "after a kill at point $point: $out $err"
        assert_eq "$(names)" "$wanted" "after a kill at point $point"
        assert_contains "$(inspect old '{{.Config.Env}}')$(inspect new '{{.Config.Env}}')" "V=$value"
        run forge diff
        [ "$status" = 0 ] || fail "after a kill at point $point there is still something to do: $out"
        point=$((point + 1))
    done
    [ "$point" -gt 10 ] || fail "only $point points"
}

FORGE_TORTURE_STRIDE=${FORGE_TORTURE_STRIDE:-1}
test_main "$@"
