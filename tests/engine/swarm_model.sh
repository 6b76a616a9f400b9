#!/bin/bash
# One model on a swarm: generated manifests, one set after the other (P2, L9).
. "${0%/*}/../lib/test.sh"
. "${0%/*}/../lib/forge.sh"
. "${0%/*}/../lib/swarm.sh"
. "${0%/*}/../lib/model.sh"

swarm_start

forge_s() { DOCKER_HOST=$SWARM_HOST forge "$@"; }

test_nothing_is_left_to_do()
{
    forge_new model
    at_exit swarm_remove_objects "$FORGE_ENV"
    model_run Swarm swarm forge_s
}

test_main "$@"
