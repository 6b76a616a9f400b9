#ifndef BASE_BANNED_H
#define BASE_BANNED_H
/*
 * Banned functions: calling one does not compile. The build includes this file before every source
 * (-include), so that nobody has to remember it. The headers that declare the functions come first: their
 * include guards keep a later include from being mangled.
 *
 * The macros take arguments and expand to an undeclared name, which every C compiler refuses; a struct member
 * of the same name that is not called stays usable.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BANNED(func) sorry_##func##_is_banned_see_base_banned_h

/* No bound on the destination, or no guaranteed NUL. Instead: struct buf, str_copy(), snprintf(). */
#undef strcpy
#define strcpy(...) BANNED(strcpy)
#undef strcat
#define strcat(...) BANNED(strcat)
#undef strncpy
#define strncpy(...) BANNED(strncpy)
#undef strncat
#define strncat(...) BANNED(strncat)
#undef stpcpy
#define stpcpy(...) BANNED(stpcpy)
#undef sprintf
#define sprintf(...) BANNED(sprintf)
#undef vsprintf
#define vsprintf(...) BANNED(vsprintf)
#undef alloca
#define alloca(...) BANNED(alloca)

/* Hidden state, shared between threads. Instead: str_split(), format_time(), parse_time(), gmtime_r(). */
#undef strtok
#define strtok(...) BANNED(strtok)
#undef gmtime
#define gmtime(...) BANNED(gmtime)
#undef localtime
#define localtime(...) BANNED(localtime)
#undef ctime
#define ctime(...) BANNED(ctime)
#undef asctime
#define asctime(...) BANNED(asctime)
#undef rand
#define rand(...) BANNED(rand)
#undef srand
#define srand(...) BANNED(srand)

/* No way to tell an error from a zero. Instead: parse_int(), parse_float(). */
#undef atoi
#define atoi(...) BANNED(atoi)
#undef atol
#define atol(...) BANNED(atol)
#undef atoll
#define atoll(...) BANNED(atoll)
#undef atof
#define atof(...) BANNED(atof)

/* Runs the program through a shell. Instead: child_run(). */
#undef system
#define system(...) BANNED(system)
#undef popen
#define popen(...) BANNED(popen)

/* A race between choosing the name and creating the file. Instead: io_write_file(), mkostemp(). */
#undef mktemp
#define mktemp(...) BANNED(mktemp)
#undef tmpnam
#define tmpnam(...) BANNED(tmpnam)
#undef tempnam
#define tempnam(...) BANNED(tempnam)
#endif
