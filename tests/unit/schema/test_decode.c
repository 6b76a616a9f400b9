/* Decoding by field tables: records, lists, maps, overlays, problems. Scalars are in test_decode_scalar.c. */
#include "schema_test.h"
#include "toy.h"

static struct val *decode(struct world *w, const char *text, bool patch)
{
    struct decode d = {.arena = &w->arena, .diags = &w->diags, .file = "f", .file_index = 7, .patch = patch};
    const struct ynode *n = yaml_of(w, text);
    return n ? decode_record(&d, &toy_table, n) : NULL;
}

/* Check the canonical form of {name: x, TEXT} without the name, and its problems. */
static void check(struct world *w, const char *text, const char *want, const char *problems)
{
    struct val *v = decode(w, arena_printf(&w->arena, "name: x\n%s", text), false);
    assert_non_null(v);
    val_map_del(v, "name");
    assert_string_equal(json_of(w, v), want);
    assert_string_equal(problems_of(w), problems);
}

static void test_unknown_keys(void **state)
{
    struct world *w = *state;
    check(w, "colur: red", "{}", "f:2:1: error: unknown key \"colur\"\n  hint: did you mean \"colour\"?\n");
    check(w, "MEMORY: 1m", "{}", "f:2:1: error: unknown key \"MEMORY\"\n  hint: did you mean \"memory\"?\n");
    check(w, "completely_else: 1", "{}", "f:2:1: error: unknown key \"completely_else\"\n");
    check(w, "plain: {hots: a, host: b, nothing: c}", "{'plain': {'host': 'b'}}",
          "f:2:9: error: plain: unknown key \"hots\"\n"
          "  hint: did you mean \"host\"?\n"
          "f:2:27: error: plain: unknown key \"nothing\"\n"
          "  hint: known keys: host, port\n");
    check(w, "build: .", "{}", "f:2:1: error: \"build\" is not supported\n  hint: build it elsewhere\n");
    /* Fields that cannot be written are not suggested. */
    check(w, "digest: x", "{}", "f:2:1: error: unknown key \"digest\"\n");
    check(w, "digst: x", "{}", "f:2:1: error: unknown key \"digst\"\n");
    check(w, "x-mine: {a: [1]}\nx-: 1", "{}", "");
    check(w, "~: 1", "{}", "f:2:1: error: unknown key \"~\"\n");
}

static void test_required(void **state)
{
    struct world *w = *state;
    decode(w, "text: a", false);
    assert_string_equal(problems_of(w),
                        "f:1:1: error: \"name\" is missing\n  hint: for example: name: bob\n");
    decode(w, "name:", false);
    assert_string_equal(problems_of(w),
                        "f:1:1: error: \"name\" is missing\n  hint: for example: name: bob\n");
    /* A field that is present but wrong is not also reported as missing. */
    decode(w, "name: Bob", false);
    assert_string_equal(problems_of(w),
                        "f:1:7: error: name: \"Bob\" is invalid: expected a DNS label: a-z, 0-9 and -\n"
                        "  hint: for example: bob\n");
    check(w, "plain: {}", "{'plain': {}}",
          "f:2:8: error: plain: \"host\" is missing\n  hint: for example: host: db.example\n");
}

static void test_null_is_absent_in_records(void **state)
{
    struct world *w = *state;
    check(w, "text:\nwords: ~\nplain: null\nenv:\nhosts:\ncommand:\non:\n", "{}", "");
    decode(w, "[a]", false);
    assert_string_equal(problems_of(w), "f:1:1: error: must be a mapping, not a sequence\n");
    /* A null document is an empty record. */
    struct decode d = {.arena = &w->arena, .diags = &w->diags, .file = "f"};
    const struct ynode *nothing = yaml_of(w, "[~]")->items[0];
    assert_non_null(decode_record(&d, &toy_table, nothing));
    assert_string_equal(problems_of(w),
                        "f:1:2: error: \"name\" is missing\n  hint: for example: name: bob\n");
}

static void test_lists(void **state)
{
    struct world *w = *state;
    check(w, "words: [b, a, b, 1.10, no]", "{'words': ['b', 'a', 'b', '1.10', 'no']}", "");
    check(w, "words: []", "{'words': []}", "");
    check(w, "words: b", "{}",
          "f:2:8: error: words: must be a list of strings, not a string\n  hint: for example: [a, b]\n");
    check(w, "words: {a: b}", "{}",
          "f:2:8: error: words: must be a list of strings, not a mapping\n  hint: for example: [a, b]\n");
    check(w, "words: [a, ~, [b], '']", "{'words': ['a']}",
          "f:2:12: error: words[1]: the value is missing\n"
          "f:2:15: error: words[2]: must be a string, not a sequence\n"
          "f:2:20: error: words[3]: must not be empty\n");
    check(w, "some: b", "{'some': ['b']}", "");
    check(w, "some: [b]", "{'some': ['b']}", "");
    check(w, "some: ''", "{'some': []}", "f:2:7: error: some: must not be empty\n");
    /* P2: order and repetition have no meaning in a set. */
    check(w, "tags: [b, a, b]\nnumbers: [10, 9, 10]", "{'numbers': [9, 10], 'tags': ['a', 'b']}", "");
    check(w, "peers: [a:1, {host: b}]", "{'peers': [{'host': 'a', 'port': 1}, {'host': 'b'}]}", "");
    check(w, "peers: [a, ~, [b], {port: 0}]", "{'peers': [{}]}",
          "f:2:9: error: peers[0]: a string is no address\n  hint: write HOST:PORT\n"
          "f:2:12: error: peers[1]: a null is no address\n  hint: write HOST:PORT\n"
          "f:2:15: error: peers[2]: a sequence is no address\n  hint: write HOST:PORT\n"
          "f:2:20: error: peers[3]: \"host\" is missing\n  hint: for example: host: db.example\n"
          "f:2:27: error: peers[3].port: 0 is out of range; write a number from 1 to 65535\n");
}

/* P2: the mapping and the list of KEY=VALUE mean the same. */
static void test_maps(void **state)
{
    struct world *w = *state;
    check(w, "env: {B: no, A: '', C: 0755}", "{'env': {'A': '', 'B': 'no', 'C': '0755'}}", "");
    check(w, "env: [B=no, A=, C=0755, D=a=b]", "{'env': {'A': '', 'B': 'no', 'C': '0755', 'D': 'a=b'}}", "");
    check(w, "env: [A=null, B=~]", "{'env': {'A': 'null', 'B': '~'}}", "");
    check(w, "env: {A: }", "{'env': {}}",
          "f:2:10: error: env.A: the value is missing\n  hint: write \"\" for an empty value\n");
    check(w, "env: [A]", "{'env': {}}",
          "f:2:7: error: env: \"A\" has no value; Forge does not take values from its own environment\n  "
          "hint: write A= for "
          "an empty value\n");
    check(w, "env: [=a, {B: c}, ~]", "{'env': {}}",
          "f:2:7: error: env: an item has no key before the =\n"
          "  hint: write the items as KEY=VALUE, or use a mapping\n"
          "f:2:11: error: env: an item must be KEY=VALUE, not a mapping\n"
          "  hint: write the items as KEY=VALUE, or use a mapping\n"
          "f:2:19: error: env: an item must be KEY=VALUE, not a null\n"
          "  hint: write the items as KEY=VALUE, or use a mapping\n");
    check(w, "env:\n  - A=1\n  - A=2\n", "{'env': {'A': '2'}}",
          "f:4:5: error: env: \"A\" is defined twice, first on line 3\n");
    check(w, "labels: {a: , b: x}", "{'labels': {'a': '', 'b': 'x'}}", "");
    check(w, "labels: [a, b=x]", "{'labels': {'a': '', 'b': 'x'}}", "");
    check(w, "sysctls: {net.core.somaxconn: 1024}", "{'sysctls': {'net.core.somaxconn': '1024'}}", "");
    check(w, "sysctls: [a=b]", "{}", "f:2:10: error: sysctls: must be a mapping, not a sequence\n");
    check(w, "env: x", "{}", "f:2:6: error: env: must be a mapping or list of KEY=VALUE, not a string\n");
    check(w, "env: {'': x}", "{'env': {}}", "f:2:7: error: env: a key must not be empty\n");
    check(w, "by_name: {a: {host: b}, c: d:5}",
          "{'by_name': {'a': {'host': 'b'}, 'c': {'host': 'd', 'port': 5}}}", "");
    check(w, "by_name: [b, a]", "{'by_name': {'a': {}, 'b': {}}}", "");
    check(w, "by_name: b", "{}", "f:2:10: error: by_name: one peer is no map of peers\n");
}

static void test_records(void **state)
{
    struct world *w = *state;
    check(w, "address: a:5", "{'address': {'host': 'a', 'port': 5}}", "");
    check(w, "address: {host: a, port: '5'}", "{'address': {'host': 'a', 'port': 5}}", "");
    check(w, "address: a:x", "{}",
          "f:2:10: error: address: \"x\" is not an integer; write digits only, such as 42\n");
    check(w, "plain: a:5", "{}", "f:2:8: error: plain: must be a mapping, not a string\n");
    check(w, "plain: {host: nowhere}", "{'plain': {'host': 'nowhere'}}",
          "f:2:8: error: plain: there is no nowhere\n");
}

/* P2: a keyed list becomes a map, whatever the order and form of its items. */
static void test_keyed(void **state)
{
    struct world *w = *state;
    check(w, "hosts: [b:2, {host: a}]", "{'hosts': {'a': {'host': 'a'}, 'b': {'host': 'b', 'port': 2}}}", "");
    check(w, "hosts: b:2", "{'hosts': {'b': {'host': 'b', 'port': 2}}}", "");
    check(w, "hosts: [many:2]",
          "{'hosts': {'many0': {'host': 'many', 'port': 2}, 'many1': {'host': 'many', 'port': 2}}}", "");
    check(w, "hosts:\n  - a:1\n  - {host: a}\n", "{'hosts': {'a': {'host': 'a'}}}",
          "f:4:5: error: hosts: \"a\" is defined twice, first on line 3\n");
    check(w, "hosts: [x, ~]", "{'hosts': {}}",
          "f:2:9: error: hosts[0]: a string is no address\n  hint: write HOST:PORT\n"
          "f:2:12: error: hosts[1]: a null is no address\n  hint: write HOST:PORT\n");
    check(w, "hosts: {a: 1}", "{}", "f:2:8: error: hosts: must be a list, not a mapping\n");
}

static void test_any(void **state)
{
    struct world *w = *state;
    check(w, "free: {b: [1, 1.5, true, no, ~, '1', 0755, 1e3], a: {}}",
          "{'free': {'a': {}, 'b': [1, 1.5, true, 'no', null, '1', '0755', 1000]}}", "");
}

static void test_places(void **state)
{
    struct world *w = *state;
    const struct val *v = decode(w, "name: x\nenv:\n  A: b\nhosts:\n  - a:1\nwords:\n  - c\n", false);
    const struct val *a = val_path(v, "env.A");
    assert_int_equal(a->line, 3);
    assert_int_equal(a->col, 6);
    assert_int_equal(a->file, 7);
    assert_int_equal(val_path(v, "hosts.a")->line, 5);
    assert_int_equal(val_get(v, "words")->items[0]->line, 7);
    assert_int_equal(v->line, 1);
}

static void test_patches(void **state)
{
    struct world *w = *state;
    /* In a patch nothing is required, and null removes. */
    struct val *v =
        decode(w, "text:\nenv: {A: ~, B: x}\nplain: {port: 5, host: ~}\nwords: !reset []\n", true);
    assert_string_equal(problems_of(w), "");
    assert_string_equal(
        json_of(w, v),
        "{'env': {'A': null, 'B': 'x'}, 'plain': {'host': null, 'port': 5}, 'text': null, 'words': null}");
    /* Lists are replaced as a whole: their items have to be complete. */
    decode(w, "peers: [{port: 5}]\nwords: [~]\nhosts: [{port: 6}]\n", true);
    assert_string_equal(
        problems_of(w),
        "f:1:9: error: peers[0]: \"host\" is missing\n  hint: for example: host: db.example\n"
        "f:2:9: error: words[0]: the value is missing\n"
        "f:3:9: error: hosts[0]: \"host\" is missing\n  hint: for example: host: db.example\n");
    v = decode(w, "env: !override {A: b}\nwords: [c]", true);
    assert_int_equal(val_get(v, "env")->flags, VAL_F_REPLACE);
    assert_int_equal(val_get(v, "words")->flags, 0);
    check(w, "env: !override {A: b}", "{}",
          "f:2:6: error: env: the tag !override is only allowed in a patch\n"
          "  hint: leave it out, or make the document a patch\n");
}

/* X4: a problem with a secret is reported without its value. */
static void test_secrets_are_not_quoted(void **state)
{
    struct world *w = *state;
    struct val *v = decode(w, "name: x\npassword: hunter2", false);
    assert_int_equal(val_get(v, "password")->flags, VAL_F_SECRET);
    check(w, "password: 'Hunter 2'", "{}",
          "f:2:11: error: password: \"(secret)\" is invalid: expected another format\n");
    check(w, "password: [hunter2]", "{}", "f:2:11: error: password: must be a string, not a sequence\n");
}

/* All problems are reported at once. */
static void test_all_problems_at_once(void **state)
{
    struct world *w = *state;
    decode(w, "count: x\nmemory: y\nenv: [A]\npeers: [z]\nbad: 1\n", false);
    assert_int_equal(w->diags.errors, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        world_test(test_unknown_keys),
        world_test(test_required),
        world_test(test_null_is_absent_in_records),
        world_test(test_lists),
        world_test(test_maps),
        world_test(test_records),
        world_test(test_keyed),
        world_test(test_any),
        world_test(test_places),
        world_test(test_patches),
        world_test(test_secrets_are_not_quoted),
        world_test(test_all_problems_at_once),
    };
    return cmocka_run_group_tests_name("decode", tests, NULL, NULL);
}
