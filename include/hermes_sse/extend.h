/* For parts that live beside the core (the service, the Redis bridge, bindings). Hosts need none of this. */
#ifndef HERMES_SSE_EXTEND_H
#define HERMES_SSE_EXTEND_H
#include <hermes_sse/stream.h>
#ifdef __cplusplus
extern "C" {
#endif

/* Asks the hub's host for a run, as a publish does; coalesces. Class: any, while the hub lives. */
HERMES_SSE_API void hermes_sse_hub_wake(hermes_sse_hub *hub);

/* The bus that the hub reads; NULL once the hub is freed. Class: getter. */
HERMES_SSE_API hermes_sse_bus *hermes_sse_hub_bus(const hermes_sse_hub *hub);

/* Work of a part inside the hub's turns. */
typedef struct hermes_sse_part {
  size_t size;
  /* Called in every run, after delivery, as a callback (only submit calls are legal). Lowers `*next_ms` to its own
     deadline if that is earlier. May detach itself. */
  void (*run)(hermes_sse_hub *hub, uint64_t now_ms, uint64_t *next_ms, void *user);
  /* The hub is being freed: the part is detached already and may not use the hub any more. */
  void (*gone)(hermes_sse_hub *hub, void *user);
  /* An event has come to the hub, before any stream gets it. Of its data the first line is there, which is all of what a Hermes event
     has. Borrowed for the call; only submit calls are legal. NULL: not wanted. */
  void (*event)(hermes_sse_hub *hub, const hermes_sse_message *message, void *user);
} hermes_sse_part;

/* Attaches a part; (part functions, user) is its name. `run` and `gone` are required. HERMES_SSE_ERR_NOMEM, _OPTION.
   Class: submit. */
HERMES_SSE_API int hermes_sse_hub_attach(hermes_sse_hub *hub, const hermes_sse_part *part, void *user);

/* Detaches the part that was attached with `user`; `gone` is not called. HERMES_SSE_ERR_NOT_FOUND. Class: submit. */
HERMES_SSE_API int hermes_sse_hub_detach(hermes_sse_hub *hub, void *user);

enum {
  /* What is ingested brings its id, each greater than all before; the bus gives none of its own, and serves nobody who wants "from now
     on" before hermes_sse_bus_live(). Ids have at most 42 bits of `hi` and 21 of `lo`. */
  HERMES_SSE_RELAY_IDS = 1
};

/* Takes what is published elsewhere, and brings what came from there. Both functions are called on any thread, one at a time, under a
   lock of the bus: of the library they may call hermes_sse_bus_ingest(), hermes_sse_bus_gap(), hermes_sse_bus_live(),
   hermes_sse_hub_wake() and the getters, and nothing else. */
typedef struct hermes_sse_relay {
  size_t size;
  uint64_t flags; /* HERMES_SSE_RELAY_ */
  /* In place of the bus: what hermes_sse_bus_publish() returns. The message was checked, and is borrowed for the call. Required. */
  int (*publish)(hermes_sse_bus *bus, const hermes_sse_message *message, void *user);
  /* A hub's first stream follows `topic` (a topic, or a prefix and '*'), or a key of it: `on` 1; or none does any more: 0. Each hub
     tells for itself; what was followed before the relay was set is told in its next run. Negative for `on` 1: it cannot be had
     now, and the stream is refused with that status. NULL: not wanted. */
  int (*demand)(hermes_sse_bus *bus, hermes_sse_slice topic, int on, void *user);
} hermes_sse_relay;

/* Sets the bus's relay; NULL: it has none any more, and neither function is called once this returns. HERMES_SSE_ERR_STATE: it has one
   already, or had one with ids, or has events and the new one wants ids. HERMES_SSE_ERR_OPTION. Class: any. */
HERMES_SSE_API int hermes_sse_bus_relay(hermes_sse_bus *bus, const hermes_sse_relay *relay, void *user);

/* Gives a message a place in the order, as hermes_sse_bus_publish() does where there is no relay. `id` with HERMES_SSE_RELAY_IDS and
   else NULL (HERMES_SSE_ERR_BAD_ID; also for an id that is not greater than the last). Other errors as hermes_sse_bus_publish(). Class: any. */
HERMES_SSE_API int hermes_sse_bus_ingest(hermes_sse_bus *bus, const hermes_sse_id *id,
                                         const hermes_sse_message *message);

/* Events of `topic` (a topic, or a prefix and '*') may be missing up to here: every stream that follows it and has not yet passed this
   place is told, with a HERMES_SSE_GAP_ reason, and so is whoever comes back with an id of before. With HERMES_SSE_RELAY_IDS `id` names the
   place, not before the last event (NULL: at it, so that whoever has that is not told). HERMES_SSE_ERR_BAD_TOPIC, _BAD_ID, _OPTION (reason), _NOMEM. Class: any. */
HERMES_SSE_API int hermes_sse_bus_gap(hermes_sse_bus *bus, hermes_sse_slice topic, int reason, const hermes_sse_id *id);

/* With HERMES_SSE_RELAY_IDS: what was to be read back is ingested; from here on "now" means something. Streams that have waited for
   it are told of a gap, as nobody knows what they missed meanwhile. HERMES_SSE_ERR_STATE (it is live, or
   has no such relay), _NOMEM. Class: any. */
HERMES_SSE_API int hermes_sse_bus_live(hermes_sse_bus *bus);

/* For how many milliseconds the slowest hub has left unread what has a place; 0: all is read. More than a moment: its loop is stuck.
   Class: any. */
HERMES_SSE_API uint64_t hermes_sse_bus_unread_ms(const hermes_sse_bus *bus);

enum {
  HERMES_SSE_FIGURE_COUNTER = 1,
  HERMES_SSE_FIGURE_GAUGE,
  HERMES_SSE_FIGURE_MILLISECONDS /* a gauge, shown in seconds */
};

/* One figure of a part. A plain value; both texts are static. */
typedef struct hermes_sse_figure {
  const char *name; /* as in metrics, without their "hermes_sse_" */
  const char *help;
  uint64_t kind; /* HERMES_SSE_FIGURE_ */
  uint64_t value;
} hermes_sse_figure;

/* What a part has to say to metrics, health and readiness. Called on any thread. */
typedef struct hermes_sse_report {
  size_t size;
  void *user;
  const char *name; /* its member of health ("redis"); static */
  /* Fills in at most `max` figures; their number. */
  size_t (*figures)(hermes_sse_figure *figures, size_t max, void *user);
  const char *(*state)(void *user);   /* a word; static */
  const char *(*trouble)(void *user); /* why no new clients should be sent here, a static text; NULL: all is well */
} hermes_sse_report;

/* An asynchronous key/value store with expiry. `done` answers a call exactly once, on any thread, also from inside the
   call; `value` is borrowed for `done`. status: HERMES_SSE_OK, _NOT_FOUND, or any other: the store cannot tell now. Its users must survive a `done`
   that comes late, twice, or never. A negative return: refused, `done` will not come. Keys are NUL-terminated, values any
   bytes; both are borrowed for the call. */
typedef void (*hermes_sse_store_done)(int status, const void *value, size_t len, void *context);
typedef struct hermes_sse_store {
  size_t size;
  void *user;
  int (*get)(const char *key, hermes_sse_store_done done, void *context, void *user);
  int (*put)(const char *key, const void *value, size_t len, uint64_t ttl_s, hermes_sse_store_done done, void *context,
             void *user);
  int (*del)(const char *key, hermes_sse_store_done done, void *context, void *user);
} hermes_sse_store;

#ifdef __cplusplus
}
#endif
#endif
