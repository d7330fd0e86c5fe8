/* In place of redis.c, where the bridge's library is not built. */
#include "redis.h"
#include <stdio.h>

int redis_start(server *s)
{
  if (!*hermes_sse_settings_get(s->settings, "HERMES_REDIS_URL"))
    return 0;
  fprintf(stderr, "hermes-server: HERMES_REDIS_URL: this server was built without Redis (it needs hiredis); accepted: "
                  "no value\n");
  return -1;
}

int redis_store(const server *s, hermes_sse_store *store)
{
  (void)s, (void)store;
  return 0;
}

void redis_report(server *s)
{
  (void)s;
}

void redis_stop(server *s)
{
  (void)s;
}
