#ifndef SOURCE_SOURCE_H
#define SOURCE_SOURCE_H
/*
 * Where desired state comes from: a Git repository, read through libgit2 and never checked out (X1); or a
 * plain working folder, for trying things out.
 *
 * A remote repository (https, ssh) is read from a bare copy below the cache folder, with its full history:
 * libgit2 1.5 cannot fetch a shallow one. A local one is read in place: nothing is copied, a fetch looks at a
 * reference. A fetch that moves nothing writes nothing. Until a fetch has brought everything of a commit, the
 * commit before stays in use.
 *
 * A repository that is named here is trusted as far as its manifests go, whoever owns it (git's
 * safe.directory guards against programs named in a repository's configuration, and none are ever run); but
 * one that everybody may write to is refused. Addresses that hold credentials are refused (X7). Host keys and
 * certificates are always verified.
 *
 * A source belongs to one thread at a time. A snapshot is immutable and may outlive later fetches of the same
 * source, but not the source; snapshot_read() of one snapshot is for one thread at a time, beside the
 * source's own.
 */
#include "base/cancel.h"
#include "base/secret.h"
#include "schema/load.h"

struct source;
struct snapshot;

struct source_config {
    const char *url;      /* file:///x, /x, https://, http:// (without credentials), ssh://, git@host:x; or
                             "dir:/path" for a plain folder */
    const char *branch;   /* "main", or a whole reference ("refs/pull/1/head"); NULL: the remote's HEAD */
    const char *revision; /* instead of a branch: a tag or all of a commit's id (local: any revision); NULL */
    const char *path;     /* folder in the repository; NULL: the top */
    const char *cache_dir; /* bare repository lives below it, named by a digest of the URL */
    unsigned depth;        /* 0: full history. libgit2 1.5 fetches nothing shallow: without effect */
    /* https */
    const char *username;          /* NULL: "x-access-token", which suits tokens */
    const struct secret *password; /* or token; lent, like the passphrase: outlives the source */
    const char *ca_file;           /* instead of the machine's authorities; NULL */
    /* ssh */
    const char *ssh_key_file, *ssh_known_hosts; /* known_hosts is enforced; NULL: as the user's ssh has it */
    const struct secret *ssh_passphrase;
    int64_t timeout_ns; /* of a fetch; 0: 2 min */
};

/* Does an address hold a user name or password that source_open() refuses? Then it must not be shown. */
bool source_url_has_credentials(const char *url);
/* Checks the configuration; touches neither disk nor network. ERR_INVALID, ERR_DENIED. */
int source_open(const struct source_config *c, struct source **ret, struct err *err) _must_check_;
void source_close(struct source *s);

/* Bring the bare repository up to date. *ret_moved: the resolved commit is another one than at the last fetch
   (for a local repository: than at the last fetch of this source; for a folder: always true). On an error the
   last state stays usable. ERR_AUTH, UNAVAILABLE (retryable), NOTFOUND (branch gone, repository empty),
   CORRUPT, TIMEOUT, CANCELLED. */
int source_fetch(struct source *s, const struct cancel *c, bool *ret_moved, struct err *err) _must_check_;

/* The tree of the configured revision as last fetched (by this source or another one of the same repository;
   of a local repository: as it is now), or of `rev` (a commit, a tag, "HEAD~1", a branch; "HEAD" is the
   configured revision's commit). NULL: the configured one. Another branch of a remote is fetched for it.
   Refuses symlinks, submodules, names that are not valid (X1), and trees over the limits (X2), naming the
   path. */
int source_snapshot(struct source *s, const char *rev, struct snapshot **ret, struct err *err) _must_check_;
void snapshot_free(struct snapshot *s);
static inline void snapshot_freep(struct snapshot **s)
{
    snapshot_free(*s);
}

/* The configured revision as last fetched, of which only those files are listed that are new or differ since
   another commit; snapshot_find() lists more. What was removed is in *ret_removed, NULL-terminated, in the
   arena. ERR_UNSUPPORTED, and others: take source_snapshot(). So when more than `max` files differ, and for
   whatever a walk over all files might refuse. */
int source_changes(struct source *s, const char *since, size_t max, struct arena *a, struct snapshot **ret,
                   const char *const **ret_removed, struct err *err) _must_check_;
/* The number of the file at a path, which is listed if it was not. ERR_NOTFOUND. */
int snapshot_find(struct snapshot *s, const char *path, size_t *ret, struct err *err) _must_check_;

struct snapshot_info {
    const char *commit;  /* 40 hex digits; "" for a plain folder without Git */
    const char *subject; /* first line of the message */
    const char *author;  /* "Name <mail>" */
    int64_t time_ns;
    bool dirty;        /* a folder whose files differ from its commit; after snapshot_describe() */
    const char *where; /* for people: "https://host/repo.git branch main path deploy" without credentials */
};
const struct snapshot_info *snapshot_info(const struct snapshot *s);
/* For a plain folder in a Git work tree, snapshot_info() only knows the commit; this adds subject, author,
   time and dirty, for who records or shows them. It starts libgit2 and looks at the whole folder: not for a
   quick diff. */
int snapshot_describe(struct snapshot *s, struct err *err) _must_check_;
/* Files below the path, sorted bytewise; blob_id is the Git blob id. A plain folder computes the same ids,
   for manifests
   (*.yaml, *.yml); for its other files blob_id is NULL. `size` is only known for a plain folder, else 0. */
size_t snapshot_files(const struct snapshot *s, const struct load_file **ret);
/* The callback for schema_load(): arg is the snapshot. */
int snapshot_read(void *arg, size_t i, struct arena *a, const char **ret, size_t *ret_len, struct err *err);

/* A descriptor (inotify) that becomes readable when a local repository or folder may have changed; -1 for
 * remote ones. */
int source_watch_fd(struct source *s);
/* Read away what made it readable; true when a fetch is worth it. */
bool source_watch_changed(struct source *s);
/* Release libgit2's global state at exit (tests, leak checkers). */
void source_shutdown(void);
#endif
