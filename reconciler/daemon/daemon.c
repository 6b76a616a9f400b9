#include "reconciler/daemon/daemon.h"

#include "base/limits.h"
#include "base/str.h"
#include "forge_version.h"
#include "reconciler/daemon/sdnotify.h"
#include "reconciler/daemon/serve.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* No environment can have this name. */
#define INSTANCE_LOCK "@forged"
#define STOP_CHECK_NS (20 * NS_PER_MS)

struct daemon {
    const struct daemon_options *options;
    struct settings settings;
    struct loop *loop;
    struct store *store;
    struct pool *jobs, *inspect;
    struct env **envs;
    size_t n_envs;
    struct serve *serve;
    bool ending, reloading, reload_again;
    struct settings next; /* read at a reload, in force once the environments have stopped */
    int signals, instance_lock;
    struct loop_timer watchdog, stopped;
};

/* ---- settings ---- */

static int read_settings(const struct daemon *d, struct settings *ret, struct err *err)
{
    struct diag_list diags;
    _cleanup_arena_ struct arena a = ARENA_INIT;
    diag_init(&diags, &a);
    int r = settings_load(d->options->settings_path, ret, &diags, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < diags.n; i++) {
        const struct diag *g = &diags.items[i];
        log_event(g->level == DIAG_ERROR ? LOG_ERROR : LOG_WARN, "settings.problem", "file", g->file, "line",
                  LOG_INT(g->line), "column", LOG_INT(g->col), "problem", g->msg, "hint", g->hint, NULL);
    }
    if (diags.errors) {
        settings_release(ret);
        err_set(err, ERR_INVALID, "%s: %zu %s", d->options->settings_path, diags.errors,
                diags.errors == 1 ? "error" : "errors");
        return err_hint(err, "`forged --check` lists them");
    }
    if (d->options->state_dir)
        settings_set_state_dir(ret, d->options->state_dir);
    return 0;
}

/* The command line says more than the settings. */
static void set_up_log(const struct daemon *d)
{
    const struct daemon_options *o = d->options;
    log_setup(str_or(o->log_sink, str_or(d->settings.log_sink, "auto")),
              o->verbose ? LOG_DEBUG : d->settings.log_level);
}

/* ---- environments ---- */

static int start_envs(struct daemon *d, struct err *err)
{
    const struct env_host host = {
        .loop = d->loop, .store = d->store, .jobs = d->jobs, .inspect = d->inspect, .clock = clock_system()};
    d->envs = calloc(d->settings.n_envs + 1, sizeof(*d->envs));
    if (!d->envs)
        abort();
    for (size_t i = 0; i < d->settings.n_envs; i++) {
        struct err why = {0};
        if (env_new(&d->settings.envs[i], &host, &d->envs[d->n_envs], &why) == 0)
            d->n_envs++;
        else /* one that cannot start is no reason to neglect the others (L4) */
            log_error("environment.not_started", "environment", d->settings.envs[i].name, "error", why.msg,
                      "hint", why.hint, NULL);
    }
    log_info("environments.started", "count", LOG_INT((int64_t)d->n_envs), NULL);
    return serve_start(&d->settings, &host, d->envs, d->n_envs, &d->serve, err);
}

static void free_envs(struct daemon *d)
{
    serve_stop(d->serve);
    d->serve = NULL;
    /* At rest already, unless the start failed. */
    for (size_t i = 0; i < d->n_envs; i++)
        env_stop(d->envs[i]);
    if (d->jobs)
        pool_drain(d->jobs);
    for (size_t i = 0; i < d->n_envs; i++)
        env_free(d->envs[i]);
    free(d->envs);
    d->envs = NULL;
    d->n_envs = 0;
}

static bool all_idle(const struct daemon *d)
{
    for (size_t i = 0; i < d->n_envs; i++)
        if (!env_idle(d->envs[i]))
            return false;
    return true;
}

static void reload(struct daemon *d);

/* Asked for by a signal: wait for the environments to come to rest, then end or start anew. */
static void check_stopped(void *arg)
{
    struct daemon *d = arg;
    if (!all_idle(d)) {
        loop_timer_at(d->loop, &d->stopped, clock_mono(clock_system()) + STOP_CHECK_NS);
        return;
    }
    if (d->ending) {
        loop_stop(d->loop);
        return;
    }
    free_envs(d);
    settings_release(&d->settings);
    d->settings = d->next;
    d->next = (struct settings){0};
    set_up_log(d);
    d->reloading = false;
    struct err err = {0};
    if (start_envs(d, &err) < 0)
        log_error("control.not_served", "error", err.msg, "hint", err.hint, NULL);
    sdnotify("READY=1");
    if (d->reload_again)
        reload(d);
}

static void stop_envs(struct daemon *d)
{
    for (size_t i = 0; i < d->n_envs; i++)
        env_stop(d->envs[i]);
    check_stopped(d);
}

/* ---- signals ---- */

static void reload(struct daemon *d)
{
    struct err err = {0};
    d->reload_again = d->reloading;
    if (d->reloading || d->ending)
        return;
    sdnotify("RELOADING=1");
    if (read_settings(d, &d->next, &err) < 0) {
        log_error("settings.not_reloaded", "error", err.msg, "hint", err.hint, NULL);
        sdnotify("READY=1");
        return;
    }
    if (!str_eq(d->next.state_dir, d->settings.state_dir))
        log_warn("settings.needs_restart", "setting", "state_dir", NULL);
    log_info("settings.reloaded", "file", d->options->settings_path, NULL);
    d->reloading = true;
    stop_envs(d);
}

static void end(struct daemon *d)
{
    if (d->ending)
        return;
    log_info("daemon.ending", NULL);
    sdnotify("STOPPING=1");
    d->ending = true;
    stop_envs(d);
}

static void signalled(void *arg)
{
    struct daemon *d = arg;
    struct signalfd_siginfo info;
    while (read(d->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGHUP)
            reload(d);
        else
            end(d);
    }
}

/* Before any thread starts, so that all of them inherit the mask. */
static int take_signals(struct daemon *d, struct err *err)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    d->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (d->signals < 0)
        return err_errno(err, errno, "cannot receive signals");
    return loop_add_fd(d->loop, d->signals, signalled, d, err);
}

static void feed_watchdog(void *arg)
{
    struct daemon *d = arg;
    sdnotify("WATCHDOG=1");
    loop_timer_at(d->loop, &d->watchdog, clock_mono(clock_system()) + sdnotify_watchdog_ns());
}

/* ---- life ---- */

static int lock_instance(struct daemon *d, struct err *err)
{
    int r = store_lock(d->store, INSTANCE_LOCK, "forged", &d->instance_lock, err);
    return r == ERR_BUSY ? err_set(err, r, "another forged uses the state folder %s", d->settings.state_dir)
                         : r;
}

static int start(struct daemon *d, struct err *err)
{
    int r = read_settings(d, &d->settings, err);
    if (r < 0)
        return r;
    set_up_log(d);
    r = take_signals(d, err);
    const struct store_options so = {.dir = d->settings.state_dir};
    if (r == 0)
        r = store_open(&so, &d->store, err);
    if (r == 0)
        r = lock_instance(d, err);
    if (r < 0)
        return r;
    d->jobs = pool_new(LIMIT_WORKERS); /* as many as are needed: each environment has two at most */
    d->inspect = pool_new(4);
    d->watchdog = (struct loop_timer){.fn = feed_watchdog, .arg = d};
    d->stopped = (struct loop_timer){.fn = check_stopped, .arg = d};
    r = start_envs(d, err);
    if (r < 0)
        return r;
    if (sdnotify_watchdog_ns())
        feed_watchdog(d);
    sdnotify("READY=1");
    log_info("daemon.started", "version", FORGE_VERSION, "settings", d->options->settings_path, "state",
             d->settings.state_dir, NULL);
    return 0;
}

int daemon_main(const struct daemon_options *o, struct err *err)
{
    /* Many threads that each allocate a little would otherwise have an arena of their own each. */
    mallopt(M_ARENA_MAX, 2);
    struct daemon d = {.options = o, .signals = -1, .instance_lock = -1};
    d.loop = loop_new();
    int r = start(&d, err);
    if (r == 0)
        r = loop_run(d.loop, err);
    free_envs(&d);
    pool_free(d.jobs);
    pool_free(d.inspect);
    store_close(d.store);
    settings_release(&d.settings);
    if (d.reloading)
        settings_release(&d.next);
    if (d.signals >= 0)
        close(d.signals);
    if (d.instance_lock >= 0)
        close(d.instance_lock);
    loop_free(d.loop);
    return r;
}
