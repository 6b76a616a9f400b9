#!/bin/bash
# A swarm whose nodes pull from a registry with a password.
. "${0%/*}/../lib/test.sh"
. "${0%/*}/../lib/forge.sh"
. "${0%/*}/../lib/swarm.sh"

swarm_start 3
swarm_registry

forge_s() { DOCKER_HOST=$SWARM_HOST forge "$@"; }

new()
{
    forge_new "$1"
    at_exit swarm_remove_objects "$FORGE_ENV"
}

# login PASSWORD: writes what "docker login" would have written.
login()
{
    REGISTRY_PASSWORD=$1 registry_login "$PWD/login"
    export DOCKER_CONFIG=$PWD/login
}

# spread IMAGE: writes a service with a task on each node.
spread()
{
    container web "stop_grace_period: 1s" "update: {monitor: 500ms, parallelism: 3}" "replicas: 3" \
        "deploy: {endpoint_mode: dnsrr, placement: {max_replicas_per_node: 1}}" "${@:2}"
    sed -i "s|image: .*|image: $1|" "$FORGE_DIR/web.yaml"
}

image() { docker service inspect --format '{{.Spec.TaskTemplate.ContainerSpec.Image}}' "$FORGE_ENV-web"; }
nodes() { docker service ps --filter desired-state=running --format '{{.CurrentState}} {{.Node}}' "$FORGE_ENV-web" | awk '/^Running/ {print $NF}' | sort | tr '\n' ' '; }

test_every_node_pulls_with_the_credentials_and_the_digest()
{
    local first
    new pulls
    registry_push forge-test/busybox:1 shop/app:1
    first=$REGISTRY_DIGEST
    login "$REGISTRY_PASSWORD"
    spread "$REGISTRY/shop/app:1"
    run forge_s apply --yes
    assert_status 0
    assert_eq "$(nodes)" "node1 node2 node3 "
    assert_eq "$(image)" "$REGISTRY/shop/app:1@$first"
    assert_lacks "$out$err$(docker service inspect "$FORGE_ENV-web")" "$REGISTRY_PASSWORD"
    run forge_s diff
    assert_status 0
    # The tag moves: only on request does the service get the other image.
    registry_push forge-test/busybox:2 shop/app:1
    [ "$REGISTRY_DIGEST" != "$first" ] || fail "the same digest"
    run forge_s diff
    assert_status 0
    spread "$REGISTRY/shop/app:1" "pull_policy: always"
    run forge_s apply --yes
    assert_status 0
    assert_eq "$(image)" "$REGISTRY/shop/app:1@$REGISTRY_DIGEST"
    assert_eq "$(nodes)" "node1 node2 node3 "
    run forge_s rollback --yes
    assert_status 0
    assert_eq "$(image)" "$REGISTRY/shop/app@$first"
    assert_eq "$(nodes)" "node1 node2 node3 "
}

test_a_wrong_password_is_told()
{
    new wrong
    registry_push forge-test/busybox:term shop/other:1
    login not-it
    spread "$REGISTRY/shop/other:1"
    run forge_s apply --yes
    assert_status 1
    assert_contains "$err$out" "task $FORGE_ENV-web."
    assert_contains "$err$out" "No such image: $REGISTRY/shop/other:1"
    assert_match "$err$out" "registry .*(unauthorized|authentication)"
    assert_lacks "$err$out" not-it
    login "$REGISTRY_PASSWORD"
    run forge_s apply --yes
    assert_status 0
    assert_eq "$(nodes)" "node1 node2 node3 "
}

test_main "$@"
