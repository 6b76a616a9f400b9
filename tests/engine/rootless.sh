#!/bin/bash
# Rootless Podman: what it can do, and what is reported about the rest. Its networks need /dev/net/tun; without that,
# only network_mode none and host work.
. "${0%/*}/../lib/test.sh"
. "${0%/*}/../lib/forge.sh"

[ "$FORGE_ENGINE ${FORGE_PODMAN:-}" = "podman rootless" ] ||
    skip "this is for a user's own Podman; run it with FORGE_ENGINE=podman FORGE_PODMAN=rootless"
engine_start

volumes() { docker volume ls -q --filter "label=io.forge.environment=$FORGE_ENV"; }

# A full life cycle with one network mode: created, observed, changed, drifted, corrected, pruned.
live()
{
    local before
    forge_new "$1"
    container web "network_mode: $1" "environment: {A: one}" 'volumes: ["data:/data"]' \
        "healthcheck: {test: [CMD, 'true'], interval: 1s, retries: 1}"
    manifest data.yaml <<<'{apiVersion: forge/v1, kind: Volume, metadata: {name: data}, spec: {}}'
    container job "network_mode: $1" "command: ['sh', '-c', 'exit 0']" "restart: 'no'"
    run forge apply --yes
    assert_status 0
    run forge diff
    assert_status 0
    run forge status
    assert_status 0
    assert_eq "$(inspect web '{{.State.Status}} {{.HostConfig.NetworkMode}}')" "running $1"
    assert_eq "$(inspect job '{{.State.ExitCode}}')" 0

    before=$(inspect web '{{.Id}}')
    container web "network_mode: $1" "environment: {A: two}" 'volumes: ["data:/data"]' \
        "healthcheck: {test: [CMD, 'true'], interval: 1s, retries: 1}"
    run forge diff
    assert_status 1
    assert_contains "$out" "one -> two"
    run forge apply --yes
    assert_status 0
    [ "$(inspect web '{{.Id}}')" != "$before" ] || fail "the container was not replaced"

    engine_kill "$(native web)"
    run forge diff
    assert_status 1
    run forge apply --yes
    assert_status 0
    assert_eq "$(inspect web '{{.State.Status}}')" running

    rm "$FORGE_DIR/web.yaml" "$FORGE_DIR/job.yaml" "$FORGE_DIR/data.yaml"
    container other "network_mode: $1"
    run forge apply --yes
    assert_eq "$(docker ps -a --filter "label=io.forge.environment=$FORGE_ENV" --format '{{.Names}}')" "$(native other)"
    assert_eq "$(volumes)" "$FORGE_ENV-data"
}

test_without_a_network() { live none; }

test_on_the_hosts_network() { live host; }

test_an_unhealthy_successor_leaves_the_old_one_serving()
{
    local before
    forge_new unhealthy
    container web "network_mode: none" "environment: {A: one}"
    run forge apply --yes
    assert_status 0
    before=$(inspect web '{{.Id}}')
    container web "network_mode: none" "environment: {A: two}" \
        "healthcheck: {test: [CMD, 'false'], interval: 1s, retries: 1}" "update: {timeout: 20s}"
    run forge apply --yes
    assert_status 1
    assert_eq "$(inspect web '{{.Id}} {{.State.Status}}')" "$before running"
}

test_networks_and_ports_of_a_user()
{
    local port
    podman_has_networks || { echo "    no /dev/net/tun can be had here: networks of a user's own are left out"; return; }
    port=$(free_port)
    forge_new nets
    container web "ports: ['127.0.0.1:$port:80']" "command: ['httpd', '-f', '-p', '80', '-h', '/etc']" "stop_signal: KILL"
    container probe
    run forge apply --yes
    assert_status 0
    run forge diff
    assert_status 0
    eventually 20 curl -fsS "http://127.0.0.1:$port/passwd"
    docker exec "$(native probe)" nslookup "$FORGE_ENV-web-1" >/dev/null 2>&1 ||
        docker exec "$(native probe)" ping -c 1 -W 5 web >/dev/null || fail "containers on one network do not find each other"
    rm "$FORGE_DIR/web.yaml"
    run forge apply --yes
    assert_status 0
    ! curl -fsS -m 2 "http://127.0.0.1:$port/passwd" 2>/dev/null || fail "the port is still published"
}

test_limits_are_refused_where_a_user_cannot_set_any()
{
    forge_new limits
    container web "network_mode: none" "resources: {memory: 64MiB}"
    run forge diff
    if engine_has_limits; then
        assert_status 1
        return
    fi
    assert_status 2
    assert_contains "$err" "web.yaml:7:14: error: container/web: resources: podman"
    assert_contains "$err" "does not support resource limits"
}

# podman:// as the user: the service is started in a private folder, and nothing of it remains.
test_the_service_of_a_user_is_started_for_him()
{
    local home
    # shellcheck disable=SC2153 # of podman.sh
    home=$PODMAN_DIR
    forge_new own
    container web "network_mode: none"
    [ -z "$PODMAN_UID" ] || { home=$PODMAN_DIR/user/home && cp "$(command -v forge-ctl)" "$home/forge-ctl"; }
    cp -r "$FORGE_DIR" "$home/own"
    chown -R "${PODMAN_UID:-$(id -u)}" "$home/own"
    as_user() { podman_user env DOCKER_HOST=podman:// PATH="$home:$PATH" forge-ctl -C "$home/own" -e "$FORGE_ENV" --state-dir "$home/state" "$@"; }
    run as_user apply --yes
    assert_status 0
    assert_eq "$(inspect web '{{.State.Status}}')" running
    run as_user diff
    assert_status 0
    assert_eq "$(find "$PODMAN_DIR" \( -name 'forge-podman-*' -o -name oom \) -path '*forge-podman*')" ""
    assert_eq "$(find "$home" -maxdepth 1 -name oom)" ""
}

test_main "$@"
