/* Histograms with bounds at powers of two. */
#ifndef HERMES_SSE_CORE_HISTOGRAM_H
#define HERMES_SSE_CORE_HISTOGRAM_H
#include "core/counters.h"

/* `times` observations of `value`. */
void hermes_sse__histogram_add(hermes_sse__histogram *histogram, uint64_t value, uint64_t times);

/* Adds `from` to the plain `to`. */
void hermes_sse__histogram_sum(hermes_sse_histogram *to, const hermes_sse__histogram *from);

#endif
