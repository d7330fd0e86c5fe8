#include "service/dotenv.h"
#include <string.h>

static const char *skip_blanks(const char *at, const char *end)
{
  while (at < end && (*at == ' ' || *at == '\t'))
    at++;
  return at;
}

/* The value that begins at `at`: quoted, or up to a comment and without blanks at its end. */
static hermes_sse_slice value_of(const char *at, const char *end)
{
  const char *start = at = skip_blanks(at, end), *close;

  if (at < end && (*at == '"' || *at == '\'')) {
    close = memchr(at + 1, *at, (size_t)(end - at - 1));
    if (close)
      return (hermes_sse_slice){ .ptr = at + 1, .len = (size_t)(close - at - 1) };
  }
  while (at < end && !(*at == '#' && (at == start || at[-1] == ' ' || at[-1] == '\t')))
    at++;
  while (at > start && (at[-1] == ' ' || at[-1] == '\t'))
    at--;
  return (hermes_sse_slice){ .ptr = start, .len = (size_t)(at - start) };
}

hermes_sse_slice hermes_sse__dotenv_get(const char *text, const char *name)
{
  hermes_sse_slice found = { .ptr = NULL };
  size_t len = strlen(name);

  if (text && strncmp(text, "\xef\xbb\xbf", 3) == 0)
    text += 3;
  while (text && *text) {
    const char *end = text + strcspn(text, "\r\n"), *at = skip_blanks(text, end);

    if (end - at > 7 && memcmp(at, "export", 6) == 0 && (at[6] == ' ' || at[6] == '\t'))
      at = skip_blanks(at + 6, end);
    if ((size_t)(end - at) > len && memcmp(at, name, len) == 0) {
      at = skip_blanks(at + len, end);
      if (at < end && *at == '=')
        found = value_of(at + 1, end);
    }
    text = end + strspn(end, "\r\n");
  }
  return found;
}
