#include "service/client.h"
#include "core/hash.h"
#include "service/cors.h"
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- address ---- */

int hermes_sse__proxies_load(hermes_sse_service *service)
{
  hermes_sse_slice list = hermes_sse__setting_list(service->settings, HERMES_SSE__SETTING_PROXIES), rest = list, item;
  size_t n = 0;

  while (hermes_sse__next_item(&rest, &item))
    n++;
  if (n == 0)
    return HERMES_SSE_OK;
  service->proxies = hermes_sse__alloc(&service->env, n, sizeof *service->proxies);
  if (!service->proxies)
    return HERMES_SSE_ERR_NOMEM;
  while (hermes_sse__next_item(&list, &item))
    if (hermes_sse__network_parse(item, &service->proxies[service->n_proxies]) == HERMES_SSE_OK)
      service->n_proxies++;
  return HERMES_SSE_OK;
}

static int trusted(const hermes_sse_service *service, const hermes_sse__network *address)
{
  for (size_t i = 0; i < service->n_proxies; i++)
    if (hermes_sse__network_has(&service->proxies[i], address))
      return 1;
  return 0;
}

/* The last item of a comma-separated list, cut off from it. */
static int last_item(hermes_sse_slice *list, hermes_sse_slice *item)
{
  const char *at = list->ptr, *comma;

  while (list->len > 0) {
    hermes_sse_slice tail;

    comma = memrchr(at, ',', list->len);
    tail.ptr = comma ? comma + 1 : at;
    tail.len = list->len - (size_t)((const char *)tail.ptr - at);
    list->len = comma ? (size_t)(comma - at) : 0;
    if (hermes_sse__next_item(&tail, item))
      return 1;
  }
  return 0;
}

void hermes_sse__client_address(hermes_sse_request *request, const hermes_sse_request_input *input)
{
  const hermes_sse_service *service = request->service;
  hermes_sse_slice forwarded, item;
  hermes_sse__network address, before;
  struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 }; /* a mapped IPv4 address counts as IPv4 */

  strcpy(request->client, "unknown");
  if (hermes_sse__network_of(input->peer, &address) < 0) {
    if (input->peer)
      hermes_sse_address_key(input->peer, 64, request->client, sizeof request->client);
    return;
  }
  forwarded = hermes_sse__input_header(input, "x-forwarded-for");
  while (trusted(service, &address) && last_item(&forwarded, &item) && hermes_sse__network_parse(item, &before) == 0 &&
         before.bits == 128)
    address = before;
  memcpy(&in6.sin6_addr, address.bytes, sizeof address.bytes);
  hermes_sse_address_key((const struct sockaddr *)&in6, 64, request->client, sizeof request->client);
}

/* ---- keys ---- */

/* Takes as long whatever differs. */
static int equal(hermes_sse_slice a, hermes_sse_slice b)
{
  const unsigned char *x = a.ptr, *y = b.ptr;
  unsigned differ = a.len != b.len;

  for (size_t i = 0; i < b.len; i++)
    differ |= (unsigned)(x[a.len > 0 ? i % a.len : 0] ^ y[i]);
  return !differ;
}

/* The number of the key, from 1; 0: none. Every key is compared. */
static int key_number(const hermes_sse_service *service, hermes_sse_slice shown)
{
  hermes_sse_slice list = hermes_sse__setting_list(service->settings, HERMES_SSE__SETTING_API_KEYS), item;
  int number = 0, found = 0;

  if (shown.len == 0)
    return 0;
  while (hermes_sse__next_item(&list, &item)) {
    number++;
    if (equal(shown, item))
      found = number;
  }
  return found;
}

static int is_token(hermes_sse_slice shown)
{
  return shown.len > 4 && shown.len < HERMES_SSE__TOKEN_ROOM && memcmp(shown.ptr, "sse_", 4) == 0 &&
         !memchr(shown.ptr, 0, shown.len);
}

static int take_token(hermes_sse_request *request, hermes_sse_slice shown)
{
  memcpy(request->token, shown.ptr, shown.len);
  request->token[shown.len] = 0;
  return HERMES_SSE__CLIENT_TOKEN;
}

static hermes_sse_slice bearer(const hermes_sse_request_input *input)
{
  hermes_sse_slice value = hermes_sse__input_header(input, "authorization");
  const char *at = value.ptr;

  if (value.len < 8 || strncasecmp(at, "bearer ", 7) != 0)
    return (hermes_sse_slice){ .ptr = NULL };
  value = (hermes_sse_slice){ .ptr = at + 7, .len = value.len - 7 };
  while (value.len > 0 && *(const char *)value.ptr == ' ')
    value = (hermes_sse_slice){ .ptr = (const char *)value.ptr + 1, .len = value.len - 1 };
  return value;
}

/* 1 if any value in the query is one of the keys, however it is encoded. */
static int key_in_query(const hermes_sse_service *service, hermes_sse_slice query)
{
  const char *at = query.ptr, *end = at ? at + query.len : at;
  char text[512];
  int found = 0;

  while (at < end) {
    const char *stop = memchr(at, '&', (size_t)(end - at)), *value;
    int len;

    stop = stop ? stop : end;
    value = memchr(at, '=', (size_t)(stop - at));
    value = value ? value + 1 : stop;
    len = hermes_sse__percent_decode((hermes_sse_slice){ .ptr = value, .len = (size_t)(stop - value) }, 1, text,
                                     sizeof text);
    found |= len > 0 && key_number(service, (hermes_sse_slice){ .ptr = text, .len = (size_t)len });
    at = stop + 1;
  }
  return found;
}

int hermes_sse__client_judge(hermes_sse_request *request, const hermes_sse_request_input *input, hermes_sse_slice query)
{
  const hermes_sse_service *service = request->service;
  hermes_sse_slice shown = bearer(input), in_query = { .ptr = NULL };
  int open = !*service->settings->text[HERMES_SSE__SETTING_API_KEYS], number;

  if (input->principal.len > 0) {
    hermes_sse__seed seed = { 1, 2 };

    snprintf(request->principal, sizeof request->principal, "host:%016llx",
             (unsigned long long)hermes_sse__hash(&seed, input->principal.ptr, input->principal.len));
    return HERMES_SSE__CLIENT_KNOWN;
  }
  if (key_in_query(service, query))
    return HERMES_SSE__CLIENT_KEY_IN_QUERY;
  hermes_sse__query_find(query, "token", &in_query);
  number = key_number(service, shown);
  if (number) {
    snprintf(request->principal, sizeof request->principal, "key:%d", number);
    return HERMES_SSE__CLIENT_KNOWN;
  }
  if (is_token(shown))
    return take_token(request, shown);
  if (is_token(in_query))
    return take_token(request, in_query);
  if (in_query.len > 0 || (shown.len > 0 && !open))
    return HERMES_SSE__CLIENT_BAD;
  return open ? HERMES_SSE__CLIENT_KNOWN : HERMES_SSE__CLIENT_NOBODY;
}
