#include "score.h"
#include <err.h>
#include <stdlib.h>
#include <string.h>

/* Beyond this a number is no sequence: it would take too much memory to believe it. */
static const uint64_t SPAN_MAX = UINT64_C(1) << 32;

static void reserve(score *s, size_t words)
{
  size_t grown = s->words ? s->words : 4;

  if (words <= s->words)
    return;
  while (grown < words)
    grown *= 2;
  s->bits = realloc(s->bits, grown * sizeof *s->bits);
  if (!s->bits)
    errx(1, "out of memory for the sequences seen");
  memset(s->bits + s->words, 0, (grown - s->words) * sizeof *s->bits);
  s->words = grown;
}

int score_take(score *s, uint64_t number)
{
  uint64_t at, bit;

  if (s->base == 0)
    s->base = number;
  if (number < s->base || number - s->base > SPAN_MAX)
    return SCORE_BEFORE;
  at = number - s->base;
  bit = UINT64_C(1) << (at & 63);
  reserve(s, (size_t)(at / 64 + 1));
  if (s->bits[at / 64] & bit)
    return SCORE_DOUBLE;
  s->bits[at / 64] |= bit;
  return SCORE_NEW;
}

int score_has(const score *s, uint64_t number)
{
  uint64_t at = number - s->base;

  return s->base > 0 && number >= s->base && at / 64 < s->words && (s->bits[at / 64] >> (at & 63) & 1);
}

void score_clear(score *s)
{
  free(s->bits);
}

/* Exact below HISTOGRAM_STEPS; above, so many steps to each doubling. */
static unsigned bucket_of(uint64_t value)
{
  unsigned shift;

  if (value < HISTOGRAM_STEPS)
    return (unsigned)value;
  shift = 63 - (unsigned)__builtin_clzll(value) - 6;
  return (shift + 1) * HISTOGRAM_STEPS + (unsigned)(value >> shift) - HISTOGRAM_STEPS;
}

static uint64_t value_of(unsigned bucket)
{
  unsigned shift = bucket / HISTOGRAM_STEPS;

  return shift == 0 ? bucket : (uint64_t)(bucket % HISTOGRAM_STEPS + HISTOGRAM_STEPS) << (shift - 1);
}

void histogram_add(histogram *h, uint64_t value)
{
  h->n++;
  h->sum += (double)value;
  h->max = value > h->max ? value : h->max;
  h->buckets[bucket_of(value)]++;
}

uint64_t histogram_at(const histogram *h, double share)
{
  uint64_t seen = 0;

  if (h->n == 0)
    return 0;
  for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
    seen += h->buckets[i];
    if ((double)seen >= share * (double)h->n)
      return value_of(i) < h->max ? value_of(i) : h->max;
  }
  return h->max;
}
