# A container engine for tests.
#
#   FORGE_ENGINE            docker (the default), or podman: see podman.sh
#   engine_start            uses the machine's running engine, if $DOCKER_HOST or the default socket answers; else starts
#                           a private one. Exports DOCKER_HOST and provides the test images there
#   engine_start_private [DOCKERD-ARGS...]
#                           always starts a private dockerd. Sets ENGINE_SOCKET and ENGINE_PID
#   engine_start_tls        a private dockerd that also listens on TCP and requires client certificates. Sets
#                           ENGINE_TLS_HOST (tcp://127.0.0.1:PORT) and ENGINE_TLS_DIR (ca.pem cert.pem key.pem, for
#                           DOCKER_CERT_PATH; wrong/ has the same files from another authority)
#   engine_start_ssh        makes the engine at DOCKER_HOST reachable through sshd ("docker system dial-stdio").
#                           Sets ENGINE_SSH_HOST (ssh://USER@127.0.0.1:PORT/SOCKET) and the SSHD_* of sshd.sh
#   engine_restart          stops the private engine, and starts it again with its old state
#   engine_possible         succeeds when engine_start has what it needs
#   engine_stop             stops the private engine, or removes this run's objects from the machine's
#   engine_kill NAME        kills a container without waiting any longer than needed
#   engine_run_once ARGS... runs a container to its end and removes it, like "docker run --rm ARGS..."
#   engine_has_limits       succeeds when containers can have resource limits: rootless Podman needs control groups of
#                           version 2 for that
#   engine_remove_objects   removes all objects with this run's label
#
# Tests label everything they create with $ENGINE_LABEL (forge-test.run=RANDOM). Everything is also cleaned up at
# exit. Images: forge-test/busybox:1 and :2 (they differ in label forge-test.version, and are stopped by KILL, so at
# once), and :term, which is stopped by TERM. The command is "sleep infinity"; sh, httpd, nc, wget and the rest of
# busybox are inside.
#
# A private engine leaves the machine's firewall alone: published ports work on loopback, containers on one
# network reach each other, and nothing reaches the outside.
# shellcheck shell=bash

. "${BASH_SOURCE[0]%/*}/service.sh"
. "${BASH_SOURCE[0]%/*}/certs.sh"
. "${BASH_SOURCE[0]%/*}/sshd.sh"
. "${BASH_SOURCE[0]%/*}/podman.sh"

ENGINE_RUN=$(od -An -N6 -tx1 /dev/urandom | tr -d ' \n')
ENGINE_LABEL=forge-test.run=$ENGINE_RUN
ENGINE_IMAGE=forge-test/busybox:1
ENGINE_PID=
ENGINE_SOCKET=
FORGE_ENGINE=${FORGE_ENGINE:-docker}
export FORGE_ENGINE ENGINE_RUN ENGINE_LABEL ENGINE_IMAGE ENGINE_SOCKET

engine_start()
{
    service_init
    if [ "$FORGE_ENGINE" = podman ]; then
        podman_start
        return
    fi
    service_need docker "contrib/deps run installs it"
    engine_private_config
    if [ -z "${DOCKER_HOST:-}" ] && engine_answers unix:///var/run/docker.sock; then
        export DOCKER_HOST=unix:///var/run/docker.sock
    fi
    if [ -n "${DOCKER_HOST:-}" ] && engine_answers "$DOCKER_HOST"; then
        ENGINE_PID=
        ENGINE_SOCKET=${DOCKER_HOST#unix://}
        at_exit engine_remove_objects
    else
        engine_start_private
        return
    fi
    engine_images
}

engine_possible()
{
    command -v docker >/dev/null || return
    engine_answers "${DOCKER_HOST:-unix:///var/run/docker.sock}" || { [ "$(id -u)" = 0 ] && command -v dockerd ip >/dev/null; }
}

engine_start_private()
{
    local dir
    service_init
    [ "$(id -u)" = 0 ] || service_missing "a private engine takes root; run the tests as root, or start an engine"
    service_need dockerd "contrib/deps run installs it"
    service_need sysctl "contrib/deps test installs it (procps)"
    service_need ip "contrib/deps run installs it"
    engine_private_config
    dir=$(mktemp -d "$SERVICE_DIR/eXXXX")
    engine_bridge || return 1
    ENGINE_SOCKET=$dir/sock
    export DOCKER_HOST=unix://$ENGINE_SOCKET
    engine_command=(dockerd --host "$DOCKER_HOST" --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/pid"
        --bridge "$engine_bridge" --default-address-pool "base=$engine_net.0.0/16,size=${ENGINE_NET_SIZE:-24}"
        --iptables=false --ip6tables=false --ip-masq=false "$@")
    # The engine enables IP forwarding, which is restored at exit; without it, it warns about each container.
    at_exit sysctl -qw "net.ipv4.ip_forward=$(sysctl -n net.ipv4.ip_forward)"
    at_exit engine_release "$dir" "$engine_net"
    engine_run || return 1
    at_exit engine_empty "$DOCKER_HOST"
    engine_images
}

engine_restart()
{
    local pid_file=${ENGINE_SOCKET%/*}/exec/containerd/containerd.pid end=$((SECONDS + 10))
    service_stop "$ENGINE_PID"
    # The containerd of an engine that was killed dies with it. Until nothing is left of it in the process table, a new
    # engine takes it to be running.
    while [ -s "$pid_file" ] && kill -0 "$(cat "$pid_file")" 2>/dev/null && [ "$SECONDS" -lt "$end" ]; do sleep 0.05; done
    engine_run
}

engine_start_tls()
{
    local port
    service_init
    ENGINE_TLS_DIR=$SERVICE_DIR/tls
    port=$(free_port)
    certs_authority "$ENGINE_TLS_DIR"
    certs_issue "$ENGINE_TLS_DIR" server "DNS:localhost,IP:127.0.0.1"
    certs_issue "$ENGINE_TLS_DIR" client
    certs_authority "$ENGINE_TLS_DIR/wrong"
    certs_issue "$ENGINE_TLS_DIR/wrong" client
    engine_start_private --host "tcp://127.0.0.1:$port" --tlsverify --tlscacert "$ENGINE_TLS_DIR/ca.pem" \
        --tlscert "$ENGINE_TLS_DIR/server.pem" --tlskey "$ENGINE_TLS_DIR/server-key.pem" || return 1
    # The file names that the docker command expects in DOCKER_CERT_PATH.
    for dir in "$ENGINE_TLS_DIR" "$ENGINE_TLS_DIR/wrong"; do
        mv "$dir/client.pem" "$dir/cert.pem"
        mv "$dir/client-key.pem" "$dir/key.pem"
    done
    ENGINE_TLS_HOST=tcp://127.0.0.1:$port
    export ENGINE_TLS_DIR ENGINE_TLS_HOST
}

engine_start_ssh()
{
    [ -n "${DOCKER_HOST:-}" ] || engine_start || return 1
    # The "docker" on the remote side finds the engine by its environment, instead of by the default socket.
    sshd_start "SetEnv DOCKER_HOST=$DOCKER_HOST" || return 1
    ENGINE_SSH_HOST=ssh://$SSHD_USER@127.0.0.1:$SSHD_PORT
    export ENGINE_SSH_HOST
}

engine_stop()
{
    if [ -n "$ENGINE_PID" ]; then
        engine_empty "$DOCKER_HOST"
        service_stop "$ENGINE_PID"
        ENGINE_PID=
    else
        engine_remove_objects
    fi
}

engine_kill()
{
    if [ "$FORGE_ENGINE" = podman ]; then
        # Podman's Docker-compatible API would answer only after 20 s.
        curl -fsS --unix-socket "$ENGINE_SOCKET" -X POST "http://engine/v4.0.0/libpod/containers/$1/kill"
    else
        docker kill "$1" >/dev/null
    fi
}

engine_run_once()
{
    if [ "$FORGE_ENGINE" = podman ]; then
        # Podman's Docker-compatible API does not always report the container's end.
        podman_user env -u DOCKER_CONFIG podman --cgroup-manager=cgroupfs run --rm "$@"
    else
        docker run --rm "$@"
    fi
}

engine_has_limits()
{
    [ "${FORGE_PODMAN:-}" != rootless ] || [ -e /sys/fs/cgroup/cgroup.controllers ]
}

engine_remove_objects()
{
    local kind ids
    ids=$(docker ps -aq --filter "label=$ENGINE_LABEL")
    # shellcheck disable=SC2086 # a list of identifiers
    [ -z "$ids" ] || docker rm -fv $ids >/dev/null
    for kind in network volume; do
        ids=$(docker "$kind" ls -q --filter "label=$ENGINE_LABEL")
        # shellcheck disable=SC2086
        [ -z "$ids" ] || docker "$kind" rm $ids >/dev/null
    done
}

# The rest is private to this file.

engine_answers()
{
    DOCKER_HOST=$1 timeout 5 docker version >/dev/null 2>&1
}

# Keeps the user's logins and contexts out of the tests, and those of the tests out of the user's configuration.
engine_private_config()
{
    export DOCKER_CONFIG=$SERVICE_DIR/docker-config
    unset DOCKER_CONTEXT DOCKER_TLS DOCKER_TLS_VERIFY DOCKER_CERT_PATH
    mkdir -p "$DOCKER_CONFIG"
}

# A bridge and addresses of its own, because two engines would conflict over docker0 and its addresses.
engine_bridge()
{
    engine_bridge=forge${ENGINE_RUN:0:4}$((RANDOM % 1000))
    engine_net=10.$((192 + RANDOM % 16))
    while ip -4 -o addr | grep -F " $engine_net." >/dev/null; do
        engine_net=10.$((192 + RANDOM % 16))
    done
    ip link add "$engine_bridge" type bridge || return 1
    at_exit ip link del "$engine_bridge"
    ip addr add "$engine_net.0.1/24" dev "$engine_bridge" && ip link set "$engine_bridge" up
}

engine_run()
{
    service_start dockerd 30 "engine_answers $DOCKER_HOST" -- "${engine_command[@]}" || return 1
    ENGINE_PID=$service_pid
}

# Removes containers and networks first: stopping the engine would wait ten seconds for each process that ignores
# TERM, and would leave the devices of networks behind.
engine_empty()
{
    local ids
    ids=$(DOCKER_HOST=$1 timeout 10 docker ps -q 2>/dev/null) || return 0
    # shellcheck disable=SC2086
    [ -z "$ids" ] || DOCKER_HOST=$1 timeout 30 docker kill $ids >/dev/null
    DOCKER_HOST=$1 timeout 30 docker network prune -f >/dev/null
}

# Cleans up what a killed engine leaves behind: its containerd, mounts, and the devices of its networks.
engine_release()
{
    local pid
    pid=$(cat "$1/exec/containerd/containerd.pid" 2>/dev/null) || true
    if [ -n "$pid" ] && grep -qsF "$1/" "/proc/$pid/cmdline"; then
        kill "$pid"
    fi
    grep -lsF "$1/" /proc/[0-9]*/cmdline | cut -d/ -f3 | while read -r pid; do
        case $(cat "/proc/$pid/comm" 2>/dev/null) in
        containerd*) kill -KILL "$pid" ;;
        esac
    done
    ip -4 -o addr | awk -v net="$2." '$2 ~ /^br-/ && index($4, net) == 1 { print $2 }' | xargs -r -n 1 ip link del
    awk -v dir="$1/" 'index($2, dir) == 1 { print $2 }' /proc/self/mounts | sort -r | xargs -r umount -l
}

engine_images()
{
    local tag root=$SERVICE_DIR/image/root
    for tag in 1 2 term; do
        ! docker image inspect "forge-test/busybox:$tag" >/dev/null 2>&1 || continue
        engine_image_root "$root"
        engine_image_file "$tag" >"${root%/root}/Dockerfile"
        tar -C "${root%/root}" --owner 0 --group 0 -c . |
            DOCKER_BUILDKIT=0 docker build -q -t "forge-test/busybox:$tag" - >"$SERVICE_DIR/image.log" 2>&1 ||
            { service_explain "the test image could not be built" "$SERVICE_DIR/image.log"; return 1; }
        # Leave nothing behind on the machine's own engine.
        [ -n "$ENGINE_PID" ] || at_exit docker rmi "forge-test/busybox:$tag"
    done
}

engine_image_file()
{
    cat <<-EOF
	FROM scratch
	COPY root /
	LABEL forge-test.version=$1
	STOPSIGNAL $([ "$1" = term ] && echo SIGTERM || echo SIGKILL)
	CMD ["sleep", "infinity"]
	EOF
}

engine_image_root()
{
    local name
    [ ! -d "$1" ] || return 0
    mkdir -p "$1"/{bin,dev,etc,proc,sys,tmp}
    chmod 1777 "$1/tmp"
    cp "$(command -v busybox)" "$1/bin/busybox"
    for name in $(busybox --list); do
        [ "$name" = busybox ] || ln -s busybox "$1/bin/$name"
    done
    printf 'root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n' >"$1/etc/passwd"
    printf 'root:x:0:\nnogroup:x:65534:\n' >"$1/etc/group"
}
