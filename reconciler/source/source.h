#ifndef SOURCE_SOURCE_H
#define SOURCE_SOURCE_H
/*
 * Where desired state comes from: a Git repository, read through libgit2 and never checked out (X1), or a
 * plain working folder, for trying things out.
 *
 * A remote repository (https, ssh) is read from a bare copy below the cache folder, with its full history:
 * libgit2 1.5 cannot do shallow fetches. A local one is read in place: nothing is copied, and a fetch only
 * resolves a reference. A fetch that finds nothing new writes nothing. Until a fetch has completed a commit
 * with all its files, the previous commit stays in use.
 *
 * The manifests of a repository that is named here are trusted, whoever owns it: git's safe.directory guards
 * against programs named in a repository's configuration, and none are ever run. A repository that is
 * world-writable is refused, and so are addresses that hold credentials (X7). Host keys and certificates are
 * always verified.
 *
 * A source is used by one thread at a time. A snapshot is immutable and stays valid across later fetches of
 * its source, but must not outlive the source. snapshot_read() of one snapshot is for one thread at a time;
 * that thread may run concurrently with the source's.
 */
#include "base/cancel.h"
#include "base/secret.h"
#include "schema/load.h"

struct source;
struct snapshot;

struct source_config {
    const char *url;       /* file:///x, /x, https://, http:// (without credentials), ssh://, git@host:x; or
                              "dir:/path" for a plain folder */
    const char *branch;    /* "main", or a full reference ("refs/pull/1/head"); NULL: the remote's HEAD */
    const char *revision;  /* instead of a branch: a tag or a full commit id (local: any revision); NULL */
    const char *path;      /* folder in the repository; NULL: the top */
    const char *cache_dir; /* the bare copy lives below it, named by a digest of the URL */
    unsigned depth;        /* 0: full history. Without effect: libgit2 1.5 has no shallow fetch */
    /* https */
    const char *username;          /* NULL: "x-access-token", which suits tokens */
    const struct secret *password; /* or token; borrowed, like the passphrase: must outlive the source */
    const char *ca_file;           /* instead of the system's certificate authorities; NULL */
    /* ssh */
    const char *ssh_key_file, *ssh_known_hosts; /* known_hosts is enforced; NULL: the user's ssh defaults */
    const struct secret *ssh_passphrase;
    int64_t timeout_ns; /* of a fetch; 0: 2 min */
};

/* Does the address hold a user name or password, for which source_open() refuses it? It must not be shown. */
bool source_url_has_credentials(const char *url);
/* Checks the configuration; accesses neither disk nor network. ERR_INVALID, ERR_DENIED. */
int source_open(const struct source_config *c, struct source **ret, struct err *err) _must_check_;
void source_close(struct source *s);

/* Bring the bare repository up to date. *ret_moved: the resolved commit differs from that of the last fetch
   (local repository: of the last fetch of this source; folder: always true). On an error the last state
   stays usable. ERR_AUTH, UNAVAILABLE (retryable), NOTFOUND (branch gone, repository empty), CORRUPT,
   TIMEOUT, CANCELLED. */
int source_fetch(struct source *s, const struct cancel *c, bool *ret_moved, struct err *err) _must_check_;

/* The tree of `rev` (a commit, a tag, "HEAD~1", a branch; "HEAD" is the configured revision's commit), or
   for NULL that of the configured revision: as last fetched, by this source or another one of the same
   repository; in a local repository as it is now. Another branch of a remote is fetched on demand. Refuses
   symlinks, submodules, invalid names (X1), and trees over the limits (X2), naming the path. */
int source_snapshot(struct source *s, const char *rev, struct snapshot **ret, struct err *err) _must_check_;
void snapshot_free(struct snapshot *s);
static inline void snapshot_freep(struct snapshot **s)
{
    snapshot_free(*s);
}

/* The configured revision as last fetched, listing only the files that are new or changed since the commit
   `since`; snapshot_find() adds others. The paths of removed files are in *ret_removed, NULL-terminated, in
   the arena. On any error use source_snapshot() instead: it is ERR_UNSUPPORTED when more than `max` files
   differ, and for everything that a walk over all files might refuse. */
int source_changes(struct source *s, const char *since, size_t max, struct arena *a, struct snapshot **ret,
                   const char *const **ret_removed, struct err *err) _must_check_;
/* The index of the file at a path, which is added to the list if it was not there. ERR_NOTFOUND. */
int snapshot_find(struct snapshot *s, const char *path, size_t *ret, struct err *err) _must_check_;

/* How snapshot_info.files begins. */
#define SOURCE_FILES "files:"

struct snapshot_info {
    const char *commit;  /* 40 hex digits; "" for a plain folder without Git */
    const char *files;   /* a plain folder: a digest of what is in it ("files:HEX"); else "" */
    const char *subject; /* first line of the message */
    const char *author;  /* "Name <mail>" */
    int64_t time_ns;
    bool dirty;        /* a folder whose files differ from its commit; after snapshot_describe() */
    const char *where; /* for people: "https://host/repo.git branch main path deploy" without credentials */
};
const struct snapshot_info *snapshot_info(const struct snapshot *s);
/* For a plain folder in a Git work tree, snapshot_info() only knows the commit; this adds subject, author,
   time and dirty, for callers that record or show them. It starts libgit2 and examines the whole folder: too
   slow for a quick diff. */
int snapshot_describe(struct snapshot *s, struct err *err) _must_check_;
/* Files below the path, sorted bytewise; blob_id is the Git blob id. For a plain folder it is the SHA-256 of
   a manifest (*.yaml, *.yml), and NULL for other files. `size` is only known for a plain folder, else 0. */
size_t snapshot_files(const struct snapshot *s, const struct load_file **ret);
/* The callback for schema_load(): arg is the snapshot. */
int snapshot_read(void *arg, size_t i, struct arena *a, const char **ret, size_t *ret_len, struct err *err);

/* An inotify descriptor that becomes readable when a local repository or folder may have changed; -1 for
   remote ones, and when inotify is not available. */
int source_watch_fd(struct source *s);
/* Drain the pending events; true when one of them is a reason to fetch. */
bool source_watch_changed(struct source *s);
/* Release libgit2's global state at exit (tests, leak checkers). */
void source_shutdown(void);
/* The version of libgit2 in use. ERR_UNSUPPORTED: it cannot be loaded. */
int source_library(struct arena *a, const char **ret, struct err *err) _must_check_;
#endif
