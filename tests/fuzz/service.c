/* The service's decisions: any request gets an answer or a stream, never both and never neither; what was not shown a key gets no
 * stream; nothing that came in ends a header line.
 * Input: which service, bits, allocations; then a request: method, space, target, LF, "name: value" lines, an empty line, body. */
#include "host.h"
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static const char *const open_variables[] = { "HERMES_ENABLE_SSE=true", "HERMES_DEBUG=true", NULL };
static const char *const keyed_variables[] = { "HERMES_ENABLE_SSE=true", "HERMES_API_KEYS=first-key,second-key",
                                               "HERMES_ALLOWED_ORIGINS=https://a.example,http://b.example:81",
                                               "HERMES_TRUSTED_PROXIES=127.0.0.0/8,::1,10.1.2.3", NULL };
static const char *const small_variables[] = { "HERMES_ENABLE_SSE=true",
                                               "HERMES_SSE_MAX_CONNECTIONS=2",
                                               "HERMES_SSE_MAX_PER_CLIENT=1",
                                               "HERMES_ALLOWED_ORIGINS=*",
                                               "HERMES_ALLOW_CREDENTIALS=false",
                                               "HERMES_TRUSTED_PROXIES=127.0.0.1",
                                               NULL };
static const char *const off_variables[] = { "HERMES_API_KEYS=first-key", NULL };
static const char *const *const variables[] = { open_variables, keyed_variables, small_variables, off_variables };
enum { OPEN, KEYED, SMALL, OFF, N_SERVICES };

static hermes_sse_settings *settings[N_SERVICES];

enum { HTTP_10 = 1, HTTP_2 = 2, PRINCIPAL = 4, ALLOW = 8, OPEN_TO_ALL = 16, PEER_SHIFT = 5 };

typedef struct asked {
  int which, bits;
  hermes_sse_request_input input;
  hermes_sse_slice headers;
  hermes_sse_slice all; /* the whole text */
  struct sockaddr_in in;
  struct sockaddr_in6 in6;
  struct sockaddr_un un;
} asked;

static const struct sockaddr *peer_of(asked *a)
{
  a->in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  a->in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
  a->un = (struct sockaddr_un){ .sun_family = AF_UNIX };
  switch (a->bits >> PEER_SHIFT & 7) {
  case 0:
    return NULL;
  case 1:
    return (const struct sockaddr *)&a->un;
  case 2:
    return (const struct sockaddr *)&a->in6;
  case 3:
    a->in.sin_addr.s_addr = htonl(0xc0000207);
    return (const struct sockaddr *)&a->in;
  default:
    return (const struct sockaddr *)&a->in;
  }
}

static int contains(hermes_sse_slice text, const char *word)
{
  return text.len > 0 && memmem(text.ptr, text.len, word, strlen(word)) != NULL;
}

static int is_method(const asked *a, const char *method)
{
  return fuzz_same(a->input.method, hermes_sse_str(method));
}

/* What no service may do, whatever it was sent. */
static void check_verdict(const asked *a, const hermes_sse_request *request)
{
  int state = hermes_sse_request_state(request);
  int known = a->which == OPEN || a->which == SMALL || a->bits & PRINCIPAL || contains(a->all, "first-key") ||
              contains(a->all, "second-key");

  if (state == HERMES_SSE_REQUEST_STREAM) {
    FUZZ_CHECK(is_method(a, "GET"));
    FUZZ_CHECK(!a->input.allow && a->which != OFF && known);
  }
  if (state == HERMES_SSE_REQUEST_PASS && a->input.allow)
    FUZZ_CHECK(known || a->input.open_to_all);
  if (state == HERMES_SSE_REQUEST_PASS && !a->input.allow)
    FUZZ_CHECK(!contains(a->input.target, "/api/v1/events/stream") ||
               memcmp(a->input.target.ptr, "/api/v1/events/", 15) != 0);
  FUZZ_CHECK(state != HERMES_SSE_REQUEST_PENDING); /* the store in memory answers at once */
}

static hermes_sse_stream *ask(host *h, const asked *a)
{
  hermes_sse_stream *stream = NULL;
  hermes_sse_request *request;
  int state = host_ask(h, &a->input, &request);

  if (state < 0) {
    FUZZ_CHECK(state == HERMES_SSE_ERR_NOMEM || a->input.method.len == 0 || a->input.target.len == 0);
    return NULL;
  }
  check_verdict(a, request);
  if (state == HERMES_SSE_REQUEST_STREAM)
    stream = host_open(h, request, a->input.http <= 11 ? a->input.http : 0);
  if (stream)
    host_check_first_bytes(h, stream, a->input.http);
  hermes_sse_request_free(request);
  return stream;
}

/* Twice, the first stream still open: limits see it. */
static void run(const asked *a, unsigned period)
{
  hermes_sse_stream *first, *second;
  host h;

  host_init(&h, settings[a->which], NULL);
  h.memory.period = period;
  first = ask(&h, a);
  second = ask(&h, a);
  FUZZ_CHECK(!(first && second && a->which == SMALL && !contains(a->headers, "x-forwarded-for")));
  h.memory.period = 0;
  FUZZ_CHECK(hermes_sse_hub_run(h.hub, h.now += 1000, 0, NULL) == HERMES_SSE_OK);
  hermes_sse_stream_free(first);
  hermes_sse_stream_free(second);
  host_clear(&h);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
  fuzz_input in = { .at = bytes, .end = bytes + len };
  asked a = { .input = { .size = sizeof a.input } };
  char *text;
  const char *body;
  unsigned period;

  if (!settings[0])
    for (int i = 0; i < N_SERVICES; i++)
      settings[i] = host_settings(variables[i]);
  a.which = fuzz_byte(&in) % N_SERVICES;
  a.bits = fuzz_byte(&in);
  period = fuzz_period(fuzz_byte(&in));
  a.all = fuzz_take(&in, len);
  a.all.ptr = text = fuzz_copy(a.all);
  in = (fuzz_input){ .at = a.all.ptr, .end = (const uint8_t *)text + a.all.len };
  a.input.method = fuzz_until(&in, ' ');
  a.input.target = fuzz_until(&in, '\n');
  a.headers = fuzz_take(&in, a.all.len);
  body = a.headers.len > 0 ? memmem(a.headers.ptr, a.headers.len, "\n\n", 2) : NULL;
  if (body) {
    a.input.body = (hermes_sse_slice){ .ptr = body + 2, .len = (size_t)(text + a.all.len - body - 2) };
    a.headers.len = (size_t)(body - (const char *)a.headers.ptr);
  }
  a.input.http = a.bits & HTTP_10 ? 10 : a.bits & HTTP_2 ? 20 : 11;
  a.input.peer = peer_of(&a);
  a.input.principal = hermes_sse_str(a.bits & PRINCIPAL ? "somebody" : NULL);
  a.input.allow = a.bits & ALLOW ? "GET, DELETE" : NULL;
  a.input.open_to_all = a.bits & OPEN_TO_ALL ? 1 : 0;
  a.input.header = host_header;
  a.input.user = &a.headers;
  run(&a, period);
  free(text);
  return 0;
}
