/* Where Redis is: redis://[[user]:password@]host[:port][/db], rediss:// (TLS), unix:///path[?db=N]. User and password may be
 * percent-encoded (RFC 3986, 2.1); an '@' in them need not be: the last one counts. */
#ifndef HERMES_SSE_REDIS_URL_H
#define HERMES_SSE_REDIS_URL_H
#include "core/environment.h"

enum { HERMES_SSE__URL_TCP, HERMES_SSE__URL_TLS, HERMES_SSE__URL_UNIX };

typedef struct hermes_sse__url {
  int kind;
  char *host;     /* without the brackets of an IPv6 address; of a unix socket its path */
  char *user;     /* NULL: the default user */
  char *password; /* NULL: none */
  uint16_t port;  /* default 6379 */
  uint32_t db;
} hermes_sse__url;

/* HERMES_SSE_ERR_OPTION, with one logged line that says what is accepted and never shows a password; HERMES_SSE_ERR_NOMEM.
   `*url` is untouched on failure. */
int hermes_sse__url_parse(const hermes_sse_environment *env, const char *text, hermes_sse__url *url);

/* Overwrites the password before its memory goes back. */
void hermes_sse__url_clear(const hermes_sse_environment *env, hermes_sse__url *url);

/* For logs and metrics: "redis://host:6379/0", nothing secret. The length without NUL; cut to `cap`. */
size_t hermes_sse__url_show(const hermes_sse__url *url, char *buf, size_t cap);

#endif
