/* Every allocation of further scenarios fails once, alone and with all later ones: pulling, coming back, admission, parts,
 * two hubs, growth of every table. No leak, a proper status, the object as before. */
#include "suite.h"
#include "sweep.h"
#include "world.h"
#include <hermes_sse/extend.h>

enum { PULLS = 3, MANY = 70 };

static int start(const hermes_sse_environment *environment, memory *m, const hermes_sse_hub_options *options,
                 hermes_sse_bus **bus, hermes_sse_hub **hub)
{
  hermes_sse_bus_options o = { .size = sizeof o, .environment = environment };

  *bus = NULL;
  *hub = NULL;
  if (!sweep_ok(hermes_sse_bus_new(&o, bus), m)) {
    ck_assert_ptr_null(*bus);
    return 0;
  }
  if (sweep_ok(hermes_sse_hub_new(*bus, options, hub), m))
    return 1;
  ck_assert_ptr_null(*hub);
  hermes_sse_bus_free(*bus);
  return 0;
}

/* Takes what there is in one of three ways; a failure takes nothing and can be repeated. */
static void pull(sink *s, int way, const memory *m)
{
  struct iovec iov[4];
  hermes_sse_frame *frames[4];
  char buf[50];
  int n = 1;

  for (int i = 0; i < 60 && n != 0 && n != HERMES_SSE_ERR_EOF; i++) {
    if (way == 0) {
      n = (int)hermes_sse_stream_read(s->stream, buf, sizeof buf);
      if (n > 0)
        sink_take(s, buf, (size_t)n);
    } else if (way == 1) {
      n = hermes_sse_stream_take(s->stream, iov, frames, 4, 0);
      for (int k = 0; k < n; k++) {
        sink_take(s, iov[k].iov_base, iov[k].iov_len);
        hermes_sse_frame_release(frames[k]);
      }
    } else {
      n = hermes_sse_stream_peek(s->stream, iov, 4, 0);
      if (n > 0) {
        size_t half = iov[0].iov_len > 1 ? iov[0].iov_len / 2 : 1;

        sink_take(s, iov[0].iov_base, half);
        ck_assert_int_eq(hermes_sse_stream_advance(s->stream, half), HERMES_SSE_OK);
      }
    }
    if (n != HERMES_SSE_ERR_EOF)
      sweep_ok(n, m);
  }
}

static void run(hermes_sse_hub *hub, uint64_t *now, const memory *m)
{
  for (int i = 0; i < 3; i++)
    sweep_ok(hermes_sse_hub_run(hub, *now += 20, 0, NULL), m);
}

/* Pulled, coming back, with a gap, half taken, and with a greeting. */
static void pulled(const hermes_sse_environment *environment, memory *m, void *user)
{
  static const hermes_sse_event greeting = { .size = sizeof greeting, .data = { "hello", 5 } };
  hermes_sse_hub_options o = { .size = sizeof o, .heartbeat_ms = HERMES_SSE_NEVER };
  hermes_sse_subscription t[] = { { .topic = { "t", 1 } }, { .topic = { "u", 1 }, .key = { "k", 1 } } };
  hermes_sse_bus *bus;
  hermes_sse_hub *hub;
  sink s[PULLS];
  uint64_t now = 1;
  size_t expected = 0;

  (void)user;
  if (!start(environment, m, &o, &bus, &hub))
    return;
  run(hub, &now, m);
  memset(s, 0, sizeof s);
  for (int i = 0; i < PULLS; i++) {
    hermes_sse_stream_options so = { .size = sizeof so,
                                     .user = &s[i],
                                     .flags = HERMES_SSE_STREAM_PULL,
                                     .http = i == 1 ? 11 : 0,
                                     .topics = t,
                                     .n_topics = 2,
                                     .last_event_id = hermes_sse_str(i == 2 ? "1-1" : NULL),
                                     .greeting = i == 1 ? &greeting : NULL };

    sink_init(&s[i]);
    s[i].head = s[i].chunked = i == 1;
    if (!sweep_ok(hermes_sse_stream_open(hub, &so, &s[i].stream), m))
      ck_assert_ptr_null(s[i].stream);
  }
  for (int i = 0; i < 12; i++) {
    expected += (size_t)sweep_publish(bus, i % 2 ? "t" : "u", "k", "x", m);
    if (i % 5 == 4)
      run(hub, &now, m);
    for (int k = 0; k < PULLS; k++)
      if (s[k].stream)
        pull(&s[k], k, m);
  }
  for (int i = 0; i < 5; i++) {
    run(hub, &now, m);
    for (int k = 0; k < PULLS; k++)
      if (s[k].stream)
        pull(&s[k], k, m);
  }
  for (int k = 0; k < PULLS; k++) {
    /* a failure alone is made up for, and a stream that was opened has all of it */
    if (s[k].stream && !m->fail_from) {
      size_t got = 0;
      const char *data = world_data(&s[k]);

      for (const char *at = data; (at = strchr(at, 'x')); at++)
        got++;
      ck_assert_msg(got == expected, "stream %d: %zu of %zu: %s", k, got, expected, data);
    }
    hermes_sse_stream_free(s[k].stream);
    sink_clear(&s[k]);
  }
  hermes_sse_hub_free(hub);
  hermes_sse_bus_free(bus);
}

START_TEST(pulling_survives)
{
  ck_assert_uint_gt(memory_sweep(pulled, NULL), 30);
}
END_TEST

static void part_run(hermes_sse_hub *hub, uint64_t now_ms, uint64_t *next_ms, void *user)
{
  (void)hub, (void)now_ms, (void)next_ms;
  ++*(int *)user;
}

static void part_gone(hermes_sse_hub *hub, void *user)
{
  (void)hub;
  *(int *)user += 1000;
}

/* Tickets, kicks, parts, policies. */
static void admitted(const hermes_sse_environment *environment, memory *m, void *user)
{
  hermes_sse_hub_options o = { .size = sizeof o, .writev = sink_writev, .heartbeat_ms = 1000 };
  hermes_sse_limits_options lo = { .size = sizeof lo, .environment = environment };
  hermes_sse_class_options co = { .size = sizeof co, .max_tickets = 2, .per_minute = 60 };
  hermes_sse_topic_options to = { .size = sizeof to, .max_entries = 3 };
  hermes_sse_limit_key keys[] = { { .key_class = "user", .key = { "u", 1 } },
                                  { .key_class = "address", .key = { "a", 1 } } };
  hermes_sse_part part = { .size = sizeof part, .run = part_run, .gone = part_gone };
  hermes_sse_subscription t = { .topic = { "t", 1 } };
  hermes_sse_limits *limits = NULL;
  hermes_sse_limits_stats stats = { .size = sizeof stats };
  hermes_sse_bus *bus;
  hermes_sse_hub *hub;
  sink s[2];
  uint64_t now = 1, open = 0;
  int parts = 0, attached;

  (void)user;
  if (!start(environment, m, &o, &bus, &hub))
    return;
  if (!sweep_ok(hermes_sse_limits_new(&lo, &limits), m))
    ck_assert_ptr_null(limits);
  attached = sweep_ok(hermes_sse_hub_attach(hub, &part, &parts), m);
  sweep_ok(hermes_sse_bus_topic(bus, "t*", &to), m);
  sweep_ok(hermes_sse_bus_topic(bus, "t", &to), m);
  if (limits)
    sweep_ok(hermes_sse_limits_class(limits, "user", &co), m);
  for (int i = 0; i < 2; i++) {
    hermes_sse_stream_options so = { .size = sizeof so, .user = &s[i], .topics = &t, .n_topics = 1 };

    sink_init(&s[i]);
    if (limits && !sweep_ok(hermes_sse_limits_admit(limits, keys, 2, now, NULL, &so.ticket), m))
      ck_assert_ptr_null(so.ticket.limits);
    if (sweep_ok(hermes_sse_stream_open(hub, &so, &s[i].stream), m))
      open += so.ticket.limits != NULL;
    else
      hermes_sse_ticket_release(&so.ticket); /* still the caller's */
  }
  if (limits) {
    ck_assert_int_eq(hermes_sse_limits_stats_get(limits, &stats), HERMES_SSE_OK);
    ck_assert_uint_eq(stats.tickets, open);
    ck_assert_int_eq(hermes_sse_limits_audit(limits), HERMES_SSE_OK);
  }
  sweep_publish(bus, "t", NULL, "x", m);
  run(hub, &now, m);
  ck_assert(attached ? parts == 3 : parts == 0);
  if (sweep_ok(hermes_sse_bus_kick(bus, "user", hermes_sse_str("u")), m))
    open = 0;
  run(hub, &now, m);
  run(hub, &now, m);
  if (limits && !m->fail_from) {
    hermes_sse_limits_stats_get(limits, &stats);
    ck_assert_uint_eq(stats.tickets, open);
  }
  for (int i = 0; i < 2; i++) {
    hermes_sse_stream_free(s[i].stream);
    sink_clear(&s[i]);
  }
  if (limits)
    ck_assert_int_eq(hermes_sse_limits_audit(limits), HERMES_SSE_OK);
  hermes_sse_limits_free(limits);
  hermes_sse_hub_free(hub);
  ck_assert_int_eq(parts / 1000, attached);
  hermes_sse_bus_free(bus);
}

START_TEST(admission_parts_and_kicks_survive)
{
  ck_assert_uint_gt(memory_sweep(admitted, NULL), 15);
}
END_TEST

/* Enough of everything that tables, rings, slabs and logs grow; a client that follows 64 keys; a sink that is slow. */
static void grown(const hermes_sse_environment *environment, memory *m, void *user)
{
  hermes_sse_hub_options o = { .size = sizeof o, .writev = sink_writev, .heartbeat_ms = HERMES_SSE_NEVER };
  hermes_sse_subscription many[HERMES_SSE_SUBSCRIPTIONS_MAX];
  char names[MANY][16];
  hermes_sse_bus *bus;
  hermes_sse_hub *hub;
  static sink all, slow;
  uint64_t now = 1;
  int expected = 0;

  (void)user;
  if (!start(environment, m, &o, &bus, &hub))
    return;
  for (int i = 0; i < MANY; i++) {
    snprintf(names[i], sizeof names[i], "k%d", i);
    if (i < HERMES_SSE_SUBSCRIPTIONS_MAX)
      many[i] = (hermes_sse_subscription){ .topic = { "t", 1 }, .key = hermes_sse_str(names[i]) };
  }
  sink_init(&all);
  sink_init(&slow);
  slow.per_call = 9;
  sweep_ok(hermes_sse_stream_open(hub,
                                  &(hermes_sse_stream_options){ .size = sizeof(hermes_sse_stream_options),
                                                                .user = &all,
                                                                .topics = many,
                                                                .n_topics = HERMES_SSE_SUBSCRIPTIONS_MAX },
                                  &all.stream),
           m);
  sweep_ok(hermes_sse_stream_open(
               hub,
               &(hermes_sse_stream_options){
                   .size = sizeof(hermes_sse_stream_options), .user = &slow, .topics = many, .n_topics = 1 },
               &slow.stream),
           m);
  for (int i = 0; i < MANY; i++) {
    int published = sweep_publish(bus, "t", names[i], "x", m);

    if (i < HERMES_SSE_SUBSCRIPTIONS_MAX)
      expected += published;
    sweep_publish(bus, names[i], NULL, "y", m);
    if (i % 30 == 29)
      run(hub, &now, m);
  }
  for (int i = 0; i < 10; i++) {
    run(hub, &now, m);
    if (slow.stream)
      hermes_sse_stream_writable(slow.stream);
  }
  if (all.stream && !m->fail_from)
    ck_assert_uint_eq(strlen(world_data(&all)), (size_t)(2 * expected - 1));
  hermes_sse_hub_free(hub);
  hermes_sse_bus_free(bus);
  hermes_sse_stream_free(all.stream);
  hermes_sse_stream_free(slow.stream);
  sink_clear(&all);
  sink_clear(&slow);
}

START_TEST(growth_survives)
{
  ck_assert_uint_gt(memory_sweep(grown, NULL), 250);
}
END_TEST

SUITE_MAIN("sweep memory", pulling_survives, admission_parts_and_kicks_survive, growth_survives)
