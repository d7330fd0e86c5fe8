/* The bridge's small tables: channels, origins, answers that are due, and the outbox. */
#include "memory.h"
#include "redis/channels.h"
#include "redis/expected.h"
#include "redis/origins.h"
#include "redis/outbox.h"
#include "suite.h"
#include <hermes_sse/status.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static memory mem;
static hermes_sse_environment env;

static void begin(void)
{
  memory_init(&mem);
  env = memory_environment(&mem);
}

/* ---- channels ---- */

static hermes_sse__channel *get(hermes_sse__channels *c, const char *name)
{
  return hermes_sse__channel_get(&env, c, name, strlen(name));
}

static const char *taker(const hermes_sse__channels *c, const char *topic)
{
  const hermes_sse__channel *channel = hermes_sse__channels_taker(c, topic, strlen(topic));

  return channel ? channel->name : "none";
}

START_TEST(channels_are_found_again)
{
  hermes_sse__channels c = { .seed = { 1, 2 } };
  hermes_sse__channel *a, *b;
  char name[256];

  begin();
  a = get(&c, "a");
  b = get(&c, "a*");
  ck_assert_ptr_ne(a, b);
  ck_assert_ptr_eq(get(&c, "a"), a);
  ck_assert(!a->is_pattern && b->is_pattern && a->len == 1 && b->len == 1);
  ck_assert_ptr_null(hermes_sse__channel_find(&c, "b", 1));
  memset(name, 'x', 255);
  name[255] = 0;
  ck_assert_uint_eq(get(&c, name)->len, 255);
  for (int i = 0; i < 500; i++) {
    snprintf(name, sizeof name, "n%d", i);
    get(&c, name);
  }
  ck_assert_uint_eq(c.n, 503);
  for (int i = 0; i < 500; i += 2) {
    snprintf(name, sizeof name, "n%d", i);
    hermes_sse__channel_forget(&env, &c, get(&c, name));
  }
  for (int i = 0; i < 500; i++) {
    snprintf(name, sizeof name, "n%d", i);
    ck_assert_int_eq(hermes_sse__channel_find(&c, name, strlen(name)) != NULL, i % 2);
  }
  hermes_sse__channels_clear(&env, &c);
  ck_assert_uint_eq(c.n, 0);
  ck_assert_uint_eq(mem.live_blocks, 0);
}
END_TEST

START_TEST(one_of_them_takes_a_message)
{
  hermes_sse__channels c = { .seed = { 1, 2 } };
  static const char *const all[] = { "*", "a*", "ab*", "abc", "abc*" };

  begin();
  for (size_t i = 0; i < 5; i++)
    get(&c, all[i]);
  ck_assert_str_eq(taker(&c, "abc"), "none"); /* nothing is confirmed */
  for (size_t i = 0; i < 3; i++)
    hermes_sse__channel_confirm(&c, get(&c, all[i]), 1);
  ck_assert_str_eq(taker(&c, "abc"), "ab*");
  ck_assert_str_eq(taker(&c, "a"), "a*");
  ck_assert_str_eq(taker(&c, "z"), "*");
  hermes_sse__channel_confirm(&c, get(&c, "abc*"), 1);
  ck_assert_str_eq(taker(&c, "abc"), "abc*");
  hermes_sse__channel_confirm(&c, get(&c, "abc"), 1);
  hermes_sse__channel_confirm(&c, get(&c, "abc"), 1);
  ck_assert_str_eq(taker(&c, "abc"), "abc");
  ck_assert_str_eq(taker(&c, "abcd"), "abc*");
  ck_assert_str_eq(taker(&c, "abc*"), "abc*"); /* a topic of a pattern's very name is taken by the pattern */
  ck_assert_uint_eq(c.n_confirmed, 5);
  ck_assert_uint_eq(c.n_patterns, 4);
  hermes_sse__channel_deny(&c, get(&c, "abc"));
  hermes_sse__channel_deny(&c, get(&c, "abc"));
  ck_assert_uint_eq(c.n_denied, 1);
  ck_assert_uint_eq(c.n_confirmed, 4);
  ck_assert_str_eq(taker(&c, "abc"), "abc*");
  hermes_sse__channel_forget(&env, &c, get(&c, "abc"));
  ck_assert_uint_eq(c.n_denied, 0);
  hermes_sse__channels_reset(&c);
  ck_assert_str_eq(taker(&c, "abc"), "none");
  ck_assert_uint_eq(c.n_confirmed + c.n_patterns + c.n_denied, 0);
  hermes_sse__channels_clear(&env, &c);
  ck_assert_uint_eq(mem.live_blocks, 0);
}
END_TEST

START_TEST(a_glob_is_escaped)
{
  static const char *const names[][2] = {
    { "*", "*" }, { "abc*", "abc*" }, { "a*b*", "a\\*b*" }, { "a?[b-c]\\^x*", "a\\?\\[b-c\\]\\\\^x*" }, { "**", "\\**" }
  };
  hermes_sse__channels c = { .seed = { 1, 2 } };
  char buf[2 * HERMES_SSE_TOPIC_MAX + 2], all[256];

  begin();
  for (size_t i = 0; i < 5; i++) {
    ck_assert_uint_eq(hermes_sse__channel_glob(get(&c, names[i][0]), buf), strlen(names[i][1]));
    ck_assert_str_eq(buf, names[i][1]);
  }
  memset(all, '?', 255);
  all[254] = '*';
  all[255] = 0;
  ck_assert_uint_eq(hermes_sse__channel_glob(get(&c, all), buf), 2 * 254 + 1);
  hermes_sse__channels_clear(&env, &c);
}
END_TEST

/* ---- origins ---- */

static int is_new(hermes_sse__origins *o, const char *name, uint64_t number, uint64_t now_ms)
{
  return hermes_sse__origin_is_new(&env, o, name, number, now_ms);
}

START_TEST(numbers_are_new_once)
{
  hermes_sse__origins o = { .seed = { 1, 2 } };

  begin();
  ck_assert_int_eq(is_new(&o, "a", 5, 1), 1);
  ck_assert_int_eq(is_new(&o, "a", 5, 1), 0);
  ck_assert_int_eq(is_new(&o, "a", 4, 1), 0);
  ck_assert_int_eq(is_new(&o, "a", 6, 1), 1);
  ck_assert_int_eq(is_new(&o, "b", 1, 1), 1);
  ck_assert_int_eq(is_new(&o, "a", UINT64_MAX, 1), 1);
  ck_assert_int_eq(is_new(&o, "a", 7, 1), 0);
  mem.fail_at = mem.calls + 1;
  ck_assert_int_eq(is_new(&o, "c", 1, 1), 1);
  ck_assert_int_eq(is_new(&o, "c", 1, 1), 1); /* it could not be remembered */
  ck_assert_int_eq(is_new(&o, "c", 1, 1), 0);
  hermes_sse__origins_clear(&env, &o);
  ck_assert_uint_eq(mem.live_blocks, 0);
}
END_TEST

START_TEST(the_longest_unheard_is_forgotten)
{
  enum { MOST = 4096 };
  hermes_sse__origins o = { .seed = { 1, 2 } };
  char name[32];

  begin();
  for (unsigned i = 0; i < MOST; i++) {
    snprintf(name, sizeof name, "o%u", i);
    ck_assert_int_eq(is_new(&o, name, 9, 100 + i), 1);
  }
  ck_assert_int_eq(is_new(&o, "o0", 9, 99999), 0); /* heard again */
  ck_assert_int_eq(is_new(&o, "one more", 1, 100000), 1);
  ck_assert_uint_eq(o.table.n, MOST);
  ck_assert_int_eq(is_new(&o, "o0", 9, 100001), 0);
  ck_assert_int_eq(is_new(&o, "o1", 9, 100001), 1); /* that one */
  hermes_sse__origins_clear(&env, &o);
  ck_assert_uint_eq(mem.live_blocks, 0);
}
END_TEST

/* ---- answers that are due ---- */

START_TEST(answers_come_in_order)
{
  hermes_sse__expected e = { .capacity = 0 };
  hermes_sse__answer answer;
  uint64_t pushed = 0, popped = 0;

  begin();
  ck_assert_int_eq(hermes_sse__expected_pop(&e, &answer), 0);
  ck_assert_ptr_null(hermes_sse__expected_first(&e));
  for (int round = 0; round < 60; round++) {
    for (int i = 0; i < round; i++) {
      ck_assert_int_eq(hermes_sse__expected_reserve(&env, &e), HERMES_SSE_OK);
      hermes_sse__expected_push(&e, (hermes_sse__answer){ .number = pushed++ });
    }
    for (int i = 0; i < round - round / 4; i++) {
      ck_assert_uint_eq(hermes_sse__expected_first(&e)->number, popped);
      ck_assert_int_eq(hermes_sse__expected_pop(&e, &answer), 1);
      ck_assert_uint_eq(answer.number, popped++);
    }
  }
  ck_assert_uint_gt(pushed - popped, 100);
  while (e.next - e.first < e.capacity) {
    ck_assert_int_eq(hermes_sse__expected_reserve(&env, &e), HERMES_SSE_OK);
    hermes_sse__expected_push(&e, (hermes_sse__answer){ .number = pushed++ });
  }
  mem.fail_at = mem.calls + 1;
  ck_assert_int_eq(hermes_sse__expected_reserve(&env, &e), HERMES_SSE_ERR_NOMEM);
  while (hermes_sse__expected_pop(&e, &answer))
    ck_assert_uint_eq(answer.number, popped++);
  ck_assert_uint_eq(popped, pushed);
  hermes_sse__expected_clear(&env, &e);
  ck_assert_uint_eq(mem.live_blocks, 0);
}
END_TEST

/* ---- the outbox ---- */

static int add(hermes_sse__outbox *o, const char *data, hermes_sse__outgoing **out)
{
  hermes_sse_message m = { .size = sizeof m,
                           .topic = hermes_sse_str("topic"),
                           .key = hermes_sse_str("key"),
                           .type = hermes_sse_str("x"),
                           .data = hermes_sse_str(data),
                           .meta = 7 };

  return hermes_sse__outbox_add(&env, o, &m, "origin", out);
}

static int is(hermes_sse_slice slice, const char *text)
{
  return slice.len == strlen(text) && memcmp(slice.ptr, text, slice.len) == 0;
}

START_TEST(a_message_is_as_it_was)
{
  hermes_sse__outbox o = { .max_bytes = 1 << 20 };
  hermes_sse__outgoing *out;
  hermes_sse_message m;

  begin();
  ck_assert_int_eq(add(&o, "[1,\r\n2]", &out), HERMES_SSE_OK);
  m = hermes_sse__outgoing_message(out);
  ck_assert(is(m.topic, "topic") && is(m.key, "key") && is(m.type, "x") && is(m.data, "[1,  2]") && m.meta == 7);
  ck_assert_uint_eq(out->number, 1);
  ck_assert_ptr_nonnull(memmem(out->bytes + out->envelope_at, out->envelope_len, "\"number\":1}}", 12));
  ck_assert_int_eq(add(&o, "no", &out), HERMES_SSE_ERR_BAD_DATA);
  ck_assert_uint_eq(o.last_number, 1);
  mem.fail_at = mem.calls + 1;
  mem.fail_from = 1;
  ck_assert_int_eq(add(&o, "1", &out), HERMES_SSE_ERR_NOMEM);
  ck_assert_uint_eq(o.unconfirmed, 1);
  hermes_sse__outbox_clear(&env, &o);
  ck_assert_uint_eq(mem.live_blocks, 0);
}
END_TEST

START_TEST(confirmed_and_served_it_goes)
{
  hermes_sse__outbox o = { .max_bytes = 1 << 20 };
  hermes_sse__outgoing *out[4];

  begin();
  for (int i = 0; i < 4; i++)
    ck_assert_int_eq(add(&o, "1", &out[i]), HERMES_SSE_OK);
  ck_assert_ptr_eq(o.unsent, out[0]);
  o.unsent = NULL;
  ck_assert_ptr_eq(hermes_sse__outbox_find(&o, 3), out[2]);
  ck_assert_ptr_null(hermes_sse__outbox_find(&o, 5));
  hermes_sse__outbox_confirm(&o, out[1]);
  hermes_sse__outbox_confirm(&o, out[1]);
  ck_assert_uint_eq(o.unconfirmed, 3);
  out[1]->is_served = out[0]->is_served = 1;
  hermes_sse__outbox_tidy(&env, &o);
  ck_assert_ptr_eq(o.first, out[0]); /* the first is still to be confirmed */
  hermes_sse__outbox_rewind(&o);
  ck_assert_ptr_eq(o.unsent, out[0]);
  o.unsent = out[3]; /* the first was sent, the last was not yet */
  hermes_sse__outbox_rewind(&o);
  ck_assert_ptr_eq(o.unsent, out[0]);
  hermes_sse__outbox_confirm(&o, out[0]);
  hermes_sse__outbox_tidy(&env, &o);
  ck_assert_ptr_eq(o.first, out[2]);
  ck_assert_ptr_eq(o.unsent, out[2]);
  ck_assert_ptr_null(hermes_sse__outbox_find(&o, 1));
  hermes_sse__outbox_take_back(&env, &o);
  ck_assert_uint_eq(o.last_number, 3);
  ck_assert_ptr_eq(o.last, out[2]);
  o.unsent = out[2];
  hermes_sse__outbox_take_back(&env, &o);
  ck_assert(!o.first && !o.last && !o.unsent && o.bytes == 0 && o.unconfirmed == 0 && o.last_number == 2);
  hermes_sse__outbox_rewind(&o);
  ck_assert_ptr_null(o.unsent);
  ck_assert_int_eq(add(&o, "1", &out[0]), HERMES_SSE_OK);
  ck_assert_uint_eq(out[0]->number, 3);
  hermes_sse__outbox_clear(&env, &o);
  ck_assert_uint_eq(mem.live_blocks, 0);
}
END_TEST

START_TEST(it_is_bounded)
{
  hermes_sse__outbox o = { .max_bytes = 2000 };
  hermes_sse__outgoing *out;
  char data[2100];
  int n = 0, rv;

  begin();
  memset(data, '1', sizeof data);
  data[2001] = 0;
  ck_assert_int_eq(add(&o, data, &out), HERMES_SSE_ERR_FULL);
  while ((rv = add(&o, "1", &out)) == HERMES_SSE_OK)
    n++;
  ck_assert_int_eq(rv, HERMES_SSE_ERR_FULL);
  ck_assert_int_gt(n, 3);
  ck_assert_int_lt(n, 20);
  ck_assert_uint_eq(o.last_number, (uint64_t)n);
  hermes_sse__outbox_clear(&env, &o);
  ck_assert_uint_eq(o.bytes, 0);
  ck_assert_uint_eq(mem.live_blocks, 0);
}
END_TEST

SUITE_MAIN("redis channels", channels_are_found_again, one_of_them_takes_a_message, a_glob_is_escaped,
           numbers_are_new_once, the_longest_unheard_is_forgotten, answers_come_in_order, a_message_is_as_it_was,
           confirmed_and_served_it_goes, it_is_bounded)
