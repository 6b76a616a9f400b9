/* A command line split into words (field.h). */
#include <string.h>

#include "base/buf.h"
#include "schema/field.h"

static const char blanks[] = " \t\r\n";

struct words {
    const char *at;
    struct buf word;
    bool some; /* inside a word: '' is one, although it is empty */
    const char *problem;
};

static void read_quoted(struct words *w)
{
    char quote = *w->at++;
    w->some = true;
    while (*w->at && *w->at != quote) {
        /* Between double quotes a backslash escapes the quote, itself and a line end; before any other
           character it is an ordinary character. */
        if (quote == '"' && w->at[0] == '\\' && w->at[1] && strchr("\"\\\n", w->at[1])) {
            if (w->at[1] != '\n')
                buf_addc(&w->word, w->at[1]);
            w->at += 2;
        } else {
            buf_addc(&w->word, *w->at++);
        }
    }
    if (*w->at)
        w->at++;
    else
        w->problem = quote == '"' ? "missing closing double quote" : "missing closing single quote";
}

static void read_escaped(struct words *w)
{
    w->at++;
    if (*w->at == '\n') { /* a line continued on the next one */
        w->at++;
    } else if (*w->at) {
        w->some = true;
        buf_addc(&w->word, *w->at++);
    } else {
        w->problem = "it ends with a backslash";
    }
}

static void read_word(struct words *w)
{
    buf_reset(&w->word);
    w->some = false;
    while (!w->problem && *w->at && !strchr(blanks, *w->at)) {
        if (*w->at == '\'' || *w->at == '"') {
            read_quoted(w);
        } else if (*w->at == '\\') {
            read_escaped(w);
        } else {
            w->some = true;
            buf_addc(&w->word, *w->at++);
        }
    }
}

struct val *decode_words(struct arena *a, const char *text, const char **ret_problem)
{
    struct val *list = val_list(a);
    struct words w = {.at = text};
    for (;;) {
        w.at += strspn(w.at, blanks);
        if (!*w.at || w.problem)
            break;
        read_word(&w);
        if (w.some && !w.problem)
            val_list_add(a, list, val_strn(a, buf_str(&w.word), w.word.len));
    }
    buf_release(&w.word);
    if (!w.problem)
        return list;
    *ret_problem = w.problem;
    return NULL;
}
