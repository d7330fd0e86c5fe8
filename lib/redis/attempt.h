/* The inside of a connection, shared by the files it is made of: attempt.c (from the back-off to a connected socket, and down),
 * transfer.c (bytes), greeting.c (until it is up), connection.c (calls and deadlines). */
#ifndef HERMES_SSE_REDIS_ATTEMPT_H
#define HERMES_SSE_REDIS_ATTEMPT_H
#include "redis/connection.h"
#include "redis/output.h"
#include "redis/resolve.h"
#include "redis/tls.h"
#include <hermes_sse/redis.h>

enum {
  HERMES_SSE__WAITING, /* back-off; nothing else exists */
  HERMES_SSE__RESOLVING,
  HERMES_SSE__CONNECTING,
  HERMES_SSE__SECURING, /* TLS handshake */
  HERMES_SSE__GREETING,
  HERMES_SSE__UP
};

enum { HERMES_SSE__WHY_ROOM = 320 };

struct hermes_sse__connection {
  hermes_sse__connection_options o;
  int state;
  uint64_t deadline_ms;         /* waiting: of the next attempt; up: none; else of this attempt */
  uint64_t address_deadline_ms; /* connecting: after it the next address is tried */
  uint64_t up_ms;

  uint64_t delay_ms; /* the next back-off's whole; 0: the shortest */
  uint64_t random;

  hermes_sse__resolver *resolver;
  hermes_sse__addresses addresses;
  size_t next_address;
  int host_answered;

  int fd; /* -1: none */
  int interest;
  int write_errno; /* writing has failed; what the server said before is still to be read */
  hermes_sse__tls_context *tls_context;
  hermes_sse__tls *tls;
  hermes_sse__reader *reader;
  hermes_sse__output commands;
  hermes_sse__output sealed; /* of TLS, on its way */

  int greeting[3]; /* whose answers are awaited */
  int n_greeting, greeted;

  int was_too_large; /* the last reply, so that the connection was given up */
  int dropped;       /* given up; down is told by the next run or readiness */
  char why[HERMES_SSE__WHY_ROOM];
  char logged_why[HERMES_SSE__WHY_ROOM]; /* the last one that was logged, and how often it came since */
  uint64_t repeats;
  int quiet; /* the last down was one of many and not logged, so up is not either */
};

/* ---- attempt.c ---- */

void hermes_sse__attempt_begin(hermes_sse__connection *connection, uint64_t now_ms);
/* Resolving: goes on if there is an answer. */
void hermes_sse__attempt_resolved(hermes_sse__connection *connection, uint64_t now_ms);
/* Connecting: the socket is decided, or the address has had its time. */
void hermes_sse__attempt_connected(hermes_sse__connection *connection, uint64_t now_ms);
void hermes_sse__attempt_next_address(hermes_sse__connection *connection, uint64_t now_ms);
/* Frees all that an attempt has. */
void hermes_sse__attempt_clear(hermes_sse__connection *connection);
/* Back to waiting; calls down. */
void hermes_sse__attempt_down(hermes_sse__connection *connection, uint64_t now_ms);

/* Only the first reason counts. */
void hermes_sse__attempt_fail(hermes_sse__connection *connection, const char *format, ...) HERMES_SSE__PRINTF(2, 3);

/* What the descriptor is watched for; a failure drops the connection. */
void hermes_sse__attempt_watch(hermes_sse__connection *connection, int want);

/* ---- transfer.c ---- */

void hermes_sse__transfer_read(hermes_sse__connection *connection, uint64_t now_ms);
void hermes_sse__transfer_write(hermes_sse__connection *connection);
/* TLS: the first bytes. */
void hermes_sse__transfer_secure(hermes_sse__connection *connection, uint64_t now_ms);

/* ---- greeting.c ---- */

void hermes_sse__greeting_begin(hermes_sse__connection *connection, uint64_t now_ms);
void hermes_sse__greeting_answer(hermes_sse__connection *connection, const hermes_sse__reply *reply, uint64_t now_ms);

#endif
