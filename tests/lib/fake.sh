# forge-ctl on a fake engine whose state is a file, for quick tests of the command line without a container engine.
#
#   fake_new                       creates in the current folder: repo/ (a Git repository with manifests), state/, forged.yaml
#                                  with the environment "shop"; exports FORGE_SETTINGS. Images app:1, app:2 and db:1 exist
#   fake_fleet NAME...             the same with one target per NAME; "shop" is on all of them
#   manifest FILE                  writes standard input to repo/FILE
#   app NAME [SPEC-LINE...]        writes repo/NAME.yaml: a container of app:1 with these lines in its spec
#   commit [MESSAGE]               commits repo/
#   behind LINE...                 changes the engine's state behind Forge's back (providers/fake/file.c lists the lines)
#   behind_on NAME LINE...         the same on one engine of several
# shellcheck shell=bash

fake_new()
{
    fake_begin "local: {url: \"fake://$PWD/engine\"}" "target: local"
    behind "${fake_images[@]}"
}

fake_fleet()
{
    local name targets=
    for name in "$@"; do
        targets+="${targets:+, }$name: {url: \"fake://$PWD/engine-$name\", labels: {place: $name}}"
        behind_on "$name" "${fake_images[@]}"
    done
    fake_begin "$targets" "targets: {}"
}

fake_images=("image app:1 1 1" "image app:2 1 2" "image db:1 0 1")

# fake_begin TARGETS WHERE: creates the repository and the settings.
fake_begin()
{
    mkdir repo
    git -C repo init -q -b main
    git -C repo config user.name Test
    git -C repo config user.email test@example.invalid
    cat >forged.yaml <<END
apiVersion: forge/v1
kind: Settings
state_dir: $PWD/state
listen: {socket: "$PWD/forged.sock"}
targets: {$1}
environments:
  shop:
    repository: {url: "file://$PWD/repo", branch: main}
    $2
END
    chmod 600 forged.yaml
    export FORGE_SETTINGS=$PWD/forged.yaml
}

manifest() { cat >"repo/$1"; }

app()
{
    local name=$1
    shift
    {
        printf 'apiVersion: forge/v1\nkind: Container\nmetadata: {name: %s}\nspec:\n  image: app:1\n' "$name"
        [ $# = 0 ] || printf '  %s\n' "$@"
    } | manifest "$name.yaml"
}

commit()
{
    git -C repo add -A
    git -C repo commit -qm "${1:-change}"
}

behind() { printf '%s\n' "$@" >>engine.do; }

behind_on()
{
    local name=$1
    shift
    printf '%s\n' "$@" >>"engine-$name.do"
}
