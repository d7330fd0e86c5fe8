#include "service/lookup.h"
#include "service/ending.h"
#include <string.h>

enum {
  REST = 256,             /* so many others are used before one is used again */
  MAX_OUTSTANDING = 10000 /* a store that does not answer is not asked more */
};

/* Answered or given up: what still comes for this call is for nobody. */
static void rest(hermes_sse__lookup *lookup)
{
  hermes_sse_service *service = lookup->service;

  lookup->call++;
  lookup->request = NULL;
  lookup->outstanding = 0;
  service->n_outstanding--;
  lookup->next = NULL;
  *(service->free_last ? &service->free_last->next : &service->free_first) = lookup;
  service->free_last = lookup;
  service->n_free++;
}

/* ---- desks: a hub's pending requests ---- */

static void desk_decide(hermes_sse__desk *desk, hermes_sse_request *request)
{
  hermes_sse_request **at = &desk->pending;

  while (*at != request)
    at = &(*at)->next;
  *at = request->next;
  request->next = NULL;
  *desk->decided_end = request;
  desk->decided_end = &request->next;
}

/* A part of the hub: time-outs of its pending requests. */
static void desk_run(hermes_sse_hub *hub, uint64_t now_ms, uint64_t *next_ms, void *user)
{
  hermes_sse__desk *desk = user;
  hermes_sse_service *service = desk->service;
  hermes_sse_request *request, *next;
  int over;

  pthread_mutex_lock(&service->lock);
  for (request = desk->pending; request; request = next) {
    next = request->next;
    if (request->deadline_ms > now_ms) {
      *next_ms = request->deadline_ms < *next_ms ? request->deadline_ms : *next_ms;
      continue;
    }
    rest(request->lookup);
    request->lookup = NULL;
    request->answer = HERMES_SSE_ERR_AGAIN;
    desk_decide(desk, request);
  }
  over = service->closing && !desk->pending && !desk->decided;
  if (over)
    desk->hub = NULL;
  pthread_mutex_unlock(&service->lock);
  if (!over)
    return;
  hermes_sse_hub_detach(hub, desk);
  hermes_sse__service_unref(service);
}

static void desk_gone(hermes_sse_hub *hub, void *user)
{
  hermes_sse__desk *desk = user;
  hermes_sse_service *service = desk->service;

  (void)hub;
  pthread_mutex_lock(&service->lock);
  desk->hub = NULL;
  pthread_mutex_unlock(&service->lock);
  hermes_sse__service_unref(service);
}

static void desk_event(hermes_sse_hub *hub, const hermes_sse_message *message, void *user)
{
  (void)hub;
  hermes_sse__ending_look(((hermes_sse__desk *)user)->service, message);
}

void hermes_sse__desks_close(hermes_sse_service *service)
{
  pthread_mutex_lock(&service->lock);
  service->closing = 1;
  for (hermes_sse__desk *desk = service->desks; desk; desk = desk->next)
    if (desk->hub)
      hermes_sse_hub_wake(desk->hub);
  pthread_mutex_unlock(&service->lock);
}

/* The hub's desk, opened at its first pending request, or token. On the hub's thread. */
static hermes_sse__desk *desk_of(hermes_sse_service *service, hermes_sse_hub *hub)
{
  hermes_sse_part part = { .size = sizeof part, .run = desk_run, .gone = desk_gone, .event = desk_event };
  hermes_sse__desk *desk;

  pthread_mutex_lock(&service->lock);
  for (desk = service->desks; desk && desk->hub != hub; desk = desk->next)
    ;
  pthread_mutex_unlock(&service->lock);
  if (desk)
    return desk;
  desk = hermes_sse__alloc(&service->env, 1, sizeof *desk);
  if (!desk)
    return NULL;
  desk->service = service;
  desk->hub = hub;
  desk->decided_end = &desk->decided;
  if (hermes_sse_hub_attach(hub, &part, desk) < 0) {
    hermes_sse__release(&service->env, desk);
    return NULL;
  }
  atomic_fetch_add(&service->refs, 1);
  pthread_mutex_lock(&service->lock);
  desk->next = service->desks;
  service->desks = desk;
  pthread_mutex_unlock(&service->lock);
  return desk;
}

int hermes_sse__desk_open(hermes_sse_service *service, hermes_sse_hub *hub)
{
  return desk_of(service, hub) ? HERMES_SSE_OK : HERMES_SSE_ERR_NOMEM;
}

/* ---- lookups ---- */

static hermes_sse__lookup *lookup_take(hermes_sse_service *service)
{
  hermes_sse__lookup *lookup = NULL;

  pthread_mutex_lock(&service->lock);
  if (service->n_free > REST) {
    lookup = service->free_first;
    service->free_first = lookup->next;
    service->n_free--;
  } else if (service->n_outstanding < MAX_OUTSTANDING) {
    lookup = hermes_sse__alloc(&service->env, 1, sizeof *lookup);
    if (lookup) {
      for (int i = 0; i < HERMES_SSE__MARKS; i++)
        lookup->marks[i] = (uint8_t)i;
      lookup->service = service;
      lookup->all = service->lookups;
      service->lookups = lookup;
    }
  }
  if (lookup) {
    lookup->outstanding = 1;
    service->n_outstanding++;
  }
  pthread_mutex_unlock(&service->lock);
  return lookup;
}

/* The store's answer, on any thread, perhaps inside the call, perhaps not the first. */
static void answered(int status, const void *value, size_t len, void *context)
{
  uint8_t *mark = context, call = *mark;
  hermes_sse__lookup *lookup = (hermes_sse__lookup *)(void *)(mark - call); /* `marks` comes first */
  hermes_sse_service *service = lookup->service;
  hermes_sse_request *request;

  pthread_mutex_lock(&service->lock);
  if (lookup->outstanding && lookup->call == call) {
    request = lookup->request;
    if (request) {
      request->lookup = NULL;
      request->answer = status;
      if (status == HERMES_SSE_OK && len > 0) {
        request->answer_value = hermes_sse__copy(&service->env, value, len);
        request->answer_len = len;
        if (!request->answer_value)
          request->answer = HERMES_SSE_ERR_NOMEM;
      }
      if (request->desk) {
        desk_decide(request->desk, request);
        if (request->desk->hub)
          hermes_sse_hub_wake(request->desk->hub);
      }
    }
    rest(lookup);
  }
  pthread_mutex_unlock(&service->lock);
}

/* The store was asked and has not answered inside the call. */
static int wait_at_desk(hermes_sse_request *request)
{
  hermes_sse_service *service = request->service;
  hermes_sse__desk *desk = desk_of(service, request->hub);
  int rv = HERMES_SSE_ERR_AGAIN;

  pthread_mutex_lock(&service->lock);
  if (!request->lookup) {
    rv = HERMES_SSE_OK; /* answered meanwhile, on another thread */
  } else if (!desk) {
    rest(request->lookup);
    request->lookup = NULL;
    rv = HERMES_SSE_ERR_NOMEM;
  } else {
    request->desk = desk;
    request->deadline_ms = request->now_ms + service->store_timeout_ms;
    request->next = desk->pending;
    desk->pending = request;
    hermes_sse_hub_wake(request->hub); /* its next run must know the deadline */
  }
  pthread_mutex_unlock(&service->lock);
  return rv;
}

int hermes_sse__lookup_start(hermes_sse_request *request, int what, const char *key, hermes_sse_slice value)
{
  hermes_sse_service *service = request->service;
  hermes_sse__lookup *lookup = lookup_take(service);
  int rv;

  if (!lookup)
    return HERMES_SSE_ERR_FULL;
  lookup->request = request;
  request->lookup = lookup;
  rv = what == HERMES_SSE__LOOKUP_GET
           ? service->store.get(key, answered, &lookup->marks[lookup->call], service->store.user)
           : service->store.put(key, value.ptr, value.len, request->ttl_s, answered, &lookup->marks[lookup->call],
                                service->store.user);
  if (rv < 0) {
    answered(rv, NULL, 0, &lookup->marks[lookup->call]);
    return rv;
  }
  return wait_at_desk(request);
}

void hermes_sse__lookup_cancel(hermes_sse_request *request)
{
  hermes_sse_service *service = request->service;
  hermes_sse_request **at;

  pthread_mutex_lock(&service->lock);
  if (request->desk && request->state == HERMES_SSE_REQUEST_PENDING) {
    if (request->lookup)
      desk_decide(request->desk, request);
    for (at = &request->desk->decided; *at && *at != request;)
      at = &(*at)->next;
    if (*at) {
      *at = request->next;
      if (request->desk->decided_end == &request->next)
        request->desk->decided_end = at;
    }
  }
  if (request->lookup)
    rest(request->lookup);
  request->lookup = NULL;
  pthread_mutex_unlock(&service->lock);
}

void hermes_sse__lookup_forget(hermes_sse_service *service, const char *key)
{
  hermes_sse__lookup *lookup = lookup_take(service);

  if (!lookup)
    return;
  lookup->request = NULL;
  if (service->store.del(key, answered, &lookup->marks[lookup->call], service->store.user) < 0)
    answered(HERMES_SSE_ERR_STATE, NULL, 0, &lookup->marks[lookup->call]);
}

hermes_sse_request *hermes_sse__lookup_next(hermes_sse_service *service, hermes_sse_hub *hub)
{
  hermes_sse_request *request = NULL;
  hermes_sse__desk *desk;

  pthread_mutex_lock(&service->lock);
  for (desk = service->desks; desk && desk->hub != hub; desk = desk->next)
    ;
  if (desk && desk->decided) {
    request = desk->decided;
    desk->decided = request->next;
    if (!desk->decided)
      desk->decided_end = &desk->decided;
    request->next = NULL;
    request->desk = NULL;
  }
  pthread_mutex_unlock(&service->lock);
  return request;
}

void hermes_sse__lookups_clear(hermes_sse_service *service)
{
  while (service->lookups) {
    hermes_sse__lookup *lookup = service->lookups;

    service->lookups = lookup->all;
    hermes_sse__release(&service->env, lookup);
  }
  while (service->desks) {
    hermes_sse__desk *desk = service->desks;

    service->desks = desk->next;
    hermes_sse__release(&service->env, desk);
  }
}
