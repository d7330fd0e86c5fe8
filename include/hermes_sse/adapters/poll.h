/* The bridge's descriptors in a loop around poll(). The host keeps one hermes_sse_poll_set per bridge:
 *
 *   hermes_sse_poll_set set = { 0 };
 *   options.watch = hermes_sse_poll_watch; options.user = &set;
 *   for (;;) {
 *     n = hermes_sse_poll_fill(&set, fds, ROOM);   // at most HERMES_SSE_POLL_MAX
 *     poll(fds, n, hermes_sse_poll_timeout(next_ms, now_ms));
 *     hermes_sse_poll_dispatch(redis, fds, n);
 *     hermes_sse_hub_run(hub, now_ms, 0, &next_ms);
 *   }
 *
 * Static inline, public calls alone, C99 and C++. */
#ifndef HERMES_SSE_ADAPTERS_POLL_H
#define HERMES_SSE_ADAPTERS_POLL_H
#include <hermes_sse/redis.h>
#include <poll.h>
#ifdef __cplusplus
extern "C" {
#endif

/* More than a bridge ever watches at once: three connections, each with its resolver's sockets. */
#define HERMES_SSE_POLL_MAX 32

typedef struct hermes_sse_poll_set {
  struct pollfd fds[HERMES_SSE_POLL_MAX];
  int n;
} hermes_sse_poll_set;

/* The bridge's `watch`, with the set as its `user`. */
static inline int hermes_sse_poll_watch(hermes_sse_redis *redis, int fd, int was, int want, void *user)
{
  hermes_sse_poll_set *set = (hermes_sse_poll_set *)user;
  int i = 0;

  (void)redis, (void)was;
  while (i < set->n && set->fds[i].fd != fd)
    i++;
  if (want == 0) {
    if (i < set->n)
      set->fds[i] = set->fds[--set->n];
    return 0;
  }
  if (i == HERMES_SSE_POLL_MAX)
    return -1;
  if (i == set->n)
    set->n++;
  set->fds[i].fd = fd;
  set->fds[i].revents = 0;
  set->fds[i].events = (short)((want & HERMES_SSE_READ ? POLLIN : 0) | (want & HERMES_SSE_WRITE ? POLLOUT : 0));
  return 0;
}

/* Copies the set into the host's array for poll(); how many, at most `max`. */
static inline int hermes_sse_poll_fill(const hermes_sse_poll_set *set, struct pollfd *fds, int max)
{
  int n = set->n < max ? set->n : max;

  for (int i = 0; i < n; i++)
    fds[i] = set->fds[i];
  return n;
}

/* Tells the bridge what poll() found. An error counts as both, so that the bridge meets it. A callback of the bridge that frees it
   must not do so in here: the host frees it after the call. */
static inline void hermes_sse_poll_dispatch(hermes_sse_redis *redis, const struct pollfd *fds, int n)
{
  for (int i = 0; i < n; i++) {
    int events = 0;

    if (fds[i].revents & (POLLIN | POLLHUP | POLLERR | POLLNVAL))
      events |= HERMES_SSE_READ;
    if (fds[i].revents & (POLLOUT | POLLHUP | POLLERR | POLLNVAL))
      events |= HERMES_SSE_WRITE;
    if (events)
      hermes_sse_redis_ready(redis, fds[i].fd, events);
  }
}

#ifdef __cplusplus
}
#endif
#endif
