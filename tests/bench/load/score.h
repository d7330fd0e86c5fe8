/* Figures: what of a numbered sequence came, and how values are spread. */
#ifndef HERMES_SSE_LOAD_SCORE_H
#define HERMES_SSE_LOAD_SCORE_H
#include <stddef.h>
#include <stdint.h>

/* Which numbers came: a bit each, from the first expected on. */
typedef struct score {
  uint64_t base; /* the first that is expected; 0: the first that comes */
  uint64_t *bits;
  size_t words;
} score;

enum { SCORE_NEW, SCORE_DOUBLE, SCORE_BEFORE };

/* SCORE_BEFORE: older than what is expected. Exits when memory is out. */
int score_take(score *s, uint64_t number);
int score_has(const score *s, uint64_t number);
void score_clear(score *s);

/* Values with an error of at most 1/64. */
enum { HISTOGRAM_STEPS = 64, HISTOGRAM_BUCKETS = 64 * HISTOGRAM_STEPS };

typedef struct histogram {
  uint64_t n, max;
  double sum;
  uint64_t buckets[HISTOGRAM_BUCKETS];
} histogram;

void histogram_add(histogram *h, uint64_t value);
/* The value that a share of all are at most; 0 if there is none. */
uint64_t histogram_at(const histogram *h, double share);

#endif
