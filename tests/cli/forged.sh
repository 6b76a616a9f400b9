#!/bin/bash
# Through a running forged the same words come out as without one.
. "${0%/*}/../lib/test.sh"
. "${0%/*}/../lib/fake.sh"

forged_start()
{
    service_start forged 20 "test -S $PWD/forged.sock" -- forged --settings "$FORGE_SETTINGS" --log json
}

said() # COMMAND...: what it prints and its exit code, without what differs from run to run
{
    run "$@"
    printf '$ %s\n%s\n%s\n=> %s\n' "$*" "$out" "$err" "$status" |
        sed -E "s,$PWD,DIR,g; s/[0-9]+\.[0-9] s/N s/g; s/ +[0-9]+ s( |\$)/ N s /g; s/ \(N s\)//g; s/20[0-9-]+ [0-9:]{8}/TIME/g; s/ +\$//"
}

conversation()
{
    export GIT_AUTHOR_DATE=2026-01-01T00:00:00Z GIT_COMMITTER_DATE=2026-01-01T00:00:00Z
    mkdir "$1"
    cd "$1"
    fake_new
    app web "environment: {A: one}"
    commit "first"
    [ "$1" != with ] || forged_start
    said forge-ctl diff
    said forge-ctl apply
    said forge-ctl apply --yes
    said forge-ctl diff --json
    said forge-ctl status
    said forge-ctl diff --only nosuch
    app web "environment: {A: two}"
    commit "second"
    said forge-ctl diff HEAD~1..HEAD
    said forge-ctl apply --yes
    said forge-ctl rollback --yes
    said forge-ctl history
    said forge-ctl show 9
    said forge-ctl suspend --reason "hands off"
    said forge-ctl apply --yes
    said forge-ctl resume
    printf 'apiVersion: forge/v1\nkind: Containr\n' | manifest web.yaml
    commit "third"
    said forge-ctl apply --yes
    cd ..
}

test_the_same_words()
{
    conversation without >here
    conversation with >there
    assert_same_file there here
    assert_contains "$(cat there)" "Applied generation 3"
    assert_contains "$(cat there)" "2 | kind: Containr"
}

test_reconcile()
{
    fake_new
    app web
    commit
    forged_start
    run forge-ctl reconcile --wait
    assert_status 0
    assert_eq "$out" "Environment shop was looked at and is not in sync; \`forge-ctl diff\` shows what differs."
    run forge-ctl suspend
    run forge-ctl reconcile --wait
    assert_contains "$out" "is suspended and not in sync"
    run forge-ctl resume
    run forge-ctl status
    assert_status 1
    assert_contains "$out" "missing"
    run forge-ctl apply --yes
    run forge-ctl reconcile --wait
    assert_eq "$out" "Environment shop is reconciled."
    echo "kind: [" >repo/wrong.yaml
    commit
    run forge-ctl reconcile --wait
    assert_status 2
    assert_contains "$err" "the reconcile of shop failed: environment shop: 1 error in its manifests"
}

test_a_rollback_of_a_folder_holds_until_a_file_changes()
{
    fake_new
    sed -i "s,url: \"file://[^}]*},url: \"dir:$PWD/repo\"}\n    sync: {automatic: true}," forged.yaml
    app web "environment: {A: one}"
    forged_start
    eventually 10 forge-ctl diff
    app web "environment: {A: two}"
    eventually 10 forge-ctl diff
    run forge-ctl rollback --yes
    assert_status 0
    run forge-ctl reconcile --wait
    assert_status 0
    run forge-ctl status
    assert_contains "$out" "rolled back to generation 1; Forge does not apply the folder by itself again until a file"
    run forge-ctl status --json
    assert_eq "$(jq -c '.held_commit' <<<"$out")" null
    run forge-ctl diff
    assert_status 1
    assert_contains "$out" "one -> two"
    app web "environment: {A: three}"
    eventually 10 forge-ctl diff
}

test_local_is_for_emergencies()
{
    fake_new
    app web
    commit
    forged_start
    run forge-ctl --local reconcile
    assert_status 2
    assert_contains "$err" "forged is not available to this command"
}

test_status_while_the_settings_are_wrong()
{
    fake_new
    app web
    commit
    forged_start
    run forge-ctl apply --yes
    assert_status 0
    sed -i 's/    target: local/    targett: local/' forged.yaml
    run forge-ctl status
    assert_status 0
    assert_match "$out" "container/web +synced +running"
    assert_contains "$err" "did you mean \"target\"?"
    assert_contains "$err" "forged, which runs on with what it had read before"
    run forge-ctl status -e nosuch
    assert_status 2
    assert_contains "$err" "forged has no environment nosuch"
    run forge-ctl apply --yes
    assert_status 2
    assert_contains "$err" "1 error"
    assert_contains "$err" "the rest waits until the file is right"
    cp -a forged.yaml other.yaml # another file: that forged is not meant
    run forge-ctl --settings other.yaml status
    assert_status 2
    run forge-ctl --local status
    assert_status 2
}

test_wrong_settings_are_told_once()
{
    fake_new
    sed -i 's/    target: local/    targett: local/' forged.yaml
    run forged --settings forged.yaml
    assert_status 2
    assert_contains "$err" 'did you mean \"target\"?'
    assert_contains "$err" "forged: forged.yaml: 1 error"
    assert_lacks "$err" "--check" # it would say the same again
}

# Sets METRICS_PORT.
forged_start_with_metrics()
{
    METRICS_PORT=$(free_port)
    sed -i "s/^listen: {/&metrics: \"127.0.0.1:$METRICS_PORT\", /" forged.yaml
    forged_start
}

test_metrics()
{
    fake_new
    app web
    commit
    forged_start_with_metrics
    run forge-ctl reconcile --wait
    run curl -fsS "http://127.0.0.1:$METRICS_PORT/metrics"
    assert_status 0
    assert_match "$out" 'forge_build_info\{version="[0-9]+\.[0-9]+\.[0-9]+[^"]*"\} 1'
    assert_match "$out" 'forge_reconcile_duration_seconds_bucket\{environment="shop",le="\+Inf"\} [1-9]'
    assert_match "$out" 'forge_apply_duration_seconds_count\{environment="shop"\} 0'
    # What there is stands in the manual, and the other way round.
    # shellcheck disable=SC2016 # the backticks are Markdown's
    assert_eq "$(sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' <<<"$out" | sort)" \
        "$(sed -n 's/^| `\([a-z_]*\)`.*/\1/p' "$TEST_TOP/contrib/doc/metrics.md" | sort)"
}

metric_is() { curl -fsS "http://127.0.0.1:$METRICS_PORT/metrics" | grep -qFx "$1"; }

test_metrics_of_several_engines()
{
    fake_fleet a b
    app web
    commit
    forged_start_with_metrics
    eventually 10 metric_is 'forge_engine_connected{environment="shop"} 1'
    eventually 10 metric_is 'forge_target_up{environment="shop",target="b"} 1'
}

test_an_engine_that_is_away_is_not_a_forged_that_is_away()
{
    fake_new
    app web
    commit
    sed -i 's,fake://[^"]*,unix:///nonexistent/docker.sock,' forged.yaml
    forged_start
    run forge-ctl diff
    assert_status 2
    assert_contains "$err" "/nonexistent/docker.sock"
    run forge-ctl validate
    assert_status 0
}

test_main "$@"
