# Podman instead of Docker, for the same tests: FORGE_ENGINE=podman makes engine_start (engine.sh) use it.
#
#   podman_start            starts a private `podman system service` with its own folders, networks and addresses; exports
#                           DOCKER_HOST and the CONTAINERS_* that the podman program reads. As root it uses Podman's
#                           networks. It is rootless when started by any other user, or with FORGE_PODMAN=rootless as a
#                           temporary user. That user exists in a mount namespace only: the machine's /etc/passwd is
#                           unchanged, and /dev/net/tun, which rootless networks need, is not made accessible to others
#   podman_user COMMAND...  runs COMMAND as the user who owns the service
#   podman_has_networks     succeeds when containers can be on networks (rootless Podman needs /dev/net/tun for that)
#
# The machine may refuse the limit of a million open files that Podman's API requests by default (RLIMIT_NOFILE without
# CAP_SYS_RESOURCE). Then the runtime is started by podman-runtime.sh, which lowers the request to what is allowed.
# shellcheck shell=bash

podman_start()
{
    local dir net
    service_init
    service_need podman "contrib/deps test installs it"
    service_need docker "contrib/deps run installs it"
    engine_private_config
    dir=$(mktemp -d "$SERVICE_DIR/pXXXX")
    net=10.$((208 + RANDOM % 16))
    while ip -4 -o addr | grep -F " $net." >/dev/null; do
        net=10.$((208 + RANDOM % 16))
    done
    podman_settings "$dir" "$net"
    PODMAN_DIR=$dir
    if [ "${FORGE_PODMAN:-}" = rootless ] && [ "$(id -u)" = 0 ]; then
        podman_make_user "$dir" || return 1
    fi
    ENGINE_SOCKET=$dir/sock
    export DOCKER_HOST=unix://$ENGINE_SOCKET CONTAINERS_CONF=$dir/containers.conf CONTAINERS_STORAGE_CONF=$dir/storage.conf \
        CONTAINERS_REGISTRIES_CONF=$dir/registries.conf
    [ "$(id -u)" != 0 ] || [ -n "$PODMAN_UID" ] || at_exit sysctl -qw "net.ipv4.ip_forward=$(sysctl -n net.ipv4.ip_forward)"
    at_exit podman_release "$dir"
    podman_command podman --cgroup-manager=cgroupfs system service --time=0 "$DOCKER_HOST"
    engine_command=("${podman_command[@]}")
    service_start podman 30 "engine_answers $DOCKER_HOST" -- "${engine_command[@]}" || return 1
    # shellcheck disable=SC2034,SC2154 # of service.sh, for engine.sh
    ENGINE_PID=$service_pid
    engine_images
}

podman_user()
{
    podman_command "$@"
    "${podman_command[@]}"
}

podman_has_networks() { [ "$(id -u)" = 0 ] && { [ -z "$PODMAN_UID" ] || [ -c "$PODMAN_DIR/user/tun" ]; }; }

# The rest is private to this file.

PODMAN_UID= # of the temporary user
PODMAN_DIR=

# Sets podman_command to a command run as the user who owns the service, in a private folder, because conmon leaves a
# file "oom" in the folder that Podman runs in.
podman_command()
{
    podman_command=(env -C "$PODMAN_DIR" "$@")
    [ -z "$PODMAN_UID" ] || podman_command=(unshare --mount "$PODMAN_DIR/as-user" "$@")
}

podman_make_user()
{
    local dir=$1/user file
    service_need newuidmap "contrib/deps test installs it (uidmap)"
    service_need slirp4netns "contrib/deps test installs it"
    for file in passwd group subuid subgid; do
        [ -e "/etc/$file" ] || service_missing "/etc/$file is missing, over which the one of the tests' user is put; make it (empty)"
    done
    PODMAN_UID=$((700000 + RANDOM))
    mkdir -p "$dir/etc" "$dir/home" "$dir/run"
    sed '$a'"forge-test:x:$PODMAN_UID:$PODMAN_UID::$dir/home:/bin/sh" /etc/passwd >"$dir/etc/passwd"
    sed '$a'"forge-test:x:$PODMAN_UID:" /etc/group >"$dir/etc/group"
    echo "forge-test:$((800000000 + RANDOM * 65536)):65536" | tee "$dir/etc/subuid" >"$dir/etc/subgid"
    # Root cannot create a device everywhere; without it there are no networks.
    if ! { mknod -m 666 "$dir/tun" c 10 200 && : <>"$dir/tun"; } 2>/dev/null; then
        rm -f "$dir/tun"
    fi
    cat >"$1/as-user" <<-EOF
	#!/bin/bash
	set -e
	for file in passwd group subuid subgid; do
	    mount --bind "$dir/etc/\$file" "/etc/\$file"
	done
	[ ! -c "$dir/tun" ] || mount --bind "$dir/tun" /dev/net/tun
	cd "$dir/home"
	exec setpriv --reuid $PODMAN_UID --regid $PODMAN_UID --clear-groups --inh-caps=-all --pdeathsig TERM \\
	    env HOME="$dir/home" XDG_RUNTIME_DIR="$dir/run" USER=forge-test LOGNAME=forge-test "\$@"
	EOF
    chmod 755 "$1" "$1/as-user" "$dir" "$dir/etc"
    chown -R "$PODMAN_UID:$PODMAN_UID" "$1/networks" "$dir/home" "$dir/run"
    chmod 700 "$dir/run"
    chown "$PODMAN_UID:$PODMAN_UID" "$1"
}

# Keeps everything in one folder, and separate from other Podmans: also the default network's bridge and addresses.
podman_settings()
{
    local runtime
    runtime=$(command -v crun || command -v runc)
    mkdir -p "$1/networks"
    printf '[storage]\ndriver = "overlay"\ngraphroot = "%s/graph"\nrunroot = "%s/run"\n' "$1" "$1" >"$1/storage.conf"
    # Plain HTTP for a registry on loopback, as is Docker's default.
    printf '[[registry]]\nlocation = "127.0.0.1"\ninsecure = true\n' >"$1/registries.conf"
    cat >"$1/containers.conf" <<-EOF
	[engine]
	events_logger = "file"
	exit_command_delay = 0
	tmp_dir = "$1/tmp"
	static_dir = "$1/static"
	volume_path = "$1/volumes"
	runtime = "${runtime##*/}"
	[engine.runtimes]
	${runtime##*/} = ["$1/runtime"]
	[network]
	network_backend = "netavark"
	network_config_dir = "$1/networks"
	default_subnet_pools = [{"base" = "$2.0.0/16", "size" = 24}]
	EOF
    cat >"$1/networks/podman.json" <<-EOF
	{"name": "podman", "id": "2f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9", "driver": "bridge",
	 "network_interface": "forge${ENGINE_RUN:0:4}$((RANDOM % 1000))", "subnets": [{"subnet": "$2.255.0/24", "gateway": "$2.255.1"}],
	 "ipv6_enabled": false, "internal": false, "dns_enabled": false, "ipam_options": {"driver": "host-local"}}
	EOF
    if prlimit --nofile=1048576:1048576 true 2>/dev/null; then
        ln -s "$runtime" "$1/runtime"
    else
        # A copy, because the user may not be able to read the tests' folder.
        printf '#!/bin/bash\nFORGE_RUNTIME=%q\n' "$runtime" | cat - "${BASH_SOURCE[0]%/*}/podman-runtime.sh" >"$1/runtime"
        chmod 755 "$1/runtime"
    fi
}

# Containers outlive the service.
podman_release()
{
    podman_user timeout 60 podman --cgroup-manager=cgroupfs rm -fa -t 0 >/dev/null 2>&1
    podman_user timeout 30 podman network prune -f >/dev/null 2>&1
    [ -z "$PODMAN_UID" ] || podman_end_user
    awk -v dir="$1/" 'index($2, dir) == 1 { print $2 }' /proc/self/mounts | sort -r | xargs -r umount -l 2>/dev/null
}

# Kills all processes of the temporary user, among them those that keep its namespaces alive.
podman_end_user()
{
    local pids tries=5
    while pids=$(ps -o pid= -U "$PODMAN_UID") && [ $((tries -= 1)) -gt 0 ]; do
        # shellcheck disable=SC2086 # a list of numbers
        kill -KILL $pids 2>/dev/null
        sleep 0.1
    done
}
