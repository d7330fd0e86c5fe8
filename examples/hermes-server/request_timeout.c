/* A request that does not arrive in time is answered 408. evhttp shows a request only once it is whole, and cuts a slow one
   without a word. So what is kept here is the descriptor of each connection whose request is still arriving, and its socket's
   inode, which tells whether the descriptor is still that connection when the time is up. */
#include "server.h"
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum { LINGER_MS = 2000, SWEEP_MS = 100, AFTER_US_S = 3 };
enum state { NOTHING, ARRIVING, ANSWERED };

typedef struct arrival {
  uint64_t inode, until_ms;
  uint64_t state;
} arrival;

static const char detail[] = "{\"detail\":\"the request took too long to come\"}";

static arrival *arrivals; /* by descriptor */
static size_t n_arrivals;
static uint64_t limit_ms;
static struct event *sweep;

/* 0: not a socket. */
static uint64_t inode_of(int fd)
{
  struct stat st;

  return fd >= 0 && fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode) ? (uint64_t)st.st_ino : 0;
}

static int make_room(size_t n)
{
  size_t room = n_arrivals ? n_arrivals : 64;
  arrival *more;

  while (room < n)
    room *= 2;
  if (room == n_arrivals)
    return 0;
  more = realloc(arrivals, room * sizeof *more);
  if (!more)
    return -1;
  memset(more + n_arrivals, 0, (room - n_arrivals) * sizeof *more);
  arrivals = more;
  n_arrivals = room;
  return 0;
}

static void sweep_in(uint64_t ms)
{
  struct timeval wait = { .tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000) };

  event_add(sweep, &wait);
}

/* A request has begun to arrive, or a new client should begin one. */
static void expect(int fd)
{
  uint64_t inode = inode_of(fd);

  if (inode == 0 || make_room((size_t)fd + 1) < 0)
    return; /* evhttp's own time-out closes it */
  arrivals[fd] = (arrival){ .inode = inode, .until_ms = now_ms() + limit_ms, .state = ARRIVING };
  if (!event_pending(sweep, EV_TIMEOUT, NULL))
    sweep_in(limit_ms);
}

/* Then a while in which the client can read it: bytes that it still sends to a closed socket would reset the connection and
   may take the answer with them. */
static void answer(int fd)
{
  char text[256];
  int len = snprintf(text, sizeof text,
                     "HTTP/1.1 408 Request Timeout\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
                     "Connection: close\r\n\r\n%s",
                     sizeof detail - 1, detail);

  send(fd, text, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
  shutdown(fd, SHUT_WR);
  log_line("info", "request-timeout", "status=408 limit_ms=%llu", (unsigned long long)limit_ms);
}

static void expire(int fd, arrival *a)
{
  if (inode_of(fd) != a->inode) {
    a->state = NOTHING;
  } else if (a->state == ARRIVING) {
    answer(fd);
    a->state = ANSWERED;
    a->until_ms += LINGER_MS;
  } else {
    shutdown(fd, SHUT_RD); /* evhttp reads the end and closes */
    a->state = NOTHING;
  }
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
  uint64_t now = now_ms(), next = HERMES_SSE_NEVER;

  (void)fd, (void)what, (void)arg;
  for (size_t i = 0; i < n_arrivals; i++) {
    arrival *a = &arrivals[i];

    if (a->state != NOTHING && a->until_ms <= now)
      expire((int)i, a);
    if (a->state != NOTHING && a->until_ms < next)
      next = a->until_ms;
  }
  if (next != HERMES_SSE_NEVER)
    sweep_in(next > now + SWEEP_MS ? next - now : SWEEP_MS);
}

/* The first bytes of another request on a connection that was kept. */
static void on_bytes(struct evbuffer *input, const struct evbuffer_cb_info *info, void *bev)
{
  int fd = info->n_added > 0 ? bufferevent_getfd(bev) : -1;

  (void)input;
  if (fd >= 0 && ((size_t)fd >= n_arrivals || arrivals[fd].state == NOTHING))
    expect(fd);
}

static void on_accepted(evutil_socket_t fd, short what, void *arg)
{
  struct bufferevent *bev = arg;
  bufferevent_event_cb owned = NULL;

  (void)fd, (void)what;
  bufferevent_getcb(bev, NULL, NULL, &owned, NULL);
  if (owned) /* or evhttp could not take the connection, and has freed it */
    expect(bufferevent_getfd(bev));
  bufferevent_decref(bev);
}

/* evhttp asks for it just before it gives it the accepted descriptor: that can be read a moment later. */
static struct bufferevent *on_accept(struct event_base *base, void *arg)
{
  struct bufferevent *bev = bufferevent_socket_new(base, -1, 0);

  (void)arg;
  if (!bev || !evbuffer_add_cb(bufferevent_get_input(bev), on_bytes, bev))
    return bev;
  bufferevent_incref(bev);
  if (event_base_once(base, -1, EV_TIMEOUT, on_accepted, bev, NULL) < 0)
    bufferevent_decref(bev);
  return bev;
}

int request_timeout_start(server *s)
{
  limit_ms = s->request_timeout_s * 1000;
  sweep = event_new(s->base, -1, 0, on_sweep, NULL);
  evhttp_set_bevcb(s->http, on_accept, NULL);
  evhttp_set_timeout(s->http, (int)s->request_timeout_s + AFTER_US_S); /* of clients that are silent, or read nothing */
  return sweep ? 0 : -1;
}

void request_timeout_stop(void)
{
  if (sweep)
    event_free(sweep);
  free(arrivals);
  sweep = NULL;
  arrivals = NULL;
  n_arrivals = 0;
}

int request_timeout_arrived(int fd)
{
  enum state was = fd >= 0 && (size_t)fd < n_arrivals ? (enum state)arrivals[fd].state : NOTHING;

  if (was == ARRIVING)
    arrivals[fd].state = NOTHING;
  return was == ANSWERED ? -1 : 0;
}
