/* Crafted trees: what a commit must not contain is refused and named (X1, X2). */
#include "tests/lib/gitrepo.h"
#include "tests/lib/unit.h"

#include <stdio.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "reconciler/source/source.h"

#define ENTRIES_MAX 8

struct entry {
    const char *mode, *name;
};

struct fixture {
    char *dir;
    char repo[512];
    char blob[41], subtree[41];
    struct source *source;
};

static int setup(void **state)
{
    struct fixture *f = mem_new(struct fixture);
    struct err err = {0};
    char tree[600];
    f->dir = unit_temp_dir();
    str_copy(f->repo, sizeof(f->repo), gitrepo_new(f->dir, "repo"));
    str_copy(f->blob, sizeof(f->blob),
             gitrepo_feed(f->repo, "x: 1\n", 5, "hash-object", "-w", "--stdin", NULL));
    size_t n = gitrepo_add_entry(tree, 0, "100644", "in.yaml", f->blob);
    str_copy(f->subtree, sizeof(f->subtree),
             gitrepo_feed(f->repo, tree, n, "hash-object", "-t", "tree", "-w", "--stdin", NULL));
    const struct source_config c = {.url = f->repo};
    assert_ok(source_open(&c, &f->source, &err));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    source_close(f->source);
    unit_temp_remove(f->dir);
    free(f);
    return 0;
}

static void commit_entries(struct fixture *f, const struct entry *entries)
{
    char tree[ENTRIES_MAX * 600];
    size_t len = 0;
    for (; entries->mode; entries++)
        len = gitrepo_add_entry(tree, len, entries->mode, entries->name,
                                str_eq(entries->mode, "40000") ? f->subtree : f->blob);
    gitrepo_commit_raw_tree(f->repo, tree, len);
}

/* The commit is refused with this code, and the message contains these two texts. */
static void check_refused(struct fixture *f, int code, const char *path, const char *why)
{
    struct err err = {0};
    bool moved;
    struct snapshot *s = NULL;
    assert_ok(source_fetch(f->source, NULL, &moved, &err));
    assert_fails(source_snapshot(f->source, NULL, &s, &err), code);
    assert_null(s);
    assert_says(path);
    assert_says(why);
    for (const char *p = err.msg; *p; p++)
        assert_in_range((unsigned char)*p, 0x20, 0xff);
    assert_true(str_utf8_valid(err.msg, strlen(err.msg)));
}

static const struct {
    struct entry entries[ENTRIES_MAX];
    const char *path, *why;
} hostile[] = {
    {{{"100644", "a.yaml"}, {"120000", "link.yaml"}}, "link.yaml", "a symbolic link is refused"},
    {{{"160000", "module"}}, "module", "a submodule is refused"},
    {{{"100644", ".."}}, "..", "points outside its folder"},
    {{{"40000", ".."}}, "..", "points outside its folder"},
    {{{"100644", "."}}, ".", "points outside its folder"},
    {{{"40000", ".git"}}, ".git", "reserved for Git"},
    {{{"40000", ".GiT"}}, ".GiT", "reserved for Git"},
    {{{"100644", "../../etc/x"}}, "../../etc/x", "slash"},
    {{{"100644", "/etc/x"}}, "/etc/x", "slash"},
    {{{"100644", "a\nb.yaml"}}, "a?b.yaml", "control characters"},
    {{{"100644", "\033[2Jx"}}, "?[2Jx", "control characters"},
    {{{"100644", "\x7f"}}, "?", "control characters"},
    {{{"100644", "caf\xe9"}}, "caf?", "not UTF-8"},
    {{{"100644", "\xc0\xaex"}}, "x", "not UTF-8"},
    {{{"100644", "b"}, {"100644", "a"}}, "a", "unordered or duplicate"},
    {{{"100644", "a"}, {"100644", "a"}}, "a", "unordered or duplicate"},
    {{{"40000", "a"}, {"100644", "a.b"}}, "a.b", "unordered or duplicate"},
};

static void test_hostile_entries(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
        commit_entries(f, hostile[i].entries);
        check_refused(f, ERR_INVALID, hostile[i].path, hostile[i].why);
    }
}

static const struct entry odd[] = {
    {"100664", "group-writable"},
    {"100755", "run me"},
    {"40000", "t\xc3\xa4st"},
    {0},
};

static void test_odd_but_harmless_entries(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct snapshot *s = NULL;
    const struct load_file *files;
    commit_entries(f, odd);
    assert_ok(source_snapshot(f->source, NULL, &s, &err));
    assert_int_equal(snapshot_files(s, &files), 3);
    assert_string_equal(files[2].path, "t\xc3\xa4st/in.yaml");
    snapshot_free(s);
}

static void test_entries_that_are_something_else(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct arena a = ARENA_INIT;
    struct snapshot *s = NULL;
    const char *text;
    size_t len;
    char tree[1200];
    /* A folder that is a blob, and a file that is a tree. */
    gitrepo_commit_raw_tree(f->repo, tree, gitrepo_add_entry(tree, 0, "40000", "folder", f->blob));
    check_refused(f, ERR_CORRUPT, "folder", "tree");
    gitrepo_commit_raw_tree(f->repo, tree, gitrepo_add_entry(tree, 0, "100644", "file", f->subtree));
    bool moved;
    assert_ok(source_fetch(f->source, NULL, &moved, &err));
    assert_ok(source_snapshot(f->source, NULL, &s, &err));
    assert_fails(snapshot_read(s, 0, &a, &text, &len, &err), ERR_CORRUPT);
    assert_says("file is not a file");
    snapshot_free(s);
    arena_release(&a);
}

static void test_missing_and_cut_trees(void **state)
{
    struct fixture *f = *state;
    char tree[600];
    static const char missing[] = "1234567812345678123456781234567812345678";
    gitrepo_commit_raw_tree(f->repo, tree, gitrepo_add_entry(tree, 0, "40000", "gone", missing));
    check_refused(f, ERR_CORRUPT, "gone", "object not found");
    size_t len = gitrepo_add_entry(tree, 0, "100644", "cut", f->blob);
    gitrepo_commit_raw_tree(f->repo, tree, len - 3);
    check_refused(f, ERR_CORRUPT, "tree", "");
    gitrepo_commit_raw_tree(f->repo, "rubbish", 7);
    check_refused(f, ERR_CORRUPT, "tree", "");
    len = gitrepo_add_entry(tree, 0, "100644", "", f->blob);
    gitrepo_commit_raw_tree(f->repo, tree, len);
    check_refused(f, ERR_CORRUPT, "tree", "");
}

/* Deeply nested trees, created without nested folders on disk. */
static void test_deep_trees(void **state)
{
    struct fixture *f = *state;
    char tree[600], id[41];
    str_copy(id, sizeof(id), f->subtree);
    for (unsigned i = 0; i < LIMIT_TREE_DEPTH + 1; i++) {
        size_t n = gitrepo_add_entry(tree, 0, "40000", "d", id);
        str_copy(id, sizeof(id),
                 gitrepo_feed(f->repo, tree, n, "hash-object", "-t", "tree", "-w", "--stdin", NULL));
    }
    gitrepo_commit_raw_tree(f->repo, tree, gitrepo_add_entry(tree, 0, "40000", "d", id));
    check_refused(f, ERR_LIMIT, "d/d/d", "folders nested more than 64 deep");
}

static void test_long_paths(void **state)
{
    struct fixture *f = *state;
    char name[256], tree[600], id[41];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    str_copy(id, sizeof(id), f->subtree);
    for (unsigned i = 0; i < 5; i++) {
        size_t n = gitrepo_add_entry(tree, 0, "40000", name, id);
        str_copy(id, sizeof(id),
                 gitrepo_feed(f->repo, tree, n, "hash-object", "-t", "tree", "-w", "--stdin", NULL));
    }
    gitrepo_commit_raw_tree(f->repo, tree, gitrepo_add_entry(tree, 0, "40000", "d", id));
    check_refused(f, ERR_LIMIT, "d/nnn", "a path of more than 1024 bytes");
}

/* A "git bomb": few objects that stand for a huge number of files. */
static void test_tree_bombs(void **state)
{
    struct fixture *f = *state;
    char tree[10 * 64], id[41], name[2] = "a";
    bool leaf = true;
    str_copy(id, sizeof(id), f->blob);
    for (unsigned depth = 0; depth < 10; depth++) {
        size_t n = 0;
        for (char c = 'a'; c <= 'j'; c++) {
            name[0] = c;
            n = gitrepo_add_entry(tree, n, leaf ? "100644" : "40000", name, id);
        }
        leaf = false;
        str_copy(id, sizeof(id),
                 gitrepo_feed(f->repo, tree, n, "hash-object", "-t", "tree", "-w", "--stdin", NULL));
    }
    gitrepo_commit_raw_tree(f->repo, tree, gitrepo_add_entry(tree, 0, "40000", "d", id));
    check_refused(f, ERR_LIMIT, f->repo, "more than 200000 files and folders");
}

static void test_hostile_messages(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct snapshot *s = NULL;
    char text[512];
    /* git itself would write the message as UTF-8. */
    int len = snprintf(
        text, sizeof(text),
        "tree %s\nauthor X\033[1mY <x> 1 +0000\ncommitter X <x> 1 +0000\n\n\033]0;owned\007 \x9b red \xff\n",
        f->subtree);
    const char *commit = gitrepo_feed(f->repo, text, (size_t)len, "hash-object", "-t", "commit", "-w",
                                      "--literally", "--stdin", NULL);
    gitrepo_run(f->repo, "update-ref", "refs/heads/main", commit, NULL);
    assert_ok(source_snapshot(f->source, NULL, &s, &err));
    assert_string_equal(snapshot_info(s)->subject, "?]0;owned? ? red ?");
    assert_string_equal(snapshot_info(s)->author, "X?[1mY <x>");
    snapshot_free(s);
}

static void test_empty_tree(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct snapshot *s = NULL;
    const struct load_file *files;
    gitrepo_commit_raw_tree(f->repo, "", 0);
    assert_ok(source_snapshot(f->source, NULL, &s, &err));
    assert_int_equal(snapshot_files(s, &files), 0);
    snapshot_free(s);
}

static int shut_down(_unused_ void **state)
{
    source_shutdown();
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_hostile_entries),
        TEST(test_odd_but_harmless_entries),
        TEST(test_entries_that_are_something_else),
        TEST(test_missing_and_cut_trees),
        TEST(test_deep_trees),
        TEST(test_long_paths),
        TEST(test_tree_bombs),
        TEST(test_hostile_messages),
        TEST(test_empty_tree),
    };
    return cmocka_run_group_tests(tests, NULL, shut_down);
}
