/* splice [--seconds N] [--clients N] [--rate EVENTS_PER_SECOND] [--seed N] */
#include "splice.h"
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const char *const splice_topics[TOPICS] = { "roomy-0", "roomy-1", "roomy-2",     "roomy-3",    "roomy-4",
                                            "roomy-5", "tight-0", "tight-1",     "tight-2",    "tight-3",
                                            "tight-4", "tight-5", "conflated-0", "conflated-1" };
const char *const splice_keys[KEYS] = { "a", "b", "c", "d" };
_Thread_local loop *splice_current;

enum { EVENTS_MAX = 1 << 22, QUIET_TURNS = 5 };

static hermes_sse_bus *bus;
static loop loops[HUBS];
static client *clients;
static size_t n_clients = 1000;
static unsigned seconds = 10, rate = 2000;
static uint64_t seed = 1;
static atomic_int publishing, settling;
static uint8_t *published[PUBLISHERS + 1]; /* the last is main, with the last event of each kind */
static uint32_t n_published[PUBLISHERS + 1];

uint64_t splice_now_ms(void)
{
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

unsigned splice_chance(uint64_t *random, unsigned below)
{
  *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (unsigned)(*random >> 33) % below;
}

_Noreturn void splice_fail(const char *format, ...)
{
  va_list arguments;

  va_start(arguments, format);
  printf("FAILED (seed %llu): ", (unsigned long long)seed);
  vprintf(format, arguments);
  printf("\n");
  va_end(arguments);
  exit(1);
}

static void publish(unsigned publisher, unsigned topic, unsigned key)
{
  char text[32];
  hermes_sse_message m = { .size = sizeof m,
                           .topic = hermes_sse_str(splice_topics[topic]),
                           .key = hermes_sse_str(splice_keys[key]),
                           .type = hermes_sse_str("n") };

  if (n_published[publisher] == EVENTS_MAX)
    splice_fail("too many events for this program");
  published[publisher][n_published[publisher]] = (uint8_t)(topic * KEYS + key);
  snprintf(text, sizeof text, "%u:%u", publisher, n_published[publisher]++);
  m.data = hermes_sse_str(text);
  if (hermes_sse_bus_publish(bus, &m) != HERMES_SSE_OK)
    splice_fail("publish");
}

/* In bursts, which wait in the logs for the hubs' turns. */
static void *publisher_run(void *arg)
{
  unsigned name = (unsigned)(uintptr_t)arg;
  uint64_t random = seed * 31 + name;

  while (atomic_load(&publishing)) {
    unsigned burst = 1 + splice_chance(&random, 2 * 20);
    struct timespec pause = { .tv_nsec = (long)(burst * UINT64_C(1000000000) * PUBLISHERS / rate % 1000000000) };

    for (unsigned i = 0; i < burst; i++)
      publish(name, splice_chance(&random, TOPICS), splice_chance(&random, KEYS));
    nanosleep(&pause, NULL);
  }
  return NULL;
}

static void on_wake(hermes_sse_hub *hub, void *user)
{
  loop *l = user;

  (void)hub;
  pthread_mutex_lock(&l->lock);
  l->is_woken = 1;
  pthread_cond_signal(&l->woken);
  pthread_mutex_unlock(&l->lock);
}

static void receive_arriving(loop *l)
{
  pthread_mutex_lock(&l->lock);
  for (size_t i = 0; i < l->n_arriving; i++)
    l->clients[l->n_clients++] = l->arriving[i];
  l->n_arriving = 0;
  pthread_mutex_unlock(&l->lock);
}

static void send_away(loop *l, size_t i)
{
  loop *to = &loops[splice_chance(&l->random, HUBS)];
  client *c = l->clients[i];

  l->clients[i] = l->clients[--l->n_clients];
  pthread_mutex_lock(&to->lock);
  to->arriving[to->n_arriving++] = c;
  pthread_mutex_unlock(&to->lock);
}

static void act(loop *l, size_t i)
{
  client *c = l->clients[i];

  if (!c->stream) {
    splice_client_attach(c, l);
  } else if (hermes_sse_stream_reason(c->stream) || splice_chance(&l->random, 60) == 0) {
    splice_client_cut(c, l);
    send_away(l, i);
  } else {
    splice_client_pull(c, l);
    splice_client_read(c, l, splice_chance(&l->random, 3) ? c->on_wire : splice_chance(&l->random, 500));
  }
}

/* It comes back at once when its life is over. */
static void tend_observer(client *observer, loop *l)
{
  splice_client_read(observer, l, observer->on_wire);
  if (hermes_sse_stream_reason(observer->stream)) {
    hermes_sse_stream_free(observer->stream);
    splice_client_attach(observer, l);
  }
}

static void run_hub(loop *l, client *observer, size_t budget)
{
  hermes_sse_stream *stream;

  if (hermes_sse_hub_run(l->hub, splice_now_ms(), budget, NULL) != HERMES_SSE_OK)
    splice_fail("run");
  while ((stream = hermes_sse_hub_next(l->hub)))
    if (!hermes_sse_stream_reason(stream))
      splice_client_pull(hermes_sse_stream_user(stream), l);
  tend_observer(observer, l);
}

static void wait_for_work(loop *l)
{
  struct timespec until;

  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_nsec += 1000000;
  until.tv_sec += until.tv_nsec / 1000000000;
  until.tv_nsec %= 1000000000;
  pthread_mutex_lock(&l->lock);
  if (!l->is_woken)
    pthread_cond_timedwait(&l->woken, &l->lock, &until);
  l->is_woken = 0;
  pthread_mutex_unlock(&l->lock);
}

/* Everybody is there and takes all there is; over when nothing came for some turns. */
static void settle(loop *l, client *observer)
{
  for (int quiet = 0; quiet < QUIET_TURNS; quiet++) {
    uint64_t before = l->totals.events;

    run_hub(l, observer, 0);
    for (size_t i = 0; i < l->n_clients; i++) {
      client *c = l->clients[i];

      if (c->stream && hermes_sse_stream_reason(c->stream))
        splice_client_cut(c, l);
      if (!c->stream)
        splice_client_attach(c, l);
      splice_client_pull(c, l);
      splice_client_read(c, l, c->on_wire);
    }
    if (l->totals.events != before)
      quiet = -1;
  }
}

static pthread_barrier_t nobody_moves, all_is_published;

static void *loop_run(void *arg)
{
  loop *l = splice_current = arg;
  client *observer = &clients[n_clients + (size_t)(l - loops)];

  splice_client_attach(observer, l);
  pthread_barrier_wait(&all_is_published); /* here: nothing yet */
  while (!atomic_load(&settling)) {
    receive_arriving(l);
    for (size_t n = l->n_clients / 20; n > 0 && l->n_clients > 0; n--)
      act(l, splice_chance(&l->random, (unsigned)l->n_clients));
    run_hub(l, observer, splice_chance(&l->random, 3) ? 0 : 1 + splice_chance(&l->random, 300));
    wait_for_work(l);
  }
  pthread_barrier_wait(&nobody_moves);
  receive_arriving(l);
  pthread_barrier_wait(&all_is_published);
  settle(l, observer);
  for (size_t i = 0; i < l->n_clients; i++)
    hermes_sse_stream_free(l->clients[i]->stream);
  hermes_sse_stream_free(observer->stream);
  hermes_sse_hub_free(l->hub);
  return NULL;
}

static void set_up(void)
{
  hermes_sse_topic_options roomy = { .size = sizeof roomy, .max_entries = EVENTS_MAX, .max_bytes = HERMES_SSE_NEVER };
  hermes_sse_topic_options tight = { .size = sizeof tight, .max_entries = TIGHT_KEEPS };
  hermes_sse_topic_options conflated = { .size = sizeof conflated, .flags = HERMES_SSE_TOPIC_CONFLATE };
  hermes_sse_bus_options options = { .size = sizeof options,
                                     .max_pending_entries = 1 << 20,
                                     .max_retained_bytes = HERMES_SSE_NEVER };
  uint64_t random = seed;

  roomy.max_age_ms = HERMES_SSE_NEVER;
  clients = calloc(n_clients + HUBS, sizeof *clients);
  if (!clients || hermes_sse_bus_new(&options, &bus) != HERMES_SSE_OK ||
      hermes_sse_bus_topic(bus, "roomy-*", &roomy) != HERMES_SSE_OK ||
      hermes_sse_bus_topic(bus, "tight-*", &tight) != HERMES_SSE_OK ||
      hermes_sse_bus_topic(bus, "conflated-*", &conflated) != HERMES_SSE_OK)
    splice_fail("set-up");
  for (size_t i = 0; i < n_clients + HUBS; i++)
    splice_client_init(&clients[i], &random, i >= n_clients);
  for (int i = 0; i <= PUBLISHERS; i++)
    published[i] = malloc(EVENTS_MAX);
  for (int i = 0; i < HUBS; i++) {
    loop *l = &loops[i];
    hermes_sse_hub_options o = { .size = sizeof o, .user = l, .wake = on_wake, .writev = splice_client_writev };

    o.heartbeat_ms = 150;
    o.lifetime_ms = 4000;
    o.timeout_ms = 1000;
    l->random = seed * 77 + (uint64_t)i;
    l->clients = calloc(n_clients, sizeof(client *));
    l->arriving = calloc(n_clients, sizeof(client *));
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->woken, NULL);
    if (hermes_sse_hub_new(bus, &o, &l->hub) != HERMES_SSE_OK)
      splice_fail("hub");
  }
  for (size_t i = 0; i < n_clients; i++)
    loops[i % HUBS].arriving[loops[i % HUBS].n_arriving++] = &clients[i];
}

static void report(void)
{
  totals t = { 0 };
  hermes_sse_stats s = { .size = sizeof s };

  for (int i = 0; i < HUBS; i++) {
    t.attached += loops[i].totals.attached;
    t.resumed += loops[i].totals.resumed;
    t.cuts += loops[i].totals.cuts;
    t.events += loops[i].totals.events;
    t.gaps += loops[i].totals.gaps;
    t.bytes_lost += loops[i].totals.bytes_lost;
  }
  hermes_sse_bus_stats(bus, &s);
  printf("splice: %zu clients, %u s, seed %llu: %llu events published, %llu came; %llu attached, %llu of them from a "
         "last id; "
         "%llu cut off, %llu bytes lost on the way; gaps %llu (slow %llu, expired %llu); none lost silently, none "
         "doubled\n",
         n_clients, seconds, (unsigned long long)seed, (unsigned long long)s.published, (unsigned long long)t.events,
         (unsigned long long)t.attached, (unsigned long long)t.resumed, (unsigned long long)t.cuts,
         (unsigned long long)t.bytes_lost, (unsigned long long)t.gaps, (unsigned long long)s.gaps_slow,
         (unsigned long long)s.gaps_expired);
  if (s.streams != 0 || s.gaps_restarted != 0 || s.gaps_unknown != 0 || s.lapped != 0)
    splice_fail("streams %llu, restarted %llu, unknown %llu, lapped %llu", (unsigned long long)s.streams,
                (unsigned long long)s.gaps_restarted, (unsigned long long)s.gaps_unknown, (unsigned long long)s.lapped);
  if (t.resumed < n_clients / 2 || t.gaps == 0 || s.conflated == 0 || t.events < n_clients * 10)
    splice_fail("too little happened to show anything");
}

static void options_from(int argc, char **argv)
{
  for (int i = 1; i < argc; i += 2) {
    unsigned long value = i + 1 < argc ? strtoul(argv[i + 1], NULL, 10) : 0;

    if (value == 0) {
      fprintf(stderr,
              "usage: splice [--seconds N] [--clients N] [--rate EVENTS_PER_SECOND] [--seed N], each above 0\n");
      exit(2);
    }
    if (strcmp(argv[i], "--seconds") == 0)
      seconds = (unsigned)value;
    else if (strcmp(argv[i], "--clients") == 0)
      n_clients = value;
    else if (strcmp(argv[i], "--rate") == 0)
      rate = (unsigned)value;
    else if (strcmp(argv[i], "--seed") == 0)
      seed = value;
  }
}

int main(int argc, char **argv)
{
  pthread_t publishers[PUBLISHERS];
  struct timespec length = { 0 };

  seed = splice_now_ms();
  options_from(argc, argv);
  length.tv_sec = seconds;
  set_up();
  pthread_barrier_init(&nobody_moves, NULL, HUBS + 1);
  pthread_barrier_init(&all_is_published, NULL, HUBS + 1);
  for (int i = 0; i < HUBS; i++)
    pthread_create(&loops[i].thread, NULL, loop_run, &loops[i]);
  pthread_barrier_wait(&all_is_published);
  atomic_store(&publishing, 1);
  for (uintptr_t i = 0; i < PUBLISHERS; i++)
    pthread_create(&publishers[i], NULL, publisher_run, (void *)i);
  nanosleep(&length, NULL);
  atomic_store(&publishing, 0);
  for (int i = 0; i < PUBLISHERS; i++)
    pthread_join(publishers[i], NULL);
  atomic_store(&settling, 1);
  pthread_barrier_wait(&nobody_moves);
  for (unsigned topic = 0; topic < TOPICS; topic++)
    for (unsigned key = 0; key < KEYS; key++)
      publish(PUBLISHERS, topic, key);
  pthread_barrier_wait(&all_is_published);
  for (int i = 0; i < HUBS; i++)
    pthread_join(loops[i].thread, NULL);
  splice_order(&clients[n_clients], published, n_published, (size_t)TOPICS * KEYS);
  for (size_t i = 0; i < n_clients + HUBS; i++)
    splice_judge(&clients[i], i);
  report();
  splice_order_clear();
  hermes_sse_bus_free(bus);
  for (size_t i = 0; i < n_clients + HUBS; i++)
    splice_client_clear(&clients[i]);
  for (int i = 0; i < HUBS; i++) {
    free(loops[i].clients);
    free(loops[i].arriving);
  }
  for (int i = 0; i <= PUBLISHERS; i++)
    free(published[i]);
  free(clients);
  return 0;
}
