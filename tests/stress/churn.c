/* Streams that come and go by the million, cut off after every possible byte: every counter, place and block of memory comes
 * back, and the limits' audit agrees at every step.
 *
 *   churn [STREAMS]     default 1000000 */
#include <hermes_sse/hermes_sse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIVE = 40, PRINCIPALS = 7, ADDRESSES = 5, LONGEST = 700 };

typedef struct client {
  hermes_sse_stream *stream;
  size_t left;  /* bytes that it takes ... */
  int is_reset; /* ... before its connection is reset; else it takes no more */
  size_t taken;
} client;

static hermes_sse_bus *bus;
static hermes_sse_hub *hub;
static hermes_sse_limits *limits;
static client clients[ALIVE];
static uint64_t now = 1000;
static unsigned long step;
static char last_id[64];
static unsigned long cut_at[LONGEST + 1]; /* how often after so many bytes */

static struct {
  size_t blocks, bytes;
} live; /* memory of the library */

static void require(int is_so, const char *what)
{
  if (is_so)
    return;
  printf("FAILED at stream %lu: %s\n", step, what);
  exit(1);
}

/* Each block has its size before it. */
static void *counting_resize(void *ptr, size_t bytes, void *user)
{
  size_t *block = ptr ? (size_t *)ptr - 2 : NULL, before = block ? *block : 0;

  (void)user;
  block = realloc(block, bytes + 2 * sizeof *block);
  require(block != NULL, "out of memory");
  live.blocks += !ptr;
  live.bytes += bytes - before;
  *block = bytes;
  return block + 2;
}

static void *counting_alloc(size_t bytes, void *user)
{
  return counting_resize(NULL, bytes, user);
}

static void counting_release(void *ptr, void *user)
{
  size_t *block = (size_t *)ptr - 2;

  (void)user;
  live.blocks--;
  live.bytes -= *block;
  free(block);
}

static hermes_sse_ssize writev_to(hermes_sse_stream *stream, const struct iovec *iov, int n, void *user)
{
  client *c = user;
  size_t offered = 0, taken;

  (void)stream;
  for (int i = 0; i < n; i++)
    offered += iov[i].iov_len;
  if (c->left == 0)
    return c->is_reset ? HERMES_SSE_ERR_PEER : HERMES_SSE_ERR_AGAIN;
  taken = offered < c->left ? offered : c->left;
  c->left -= taken;
  c->taken += taken;
  return (hermes_sse_ssize)taken;
}

static void publish(unsigned long number)
{
  char key[8], data[64];
  hermes_sse_message m = { .size = sizeof m,
                           .topic = hermes_sse_str(number % 3 ? "a" : "b"),
                           .type = hermes_sse_str("n") };

  m.key = (hermes_sse_slice){ key, (size_t)snprintf(key, sizeof key, "%lu", number % 4) };
  m.data = (hermes_sse_slice){ data, (size_t)snprintf(data, sizeof data, "%lu %.*s", number, (int)(number % 40),
                                                      "----------------------------------------") };
  require(hermes_sse_bus_publish(bus, &m) == HERMES_SSE_OK, "publish");
}

static hermes_sse_ticket admit(void)
{
  char principal[16], address[16];
  hermes_sse_limit_key keys[2] = { { .key_class = "principal" }, { .key_class = "address" } };
  hermes_sse_ticket ticket = { 0 };

  keys[0].key =
      (hermes_sse_slice){ principal, (size_t)snprintf(principal, sizeof principal, "p%lu", step % PRINCIPALS) };
  keys[1].key =
      (hermes_sse_slice){ address, (size_t)snprintf(address, sizeof address, "10.0.0.%lu", step % ADDRESSES) };
  require(hermes_sse_limits_admit(limits, keys, 2, now, NULL, &ticket) == HERMES_SSE_OK, "admit");
  return ticket;
}

static void come(client *c)
{
  static const char *const follows[] = { "a", "b", "*", "a" };
  hermes_sse_subscription s = { .topic = hermes_sse_str(follows[step % 4]) };
  hermes_sse_event greeting = { .size = sizeof greeting,
                                .type = hermes_sse_str("connected"),
                                .data = hermes_sse_str("{}") };
  hermes_sse_stream_options o = { .size = sizeof o, .user = c, .topics = &s, .n_topics = 1, .ticket = admit() };

  if (step % 4 == 3)
    s.key = hermes_sse_str("1");
  if (step % 3 == 0)
    o.http = 11;
  if (step % 5 == 0)
    o.greeting = &greeting;
  if (step % 2 == 0)
    o.last_event_id = hermes_sse_str(last_id);
  if (step % 11 == 0)
    o.throttle_ms = 5;
  *c = (client){ .left = step % (LONGEST + 1), .is_reset = step % 7 < 4 };
  require(hermes_sse_stream_open(hub, &o, &c->stream) == HERMES_SSE_OK, "open");
}

static void go(client *c)
{
  cut_at[c->taken < LONGEST ? c->taken : LONGEST]++;
  hermes_sse_stream_free(c->stream);
  c->stream = NULL;
}

static void one_step(void)
{
  client *c = &clients[(step * 13 + step / ALIVE) % ALIVE];
  hermes_sse_stream *over;
  hermes_sse_id head;

  if (c->stream)
    go(c);
  come(c);
  if (step % 3 == 0)
    publish(step);
  if (step % 50 == 0) {
    hermes_sse_bus_head(bus, &head);
    hermes_sse_id_format(&head, last_id, sizeof last_id);
  }
  if (step % 2 == 0)
    require(hermes_sse_hub_run(hub, now += step % 3, step % 5, NULL) == HERMES_SSE_OK, "run");
  while ((over = hermes_sse_hub_next(hub)))
    go(hermes_sse_stream_user(over));
  require(hermes_sse_limits_audit(limits) == HERMES_SSE_OK, "the audit does not agree");
}

static void set_up(void)
{
  hermes_sse_environment counting = { .size = sizeof counting, .alloc = counting_alloc, .resize = counting_resize };
  hermes_sse_bus_options bo = { .size = sizeof bo, .environment = &counting };
  hermes_sse_hub_options o = { .size = sizeof o, .writev = writev_to };
  hermes_sse_limits_options lo = { .size = sizeof lo, .environment = &counting };
  hermes_sse_topic_options t = { .size = sizeof t, .max_entries = 20 };

  counting.release = counting_release;
  o.heartbeat_ms = 20;
  o.timeout_ms = 200;
  require(hermes_sse_bus_new(&bo, &bus) == HERMES_SSE_OK && hermes_sse_hub_new(bus, &o, &hub) == HERMES_SSE_OK &&
              hermes_sse_limits_new(&lo, &limits) == HERMES_SSE_OK &&
              hermes_sse_bus_topic(bus, "*", &t) == HERMES_SSE_OK,
          "set-up");
}

static void check_all_is_back(unsigned long n)
{
  hermes_sse_stats s = { .size = sizeof s };
  hermes_sse_limits_stats l = { .size = sizeof l };

  hermes_sse_bus_stats(bus, &s);
  hermes_sse_limits_stats_get(limits, &l);
  require(s.streams == 0 && s.opened == n, "streams are left");
  require(s.closed_host + s.closed_peer + s.closed_timeout + s.closed_lifetime + s.closed_slow + s.closed_kicked +
                  s.closed_drain + s.closed_denied ==
              n,
          "closes by reason are not all the streams");
  require(l.tickets == 0 && l.admitted == n, "tickets are left");
  for (int i = 0; i < LONGEST; i++)
    require(cut_at[i] > 0 || n < 100000, "a byte was never the last");
}

int main(int argc, char **argv)
{
  unsigned long n = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
  size_t half = 0, end;

  if (n < 1000) {
    fprintf(stderr, "usage: churn [STREAMS], 1000 or more\n");
    return 2;
  }
  set_up();
  for (step = 0; step < n; step++) {
    one_step();
    if (step == n / 2)
      half = live.bytes;
  }
  end = live.bytes;
  for (int i = 0; i < ALIVE; i++)
    if (clients[i].stream)
      go(&clients[i]);
  check_all_is_back(n);
  hermes_sse_hub_free(hub);
  hermes_sse_bus_free(bus);
  hermes_sse_limits_free(limits);
  require(end < half + half / 4 + 65536, "memory grew in the second half");
  require(live.blocks == 0 && live.bytes == 0, "memory is left");
  printf("churn: %lu streams, cut off after 0 to %d bytes; no stream, ticket or block of memory left; every audit "
         "agreed\n",
         n, LONGEST);
  return 0;
}
