# A swarm of private engines on this machine, each a node with its own network and host name.
#
#   swarm_start [NODES]     starts NODES engines (1) in one swarm: node1 is the manager, the others are workers.
#                           Sets DOCKER_HOST to node1's socket, and SWARM_HOST to the same as a target's url
#   swarm_docker N ARGS...  docker on node N
#   swarm_kill N            kills node N's engine and its containers, like a power failure
#   swarm_revive N          starts node N again, with its old state
#   swarm_stop              stops all nodes, and removes every trace of them; also done at exit
#   swarm_remove_objects ENV  removes what an environment has in the swarm
#   swarm_registry          starts a registry with a password (registry.sh) that all nodes reach, at 10.77.0.254:5000
#
# Nodes are called node1, node2, ...; node N has the address 10.77.0.N, on a bridge that connects only the nodes. The
# kernel may lack IPVS: services then need endpoint_mode dnsrr and ports with mode host. Each node has the images of
# engine.sh; the outside cannot be reached.
# shellcheck shell=bash

. "${BASH_SOURCE[0]%/*}/engine.sh"
. "${BASH_SOURCE[0]%/*}/registry.sh"

SWARM_NODES=0
SWARM_PIDS=()

swarm_start()
{
    local n nodes=${1:-1} token
    service_init
    [ "$(id -u)" = 0 ] || service_missing "a swarm of private engines takes root; run the tests as root"
    service_need dockerd "contrib/deps run installs it"
    service_need docker "contrib/deps run installs it"
    service_need ip "contrib/deps run installs it"
    service_need nsenter "contrib/deps run installs it (util-linux)"
    engine_private_config
    SWARM_DIR=$(mktemp -d "$SERVICE_DIR/sXXXX")
    swarm_net=f${ENGINE_RUN:0:4}$((RANDOM % 1000))
    at_exit swarm_stop
    ip netns add "$swarm_net" || return 1
    ip -n "$swarm_net" link add br0 type bridge && ip -n "$swarm_net" link set br0 up || return 1
    for n in $(seq "$nodes"); do
        swarm_wire "$n" && swarm_run "$n" || return 1
    done
    export DOCKER_HOST=unix://$SWARM_DIR/node1/sock
    export SWARM_HOST=swarm+$DOCKER_HOST
    ENGINE_SOCKET=$SWARM_DIR/node1/sock
    docker swarm init --advertise-addr 10.77.0.1 >/dev/null || return 1
    token=$(docker swarm join-token -q worker)
    for n in $(seq 2 "$nodes"); do
        swarm_docker "$n" swarm join --token "$token" 10.77.0.1:2377 >/dev/null || return 1
    done
    swarm_images
}

swarm_docker()
{
    local n=$1
    shift
    DOCKER_HOST=unix://$SWARM_DIR/node$n/sock docker "$@"
}

swarm_kill()
{
    local n=$1 pids
    # The engine goes first, and then everything at once: a shim that survives would report the end of its container.
    kill -KILL "${SWARM_PIDS[n]}" 2>/dev/null || true
    pids=$(swarm_processes "$n")
    # shellcheck disable=SC2086 # a list of identifiers
    [ -z "$pids" ] || kill -KILL $pids 2>/dev/null || true
    wait "${SWARM_PIDS[n]}" 2>/dev/null || true
    SWARM_PIDS[n]=
    for _ in $(seq 100); do
        pids=$(swarm_processes "$n")
        [ -n "$pids" ] || break
        # shellcheck disable=SC2086
        kill -KILL $pids 2>/dev/null || true
        sleep 0.05
    done
    rm -f "$SWARM_DIR/node$n/pid"
}

swarm_revive()
{
    swarm_run "$1"
}

swarm_stop()
{
    local n
    for n in $(seq "$SWARM_NODES"); do
        [ -z "${SWARM_PIDS[n]:-}" ] || swarm_kill "$n"
        swarm_unmount "$n"
        ip netns del "$swarm_net-$n" 2>/dev/null
    done
    [ "$SWARM_NODES" = 0 ] || ip netns del "$swarm_net" 2>/dev/null
    SWARM_NODES=0
    rm -rf --one-file-system "$SWARM_DIR"
}

swarm_registry()
{
    ip -n "$swarm_net" link set lo up && ip -n "$swarm_net" addr add 10.77.0.254/24 dev br0 || return 1
    registry_start 10.77.0.254:5000 nsenter --net="/run/netns/$swarm_net"
}

swarm_remove_objects()
{
    local mark=label=io.forge.environment=$1 kind
    docker service ls -q --filter "$mark" | xargs -r docker service rm >/dev/null
    for kind in config secret; do
        docker "$kind" ls -q --filter "$mark" | xargs -r docker "$kind" rm >/dev/null 2>&1
    done
}

# The rest is private to this file.

# Creates a network namespace for node N, connected to the common bridge.
swarm_wire()
{
    local n=$1 net=$swarm_net-$1
    SWARM_NODES=$n
    ip netns add "$net" || return 1
    ip -n "$net" link set lo up
    ip link add "${swarm_net}v$n" netns "$swarm_net" type veth peer name eth0 netns "$net" || return 1
    ip -n "$swarm_net" link set "${swarm_net}v$n" master br0 up
    ip -n "$net" addr add "10.77.0.$n/24" dev eth0 && ip -n "$net" link set eth0 up
    mkdir -p "$SWARM_DIR/node$n"
}

# Starts node N's engine; by nsenter, because "ip netns exec" would hide the mounts of control groups.
swarm_run()
{
    local n=$1 dir=$SWARM_DIR/node$1
    # shellcheck disable=SC2016 # for the inner shell
    service_start "node$n" 30 "engine_answers unix://$dir/sock" -- \
        nsenter --net="/run/netns/$swarm_net-$n" unshare --uts sh -c 'hostname "$0"; exec "$@"' "node$n" \
        dockerd --host "unix://$dir/sock" --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/pid" \
        --insecure-registry 10.77.0.254:5000 --bridge none --iptables=false --ip6tables=false --ip-masq=false || return 1
    SWARM_PIDS[n]=$service_pid
}

# All processes of node N except its engine: containerd, the shims, and the processes in the containers.
swarm_processes()
{
    local dir=$SWARM_DIR/node$1 pid
    grep -lsF "$dir/" /proc/[0-9]*/cmdline | cut -d/ -f3 | while read -r pid; do
        case $(cat "/proc/$pid/comm" 2>/dev/null) in containerd* | runc) echo "$pid" ;; esac
    done
    awk -v dir="$dir/" '$5 == "/" && index($0, dir) { split(FILENAME, part, "/"); print part[3] }' \
        /proc/[0-9]*/mountinfo 2>/dev/null || true # they come and go
}

swarm_unmount()
{
    awk -v dir="$SWARM_DIR/node$1/" 'index($2, dir) == 1 { print $2 }' /proc/self/mounts | sort -r | xargs -r umount -l
}

# The images of engine.sh, built once and loaded on each node.
swarm_images()
{
    local n
    ENGINE_PID=${SWARM_PIDS[1]}
    engine_images || return 1
    ENGINE_PID=
    [ "$SWARM_NODES" = 1 ] || docker save -o "$SWARM_DIR/images.tar" forge-test/busybox:{1,2,term} || return 1
    for n in $(seq 2 "$SWARM_NODES"); do
        swarm_docker "$n" load -q -i "$SWARM_DIR/images.tar" >/dev/null || return 1
    done
}
