# A registry with a password, on loopback, where engines use plain HTTP by default.
#
#   registry_start [ADDRESS:PORT COMMAND...]
#                               sets and exports REGISTRY (127.0.0.1:PORT, or as given), REGISTRY_USER, REGISTRY_PASSWORD;
#                               COMMAND enters the network that has the address ("nsenter --net=...")
#   registry_push IMAGE NAME    pushes a local image as $REGISTRY/NAME, and removes that local name again;
#                               sets REGISTRY_DIGEST (sha256:...). Leaves no login behind
#   registry_login FOLDER       writes the file that "docker login" would write there (DOCKER_CONFIG); a login through
#                               Podman's API would use HTTPS
#   registry_stop
# shellcheck shell=bash

. "${BASH_SOURCE[0]%/*}/service.sh"

registry_start()
{
    local dir
    service_init
    service_need docker-registry "contrib/deps test installs it"
    service_need htpasswd "contrib/deps test installs it (apache2-utils)"
    dir=$(mktemp -d "$SERVICE_DIR/rXXXX")
    REGISTRY=${1:-127.0.0.1:$(free_port)}
    registry_enter=("${@:2}")
    REGISTRY_USER=forge
    REGISTRY_PASSWORD=registry-password
    htpasswd -Bbn -C 4 "$REGISTRY_USER" "$REGISTRY_PASSWORD" >"$dir/htpasswd"
    cat >"$dir/config.yml" <<-EOF
	version: 0.1
	log: {level: info}
	storage:
	  filesystem: {rootdirectory: $dir/data}
	  delete: {enabled: true}
	http: {addr: $REGISTRY}
	auth:
	  htpasswd: {realm: forge-test, path: $dir/htpasswd}
	EOF
    service_start registry 10 registry_answers -- "${registry_enter[@]}" docker-registry serve "$dir/config.yml" || return 1
    registry_pid=$service_pid
    export REGISTRY REGISTRY_USER REGISTRY_PASSWORD
}

registry_login()
{
    mkdir -p "$1"
    printf '{"auths": {"%s": {"auth": "%s"}}}\n' "$REGISTRY" "$(printf %s "$REGISTRY_USER:$REGISTRY_PASSWORD" | base64 -w 0)" \
        >"$1/config.json"
}

registry_push()
{
    local config=$SERVICE_DIR/registry-login
    registry_login "$config"
    docker tag "$1" "$REGISTRY/$2"
    REGISTRY_DIGEST=$(docker --config "$config" push "$REGISTRY/$2" | sed -n 's/.*digest: \(sha256:[0-9a-f]*\).*/\1/p')
    docker rmi "$REGISTRY/$2" >/dev/null
    rm -rf "$config"
    [ -n "$REGISTRY_DIGEST" ]
}

registry_stop()
{
    service_stop "$registry_pid"
}

registry_answers()
{
    "${registry_enter[@]}" curl -fs -u "$REGISTRY_USER:$REGISTRY_PASSWORD" "http://$REGISTRY/v2/"
}
