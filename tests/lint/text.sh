#!/bin/bash
# What every text file of the tree keeps to, and how long sources are.
. "${0%/*}/../lib/test.sh"
. "${0%/*}/../lib/tree.sh"

# A path that exists on one developer's machine only has no meaning to anybody else: the folder that this tree lies
# in, where that is not one of the system's usual ones, and home folders.
test_no_paths_of_a_machine()
{
    local top patterns='(^|[^[:alnum:]_./-])/(home|Users)/[a-z]+/'
    top=$(cut -d/ -f2 <<<"$TEST_TOP")
    case $top in
    bin | boot | build | dev | etc | home | lib | lib64 | media | mnt | opt | root | run | src | srv | tmp | usr | var) ;;
    *) patterns+="|(^|[^[:alnum:]_./-])/$top/" ;;
    esac
    tree_files >files
    cd "$TEST_TOP"
    run xargs -a "$OLDPWD/files" grep -nIE "$patterns"
    assert_eq "$out" ""
}

test_no_trailing_blanks()
{
    tree_files '*.[ch]' '*.sh' '*.cmake' '*.md' '*.yaml' '*.yml' CMakeLists.txt ':!tests/golden' ':!tests/fuzz/corpus' >files
    cd "$TEST_TOP"
    run xargs -a "$OLDPWD/files" grep -nIE '[[:blank:]]+$'
    assert_eq "$out" ""
}

# A long file is a sign to look for the second thing in it; it is shown, and not an error.
test_long_files_are_reported()
{
    tree_files '*.[ch]' >files
    cd "$TEST_TOP"
    xargs -a "$OLDPWD/files" wc -l | awk '$1 > 500 && $2 != "total" { print "long: " $2 " has " $1 " lines" }' >&3
}

exec 3>&1
test_main "$@"
