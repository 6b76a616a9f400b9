# Kills runs of forge-ctl at each of their journal writes, one after the other (S8).
#
#   kill_possible                     skips unless the build has the hook that kills it at a chosen write
#   kill_at_each LEAST BEFORE AFTER   for each write: "BEFORE POINT" prepares, an apply is killed at that write, and "AFTER
#                                     POINT" checks the recovery. Ends with the first apply that completes, which must have
#                                     more than LEAST writes. $FORGE_TORTURE_STRIDE (1): only every so many writes
#   kill_recovers WHEN LOOK...        checks that the next apply completes, LOOK succeeds, and nothing is left to do
#
# The including script defines kill_apply and kill_diff: forge-ctl's verbs on its engine, without confirmation.
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
