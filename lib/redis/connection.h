/* One connection to Redis, which comes up again by itself: name, socket, TLS, AUTH, SELECT and name, then commands out and replies
 * in. Whoever owns it decides what is said on it; a connection knows nothing of subscriptions.
 *
 *   waiting -> resolving -> connecting -> [TLS] -> greeting -> up
 *      ^------------------------- down, from anywhere -----------'
 *
 * Nothing here blocks, and nothing reads a clock: `now_ms` comes in, a deadline goes out. All calls on one thread. Callbacks may
 * call hermes_sse__connection_command() and _drop(); none of the others. */
#ifndef HERMES_SSE_REDIS_CONNECTION_H
#define HERMES_SSE_REDIS_CONNECTION_H
#include "redis/reply.h"
#include "redis/url.h"
#include <sys/socket.h>

typedef struct hermes_sse__connection hermes_sse__connection;

typedef struct hermes_sse__connection_options {
  const hermes_sse_environment *env; /* lives longer, as does all that is pointed to here */
  const hermes_sse__url *url;
  const char *role;           /* for logs, and the end of the name: "commands", "subscriptions", "tail" */
  const char *client_name;    /* CLIENT SETNAME <client_name>-<role>; refused by an ACL: ignored */
  const char *ca_file;        /* of TLS; NULL: the system's */
  int tls_insecure;           /* 1: the server's certificate and name are not looked at */
  const char *name_servers;   /* of c-ares, "address:port,..."; NULL: the system's */
  uint64_t max_reply_bytes;   /* of one reply */
  uint64_t max_pending_bytes; /* of commands that the socket has not taken */
  uint64_t connect_ms;        /* from the name to the end of the greeting, else it is down */
  /* The back-off doubles from the one to the other; jitter makes it a half to the whole. */
  uint64_t retry_min_ms, retry_max_ms;
  uint64_t random; /* seed of the jitter */
  void *user;
  /* The descriptor's interest changes from `was` to `want` (HERMES_SSE_READ | _WRITE, redis.h); `want` 0: before it is closed.
     Negative: it cannot be watched, the connection is down and tries again. */
  int (*watch)(int fd, int was, int want, void *user);
  /* Asks the host for addresses (hermes_sse__connection_resolved()); NULL: c-ares does it. Negative: down. */
  int (*resolve)(hermes_sse__connection *connection, const char *host, uint16_t port, void *user);
  void (*up)(hermes_sse__connection *connection, void *user);
  /* In the order of the commands, the greeting's left out; anything else that the server says comes here too. */
  void (*reply)(hermes_sse__connection *connection, const hermes_sse__reply *reply, void *user);
  /* It was up, or this attempt failed: `was_up` tells. `why` is one line for people. */
  void (*down)(hermes_sse__connection *connection, int was_up, const char *why, void *user);
} hermes_sse__connection_options;

/* At rest until the first hermes_sse__connection_run(). HERMES_SSE_ERR_NOMEM; HERMES_SSE_ERR_OPTION: TLS is wanted and not built in, or
   the CA file is of no use (logged). */
int hermes_sse__connection_new(const hermes_sse__connection_options *options, hermes_sse__connection **connection);
/* Calls watch with `want` 0 and nothing else. NULL is nothing. */
void hermes_sse__connection_free(hermes_sse__connection *connection);

/* Timers: connects when it is time, gives up what takes too long, flushes commands. When to be run again at the latest;
   HERMES_SSE_NEVER: when a descriptor is ready. */
uint64_t hermes_sse__connection_run(hermes_sse__connection *connection, uint64_t now_ms);

/* 1 if the descriptor was this connection's (its socket, or its resolver's); reads and writes what can be. At most about a quarter of
   a MiB is read in one call, so that others have their turn: the host's watch is level-triggered. A run soon after tells the new
   deadline. */
int hermes_sse__connection_ready(hermes_sse__connection *connection, uint64_t now_ms, int fd, int events);

/* Appends a command; it leaves with the next run or readiness. HERMES_SSE_ERR_STATE: not up. HERMES_SSE_ERR_FULL: max_pending_bytes.
   HERMES_SSE_ERR_NOMEM. */
int hermes_sse__connection_command(hermes_sse__connection *connection, int argc, const char *const *argv,
                                   const size_t *lens);
/* The same for NUL-terminated arguments, NULL behind the last one; HERMES_SSE_ERR_OPTION: more than HERMES_SSE__SAY_MAX. */
enum { HERMES_SSE__SAY_MAX = 16 };
int hermes_sse__connection_say(hermes_sse__connection *connection, const char *const *argv);

/* Writes what waits, now. */
void hermes_sse__connection_flush(hermes_sse__connection *connection, uint64_t now_ms);

/* Gives this attempt up; it tries again after the back-off. `why` as for `down`, which is called from the next run. */
void hermes_sse__connection_drop(hermes_sse__connection *connection, const char *why);

/* All is well (a subscription was confirmed): the back-off begins anew next time. */
void hermes_sse__connection_settled(hermes_sse__connection *connection);

/* The host's answer to `resolve`: `n` addresses, tried in turn; 0: there are none. */
void hermes_sse__connection_resolved(hermes_sse__connection *connection, const struct sockaddr *const *addresses,
                                     const socklen_t *lens, size_t n);

/* 1: it was lost as a reply was larger than allowed. */
int hermes_sse__connection_was_too_large(const hermes_sse__connection *connection);

int hermes_sse__connection_is_up(const hermes_sse__connection *connection);
size_t hermes_sse__connection_pending_bytes(const hermes_sse__connection *connection);

#endif
