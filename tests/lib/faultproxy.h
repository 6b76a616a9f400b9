#ifndef TESTS_FAULTPROXY_H
#define TESTS_FAULTPROXY_H
/*
 * A TCP proxy on loopback between a client and a real server, which fails as networks do: after a number of
 * bytes from the server it closes the connection, or goes silent with it open. One thread; for tests.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fault { FAULT_NONE, FAULT_CUT, FAULT_SILENT };

struct faultproxy;
/* Forwards to 127.0.0.1:port. Fails the test when it cannot. */
struct faultproxy *faultproxy_start(uint16_t port);
/* The same to a unix socket. */
struct faultproxy *faultproxy_start_unix(const char *path);
uint16_t faultproxy_port(const struct faultproxy *p);
/* From now on, for connections of now and later: fail after this many bytes from the server, counted over all
 * of them. */
void faultproxy_set(struct faultproxy *p, enum fault fault, size_t after_bytes);
/* Called on the proxy's thread with what passes, before it does: towards the server, or from it. Set before
   the first connection. */
typedef void faultproxy_tap(void *arg, bool to_server, const char *data, size_t len);
void faultproxy_listen(struct faultproxy *p, faultproxy_tap *tap, void *arg);
void faultproxy_stop(struct faultproxy *p);
#endif
