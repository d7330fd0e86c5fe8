#include "parts.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

model m;

const char *const model_topics[TOPICS] = { "one", "two", "tight", "closing", "conflated" };
const char *const model_keys[KEYS] = { NULL, "k", "l" };

void model_fail(const char *format, ...)
{
  va_list arguments;

  va_start(arguments, format);
  vsnprintf(m.fault, sizeof m.fault, format, arguments);
  va_end(arguments);
  longjmp(m.out, 1);
}

/* ---- memory that fails on demand ---- */

static int fails(void)
{
  if (m.options.fail_every == 0 || m.is_settling || ++m.allocations % m.options.fail_every != 0)
    return 0;
  m.figures.failed_allocations++;
  return 1;
}

static void *allocate(size_t bytes, void *user)
{
  (void)user;
  if (fails())
    return NULL;
  m.live_blocks++;
  return malloc(bytes);
}

static void *resize(void *ptr, size_t bytes, void *user)
{
  (void)user;
  return fails() ? NULL : realloc(ptr, bytes);
}

static void release(void *ptr, void *user)
{
  (void)user;
  m.live_blocks--;
  free(ptr);
}

static int not_random(void *buf, size_t len, void *user)
{
  (void)user;
  memset(buf, 7, len);
  return 0;
}

/* ---- steps ---- */

static void recheck(hermes_sse_stream *stream, void *user)
{
  (void)user;
  hermes_sse_stream_allow(stream, 1);
}

static int check(int status, const char *what)
{
  if (status < 0 && (status != HERMES_SSE_ERR_NOMEM || m.options.fail_every == 0))
    model_fail("%s: %s", what, hermes_sse_status_name(status));
  return status >= 0;
}

static void open_hub(unsigned i)
{
  hermes_sse_hub_options o = { .size = sizeof o, .writev = client_writev, .heartbeat_ms = 100, .timeout_ms = 3000 };
  hermes_sse_id head;

  o.recheck = recheck;
  o.recheck_ms = 500;
  o.recheck_failures = 250;
  hermes_sse_bus_head(m.bus, &head);
  m.hub_floor[i] = head.lo;
  m.hubs[i] = NULL;
  while (!check(hermes_sse_hub_new(m.bus, &o, &m.hubs[i]), "hub"))
    ;
}

static void policy(unsigned topic, uint64_t entries)
{
  hermes_sse_topic_options o = { .size = sizeof o, .max_entries = entries };

  o.flags = topic == CLOSING ? HERMES_SSE_TOPIC_CLOSE_SLOW : topic == CONFLATED ? HERMES_SSE_TOPIC_CONFLATE : 0u;
  check(hermes_sse_bus_topic(m.bus, model_topics[topic], &o), "policy");
}

static void set_up(const model_options *options)
{
  hermes_sse_environment e = {
    .size = sizeof e, .alloc = allocate, .resize = resize, .release = release, .random = not_random
  };
  hermes_sse_bus_options bo = { .size = sizeof bo, .environment = &e, .max_pending_entries = EVENTS_MAX };
  hermes_sse_limits_options lo = { .size = sizeof lo, .environment = &e };

  m.options = *options;
  m.options.fail_every = 0;
  m.now = 1000;
  m.complete_from = UINT64_MAX;
  if (options->is_bounded)
    bo.max_retained_bytes = 4000;
  check(hermes_sse_bus_new(&bo, &m.bus), "bus");
  check(hermes_sse_limits_new(&lo, &m.limits), "limits");
  policy(TIGHT, 4);
  policy(CLOSING, 4);
  policy(CONFLATED, 1000);
  for (unsigned i = 0; i < HUBS; i++)
    open_hub(i);
  for (int i = 0; i < CLIENTS; i++)
    if (hermes_sse_parser_new(NULL, &m.clients[i].parser) < 0)
      model_fail("out of memory");
  m.options.fail_every = options->fail_every;
}

static void publish(unsigned topic, unsigned key, unsigned meta)
{
  char text[1300];
  hermes_sse_message message = { .size = sizeof message,
                                 .topic = hermes_sse_str(model_topics[topic]),
                                 .key = hermes_sse_str(model_keys[key]),
                                 .type = hermes_sse_str("n"),
                                 .meta = meta };
  int len;

  if (m.n_published == (m.is_settling ? EVENTS_MAX : EVENTS_MAX - TOPICS * KEYS))
    return;
  len = snprintf(text, sizeof text, "%llu ", (unsigned long long)m.n_published + 1);
  memset(text + len, 'x', sizeof text - (size_t)len);
  message.data = (hermes_sse_slice){ .ptr = text, .len = (size_t)len + meta * 5 };
  if (!check(hermes_sse_bus_publish(m.bus, &message), "publish"))
    return;
  m.n_published++;
  m.published[m.n_published].topic = (uint8_t)topic;
  m.published[m.n_published].key = (uint8_t)key;
  m.published[m.n_published].meta = (uint8_t)meta;
}

static void run_hub(unsigned i, uint64_t ms, size_t budget)
{
  hermes_sse_stream *stream;
  uint64_t next = 0;

  m.now += ms;
  check(hermes_sse_hub_run(m.hubs[i], m.now, budget, &next), "run");
  if (next < m.now)
    model_fail("the next run was due %llu ms ago", (unsigned long long)(m.now - next));
  while ((stream = hermes_sse_hub_next(m.hubs[i])))
    client_tend(hermes_sse_stream_user(stream), 1);
}

static void renew_hub(unsigned i)
{
  hermes_sse_hub_free(m.hubs[i]);
  for (int k = 0; k < CLIENTS; k++)
    if (m.clients[k].stream && m.clients[k].hub == i)
      client_leave(&m.clients[k], 255);
  open_hub(i);
}

static void send_own(client *c, unsigned size)
{
  static char text[300];
  hermes_sse_event e = { .size = sizeof e, .type = { "s", 1 }, .data = { text, size } };
  int rv;

  if (!c->stream)
    return;
  memset(text, 's', sizeof text);
  rv = hermes_sse_stream_send(c->stream, &e);
  if (rv == HERMES_SSE_ERR_STATE || rv == HERMES_SSE_ERR_FULL || !check(rv, "send"))
    return;
  c->sends++;
  m.figures.sent++;
}

static void end(client *c, uint8_t how)
{
  char name[8];
  hermes_sse_slice key = { .ptr = name,
                           .len = (size_t)snprintf(name, sizeof name, "p%d", (int)(c - m.clients) % PRINCIPALS) };

  if (how % 4 == 0)
    check(hermes_sse_bus_kick(m.bus, "principal", key), "kick");
  else if (c->stream && how % 4 == 1)
    hermes_sse_stream_gone(c->stream);
  else if (c->stream)
    hermes_sse_stream_close(c->stream);
}

static void one_step(model_step s)
{
  client *c = &m.clients[s.a % CLIENTS];

  switch (s.op % MODEL_OPS) {
  case MODEL_PUBLISH:
  case MODEL_PUBLISH_MORE:
    for (unsigned i = 0; i <= s.b % 10u; i++)
      publish((s.a + i * (s.c & 3u)) % TOPICS, (s.a / 8u + i) % KEYS, (s.c + i) % 256);
    break;
  case MODEL_RUN:
  case MODEL_RUN_MORE:
    run_hub(s.a % HUBS, s.c % 32u, s.b % 4u);
    break;
  case MODEL_TEND:
  case MODEL_TEND_MORE:
  case MODEL_TEND_AGAIN:
    if (!c->stream)
      client_come(c, s.b, s.c);
    else
      client_tend(c, s.b);
    break;
  case MODEL_CUT:
    client_leave(c, s.b);
    break;
  case MODEL_STALL:
    c->is_stalled = s.b % 2;
    break;
  case MODEL_SUBSCRIBE:
    client_subscribe(c, s.b);
    break;
  case MODEL_UNSUBSCRIBE:
    client_unsubscribe(c, s.b);
    break;
  case MODEL_SEND:
    send_own(c, s.b);
    break;
  case MODEL_END:
    end(c, s.b);
    break;
  case MODEL_POLICY:
    policy(s.a % 2 ? TIGHT : CLOSING, KEYS + s.b % 6u);
    break;
  case MODEL_HUB:
    if (s.b % 4 == 0)
      renew_hub(s.a % HUBS);
    break;
  default:
    for (unsigned i = 0; i < HUBS; i++)
      run_hub(i, s.b * 4u, 0);
  }
}

/* ---- the end ---- */

static void settle_client(client *c)
{
  int reason = 0;

  c->is_stalled = 0;
  for (int round = 0; round < 10; round++) {
    if (!c->stream)
      client_come(c, (uint8_t)round, 0);
    c->capacity = WIRE;
    c->is_full = 1;
    for (unsigned turn = 0, quiet = 0; quiet < 20; turn++) {
      size_t came = m.figures.came;

      client_read(c, c->on_wire);
      run_hub(c->hub, turn % 16, 0);
      if (!c->stream)
        break;
      client_tend(c, 3);
      quiet = m.figures.came != came ? 0 : quiet + 1;
    }
    if (c->stream && !hermes_sse_stream_reason(c->stream))
      return;
    reason = c->stream ? hermes_sse_stream_reason(c->stream) : 0;
    client_leave(c, 255);
  }
  model_fail("client %d is ended again and again (%s)", (int)(c - m.clients), hermes_sse_close_name(reason));
}

static void settle(void)
{
  m.is_settling = 1;
  m.options.fail_every = 0;
  m.complete_from = m.n_published + 1;
  for (unsigned topic = 0; topic < TOPICS; topic++)
    for (unsigned key = 0; key < KEYS; key++)
      publish(topic, key, 0);
  for (int i = 0; i < CLIENTS; i++) {
    settle_client(&m.clients[i]);
    client_check(&m.clients[i]);
  }
  if (hermes_sse_limits_audit(m.limits) != HERMES_SSE_OK)
    model_fail("the audit of the limits does not agree");
}

static void check_figures(void)
{
  hermes_sse_stats s = { .size = sizeof s };
  uint64_t closed;

  hermes_sse_bus_stats(m.bus, &s);
  closed = s.closed_host + s.closed_peer + s.closed_timeout + s.closed_lifetime + s.closed_slow + s.closed_kicked +
           s.closed_drain + s.closed_denied;
  if (s.streams != 0 || s.opened != m.n_opened || closed != m.n_opened || s.published != m.n_published)
    model_fail("figures: %llu open, %llu opened of %llu, %llu closed, %llu published of %llu",
               (unsigned long long)s.streams, (unsigned long long)s.opened, (unsigned long long)m.n_opened,
               (unsigned long long)closed, (unsigned long long)s.published, (unsigned long long)m.n_published);
}

/* Nobody new, and everybody ends, told when to come back. */
static void drain(void)
{
  hermes_sse_drain_options o = { .size = sizeof o, .within_ms = 100, .deadline_ms = 200 };

  if (hermes_sse_bus_drain(m.bus, &o) < 0)
    model_fail("drain");
  for (int turn = 0; turn < 12; turn++)
    for (unsigned i = 0; i < HUBS; i++) {
      m.now += 20;
      hermes_sse_hub_run(m.hubs[i], m.now, 0, NULL);
      for (int k = 0; k < CLIENTS; k++) {
        client *c = &m.clients[k];

        if (c->stream && c->pulls && !hermes_sse_stream_reason(c->stream))
          client_tend(c, 3);
        client_read(c, c->on_wire);
      }
    }
  for (int k = 0; k < CLIENTS; k++) {
    client *c = &m.clients[k];

    if (c->stream && hermes_sse_stream_reason(c->stream) == 0)
      model_fail("client %d outlived the drain's deadline", k);
    client_leave(c, 255);
  }
}

static void tear_down(void)
{
  for (int i = 0; i < CLIENTS; i++) {
    hermes_sse_stream_free(m.clients[i].stream);
    hermes_sse_parser_free(m.clients[i].parser);
  }
  for (int i = 0; i < HUBS; i++)
    hermes_sse_hub_free(m.hubs[i]);
  hermes_sse_bus_free(m.bus);
  hermes_sse_limits_free(m.limits);
  if (m.live_blocks != 0 && !m.fault[0])
    snprintf(m.fault, sizeof m.fault, "%zu blocks of memory are left", m.live_blocks);
}

const char *model_run(const model_step *steps, size_t n, const model_options *options)
{
  memset(&m, 0, sizeof m);
  if (setjmp(m.out) == 0) {
    set_up(options);
    for (size_t i = 0; i < n; i++)
      one_step(steps[i]);
    settle();
    drain();
    check_figures();
  }
  tear_down(); /* no fault is found inside a callback: all objects are whole */
  return m.fault[0] ? m.fault : NULL;
}

model_figures model_last(void)
{
  return m.figures;
}
