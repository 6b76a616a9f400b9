#!/bin/bash
# Wrong usage, help, version, completion, explain, schema, init, doctor: what needs no engine.
. "${0%/*}/../lib/test.sh"
. "${0%/*}/../lib/fake.sh"

# wrong MESSAGE HINT -- ARGS...: exits 2, nothing on stdout, and stderr says both.
wrong()
{
    local message=$1 hint=$2
    shift 3
    run forge-ctl "$@"
    assert_status 2
    assert_eq "$out" ""
    assert_contains "$err" "forge-ctl: $message"
    assert_contains "$err" "$hint"
}

test_verbs_and_options_are_checked()
{
    fake_new
    wrong "unknown verb hlep" "did you mean \`forge-ctl help\`?" -- hlep
    wrong "unknown option --onyl" "did you mean --only?" -- diff --onyl x
    wrong "unknown option -x" "lists the options" -- -x
    wrong "option --parallel needs a value: N" "forge-ctl help apply" -- apply --parallel
    wrong "option --yes takes no value" "write --yes alone" -- apply --yes=no
    wrong 'diff takes [REV | A..B]: unexpected argument "b"' "forge-ctl help diff" -- diff a b
    wrong "show needs GENERATION" "forge-ctl help show" -- show
    wrong "exec needs RESOURCE [--] COMMAND" "" -- exec web
}

test_values_are_checked()
{
    fake_new
    wrong '--parallel: "x" is not an integer' "" -- apply --parallel x
    wrong "--parallel: 0 is out of range" "1 to 64" -- apply --parallel=0
    wrong '--timeout: "5" is not a duration' "10s" -- apply --timeout 5
    wrong '--limit: -1 is out of range' "" -- history --limit=-1
    wrong '--for: "soon" is not a duration' "" -- suspend --for soon
    wrong 'the generation: "x" is not an integer' "" -- show x
    wrong '--tail: "x" is not an integer' "" -- logs web --tail x
    wrong '--since: "x" is not an age or a time' "10m" -- logs web --since x
}

# What is typed in the wrong folder, or with a slip in a name.
test_slips_are_met_with_a_hint()
{
    fake_new
    wrong "cannot work in nosuch" "init DIR" -- -C nosuch diff
    wrong "cannot work in nosuch" "init DIR" -- validate nosuch
    wrong "cannot read nosuch" "" -- restore nosuch
    wrong 'unknown field "nosuch"' "forge-ctl explain container.healthcheck\`" -- explain container.healthcheck.nosuch
    wrong "nothing exists for volume/data" "status" -- volume backup data x.tar
    echo hello >repo/README
    commit "readme"
    run forge-ctl diff
    assert_status 0
    assert_contains "$err" "there are no manifests here"
    printf 'apiVersion: forge/v1\nkind: Container\nmetadata: {name: web}\nspec: {image: x, profiles: [debug]}\n' >repo/web.yaml
    commit "web"
    run forge-ctl diff
    assert_status 0
    assert_contains "$err" "no resource is active: all profiles of 1 resource are inactive"
    git -C repo rm -q web.yaml
    run forge-ctl history nosuch
    assert_status 0
    assert_contains "$out" "Nothing is recorded for container/nosuch in environment shop."
    printf 'apiVersion: forge/v1\nkind: Volume\nmetadata: {name: data}\n' >repo/data.yaml
    commit "data"
    run forge-ctl diff --allow-data-loss dta
    assert_contains "$err" "data loss is allowed for volume/dta, which does not exist"
    assert_contains "$err" "did you mean volume/data?"
    run forge-ctl import repo/data.yaml
    assert_status 1
    assert_contains "$err" "this is a Forge manifest, not a compose file"
}

test_json_has_its_errors_too()
{
    run forge-ctl diff --json=foo
    assert_status 2
    assert_eq "$(jq -r .error.code <<<"$out")" invalid
    run forge-ctl --json diff --onyl
    assert_status 2
    assert_eq "$(jq -r .error.hint <<<"$out")" "did you mean --only?"
    run forge-ctl explain --json container
    assert_status 2
    assert_eq "$(jq -r .error.code <<<"$out")" unsupported
}

test_settings_are_checked()
{
    fake_new
    wrong "settings: /nonexistent.yaml" "" -- --settings /nonexistent.yaml diff
    wrong "$PWD/forged.yaml has no environment nosuch" "there is: shop" -- -e nosuch diff
    wrong '"Bad Name" is not a valid environment name' "a-z" -- -C repo -e "Bad Name" diff
    sed -i 's/target: local/targte: local/' forged.yaml
    run forge-ctl diff
    assert_status 2
    assert_contains "$err" 'unknown key "targte"'
    assert_contains "$err" "    targte: local"
    assert_contains "$err" 'did you mean "target"?'
    run forge-ctl diff --json
    assert_eq "$(jq -r '.diagnostics[0].hint' <<<"$out")" 'did you mean "target"?'
}

test_help_names_every_verb()
{
    run forge-ctl help
    assert_status 0
    local verb
    for verb in init validate diff apply status history show rollback explain schema suspend resume reconcile adopt logs exec \
        backup restore doctor completion version help; do
        assert_match "$out" "  $verb +[a-zA-Z]"
        run forge-ctl help "$verb"
        assert_status 0
        assert_contains "$out" "forge-ctl $verb"
        assert_contains "$out" "Exit codes: "
        local short=$out
        run forge-ctl "$verb" --help
        assert_status 0
        [ "$verb" = help ] || assert_eq "$out" "$short"
        run forge-ctl help
    done
    run forge-ctl
    assert_status 2
    wrong "unknown verb nosuch" "lists the verbs" -- help nosuch
}

test_version()
{
    run forge-ctl version
    assert_status 0
    assert_match "$out" '^forge-ctl [0-9]+\.[0-9]+\.[0-9]+'
    run forge-ctl --version
    assert_status 0
    assert_match "$out" '^forge-ctl [0-9]+\.[0-9]+\.[0-9]+'
    run forge-ctl version --json
    assert_eq "$(jq -r '.format, has("forge"), has("libgit2")' <<<"$out")" $'forge/version/v1\ntrue\ntrue'
}

# libcurl is loaded when it is needed: without it, all that needs neither a registry nor Git over https works.
test_without_libcurl()
{
    fake_new
    app web
    commit
    mkdir lib
    echo "not a library" >lib/libcurl.so.4
    run env LD_LIBRARY_PATH="$PWD/lib" forge-ctl version
    assert_status 0
    assert_match "$out" 'libcurl +.*libcurl\.so\.4'
    run env LD_LIBRARY_PATH="$PWD/lib" forge-ctl apply --yes
    assert_status 0
    sed -i 's,file://[^"]*,https://127.0.0.1:1/shop.git,' forged.yaml
    run env LD_LIBRARY_PATH="$PWD/lib" forge-ctl apply --yes
    assert_status 2
    assert_contains "$err" "libcurl.so.4"
    assert_contains "$err" "hint: install it (Debian: libcurl4)"
}

# So is libgit2: a plain folder needs none.
test_without_libgit2()
{
    fake_new
    app web
    commit
    local version
    version=$(forge-ctl version --json | jq -r .libgit2)
    mkdir lib folder
    cp repo/*.yaml folder/
    echo "not a library" >"lib/libgit2.so.${version%.*}"
    run env LD_LIBRARY_PATH="$PWD/lib" forge-ctl version
    assert_status 0
    assert_match "$out" 'libgit2 +.*libgit2\.so'
    run env LD_LIBRARY_PATH="$PWD/lib" forge-ctl -C folder validate
    assert_status 0
    run env LD_LIBRARY_PATH="$PWD/lib" forge-ctl apply --yes
    assert_status 2
    assert_contains "$err" "libgit2.so"
    assert_contains "$err" "hint: install it (Debian: libgit2-${version%.*})"
}

test_explain()
{
    run forge-ctl explain
    assert_status 0
    assert_match "$out" "container +One or more"
    run forge-ctl explain container.healthcheck.interval
    assert_status 0
    assert_match "$out" "type +duration"
    run forge-ctl explain Container
    assert_status 0
    wrong 'unknown kind "contaner"' "did you mean container?" -- explain contaner
    wrong 'unknown field "helthcheck"' "did you mean container.healthcheck?" -- explain container.helthcheck
}

test_schema_is_json()
{
    run forge-ctl schema
    assert_status 0
    assert_eq "$(jq -r '."$schema"' <<<"$out")" "http://json-schema.org/draft-07/schema#"
}

test_completions()
{
    run forge-ctl completion bash
    assert_status 0
    bash -n <<<"$out"
    run forge-ctl completion fish
    assert_contains "$out" "complete -c forge-ctl"
    run forge-ctl completion zsh
    assert_contains "$out" "#compdef forge-ctl"
    wrong 'no completions for the shell "ksh"' "bash, zsh and fish" -- completion ksh
}

test_init()
{
    run forge-ctl init shop
    assert_status 0
    assert_contains "$out" "cd shop"
    run forge-ctl validate shop
    assert_status 0
    assert_contains "$out" "2 resources in 2 files: valid"
    assert_contains "$(cat shop/forge.yaml)" "name: shop"
    wrong "shop/forge.yaml already exists" "" -- init shop
    run forge-ctl init --json other
    assert_eq "$(jq -r '.files[]' <<<"$out")" $'other/forge.yaml\nother/web.yaml'
}

test_doctor()
{
    fake_new
    app web
    commit
    run forge-ctl doctor
    assert_status 0
    assert_contains "$out" "✔ target local: fake"
    assert_contains "$out" ": 1 resource"
    sed -i 's,fake://[^"]*,unix:///nonexistent/docker.sock,' forged.yaml
    run forge-ctl doctor
    assert_status 1
    assert_contains "$out" "✘ target local: "
    assert_contains "$out" "hint: "
    run forge-ctl doctor --json
    assert_status 1
    assert_eq "$(jq -r '.checks[] | select(.check == "target local") | .result' <<<"$out")" error
}

# completed WORD...: what bash offers for the last of them
completed()
{
    COMP_WORDS=("$@")
    COMP_CWORD=$(($# - 1))
    COMPREPLY=()
    _forge_ctl
    echo "${COMPREPLY[*]}"
}

test_resources_are_completed()
{
    fake_new
    app web
    app worker
    commit
    run forge-ctl names
    assert_status 0
    assert_eq "$out" "container/web
container/worker"
    forge-ctl completion bash >offers
    # shellcheck source=/dev/null
    . ./offers
    assert_eq "$(completed forge-ctl logs container/wo)" "container/worker"
    assert_eq "$(completed forge-ctl apply --only container/we)" "container/web"
    assert_eq "$(completed forge-ctl --settings "$FORGE_SETTINGS" status container/we)" "container/web"
    assert_contains "$(completed forge-ctl logs --f)" "--follow"
    rm -r repo
    assert_eq "$(completed forge-ctl logs container/wo)" ""
}

test_main "$@"
