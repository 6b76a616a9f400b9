#!/bin/bash
# One model on a real engine: generated manifests, one set after the other (P2, L9).
. "${0%/*}/../lib/test.sh"
. "${0%/*}/../lib/forge.sh"
. "${0%/*}/../lib/model.sh"

engine_start

test_nothing_is_left_to_do()
{
    local backend=Docker
    [ "${FORGE_ENGINE:-docker}" != podman ] || backend=Podman
    forge_new model
    model_run "$backend" engine forge
}

test_main "$@"
