/* Authentication to a Git server and of it: credentials, certificates, keys of users and hosts. */
/* services: git-ssh git-https */
#include "tests/engine/source_fixture.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/child.h"
#include "base/io.h"

/* ---- https ---- */

static void test_https_credentials(void **state)
{
    struct fixture *f = *state;
    struct secret *token = secret_new(remote_env("GIT_HTTPS_TOKEN"), strlen(remote_env("GIT_HTTPS_TOKEN")));
    struct secret *wrong = secret_new("wrong-secret", 12);
    remote_push(f, "x.yaml", "1");
    f->config.username = NULL;
    f->config.password = token;
    remote_reopen(f);
    assert_true(remote_fetched(f));
    f->config.password = wrong;
    remote_reopen(f);
    remote_check_fails(f, ERR_AUTH, "rejected the credentials (HTTP 401)", "token");
    f->config.password = NULL;
    remote_reopen(f);
    remote_check_fails(f, ERR_AUTH, "asks for credentials, but none are configured", "password_file");
    secret_free(token);
    secret_free(wrong);
}

static void test_https_certificates(void **state)
{
    struct fixture *f = *state;
    remote_push(f, "x.yaml", "1");
    f->config.ca_file = NULL;
    remote_reopen(f);
    remote_check_fails(f, ERR_AUTH, "certificate", "ca of the repository");
    f->config.ca_file = unit_path(f->dir, "missing.pem");
    remote_reopen(f);
    remote_check_fails(f, ERR_INVALID, "", "repository's ca");
    /* The right authority, but a name that the certificate does not have. */
    f->config.ca_file = remote_env("GIT_HTTPS_CA");
    snprintf(f->url, sizeof(f->url), "https://other.localhost%s/%s.git",
             strrchr(remote_env("GIT_HTTPS_URL"), ':'), f->name);
    remote_reopen(f);
    remote_check_fails(f, ERR_AUTH, "other.localhost", "ca of the repository");
}

/* ---- ssh ---- */

static void test_ssh_host_keys(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    char hashed[600];
    remote_push(f, "x.yaml", "1");
    f->config.ssh_known_hosts = remote_env("SSHD_WRONG_KNOWN_HOSTS");
    remote_reopen(f);
    remote_check_fails(f, ERR_AUTH, "host key is not the one in known_hosts", "compare");
    snprintf(hashed, sizeof(hashed), "%s/known hosts", f->dir); /* a name with a space */
    unit_write(hashed, "");
    f->config.ssh_known_hosts = hashed;
    remote_reopen(f);
    remote_check_fails(f, ERR_AUTH, "Host key verification failed", "known_hosts");
    struct buf b = BUF_INIT;
    assert_ok(io_read_file(remote_env("SSHD_KNOWN_HOSTS"), 65536, &b, &err));
    unit_write(hashed, buf_str(&b));
    const char *const argv[] = {"ssh-keygen", "-q", "-H", "-f", hashed, NULL};
    const struct child_opts o = {.argv = argv};
    int status;
    assert_ok(child_run(&o, NULL, NULL, &status, &err));
    assert_int_equal(status, 0);
    remote_reopen(f);
    assert_true(remote_fetched(f));
    buf_release(&b);
}

static void keygen(const char *type, const char *passphrase, const char *file)
{
    struct err err = {0};
    struct buf b = BUF_INIT;
    const char *const argv[] = {"ssh-keygen", "-q", "-t", type, "-N", passphrase, "-f", file, NULL};
    const struct child_opts o = {.argv = argv};
    int status;
    assert_ok(child_run(&o, NULL, NULL, &status, &err));
    assert_int_equal(status, 0);
    char public[700];
    snprintf(public, sizeof(public), "%s.pub", file);
    assert_ok(io_read_file(public, 65536, &b, &err));
    snprintf(public, sizeof(public), "%s.pub", remote_env("SSHD_KEY"));
    FILE *authorized = fopen(public, "a");
    assert_non_null(authorized);
    fputs(buf_str(&b), authorized);
    fclose(authorized);
    buf_release(&b);
}

static void test_ssh_keys(void **state)
{
    struct fixture *f = *state;
    char key[600];
    struct secret *wrong = secret_new("wrong-secret", 12);
    remote_push(f, "x.yaml", "1");
    f->config.ssh_key_file = remote_env("SSHD_WRONG_KEY");
    remote_reopen(f);
    remote_check_fails(f, ERR_AUTH, "Permission denied (publickey)", "deploy key");
    static const char *const types[] = {"ed25519", "rsa"};
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        snprintf(key, sizeof(key), "%s/%s key", f->dir, types[i]);
        keygen(types[i], "", key);
        f->config.ssh_key_file = key;
        remote_reopen(f);
        remote_fetched(f);
        remote_check_content(f, "x.yaml", "1");
    }
    snprintf(key, sizeof(key), "%s/locked", f->dir);
    keygen("ed25519", PASSPHRASE, key);
    f->config.ssh_passphrase = f->passphrase;
    remote_reopen(f);
    remote_fetched(f);
    f->config.ssh_passphrase = wrong;
    remote_reopen(f);
    remote_check_fails(f, ERR_AUTH, "Permission denied (publickey)", "passphrase");
    f->config.ssh_passphrase = NULL;
    remote_reopen(f);
    remote_check_fails(f, ERR_AUTH, "Permission denied (publickey)", "passphrase");
    secret_free(wrong);
}

static void test_ssh_program_missing(void **state)
{
    struct fixture *f = *state;
    char *path = mem_strdup(remote_env("PATH"));
    remote_push(f, "x.yaml", "1");
    remote_reopen(f);
    setenv("PATH", "/nonexistent", 1);
    remote_check_fails(f, ERR_NOTFOUND, "the program \"ssh\" was not found", "openssh-client");
    setenv("PATH", path, 1);
    free(path);
}

static void test_ssh_scp_like_address(void **state)
{
    struct fixture *f = *state;
    char config[2048], program[600], path[4096];
    remote_push(f, "x.yaml", "1");
    /* The port can only come from the user's ssh configuration. */
    snprintf(program, sizeof(program), "%s/ssh", f->dir);
    snprintf(config, sizeof(config), "#!/bin/sh\nexec /usr/bin/ssh -p %s \"$@\"\n", remote_env("SSHD_PORT"));
    unit_write(program, config);
    assert_int_equal(chmod(program, 0700), 0);
    char *before = mem_strdup(remote_env("PATH"));
    snprintf(path, sizeof(path), "%s:%s", f->dir, before);
    snprintf(f->url, sizeof(f->url), "%s@127.0.0.1:%s", remote_env("SSHD_USER"), f->bare);
    setenv("PATH", path, 1);
    remote_reopen(f);
    assert_true(remote_fetched(f));
    setenv("PATH", before, 1);
    free(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HTTPS(test_https_credentials), HTTPS(test_https_certificates),
        SSH(test_ssh_host_keys),       SSH(test_ssh_keys),
        SSH(test_ssh_program_missing), SSH(test_ssh_scp_like_address),
    };
    return cmocka_run_group_tests(tests, NULL, remote_shutdown);
}
