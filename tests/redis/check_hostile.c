/* Whatever answers where Redis should be, at every state: no crash, a word in the log, and when the port is a good server's again all is
 * well. */
#include "fake.h"
#include "suite.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const channels[] = { "t", "p*" };

static const char *const payloads[] = {
  /* each kind of reply */
  "+OK\r\n",
  "+\r\n",
  "-ERR no\r\n",
  "-\r\n",
  "-NOPERM no\r\n",
  "-MOVED 1 127.0.0.1:1\r\n",
  "-LOADING wait\r\n",
  ":1\r\n",
  ":-1\r\n",
  "$-1\r\n",
  "$0\r\n\r\n",
  "$3\r\nabc\r\n",
  "*-1\r\n",
  "*0\r\n",
  "*1\r\n$-1\r\n",
  "*2\r\n:1\r\n:2\r\n",
  "*3\r\n$-1\r\n$-1\r\n$-1\r\n",
  "*3\r\n$3\r\n1-1\r\n:1\r\n*1\r\n$1\r\nx\r\n",
  "*3\r\n$3\r\n1-1\r\n:0\r\n*1\r\n*2\r\n:1\r\n*0\r\n",
  "*3\r\n$3\r\nx-1\r\n:1\r\n*0\r\n",
  "*1\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n9-9\r\n$1\r\nx\r\n",
  "*1\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$2\r\n--\r\n*0\r\n",
  "*1\r\n*2\r\n$1\r\ns\r\n*1\r\n$-1\r\n",
  /* of pub/sub */
  "*3\r\n$7\r\nmessage\r\n$1\r\nt\r\n$-1\r\n",
  "*3\r\n$7\r\nmessage\r\n*0\r\n:1\r\n",
  "*1\r\n$7\r\nmessage\r\n",
  "*4\r\n$8\r\npmessage\r\n$2\r\np*\r\n$2\r\npx\r\n$3\r\n{}}\r\n",
  "*4\r\n$8\r\npmessage\r\n:1\r\n$2\r\npx\r\n$2\r\n{}\r\n",
  "*3\r\n$9\r\nsubscribe\r\n$-1\r\n:1\r\n",
  "*1\r\n$9\r\nsubscribe\r\n",
  "*3\r\n$12\r\nsunsubscribe\r\n$-1\r\n:0\r\n",
  "*3\r\n$12\r\nsunsubscribe\r\n$1\r\nt\r\n:0\r\n",
  "*2\r\n$4\r\npong\r\n$0\r\n\r\n",
  "*1\r\n*1\r\n$7\r\nmessage\r\n",
  /* too much, too deep, too little, none at all */
  "$999999999999\r\n",
  "*999999999\r\n",
  "$2147483648\r\nx",
  "*2147483648\r\n",
  "$100\r\nabc",
  "*3\r\n$7\r\nmess",
  "+OK",
  ":",
  "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
  "HTTP/1.1 400 Bad Request\r\n\r\n",
  "\r\n",
  "?\r\n",
  ":99999999999999999999\r\n",
  "$x\r\n",
  "*x\r\n",
  "+OK\r\n+OK\r\n+OK\r\n",
  "$-2\r\n",
  "*-2\r\n",
  /* of RESP3 */
  ">3\r\n$7\r\nmessage\r\n$1\r\nt\r\n$2\r\n{}\r\n",
  "%1\r\n+a\r\n:1\r\n",
  "_\r\n",
  "#t\r\n",
  ",1.5\r\n",
  "(123\r\n",
  "=5\r\ntxt:x\r\n",
};
enum { PAYLOADS = sizeof payloads / sizeof *payloads };

typedef struct world {
  fleet f;
  fake k;
  host *h;
} world;

static void begin(world *w, hermes_sse_redis_options o)
{
  fleet_init(&w->f);
  fake_init(&w->k, &w->f);
  o.timeout_ms = 1000;
  o.probe_ms = o.probe_ms ? o.probe_ms : 1000;
  o.max_reply_bytes = 1 << 20;
  w->h = fleet_add(&w->f, &o, w->k.port);
}

static void end(world *w)
{
  fleet_clear(&w->f);
  fake_clear(&w->k);
}

static void turns(world *w, int n, uint64_t ms)
{
  for (int i = 0; i < n; i++) {
    fleet_jump(&w->f, ms);
    fleet_turn(&w->f, 0);
  }
}

static void on_stored(int status, const void *value, size_t len, void *context)
{
  (void)status, (void)value, (void)len;
  ++*(int *)context;
}

static int is_well(const world *w)
{
  return host_is_through(w->h);
}

static int settle(world *w, int (*done)(const world *w))
{
  for (int i = 0; i < 600 && !done(w); i++)
    turns(w, 1, 50);
  return done(w);
}

/* All that makes the bridge ask: messages, the store, a minute of probes and looks at the server. */
static void live(world *w)
{
  hermes_sse_store store = { .size = sizeof store };
  int answers = 0, asked = 0;

  hermes_sse_redis_store(w->h->redis, &store);
  for (int i = 0; i < 3; i++) {
    ck_assert_int_eq(host_publish(w->h, "t", "1"), HERMES_SSE_OK);
    asked += store.put("k", "v", 1, 60, on_stored, &answers, store.user) == HERMES_SSE_OK;
    asked += store.get("k", on_stored, &answers, store.user) == HERMES_SSE_OK;
    asked += store.del("k", on_stored, &answers, store.user) == HERMES_SSE_OK;
    turns(w, 6, i < 2 ? 30 : 400);
  }
  for (int i = 0; i < 60 && answers < asked; i++)
    turns(w, 1, 100);
  ck_assert_int_eq(answers, asked);
}

/* One command is answered by each payload in turn; then the server is good, and the bridge is through and serves. */
static void answer(hermes_sse_redis_options o, const char *target, int then_close)
{
  world w;
  sink client;
  int hits = 0;

  begin(&w, o);
  client_come(w.h, &client, "t", NULL, NULL);
  for (int i = 0; i < PAYLOADS; i++) {
    char data[16];
    size_t logged = strlen(w.h->log);

    fake_answer(&w.k, target, payloads[i], 2);
    w.k.then_close = then_close;
    fake_hang_up(&w.k);
    live(&w);
    hits += w.k.hits;
    fake_answer(&w.k, NULL, NULL, 0);
    fake_hang_up(&w.k); /* another takes the port over */
    turns(&w, 6, 50);
    ck_assert_msg(settle(&w, is_well), "%s answered by %s: %s\n%s", target, payloads[i],
                  hermes_sse_redis_state_name(host_state(w.h)), w.h->log + logged);
    ck_assert_uint_gt(strlen(w.h->log), logged);
    snprintf(data, sizeof data, "%d", 1000 + i);
    ck_assert_int_eq(host_publish(w.h, "t", data), HERMES_SSE_OK);
    for (int j = 0; j < 200 && client_count(&client, data) == 0; j++)
      turns(&w, 1, 50);
    ck_assert_msg(client_count(&client, data) == 1, "%s answered by %s: %s\n%s", target, payloads[i],
                  client_seen(&client), w.h->log + logged);
    sink_forget(&client);
    if (strlen(w.h->log) > FLEET_LOG / 2)
      w.h->log[0] = 0;
  }
  ck_assert_msg(hits > 0, "%s was never asked", target);
  client_leave(&client);
  end(&w);
}

START_TEST(every_answer_of_pubsub)
{
  static const char *const targets[] = { "CLIENT", "INFO", "SUBSCRIBE", "PSUBSCRIBE", "PUBLISH", "GET", "SET", "DEL" };
  const hermes_sse_redis_options o = { .channels = channels, .n_channels = 2 };

  for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
    answer(o, targets[i], i % 2);
}
END_TEST

START_TEST(every_answer_of_sharded)
{
  const hermes_sse_redis_options o = { .flags = HERMES_SSE_REDIS_SHARDED, .channels = channels, .n_channels = 1 };

  answer(o, "SSUBSCRIBE", 0);
  answer(o, "SPUBLISH", 1);
}
END_TEST

START_TEST(every_answer_of_streams)
{
  static const char *const targets[] = { "SCRIPT", "publish", "look", "first", "XREAD" };
  const hermes_sse_redis_options o = { .mode = HERMES_SSE_REDIS_STREAMS };

  for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
    answer(o, targets[i], i % 2);
}
END_TEST

START_TEST(every_answer_of_the_lease)
{
  const hermes_sse_redis_options o = {
    .mode = HERMES_SSE_REDIS_STREAMS, .flags = HERMES_SSE_REDIS_IMPORT, .channels = channels, .n_channels = 2
  };

  answer(o, "lease", 0);
}
END_TEST

/* What nobody asked for, in the middle of all that is well. */
static void say_unasked(hermes_sse_redis_options o)
{
  world w;

  begin(&w, o);
  for (int i = 0; i < PAYLOADS; i++) {
    ck_assert(settle(&w, is_well));
    fake_tell_all(&w.k, payloads[i]);
    turns(&w, 10, 20);
    fake_hang_up(&w.k);
    turns(&w, 10, 50);
    ck_assert_msg(settle(&w, is_well), "told %s", payloads[i]);
  }
  end(&w);
}

START_TEST(answers_that_nobody_asked_for)
{
  say_unasked((hermes_sse_redis_options){ .channels = channels, .n_channels = 2 });
  say_unasked((hermes_sse_redis_options){ .mode = HERMES_SSE_REDIS_STREAMS });
}
END_TEST

/* Each message is cut at each byte, and the rest never comes. */
START_TEST(truncated_anywhere)
{
  static const char message[] = "*3\r\n$7\r\nmessage\r\n$1\r\nt\r\n$21\r\n{\"type\":\"x\",\"data\":1}\r\n";
  const hermes_sse_redis_options o = { .channels = channels, .n_channels = 1, .probe_ms = HERMES_SSE_NEVER };
  world w;
  sink client;

  begin(&w, o);
  client_come(w.h, &client, "t", NULL, NULL);
  for (size_t len = 1; len < sizeof message - 1; len++) {
    char part[sizeof message];

    ck_assert(settle(&w, is_well));
    memcpy(part, message, len);
    part[len] = 0;
    fake_say(&w.k, part);
    turns(&w, 2, 5);
    fake_hang_up(&w.k);
    turns(&w, 4, 50);
  }
  ck_assert(settle(&w, is_well));
  ck_assert_uint_eq(client_count(&client, "1"), 0);
  client_leave(&client);
  end(&w);
}
END_TEST

/* Attempts are spaced, and few lines are left, however long the wrong server is there. */
START_TEST(no_storm_and_few_lines)
{
  const hermes_sse_redis_options o = { .channels = channels, .n_channels = 1 };
  fake *k;
  world w;

  begin(&w, o);
  k = &w.k;
  fake_answer(k, "CLIENT", "HTTP/1.1 400 Bad Request\r\n\r\n", 1 << 20);
  turns(&w, 600, 200); /* two minutes */
  ck_assert_int_gt(k->hits, 20);
  ck_assert_int_lt(k->hits, 60);
  ck_assert(host_logged(w.h, "what answers there is no Redis"));
  ck_assert_int_lt(host_logged_times(w.h, "\n"), 20);
  ck_assert_str_eq(host_trouble(w.h), "Redis is away");
  end(&w);
}
END_TEST

/* Only what an ACL refuses is given up for good. */
START_TEST(a_probe_that_fails_once)
{
  const hermes_sse_redis_options o = { .channels = channels, .n_channels = 1 };
  world w;

  begin(&w, o);
  fake_answer(&w.k, "PUBLISH", "-MOVED 1 127.0.0.1:1\r\n", 1);
  ck_assert(settle(&w, is_well));
  turns(&w, 40, 100);
  ck_assert_int_eq(w.k.hits, 1);
  ck_assert(host_logged(w.h, "MOVED"));
  ck_assert(!host_logged(w.h, "no probes are sent"));
  ck_assert(settle(&w, is_well));
  end(&w);
}
END_TEST

/* A real server takes the port over. */
START_TEST(the_port_gets_a_real_redis)
{
  const hermes_sse_redis_options o = { .channels = channels, .n_channels = 1, .timeout_ms = 1000 };
  server s;
  fleet f;
  fake k;
  sink client;
  int port;

  fleet_init(&f);
  fake_init(&k, &f);
  port = k.port;
  fake_answer(&k, "SUBSCRIBE", "$999999999999\r\n", 1 << 20);
  fleet_add(&f, &o, port);
  FLEET_UNTIL(&f, host_logged(&f.hosts[0], "no answer in time")); /* it waits for the rest */
  client_come(&f.hosts[0], &client, "t", NULL, NULL);
  f.n_parts = 0;
  fake_clear(&k);
  server_start_at(&s, port, NULL);
  FLEET_UNTIL(&f, fleet_is_through(&f));
  server_publish(&s, "t", "1");
  FLEET_UNTIL(&f, client_count(&client, "1") == 1);
  ck_assert_str_eq(client_seen(&client), "<bridge> 1");
  client_leave(&client);
  fleet_clear(&f);
  server_stop(&s);
}
END_TEST

SUITE_MAIN("redis hostile", every_answer_of_pubsub, every_answer_of_sharded, every_answer_of_streams,
           every_answer_of_the_lease, answers_that_nobody_asked_for, truncated_anywhere, no_storm_and_few_lines,
           a_probe_that_fails_once, the_port_gets_a_real_redis)
