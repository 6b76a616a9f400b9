#!/bin/bash
# Every key of every document is explained in contrib/doc/formats.md.
. "${0%/*}/../lib/test.sh"
. "${0%/*}/../lib/fake.sh"

doc=$TEST_TOP/contrib/doc/formats.md

# explained WHAT: the document in $out. What stands below a key whose own names are data is left out.
explained()
{
    local format key
    format=$(jq -r .format <<<"$out")
    assert_contains "$(cat "$doc")" "$format"
    while read -r key; do
        grep -qE "[\`\"]${key}[\`\"]" "$doc" || fail "$format: the key $key is not in contrib/doc/formats.md"
    done < <(jq -r 'del(.resources[]?.spec?) | del(.. | .images?, .env?, .labels?) |
        if .format == "forge/generation/v1" then del(.resources) else . end |
        [paths | map(select(type == "string")) | .[]] | unique | .[]' <<<"$out")
}

test_every_key_is_explained()
{
    fake_new
    app web "environment: {A: one}"
    commit "first"
    run forge-ctl apply --yes --json
    explained
    app web "environment: {A: two}"
    app bad "image: nothing:1"
    sed -i '/image: app/d' repo/bad.yaml
    commit "second"
    behind "kill shop-web-1 1"
    local verb
    for verb in "diff" "apply --yes" "status" "history" "history --transitions" "show 2" "rollback 1 --dry-run" "doctor" "validate" \
        "suspend --reason x --for 1h" "status" "resume" "logs web" "backup $PWD/saved" "diff --only nosuch"; do
        # shellcheck disable=SC2086 # several words
        run forge-ctl --json $verb
        if [ "$verb" = "diff --only nosuch" ]; then
            assert_eq "$(jq -r 'keys | join(" ")' <<<"$out")" error
        else
            explained
        fi
    done
    app web "environmment: {}"
    commit "third"
    run forge-ctl --json validate
    explained
    run forge-ctl --json=lines apply --yes
    assert_eq "$(jq -r 'keys | join(" ")' <<<"$out")" "diagnostics error"
}

test_events_are_explained()
{
    fake_new
    app web
    commit
    forge-ctl --json=lines apply --yes | jq -c 'del(.plan) | .format = "forge/event/v1"' >events
    while read -r out; do
        explained
    done <events
    assert_match "$(wc -l <events)" '^[1-9]'
}

test_main "$@"
