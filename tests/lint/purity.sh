#!/bin/bash
# The planner reads and writes nothing: no file, no socket, no process, no clock, no environment. Nor do the tables and
# rules of the language. What their libraries need from outside is listed by nm.
. "${0%/*}/../lib/test.sh"

# What does I/O in the C library, and in our own base/. Names with _chk are the fortified forms.
impure='open|openat|creat|read|pread|write|pwrite|writev|close|stat|fstat|lstat|access|unlink|rename|mkdir|opendir|readdir'
impure+='|fopen|fdopen|fread|fwrite|fgets|fputs|puts|putchar|putc|fputc|printf|fprintf|vprintf|vfprintf|perror|fflush'
impure+='|stdin|stdout|stderr|socket|connect|send|sendto|sendmsg|recv|recvfrom|recvmsg|poll|ppoll|select|epoll_wait'
impure+='|fork|vfork|exec[lv].*|posix_spawn.*|system|popen|kill|getenv|secure_getenv|setenv'
impure+='|time|gettimeofday|clock_gettime|timespec_get|nanosleep|usleep|sleep|rand|random|getrandom|getentropy'
impure+='|pthread_create|io_.*|child_.*|pool_.*|clock_.*'

test_plan_does_no_io()
{
    check libforge_plan.a
}

test_schema_does_no_io()
{
    check libforge_schema.a
}

check()
{
    local lib=$FORGE_BUILD_DIR/$1 found
    [ -e "$lib" ] || skip "$lib is missing; it comes with the first source file of its room"
    found=$(nm -A -u "$lib" | awk '{ print $NF, $0 }' |
        grep -E "^(__)?($impure)(64)?(_chk)?(@[^ ]*)? " | sed 's/^[^ ]* [^:]*://' || true)
    assert_eq "$found" "" "symbols that do I/O"
}

test_main "$@"
