#!/bin/bash
# diff, apply, rollback, adopt: what is printed where, and the exit codes.
. "${0%/*}/../lib/test.sh"
. "${0%/*}/../lib/fake.sh"

shop() # a commit with one container, applied
{
    fake_new
    app web "environment: {A: one}"
    commit "first"
    run forge-ctl apply --yes
    assert_status 0
}

test_diff_says_what_and_exits_1() # P4, P5, P7
{
    fake_new
    app web "ports: [\"8080:80\"]"
    commit "web: first"
    run forge-ctl diff
    assert_status 1
    assert_eq "$err" ""
    assert_match "$out" '^environment shop · commit [0-9a-f]{7} "web: first" · target local · 2 changes'
    assert_contains "$out" "+ container/web   new: app:1, port 8080->80/tcp"
    assert_contains "$out" "0 to delete. No data will be lost."
    run forge-ctl apply --dry-run
    assert_status 0
    run forge-ctl status
    assert_contains "$out" "missing"
}

test_apply_twice() # L1, L9
{
    shop
    assert_contains "$out" "Applied generation 1: 2 of 2 changes done"
    assert_contains "$err" "✔ container/web created"
    run forge-ctl diff
    assert_status 0
    assert_contains "$out" "no changes"
    run forge-ctl apply --yes
    assert_status 0
    assert_contains "$out" "Nothing to do."
    run forge-ctl history --json
    assert_eq "$(jq '.generations | length' <<<"$out")" 1
}

# What was not done is not success: a script has to notice.
test_a_blocked_change_is_no_success() # S9
{
    fake_new
    app web "secrets: [key]"
    app db
    manifest key.yaml <<<"{apiVersion: forge/v1, kind: Secret, metadata: {name: key}, spec: {file: $PWD/missing}}"
    commit
    run forge-ctl apply --yes
    assert_status 1
    assert_contains "$out" "Partly applied generation 1: 2 of 2 changes done"
    assert_contains "$out" ", 1 blocked."
    run forge-ctl apply --yes
    assert_status 1
    assert_contains "$out" "Nothing was done: 1 blocked."
    (umask 077 && echo secret >missing)
    run forge-ctl apply --yes
    assert_status 0
    assert_contains "$out" "Applied generation 2: 1 of 1 changes done"
}

test_nobody_is_asked_without_a_terminal()
{
    fake_new
    app web
    commit
    run forge-ctl apply
    assert_status 2
    assert_contains "$err" "nothing was changed: cannot ask for confirmation without a terminal"
    assert_contains "$err" "--yes"
    run forge-ctl apply --json
    assert_status 2
    assert_eq "$(jq -r .error.code <<<"$out")" denied
}

test_json_is_one_document_and_nothing_else()
{
    fake_new
    app web
    commit "first"
    run forge-ctl diff --json
    assert_status 1
    assert_eq "$err" ""
    assert_eq "$(jq -r '.format, .environment, .summary.create' <<<"$out")" $'forge/plan/v1\nshop\n2'
    run forge-ctl apply --yes --json
    assert_status 0
    assert_eq "$err" ""
    assert_eq "$(jq -sr 'length, .[0].format, .[0].result, .[0].generation' <<<"$out")" $'1\nforge/apply/v1\nok\n1'
    run forge-ctl apply --yes --json
    assert_status 0
    assert_eq "$(jq -sr 'length, .[0].generation' <<<"$out")" $'1\n0'
}

test_json_lines_are_events_and_the_answer()
{
    fake_new
    app web
    commit "first"
    run forge-ctl apply --yes --json=lines
    assert_status 0
    assert_eq "$err" ""
    assert_eq "$(head -n 1 <<<"$out" | jq -r .event)" plan
    assert_eq "$(jq -r 'select(.event == "change.end" and .resource == "container/web") | .result' <<<"$out")" ok
    assert_eq "$(tail -n 1 <<<"$out" | jq -r '.format, .result')" $'forge/apply/v1\nok'
}

test_plans_are_the_same_each_time() # P4
{
    fake_new
    app web "environment: {B: 1, A: 2}"
    app db
    commit
    forge-ctl diff --json >one || true
    forge-ctl diff --json >two || true
    assert_same_file two one
}

test_a_saved_plan() # P6
{
    shop
    app web "environment: {A: two}"
    commit "second"
    run forge-ctl diff --out plan.json
    assert_status 1
    assert_eq "$(stat -c %a plan.json)" 600
    app web "environment: {A: three}"
    commit "third"
    # It is for its own commit, wherever the branch is by now.
    run forge-ctl apply --yes plan.json
    assert_status 0
    run forge-ctl diff
    assert_contains "$out" "two -> three"
    run forge-ctl diff --out plan.json
    behind "kill shop-web-1 1"
    run forge-ctl apply --yes plan.json
    assert_status 2
    assert_contains "$err" "container/web"
    run forge-ctl apply --yes forged.yaml
    assert_status 2
    assert_contains "$err" "cannot read the plan"
    assert_contains "$err" "diff --out"
}

test_a_failure_is_told_exactly() # L4
{
    fake_new
    app bad "image: nothing:9"
    sed -i '/image: app:1/d' repo/bad.yaml
    app good
    commit
    run forge-ctl apply --yes
    assert_status 1
    assert_contains "$err" "✘ container/bad failed: "
    assert_contains "$err" "nothing:9"
    assert_contains "$err" "✔ container/good created"
    assert_match "$out" "Partly applied generation 1: 2 of 3 changes done"
    run forge-ctl apply --yes --json
    assert_status 1
    assert_eq "$(jq -r '.result, .changes[0].resource, .changes[0].result' <<<"$out")" $'failed\ncontainer/bad\nfailed'
}

test_only_one() # P8
{
    fake_new
    app web
    app db
    commit
    run forge-ctl apply --yes --only db
    assert_status 0
    assert_lacks "$err" "container/web"
    run forge-ctl diff
    assert_contains "$out" "+ container/web"
    assert_lacks "$out" "container/db "
    run forge-ctl diff --only nosuch
    assert_status 2
    assert_contains "$err" "no resource container/nosuch"
}

test_two_commits_are_compared_without_an_engine()
{
    shop
    app web "environment: {A: two}"
    commit "second"
    sed -i 's,fake://[^"]*,unix:///nonexistent/docker.sock,' forged.yaml
    run forge-ctl diff HEAD~1..HEAD
    assert_status 1
    assert_contains "$out" "one -> two"
    run forge-ctl diff HEAD..HEAD
    assert_status 0
    run forge-ctl diff
    assert_status 2
    assert_contains "$err" "/nonexistent/docker.sock"
}

test_an_older_commit()
{
    shop
    app web "environment: {A: two}"
    commit "second"
    run forge-ctl diff HEAD~1
    assert_status 0
    run forge-ctl diff nosuch
    assert_status 2
    assert_contains "$err" nosuch
}

test_drift_is_shown_apart() # P1
{
    shop
    behind "kill shop-web-1 137"
    run forge-ctl diff
    assert_status 1
    assert_contains "$out" "! container/web   drift: exited with code 137 on the engine"
}

test_rollback() # H2
{
    shop
    app web "environment: {A: two}"
    app other
    commit "second"
    run forge-ctl apply --yes
    assert_status 0
    run forge-ctl rollback --dry-run
    assert_status 0
    assert_contains "$out" "two -> one"
    assert_contains "$out" "- container/other   not in generation 1"
    run forge-ctl rollback --yes
    assert_status 0
    run forge-ctl history --json
    assert_eq "$(jq -r '.generations[0].trigger' <<<"$out")" "rollback to 1"
    run forge-ctl status
    assert_contains "$out" "rolled back to generation 1"
    run forge-ctl rollback 2 web --yes
    assert_status 0
    assert_contains "$out" "one -> two"
    # The rest stays rolled back.
    assert_contains "$out" "Applied generation 4: 1 of 1 changes done"
    run forge-ctl status
    assert_contains "$out" "what was rolled back is in generation 4"
    run forge-ctl rollback 2 web --yes
    assert_status 0
    assert_contains "$out" "Nothing to do."
    run forge-ctl rollback 99 --yes
    assert_status 2
    assert_contains "$err" "no generation 99"
    assert_contains "$err" "forge-ctl history"
}

test_adopt() # S4
{
    fake_new
    app web
    commit
    behind "foreign shop-web-1"
    run forge-ctl apply --yes
    assert_contains "$out" "adopt"
    run forge-ctl adopt web --yes
    assert_status 0
    run forge-ctl diff
    assert_status 0
    run forge-ctl adopt nosuch --yes
    assert_status 2
    assert_contains "$err" "nosuch"
}

test_a_name_that_is_nowhere_gets_the_nearest() # P8
{
    shop
    run forge-ctl diff --only wbe
    assert_status 2
    assert_contains "$err" "did you mean container/web?"
    run forge-ctl apply --yes --only container/nothing-like-it
    assert_status 2
    assert_contains "$err" "forge-ctl status"
}

test_status_says_what_differs()
{
    shop
    app web "environment: {A: two}"
    commit
    run forge-ctl status
    assert_status 1
    assert_contains "$out" "environment.A: one -> two"
    app web "environment: {A: one}"
    commit
    behind "remove shop-web-1"
    run forge-ctl status
    assert_contains "$out" "removed on the engine"
}

test_status_misses_nothing_where_nothing_is_asked_for()
{
    fake_new
    app web "replicas: 2"
    commit
    run forge-ctl apply --yes
    app web "replicas: 0"
    commit
    run forge-ctl apply --yes
    assert_status 0
    run forge-ctl status
    assert_status 0
    assert_contains "$out" "running 0/0"
}

# X3: what is wrong with a commit takes nothing from what can be said of what runs.
test_status_of_the_last_good_commit()
{
    shop
    echo "kind: [" >repo/wrong.yaml
    commit
    run forge-ctl status
    assert_status 1
    assert_contains "$err" "wrong.yaml:2:1: error: not YAML"
    assert_contains "$out" "commit $(git -C repo rev-parse --short=7 HEAD) is not in use: environment shop: 1 error in its manifests"
    assert_contains "$out" "container/web"
    run forge-ctl status --json
    assert_status 1
    assert_eq "$(jq -r '.not_in_force.commit, .not_in_force.error.code, .diagnostics[0].file, .resources[0].health' <<<"$out" | xargs)" \
        "$(git -C repo rev-parse HEAD) invalid wrong.yaml running"
    run forge-ctl images --json
    assert_status 2
    assert_contains "$err" "wrong.yaml:2:1: error: not YAML"
    assert_eq "$(jq -r '.diagnostics[0].file' <<<"$out")" "wrong.yaml"
    git -C repo checkout -q --detach HEAD~1
    git -C repo branch -q -D main
    run forge-ctl diff HEAD...HEAD~1
    assert_status 2
    assert_contains "$err" "write A..B"
    run forge-ctl status web
    assert_status 1
    assert_contains "$out" 'the last good commit stays in use: environment shop: repository file://'
    assert_contains "$out" "container/web"
    run forge-ctl diff
    assert_status 2
}

test_a_folder_has_no_revisions()
{
    fake_new
    app web
    sed -i -e "s|file://|dir://|" -e "s|, branch: main||" forged.yaml
    run forge-ctl diff HEAD
    assert_status 2
    assert_contains "$err" "a plain folder has no revisions"
    assert_contains "$err" "git init"
    commit
    run forge-ctl status # nobody has read the commit of the checkout
    assert_match "$out" '^environment shop · commit [0-9a-f]{7} · '
}

test_main "$@"
