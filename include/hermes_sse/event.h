/* An event as a value, and its bytes on the wire: the encoder. Needs no other object and allocates nothing.
 * The format is the event stream of the WHATWG HTML standard, section 9.2.6 "Interpreting an event stream"
 * (html.spec.whatwg.org/multipage/server-sent-events.html); rules below name it as [SSE 9.2.x]. */
#ifndef HERMES_SSE_EVENT_H
#define HERMES_SSE_EVENT_H
#include <hermes_sse/status.h>
#ifdef __cplusplus
extern "C" {
#endif

/* Room for the longest id that hermes_sse_id_format() writes: 20 digits, '-', 20 digits, NUL. */
#define HERMES_SSE_ID_MAX 42

/* A place in the order of a bus, on the wire `<hi>-<lo>` in decimal. Compares by hi, then lo. A plain value. */
typedef struct hermes_sse_id {
  uint64_t hi; /* the run of a bus: random, 16 digits; or the first half of an id that Redis gave */
  uint64_t lo; /* counts within it */
} hermes_sse_id;

/* Reads `<hi>-<lo>`: digits only, no sign, no leading zero except "0" itself, each within 64 bits.
   HERMES_SSE_ERR_BAD_ID otherwise. Class: any. */
HERMES_SSE_API int hermes_sse_id_parse(const void *text, size_t len, hermes_sse_id *id);

/* Writes the id and a NUL. The length without the NUL, or HERMES_SSE_ERR_SPACE; HERMES_SSE_ID_MAX bytes always do.
   Class: any. */
HERMES_SSE_API int hermes_sse_id_format(const hermes_sse_id *id, char *buf, size_t cap);

enum {
  /* No data line: a comment, id or retry alone. Nothing is dispatched at the client. Without this flag data is sent even
     when it is empty, as one line "data: ", which a client dispatches with empty data. */
  HERMES_SSE_EVENT_NO_DATA = 1,
  HERMES_SSE_EVENT_RETRY = 2,    /* retry_ms counts, also when it is 0 */
  HERMES_SSE_EVENT_RESET_ID = 4, /* an empty id line: the client forgets its last event id; `id` must be empty */
  HERMES_SSE_EVENT_CHUNK = 8     /* framed as one HTTP/1.1 chunk (RFC 9112, 7.1) */
};

/* Lines are written in this order: comment, event, retry, data, id, and an empty line at the end. */
typedef struct hermes_sse_event {
  size_t size;
  uint64_t flags;           /* HERMES_SSE_EVENT_ */
  hermes_sse_slice type;    /* "event: " line; empty: none, the client's "message". No CR, LF, NUL: [SSE 9.2.5] */
  hermes_sse_slice data;    /* any bytes; CR, LF and CRLF each start a new "data: " line and arrive as LF [SSE 9.2.6] */
  hermes_sse_slice id;      /* "id: " line; empty: none. No CR, LF, NUL: a client ignores an id with NUL [SSE 9.2.6] */
  hermes_sse_slice comment; /* ": " lines, split like data */
  uint64_t retry_ms;        /* reconnection time, with HERMES_SSE_EVENT_RETRY */
} hermes_sse_event;

/* Exactly the bytes that hermes_sse_event_encode() would write. HERMES_SSE_ERR_OPTION (size, flags, RESET_ID beside an
   id), HERMES_SSE_ERR_BAD_TYPE, HERMES_SSE_ERR_BAD_ID, HERMES_SSE_ERR_TOO_LARGE (beyond PTRDIFF_MAX). Class: any. */
HERMES_SSE_API hermes_sse_ssize hermes_sse_event_measure(const hermes_sse_event *event);

/* Writes the event into `buf` and returns the bytes written, no NUL. Errors as hermes_sse_event_measure(), and
   HERMES_SSE_ERR_SPACE when they do not fit into `cap` (what `buf` then holds is undefined). `buf` may not overlap the
   event. An event with nothing in it (NO_DATA and no other line) takes 0 bytes. Class: any. */
HERMES_SSE_API hermes_sse_ssize hermes_sse_event_encode(const hermes_sse_event *event, void *buf, size_t cap);

#ifdef __cplusplus
}
#endif
#endif
