#!/bin/bash
# Images that follow their registry: a real registry with a password, a real engine.
. "${0%/*}/../lib/test.sh"
. "${0%/*}/../lib/daemon.sh"
. "${0%/*}/../lib/registry.sh"

engine_start
registry_start
REGISTRY_PID=$service_pid

# repository NAME: sets up the test's own image repository, and docker's login for its registry.
repository()
{
    forge_new "$1"
    REPOSITORY=$1-$ENGINE_RUN
    export DOCKER_CONFIG=$PWD/docker
    registry_login "$DOCKER_CONFIG"
    at_exit forget_images "$REGISTRY/$REPOSITORY"
}

forget_images() { docker images -q "$1" | sort -u | xargs -r docker rmi -f >/dev/null 2>&1 || :; }

# publish TAG [VERSION]: pushes a distinct image, also under a tag that already exists.
publish()
{
    printf 'FROM %s\nLABEL v=%s\n' "$ENGINE_IMAGE" "${2:-$1}" |
        docker build -q -t "$REGISTRY/$REPOSITORY:$1" - >/dev/null 2>&1
    docker push -q "$REGISTRY/$REPOSITORY:$1" >/dev/null
    docker rmi "$REGISTRY/$REPOSITORY:$1" >/dev/null
}

web() # web TAG POLICY
{
    manifest web.yaml <<END
{apiVersion: forge/v1, kind: Container, metadata: {name: web},
 spec: {image: "$REGISTRY/$REPOSITORY:$1", image_policy: {$2}}}
END
}

version() { inspect web '{{.Config.Labels.v}} {{.State.Status}}'; }
is_version() { [ "$(version)" = "$1 running" ]; }

test_a_range_of_versions_is_proposed() # P7, H2
{
    repository range
    publish 1.0.0
    publish 1.1.0
    publish 2.0.0
    publish latest
    web 1.0.0 'follow: semver, range: "1.x"'
    run forge apply --yes
    assert_status 0
    assert_eq "$(version)" "1.0.0 running"
    run forge diff
    assert_status 0
    # The query changes nothing, and pulls nothing.
    run forge images
    assert_status 1
    assert_contains "$out" "$REPOSITORY:1.1.0"
    assert_lacks "$out" 2.0.0
    assert_eq "$(version)" "1.0.0 running"
    assert_eq "$(docker images -q "$REGISTRY/$REPOSITORY:1.1.0")" ""
    run forge diff
    assert_status 1
    assert_contains "$out" ":1.0.0 -> :1.1.0"
    run forge apply --yes
    assert_status 0
    assert_eq "$(version)" "1.1.0 running"
    run forge images
    assert_status 0
    run forge diff
    assert_status 0
    run forge rollback 1 --yes
    assert_status 0
    assert_eq "$(version)" "1.0.0 running"
}

# What Git names is the same, and what runs is not: each goes back to its own (H3).
test_two_policies_on_one_reference()
{
    repository two
    local name versions="{{.Config.Labels.v}}"
    publish 1.0.0
    publish 1.1.0
    publish 2.0.0
    for name in 1 2; do
        manifest "web$name.yaml" <<END
{apiVersion: forge/v1, kind: Container, metadata: {name: web$name},
 spec: {image: "$REGISTRY/$REPOSITORY:1.0.0", image_policy: {follow: semver, range: "$name.x"}}}
END
    done
    forge apply --yes >/dev/null 2>&1
    run forge images
    run forge apply --yes
    assert_eq "$(inspect web1 "$versions") $(inspect web2 "$versions")" "1.1.0 2.0.0"
    publish 1.2.0
    run forge images
    run forge apply --yes
    assert_eq "$(inspect web1 "$versions") $(inspect web2 "$versions")" "1.2.0 2.0.0"
    run forge show 3
    assert_match "$out" "image $REGISTRY/$REPOSITORY:1.0.0 +sha256:[0-9a-f]+"$'\n'"  of container/web2 +sha256:"
    run forge rollback 2 --yes
    assert_status 0
    assert_contains "$out" "container/web2   recorded only"
    assert_eq "$(inspect web1 "$versions") $(inspect web2 "$versions")" "1.1.0 2.0.0"
}

test_a_tag_is_followed_by_its_digest()
{
    repository digest
    publish main one
    web main 'follow: digest'
    run forge apply --yes
    assert_status 0
    run forge images
    assert_status 1
    run forge apply --yes
    assert_status 0
    assert_eq "$(version)" "one running"
    publish main two
    run forge diff
    assert_status 0
    run forge images
    assert_status 1
    assert_contains "$out" "@sha256:"
    run forge apply --yes
    assert_status 0
    assert_eq "$(version)" "two running"
}

test_a_pattern_by_numbers()
{
    repository pattern
    publish main-a-9
    publish main-b-10
    publish other-99
    web main-a-9 'follow: pattern, pattern: "^main-[a-z]-([0-9]+)$", sort: numerical'
    run forge apply --yes
    assert_status 0
    run forge images --json
    assert_status 1
    assert_eq "$(jq -r '.images[0].found' <<<"$out")" "$REGISTRY/$REPOSITORY:main-b-10"
}

test_a_registry_that_cannot_be_asked()
{
    repository away
    publish 1.0.0
    web 1.0.0 'follow: semver, range: "1.x"'
    run forge apply --yes
    DOCKER_CONFIG=$PWD/nobody run forge images
    assert_status 2
    assert_contains "$out" "asks for credentials"
    assert_lacks "$out$err" "$REGISTRY_PASSWORD"
    # The running container is still in sync.
    run forge diff
    assert_status 0
    web 1.0.0 'follow: semver, range: "9.x"'
    run forge images
    assert_status 2
    assert_contains "$out" "none of the 1 tags matches"
}

# Nobody listens there: it is the registry that does not answer, and that is said once.
test_an_image_that_cannot_be_pulled()
{
    repository nowhere
    local i
    for i in 1 2; do
        container "web$i" "image: 127.0.0.1:1/shop/web:1"
        sed -i "0,/image: /{/image: /d}" "$FORGE_DIR/web$i.yaml"
    done
    run forge apply --yes
    assert_status 1
    assert_contains "$err" "the image cannot be pulled, trying again"
    assert_lacks "$err" "the engine does not answer"
    assert_eq "$(grep -c "trying again" <<<"$err")" 1
}

# What runs stays as it is, but nobody is told that it is the newest.
test_images_that_are_always_pulled_and_a_registry_that_is_down()
{
    repository down
    local i image
    for i in 1 2; do
        image=127.0.0.1:1/$REPOSITORY:$i
        at_exit docker rmi "$image" # by its name: it is the image of all tests
        docker tag "$ENGINE_IMAGE" "$image"
        manifest "web$i.yaml" <<END
{apiVersion: forge/v1, kind: Container, metadata: {name: web$i}, spec: {image: "$image", pull_policy: missing}}
END
    done
    run forge apply --yes
    assert_status 0
    run forge diff
    assert_eq "$err" ""
    sed -i 's/missing/always/' "$FORGE_DIR"/web*.yaml
    if [ "$FORGE_ENGINE" = podman ]; then
        run forge diff
        assert_status 2
        assert_contains "$err" "does not support checking the registry before a pull"
        assert_lacks "$err" "could not be asked"
        return
    fi
    run forge apply --yes
    assert_status 0
    for i in diff status; do
        run forge "$i"
        assert_status 0
        assert_contains "$err" "registry 127.0.0.1:1 could not be asked whether there is a newer image for 127.0.0.1:1/$REPOSITORY:1 and 1 more"
        assert_contains "$err" "connection refused"
        assert_eq "$(grep -c "could not be asked" <<<"$err")" 1
    done
}

# It accepts connections, and never answers: all of it takes no longer than it may.
test_a_registry_that_hangs()
{
    repository hangs
    kill -STOP "$REGISTRY_PID"
    at_exit kill -CONT "$REGISTRY_PID"
    manifest web.yaml <<END
{apiVersion: forge/v1, kind: Container, metadata: {name: web}, spec: {image: "$REGISTRY/$REPOSITORY:1", pull_policy: always}}
END
    local begin=$SECONDS
    if [ "$FORGE_ENGINE" = podman ]; then # it cannot ask a registry without a pull, and nothing is waited for
        run forge status
        [ $((SECONDS - begin)) -le 9 ] || fail "it took $((SECONDS - begin)) s"
        assert_status 1
        assert_match "$out" "container/web .*checking the registry before a pull"
        return
    fi
    run forge apply --yes --timeout 6s
    assert_status 1
    [ $((SECONDS - begin)) -le 12 ] || fail "it took $((SECONDS - begin)) s"
    assert_contains "$err" "waiting for the registry $REGISTRY to answer"
    assert_contains "$err" "there was no answer for 3 s"
    assert_contains "$err" "the run's 6s were up"
}

test_rules_are_checked()
{
    repository wrong
    web 1.0.0 'follow: semver, range: newest'
    run forge validate
    assert_status 1
    assert_contains "$out$err" '"newest" is not a version range'
}

# Starts a forged that follows the folder; it learns about images only from their registry.
follow()
{
    git_repo_new "${FORGE_ENV%-*}" "$FORGE_DIR"
    DAEMON_INTERVAL=1h daemon_settings
    daemon_start
}

test_forged_takes_what_is_automatic()
{
    repository auto
    publish 1.0.0
    publish 1.1.0
    web 1.0.0 'follow: semver, range: "1.x", interval: 10s, apply: automatic'
    follow
    eventually 30 is_version 1.1.0
    publish 1.2.0
    eventually 40 is_version 1.2.0
    run forge-ctl history --json
    assert_contains "$(jq -r '.generations[].trigger' <<<"$out")" image
}

newer_is_known() { [ "$(forge-ctl images >/dev/null; echo $?)" = 1 ]; }

# A proposed image waits until somebody applies it, and then stays.
test_forged_leaves_what_is_proposed()
{
    repository propose
    publish 1.0.0
    publish 1.1.0
    web 1.0.0 'follow: semver, range: "1.x", interval: 10s'
    follow
    eventually 30 is_version 1.0.0
    eventually 20 newer_is_known
    run forge-ctl reconcile --wait
    assert_eq "$(version)" "1.0.0 running"
    run forge-ctl apply --yes
    assert_status 0
    assert_eq "$(version)" "1.1.0 running"
    run forge-ctl reconcile --wait
    assert_status 0
    sleep 12
    assert_eq "$(version)" "1.1.0 running"
}

test_main "$@"
