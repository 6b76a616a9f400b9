#!/bin/bash
# From manifests to running containers, by forge-ctl.
. "${0%/*}/../lib/test.sh"
. "${0%/*}/../lib/forge.sh"

engine_start

containers() { docker ps -aq --filter "label=io.forge.environment=$FORGE_ENV" | wc -l; }

test_first_apply_then_nothing_to_do() # L1, L9
{
    forge_new first
    container web "environment: {A: one}" "labels: {tier: front}"
    container db
    run forge diff
    assert_status 1
    assert_contains "$out" "+ container/web"
    run forge apply --yes
    assert_status 0
    assert_contains "$out" "Applied generation 1"
    assert_eq "$(inspect web '{{.State.Status}} {{index .Config.Labels "tier"}}')" "running front"
    run forge diff
    assert_status 0
    run forge apply --yes
    assert_status 0
    assert_contains "$out" "Nothing to do"
    run forge history --json
    assert_eq "$(jq '.generations | length' <<<"$out")" 1
}

test_diff_writes_nothing() # P7
{
    forge_new dry
    container web
    run forge diff
    assert_status 1
    assert_eq "$(containers)" 0
    run forge apply --dry-run
    assert_status 0
    assert_eq "$(containers)" 0
}

test_apply_without_a_terminal_wants_yes()
{
    forge_new ask
    container web
    run forge apply
    assert_status 2
    assert_contains "$err" "--yes"
    assert_eq "$(containers)" 0
}

# It ends after its start, and before it is read back.
test_a_container_that_crashes_is_explained()
{
    forge_new crash
    container web "command: [sh, -c, 'sleep 0.06; echo no such table >&2; exit 3']"
    run forge apply --yes
    assert_status 1
    assert_match "$err" 'container/web failed .*: container .* exited with code 3; its last output:'
    assert_contains "$err" "no such table"
}

test_a_failed_job_is_run_again() # P2, L3
{
    forge_new failing
    container migrate "command: [sh, -c, 'echo no such table >&2; exit 3']" "restart: 'no'"
    container web "depends_on: {migrate: completed}"
    run forge apply --yes
    assert_status 1
    assert_contains "$err" "exited with code 3; its last output:"
    run forge diff
    assert_status 1
    assert_contains "$out" "state   exited with code 3 -> running"
    assert_contains "$out" "the last attempt failed: container "
    assert_lacks "$out" "drift"
    run forge status
    assert_contains "$out" "its last output: no such table"
    container migrate "command: ['true']" "restart: 'no'"
    run forge apply --yes
    assert_status 0
    run forge diff
    assert_status 0
}

test_a_changed_secret_replaces() # X4, P3
{
    forge_new secret
    umask 077
    echo canary-1f7e >"$PWD/key"
    container web "secrets: [key]"
    container other
    printf 'apiVersion: forge/v1\nkind: Secret\nmetadata: {name: key}\nspec: {file: %s}\n' "$PWD/key" | manifest key.yaml
    run forge apply --yes
    assert_status 0
    run forge diff
    assert_status 0
    local before other
    before=$(inspect web '{{.Id}}')
    other=$(inspect other '{{.Id}}')
    echo canary-2e8d >"$PWD/key"
    run forge diff
    assert_status 1
    assert_contains "$out" "secrets./run/secrets/key   content changed"
    run forge apply --yes --json
    assert_status 0
    assert_lacks "$out$err$(docker inspect "$(native web)")$(forge history --transitions --json)" canary
    [ "$(inspect web '{{.Id}}')" != "$before" ] || fail "the container was not replaced"
    assert_eq "$(inspect other '{{.Id}}')" "$other"
    assert_eq "$(docker exec "$(native web)" cat /run/secrets/key)" canary-2e8d

    # Without the store and its key, nothing is recreated.
    before=$(inspect web '{{.Id}}')
    rm -rf "${FORGE_STATE_DIR:?}"
    run forge diff
    assert_status 0
    assert_contains "$out" "recorded with a key that no longer exists"
    run forge apply --yes
    assert_status 0
    assert_eq "$(inspect web '{{.Id}}')" "$before"

    # A file that cannot be read is reported with its place, and everything else continues.
    rm "$PWD/key"
    container other "environment: {A: two}"
    run forge apply --yes
    assert_contains "$out$err" "key.yaml:4:"
    assert_contains "$out$err" "secrets./run/secrets/key cannot be read"
    [ "$(inspect other '{{.Id}}')" != "$other" ] || fail "what needs no secret was not changed"
    assert_eq "$(inspect web '{{.State.Status}}')" running
}

test_a_changed_variable_replaces() # P5, S6
{
    forge_new change
    container web "environment: {A: one}"
    run forge apply --yes
    assert_status 0
    local before
    before=$(inspect web '{{.Id}}')
    container web "environment: {A: two}"
    run forge diff
    assert_status 1
    assert_contains "$out" "environment.A"
    assert_contains "$out" "one -> two"
    run forge apply --yes
    assert_status 0
    [ "$(inspect web '{{.Id}}')" != "$before" ] || fail "the container was not replaced"
    assert_contains "$(inspect web '{{.Config.Env}}')" "A=two"
    assert_eq "$(containers)" 1
}

test_resources_change_live()
{
    forge_new live
    container web "resources: {memory: 64MiB}"
    run forge apply --yes
    if ! engine_has_limits; then
        assert_status 2
        assert_contains "$err" "web.yaml:6:14: error: container/web: resources: podman"
        assert_contains "$err" "does not support resource limits"
        return
    fi
    assert_status 0
    local before
    before=$(inspect web '{{.Id}}')
    container web "resources: {memory: 96MiB}"
    run forge apply --yes
    assert_status 0
    # Podman does not report changed limits, so the container is replaced.
    [ "$FORGE_ENGINE" != podman ] || before=$(inspect web '{{.Id}}')
    assert_eq "$(inspect web '{{.Id}} {{.HostConfig.Memory}}')" "$before 100663296"
}

test_what_git_no_longer_has_goes_but_volumes_stay() # S3
{
    forge_new prune
    container web "volumes: [\"data:/data\"]"
    container db
    manifest data.yaml <<<'{apiVersion: forge/v1, kind: Volume, metadata: {name: data}, spec: {}}'
    run forge apply --yes
    assert_status 0
    rm "$FORGE_DIR/db.yaml" "$FORGE_DIR/web.yaml" "$FORGE_DIR/data.yaml"
    container other
    run forge diff
    assert_status 1
    assert_contains "$out" "container/db"
    run forge apply --yes
    assert_eq "$(containers)" 1
    assert_eq "$(docker volume ls -q --filter "label=io.forge.environment=$FORGE_ENV")" "$FORGE_ENV-data"
    run forge apply --yes --allow-data-loss volume/data
    assert_eq "$(docker volume ls -q --filter "label=io.forge.environment=$FORGE_ENV")" ""
}

test_drift_is_shown_apart_and_put_back() # P1, L8
{
    forge_new drift
    if engine_has_limits; then
        container web "resources: {memory: 64MiB}"
    else
        container web
    fi
    run forge apply --yes
    assert_status 0
    # Podman does not report changed limits.
    if [ "$FORGE_ENGINE" != podman ]; then
        docker update --memory 96m --memory-swap 192m "$(native web)" >/dev/null
        run forge diff
        assert_status 1
        assert_contains "$out" "drift"
        run forge apply --yes
        assert_status 0
        assert_eq "$(inspect web '{{.HostConfig.Memory}}')" 67108864
    fi
    engine_kill "$(native web)"
    run forge status
    assert_status 1
    run forge apply --yes
    assert_status 0
    assert_eq "$(inspect web '{{.State.Status}}')" running
}

test_an_unhealthy_successor_leaves_the_old_one_serving() # S6
{
    forge_new unhealthy
    container web "environment: {A: one}" "healthcheck: {test: [CMD, 'true'], interval: 1s, retries: 1}"
    run forge apply --yes
    assert_status 0
    local before
    before=$(inspect web '{{.Id}}')
    container web "environment: {A: two}" "healthcheck: {test: [CMD, 'false'], interval: 1s, retries: 1}" "update: {timeout: 20s}"
    run forge apply --yes
    assert_status 1
    assert_eq "$(inspect web '{{.Id}} {{.State.Status}}')" "$before running"
    assert_eq "$(containers)" 1
    run forge history --json
    assert_eq "$(jq -r '.generations[0].status' <<<"$out")" failed
}

test_dependents_wait_for_health() # L7
{
    forge_new order
    container db "healthcheck: {test: [CMD, sh, -c, 'test -e /tmp/ready || { sleep 1; touch /tmp/ready; false; }'], interval: 1s, retries: 10}"
    container web "depends_on: {db: healthy}"
    run forge apply --yes
    assert_status 0
    local db web
    db=$(inspect db '{{(index .State.Health.Log 0).End}}')
    web=$(inspect web '{{.State.StartedAt}}')
    [[ $web > $db ]] || fail "web started at $web, before db's first check ended at $db"
}

test_one_failure_does_not_stop_the_others() # L4
{
    forge_new partial
    container good
    manifest bad.yaml <<<'{apiVersion: forge/v1, kind: Container, metadata: {name: bad}, spec: {image: "forge-test/nothing:9", pull_policy: never}}'
    run forge apply --yes
    assert_status 1
    assert_contains "$out$err" "forge-test/nothing:9"
    assert_eq "$(inspect good '{{.State.Status}}')" running
}

test_a_saved_plan_is_bound_to_what_it_saw() # P6
{
    forge_new saved
    container web "environment: {A: one}"
    run forge apply --yes
    assert_status 0
    container web "environment: {A: two}"
    run forge diff --out "$PWD/plan.json"
    assert_status 1
    engine_kill "$(native web)"
    run forge apply --yes "$PWD/plan.json"
    assert_status 2
    assert_contains "$err" "container/web"
    docker start "$(native web)" >/dev/null
    run forge diff --out "$PWD/plan.json"
    run forge apply --yes "$PWD/plan.json"
    assert_status 0
}

test_what_is_not_ours_is_not_touched() # S4
{
    forge_new foreign
    container web
    docker run -d --label "$ENGINE_LABEL" --name "$(native web)" "$ENGINE_IMAGE" >/dev/null
    local before
    before=$(inspect web '{{.Id}}')
    run forge apply --yes
    assert_contains "$out$err" "adopt"
    assert_eq "$(inspect web '{{.Id}}')" "$before"
    run forge adopt container/web --yes
    assert_status 0
    assert_eq "$(inspect web '{{.Id}}')" "$before"
    run forge diff
    assert_status 0
    container web "environment: {A: one}"
    run forge apply --yes
    assert_status 0
    assert_eq "$(inspect web '{{index .Config.Labels "io.forge.environment"}}')" "$FORGE_ENV"
    run forge diff
    assert_status 0
}

test_rollback_restores_configuration() # H2
{
    forge_new back
    container web "environment: {A: one}"
    run forge apply --yes
    container web "environment: {A: two}"
    run forge apply --yes
    assert_status 0
    run forge rollback --yes
    assert_status 0
    assert_contains "$(inspect web '{{.Config.Env}}')" "A=one"
    run forge history
    assert_contains "$out" "rollback to 1"
}

test_a_lost_store_recreates_nothing() # store: rebuilt from labels and Git
{
    forge_new lost
    container web "environment: {A: one}" "ports: [\"127.0.0.1::80\"]"
    run forge apply --yes
    assert_status 0
    local before
    before=$(inspect web '{{.Id}}')
    rm -rf "$FORGE_STATE_DIR"
    run forge diff
    assert_status 0
    run forge apply --yes
    assert_status 0
    assert_eq "$(inspect web '{{.Id}}')" "$before"
}

test_suspended_is_refused_and_says_who() # S7
{
    forge_new suspended
    container web
    run forge suspend --reason "moving house" --for 1h
    assert_status 0
    run forge apply --yes
    assert_status 2
    assert_contains "$err" "moving house"
    run forge resume
    run forge apply --yes
    assert_status 0
}

test_configs_are_files_in_containers()
{
    forge_new config
    manifest app.yaml <<'END'
apiVersion: forge/v1
kind: Config
metadata: {name: app}
spec: {content: "greeting=one\n"}
END
    container web "configs: [{source: app, target: /etc/app.conf, mode: 0440}]"
    run forge apply --yes
    assert_status 0
    assert_eq "$(docker exec "$(native web)" cat /etc/app.conf)" "greeting=one"
    assert_eq "$(docker exec "$(native web)" stat -c %a /etc/app.conf)" 440
    sed -i 's/one/two/' "$FORGE_DIR/app.yaml"
    run forge diff
    assert_status 1
    assert_contains "$out" "/etc/app.conf"
    run forge apply --yes
    assert_status 0
    assert_eq "$(docker exec "$(native web)" cat /etc/app.conf)" "greeting=two"
}

test_logs_and_exec()
{
    forge_new talk
    container web "command: [sh, -c, 'echo hello from inside; sleep infinity']"
    run forge apply --yes
    assert_status 0
    run forge logs web
    assert_eq "$out" "hello from inside"
    run forge exec web -- sh -c 'echo out; echo err >&2; exit 7'
    assert_status 7
    assert_eq "$out" out
    assert_contains "$err" err
}

test_main "$@"
