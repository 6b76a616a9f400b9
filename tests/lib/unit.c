#include "tests/lib/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"

char *unit_temp_dir(void)
{
    const char *base = getenv("TMPDIR");
    char path[512];
    snprintf(path, sizeof(path), "%s/forge-unit-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(path))
        fail_msg("cannot make a folder like %s", path);
    return mem_strdup(path);
}

void unit_temp_remove(char *dir)
{
    struct err err = {0};
    if (dir && io_remove_tree(dir, &err) < 0)
        print_message("%s\n", err.msg);
    free(dir);
}

int unit_temp_new(void **state)
{
    *state = unit_temp_dir();
    return 0;
}

int unit_temp_gone(void **state)
{
    unit_temp_remove(*state);
    return 0;
}

struct arena unit_arena = ARENA_INIT;

int unit_arena_new(void **state)
{
    (void)state;
    unit_arena = (struct arena)ARENA_INIT;
    return 0;
}

int unit_arena_gone(void **state)
{
    (void)state;
    arena_release(&unit_arena);
    return 0;
}

const char *unit_path(const char *dir, const char *name)
{
    static char ring[8][1024];
    static unsigned next;
    char *path = ring[next++ % 8];
    snprintf(path, sizeof(ring[0]), "%s/%s", dir, name);
    return path;
}

void unit_write(const char *path, const char *text)
{
    struct err err = {0};
    if (io_write_file(path, text, strlen(text), 0600, &err) < 0)
        fail_msg("%s", err.msg);
}

void unit_check_code(int got, int want, struct err *err, const char *call, const char *file, int line)
{
    if (got != want) {
        print_error("%s: got %s, expected %s; message: %s\n", call, err_name(got), err_name(want),
                    err->msg[0] ? err->msg : "(none)");
        _fail(file, line);
    }
    if (want < 0 && err->code != want) {
        print_error("%s: returned %s, but the error says %s\n", call, err_name(got), err_name(err->code));
        _fail(file, line);
    }
}

void unit_check_text(const char *text, const char *part, const char *file, int line)
{
    if (strstr(text, part))
        return;
    print_error("expected \"%s\" in \"%s\"\n", part, text);
    _fail(file, line);
}
