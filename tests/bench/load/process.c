#include "load.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int read_cpu(pid_t pid, double *seconds)
{
  char path[64], line[1024];
  const char *after_name = NULL;
  unsigned long user, system;
  FILE *f;

  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  f = fopen(path, "r");
  if (!f)
    return -1;
  if (fgets(line, sizeof line, f))
    after_name = strrchr(line, ')');
  fclose(f);
  if (!after_name ||
      sscanf(after_name + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
    return -1;
  *seconds += (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
  return 0;
}

static void read_memory(pid_t pid, usage *u)
{
  char path[64], line[256];
  unsigned long kib;
  FILE *f;

  snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
  f = fopen(path, "r");
  while (f && fgets(line, sizeof line, f)) {
    if (sscanf(line, "Rss: %lu kB", &kib) == 1)
      u->rss += kib * 1024u;
    else if (sscanf(line, "Pss: %lu kB", &kib) == 1)
      u->pss += kib * 1024u;
  }
  if (f)
    fclose(f);
}

usage usage_of(const options *o)
{
  usage u = { 0 };

  for (unsigned i = 0; i < o->n_pids; i++) {
    u.is_known |= read_cpu(o->pids[i], &u.cpu_s) == 0;
    read_memory(o->pids[i], &u);
  }
  return u;
}
