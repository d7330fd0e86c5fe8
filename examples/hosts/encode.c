/* Lines in, events out: the encoder in another tool's hands, without bus or hub. encode <lines >events */
#include <hermes_sse/event.h>
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
  char *line = NULL, *out = NULL;
  size_t room = 0, out_room = 0;
  ssize_t len;
  int failed = 0;

  while (!failed && (len = getline(&line, &room, stdin)) > 0) {
    hermes_sse_event event = { .size = sizeof event };
    hermes_sse_ssize n;

    event.data = (hermes_sse_slice){ .ptr = line, .len = (size_t)len - (line[len - 1] == '\n') };
    n = hermes_sse_event_measure(&event);
    if (n > 0 && (size_t)n > out_room) {
      free(out);
      out_room = 2 * (size_t)n;
      out = malloc(out_room);
    }
    if (n < 0 || !out) {
      fprintf(stderr, "encode: %s\n", hermes_sse_strerror(n < 0 ? (int)n : HERMES_SSE_ERR_NOMEM));
      failed = 1;
    } else {
      n = hermes_sse_event_encode(&event, out, out_room);
      failed = fwrite(out, 1, (size_t)n, stdout) != (size_t)n;
    }
  }
  free(line);
  free(out);
  return failed || ferror(stdin) || fflush(stdout) != 0;
}
