/* The service and its requests inside. */
#ifndef HERMES_SSE_SERVICE_SERVICE_H
#define HERMES_SSE_SERVICE_SERVICE_H
#include "common/text.h"
#include "core/table.h"
#include "service/network.h"
#include "service/route.h"
#include "service/settings.h"
#include <pthread.h>
#include <stdatomic.h>

/* X(name, label): how an attempt to open a stream went, for the metrics. */
#define HERMES_SSE__ATTEMPT_MAP(X)                                                                                     \
  X(ACCEPTED, "accepted")                                                                                              \
  X(DISABLED, "disabled")                                                                                              \
  X(UNAUTHORIZED, "unauthorized")                                                                                      \
  X(FORBIDDEN, "forbidden")                                                                                            \
  X(BAD_REQUEST, "bad_request")                                                                                        \
  X(FULL, "full")                                                                                                      \
  X(TOO_MANY, "too_many")                                                                                              \
  X(UNAVAILABLE, "unavailable")
enum {
#define HERMES_SSE__ATTEMPT_ENUM(name, label) HERMES_SSE__ATTEMPT_##name,
  HERMES_SSE__ATTEMPT_MAP(HERMES_SSE__ATTEMPT_ENUM)
#undef HERMES_SSE__ATTEMPT_ENUM
      HERMES_SSE__N_ATTEMPTS
};

enum { HERMES_SSE__TOKEN_ROOM = 64 };

/* One call to the store that may be answered late, twice or never: what the store holds on to. It stays the service's. The
   store's context is one of its marks, which says both where it lies and which call it belongs to, so that an answer to an
   earlier call finds nobody. */
enum { HERMES_SSE__MARKS = 256 };
typedef struct hermes_sse__lookup {
  uint8_t marks[HERMES_SSE__MARKS]; /* marks[i] is i */
  uint8_t call;                     /* counts its calls, around and around */
  struct hermes_sse__lookup *next;  /* among the free, oldest first */
  struct hermes_sse__lookup *all;   /* every one there is */
  hermes_sse_service *service;
  hermes_sse_request *request; /* NULL: nobody waits */
  int outstanding;             /* neither answered nor given up */
} hermes_sse__lookup;

/* A hub that this service has pending requests, or tokens, on. */
typedef struct hermes_sse__desk {
  struct hermes_sse__desk *next;
  hermes_sse_service *service;
  hermes_sse_hub *hub; /* it is a part of; NULL: no more. While it is, it holds a reference to the service */
  hermes_sse_request *pending;
  hermes_sse_request *decided, **decided_end;
} hermes_sse__desk;

/* An ephemeral token that this service gave, remembered for revoking. */
typedef struct hermes_sse__grant {
  struct hermes_sse__grant *next;
  uint64_t expires_ms;
  char token[HERMES_SSE__TOKEN_ROOM];
  char scope[];
} hermes_sse__grant;

enum { HERMES_SSE__REPORTS_MAX = 4 };

struct hermes_sse_service {
  hermes_sse_environment env;
  hermes_sse_bus *bus;
  hermes_sse_settings *settings;
  hermes_sse_limits *limits;
  hermes_sse__network *proxies;
  size_t n_proxies;
  hermes_sse_store store;
  struct hermes_sse__memory_store *memory_store; /* NULL: the host's store is used */
  uint64_t store_timeout_ms;
  atomic_uint refs; /* the host's handle, each request, and each desk that is part of a hub */
  _Atomic uint64_t attempts[HERMES_SSE__N_ATTEMPTS];
  _Atomic uint64_t malformed; /* messages that were no event of the contract */

  pthread_mutex_t lock; /* of all below; may be held while a hub is woken, never while host code runs */
  hermes_sse__lookup *lookups, *free_first, *free_last;
  size_t n_free, n_outstanding;
  hermes_sse__desk *desks;
  int closing; /* the host has let go of it: desks without work leave their hubs */
  hermes_sse__grant *grants;
  hermes_sse_report reports[HERMES_SSE__REPORTS_MAX];
  size_t n_reports;
  _Atomic uint64_t refusals; /* spreads soft refusals */
};

typedef struct hermes_sse__header {
  const char *name; /* static */
  char *value;
} hermes_sse__header;

enum { HERMES_SSE__HEADERS_MAX = 16 };

/* What a pending request waits for. */
enum { HERMES_SSE__AWAITS_NOTHING, HERMES_SSE__AWAITS_TOKEN, HERMES_SSE__AWAITS_GRANT };

struct hermes_sse_request {
  hermes_sse_service *service;
  hermes_sse_hub *hub;
  void *user;
  int state, status, route, head, opened;
  enum { HERMES_SSE__REFUSE_HARD, HERMES_SSE__REFUSE_SOFT, HERMES_SSE__REFUSE_STOP } refusal; /* as the client wishes */
  uint64_t http, now_ms;
  hermes_sse__header headers[HERMES_SSE__HEADERS_MAX];
  size_t n_headers;
  hermes_sse__text body;
  int failed; /* out of memory: answered with what there is */

  unsigned channels; /* bits of hermes_sse__channels that it follows */
  char key[HERMES_SSE_KEY_MAX + 1];
  size_t key_len;
  char last_event_id[128]; /* anything longer is no id */
  size_t last_event_id_len;
  char client[64];    /* the address it counts under */
  char principal[72]; /* "" while nobody was authenticated */
  char token[HERMES_SSE__TOKEN_ROOM];
  const char *error;   /* a 400 that waits for the checks before it; static */
  char *scope;         /* of the token; NULL: all */
  uint64_t expires_ms; /* wall clock; 0: never */
  uint64_t ttl_s;
  hermes_sse_ticket ticket;

  int awaits;
  hermes_sse__lookup *lookup;
  hermes_sse__desk *desk;
  hermes_sse_request *next; /* in the desk's list */
  uint64_t deadline_ms;
  int answer; /* the store's status */
  char *answer_value;
  size_t answer_len;
};

void hermes_sse__service_unref(hermes_sse_service *service);
void hermes_sse__attempt(hermes_sse_request *request, int attempt);

#endif
