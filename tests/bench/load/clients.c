#include "load.h"
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct client {
  transfer transfer; /* first */
  load *load;
  CURL *easy; /* NULL: between connections, until due_us */
  struct curl_slist *headers;
  hermes_sse_client *client;
  uint64_t due_us; /* UINT64_MAX: no more */
  uint64_t started_us;
  int is_answered;
  int is_read;  /* the answer is an event stream */
  int was_read; /* one of its answers was */
  int is_first; /* no connection was tried yet */
  score seen;
  uint64_t after; /* the greatest of the marks that came: what is not above it comes too late */
} client;

static void take(client *c, const hermes_sse_event *event)
{
  totals *t = &c->load->totals;
  const options *o = &c->load->options;
  event_mark mark;
  uint64_t now;

  t->events++;
  if (event->type.len == strlen(o->gap_event) && memcmp(event->type.ptr, o->gap_event, event->type.len) == 0)
    t->gaps++;
  if (o->event && (event->type.len != strlen(o->event) || memcmp(event->type.ptr, o->event, event->type.len) != 0))
    return;
  mark = data_read(c->load, event->data);
  now = wall_us();
  if (mark.published_us > 0)
    histogram_add(&t->latency_us, now > mark.published_us ? now - mark.published_us : 0);
  if (mark.sequence == 0)
    return;
  switch (score_take(&c->seen, mark.sequence)) {
  case SCORE_DOUBLE:
    t->doubles++;
    break;
  case SCORE_NEW:
    t->first++;
    t->late += mark.sequence <= c->after;
    t->greatest = mark.sequence > t->greatest ? mark.sequence : t->greatest;
    c->after = mark.after > c->after ? mark.after : c->after;
  }
}

static size_t on_body(char *bytes, size_t size, size_t n, void *user)
{
  client *c = user;
  hermes_sse_parser *parser = hermes_sse_client_parser(c->client);
  hermes_sse_event event = { .size = sizeof event };
  int kind;

  if (!c->is_read)
    return size * n; /* the page of an error */
  c->load->totals.bytes += size * n;
  hermes_sse_parser_feed(parser, bytes, size * n);
  while ((kind = hermes_sse_parser_next(parser, &event)) != 0) {
    if (kind == HERMES_SSE_PARSED_EVENT)
      take(c, &event);
    else if (kind == HERMES_SSE_PARSED_COMMENT)
      c->load->totals.comments++;
    else if (kind == HERMES_SSE_ERR_NOMEM)
      errx(1, "out of memory for an event");
    else if (kind < 0)
      c->load->totals.oversized++;
  }
  return size * n;
}

static void answered(client *c, long status)
{
  totals *t = &c->load->totals;
  char *type = NULL;

  curl_easy_getinfo(c->easy, CURLINFO_CONTENT_TYPE, &type);
  t->answered++;
  c->is_answered = 1;
  t->by_status[status > 0 && status < 600 ? status : 0]++;
  if (hermes_sse_client_answered(c->client, (unsigned)status, hermes_sse_str(type)) != HERMES_SSE_CLIENT_READ)
    return;
  histogram_add(&t->head_us, now_us() - c->started_us);
  c->is_read = c->was_read = 1;
  c->load->open++;
}

/* An empty line ends a head; heads of 1xx and of redirects that curl follows are not the answer. */
static size_t on_header(char *line, size_t size, size_t n, void *user)
{
  client *c = user;
  long status = 0;

  if (size * n > 2 || (line[0] != '\r' && line[0] != '\n'))
    return size * n;
  curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
  if (status >= 200 && (status < 300 || status > 308 || status == 304))
    answered(c, status);
  return size * n;
}

static void on_done(transfer *ended, CURLcode result)
{
  client *c = (client *)ended;
  totals *t = &c->load->totals;
  int64_t delay;

  (void)result;
  c->load->open -= c->is_read != 0;
  t->failed += !c->is_answered;
  c->is_read = 0;
  curl_easy_cleanup(c->easy);
  c->easy = NULL;
  curl_slist_free_all(c->headers);
  c->headers = NULL;
  delay = hermes_sse_client_ended(c->client);
  t->stopped += delay < 0;
  c->due_us = delay < 0 ? UINT64_MAX : now_us() + (uint64_t)delay * 1000u;
}

static void set_headers(client *c)
{
  hermes_sse_slice id = hermes_sse_client_last_event_id(c->client);
  struct curl_slist *all = curl_slist_append(NULL, "Accept: text/event-stream");
  char line[2048];

  for (const struct curl_slist *h = c->load->options.headers; h; h = h->next)
    all = curl_slist_append(all, h->data);
  if (id.len > 0 && id.len < sizeof line - 32) {
    snprintf(line, sizeof line, "Last-Event-ID: %.*s", (int)id.len, (const char *)id.ptr);
    all = curl_slist_append(all, line);
  }
  c->headers = all;
  curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, all);
}

static void set_source(const client *c)
{
  const options *o = &c->load->options;
  uint32_t a;
  char text[24];

  if (o->source == 0)
    return;
  a = o->source + (uint32_t)(c - c->load->clients) % (o->source_last - o->source + 1);
  snprintf(text, sizeof text, "host!%u.%u.%u.%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
  curl_easy_setopt(c->easy, CURLOPT_INTERFACE, text);
}

static void open_stream(client *c)
{
  totals *t = &c->load->totals;

  c->easy = curl_easy_init();
  if (!c->easy)
    errx(1, "out of memory for a connection");
  t->connects++;
  t->reconnects += !c->is_first;
  c->is_first = c->is_answered = 0;
  c->started_us = now_us();
  curl_easy_setopt(c->easy, CURLOPT_URL, c->load->options.url);
  curl_easy_setopt(c->easy, CURLOPT_PRIVATE, c);
  curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, c);
  curl_easy_setopt(c->easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(c->easy, CURLOPT_HEADERDATA, c);
  curl_easy_setopt(c->easy, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(c->easy, CURLOPT_MAXREDIRS, 5L);
  curl_easy_setopt(c->easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(c->easy, CURLOPT_FRESH_CONNECT, 1L);
  curl_easy_setopt(c->easy, CURLOPT_FORBID_REUSE, 1L);
  curl_easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(c->easy, CURLOPT_PROXY, "");
  curl_easy_setopt(c->easy, CURLOPT_CONNECTTIMEOUT, 30L);
  if (c->load->options.is_insecure) {
    curl_easy_setopt(c->easy, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(c->easy, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  set_headers(c);
  set_source(c);
  curl_multi_add_handle(c->load->multi, c->easy);
}

void clients_init(load *l)
{
  const options *o = &l->options;
  hermes_sse_parser_options po = { .size = sizeof po, .flags = HERMES_SSE_PARSER_COMMENTS };
  hermes_sse_client_options co = { .size = sizeof co, .parser = &po };
  uint64_t now = now_us();

  po.last_event_id = hermes_sse_str(o->last_event_id);
  l->clients = calloc(o->clients, sizeof(*l->clients));
  if (!l->clients)
    errx(1, "out of memory for %u clients", o->clients);
  for (unsigned i = 0; i < o->clients; i++) {
    client *c = &l->clients[i];
    int rv = hermes_sse_client_new(&co, &c->client);

    if (rv < 0)
      errx(2, "--last-event-id: %s", hermes_sse_strerror(rv));
    c->transfer.done = on_done;
    c->load = l;
    c->is_first = 1;
    c->due_us = now + (uint64_t)(o->ramp_s * 1e6 * i / o->clients);
    c->seen.base = l->options.publish_url ? 1 : 0;
  }
}

void clients_tend(load *l, uint64_t now)
{
  for (unsigned i = 0; i < l->options.clients; i++)
    if (!l->clients[i].easy && l->clients[i].due_us <= now)
      open_stream(&l->clients[i]);
}

uint64_t clients_lost(const load *l, uint64_t last)
{
  uint64_t lost = 0;

  for (unsigned i = 0; i < l->options.clients; i++) {
    const client *c = &l->clients[i];

    if (!c->was_read || c->seen.base == 0)
      continue;
    for (uint64_t n = c->seen.base; n <= last; n++)
      lost += !score_has(&c->seen, n) && !publish_failed(l, n);
  }
  return lost;
}

unsigned clients_that_read(const load *l)
{
  unsigned n = 0;

  for (unsigned i = 0; i < l->options.clients; i++)
    n += l->clients[i].was_read != 0;
  return n;
}

void clients_clear(load *l)
{
  for (unsigned i = 0; i < l->options.clients; i++) {
    client *c = &l->clients[i];

    if (c->easy) {
      curl_multi_remove_handle(l->multi, c->easy);
      curl_easy_cleanup(c->easy);
    }
    curl_slist_free_all(c->headers);
    hermes_sse_client_free(c->client);
    score_clear(&c->seen);
  }
  free(l->clients);
}
