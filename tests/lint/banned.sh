#!/bin/bash
# Functions that base/banned.h keeps from compiling, looked for once more in what was compiled: a source could have
# undone the header's work.
. "${0%/*}/../lib/test.sh"

banned='strcpy|strcat|stpcpy|sprintf|vsprintf|strtok|strncpy|strncat|gets|atoi|atol|atoll|atof|gmtime|localtime|ctime|asctime'
banned+='|system|popen|tmpnam|mktemp|alloca|scanf|sscanf'

test_nothing_calls_a_banned_function()
{
    local found
    found=$(find "$FORGE_BUILD_DIR" -maxdepth 1 -name 'libforge_*.a' -exec nm -A -u {} + |
        awk '{ print $NF, $0 }' | grep -E "^(__)?($banned)(_chk)?(@[^ ]*)? " | sed 's/^[^ ]* [^:]*\///' || true)
    assert_eq "$found" ""
}

test_main "$@"
