/* Delays and verdicts of the client; what it sends is tests/conformance's. */
#include "memory.h"
#include "suite.h"
#include <hermes_sse/client.h>

static hermes_sse_client *client_with(memory *m, uint64_t retry_ms, uint64_t max_delay_ms)
{
  hermes_sse_environment env = memory_environment(m);
  hermes_sse_client_options o = { .size = sizeof o, .environment = &env };
  hermes_sse_client *c = NULL;

  o.retry_ms = retry_ms;
  o.max_delay_ms = max_delay_ms;
  ck_assert_int_eq(hermes_sse_client_new(&o, &c), HERMES_SSE_OK);
  return c;
}

static void read_stream(hermes_sse_client *c, const char *text)
{
  hermes_sse_event e = { .size = sizeof e };
  hermes_sse_slice bytes = hermes_sse_str(text);

  ck_assert_int_eq(hermes_sse_client_answered(c, 200, hermes_sse_str("text/event-stream")), HERMES_SSE_CLIENT_READ);
  hermes_sse_parser_feed(hermes_sse_client_parser(c), bytes.ptr, bytes.len);
  while (hermes_sse_parser_next(hermes_sse_client_parser(c), &e) != 0)
    ;
}

START_TEST(delays_double_up_to_the_cap_and_vary)
{
  memory m;
  hermes_sse_client *c;
  int64_t least[8], most[8];

  memory_init(&m);
  for (int i = 0; i < 8; i++) {
    least[i] = INT64_MAX;
    most[i] = 0;
  }
  c = client_with(&m, 1000, 30000);
  for (int round = 0; round < 200; round++) {
    for (int i = 0; i < 8; i++) {
      int64_t delay = hermes_sse_client_ended(c);

      least[i] = delay < least[i] ? delay : least[i];
      most[i] = delay > most[i] ? delay : most[i];
    }
    read_stream(c, "");
    ck_assert_int_eq(hermes_sse_client_ended(c), 1000);
  }
  for (int i = 0; i < 8; i++) {
    int64_t top = 2000ll << i < 30000 ? 2000ll << i : 30000;

    ck_assert_int_ge(least[i], top / 2);
    ck_assert_int_le(most[i], top);
    ck_assert_msg(most[i] - least[i] > top / 4, "delays after %d failures hardly vary: %lld to %lld", i + 1,
                  (long long)least[i], (long long)most[i]);
  }
  hermes_sse_client_free(c);
}
END_TEST

START_TEST(the_servers_time_is_never_cut_short)
{
  memory m;
  hermes_sse_client *c;

  memory_init(&m);
  c = client_with(&m, 0, 2000);
  ck_assert_int_le(hermes_sse_client_ended(c), 2000 > 3000 ? 2000 : 3000);
  read_stream(c, "retry: 5000\n\n");
  ck_assert_int_eq(hermes_sse_client_ended(c), 5000);
  for (int i = 0; i < 100; i++)
    ck_assert_int_eq(hermes_sse_client_ended(c), 5000);
  read_stream(c, "retry: 0\n\n");
  ck_assert_int_eq(hermes_sse_client_ended(c), 0);
  for (int i = 0; i < 3; i++)
    ck_assert_int_gt(hermes_sse_client_ended(c), 0);
  read_stream(c, "retry: 99999999999999999999999\n\n");
  ck_assert_int_eq(hermes_sse_client_ended(c), INT64_MAX);
  hermes_sse_client_free(c);
}
END_TEST

START_TEST(statuses)
{
  static const struct {
    unsigned status;
    const char *type;
    int verdict;
  } cases[] = {
    { 200, "text/event-stream", HERMES_SSE_CLIENT_READ },
    { 200, " Text/Event-Stream ; charset=utf-8", HERMES_SSE_CLIENT_READ },
    { 200, "text/event-streams", HERMES_SSE_CLIENT_STOP },
    { 200, "text/html", HERMES_SSE_CLIENT_STOP },
    { 200, "", HERMES_SSE_CLIENT_STOP },
    { 204, "text/event-stream", HERMES_SSE_CLIENT_STOP },
    { 206, "text/event-stream", HERMES_SSE_CLIENT_STOP },
    { 404, "", HERMES_SSE_CLIENT_STOP },
    { 501, "", HERMES_SSE_CLIENT_STOP },
    { 408, "", HERMES_SSE_CLIENT_RECONNECT },
    { 429, "text/plain", HERMES_SSE_CLIENT_RECONNECT },
    { 500, "", HERMES_SSE_CLIENT_RECONNECT },
    { 502, "", HERMES_SSE_CLIENT_RECONNECT },
    { 503, "", HERMES_SSE_CLIENT_RECONNECT },
    { 504, "", HERMES_SSE_CLIENT_RECONNECT },
  };

  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    hermes_sse_slice type = hermes_sse_str(cases[i].type);
    hermes_sse_client *c = NULL;

    ck_assert_int_eq(hermes_sse_client_new(NULL, &c), HERMES_SSE_OK);
    ck_assert_int_eq(hermes_sse_client_answered(c, cases[i].status, type), cases[i].verdict);
    if (cases[i].verdict == HERMES_SSE_CLIENT_STOP) {
      ck_assert_int_eq(hermes_sse_client_ended(c), HERMES_SSE_ERR_EOF);
      ck_assert_int_eq(hermes_sse_client_answered(c, 200, type), HERMES_SSE_ERR_STATE);
    } else {
      ck_assert_int_ge(hermes_sse_client_ended(c), 0);
    }
    hermes_sse_client_free(c);
  }
}
END_TEST

static void make(const hermes_sse_environment *environment, memory *m, void *user)
{
  hermes_sse_parser_options of_parser = { .size = sizeof of_parser, .last_event_id = hermes_sse_str("1-2") };
  hermes_sse_client_options o = { .size = sizeof o, .environment = environment, .parser = &of_parser };
  hermes_sse_client *c = NULL;
  int rv = hermes_sse_client_new(&o, &c);

  (void)user;
  if (rv == HERMES_SSE_OK)
    ck_assert_uint_eq(hermes_sse_client_last_event_id(c).len, 3);
  else
    ck_assert(rv == HERMES_SSE_ERR_NOMEM && m->failed > 0 && !c);
  hermes_sse_client_free(c);
}

START_TEST(every_allocation_may_fail)
{
  ck_assert_uint_ge(memory_sweep(make, NULL), 3);
}
END_TEST

START_TEST(options_are_those_of_the_parser_too)
{
  hermes_sse_parser_options of_parser = { .size = sizeof of_parser, .last_event_id = hermes_sse_str("a\nb") };
  hermes_sse_client_options o = { .size = sizeof o, .parser = &of_parser };
  hermes_sse_client *c = NULL;

  ck_assert_int_eq(hermes_sse_client_new(&o, &c), HERMES_SSE_ERR_BAD_ID);
  of_parser.size = 1;
  ck_assert_int_eq(hermes_sse_client_new(&o, &c), HERMES_SSE_ERR_OPTION);
  ck_assert_ptr_null(c);
  hermes_sse_client_free(NULL);
}
END_TEST

SUITE_MAIN("client", delays_double_up_to_the_cap_and_vary, the_servers_time_is_never_cut_short, statuses,
           every_allocation_may_fail, options_are_those_of_the_parser_too)
