import { hermesKeys } from './cache';
import { reduceQueue } from './reduce';
import { queuePollInterval } from './timing';
import type { QueueState } from './types';
import { useLiveQuery, type LiveResult } from './useLiveQuery';

/** What is waiting or running, live; polled faster the more there is to see. */
export function useQueueUpdatesSSE(): LiveResult<QueueState> {
  return useLiveQuery<QueueState>({
    queryKey: hermesKeys.queue,
    path: '/api/v1/download/queue',
    reduce: reduceQueue,
    pollEvery: queuePollInterval,
  });
}
