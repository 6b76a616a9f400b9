# forge-ctl on an engine that is a file, for tests of the command line: no container engine is needed, and they are quick.
#
#   fake_new                       in the current folder: repo/ (a Git repository with manifests), state/, forged.yaml with the
#                                  environment "shop" on it; exports FORGE_SETTINGS. Images app:1, app:2 and db:1 exist
#   manifest FILE                  writes standard input to repo/FILE
#   app NAME [SPEC-LINE...]        writes repo/NAME.yaml: a container of app:1 with these lines in its spec
#   commit [MESSAGE]               commits repo/
#   behind LINE...                 what happens on the engine behind Forge's back (providers/fake/file.c lists it)
# shellcheck shell=bash

fake_new()
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
targets: {local: {url: "fake://$PWD/engine"}}
environments:
  shop:
    repository: {url: "file://$PWD/repo", branch: main}
    target: local
END
    chmod 600 forged.yaml
    export FORGE_SETTINGS=$PWD/forged.yaml
    behind "image app:1 1 1" "image app:2 1 2" "image db:1 0 1"
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
