/* As sizes.c, for the bridge's header. */
#include <hermes_sse/redis.h>
#include <stdio.h>

#define SIZE(type)           printf("%s %zu\n", #type, sizeof(type))
#define OFFSET(type, member) printf("%s.%s %zu\n", #type, #member, offsetof(type, member))

int main(void)
{
  SIZE(hermes_sse_redis_options);
  OFFSET(hermes_sse_redis_options, url);
  OFFSET(hermes_sse_redis_options, channels);
  OFFSET(hermes_sse_redis_options, max_reply_bytes);
  return 0;
}
