#!/bin/bash
# Updates of replicas on a real engine: a limited number at a time, monitored, and rolled back when one fails.
. "${0%/*}/../lib/test.sh"
. "${0%/*}/../lib/forge.sh"

engine_start

# Names, states and version variable of all replicas of web.
replicas()
{
    docker ps -aq --filter "label=io.forge.environment=$FORGE_ENV" |
        xargs -r docker inspect --format '{{.Name}} {{.State.Status}} {{index .Config.Labels "v"}}' | sort
}

# web VERSION LINES...: writes a manifest of four replicas, whose instances break if a file says so.
web()
{
    local v=$1
    shift
    container web "labels: {v: '$v'}" "replicas: 4" "stop_signal: KILL" "$@"
}

all() # all VERSION: four replicas of that version run, and nothing else
{
    local i
    for i in 1 2 3 4; do echo "/$FORGE_ENV-web-$i running $1"; done
}

# count_running FILE: while FILE exists, writes the lowest number of running replicas to FILE.least.
count_running()
{
    local n least=99
    while [ -e "$1" ]; do
        n=$(docker ps -q --filter "label=io.forge.environment=$FORGE_ENV" --filter status=running | wc -l)
        [ "$n" -ge "$least" ] || least=$n
        echo "$least" >"$1.least"
    done
}

watched() # runs its arguments, and sets `least`
{
    local watcher
    touch "$PWD/watching"
    count_running "$PWD/watching" &
    watcher=$!
    run "$@"
    rm "$PWD/watching"
    wait "$watcher"
    least=$(cat "$PWD/watching.least")
}

test_start_first_never_has_fewer()
{
    forge_new up
    web 1
    run forge apply --yes
    assert_status 0
    web 2 "update: {parallelism: 2, order: start-first}"
    run forge diff
    assert_contains "$out" "rolling: 2 at a time, start-first, 4 instances"
    watched forge apply --yes
    assert_status 0
    assert_eq "$(replicas)" "$(all 2)"
    [ "$least" -ge 4 ] || fail "only $least ran"
}

test_stop_first_has_as_few_as_go_at_a_time()
{
    forge_new down
    web 1
    run forge apply --yes
    web 2 "update: {order: stop-first}"
    watched forge apply --yes
    assert_status 0
    assert_eq "$(replicas)" "$(all 2)"
    [ "$least" -ge 3 ] || fail "only $least ran"
}

# The third instance finds what the first two left on a volume, and exits.
breaks="command: ['sh', '-c', 'n=\$\$(ls /v | wc -l); touch /v/\$\$(hostname); [ \$\$n -lt 2 ] || { sleep 0.4; exit 3; }; sleep infinity']"

volume_too() { manifest v.yaml <<<'{apiVersion: forge/v1, kind: Volume, metadata: {name: v}, spec: {}}'; }

broken()
{
    web "$1" "volumes: ['v:/v']" "$breaks" "update: {order: start-first, monitor: 1s, $2}"
}

test_pause_leaves_the_others()
{
    forge_new pause
    volume_too
    web 1
    run forge apply --yes
    broken 2 "failure_action: pause"
    watched forge apply --yes
    assert_status 1
    assert_contains "$out$err" "of 4 instances, 2 updated, 1 failed, 1 not updated"
    assert_contains "$out$err" "failed while it was monitored"
    assert_contains "$out$err" "exited with code 3"
    assert_eq "$(replicas)" "$(all 1 | sed '1,2s/1$/2/')"
    [ "$least" -ge 4 ] || fail "only $least ran"
}

test_rollback_returns_the_same_containers()
{
    forge_new back
    volume_too
    web 1
    run forge apply --yes
    local before
    before=$(docker ps -q --no-trunc --filter "label=io.forge.environment=$FORGE_ENV" | sort)
    broken 2 "failure_action: rollback"
    watched forge apply --yes
    assert_status 1
    assert_contains "$out$err" "of 4 instances, 2 rolled back, 1 failed, 1 not updated"
    assert_eq "$(replicas)" "$(all 1)"
    assert_eq "$(docker ps -q --no-trunc --filter "label=io.forge.environment=$FORGE_ENV" | sort)" "$before"
    [ "$least" -ge 4 ] || fail "only $least ran"
    run forge history --json
    assert_eq "$(jq -r '.generations[0].status' <<<"$out")" failed
}

test_recreate_runs_no_two_versions()
{
    forge_new anew
    web 1
    run forge apply --yes
    web 2 "update: {strategy: recreate}"
    run forge diff
    assert_contains "$out" "recreate: all 4 stop before any starts"
    docker events --filter "label=io.forge.environment=$FORGE_ENV" --format '{{.TimeNano}} {{.Action}}' >seen &
    local listener=$! last_stop first_start
    sleep 0.5
    run forge apply --yes
    kill "$listener"
    assert_status 0
    assert_eq "$(replicas)" "$(all 2)"
    last_stop=$(awk '$2 == "die" { print $1 }' seen | sort -n | tail -1)
    first_start=$(awk '$2 == "start" { print $1 }' seen | sort -n | head -1)
    [ "$last_stop" -lt "$first_start" ] || fail "one started before all had stopped"
}

# Each replica is reachable by its own name, and all of them by the resource's name.
test_names_and_aliases_stay()
{
    forge_new names
    web 1
    run forge apply --yes
    web 2
    run forge apply --yes
    assert_status 0
    local i aliases
    for i in 1 2 3 4; do
        aliases=$(docker inspect --format '{{range .NetworkSettings.Networks}}{{.Aliases}}{{end}}' "$FORGE_ENV-web-$i")
        assert_contains "$aliases" web
    done
    sed -i 's/replicas: 4/replicas: 2/' "$FORGE_DIR/web.yaml"
    run forge diff
    assert_contains "$out" "replicas   4 -> 2"
    run forge apply --yes
    assert_eq "$(replicas)" "$(all 2 | head -2)"
}

# Killed at each journal write, and finished or rolled back by the next run.
test_killed_in_the_middle()
{
    forge-ctl version --json | jq -e .test_hooks >/dev/null ||
        skip "this build cannot be killed on purpose; build it with the debug preset (-DFORGE_TEST_HOOKS=ON)"
    local at
    forge_new kill
    web 1
    run forge apply --yes
    for at in 3 9 17 24 33 41 52; do
        web "at$at" "update: {failure_action: rollback, order: start-first, parallelism: 2}"
        FORGE_TEST_KILL_AT=$at forge apply --yes >/dev/null 2>&1 || :
        run forge apply --yes
        [ "$status" = 0 ] || fail "after a kill at $at: $out $err"
        assert_eq "$(replicas)" "$(all "at$at")" "after a kill at $at"
    done
}

test_main "$@"
