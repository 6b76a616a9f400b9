#!/bin/bash
# What forged does when its repository over https becomes unreachable.
. "${0%/*}/../lib/test.sh"
. "${0%/*}/../lib/fake.sh"
. "${0%/*}/../lib/git.sh"

test_a_repository_that_cannot_be_fetched_is_told()
{
    fake_new
    app web
    rm -rf repo/.git
    git_repo_new shop repo
    git_https_start
    sed -i "s|{url: \"file:[^}]*}|{url: \"$GIT_HTTPS_URL/shop.git\", branch: main, ca: \"$GIT_HTTPS_CA\", username: $GIT_HTTPS_USER, password_file: \"$PWD/password\"}|" forged.yaml
    (umask 077 && printf '%s' "$GIT_HTTPS_PASSWORD" >password)
    service_start forged 20 "test -S $PWD/forged.sock" -- forged --settings "$FORGE_SETTINGS" --log json
    run forge-ctl reconcile --wait
    run forge-ctl status
    assert_contains "$out" "container/web"
    assert_lacks "$out" "not fetched"
    mv "$GIT_ROOT/shop.git" away.git
    run forge-ctl reconcile --wait
    run forge-ctl status
    assert_contains "$out" "not fetched since 20"
    assert_contains "$out" "next try in"
    assert_contains "$out" "container/web"
    run forge-ctl status --json
    assert_contains "$(jq -r .fetch.error <<<"$out")" "shop.git"
    assert_eq "$(jq -r '.fetch.next_ns > .fetch.since_ns' <<<"$out")" true
    mv away.git "$GIT_ROOT/shop.git"
    run forge-ctl reconcile --wait
    run forge-ctl status
    assert_lacks "$out" "not fetched"
}

test_main "$@"
