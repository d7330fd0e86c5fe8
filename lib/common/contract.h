/* What the Hermes contract lets an event be, for everyone who takes events from others. */
#ifndef HERMES_SSE_COMMON_CONTRACT_H
#define HERMES_SSE_COMMON_CONTRACT_H
#include <hermes_sse/bus.h>

struct cJSON;

/* 1 if an event may have this type: [A-Za-z0-9_.-]{1,64}, and none of the stream's own. */
int hermes_sse__type_ok(hermes_sse_slice type);

/* The key of an event with this data, which was read from `text`: data.download_id when that is a string that fits. Its length;
   0: none. */
size_t hermes_sse__data_key(const struct cJSON *data, hermes_sse_slice text, char key[HERMES_SSE_KEY_MAX + 1]);

#endif
