#!/bin/bash
# One environment on three engines: by socket, by TCP with mutual TLS, by ssh; and what happens when one is cut off.
. "${0%/*}/../lib/test.sh"
. "${0%/*}/../lib/forge.sh"

[ "$(id -u)" = 0 ] || skip "private engines take root; run the tests as root"

engine_start_private
A_HOST=$DOCKER_HOST
engine_start_private
C_HOST=$DOCKER_HOST
engine_start_ssh
engine_start_tls
B_HOST=$DOCKER_HOST
B_PID=$ENGINE_PID

# on a|b|c COMMAND...: runs docker's command line on that engine.
on()
{
    local host=${1^^}_HOST
    shift
    DOCKER_HOST=${!host} docker "$@"
}

# fleet_new NAME: creates manifests, settings and a state folder.
fleet_new()
{
    FORGE_ENV=$1-$ENGINE_RUN
    FORGE_DIR=$PWD/manifests
    METRICS_PORT=$(free_port)
    mkdir -p "$FORGE_DIR"
    export FORGE_SETTINGS=$PWD/forged.yaml
    cat >forged.yaml <<END
apiVersion: forge/v1
kind: Settings
state_dir: $PWD/state
listen: {socket: "$SERVICE_DIR/fleet.sock", metrics: "127.0.0.1:$METRICS_PORT"}
targets:
  a: {url: "$A_HOST", labels: {role: edge}}
  b:
    {url: "$ENGINE_TLS_HOST", ca: "$ENGINE_TLS_DIR/ca.pem", cert: "$ENGINE_TLS_DIR/cert.pem", key: "$ENGINE_TLS_DIR/key.pem",
    labels: {role: edge}}
  c: {url: "$ENGINE_SSH_HOST", ssh_key: "$SSHD_KEY", known_hosts: "$SSHD_KNOWN_HOSTS", labels: {role: edge}}
environments:
  $FORGE_ENV:
    repository: {url: "dir:$FORGE_DIR"}
    targets: {matchLabels: {role: edge}}
    sync: {automatic: true, self_heal: true}
END
    chmod 600 forged.yaml
    at_exit fleet_remove "$FORGE_ENV"
}

fleet_remove()
{
    local host
    for host in "$A_HOST" "$B_HOST" "$C_HOST"; do
        DOCKER_HOST=$host forge_remove_objects "$1"
    done
}

containers() { on "$1" ps -a --filter "label=io.forge.environment=$FORGE_ENV" --format '{{.Names}} {{.State}}' | sort; }
count() { containers "$1" | wc -l; }
running() { containers "$1" | grep -c running; }
some_on_b() { [ "$(count b)" -gt 0 ]; }

test_one_manifest_is_an_object_on_each_engine()
{
    fleet_new each
    container web "networks: [back]"
    manifest back.yaml <<<'{apiVersion: forge/v1, kind: Network, metadata: {name: back}, spec: {}}'
    container db "target: b" "network_mode: none"
    run forge-ctl apply --yes
    assert_status 0
    assert_contains "$out" "+ container/web@c   new"
    assert_contains "$out" "Applied generation 1: 7 of 7 changes done"
    for host in a b c; do
        assert_eq "$(on "$host" inspect --format '{{.State.Status}}' "$FORGE_ENV-web-1")" running
        on "$host" network inspect "$FORGE_ENV-back" >/dev/null || fail "no network on $host"
    done
    assert_eq "$(count a) $(count b) $(count c)" "1 2 1"
    run forge-ctl diff
    assert_status 0
    assert_contains "$out" "7 in sync"
    run forge-ctl status
    assert_status 0
    assert_match "$out" "c +here +- +docker"
    run forge-ctl doctor
    assert_contains "$out" "target b: docker"

    # A change on one engine affects only that engine.
    on c kill "$FORGE_ENV-web-1" >/dev/null
    run forge-ctl diff
    assert_status 1
    assert_contains "$out" "! container/web@c   drift"
    assert_lacks "$out" "container/web@a"
    run forge-ctl exec container/web@b -- true
    assert_status 0
    run forge-ctl exec container/web -- true
    assert_status 2
    assert_contains "$err" "runs on several engines"
    run forge-ctl apply --yes --only container/web@c
    assert_status 0
    assert_eq "$(on c inspect --format '{{.State.Status}}' "$FORGE_ENV-web-1")" running
}

# S8: one engine stops answering in the middle of an apply, with all its connections open.
test_an_engine_that_freezes_in_the_middle()
{
    fleet_new freeze
    local i took status=0
    for i in 1 2 3 4 5 6; do container "c$i" "network_mode: none"; done
    forge-ctl apply --yes --parallel 2 >apply.out 2>&1 &
    local apply=$!
    eventually 20 some_on_b
    kill -STOP "$B_PID"
    at_exit kill -CONT "$B_PID"
    took=$SECONDS
    wait "$apply" || status=$?
    took=$((SECONDS - took))
    assert_eq "$status" 1
    [ "$took" -lt 40 ] || fail "it took $took s to notice"
    assert_contains "$(cat apply.out)" "Partly applied"
    assert_eq "$(running a) $(running c)" "6 6"
    run forge-ctl diff
    assert_status 1
    assert_match "$out" "\? b   unreachable since 20"
    assert_contains "$out" "Incomplete: "
    run forge-ctl status
    assert_status 1
    assert_match "$out" "container/c1@b +unknown +unknown"

    kill -CONT "$B_PID"
    # The engine may never start a container that it was about to start ("task already exists"): it is recreated at
    # once.
    run forge-ctl apply --yes
    assert_status 0
    assert_eq "$(running b) $(count b)" "6 6"
    run forge-ctl diff
    assert_status 0
}

metric() { curl -fsS "http://127.0.0.1:$METRICS_PORT/metrics" | grep -F "$1{environment=\"$FORGE_ENV\",target=\"$2\"} $3" >/dev/null; }
has() { [[ "$(on "$1" inspect --format '{{.Config.Env}} {{.State.Status}}' "$FORGE_ENV-web-1")" == *"$2"*running* ]]; }

# forged: the other engines are kept up to date, and what the frozen one missed is applied automatically.
test_the_daemon_makes_good_what_an_engine_missed()
{
    fleet_new daemon
    container web "network_mode: none" "environment: {A: one}"
    service_start forged 20 "test -S $SERVICE_DIR/fleet.sock" -- forged --settings "$PWD/forged.yaml" --log json
    local forged=$service_pid host
    for host in a b c; do eventually 30 has "$host" A=one; done
    eventually 10 metric forge_target_up b 1

    kill -STOP "$B_PID"
    at_exit kill -CONT "$B_PID"
    container web "network_mode: none" "environment: {A: two}"
    for host in a c; do eventually 40 has "$host" A=two; done
    eventually 20 metric forge_target_up b 0
    metric forge_target_resources_unknown b 1 || fail "nothing is unknown"
    # Drift on other engines is corrected meanwhile.
    on a kill "$FORGE_ENV-web-1" >/dev/null
    eventually 20 has a A=two
    run forge-ctl status
    assert_status 1
    assert_match "$out" "b +away"

    kill -CONT "$B_PID"
    eventually 120 has b A=two
    assert_eq "$(count a) $(count b) $(count c)" "1 1 1"
    eventually 20 metric forge_target_up b 1
    service_stop "$forged"
}

# forged: an engine that dies while nothing else happens is noticed by itself, and so is its return.
test_the_daemon_notices_an_engine_that_dies_at_rest()
{
    engine_start_private # its own, since it ends
    A_HOST=$DOCKER_HOST
    fleet_new rest
    container web "network_mode: none" "environment: {A: one}"
    service_start forged 20 "test -S $SERVICE_DIR/fleet.sock" -- forged --settings "$PWD/forged.yaml" --log json
    local forged=$service_pid host
    for host in a b c; do eventually 30 has "$host" A=one; done
    eventually 20 forge-ctl status

    kill -KILL "$ENGINE_PID"
    eventually 20 metric forge_target_up a 0
    metric forge_target_resources_unknown a 1 || fail "nothing is unknown"
    run forge-ctl status
    assert_status 1
    assert_match "$out" "a +away"

    DOCKER_HOST=$A_HOST engine_restart || fail "the engine does not come back"
    eventually 120 metric forge_target_up a 1
    eventually 120 has a A=one
    service_stop "$forged"
}

# S8: an engine is killed while objects are created on it, and started again.
test_an_engine_that_is_killed_in_the_middle()
{
    fleet_new killed
    local i
    for i in 1 2 3 4 5 6; do container "k$i" "network_mode: none"; done
    forge-ctl apply --yes --parallel 2 >apply.out 2>&1 &
    local apply=$!
    eventually 20 some_on_b
    kill -KILL "$B_PID"
    ! wait "$apply" || fail "an engine was killed, and nobody said so"
    assert_eq "$(running a) $(running c)" "6 6"
    DOCKER_HOST=$B_HOST engine_restart || fail "the engine does not come back"
    eventually 60 forge-ctl apply --yes
    assert_eq "$(running b) $(count b)" "6 6"
    run forge-ctl diff
    assert_status 0

    # The network to an engine is cut, with all connections: the engine itself is fine, but cannot be reached.
    service_stop "$SSHD_PID"
    run forge-ctl diff
    assert_status 1
    assert_match "$out" "\? c   unreachable since"
    assert_contains "$out" "container/k1@c"
    assert_eq "$(running c)" 6
}

test_main "$@"
