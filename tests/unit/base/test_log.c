#include "base/log.h"

#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/str.h"
#include "tests/lib/unit.h"

static char *dir;
static int fd = -1;

/* Send lines to a new file. */
static void start(const char *sink, enum log_level level)
{
    if (fd >= 0)
        close(fd);
    fd = open(unit_path(dir, "log"), O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    log_redirect(fd, NULL);
    assert_true(log_setup(sink, level));
}

static const char *written(void)
{
    static struct buf b;
    struct err err = {0};
    buf_reset(&b);
    b.max = 32 << 20;
    assert_ok(io_read_file(unit_path(dir, "log"), 32 << 20, &b, &err));
    return buf_str(&b);
}

/* A terminal's line without its time, which is 13 characters with the space. */
static const char *line(void)
{
    const char *s = written();
    assert_true(strlen(s) > 13 && s[2] == ':' && s[8] == '.' && s[12] == ' ');
    return s + 13;
}

static void scratch_formats(void **state)
{
    (void)state;
    assert_string_equal(LOG_INT(0), "0");
    assert_string_equal(LOG_INT(INT64_MIN), "-9223372036854775808");
    assert_string_equal(LOG_DUR(0), "0ns");
    assert_string_equal(LOG_DUR(999), "999ns");
    assert_string_equal(LOG_DUR(1500), "1.5us");
    assert_string_equal(LOG_DUR(12345678), "12.3ms");
    assert_string_equal(LOG_DUR(1500 * NS_PER_MS), "1.5s");
    assert_string_equal(LOG_DUR(-2 * NS_PER_S), "-2s");
    assert_string_equal(LOG_DUR(123456 * NS_PER_S), "123456s");
    assert_true(strlen(LOG_DUR(INT64_MAX)) < 32);
    /* Each has its own buffer. */
    const char *a = LOG_INT(1), *b = LOG_INT(2);
    assert_string_equal(a, "1");
    assert_string_equal(b, "2");
}

static void terminal_lines(void **state)
{
    (void)state;
    start("terminal", LOG_INFO);
    log_info("apply.done", "env", "prod", "generation", LOG_INT(3), "took", LOG_DUR(1500 * NS_PER_MS), NULL);
    assert_string_equal(line(), "INFO  apply.done env=prod generation=3 took=1.5s\n");
    start("terminal", LOG_INFO);
    log_error("plain", NULL);
    assert_string_equal(line(), "ERROR plain\n");
    start("terminal", LOG_INFO);
    log_warn("empty", "a", "", "b", NULL, "c", "x", NULL);
    assert_string_equal(line(), "WARN  empty a=\"\" b=\"\" c=x\n");
    start("terminal", LOG_INFO);
    log_debug("hidden", "a", "b", NULL);
    assert_string_equal(written(), "");
}

static void terminal_escapes(void **state)
{
    (void)state;
    static const struct {
        const char *value, *shown;
    } cases[] = {
        {"plain/path:8080", "plain/path:8080"},
        {"two words", "\"two words\""},
        {"a=b", "\"a=b\""},
        {"quo\"te", "\"quo\\\"te\""},
        {"back\\slash", "\"back\\\\slash\""},
        {"line\nfeed", "\"line\\nfeed\""},
        {"\r\t", "\"\\r\\t\""},
        {"\033[31mred\a", "\"\\u001b[31mred\\u0007\""},
        {"del\x7F", "\"del\\u007f\""},
        {"\xC2\x9B"
         "31m",
         "\"\\u009b31m\""}, /* a control sequence in one character */
        {"\xE2\x82\xAC", "\xE2\x82\xAC"},
        {"caf\xC3\xA9", "caf\xC3\xA9"},
        {"bad\xFF", "\"bad\xEF\xBF\xBD\""},
        {"cut\xE2\x82", "\"cut\xEF\xBF\xBD\xEF\xBF\xBD\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char want[128];
        start("terminal", LOG_INFO);
        log_info("e", "v", cases[i].value, NULL);
        snprintf(want, sizeof(want), "INFO  e v=%s\n", cases[i].shown);
        assert_string_equal(line(), want);
    }
}

static void json_lines(void **state)
{
    (void)state;
    start("json", LOG_DEBUG);
    log_debug("ev\"ent", "key", "line\nfeed \033 \x7F \xC2\x80 \xFF \xE2\x82\xAC \"\\", "n", LOG_INT(5),
              NULL);
    const char *s = written();
    assert_int_equal(strcspn(s, "\n"), strlen(s) - 1); /* one line */
    for (const char *p = s; p[1]; p++)
        assert_true((unsigned char)*p >= 0x20 && *p != 0x7F);
    json_error_t e;
    json_t *j = json_loads(s, JSON_REJECT_DUPLICATES, &e);
    if (!j)
        fail_msg("%s: %s", e.text, s);
    assert_string_equal(json_string_value(json_object_get(j, "level")), "debug");
    assert_string_equal(json_string_value(json_object_get(j, "event")), "ev\"ent");
    assert_string_equal(json_string_value(json_object_get(j, "n")), "5");
    assert_string_equal(json_string_value(json_object_get(j, "key")),
                        "line\nfeed \033 \x7F \xC2\x80 \xEF\xBF\xBD \xE2\x82\xAC \"\\");
    assert_true(str_ends(json_string_value(json_object_get(j, "time")), "Z"));
    json_decref(j);
}

static void long_values_are_cut(void **state)
{
    (void)state;
    static char big[200000];
    memset(big, '\033', sizeof(big) - 1); /* worst case: each byte becomes six */
    start("json", LOG_INFO);
    log_info("e", "a", big, "b", big, "c", big, "d", "whole", NULL);
    json_t *j = json_loads(written(), 0, NULL);
    assert_non_null(j);
    assert_true(str_ends(json_string_value(json_object_get(j, "a")), "..."));
    assert_true(json_string_length(json_object_get(j, "a")) < 10000);
    assert_string_equal(json_string_value(json_object_get(j, "d")), "whole");
    json_decref(j);
}

static void runs_mark_their_threads_lines(void **state)
{
    (void)state;
    start("terminal", LOG_INFO);
    log_run("r-1");
    log_info("a", "k", "v", NULL);
    assert_string_equal(line(), "INFO  a k=v run=r-1\n");
    start("terminal", LOG_INFO);
    log_info("a", "run", "other", NULL); /* not twice */
    assert_string_equal(line(), "INFO  a run=other\n");
    log_run(NULL);
    start("terminal", LOG_INFO);
    log_info("a", NULL);
    assert_string_equal(line(), "INFO  a\n");
}

static void levels_and_sinks(void **state)
{
    (void)state;
    start("none", LOG_DEBUG);
    assert_false(log_enabled(LOG_ERROR));
    log_error("x", NULL);
    assert_string_equal(written(), "");
    start("json", LOG_WARN);
    assert_true(log_enabled(LOG_ERROR) && log_enabled(LOG_WARN) && !log_enabled(LOG_INFO));
    log_set_level(LOG_DEBUG);
    assert_true(log_enabled(LOG_DEBUG));
    assert_false(log_setup("syslog", LOG_INFO));
    assert_false(log_setup("", LOG_INFO));
    assert_false(log_setup(NULL, LOG_INFO));
    log_info("still", NULL); /* the old sink stays */
    assert_contains(written(), "\"event\":\"still\"");
}

static void auto_finds_its_sink(void **state)
{
    (void)state;
    unsetenv("JOURNAL_STREAM");
    start("auto", LOG_INFO);
    log_info("a", NULL);
    assert_true(written()[0] == '{'); /* a file is not a terminal */
    struct stat st;
    char stream[64];
    assert_int_equal(fstat(fd, &st), 0);
    snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
             (unsigned long long)st.st_ino + 1);
    setenv("JOURNAL_STREAM", stream, 1); /* it was the journal before a redirection */
    assert_true(log_setup("auto", LOG_INFO));
    log_info("b", NULL);
    assert_contains(written(), "\"event\":\"b\"");
    unsetenv("JOURNAL_STREAM");
}

static int journal_socket(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    str_copy(addr.sun_path, sizeof(addr.sun_path), path);
    int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s, (struct sockaddr *)&addr, sizeof(addr)), 0);
    return s;
}

static void journal_fields(void **state)
{
    (void)state;
    static char path[1024];
    str_copy(path, sizeof(path), unit_path(dir, "journal"));
    int s = journal_socket(path);
    start("journald", LOG_INFO);
    log_redirect(fd, path);
    log_warn("apply.failed", "env", "prod", "some-key.x", "two\nlines", NULL);
    char got[4096];
    ssize_t n = recv(s, got, sizeof(got), MSG_DONTWAIT);
    static const char want[] =
        "MESSAGE=apply.failed env=prod some-key.x=\"two\\nlines\"\n"
        "PRIORITY=4\nSYSLOG_IDENTIFIER=forge\nFORGE_EVENT=apply.failed\nFORGE_ENV=prod\n"
        "FORGE_SOME_KEY_X\n\x09\0\0\0\0\0\0\0two\nlines\n";
    assert_int_equal(n, sizeof(want) - 1);
    assert_memory_equal(got, want, sizeof(want) - 1);
    assert_string_equal(written(), "");
    close(s);
    /* Without the journal, the line is written elsewhere. */
    log_warn("apply.failed", "env", "prod", NULL);
    assert_string_equal(line(), "WARN  apply.failed env=prod\n");
}

enum { THREADS = 6, LINES = 300 };

static void *log_many(void *arg)
{
    log_run(arg);
    for (int i = 0; i < LINES; i++)
        log_info("tick", "i", LOG_INT(i), "who", arg, NULL);
    return NULL;
}

static void threads_do_not_interleave(void **state)
{
    (void)state;
    static char names[THREADS][16];
    pthread_t t[THREADS];
    start("json", LOG_INFO);
    for (int i = 0; i < THREADS; i++) {
        snprintf(names[i], sizeof(names[i]), "run-%d", i);
        assert_int_equal(pthread_create(&t[i], NULL, log_many, names[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    size_t n = 0;
    for (const char *p = written(), *end; *p; p = end + 1, n++) {
        end = strchr(p, '\n');
        assert_non_null(end);
        json_t *j = json_loadb(p, (size_t)(end - p), 0, NULL);
        assert_non_null(j);
        assert_string_equal(json_string_value(json_object_get(j, "run")),
                            json_string_value(json_object_get(j, "who")));
        json_decref(j);
    }
    assert_int_equal(n, THREADS * LINES);
}

static int setup(void **state)
{
    (void)state;
    dir = unit_temp_dir();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    close(fd);
    unit_temp_remove(dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scratch_formats),     cmocka_unit_test(terminal_lines),
        cmocka_unit_test(terminal_escapes),    cmocka_unit_test(json_lines),
        cmocka_unit_test(long_values_are_cut), cmocka_unit_test(runs_mark_their_threads_lines),
        cmocka_unit_test(levels_and_sinks),    cmocka_unit_test(auto_finds_its_sink),
        cmocka_unit_test(journal_fields),      cmocka_unit_test(threads_do_not_interleave),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
