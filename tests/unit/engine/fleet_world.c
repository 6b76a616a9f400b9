#include "tests/unit/engine/fleet_world.h"

#include "base/str.h"

#include <stdio.h>

void fw_init(struct fw *w, const char *name, size_t n, bool disk)
{
    memset(w, 0, sizeof(*w));
    ew_init(&w->ew, name, EW_GIT, disk);
    struct arena *a = &w->ew.arena;
    w->n = n;
    char letters[FW_MOST + 1] = "";
    for (size_t i = 0; i < n; i++) {
        const char *engine = i ? arena_printf(a, "%s-%zu", name, i) : name;
        letters[i] = (char)('a' + i);
        w->fake[i] = fake_engine(engine);
        fake_image(w->fake[i], &(struct fake_image){.ref = "app:1", .local = 1, .remote = 1});
        fake_image(w->fake[i], &(struct fake_image){.ref = "app:2", .local = 2, .remote = 2});
        struct val *labels = val_map(a);
        val_set_str(a, labels, "all", "yes");
        val_set_str(a, labels, "name", arena_printf(a, "%c", letters[i]));
        w->targets[i] = (struct target){.name = val_get_str(labels, "name"),
                                        .url = arena_printf(a, "fake://%s", engine),
                                        .labels = labels};
    }
    fw_use(w, letters);
}

void fw_release(struct fw *w)
{
    struct fake_engine *others[FW_MOST];
    size_t n = w->n;
    memcpy(others, w->fake, sizeof(others));
    ew_release(&w->ew);
    for (size_t i = 1; i < n; i++)
        fake_engine_free(others[i]);
}

void fw_use(struct fw *w, const char *letters)
{
    w->set = (struct target){.members = w->members};
    struct buf names = BUF_INIT;
    if (*letters == '=') {
        w->ew.config.target = &w->targets[letters[1] - 'a'];
    } else {
        for (const char *l = letters; *l; l++) {
            w->members[w->set.n_members++] = &w->targets[*l - 'a'];
            buf_addf(&names, "%s%c", l > letters ? ", " : "", *l);
        }
        w->set.name = arena_strdup(&w->ew.arena, buf_str(&names));
        w->ew.config.target = &w->set;
    }
    buf_release(&names);
    ew_restart(&w->ew);
}

struct fake_engine *fw_fake(struct fw *w, char letter)
{
    return w->fake[letter - 'a'];
}

void fw_leave(struct fw *w, char letter)
{
    for (unsigned v = 0; v < FAKE_VERBS; v++)
        fake_fault(fw_fake(w, letter), &(struct fake_fault){.verb = (enum fake_verb)v,
                                                            .always = true,
                                                            .code = ERR_UNAVAILABLE,
                                                            .retryable = true,
                                                            .message = "the line is cut"});
}

void fw_return(struct fw *w, char letter)
{
    fake_faults_clear(fw_fake(w, letter));
    clock_fake_advance(&w->ew.time, 2 * 60 * NS_PER_S); /* longer than any back-off */
}

void fw_converge(struct fw *w)
{
    for (int round = 0; round < 8; round++) {
        int r = ew_reconcile(&w->ew);
        unit_check_code(ew_look(&w->ew, &(struct look_options){0}), 0, &w->ew.err, "look", __FILE__,
                        __LINE__);
        if (r == 0 && !w->ew.look.plan.n && !plan_is_partial(&w->ew.look.plan))
            return;
        clock_fake_advance(&w->ew.time, 20 * 60 * NS_PER_S);
    }
    fail_msg("it does not converge:\n%s", ew_plan_text(&w->ew));
}

bool fw_unknown(const struct fw *w, const char *id)
{
    const struct plan *p = &w->ew.look.plan;
    for (size_t i = 0; i < p->n_unknown; i++)
        if (str_eq(p->unknown[i], id))
            return true;
    return false;
}
