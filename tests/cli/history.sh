#!/bin/bash
# What is kept, and what is read of it: status, history, show, suspend, logs, exec, backup, restore.
. "${0%/*}/../lib/test.sh"
. "${0%/*}/../lib/fake.sh"

shop()
{
    fake_new
    app web "environment: {A: one}"
    commit "first"
    run forge-ctl apply --yes
    assert_status 0
}

test_status_and_its_exit_codes()
{
    shop
    run forge-ctl status
    assert_status 0
    assert_match "$out" 'environment shop · commit [0-9a-f]{7} "first" · generation 1'
    assert_match "$out" 'container/web +synced +running +1 +[0-9]+ s +-'
    behind "kill shop-web-1 3"
    run forge-ctl status
    assert_status 1
    assert_match "$out" 'container/web +drifted +exited'
    run forge-ctl status web
    assert_status 1
    assert_lacks "$out" network/default
    run forge-ctl status network/default
    assert_status 0
    run forge-ctl status wbe
    assert_status 2
    assert_contains "$err" "did you mean container/web?"
    run forge-ctl status web --json
    assert_status 1
    assert_eq "$(jq -r '.format, (.resources | length), .resources[0].health' <<<"$out")" $'forge/status/v1\n1\nexited'
}

test_what_the_target_cannot_do_hides_nothing_else()
{
    shop
    app late "deploy: {placement: {constraints: [node.role==manager]}}"
    app web "environment: {A: two}"
    commit "second"
    run forge-ctl diff
    assert_status 2
    run forge-ctl status
    assert_status 1
    assert_match "$out" 'container/late +out-of-sync +missing .* deploy.placement: .* does not support placement'
    assert_match "$out" 'container/web +out-of-sync +running .* environment.A: one -> two'
    assert_match "$err" 'late.yaml:[0-9]+:[0-9]+: error: container/late: deploy.placement: .* does not support placement'
    assert_contains "$err" "use a swarm target"
    run forge-ctl status web --json
    assert_status 1
    assert_eq "$(jq -r '.resources[0].sync' <<<"$out")" out-of-sync
}

test_watch_prints_what_changes()
{
    shop
    timeout -s INT 7 forge-ctl status --watch >watched 2>&1 &
    local pid=$!
    sleep 3
    app web "environment: {A: two}"
    commit "second"
    wait "$pid" || true
    assert_eq "$(grep -c 'generation 1' watched)" 2
    assert_contains "$(cat watched)" "out-of-sync"
}

test_history_and_show() # H1
{
    shop
    app web "environment: {A: two}"
    commit "second"
    run forge-ctl apply --yes
    run forge-ctl history
    assert_status 0
    assert_match "$out" '2 +[0-9-]+ [0-9:]+ +ok +[0-9a-f]{7} .* apply .* second'
    run forge-ctl history --limit 1 --json
    assert_eq "$(jq -r '.generations | length' <<<"$out")" 1
    run forge-ctl history web
    assert_match "$out" 'container/web +replace +ok .* environment.A'
    run forge-ctl history --transitions --json
    assert_eq "$(jq -r '.transitions[0].id' <<<"$out")" container/web
    run forge-ctl show 2
    assert_status 0
    assert_match "$out" "subject +second"
    run forge-ctl show 2 --json
    assert_eq "$(jq -r '.generation, .status, (.transitions | length), (.resources | has("container/web"))' <<<"$out")" $'2\nok\n1\ntrue'
    run forge-ctl show 9
    assert_status 2
    assert_contains "$err" "no generation 9"
}

test_nothing_yet()
{
    fake_new
    app web
    commit
    run forge-ctl history
    assert_status 0
    assert_contains "$out" "Nothing has been applied to environment shop yet."
    run forge-ctl rollback --yes
    assert_status 2
    assert_contains "$err" "no earlier successful generation"
}

test_suspension() # S7
{
    shop
    run forge-ctl suspend --reason "moving house" --for 1h
    assert_status 0
    run forge-ctl status
    assert_match "$out" "suspended by .* until .*: moving house"
    app web "environment: {A: two}"
    commit
    run forge-ctl apply --yes
    assert_status 2
    assert_contains "$err" "moving house"
    assert_contains "$err" "forge-ctl resume"
    run forge-ctl resume --json
    assert_status 0
    assert_eq "$(jq -r .format <<<"$out")" forge/resume/v1
    run forge-ctl apply --yes
    assert_status 0
}

test_logs()
{
    shop
    behind "log shop-web-1 one line" "log shop-web-1 another"
    run forge-ctl logs web
    assert_status 0
    assert_eq "$out" $'one line\nanother'
    behind "log shop-web-1 one line" "log shop-web-1 another"
    run forge-ctl logs container/web --tail 1 --json=lines
    assert_eq "$(jq -r '.event, .stream, .line' <<<"$out")" $'log\nstdout\nanother'
    run forge-ctl logs wbe
    assert_status 2
    assert_contains "$err" "did you mean container/web?"
}

test_exec_gives_the_commands_code()
{
    shop
    behind "exec 7 some output"
    run forge-ctl exec web -- ls -l
    assert_status 7
    assert_contains "$out" "some output"
    behind "kill shop-web-1 0"
    run forge-ctl exec web ls
    assert_status 2
    assert_contains "$err" "not running"
}

test_backup_and_restore()
{
    shop
    run forge-ctl backup "$PWD/saved"
    assert_status 0
    assert_contains "$out" "Backed up $PWD/state to $PWD/saved."
    app web "environment: {A: two}"
    commit
    run forge-ctl apply --yes
    run forge-ctl restore "$PWD/saved"
    assert_status 2
    assert_contains "$err" "--yes"
    run forge-ctl restore --yes --json "$PWD/saved"
    assert_status 0
    assert_eq "$(jq -r .to <<<"$out")" "$PWD/state"
    run forge-ctl history --json
    assert_eq "$(jq '.generations | length' <<<"$out")" 1
    run forge-ctl backup /nonexistent/file
    assert_status 2
    assert_contains "$err" "does the folder of /nonexistent/file exist?"
    run forge-ctl restore --yes /nonexistent/file
    assert_status 2
}

test_reconcile_wants_forged()
{
    shop
    run forge-ctl reconcile
    assert_status 2
    assert_contains "$err" "nothing is listening at $PWD/forged.sock"
    assert_contains "$err" "start forged"
}

test_main "$@"
