/* The inverse of the encoder: bytes of an event stream in, its events out. Needs no other object and does no I/O.
 * The grammar is that of the WHATWG HTML standard, sections 9.2.5 "Parsing an event stream" and 9.2.6 "Interpreting an
 * event stream" (html.spec.whatwg.org/multipage/server-sent-events.html), to the letter:
 *  - a byte order mark is skipped at the start of a stream, and only there; also when it comes in pieces [SSE 9.2.5]
 *  - CR, LF and CRLF end a line, also when cut in two. A bare CR does at once: an event is not held back for the LF that
 *    may follow [SSE 9.2.5]
 *  - an event that the stream ends within is discarded [SSE 9.2.6]
 *
 *     hermes_sse_parser_feed(parser, bytes, len);
 *     while ((kind = hermes_sse_parser_next(parser, &event)) != 0)
 *       ...
 */
#ifndef HERMES_SSE_PARSER_H
#define HERMES_SSE_PARSER_H
#include <hermes_sse/environment.h>
#include <hermes_sse/event.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct hermes_sse_parser hermes_sse_parser;

enum {
  HERMES_SSE_PARSER_COMMENTS = 1, /* hermes_sse_parser_next() hands out comments */
  HERMES_SSE_PARSER_RETRIES = 2   /* and reconnection times, each as its line ends */
};

/* A limit of 0 is the default, HERMES_SSE_NEVER none. Bytes, each the largest that is taken. */
typedef struct hermes_sse_parser_options {
  size_t size;
  const hermes_sse_environment *environment; /* copied; NULL: all defaults */
  uint64_t flags;                            /* HERMES_SSE_PARSER_ */
  uint64_t max_event_bytes;                  /* the data of an event as it is handed out; default 1 MiB */
  uint64_t max_line_bytes;                   /* a line of any kind, without its end; default max_event_bytes + 64 */
  uint64_t max_id_bytes;                     /* the value of an id field; default 1024 */
  hermes_sse_slice last_event_id;            /* known from before; at most max_id_bytes, no CR, LF or NUL */
} hermes_sse_parser_options;

/* `options` may be NULL. HERMES_SSE_ERR_NOMEM, HERMES_SSE_ERR_OPTION (flags, size), HERMES_SSE_ERR_BAD_ID
   (last_event_id). Class: any. */
HERMES_SSE_API int hermes_sse_parser_new(const hermes_sse_parser_options *options, hermes_sse_parser **parser);

/* NULL is nothing. Class: any. */
HERMES_SSE_API void hermes_sse_parser_free(hermes_sse_parser *parser);

/* Hands the next bytes of the stream over, cut anywhere. They are borrowed until hermes_sse_parser_next() returns 0, by
   when what is still needed of them has been copied. `len` may be 0. HERMES_SSE_ERR_STATE while bytes given before are
   left: call hermes_sse_parser_next() first. Class: any. */
HERMES_SSE_API int hermes_sse_parser_feed(hermes_sse_parser *parser, const void *bytes, size_t len);

/* What hermes_sse_parser_next() found. */
enum {
  HERMES_SSE_PARSED_EVENT = 1,   /* `type` ("message" if the stream named none), `data`, and `id`: the last event id */
  HERMES_SSE_PARSED_COMMENT = 2, /* `comment`: the line without its colon and one space; NO_DATA is set in `flags` */
  HERMES_SSE_PARSED_RETRY = 3    /* `retry_ms`; NO_DATA and RETRY are set in `flags` */
};

/* The next thing in the bytes fed: one of HERMES_SSE_PARSED_, or 0 when they are used up. Its cost is linear in the bytes,
   however small the pieces.
   `event->size` must be set; the other members are written when something was found. Slices lie in the bytes fed where the
   whole event does, else in the parser's memory, until the next call on this parser. They are the stream's bytes: no UTF-8
   was checked. An id never holds CR, LF or NUL; a type can hold NUL [SSE 9.2.6], which the encoder refuses.

   Beyond a limit it is one of these, once per event, and the parser goes on with the next call. The event was lost: up to
   the blank line that ends it nothing is looked at, and its id does not count, so that it can be asked for again.
     HERMES_SSE_ERR_MAX_LINE   at the first byte too many, whether the line ever ends or not
     HERMES_SSE_ERR_MAX_EVENT  at the end of the data line that is too much
     HERMES_SSE_ERR_MAX_ID     at the end of the id line
   HERMES_SSE_ERR_NOMEM: nothing was lost, the next call goes on at the same place. HERMES_SSE_ERR_OPTION (event, size).

   Memory: at most one line and one event's data, and for each 16 bytes more than its limit; the type of an event counts as
   a line, and an id twice. What is above 1 MiB is given back with the next event. Class: any. */
HERMES_SSE_API int hermes_sse_parser_next(hermes_sse_parser *parser, hermes_sse_event *event);

/* The stream ended, another one will follow: drops the event under way and bytes not yet looked at, keeps the last event
   id and the reconnection time. Class: any. */
HERMES_SSE_API void hermes_sse_parser_reset(hermes_sse_parser *parser);

/* The last event id string [SSE 9.2.6], which a client sends as Last-Event-ID when it connects again; empty: none. As of
   the last blank line, also one that ended no event. Valid until the next call on this parser but a getter. Class: any. */
HERMES_SSE_API hermes_sse_slice hermes_sse_parser_last_event_id(const hermes_sse_parser *parser);

/* The reconnection time that the stream set last, at most INT64_MAX; HERMES_SSE_NEVER: none so far. Class: any. */
HERMES_SSE_API uint64_t hermes_sse_parser_retry_ms(const hermes_sse_parser *parser);

#ifdef __cplusplus
}
#endif
#endif
