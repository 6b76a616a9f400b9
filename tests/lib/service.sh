# Real services for tests: each on loopback, with its own folder, stopped by its process id.
#
#   service_init            creates $SERVICE_DIR, a private folder with a short path, removed at exit (FORGE_KEEP=1 keeps it)
#   at_exit COMMAND...      runs COMMAND when this (sub)shell ends, last registered first
#   free_port               prints a loopback port that nobody listens on
#   service_start NAME SECONDS READY -- COMMAND...
#                           starts COMMAND in the background, its log in $SERVICE_DIR/NAME.log, and waits until the
#                           command READY succeeds; sets $service_pid. Shows the tail of the log if it does not
#   service_stop PID        ends that process, and waits for it
#   service_need PROGRAM HOW
#                           if PROGRAM is missing, says so and how to get it: a test script is then skipped, anything
#                           else exits with 77
#
# A service dies with the shell that started it, even when that is killed.
# shellcheck shell=bash

PATH=$PATH:/usr/sbin:/sbin # where Debian keeps servers
SERVICE_DIR=
at_exit_shell=
at_exit_commands=()

at_exit()
{
    # A subshell does not run what its parent registered.
    if [ "$at_exit_shell" != "$BASHPID" ]; then
        at_exit_shell=$BASHPID
        at_exit_commands=()
        trap at_exit_run EXIT
        trap 'exit 129' HUP
        trap 'exit 130' INT
        trap 'exit 143' TERM
    fi
    at_exit_commands=("$(printf '%q ' "$@")" "${at_exit_commands[@]}")
}

at_exit_run()
{
    local command
    trap '' HUP INT TERM
    for command in "${at_exit_commands[@]}"; do
        eval "$command" || true
    done
}

service_init()
{
    [ -z "$SERVICE_DIR" ] || return 0
    # Not $TMPDIR: a unix socket's path is limited to about a hundred bytes.
    SERVICE_DIR=$(mktemp -d /tmp/forge.XXXXXX)
    chmod 755 "$SERVICE_DIR"
    at_exit service_remove_dir
}

service_remove_dir()
{
    if [ "${FORGE_KEEP:-}" = 1 ]; then
        echo "kept: $SERVICE_DIR" >&2
    else
        rm -rf --one-file-system "$SERVICE_DIR"
    fi
}

service_need()
{
    command -v "$1" >/dev/null || service_missing "$1 is missing; $2"
}

service_missing()
{
    if declare -F skip >/dev/null; then
        skip "$*"
    fi
    echo "$*" >&2
    exit 77
}

free_port()
{
    local port
    # Below the ephemeral range, so that no outgoing connection takes it meanwhile.
    while port=$((10000 + (RANDOM * 32768 + RANDOM) % 20000)); do
        if ! (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return
        fi
    done
}

service_start()
{
    local name=$1 limit=$2 ready=$3 log=$SERVICE_DIR/$1.log end
    shift 4
    setsid setpriv --pdeathsig TERM "$@" >>"$log" 2>&1 </dev/null &
    service_pid=$!
    at_exit service_stop "$service_pid"
    end=$((SECONDS + limit))
    until $ready >/dev/null 2>&1; do
        if ! kill -0 "$service_pid" 2>/dev/null; then
            service_explain "$name ended before it was ready" "$log"
            return 1
        fi
        if [ "$SECONDS" -ge "$end" ]; then
            service_explain "$name was not ready within $limit s" "$log"
            return 1
        fi
        sleep 0.05
    done
}

service_explain()
{
    printf '%s; the end of its log:\n' "$1" >&2
    tail -n 20 "$2" | sed 's/^/    /' >&2
}

service_stop()
{
    local pid=$1 end=$((SECONDS + 20))
    kill "$pid" 2>/dev/null || return 0
    while kill -0 "$pid" 2>/dev/null; do
        if [ "$SECONDS" -ge "$end" ]; then
            kill -KILL "$pid" 2>/dev/null
        fi
        sleep 0.02
    done
    wait "$pid" 2>/dev/null || true
}
