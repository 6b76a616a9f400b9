#!/bin/bash
# Kills forge-ctl at each journal write, one after the other, on a real engine. The next run must converge to the same
# state, without duplicates or leftovers (S8).
. "${0%/*}/../lib/test.sh"
. "${0%/*}/../lib/forge.sh"
. "${0%/*}/../lib/kill.sh"

engine_start
kill_possible

mark() { echo "label=io.forge.environment=$FORGE_ENV"; }
names() { docker ps -a --filter "$(mark)" --format '{{.Names}} {{.State}}' | sort; }

# The final state: names and states of containers, names of other objects.
world()
{
    names
    docker network ls --filter "$(mark)" --format 'network {{.Name}}' | sort
    docker volume ls --filter "$(mark)" --format 'volume {{.Name}}' | sort
    # Podman includes the container's host name, and lists variables in any order.
    docker ps -q --filter "$(mark)" | xargs -r docker inspect |
        jq -r '.[] | .Name + " " + (.Config.Env | map(select(startswith("HOSTNAME=") | not)) | sort | join(" "))' | sort
}

# Twelve resources: two networks, two volumes, and eight containers that depend on them and on each other.
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

kill_apply() { forge apply --yes --parallel 4; }
kill_diff() { forge diff; }

test_killed_while_creating_twelve()
{
    forge_new create
    twelve one
    run forge apply --yes
    assert_status 0
    wanted=$(world)
    kill_at_each 24 start_anew is_as_wanted
}

start_anew()
{
    forge_remove_objects "$FORGE_ENV"
    rm -rf "$FORGE_STATE_DIR"
}

is_as_wanted()
{
    local when="after a kill at point $1"
    kill_recovers "$when" looks_as_wanted "$when"
}
looks_as_wanted() { assert_eq "$(world)" "$wanted" "$1"; }

test_killed_while_replacing_two()
{
    forge_new replace
    two 0
    run forge apply --yes
    assert_status 0
    # Few writes: none is skipped.
    FORGE_TORTURE_STRIDE=1 kill_at_each 10 two are_replaced
}

two()
{
    container old "environment: {V: '$1'}" "ports: ['127.0.0.1::80']"
    container new "environment: {V: '$1'}"
}

are_replaced() { kill_recovers "after a kill at point $1" look_replaced "$1"; }
look_replaced()
{
    assert_eq "$(names)" "$(native new) running
$(native old) running" "after a kill at point $1"
    assert_contains "$(inspect old '{{.Config.Env}}')" "V=$1"
    assert_contains "$(inspect new '{{.Config.Env}}')" "V=$1"
}

test_main "$@"
