#!/bin/bash
# One repository for three backends (examples/backends): the same plans, history and final state.
. "${0%/*}/../lib/test.sh"
. "${0%/*}/../lib/forge.sh"
. "${0%/*}/../lib/swarm.sh"
. "${0%/*}/../lib/podman.sh"

[ "$(id -u)" = 0 ] || skip "private engines take root; run the tests as root"

example=$PWD/examples/backends
declare -A HOST
swarm_start
HOST[swarm]=$DOCKER_HOST
podman_start
HOST[podman]=$DOCKER_HOST
unset DOCKER_HOST
engine_start
HOST[docker]=$DOCKER_HOST
backends="docker podman swarm"

# The example's settings, with the test's own engines, repository and names.
shop_new()
{
    cp -r "$example" repo
    rm repo/settings.yaml.example
    sed -i "s|busybox:1.36|$ENGINE_IMAGE|" repo/forge.yaml
    git -C repo init -q -b main
    commit "shop"
    export FORGE_SETTINGS=$PWD/forged.yaml
    sed -e "s|on-\([a-z]*\):|\1-$ENGINE_RUN:|" -e "s|https://git.example/shop.git|file://$PWD/repo|" -e "s|, ssh_key.*}|}|" \
        -e "s|unix:///run/docker.sock|${HOST[docker]}|" -e "s|unix:///run/podman/podman.sock|${HOST[podman]}|" \
        -e "s|swarm+ssh://[^,}]*|$SWARM_HOST|" "$example/settings.yaml.example" >"$FORGE_SETTINGS"
    echo "state_dir: $PWD/state" >>"$FORGE_SETTINGS"
    chmod 600 "$FORGE_SETTINGS"
    at_exit shop_remove
}

shop_remove()
{
    DOCKER_HOST=${HOST[docker]} forge_remove_objects "docker-$ENGINE_RUN"
    DOCKER_HOST=${HOST[podman]} forge_remove_objects "podman-$ENGINE_RUN"
    DOCKER_HOST=${HOST[swarm]} swarm_remove_objects "swarm-$ENGINE_RUN"
}

commit()
{
    git -C repo add -A
    git -C repo -c user.name=t -c user.email=t@example.org commit -qm "$1"
}

on() { forge-ctl -e "$1-$ENGINE_RUN" "${@:2}"; }

# What a plan says about each resource, without the backend's way of doing it.
said()
{
    on "$1" diff --json >plan.json || true
    jq -r '.changes[] | [.id, .action, ([.fields[]? | "\(.path) \(.before) \(.after)"] | join("; "))] | join(" | ")' plan.json |
        sort >"said.$1"
}

same_plans()
{
    local b
    for b in $backends; do said "$b"; done
    assert_same_file said.docker said.podman
    assert_same_file said.docker said.swarm
}

all_in_sync()
{
    local b
    for b in $backends; do
        run on "$b" diff
        assert_status 0
        assert_contains "$out" "no changes"
    done
}

test_one_repository_converges_on_three_backends() # P2, L9, H2
{
    local b
    shop_new
    for b in $backends; do
        run on "$b" apply --yes
        assert_status 0
        assert_contains "$out" "Applied generation 1"
    done
    all_in_sync

    sed -i 's/LOG_LEVEL: info/LOG_LEVEL: debug/; s/memory: 32MiB/memory: 48MiB/; s/The same everywhere/Changed everywhere/' repo/shop.yaml
    commit "debug"
    same_plans
    assert_contains "$(cat said.docker)" "environment.LOG_LEVEL info debug"
    assert_contains "$(cat said.docker)" "resources.memory"
    for b in $backends; do
        run on "$b" apply --yes
        assert_status 0
    done
    all_in_sync

    for b in $backends; do
        run on "$b" rollback --yes
        assert_status 0
        run on "$b" history
        assert_match "$out" "rollback to 1"
        run on "$b" status
        assert_match "$out" "container/web +"
    done
    same_plans
    assert_contains "$(cat said.docker)" "environment.LOG_LEVEL info debug"
}

test_main "$@"
