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

image_of() { docker service inspect --format '{{.Spec.TaskTemplate.ContainerSpec.Image}}' "$FORGE_ENV-$1"; }
image() { image_of web; }
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

# Another service that names the same tag later runs the same image, although the tag has moved; what is pulled always
# moves both.
test_one_reference_is_one_image() # L9
{
    local first
    new same
    registry_push forge-test/busybox:1 shop/same:1
    first=$REGISTRY_DIGEST
    login "$REGISTRY_PASSWORD"
    spread "$REGISTRY/shop/same:1"
    run forge_s apply --yes
    assert_status 0
    registry_push forge-test/busybox:2 shop/same:1
    sed 's/name: web/name: later/' "$FORGE_DIR/web.yaml" >"$FORGE_DIR/later.yaml"
    run forge_s apply --yes
    assert_status 0
    assert_eq "$(image_of later)" "$REGISTRY/shop/same:1@$first"
    run forge_s diff
    assert_status 0
    sed -i 's/^spec:/&\n  pull_policy: always/' "$FORGE_DIR/later.yaml"
    run forge_s apply --yes
    assert_status 0
    assert_eq "$(image_of later) $(image_of web)" \
        "$REGISTRY/shop/same:1@$REGISTRY_DIGEST $REGISTRY/shop/same:1@$REGISTRY_DIGEST"
    run forge_s diff
    assert_status 0
}

# The tasks of the spec that is gone back to fail as well; what is told is why the update did.
test_an_image_that_is_missing_is_told_after_a_rollback()
{
    new missing
    registry_push forge-test/busybox:1 shop/there:1
    login not-it
    spread "$REGISTRY/shop/there:1"
    run forge_s apply --yes
    assert_status 1
    assert_contains "$err" "\`registries\` in the settings"
    login "$REGISTRY_PASSWORD"
    spread "$REGISTRY/shop/there:9"
    run forge_s apply --yes
    assert_status 1
    assert_contains "$err" "No such image: $REGISTRY/shop/there:9"
    run forge_s diff
    assert_status 1
    assert_lacks "$out" drift
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
