# An SSH server on loopback that lets the current user in by key.
#
#   sshd_start [CONFIG-LINES...]    sets and exports
#       SSHD_PORT SSHD_USER
#       SSHD_KEY                    a client key that is let in; SSHD_WRONG_KEY is not
#       SSHD_KNOWN_HOSTS            pins the server's key; SSHD_WRONG_KNOWN_HOSTS pins another one
#       SSHD_HOME                   a home folder whose .ssh uses key and known_hosts, for programs that look there
#   sshd_stop                       stops the one that was started last
# shellcheck shell=bash

. "${BASH_SOURCE[0]%/*}/service.sh"

sshd_start()
{
    local dir config
    service_init
    service_need sshd "contrib/deps test installs it"
    dir=$SERVICE_DIR/ssh
    config=$(mktemp -u "$SERVICE_DIR/sXXXX")
    SSHD_PORT=$(free_port)
    SSHD_USER=$(id -un)
    SSHD_KEY=$dir/key
    SSHD_WRONG_KEY=$dir/wrong-key
    SSHD_KNOWN_HOSTS=$dir/known_hosts
    SSHD_WRONG_KNOWN_HOSTS=$dir/wrong-known_hosts
    SSHD_HOME=$dir/home
    [ -d "$dir" ] || sshd_keys "$dir"
    printf '[127.0.0.1]:%s %s\n' "$SSHD_PORT" "$(cut -d' ' -f1,2 "$dir/host.pub")" >>"$SSHD_KNOWN_HOSTS"
    printf '[127.0.0.1]:%s %s\n' "$SSHD_PORT" "$(cut -d' ' -f1,2 "$dir/other-host.pub")" >>"$SSHD_WRONG_KNOWN_HOSTS"
    sshd_home

    cat >"$config" <<-EOF
	ListenAddress 127.0.0.1
	Port $SSHD_PORT
	HostKey $dir/host
	PidFile none
	AuthorizedKeysFile $dir/key.pub
	AuthenticationMethods publickey
	PermitRootLogin prohibit-password
	StrictModes no
	UsePAM no
	PrintMotd no
	Subsystem sftp internal-sftp
	$(printf '%s\n' "$@")
	EOF
    # sshd's privilege separation directory, which the package's service would create.
    [ "$(id -u)" != 0 ] || mkdir -p /run/sshd
    service_start sshd 10 sshd_answers -- "$(command -v sshd)" -D -e -f "$config" || return 1
    SSHD_PID=$service_pid
    export SSHD_PORT SSHD_USER SSHD_KEY SSHD_WRONG_KEY SSHD_KNOWN_HOSTS SSHD_WRONG_KNOWN_HOSTS SSHD_HOME
}

sshd_stop()
{
    service_stop "$SSHD_PID"
}

# One set for all servers of a test, so that one can be started for Git and one for an engine.
sshd_keys()
{
    local key
    mkdir "$1"
    for key in host other-host key wrong-key; do
        # The one kind of key that every library here can use.
        ssh-keygen -q -t ecdsa -N "" -C "forge test $key" -f "$1/$key"
    done
}

sshd_home()
{
    mkdir -p "$SSHD_HOME/.ssh"
    cp -f "$SSHD_KEY" "$SSHD_HOME/.ssh/id_ecdsa"
    cp "$SSHD_KEY.pub" "$SSHD_HOME/.ssh/id_ecdsa.pub"
    cp "$SSHD_KNOWN_HOSTS" "$SSHD_HOME/.ssh/known_hosts"
    chmod 700 "$SSHD_HOME/.ssh"
}

sshd_answers()
{
    ssh -F none -o BatchMode=yes -o IdentitiesOnly=yes -o IdentityAgent=none -o StrictHostKeyChecking=yes \
        -o "UserKnownHostsFile=$SSHD_KNOWN_HOSTS" -i "$SSHD_KEY" -p "$SSHD_PORT" "$SSHD_USER@127.0.0.1" true
}
