/* A whole bridge, whose Redis says what the input tells it to: right answers, any bytes at any moment, silence, or it hangs up; while
 * messages are published, streams come and go, and tokens are asked for, and allocations fail. It is never more than away, its
 * memory stays bounded, and nothing is left of it.
 * Input: mode and flags, period of failing allocations, the order of freeing; then steps. */
#include "fuzz.h"
#include "redis_server.h"
#include <hermes_sse/adapters/poll.h>
#include <hermes_sse/hermes_sse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 48, TURNS = 4, STREAMS = 4, REPLY_BYTES = 4096, PENDING_BYTES = 8192, MOST_BYTES = 4 << 20 };

static const char *const channels[] = { "a", "b:*" };
static const char *const topics[] = { "a", "b:1", "b:*", "c" };

typedef struct life {
  fuzz_memory memory;
  hermes_sse_environment env;
  hermes_sse_bus *bus;
  hermes_sse_hub *hub;
  hermes_sse_redis *redis;
  hermes_sse_store store;
  hermes_sse_poll_set set;
  hermes_sse_stream *streams[STREAMS];
  uint64_t now;
  int questions; /* of the store, without an answer yet */
} life;

static hermes_sse_ssize take_all(hermes_sse_stream *stream, const struct iovec *iov, int n, void *user)
{
  hermes_sse_ssize sum = 0;

  (void)stream, (void)user;
  for (int i = 0; i < n; i++)
    sum += (hermes_sse_ssize)iov[i].iov_len;
  return sum;
}

static void answered(int status, const void *value, size_t len, void *context)
{
  life *l = context;

  FUZZ_CHECK(status <= 0 && (len == 0 || value));
  FUZZ_CHECK(l->questions-- > 0);
}

/* 0: there was no memory for it. */
static int begin(life *l, unsigned how)
{
  hermes_sse_bus_options bo = { .size = sizeof bo, .environment = &l->env };
  hermes_sse_hub_options ho = { .size = sizeof ho, .writev = take_all };
  hermes_sse_redis_options o = { .size = sizeof o, .environment = &l->env, .user = &l->set };
  int streams = how & 1;

  o.mode = streams ? HERMES_SSE_REDIS_STREAMS : HERMES_SSE_REDIS_PUBSUB;
  o.url = redis_server_url();
  o.watch = hermes_sse_poll_watch;
  o.channels = channels;
  o.n_channels = how & 2 ? sizeof channels / sizeof *channels : 1;
  if (how & 4)
    o.n_channels = 0;
  if (streams && o.n_channels > 0)
    o.flags |= HERMES_SSE_REDIS_IMPORT;
  if (!streams && o.n_channels < 2 && how & 8)
    o.flags |= HERMES_SSE_REDIS_SHARDED;
  if (how & 16)
    o.flags |= HERMES_SSE_REDIS_PUBLISH_ONLY;
  o.probe_ms = how & 32 ? 1000 : HERMES_SSE_NEVER;
  o.linger_ms = 100;
  o.timeout_ms = 3000;
  o.max_pending_bytes = PENDING_BYTES;
  o.max_reply_bytes = REPLY_BYTES;
  return hermes_sse_bus_new(&bo, &l->bus) == HERMES_SSE_OK &&
         hermes_sse_hub_new(l->bus, &ho, &l->hub) == HERMES_SSE_OK &&
         hermes_sse_redis_new(l->hub, &o, &l->redis) == HERMES_SSE_OK &&
         hermes_sse_redis_store(l->redis, &l->store) == HERMES_SSE_OK;
}

static void turn(life *l)
{
  struct pollfd fds[HERMES_SSE_POLL_MAX];
  int n;

  for (int i = 0; i < TURNS; i++) {
    redis_server_turn();
    n = hermes_sse_poll_fill(&l->set, fds, HERMES_SSE_POLL_MAX);
    if (poll(fds, (nfds_t)n, 0) > 0)
      hermes_sse_poll_dispatch(l->redis, fds, n);
    hermes_sse_hub_run(l->hub, l->now, 0, NULL);
  }
  FUZZ_CHECK(hermes_sse_redis_state(l->redis) >= HERMES_SSE_REDIS_STATE_AWAY &&
             hermes_sse_redis_state(l->redis) <= HERMES_SSE_REDIS_STATE_THROUGH);
  FUZZ_CHECK(l->set.n <= 3);
  FUZZ_CHECK(l->memory.peak_bytes <= MOST_BYTES);
}

/* ---- steps ---- */

static void message(unsigned which, hermes_sse_slice payload)
{
  static const char *const heads[] = { "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n", "*3\r\n$8\r\nsmessage\r\n$1\r\na\r\n",
                                       "*4\r\n$8\r\npmessage\r\n$3\r\nb:*\r\n$3\r\nb:1\r\n" };
  const char *head = heads[which / 8 % 3];
  fuzz_text text = { .at = NULL };
  char len[32];

  fuzz_add(&text, head, strlen(head));
  fuzz_add(&text, len, (size_t)snprintf(len, sizeof len, "$%zu\r\n", payload.len));
  fuzz_add(&text, payload.ptr, payload.len);
  fuzz_add(&text, "\r\n", 2);
  redis_server_say(which, (hermes_sse_slice){ .ptr = text.at, .len = text.n });
  fuzz_clear(&text);
}

static void publish(life *l, unsigned which, hermes_sse_slice data)
{
  hermes_sse_message m = { .size = sizeof m, .topic = hermes_sse_str(which & 1 ? "a" : "b:1"), .data = data };

  m.type = hermes_sse_str("t");
  m.key = hermes_sse_str(which & 2 ? "k" : "");
  m.meta = which >> 2;
  (void)hermes_sse_bus_publish(l->bus, &m);
}

/* Opens the stream, or frees it. */
static void turn_stream(life *l, unsigned which)
{
  hermes_sse_stream **stream = &l->streams[which % STREAMS];
  hermes_sse_subscription to = { .topic = hermes_sse_str(topics[which / STREAMS % STREAMS]) };
  hermes_sse_stream_options o = { .size = sizeof o, .topics = &to, .n_topics = 1 };

  if (*stream) {
    hermes_sse_stream_free(*stream);
    *stream = NULL;
  } else if (hermes_sse_stream_open(l->hub, &o, stream) < 0) {
    *stream = NULL;
  }
}

static void ask_store(life *l, unsigned which, hermes_sse_slice value)
{
  const hermes_sse_store *s = &l->store;
  int rv;

  l->questions++;
  if (which % 3 == 0)
    rv = s->get("key", answered, l, s->user);
  else if (which % 3 == 1)
    rv = s->put("key", value.ptr, value.len, 60, answered, l, s->user);
  else
    rv = s->del("key", answered, l, s->user);
  l->questions -= rv < 0;
}

static void step(life *l, fuzz_input *in)
{
  unsigned what = fuzz_byte(in), which = fuzz_byte(in);

  switch (what % 9) {
  case 0:
    redis_server_answer(which);
    break;
  case 1:
    redis_server_say(which, fuzz_take(in, fuzz_byte(in)));
    break;
  case 2:
    message(which, fuzz_take(in, fuzz_byte(in)));
    break;
  case 3:
    l->now += which * 20u;
    break;
  case 4:
    publish(l, which, fuzz_take(in, fuzz_byte(in)));
    break;
  case 5:
    redis_server_hang_up(which);
    break;
  case 6:
    ask_store(l, which, fuzz_take(in, which));
    break;
  case 7:
    turn_stream(l, which);
    break;
  default: /* all is answered, so that short inputs get far */
    for (unsigned i = 0; i < 3; i++) {
      redis_server_answer(i + (which & 64));
      turn(l);
    }
  }
  turn(l);
}

static void end(life *l, unsigned order)
{
  l->memory.period = 0;
  for (int i = 0; i < STREAMS; i++)
    hermes_sse_stream_free(l->streams[i]);
  if (order & 1)
    hermes_sse_hub_free(l->hub);
  if (order & 2)
    hermes_sse_bus_free(l->bus);
  hermes_sse_redis_free(l->redis);
  if (!(order & 1))
    hermes_sse_hub_free(l->hub);
  if (!(order & 2))
    hermes_sse_bus_free(l->bus);
  FUZZ_CHECK(l->set.n == 0);
  FUZZ_CHECK(l->questions == 0);
  FUZZ_CHECK(l->memory.live_blocks == 0);
  redis_server_reset();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
  fuzz_input in = { .at = bytes, .end = bytes + len };
  unsigned how = fuzz_byte(&in), period = fuzz_period(fuzz_byte(&in)), order = fuzz_byte(&in);
  life *l = calloc(1, sizeof *l);

  if (!l)
    return 0;
  l->now = 1000;
  l->store.size = sizeof l->store;
  l->env = fuzz_environment(&l->memory);
  l->memory.period = period;
  if (begin(l, how)) {
    turn(l);
    for (int i = 0; i < STEPS && in.at < in.end; i++)
      step(l, &in);
  } else {
    FUZZ_CHECK(l->memory.failed > 0);
  }
  end(l, order);
  free(l);
  return 0;
}
