#!/bin/bash
# Files that are made from the program's tables are as the program prints them, and fit to be used.
. "${0%/*}/../lib/test.sh"

test_up_to_date()
{
    [ -x "$FORGE_BUILD_DIR/forge-ctl" ] || skip "forge-ctl is not built; cmake --build build/debug builds it"
    run "$TEST_TOP/contrib/generate" --check
    assert_eq "$out" ""
    assert_status 0
}

test_manuals_are_without_warnings()
{
    require_command man "contrib/deps test installs it (man-db)"
    require_command groff "contrib/deps test installs it"
    for page in "$TEST_TOP"/contrib/man/*.[1-8]; do
        LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 run man --warnings -E UTF-8 -l -Tutf8 -Z "$page"
        assert_status 0
        assert_eq "$err" ""
    done
}

# complete WORD...: what bash offers for the last of them.
complete_words()
{
    bash --norc -c '
        . "$1/contrib/completions/forge-ctl.bash"
        shift
        COMP_WORDS=(forge-ctl "$@")
        COMP_CWORD=$#
        _forge_ctl
        echo "${COMPREPLY[*]}"' bash "$TEST_TOP" "$@"
}

test_bash_completes()
{
    assert_eq "$(complete_words st)" status
    assert_eq "$(complete_words explain vol)" volume
    assert_eq "$(complete_words -e production diff --o)" "--only --out"
    assert_eq "$(complete_words completion '')" "bash zsh fish"
    assert_eq "$(complete_words help re)" "resume reconcile restore"
    touch plan.json
    assert_eq "$(complete_words apply pl)" plan.json
    assert_eq "$(complete_words status '')" ""
}

test_other_shells_read_theirs()
{
    local checked=0
    if command -v zsh >/dev/null; then
        zsh -n "$TEST_TOP/contrib/completions/forge-ctl.zsh"
        checked=1
    fi
    if command -v fish >/dev/null; then
        fish -n "$TEST_TOP/contrib/completions/forge-ctl.fish"
        checked=1
    fi
    # Nobody needs two more shells to work on this.
    [ "$checked" = 1 ] || echo "neither zsh nor fish is installed; their completions were not read"
}

test_schema_is_json()
{
    jq -e '."$schema" and .allOf' "$TEST_TOP/contrib/doc/schema.json" >/dev/null
}

test_main "$@"
