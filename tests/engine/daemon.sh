#!/bin/bash
# forged: what happens unattended.
. "${0%/*}/../lib/test.sh"
. "${0%/*}/../lib/forge.sh"
. "${0%/*}/../lib/git.sh"
. "${0%/*}/../lib/daemon.sh"

engine_start

runs() { [ "$(inspect "$1" '{{.State.Status}}')" = running ]; }
runs_with() { [[ "$(inspect "$1" '{{.Config.Env}}')" == *"$2"* ]] && runs "$1"; }

test_follows_the_files_of_secrets()
{
    daemon_new secrets
    umask 077
    echo one >"$PWD/key"
    container web "secrets: [key]"
    printf 'apiVersion: forge/v1\nkind: Secret\nmetadata: {name: key}\nspec: {file: %s}\n' "$PWD/key" | manifest key.yaml
    push "a secret"
    daemon_start
    eventually 20 runs web
    echo two >"$PWD/key"
    eventually 30 holds_two
    eventually 10 is_recorded secret
}

is_recorded() { [[ $(forge-ctl history --transitions --json) == *"\"$1\""* ]]; }

holds_two() { [ "$(docker exec "$(native web)" cat /run/secrets/key)" = two ]; }

test_follows_commits_and_heals() # L8
{
    daemon_new follow
    daemon_start
    eventually 20 runs_with web A=one
    container web "environment: {A: two}"
    push "A is two"
    eventually 20 runs_with web A=two
    engine_kill "$(native web)"
    eventually 20 runs web
    docker rm -f "$(native web)" >/dev/null
    eventually 20 runs_with web A=two
    run forge-ctl history --transitions --json
    assert_contains "$(jq -r '.transitions[].trigger' <<<"$out")" drift
}

test_drift_is_reported_where_self_heal_is_off() # L8
{
    daemon_new report "automatic: true, self_heal: false"
    daemon_start
    # A container that is killed before it was read back counts as a failed apply, which is retried.
    eventually 20 metric forge_reconcile_total "[1-9].*"
    engine_kill "$(native web)"
    eventually 20 metric forge_resources_drifted 1
    sleep 1
    assert_eq "$(inspect web '{{.State.Running}}')" false
}

test_a_rollback_holds_until_the_next_commit() # H2
{
    daemon_new hold
    daemon_start
    eventually 20 runs_with web A=one
    container web "environment: {A: two}"
    push "A is two"
    eventually 20 runs_with web A=two
    run forge-ctl rollback --yes
    assert_status 0
    eventually 20 runs_with web A=one
    run forge-ctl reconcile --wait
    assert_status 0
    runs_with web A=one || fail "the commit that was rolled back came back"
    container web "environment: {A: three}"
    push "A is three"
    eventually 20 runs_with web A=three
}

test_a_broken_commit_changes_nothing() # S1
{
    daemon_new broken
    daemon_start
    eventually 20 runs_with web A=one
    container web "environmment: {A: two}"
    push "a typo"
    eventually 20 metric forge_reconcile_errors_total "[1-9]"
    runs_with web A=one || fail "a broken commit touched what runs"
    run forge-ctl status --local
    assert_contains "$out$err" "environmment"
    engine_kill "$(native web)"
    eventually 10 runs_with web A=one
}

test_reload_and_a_graceful_end()
{
    daemon_new reload "automatic: false"
    daemon_start
    sleep 1
    assert_eq "$(docker ps -aq --filter "label=io.forge.environment=$FORGE_ENV")" ""
    daemon_settings "automatic: true"
    kill -HUP "$FORGED_PID"
    eventually 20 runs web
    kill -TERM "$FORGED_PID"
    eventually 10 sh -c "! kill -0 $FORGED_PID"
    [ ! -S "$SERVICE_DIR/forged.sock" ] || fail "the socket was left behind"
}

test_suspended_stays_as_it_is() # S7
{
    daemon_new suspend
    daemon_start
    eventually 20 runs web
    run forge-ctl suspend --reason "hands off"
    assert_status 0
    engine_kill "$(native web)"
    sleep 2
    assert_eq "$(inspect web '{{.State.Running}}')" false
    run forge-ctl resume
    eventually 10 runs web
}

# Podman with its event log in a file reports late that a process exited, but at once that it was killed.
held()
{
    if [ "$FORGE_ENGINE" = podman ] && runs web; then
        sleep 1.5 # long enough to have been read back
        engine_kill "$(native web)" >/dev/null 2>&1 || true
    fi
    metric forge_resources_held "[1-9]"
}

test_what_flaps_is_held_back() # L8
{
    daemon_new flap
    [ "$FORGE_ENGINE" = podman ] || container web "command: [sh, -c, 'sleep 1; exit 3']" "restart: 'no'"
    push "exits by itself" || true
    daemon_start
    eventually 60 held
    run forge-ctl status
    assert_status 1
    assert_contains "$out" "held"
}

test_two_daemons_on_one_state_are_refused() # L6
{
    daemon_new twice
    daemon_start
    run timeout 10 forged --settings "$PWD/forged.yaml"
    assert_status 2
    assert_contains "$err" "forged"
}

test_main "$@"
