/* Real Git servers, over https and ssh: what is fetched and stored. */
/* services: git-ssh git-https */
#include "tests/engine/source_fixture.h"

#include <stdio.h>

#include "base/parse.h"

/* A digest of the state of our copy, modification times included. */
static const char *state_of_copy(struct fixture *f)
{
    return gitrepo_run(f->cache, "-c", "alias.state=!find . -printf '%p %T@ %s\\n' | sort | sha256sum",
                       "state", NULL);
}

static void test_follows(void **state)
{
    struct fixture *f = *state;
    char first[41], second[41], before[128];
    str_copy(first, sizeof(first), remote_push(f, "deploy/x.yaml", "1"));
    f->config.path = "deploy";
    remote_reopen(f);
    assert_true(remote_fetched(f));
    remote_check_content(f, "x.yaml", "1");
    /* Nothing new: nothing is written. */
    str_copy(before, sizeof(before), state_of_copy(f));
    assert_false(remote_fetched(f));
    assert_string_equal(state_of_copy(f), before);
    str_copy(second, sizeof(second), remote_push(f, "deploy/x.yaml", "2"));
    assert_true(remote_fetched(f));
    remote_check_content(f, "x.yaml", "2");
    assert_string_equal(remote_commit_of(f, "HEAD~1"), first);
    /* Another process starts with the existing copy. */
    remote_reopen(f);
    assert_string_equal(remote_commit_of(f, NULL), second);
    assert_false(remote_fetched(f));
    /* The history is rewritten. */
    gitrepo_run(f->tree, "reset", "-q", "--hard", first, NULL);
    remote_push(f, "deploy/y.yaml", "3");
    assert_true(remote_fetched(f));
    remote_check_content(f, "y.yaml", "3");
    assert_string_equal(remote_commit_of(f, "HEAD~1"), first);
}

/* forged fetches with one source and reads with another; forge-ctl may fetch at the same time. */
static void test_two_sources_of_one_repository(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    bool moved = false;
    struct source *other = NULL;
    char second[41];
    remote_push(f, "x.yaml", "1");
    remote_reopen(f);
    assert_true(remote_fetched(f));
    remote_commit_of(f, NULL);
    assert_ok(source_open(&f->config, &other, &err));
    str_copy(second, sizeof(second), remote_push(f, "x.yaml", "2"));
    assert_ok(source_fetch(other, NULL, &moved, &err));
    assert_true(moved);
    assert_string_equal(remote_commit_of(f, NULL), second);
    assert_true(remote_fetched(f)); /* moved since its own last fetch */
    assert_false(remote_fetched(f));
    source_close(other);
}

static void test_branches_tags_and_commits(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    char first[41], second[41], third[41];
    str_copy(first, sizeof(first), remote_push(f, "x.yaml", "1"));
    gitrepo_run(f->tree, "tag", "-a", "-m", "one", "v1", NULL);
    str_copy(second, sizeof(second), remote_push(f, "x.yaml", "2"));
    gitrepo_run(f->tree, "push", "-q", "origin", "v1", NULL);
    gitrepo_run(f->tree, "checkout", "-q", "-b", "feature", NULL);
    str_copy(third, sizeof(third), remote_push(f, "x.yaml", "3"));
    f->config.branch = "main";
    remote_reopen(f);
    assert_true(remote_fetched(f));
    assert_string_equal(remote_commit_of(f, NULL), second);
    assert_string_equal(remote_commit_of(f, "v1"), first);
    assert_string_equal(remote_commit_of(f, "v1^{commit}"), first);
    /* Another branch is fetched each time it is requested. */
    assert_string_equal(remote_commit_of(f, "feature"), third);
    str_copy(third, sizeof(third), remote_push(f, "x.yaml", "4"));
    assert_string_equal(remote_commit_of(f, "feature"), third);
    assert_string_equal(remote_commit_of(f, "feature~2"), second);
    snapshot_free(f->snapshot);
    f->snapshot = NULL;
    assert_fails(source_snapshot(f->source, "featur", &f->snapshot, &err), ERR_NOTFOUND);
    assert_hints("\"feature\"");
    f->config.branch = NULL;
    f->config.revision = "v1";
    remote_reopen(f);
    remote_fetched(f);
    assert_string_equal(remote_commit_of(f, NULL), first);
    /* A commit that is not the tip of a branch. */
    f->config.revision = second;
    remote_reopen(f);
    remote_fetched(f);
    assert_string_equal(remote_commit_of(f, NULL), second);
    f->config.revision = "v2";
    remote_reopen(f);
    remote_check_fails(f, ERR_NOTFOUND, "has no tag \"v2\"", "tag");
    f->config.revision = "1234567812345678123456781234567812345678";
    remote_reopen(f);
    assert_fails(source_fetch(f->source, NULL, &(bool){false}, &err), ERR_NOTFOUND);
}

static void test_commit_alone_in_a_new_copy(void **state)
{
    struct fixture *f = *state;
    char first[41];
    str_copy(first, sizeof(first), remote_push(f, "x.yaml", "1"));
    remote_push(f, "x.yaml", "2");
    f->config.revision = first;
    remote_reopen(f);
    assert_true(remote_fetched(f));
    assert_string_equal(remote_commit_of(f, NULL), first);
    remote_check_content(f, "x.yaml", "1");
}

static void test_missing_things(void **state)
{
    struct fixture *f = *state;
    char commit[41];
    remote_reopen(f);
    remote_check_fails(f, ERR_NOTFOUND, "is empty: it has no commit yet", "push");
    str_copy(commit, sizeof(commit), remote_push(f, "x.yaml", "1"));
    gitrepo_run(f->tree, "push", "-q", "origin", "main:live", NULL);
    f->config.branch = "live";
    remote_reopen(f);
    assert_true(remote_fetched(f));
    gitrepo_run(f->tree, "push", "-q", "origin", ":live", NULL);
    remote_check_fails(f, ERR_NOTFOUND, "no branch \"live\" any more; its last commit stays in use", "");
    assert_string_equal(remote_commit_of(f, NULL), commit);
    f->config.branch = "mian";
    remote_reopen(f);
    remote_check_fails(f, ERR_NOTFOUND, "no branch \"mian\"", "did you mean \"main\"?");
    snprintf(f->url, sizeof(f->url), "%s/nothing.git", remote_env(f->ssh ? "GIT_SSH_URL" : "GIT_HTTPS_URL"));
    remote_reopen(f);
    remote_check_fails(f, ERR_NOTFOUND, "", "check the");
}

/* A branch a, then a branch a/b: their references would be file and folder. */
static void test_branches_that_clash(void **state)
{
    struct fixture *f = *state;
    remote_push(f, "x.yaml", "1");
    gitrepo_run(f->tree, "push", "-q", "origin", "main:a", NULL);
    f->config.branch = "a";
    remote_reopen(f);
    remote_fetched(f);
    gitrepo_run(f->tree, "push", "-q", "origin", ":a", NULL);
    gitrepo_run(f->tree, "push", "-q", "origin", "main:a/b", NULL);
    f->config.branch = "a/b";
    remote_reopen(f);
    remote_fetched(f);
    remote_check_content(f, "x.yaml", "1");
}

static void test_many_fetches_stay_few_packs(void **state)
{
    struct fixture *f = *state;
    char text[32], first[41];
    struct err err = {0};
    struct source *other = NULL;
    struct snapshot *old = NULL, *others = NULL;
    remote_reopen(f);
    str_copy(first, sizeof(first), remote_push(f, "x.yaml", "0"));
    remote_fetched(f);
    assert_ok(source_snapshot(f->source, NULL, &old, &err));
    assert_ok(source_open(&f->config, &other, &err));
    for (int i = 1; i < 60; i++) {
        snprintf(text, sizeof(text), "%d", i);
        remote_push(f, "x.yaml", text);
        assert_true(remote_fetched(f));
        /* A reader that is only used now and then, and has packs open that have been merged meanwhile. */
        if (i % 7 == 0) {
            snapshot_free(others);
            assert_ok(source_snapshot(other, NULL, &others, &err));
        }
    }
    remote_check_content(f, "x.yaml", "59");
    const char *packs = gitrepo_run(f->cache, "-c", "alias.n=!find . -name '*.pack' | wc -l", "n", NULL);
    int64_t n;
    assert_ok(parse_int(packs, 1, 26, &n, &err));
    /* Older snapshots still work. */
    struct arena a = ARENA_INIT;
    const char *content;
    size_t len;
    assert_ok(snapshot_read(old, 0, &a, &content, &len, &err));
    assert_string_equal(content, "0");
    assert_ok(snapshot_read(others, 0, &a, &content, &len, &err));
    assert_string_equal(content, "56");
    snapshot_free(others);
    assert_ok(source_snapshot(other, "HEAD~58", &others, &err));
    assert_ok(snapshot_read(others, 0, &a, &content, &len, &err));
    assert_string_equal(content, "1");
    snapshot_free(old);
    snapshot_free(others);
    source_close(other);
    arena_release(&a);
    remote_reopen(f);
    assert_string_equal(remote_commit_of(f, "HEAD~59"), first);
}

/* A damaged local copy is replaced by a new one; until then it is used as far as it can be read. */
static void test_damaged_copy_is_made_anew(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    remote_push(f, "x.yaml", "1");
    remote_reopen(f);
    remote_fetched(f);
    gitrepo_run(f->cache, "-c",
                "alias.spoil=!for p in */objects/pack/*.pack; do chmod u+w $p; dd if=/dev/zero of=$p bs=1 "
                "seek=40 count=100 conv=notrunc status=none; done",
                "spoil", NULL);
    remote_reopen(f);
    assert_fails(source_snapshot(f->source, NULL, &f->snapshot, &err), ERR_CORRUPT);
    remote_fetched(f);
    remote_check_content(f, "x.yaml", "1");
    const char *left = gitrepo_run(f->cache, "-c", "alias.left=!ls | grep -c new$ || true", "left", NULL);
    assert_string_equal(left, "0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_follows),
        HTTPS(test_two_sources_of_one_repository),
        BOTH(test_branches_tags_and_commits),
        BOTH(test_commit_alone_in_a_new_copy),
        BOTH(test_missing_things),
        BOTH(test_branches_that_clash),
        HTTPS(test_many_fetches_stay_few_packs),
        HTTPS(test_damaged_copy_is_made_anew),
    };
    return cmocka_run_group_tests(tests, NULL, remote_shutdown);
}
