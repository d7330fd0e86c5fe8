/* Which request is meant: path to route, methods, and percent-decoding. */
#ifndef HERMES_SSE_SERVICE_ROUTE_H
#define HERMES_SSE_SERVICE_ROUTE_H
#include <hermes_sse/bus.h>

enum {
  HERMES_SSE__ROUTE_PASS, /* not under the service's prefix */
  HERMES_SSE__ROUTE_UNKNOWN,
  HERMES_SSE__ROUTE_STREAM,
  HERMES_SSE__ROUTE_DOWNLOAD,
  HERMES_SSE__ROUTE_QUEUE,
  HERMES_SSE__ROUTE_SYSTEM,
  HERMES_SSE__ROUTE_ANALYTICS,
  HERMES_SSE__ROUTE_HEALTH,
  HERMES_SSE__ROUTE_READY,
  HERMES_SSE__ROUTE_METRICS,
  HERMES_SSE__ROUTE_TOKEN
};

/* The channels of the contract, which are the topics of the bus. */
enum { HERMES_SSE__N_CHANNELS = 4 };
typedef struct hermes_sse__channel {
  const char *name;  /* "download:updates" */
  const char *scope; /* "queue"; downloads: "download" */
  int route;
} hermes_sse__channel;
extern const hermes_sse__channel hermes_sse__channels[HERMES_SSE__N_CHANNELS];

/* `id` is the raw segment behind /downloads/. */
int hermes_sse__route_find(hermes_sse_slice path, hermes_sse_slice *id);

int hermes_sse__route_is_stream(int route);

/* "GET, HEAD, OPTIONS", for Allow. */
const char *hermes_sse__route_methods(int route);

/* 1 if `method` is one of the comma-separated `methods`. */
int hermes_sse__method_in(hermes_sse_slice method, const char *methods);

/* Decodes percent signs (and '+' as a space in queries) into `buf`; the length. HERMES_SSE_ERR_BAD_DATA: broken escapes or
   a control character; HERMES_SSE_ERR_SPACE. */
int hermes_sse__percent_decode(hermes_sse_slice text, int plus, char *buf, size_t cap);

/* The first parameter of a query by its name, raw; 0 if there is none. */
int hermes_sse__query_find(hermes_sse_slice query, const char *name, hermes_sse_slice *value);

#endif
