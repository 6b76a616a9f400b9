#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H
/*
 * What unit tests need besides cmocka: the headers that cmocka's header requires, temporary folders, files,
 * and checks of errors that print the actual error.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"

/* A new folder under TMPDIR, for unit_temp_remove(). Fails the test when it cannot be created. */
char *unit_temp_dir(void);
/* Remove it and free its name. */
void unit_temp_remove(char *dir);
/* Both as a cmocka fixture: *state is the folder. */
int unit_temp_new(void **state);
int unit_temp_gone(void **state);
/* An arena for each test, as a cmocka fixture. */
extern struct arena unit_arena;
int unit_arena_new(void **state);
int unit_arena_gone(void **state);
/* "dir/name", in a ring of eight static buffers. */
const char *unit_path(const char *dir, const char *name);
/* Write a file; fails the test on an error. */
void unit_write(const char *path, const char *text);

/* The call succeeded; prints the error's message if not. */
#define assert_ok(call) unit_check_code((call), 0, &err, #call, __FILE__, __LINE__)
/* The call failed with this code, and the error in scope (`err`) agrees. */
#define assert_fails(call, code_) unit_check_code((call), (code_), &err, #call, __FILE__, __LINE__)
/* The message (or hint) of the error in scope contains the text. */
#define assert_says(text)  unit_check_text(err.msg, (text), __FILE__, __LINE__)
#define assert_hints(text) unit_check_text(err.hint, (text), __FILE__, __LINE__)
/* A text contains another. */
#define assert_contains(text, part) unit_check_text((text), (part), __FILE__, __LINE__)

void unit_check_code(int got, int want, struct err *err, const char *call, const char *file, int line);
void unit_check_text(const char *text, const char *part, const char *file, int line);
#endif
