#ifndef PROVIDERS_HTTP_ANSWER_H
#define PROVIDERS_HTTP_ANSWER_H
/*
 * Parsing of HTTP/1.1 answers (RFC 9112), as engines send them: status line, headers, and a body of known
 * length, in chunks, or up to the end of the connection. Pure and incremental: bytes are fed as they arrive,
 * so that a blocking client and an epoll loop share it. Anything an engine would not send is ERR_CORRUPT.
 */
#include "base/err.h"

struct http_head {
    int status;
    bool keep; /* the connection can serve another request */
    bool chunked;
    bool upgraded;        /* 101: what follows is not HTTP */
    int64_t length;       /* Content-Length; -1 unknown */
    char api_version[16]; /* Api-Version, sent by Docker and Podman; "" none */
    char server[64];      /* Server */
    char content_type[64];
    char date[40]; /* Date, as sent */
};

/* The length of the head at `in`, its empty line included; 0 while it is not complete. */
size_t http_head_length(const char *in, size_t len);
/* Parse a complete head of `len` bytes. */
int http_head_parse(const char *in, size_t len, struct http_head *ret, struct err *err) _must_check_;

enum http_body_state {
    BODY_LENGTH,     /* `left` more bytes */
    BODY_CLOSE,      /* everything until the end of the connection */
    BODY_CHUNK_SIZE, /* reading a chunk's size line */
    BODY_CHUNK_DATA, /* `left` more bytes of a chunk */
    BODY_CHUNK_END,  /* the line end after a chunk's data */
    BODY_TRAILER,    /* lines after the last chunk */
    BODY_DONE,
};

struct http_body {
    enum http_body_state state;
    uint64_t left;
    unsigned digits; /* of a chunk size, read so far */
    bool extension;  /* inside a chunk extension, which is skipped */
    unsigned line;   /* bytes of the line so far (size lines and trailers are bounded) */
};

/* The body that follows a head. `no_body`: answers to HEAD, 204, 304. */
void http_body_begin(struct http_body *b, const struct http_head *h, bool no_body);
/* Consume some of in[0..len). The next piece of content is *ret_data, *ret_len (may be empty); the number of
   bytes consumed is *ret_used (at least 1 unless len is 0 or the body is done). */
int http_body_feed(struct http_body *b, const char *in, size_t len, const char **ret_data, size_t *ret_len,
                   size_t *ret_used, struct err *err) _must_check_;
/* The connection has ended: 0 if the body may end there, else ERR_UNAVAILABLE (truncated). */
int http_body_end(struct http_body *b, struct err *err) _must_check_;
#endif
