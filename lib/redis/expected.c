#include "redis/expected.h"

int hermes_sse__expected_reserve(const hermes_sse_environment *env, hermes_sse__expected *e)
{
  size_t capacity = e->capacity ? 2 * e->capacity : 16;
  hermes_sse__answer *answers;

  if (e->next - e->first < e->capacity)
    return HERMES_SSE_OK;
  answers = hermes_sse__alloc_raw(env, capacity, sizeof *answers);
  if (!answers)
    return HERMES_SSE_ERR_NOMEM;
  for (size_t i = e->first; i != e->next; i++)
    answers[i & (capacity - 1)] = e->answers[i & (e->capacity - 1)];
  hermes_sse__release(env, e->answers);
  e->answers = answers;
  e->capacity = capacity;
  return HERMES_SSE_OK;
}

void hermes_sse__expected_push(hermes_sse__expected *e, hermes_sse__answer answer)
{
  e->answers[e->next++ & (e->capacity - 1)] = answer;
}

int hermes_sse__expected_pop(hermes_sse__expected *e, hermes_sse__answer *answer)
{
  if (e->first == e->next)
    return 0;
  *answer = e->answers[e->first++ & (e->capacity - 1)];
  return 1;
}

const hermes_sse__answer *hermes_sse__expected_first(const hermes_sse__expected *e)
{
  return e->first == e->next ? NULL : &e->answers[e->first & (e->capacity - 1)];
}

void hermes_sse__expected_clear(const hermes_sse_environment *env, hermes_sse__expected *e)
{
  hermes_sse__release(env, e->answers);
  *e = (hermes_sse__expected){ .capacity = 0 };
}
