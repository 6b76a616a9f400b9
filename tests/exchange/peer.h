#ifndef TESTS_EXCHANGE_PEER_H
#define TESTS_EXCHANGE_PEER_H
/*
 * A scripted HTTP peer on a unix socket: it looks each request up in a table and plays the answer given
 * there, which may be one that no sane engine would give. A thread for each connection; requests are
 * recorded in the order of their arrival.
 */
#include "base/buf.h"

#define PEER_CLOSE   0x01u /* close after the answer, even if it promised more or to stay open */
#define PEER_DRIP    0x02u /* send a byte every 20 ms */
#define PEER_HANG    0x04u /* afterwards send nothing more, and keep the connection */
#define PEER_RAW     0x08u /* `body` is the whole answer, head included */
#define PEER_ENDLESS 0x10u /* afterwards send `body` again and again until the client gives up */

struct peer_answer {
    const char *request; /* prefix of the request line: "GET /v1.41/info" */
    int status;          /* 0: 200 */
    const char *body;    /* NULL: none */
    unsigned flags;
    unsigned times;     /* play it this many times, then the next one that matches; 0: always */
    const char *expect; /* what the request (head and body) must contain; NULL: anything */
    size_t body_len;    /* of a body that contains NULs; 0: up to its NUL */
    const char *again;  /* PEER_ENDLESS: repeat this instead of `body` */
};

struct peer;
/* The table ends with a NULL request. "/_ping" is answered even if it is not in the table. Fails the test
   when it cannot listen. */
struct peer *peer_start(const struct peer_answer *script);
const char *peer_url(const struct peer *p); /* "unix:///..." */
/* The request lines so far, "GET /x|POST /y|"; valid until the next call. A request that matched nothing is
   logged as "?GET /z|", and was answered with 599; an unmet expectation is logged as "!POST /y|". */
const char *peer_log(struct peer *p);
/* How often `what` stands in the log. */
size_t peer_count(struct peer *p, const char *what);
unsigned peer_connections(struct peer *p);
/* Cut all connections now. */
void peer_cut(struct peer *p);
/* Replace the script. */
void peer_script(struct peer *p, const struct peer_answer *script);
void peer_stop(struct peer *p);
/* A recorded answer (tests/exchange/recorded/NAME) as one line; the caller frees it. */
char *peer_recorded(const char *name);
#endif
