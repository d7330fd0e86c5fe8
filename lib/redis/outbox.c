#include "redis/outbox.h"
#include <string.h>

/* What an envelope begins with, before the type, and between type and data. */
enum { BEFORE_TYPE = sizeof "{\"type\":\"" - 1, BEFORE_DATA = sizeof "\",\"data\":" - 1 };

static hermes_sse__outgoing *outgoing_new(const hermes_sse_environment *env, const hermes_sse_message *m,
                                          const hermes_sse__text *envelope)
{
  size_t names = m->topic.len + m->key.len, size = sizeof(hermes_sse__outgoing) + names + envelope->n;
  hermes_sse__outgoing *o = hermes_sse__alloc_raw(env, 1, size);

  if (!o)
    return NULL;
  *o = (hermes_sse__outgoing){ .size = size, .meta = m->meta };
  o->topic_len = (uint8_t)m->topic.len;
  o->key_len = (uint8_t)m->key.len;
  o->key_at = m->topic.len;
  o->envelope_at = names;
  o->envelope_len = envelope->n;
  o->type_at = names + BEFORE_TYPE;
  o->type_len = m->type.len;
  o->data_at = o->type_at + o->type_len + BEFORE_DATA;
  o->data_len = m->data.len; /* line breaks became blanks, so nothing moved */
  memcpy(o->bytes, m->topic.ptr, m->topic.len);
  if (m->key.len > 0)
    memcpy(o->bytes + o->key_at, m->key.ptr, m->key.len);
  memcpy(o->bytes + names, envelope->bytes, envelope->n);
  return o;
}

int hermes_sse__outbox_add(const hermes_sse_environment *env, hermes_sse__outbox *outbox,
                           const hermes_sse_message *message, const char *origin, hermes_sse__outgoing **outgoing)
{
  hermes_sse__text envelope = hermes_sse__text_new(env);
  hermes_sse__outgoing *o = NULL;
  int rv;

  if (outbox->bytes + message->data.len > outbox->max_bytes)
    return HERMES_SSE_ERR_FULL;
  rv = hermes_sse__envelope_write(&envelope, message, origin, outbox->last_number + 1, env->wall_ms(env->user));
  if (rv == HERMES_SSE_OK && !(o = outgoing_new(env, message, &envelope)))
    rv = HERMES_SSE_ERR_NOMEM;
  hermes_sse__text_clear(&envelope);
  if (rv < 0)
    return rv;
  o->number = ++outbox->last_number;
  *(outbox->last ? &outbox->last->next : &outbox->first) = o;
  outbox->last = o;
  if (!outbox->unsent)
    outbox->unsent = o;
  outbox->bytes += o->size;
  outbox->unconfirmed++;
  *outgoing = o;
  return HERMES_SSE_OK;
}

void hermes_sse__outbox_take_back(const hermes_sse_environment *env, hermes_sse__outbox *outbox)
{
  hermes_sse__outgoing **at = &outbox->first, *before = NULL, *o = outbox->last;

  for (; *at != o; at = &(*at)->next)
    before = *at;
  *at = NULL;
  outbox->last = before;
  if (outbox->unsent == o)
    outbox->unsent = NULL;
  outbox->last_number--;
  outbox->unconfirmed--;
  outbox->bytes -= o->size;
  hermes_sse__release(env, o);
}

hermes_sse_message hermes_sse__outgoing_message(const hermes_sse__outgoing *o)
{
  return (hermes_sse_message){ .size = sizeof(hermes_sse_message),
                               .topic = { .ptr = o->bytes, .len = o->topic_len },
                               .key = { .ptr = o->bytes + o->key_at, .len = o->key_len },
                               .type = { .ptr = o->bytes + o->type_at, .len = o->type_len },
                               .data = { .ptr = o->bytes + o->data_at, .len = o->data_len },
                               .meta = o->meta };
}

/* Nearly always the first that is asked for. */
hermes_sse__outgoing *hermes_sse__outbox_find(const hermes_sse__outbox *outbox, uint64_t number)
{
  hermes_sse__outgoing *o = outbox->first;

  while (o && o->number < number)
    o = o->next;
  return o && o->number == number ? o : NULL;
}

void hermes_sse__outbox_confirm(hermes_sse__outbox *outbox, hermes_sse__outgoing *o)
{
  outbox->unconfirmed -= !o->is_confirmed;
  o->is_confirmed = 1;
}

static void drop_first(const hermes_sse_environment *env, hermes_sse__outbox *outbox)
{
  hermes_sse__outgoing *o = outbox->first;

  outbox->first = o->next;
  if (!outbox->first)
    outbox->last = NULL;
  if (outbox->unsent == o)
    outbox->unsent = o->next;
  outbox->bytes -= o->size;
  outbox->unconfirmed -= !o->is_confirmed;
  hermes_sse__release(env, o);
}

void hermes_sse__outbox_tidy(const hermes_sse_environment *env, hermes_sse__outbox *outbox)
{
  while (outbox->first && outbox->first->is_served && outbox->first->is_confirmed)
    drop_first(env, outbox);
}

void hermes_sse__outbox_rewind(hermes_sse__outbox *outbox)
{
  outbox->unsent = NULL;
  for (hermes_sse__outgoing *o = outbox->first; o; o = o->next) {
    o->is_sent = 0;
    if (!o->is_confirmed && !outbox->unsent)
      outbox->unsent = o;
  }
}

void hermes_sse__outbox_clear(const hermes_sse_environment *env, hermes_sse__outbox *outbox)
{
  while (outbox->first)
    drop_first(env, outbox);
}
