#include "base/digest.h"

#include <pthread.h>
#include <string.h>

#include "tests/lib/unit.h"

static const char *hex(const struct digest *d)
{
    static char text[DIGEST_HEX_LEN + 1];
    digest_hex(d, text);
    return text;
}

/* FIPS 180-4 examples. */
static void known_answers(void **state)
{
    (void)state;
    struct digest d;
    digest_of("", 0, &d);
    assert_string_equal(hex(&d), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    digest_of(NULL, 0, &d);
    assert_string_equal(hex(&d), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    digest_of("abc", 3, &d);
    assert_string_equal(hex(&d), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void parts_are_the_whole(void **state)
{
    (void)state;
    char data[1000];
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (char)(i * 7);
    struct digest whole, parts;
    digest_of(data, sizeof(data), &whole);
    for (size_t cut = 0; cut <= sizeof(data); cut += 37) {
        struct digest_ctx c;
        digest_begin(&c);
        digest_add(&c, data, cut);
        digest_add(&c, NULL, 0);
        digest_add(&c, data + cut, sizeof(data) - cut);
        digest_end(&c, &parts);
        assert_memory_equal(&whole, &parts, sizeof(whole));
    }
}

/* RFC 4231, cases 1, 2 and 6. */
static void hmac_known_answers(void **state)
{
    (void)state;
    struct digest d;
    char key[131];
    memset(key, 0x0b, 20);
    digest_hmac(key, 20, "Hi There", 8, &d);
    assert_string_equal(hex(&d), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    digest_hmac("Jefe", 4, "what do ya want for nothing?", 28, &d);
    assert_string_equal(hex(&d), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof(key));
    digest_hmac(key, sizeof(key), "Test Using Larger Than Block-Size Key - Hash Key First", 54, &d);
    assert_string_equal(hex(&d), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    /* No key and no data. */
    digest_hmac(NULL, 0, NULL, 0, &d);
    assert_string_equal(hex(&d), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void *digest_many(void *arg)
{
    struct digest d, *ret = arg;
    for (int i = 0; i < 200; i++)
        digest_of("abc", 3, &d);
    *ret = d;
    return NULL;
}

static void threads_share_it(void **state)
{
    (void)state;
    pthread_t t[8];
    struct digest d[8];
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&t[i], NULL, digest_many, &d[i]), 0);
    for (size_t i = 0; i < 8; i++) {
        pthread_join(t[i], NULL);
        assert_memory_equal(&d[i], &d[0], sizeof(d[0]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_share_it), /* must be first: it tests the race on first use */
        cmocka_unit_test(known_answers),
        cmocka_unit_test(parts_are_the_whole),
        cmocka_unit_test(hmac_known_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
