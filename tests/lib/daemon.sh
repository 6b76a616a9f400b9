# forged on an engine, following the test's own repository; based on forge.sh and git.sh.
#
#   daemon_new NAME [SYNC]   a repository with one container (web, A=one), and settings for a forged that follows it;
#                            SYNC is the flow form of `sync`. The target is $DAEMON_TARGET, by default $DOCKER_HOST
#   daemon_settings [SYNC]   writes the settings of a forged for the current environment, $FORGE_SETTINGS.
#                            It polls its repository every $DAEMON_INTERVAL, by default 5s
#   daemon_start             sets FORGED_PID. Metrics are at 127.0.0.1:$METRICS_PORT
#   push MESSAGE             commits what is in $FORGE_DIR
#   metric NAME VALUE        succeeds when the metric has the value (a regular expression)
# shellcheck shell=bash

. "${BASH_SOURCE[0]%/*}/forge.sh"
. "${BASH_SOURCE[0]%/*}/git.sh"

daemon_new()
{
    forge_new "$1"
    container web "environment: {A: one}"
    git_repo_new "$1" "$FORGE_DIR"
    daemon_settings "${@:2}"
}

daemon_settings()
{
    METRICS_PORT=${METRICS_PORT:-$(free_port)}
    export FORGE_SETTINGS=$PWD/forged.yaml
    cat >"$FORGE_SETTINGS" <<END
apiVersion: forge/v1
kind: Settings
state_dir: $PWD/state
listen: {socket: "$SERVICE_DIR/forged.sock", metrics: "127.0.0.1:$METRICS_PORT"}
targets: {local: {url: "${DAEMON_TARGET:-$DOCKER_HOST}"}}
environments:
  $FORGE_ENV:
    repository: {url: "file://$GIT_ROOT/${FORGE_ENV%-*}.git", branch: main}
    target: local
    interval: ${DAEMON_INTERVAL:-5s}
    sync: {${1:-automatic: true, self_heal: true}}
END
}

daemon_start()
{
    service_start forged 20 "test -S $SERVICE_DIR/forged.sock" -- forged --settings "$FORGE_SETTINGS" --log json
    # shellcheck disable=SC2034 # for the tests
    FORGED_PID=$service_pid
}

push() { git_repo_commit "${FORGE_ENV%-*}" "$FORGE_DIR" "$1"; }

metric() { curl -fsS "http://127.0.0.1:$METRICS_PORT/metrics" | grep -E "^$1(\{[^}]*\})? $2$" >/dev/null; }
