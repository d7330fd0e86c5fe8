/* Encoded bytes, reference counted: an event as every stream that gets it sends it, or one stream's own output.
 *
 * An event's bytes are laid out so that a chunked and an unchunked stream each send one contiguous slice:
 *
 *   [topic][key][room][chunk line][event ... id line, empty line][CR LF]
 *                      ^ chunked    ^ unchunked ............... ^
 */
#ifndef HERMES_SSE_CORE_FRAME_H
#define HERMES_SSE_CORE_FRAME_H
#include "core/environment.h"
#include "core/hash.h"
#include <hermes_sse/bus.h>
#include <hermes_sse/stream.h>
#include <stdatomic.h>

/* What a mark says: a HERMES_SSE_GAP_ reason (events of its topic before its place may be missing), or this. */
enum { HERMES_SSE__MARK_NONE = 0, HERMES_SSE__MARK_LIVE = UINT8_MAX };

struct hermes_sse_frame {
  void (*release)(void *ptr, void *user); /* its own, so that it may outlive the bus */
  void *user;
  struct hermes_sse_frame *next; /* in a stream's queue of sends; private frames only */
  uint64_t seq;                  /* place in the bus; 0: none */
  uint64_t published_ns;
  uint64_t meta;
  uint64_t topic_hash, key_hash;
  size_t size;        /* of the whole allocation */
  uint32_t event_at;  /* in `bytes` */
  uint32_t event_len; /* without chunk framing */
  atomic_uint refs;
  uint8_t chunk_line; /* bytes before event_at; 0: the same bytes for chunked and unchunked streams */
  uint8_t topic_len, key_len;
  uint8_t mark; /* HERMES_SSE__MARK_; not 0: no event, but a word on the order to the hubs */
  unsigned char bytes[];
};

/* One reference, owned by the caller. A message as an event without a place yet: hermes_sse__frame_number() completes it.
   HERMES_SSE_ERR_BAD_TYPE, _TOO_LARGE, _NOMEM. */
int hermes_sse__frame_message(const hermes_sse_environment *env, const hermes_sse__seed *seed, uint64_t max_bytes,
                              const hermes_sse_message *message, hermes_sse_frame **frame);

/* A mark about a topic, or a prefix and '*'. NULL: no memory. */
hermes_sse_frame *hermes_sse__frame_mark(const hermes_sse_environment *env, const hermes_sse__seed *seed, uint8_t mark,
                                         hermes_sse_slice topic);

/* What hermes_sse__frame_message() would refuse of it: HERMES_SSE_ERR_BAD_TYPE, _TOO_LARGE. */
int hermes_sse__frame_check(uint64_t max_bytes, const hermes_sse_message *message);

/* An event as it was published, but of its data the first line alone; borrowed from the frame. */
hermes_sse_message hermes_sse__frame_read(const hermes_sse_frame *frame);

/* Gives the frame its place, whose id is `id`: writes id line, end and chunk line. Cheap: done under the bus's lock. */
void hermes_sse__frame_number(hermes_sse_frame *frame, uint64_t seq, const hermes_sse_id *id);

/* A host's event, or one of the library's own. With `id`, which is then its id line, it may have none of its own. Errors as
   above and _BAD_ID, _OPTION (also for HERMES_SSE_EVENT_CHUNK: framing is the stream's). */
int hermes_sse__frame_event(const hermes_sse_environment *env, uint64_t max_bytes, const hermes_sse_event *event,
                            const hermes_sse_id *id, hermes_sse_frame **frame);

/* `len` bytes to be filled in by the caller at hermes_sse__frame_bytes(), the same for every framing. NULL: no memory. */
hermes_sse_frame *hermes_sse__frame_raw(const hermes_sse_environment *env, size_t len);
unsigned char *hermes_sse__frame_bytes(hermes_sse_frame *frame);

/* The same verbatim bytes, as one chunk for chunked streams. NULL: no memory. */
hermes_sse_frame *hermes_sse__frame_verbatim(const hermes_sse_environment *env, const void *bytes, size_t len);

hermes_sse_frame *hermes_sse__frame_ref(hermes_sse_frame *frame);
void hermes_sse__frame_unref(hermes_sse_frame *frame); /* NULL is nothing */

static inline const unsigned char *hermes_sse__frame_slice(const hermes_sse_frame *frame, int chunked, size_t *len)
{
  if (chunked && frame->chunk_line) {
    *len = (size_t)frame->chunk_line + frame->event_len + 2;
    return frame->bytes + frame->event_at - frame->chunk_line;
  }
  *len = frame->event_len;
  return frame->bytes + frame->event_at;
}

#endif
