/* Admission: who may come in, decided before anything is allocated for a stream. One limits object serves all hubs.
 * A ticket is a place taken under any number of keys at once: all of them, or none. */
#ifndef HERMES_SSE_LIMITS_H
#define HERMES_SSE_LIMITS_H
#include <hermes_sse/environment.h>
#ifdef __cplusplus
extern "C" {
#endif
struct sockaddr;
typedef struct hermes_sse_limits hermes_sse_limits;

/* A place taken, by value. All zero: none. It is given back exactly once: the first release counts, any later one is
   found out by the generation and does nothing. A plain value. */
typedef struct hermes_sse_ticket {
  hermes_sse_limits *limits;
  uint32_t slot;
  uint32_t generation;
} hermes_sse_ticket;

#define HERMES_SSE_KEY_CLASS_MAX   31 /* bytes of a key class's name */
#define HERMES_SSE_TICKET_KEYS_MAX 16

typedef struct hermes_sse_limits_options {
  size_t size;
  const hermes_sse_environment *environment; /* copied; NULL: all defaults */
  uint64_t max_total;                        /* tickets at once; default 1000, at most 2^30; HERMES_SSE_NEVER: 2^30 */
  uint64_t retry_min_s;                      /* Retry-After of a refusal, random between these; default 1 ... */
  uint64_t retry_max_s;                      /* ... to 5; retry_min_s above it is HERMES_SSE_ERR_OPTION */
} hermes_sse_limits_options;

/* `options` may be NULL. HERMES_SSE_ERR_NOMEM, _OPTION, _RANDOM. Class: any. */
HERMES_SSE_API int hermes_sse_limits_new(const hermes_sse_limits_options *options, hermes_sse_limits **limits);

/* Frees it when the last ticket is given back, and refuses new ones from now on (HERMES_SSE_ERR_CLOSED): objects may be
   freed in any order. NULL is nothing. Class: any. */
HERMES_SSE_API void hermes_sse_limits_free(hermes_sse_limits *limits);

/* The rules for one class of keys. Zero: no bound of that kind. */
typedef struct hermes_sse_class_options {
  size_t size;
  uint64_t max_tickets; /* per key, at once; at most 2^30 */
  uint64_t per_minute;  /* arrivals per key that a bucket refills; at most 2^20 */
  uint64_t burst;       /* the bucket's size; default per_minute; at most 2^20 */
} hermes_sse_class_options;

/* Sets or replaces the rules of `key_class` ("principal", "address", "token", ...: 1 to HERMES_SSE_KEY_CLASS_MAX bytes).
   Tickets already given stay. HERMES_SSE_ERR_OPTION, _NOMEM. Class: any. */
HERMES_SSE_API int hermes_sse_limits_class(hermes_sse_limits *limits, const char *key_class,
                                           const hermes_sse_class_options *options);

/* A key that a ticket counts under. A plain value. */
typedef struct hermes_sse_limit_key {
  const char *key_class; /* a class without rules is only counted, and can be kicked */
  hermes_sse_slice key;  /* at most HERMES_SSE_KEY_MAX bytes */
} hermes_sse_limit_key;

typedef struct hermes_sse_verdict {
  size_t size;
  uint64_t http_status;                         /* 503 the total, 429 a class */
  uint64_t retry_after_s;                       /* jittered; for a rate at least until a token is there */
  char key_class[HERMES_SSE_KEY_CLASS_MAX + 1]; /* the one that refused; "": the total */
} hermes_sse_verdict;

/* Takes one place under the total and under every key (up to HERMES_SSE_TICKET_KEYS_MAX; the same key twice counts
   once). HERMES_SSE_ERR_DENIED: nothing was taken and `verdict` (may be NULL) says why. At the limit the newest is
   refused, never the oldest evicted. HERMES_SSE_ERR_OPTION, _BAD_KEY, _NOMEM, _CLOSED. `now_ms`: any monotonic clock,
   always the same. Class: any. */
HERMES_SSE_API int hermes_sse_limits_admit(hermes_sse_limits *limits, const hermes_sse_limit_key *keys, size_t n,
                                           uint64_t now_ms, hermes_sse_verdict *verdict, hermes_sse_ticket *ticket);

/* Gives the place back and zeroes `*ticket`. An empty ticket, or one given back before, is nothing. A ticket that a stream
   has taken is the stream's to give back. Class: any. */
HERMES_SSE_API void hermes_sse_ticket_release(hermes_sse_ticket *ticket);

/* Recounts everything from the list of live tickets and compares. HERMES_SSE_OK, or HERMES_SSE_ERR_STATE: a bug of this
   library, and the counters are wrong. Takes time in proportion to the tickets. Class: any. */
HERMES_SSE_API int hermes_sse_limits_audit(hermes_sse_limits *limits);

typedef struct hermes_sse_limits_stats {
  size_t size;
  uint64_t tickets; /* gauge: live */
  uint64_t keys;    /* gauge: keys remembered */
  uint64_t admitted;
  uint64_t refused_total; /* the total was reached */
  uint64_t refused_key;   /* a key's max_tickets */
  uint64_t refused_rate;  /* a key's arrivals */
} hermes_sse_limits_stats;

/* HERMES_SSE_ERR_OPTION (size). Class: any. */
HERMES_SSE_API int hermes_sse_limits_stats_get(hermes_sse_limits *limits, hermes_sse_limits_stats *stats);

/* The text under which a peer counts: "192.0.2.7", or the first `ipv6_bits` (1 to 128, 64 is usual) of an IPv6 address
   as "2001:db8::/64"; an IPv4-mapped address counts as IPv4 (RFC 4291, 2.5.5.2), a UNIX socket as "unix". The length
   without the NUL; HERMES_SSE_ERR_SPACE (64 bytes always do), HERMES_SSE_ERR_OPTION (family, bits). Class: any. */
HERMES_SSE_API int hermes_sse_address_key(const struct sockaddr *address, unsigned ipv6_bits, char *buf, size_t cap);

/* Key i of a live ticket: its class, NUL-terminated, into `key_class`, its bytes into `key`, their number into `*len`.
   HERMES_SSE_ERR_NOT_FOUND past the last, or if the ticket was given back. Class: any. */
HERMES_SSE_API int hermes_sse_ticket_key(const hermes_sse_ticket *ticket, size_t i,
                                         char key_class[HERMES_SSE_KEY_CLASS_MAX + 1], void *key, size_t *len);

#ifdef __cplusplus
}
#endif
#endif
