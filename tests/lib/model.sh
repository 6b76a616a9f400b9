# Generated manifests on a real engine: after each apply there is nothing left to do, in all equivalent spellings.
#
#   model_run BACKEND FOR COMMAND...   BACKEND as in provider_variants(), FOR is engine or swarm; COMMAND runs forge-ctl on
#                                      $FORGE_DIR. The sets with seeds 1, 2, ... are applied one after the other in one
#                                      environment, until $MODEL_SECONDS (45) have passed or $MODEL_SETS (36) were applied,
#                                      but at least 6. FORGE_SEED=N: only that seed
# shellcheck shell=bash
# shellcheck disable=SC2154 # status, out and err are of run (test.sh)

# model_write BACKEND FOR SEED SPELLING
model_write()
{
    "$FORGE_BUILD_DIR/tests/test-one-model" print "$3" "$4" "$2" "$1" "$ENGINE_IMAGE" >"$FORGE_DIR/model.yaml"
}

# model_step BACKEND FOR SEED COMMAND...
model_step()
{
    local backend=$1 for=$2 seed=$3 spelling
    shift 3
    model_write "$backend" "$for" "$seed" 0
    run "$@" apply --yes --allow-data-loss volume/data
    if [ "$status" != 0 ]; then
        model_explain "apply exits $status"
    fi
    for spelling in 0 1 2; do
        model_write "$backend" "$for" "$seed" "$spelling"
        run "$@" diff
        if [ "$status" != 0 ]; then
            model_explain "spelling $spelling: diff exits $status"
        fi
    done
}

model_explain()
{
    fail "seed $seed: $1"$'\n'"$out"$'\n'"$err"$'\n'"$(cat "$FORGE_DIR/model.yaml")"
}

model_run()
{
    local backend=$1 for=$2 seed=1 end=$((SECONDS + ${MODEL_SECONDS:-45}))
    shift 2
    [ -x "$FORGE_BUILD_DIR/tests/test-one-model" ] || skip "test-one-model is not built: it takes cmocka (contrib/deps test)"
    if [ -n "${FORGE_SEED:-}" ]; then
        model_step "$backend" "$for" "$FORGE_SEED" "$@"
        return
    fi
    while [ "$seed" -le "${MODEL_SETS:-36}" ] && { [ "$seed" -le 6 ] || [ "$SECONDS" -lt "$end" ]; }; do
        model_step "$backend" "$for" "$seed" "$@"
        seed=$((seed + 1))
    done
    echo "$((seed - 1)) sets"
}
