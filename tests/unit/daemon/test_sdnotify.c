/* Notifications to systemd, and the watchdog's interval. */
#include "reconciler/daemon/sdnotify.h"

#include "base/clock.h"
#include "tests/lib/unit.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* `abstract`: an abstract socket, whose name begins with an @ in NOTIFY_SOCKET. */
static void hears(const char *name, bool abstract)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    char got[64] = "";
    snprintf(at.sun_path, sizeof(at.sun_path), "%s", name);
    if (abstract)
        at.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    assert_int_equal(bind(fd, (const struct sockaddr *)&at, abstract ? len : (socklen_t)sizeof(at)), 0);
    setenv("NOTIFY_SOCKET", name, 1);
    sdnotify("READY=1");
    assert_int_equal(recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT), 7);
    assert_string_equal(got, "READY=1");
    close(fd);
    sdnotify("STOPPING=1"); /* nobody listens: no harm */
}

static void test_notify(_unused_ void **state)
{
    char *dir = unit_temp_dir(), name[64];
    hears(unit_path(dir, "notify"), false);
    snprintf(name, sizeof(name), "@forge-unit-%d", (int)getpid());
    hears(name, true);
    unsetenv("NOTIFY_SOCKET");
    sdnotify("READY=1");
    setenv("NOTIFY_SOCKET", "", 1);
    sdnotify("READY=1");
    unit_temp_remove(dir);
}

static int64_t watchdog(const char *usec, const char *pid)
{
    setenv("WATCHDOG_USEC", usec, 1);
    if (pid)
        setenv("WATCHDOG_PID", pid, 1);
    else
        unsetenv("WATCHDOG_PID");
    return sdnotify_watchdog_ns();
}

static void test_watchdog(_unused_ void **state)
{
    char pid[16];
    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    assert_int_equal(watchdog("2000000", NULL), NS_PER_S); /* twice as often as asked */
    assert_int_equal(watchdog("2000000", pid), NS_PER_S);
    assert_int_equal(watchdog("2000000", "1"), 0); /* for another process */
    assert_int_equal(watchdog("2000000", "x"), 0);
    assert_int_equal(watchdog("", NULL), 0);
    assert_int_equal(watchdog("0", NULL), 0);
    assert_int_equal(watchdog("-5", NULL), 0);
    assert_int_equal(watchdog("99999999999999999999", NULL), 0);
    unsetenv("WATCHDOG_USEC");
    assert_int_equal(sdnotify_watchdog_ns(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_notify), cmocka_unit_test(test_watchdog)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
