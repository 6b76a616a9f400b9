#!/bin/bash
# validate: everything that is wrong, at its place, with its line.
. "${0%/*}/../lib/test.sh"
. "${0%/*}/../lib/fake.sh"

broken()
{
    mkdir -p "$1"
    cat >"$1/web.yaml" <<'END'
apiVersion: forge/v1
kind: Container
metadata: {name: web}
spec:
  image: app:1
  prots: ["8080:80"]
  restart: sometimes
END
    cat >"$1/other.yaml" <<'END'
apiVersion: forge/v1
kind: Containr
metadata: {name: other}
END
}

test_every_problem_with_its_line()
{
    broken shop
    run forge-ctl validate shop
    assert_status 1
    assert_eq "$out" "1 resource in 2 files: 3 errors, 0 warnings"
    assert_eq "$(grep -c ': error: ' <<<"$err")" 3
    assert_contains "$err" "$(printf '%s\n' 'shop/web.yaml:6:3: error: unknown key "prots"' '  6 |   prots: ["8080:80"]' '    |   ^' \
        '  hint: did you mean "ports"?')"
    assert_contains "$err" 'shop/other.yaml:2:7: error: unknown kind "Containr"'
}

test_one_file()
{
    broken shop
    run forge-ctl validate shop/other.yaml
    assert_status 1
    assert_lacks "$err" prots
    assert_contains "$err" "  2 | kind: Containr"
    cd shop
    run forge-ctl validate web.yaml
    assert_status 1
    assert_contains "$err" "web.yaml:7:12: error: "
    assert_lacks "$err" Containr
    run forge-ctl validate "$PWD/web.yaml"
    assert_contains "$err" "$PWD/web.yaml:6:3: error: "
}

# A file is read with what stands around it, from the folder of the nearest forge.yaml.
test_one_file_of_a_project()
{
    mkdir -p shop/base
    printf 'apiVersion: forge/v1\nkind: Project\nmetadata: {name: shop}\n' >shop/forge.yaml
    printf 'apiVersion: forge/v1\nkind: Network\nmetadata: {name: front}\nspec: {}\n' >shop/net.yaml
    printf 'apiVersion: forge/v1\nkind: Container\nmetadata: {name: web}\nspec: {image: "app:1", networks: [front]}\n' >shop/base/web.yaml
    run forge-ctl validate shop/base/web.yaml
    assert_eq "$err" ""
    assert_status 0
    assert_eq "$out" "1 resource in 1 file: valid"
}

test_json()
{
    broken shop
    run forge-ctl validate --json shop
    assert_status 1
    assert_eq "$err" ""
    assert_eq "$(jq -r '.format, .errors, .diagnostics[0].file, .diagnostics[0].line' <<<"$out")" $'forge/validate/v1\n3\nshop/other.yaml\n2'
    run forge-ctl -C shop diff --json
    assert_status 2
    assert_eq "$(jq -r '.error.code, (.diagnostics | length)' <<<"$out")" $'invalid\n3'
}

test_lines_of_a_commit()
{
    fake_new
    broken repo
    commit
    rm repo/*.yaml
    run forge-ctl diff
    assert_status 2
    # The line is the commit's: what lies in the folder by now is another matter.
    assert_contains "$err" '  6 |   prots: ["8080:80"]'
    assert_contains "$err" "environment shop: 3 errors in its manifests"
}

test_nothing_there()
{
    run forge-ctl validate nosuch
    assert_status 2
    assert_contains "$err" "nosuch: No such file or directory"
    mkdir empty
    run forge-ctl validate empty
    assert_status 0
    assert_contains "$out" "0 resources in 0 files"
}

test_main "$@"
