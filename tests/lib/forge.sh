# forge-ctl on an engine, in the test's own environment.
#
#   forge_new NAME                 creates a folder for manifests, a state folder and an environment name; sets FORGE_ENV,
#                                  FORGE_DIR, FORGE_STATE_DIR. The environment's objects are removed from the engine at exit
#   forge VERB...                  runs forge-ctl on them
#   manifest FILE                  writes standard input to $FORGE_DIR/FILE
#   container NAME [SPEC-LINE...]  writes $FORGE_DIR/NAME.yaml: a sleeping container with these lines in its spec
#   native NAME [INSTANCE]         prints the engine's name of a container
#   inspect NAME FORMAT            runs docker inspect on it
#   eventually SECONDS COMMAND...  waits until it succeeds; fails after that time
# shellcheck shell=bash

. "${BASH_SOURCE[0]%/*}/engine.sh"

forge_new()
{
    FORGE_ENV=$1-$ENGINE_RUN
    FORGE_DIR=$(mktemp -d "$SERVICE_DIR/fXXXX")
    FORGE_STATE_DIR=$FORGE_DIR.state
    export FORGE_ENV FORGE_DIR FORGE_STATE_DIR
    at_exit forge_remove_objects "$FORGE_ENV"
}

forge_remove_objects()
{
    local _
    for _ in {1..25}; do
        remove_marked "label=io.forge.environment=$1" && return
        # What a killed run asked for may still be under way in the engine, which then refuses.
        sleep 0.2
    done
    echo "    the engine keeps objects of environment $1" >&2
}

remove_marked()
{
    docker ps -aq --filter "$1" | xargs -r docker rm -fv >/dev/null 2>&1 &&
        docker network ls -q --filter "$1" | xargs -r docker network rm >/dev/null 2>&1 &&
        docker volume ls -q --filter "$1" | xargs -r docker volume rm >/dev/null 2>&1
}

forge() { forge-ctl -C "$FORGE_DIR" -e "$FORGE_ENV" "$@"; }

manifest() { cat >"$FORGE_DIR/$1"; }

container()
{
    local name=$1
    shift
    {
        printf 'apiVersion: forge/v1\nkind: Container\nmetadata: {name: %s}\nspec:\n  image: %s\n' "$name" "$ENGINE_IMAGE"
        [ $# = 0 ] || printf '  %s\n' "$@"
    } | manifest "$name.yaml"
}

native() { echo "$FORGE_ENV-$1-${2:-1}"; }

inspect() { docker inspect --format "$2" "$(native "$1")"; }

eventually()
{
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        if [ "$SECONDS" -ge "$end" ]; then
            fail "not in time: $*"
        fi
        sleep 0.1
    done
}
