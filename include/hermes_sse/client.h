/* When to connect, with what, and when to stop: the connection of an EventSource [SSE 9.2.2, 9.2.3] without I/O, for hosts
 * that read event streams with an HTTP library of their own.
 *
 *     for (;;) {
 *       request with Last-Event-ID: hermes_sse_client_last_event_id(), if it is not empty
 *       if there was an answer, and hermes_sse_client_answered() is HERMES_SSE_CLIENT_READ:
 *         feed the body to hermes_sse_client_parser() until it ends
 *       if hermes_sse_client_ended() is HERMES_SSE_ERR_EOF: stop
 *       wait as many milliseconds as it says
 *     }
 */
#ifndef HERMES_SSE_CLIENT_H
#define HERMES_SSE_CLIENT_H
#include <hermes_sse/parser.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct hermes_sse_client hermes_sse_client;

typedef struct hermes_sse_client_options {
  size_t size;
  const hermes_sse_environment *environment; /* copied; NULL: all defaults; its random bytes make the jitter */
  const hermes_sse_parser_options *parser;   /* copied, but for its environment; NULL: all defaults */
  uint64_t retry_ms;                         /* the reconnection time until the server sets one; default 3000 */
  uint64_t max_delay_ms;                     /* back-off goes up to here; default 60000 */
} hermes_sse_client_options;

/* `options` may be NULL. Errors as hermes_sse_parser_new(). Class: any. */
HERMES_SSE_API int hermes_sse_client_new(const hermes_sse_client_options *options, hermes_sse_client **client);

/* With its parser. NULL is nothing. Class: any. */
HERMES_SSE_API void hermes_sse_client_free(hermes_sse_client *client);

/* The parser to feed; the client's own, as long as it lives. Class: any. */
HERMES_SSE_API hermes_sse_parser *hermes_sse_client_parser(hermes_sse_client *client);

/* The value of the Last-Event-ID header of the next request, UTF-8 as the stream had it; empty: send none [SSE 9.2.3].
   Valid until the parser is fed. Class: any. */
HERMES_SSE_API hermes_sse_slice hermes_sse_client_last_event_id(const hermes_sse_client *client);

enum {
  HERMES_SSE_CLIENT_READ = 1,      /* an event stream: read it */
  HERMES_SSE_CLIENT_RECONNECT = 2, /* not now; wait as hermes_sse_client_ended() says */
  HERMES_SSE_CLIENT_STOP = 3       /* not to be asked again */
};

/* What an answer means. Status 200 with text/event-stream is READ, and ends the count of failed attempts. Every other type
   and status is STOP [SSE 9.2.3], 204 among them, by which a server ends a stream for good; but for 408, 429, 500, 502, 503
   and 504, which the standard stops at too, and which are RECONNECT here: a client that is no page has nobody to press
   reload. Redirects are for the HTTP library to follow. `content_type` is the header's value, with or without parameters;
   empty: there was none. HERMES_SSE_ERR_STATE after STOP. Class: any. */
HERMES_SSE_API int hermes_sse_client_answered(hermes_sse_client *client, unsigned http_status,
                                              hermes_sse_slice content_type);

/* The connection is over, or none could be made: resets the parser. The milliseconds to wait before the next request;
   HERMES_SSE_ERR_EOF after STOP.
   After a stream that was read it is the reconnection time, exactly. After n attempts in a row without one that time, or 100
   ms if it is shorter, is doubled n times, up to max_delay_ms; the delay is at random between half of it and all of it,
   and never shorter than the reconnection time the server asked for. Class: any. */
HERMES_SSE_API int64_t hermes_sse_client_ended(hermes_sse_client *client);

#ifdef __cplusplus
}
#endif
#endif
