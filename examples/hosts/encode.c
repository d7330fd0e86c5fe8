/* Lines in, events out: the encoder in another tool's hands. encode <lines >events */
#include <hermes_sse/event.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
  char line[65536], out[2 * sizeof line];

  while (fgets(line, sizeof line, stdin)) {
    hermes_sse_event event = { .size = sizeof event };
    hermes_sse_ssize n;

    event.data = (hermes_sse_slice){ .ptr = line, .len = strcspn(line, "\n") };
    n = hermes_sse_event_encode(&event, out, sizeof out);
    if (n < 0) {
      fprintf(stderr, "encode: %s\n", hermes_sse_strerror((int)n));
      return 1;
    }
    fwrite(out, 1, (size_t)n, stdout);
  }
  return 0;
}
