/*
 * An engine that outlives the process, for tests of programs: "fake:///FOLDER/FILE" is kept in that file from
 * one process to the next. Changes behind the programs' backs are given by lines in FILE.do, which is read
 * and removed when a process opens the engine:
 *
 *   image REF LOCAL REMOTE     versions of an image here and in its registry; 0: absent
 *   foreign NAME               a container of somebody else's
 *   kill NAME CODE             a container exits
 *   remove NAME                an object is removed
 *   set NAME FIELD JSON        a field is changed
 *   log NAME TEXT              a container prints a line
 *   exec CODE OUTPUT           the result of commands in containers from now on, in this process
 *   unhealthy KEY              containers of this resource or image become unhealthy
 *   fault VERB TEXT            the next call of this kind fails, in this process
 *   away N                     after N more changes (0: at once) the engine no longer answers, in this
 * process
 *
 * One process at a time: the whole file is written when a provider is closed.
 */
#include "providers/fake/state.h"

#include "base/digest.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/parse.h"
#include "base/str.h"

#include <unistd.h>

static int number(const char *text, int64_t *ret, struct err *err)
{
    return parse_int(str_or(text, ""), 0, INT32_MAX, ret, err);
}

static void add_image(struct fake_engine *e, const char *ref, int64_t local, int64_t remote)
{
    fake_image(e, &(struct fake_image){.ref = ref, .local = (unsigned)local, .remote = (unsigned)remote});
}

static int set_field(struct fake_engine *e, struct arena *a, const char *name, const char *rest,
                     struct err *err)
{
    const char *space = strchr(rest, ' ');
    struct val *v;
    if (!space)
        return err_set(err, ERR_INVALID, "set wants a field and a value");
    int r = val_from_json(a, space + 1, strlen(space + 1), "value", &v, err);
    if (r == 0)
        fake_set_field(e, name, arena_strndup(a, rest, (size_t)(space - rest)), v);
    return r;
}

static int add_fault(struct fake_engine *e, const char *verb, const char *text, struct err *err)
{
    for (enum fake_verb v = FAKE_PING; v < FAKE_VERBS; v++) {
        if (!str_eq(fake_verb_name(v), verb))
            continue;
        fake_fault(e, &(struct fake_fault){.verb = v, .code = ERR_FAILED, .message = text});
        return 0;
    }
    return err_set(err, ERR_INVALID, "there is no call %s", verb);
}

static void go_away(struct fake_engine *e, int64_t after)
{
    if (after)
        fake_power_cut(e, (unsigned)after + 1, false);
    else
        fake_power_out(e);
}

/* Execute one line: a word, a name, the rest. */
static int obey(struct fake_engine *e, struct arena *a, char *line, struct err *err)
{
    char *save = NULL, *word = strtok_r(line, " ", &save), *name = strtok_r(NULL, " ", &save);
    const char *rest = save ? save : "";
    int64_t n = 0, m = 0;
    int r = 0;
    if (!word || !name)
        return err_set(err, ERR_INVALID, "\"%s\" wants a name", str_or(word, ""));
    if (str_eq(word, "image")) {
        char *local = strtok_r(NULL, " ", &save);
        r = number(local, &n, err);
        if (r == 0)
            r = number(strtok_r(NULL, " ", &save), &m, err);
        if (r == 0)
            add_image(e, name, n, m);
    } else if (str_eq(word, "foreign")) {
        fake_foreign(e, &kind_container, name, NULL);
    } else if (str_eq(word, "kill")) {
        r = number(rest, &n, err);
        if (r == 0)
            fake_kill(e, name, (int)n);
    } else if (str_eq(word, "remove")) {
        fake_remove(e, name);
    } else if (str_eq(word, "set")) {
        r = set_field(e, a, name, rest, err);
    } else if (str_eq(word, "log")) {
        fake_log_line(e, name, 1, rest);
    } else if (str_eq(word, "exec")) {
        r = number(name, &n, err);
        if (r == 0)
            fake_exec_result(e, (int)n, rest);
    } else if (str_eq(word, "unhealthy")) {
        fake_behave(e, name, &(struct fake_behaviour){.healthy_after_ns = FAKE_UNHEALTHY});
    } else if (str_eq(word, "fault")) {
        r = add_fault(e, name, rest, err);
    } else if (str_eq(word, "away")) {
        r = number(name, &n, err);
        if (r == 0)
            go_away(e, n);
    } else {
        r = err_set(err, ERR_INVALID, "\"%s\" is not known", word);
    }
    return r;
}

static int obey_all(struct fake_engine *e, const char *path, struct err *err)
{
    _cleanup_arena_ struct arena a = ARENA_INIT;
    _cleanup_buf_ struct buf b = BUF_INIT;
    const char *file = arena_printf(&a, "%s.do", path);
    if (access(file, F_OK) < 0)
        return 0;
    int r = io_read_file(file, LIMIT_MANIFEST_BYTES, &b, err);
    if (r < 0)
        return r;
    unlink(file);
    size_t n;
    char **lines = str_split(&a, buf_str(&b), '\n', &n);
    for (size_t i = 0; i < n && r == 0; i++)
        if (*lines[i])
            r = obey(e, &a, lines[i], err);
    return r < 0 ? err_wrap(err, "%s", file) : r;
}

struct fake_engine *fake_file_engine(const char *path)
{
    struct digest d;
    char hex[DIGEST_HEX_LEN + 1];
    digest_of(path, strlen(path), &d);
    digest_hex(&d, hex);
    hex[32] = '\0';
    return fake_engine(hex);
}

int fake_file_open(struct fake_engine *e, const char *path, struct err *err)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    int r = 0;
    fake_lock(e);
    bool first = !e->from_file;
    e->from_file = true;
    fake_unlock(e);
    if (first && access(path, F_OK) == 0) {
        r = io_read_file(path, LIMIT_STORE_VALUE_BYTES, &b, err);
        if (r == 0)
            r = fake_load(e, b.data, b.len, err);
    }
    return r == 0 ? obey_all(e, path, err) : r;
}

void fake_file_close(struct fake_engine *e, const char *path)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    struct err ignored = {0};
    fake_save(e, &b);
    /* A test whose engine cannot be written fails when it opens it again. */
    if (io_write_file(path, b.data, b.len, 0600, &ignored) < 0)
        return;
}
