#include "reconciler/daemon/daemon.h"

#include "base/limits.h"
#include "base/mem.h"
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

/* Settings in force, or still used by an environment that started with them. */
struct held_settings {
    struct settings s;
    unsigned users;
};

struct running {
    struct env *env;
    const struct env_config *config;
    struct held_settings *from;
    bool stays; /* a reload changes nothing for it */
};

struct daemon {
    const struct daemon_options *options;
    struct held_settings *settings,
        *next; /* next: read at a reload, in force once the environments that end have stopped */
    struct loop *loop;
    struct store *store;
    struct pool *jobs, *inspect;
    struct running *running;
    struct env **envs; /* the same, for `serve` */
    size_t n_envs;
    struct serve *serve;
    bool ending, reloading, reload_again;
    int signals, instance_lock;
    struct loop_timer watchdog, stopped;
};

static struct held_settings *settings_hold(struct held_settings *h)
{
    h->users++;
    return h;
}

static void settings_drop(struct held_settings *h)
{
    if (!h || --h->users)
        return;
    settings_release(&h->s);
    free(h);
}

/* ---- settings ---- */

static int load_settings(const struct daemon *d, struct settings *ret, struct err *err)
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
        return err_set(err, ERR_INVALID, "%s: %zu %s", d->options->settings_path, diags.errors,
                       diags.errors == 1 ? "error" : "errors");
    }
    if (d->options->state_dir)
        settings_set_state_dir(ret, d->options->state_dir);
    return 0;
}

static int read_settings(const struct daemon *d, struct held_settings **ret, struct err *err)
{
    struct held_settings *h = mem_new(struct held_settings);
    int r = load_settings(d, &h->s, err);
    if (r == 0)
        *ret = settings_hold(h);
    else
        free(h);
    return r;
}

/* The command line overrides the settings. */
static void set_up_log(const struct daemon *d)
{
    const struct daemon_options *o = d->options;
    log_setup(str_or(o->log_sink, str_or(d->settings->s.log_sink, "auto")),
              o->verbose ? LOG_DEBUG : d->settings->s.log_level);
}

/* ---- environments ---- */

static void add_running(struct daemon *d, const struct running *r)
{
    d->running[d->n_envs] = *r;
    d->envs[d->n_envs++] = r->env;
}

static void start_env(struct daemon *d, const struct env_host *host, const struct env_config *config)
{
    struct running r = {.config = config};
    struct err why = {0};
    if (env_new(config, host, &r.env, &why) < 0) {
        /* One environment that cannot start is no reason to neglect the others (L4). */
        log_error("environment.not_started", "environment", config->name, "error", why.msg, "hint", why.hint,
                  NULL);
        return;
    }
    r.from = settings_hold(d->settings);
    add_running(d, &r);
}

/* Start those of the settings, except for `kept` ones, which run on as they are. */
static int start_envs(struct daemon *d, const struct running *kept, size_t n_kept, struct err *err)
{
    const struct settings *st = &d->settings->s;
    const struct env_host host = {
        .loop = d->loop, .store = d->store, .jobs = d->jobs, .inspect = d->inspect, .clock = clock_system()};
    d->running = mem_array(st->n_envs + 1, sizeof(*d->running));
    d->envs = mem_array(st->n_envs + 1, sizeof(*d->envs));
    for (size_t i = 0; i < st->n_envs; i++) {
        size_t k = 0;
        while (k < n_kept && !str_eq(kept[k].config->name, st->envs[i].name))
            k++;
        if (k < n_kept)
            add_running(d, &kept[k]);
        else
            start_env(d, &host, &st->envs[i]);
    }
    log_info("environments.started", "count", LOG_INT((int64_t)(d->n_envs - n_kept)), "kept",
             LOG_INT((int64_t)n_kept), NULL);
    return serve_start(st, &host, d->envs, d->n_envs, &d->serve, err);
}

/* Stop all but those that stay, which are moved to the front of `kept`; returns how many those are. */
static size_t free_envs(struct daemon *d, struct running *kept)
{
    size_t n = 0;
    serve_stop(d->serve);
    d->serve = NULL;
    for (size_t i = 0; i < d->n_envs; i++) {
        struct running *r = &d->running[i];
        if (r->stays) {
            r->stays = false;
            kept[n++] = *r;
            continue;
        }
        env_free(r->env);
        settings_drop(r->from);
    }
    free(d->running);
    free(d->envs);
    d->running = NULL;
    d->envs = NULL;
    d->n_envs = 0;
    return n;
}

/* Already idle, unless the start failed. */
static void free_all_envs(struct daemon *d)
{
    for (size_t i = 0; i < d->n_envs; i++) {
        d->running[i].stays = false;
        env_stop(d->running[i].env);
    }
    if (d->jobs)
        pool_drain(d->jobs);
    free_envs(d, NULL);
}

static bool all_idle(const struct daemon *d)
{
    for (size_t i = 0; i < d->n_envs; i++)
        if (!d->running[i].stays && !env_idle(d->running[i].env))
            return false;
    return true;
}

static void reload(struct daemon *d);

/* Asked for by a signal: wait until the environments are idle, then exit or start them anew. */
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
    struct running *kept = mem_array(d->n_envs + 1, sizeof(*kept));
    size_t n_kept = free_envs(d, kept);
    settings_drop(d->settings);
    d->settings = d->next;
    d->next = NULL;
    set_up_log(d);
    d->reloading = false;
    struct err err = {0};
    if (start_envs(d, kept, n_kept, &err) < 0)
        log_error("control.not_served", "error", err.msg, "hint", err.hint, NULL);
    free(kept);
    sdnotify("READY=1");
    if (d->reload_again)
        reload(d);
}

/* Those whose settings changed; all of them when the daemon ends. */
static void stop_envs(struct daemon *d)
{
    for (size_t i = 0; i < d->n_envs; i++) {
        struct running *r = &d->running[i];
        const struct env_config *next = d->ending ? NULL : settings_env(&d->next->s, r->config->name);
        r->stays = next && str_eq(next->form, r->config->form);
        if (!r->stays)
            env_stop(r->env);
    }
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
    if (!str_eq(d->next->s.state_dir, d->settings->s.state_dir))
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
    return r == ERR_BUSY
               ? err_set(err, r, "another forged is using the state folder %s", d->settings->s.state_dir)
               : r;
}

static int start(struct daemon *d, struct err *err)
{
    int r = read_settings(d, &d->settings, err);
    if (r < 0)
        return r;
    set_up_log(d);
    r = take_signals(d, err);
    const struct store_options so = {.dir = d->settings->s.state_dir};
    if (r == 0)
        r = store_open(&so, &d->store, err);
    if (r == 0)
        r = lock_instance(d, err);
    if (r < 0)
        return r;
    d->jobs = pool_new(LIMIT_WORKERS); /* as many as are needed: an environment uses two at most */
    d->inspect = pool_new(4);
    d->watchdog = (struct loop_timer){.fn = feed_watchdog, .arg = d};
    d->stopped = (struct loop_timer){.fn = check_stopped, .arg = d};
    r = start_envs(d, NULL, 0, err);
    if (r < 0)
        return r;
    if (sdnotify_watchdog_ns())
        feed_watchdog(d);
    sdnotify("READY=1");
    log_info("daemon.started", "version", FORGE_VERSION, "settings", d->options->settings_path, "state",
             d->settings->s.state_dir, NULL);
    return 0;
}

int daemon_main(const struct daemon_options *o, struct err *err)
{
    /* Otherwise malloc would keep an arena for each of many threads that allocate little. */
    mallopt(M_ARENA_MAX, 2);
    struct daemon d = {.options = o, .signals = -1, .instance_lock = -1};
    d.loop = loop_new();
    int r = start(&d, err);
    if (r == 0)
        r = loop_run(d.loop, err);
    free_all_envs(&d);
    pool_free(d.jobs);
    pool_free(d.inspect);
    store_close(d.store);
    settings_drop(d.settings);
    settings_drop(d.next);
    if (d.signals >= 0)
        close(d.signals);
    if (d.instance_lock >= 0)
        close(d.instance_lock);
    loop_free(d.loop);
    return r;
}
