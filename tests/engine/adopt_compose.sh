#!/bin/bash
# A running project that docker-compose started is taken over unchanged, and then managed from Git.
. "${0%/*}/../lib/test.sh"
. "${0%/*}/../lib/forge.sh"

require_command docker-compose "apt-get install docker-compose"
engine_start

project() # NAME: a project of two services in the folder "project"
{
    mkdir -p project
    cat >project/docker-compose.yml <<END
version: "3.7"
services:
  web_app:
    image: $ENGINE_IMAGE
    command: ["sh", "-c", "mkdir -p /www && echo \$\$GREETING >/www/index.html && exec httpd -f -p 80 -h /www"]
    environment: {GREETING: one, "EMPTY": ""}
    labels: ["$ENGINE_LABEL", "own=1"]
    ports: ["127.0.0.1::80"]
    volumes: ["data:/data", "/anonymous"]
    depends_on: [db]
    restart: unless-stopped
    mem_limit: 64m
    stop_grace_period: 1s
    ulimits: {nofile: 1024}
    cap_add: [NET_ADMIN]
  db:
    image: $ENGINE_IMAGE
    labels: ["$ENGINE_LABEL"]
    healthcheck: {test: ["CMD", "true"], interval: 1s}
    networks: {default: {aliases: [postgres]}, back: }
    hostname: dbhost
    tmpfs: /run
    user: "0"
networks:
  default: {labels: ["$ENGINE_LABEL"]}
  back: {internal: true, labels: ["$ENGINE_LABEL"]}
volumes: {data: {labels: ["$ENGINE_LABEL"]}}
END
    compose_up "$1"
}

# compose_up PROJECT [ARGS...]: starts project/docker-compose.yml.
compose_up()
{
    docker-compose -f project/docker-compose.yml -p "$1" up -d "${@:2}" >/dev/null 2>&1 || fail "docker-compose up"
}

# healthy NATIVE ID. Podman relies on systemd for health checks, which may not be available.
healthy()
{
    [ "$FORGE_ENGINE" != podman ] || podman --cgroup-manager=cgroupfs healthcheck run "$1" >/dev/null
    [ "$(forge status --json | jq -r --arg id "$2" '.resources[] | select(.resource == $id) | .health')" = healthy ]
}

ids() { docker ps -a --no-trunc --filter "label=com.docker.compose.project=$1" --format '{{.ID}}' | sort; }

clean()
{
    docker ps -aq --filter "name=$1" | xargs -r docker rm -fv >/dev/null
    docker network ls -q --filter "name=$1" | xargs -r docker network rm >/dev/null
    docker volume ls -q --filter "name=$1" | xargs -r docker volume rm >/dev/null
}

test_a_project_is_taken_over_as_it_runs()
{
    forge_new taken
    local name=${FORGE_ENV//-/}compose before
    project "$name"
    before=$(ids "$name")
    docker exec "${name}_web_app_1" sh -c 'echo kept >/data/file'

    run forge import --running --project "$name" --out "$FORGE_DIR/all.yaml"
    assert_status 0
    run forge diff # web_app is no name of ours: web-app becomes one more alias
    assert_status 1
    assert_contains "$out" "1 change, 4 to take over"
    assert_contains "$out" "takes over ${name}_db_1 as it is"
    run forge apply --yes
    assert_status 0
    assert_contains "$out$err" "container/web-app adopted"
    run forge diff
    assert_status 0
    assert_eq "$(ids "$name")" "$before"
    eventually 10 healthy "${name}_db_1" container/db

    # From here on Git decides: a change replaces the container, with our mark, its data and its networks.
    sed -i 's/GREETING: one/GREETING: two/' "$FORGE_DIR/all.yaml"
    run forge apply --yes
    assert_status 0
    run forge diff
    assert_status 0
    assert_eq "$(docker inspect -f '{{index .Config.Labels "io.forge.environment"}}' "${name}_web_app_1")" "$FORGE_ENV"
    assert_eq "$(docker exec "${name}_web_app_1" cat /data/file /www/index.html)" "$(printf 'kept\ntwo')"
    assert_contains "$(docker exec "${name}_web_app_1" nslookup postgres 2>&1)" "Address"
    clean "$name"
}

# The second instance of a service gets a name of its own, and keeps the one that others know.
test_all_instances_keep_the_name_of_their_service()
{
    forge_new scaled
    local name=${FORGE_ENV//-/}compose
    mkdir project
    cat >project/docker-compose.yml <<END
version: "3.7"
services: {web: {image: $ENGINE_IMAGE, labels: ["$ENGINE_LABEL"]}}
networks: {default: {labels: ["$ENGINE_LABEL"]}}
END
    compose_up "$name" --scale web=2
    run forge import --running --project "$name" --out "$FORGE_DIR/all.yaml"
    assert_status 0
    run forge apply --yes
    assert_status 0
    assert_contains "$out$err" "container/web-2 adopted"
    run forge diff
    assert_status 0
    assert_contains "$(docker inspect -f "{{json .NetworkSettings.Networks}}" "${name}_web_2" | jq -c '.[].Aliases')" '"web"'
    clean "$name"
}

# What shares the network of another container of the project goes along when that one is replaced.
test_a_shared_network_is_kept_together()
{
    forge_new joined
    local name=${FORGE_ENV//-/}compose
    mkdir project
    cat >project/docker-compose.yml <<END
version: "2.4"
services:
  db: {image: $ENGINE_IMAGE, command: sleep 1000, labels: ["$ENGINE_LABEL"], environment: {A: one}, stop_grace_period: 1s}
  side: {image: $ENGINE_IMAGE, command: sleep 1000, labels: ["$ENGINE_LABEL"], network_mode: "service:db", stop_grace_period: 1s}
networks: {default: {labels: ["$ENGINE_LABEL"]}}
END
    compose_up "$name"
    run forge import --running --project "$name" --out "$FORGE_DIR/all.yaml"
    assert_status 0
    assert_contains "$(cat "$FORGE_DIR/all.yaml")" "network_mode: service:db"
    assert_lacks "$(cat "$FORGE_DIR/all.yaml")" "hostname:"
    run forge diff
    assert_status 0
    assert_contains "$out" "no changes, 3 to take over"
    run forge apply --yes
    assert_status 0
    sed -i '/name: side/,$s/"1000"/"1001"/' "$FORGE_DIR/all.yaml" # Docker would refuse the host name of the other
    run forge apply --yes
    assert_status 0
    sed -i 's/A: one/A: two/' "$FORGE_DIR/all.yaml"
    run forge apply --yes
    assert_status 0
    run forge diff
    assert_status 0
    assert_contains "$out" "no changes"
    assert_eq "$(docker exec "${name}_side_1" cat /proc/net/route)" "$(docker exec "${name}_db_1" cat /proc/net/route)"
    docker rm -f "${name}_side_1" >/dev/null # Podman removes it before the other only
    clean "$name"
}

test_limits_are_taken_over()
{
    forge_new limits
    local name=${FORGE_ENV//-/}limits
    docker run -d --name "$name" --label "$ENGINE_LABEL" --network none -m 40m --cpus 0.5 --shm-size 33m \
        --stop-timeout 3 "$ENGINE_IMAGE" >/dev/null || fail "docker run"
    run forge import --running --out "$FORGE_DIR/all.yaml" "$name"
    assert_status 0
    assert_contains "$(cat "$FORGE_DIR/all.yaml")" "resources: {cpus: 0.5, memory: 40MiB}"
    assert_contains "$(cat "$FORGE_DIR/all.yaml")" "shm_size: 33MiB"
    assert_contains "$(cat "$FORGE_DIR/all.yaml")" "stop_grace_period: 3s"
    run forge apply --yes
    assert_status 0
    run forge diff
    assert_status 0
    sed -i 's/^spec:/spec:\n  environment: {A: b}/' "$FORGE_DIR/all.yaml"
    run forge apply --yes
    assert_status 0
    assert_eq "$(docker inspect -f '{{.HostConfig.Memory}} {{.HostConfig.ShmSize}}' "$name")" "41943040 34603008"
    clean "$name"
}

# Names that only links give are told: manifests cannot say them.
test_links_are_told()
{
    [ "$FORGE_ENGINE" != podman ] || return 0 # it has no links
    forge_new links
    local name=${FORGE_ENV//-/}links
    docker network create --label "$ENGINE_LABEL" "$name-net" >/dev/null
    docker run -d --name "$name-db" --label "$ENGINE_LABEL" --network "$name-net" "$ENGINE_IMAGE" >/dev/null
    docker run -d --name "$name-web" --label "$ENGINE_LABEL" --network "$name-net" --link "$name-db:database" \
        --link "$name-db" "$ENGINE_IMAGE" >/dev/null
    docker run -d --name "$name-old" --label "$ENGINE_LABEL" "$ENGINE_IMAGE" >/dev/null
    docker run -d --name "$name-older" --label "$ENGINE_LABEL" --link "$name-old:elder" "$ENGINE_IMAGE" >/dev/null
    run forge import --running --out "$FORGE_DIR/all.yaml" "$name-db" "$name-web" "$name-old" "$name-older"
    assert_status 0
    assert_contains "$err" "container $name-web knows $name-db as database by a link"
    assert_contains "$err" "container $name-older knows $name-old as elder by a link"
    assert_eq "$(grep -c "by a link" <<<"$err")" 2
    run forge apply --yes
    assert_status 0
    clean "$name"
}

test_a_stopped_one_is_made_anew()
{
    forge_new stopped
    local name=${FORGE_ENV//-/}compose
    project "$name"
    docker stop -t 1 "${name}_db_1" >/dev/null
    run forge import --running --project "$name" --out "$FORGE_DIR/all.yaml" db
    assert_status 0
    assert_contains "$(cat "$FORGE_DIR/all.yaml")" "container_name: ${name}_db_1"
    run forge apply --yes
    assert_status 0
    run forge diff
    assert_status 0
    clean "$name"
}

# Containers created by hand, with and without networks, keep running untouched.
test_what_was_made_by_hand_is_taken_over_as_it_runs()
{
    forge_new hand
    local name=${FORGE_ENV//-/}hand before
    docker network create --label "$ENGINE_LABEL" "$name-net" >/dev/null
    by_hand() { docker run -d --name "$name-$1" --label "$ENGINE_LABEL" "${@:2}" >/dev/null || fail "docker run $1"; }
    by_hand plain --rm "$ENGINE_IMAGE"
    by_hand on --network "$name-net" "$ENGINE_IMAGE"
    by_hand aliased --network "$name-net" --network-alias other -p 127.0.0.1::80 "$ENGINE_IMAGE"
    # shellcheck disable=SC2016 # for the engine, as it stands
    by_hand both --network "$name-net" -e 'A=$x ${y}' --cap-add NET_ADMIN -v /anonymous "$ENGINE_IMAGE"
    docker network connect bridge "$name-both" 2>/dev/null || docker network connect podman "$name-both"
    by_hand none --network none --init "$ENGINE_IMAGE"
    by_hand job "$ENGINE_IMAGE" true
    docker wait "$name-job" >/dev/null
    names() { docker ps -a --no-trunc --filter "name=$name-" --format '{{.ID}} {{.Names}}' | sort; }
    before=$(names)

    run forge import --running --out "$FORGE_DIR/all.yaml" "$name-plain" "$name-on" "$name-aliased" "$name-both" \
        "$name-none" "$name-job"
    assert_status 0
    assert_contains "$err" "warning: container $name-plain was started with --rm"
    assert_eq "$(grep -c -e --rm <<<"$err")" 1
    run forge diff
    assert_status 0
    assert_contains "$out" "no changes, 6 to take over"
    run forge apply --yes
    assert_status 0
    run forge diff
    assert_status 0
    run forge status "network/$name-net" # it stays external
    assert_status 0
    assert_contains "$out" "present"
    assert_eq "$(names)" "$before"
    clean "$name"
}

# An engine may be unable to stop a paused container; the plan says that it is replaced, and why.
test_a_paused_one_is_made_anew()
{
    forge_new paused
    local name=${FORGE_ENV//-/}paused
    docker run -d --name "$name" --label "$ENGINE_LABEL" --network none "$ENGINE_IMAGE" >/dev/null
    docker pause "$name" >/dev/null
    run forge import --running --out "$FORGE_DIR/all.yaml" "$name"
    assert_status 0
    run forge apply --yes
    assert_status 0
    assert_contains "$out" "takes over $name, and recreates it"
    assert_contains "$out" "state   paused -> running"
    run forge diff
    assert_status 0
    assert_eq "$(docker inspect -f '{{.State.Status}}' "$name")" running
    clean "$name"
}

# Containers of a swarm or a pod belong to it.
test_what_is_part_of_something_else_is_left_out()
{
    forge_new parts
    local name=${FORGE_ENV//-/}part of="service web of a swarm"
    if [ "$FORGE_ENGINE" = podman ]; then
        echo '{}' >"$DOCKER_CONFIG/config.json" # podman reads it
        podman --cgroup-manager=cgroupfs pod create --name "$name-pod" --infra=false --share "" >/dev/null || fail "podman pod create"
        podman --cgroup-manager=cgroupfs run -d --pod "$name-pod" --name "$name" --label "$ENGINE_LABEL" "$ENGINE_IMAGE" >/dev/null ||
            fail "podman run"
        of="pod $name-pod"
    else
        docker run -d --name "$name" --label "$ENGINE_LABEL" --label com.docker.swarm.service.name=web "$ENGINE_IMAGE" >/dev/null
    fi
    run forge import --running
    assert_contains "$err" "warning: container $name is part of $of and is left out"
    assert_lacks "$out" "$name"
    run forge import --running "$name"
    assert_status 2
    assert_contains "$err" "container $name is part of $of and cannot be taken over"
    clean "$name"
    [ "$FORGE_ENGINE" != podman ] || podman --cgroup-manager=cgroupfs pod rm -f "$name-pod" >/dev/null
}

test_what_is_not_there()
{
    forge_new nowhere
    run forge import --running --project forge-test-nowhere
    assert_status 2
    assert_contains "$err" "the engine has no container to import of project forge-test-nowhere"
    run forge import --running forge-test-nowhere
    assert_status 2
    assert_contains "$err" "the engine has no container forge-test-nowhere"
}

test_main "$@"
