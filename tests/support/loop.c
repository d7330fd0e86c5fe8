#include "loop.h"
#include "assertions.h"
#include <hermes_sse/hub.h>
#include <string.h>

static void on_wake(hermes_sse_hub *hub, void *user)
{
  loop *l = user;

  (void)hub;
  pthread_mutex_lock(&l->lock);
  l->woken = 1;
  pthread_cond_signal(&l->wake);
  pthread_mutex_unlock(&l->lock);
}

static void *run(void *arg)
{
  loop *l = arg;

  for (uint64_t now = 1;; now++) {
    int stop = atomic_load(l->stop);

    ck_assert_int_eq(hermes_sse_hub_run(l->hub, now, 0, NULL), HERMES_SSE_OK);
    if (stop)
      return NULL;
    if (l->between)
      l->between(l, now);
    pthread_mutex_lock(&l->lock);
    while (!l->woken)
      pthread_cond_wait(&l->wake, &l->lock);
    l->woken = 0;
    pthread_mutex_unlock(&l->lock);
  }
}

void loop_init(loop *l, hermes_sse_bus *bus, const atomic_int *stop)
{
  hermes_sse_hub_options o = { .size = sizeof o, .user = l, .wake = on_wake, .writev = sink_writev };
  hermes_sse_subscription t = { .topic = hermes_sse_str("t") };
  hermes_sse_stream_options so = { .size = sizeof so, .user = &l->sink, .topics = &t, .n_topics = 1 };

  memset(l, 0, sizeof *l);
  l->stop = stop;
  pthread_mutex_init(&l->lock, NULL);
  pthread_cond_init(&l->wake, NULL);
  sink_init(&l->sink);
  ck_assert_int_eq(hermes_sse_hub_new(bus, &o, &l->hub), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_stream_open(l->hub, &so, &l->sink.stream), HERMES_SSE_OK);
}

void loop_start(loop *l)
{
  pthread_create(&l->thread, NULL, run, l);
}

void loop_join(loop *l)
{
  on_wake(NULL, l);
  pthread_join(l->thread, NULL);
}

void loop_clear(loop *l)
{
  hermes_sse_stream_free(l->sink.stream);
  hermes_sse_hub_free(l->hub);
  sink_clear(&l->sink);
  pthread_cond_destroy(&l->wake);
  pthread_mutex_destroy(&l->lock);
}
