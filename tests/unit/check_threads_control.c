/* The calls that any thread may make, made by other threads while a hub runs: policies, kicks, figures, admission, frames
 * that are released elsewhere, and at last a drain. Runs under TSan. */
#include "suite.h"
#include "world.h"
#include <hermes_sse/extend.h>
#include <pthread.h>
#include <stdatomic.h>

enum { ROUNDS = 400, CLIENTS = 8 };

static struct {
  hermes_sse_bus *bus;
  hermes_sse_hub *hub;
  hermes_sse_limits *limits;
  atomic_int stop, wakes;
  pthread_mutex_t lock;
  hermes_sse_frame *frames[4096]; /* taken on the hub's thread, released on another */
  size_t n_frames;
} on;

static void on_wake(hermes_sse_hub *hub, void *user)
{
  (void)hub, (void)user;
  atomic_fetch_add(&on.wakes, 1);
}

static void *publisher(void *arg)
{
  hermes_sse_message m = { .size = sizeof m, .topic = { "t", 1 }, .key = { "k", 1 }, .data = { "x", 1 } };

  (void)arg;
  for (int i = 0; i < ROUNDS * 5; i++)
    ck_assert_int_eq(hermes_sse_bus_publish(on.bus, &m), HERMES_SSE_OK);
  return NULL;
}

static void *operator_of(void *arg)
{
  hermes_sse_stats stats = { .size = sizeof stats };
  hermes_sse_topic_options o = { .size = sizeof o };
  hermes_sse_histogram h;
  hermes_sse_id id, last = { 0, 0 };

  (void)arg;
  for (int i = 0; i < ROUNDS; i++) {
    o.max_entries = 1 + (uint64_t)(i % 50);
    ck_assert_int_eq(hermes_sse_bus_topic(on.bus, i % 2 ? "*" : "t", &o), HERMES_SSE_OK);
    ck_assert_int_eq(hermes_sse_bus_stats(on.bus, &stats), HERMES_SSE_OK);
    ck_assert_int_eq(hermes_sse_bus_histogram(on.bus, HERMES_SSE_HISTOGRAM_LATENCY, &h), HERMES_SSE_OK);
    ck_assert_int_eq(hermes_sse_bus_head(on.bus, &id), HERMES_SSE_OK);
    ck_assert_uint_ge(id.lo, last.lo);
    last = id;
    if (i % 20 == 0)
      ck_assert_int_eq(hermes_sse_bus_kick(on.bus, "user", hermes_sse_str("u")), HERMES_SSE_OK);
    hermes_sse_hub_wake(on.hub);
  }
  return NULL;
}

static void *doorman(void *arg)
{
  hermes_sse_limit_key key = { .key_class = "user", .key = { "other", 5 } };

  (void)arg;
  for (int i = 0; i < ROUNDS; i++) {
    hermes_sse_ticket t = { .limits = NULL };

    ck_assert_int_eq(hermes_sse_limits_admit(on.limits, &key, 1, 0, NULL, &t), HERMES_SSE_OK);
    hermes_sse_ticket_release(&t);
    if (i % 50 == 0)
      ck_assert_int_eq(hermes_sse_limits_audit(on.limits), HERMES_SSE_OK);
  }
  return NULL;
}

static void *releaser(void *arg)
{
  (void)arg;
  for (;;) {
    int stop = atomic_load(&on.stop);

    pthread_mutex_lock(&on.lock);
    while (on.n_frames > 0)
      hermes_sse_frame_release(on.frames[--on.n_frames]);
    pthread_mutex_unlock(&on.lock);
    if (stop)
      return NULL;
  }
}

static void take(hermes_sse_stream *stream)
{
  struct iovec iov[16];
  hermes_sse_frame *frames[16];
  int n;

  while ((n = hermes_sse_stream_take(stream, iov, frames, 16, 0)) > 0) {
    pthread_mutex_lock(&on.lock);
    for (int i = 0; i < n; i++)
      if (on.n_frames < sizeof on.frames / sizeof *on.frames)
        on.frames[on.n_frames++] = frames[i];
      else
        hermes_sse_frame_release(frames[i]);
    pthread_mutex_unlock(&on.lock);
  }
}

static hermes_sse_stream *come(sink *s, int pull)
{
  hermes_sse_limit_key key = { .key_class = "user", .key = { "u", 1 } };
  hermes_sse_subscription t = { .topic = { "t", 1 } };
  hermes_sse_stream_options o = {
    .size = sizeof o, .user = s, .topics = &t, .n_topics = 1, .flags = pull ? HERMES_SSE_STREAM_PULL : 0
  };
  hermes_sse_stream *stream = NULL;

  ck_assert_int_eq(hermes_sse_limits_admit(on.limits, &key, 1, 0, NULL, &o.ticket), HERMES_SSE_OK);
  sink_init(s);
  ck_assert_int_eq(hermes_sse_stream_open(on.hub, &o, &stream), HERMES_SSE_OK);
  return stream;
}

/* The hub's thread: clients come, are kicked, and come again. */
static size_t serve(int last)
{
  static sink s[CLIENTS];
  static uint64_t now = 1;
  size_t kicked = 0;

  for (int i = 0; i < CLIENTS && !last; i++)
    if (!s[i].stream)
      s[i].stream = come(&s[i], i % 2);
  ck_assert_int_eq(hermes_sse_hub_run(on.hub, now++, 3, NULL), HERMES_SSE_OK);
  for (int i = 1; i < CLIENTS; i += 2)
    if (s[i].stream)
      take(s[i].stream);
  while (hermes_sse_hub_next(on.hub))
    ;
  for (int i = 0; i < CLIENTS; i++)
    if (s[i].stream && hermes_sse_stream_reason(s[i].stream) != 0) {
      kicked += hermes_sse_stream_reason(s[i].stream) == HERMES_SSE_CLOSE_KICKED;
      hermes_sse_stream_free(s[i].stream);
      sink_clear(&s[i]);
      s[i].stream = NULL;
    }
  return kicked;
}

START_TEST(any_thread_means_any_thread)
{
  hermes_sse_hub_options o = { .size = sizeof o, .wake = on_wake, .writev = sink_writev };
  pthread_t threads[3], release;
  hermes_sse_limits_stats stats = { .size = sizeof stats };
  hermes_sse_stats open = { .size = sizeof open };
  size_t kicked = 0;

  memset(&on, 0, sizeof on);
  pthread_mutex_init(&on.lock, NULL);
  ck_assert_int_eq(hermes_sse_bus_new(NULL, &on.bus), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_hub_new(on.bus, &o, &on.hub), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_limits_new(NULL, &on.limits), HERMES_SSE_OK);
  pthread_create(&threads[0], NULL, publisher, NULL);
  pthread_create(&threads[1], NULL, operator_of, NULL);
  pthread_create(&threads[2], NULL, doorman, NULL);
  pthread_create(&release, NULL, releaser, NULL);
  for (int i = 0; i < ROUNDS; i++)
    kicked += serve(0);
  for (int i = 0; i < 3; i++)
    pthread_join(threads[i], NULL);
  kicked += serve(0);
  ck_assert_int_eq(hermes_sse_bus_drain(on.bus, NULL), HERMES_SSE_OK);
  for (int i = 0; i < 100000; i++) {
    kicked += serve(1);
    hermes_sse_bus_stats(on.bus, &open);
    if (open.streams == 0)
      break;
  }
  kicked += serve(1);
  ck_assert_uint_eq(open.streams, 0);
  ck_assert_uint_eq(open.published, ROUNDS * 5);
  ck_assert_int_gt(atomic_load(&on.wakes), 0);
  ck_assert_uint_gt(kicked, 0);
  atomic_store(&on.stop, 1);
  pthread_join(release, NULL);
  ck_assert_int_eq(hermes_sse_limits_stats_get(on.limits, &stats), HERMES_SSE_OK);
  ck_assert_uint_eq(stats.tickets, 0);
  ck_assert_int_eq(hermes_sse_limits_audit(on.limits), HERMES_SSE_OK);
  hermes_sse_hub_free(on.hub);
  hermes_sse_limits_free(on.limits);
  hermes_sse_bus_free(on.bus);
}
END_TEST

SUITE_MAIN("threads control", any_thread_means_any_thread)
