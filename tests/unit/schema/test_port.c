/* Published and exposed ports: every short form and its long one (P2), and the problems of invalid ones. */
#include "kind_test.h"

static const char *ports(struct world *w, const char *items)
{
    return canonical(w, &kind_container, arena_printf(&w->arena, "ports: [%s]", items));
}

static void test_short_form_is_long_form(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *is, *same;
    } pairs[] = {
        {"80", "{target: 80}"},
        {"\"80\"", "{target: 80, protocol: tcp}"},
        {"80/udp", "{target: 80, protocol: UDP}"},
        {"\"8080:80\"", "{target: 80, published: 8080}"},
        {"\"8080:80\"", "{target: 80, published: \"8080\", mode: ingress, name: web, app_protocol: http}"},
        {"8080:80", "{target: \"80\", published: 8080}"},
        {"\"8080:80/TCP\"", "\"8080:80/tcp\""},
        {"\"127.0.0.1:8080:80\"", "{target: 80, published: 8080, host_ip: 127.0.0.1}"},
        {"\"127.0.0.1::80\"", "{target: 80, host_ip: 127.0.0.1}"},
        {"\"127.0.0.1:0:80\"", "\"127.0.0.1::80\""},
        {"\"0:80\"", "80"},
        {"\"[::1]:8080:80\"", "{target: 80, published: 8080, host_ip: \"::1\"}"},
        {"\"::1:8080:80\"", "\"[0:0::1]:8080:80\""},
        {"\":::8080:80\"", "{target: 80, published: 8080, host_ip: \"::\"}"},
        {"\"8000-8001:80-81\"", "\"8000:80\", {target: 81, published: 8001}"},
        {"\"3000-3002\"", "3000, 3001, 3002"},
        {"\"53-54/udp\"", "53/udp, 54/udp"},
        {"\"8000-8010:80\"", "{target: 80, published: 8000-8010}"},
        {"\"8000-8000:80\"", "\"8000:80\""},
        {"\"443:443\", \"80:80\"", "\"80:80\", \"443:443\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
        assert_string_equal(ports(w, pairs[i].is), ports(w, pairs[i].same));
    /* 22:22 is 1342 in YAML 1.1's base 60. */
    assert_string_equal(ports(w, "22:22"), ports(w, "\"22:22\""));
}

static void test_canonical_form(void **state)
{
    struct world *w = *state;
    assert_string_equal(ports(w, "\"8080:80\""),
                        "{'ports': {'8080->80/tcp': {'protocol': 'tcp', 'published': 8080, 'target': 80}}}");
    assert_string_equal(
        ports(w, "\"127.0.0.1:5000-5001:5000-5001/udp\""),
        "{'ports': {'127.0.0.1:5000->5000/udp': {'host_ip': '127.0.0.1', 'protocol': 'udp', "
        "'published': 5000, 'target': 5000}, "
        "'127.0.0.1:5001->5001/udp': {'host_ip': '127.0.0.1', 'protocol': 'udp', 'published': 5001, "
        "'target': 5001}}}");
    assert_string_equal(ports(w, "\"[::1]:8000-8010:80\""),
                        "{'ports': {'[::1]:8000-8010->80/tcp': {'host_ip': '::1', 'protocol': 'tcp', "
                        "'published': 8000, 'published_end': 8010, 'target': 80}}}");
    assert_string_equal(ports(w, "80"),
                        "{'ports': {'0->80/tcp': {'protocol': 'tcp', 'published': 0, 'target': 80}}}");
    assert_string_equal(
        ports(w, "{target: 80, mode: host}"),
        "{'ports': {'0->80/tcp': {'mode': 'host', 'protocol': 'tcp', 'published': 0, 'target': 80}}}");
    assert_string_equal(ports(w, ""), "{'ports': {}}");
}

static void test_keys(void **state)
{
    struct world *w = *state;
    struct arena *a = &w->arena;
    assert_string_equal(port_key(a, NULL, 8080, 80, "tcp"), "8080->80/tcp");
    assert_string_equal(port_key(a, "", 0, 80, "udp"), "0->80/udp");
    assert_string_equal(port_key(a, "0.0.0.0", 8080, 80, "tcp"), "0.0.0.0:8080->80/tcp");
    assert_string_equal(port_key(a, "::1", 8080, 80, "tcp"), "[::1]:8080->80/tcp");
    assert_string_equal(port_key_range(a, NULL, 8000, 8010, 80, "tcp"), "8000-8010->80/tcp");
    assert_string_equal(port_key_range(a, NULL, 8000, 8000, 80, "tcp"), "8000->80/tcp");
}

static void test_problems(void **state)
{
    struct world *w = *state;
    static const char hint[] =
        "\n  hint: write \"8080:80\", \"127.0.0.1:8080:80/udp\", or {target: 80, published: 8080}\n";
    static const char range_hint[] = "\n  hint: ports are from 1 to 65535; a range is LOW-HIGH\n";
    const struct {
        const char *item, *problem, *hint;
    } rows[] = {
        {"\"web:80\"", "f:2:9: error: ports[0]: \"web\" is not a host port", range_hint},
        {"\"8080:http\"", "f:2:9: error: ports[0]: \"http\" is not a container port", range_hint},
        {"\"8080:0\"", "f:2:9: error: ports[0]: \"0\" is not a container port", range_hint},
        {"\"70000:80\"", "f:2:9: error: ports[0]: \"70000\" is not a host port", range_hint},
        {"\"9-8:9-8\"", "f:2:9: error: ports[0]: \"9-8\" is not a container port", range_hint},
        {"\"8080:\"", "f:2:9: error: ports[0]: \"\" is not a container port", range_hint},
        {"\"80/icmp\"", "f:2:9: error: ports[0]: \"80/icmp\": \"icmp\" is not a protocol",
         "\n  hint: write tcp, udp or sctp\n"},
        {"\"localhost:80:80\"",
         "f:2:9: error: ports[0]: \"localhost:80:80\": \"localhost\" is not an IP address", hint},
        {"\"\"", "f:2:9: error: ports[0]: a port must be a string or a mapping", hint},
        {"[80]", "f:2:9: error: ports[0]: a port must be a string or a mapping", hint},
        {"\"8000-8002:80-81\"", "f:2:9: error: ports[0]: 3 host ports for 2 container ports",
         "\n  hint: give both ranges the same length, or one container port with a range of host ports\n"},
        {"{target: 80, host_ip: here}", "f:2:31: error: ports[0]: host_ip: \"here\" is not an IP address",
         "\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_problems(w, arena_printf(&w->arena, "ports: [%s]", rows[i].item),
                       arena_printf(&w->arena, "%s%s", rows[i].problem, rows[i].hint));
    check_problems(w, "ports: [{published: 80}]",
                   "f:2:9: error: ports[0]: \"target\" is missing\n  hint: for example: target: 80\n");
    check_problems(w, "ports: [\"80:80\", {target: 80, published: 80}]",
                   "f:2:18: error: ports: \"80->80/tcp\" is defined twice, first on line 2\n");
}

static void test_expose(void **state)
{
    struct world *w = *state;
    check_container(w, "expose: 80", "{'expose': ['80/tcp']}");
    check_container(w, "expose: [\"81/udp\", 80, \"80/tcp\", \"9000-9002/sctp\"]",
                    "{'expose': ['80/tcp', '81/udp', '9000/sctp', '9001/sctp', '9002/sctp']}");
    check_problems(w, "expose: [web]",
                   "f:2:10: error: expose: \"web\" is not a port\n"
                   "  hint: write a container port: \"3000\", \"8000-8005\", \"53/udp\"\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_short_form_is_long_form),
        world_test(test_canonical_form),
        world_test(test_keys),
        world_test(test_problems),
        world_test(test_expose),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
