/* The bridge's descriptors on a libuv loop (1.0 or newer):
 *
 *   hermes_sse_libuv watcher = { .loop = loop };
 *   options.watch = hermes_sse_libuv_watch; options.user = &watcher;
 *   hermes_sse_redis_new(hub, &options, &watcher.redis);
 *
 * The watcher lives as long as the bridge. The host runs the hub as ever: a descriptor that is ready wakes it. libuv gives a
 * handle's memory back after a turn of the loop: run it once after hermes_sse_redis_free(). Static inline, public calls alone,
 * C99 and C++. */
#ifndef HERMES_SSE_ADAPTERS_LIBUV_H
#define HERMES_SSE_ADAPTERS_LIBUV_H
#include <hermes_sse/redis.h>
#include <stdlib.h>
#include <uv.h>
#ifdef __cplusplus
extern "C" {
#endif

/* More than a bridge ever watches at once: three connections, each with its resolver's sockets. */
#define HERMES_SSE_LIBUV_MAX 32

typedef struct hermes_sse_libuv_watch_fd {
  uv_poll_t handle;
  struct hermes_sse_libuv *watcher;
  int fd;
} hermes_sse_libuv_watch_fd;

typedef struct hermes_sse_libuv {
  uv_loop_t *loop;
  hermes_sse_redis *redis;
  hermes_sse_libuv_watch_fd *fds[HERMES_SSE_LIBUV_MAX]; /* NULL: free */
} hermes_sse_libuv;

static inline void hermes_sse_libuv_closed(uv_handle_t *handle)
{
  free(handle->data);
}

/* An error counts as both, so that the bridge meets it. */
static inline void hermes_sse_libuv_ready(uv_poll_t *handle, int status, int events)
{
  hermes_sse_libuv_watch_fd *watch = (hermes_sse_libuv_watch_fd *)handle->data;
  int found = (events & UV_READABLE ? HERMES_SSE_READ : 0) | (events & UV_WRITABLE ? HERMES_SSE_WRITE : 0);

  hermes_sse_redis_ready(watch->watcher->redis, watch->fd, status < 0 ? HERMES_SSE_READ | HERMES_SSE_WRITE : found);
}

/* The bridge's `watch`, with the watcher as its `user`. */
static inline int hermes_sse_libuv_watch(hermes_sse_redis *redis, int fd, int was, int want, void *user)
{
  hermes_sse_libuv *watcher = (hermes_sse_libuv *)user;
  hermes_sse_libuv_watch_fd *watch = NULL;
  int i, events = (want & HERMES_SSE_READ ? UV_READABLE : 0) | (want & HERMES_SSE_WRITE ? UV_WRITABLE : 0);

  (void)redis;
  for (i = 0; i < HERMES_SSE_LIBUV_MAX; i++)
    if (was ? watcher->fds[i] && watcher->fds[i]->fd == fd : !watcher->fds[i])
      break;
  if (i == HERMES_SSE_LIBUV_MAX)
    return want ? -1 : 0;
  if (!want) {
    uv_close((uv_handle_t *)&watcher->fds[i]->handle, hermes_sse_libuv_closed);
    watcher->fds[i] = NULL;
    return 0;
  }
  if (was)
    return uv_poll_start(&watcher->fds[i]->handle, events, hermes_sse_libuv_ready) < 0 ? -1 : 0;
  watch = (hermes_sse_libuv_watch_fd *)calloc(1, sizeof *watch);
  if (!watch || uv_poll_init(watcher->loop, &watch->handle, fd) < 0) {
    free(watch);
    return -1;
  }
  watch->handle.data = watch;
  watch->watcher = watcher;
  watch->fd = fd;
  if (uv_poll_start(&watch->handle, events, hermes_sse_libuv_ready) < 0) {
    uv_close((uv_handle_t *)&watch->handle, hermes_sse_libuv_closed);
    return -1;
  }
  watcher->fds[i] = watch;
  return 0;
}

#ifdef __cplusplus
}
#endif
#endif
