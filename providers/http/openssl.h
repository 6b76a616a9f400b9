#ifndef PROVIDERS_HTTP_OPENSSL_H
#define PROVIDERS_HTTP_OPENSSL_H
/*
 * OpenSSL, loaded when the first TLS connection is set up. Starting a program that is linked with it takes a
 * millisecond more, and engines are mostly reached by a unix socket.
 */
#include "base/err.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

/* The functions that are used; those that are macros in its headers stand here as what they call. */
// clang-format off
#define OPENSSL_FUNCTIONS(X)                                                                             \
    X(BIO_free) X(BIO_new_mem_buf) X(ERR_clear_error) X(ERR_get_error) X(ERR_peek_error)                 \
    X(ERR_reason_error_string) X(EVP_PKEY_free) X(OpenSSL_version) X(PEM_read_bio_PrivateKey)            \
    X(SSL_CTX_check_private_key) X(SSL_CTX_ctrl) X(SSL_CTX_free) X(SSL_CTX_load_verify_locations)        \
    X(SSL_CTX_new) X(SSL_CTX_set_default_verify_paths) X(SSL_CTX_set_verify) X(SSL_CTX_use_PrivateKey)   \
    X(SSL_CTX_use_certificate_chain_file) X(SSL_connect) X(SSL_ctrl) X(SSL_free) X(SSL_get0_param)       \
    X(SSL_get_error) X(SSL_get_verify_result) X(SSL_has_pending) X(SSL_new) X(SSL_peek_ex)               \
    X(SSL_read_ex) X(SSL_set1_host) X(SSL_set_fd) X(SSL_shutdown) X(SSL_version) X(SSL_write_ex)         \
    X(TLS_client_method) X(X509_VERIFY_PARAM_set1_ip_asc) X(X509_verify_cert_error_string)
// clang-format on

#define OPENSSL_MEMBER(name) __typeof__(name) *name;
struct openssl_functions {
    OPENSSL_FUNCTIONS(OPENSSL_MEMBER)
};

/* Valid once openssl_load() has succeeded. */
extern struct openssl_functions openssl;

/* Load it, once; it stays. ERR_UNSUPPORTED when this machine does not have it. Any thread. */
int openssl_load(struct err *err) _must_check_;
#endif
