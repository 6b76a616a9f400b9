#ifndef TESTS_EXCHANGE_PEER_H
#define TESTS_EXCHANGE_PEER_H
/*
 * A scripted HTTP peer on a unix socket: it checks each request against a table and plays the answer beside
 * it, also such as no sane engine gives. A thread for each connection; requests are recorded in the order of
 * their arrival.
 */
#include "base/buf.h"

#define PEER_CLOSE   0x01u /* close after the answer, although it promised more or to stay */
#define PEER_DRIP    0x02u /* a byte every 20 ms */
#define PEER_HANG    0x04u /* then say nothing more, and keep the connection */
#define PEER_RAW     0x08u /* `body` is the whole answer, head included */
#define PEER_ENDLESS 0x10u /* then `body` again and again until the other side gives up */

struct peer_answer {
    const char *request; /* how the request line must begin: "GET /v1.41/info" */
    int status;          /* 0: 200 */
    const char *body;    /* NULL: none */
    unsigned flags;
    unsigned times;     /* play it so many times, then the next one that matches; 0: always */
    const char *expect; /* what the request (head and body) must hold; NULL: anything */
    size_t body_len;    /* of a body that holds NULs; 0: up to its NUL */
    const char *again;  /* PEER_ENDLESS: this and not `body` */
};

struct peer;
/* The table ends with a NULL request. "/_ping" is answered without being in it. Fails the test when it cannot
 * listen. */
struct peer *peer_start(const struct peer_answer *script);
const char *peer_url(const struct peer *p); /* "unix:///..." */
/* The request lines so far, "GET /x|POST /y|"; valid until the next call. What matched nothing is there as
   "?GET /z|", and was answered with 599; an unmet expectation as "!POST /y|". */
const char *peer_log(struct peer *p);
unsigned peer_connections(struct peer *p);
/* Cut all connections now. */
void peer_cut(struct peer *p);
/* Swap the script. */
void peer_script(struct peer *p, const struct peer_answer *script);
void peer_stop(struct peer *p);
/* A recorded answer (tests/exchange/recorded/NAME) as one line, to be freed. */
char *peer_recorded(const char *name);
#endif
