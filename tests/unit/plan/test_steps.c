/* Changes as steps: their order, their undo, and steps left out because they are already done. */
#include "base/clock.h"
#include "base/str.h"
#include "tests/lib/plan_case.h"
#include "tests/lib/unit.h"

struct fixture {
    struct arena arena;
    struct world w;
    struct resource_set before, after;
    struct observed observed;
    struct plan plan;
};

static struct resource_set load(struct fixture *f, const char *yaml)
{
    struct resource_set set;
    struct err err = {0};
    assert_ok(plan_case_text(yaml, "prod", &f->arena, &set, &err));
    return set;
}

static void plan_now(struct fixture *f)
{
    static const char *const data_loss[] = {"volume/data", NULL};
    static const char *const adopt[] = {"container/web", NULL};
    const struct plan_policy policy = {
        .prune = true, .self_heal = true, .data_loss = data_loss, .adopt = adopt};
    struct diag_list diags;
    struct err err = {0};
    diag_init(&diags, &f->arena);
    world_observe(&f->w, &f->arena, &f->observed);
    const struct plan_input in = {.environment = "prod",
                                  .commit = "c0ffee",
                                  .desired = &f->after,
                                  .observed = &f->observed,
                                  .applied = &f->w.inventory,
                                  .policy = &policy};
    assert_ok(plan_make(&in, &f->arena, &f->plan, &diags, &err));
}

/* `before` has been applied and is running, `after` is desired; either may be NULL. */
static struct fixture *begin_on(unsigned caps, const char *before, const char *after)
{
    struct fixture *f = calloc(1, sizeof(*f));
    plan_world_init(&f->w, &f->arena, "prod");
    f->w.caps = caps;
    f->before = load(f, before ? before : "");
    f->after = load(f, after ? after : "");
    world_settle(&f->w, &f->before);
    plan_now(f);
    return f;
}

static struct fixture *begin(const char *before, const char *after)
{
    return begin_on(WORLD_ALL_CAPS, before, after);
}

static void end(struct fixture *f)
{
    resource_set_release(&f->before);
    resource_set_release(&f->after);
    arena_release(&f->arena);
    free(f);
}

static struct step_list steps_of(struct fixture *f, const char *id)
{
    struct step_list all = {0}, list;
    struct err err = {0};
    const struct plan_change *c = plan_find(&f->plan, id);
    assert_non_null(c);
    for (size_t i = 0; i < c->n_moves; i++) {
        assert_ok(steps_make(&f->plan, c, &c->moves[i], f->w.caps, 5, &f->arena, &list, &err));
        if (c->n_moves == 1)
            return list;
        for (size_t k = 0; k < list.n; k++)
            arena_push(&f->arena, all.items, all.n, all.cap, list.items[k]);
    }
    return all;
}

static void add_step(struct buf *b, const struct step *s)
{
    buf_addf(b, "%s%s %s", b->len ? ", " : "", step_verb_name(s->verb),
             s->verb == STEP_PULL ? s->image : s->native_name);
    if (s->verb == STEP_RENAME)
        buf_addf(b, "=%s", s->new_name);
    if (s->verb == STEP_WAIT)
        buf_addf(b, ":%s", s->gone ? "gone" : depend_condition_name(s->condition));
}

/* "pull a:1, create prod-web-1 | undo remove ..."; "!" marks the first step that is not undone. */
static void expect(struct fixture *f, const char *id, const char *want)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    struct step_list l = steps_of(f, id);
    for (size_t i = 0; i < l.n; i++) {
        if (l.n_undo && i == l.commit_at)
            buf_adds(&b, " !");
        add_step(&b, &l.items[i]);
    }
    if (l.n_undo) {
        _cleanup_buf_ struct buf undo = BUF_INIT;
        for (size_t i = 0; i < l.n_undo; i++)
            add_step(&undo, &l.undo[i]);
        buf_addf(&b, " | %s", buf_str(&undo));
    }
    assert_string_equal(buf_str(&b), want);
}

#define WEB(spec) "apiVersion: forge/v1\nkind: Container\nmetadata: {name: web}\nspec: {" spec "}\n"
#define DB(spec)  "---\napiVersion: forge/v1\nkind: Container\nmetadata: {name: db}\nspec: {" spec "}\n"

static void test_create(void **state)
{
    (void)state;
    struct fixture *f = begin(NULL, WEB("image: \"a:1\""));
    expect(f, "container/web", "pull a:1, create prod-web-1, start prod-web-1");
    expect(f, "network/default", "create prod-default");
    world_image(&f->w, "a:1", "sha256:1");
    plan_now(f);
    expect(f, "container/web", "create prod-web-1, start prod-web-1");
    end(f);
}

static void test_create_says_what_to_make(void **state)
{
    (void)state;
    struct fixture *f = begin(NULL, WEB("image: \"a:1\", configs: [{source: conf, target: /etc/c, mode: "
                                        "\"0400\"}]") "---\napiVersion: forge/v1\nkind: Config\nmetadata: "
                                                      "{name: conf}\nspec: {content: \"a=1\"}\n");
    struct step_list l = steps_of(f, "container/web");
    const struct step *s = &l.items[1];
    assert_int_equal(s->verb, STEP_CREATE);
    assert_string_equal(val_get_str(s->labels, MARK_GENERATION), "5");
    assert_string_equal(val_get_str(s->labels, MARK_COMMIT), "c0ffee");
    assert_int_equal(s->n_files, 1);
    assert_string_equal(s->files[0].target, "/etc/c");
    assert_int_equal(s->files[0].len, 3);
    assert_memory_equal(s->files[0].data, "a=1", 3);
    assert_int_equal(s->files[0].mode, 0400);
    assert_ptr_equal(s->spec, resource_find(&f->after, "container/web")->spec);
    end(f);
}

static void test_create_waits_for_its_health(void **state)
{
    (void)state;
    struct fixture *f = begin(
        NULL, WEB("image: \"a:1\", healthcheck: {test: [CMD, x], interval: 1s, timeout: 1s, retries: 2}"));
    expect(f, "container/web", "pull a:1, create prod-web-1, start prod-web-1, wait prod-web-1:healthy");
    assert_int_equal(steps_of(f, "container/web").items[3].timeout_ns, 120 * NS_PER_S);
    end(f);
    f = begin(NULL, WEB("image: \"a:1\", update: {timeout: 7s}, healthcheck: {test: [CMD, x]}"));
    assert_int_equal(steps_of(f, "container/web").items[3].timeout_ns, 7 * NS_PER_S);
    end(f);
    f = begin(NULL, WEB("image: \"a:1\", healthcheck: {test: [CMD, x], start_period: 10m}"));
    assert_int_equal(steps_of(f, "container/web").items[3].timeout_ns, (600 + 60 * 4) * NS_PER_S);
    end(f);
}

/* L7 */
static void test_what_others_wait_for_is_waited_for(void **state)
{
    (void)state;
    struct fixture *f = begin(NULL, WEB("image: \"a:1\", depends_on: {db: completed}") DB("image: \"b:1\""));
    expect(f, "container/db", "pull b:1, create prod-db-1, start prod-db-1, wait prod-db-1:completed");
    expect(f, "container/web", "pull a:1, create prod-web-1, start prod-web-1");
    end(f);
}

/* L7: a dependency without a change may still not be ready. */
static void test_waits_for_what_is_not_ready_yet(void **state)
{
    (void)state;
    struct fixture *f = begin(DB("image: \"b:1\", healthcheck: {test: [CMD, x]}"),
                              WEB("image: \"a:1\", depends_on: {db: healthy}")
                                  DB("image: \"b:1\", healthcheck: {test: [CMD, x]}"));
    expect(f, "container/web", "pull a:1, create prod-web-1, start prod-web-1");
    world_find(&f->w, "container/db", 1, false)->health = HEALTH_STARTING;
    plan_now(f);
    expect(f, "container/web", "pull a:1, wait prod-db-1:healthy, create prod-web-1, start prod-web-1");
    assert_string_equal(steps_of(f, "container/web").items[1].id, "container/db");
    end(f);
}

/* S6 */
static void test_replace_start_first(void **state)
{
    (void)state;
    struct fixture *f = begin(WEB("image: \"a:1\""), WEB("image: \"a:2\""));
    expect(f, "container/web",
           "pull a:2, create prod-web-1.next, start prod-web-1.next, wait prod-web-1.next:started, stop "
           "prod-web-1, "
           "wait prod-web-1.next:started !, remove prod-web-1, rename prod-web-1.next=prod-web-1 | "
           "start prod-web-1, stop prod-web-1.next, remove prod-web-1.next");
    end(f);
    f = begin(WEB("image: \"a:1\", healthcheck: {test: [CMD, x]}"),
              WEB("image: \"a:2\", healthcheck: {test: [CMD, x]}"));
    expect(f, "container/web",
           "pull a:2, create prod-web-1.next, start prod-web-1.next, wait prod-web-1.next:healthy, stop "
           "prod-web-1 !, "
           "remove prod-web-1, rename prod-web-1.next=prod-web-1 | "
           "start prod-web-1, wait prod-web-1:healthy, stop prod-web-1.next, remove prod-web-1.next");
    end(f);
}

static void test_replace_stop_first(void **state)
{
    (void)state;
    struct fixture *f = begin(WEB("image: \"a:1\", ports: [\"80:80\"], stop_grace_period: 3s"),
                              WEB("image: \"a:2\", ports: [\"80:80\"], stop_grace_period: 3s"));
    expect(f, "container/web",
           "pull a:2, create prod-web-1.next, stop prod-web-1, start prod-web-1.next, wait "
           "prod-web-1.next:started !, "
           "remove prod-web-1, rename prod-web-1.next=prod-web-1 | "
           "stop prod-web-1.next, remove prod-web-1.next, start prod-web-1");
    struct step_list l = steps_of(f, "container/web");
    assert_int_equal(l.items[2].timeout_ns, 3 * NS_PER_S);
    assert_int_equal(l.items[5].timeout_ns, 3 * NS_PER_S); /* should it have been started again */
    assert_int_equal(l.undo[1].timeout_ns, 3 * NS_PER_S);
    assert_string_equal(l.items[2].native_id, world_find(&f->w, "container/web", 1, false)->native_id);
    assert_null(l.items[3].native_id);
    end(f);
}

static void test_replace_of_what_is_stopped_starts_nothing_in_its_undo(void **state)
{
    (void)state;
    struct fixture *f = begin(WEB("image: \"a:1\""), WEB("image: \"a:2\""));
    world_find(&f->w, "container/web", 1, false)->state = OBJECT_EXITED;
    plan_now(f);
    expect(f, "container/web",
           "pull a:2, create prod-web-1.next, start prod-web-1.next, wait prod-web-1.next:started !, "
           "remove prod-web-1, rename prod-web-1.next=prod-web-1 | stop prod-web-1.next, remove "
           "prod-web-1.next");
    end(f);
}

static void test_replace_without_rename(void **state)
{
    (void)state;
    struct fixture *f = begin(WEB("image: \"a:1\""), WEB("image: \"a:2\""));
    f->w.caps &= ~CAP_RENAME;
    expect(f, "container/web",
           "stop prod-web-1, remove prod-web-1, pull a:2, create prod-web-1, start prod-web-1, wait "
           "prod-web-1:started");
    end(f);
}

/* S8: each state that a killed replace can leave. */
static void interrupted(enum object_state old, enum object_state candidate, const char *want)
{
    struct fixture *f = begin(WEB("image: \"a:1\""), WEB("image: \"a:2\""));
    struct object *o = world_find(&f->w, "container/web", 1, false);
    world_image(&f->w, "a:2", world_image_id(&f->arena, "a:2"));
    if (old == OBJECT_REMOVING)
        world_drop(&f->w, o);
    else
        o->state = old;
    o = world_object(&f->w, resource_find(&f->after, "container/web"), 1, true);
    o->state = candidate;
    o->exit_code = 1;
    plan_now(f);
    expect(f, "container/web", want);
    end(f);
}

static void test_interrupted_replaces_go_on(void **state)
{
    (void)state;
    static const char undo[] = " | start prod-web-1, stop prod-web-1.next, remove prod-web-1.next";
    struct arena a = ARENA_INIT;
    interrupted(
        OBJECT_RUNNING, OBJECT_CREATED,
        arena_printf(&a,
                     "start prod-web-1.next, wait prod-web-1.next:started, stop prod-web-1, wait "
                     "prod-web-1.next:started !, remove prod-web-1, rename prod-web-1.next=prod-web-1%s",
                     undo));
    interrupted(OBJECT_RUNNING, OBJECT_RUNNING,
                arena_printf(&a,
                             "wait prod-web-1.next:started, stop prod-web-1, wait prod-web-1.next:started !, "
                             "remove prod-web-1, rename prod-web-1.next=prod-web-1%s",
                             undo));
    interrupted(OBJECT_EXITED, OBJECT_RUNNING,
                "wait prod-web-1.next:started !, remove prod-web-1, rename prod-web-1.next=prod-web-1 | "
                "start prod-web-1, stop prod-web-1.next, remove prod-web-1.next");
    interrupted(OBJECT_REMOVING, OBJECT_RUNNING,
                "rename prod-web-1.next=prod-web-1, wait prod-web-1:started");
    interrupted(OBJECT_REMOVING, OBJECT_EXITED,
                "rename prod-web-1.next=prod-web-1, start prod-web-1, wait prod-web-1:started");
    interrupted(
        OBJECT_RUNNING, OBJECT_DEAD,
        arena_printf(&a,
                     "remove prod-web-1.next, create prod-web-1.next, start prod-web-1.next, wait "
                     "prod-web-1.next:started, stop prod-web-1, wait prod-web-1.next:started !, remove "
                     "prod-web-1, rename prod-web-1.next=prod-web-1%s",
                     undo));
    arena_release(&a);
}

/* A job runs once. */
static void test_a_candidate_that_did_its_job_is_not_started_again(void **state)
{
    (void)state;
    struct fixture *f = begin(WEB("image: \"a:1\", restart: \"no\""), WEB("image: \"a:2\", restart: \"no\""));
    world_drop(&f->w, world_find(&f->w, "container/web", 1, false));
    world_image(&f->w, "a:2", world_image_id(&f->arena, "a:2"));
    struct object *o = world_object(&f->w, resource_find(&f->after, "container/web"), 1, true);
    o->state = OBJECT_EXITED;
    plan_now(f);
    expect(f, "container/web", "rename prod-web-1.next=prod-web-1, wait prod-web-1:started");
    o->exit_code = 1;
    plan_now(f);
    expect(f, "container/web",
           "rename prod-web-1.next=prod-web-1, start prod-web-1, wait prod-web-1:started");
    end(f);
}

static void test_a_candidate_of_something_else_goes_first(void **state)
{
    (void)state;
    struct fixture *f = begin(WEB("image: \"a:1\""), WEB("image: \"a:1\""));
    struct object *o = world_object(&f->w, resource_find(&f->after, "container/web"), 1, true);
    o->spec_digest = "v1:other";
    plan_now(f);
    expect(f, "container/web", "stop prod-web-1.next, remove prod-web-1.next");
    world_find(&f->w, "container/web", 1, false)->state = OBJECT_EXITED;
    plan_now(f);
    expect(f, "container/web", "stop prod-web-1.next, remove prod-web-1.next, start prod-web-1");
    world_drop(&f->w, world_find(&f->w, "container/web", 1, false));
    plan_now(f);
    expect(
        f, "container/web",
        "rename prod-web-1.next=prod-web-1, create prod-web-1.next, start prod-web-1.next, wait "
        "prod-web-1.next:started, stop prod-web-1, wait prod-web-1.next:started !, remove prod-web-1, rename "
        "prod-web-1.next=prod-web-1 | start prod-web-1, stop prod-web-1.next, remove prod-web-1.next");
    end(f);
}

static void test_update_live(void **state)
{
    (void)state;
    struct fixture *f = begin(WEB("image: \"a:1\", mem_limit: 64m"),
                              WEB("image: \"a:1\", mem_limit: 128m, container_name: www"));
    expect(f, "container/web", "update prod-web-1, rename prod-web-1=www");
    struct step_list l = steps_of(f, "container/web");
    assert_int_equal(val_get_int(val_get(l.items[0].from, "resources"), "memory", 0), 64 << 20);
    assert_int_equal(val_get_int(val_get(l.items[0].spec, "resources"), "memory", 0), 128 << 20);
    end(f);
}

static void test_a_limit_nobody_asks_for_goes_back(void **state)
{
    (void)state;
    struct fixture *f = begin(WEB("image: \"a:1\", mem_limit: 64m"), WEB("image: \"a:1\", mem_limit: 64m"));
    struct applied *rec = f->w.inventory.items[0];
    struct object *o = world_find(&f->w, "container/web", 1, false);
    struct val *spec = val_clone(&f->arena, o->spec);
    val_set_int(&f->arena, val_get(spec, "resources"), "memory_swap", 128 << 20);
    rec->baseline = spec;
    spec = val_clone(&f->arena, spec);
    val_set_int(&f->arena, val_get(spec, "resources"), "memory_swap", 512 << 20);
    o->spec = spec;
    plan_now(f);
    expect(f, "container/web", "update prod-web-1");
    struct step_list l = steps_of(f, "container/web");
    assert_int_equal(val_get_int(val_get(l.items[0].spec, "resources"), "memory_swap", 0), 128 << 20);
    end(f);
}

static void test_restart_and_pause(void **state)
{
    (void)state;
    struct fixture *f = begin(WEB("image: \"a:1\""), WEB("image: \"a:1\""));
    struct object *o = world_find(&f->w, "container/web", 1, false);
    o->state = OBJECT_EXITED;
    o->exit_code = 1;
    plan_now(f);
    expect(f, "container/web", "start prod-web-1");
    o->state = OBJECT_PAUSED;
    plan_now(f);
    expect(f, "container/web", "start prod-web-1");
    end(f);
    f = begin(
        WEB("image: \"a:1\", depends_on: {db: {condition: started, restart: true}}") DB("image: \"b:1\""),
        WEB("image: \"a:1\", depends_on: {db: {condition: started, restart: true}}") DB("image: \"b:2\""));
    expect(f, "container/web", "stop prod-web-1, start prod-web-1");
    end(f);
}

static void test_delete(void **state)
{
    (void)state;
    struct fixture *f = begin(WEB("image: \"a:1\"") DB("image: \"b:1\", replicas: 2"), WEB("image: \"a:1\""));
    expect(f, "container/db", "stop prod-db-1, remove prod-db-1, stop prod-db-2, remove prod-db-2");
    world_find(&f->w, "container/db", 2, false)->state = OBJECT_EXITED;
    plan_now(f);
    expect(f, "container/db", "stop prod-db-1, remove prod-db-1, remove prod-db-2");
    end(f);
}

#define NET(spec) "---\napiVersion: forge/v1\nkind: Network\nmetadata: {name: back}\nspec: {" spec "}\n"

static void test_network_made_anew(void **state)
{
    (void)state;
    struct fixture *f = begin(WEB("image: \"a:1\", networks: [back]") NET(""),
                              WEB("image: \"a:1\", networks: [back]") NET("internal: true"));
    expect(f, "network/back", "remove prod-back, create prod-back | create prod-back");
    expect(f, "container/web", "update prod-web-1");
    struct step_list l = steps_of(f, "container/web");
    assert_null(val_get(val_get(l.items[0].from, "networks"), "prod-back"));
    assert_non_null(val_get(val_get(l.items[0].spec, "networks"), "prod-back"));
    end(f);
}

#define VOL(spec) "---\napiVersion: forge/v1\nkind: Volume\nmetadata: {name: data}\nspec: {" spec "}\n"

/* S3: an engine does not remove a volume while a container uses it. */
static void test_volume_made_anew(void **state)
{
    (void)state;
    struct fixture *f = begin(WEB("image: \"a:1\", volumes: [\"data:/d\"]") VOL(""),
                              WEB("image: \"a:1\", volumes: [\"data:/d\"]") VOL("driver: other"));
    expect(f, "volume/data", "stop prod-web-1, remove prod-web-1, remove prod-data, create prod-data");
    struct step_list l = steps_of(f, "volume/data");
    assert_string_equal(l.items[0].id, "container/web");
    assert_string_equal(l.items[2].id, "volume/data");
    end(f);
}

/* S4 */
static void test_adoption_touches_what_is_not_ours_by_its_id_only(void **state)
{
    (void)state;
    struct fixture *f = begin(NULL, WEB("image: \"a:1\", container_name: web"));
    struct object *o = world_object(&f->w, resource_find(&f->after, "container/web"), 1, false);
    o->owner = NULL;
    o->spec_digest = NULL;
    plan_now(f);
    struct step_list l = steps_of(f, "container/web");
    for (size_t i = 0; i < l.n; i++) {
        assert_int_equal(l.items[i].foreign, l.items[i].native_id != NULL);
        if (l.items[i].foreign)
            assert_string_equal(l.items[i].native_id, o->native_id);
    }
    end(f);
}

static void test_pull_policies(void **state)
{
    (void)state;
    struct fixture *f = begin(NULL, WEB("image: \"a:1\", pull_policy: never"));
    assert_string_equal(steps_of(f, "container/web").items[0].pull_policy, "never");
    end(f);
    f = begin(NULL, WEB("image: \"a:1\", pull_policy: always"));
    world_image(&f->w, "a:1", "sha256:1");
    plan_now(f);
    assert_string_equal(steps_of(f, "container/web").items[0].pull_policy, "always");
    end(f);
    f = begin(NULL,
              WEB("image: \"sha256:2222222222222222222222222222222222222222222222222222222222222222\""));
    assert_string_equal(steps_of(f, "container/web").items[0].pull_policy, "never");
    end(f);
}

static void expect_service(const char *before, const char *after, const char *want)
{
    struct fixture *f = begin_on(WORLD_SWARM_CAPS, before, after);
    expect(f, "container/web", want);
    end(f);
}

/* One object, whatever its replicas; the nodes pull, and the swarm starts, stops and moves its tasks. */
static void test_services_replace_themselves(void **state)
{
    (void)state;
    expect_service(NULL, WEB("image: \"a:1\", replicas: 3"), "create prod-web, wait prod-web:started");
    expect_service(WEB("image: \"a:1\""), WEB("image: \"a:2\""),
                   "update prod-web, wait prod-web:started | update prod-web");
    expect_service(WEB("image: \"a:1\""), WEB("image: \"a:1\", replicas: 2"),
                   "update prod-web, wait prod-web:started | update prod-web");
    expect_service(WEB("image: \"a:1\"") DB("image: \"a:1\""), DB("image: \"a:1\""),
                   "remove prod-web, wait prod-web:gone");
    /* A failure_action from Git is not overruled. */
    expect_service(WEB("image: \"a:1\""), WEB("image: \"a:2\", update: {failure_action: pause}"),
                   "update prod-web, wait prod-web:started");
    /* Fields that an update cannot change. */
    expect_service(WEB("image: \"a:1\""), WEB("image: \"a:1\", deploy: {mode: global}"),
                   "remove prod-web, wait prod-web:gone, create prod-web, wait prod-web:started");
    expect_service(WEB("image: \"a:1\""), WEB("image: \"a:1\", container_name: ww"),
                   "remove prod-web, wait prod-web:gone, create ww, wait ww:started");
}

static void test_services_are_given_time(void **state)
{
    (void)state;
    struct fixture *f = begin_on(WORLD_SWARM_CAPS, NULL,
                                 WEB("image: \"a:1\", replicas: 10, update: {parallelism: 5, delay: 20s}"));
    struct step_list l = steps_of(f, "container/web");
    /* 2 minutes, a second for each replica, and 2 rounds of 20 s, 5 s to monitor and 10 s to stop */
    assert_int_equal(l.items[1].timeout_ns, (120 + 10 + 2 * 35) * NS_PER_S);
    end(f);
    f = begin_on(WORLD_SWARM_CAPS, NULL, WEB("image: \"a:1\", update: {timeout: 7s}"));
    assert_int_equal(steps_of(f, "container/web").items[1].timeout_ns, 7 * NS_PER_S);
    end(f);
    /* In an update, that is for each round: 3 of 7 s, 5 s to monitor and 10 s to stop. */
    f = begin_on(WORLD_SWARM_CAPS, WEB("image: \"a:1\", replicas: 3"),
                 WEB("image: \"a:2\", replicas: 3, update: {timeout: 7s}"));
    assert_int_equal(steps_of(f, "container/web").items[1].timeout_ns, 3 * 22 * NS_PER_S);
    end(f);
}

/* A job of a service gets what it is given; while its task before still runs, that is stopped first. */
static void test_a_service_that_ends_is_given_its_time(void **state)
{
    (void)state;
    for (int runs = 0; runs < 2; runs++) {
        struct fixture *f =
            begin_on(WORLD_SWARM_CAPS, WEB("image: \"a:1\"") DB("image: \"b:1\", restart: \"no\""),
                     WEB("image: \"a:2\", depends_on: {db: completed}")
                         DB("image: \"b:2\", restart: \"no\", stop_grace_period: 3s, update: {timeout: 7s}"));
        world_find(&f->w, "container/db", 0, false)->state = runs ? OBJECT_RUNNING : OBJECT_EXITED;
        plan_now(f);
        struct step_list l = steps_of(f, "container/db");
        assert_int_equal(l.items[1].condition, DEPEND_COMPLETED);
        assert_int_equal(l.items[1].timeout_ns, (runs ? 10 : 7) * NS_PER_S);
        end(f);
    }
}

static void test_jobs(void **state)
{
    (void)state;
    struct fixture *f = begin(WEB("image: \"a:1\", restart: \"no\""), WEB("image: \"a:2\", restart: \"no\""));
    struct step_list l = steps_of(f, "container/web");
    assert_int_equal(l.items[3].verb, STEP_WAIT);
    assert_true(l.items[3].may_end);
    end(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create),
        cmocka_unit_test(test_create_says_what_to_make),
        cmocka_unit_test(test_create_waits_for_its_health),
        cmocka_unit_test(test_what_others_wait_for_is_waited_for),
        cmocka_unit_test(test_waits_for_what_is_not_ready_yet),
        cmocka_unit_test(test_replace_start_first),
        cmocka_unit_test(test_replace_stop_first),
        cmocka_unit_test(test_replace_of_what_is_stopped_starts_nothing_in_its_undo),
        cmocka_unit_test(test_replace_without_rename),
        cmocka_unit_test(test_interrupted_replaces_go_on),
        cmocka_unit_test(test_a_candidate_that_did_its_job_is_not_started_again),
        cmocka_unit_test(test_a_candidate_of_something_else_goes_first),
        cmocka_unit_test(test_update_live),
        cmocka_unit_test(test_a_limit_nobody_asks_for_goes_back),
        cmocka_unit_test(test_restart_and_pause),
        cmocka_unit_test(test_delete),
        cmocka_unit_test(test_network_made_anew),
        cmocka_unit_test(test_volume_made_anew),
        cmocka_unit_test(test_adoption_touches_what_is_not_ours_by_its_id_only),
        cmocka_unit_test(test_pull_policies),
        cmocka_unit_test(test_services_replace_themselves),
        cmocka_unit_test(test_services_are_given_time),
        cmocka_unit_test(test_a_service_that_ends_is_given_its_time),
        cmocka_unit_test(test_jobs),
    };
    return cmocka_run_group_tests_name("steps", tests, NULL, NULL);
}
