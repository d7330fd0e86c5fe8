/* Health, readiness and metrics. */
#ifndef HERMES_SSE_SERVICE_REPORT_H
#define HERMES_SSE_SERVICE_REPORT_H
#include "service/service.h"

/* Answers the request's route, one of the three. */
int hermes_sse__report(hermes_sse_request *request);

#endif
