# Shell tests. A test script sources this file first, defines functions named test_*, and ends with "test_main".
#
#   . "${0%/*}/../lib/test.sh"
#   test_version_is_printed()
#   {
#       run forge-ctl version
#       assert_status 0
#       assert_contains "$out" "0.1.0"
#   }
#   test_main "$@"
#
# The functions run in the order of the file, each in its own subshell with errexit, in an empty folder; the
# first failed assertion ends a function. It prints one line for each: "ok - NAME", "not ok - NAME" or
# "skip - NAME: WHY", which tests/run counts. "FILE test_a test_b" runs only those. The script fails if one fails.
#
# Programs under test are found in $FORGE_BUILD_DIR, by default build/debug.
# shellcheck shell=bash

set -uo pipefail
TEST_TOP=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
FORGE_BUILD_DIR=${FORGE_BUILD_DIR:-$TEST_TOP/build/debug}
PATH=$FORGE_BUILD_DIR:$PATH
export FORGE_BUILD_DIR PATH
# The user's own configuration must not affect the results.
unset FORGE_SETTINGS FORGE_STATE_DIR NO_COLOR CDPATH GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_SSL_CAINFO GIT_SSH_COMMAND \
    SSH_AUTH_SOCK http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
export LC_ALL=C.UTF-8 TZ=UTC GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
. "$TEST_TOP/tests/lib/service.sh"

# Ends the case (or, outside of one, the script) as failed, saying why.
fail()
{
    printf '    %s\n' "$*" >&2
    printf '    at %s\n' "$(test_caller)" >&2
    exit 1
}

# Ends the case or the script as skipped: "skip WHAT is missing; HOW to get it".
skip()
{
    if [ -n "${test_name:-}" ]; then
        printf '%s\n' "$*" >"$test_skip"
    else
        printf 'skip - %s: %s\n' "${0##*/}" "$*"
    fi
    exit 77
}

# require_command NAME HOW: skips unless the program NAME is installed.
require_command()
{
    command -v "$1" >/dev/null || skip "$1 is missing; $2"
}

# run COMMAND ARGS...: sets $out, $err and $status. Never fails by itself.
# shellcheck disable=SC2034 # for the tests
run()
{
    ran="$*"
    status=0
    "$@" >"$SERVICE_DIR/out" 2>"$SERVICE_DIR/err" </dev/null || status=$?
    out=$(<"$SERVICE_DIR/out")
    err=$(<"$SERVICE_DIR/err")
}

# assert_status N: the exit code of the last run.
assert_status()
{
    [ "$status" = "$1" ] && return
    fail "$(printf '%s: exit code %s, expected %s\n--- stdout\n%s\n--- stderr\n%s' "$ran" "$status" "$1" "$out" "$err")"
}

# assert_eq ACTUAL EXPECTED [WHAT]
assert_eq()
{
    [ "$1" = "$2" ] && return
    fail "$(printf '%s\n--- expected\n+++ actual\n%s' "${3:-not equal}" "$(diff -u <(printf '%s\n' "$2") <(printf '%s\n' "$1") | tail -n +3)")"
}

# assert_contains TEXT PART
assert_contains()
{
    [[ $1 == *"$2"* ]] && return
    fail "$(printf 'does not contain: %s\n--- text\n%s' "$2" "$1")"
}

# assert_lacks TEXT PART
assert_lacks()
{
    [[ $1 != *"$2"* ]] && return
    fail "$(printf 'must not contain: %s\n--- text\n%s' "$2" "$1")"
}

# assert_match TEXT REGEX: POSIX extended.
assert_match()
{
    [[ $1 =~ $2 ]] && return
    fail "$(printf 'does not match: %s\n--- text\n%s' "$2" "$1")"
}

# assert_same_file ACTUAL EXPECTED: with FORGE_UPDATE=1 the expected file is written instead.
assert_same_file()
{
    if [ "${FORGE_UPDATE:-}" = 1 ]; then
        cp "$1" "$2"
    fi
    cmp -s "$1" "$2" && return
    fail "$(diff -u "$2" "$1")"
}

# eventually SECONDS COMMAND...: retries until the command succeeds.
eventually()
{
    local limit=$1 end
    end=$((SECONDS + limit))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || fail "not within $limit s: $*"
        sleep 0.05
    done
}

# The line of the test script that is being run.
test_caller()
{
    local i
    for ((i = 1; i < ${#BASH_SOURCE[@]}; i++)); do
        if [ "${BASH_SOURCE[i]}" = "$0" ]; then
            printf '%s:%s\n' "$0" "${BASH_LINENO[i - 1]}"
            return
        fi
    done
}

# Runs one case in a subshell, and shows its output only if it failed. Must not be called in a condition, which would
# disable errexit inside.
test_case()
{
    local code log=$SERVICE_DIR/log
    test_skip=$SERVICE_DIR/skip
    mkdir "$SERVICE_DIR/case"
    (
        set -e
        test_name=$1
        cd "$SERVICE_DIR/case"
        "$1"
    ) >"$log" 2>&1
    code=$?
    rm -rf "$SERVICE_DIR/case"
    case $code in
    0) printf 'ok - %s\n' "$1" ;;
    77) printf 'skip - %s: %s\n' "$1" "$(<"$test_skip")" ;;
    *)
        printf 'not ok - %s\n' "$1"
        sed 's/^/    /' "$log"
        test_failed=1
        ;;
    esac
}

test_main()
{
    local name names
    set +e
    test_failed=0
    service_init
    if [ $# -gt 0 ]; then
        names=("$@")
    else
        mapfile -t names < <(sed -n 's/^\(test_[A-Za-z0-9_]*\)().*/\1/p' "$0")
    fi
    for name in "${names[@]}"; do
        test_case "$name"
    done
    exit "$test_failed"
}
