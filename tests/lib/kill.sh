# A run of forge-ctl is killed at each of its journal writes in turn (S8).
#
#   kill_possible                     skips unless the build can be killed on purpose
#   kill_at_each LEAST BEFORE AFTER   for each write: "BEFORE POINT" makes ready, an apply is killed at that write, and "AFTER
#                                     POINT" sees to it that all is well. It ends with the apply that gets through, which must
#                                     have more than LEAST writes. $FORGE_TORTURE_STRIDE (1) leaves some out
#   kill_recovers WHEN LOOK...        the next apply gets through, LOOK succeeds, and then there is nothing to do
#
# A script with it defines kill_apply and kill_diff: forge-ctl's verbs on its own engine, without a question.
# shellcheck shell=bash
# shellcheck disable=SC2154 # status, out and err are of run (test.sh)

kill_possible()
{
    forge-ctl version --json | jq -e .test_hooks >/dev/null ||
        skip "this build cannot be killed on purpose; build it with the debug preset (-DFORGE_TEST_HOOKS=ON)"
}

kill_at_each()
{
    local least=$1 before=$2 after=$3 point kills=0 ended
    for ((point = 1; ; point += ${FORGE_TORTURE_STRIDE:-1})); do
        "$before" "$point"
        ended=0
        FORGE_TEST_KILL_AT=$point kill_apply >/dev/null 2>"$SERVICE_DIR/killed" || ended=$?
        [ "$ended" != 0 ] || break
        assert_eq "$ended" 137 "killed at point $point: $(cat "$SERVICE_DIR/killed")"
        "$after" "$point"
        kills=$((kills + 1))
    done
    [ "$point" -gt "$least" ] || fail "only $point points: what is done has more than $least writes"
    echo "    killed at $kills points"
}

kill_recovers()
{
    local when=$1
    shift
    run kill_apply
    [ "$status" = 0 ] || fail "$when: exit $status
$out
$err"
    "$@"
    run kill_diff
    [ "$status" = 0 ] || fail "$when there is still something to do:
$out"
}
