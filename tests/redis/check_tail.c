/* Streams mode: reading back in pieces, entries larger than an answer may be, and a stream that keeps less than was missed. */
#include "fleet.h"
#include "suite.h"
#include <stdlib.h>
#include <string.h>

enum { LARGE = 60 << 10, FEW = 160 << 10, N_LARGE = 30 };

typedef struct tailed {
  server s;
  fleet f;
  host *h;
  sink client;
  hermes_sse_redis_options o;
} tailed;

static void begin(tailed *t)
{
  t->o = (hermes_sse_redis_options){ .mode = HERMES_SSE_REDIS_STREAMS, .timeout_ms = 2000, .max_reply_bytes = FEW };
  server_start(&t->s, NULL);
  fleet_init(&t->f);
}

static void start(tailed *t, const char *id)
{
  t->h = fleet_add(&t->f, &t->o, t->s.port);
  if (!id)
    FLEET_UNTIL(&t->f, fleet_is_through(&t->f));
  client_come(t->h, &t->client, "t", NULL, id);
  FLEET_UNTIL(&t->f, fleet_is_through(&t->f));
}

static void end(tailed *t)
{
  client_leave(&t->client);
  fleet_clear(&t->f);
  server_stop(&t->s);
}

/* N entries with this data, or with their number. */
static void add(tailed *t, int n, const char *data)
{
  redisReply *reply = server_ask(&t->s, "EVAL %s 1 hermes:events %d %s",
                                 "for i = 1, tonumber(ARGV[1]) do redis.call('XADD', KEYS[1], '*', 't', 't', 'e', 'x', "
                                 "'d', ARGV[2] or i) end return 1",
                                 n, data ? data : "");

  ck_assert_ptr_nonnull(reply);
  ck_assert_msg(reply->type == REDIS_REPLY_INTEGER, "%s", reply->str);
  freeReplyObject(reply);
}

static char *text_of(size_t len)
{
  char *text = malloc(len + 1);

  ck_assert_ptr_nonnull(text);
  memset(text, '7', len);
  text[len] = 0;
  return text;
}

/* Whole pages, and one entry more or less. */
START_TEST(all_that_the_stream_has_is_read_back)
{
  static const int sizes[] = { 0, 1, 255, 256, 257, 511, 512, 513, 900 };

  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    tailed t;

    begin(&t);
    server_do(&t.s, "XADD hermes:events 1-1 t t e x d 0");
    add(&t, sizes[i], "1");
    start(&t, "1-1");
    server_do(&t.s, "XADD hermes:events * t t e x d 2");
    FLEET_UNTIL(&t.f, client_count(&t.client, "2") == 1);
    ck_assert_uint_eq(client_count(&t.client, "1"), (size_t)sizes[i]);
    ck_assert_uint_eq(client_events(&t.client), (size_t)sizes[i] + 1);
    end(&t);
  }
}
END_TEST

/* Who has the one before them misses nothing; who has only what was before that is told. */
START_TEST(as_many_as_asked_for_are_read_back)
{
  static const char *const ids[] = { "1-3", "1-2", "1-1" };
  static const char *const seen[] = { "4 5", "3 4 5", "<expired> 3 4 5" };

  for (int i = 0; i < 3; i++) {
    tailed t;

    begin(&t);
    t.o.read_back = 3;
    for (int n = 1; n <= 5; n++)
      server_do(&t.s, "XADD hermes:events 1-%d t t e x d %d", n, n);
    start(&t, ids[i]);
    FLEET_UNTIL(&t.f, client_count(&t.client, "5") == 1);
    ck_assert_str_eq(client_seen(&t.client), seen[i]);
    end(&t);
  }
}
END_TEST

/* An id of a stream that is not there any more, of who came before the bridge knew and of who came later; nobody else is told. */
START_TEST(an_id_of_a_stream_that_is_gone_is_told)
{
  sink late, new;
  tailed t;

  begin(&t);
  start(&t, "1-1");
  client_come(t.h, &new, "t", NULL, NULL);
  server_do(&t.s, "XADD hermes:events * t t e x d 2");
  FLEET_UNTIL(&t.f, client_count(&t.client, "2") == 1);
  client_come(t.h, &late, "t", NULL, "1-1");
  FLEET_UNTIL(&t.f, client_count(&late, "2") == 1 && client_count(&new, "2") == 1);
  ck_assert_str_eq(client_seen(&t.client), "<expired> 2");
  ck_assert_str_eq(client_seen(&late), "<expired> 2");
  ck_assert_str_eq(client_seen(&new), "2");
  client_leave(&late);
  client_leave(&new);
  end(&t);
}
END_TEST

/* Entries so large that few fit one answer: the tail asks for less until it gets on, at the start and later. */
START_TEST(answers_too_large_are_asked_for_in_pieces)
{
  char *large = text_of(LARGE);
  tailed t;

  begin(&t);
  server_do(&t.s, "XADD hermes:events 1-1 t t e x d 0");
  add(&t, N_LARGE, large);
  start(&t, "1-1");
  FLEET_UNTIL(&t.f, client_events(&t.client) == N_LARGE);
  server_do(&t.s, "CLIENT KILL TYPE normal SKIPME yes");
  add(&t, N_LARGE, large);
  FLEET_UNTIL(&t.f, client_events(&t.client) == 2 * (size_t)N_LARGE);
  ck_assert(host_logged(t.h, "a reply is larger than"));
  ck_assert_uint_eq(host_figure(t.h, "redis_malformed_total"), 0);
  end(&t);
  free(large);
}
END_TEST

/* One that comes in no answer is told as missing, and what follows is served: while it follows, and at the start. */
START_TEST(an_entry_too_large_is_left_out_and_told)
{
  char *huge = text_of(2 * FEW);
  sink late;
  tailed t;

  begin(&t);
  server_do(&t.s, "XADD hermes:events 1-1 t t e x d 1");
  start(&t, "1-1");
  server_do(&t.s, "XADD hermes:events 1-2 t t e x d %s", huge);
  server_do(&t.s, "XADD hermes:events 1-3 t t e x d 3");
  FLEET_UNTIL(&t.f, client_count(&t.client, "3") == 1);
  ck_assert_str_eq(client_seen(&t.client), "<bridge> 3");
  ck_assert_uint_eq(host_figure(t.h, "redis_malformed_total"), 1);
  ck_assert(host_logged(t.h, "an entry of hermes:events is larger than max_reply_bytes"));
  t.h = fleet_add(&t.f, &t.o, t.s.port);
  client_come(t.h, &late, "t", NULL, "1-1");
  FLEET_UNTIL(&t.f, client_count(&late, "3") == 1);
  ck_assert_str_eq(client_seen(&late), "<bridge> 3");
  client_leave(&late);
  end(&t);
  free(huge);
}
END_TEST

static int waits_for_more(server *s)
{
  return strstr(server_text(s, "INFO clients"), "\nblocked_clients:1\r") != NULL;
}

/* Nobody turns the host's loop while the stream loses what it has not read. */
START_TEST(who_is_slower_than_the_stream_is_told)
{
  tailed t;

  begin(&t);
  start(&t, NULL);
  server_do(&t.s, "XADD hermes:events MAXLEN 1 * t t e x d 0");
  FLEET_UNTIL(&t.f, client_count(&t.client, "0") == 1 && waits_for_more(&t.s));
  for (int i = 1; i <= 5; i++)
    server_do(&t.s, "XADD hermes:events MAXLEN 1 * t t e x d %d", i);
  FLEET_UNTIL(&t.f, client_count(&t.client, "5") == 1);
  ck_assert_str_eq(client_seen(&t.client), "0 1 <bridge> 5"); /* the first was on its way already */
  end(&t);
}
END_TEST

SUITE_MAIN("redis tail", all_that_the_stream_has_is_read_back, as_many_as_asked_for_are_read_back,
           an_id_of_a_stream_that_is_gone_is_told, answers_too_large_are_asked_for_in_pieces,
           an_entry_too_large_is_left_out_and_told, who_is_slower_than_the_stream_is_told)
