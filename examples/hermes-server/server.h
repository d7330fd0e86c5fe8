/* The Hermes server inside: one event_base, one bus, one hub. */
#ifndef HERMES_SERVER_SERVER_H
#define HERMES_SERVER_SERVER_H
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <hermes_sse/service.h>
#include <stdint.h>

typedef struct server {
  struct event_base *base;
  struct evhttp *http;
  struct event *turn;  /* the hub's next run */
  struct event *watch; /* the streams' own epoll */
  int streams_epoll;
  hermes_sse_settings *settings;
  hermes_sse_environment environment;
  hermes_sse_bus *bus;
  hermes_sse_hub *hub;
  hermes_sse_service *service;
  struct hermes_sse_redis *redis; /* NULL: no bridge */
  struct downloads *downloads;
  uint64_t request_timeout_s;
  struct event *drained; /* while stopping: looks whether the last stream is gone */
  int stopping;
} server;

uint64_t now_ms(void);

/* "level=info event=... key=value ..." on standard error; texts from elsewhere are quoted. */
void log_line(const char *level, const char *event, const char *format, ...) __attribute__((format(printf, 3, 4)));
enum { LOG_QUOTED_ROOM = 640 };
/* In quotes, with those inside escaped; cut to the room. */
const char *log_quoted(const char *text, char buf[LOG_QUOTED_ROOM]);

/* loop.c */
enum { LOOP_REFUSED = -2 }; /* a setting is of no use, and standard error says which */
int loop_start(server *s);
void loop_stop(server *s);
uint64_t setting(const server *s, const char *variable);

/* streams.c: sockets that left evhttp, on an epoll of their own */
int streams_start(server *s);
void streams_stop(server *s);
/* Takes the socket of an accepted request; both are answered or gone afterwards. */
void streams_take(server *s, struct evhttp_request *http, hermes_sse_request *request);
void streams_ended(hermes_sse_stream *stream);

/* http.c */
int http_start(server *s);
void http_answer(server *s, struct evhttp_request *http, const hermes_sse_request *request);
/* Adds the request's headers (CORS) to the host's own answer. */
void http_reply(struct evhttp_request *http, const hermes_sse_request *request, int status, const char *type,
                const void *body, size_t len);
void http_error(struct evhttp_request *http, const hermes_sse_request *request, int status, const char *detail);
void http_pending(server *s);

/* request_timeout.c: a request that is not whole in time is answered 408 */
int request_timeout_start(server *s);
void request_timeout_stop(void);
/* The request on this descriptor is whole; -1: it came too late and has been answered. */
int request_timeout_arrived(int fd);

/* api.c: the host's own routes. NULL: not one of them; else the methods that the path takes. */
const char *api_methods(const char *path, int *open_to_all);
void api_answer(server *s, struct evhttp_request *http, const hermes_sse_request *request, const char *path);

#endif
