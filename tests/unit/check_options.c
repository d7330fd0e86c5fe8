/* Every struct that begins with its size: none, one that this version does not know all of, and what cannot be made. */
#include "suite.h"
#include "world.h"
#include <hermes_sse/extend.h>

enum { TAIL = 16 };

static struct {
  world w;
  hermes_sse_limits *limits;
} on;

static int new_bus(const void *options)
{
  hermes_sse_bus *bus = NULL;
  int rv = hermes_sse_bus_new(options, &bus);

  hermes_sse_bus_free(bus);
  return rv;
}

static int new_bus_in(const void *environment)
{
  hermes_sse_bus_options o = { .size = sizeof o, .environment = environment };

  return new_bus(&o);
}

static int new_hub(const void *options)
{
  hermes_sse_hub *hub = NULL;
  int rv = hermes_sse_hub_new(on.w.bus, options, &hub);

  hermes_sse_hub_free(hub);
  return rv;
}

static int new_stream(const void *options)
{
  hermes_sse_stream *stream = NULL;
  int rv = hermes_sse_stream_open(on.w.hub, options, &stream);

  ck_assert_int_eq(stream != NULL, rv == HERMES_SSE_OK);
  hermes_sse_stream_free(stream);
  return rv;
}

static int greeted(const void *event)
{
  hermes_sse_stream_options o = { .size = sizeof o, .greeting = event };

  return new_stream(&o);
}

static int measured(const void *event)
{
  hermes_sse_ssize n = hermes_sse_event_measure(event);

  return n < 0 ? (int)n : HERMES_SSE_OK;
}

static int new_limits(const void *options)
{
  hermes_sse_limits *limits = NULL;
  int rv = hermes_sse_limits_new(options, &limits);

  hermes_sse_limits_free(limits);
  return rv;
}

static int classed(const void *options)
{
  return hermes_sse_limits_class(on.limits, "user", options);
}

static int topic(const void *options)
{
  return hermes_sse_bus_topic(on.w.bus, "t", options);
}

static int published(const void *message)
{
  return hermes_sse_bus_publish(on.w.bus, message);
}

static int drained(const void *options)
{
  hermes_sse_bus *bus = NULL;
  int rv;

  ck_assert_int_eq(hermes_sse_bus_new(NULL, &bus), HERMES_SSE_OK);
  rv = hermes_sse_bus_drain(bus, options);
  hermes_sse_bus_free(bus);
  return rv;
}

static void no_run(hermes_sse_hub *hub, uint64_t now_ms, uint64_t *next_ms, void *user)
{
  (void)hub, (void)now_ms, (void)next_ms, (void)user;
}

static void no_gone(hermes_sse_hub *hub, void *user)
{
  (void)hub, (void)user;
}

static int attached(const void *part)
{
  int rv = hermes_sse_hub_attach(on.w.hub, part, &on);

  if (rv == HERMES_SSE_OK)
    ck_assert_int_eq(hermes_sse_hub_detach(on.w.hub, &on), HERMES_SSE_OK);
  return rv;
}

static int denied(const void *verdict)
{
  char copy[sizeof(hermes_sse_verdict) + TAIL];
  hermes_sse_ticket ticket = { .limits = NULL };
  hermes_sse_limits_options one = { .size = sizeof one, .max_total = 1 };
  hermes_sse_limits *limits = NULL;
  int rv;

  memcpy(copy, verdict, sizeof copy);
  ck_assert_int_eq(hermes_sse_limits_new(&one, &limits), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_limits_admit(limits, NULL, 0, 0, NULL, &ticket), HERMES_SSE_OK);
  rv = hermes_sse_limits_admit(limits, NULL, 0, 0, (hermes_sse_verdict *)(void *)copy,
                               &(hermes_sse_ticket){ NULL, 0, 0 });
  hermes_sse_ticket_release(&ticket);
  hermes_sse_limits_free(limits);
  return rv == HERMES_SSE_ERR_DENIED ? HERMES_SSE_OK : rv;
}

static const hermes_sse_environment environment = { .size = sizeof environment };
static const hermes_sse_bus_options bus_options = { .size = sizeof bus_options };
static const hermes_sse_hub_options hub_options = { .size = sizeof hub_options };
static const hermes_sse_stream_options stream_options = { .size = sizeof stream_options };
static const hermes_sse_event event = { .size = sizeof event, .data = { "x", 1 } };
static const hermes_sse_limits_options limits_options = { .size = sizeof limits_options };
static const hermes_sse_class_options class_options = { .size = sizeof class_options, .max_tickets = 1 };
static const hermes_sse_topic_options topic_options = { .size = sizeof topic_options };
static const hermes_sse_message message = { .size = sizeof message, .topic = { "t", 1 } };
static const hermes_sse_drain_options drain_options = { .size = sizeof drain_options };
static const hermes_sse_part part = { .size = sizeof part, .run = no_run, .gone = no_gone };
static const hermes_sse_verdict verdict = { .size = sizeof verdict };

static const struct {
  const char *name;
  int (*try)(const void *);
  const void *good;
  size_t size;
} structs[] = {
  { "environment", new_bus_in, &environment, sizeof environment },
  { "bus_options", new_bus, &bus_options, sizeof bus_options },
  { "hub_options", new_hub, &hub_options, sizeof hub_options },
  { "stream_options", new_stream, &stream_options, sizeof stream_options },
  { "event", measured, &event, sizeof event },
  { "greeting", greeted, &event, sizeof event },
  { "limits_options", new_limits, &limits_options, sizeof limits_options },
  { "class_options", classed, &class_options, sizeof class_options },
  { "topic_options", topic, &topic_options, sizeof topic_options },
  { "message", published, &message, sizeof message },
  { "drain_options", drained, &drain_options, sizeof drain_options },
  { "part", attached, &part, sizeof part },
  { "verdict", denied, &verdict, sizeof verdict },
};

static void set_up(void)
{
  world_init(&on.w, NULL);
  on.limits = NULL;
  ck_assert_int_eq(hermes_sse_limits_new(NULL, &on.limits), HERMES_SSE_OK);
}

static void tear_down(void)
{
  hermes_sse_limits_free(on.limits);
  world_clear(&on.w);
}

/* `good` in the midst of more, with another size. */
static int try_with(size_t i, size_t size, char tail)
{
  _Alignas(16) char room[256 + TAIL];

  ck_assert_uint_le(structs[i].size, 256);
  memset(room, 0, sizeof room);
  memcpy(room, structs[i].good, structs[i].size);
  memcpy(room, &size, sizeof size);
  room[structs[i].size + TAIL - 1] = tail;
  return structs[i].try(room);
}

START_TEST(sizes_are_judged)
{
  set_up();
  for (size_t i = 0; i < sizeof structs / sizeof *structs; i++) {
    const char *name = structs[i].name;
    size_t size = structs[i].size;

    ck_assert_msg(try_with(i, size, 1) == HERMES_SSE_OK, "%s", name); /* what lies behind it is not looked at */
    ck_assert_msg(try_with(i, size + TAIL, 0) == HERMES_SSE_OK, "%s with an empty tail", name);
    if (structs[i].try == denied) /* the library's to fill: nothing in it can be refused */
      continue;
    ck_assert_msg(try_with(i, 0, 0) == HERMES_SSE_ERR_OPTION, "%s without a size", name);
    ck_assert_msg(try_with(i, size + TAIL, 1) == HERMES_SSE_ERR_OPTION, "%s with an unknown option", name);
  }
  tear_down();
}
END_TEST

START_TEST(older_structs_are_taken)
{
  set_up();
  for (size_t i = 0; i < sizeof structs / sizeof *structs; i++)
    if (structs[i].try != attached && structs[i].try != published) /* whose last member is required */
      ck_assert_msg(try_with(i, structs[i].size - 8, 0) == HERMES_SSE_OK, "%s, older", structs[i].name);
  tear_down();
}
END_TEST

START_TEST(results_are_filled_up_to_their_size)
{
  struct {
    hermes_sse_stats stats;
    uint64_t later;
  } large = { .stats = { .size = sizeof large }, .later = 7 };
  struct {
    hermes_sse_limits_stats stats;
    uint64_t later;
  } limits = { .stats = { .size = sizeof limits }, .later = 7 };
  hermes_sse_stats small = { .size = offsetof(hermes_sse_stats, published), .published = 7 };

  set_up();
  ck_assert_int_eq(published(&message), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_bus_stats(on.w.bus, &large.stats), HERMES_SSE_OK);
  ck_assert_uint_eq(large.stats.published, 1);
  ck_assert_uint_eq(large.stats.size, sizeof large);
  ck_assert_int_eq(hermes_sse_bus_stats(on.w.bus, &small), HERMES_SSE_OK);
  ck_assert_uint_eq(small.published, 7);
  ck_assert_int_eq(hermes_sse_limits_stats_get(on.limits, &limits.stats), HERMES_SSE_OK);
  ck_assert_uint_eq(limits.stats.size, sizeof limits);
  small.size = 0;
  ck_assert_int_eq(hermes_sse_bus_stats(on.w.bus, &small), HERMES_SSE_ERR_OPTION);
  limits.stats.size = 0;
  ck_assert_int_eq(hermes_sse_limits_stats_get(on.limits, &limits.stats), HERMES_SSE_ERR_OPTION);
  tear_down();
}
END_TEST

static int no_random(void *buf, size_t len, void *user)
{
  (void)buf, (void)len, (void)user;
  return -1;
}

START_TEST(without_random_bytes_nothing_is_made)
{
  hermes_sse_environment e = { .size = sizeof e, .random = no_random };
  hermes_sse_limits_options lo = { .size = sizeof lo, .environment = &e };

  ck_assert_int_eq(new_bus_in(&e), HERMES_SSE_ERR_RANDOM);
  ck_assert_int_eq(new_limits(&lo), HERMES_SSE_ERR_RANDOM);
}
END_TEST

static void *alone(size_t bytes, void *user)
{
  (void)bytes, (void)user;
  return NULL;
}

START_TEST(an_allocator_is_whole_or_absent)
{
  hermes_sse_environment e = { .size = sizeof e, .alloc = alone };

  ck_assert_int_eq(new_bus_in(&e), HERMES_SSE_ERR_OPTION);
}
END_TEST

START_TEST(a_refused_option_is_named_in_the_log)
{
  static char many[2 << 20];
  hermes_sse_bus_options b[] = {
    { .size = sizeof *b, .max_event_bytes = (UINT64_C(1) << 30) + 1 },
    { .size = sizeof *b, .max_pending_entries = (UINT64_C(1) << 30) + 1 },
  };
  hermes_sse_hub_options h[] = {
    { .size = sizeof *h, .heartbeat_ms = 9 },
    { .size = sizeof *h, .timeout_ms = (UINT64_C(1) << 30) + 1 },
    { .size = sizeof *h, .lifetime_ms = 1 },
    { .size = sizeof *h, .heartbeat_bytes = { many, sizeof many } },
  };
  static const char *const in_bus[] = { "max_event_bytes", "max_pending_entries" };
  static const char *const in_hub[] = { "heartbeat_ms", "timeout_ms", "lifetime_ms", "heartbeat_bytes" };
  hermes_sse_stream_options s[] = {
    { .size = sizeof *s, .flags = 8 },
    { .size = sizeof *s, .http = 12 },
    { .size = sizeof *s, .n_topics = HERMES_SSE_SUBSCRIPTIONS_MAX + 1 },
    { .size = sizeof *s, .http = 11, .extra_headers = { "x", 1 } },
  };
  static const char *const in_stream[] = { "flags", "http", "topics", "extra_headers" };

  set_up();
  memset(many, 'x', sizeof many);
  for (size_t i = 0; i < sizeof b / sizeof *b; i++) {
    b[i].environment = &on.w.environment;
    on.w.memory.last_log[0] = 0;
    ck_assert_int_eq(new_bus(&b[i]), HERMES_SSE_ERR_OPTION);
    ck_assert_msg(strstr(on.w.memory.last_log, in_bus[i]) != NULL, "%s: '%s'", in_bus[i], on.w.memory.last_log);
  }
  for (size_t i = 0; i < sizeof h / sizeof *h; i++) {
    on.w.memory.last_log[0] = 0;
    ck_assert_int_eq(new_hub(&h[i]), HERMES_SSE_ERR_OPTION);
    ck_assert_msg(strstr(on.w.memory.last_log, in_hub[i]) != NULL, "%s: '%s'", in_hub[i], on.w.memory.last_log);
  }
  for (size_t i = 0; i < sizeof s / sizeof *s; i++) {
    on.w.memory.last_log[0] = 0;
    ck_assert_int_eq(new_stream(&s[i]), HERMES_SSE_ERR_OPTION);
    ck_assert_msg(strstr(on.w.memory.last_log, in_stream[i]) != NULL, "%s: '%s'", in_stream[i], on.w.memory.last_log);
  }
  tear_down();
}
END_TEST

SUITE_MAIN("options", sizes_are_judged, older_structs_are_taken, results_are_filled_up_to_their_size,
           without_random_bytes_nothing_is_made, an_allocator_is_whole_or_absent, a_refused_option_is_named_in_the_log)
