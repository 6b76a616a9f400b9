/* The error codes of engines' refusals: which can be retried, and which need a user. The texts are those of
   Docker 20.10. */
#include "providers/containers/containers.h"

#include "base/str.h"
#include "tests/lib/unit.h"

static void test_codes(void **state)
{
    static const struct {
        int status;
        const char *body;
        int code;
        bool retryable;
    } cases[] = {
        {404, "{\"message\":\"No such container: x\"}", ERR_NOTFOUND, false},
        {404, "{\"message\":\"No such image: x:1\"}", ERR_NOTFOUND, false},
        {409,
         "{\"message\":\"Conflict. The container name \\\"/web\\\" is already in use by container \\\"1\\\". "
         "You have to remove (or rename) that container to be able to reuse that name.\"}",
         ERR_CONFLICT, false},
        {409, "{\"message\":\"removal of container x is already in progress\"}", ERR_BUSY, true},
        {409,
         "{\"message\":\"You cannot remove a running container c779430284a3. Stop the container before "
         "attempting removal or force remove\"}",
         ERR_CONFLICT, true},
        {409,
         "{\"message\":\"cannot remove container \\\"/web\\\": container is running: stop the container "
         "before "
         "removing or force remove\"}",
         ERR_CONFLICT, true},
        {500,
         "{\"cause\":\"container state improper\",\"message\":\"cannot remove container d299c161c3f2 as it "
         "is "
         "running - running or paused containers cannot be removed without force: container state "
         "improper\"}",
         ERR_CONFLICT, true},
        {500,
         "{\"cause\":\"container state improper\",\"message\":\"container d299c161c3f2 is running or paused, "
         "refusing to clean up: container state improper\"}",
         ERR_CONFLICT, true},
        {500,
         "{\"message\":\"driver failed programming external connectivity on endpoint web: Bind for "
         "0.0.0.0:80 failed: port is already allocated\"}",
         ERR_CONFLICT, false},
        {500, "{\"message\":\"Get https://r/v2/: unauthorized: authentication required\"}", ERR_AUTH, false},
        {500,
         "{\"message\":\"Get http://127.0.0.1:1/v2/: dial tcp 127.0.0.1:1: connect: connection refused\"}",
         ERR_UNAVAILABLE, true},
        {500, "{\"message\":\"write /x: no space left on device\"}", ERR_NOSPACE, false},
        {403, "{\"message\":\"no available IPv4 addresses on this network's address pools: tiny (57c9)\"}",
         ERR_NOSPACE, false},
        {500,
         "{\"message\":\"network inspection mismatch: asked to join 1 network(s) map[back:{[] [] [] eth0}], "
         "but "
         "have information on 2 network(s): internal libpod error\"}",
         ERR_BUSY, true},
        {500,
         "{\"cause\":\"no such network interface\",\"message\":\"route ip+net: no such network interface\"}",
         ERR_BUSY, true},
        {400, "{\"message\":\"2 matches found based on name: network n is ambiguous\"}", ERR_BUSY, true},
        {400, "{\"message\":\"network n is ambiguous (2 matches found on name)\"}", ERR_BUSY, true},
        {500, "{\"message\":\"something unheard of\"}", ERR_FAILED, false},
        {503, "upstream gone", ERR_UNAVAILABLE, true},
        {400, "{\"message\":\"client version 1.51 is too new. Maximum supported API version is 1.41\"}",
         ERR_UNSUPPORTED, false},
        {400, "{\"message\":\"invalid restart policy 'x'\"}", ERR_INVALID, false},
        {403, "", ERR_AUTH, false},
        {500, "{\"cause\":", ERR_FAILED, false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};
        int r = refusal_read(cases[i].status, cases[i].body, strlen(cases[i].body), &err);
        if (r != cases[i].code || err.retryable != cases[i].retryable || r != err.code)
            fail_msg("%d %s: %s%s", cases[i].status, cases[i].body, err_name(r),
                     err.retryable ? ", retryable" : "");
        assert_true(err.msg[0]);
    }
}

static void test_words_and_hints(void **state)
{
    struct err err = {0};
    static const char body[] =
        "{\"message\":\"pull access denied for x, repository does not exist or may require 'docker login'\"}";
    (void)state;
    (void)refusal_read(404, body, strlen(body), &err);
    assert_says("pull access denied for x");
    assert_says("HTTP 404");
    assert_hints("login");
}

/* A compose file made for a swarm, on an engine that is in none: its target has no "swarm+" to remove. */
static void test_overlay_on_a_plain_engine(void **state)
{
    struct err err = {0};
    static const char body[] =
        "{\"message\":\"This node is not a swarm manager. Use \\\"docker swarm init\\\"\"}";
    (void)state;
    assert_int_equal(refusal_read(500, body, strlen(body), &err), ERR_UNSUPPORTED);
    assert_hints("swarm+");
    assert_hints("driver: overlay");
}

/* Go's server says it in plain text, with the end of the line. */
static void test_an_engine_that_wants_tls(void **state)
{
    struct err err = {0};
    static const char body[] = "Client sent an HTTP request to an HTTPS server.\n";
    (void)state;
    assert_int_equal(refusal_read(400, body, strlen(body), &err), ERR_INVALID);
    assert_string_equal(err.msg, "Client sent an HTTP request to an HTTPS server. (HTTP 400)");
    assert_hints("ca, cert and key");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_codes), cmocka_unit_test(test_words_and_hints),
                                       cmocka_unit_test(test_overlay_on_a_plain_engine),
                                       cmocka_unit_test(test_an_engine_that_wants_tls)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
