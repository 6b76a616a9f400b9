# Podman in place of Docker, for the same tests: FORGE_ENGINE=podman makes engine_start (engine.sh) take it.
#
#   podman_start            a private `podman system service` with folders, networks and addresses of its own; exports
#                           DOCKER_HOST and the CONTAINERS_* that the podman program goes by. As root with Podman's
#                           networks; rootless as whoever else runs it
#
# The machine may forbid what Podman's API asks for by default, a limit of a million open files (RLIMIT_NOFILE without
# CAP_SYS_RESOURCE). Then its runtime is started by podman-runtime.sh, which asks for what there is.
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
    ENGINE_SOCKET=$dir/sock
    export DOCKER_HOST=unix://$ENGINE_SOCKET CONTAINERS_CONF=$dir/containers.conf CONTAINERS_STORAGE_CONF=$dir/storage.conf \
        CONTAINERS_REGISTRIES_CONF=$dir/registries.conf
    [ "$(id -u)" != 0 ] || at_exit sysctl -qw "net.ipv4.ip_forward=$(sysctl -n net.ipv4.ip_forward)"
    at_exit podman_release "$dir"
    engine_command=(podman --cgroup-manager=cgroupfs system service --time=0 "$DOCKER_HOST")
    service_start podman 30 "engine_answers $DOCKER_HOST" -- "${engine_command[@]}" || return 1
    # shellcheck disable=SC2034,SC2154 # of service.sh, for engine.sh
    ENGINE_PID=$service_pid
    engine_images
}

# Everything of it in one folder, also what other Podmans would share: the default network's bridge and addresses.
podman_settings()
{
    local runtime
    runtime=$(command -v crun || command -v runc)
    mkdir -p "$1/networks"
    printf '[storage]\ndriver = "overlay"\ngraphroot = "%s/graph"\nrunroot = "%s/run"\n' "$1" "$1" >"$1/storage.conf"
    # A registry on loopback is spoken to in plain HTTP, as Docker does without being told.
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
        printf '#!/bin/bash\nFORGE_RUNTIME=%q . %q\n' "$runtime" "$(realpath "${BASH_SOURCE[0]%/*}")/podman-runtime.sh" >"$1/runtime"
        chmod 755 "$1/runtime"
    fi
}

# Containers outlive the service.
podman_release()
{
    timeout 60 podman --cgroup-manager=cgroupfs rm -fa -t 0 >/dev/null 2>&1
    timeout 30 podman network prune -f >/dev/null 2>&1
    awk -v dir="$1/" 'index($2, dir) == 1 { print $2 }' /proc/self/mounts | sort -r | xargs -r umount -l 2>/dev/null
}
