/* Every call of docs/calls.md inside every callback. A call that is in the table and not here does not compile. */
#include "suite.h"
#include "world.h"
#include <hermes_sse/client.h>
#include <hermes_sse/extend.h>
#include <sys/socket.h>

enum { any, submit, drive, getter };

/* What the calls are made on. */
static struct {
  world w;
  sink push, spare;
  hermes_sse_stream *pull;
  hermes_sse_limits *limits;
  hermes_sse_client *client;
  int part_tag;
} on;

#define PLAIN(name, expression)                                                                                        \
  static int call_##name(void)                                                                                         \
  {                                                                                                                    \
    (void)(expression);                                                                                                \
    return HERMES_SSE_OK;                                                                                              \
  }
#define STATUS(name, expression)                                                                                       \
  static int call_##name(void)                                                                                         \
  {                                                                                                                    \
    return (int)(expression);                                                                                          \
  }

static char text_buf[256];
static hermes_sse_id an_id;
static const hermes_sse_event an_event = { .size = sizeof an_event, .data = { "x", 1 } };
static const hermes_sse_message a_message = { .size = sizeof a_message, .topic = { "t", 1 }, .data = { "x", 1 } };
static struct iovec vectors[4];
static hermes_sse_frame *frames[4];
static hermes_sse_stats stats = { .size = sizeof stats };
static hermes_sse_limits_stats limits_stats = { .size = sizeof limits_stats };
static hermes_sse_histogram histogram;
static hermes_sse_stream_info stream_info = { .size = sizeof stream_info };
static hermes_sse_subscription a_subscription;

PLAIN(strerror, hermes_sse_strerror(0))
PLAIN(status_name, hermes_sse_status_name(0))
PLAIN(is_fatal, hermes_sse_is_fatal(0))
PLAIN(version, hermes_sse_version())
PLAIN(str, hermes_sse_str("x"))
STATUS(id_parse, hermes_sse_id_parse("1-2", 3, &an_id))
STATUS(id_format, hermes_sse_id_format(&an_id, text_buf, sizeof text_buf))
STATUS(event_measure, hermes_sse_event_measure(&an_event))
STATUS(event_encode, hermes_sse_event_encode(&an_event, text_buf, sizeof text_buf))
STATUS(parser_feed, (hermes_sse_parser_reset(hermes_sse_client_parser(on.client)),
                     hermes_sse_parser_feed(hermes_sse_client_parser(on.client), "", 0)))
STATUS(parser_next,
       hermes_sse_parser_next(hermes_sse_client_parser(on.client), &(hermes_sse_event){ .size = sizeof an_event }))
PLAIN(parser_reset, (hermes_sse_parser_reset(hermes_sse_client_parser(on.client)), 0))
PLAIN(parser_last_event_id, hermes_sse_parser_last_event_id(hermes_sse_client_parser(on.client)).len)
PLAIN(parser_retry_ms, hermes_sse_parser_retry_ms(hermes_sse_client_parser(on.client)))
PLAIN(client_parser, hermes_sse_client_parser(on.client))
PLAIN(client_last_event_id, hermes_sse_client_last_event_id(on.client).len)
PLAIN(client_answered, hermes_sse_client_answered(on.client, 503, hermes_sse_str("")))
PLAIN(client_ended, hermes_sse_client_ended(on.client))
PLAIN(gap_name, hermes_sse_gap_name(1))
PLAIN(hub_stream, hermes_sse_hub_stream(on.w.hub, NULL))
PLAIN(hub_followers, hermes_sse_hub_followers(on.w.hub, hermes_sse_str("t"), hermes_sse_str("")))
STATUS(stream_subscribe, hermes_sse_stream_subscribe(on.pull, &(hermes_sse_subscription){ .topic = { "more", 4 } }))
STATUS(stream_allow, hermes_sse_stream_allow(on.pull, 1))
STATUS(stream_info_get, hermes_sse_stream_info_get(on.pull, &stream_info))
STATUS(stream_subscription, hermes_sse_stream_subscription(on.pull, 0, &a_subscription))
STATUS(bus_topic, hermes_sse_bus_topic(on.w.bus, "x*", NULL))
STATUS(bus_publish, hermes_sse_bus_publish(on.w.bus, &a_message))
STATUS(bus_head, hermes_sse_bus_head(on.w.bus, &an_id))
STATUS(bus_kick, hermes_sse_bus_kick(on.w.bus, "nobody", hermes_sse_str("x")))
STATUS(bus_stats, hermes_sse_bus_stats(on.w.bus, &stats))
STATUS(bus_histogram, hermes_sse_bus_histogram(on.w.bus, HERMES_SSE_HISTOGRAM_LATENCY, &histogram))
STATUS(bus_ingest, hermes_sse_bus_ingest(on.w.bus, NULL, &a_message))
STATUS(bus_gap, hermes_sse_bus_gap(on.w.bus, hermes_sse_str("nobody's"), HERMES_SSE_GAP_BRIDGE, NULL))
PLAIN(bus_unread_ms, hermes_sse_bus_unread_ms(on.w.bus))
STATUS(hub_run, hermes_sse_hub_run(on.w.hub, on.w.now, 0, NULL))
PLAIN(hub_next, hermes_sse_hub_next(on.w.hub))
PLAIN(hub_bus, hermes_sse_hub_bus(on.w.hub))
PLAIN(hub_user, hermes_sse_hub_user(on.w.hub))
PLAIN(hub_wake, (hermes_sse_hub_wake(on.w.hub), 0))
PLAIN(poll_timeout, hermes_sse_poll_timeout(1, 2))
PLAIN(stream_header, hermes_sse_stream_header(on.pull, 0, &(const char *){ NULL }, &(const char *){ NULL }))
STATUS(stream_writable, hermes_sse_stream_writable(on.spare.stream))
STATUS(stream_send, hermes_sse_stream_send(on.spare.stream, &an_event))
STATUS(stream_peek, hermes_sse_stream_peek(on.pull, vectors, 4, 0))
STATUS(stream_advance, hermes_sse_stream_advance(on.pull, 0))
STATUS(stream_read, hermes_sse_stream_read(on.pull, text_buf, sizeof text_buf))
PLAIN(frame_release, (hermes_sse_frame_release(NULL), 0))
PLAIN(stream_reason, hermes_sse_stream_reason(on.pull))
PLAIN(stream_user, hermes_sse_stream_user(on.pull))
STATUS(stream_position, hermes_sse_stream_position(on.pull, &an_id))
PLAIN(close_name, hermes_sse_close_name(1))
STATUS(limits_class, hermes_sse_limits_class(on.limits, "c", NULL))
STATUS(limits_audit, hermes_sse_limits_audit(on.limits))
STATUS(limits_stats_get, hermes_sse_limits_stats_get(on.limits, &limits_stats))
STATUS(address_key, hermes_sse_address_key(&(struct sockaddr){ .sa_family = AF_UNIX }, 64, text_buf, sizeof text_buf))

static int call_stream_take(void)
{
  int n = hermes_sse_stream_take(on.pull, vectors, frames, 4, 0);

  for (int i = 0; i < n; i++)
    hermes_sse_frame_release(frames[i]);
  return n;
}

static int call_bus_new(void)
{
  hermes_sse_bus *bus = NULL;
  int rv = hermes_sse_bus_new(NULL, &bus);

  hermes_sse_bus_free(bus);
  return rv;
}

static int call_bus_free(void)
{
  return call_bus_new();
}

static int relay_publish(hermes_sse_bus *bus, const hermes_sse_message *message, void *user)
{
  (void)user;
  return hermes_sse_bus_ingest(bus, NULL, message);
}

static int call_bus_relay(void)
{
  hermes_sse_relay relay = { .size = sizeof relay, .publish = relay_publish };
  int rv = hermes_sse_bus_relay(on.w.bus, &relay, NULL);

  if (rv == HERMES_SSE_OK)
    rv = hermes_sse_bus_publish(on.w.bus, &a_message);
  return rv < 0 ? rv : hermes_sse_bus_relay(on.w.bus, NULL, NULL);
}

static int call_bus_live(void)
{
  hermes_sse_relay relay = { .size = sizeof relay, .flags = HERMES_SSE_RELAY_IDS, .publish = relay_publish };
  hermes_sse_bus *bus = NULL;
  int rv = hermes_sse_bus_new(NULL, &bus);

  if (rv == HERMES_SSE_OK)
    rv = hermes_sse_bus_relay(bus, &relay, NULL); /* another bus: this one has no such relay */
  if (rv == HERMES_SSE_OK)
    rv = hermes_sse_bus_live(bus);
  hermes_sse_bus_free(bus);
  return rv;
}

static int call_bus_drain(void)
{
  hermes_sse_bus *bus = NULL;
  int rv = hermes_sse_bus_new(NULL, &bus);

  if (rv == HERMES_SSE_OK)
    rv = hermes_sse_bus_drain(bus, NULL); /* another bus: this one is still needed */
  hermes_sse_bus_free(bus);
  return rv;
}

static int call_hub_new(void)
{
  hermes_sse_hub *hub = NULL;
  int rv = hermes_sse_hub_new(on.w.bus, NULL, &hub);

  hermes_sse_hub_free(hub);
  return rv;
}

static int call_hub_free(void)
{
  return call_hub_new();
}

static int call_stream_open(void)
{
  hermes_sse_subscription t = { .topic = { "t", 1 } };
  hermes_sse_stream_options o = { .size = sizeof o, .flags = HERMES_SSE_STREAM_PULL, .topics = &t, .n_topics = 1 };
  hermes_sse_stream *stream = NULL;
  int rv = hermes_sse_stream_open(on.w.hub, &o, &stream);

  if (rv == HERMES_SSE_OK)
    rv = hermes_sse_stream_close(stream);
  hermes_sse_stream_free(stream);
  return rv;
}

static int call_stream_close(void)
{
  return call_stream_open();
}

static int call_stream_free(void)
{
  return call_stream_open();
}

static void part_run(hermes_sse_hub *hub, uint64_t now_ms, uint64_t *next_ms, void *user)
{
  (void)hub, (void)now_ms, (void)next_ms, (void)user;
}

static void part_gone(hermes_sse_hub *hub, void *user)
{
  (void)hub, (void)user;
}

static int call_hub_attach(void)
{
  hermes_sse_part part = { .size = sizeof part, .run = part_run, .gone = part_gone };
  int rv = hermes_sse_hub_attach(on.w.hub, &part, &on.part_tag);

  return rv < 0 ? rv : hermes_sse_hub_detach(on.w.hub, &on.part_tag);
}

static int call_hub_detach(void)
{
  return call_hub_attach();
}

static int call_parser_new(void)
{
  hermes_sse_parser *parser = NULL;
  int rv = hermes_sse_parser_new(NULL, &parser);

  hermes_sse_parser_free(parser);
  return rv;
}

static int call_parser_free(void)
{
  return call_parser_new();
}

static int call_client_new(void)
{
  hermes_sse_client *client = NULL;
  int rv = hermes_sse_client_new(NULL, &client);

  hermes_sse_client_free(client);
  return rv;
}

static int call_client_free(void)
{
  return call_client_new();
}

static int call_stream_gone(void)
{
  hermes_sse_stream_options o = { .size = sizeof o, .flags = HERMES_SSE_STREAM_PULL };
  hermes_sse_stream *stream = NULL;
  int rv = hermes_sse_stream_open(on.w.hub, &o, &stream);

  if (rv == HERMES_SSE_OK)
    rv = hermes_sse_stream_gone(stream);
  hermes_sse_stream_free(stream);
  return rv;
}

static int call_stream_unsubscribe(void)
{
  hermes_sse_subscription s = { .topic = { "less", 4 } };
  int rv = hermes_sse_stream_subscribe(on.pull, &s);

  return rv == HERMES_SSE_OK ? hermes_sse_stream_unsubscribe(on.pull, &s) : rv;
}

static int call_ticket_key(void)
{
  char key_class[HERMES_SSE_KEY_CLASS_MAX + 1], key[HERMES_SSE_KEY_MAX];
  const hermes_sse_ticket none = { .limits = NULL };
  size_t len;

  return hermes_sse_ticket_key(&none, 0, key_class, key, &len) == HERMES_SSE_ERR_NOT_FOUND ? HERMES_SSE_OK
                                                                                           : HERMES_SSE_ERR_STATE;
}

static int call_limits_new(void)
{
  hermes_sse_limits *limits = NULL;
  int rv = hermes_sse_limits_new(NULL, &limits);

  hermes_sse_limits_free(limits);
  return rv;
}

static int call_limits_free(void)
{
  return call_limits_new();
}

static int call_limits_admit(void)
{
  hermes_sse_ticket t = { .limits = NULL };
  int rv = hermes_sse_limits_admit(on.limits, NULL, 0, 0, NULL, &t);

  hermes_sse_ticket_release(&t);
  return rv;
}

static int call_ticket_release(void)
{
  return call_limits_admit();
}

static const struct {
  const char *name;
  int class;
  int (*call)(void);
} calls[] = {
#define X(name, class) { #name, class, call_##name },
#include "calls.inc"
#undef X
};

static int inside; /* the callback under way makes calls of its own: they may not begin again */
static size_t callbacks;

static void call_all(const char *where)
{
  if (inside)
    return;
  inside = 1;
  callbacks++;
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
    int rv = calls[i].call();

    if (calls[i].class == drive)
      ck_assert_msg(rv == HERMES_SSE_ERR_REENTRANT, "%s in %s: %d", calls[i].name, where, rv);
    else
      ck_assert_msg(rv >= 0, "%s in %s: %d", calls[i].name, where, rv);
  }
  inside = 0;
}

static hermes_sse_ssize in_writev(hermes_sse_stream *stream, const struct iovec *iov, int n, void *user)
{
  if (user == &on.push)
    call_all("writev");
  return sink_writev(stream, iov, n, user);
}

static int in_want_write(hermes_sse_stream *stream, int on_or_off, void *user)
{
  call_all("want_write");
  return sink_want_write(stream, on_or_off, user);
}

static const hermes_sse_event *in_heartbeat(hermes_sse_hub *hub, void *user)
{
  (void)hub, (void)user;
  call_all("heartbeat");
  return &an_event;
}

static void in_part_run(hermes_sse_hub *hub, uint64_t now_ms, uint64_t *next_ms, void *user)
{
  (void)hub, (void)now_ms, (void)next_ms, (void)user;
  call_all("a part's run");
}

static void set_up(void)
{
  hermes_sse_hub_options o = {
    .size = sizeof o, .writev = in_writev, .want_write = in_want_write, .heartbeat = in_heartbeat, .heartbeat_ms = 1000
  };
  hermes_sse_subscription t = { .topic = { "t", 1 } };
  hermes_sse_stream_options so = { .size = sizeof so, .flags = HERMES_SSE_STREAM_PULL, .topics = &t, .n_topics = 1 };

  world_init(&on.w, &o);
  world_open(&on.w, &on.push, "t", NULL);
  world_open(&on.w, &on.spare, "other", NULL);
  ck_assert_int_eq(hermes_sse_stream_open(on.w.hub, &so, &on.pull), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_limits_new(NULL, &on.limits), HERMES_SSE_OK);
  ck_assert_int_eq(hermes_sse_client_new(NULL, &on.client), HERMES_SSE_OK);
}

static void tear_down(void)
{
  hermes_sse_stream_free(on.push.stream);
  hermes_sse_stream_free(on.spare.stream);
  hermes_sse_stream_free(on.pull);
  hermes_sse_limits_free(on.limits);
  hermes_sse_client_free(on.client);
  sink_clear(&on.push);
  sink_clear(&on.spare);
  world_clear(&on.w);
}

START_TEST(each_call_inside_each_callback)
{
  hermes_sse_part part = { .size = sizeof part, .run = in_part_run, .gone = part_gone };

  set_up();
  world_publish(&on.w, "t", NULL, "x");
  world_run(&on.w, 0); /* writev */
  ck_assert_uint_eq(callbacks, 1);
  on.push.room = 3;
  world_publish(&on.w, "t", NULL, "x");
  inside = 1;
  world_run(&on.w, 0);
  inside = 0;
  on.push.room = SIZE_MAX;
  hermes_sse_stream_writable(on.push.stream);
  callbacks = 0;
  world_run(&on.w, 0); /* writev, then want_write(0) */
  ck_assert_uint_ge(callbacks, 2);
  callbacks = 0;
  inside = 0;
  world_run(&on.w, 1000);
  ck_assert_uint_ge(callbacks, 1);
  ck_assert_int_eq(hermes_sse_hub_attach(on.w.hub, &part, &part), HERMES_SSE_OK);
  callbacks = 0;
  world_run(&on.w, 0);
  ck_assert_uint_ge(callbacks, 1);
  tear_down();
}
END_TEST

START_TEST(each_call_outside_callbacks)
{
  set_up();
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
    if (strcmp(calls[i].name, "stream_advance") != 0) /* needs a peek that found something */
      ck_assert_msg(calls[i].call() >= 0, "%s", calls[i].name);
  tear_down();
}
END_TEST

SUITE_MAIN("calls", each_call_inside_each_callback, each_call_outside_callbacks)
