#include "load.h"
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AT_ONCE = 64 };

typedef struct request {
  transfer transfer; /* first */
  load *load;
  CURL *easy;
  uint64_t sequence; /* 0: free */
  char *body;
} request;

typedef struct publisher {
  request requests[AT_ONCE];
  struct curl_slist *headers;
  uint64_t next, failures;
  uint64_t started_us; /* 0: not now */
  score failed;
} publisher;

static size_t ignore(char *bytes, size_t size, size_t n, void *user)
{
  (void)bytes;
  (void)user;
  return size * n;
}

static void on_done(transfer *ended, CURLcode result)
{
  request *r = (request *)ended;
  publisher *p = r->load->publisher;
  long status = 0;

  curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
  if (result != CURLE_OK || status < 200 || status > 299) {
    p->failures++;
    score_take(&p->failed, r->sequence);
  }
  free(r->body);
  r->body = NULL;
  r->sequence = 0;
}

void publisher_init(load *l)
{
  publisher *p;
  char line[256];

  if (!l->options.publish_url)
    return;
  p = l->publisher = calloc(1, sizeof *p);
  if (!p)
    errx(1, "out of memory");
  p->next = p->failed.base = 1;
  snprintf(line, sizeof line, "Content-Type: %s", l->options.content_type);
  p->headers = curl_slist_append(NULL, line);
  for (const struct curl_slist *h = l->options.headers; h; h = h->next)
    p->headers = curl_slist_append(p->headers, h->data);
  for (int i = 0; i < AT_ONCE; i++) {
    request *r = &p->requests[i];

    *r = (request){ .transfer.done = on_done, .load = l, .easy = curl_easy_init() };
    if (!r->easy)
      errx(1, "out of memory");
    curl_easy_setopt(r->easy, CURLOPT_URL, l->options.publish_url);
    curl_easy_setopt(r->easy, CURLOPT_PRIVATE, r);
    curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, p->headers);
    curl_easy_setopt(r->easy, CURLOPT_WRITEFUNCTION, ignore);
    curl_easy_setopt(r->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(r->easy, CURLOPT_PROXY, "");
    curl_easy_setopt(r->easy, CURLOPT_TIMEOUT, 30L);
    if (l->options.is_insecure) {
      curl_easy_setopt(r->easy, CURLOPT_SSL_VERIFYPEER, 0L);
      curl_easy_setopt(r->easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
  }
}

void publisher_start(load *l)
{
  if (l->publisher)
    l->publisher->started_us = now_us();
}

void publisher_stop(load *l)
{
  if (l->publisher)
    l->publisher->started_us = 0;
}

/* All up to it are answered. */
static uint64_t answered(const publisher *p)
{
  uint64_t below = p->next;

  for (int i = 0; i < AT_ONCE; i++)
    if (p->requests[i].sequence > 0 && p->requests[i].sequence < below)
      below = p->requests[i].sequence;
  return below - 1;
}

/* The body with its mark, which data_read() finds again. */
static char *marked(const load *l, uint64_t sequence)
{
  const char *body = l->options.body, *at = strstr(body, "{mark}");
  char *text = NULL;

  if (asprintf(&text, "%.*ssse-load-%08x-%llu-%llu-%llu%s", (int)(at - body), body, l->run,
               (unsigned long long)sequence, (unsigned long long)wall_us(), (unsigned long long)answered(l->publisher),
               at + strlen("{mark}")) < 0)
    errx(1, "out of memory");
  return text;
}

static void post(load *l, request *r, uint64_t sequence)
{
  r->sequence = sequence;
  r->body = marked(l, sequence);
  curl_easy_setopt(r->easy, CURLOPT_POSTFIELDS, r->body);
  curl_multi_add_handle(l->multi, r->easy);
}

void publisher_tend(load *l, uint64_t now)
{
  publisher *p = l->publisher;
  uint64_t due;

  if (!p || p->started_us == 0)
    return;
  due = (uint64_t)((double)(now - p->started_us) / 1e6 * l->options.rate) + 1;
  for (int i = 0; i < AT_ONCE && p->next <= due; i++)
    if (p->requests[i].sequence == 0)
      post(l, &p->requests[i], p->next++);
}

uint64_t published(const load *l)
{
  return l->publisher ? l->publisher->next - 1 : 0;
}

uint64_t publish_failures(const load *l)
{
  return l->publisher ? l->publisher->failures : 0;
}

int publish_failed(const load *l, uint64_t sequence)
{
  return l->publisher && score_has(&l->publisher->failed, sequence);
}

void publisher_clear(load *l)
{
  publisher *p = l->publisher;

  if (!p)
    return;
  for (int i = 0; i < AT_ONCE; i++) {
    if (p->requests[i].sequence)
      curl_multi_remove_handle(l->multi, p->requests[i].easy);
    curl_easy_cleanup(p->requests[i].easy);
    free(p->requests[i].body);
  }
  curl_slist_free_all(p->headers);
  score_clear(&p->failed);
  free(p);
}
