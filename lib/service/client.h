/* Who is asking: the address behind trusted proxies, and the key or token that was shown. */
#ifndef HERMES_SSE_SERVICE_CLIENT_H
#define HERMES_SSE_SERVICE_CLIENT_H
#include "service/service.h"

/* Parses HERMES_TRUSTED_PROXIES once. HERMES_SSE_ERR_NOMEM. */
int hermes_sse__proxies_load(hermes_sse_service *service);

/* Fills request->client: the peer, or, while that is a trusted proxy, what X-Forwarded-For says before it. */
void hermes_sse__client_address(hermes_sse_request *request, const hermes_sse_request_input *input);

enum {
  HERMES_SSE__CLIENT_NOBODY, /* nothing was shown and keys are wanted */
  HERMES_SSE__CLIENT_KNOWN,  /* a key, the host's word, or a service without keys */
  HERMES_SSE__CLIENT_TOKEN,  /* a token, in request->token, still to be looked up */
  HERMES_SSE__CLIENT_BAD,    /* a wrong key */
  HERMES_SSE__CLIENT_KEY_IN_QUERY
};
int hermes_sse__client_judge(hermes_sse_request *request, const hermes_sse_request_input *input,
                             hermes_sse_slice query);

#endif
