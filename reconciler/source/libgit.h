#ifndef SOURCE_LIBGIT_H
#define SOURCE_LIBGIT_H
/*
 * libgit2, loaded when a repository is first opened. Starting a program that is linked with it takes 2 ms
 * more, for the twelve libraries that it needs in turn; a plain folder, and whoever asks a running forged,
 * need none of it.
 */
#include "base/err.h"

#include <git2.h>
#include <git2/sys/transport.h>

/* The functions that are used, by their names without "git_" (libgit2.org/libgit2). */
// clang-format off
#define LIBGIT_FUNCTIONS(X)                                                                                \
    X(commit_author) X(commit_free) X(commit_id) X(commit_lookup) X(commit_message) X(commit_time)         \
    X(commit_tree) X(commit_tree_id) X(error_last) X(libgit2_init) X(libgit2_opts) X(libgit2_shutdown)     \
    X(libgit2_version) X(object_free) X(object_id) X(object_lookup) X(object_peel) X(odb_add_backend)      \
    X(odb_backend_one_pack) X(odb_exists) X(odb_exists_ext) X(odb_foreach) X(odb_free) X(odb_new)          \
    X(odb_object_data) X(odb_object_free) X(odb_object_size) X(odb_object_type) X(odb_read)                \
    X(odb_read_header) X(oid_equal) X(oid_fromstr) X(oid_tostr) X(oid_tostr_s) X(packbuilder_free)         \
    X(packbuilder_insert) X(packbuilder_name) X(packbuilder_new) X(packbuilder_write) X(reference_create)  \
    X(reference_free) X(reference_list) X(reference_name_to_id) X(reference_remove) X(remote_connect)      \
    X(remote_create_with_opts) X(remote_download) X(remote_free) X(remote_ls) X(repository_commondir)      \
    X(repository_free) X(repository_init_ext) X(repository_odb) X(repository_open_bare)                    \
    X(repository_open_ext) X(repository_path) X(revparse_single) X(status_foreach_ext) X(strarray_dispose) \
    X(transport_smart) X(tree_entry_byindex) X(tree_entry_bypath) X(tree_entry_cmp) X(tree_entry_filemode) \
    X(tree_entry_free) X(tree_entry_id) X(tree_entry_name) X(tree_entry_type) X(tree_entrycount)           \
    X(tree_free) X(tree_lookup)
// clang-format on

#define LIBGIT_MEMBER(name) __typeof__(git_##name) *name;
struct libgit_functions {
    LIBGIT_FUNCTIONS(LIBGIT_MEMBER)
};

/* Valid once libgit_start() has succeeded. */
extern struct libgit_functions git2;

/* Load it and set it up, once. ERR_UNSUPPORTED when this machine does not have it. Any thread. */
int libgit_start(struct err *err) _must_check_;
/* Turn libgit2's last error into ours: "context: its message". Returns the code. */
int libgit_error(struct err *err, int r, const char *fmt, ...) _printf_(3, 4);

/* For _cleanup_: what was never opened needs no library. */
#define LIBGIT_FREEP(type)                                \
    static inline void git_##type##_freep(git_##type **p) \
    {                                                     \
        if (*p)                                           \
            git2.type##_free(*p);                         \
    }
LIBGIT_FREEP(repository)
LIBGIT_FREEP(object)
LIBGIT_FREEP(reference)
LIBGIT_FREEP(tree)
LIBGIT_FREEP(tree_entry)
LIBGIT_FREEP(commit)
LIBGIT_FREEP(odb)
#endif
