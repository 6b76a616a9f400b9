/* The listing of tasks: which members of a task are read, and where they are stored. */
#include "base/parse.h"
#include "base/str.h"
#include "providers/containers/service.h"

#include <stddef.h>
#include <stdlib.h>

struct member {
    const char *key;
    enum { TEXT, NUMBER, TIME, RAW, OBJECT } type;
    size_t at;
    const struct member *inner;
};

#define AT(name) offsetof(struct task, name)

static const struct member container_members[] = {
    {"ContainerID", TEXT, AT(container), NULL}, {"ExitCode", NUMBER, AT(exit_code), NULL}, {0}};
static const struct member status_members[] = {{"State", TEXT, AT(state), NULL},
                                               {"Err", TEXT, AT(error), NULL},
                                               {"Timestamp", TIME, AT(at_ns), NULL},
                                               {"ContainerStatus", OBJECT, 0, container_members},
                                               {0}};
static const struct member task_members[] = {{"ID", TEXT, AT(id), NULL},
                                             {"ServiceID", TEXT, AT(service), NULL},
                                             {"NodeID", TEXT, AT(node), NULL},
                                             {"Slot", NUMBER, AT(slot), NULL},
                                             {"DesiredState", TEXT, AT(wanted), NULL},
                                             {"CreatedAt", TIME, AT(created_ns), NULL},
                                             {"Spec", RAW, AT(spec), NULL},
                                             {"Status", OBJECT, 0, status_members},
                                             {0}};

static int64_t time_of(struct arena *a, struct span value)
{
    const char *s = span_text(a, value);
    int64_t ns;
    struct err ignored = {0};
    return s && parse_time(s, &ns, &ignored) == 0 ? ns : 0;
}

static void value_read(struct arena *a, struct span value, const struct member *m, struct task *ret)
{
    char *at = (char *)ret + m->at;
    if (m->type == TEXT) {
        const char *text = span_text(a, value);
        *(const char **)at = str_empty(text) ? NULL : text;
    } else if (m->type == NUMBER) {
        *(int64_t *)at = strtoll(value.p, NULL, 10);
    } else if (m->type == TIME) {
        *(int64_t *)at = time_of(a, value);
    } else {
        *(struct span *)at = value;
    }
}

static int object_read(struct arena *a, struct span object, const struct member *members, struct task *ret,
                       struct err *err)
{
    struct scan s;
    struct span key, value;
    int r = scan_enter(object, '{', &s, err);
    while (r >= 0 && (r = scan_member(&s, &key, &value, err)) > 0) {
        const struct member *m = members;
        while (m->key && !span_is(key, m->key))
            m++;
        if (!m->key || span_is(value, "null"))
            continue;
        if (m->type == OBJECT)
            r = object_read(a, value, m->inner, ret, err);
        else
            value_read(a, value, m, ret);
    }
    return r;
}

static int task_read(struct arena *a, struct span task, struct task *ret, struct err *err)
{
    *ret = (struct task){.state = "new", .wanted = "running"};
    int r = object_read(a, task, task_members, ret, err);
    if (r < 0)
        return r;
    if (!ret->id)
        return err_set(err, ERR_CORRUPT, "the engine's description of a task has no id");
    ret->state = str_or(ret->state, "new");
    ret->wanted = str_or(ret->wanted, "running");
    return 0;
}

int tasks_read(struct arena *a, struct span list, struct task **ret, size_t *ret_n, struct err *err)
{
    struct task *items = NULL;
    size_t n = 0, cap = 0;
    struct scan s;
    struct span entry;
    int r = scan_list(list, &s, err);
    while (r > 0 && (r = scan_element(&s, &entry, err)) > 0) {
        struct task t;
        r = task_read(a, entry, &t, err);
        if (r < 0)
            break;
        arena_push(a, items, n, cap, t);
        r = 1;
    }
    *ret = items;
    *ret_n = n;
    return r;
}
