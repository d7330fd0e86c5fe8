/* Ephemeral tokens: "sse_" and 192 random bits, valid for one scope until they expire, kept in the store so that any node
 * accepts them. */
#ifndef HERMES_SSE_SERVICE_TOKEN_H
#define HERMES_SSE_SERVICE_TOKEN_H
#include "service/service.h"

/* 1 if `scope` is one of the contract's: "all", "queue", "system", "analytics", "download:<id>" of at most
   HERMES_SSE_KEY_MAX bytes, as it is a key of its streams' tickets. */
int hermes_sse__scope_valid(hermes_sse_slice scope);

/* 1 if the request's channels and key lie in `scope`. */
int hermes_sse__scope_covers(const char *scope, const hermes_sse_request *request);

/* "sse:token:<token>" */
enum { HERMES_SSE__TOKEN_KEY_ROOM = HERMES_SSE__TOKEN_ROOM + 16 };
void hermes_sse__token_key(const char *token, char key[HERMES_SSE__TOKEN_KEY_ROOM]);

/* Fills request->token with a new one, expires_ms from ttl_s, and `value` with what the store keeps. HERMES_SSE_ERR_RANDOM,
   _NOMEM. */
int hermes_sse__token_mint(hermes_sse_request *request, hermes_sse__text *value);

/* Reads the store's value into request->scope and expires_ms. HERMES_SSE_ERR_BAD_DATA: not a token of ours, or expired.
   HERMES_SSE_ERR_NOMEM. */
int hermes_sse__token_read(hermes_sse_request *request);

/* Remembers a token that was given, for revoking. HERMES_SSE_ERR_NOMEM. */
int hermes_sse__grant_add(hermes_sse_request *request);
void hermes_sse__grants_clear(hermes_sse_service *service);

#endif
