#!/bin/bash
# Tests of the fixtures in this folder, with the usual client programs.
. "${0%/*}/test.sh"
. "${0%/*}/engine.sh"
. "${0%/*}/registry.sh"
. "${0%/*}/git.sh"

test_assertions_can_fail()
{
    (assert_eq a b) 2>/dev/null && exit 1
    (assert_contains abc x) 2>/dev/null && exit 1
    (assert_lacks abc b) 2>/dev/null && exit 1
    run sh -c 'echo out; echo err >&2; exit 3'
    (assert_status 0) 2>/dev/null && exit 1
    assert_status 3
    assert_eq "$out/$err" "out/err"
    eventually 5 true
}

test_service_that_ends_is_explained()
{
    run service_start broken 5 false -- sh -c 'echo the reason; exit 1'
    assert_status 1
    assert_contains "$err" "the reason"
}

test_engine()
{
    engine_start
    docker run -d --label "$ENGINE_LABEL" -p 127.0.0.1:0:80 --name "c$ENGINE_RUN" "$ENGINE_IMAGE" httpd -f -h /etc
    port=$(docker port "c$ENGINE_RUN" 80)
    eventually 5 curl -fs "http://$port/passwd"
    engine_stop
    [ -n "$ENGINE_PID" ] || assert_eq "$(docker ps -aq --filter "label=$ENGINE_LABEL")" ""
}

test_private_engine_and_restart()
{
    engine_start_private
    docker network create net
    docker run -d --name aa --network net "$ENGINE_IMAGE" httpd -f
    docker run -d --name bb --network net forge-test/busybox:2
    eventually 5 docker exec bb sh -c 'nc -w 2 aa 80 </dev/null'
    assert_eq "$(docker image inspect -f '{{.Config.StopSignal}}' forge-test/busybox:term)" SIGTERM
    engine_restart
    docker inspect aa bb >/dev/null
    docker start bb
    engine_stop
    [ ! -S "$ENGINE_SOCKET" ] || fail "the socket is still there"
}

test_engine_is_killed_hard()
{
    engine_start_private
    docker network create net
    docker run -d --network net "$ENGINE_IMAGE"
    kill -KILL "$ENGINE_PID"
    echo "$engine_net" >"$SERVICE_DIR/killed"
}

test_engine_killed_hard_left_nothing()
{
    [ -e "$SERVICE_DIR/killed" ] || skip "no engine was killed; see the case before"
    assert_lacks "$(ip -4 -o addr)" " $(<"$SERVICE_DIR/killed")."
    assert_lacks "$(cat /proc/self/mounts)" " $SERVICE_DIR/"
    run pgrep -f "containerd.*$SERVICE_DIR/"
    assert_eq "$out" ""
}

test_engine_over_tls()
{
    engine_start_tls
    unset DOCKER_HOST
    docker -H "$ENGINE_TLS_HOST" --tlsverify --tlscacert "$ENGINE_TLS_DIR/ca.pem" \
        --tlscert "$ENGINE_TLS_DIR/cert.pem" --tlskey "$ENGINE_TLS_DIR/key.pem" version
    run docker -H "$ENGINE_TLS_HOST" --tlsverify --tlscacert "$ENGINE_TLS_DIR/ca.pem" \
        --tlscert "$ENGINE_TLS_DIR/wrong/cert.pem" --tlskey "$ENGINE_TLS_DIR/wrong/key.pem" version
    assert_status 1
    run docker -H "$ENGINE_TLS_HOST" --tlsverify --tlscacert "$ENGINE_TLS_DIR/wrong/ca.pem" \
        --tlscert "$ENGINE_TLS_DIR/cert.pem" --tlskey "$ENGINE_TLS_DIR/key.pem" version
    assert_status 1
}

test_engine_over_ssh()
{
    engine_start
    engine_start_ssh
    answer=$(printf 'GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n' |
        ssh -F none -i "$SSHD_KEY" -o "UserKnownHostsFile=$SSHD_KNOWN_HOSTS" -p "$SSHD_PORT" \
            "$SSHD_USER@127.0.0.1" docker system dial-stdio)
    assert_contains "$answer" "200 OK"
}

test_registry_wants_its_password()
{
    engine_start
    registry_start
    registry_push "$ENGINE_IMAGE" shop/web:1
    run docker pull "$REGISTRY/shop/web:1"
    assert_status 1
    docker login -u "$REGISTRY_USER" --password-stdin "$REGISTRY" <<<"$REGISTRY_PASSWORD"
    docker pull "$REGISTRY/shop/web@$REGISTRY_DIGEST"
    docker rmi "$REGISTRY/shop/web@$REGISTRY_DIGEST"
    registry_stop
}

test_git_over_ssh()
{
    mkdir tree && echo one >tree/file
    git_repo_new repo tree
    git_ssh_start
    ssh="ssh -F none -o BatchMode=yes -o IdentitiesOnly=yes -o IdentityAgent=none -o StrictHostKeyChecking=yes"
    export GIT_SSH_COMMAND="$ssh -i $SSHD_KEY -o UserKnownHostsFile=$SSHD_KNOWN_HOSTS"
    git clone "$GIT_SSH_URL/repo.git" clone
    assert_eq "$(cat clone/file)" one
    echo two >tree/file
    git_repo_commit repo tree
    git -C clone fetch origin "$GIT_COMMIT"
    GIT_SSH_COMMAND="$ssh -i $SSHD_WRONG_KEY -o UserKnownHostsFile=$SSHD_KNOWN_HOSTS" run git ls-remote "$GIT_SSH_URL/repo.git"
    assert_status 128
    assert_contains "$err" "Permission denied"
    GIT_SSH_COMMAND="$ssh -i $SSHD_KEY -o UserKnownHostsFile=$SSHD_WRONG_KNOWN_HOSTS" run git ls-remote "$GIT_SSH_URL/repo.git"
    assert_status 128
    assert_contains "$err" "Host key verification failed"
}

test_git_over_https()
{
    mkdir tree && echo one >tree/file
    git_repo_new repo tree
    git_https_start
    export GIT_TERMINAL_PROMPT=0
    run git -c "http.sslCAInfo=$GIT_HTTPS_CA" ls-remote "$GIT_HTTPS_URL/repo.git"
    assert_status 128
    for way in "$GIT_HTTPS_USER:$GIT_HTTPS_PASSWORD" "x-access-token:$GIT_HTTPS_TOKEN" "oauth2:$GIT_HTTPS_TOKEN"; do
        git -c "http.sslCAInfo=$GIT_HTTPS_CA" ls-remote "https://$way@${GIT_HTTPS_URL#https://}/repo.git"
    done
    git -c "http.sslCAInfo=$GIT_HTTPS_CA" -c "http.extraHeader=Authorization: Bearer $GIT_HTTPS_TOKEN" \
        clone "$GIT_HTTPS_URL/repo.git" clone
    cd clone
    echo two >file
    git -c user.name=T -c user.email=t@example.invalid commit -qam two
    git -c "http.sslCAInfo=$GIT_HTTPS_CA" push "https://$GIT_HTTPS_USER:$GIT_HTTPS_PASSWORD@${GIT_HTTPS_URL#https://}/repo.git"
    assert_eq "$(git -C "$GIT_ROOT/repo.git" log -1 --format=%s)" two
    run git ls-remote "$GIT_HTTPS_URL/repo.git"
    assert_contains "$err" "certificate"
    git_https_stop
}

test_main "$@"
