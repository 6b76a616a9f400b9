#!/bin/bash
# S3: data is only deleted with an approval bound to that volume, and can be saved before.
. "${0%/*}/../lib/test.sh"
. "${0%/*}/../lib/forge.sh"

engine_start

volumes() { docker volume ls -q --filter "label=io.forge.environment=$FORGE_ENV"; }

# A volume with a file that has another owner, and a container that stays when the volume is removed.
with_data()
{
    forge_new "$1"
    container other
    volume_manifest
    forge apply --yes >/dev/null
    in_volume 'mkdir /v/deep && echo precious >/v/deep/file && chown 1234:99 /v/deep/file && chmod 640 /v/deep/file'
}

volume_manifest() { manifest data.yaml <<<'{apiVersion: forge/v1, kind: Volume, metadata: {name: data}, spec: {}}'; }
in_volume() { engine_run_once --network none --label "$ENGINE_LABEL" -v "$FORGE_ENV-data:/v" "$ENGINE_IMAGE" sh -c "$1"; }
word() { { forge diff --json || true; } | jq -r '.changes[] | select(.id == "volume/data").loss_word'; }

leftovers()
{
    docker ps -aq --filter "name=forge-copy-$FORGE_ENV"
    docker images -q --filter dangling=true --no-trunc
}

saves_volumes() { [ "$FORGE_ENGINE" != podman ]; }

# Saves to data.tar. Podman's API cannot do that, which is reported; Podman's own command writes the same archive.
save()
{
    run forge volume backup volume/data data.tar
    if saves_volumes; then
        assert_status 0
        assert_contains "$out" "Saved volume/data to data.tar"
        run forge volume backup volume/data data.tar
        assert_status 2
        assert_contains "$err" "not overwritten"
    else
        assert_status 2
        assert_contains "$err" "makes root the owner of all files and leaves out dev, proc and sys"
        assert_contains "$err" "podman volume export $FORGE_ENV-data"
        rm -f data.tar
        podman_user env -u DOCKER_CONFIG podman --cgroup-manager=cgroupfs volume export "$FORGE_ENV-data" >data.tar
    fi
}

test_a_volume_is_saved_and_filled_again()
{
    with_data copy
    local before
    before=$(leftovers)
    save
    run forge volume restore volume/data data.tar
    assert_status 2
    assert_contains "$err" "already contains files"
    in_volume 'rm -r /v/deep'
    run forge volume restore volume/data data.tar
    assert_status 0
    assert_eq "$(in_volume 'cat /v/deep/file; stat -c "%u:%g %a" /v/deep/file')" "precious
1234:99 640"
    in_volume 'echo worthless >/v/deep/file; echo new >/v/new'
    run forge volume restore volume/data data.tar --overwrite
    assert_status 0
    assert_eq "$(in_volume 'cat /v/deep/file /v/new')" "precious
new"
    assert_eq "$(leftovers)" "$before"
}

test_a_copy_says_who_writes()
{
    forge_new writer
    volume_manifest
    container web 'volumes: ["data:/data"]'
    forge apply --yes >/dev/null
    run forge volume backup volume/data data.tar
    ! saves_volumes || assert_status 0
    assert_contains "$err" "container/web is running and may write to volume/data"
}

test_what_is_no_volume_is_refused()
{
    forge_new none
    container web
    forge apply --yes >/dev/null
    run forge volume backup container/web x.tar
    assert_status 2
    assert_contains "$err" "container/web is not a volume"
    run forge volume backup volume/data x.tar
    assert_status 2
    assert_contains "$err" "nothing exists for volume/data"
    run forge volume save volume/data x.tar
    assert_status 2
    assert_contains "$err" "use backup or restore"
    assert_eq "$(ls)" ""
}

test_a_word_in_git_lets_one_volume_go_and_no_later_one() # S3
{
    with_data word
    rm "$FORGE_DIR/data.yaml"
    run forge diff
    assert_contains "$out" "forge-ctl volume backup volume/data"
    local word
    word=$(word)
    assert_contains "$out" "--allow-data-loss $word"
    assert_contains "$out" "forge/allow-data-loss: $word"
    sed -i "s|metadata: {name: other}|metadata: {name: other, annotations: {forge/allow-data-loss: \"$word\"}}|" "$FORGE_DIR/other.yaml"
    run forge apply --yes
    assert_status 0
    assert_eq "$(volumes)" ""

    volume_manifest
    run forge apply --yes
    assert_status 0
    run forge diff
    assert_contains "$out" "names no existing object"
    rm "$FORGE_DIR/data.yaml"
    run forge apply --yes
    assert_eq "$(volumes)" "$FORGE_ENV-data"
}

test_the_command_line_word_is_of_one_volume() # S3
{
    with_data line
    rm "$FORGE_DIR/data.yaml"
    run forge apply --yes --allow-data-loss volume/data@0123456789ab
    assert_eq "$(volumes)" "$FORGE_ENV-data"
    if ! saves_volumes; then # if it cannot be saved, it is not deleted either
        run forge apply --yes --allow-data-loss "$(word)" --backup-volumes saved
        assert_status 2
        assert_contains "$err" "nothing was changed"
        assert_eq "$(volumes)" "$FORGE_ENV-data"
        run forge apply --yes --allow-data-loss "$(word)"
        assert_status 0
        assert_eq "$(volumes)" ""
        return
    fi
    run forge apply --yes --allow-data-loss "$(word)" --backup-volumes saved
    assert_status 0
    assert_eq "$(volumes)" ""
    assert_eq "$(tar -xOf saved/data-*.tar ./deep/file)" precious
}

test_nothing_is_lost_when_it_cannot_be_saved()
{
    with_data full
    rm "$FORGE_DIR/data.yaml"
    : >saved
    run forge apply --yes --allow-data-loss "$(word)" --backup-volumes saved
    assert_status 2
    assert_contains "$err" "nothing was changed"
    assert_eq "$(volumes)" "$FORGE_ENV-data"
}

test_main "$@"
