/* TLS by OpenSSL between two pieces of memory: the bytes travel by the connection's own socket calls. */
#ifndef HERMES_SSE_REDIS_TLS_H
#define HERMES_SSE_REDIS_TLS_H
#include "redis/output.h"

typedef struct hermes_sse__tls_context hermes_sse__tls_context;
typedef struct hermes_sse__tls hermes_sse__tls;

/* What is trusted. HERMES_SSE_ERR_OPTION, logged: TLS is not built in, or `ca_file` (NULL: the system's) is of no use;
   HERMES_SSE_ERR_NOMEM. `insecure`: neither certificate nor name are looked at. */
int hermes_sse__tls_context_new(const hermes_sse_environment *env, const char *ca_file, int insecure,
                                hermes_sse__tls_context **new);
void hermes_sse__tls_context_free(hermes_sse__tls_context *context);

/* A client that expects the server to be `host`, a name or a number. NULL: no memory. */
hermes_sse__tls *hermes_sse__tls_new(const hermes_sse__tls_context *context, const char *host);
void hermes_sse__tls_free(hermes_sse__tls *tls);

/* Below, HERMES_SSE_ERR_PEER: it failed, hermes_sse__tls_why() tells. What is to be sent is added to `wire`, also after a failure (the
   alert); HERMES_SSE_ERR_NOMEM if that cannot be. */

/* Bytes that came from the server. */
int hermes_sse__tls_receive(hermes_sse__tls *tls, const void *bytes, size_t len);
/* 1: the server is who it should be; 0: more must come. */
int hermes_sse__tls_handshake(hermes_sse__tls *tls, hermes_sse__output *wire);
/* The bytes; 0: none now; HERMES_SSE_ERR_EOF: the server has ended it. */
hermes_sse_ssize hermes_sse__tls_read(hermes_sse__tls *tls, void *buf, size_t cap, hermes_sse__output *wire);
/* How many were taken; 0: more must come first. */
hermes_sse_ssize hermes_sse__tls_write(hermes_sse__tls *tls, const void *bytes, size_t len, hermes_sse__output *wire);

const char *hermes_sse__tls_why(const hermes_sse__tls *tls);

#endif
