#include "service/service.h"
#include "core/options.h"
#include "service/client.h"
#include "service/lookup.h"
#include "service/memory_store.h"
#include "service/token.h"
#include <string.h>

enum { DEFAULT_STORE_TIMEOUT_MS = 2000 };

static int make_limits(hermes_sse_service *s)
{
  hermes_sse_limits_options lo = { .size = sizeof lo, .environment = &s->env };
  hermes_sse_class_options per_client = { .size = sizeof per_client };
  int rv;

  lo.max_total = s->settings->number[HERMES_SSE__SETTING_MAX_CONNECTIONS];
  per_client.max_tickets = s->settings->number[HERMES_SSE__SETTING_PER_CLIENT];
  rv = hermes_sse_limits_new(&lo, &s->limits);
  return rv < 0 ? rv : hermes_sse_limits_class(s->limits, "client", &per_client);
}

static int set_up(hermes_sse_service *s, const hermes_sse_service_options *o)
{
  int rv;

  s->settings = hermes_sse__settings_copy(o->settings);
  if (!s->settings)
    return HERMES_SSE_ERR_NOMEM;
  rv = make_limits(s);
  if (rv == HERMES_SSE_OK)
    rv = hermes_sse__proxies_load(s);
  if (rv == HERMES_SSE_OK && o->store)
    rv = hermes_sse__options_read(&s->store, sizeof s->store, o->store);
  if (rv == HERMES_SSE_OK && !o->store)
    rv = hermes_sse__memory_store_new(&s->env, &s->memory_store, &s->store);
  if (rv == HERMES_SSE_OK && (!s->store.get || !s->store.put || !s->store.del))
    rv = HERMES_SSE_ERR_OPTION;
  return rv;
}

int hermes_sse_service_new(hermes_sse_bus *bus, const hermes_sse_service_options *options, hermes_sse_service **service)
{
  hermes_sse_service_options o;
  hermes_sse_environment env;
  hermes_sse_service *s;
  int rv;

  if (!bus || !options || hermes_sse__options_read(&o, sizeof o, options) < 0 || !o.settings)
    return HERMES_SSE_ERR_OPTION;
  rv = hermes_sse__environment_read(&env, o.environment);
  if (rv < 0)
    return rv;
  s = hermes_sse__alloc(&env, 1, sizeof *s);
  if (!s)
    return HERMES_SSE_ERR_NOMEM;
  s->env = env;
  s->bus = bus;
  s->store_timeout_ms = hermes_sse__or(o.store_timeout_ms, DEFAULT_STORE_TIMEOUT_MS);
  atomic_init(&s->refs, 1);
  pthread_mutex_init(&s->lock, NULL);
  rv = set_up(s, &o);
  if (rv < 0) {
    hermes_sse__service_unref(s);
    return rv;
  }
  if (s->settings->number[HERMES_SSE__SETTING_DEBUG] && !*s->settings->text[HERMES_SSE__SETTING_ORIGINS])
    hermes_sse__log_line(
        &env, HERMES_SSE_LOG_WARNING,
        "HERMES_DEBUG is on and HERMES_ALLOWED_ORIGINS is empty: loopback origins of any port pass CORS");
  *service = s;
  return HERMES_SSE_OK;
}

void hermes_sse__service_unref(hermes_sse_service *service)
{
  hermes_sse_environment env = service->env;

  if (atomic_fetch_sub(&service->refs, 1) != 1)
    return;
  hermes_sse__lookups_clear(service);
  hermes_sse__grants_clear(service);
  hermes_sse__memory_store_free(service->memory_store);
  hermes_sse_limits_free(service->limits);
  hermes_sse_settings_free(service->settings);
  hermes_sse__release(&env, service->proxies);
  pthread_mutex_destroy(&service->lock);
  hermes_sse__release(&env, service);
}

void hermes_sse_service_free(hermes_sse_service *service)
{
  if (!service)
    return;
  hermes_sse__desks_close(service);
  hermes_sse__service_unref(service);
}

int hermes_sse_service_report(hermes_sse_service *service, const hermes_sse_report *report)
{
  hermes_sse_report r;
  int rv = HERMES_SSE_OK;

  if (!report || hermes_sse__options_read(&r, sizeof r, report) < 0 || !r.name || !r.state || !r.figures)
    return HERMES_SSE_ERR_OPTION;
  pthread_mutex_lock(&service->lock);
  if (service->n_reports == HERMES_SSE__REPORTS_MAX)
    rv = HERMES_SSE_ERR_FULL;
  else
    service->reports[service->n_reports++] = r;
  pthread_mutex_unlock(&service->lock);
  return rv;
}
