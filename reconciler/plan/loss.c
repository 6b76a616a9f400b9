/*
 * S3: data is lost only by a word that names the very objects that hold it, on the command line or in Git.
 *
 * The word is "volume/data@" and a short digest of what tells these objects from any other of that name: it
 * can be left behind, and allows nothing once they are gone.
 */
#include "reconciler/plan/planner.h"

#define WORD_HEX      12u
#define WORD_IN_GIT   "forge/allow-data-loss"
#define WORD_SPLITTER " ,\t\n"

static int by_name(const void *pa, const void *pb)
{
    const struct object *a = *(const struct object *const *)pa, *b = *(const struct object *const *)pb;
    int c = strcmp(str_or(a->native_name, ""), str_or(b->native_name, ""));
    return c ? c : strcmp(str_or(a->native_id, ""), str_or(b->native_id, ""));
}

/* An engine may identify a volume by its name alone: its creation time and options tell it from a later
   one of that name. */
static void add_identity(struct digest_ctx *d, struct arena *a, const struct object *o)
{
    const char *text =
        arena_printf(a, "%s\n%s\n%lld\n%llu\n%s\n", str_or(o->native_name, ""), str_or(o->native_id, ""),
                     (long long)o->created_ns, (unsigned long long)o->generation, str_or(o->spec_digest, ""));
    digest_add(d, text, strlen(text));
}

const char *loss_word(struct planner *p, const char *id)
{
    struct object *const *objects;
    size_t n = observed_find(p->in->observed, id, &objects), ours = 0;
    const struct object **sorted = arena_array(p->a, const struct object *, n + 1);
    for (size_t i = 0; i < n; i++)
        if (object_ours(p, objects[i], inventory_find(p->in->applied, id)))
            sorted[ours++] = objects[i];
    if (!ours)
        return NULL;
    qsort(sorted, ours, sizeof(*sorted), by_name);
    const char *head = arena_printf(p->a, "forge-loss-v1\n%s\n%s\n", p->in->environment, id);
    struct digest_ctx ctx;
    struct digest digest;
    char hex[DIGEST_HEX_LEN + 1];
    digest_begin(&ctx);
    digest_add(&ctx, head, strlen(head));
    for (size_t i = 0; i < ours; i++)
        add_identity(&ctx, p->a, sorted[i]);
    digest_end(&ctx, &digest);
    digest_hex(&digest, hex);
    return arena_printf(p->a, "%s@%.*s", id, (int)WORD_HEX, hex);
}

static void add_words(struct planner *p, const struct resource *r)
{
    const char *text = resource_annotation(r, WORD_IN_GIT);
    while (text && *(text += strspn(text, WORD_SPLITTER))) {
        size_t n = strcspn(text, WORD_SPLITTER);
        const struct loss_word w = {r, arena_strndup(p->a, text, n)};
        arena_push(p->a, p->words, p->n_words, p->cap_words, w);
        text += n;
    }
}

static bool in_git(struct planner *p, const char *word)
{
    if (!p->has_words) {
        p->has_words = true;
        for (size_t i = 0; i < p->in->desired->n; i++)
            add_words(p, p->in->desired->items[i]);
    }
    for (size_t i = 0; word && i < p->n_words; i++)
        if (str_eq(p->words[i].text, word))
            return true;
    return false;
}

bool loss_allowed(struct planner *p, const struct plan_change *c)
{
    const char *word = loss_word(p, c->id);
    /* A bare name on the command line is enough: whoever types it is looking at the plan of this run. */
    return id_listed(p->policy->data_loss, c->id) || (word && id_listed(p->policy->data_loss, word)) ||
           in_git(p, word);
}

/* Words that apply to nothing: those in Git are reported until they are removed. */
void loss_notes(struct planner *p)
{
    if (p->in->touched) /* a plan of a part does not see what the words may refer to */
        return;
    (void)in_git(p, NULL);
    for (size_t i = 0; i < p->n_words; i++) {
        const struct loss_word *w = &p->words[i];
        const char *id = arena_strndup(p->a, w->text, strcspn(w->text, "@"));
        const struct plan_change *c = planner_find(p, id);
        bool there = str_eq(w->text, loss_word(p, id));
        if (!planner_selected(p, w->from->id) || (there && c && c->impact == IMPACT_DATA_LOSS))
            continue;
        planner_note(
            p, w->from->id,
            arena_printf(p->a, "%s: \"%s\" %s; remove it from the annotation", WORD_IN_GIT, w->text,
                         there ? "allows a data loss that no change causes" : "names no existing object"));
    }
}
