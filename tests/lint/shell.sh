#!/bin/bash
# Every shell script passes shellcheck, and can be run if it says with what.
. "${0%/*}/../lib/test.sh"
. "${0%/*}/../lib/tree.sh"

test_shellcheck()
{
    require_command shellcheck "contrib/deps test installs it"
    mapfile -t files < <(tree_shell_files)
    cd "$TEST_TOP"
    shellcheck "${files[@]}"
}

test_scripts_with_a_shebang_are_executable()
{
    cd "$TEST_TOP"
    tree_shell_files | while IFS= read -r file; do
        if [ "$(head -c 2 "$file")" = "#!" ] && [ ! -x "$file" ]; then
            fail "$file is not executable"
        fi
    done
}

test_main "$@"
