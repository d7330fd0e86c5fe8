/* What the parts of the model share. */
#ifndef HERMES_SSE_TESTS_MODEL_PARTS_H
#define HERMES_SSE_TESTS_MODEL_PARTS_H
#include "model.h"
#include <setjmp.h>

enum {
  TOPICS = 5, /* two keep all, one keeps few, one keeps few and closes who is slow, one is conflated */
  TIGHT = 2,
  CLOSING = 3,
  CONFLATED = 4,
  KEYS = 3, /* the first: none */
  CLIENTS = 6,
  HUBS = 2,
  PRINCIPALS = 3,
  EVENTS_MAX = 4096,
  SUBSCRIPTIONS = 4,
  WIRE = 4096
};
#define ALL_TOPICS ((1u << TOPICS) - 1)

extern const char *const model_topics[TOPICS];
extern const char *const model_keys[KEYS];

typedef struct following {
  unsigned topic, key; /* topic TOPICS: the pattern of all; key 0: every event */
  uint64_t since;
  uint64_t flags;
} following;

typedef struct client {
  hermes_sse_stream *stream;
  hermes_sse_parser *parser;
  following follows[SUBSCRIPTIONS];
  size_t n_follows;
  unsigned hub;
  int pulls, filters, throttles, is_stalled, is_chunked;
  char wire[WIRE]; /* taken from the hub and not yet read */
  size_t on_wire, capacity;
  int is_full;
  size_t chunk_left; /* bytes of the chunk under way */
  char chunk_line[24];
  size_t chunk_line_len;
  char cursor[64];
  uint64_t at;        /* up to here all came, or is told as lost */
  unsigned told;      /* topics, by bit: until their next event comes, some may be missing */
  int has_dropped;    /* a subscription, since it came: a gap may be of that */
  unsigned left_over; /* events of subscriptions that it dropped, which may have been half taken */
  size_t sends, sends_came;
} client;

typedef struct model {
  model_options options;
  hermes_sse_bus *bus;
  hermes_sse_hub *hubs[HUBS];
  uint64_t hub_floor[HUBS]; /* it has nothing of before */
  hermes_sse_limits *limits;
  client clients[CLIENTS];
  struct {
    uint8_t topic, key, meta;
  } published[EVENTS_MAX + 1]; /* by place */
  uint64_t n_published, n_opened;
  uint64_t now;
  uint64_t complete_from; /* conflated events from here on must come */
  int is_settling;
  model_figures figures;
  size_t live_blocks, allocations;
  char fault[512];
  jmp_buf out;
} model;

extern model m;

/* Ends the run with this fault. */
_Noreturn void model_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* client.c */
void client_come(client *c, uint8_t how, uint8_t more);
/* The stream is freed; of what is on the wire only this share of 255 arrives. */
void client_leave(client *c, unsigned share);
void client_tend(client *c, uint8_t how);
void client_read(client *c, size_t bytes);
void client_subscribe(client *c, uint8_t what);
void client_unsubscribe(client *c, uint8_t which);
hermes_sse_ssize client_writev(hermes_sse_stream *stream, const struct iovec *iov, int n, void *user);
/* All that it follows came, or is told as lost. */
void client_check(const client *c);
hermes_sse_subscription client_subscription(const following *f);

/* judge.c */
void judge_event(client *c, const hermes_sse_event *event);
void judge_id(client *c, hermes_sse_slice id);
uint64_t judge_lost(const client *c, uint64_t end);
uint64_t judge_place(hermes_sse_slice id);

#endif
