/* The bridge to Redis beside bare readers of hiredis: what a message costs, how many come through, how soon they are there.
 *
 *   redis [--short] */
#include "redis.h"

int main(int argc, char **argv)
{
  int brief = is_short(argc, argv);
  server s;

  pin(0);
  cost_table(brief);
  if (!server_start(&s)) {
    printf("no redis-server here: nothing is measured through one\n");
    return 0;
  }
  flood_table(&s, brief);
  latency_table(&s, brief);
  server_stop(&s);
  return 0;
}
