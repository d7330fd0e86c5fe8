/* The server's own routes: downloads, statistics, the page. */
#include "analytics.h"
#include "downloads.h"
#include "site.h"
#include <cJSON.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { ITEM_ROOM = 2048, MAX_URL = 4096 };

static int is(const char *path, const char *route)
{
  size_t len = strlen(route);

  return strncmp(path, route, len) == 0 && (path[len] == 0 || (path[len] == '/' && path[len + 1] == 0));
}

/* The id in the path of one download; NULL: it is another path. */
static const char *id_in(const char *path)
{
  static const char prefix[] = "/api/v1/download/";
  const char *id = strncmp(path, prefix, strlen(prefix)) == 0 ? path + strlen(prefix) : "";

  return *id && strspn(id, "0123456789abcdef") == strlen(id) ? id : NULL;
}

const char *api_methods(const char *path, int *open_to_all)
{
  *open_to_all = 0;
  if (is(path, "/api/v1/download"))
    return "POST, OPTIONS";
  if (is(path, "/api/v1/download/queue") || is(path, "/api/v1/stats"))
    return "GET, HEAD, OPTIONS";
  if (id_in(path))
    return "GET, HEAD, DELETE, OPTIONS";
  if (strncmp(path, "/api/", 5) == 0 || !site_has(path))
    return NULL;
  *open_to_all = 1;
  return "GET, HEAD, OPTIONS";
}

static void send_json(struct evhttp_request *http, const hermes_sse_request *request, int status, const char *text,
                      size_t len)
{
  http_reply(http, request, status, "application/json", text, len);
}

static void post(server *s, struct evhttp_request *http, const hermes_sse_request *request)
{
  struct evbuffer *in = evhttp_request_get_input_buffer(http);
  size_t len = evbuffer_get_length(in);
  cJSON *json = cJSON_ParseWithLength(len ? (const char *)evbuffer_pullup(in, -1) : "", len);
  const cJSON *url = cJSON_GetObjectItemCaseSensitive(json, "url");
  const char *text = cJSON_IsString(url) ? url->valuestring : "";
  char answer[128];
  download *one;
  int n;

  if ((strncasecmp(text, "http://", 7) != 0 && strncasecmp(text, "https://", 8) != 0) || strlen(text) > MAX_URL ||
      strpbrk(text, "\r\n\t ")) {
    http_error(http, request, 400, "url: accepted is an http or https address");
  } else if (!(one = downloads_add(s->downloads, text))) {
    http_error(http, request, 503, "out of memory");
  } else {
    n = snprintf(answer, sizeof answer, "{\"download_id\":\"%s\",\"status\":\"queued\"}", one->id);
    send_json(http, request, 202, answer, (size_t)n);
  }
  cJSON_Delete(json);
}

static void queue(server *s, struct evhttp_request *http, const hermes_sse_request *request)
{
  struct evbuffer *out = evbuffer_new();
  char item[ITEM_ROOM];
  unsigned total = 0;

  evbuffer_add_printf(out, "{\"items\":[");
  for (download *one = downloads_active(s->downloads, NULL); one; one = downloads_active(s->downloads, one))
    if (downloads_format(one, item, sizeof item) > 0)
      evbuffer_add_printf(out, "%s%s", total++ > 0 ? "," : "", item);
  evbuffer_add_printf(out, "],\"total\":%u}", total);
  send_json(http, request, 200, (const char *)evbuffer_pullup(out, -1), evbuffer_get_length(out));
  evbuffer_free(out);
}

static void stats(server *s, struct evhttp_request *http, const hermes_sse_request *request)
{
  char text[256];
  int n = analytics_format(s, text, sizeof text);

  send_json(http, request, 200, text, (size_t)n);
}

static void one_download(server *s, struct evhttp_request *http, const hermes_sse_request *request, const char *id)
{
  download *one = downloads_find(s->downloads, id);
  char text[ITEM_ROOM];
  hermes_sse_ssize n;

  if (!one) {
    http_error(http, request, 404, "no such download");
    return;
  }
  if (http->type == EVHTTP_REQ_DELETE && downloads_cancel(one) < 0) {
    http_error(http, request, 409, "the download has ended");
    return;
  }
  n = downloads_format(one, text, sizeof text);
  if (n < 0)
    http_error(http, request, 500, "the download cannot be shown");
  else
    send_json(http, request, 200, text, (size_t)n);
}

static void page(struct evhttp_request *http, const hermes_sse_request *request, const char *path)
{
  struct evkeyvalq *headers = evhttp_request_get_output_headers(http);
  site_file file;

  if (site_read(path, &file) < 0) {
    http_error(http, request, 404, "Not Found");
    return;
  }
  evhttp_add_header(
      headers, "content-security-policy",
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
      "base-uri 'none'; form-action 'self'; frame-ancestors 'none'");
  evhttp_add_header(headers, "referrer-policy", "no-referrer");
  evhttp_add_header(headers, "cache-control", file.cache_control);
  http_reply(http, request, 200, file.type, file.bytes, file.len);
  if (file.is_owned)
    free(file.bytes);
}

void api_answer(server *s, struct evhttp_request *http, const hermes_sse_request *request, const char *path)
{
  if (is(path, "/api/v1/download"))
    post(s, http, request);
  else if (is(path, "/api/v1/download/queue"))
    queue(s, http, request);
  else if (is(path, "/api/v1/stats"))
    stats(s, http, request);
  else if (id_in(path))
    one_download(s, http, request, id_in(path));
  else
    page(http, request, path);
}
