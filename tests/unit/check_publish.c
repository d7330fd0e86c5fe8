#include "api.h"
#include "suite.h"

static const char *const on[] = { "HERMES_ENABLE_SSE=true", NULL };

static int publish(api *a, const char *data)
{
  return hermes_sse_service_publish(a->service, "analytics:updates", "analytics_update", hermes_sse_str(data));
}

START_TEST(data_travels_as_its_sender_wrote_it)
{
  static const char *const same[] = { "{\"n\":12345678901234567890123}",
                                      "[1.10,1e400,-0.0]",
                                      "\"\\u0000\\ud83d\\ude00\"",
                                      "{\"a\":1,\"a\":2}",
                                      "\"\xc3\xa9 \\/ \\n\"",
                                      " {\"a\" : 1 } " };
  api a;
  sink s;
  char expected[1024] = "";

  api_init(&a, on, NULL);
  world_open(&a.w, &s, "analytics:updates", NULL);
  for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
    ck_assert_msg(publish(&a, same[i]) == HERMES_SSE_OK, "%s", same[i]);
    strcat(strcat(expected, i > 0 ? "," : ""), same[i]);
  }
  ck_assert_int_eq(publish(&a, "{\r\n  \"a\": [\n1,\r2]\n}"), HERMES_SSE_OK);
  strcat(expected, ",{    \"a\": [ 1, 2] }");
  world_run(&a.w, 0);
  ck_assert_str_eq(world_data(&s), expected);
  hermes_sse_stream_free(s.stream);
  sink_clear(&s);
  api_clear(&a);
}
END_TEST

START_TEST(what_is_no_event_is_refused_and_counted)
{
  static const char *const bad[] = {
    "",     "{",        "{}x", "nul", "\"a\nb\"",    "\"a\tb\"", "\"a",      "[1,",           "{\"a\":1} {\"b\":2}",
    "01",   "[1.]",     "-.5", "1e",  "\"\\uZZZZ\"", "\"\\x\"",  "[\x01 1]", "\357\273\2771", "{a:1}",
    "[1,]", "{\"a\" 1}"
  };
  static const char *const types[] = { "", "a b", "connected", "heartbeat", "gap", "message", "a\nb", NULL };
  api a;
  sink s;

  api_init(&a, on, NULL);
  world_open(&a.w, &s, "analytics:updates", NULL);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    ck_assert_msg(publish(&a, bad[i]) == HERMES_SSE_ERR_BAD_DATA, "%s", bad[i]);
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    ck_assert_int_eq(hermes_sse_service_publish(a.service, "queue:updates", types[i], hermes_sse_str("1")),
                     HERMES_SSE_ERR_BAD_TYPE);
  ck_assert_int_eq(hermes_sse_service_publish(a.service, "none", "t", hermes_sse_str("1")), HERMES_SSE_ERR_NOT_FOUND);
  ck_assert_int_eq(hermes_sse_service_publish(a.service, NULL, "t", hermes_sse_str("1")), HERMES_SSE_ERR_NOT_FOUND);
  world_run(&a.w, 0);
  ck_assert_uint_eq(s.n, 0);
  ck_assert_uint_eq(a.w.memory.logs, 5); /* 1, 2, 4, 8, 16 */
  api_expect(&a, (ask){ .target = "/api/v1/events/metrics" }, 200, "hermes_sse_events_malformed_total 30\n");
  hermes_sse_stream_free(s.stream);
  sink_clear(&s);
  api_clear(&a);
}
END_TEST

START_TEST(an_id_is_a_key_only_as_a_whole)
{
  static const struct {
    const char *data;
    int keyed;
  } cases[] = { { "{\"download_id\":\"abc\"}", 1 },
                { "{\"download_id\":\"abc\\u0000def\"}", 0 },
                { "{\"download\\u005fid\":\"abc\\u0000def\"}", 0 },
                { "{\"download\\u005fid\":\"abc\"}", 1 },
                { "{\"x\":\"\\u0000\",\"download_id\":\"abc\"}", 1 },
                { "{\"x\":{\"download_id\":\"\\u0000\"}, \"download_id\" : \"abc\" }", 1 },
                { "{\"download_id\":\"abc\",\"x\":\"\\\\u0000\"}", 1 } };
  char long_id[400] = "{\"download_id\":\"";
  api a;
  sink all, one;
  size_t keyed = 0;

  api_init(&a, on, NULL);
  world_open(&a.w, &all, "analytics:updates", NULL);
  world_open(&a.w, &one, "analytics:updates", "abc");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ck_assert_int_eq(publish(&a, cases[i].data), HERMES_SSE_OK);
    keyed += (size_t)cases[i].keyed;
  }
  memset(long_id + strlen(long_id), 'x', 300);
  strcat(long_id, "\"}");
  ck_assert_int_eq(publish(&a, long_id), HERMES_SSE_OK);
  world_run(&a.w, 0);
  ck_assert_uint_eq(sink_read(&one, (received[16]){ { .retry = 0 } }, 16, NULL), keyed);
  ck_assert_uint_eq(sink_read(&all, (received[16]){ { .retry = 0 } }, 16, NULL), sizeof cases / sizeof *cases + 1);
  hermes_sse_stream_free(all.stream);
  hermes_sse_stream_free(one.stream);
  sink_clear(&all);
  sink_clear(&one);
  api_clear(&a);
}
END_TEST

START_TEST(progress_is_the_contracts_object)
{
  hermes_sse_download_progress p = { .size = sizeof p,
                                     .status = "downloading",
                                     .progress = 42.26,
                                     .downloaded_bytes = 1,
                                     .total_bytes = HERMES_SSE_UNKNOWN,
                                     .download_speed = 3,
                                     .eta = HERMES_SSE_UNKNOWN };
  char buf[512], small[10];
  union {
    size_t size;
    unsigned char bytes[sizeof p + 16];
  } newer = { .size = 0 };

  ck_assert_int_gt(hermes_sse_format_download_progress("a\"b", &p, buf, sizeof buf), 0);
  ck_assert_str_eq(buf,
                   "{\"download_id\":\"a\\\"b\",\"status\":\"downloading\",\"progress\":42.3,\"downloaded_bytes\":1,"
                   "\"total_bytes\":null,\"download_speed\":3,\"eta\":null,\"error_message\":null}");
  p.error_message = "no\nspace";
  p.more = hermes_sse_str(" { \"file\" : \"x\" } ");
  ck_assert_int_gt(hermes_sse_format_download_progress("a", &p, buf, sizeof buf), 0);
  ck_assert_ptr_nonnull(strstr(buf, ",\"error_message\":\"no\\u000aspace\", \"file\" : \"x\" }"));
  p.more = hermes_sse_str("{}");
  ck_assert_int_gt(hermes_sse_format_download_progress("a", &p, buf, sizeof buf), 0);
  ck_assert_int_eq(hermes_sse_format_download_progress("a", &p, small, sizeof small), HERMES_SSE_ERR_SPACE);
  p.more = hermes_sse_str("{\"x\":1,\"status\":\"completed\"}");
  ck_assert_int_eq(hermes_sse_format_download_progress("a", &p, buf, sizeof buf), HERMES_SSE_ERR_BAD_DATA);
  p.more = hermes_sse_str("{}");
  p.progress = 99.96;
  ck_assert_int_gt(hermes_sse_format_download_progress("a", &p, buf, sizeof buf), 0);
  ck_assert_ptr_nonnull(strstr(buf, "\"progress\":99.9,"));
  memcpy(newer.bytes, &p, sizeof p);
  newer.size = sizeof newer;
  ck_assert_int_gt(hermes_sse_format_download_progress("a", (const void *)&newer, buf, sizeof buf), 0);
  p.more = hermes_sse_str("[]");
  ck_assert_int_eq(hermes_sse_format_download_progress("a", &p, buf, sizeof buf), HERMES_SSE_ERR_BAD_DATA);
  p.more = hermes_sse_str("{");
  ck_assert_int_eq(hermes_sse_format_download_progress("a", &p, buf, sizeof buf), HERMES_SSE_ERR_BAD_DATA);
  p.more = hermes_sse_str("");
  p.status = "paused";
  ck_assert_int_eq(hermes_sse_format_download_progress("a", &p, buf, sizeof buf), HERMES_SSE_ERR_BAD_DATA);
  p.status = "queued";
  p.progress = 101;
  ck_assert_int_eq(hermes_sse_format_download_progress("a", &p, buf, sizeof buf), HERMES_SSE_ERR_BAD_DATA);
  p.progress = 0.0 / 1;
  ck_assert_int_eq(hermes_sse_format_download_progress("", &p, buf, sizeof buf), HERMES_SSE_ERR_BAD_DATA);
  ck_assert_int_eq(hermes_sse_format_download_progress("a", NULL, buf, sizeof buf), HERMES_SSE_ERR_OPTION);
}
END_TEST

START_TEST(helpers_judge_their_words)
{
  static const char *const off[] = { NULL };
  hermes_sse_download_progress p = { .size = sizeof p, .status = "queued" };
  hermes_sse_id before, after;
  api a;

  api_init(&a, on, NULL);
  ck_assert_int_eq(hermes_sse_publish_queue_update(a.service, "moved", "x", "s"), HERMES_SSE_ERR_BAD_DATA);
  ck_assert_int_eq(hermes_sse_publish_queue_update(a.service, "added", "", "s"), HERMES_SSE_ERR_BAD_DATA);
  ck_assert_int_eq(hermes_sse_publish_system_notification(a.service, "loud", "x"), HERMES_SSE_ERR_BAD_DATA);
  ck_assert_int_eq(hermes_sse_publish_system_notification(a.service, "info", NULL), HERMES_SSE_ERR_BAD_DATA);
  api_clear(&a);
  api_init(&a, off, NULL);
  hermes_sse_bus_head(a.w.bus, &before);
  ck_assert_int_eq(hermes_sse_publish_download_progress(a.service, "x", &p), HERMES_SSE_OK);
  hermes_sse_bus_head(a.w.bus, &after);
  ck_assert(before.lo == after.lo); /* off: nothing is published */
  api_clear(&a);
}
END_TEST

SUITE_MAIN("publish", data_travels_as_its_sender_wrote_it, what_is_no_event_is_refused_and_counted,
           an_id_is_a_key_only_as_a_whole, progress_is_the_contracts_object, helpers_judge_their_words)
