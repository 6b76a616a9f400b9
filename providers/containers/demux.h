#ifndef PROVIDERS_CONTAINERS_DEMUX_H
#define PROVIDERS_CONTAINERS_DEMUX_H
/*
 * The output of a container as engines send it (API, "Stream format" of ContainerAttach): frames with a head
 * of 8 bytes (stream, three zeros, length in network order) and content; or, for containers with a terminal,
 * the raw bytes. Pure, incremental.
 */
#include "base/buf.h"

struct demux {
    bool bare; /* a terminal: no frames */
    int (*out)(void *arg, int stream, const char *data, size_t len,
               struct err *err); /* stream 1 or 2; < 0 stops */
    void *arg;
    unsigned char head[8];
    unsigned have; /* bytes of the head */
    uint32_t left; /* bytes of content to come */
};

/* ERR_CORRUPT for an invalid head, or what `out` returned. */
int demux_feed(struct demux *d, const char *data, size_t len, struct err *err) _must_check_;

/* Splits streams into lines, without line ends; lines longer than LIMIT_EVENT_BYTES come in pieces. */
struct lines {
    void (*line)(void *arg, int stream, const char *text, size_t len);
    void *arg;
    struct buf partial[3];
};

void lines_feed(struct lines *l, int stream, const char *data, size_t len);
void lines_end(struct lines *l); /* delivers an unterminated last line, and releases */
#endif
