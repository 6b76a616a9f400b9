#!/bin/bash
# Images that no stored generation needs are removed, and nothing else is (H3): a real registry, a real engine.
. "${0%/*}/../lib/test.sh"
. "${0%/*}/../lib/forge.sh"
. "${0%/*}/../lib/registry.sh"

engine_start

# shop NAME: creates an environment that keeps two generations, with its own settings, and a registry that can be
# stopped.
shop()
{
    forge_new "$1"
    registry_start
    REPOSITORY=$1-$ENGINE_RUN
    export DOCKER_CONFIG=$PWD/docker
    registry_login "$DOCKER_CONFIG"
    at_exit forget_images "$REGISTRY/$REPOSITORY"
    settings
}

forget_images() { docker images -q "$1" | sort -u | xargs -r docker rmi -f >/dev/null 2>&1 || :; }

settings()
{
    cat >"$PWD/forged.yaml" <<END
apiVersion: forge/v1
kind: Settings
state_dir: ${STATE:-$PWD/state}
listen: {socket: "$SERVICE_DIR/$FORGE_ENV.sock"}
targets: {local: {url: "$DOCKER_HOST"}}
environments:
  $FORGE_ENV:
    repository: {url: "dir:$FORGE_DIR"}
    sync: {automatic: true}
    retention: {generations: 2, age: 1s}
    images: {keep: 0s}
END
    chmod 600 "$PWD/forged.yaml"
    export FORGE_SETTINGS=$PWD/forged.yaml
    unset FORGE_STATE_DIR
}

# publish TAG CONTENT: pushes an image under that tag, and leaves none on the engine.
publish()
{
    printf 'FROM %s\nLABEL v=%s run=%s\n' "$ENGINE_IMAGE" "$2" "$REPOSITORY" |
        docker build -q -t "$REGISTRY/$REPOSITORY:$1" - >/dev/null 2>&1
    docker push -q "$REGISTRY/$REPOSITORY:$1" >/dev/null
    docker rmi "$REGISTRY/$REPOSITORY:$1" >/dev/null
    assert_eq "$(docker images -q "$REGISTRY/$REPOSITORY:$1")" ""
}

web()
{
    manifest web.yaml <<END
{apiVersion: forge/v1, kind: Container, metadata: {name: web}, spec: {image: "$1", environment: {STEP: "${2:-}"}}}
END
}

deploy()
{
    web "$@"
    run forge-ctl apply --yes
    assert_status 0
}

version() { inspect web '{{.Config.Labels.v}} {{.State.Status}}'; }
images() { docker images -aq --filter "label=run=$REPOSITORY" | sort -u | wc -l; }
state_of() { jq -r --arg v "$1" '.images[] | select(.image == $v) | .state' <<<"$out"; }

test_goes_with_the_last_generation_that_needs_it()
{
    shop last
    publish 1 one
    publish 2 two
    deploy "$REGISTRY/$REPOSITORY:1"
    local one
    one=$(inspect web '{{.Image}}')
    one=sha256:${one#sha256:}
    run forge-ctl images prune
    assert_status 0
    assert_contains "$out" "generation 1 of $FORGE_ENV needs it"
    deploy "$REGISTRY/$REPOSITORY:2"
    sleep 1.1
    deploy "$ENGINE_IMAGE"
    run forge-ctl images prune --dry-run --json
    assert_status 1
    assert_eq "$(state_of "$one")" goes
    assert_eq "$(images)" 2
    run forge-ctl images prune
    assert_status 0
    assert_contains "$out" "it was no longer needed"
    assert_eq "$(images)" 1
    run forge-ctl history --transitions
    assert_match "$out" "image/$REGISTRY/$REPOSITORY:1 +prune +ok"
    # The engine had the test's own image before, so it must not be removed.
    run forge-ctl images prune --json
    assert_eq "$(jq -r '.images | length' <<<"$out")" 1
    run forge-ctl rollback 2 --yes
    assert_status 0
    assert_eq "$(version)" "two running"
}

test_a_moved_tag_is_rolled_back_with_the_registry_down()
{
    shop moved
    publish main one
    deploy "$REGISTRY/$REPOSITORY:main" a
    assert_eq "$(version)" "one running"
    # The tag moves to another image, also on the engine.
    publish main two
    docker pull -q "$REGISTRY/$REPOSITORY:main" >/dev/null
    deploy "$REGISTRY/$REPOSITORY:main" b
    assert_eq "$(version)" "two running"
    run forge-ctl images prune
    assert_status 0
    assert_contains "$out" "needs it"
    assert_eq "$(images)" 2
    registry_stop
    run forge-ctl rollback 1 --yes
    assert_status 0
    assert_eq "$(version)" "one running"
}

test_what_follows_by_digest_is_rolled_back_with_the_registry_down()
{
    shop digest
    publish main one
    manifest web.yaml <<END
{apiVersion: forge/v1, kind: Container, metadata: {name: web},
 spec: {image: "$REGISTRY/$REPOSITORY:main", image_policy: {follow: digest}}}
END
    run forge-ctl apply --yes
    assert_status 0
    publish_more two
    publish_more three
    assert_eq "$(version)" "three running"
    run forge-ctl images prune
    assert_status 0
    # Two of three generations are kept, with their images.
    assert_eq "$(images)" 2
    registry_stop
    run forge-ctl rollback 2 --yes
    assert_status 0
    assert_eq "$(version)" "two running"
}

publish_more()
{
    sleep 1.1
    publish main "$1"
    run forge-ctl images
    assert_status 1
    run forge-ctl apply --yes
    assert_status 0
}

test_what_others_use_stays()
{
    shop others
    publish 1 one
    publish 2 two
    publish 3 three
    deploy "$REGISTRY/$REPOSITORY:1"
    deploy "$REGISTRY/$REPOSITORY:2"
    sleep 1.1
    # Pulled by somebody else before us.
    docker pull -q "$REGISTRY/$REPOSITORY:3" >/dev/null
    deploy "$REGISTRY/$REPOSITORY:3"
    sleep 1.1
    deploy "$ENGINE_IMAGE" a
    sleep 1.1
    deploy "$ENGINE_IMAGE" b
    docker tag "$REGISTRY/$REPOSITORY:1" "forge-test/mine:$ENGINE_RUN"
    docker create --name "theirs-$ENGINE_RUN" "$REGISTRY/$REPOSITORY:2" >/dev/null
    at_exit docker rm -f "theirs-$ENGINE_RUN"
    run forge-ctl images prune
    assert_status 0
    assert_contains "$out" "it also has the name"
    assert_contains "$out" "container theirs-$ENGINE_RUN was created from it"
    assert_lacks "$out" "$REPOSITORY:3"
    assert_eq "$(images)" 3
    # After the loss of the store no image is ours.
    docker rmi "forge-test/mine:$ENGINE_RUN" >/dev/null
    STATE=$PWD/other settings
    run forge-ctl apply --yes
    run forge-ctl images prune
    assert_contains "$out" "Forge pulled no images here"
    assert_eq "$(images)" 3
    settings
    run forge-ctl images prune
    assert_status 0
    assert_eq "$(images)" 2
}

is_version() { [ "$(version)" = "$1 running" ]; }
has_images() { [ "$(images)" = "$1" ]; }

test_forged_removes_by_itself()
{
    shop daemon
    publish 1 one
    publish 2 two
    web "$REGISTRY/$REPOSITORY:1"
    service_start forged 20 "test -S $SERVICE_DIR/$FORGE_ENV.sock" -- forged --settings "$FORGE_SETTINGS" --log json
    eventually 30 is_version one
    web "$REGISTRY/$REPOSITORY:2"
    eventually 30 is_version two
    sleep 1.1
    web "$ENGINE_IMAGE" a
    eventually 30 is_version "<no value>"
    eventually 30 has_images 1
    run forge-ctl history --transitions --json
    assert_eq "$(jq -r '.transitions[] | select(.action == "prune") | .actor + " " + .trigger' <<<"$out")" "forged retention"
    run forge-ctl images prune --dry-run
    assert_contains "$out" "generation 2 of $FORGE_ENV needs it"
    service_stop "$service_pid"
}

test_main "$@"
