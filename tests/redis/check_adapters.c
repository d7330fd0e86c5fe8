/* The adapters for libevent and libuv, each with a loop of its own: an event goes to Redis and comes back, an outage is got over, and
 * nothing stays watched. (poll's drives every other test here.) */
#include "server.h"
#include "suite.h"
#include <hermes_sse/adapters/libevent.h>
#include <hermes_sse/adapters/libuv.h>
#include <stdio.h>
#include <string.h>

enum { TURNS = 2000, TURN_MS = 5 };

/* One bus, one hub, one stream, and what it got. */
static hermes_sse_bus *bus;
static hermes_sse_hub *hub;
static hermes_sse_stream *stream;
static hermes_sse_redis *redis;
static char seen[4096];
static uint64_t now_ms;

static hermes_sse_ssize take(hermes_sse_stream *s, const struct iovec *iov, int n, void *user)
{
  hermes_sse_ssize taken = 0;

  (void)s, (void)user;
  for (int i = 0; i < n; i++) {
    snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%.*s", (int)iov[i].iov_len,
             (const char *)iov[i].iov_base);
    taken += (hermes_sse_ssize)iov[i].iov_len;
  }
  return taken;
}

static void open_all(hermes_sse_redis_options *o, int port, hermes_sse_redis **out)
{
  static const char *const channels[] = { "t" };
  hermes_sse_hub_options hub_options = { .size = sizeof hub_options, .writev = take };
  hermes_sse_subscription t = { .topic = { "t", 1 } };
  hermes_sse_stream_options stream_options = { .size = sizeof stream_options, .topics = &t, .n_topics = 1 };
  char url[64];

  seen[0] = 0;
  now_ms = 1000;
  snprintf(url, sizeof url, "redis://localhost:%d", port);
  o->size = sizeof *o;
  o->url = url;
  o->channels = channels;
  o->n_channels = 1;
  ck_assert_int_eq(hermes_sse_bus_new(NULL, &bus), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_hub_new(bus, &hub_options, &hub), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_redis_new(hub, o, out), HERMES_SSE_OK);
  redis = *out;
  ck_assert_int_eq(hermes_sse_stream_open(hub, &stream_options, &stream), HERMES_SSE_OK);
}

static void close_all(void)
{
  hermes_sse_redis_free(redis);
  hermes_sse_stream_free(stream);
  hermes_sse_hub_free(hub);
  hermes_sse_bus_free(bus);
}

static void publish(const char *data)
{
  hermes_sse_message m = { .size = sizeof m, .topic = { "t", 1 }, .type = { "x", 1 }, .data = hermes_sse_str(data) };

  ck_assert_int_eq(hermes_sse_bus_publish(bus, &m), HERMES_SSE_OK);
}

/* Turns the loop until the bridge is there, then until this was seen. */
static void until(void (*turn)(void *loop), void *loop, const char *text)
{
  for (int i = 0; i < TURNS; i++) {
    turn(loop);
    now_ms += TURN_MS;
    ck_assert_int_eq(hermes_sse_hub_run(hub, now_ms, 0, NULL), HERMES_SSE_OK);
    if (text ? strstr(seen, text) != NULL : hermes_sse_redis_state(redis) == HERMES_SSE_REDIS_STATE_THROUGH)
      return;
  }
  ck_abort_msg("%s did not come: %s", text ? text : "Redis", seen);
}

/* What each adapter has to do. */
static void live(void (*turn)(void *loop), void *loop, server *s)
{
  until(turn, loop, NULL);
  publish("[1]");
  until(turn, loop, "data: [1]");
  server_kill(s);
  until(turn, loop, "data: [1]");
  for (int i = 0; hermes_sse_redis_state(redis) != HERMES_SSE_REDIS_STATE_AWAY; i++) {
    ck_assert_int_lt(i, TURNS);
    until(turn, loop, "data: [1]");
  }
  server_again(s);
  until(turn, loop, NULL);
  server_publish(s, "t", "[2]");
  until(turn, loop, "data: [2]");
}

static void turn_event(void *base)
{
  struct timeval wait = { .tv_usec = TURN_MS * 1000 };

  event_base_loopexit(base, &wait);
  event_base_loop(base, 0);
}

START_TEST(libevent_drives_it)
{
  hermes_sse_libevent watcher = { .base = event_base_new() };
  hermes_sse_redis_options o = { .watch = hermes_sse_libevent_watch, .user = &watcher };
  server s;

  server_start(&s, NULL);
  open_all(&o, s.port, &watcher.redis);
  live(turn_event, watcher.base, &s);
  close_all();
  for (int i = 0; i < HERMES_SSE_LIBEVENT_MAX; i++)
    ck_assert_ptr_null(watcher.events[i]);
  event_base_free(watcher.base);
  server_stop(&s);
}
END_TEST

static void on_timer(uv_timer_t *timer)
{
  uv_stop(timer->loop);
}

static void turn_uv(void *loop)
{
  uv_timer_t timer;

  uv_timer_init(loop, &timer);
  uv_timer_start(&timer, on_timer, TURN_MS, 0);
  uv_run(loop, UV_RUN_DEFAULT);
  uv_close((uv_handle_t *)&timer, NULL);
  uv_run(loop, UV_RUN_NOWAIT);
}

START_TEST(libuv_drives_it)
{
  uv_loop_t loop;
  hermes_sse_libuv watcher = { .loop = &loop };
  hermes_sse_redis_options o = { .watch = hermes_sse_libuv_watch, .user = &watcher };
  server s;

  ck_assert_int_eq(uv_loop_init(&loop), 0);
  server_start(&s, NULL);
  open_all(&o, s.port, &watcher.redis);
  live(turn_uv, &loop, &s);
  close_all();
  for (int i = 0; i < HERMES_SSE_LIBUV_MAX; i++)
    ck_assert_ptr_null(watcher.fds[i]);
  uv_run(&loop, UV_RUN_DEFAULT);
  ck_assert_int_eq(uv_loop_close(&loop), 0); /* no handle is left */
  server_stop(&s);
}
END_TEST

SUITE_MAIN("adapters", libevent_drives_it, libuv_drives_it)
