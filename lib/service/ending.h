/* A download that has ended takes its tokens, and the streams opened with them, along; on every server that hears of it. */
#ifndef HERMES_SSE_SERVICE_ENDING_H
#define HERMES_SSE_SERVICE_ENDING_H
#include "service/service.h"

/* An event has come to a hub: if it is a download's last, its scope is revoked. Its streams get it still. */
void hermes_sse__ending_look(hermes_sse_service *service, const hermes_sse_message *message);

#endif
