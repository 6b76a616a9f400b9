#!/bin/bash
# images prune: what is said of images that nothing needs, and what becomes of them.
. "${0%/*}/../lib/test.sh"
. "${0%/*}/../lib/fake.sh"

# Three generations, of which the settings keep two: image web:1 is needed by none.
three_generations()
{
    fake_new
    sed -i 's/^    target: local/    target: local\n    retention: {generations: 2, age: 1ns}/' forged.yaml
    behind "image web:1 0 1" "image web:2 0 2" "image web:3 0 3"
    for n in 1 2 3; do
        app web
        sed -i "s/app:1/web:$n/" repo/web.yaml
        commit "$n"
        run forge-ctl apply --yes
        assert_status 0
    done
}

test_prune_says_why_and_does_it()
{
    three_generations
    run forge-ctl images prune --dry-run
    assert_status 1
    assert_match "$out" 'web:1 +[0-9a-f]{12} +[0-9.]+ ?k?[A-Za-z]+ +goes +not needed'
    assert_match "$out" 'web:2 .* kept +generation 2 of shop needs it'
    assert_match "$out" 'web:3 .* kept +generation 3 of shop needs it'
    assert_contains "$out" "1 image would be removed"
    run forge-ctl images prune --dry-run --json
    assert_status 1
    assert_eq "$(jq -r '.format, .dry_run, .removed, .bytes' <<<"$out")" $'forge/images-prune/v1\ntrue\n1\n1000000'
    assert_eq "$(jq -r '.images[] | .name + " " + .state + " " + .resource' <<<"$out" | sort)" \
        $'web:1 goes container/web\nweb:2 kept container/web\nweb:3 kept container/web'
    run forge-ctl images prune
    assert_status 0
    assert_match "$out" 'web:1 .* gone +it was no longer needed'
    assert_contains "$out" "1 image was removed"
    run forge-ctl images prune --dry-run
    assert_status 0
    assert_lacks "$out" web:1
    assert_contains "$out" "0 images would be removed"
    run forge-ctl history image/web:1
    assert_match "$out" 'image/web:1 +prune +ok'
    # Of what was there before us nothing is said or done.
    assert_lacks "$out" app:1
    run forge-ctl rollback 2 --yes
    assert_status 0
}

test_through_forged_it_is_the_same()
{
    three_generations
    run forge-ctl images prune --dry-run --json
    local alone=$out
    # Long enough for forged's own look: it keeps what nothing needs for a week.
    service_start forged 20 "test -S $PWD/forged.sock" -- forged --settings "$FORGE_SETTINGS" --log json
    run forge-ctl images prune --dry-run --json
    assert_eq "$(jq -S 'del(.images[].idle_ns)' <<<"$out")" "$(jq -S 'del(.images[].idle_ns)' <<<"$alone")"
    run forge-ctl images prune
    assert_status 0
    assert_match "$out" 'web:1 .* gone +it was no longer needed'
    service_stop "$service_pid"
}

test_nothing_was_pulled()
{
    fake_new
    app web
    commit
    run forge-ctl apply --yes
    run forge-ctl images prune
    assert_status 0
    assert_eq "$out" "Forge pulled no images here. Other images are left alone."
    run forge-ctl images wipe
    assert_status 2
    assert_contains "$err" 'unknown argument "wipe" of images'
    assert_contains "$err" "the only one is prune"
}

test_a_suspended_environment_keeps_all()
{
    three_generations
    run forge-ctl suspend --reason holidays
    run forge-ctl images prune
    assert_status 2
    assert_contains "$err" "suspended by"
    run forge-ctl images prune --dry-run
    assert_status 1
}

test_main "$@"
