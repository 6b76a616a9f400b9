/* Networks and volumes: making, joining, removing. */
#include "providers/docker/docker.h"

#include "base/str.h"

#include <string.h>

/* Labels of a new network or volume. */
static const struct val *labels_of(struct act *t)
{
    const struct step *s = t->step;
    if (!t->d->dialect->keeps_asked || val_len(s->spec) == 0)
        return s->labels;
    _cleanup_buf_ struct buf text = BUF_INIT;
    struct val *labels = val_map_copy(t->arena, s->labels), *asked = val_map(t->arena);
    struct val *fields = val_map_copy(t->arena, s->spec);
    val_map_del(fields, "labels");
    val_map_set(t->arena, asked, "fields", fields);
    val_json(asked, 0, &text);
    val_set_str(t->arena, labels, MARK_ASKED, buf_str(&text));
    return labels;
}

int network_join(struct act *t, const char *network, const struct val *attachment, const char *container,
                 struct err *err)
{
    json_t *body = json_pack("{s:s, s:o}", "Container", container, "EndpointConfig",
                             container_endpoint(attachment, t->d->api));
    int r = docker_json(t->d,
                        &(struct ask){.method = "POST",
                                      .path = docker_path(t->arena, "/networks/", network, "/connect"),
                                      .body = body,
                                      .cancel = act_cancel(t)},
                        NULL, NULL, err);
    return r < 0 ? err_wrap(err, "network %s", network) : 0;
}

static int network_leave(struct act *t, const char *network, const char *container, struct err *err)
{
    json_t *body = json_pack("{s:s, s:b}", "Container", container, "Force", 1);
    int r = docker_json(t->d,
                        &(struct ask){.method = "POST",
                                      .path = docker_path(t->arena, "/networks/", network, "/disconnect"),
                                      .body = body,
                                      .cancel = act_cancel(t)},
                        NULL, NULL, err);
    return r < 0 && r != ERR_NOTFOUND ? err_wrap(err, "network %s", network) : 0;
}

int networks_update(struct act *t, const struct object *o, bool *changed, struct err *err)
{
    const struct val *want = val_get(t->step->spec, "networks"), *have = val_get(o->spec, "networks");
    const struct field *field = field_path(kind_container.spec, "networks");
    if (!want)
        return 0;
    for (size_t i = 0; i < val_len(have); i++) {
        const struct val *wanted = val_get(want, have->pairs[i].key);
        if (wanted && field_equal(field->elem, wanted, have->pairs[i].val))
            continue;
        *changed = true;
        int r = network_leave(t, have->pairs[i].key, o->native_id, err);
        if (r < 0)
            return r;
    }
    for (size_t i = 0; i < val_len(want); i++) {
        const struct val *now = val_get(have, want->pairs[i].key);
        if (now && field_equal(field->elem, want->pairs[i].val, now))
            continue;
        *changed = true;
        int r = network_join(t, want->pairs[i].key, want->pairs[i].val, o->native_id, err);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Something else has the name: a conflict. */
static int in_the_way(const struct step *s, const struct object *o, struct err *err)
{
    if (str_eq(o->owner, val_get_str(s->labels, MARK_OWNER)) && str_eq(o->id, s->id))
        return err_set(err, ERR_EXISTS, "%s %s already exists, created from another specification",
                       s->kind->prefix, s->native_name);
    err_set(err, ERR_CONFLICT, "%s %s already exists and does not belong to this environment",
            s->kind->prefix, s->native_name);
    return err_hint(err, "rename one of the two, or take it over with `forge-ctl adopt`");
}

static int network_delete(struct act *t, const char *id, struct err *err)
{
    return docker_json(t->d,
                       &(struct ask){.method = "DELETE",
                                     .path = docker_path(t->arena, "/networks/", id, ""),
                                     .cancel = act_cancel(t)},
                       NULL, NULL, err);
}

/* Of two, the older one stays. Which one does not matter, as long as all runs decide alike. */
static bool stays_before(const struct object *a, const struct object *b)
{
    if (a->created_ns != b->created_ns)
        return a->created_ns < b->created_ns;
    return strcmp(a->native_id, b->native_id) < 0;
}

/* Is it what this step makes, or what a container of this step can be meant to join? */
static bool is_for_step(const struct step *s, const struct object *o)
{
    return s->kind == &kind_network ? act_made_by(s, o) : o->owner && str_eq(o->owner, s->owner);
}

/* Remove one of two: the loser, unless containers are already connected to it. */
static int keep_one(struct act *t, struct object *kept, const struct object *loser, struct err *err)
{
    int r = network_delete(t, loser->native_id, err);
    if (r == ERR_BUSY) {
        err_clear(err);
        r = network_delete(t, kept->native_id, err);
        *kept = *loser;
    }
    return r == ERR_NOTFOUND ? 0 : r;
}

/*
 * Look at what has the name now. An engine accepts a second network of the same name when both are requested
 * at the same time, which happens after a kill: the killed run's request is still in progress. Of those
 * that are for this step one is kept. *kept and *other have no id if there is none.
 */
static int settle(struct act *t, const char *name, struct object *kept, struct object *other, struct err *err)
{
    struct val *filters = val_map(t->arena), *names = val_list(t->arena);
    val_list_add(t->arena, names, val_str(t->arena, name));
    val_map_set(t->arena, filters, "name", names);
    *kept = *other = (struct object){0};
    _cleanup_json_ json_t *list = NULL;
    const char *path = arena_printf(t->arena, "/networks?%s", docker_filters(t->arena, filters));
    int r = docker_json(t->d, &(struct ask){.path = path, .cancel = act_cancel(t)}, &list, NULL, err);
    for (size_t i = 0; r == 0 && i < json_array_size(list); i++) {
        struct object o;
        r = network_read(t->arena, json_array_get(list, i), &o, err);
        if (r < 0 || !str_eq(o.native_name, name)) /* the filter also matches parts of names */
            continue;
        if (!is_for_step(t->step, &o)) {
            *other = o;
            continue;
        }
        if (!kept->native_id || stays_before(&o, kept)) {
            struct object former = *kept;
            *kept = o;
            o = former;
        }
        if (o.native_id)
            r = keep_one(t, kept, &o, err);
    }
    return r;
}

void networks_settle(struct act *t, const struct err *err)
{
    const struct step *s = t->step;
    const struct val *spec = s->spec || !s->resource ? s->spec : s->resource->spec;
    const struct val *networks = val_get(spec, "networks");
    struct object kept, other;
    struct err ignored = {0};
    if (err->code != ERR_BUSY || !strstr(err->msg, "matches found "))
        return;
    for (size_t i = 0; i < val_len(networks); i++)
        if (settle(t, networks->pairs[i].key, &kept, &other, &ignored) < 0)
            err_clear(&ignored); /* then the next attempt fails as well */
}

static int network_settle(struct act *t, struct err *err)
{
    const struct step *s = t->step;
    struct object kept, other;
    int r = settle(t, s->native_name, &kept, &other, err);
    if (r < 0)
        return r;
    if (kept.native_id)
        str_copy(t->result->native_id, sizeof(t->result->native_id), kept.native_id);
    else if (other.native_id)
        return in_the_way(s, &other, err);
    else
        return err_set(err, ERR_BUSY, "network %s is being created or removed by another client",
                       s->native_name);
    return 0;
}

int network_create(struct act *t, struct err *err)
{
    const struct step *s = t->step;
    int status;
    int r = docker_json(t->d,
                        &(struct ask){.method = "POST",
                                      .path = "/networks/create",
                                      .body = network_write(s->native_name, s->spec, labels_of(t)),
                                      .cancel = act_cancel(t)},
                        NULL, &status, err);
    bool there = status == 409 || r == ERR_EXISTS;
    if (r < 0 && !there)
        return r;
    t->result->unchanged = there;
    return network_settle(t, err);
}

/* Disconnect our own containers from a network. If others are connected, the removal fails with the engine's
   message. */
static int send_off(struct act *t, const char *id, const char *owner, struct err *err)
{
    _cleanup_json_ json_t *j = NULL;
    int r = docker_json(
        t->d, &(struct ask){.path = docker_path(t->arena, "/networks/", id, ""), .cancel = act_cancel(t)}, &j,
        NULL, err);
    if (r < 0)
        return r;
    const char *container;
    json_t *item;
    json_object_foreach(json_object_get(j, "Containers"), container, item)
    {
        struct object o;
        r = docker_look(t->d, &kind_container, container, act_cancel(t), t->arena, &o, err);
        if (r == 0 && o.owner && str_eq(o.owner, owner))
            r = network_leave(t, id, container, err);
        if (r < 0 && r != ERR_NOTFOUND)
            return r;
    }
    return 0;
}

int network_remove(struct act *t, struct err *err)
{
    struct object o;
    int r = act_look(t, &o, err);
    if (r == 0)
        r = send_off(t, o.native_id, o.owner, err);
    if (r == 0)
        r = network_delete(t, o.native_id, err);
    t->result->unchanged = r == ERR_NOTFOUND;
    return r == ERR_NOTFOUND ? 0 : r;
}

int volume_create(struct act *t, struct err *err)
{
    const struct step *s = t->step;
    struct object o;
    struct err ignored = {0};
    /* The engine answers 201 for a name that exists, whoever owns it. */
    int r = docker_look(t->d, &kind_volume, s->native_name, act_cancel(t), t->arena, &o, &ignored);
    if (r == 0 && !act_made_by(s, &o))
        return in_the_way(s, &o, err);
    if (r == 0) {
        str_copy(t->result->native_id, sizeof(t->result->native_id), o.native_id);
        t->result->unchanged = true;
        return 0;
    }
    _cleanup_json_ json_t *answer = NULL;
    r = docker_json(t->d,
                    &(struct ask){.method = "POST",
                                  .path = "/volumes/create",
                                  .body = volume_write(s->native_name, s->spec, labels_of(t)),
                                  .cancel = act_cancel(t)},
                    &answer, NULL, err);
    if (r < 0)
        return r;
    r = volume_read(t->arena, answer, &o, err);
    if (r == 0)
        str_copy(t->result->native_id, sizeof(t->result->native_id), o.native_id);
    return r;
}

int volume_remove(struct act *t, struct err *err)
{
    struct object o;
    int r = act_look(t, &o, err);
    if (r == 0)
        r = docker_json(t->d,
                        &(struct ask){.method = "DELETE",
                                      .path = docker_path(t->arena, "/volumes/", o.native_name, ""),
                                      .cancel = act_cancel(t)},
                        NULL, NULL, err);
    t->result->unchanged = r == ERR_NOTFOUND;
    return r == ERR_NOTFOUND ? 0 : r;
}
