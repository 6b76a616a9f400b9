#!/bin/bash
# One environment on several engines: what is printed, what is selected, and what becomes of an engine that is away.
. "${0%/*}/../lib/test.sh"
. "${0%/*}/../lib/fake.sh"

# "web" on both engines, "db" on one; applied.
fleet()
{
    fake_fleet a b
    app web "environment: {A: one}"
    app db "target: b"
    commit "first"
    run forge-ctl apply --yes
    assert_status 0
}

resources() { jq -r '.resources[] | "\(.resource) \(.sync) \(.health)"' <<<"$out"; }
changes() { jq -r '.changes[] | "\(.action) \(.id)"' <<<"$out"; }
change() { sed -i "s/A: .*}/A: $1}/" repo/web.yaml && commit; }

test_a_resource_is_one_on_each_engine() # L1
{
    fake_fleet a b
    app web
    app db "target: b"
    commit "first"
    run forge-ctl diff
    assert_status 1
    assert_match "$out" '^environment shop · commit [0-9a-f]{7} "first" · targets a, b · 5 changes'
    assert_contains "$out" "+ container/web@a   new: app:1"
    assert_contains "$out" "+ container/web@b   new: app:1"
    assert_lacks "$out" "container/db@a"
    run forge-ctl apply --yes
    assert_status 0
    assert_contains "$out" "Applied generation 1: 5 of 5 changes done"
    run forge-ctl diff
    assert_status 0
    run forge-ctl status
    assert_status 0
    assert_contains "$out" "generation 1 · 2 of 2 engines"
    assert_match "$out" "b +here +- +fake 1"
    assert_match "$out" "container/db@b +synced +running"
}

test_json_names_the_engines()
{
    fleet
    run forge-ctl status --json
    assert_status 0
    assert_eq "$(jq -c .targets <<<"$out")" '[{"engine":"fake 1","name":"a"},{"engine":"fake 1","name":"b"}]'
    assert_eq "$(resources)" "container/db@b synced running
container/web@a synced running
container/web@b synced running
network/default@a synced present
network/default@b synced present"
    change two
    run forge-ctl diff --json
    assert_status 1
    assert_eq "$(changes)" "replace container/web@a
replace container/web@b"
    assert_eq "$(jq -r '.target, (.targets | map(.name) | join(" ")), .summary.in_sync' <<<"$out")" $'a, b\na b\n3'
    run forge-ctl apply --yes --json
    assert_status 0
    assert_eq "$(jq -r '.result, (.changes[] | .resource + " " + .result)' <<<"$out" | sort)" "container/web@a ok
container/web@b ok
ok"
}

test_one_of_them_is_selected()
{
    fleet
    change two
    run forge-ctl diff --only container/web@a
    assert_status 1
    assert_contains "$out" "~ container/web@a"
    assert_lacks "$out" "container/web@b"
    run forge-ctl apply --yes --only container/web@a
    assert_status 0
    assert_contains "$out" "1 of 1 changes done"
    run forge-ctl status --json container/web
    assert_status 1
    assert_eq "$(resources)" "container/web@a synced running
container/web@b out-of-sync running"
    run forge-ctl status --json container/web@a
    assert_status 0
    assert_eq "$(resources)" "container/web@a synced running"
    # Without an engine it is the resource on all of them.
    run forge-ctl apply --yes --only container/web
    assert_status 0
    run forge-ctl diff
    assert_status 0
    run forge-ctl history --json container/web@b
    assert_eq "$(jq -r '[.transitions[].id] | unique | join(" ")' <<<"$out")" container/web@b
}

test_what_is_not_there_is_not_selected()
{
    fleet
    run forge-ctl apply --yes --only container/web@c
    assert_status 2
    assert_contains "$err" "has no resource container/web@c"
    assert_contains "$err" "did you mean container/web@"
    run forge-ctl logs container/web
    assert_status 2
    assert_contains "$err" "several engines"
}

test_a_manifest_asks_for_a_target_that_is_not_there()
{
    fleet
    sed -i 's/target: b/target: nowhere/' repo/db.yaml
    commit
    run forge-ctl diff
    assert_status 2
    assert_contains "$err" "db.yaml:6:11: error: container/db: target: \"nowhere\" is not a target of this environment"
}

# chosen TARGETS: which of them the settings' environment is on.
chosen() { sed -i "s/^    targets: .*/    targets: $1/" forged.yaml; }

test_settings_ask_for_a_target_that_is_not_there()
{
    fake_fleet first second
    chosen "{names: [first, secnod]}"
    run forge-ctl diff
    assert_status 2
    assert_match "$err" 'forged.yaml:9:30: error: .*there is no target "secnod"'
    assert_contains "$err" 'did you mean "second"?'
    chosen "{matchLabels: {place: third}}"
    run forge-ctl diff
    assert_status 2
    assert_match "$err" 'forged.yaml:9:14: error: .*no target matches'
}

test_targets_by_names_and_labels()
{
    fake_fleet a b c
    chosen "{names: [c, a]}"
    app web "network_mode: none"
    commit
    run forge-ctl diff --json
    assert_eq "$(changes)" "create container/web@a
create container/web@c"
    chosen "{matchLabels: {place: b}}"
    run forge-ctl diff --json
    assert_eq "$(changes)" "create container/web@b"
    chosen "{}"
    sed -i 's/^spec:/&\n  targets: {matchLabels: {place: c}}/' repo/web.yaml
    commit
    run forge-ctl diff --json
    assert_eq "$(changes)" "create container/web@c"
}

test_what_happens_on_one_engine_is_that_ones()
{
    fleet
    behind_on b "kill shop-web-1 7"
    run forge-ctl diff
    assert_status 1
    assert_contains "$out" "! container/web@b   drift"
    assert_lacks "$out" "container/web@a"
    run forge-ctl apply --yes
    assert_status 0
    run forge-ctl status
    assert_status 0
}

test_an_engine_is_away()
{
    fleet
    change two
    behind_on b "away 0"
    run forge-ctl diff
    assert_status 1
    assert_match "$out" "\? b   unreachable since 20.*: engine fake://.* does not answer"
    assert_contains "$out" "state unknown, not changed: container/db@b, container/web@b, network/default@b"
    assert_contains "$out" "Incomplete: 3 resources are on engines that are unreachable."
    behind_on b "away 0"
    run forge-ctl diff --json
    assert_status 1
    assert_eq "$(changes)" "replace container/web@a"
    assert_eq "$(jq -r '.unknown | join(" ")' <<<"$out")" "container/db@b container/web@b network/default@b"
    assert_eq "$(jq -r '.targets[] | select(.away) | .name' <<<"$out")" b
    behind_on b "away 0"
    run forge-ctl status
    assert_status 1
    assert_contains "$out" "1 of 2 engines"
    assert_match "$out" "b +away +20"
    assert_match "$out" "container/web@b +unknown +unknown .*b is unreachable"

    # The others go on, and what it missed is made good once it is back.
    behind_on b "away 0"
    run forge-ctl apply --yes
    assert_status 1
    assert_contains "$out" "Partly applied generation 2: 1 of 1 changes done"
    run forge-ctl diff --json
    assert_status 1
    assert_eq "$(changes)" "replace container/web@b"
    run forge-ctl apply --yes
    assert_status 0
    run forge-ctl diff
    assert_status 0
}

test_what_is_removed_stays_on_an_engine_that_is_away() # S5
{
    fleet
    rm repo/web.yaml
    commit
    behind_on b "away 0"
    run forge-ctl apply --yes
    assert_status 1
    run forge-ctl diff --json
    assert_status 1
    assert_eq "$(changes)" "delete container/web@b"
    run forge-ctl apply --yes
    assert_status 0
    run forge-ctl status --json
    assert_status 0
    assert_lacks "$(resources)" web
}

test_all_engines_are_away()
{
    fleet
    behind_on a "away 0"
    behind_on b "away 0"
    run forge-ctl diff
    assert_status 2
    assert_contains "$err" 'no engine is reachable: target "a" is unreachable'
    assert_contains "$err" "forge-ctl doctor"
    behind_on a "away 0"
    behind_on b "away 0"
    run forge-ctl apply --yes --json
    assert_status 2
    assert_eq "$(jq -r .error.code <<<"$out")" unavailable
}

test_from_one_engine_to_several_nothing_is_made_anew() # P3
{
    fake_fleet a b
    sed -i 's/^    targets: {}/    target: a/' forged.yaml
    app web
    commit
    run forge-ctl apply --yes
    assert_status 0
    assert_contains "$out" "+ container/web   new"
    sed -i 's/^    target: a/    targets: {}/' forged.yaml
    run forge-ctl diff --json
    assert_status 1
    assert_eq "$(changes)" "create network/default@b
create container/web@b"
    run forge-ctl apply --yes
    assert_status 0
    run forge-ctl diff
    assert_status 0
}

test_main "$@"
