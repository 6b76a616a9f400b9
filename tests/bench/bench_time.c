/*
 * Runs a command RUNS times and prints the medians: wall seconds, processor seconds, peak memory in MB, and
 * the exit code of the last run. Whole processes, from fork to exit, as accounted by the kernel.
 *
 *   bench_time RUNS COMMAND [ARG...]      one line: WALL CPU MEMORY EXIT
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/bench.h"

#define MAX_RUNS 1000

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static pid_t start(char **argv)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    int null = open("/dev/null", O_WRONLY);
    dup2(null, STDOUT_FILENO);
    if (!getenv("BENCH_SHOW_ERRORS"))
        dup2(null, STDERR_FILENO);
    execvp(argv[0], argv);
    _exit(127);
}

int main(int argc, char **argv)
{
    static double wall[MAX_RUNS], cpu[MAX_RUNS], memory[MAX_RUNS];
    size_t runs = argc > 2 ? strtoul(argv[1], NULL, 10) : 0;
    int status = 0;
    if (!runs || runs > MAX_RUNS) {
        fprintf(stderr, "usage: bench_time RUNS COMMAND [ARG...]\n");
        return 2;
    }
    for (size_t i = 0; i < runs; i++) {
        struct rusage usage;
        double begin = bench_ms(CLOCK_MONOTONIC);
        pid_t pid = start(argv + 2);
        if (pid < 0 || wait4(pid, &status, 0, &usage) < 0) {
            perror("bench_time");
            return 1;
        }
        wall[i] = (bench_ms(CLOCK_MONOTONIC) - begin) / 1e3;
        cpu[i] = seconds(usage.ru_utime) + seconds(usage.ru_stime);
        memory[i] = (double)usage.ru_maxrss / 1024;
    }
    printf("%.6f %.6f %.1f %d\n", bench_median(wall, runs), bench_median(cpu, runs),
           bench_median(memory, runs), WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return 0;
}
