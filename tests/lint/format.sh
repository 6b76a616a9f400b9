#!/bin/bash
# C sources are laid out as .clang-format says: "tests/lint/format.sh fix" does it, for all files or those named after.
. "${0%/*}/../lib/test.sh"
. "${0%/*}/../lib/tree.sh"

# Tables that sources include are laid out by hand, for reading.
tables=':!*/tbl/*'

if [ "${1:-}" = fix ]; then
    shift
    cd "$TEST_TOP" || exit
    mapfile -t files < <(if [ $# -gt 0 ]; then printf '%s\n' "$@"; else tree_files '*.c' '*.h' "$tables"; fi)
    for file in "${files[@]}"; do
        [[ "$file" == *.[ch] ]] || fail "$file is no C source"
    done
    exec clang-format -i "${files[@]}"
fi

test_layout()
{
    require_command clang-format "contrib/deps test installs it"
    mapfile -t files < <(tree_files '*.c' '*.h' "$tables")
    cd "$TEST_TOP"
    # Names the lines; "fix" shows how it should look.
    clang-format --dry-run -Werror -ferror-limit=3 "${files[@]}" || fail "tests/lint/format.sh fix FILE... does it"
}

test_main "$@"
