#!/bin/bash
# A terminal in a container: with -t, exec follows the size of the terminal it runs in.
. "${0%/*}/../lib/test.sh"
. "${0%/*}/../lib/forge.sh"

engine_start

test_the_terminal_of_a_command_has_the_size_of_ours()
{
    forge_new tty
    container web
    forge apply --yes >/dev/null
    export -f forge
    # Docker sets the first size once the command has started; the second one is set while it runs.
    # script(1) runs its command in $SHELL, which has to support exported functions.
    run env SHELL=/bin/bash script -qec "stty rows 11 cols 41; (sleep 3; stty rows 22 cols 72 </dev/tty) &
        forge exec web -- sh -c 'sleep 1; stty size; sleep 3; stty size'" /dev/null
    assert_status 0
    assert_contains "$out" "11 41"
    assert_contains "$out" "22 72"
}

test_main "$@"
