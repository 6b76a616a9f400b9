#include "reconciler/daemon/serve.h"

#include "base/io.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"
#include "reconciler/api/control.h"
#include "reconciler/api/metrics.h"
#include "forge_version.h"
#include "reconciler/engine/operation.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RECONCILE_WAIT_NS (10 * NS_PER_MS)

struct serve {
    const struct settings *settings;
    struct env_host host;
    struct env *const *envs;
    size_t n_envs;
    struct control *control;
    struct metrics *metrics;
};

/* ---- numbers ---- */

static int64_t as_flag(bool b)
{
    return b ? 1 : 0;
}

struct metric {
    const char *name, *type, *help;
    double (*value)(const struct env_numbers *n);
};

#define METRIC(field, expression)                             \
    static double metric_##field(const struct env_numbers *n) \
    {                                                         \
        return (double)(expression);                          \
    }
METRIC(reconciles, n->reconciles)
METRIC(failures, n->failures)
METRIC(applies, n->applies)
METRIC(corrections, n->corrections)
METRIC(events, n->events)
METRIC(fetches, n->fetches)
METRIC(fetch_failures, n->fetch_failures)
METRIC(duration, (double)n->last_duration_ns / 1e9)
METRIC(last_success, (double)n->last_success_ns / 1e9)
METRIC(resources, n->resources)
METRIC(drifted, n->drifted)
METRIC(out_of_sync, n->out_of_sync)
METRIC(held, n->held)
METRIC(generation, n->generation)
METRIC(suspended, as_flag(n->suspended))
METRIC(connected, as_flag(n->engine_connected))

static const struct metric metric_table[] = {
    {"forge_reconcile_total", "counter", "Reconciles of an environment.", metric_reconciles},
    {"forge_reconcile_errors_total", "counter", "Reconciles that failed.", metric_failures},
    {"forge_reconcile_last_duration_seconds", "gauge", "How long the last reconcile took.", metric_duration},
    {"forge_reconcile_last_success_timestamp_seconds", "gauge", "When a reconcile last succeeded.",
     metric_last_success},
    {"forge_apply_total", "counter", "Reconciles that changed something.", metric_applies},
    {"forge_drift_corrections_total", "counter", "Resources corrected after they drifted.",
     metric_corrections},
    {"forge_engine_events_total", "counter", "Events received from the engine.", metric_events},
    {"forge_engine_connected", "gauge",
     "Whether the engine's event stream is open; of several engines, all of them.", metric_connected},
    {"forge_source_fetch_total", "counter", "Fetches of the repository.", metric_fetches},
    {"forge_source_fetch_errors_total", "counter", "Fetches that failed.", metric_fetch_failures},
    {"forge_resources", "gauge", "Desired resources.", metric_resources},
    {"forge_resources_out_of_sync", "gauge",
     "Resources that were not in the desired state at the last check.", metric_out_of_sync},
    {"forge_resources_drifted", "gauge", "Resources that had been changed on the engine at the last check.",
     metric_drifted},
    {"forge_resources_held", "gauge", "Resources held or stalled until their inputs change.", metric_held},
    {"forge_generation", "gauge", "Newest generation.", metric_generation},
    {"forge_suspended", "gauge", "Whether the environment is suspended.", metric_suspended},
};

struct duration_metric {
    const char *name, *help;
    size_t at; /* in struct env_numbers */
};

static const struct duration_metric duration_table[] = {
    {"forge_reconcile_duration_seconds", "How long reconciles took.",
     offsetof(struct env_numbers, reconcile_durations)},
    {"forge_apply_duration_seconds",
     "How long applies took, until what they started was healthy, or had failed.",
     offsetof(struct env_numbers, apply_durations)},
};

static void fill_durations(const struct serve *s, struct buf *out)
{
    for (size_t m = 0; m < ARRAY_LEN(duration_table); m++) {
        const struct duration_metric *d = &duration_table[m];
        metrics_head(out, d->name, "histogram", d->help);
        for (size_t i = 0; i < s->n_envs; i++) {
            struct env_numbers n;
            env_numbers(s->envs[i], &n);
            metrics_histogram(out, d->name, "environment", n.name,
                              (const struct metrics_histogram *)(const void *)((const char *)&n + d->at));
        }
    }
}

struct target_metric {
    const char *name, *help;
    double (*value)(const struct env_target *t);
};

#define TARGET_METRIC(field, expression)                     \
    static double target_##field(const struct env_target *t) \
    {                                                        \
        return (double)(expression);                         \
    }
TARGET_METRIC(up, as_flag(t->up))
TARGET_METRIC(resources, t->resources)
TARGET_METRIC(unknown, t->unknown)
TARGET_METRIC(drifted, t->drifted)
TARGET_METRIC(observed, (double)t->observed_ns / 1e9)

static const struct target_metric target_table[] = {
    {"forge_target_up", "Whether the engine answered at the last check.", target_up},
    {"forge_target_resources", "Desired resources on the engine.", target_resources},
    {"forge_target_resources_unknown",
     "Resources whose state is unknown because their engine is unreachable.", target_unknown},
    {"forge_target_resources_drifted", "Resources that had been changed on the engine at the last check.",
     target_drifted},
    {"forge_target_observe_seconds", "How long it took to observe the engine, if there are several.",
     target_observed},
};

static void fill_targets(const struct serve *s, struct buf *out)
{
    struct env_target targets[LIMIT_TARGETS];
    for (size_t m = 0; m < ARRAY_LEN(target_table); m++) {
        metrics_head(out, target_table[m].name, "gauge", target_table[m].help);
        for (size_t i = 0; i < s->n_envs; i++) {
            size_t n = env_targets(s->envs[i], targets, LIMIT_TARGETS);
            for (size_t k = 0; k < n; k++) {
                const struct metrics_label labels[] = {{"environment", env_name(s->envs[i])},
                                                       {"target", targets[k].name}};
                metrics_sample(out, target_table[m].name, labels, ARRAY_LEN(labels),
                               target_table[m].value(&targets[k]));
            }
        }
    }
}

/* In pages, the second number of the file; 0: unknown. */
static int64_t resident_pages(void)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    struct err ignored = {0};
    int64_t pages = 0;
    if (io_read_file("/proc/self/statm", 256, &b, &ignored) < 0)
        return 0;
    char *at = strchr(buf_str(&b), ' '), *end = at ? strchr(at + 1, ' ') : NULL;
    if (!end)
        return 0;
    *end = '\0';
    return parse_int(at + 1, 0, INT64_MAX / 2, &pages, &ignored) < 0 ? 0 : pages;
}

static void process_metrics(struct buf *out)
{
    int64_t pages = resident_pages();
    if (pages > 0) {
        metrics_head(out, "process_resident_memory_bytes", "gauge", "Resident memory size in bytes.");
        metrics_value(out, "process_resident_memory_bytes", NULL, NULL,
                      (double)pages * (double)sysconf(_SC_PAGESIZE));
    }
    struct timespec cpu;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    metrics_head(out, "process_cpu_seconds_total", "counter",
                 "Total user and system CPU time spent in seconds.");
    metrics_value(out, "process_cpu_seconds_total", NULL, NULL,
                  (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9);
}

static void fill_metrics(void *arg, struct buf *out)
{
    struct serve *s = arg;
    metrics_head(out, "forge_build_info", "gauge", "The version that runs; always 1.");
    metrics_value(out, "forge_build_info", "version", FORGE_VERSION, 1);
    for (size_t m = 0; m < ARRAY_LEN(metric_table); m++) {
        metrics_head(out, metric_table[m].name, metric_table[m].type, metric_table[m].help);
        for (size_t i = 0; i < s->n_envs; i++) {
            struct env_numbers n;
            env_numbers(s->envs[i], &n);
            metrics_value(out, metric_table[m].name, "environment", n.name, metric_table[m].value(&n));
        }
    }
    fill_durations(s, out);
    fill_targets(s, out);
    process_metrics(out);
}

static struct val *targets_of(struct env *e, struct arena *a)
{
    struct env_target targets[LIMIT_TARGETS];
    struct val *list = val_list(a);
    size_t n = env_targets(e, targets, LIMIT_TARGETS);
    for (size_t i = 0; i < n; i++) {
        struct val *v = val_map(a);
        val_set_str(a, v, "target", targets[i].name);
        val_set_bool(a, v, "up", targets[i].up);
        if (targets[i].since_ns)
            val_set_int(a, v, "since_ns", targets[i].since_ns);
        val_set_int(a, v, "resources", (int64_t)targets[i].resources);
        val_set_int(a, v, "unknown", (int64_t)targets[i].unknown);
        val_list_add(a, list, v);
    }
    return list;
}

static struct val *environments(struct serve *s, struct arena *a)
{
    struct val *list = val_list(a), *doc = val_map(a);
    for (size_t i = 0; i < s->n_envs; i++) {
        struct env_numbers n;
        env_numbers(s->envs[i], &n);
        struct val *v = val_map(a);
        val_set_str(a, v, "environment", n.name);
        val_set_int(a, v, "generation", (int64_t)n.generation);
        val_set_int(a, v, "resources", (int64_t)n.resources);
        val_set_int(a, v, "out_of_sync", (int64_t)n.out_of_sync);
        val_set_int(a, v, "reconciles", (int64_t)n.reconciles);
        val_set_int(a, v, "last_success_ns", n.last_success_ns);
        val_set_bool(a, v, "engine_connected", n.engine_connected);
        val_map_set(a, v, "targets", targets_of(s->envs[i], a));
        val_list_add(a, list, v);
    }
    val_map_set(a, doc, "environments", list);
    char *real = realpath(s->settings->path, NULL);
    val_set_str(a, doc, "settings", real ? real : s->settings->path);
    free(real);
    return doc;
}

/* ---- calls ---- */

static struct env *find_env(const struct serve *s, const char *name, struct err *err)
{
    for (size_t i = 0; i < s->n_envs; i++)
        if (str_eq(env_name(s->envs[i]), name))
            return s->envs[i];
    err_set(err, ERR_NOTFOUND, "forged has no environment %s", name);
    err_hint(err, "its settings file lists the environments");
    return NULL;
}

static void poke(void *arg)
{
    env_poke(arg);
}

static void interrupt(void *arg)
{
    env_interrupt(arg);
}

static void look_again(void *arg)
{
    env_look_again(arg);
}

/* Ask the automation to look now; with `wait`, return when it has, and with what it left undone. */
static int reconcile(struct serve *s, struct env *e, const struct control_request *rq, struct val *answer,
                     struct err *err)
{
    struct env_numbers now;
    uint64_t ticket = env_request(e);
    loop_post(s->host.loop, poke, e);
    if (!val_get_bool(rq->args, "wait", false))
        return 0;
    do {
        if (cancel_sleep(rq->cancel, RECONCILE_WAIT_NS))
            return err_set(err, ERR_CANCELLED, "stopped waiting for environment %s", env_name(e));
        env_numbers(e, &now);
    } while (now.answered < ticket);
    if (now.answer == 0) {
        val_set_bool(rq->arena, answer, "suspended", now.suspended);
        val_set_int(rq->arena, answer, "out_of_sync", (int64_t)now.out_of_sync);
        return 0;
    }
    err_set(err, ERR_FAILED, "the reconcile of %s failed: %s", env_name(e), now.answer_error);
    return err_hint(err, "see `forge-ctl status`");
}

/* What only the automation knows of an environment's state: that its repository cannot be read. */
static void add_fetch(const struct env_numbers *n, struct arena *a, struct val *status)
{
    if (!n->fetch_failing_ns)
        return;
    struct val *v = val_map(a);
    val_set_str(a, v, "error", arena_strdup(a, n->fetch_error));
    val_set_int(a, v, "since_ns", n->fetch_failing_ns);
    val_set_int(a, v, "next_ns", n->fetch_next_ns);
    val_map_set(a, status, "fetch", v);
}

static int run_operation(struct serve *s, const struct operation *op, const struct control_request *rq,
                         struct val **ret, struct err *err)
{
    _cleanup_(engine_closep) struct engine *engine = NULL;
    const struct engine_env ee = {.store = s->host.store, .clock = s->host.clock, .pool = s->host.inspect};
    int r = engine_open(settings_env(s->settings, rq->environment), &ee, &engine, err);
    if (r < 0)
        return r;
    const struct operation_context c = {
        .engine = engine,
        .actor = rq->actor,
        .cancel = rq->cancel,
        .arena = rq->arena,
        .emit = rq->emit,
        .arg = rq->arg,
    };
    return op->run(&c, rq->args, ret, err);
}

static int call(void *arg, const struct control_request *rq, struct val **ret, struct err *err)
{
    struct serve *s = arg;
    if (str_eq(rq->operation, "environments")) {
        *ret = environments(s, rq->arena);
        return 0;
    }
    struct env *e = find_env(s, str_or(rq->environment, ""), err);
    if (!e)
        return err->code;
    if (str_eq(rq->operation, "reconcile")) {
        *ret = val_map(rq->arena);
        val_set_str(rq->arena, *ret, "format", "forge/reconcile/v1");
        val_set_str(rq->arena, *ret, "environment", env_name(e));
        return reconcile(s, e, rq, *ret, err);
    }
    const struct operation *op = operation_find(rq->operation);
    if (!op)
        return err_set(err, ERR_NOTFOUND, "unknown operation %s", rq->operation);
    int r = run_operation(s, op, rq, ret, err);
    if (str_eq(op->name, "status") && r == 0) {
        struct env_numbers now;
        env_numbers(e, &now);
        add_fetch(&now, rq->arena, *ret);
    }
    if (str_eq(op->name, "suspend") && r == 0)
        loop_post(s->host.loop, interrupt, e); /* S7: what is under way stops as well */
    else if (op->writes)
        loop_post(s->host.loop, look_again, e);
    if (op->writes)
        log_info("operation.done", "environment", env_name(e), "operation", op->name, "by", rq->actor,
                 "error", r < 0 ? err->msg : NULL, NULL);
    return r;
}

/* ---- life ---- */

int serve_start(const struct settings *st, const struct env_host *host, struct env *const *envs,
                size_t n_envs, struct serve **ret, struct err *err)
{
    struct serve *s = mem_new(struct serve);
    *s = (struct serve){.settings = st, .host = *host, .envs = envs, .n_envs = n_envs};
    const struct control_handler handler = {.arg = s, .call = call};
    int r = control_start(st->socket, &handler, &s->control, err);
    if (r == 0 && st->metrics)
        r = metrics_start(st->metrics, fill_metrics, s, &s->metrics, err);
    if (r < 0) {
        serve_stop(s);
        return r;
    }
    *ret = s;
    return 0;
}

void serve_stop(struct serve *s)
{
    if (!s)
        return;
    metrics_stop(s->metrics);
    control_stop(s->control);
    free(s);
}
