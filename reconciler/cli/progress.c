/*
 * Progress of a run, for people. On a terminal: a line for each running step, redrawn in place, and a
 * permanent line for each finished change. Elsewhere: only the permanent lines. With --json=lines: the events
 * themselves.
 */
#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "reconciler/cli/cli.h"
#include "reconciler/plan/bind.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define REDRAW_NS (80 * NS_PER_MS)
#define MAX_LIVE  16

struct live {
    char resource[96];
    char text[160];
};

struct progress {
    struct cli *cli;
    bool show_plan;
    struct live live[MAX_LIVE];
    size_t n, drawn;
    int64_t drawn_at;
    int64_t done, total;
    struct map told; /* what failed: by resource, or engine, and reason */
};

struct progress *progress_new(struct cli *c, bool show_plan)
{
    struct progress *p = mem_new(struct progress);
    p->cli = c;
    p->show_plan = show_plan;
    map_init(&p->told);
    return p;
}

static void erase(struct progress *p)
{
    for (; p->drawn; p->drawn--)
        fputs("\033[1A\033[2K", stderr);
}

static size_t terminal_width(void)
{
    struct winsize w;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 20 ? w.ws_col : 80;
}

/* Cut the line at the terminal's width: a line that wraps could not be erased. */
static void put_line(const char *text, size_t width)
{
    size_t columns = 0;
    const char *end = text;
    while (*end && columns + 1 < width) {
        size_t n = str_utf8_char(end, strlen(end));
        end += n ? n : 1;
        columns++;
    }
    fprintf(stderr, "\033[2m%.*s\033[0m\n", (int)(end - text), text);
}

static void draw(struct progress *p)
{
    if (!p->cli->terminal)
        return;
    erase(p);
    size_t width = terminal_width(), column = 0;
    for (size_t i = 0; i < p->n; i++)
        if (strlen(p->live[i].resource) > column)
            column = strlen(p->live[i].resource);
    for (size_t i = 0; i < p->n; i++) {
        char line[sizeof(p->live[i].resource) + sizeof(p->live[i].text) + 128];
        snprintf(line, sizeof(line), "  %-*s  %s", (int)column, p->live[i].resource, p->live[i].text);
        put_line(line, width);
    }
    p->drawn = p->n;
    if (p->n) {
        fprintf(stderr, "  \033[2m%lld of %lld done\033[0m\n", (long long)p->done, (long long)p->total);
        p->drawn++;
    }
    p->drawn_at = clock_mono(clock_system());
    fflush(stderr);
}

void progress_free(struct progress *p)
{
    if (!p)
        return;
    erase(p);
    fflush(stderr);
    map_release(&p->told);
    free(p);
}

static struct live *find_live(struct progress *p, const char *resource, bool make)
{
    for (size_t i = 0; i < p->n; i++)
        if (str_eq(p->live[i].resource, resource))
            return &p->live[i];
    if (!make || p->n == MAX_LIVE)
        return NULL;
    struct live *l = &p->live[p->n++];
    str_copy(l->resource, sizeof(l->resource), resource);
    l->text[0] = '\0';
    return l;
}

static void drop_live(struct progress *p, const char *resource)
{
    struct live *l = find_live(p, resource, false);
    if (l)
        *l = p->live[--p->n];
}

static const char *const step_words[][2] = {
    {"pull", "pulling"},  {"create", "creating"}, {"update", "updating"}, {"start", "starting"},
    {"stop", "stopping"}, {"wait", "waiting"},    {"rename", "renaming"}, {"remove", "removing"},
};

/* Rounded, so that the text does not change its length all the time. */
static void put_size(int64_t bytes, struct buf *b)
{
    if (bytes < INT64_C(1) << 20)
        buf_addf(b, "%lld KiB", (long long)(bytes >> 10));
    else if (bytes < INT64_C(1) << 30)
        buf_addf(b, "%.1f MiB", (double)bytes / (1 << 20));
    else
        buf_addf(b, "%.2f GiB", (double)bytes / (1 << 30));
}

static void step_text(const struct val *ev, struct live *l)
{
    const char *step = str_or(val_get_str(ev, "step"), ""), *word = step;
    for (size_t i = 0; i < ARRAY_LEN(step_words); i++)
        if (str_eq(step, step_words[i][0]))
            word = step_words[i][1];
    _cleanup_buf_ struct buf b = BUF_INIT;
    buf_adds(&b, str_or(val_get_str(ev, "what"), word));
    const char *image = str_eq(step, "pull") ? val_get_str(ev, "image") : NULL;
    const char *subject = image ? image : val_get_str(ev, "object");
    /* The line already names the resource; name its object only where there may be several. */
    if (subject && (image || val_get_int(ev, "instance", 1) > 1 || str_ends(subject, MARK_CANDIDATE)))
        buf_addf(&b, " %s", subject);
    int64_t done = val_get_int(ev, "step_done", 0), total = val_get_int(ev, "step_total", 0);
    if (str_eq(step, "pull") && done) {
        buf_adds(&b, "  ");
        put_size(done, &b);
        if (total) {
            buf_adds(&b, " of ");
            put_size(total, &b);
        }
    } else if (str_eq(step, "wait") && done > 0) {
        buf_addf(&b, "  %lld s left",
                 (long long)((done + NS_PER_S - 1) / NS_PER_S)); /* what is left of total */
    }
    if (val_get_str(ev, "detail") && !str_eq(val_get_str(ev, "detail"), subject))
        buf_addf(&b, "  %s", val_get_str(ev, "detail"));
    str_copy(l->text, sizeof(l->text), buf_str(&b));
}

static const char *past_tense(const char *action)
{
    static const char *const words[][2] = {
        {"create", "created"}, {"update", "updated"}, {"restart", "restarted"}, {"replace", "replaced"},
        {"delete", "deleted"}, {"adopt", "adopted"},  {"forget", "forgotten"},
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_eq(action, words[i][0]))
            return words[i][1];
    return action;
}

/* The message without the resource, which the line already names. */
static const char *message_of(const struct val *error, const char *resource)
{
    const char *message = str_or(val_get_str(error, "message"), "");
    const char *rest = str_after(message, resource);
    return rest && str_starts(rest, ": ") ? rest + 2 : message;
}

static void end_line(struct progress *p, const struct val *ev)
{
    const char *result = str_or(val_get_str(ev, "result"), ""), *resource = val_get_str(ev, "resource");
    const struct val *error = val_get(ev, "error");
    bool ok = str_eq(result, "ok"), colour = p->cli->err_colour;
    if (str_eq(result, "blocked"))
        return;
    erase(p);
    fprintf(stderr, "%s%s%s %s %s", colour ? ok ? "\033[32m" : "\033[31m" : "", ok ? "✔" : "✘",
            colour ? "\033[0m" : "", resource,
            ok ? past_tense(str_or(val_get_str(ev, "action"), "")) : result);
    int64_t took = val_get_int(ev, "duration_ns", 0);
    if (took >= 50 * NS_PER_MS)
        fprintf(stderr, " (%.1f s)", (double)took / 1e9);
    if (error && !ok)
        fprintf(stderr, ": %s", message_of(error, resource));
    fputc('\n', stderr);
    if (error && !ok && val_get_str(error, "hint"))
        fprintf(stderr, "  hint: %s\n", val_get_str(error, "hint"));
    fflush(stderr);
}

/* The reason was told before, of the same subject. */
static bool is_told(struct progress *p, const char *subject, const char *message)
{
    const char *key = arena_printf(&p->cli->arena, "%s %s", subject, message);
    if (map_get(&p->told, key))
        return true;
    map_put(&p->told, key, p);
    return false;
}

/* It is tried again, or undone. */
static void note_line(struct progress *p, const struct val *ev, bool retry)
{
    const struct val *error = val_get(ev, "error");
    const char *resource = val_get_str(ev, "resource");
    bool away = str_eq(val_get_str(error, "code"), err_name(ERR_UNAVAILABLE));
    bool pull = str_eq(val_get_str(ev, "step"), "pull");
    /* What somebody else did stays. */
    bool conflict = str_eq(val_get_str(error, "code"), err_name(ERR_CONFLICT));
    /* An engine or a registry that does not answer is told for the first resource, and not for each attempt;
       what is undone not for each instance. */
    const char *subject = retry && away ? str_or(id_target(resource), "") : resource;
    if ((away || !retry) && is_told(p, subject, message_of(error, resource)))
        return;
    erase(p);
    fprintf(stderr, "  %s%s", resource,
            retry && away && pull ? ": the image cannot be pulled, trying again"
            : retry && away       ? ": the engine does not answer, trying again"
            : retry               ? " will be tried again"
            : conflict            ? " failed, undoing what was done for it"
                                  : " failed, restoring the previous state");
    int64_t most = val_get_int(ev, "retry_ns", 0);
    if (retry && most)
        fprintf(stderr, " (for up to %lld s)", (long long)((most + NS_PER_S - 1) / NS_PER_S));
    fprintf(stderr, ": %s\n", message_of(error, resource));
}

static void show_plan(struct progress *p, const struct val *plan)
{
    cli_plan(p->cli, plan);
    if (val_len(val_get(plan, "changes")))
        putchar('\n');
    fflush(stdout);
}

void progress_event(void *arg, const struct val *ev)
{
    struct progress *p = arg;
    const char *type = str_or(val_get_str(ev, "event"), ""), *resource = val_get_str(ev, "resource");
    cli_waiting(p->cli, ev);
    if (p->cli->json == JSON_OFF && p->show_plan && str_eq(type, "plan"))
        show_plan(p, val_get(ev, "plan"));
    if (p->cli->json != JSON_OFF || !resource)
        return;
    p->done = val_get_int(ev, "done", p->done);
    p->total = val_get_int(ev, "total", p->total);
    if (str_eq(type, "change.end")) {
        drop_live(p, resource);
        end_line(p, ev);
        draw(p);
    } else if (str_eq(type, "retry") || str_eq(type, "undo")) {
        note_line(p, ev, str_eq(type, "retry"));
        draw(p);
    } else if (str_starts(type, "step.")) {
        struct live *l = find_live(p, resource, true);
        if (l)
            step_text(ev, l);
        if (clock_mono(clock_system()) - p->drawn_at > REDRAW_NS)
            draw(p);
    }
}
