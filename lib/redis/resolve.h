/* Names to addresses without blocking: numbers and paths at once, "localhost" as everyone has it, any other name by c-ares, whose
 * sockets are watched like the connection's own. */
#ifndef HERMES_SSE_REDIS_RESOLVE_H
#define HERMES_SSE_REDIS_RESOLVE_H
#include "redis/url.h"
#include <sys/socket.h>

enum { HERMES_SSE__MAX_ADDRESSES = 8 }; /* of a name; further ones are not tried */

typedef struct hermes_sse__addresses {
  struct sockaddr_storage at[HERMES_SSE__MAX_ADDRESSES];
  socklen_t lens[HERMES_SSE__MAX_ADDRESSES];
  size_t n;
} hermes_sse__addresses;

/* Takes one if there is room; a port of 0 becomes `port`. */
void hermes_sse__addresses_add(hermes_sse__addresses *addresses, const struct sockaddr *address, socklen_t len,
                               uint16_t port);

/* 1: the host is a number or a path, here it is. */
int hermes_sse__addresses_literal(hermes_sse__addresses *addresses, const hermes_sse__url *url);

/* 1: the host is "localhost", 127.0.0.1 and then ::1. */
int hermes_sse__addresses_localhost(hermes_sse__addresses *addresses, const hermes_sse__url *url);

typedef struct hermes_sse__resolver hermes_sse__resolver;

typedef struct hermes_sse__resolver_options {
  const hermes_sse_environment *env;
  const char *host;
  uint16_t port;
  const char *servers; /* NULL: the system's; else "address:port,..." */
  void *user;
  int (*watch)(int fd, int was, int want, void *user); /* as in connection.h */
} hermes_sse__resolver_options;

/* Asks. HERMES_SSE_ERR_NOMEM; HERMES_SSE_ERR_NOT_FOUND: names cannot be asked for, c-ares is not built in. */
int hermes_sse__resolver_new(const hermes_sse__resolver_options *options, hermes_sse__resolver **new);
/* Calls watch with `want` 0. NULL is nothing. */
void hermes_sse__resolver_free(hermes_sse__resolver *resolver);

/* Asks again what was not answered in time. */
void hermes_sse__resolver_run(hermes_sse__resolver *resolver);
/* Milliseconds until it must be run; HERMES_SSE_NEVER: it waits for nothing. */
uint64_t hermes_sse__resolver_next_ms(const hermes_sse__resolver *resolver);
/* 1 if the descriptor was its own. */
int hermes_sse__resolver_ready(hermes_sse__resolver *resolver, int fd, int events);

/* 1: `*addresses` is the answer; 0: not yet; negative: there is none, `*why` (static) tells. */
int hermes_sse__resolver_answer(const hermes_sse__resolver *resolver, hermes_sse__addresses *addresses,
                                const char **why);

#endif
