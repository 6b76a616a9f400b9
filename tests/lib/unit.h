#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H
/*
 * What a unit test needs beside cmocka, whose header wants others before it: folders of its own, files, and
 * checks of errors that say what came instead.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"

/* A new folder under TMPDIR, for unit_temp_remove(). Fails the test when there can be none. */
char *unit_temp_dir(void);
/* Remove it and free its name. */
void unit_temp_remove(char *dir);
/* The two as cmocka's fixture: *state is the folder. */
int unit_temp_new(void **state);
int unit_temp_gone(void **state);
/* An arena for each test, as cmocka's fixture. */
extern struct arena unit_arena;
int unit_arena_new(void **state);
int unit_arena_gone(void **state);
/* "dir/name", in a ring of eight static buffers. */
const char *unit_path(const char *dir, const char *name);
/* Write a file, failing the test when that does not work. */
void unit_write(const char *path, const char *text);

/* The call succeeded; prints the message when not. */
#define assert_ok(call) unit_check_code((call), 0, &err, #call, __FILE__, __LINE__)
/* The call failed with this code, and the error in scope (`err`) agrees. */
#define assert_fails(call, code_) unit_check_code((call), (code_), &err, #call, __FILE__, __LINE__)
/* The error in scope says this. */
#define assert_says(text)  unit_check_text(err.msg, (text), __FILE__, __LINE__)
#define assert_hints(text) unit_check_text(err.hint, (text), __FILE__, __LINE__)
/* A text holds another. */
#define assert_contains(text, part) unit_check_text((text), (part), __FILE__, __LINE__)

void unit_check_code(int got, int want, struct err *err, const char *call, const char *file, int line);
void unit_check_text(const char *text, const char *part, const char *file, int line);
#endif
