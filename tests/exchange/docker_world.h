#ifndef TESTS_EXCHANGE_DOCKER_WORLD_H
#define TESTS_EXCHANGE_DOCKER_WORLD_H
/* A Docker provider that talks to a scripted peer, with a cache in memory. */
#include "base/buf.h"
#include "base/map.h"
#include "providers/provider.h"
#include "tests/exchange/peer.h"

struct world {
    struct peer *peer;
    struct provider *p;
    struct target target;
    struct arena arena;
    struct map cache;
    struct err err;
};

/* `more` (may be NULL): logins and files of the target. Its url, such as "swarm+", is put before the peer's;
   its timeout is 2 s unless set. */
void world_open(struct world *w, const struct peer_answer *script, const struct target *more);
void world_close(struct world *w);
/* Add a resource to the set; `json` is its spec. */
void world_want(struct world *w, struct resource_set *set, const struct kind_desc *kind, const char *name,
                const char *json);
/* Observe environment "rec"; what is desired may be NULL. Returns the error's code. */
int world_observe(struct world *w, const struct resource_set *set, struct observed *ret);

/* The provider's watch, and its events as text: "ACTION!|" with a resource, "ACTION|" without, "LOST|". */
struct listener {
    struct watch watch;
    struct buf heard;
};
void listen_begin(struct listener *l, struct world *w);
void listen_until(struct listener *l, const char *what); /* until that is in the text; fails after 30 s */
void listen_for(struct listener *l, int ms);
void listen_end(struct listener *l);
#endif
