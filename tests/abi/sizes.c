/* Prints the size of every public struct and the offset of every member that can be asked for by name, for comparison with
   sizes.txt: a difference is an ABI decision (CONTRIBUTING.md). */
#include <hermes_sse/client.h>
#include <hermes_sse/extend.h>
#include <hermes_sse/hermes_sse.h>
#include <stdio.h>

#define SIZE(type)           printf("%s %zu\n", #type, sizeof(type))
#define OFFSET(type, member) printf("%s.%s %zu\n", #type, #member, offsetof(type, member))

int main(void)
{
  SIZE(hermes_sse_slice);
  SIZE(hermes_sse_id);
  SIZE(hermes_sse_ticket);
  SIZE(hermes_sse_subscription);
  SIZE(hermes_sse_limit_key);
  SIZE(hermes_sse_histogram);
  SIZE(hermes_sse_environment);
  OFFSET(hermes_sse_environment, random);
  SIZE(hermes_sse_event);
  OFFSET(hermes_sse_event, retry_ms);
  SIZE(hermes_sse_parser_options);
  OFFSET(hermes_sse_parser_options, last_event_id);
  SIZE(hermes_sse_client_options);
  OFFSET(hermes_sse_client_options, max_delay_ms);
  SIZE(hermes_sse_bus_options);
  OFFSET(hermes_sse_bus_options, max_retained_bytes);
  SIZE(hermes_sse_topic_options);
  OFFSET(hermes_sse_topic_options, flags);
  SIZE(hermes_sse_message);
  OFFSET(hermes_sse_message, meta);
  SIZE(hermes_sse_drain_options);
  OFFSET(hermes_sse_drain_options, deadline_ms);
  SIZE(hermes_sse_stats);
  OFFSET(hermes_sse_stats, retained_bytes);
  OFFSET(hermes_sse_stats, gaps_bridge);
  SIZE(hermes_sse_hub_options);
  OFFSET(hermes_sse_hub_options, heartbeat_bytes);
  OFFSET(hermes_sse_hub_options, lifetime_ms);
  OFFSET(hermes_sse_hub_options, recheck_failures);
  SIZE(hermes_sse_stream_options);
  OFFSET(hermes_sse_stream_options, ticket);
  OFFSET(hermes_sse_stream_options, lifetime_ms);
  OFFSET(hermes_sse_stream_options, filter);
  SIZE(hermes_sse_gap);
  OFFSET(hermes_sse_gap, to);
  SIZE(hermes_sse_stream_info);
  OFFSET(hermes_sse_stream_info, ticket);
  SIZE(hermes_sse_limits_options);
  SIZE(hermes_sse_class_options);
  SIZE(hermes_sse_verdict);
  OFFSET(hermes_sse_verdict, key_class);
  SIZE(hermes_sse_limits_stats);
  SIZE(hermes_sse_part);
  OFFSET(hermes_sse_part, gone);
  SIZE(hermes_sse_relay);
  OFFSET(hermes_sse_relay, demand);
  SIZE(hermes_sse_figure);
  OFFSET(hermes_sse_figure, value);
  SIZE(hermes_sse_report);
  OFFSET(hermes_sse_report, trouble);
  SIZE(hermes_sse_store);
  OFFSET(hermes_sse_store, del);
  return 0;
}
