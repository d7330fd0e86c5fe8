#include "core/frame.h"
#include "core/chunk.h"
#include "core/options.h"
#include <string.h>

/* "id: " <hi>-<lo> LF, LF, CR LF */
enum { TAIL_ROOM = 4 + HERMES_SSE_ID_MAX + 1 + 2 };

static hermes_sse_frame *frame_new(const hermes_sse_environment *env, size_t bytes)
{
  hermes_sse_frame *f;

  if (bytes > UINT32_MAX)
    return NULL;
  f = hermes_sse__alloc_raw(env, 1, sizeof *f + bytes);
  if (!f)
    return NULL;
  memset(f, 0, sizeof *f);
  f->release = env->release;
  f->user = env->user;
  f->size = sizeof *f + bytes;
  atomic_init(&f->refs, 1);
  return f;
}

/* The event without the empty line at its end, which the id line comes before. `names` bytes stay free in front. */
static int frame_body(const hermes_sse_environment *env, uint64_t max_bytes, const hermes_sse_event *event,
                      size_t names, hermes_sse_frame **frame)
{
  hermes_sse_ssize len = hermes_sse_event_measure(event);
  hermes_sse_frame *f;
  size_t at = names + HERMES_SSE__CHUNK_ROOM;

  if (len < 0)
    return (int)len;
  if ((uint64_t)len + TAIL_ROOM > max_bytes)
    return HERMES_SSE_ERR_TOO_LARGE;
  f = frame_new(env, at + (size_t)len + TAIL_ROOM);
  if (!f)
    return HERMES_SSE_ERR_NOMEM;
  f->event_at = (uint32_t)at;
  hermes_sse_event_encode(event, f->bytes + at, (size_t)len);
  f->event_len = len > 0 ? (uint32_t)len - 1 : 0;
  *frame = f;
  return HERMES_SSE_OK;
}

static void frame_finish(hermes_sse_frame *f)
{
  f->bytes[f->event_at + f->event_len] = '\r';
  f->bytes[f->event_at + f->event_len + 1] = '\n';
  f->chunk_line = (uint8_t)hermes_sse__chunk_line((char *)f->bytes + f->event_at, f->event_len);
}

void hermes_sse__frame_number(hermes_sse_frame *f, uint64_t seq, const hermes_sse_id *id)
{
  char *at = (char *)f->bytes + f->event_at + f->event_len, *from = at;

  memcpy(at, "id: ", 4);
  at += 4;
  at += hermes_sse_id_format(id, at, HERMES_SSE_ID_MAX);
  *at++ = '\n';
  *at++ = '\n';
  f->event_len += (uint32_t)(at - from);
  f->seq = seq;
  frame_finish(f);
}

int hermes_sse__frame_check(uint64_t max_bytes, const hermes_sse_message *message)
{
  hermes_sse_event event = { .size = sizeof event, .type = message->type, .data = message->data };
  hermes_sse_ssize len = hermes_sse_event_measure(&event);

  if (len < 0)
    return (int)len;
  return (uint64_t)len + TAIL_ROOM > max_bytes ? HERMES_SSE_ERR_TOO_LARGE : HERMES_SSE_OK;
}

int hermes_sse__frame_message(const hermes_sse_environment *env, const hermes_sse__seed *seed, uint64_t max_bytes,
                              const hermes_sse_message *message, hermes_sse_frame **frame)
{
  hermes_sse_event event = { .size = sizeof event, .type = message->type, .data = message->data };
  size_t topic_len = message->topic.len, key_len = message->key.len;
  hermes_sse_frame *f = NULL;
  int rv = frame_body(env, max_bytes, &event, topic_len + key_len, &f);

  if (rv < 0)
    return rv;
  memcpy(f->bytes, message->topic.ptr, topic_len);
  if (key_len > 0)
    memcpy(f->bytes + topic_len, message->key.ptr, key_len);
  f->topic_len = (uint8_t)topic_len;
  f->key_len = (uint8_t)key_len;
  f->topic_hash = hermes_sse__hash(seed, message->topic.ptr, topic_len);
  f->key_hash = key_len > 0 ? hermes_sse__hash(seed, message->key.ptr, key_len) : 0;
  f->meta = message->meta;
  *frame = f;
  return HERMES_SSE_OK;
}

/* What the field has, if the line at `*at` is one of it, and on to the next line. */
static hermes_sse_slice take_field(const char **at, const char *end, const char *field)
{
  size_t len = strlen(field);
  const char *from = *at + len, *line_end;

  if ((size_t)(end - *at) < len || memcmp(*at, field, len) != 0)
    return (hermes_sse_slice){ .ptr = NULL };
  line_end = memchr(from, '\n', (size_t)(end - from));
  *at = line_end + 1;
  return (hermes_sse_slice){ .ptr = from, .len = (size_t)(line_end - from) };
}

hermes_sse_message hermes_sse__frame_read(const hermes_sse_frame *frame)
{
  const char *at = (const char *)frame->bytes + frame->event_at, *end = at + frame->event_len;
  hermes_sse_message m = { .size = sizeof m, .meta = frame->meta };

  m.topic = (hermes_sse_slice){ .ptr = frame->bytes, .len = frame->topic_len };
  m.key = (hermes_sse_slice){ .ptr = frame->bytes + frame->topic_len, .len = frame->key_len };
  m.type = take_field(&at, end, "event: ");
  m.data = take_field(&at, end, "data: ");
  return m;
}

hermes_sse_frame *hermes_sse__frame_mark(const hermes_sse_environment *env, const hermes_sse__seed *seed, uint8_t mark,
                                         hermes_sse_slice topic)
{
  hermes_sse_frame *f = frame_new(env, topic.len);

  if (!f)
    return NULL;
  if (topic.len > 0)
    memcpy(f->bytes, topic.ptr, topic.len);
  f->topic_len = (uint8_t)topic.len;
  f->topic_hash = hermes_sse__hash(seed, f->bytes, topic.len);
  f->mark = mark;
  return f;
}

int hermes_sse__frame_event(const hermes_sse_environment *env, uint64_t max_bytes, const hermes_sse_event *event,
                            const hermes_sse_id *id, hermes_sse_frame **frame)
{
  hermes_sse_event e;
  int rv = event ? hermes_sse__options_read(&e, sizeof e, event) : HERMES_SSE_ERR_OPTION;

  if (rv < 0 || e.flags & HERMES_SSE_EVENT_CHUNK)
    return HERMES_SSE_ERR_OPTION;
  if (id && (e.id.len > 0 || e.flags & HERMES_SSE_EVENT_RESET_ID))
    return HERMES_SSE_ERR_BAD_ID;
  rv = frame_body(env, max_bytes, &e, 0, frame);
  if (rv < 0)
    return rv;
  if (id) {
    hermes_sse__frame_number(*frame, 0, id);
  } else {
    (*frame)->bytes[(*frame)->event_at + (*frame)->event_len++] = '\n';
    frame_finish(*frame);
  }
  return HERMES_SSE_OK;
}

hermes_sse_frame *hermes_sse__frame_raw(const hermes_sse_environment *env, size_t len)
{
  hermes_sse_frame *f = frame_new(env, len);

  if (f)
    f->event_len = (uint32_t)len;
  return f;
}

unsigned char *hermes_sse__frame_bytes(hermes_sse_frame *frame)
{
  return frame->bytes + frame->event_at;
}

hermes_sse_frame *hermes_sse__frame_verbatim(const hermes_sse_environment *env, const void *bytes, size_t len)
{
  hermes_sse_frame *f = frame_new(env, HERMES_SSE__CHUNK_ROOM + len + TAIL_ROOM);

  if (!f)
    return NULL;
  f->event_at = HERMES_SSE__CHUNK_ROOM;
  f->event_len = (uint32_t)len;
  memcpy(f->bytes + f->event_at, bytes, len);
  frame_finish(f);
  return f;
}

hermes_sse_frame *hermes_sse__frame_ref(hermes_sse_frame *frame)
{
  atomic_fetch_add_explicit(&frame->refs, 1, memory_order_relaxed);
  return frame;
}

void hermes_sse__frame_unref(hermes_sse_frame *frame)
{
  if (frame && atomic_fetch_sub_explicit(&frame->refs, 1, memory_order_acq_rel) == 1)
    frame->release(frame, frame->user);
}

void hermes_sse_frame_release(hermes_sse_frame *frame)
{
  hermes_sse__frame_unref(frame);
}
