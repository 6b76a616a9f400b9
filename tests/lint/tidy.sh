#!/bin/bash
# clang-tidy over the sources of the rooms, with the checks of .clang-tidy. A source that was clean is not looked at
# again until it, a header that it includes, or the checks change. "tests/lint/tidy.sh FILE..." looks at those only.
. "${0%/*}/../lib/test.sh"
. "${0%/*}/../lib/tree.sh"

seen=$FORGE_BUILD_DIR/lint-tidy

# check FILE: silent when it is clean.
check()
{
    local file=$1 sum
    sum=$({ cat .clang-tidy && clang -E -std=c17 -D_GNU_SOURCE= -I. -I"$FORGE_BUILD_DIR/generated" "$file"; } 2>/dev/null | sha256sum)
    sum=$seen/${sum%% *}
    [ ! -e "$sum" ] || return 0
    clang-tidy --quiet -p "$FORGE_BUILD_DIR" "$file" 2>/dev/null && : >"$sum"
}

test_clang_tidy()
{
    require_command clang-tidy "contrib/deps test installs it"
    [ -e "$FORGE_BUILD_DIR/compile_commands.json" ] || skip "compile_commands.json is missing; build first"
    cd "$TEST_TOP"
    mkdir -p "$seen"
    export -f check
    export seen
    # shellcheck disable=SC2016 # for the inner shell
    # Those that the build knows; a source that is being written is not there yet.
    tree_files 'base/*.c' 'schema/*.c' 'providers/*.c' 'reconciler/*.c' | while IFS= read -r file; do
        ! grep -qF "/$file\"" "$FORGE_BUILD_DIR/compile_commands.json" || printf '%s\n' "$file"
    done | xargs -r -P "$(nproc)" -n 1 bash -c 'check "$0"' >"$OLDPWD/found" && return
    # Without the way that the analyzer went; with FILE it is shown.
    grep -A 2 -E ': (error|warning):' "$OLDPWD/found"
    fail "tests/lint/tidy.sh FILE shows more"
}

if [ $# -gt 0 ]; then
    mkdir -p "$seen"
    cd "$TEST_TOP" || exit
    for file; do
        check "$file" || code=1
    done
    exit "${code:-0}"
fi
test_main
