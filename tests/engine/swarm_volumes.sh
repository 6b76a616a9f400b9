#!/bin/bash
# Volumes on a swarm of three nodes: created where a task runs, as the manifest says; failures are reported.
. "${0%/*}/../lib/test.sh"
. "${0%/*}/../lib/forge.sh"
. "${0%/*}/../lib/swarm.sh"

swarm_start 3

forge_s() { DOCKER_HOST=$SWARM_HOST forge "$@"; }

new()
{
    forge_new "$1"
    at_exit swarm_remove_objects "$FORGE_ENV"
}

# user_of NODE: writes a service "web" on that node with the volume "data" at /data.
user_of()
{
    local node=$1
    container web "stop_grace_period: 1s" "update: {monitor: 500ms}" "volumes: ['data:/data']" \
        "deploy: {endpoint_mode: dnsrr, placement: {constraints: [node.hostname==$node]}}"
}

# volume SPEC: writes the manifest of "data".
volume() { manifest data.yaml <<<"{apiVersion: forge/v1, kind: Volume, metadata: {name: data}, spec: $1}"; }

# on NODE FORMAT [NAME]: inspects the volume on that node.
on() { swarm_docker "$1" volume inspect --format "$2" "${3:-$FORGE_ENV-data}"; }
in_task() { swarm_docker "$1" exec "$(swarm_docker "$1" ps -q --filter "label=com.docker.swarm.service.name=$FORGE_ENV-web" | head -1)" sh -c "$2"; }
nodes_with() { for n in 1 2 3; do swarm_docker "$n" volume ls -q --filter "name=^$FORGE_ENV-data\$" | sed "s/.*/node$n/"; done; }

applied()
{
    run forge_s apply --yes
    assert_status 0
    run forge_s diff
    assert_status 0
}

test_memory_is_made_where_the_task_runs() # L9
{
    new memory
    volume '{driver_opts: {type: tmpfs, device: tmpfs, o: "size=1m,mode=1777"}, labels: {team: shop}}'
    user_of node2
    applied
    assert_eq "$(nodes_with)" node2
    assert_eq "$(on 2 '{{.Driver}} {{.Options.type}} {{.Options.o}} {{.Labels.team}}')" "local tmpfs size=1m,mode=1777 shop"
    assert_match "$(in_task 2 'grep " /data " /proc/mounts')" "tmpfs /data tmpfs .*size=1024k"
    # A label of an existing volume is no reason for a new task.
    local before
    before=$(docker service inspect --format '{{.Version.Index}}' "$FORGE_ENV-web")
    sed -i 's/team: shop/team: store/' "$FORGE_DIR/data.yaml"
    applied
    assert_eq "$(docker service inspect --format '{{.Version.Index}}' "$FORGE_ENV-web")" "$before"
    assert_eq "$(on 2 '{{.Labels.team}}')" shop
}

test_a_folder_of_each_node() # L9
{
    new folder
    mkdir "$SERVICE_DIR/folder"
    volume "{driver_opts: {type: none, o: bind, device: $SERVICE_DIR/folder}}"
    container web "stop_grace_period: 1s" "update: {monitor: 500ms}" "volumes: ['data:/data']" \
        "command: [sh, -c, 'echo >/data/\$\$NODE-\$\$(hostname); sleep infinity']" "environment: {NODE: '{{.Node.Hostname}}'}" \
        "hostname: 'on-{{.Node.Hostname}}'" \
        "deploy: {endpoint_mode: dnsrr, mode: global}"
    applied
    assert_eq "$(nodes_with)" "node1
node2
node3"
    eventually 5 test -s "$SERVICE_DIR/folder/node3-on-node3"
    assert_eq "$(cd "$SERVICE_DIR/folder" && echo *)" "node1-on-node1 node2-on-node2 node3-on-node3"
    assert_eq "$(on 3 '{{.Options.device}}')" "$SERVICE_DIR/folder"
}

test_another_option_needs_another_volume() # S3, S9
{
    new option
    volume '{driver_opts: {type: tmpfs, device: tmpfs, o: size=1m}}'
    user_of node3
    applied
    in_task 3 'echo precious >/data/file'
    volume '{driver_opts: {type: tmpfs, device: tmpfs, o: size=2m}}'
    run forge_s diff
    assert_status 1
    assert_contains "$out" "volumes./data.driver_opts.o"
    assert_contains "$out" "keep the existing volume $FORGE_ENV-data and its data"
    run forge_s apply --yes
    assert_contains "$out" "give the Volume another \`name\`"
    assert_eq "$(in_task 3 'cat /data/file')" precious
    assert_eq "$(on 3 '{{.Options.o}}')" size=1m
    volume "{name: $FORGE_ENV-data-2, driver_opts: {type: tmpfs, device: tmpfs, o: size=2m}}"
    applied
    assert_eq "$(on 3 '{{.Options.o}}' "$FORGE_ENV-data-2")" size=2m
    assert_eq "$(on 3 '{{.Options.o}}')" size=1m
    assert_match "$(in_task 3 'grep " /data " /proc/mounts')" "size=2048k"
    # Removing the service does not remove the volume.
    rm "$FORGE_DIR"/*.yaml
    container other "deploy: {endpoint_mode: dnsrr}"
    applied
    assert_eq "$(nodes_with)" node3
}

test_each_place_of_a_service_has_its_own() # L9
{
    new places
    volume "{name: '$FORGE_ENV-data-{{.Task.Slot}}'}"
    user_of node2
    printf '  replicas: 2\n' >>"$FORGE_DIR/web.yaml"
    applied
    assert_eq "$(swarm_docker 2 volume ls -q --filter "name=$FORGE_ENV" | sort)" "$FORGE_ENV-data-1
$FORGE_ENV-data-2"
}

test_what_a_node_cannot_make_is_told_in_its_words() # S9
{
    new words
    volume '{driver_opts: {type: none, o: bind, device: /nowhere/at/all}}'
    user_of node2
    run forge_s apply --yes
    assert_status 1
    assert_contains "$err" "/nowhere/at/all"
    assert_contains "$err" "no such file or directory"
    assert_contains "$err" node2
}

test_a_driver_that_no_node_has()
{
    new driver
    volume '{driver: no-such-driver}'
    user_of node2
    sed -i 's/update: {/&timeout: 5s, /' "$FORGE_DIR/web.yaml"
    run forge_s apply --yes
    assert_status 1
    assert_contains "$err" "missing plugin"
}

test_main "$@"
