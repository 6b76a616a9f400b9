#ifndef SOURCE_INTERNAL_H
#define SOURCE_INTERNAL_H
/*
 * Shared by the files of this folder; nothing outside includes it.
 *
 *   url.c     the parts of a repository's address, and which addresses are refused
 *   libgit    libgit2: loaded when needed, set-up without the system's configuration, mapping of its errors
 *   repo.c    the repository that objects are read from: a local one in place, or our bare copy of a remote
 *   remote.c  fetching: the remote's references, and the update of our copy
 *   http.c    transport over http(s), by libcurl
 *   ssh.c     transport over ssh, by OpenSSH
 *   tidy.c    keeping our copy small
 *   tree.c    a commit as a list of files
 *   changes.c the difference between two commits
 *   dir.c     a plain folder as a list of files
 *   head.c    the commit of the work tree that a plain folder lies in
 *   watch.c   inotify
 */
#include "base/clock.h"
#include "base/limits.h"
#include "base/str.h"
#include "reconciler/source/libgit.h"
#include "reconciler/source/source.h"

#include <sys/types.h>

/* ---- url.c ---- */
enum source_kind { SOURCE_DIR, SOURCE_LOCAL, SOURCE_HTTP, SOURCE_SSH };
struct source_url {
    enum source_kind kind;
    const char *text;        /* as configured; holds no credential, or it would have been refused */
    const char *user;        /* ssh; NULL: none given */
    const char *host, *port; /* port NULL: the default */
    const char *path;        /* in the file system (dir, file), or as sent to the ssh server */
    bool tls;
};
int source_url_parse(struct arena *a, const char *text, struct source_url *ret, struct err *err) _must_check_;
/* The URL without anything that may be a credential, for messages about refused URLs. */
const char *source_url_scrub(struct arena *a, const char *text);

/* ---- the source ---- */
struct http_session;
struct source_watch;

struct source {
    struct arena arena;
    struct source_config config; /* strings are owned, secrets are borrowed */
    struct source_url url;
    const char *path;     /* folder in the repository, normalised; "" for the top */
    const char *where;    /* for people */
    const char *repo_dir; /* our bare copy; NULL for local sources */
    git_repository *repo; /* opened on first use */
    dev_t repo_dev;       /* the folder that `repo` was opened on, to notice when it has been replaced */
    ino_t repo_ino;
    git_oid tip; /* the commit at which the configured revision was last seen */
    bool have_tip;
    git_oid fetched; /* the tip at the last fetch, to tell whether the next one moved it */
    bool have_fetched;
    bool damaged;       /* our copy is broken: the next fetch makes a new one */
    int64_t rebuilt_ns; /* when a new one was last attempted; monotonic */
    struct http_session *http;
    struct source_watch *watch;
};

/* A snapshot's files: blobs of a commit, or a folder's. */
struct snapshot {
    struct arena arena;
    struct snapshot_info info;
    struct source *source;
    struct load_file *files;
    size_t n_files, cap_files;
    /* of a commit */
    git_odb *odb;
    git_oid *oids;
    size_t cap_oids;
    git_oid folder; /* its tree, when only changed files are listed */
    /* of a folder */
    int root;           /* -1: none */
    const char **texts; /* content of the files that were read for their ids; NULL: read on demand */
    size_t *lens;
    size_t cap_texts, cap_lens;
    const char *work_tree; /* folder with .git; NULL: none */
    bool described;
};
/* A fetch found the configured revision at `tip`. */
void source_note_fetch(struct source *s, const git_oid *tip, bool *ret_moved);
struct snapshot *snapshot_new(struct source *s);
/* Refuse names that a commit must not contain (X1); `path` is for the message. */
int snapshot_check_name(const char *name, const char *path, struct err *err) _must_check_;

/* ---- repo.c ---- */
/* Open s->repo if it is not open, or if a local repository was replaced. For a remote source ERR_NOTFOUND
   when nothing was fetched yet. */
int repo_open(struct source *s, struct err *err) _must_check_;
void repo_close(struct source *s);
/* Create our bare copy unless it exists, and open it. */
int repo_make(struct source *s, struct err *err) _must_check_;
/* The configured revision's current commit, by the references in s->repo. */
int repo_tip(struct source *s, git_oid *ret, struct err *err) _must_check_;
/* The commit that `rev` resolves to. "HEAD" is the configured revision's commit. */
int repo_resolve(struct source *s, const char *rev, git_oid *ret, struct err *err) _must_check_;
/* The reference that holds the configured revision's commit in our copy: "refs/heads/main",
   "refs/forge/HEAD". */
const char *repo_tip_ref(const struct source *s, struct arena *a);
/* Point a reference at an object, removing references of our copy that clash with its name (a and a/b). */
int repo_set_ref(struct source *s, const char *name, const git_oid *id, struct err *err) _must_check_;
bool repo_is_commit_id(const char *rev); /* 40 hex digits */
int repo_no_branch(struct source *s, const char *name, const char *const *others, size_t n, struct err *err);
int repo_empty(struct source *s, struct err *err);

/* ---- remote.c ---- */
/* State of one conversation with a remote: its limits, and the error that stopped it, because libgit2's
   callbacks cannot carry our errors. */
struct remote_op {
    struct source *source;
    const struct cancel *cancel;
    int64_t deadline;  /* monotonic */
    struct err *err;   /* code 0 until something failed */
    struct buf said;   /* what ssh wrote to stderr, for errors */
    uint64_t received; /* bytes, of the references or of the pack */
    bool downloading;  /* the references have been listed, the pack is being downloaded */
};
int remote_fetch(struct source *s, const struct cancel *c, bool *ret_moved, struct err *err) _must_check_;
/* Fetch one more branch or tag, so that `name` can be resolved. */
int remote_fetch_name(struct source *s, const char *name, struct err *err) _must_check_;
/* 0, or the error (in op->err) of a conversation that failed, was cancelled or timed out. */
int remote_op_check(struct remote_op *op);
/* Count bytes from the server. 0, or the error (in op->err) when there are more than the limit. */
int remote_op_received(struct remote_op *op, size_t bytes);
/* How many bytes of a read to hand to libgit2 at once. Few for a list of references: after each one libgit2
   moves the whole rest of its buffer. */
static inline size_t remote_read_size(const struct remote_op *op, size_t size)
{
    return op->downloading || size < 2048 ? size : 2048;
}
/* Milliseconds until the deadline, at most `most`. */
int remote_op_wait_ms(const struct remote_op *op, int most);

/* ---- http.c, ssh.c ---- */
int http_transport(git_transport **ret, git_remote *owner, struct remote_op *op);
void http_session_free(struct http_session *h);
int ssh_transport(git_transport **ret, git_remote *owner, struct remote_op *op);

/* ---- tidy.c ---- */
/* Merge the many small packs that fetches leave, and remove leftovers of fetches that were killed. The caller
   holds the repository's lock. */
int repo_tidy(struct source *s, struct err *err) _must_check_;

/* ---- changes.c ---- */
int tree_changes(struct source *s, const char *since, size_t max, struct arena *a, struct snapshot **ret,
                 const char *const **ret_removed, struct err *err) _must_check_;

/* ---- tree.c, dir.c, head.c ---- */
/* Add a file of a commit to the list. */
int snapshot_add_file(struct snapshot *s, const char *path, const git_oid *id, bool executable,
                      struct err *err) _must_check_;
/* The tree of the configured folder in a commit. */
int tree_folder(struct source *s, git_commit *commit, git_oid *ret, struct err *err) _must_check_;
int tree_snapshot(struct source *s, const git_oid *commit, struct snapshot **ret,
                  struct err *err) _must_check_;
/* ERR_CORRUPT when an object that the commit's folder needs is missing or damaged; entries that are merely
   refused are not an error here. */
int tree_verify(struct source *s, const git_oid *commit, struct err *err) _must_check_;
/* Fill commit, subject, author and time. */
void snapshot_set_commit(struct snapshot *s, git_commit *commit);
int tree_read(struct snapshot *s, size_t i, struct arena *a, const char **ret, size_t *ret_len,
              struct err *err) _must_check_;
int dir_snapshot(struct source *s, struct snapshot **ret, struct err *err) _must_check_;
int dir_read(struct snapshot *s, size_t i, struct arena *a, const char **ret, size_t *ret_len,
             struct err *err) _must_check_;
/* The work tree that `dir` lies in, and its HEAD's commit, without libgit2. false: none. */
bool head_find(const char *dir, struct arena *a, const char **ret_work_tree, char ret_commit[41]);
/* Subject, author, time and dirty flag of a folder's snapshot, by libgit2. */
int head_describe(struct snapshot *s, struct err *err) _must_check_;

/* ---- watch.c ---- */
int watch_fd(struct source *s);
bool watch_changed(struct source *s);
void watch_free(struct source_watch *w);
#endif
