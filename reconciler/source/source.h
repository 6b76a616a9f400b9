#ifndef SOURCE_SOURCE_H
#define SOURCE_SOURCE_H
/*
 * Where desired state comes from: a Git repository, read through libgit2 from a bare repository in the state folder and
 * never checked out (X1); or a plain working folder, for trying things out.
 *
 * A source belongs to one thread at a time. A snapshot is immutable and may outlive later fetches of the same source,
 * but not the source.
 */
#include "base/cancel.h"
#include "base/secret.h"
#include "schema/load.h"

struct source;
struct snapshot;

struct source_config {
    const char *url;    /* file:///x, /x, https://, ssh://, git@host:x; or "dir:/path" for a plain folder */
    const char *branch; /* branch; NULL: the remote's HEAD */
    const char *revision; /* a tag or commit instead of a branch; NULL */
    const char *path;   /* folder in the repository; NULL: the top */
    const char *cache_dir; /* bare repository lives below it, named by a digest of the URL */
    unsigned depth;     /* 0: full history; shallow where libgit2 can */
    /* https */
    const char *username;
    const struct secret *password; /* or token */
    const char *ca_file;
    /* ssh */
    const char *ssh_key_file, *ssh_known_hosts; /* known_hosts is enforced; NULL: ~/.ssh/known_hosts */
    const struct secret *ssh_passphrase;
    int64_t timeout_ns; /* of a fetch; 0: 2 min */
};

int source_open(const struct source_config *c, struct source **ret, struct err *err) _must_check_;
void source_close(struct source *s);

/* Bring the bare repository up to date. *ret_moved: the resolved commit changed. On an error the last state stays
   usable. ERR_AUTH, UNAVAILABLE (retryable), NOTFOUND (branch gone), CORRUPT, TIMEOUT, CANCELLED. */
int source_fetch(struct source *s, const struct cancel *c, bool *ret_moved, struct err *err) _must_check_;

/* The tree of the configured revision, or of `rev` (a commit, a tag, "HEAD~1", a branch). NULL: the configured one.
   Refuses symlinks, submodules, names that are not valid (X1), and trees over the limits (X2), naming the path. */
int source_snapshot(struct source *s, const char *rev, struct snapshot **ret, struct err *err) _must_check_;
void snapshot_free(struct snapshot *s);
static inline void snapshot_freep(struct snapshot **s)
{
    snapshot_free(*s);
}

struct snapshot_info {
    const char *commit;  /* 40 hex digits; "" for a plain folder without Git */
    const char *subject; /* first line of the message */
    const char *author;  /* "Name <mail>" */
    int64_t time_ns;
    bool dirty;          /* a folder whose files differ from its commit */
    const char *where;   /* for people: "https://host/repo.git branch main path deploy" without credentials */
};
const struct snapshot_info *snapshot_info(const struct snapshot *s);
/* Files below the path, sorted bytewise; blob_id is the Git blob id (a plain folder computes the same id). */
size_t snapshot_files(const struct snapshot *s, const struct load_file **ret);
/* The callback for schema_load(): arg is the snapshot. */
int snapshot_read(void *arg, size_t i, struct arena *a, const char **ret, size_t *ret_len, struct err *err);

/* A descriptor (inotify) that becomes readable when a local repository or folder may have changed; -1 for remote ones. */
int source_watch_fd(struct source *s);
/* Read away what made it readable; true when a fetch is worth it. */
bool source_watch_changed(struct source *s);
/* Release libgit2's global state at exit (tests, leak checkers). */
void source_shutdown(void);
#endif
