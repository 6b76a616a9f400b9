#include "reconciler/daemon/sdnotify.h"

#include "base/parse.h"
#include "base/str.h"

#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void sdnotify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (str_empty(path) || strlen(path) >= sizeof(to.sun_path))
        return;
    memcpy(to.sun_path, path, strlen(path));
    if (path[0] == '@')
        to.sun_path[0] = '\0'; /* an abstract socket */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    /* If the manager does not listen, there is nothing to be done about it here. */
    if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&to, len) < 0)
        goto out;
out:
    close(fd);
}

int64_t sdnotify_watchdog_ns(void)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    struct err ignored = {0};
    int64_t us = 0, for_pid = getpid();
    if (str_empty(usec) || parse_int(usec, 1, INT64_MAX / 1000, &us, &ignored) < 0)
        return 0;
    if (!str_empty(pid) && (parse_int(pid, 1, INT32_MAX, &for_pid, &ignored) < 0 || for_pid != getpid()))
        return 0;
    return us * 1000 / 2;
}
