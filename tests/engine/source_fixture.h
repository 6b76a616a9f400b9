#ifndef TESTS_SOURCE_FIXTURE_H
#define TESTS_SOURCE_FIXTURE_H
/* A repository on the test servers, a work tree to push from, and a source that follows it. */
#include "tests/lib/gitrepo.h"
#include "tests/lib/unit.h"

#include "base/mem.h"
#include "base/str.h"
#include "reconciler/source/source.h"

#define PASSPHRASE "correct horse"

struct fixture {
    char *dir, *tree;
    char name[64], bare[512], url[1024], cache[512];
    bool ssh;
    struct secret *password, *passphrase;
    struct source_config config;
    struct source *source;
    struct snapshot *snapshot;
};

int remote_setup_https(void **state);
int remote_setup_ssh(void **state);
int remote_teardown(void **state);
int remote_shutdown(void **state); /* of the group */
/* A variable that the servers export; fails the test when it is missing. */
const char *remote_env(const char *name);
/* A new source for the configuration, as a new process would open it. */
void remote_reopen(struct fixture *f);
/* Commit a file and push the checked-out branch; returns the commit. */
const char *remote_push(struct fixture *f, const char *file, const char *text);
/* Fetch, which must succeed; returns whether the commit moved. */
bool remote_fetched(struct fixture *f);
/* Fetch, which must fail with this code, message and hint, be retryable exactly if the code is, and contain
   no credential (X7). */
void remote_check_fails(struct fixture *f, int code, const char *says, const char *hints);
void remote_check_no_secret(const struct err *err);
/* The commit that a revision resolves to; the snapshot stays in f. */
const char *remote_commit_of(struct fixture *f, const char *rev);
/* Check a file's content in the newest snapshot. */
void remote_check_content(struct fixture *f, const char *path, const char *wanted);

#define HTTPS(name)                                                          \
    {                                                                        \
#name " over https", name, remote_setup_https, remote_teardown, NULL \
    }
#define SSH(name)                                                        \
    {                                                                    \
#name " over ssh", name, remote_setup_ssh, remote_teardown, NULL \
    }
#define BOTH(name) HTTPS(name), SSH(name)
#endif
