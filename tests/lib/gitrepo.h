#ifndef TESTS_GITREPO_H
#define TESTS_GITREPO_H
/*
 * Git repositories for tests, created by the git command, independently of the library that the code under
 * test uses. A failing command fails the test. Author, committer and dates are always the same.
 */
#include <stddef.h>

/* Run git in a folder; arguments end with NULL. Returns its output without the last newline, in a ring of
   eight buffers of 1 KiB. */
const char *gitrepo_run(const char *dir, ...) __attribute__((sentinel));
/* The same with bytes for its standard input. */
const char *gitrepo_feed(const char *dir, const void *input, size_t len, ...) __attribute__((sentinel));
/* A repository with a work tree and branch main in a new folder dir/name; returns its path, by
   unit_path(). */
const char *gitrepo_new(const char *dir, const char *name);
/* Write a file, creating its folders, and commit everything; returns the commit's id. */
const char *gitrepo_commit(const char *repo, const char *file, const char *text);
/* Commit a tree given as raw bytes, which may be invalid, on branch main. */
const char *gitrepo_commit_raw_tree(const char *repo, const void *tree, size_t len);
/* Append one entry to a raw tree: "MODE NAME\0" and the 20 bytes of an id in hex. Returns the new length;
   `tree` has room for 512 bytes more. */
size_t gitrepo_add_entry(char *tree, size_t len, const char *mode, const char *name, const char *id);
#endif
