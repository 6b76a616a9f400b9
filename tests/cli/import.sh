#!/bin/bash
# import: a compose file becomes manifests that mean the same.
. "${0%/*}/../lib/test.sh"

compose()
{
    mkdir -p shop/conf
    cat >shop/compose.yaml <<'END'
services:
  web_app:
    image: nginx:${TAG:-1.27}
    ports: ["8080:80"]
    command: ["sh", "-c", "echo $$HOME"]
    volumes: ["./conf/site.conf:/etc/site.conf:ro", "data:/data"]
    depends_on: {db: {condition: service_healthy}}
  db: {image: "postgres:16", restart: always}
volumes: {data: }
END
    echo 'listen 80' >shop/conf/site.conf
}

test_manifests_on_stdout()
{
    compose
    run forge-ctl import shop/compose.yaml
    assert_status 0
    assert_eq "$err" ""
    assert_contains "$out" "$(printf '%s\n' 'kind: Container' 'metadata:' '  name: web-app' 'spec:' '  image: nginx:1.27')"
    # shellcheck disable=SC2016  # a literal dollar is doubled
    assert_contains "$out" '"echo $$HOME"'
    assert_contains "$out" '  depends_on: {db: healthy}'
    assert_contains "$out" '  file: conf/site.conf'
}

test_a_dash_is_stdout()
{
    printf 'services: {web: {image: "web:1"}}\n' >compose.yaml
    run forge-ctl import --out - compose.yaml
    assert_status 0
    assert_contains "$out" "kind: Container"
    assert_eq "$(ls)" compose.yaml
}

test_what_is_written_is_the_same()
{
    compose
    run forge-ctl import --out shop/all.yaml shop/compose.yaml
    assert_status 0
    run forge-ctl -C shop validate
    assert_status 1
    assert_contains "$err" "is defined twice"
    rm shop/compose.yaml
    run forge-ctl -C shop validate
    assert_status 0
    assert_eq "$out" "4 resources in 1 file: valid"
}

test_relative_paths_of_the_host()
{
    compose
    cat >shop/compose.yaml <<'END'
services:
  web:
    image: nginx:1.27
    volumes: ["./data:/data", "./logs:/logs", "./conf:/conf:ro"]
END
    run forge-ctl import shop/compose.yaml
    assert_status 1
    assert_contains "$err" 'compose.yaml:4:15: error: service web: "./data" is not in the repository'
    assert_contains "$err" 'or import --host-dir'
    run forge-ctl import --host-dir /srv/shop shop/compose.yaml
    assert_status 0
    assert_eq "$err" ""
    assert_contains "$out" '[/srv/shop/conf:/conf:ro, /srv/shop/data:/data, /srv/shop/logs:/logs]'
    run forge-ctl import --host-dir shop shop/compose.yaml
    assert_status 2
    assert_contains "$err" 'shop is not an absolute path'
    run forge-ctl import --running --host-dir /srv/shop
    assert_status 2
    assert_contains "$err" '--host-dir can only be used with a compose file'
}

test_one_file_for_each()
{
    compose
    run forge-ctl import --out shop/m shop/compose.yaml
    assert_status 0
    assert_eq "$(ls shop/m)" "$(printf '%s\n' config-conf-site-conf.yaml container-db.yaml container-web-app.yaml volume-data.yaml)"
    run forge-ctl import --out shop/m shop/compose.yaml
    assert_status 2
    assert_contains "$err" "already exists"
    run forge-ctl import --force --out shop/m shop/compose.yaml
    assert_status 0
}

test_problems_have_places()
{
    compose
    sed -i 's/image: "postgres/imge: "postgres/' shop/compose.yaml
    run forge-ctl import shop/compose.yaml
    assert_status 1
    assert_eq "$out" ""
    assert_contains "$err" 'compose.yaml:8:8: error: services.db: unknown key "imge"'
    printf 'services:\n  web:\n    image: nginx\n   ports: []\n' >shop/broken.yaml
    run forge-ctl import shop/broken.yaml
    assert_status 1
    assert_contains "$err" "broken.yaml:4:4: error: not YAML"
    run forge-ctl import shop/nowhere.yaml
    assert_status 2
    assert_contains "$err" "there is no file shop/nowhere.yaml"
    run forge-ctl import
    assert_status 2
    assert_contains "$err" "nothing to import was given"
}

test_a_folder_with_nothing_but_a_compose_file()
{
    compose
    echo 'some: yaml of another program' >shop/other.yml
    run forge-ctl -C shop validate
    assert_status 0
    assert_contains "$out" "4 resources in 2 files: valid"
    run forge-ctl -C shop explain stack.files
    assert_status 0
    assert_contains "$out" "later ones are merged"
}

test_main "$@"
