/* The bridge's descriptors on a libevent loop (2.0 or newer):
 *
 *   hermes_sse_libevent watcher = { .base = base };
 *   options.watch = hermes_sse_libevent_watch; options.user = &watcher;
 *   hermes_sse_redis_new(hub, &options, &watcher.redis);
 *
 * The watcher lives as long as the bridge. The host runs the hub as ever: a descriptor that is ready wakes it. Static inline,
 * public calls alone, C99 and C++. */
#ifndef HERMES_SSE_ADAPTERS_LIBEVENT_H
#define HERMES_SSE_ADAPTERS_LIBEVENT_H
#include <event2/event.h>
#include <hermes_sse/redis.h>
#ifdef __cplusplus
extern "C" {
#endif

/* More than a bridge ever watches at once: three connections, each with its resolver's sockets. */
#define HERMES_SSE_LIBEVENT_MAX 32

typedef struct hermes_sse_libevent {
  struct event_base *base;
  hermes_sse_redis *redis;
  struct event *events[HERMES_SSE_LIBEVENT_MAX]; /* NULL: free */
} hermes_sse_libevent;

static inline void hermes_sse_libevent_ready(evutil_socket_t fd, short what, void *arg)
{
  hermes_sse_libevent *watcher = (hermes_sse_libevent *)arg;

  hermes_sse_redis_ready(watcher->redis, (int)fd,
                         (what & EV_READ ? HERMES_SSE_READ : 0) | (what & EV_WRITE ? HERMES_SSE_WRITE : 0));
}

/* The bridge's `watch`, with the watcher as its `user`. */
static inline int hermes_sse_libevent_watch(hermes_sse_redis *redis, int fd, int was, int want, void *user)
{
  hermes_sse_libevent *watcher = (hermes_sse_libevent *)user;
  short what = (short)(EV_PERSIST | (want & HERMES_SSE_READ ? EV_READ : 0) | (want & HERMES_SSE_WRITE ? EV_WRITE : 0));
  int i = 0;

  (void)redis;
  for (i = 0; was && i < HERMES_SSE_LIBEVENT_MAX; i++)
    if (watcher->events[i] && event_get_fd(watcher->events[i]) == fd) {
      event_free(watcher->events[i]);
      watcher->events[i] = NULL;
      break;
    }
  if (!want)
    return 0;
  for (i = 0; i < HERMES_SSE_LIBEVENT_MAX && watcher->events[i];)
    i++;
  if (i == HERMES_SSE_LIBEVENT_MAX)
    return -1;
  watcher->events[i] = event_new(watcher->base, fd, what, hermes_sse_libevent_ready, watcher);
  if (watcher->events[i] && event_add(watcher->events[i], NULL) == 0)
    return 0;
  if (watcher->events[i])
    event_free(watcher->events[i]);
  watcher->events[i] = NULL;
  return -1;
}

#ifdef __cplusplus
}
#endif
#endif
