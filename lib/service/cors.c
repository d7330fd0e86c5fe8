#include "service/cors.h"
#include "service/reply.h"
#include <string.h>
#include <strings.h>

hermes_sse_slice hermes_sse__input_header(const hermes_sse_request_input *input, const char *name)
{
  hermes_sse_slice value = { .ptr = NULL };

  if (input->header && input->header(name, &value, input->user) == 1)
    return value;
  return (hermes_sse_slice){ .ptr = NULL };
}

/* The host of "scheme://host:port" or "host:port", without port. */
static hermes_sse_slice host_of(hermes_sse_slice origin)
{
  const char *at = origin.ptr, *end = at + origin.len, *scheme = memmem(at, origin.len, "://", 3), *stop;

  if (scheme)
    at = scheme + 3;
  if (at < end && *at == '[') {
    stop = memchr(at, ']', (size_t)(end - at));
    stop = stop ? stop + 1 : end;
  } else {
    stop = memchr(at, ':', (size_t)(end - at));
    stop = stop ? stop : end;
  }
  return (hermes_sse_slice){ .ptr = at, .len = (size_t)(stop - at) };
}

static int same(hermes_sse_slice a, hermes_sse_slice b)
{
  return a.len == b.len && strncasecmp(a.ptr, b.ptr, a.len) == 0;
}

static int origin_allowed(const hermes_sse_service *service, hermes_sse_slice origin, int *any)
{
  hermes_sse_slice list = hermes_sse__setting_list(service->settings, HERMES_SSE__SETTING_ORIGINS), item;

  *any = 0;
  if (list.len == 0)
    return service->settings->number[HERMES_SSE__SETTING_DEBUG] && memmem(origin.ptr, origin.len, "://", 3) &&
           hermes_sse__is_loopback(host_of(origin));
  while (hermes_sse__next_item(&list, &item)) {
    if (item.len == 1 && *(const char *)item.ptr == '*')
      return *any = 1;
    if (same(item, origin))
      return 1;
  }
  return 0;
}

static int clean(hermes_sse_slice value)
{
  const unsigned char *at = value.ptr;

  for (size_t i = 0; i < value.len; i++)
    if (at[i] <= ' ' || at[i] >= 0x7f)
      return 0;
  return value.len > 0 && value.len < 512;
}

static int allow(hermes_sse_request *request, const hermes_sse_request_input *input)
{
  hermes_sse_slice origin = hermes_sse__input_header(input, "origin");
  char text[512];
  int any;

  if (!clean(origin) || !origin_allowed(request->service, origin, &any))
    return 0;
  memcpy(text, origin.ptr, origin.len);
  text[origin.len] = 0;
  hermes_sse__reply_header(request, "access-control-allow-origin", any ? "*" : text);
  if (!any && request->service->settings->number[HERMES_SSE__SETTING_CREDENTIALS])
    hermes_sse__reply_header(request, "access-control-allow-credentials", "true");
  return 1;
}

void hermes_sse__cors_add(hermes_sse_request *request, const hermes_sse_request_input *input)
{
  hermes_sse__reply_header(request, "vary", "Origin");
  if (allow(request, input))
    hermes_sse__reply_header(request, "access-control-expose-headers", "Retry-After, Hermes-SSE-Gap");
}

int hermes_sse__cors_preflight(hermes_sse_request *request, const hermes_sse_request_input *input, const char *methods)
{
  hermes_sse__reply_header(request, "vary", "Origin");
  hermes_sse__reply_header(request, "allow", methods);
  if (allow(request, input)) {
    hermes_sse__reply_header(request, "access-control-allow-methods", methods);
    hermes_sse__reply_header(request, "access-control-allow-headers", "authorization, content-type, last-event-id");
    hermes_sse__reply_header(request, "access-control-max-age", "600");
  }
  return hermes_sse__reply(request, 204, NULL);
}

int hermes_sse__host_known(const hermes_sse_service *service, const hermes_sse_request_input *input)
{
  hermes_sse_slice host = hermes_sse__input_header(input, "host"), list, item;

  if (host.len == 0)
    return input->http == 10;
  host = host_of(host);
  if (hermes_sse__is_address(host) || hermes_sse__is_loopback(host) ||
      same(host, hermes_sse__setting_list(service->settings, HERMES_SSE__SETTING_HOST)))
    return 1;
  list = hermes_sse__setting_list(service->settings, HERMES_SSE__SETTING_ORIGINS);
  while (hermes_sse__next_item(&list, &item))
    if (same(host_of(item), host) || (item.len == 1 && *(const char *)item.ptr == '*'))
      return 1;
  return 0;
}
