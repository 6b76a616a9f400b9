#include "providers/containers/listing.h"

#include "base/str.h"
#include "reconciler/plan/bind.h"

#include <stdlib.h>

/*
 * An entry has two forms: Docker's (API, GET /containers/json), and that of Podman's own API (GET
 * /libpod/containers/json), where Status holds only the health, ids have no "sha256:" prefix, the exit code
 * is a member of its own, and networks are listed by name only.
 */

/* The members that are compared: not Status, whose wording changes with time ("Up 3 minutes"), nor Ports and
   Mounts, which come in no fixed order. */
static const char *const look_members[] = {"Image",      "ImageID",         "Labels",  "Names",
                                           "HostConfig", "NetworkSettings", "Networks"};

/* "Up 3 minutes (healthy)", "Exited (137) 2 hours ago", "Up 2 seconds (health: starting)" */
static void status_read(const char *status, struct listed *ret)
{
    static const struct {
        const char *text;
        enum object_health health;
    } words[] = {{"(healthy)", HEALTH_HEALTHY},
                 {"(unhealthy)", HEALTH_UNHEALTHY},
                 {"(health: starting)", HEALTH_STARTING}};
    const char *code = str_after(status, "Exited (");
    if (object_health_from_name(status, &ret->health) == 0)
        return;
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_ends(status, words[i].text))
            ret->health = words[i].health;
    if (code)
        ret->exit_code = (int)strtol(code, NULL, 10);
}

/* ["/web", "/other/alias"]: its own name, not those that links gave it. */
static int name_read(struct arena *a, struct span names, struct listed *ret, struct err *err)
{
    struct scan s;
    struct span item;
    int r = scan_enter(names, '[', &s, err);
    while (r >= 0 && (r = scan_element(&s, &item, err)) > 0) {
        const char *text = span_text(a, item);
        const char *name = text && *text == '/' ? text + 1 : text;
        if (name && (!ret->name || !strchr(name, '/')))
            ret->name = name;
    }
    return r;
}

static int marks_of(struct arena *a, struct span labels, struct listed *ret, struct err *err)
{
    struct scan s;
    struct span key, value;
    int r = scan_enter(labels, '{', &s, err);
    while (r >= 0 && (r = scan_member(&s, &key, &value, err)) > 0) {
        if (span_is(key, MARK_OWNER))
            ret->owner = span_text(a, value);
        else if (span_is(key, MARK_RESOURCE))
            ret->resource = span_text(a, value);
        else if (span_is(key, MARK_INSTANCE))
            ret->instance = (unsigned)strtoul(str_or(span_text(a, value), "0"), NULL, 10);
    }
    return r;
}

static int member_read(struct arena *a, struct span key, struct span value, struct listed *ret,
                       struct span *image, struct err *err)
{
    if (span_is(key, "Id"))
        ret->id = span_text(a, value);
    else if (span_is(key, "Image"))
        *image = value;
    else if (span_is(key, "ImageID"))
        ret->image_id = span_text(a, value);
    else if (span_is(key, "Names"))
        return name_read(a, value, ret, err);
    else if (span_is(key, "Labels") && value.p < value.end && *value.p == '{')
        return marks_of(a, value, ret, err);
    else if (span_is(key, "State")) {
        const char *state = span_text(a, value);
        if (state && object_state_from_name(state, &ret->state) < 0)
            ret->state = str_eq(state, "stopped") ? OBJECT_EXITED : OBJECT_CREATED;
    } else if (span_is(key, "ExitCode")) {
        ret->exit_code = (int)strtol(value.p, NULL, 10);
    } else if (span_is(key, "Status")) {
        const char *status = span_text(a, value);
        if (status)
            status_read(status, ret);
    }
    return 0;
}

int listing_read(struct arena *a, struct span entry, struct listed *ret, struct err *err)
{
    struct listed l = {.state = OBJECT_CREATED};
    struct scan s;
    struct span key, value, image = {0}, parts[ARRAY_LEN(look_members)] = {{0}};
    int r = scan_enter(entry, '{', &s, err);
    while (r >= 0 && (r = scan_member(&s, &key, &value, err)) > 0) {
        for (size_t i = 0; i < ARRAY_LEN(look_members); i++)
            if (span_is(key, look_members[i]))
                parts[i] = value;
        r = member_read(a, key, value, &l, &image, err);
    }
    if (r < 0)
        return r;
    if (!l.id || !l.name)
        return err_set(err, ERR_CORRUPT, "an entry of the engine's listing has no id or name");
    struct digest_ctx d;
    digest_begin(&d);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (parts[i].p)
            digest_add(&d, parts[i].p, (size_t)(parts[i].end - parts[i].p));
        digest_add(&d, "\n", 1);
    }
    digest_add(&d, &l.state, sizeof(l.state));
    digest_add(&d, &l.exit_code, sizeof(l.exit_code));
    digest_end(&d, &l.look);
    const char *shown = span_text(a, image);
    l.image_moved = shown && l.image_id && str_eq(shown, l.image_id);
    *ret = l;
    return 0;
}
