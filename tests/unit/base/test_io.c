#include "base/io.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/lib/unit.h"

static size_t entries(const char *dir)
{
    size_t n = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

static void reads_whole_files(void **state)
{
    struct err err = {0};
    static char big[100000];
    const char *path = unit_path(*state, "f");
    memset(big, 'b', sizeof(big));
    static const size_t sizes[] = {0, 1, 16383, 16384, 16385, 100000};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        _cleanup_buf_ struct buf b = BUF_INIT;
        assert_ok(io_write_file(path, big, sizes[i], 0644, &err));
        buf_adds(&b, "before ");
        assert_ok(io_read_file(path, sizes[i], &b, &err));
        assert_int_equal(b.len, sizes[i] + 7);
        assert_memory_equal(b.data, "before ", 7);
        assert_int_equal(strlen(buf_str(&b)), b.len);
        if (sizes[i] == 0)
            continue;
        assert_fails(io_read_file(path, sizes[i] - 1, &b, &err), ERR_LIMIT);
        assert_says(path);
        assert_int_equal(b.len, sizes[i] + 7); /* nothing was added */
    }
    _cleanup_buf_ struct buf small = {.max = 10};
    assert_fails(io_read_file(path, 1 << 20, &small, &err),
                 ERR_LIMIT); /* the buffer's own maximum counts too */
    assert_int_equal(small.len, 0);
}

static void files_without_a_size(void **state)
{
    (void)state;
    struct err err = {0};
    _cleanup_buf_ struct buf b = BUF_INIT;
    assert_ok(io_read_file("/proc/self/status", 1 << 20, &b, &err));
    assert_contains(buf_str(&b), "Pid:");
    size_t len = b.len;
    assert_fails(io_read_file("/proc/self/status", 10, &b, &err), ERR_LIMIT);
    assert_int_equal(b.len, len);
}

static void refuses_what_is_no_file(void **state)
{
    struct err err = {0};
    _cleanup_buf_ struct buf b = BUF_INIT;
    const char *pipe_path = unit_path(*state, "pipe");
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    assert_fails(io_read_file(pipe_path, 100, &b, &err), ERR_INVALID);
    assert_fails(io_read_file(*state, 100, &b, &err), ERR_INVALID);
    assert_fails(io_read_file("/dev/zero", 100, &b, &err), ERR_INVALID);
    assert_fails(io_read_file(unit_path(*state, "missing"), 100, &b, &err), ERR_NOTFOUND);
    assert_says("/missing: No such file");
}

static void reads_below_a_folder_only(void **state)
{
    struct err err = {0};
    const char *dir = *state;
    _cleanup_buf_ struct buf b = BUF_INIT;
    assert_ok(io_make_dirs(unit_path(dir, "root/a/b"), 0755, &err));
    unit_write(unit_path(dir, "outside"), "secret");
    unit_write(unit_path(dir, "root/a/b/f"), "inside");
    assert_int_equal(symlink("../outside", unit_path(dir, "root/up")), 0);
    assert_int_equal(symlink("a", unit_path(dir, "root/link")), 0);
    assert_int_equal(symlink("b/f", unit_path(dir, "root/a/leaf")), 0);
    _cleanup_close_ int fd = open(unit_path(dir, "root"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_ok(io_read_file_at(fd, "a/b/f", 100, &b, &err));
    assert_string_equal(buf_str(&b), "inside");
    static const struct {
        const char *path;
        int code;
    } bad[] = {
        {"up", ERR_INVALID},         {"link/b/f", ERR_INVALID},        {"a/leaf", ERR_INVALID},
        {"../outside", ERR_INVALID}, {"a/../../outside", ERR_INVALID}, {"/etc/passwd", ERR_INVALID},
        {"", ERR_INVALID},           {"a//b/f", ERR_INVALID},          {"a/b/", ERR_INVALID},
        {"a/b", ERR_INVALID},        {"a/b/f/g", ERR_INVALID},         {"a/x", ERR_NOTFOUND},
        {"x/f", ERR_NOTFOUND},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        int r = io_read_file_at(fd, bad[i].path, 100, &b, &err);
        if (r != bad[i].code)
            fail_msg("\"%s\": %s (%s)", bad[i].path, err_name(r), err.msg);
    }
    assert_string_equal(buf_str(&b), "inside");
    assert_fails(io_read_file_at(fd, "link/b/f", 100, &b, &err), ERR_INVALID);
    assert_says("\"link\" is a symlink");
    char name[300];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_fails(io_read_file_at(fd, name, 100, &b, &err), ERR_LIMIT);
}

static void writes_replace_whole_files(void **state)
{
    struct err err = {0};
    const char *path = unit_path(*state, "w/f");
    assert_fails(io_write_file(path, "x", 1, 0640, &err), ERR_NOTFOUND);
    assert_says("open its folder");
    assert_ok(io_make_dirs(unit_path(*state, "w"), 0755, &err));
    mode_t old = umask(0077);
    assert_ok(io_write_file(path, "one", 3, 0640, &err));
    umask(old);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640); /* whatever the umask */
    _cleanup_close_ int reader = open(path, O_RDONLY | O_CLOEXEC);
    assert_ok(io_write_file(path, "two!", 4, 0600, &err));
    char b[8] = "";
    assert_int_equal(read(reader, b, sizeof(b) - 1), 3); /* a reader of the old file still has all of it */
    assert_string_equal(b, "one");
    assert_int_equal(entries(unit_path(*state, "w")), 1);
    assert_fails(io_write_file(unit_path(*state, "w/"), "x", 1, 0600, &err), ERR_INVALID);
    assert_int_equal(mkdir(unit_path(*state, "w/d"), 0700), 0);
    assert_fails(io_write_file(unit_path(*state, "w/d"), "x", 1, 0600, &err), ERR_INVALID);
    assert_int_equal(entries(unit_path(*state, "w")), 2); /* no temporary file stays behind */
}

static void a_relative_name_is_below_here(void **state)
{
    struct err err = {0};
    char here[1024];
    assert_non_null(getcwd(here, sizeof(here)));
    assert_int_equal(chdir(*state), 0);
    int r = io_write_file("bare-name", "x", 1, 0600, &err);
    assert_int_equal(chdir(here), 0);
    assert_ok(r);
    assert_int_equal(access(unit_path(*state, "bare-name"), F_OK), 0);
}

/* The disk becomes full during a write: the old file stays intact, and no other file is left. */
static void a_failed_write_leaves_the_old_file(void **state)
{
    struct err err = {0};
    assert_ok(io_make_dirs(unit_path(*state, "full"), 0755, &err));
    const char *path = unit_path(*state, "full/f");
    unit_write(path, "precious");
    static char big[65536];
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit limit = {.rlim_cur = 4096, .rlim_max = 4096};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        _exit(io_write_file(path, big, sizeof(big), 0600, &err) == ERR_LIMIT ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    _cleanup_buf_ struct buf b = BUF_INIT;
    assert_ok(io_read_file(path, 100, &b, &err));
    assert_string_equal(buf_str(&b), "precious");
    assert_int_equal(entries(unit_path(*state, "full")), 1);
}

static void makes_and_removes_trees(void **state)
{
    struct err err = {0};
    const char *top = unit_path(*state, "t");
    assert_ok(io_make_dirs(unit_path(*state, "t//a/b/"), 0755, &err));
    assert_ok(io_make_dirs(unit_path(*state, "t/a/b"), 0755, &err));
    assert_ok(io_make_dirs("/", 0755, &err));
    unit_write(unit_path(*state, "t/a/file"), "x");
    assert_fails(io_make_dirs(unit_path(*state, "t/a/file"), 0755, &err), ERR_INVALID);
    assert_fails(io_make_dirs(unit_path(*state, "t/a/file/below"), 0755, &err), ERR_INVALID);
    /* A link to an outside folder is removed, but not its target. */
    assert_ok(io_make_dirs(unit_path(*state, "keep"), 0755, &err));
    unit_write(unit_path(*state, "keep/me"), "x");
    assert_int_equal(symlink("../../keep", unit_path(*state, "t/a/link")), 0);
    assert_int_equal(symlink("nowhere", unit_path(*state, "t/dangling")), 0);
    assert_ok(io_remove_tree(top, &err));
    assert_int_equal(access(top, F_OK), -1);
    assert_int_equal(access(unit_path(*state, "keep/me"), F_OK), 0);
    assert_ok(io_remove_tree(top, &err)); /* a missing one is fine */
    assert_int_equal(symlink("keep", top), 0);
    assert_ok(io_remove_tree(top, &err));
    assert_int_equal(access(unit_path(*state, "keep/me"), F_OK), 0);
    unit_write(top, "a file");
    assert_ok(io_remove_tree(top, &err));
    assert_int_equal(access(top, F_OK), -1);
}

struct slow {
    int fd;
    size_t got;
};

static void *read_slowly(void *arg)
{
    struct slow *s = arg;
    char b[5000];
    ssize_t n;
    while ((n = read(s->fd, b, sizeof(b))) > 0) {
        s->got += (size_t)n;
        usleep(500);
    }
    return NULL;
}

static void write_all_waits_for_a_slow_reader(void **state)
{
    (void)state;
    struct err err = {0};
    static char big[300000];
    int fds[2];
    pthread_t t;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
    struct slow s = {.fd = fds[0]};
    assert_int_equal(pthread_create(&t, NULL, read_slowly, &s), 0);
    assert_ok(io_write_all(fds[1], big, sizeof(big), &err));
    close(fds[1]);
    pthread_join(t, NULL);
    close(fds[0]);
    assert_int_equal(s.got, sizeof(big));
    assert_ok(io_write_all(-1, NULL, 0, &err));
    assert_fails(io_write_all(-1, "x", 1, &err), ERR_IO);
    _cleanup_close_ int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    if (full >= 0)
        assert_fails(io_write_all(full, "x", 1, &err), ERR_NOSPACE);
}

static void random_bytes_differ(void **state)
{
    (void)state;
    unsigned char a[1000], b[1000] = {0};
    io_random(a, sizeof(a));
    io_random(b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
    io_random(NULL, 0);
}

static void locks_name_their_holder(void **state)
{
    struct err err = {0};
    const char *path = unit_path(*state, "lock");
    char owner[IO_OWNER_BYTES];
    int first = -1, second = -1;
    assert_ok(io_lock_file(path, "forged, pid 42", &first, &err));
    int other = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(io_lock_owner(other, owner));
    assert_string_equal(owner, "forged, pid 42");
    assert_fails(io_lock_file(path, "somebody", &second, &err), ERR_BUSY);
    assert_says("is locked by forged, pid 42");
    assert_true(err.retryable);
    assert_int_equal(second, -1);
    assert_true(fcntl(first, F_GETFD) & FD_CLOEXEC);
    close(first);
    assert_false(io_lock_owner(other, owner));
    close(other);
    assert_ok(io_lock_file(path, "me", &second, &err)); /* nothing of the longer name is left */
    assert_fails(io_lock_file(path, "x", &first, &err), ERR_BUSY);
    assert_true(strlen(err.msg) > 2 && strcmp(err.msg + strlen(err.msg) - 3, " me") == 0);
    close(second);
    assert_fails(io_lock_file(unit_path(*state, "no/lock"), "x", &first, &err), ERR_NOTFOUND);
}

/* The lock of a killed holder is released. */
static void locks_end_with_their_process(void **state)
{
    struct err err = {0};
    const char *path = unit_path(*state, "lock2");
    int ready[2], fd = -1;
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        int r = io_lock_file(path, "child", &fd, &err);
        r = write(ready[1], r == 0 ? "y" : "n", 1) == 1 ? 0 : 1;
        pause();
        _exit(r);
    }
    char c = 0;
    assert_int_equal(read(ready[0], &c, 1), 1);
    assert_int_equal(c, 'y');
    assert_fails(io_lock_file(path, "parent", &fd, &err), ERR_BUSY);
    assert_says("child");
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_ok(io_lock_file(path, "parent", &fd, &err));
    close(fd);
    close(ready[0]);
    close(ready[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_whole_files),
        cmocka_unit_test(files_without_a_size),
        cmocka_unit_test(refuses_what_is_no_file),
        cmocka_unit_test(reads_below_a_folder_only),
        cmocka_unit_test(writes_replace_whole_files),
        cmocka_unit_test(a_relative_name_is_below_here),
        cmocka_unit_test(a_failed_write_leaves_the_old_file),
        cmocka_unit_test(makes_and_removes_trees),
        cmocka_unit_test(write_all_waits_for_a_slow_reader),
        cmocka_unit_test(random_bytes_differ),
        cmocka_unit_test(locks_name_their_holder),
        cmocka_unit_test(locks_end_with_their_process),
    };
    return cmocka_run_group_tests(tests, unit_temp_new, unit_temp_gone);
}
