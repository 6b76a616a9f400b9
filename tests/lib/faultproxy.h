#ifndef TESTS_FAULTPROXY_H
#define TESTS_FAULTPROXY_H
/*
 * A TCP proxy on loopback between a client and a real server that simulates network failures: after a number
 * of bytes from the server it closes the connection, or keeps it open and goes silent. One thread; for tests.
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
/* From now on, for existing and new connections: fail after this many bytes from the server, counted over all
   connections. */
void faultproxy_set(struct faultproxy *p, enum fault fault, size_t after_bytes);
/* Called on the proxy's thread with data before it is forwarded, to the server or from it. Must be set before
   the first connection. */
typedef void faultproxy_tap(void *arg, bool to_server, const char *data, size_t len);
void faultproxy_listen(struct faultproxy *p, faultproxy_tap *tap, void *arg);
void faultproxy_stop(struct faultproxy *p);
#endif
