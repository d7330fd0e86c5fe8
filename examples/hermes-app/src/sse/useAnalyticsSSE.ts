import { hermesKeys } from './cache';
import { reduceAnalytics } from './reduce';
import { ANALYTICS_POLL_MS } from './timing';
import type { Analytics } from './types';
import { useLiveQuery, type LiveResult } from './useLiveQuery';

/** The server's counters, live. */
export function useAnalyticsSSE(): LiveResult<Analytics> {
  return useLiveQuery<Analytics>({
    queryKey: hermesKeys.analytics,
    path: '/api/v1/stats/',
    reduce: reduceAnalytics,
    pollEvery: () => ANALYTICS_POLL_MS,
  });
}
