import { FINISHED, type QueueState } from './types';

export const DOWNLOAD_POLL_MS = 2000;
export const ANALYTICS_POLL_MS = 30_000;

const BACK_OFF_FIRST_MS = 1000;
const BACK_OFF_MOST_MS = 30_000;

/** Doubles from 1 s to 30 s; the upper half is random, so that clients that were cut off together come back apart. */
export function reconnectDelay(attempt: number, random: () => number = Math.random): number {
  const full = Math.min(BACK_OFF_MOST_MS, BACK_OFF_FIRST_MS * 2 ** Math.min(Math.max(attempt - 1, 0), 10));
  return Math.max(BACK_OFF_FIRST_MS, full * (0.5 + random() / 2));
}

/** A tenth either way, so that pages that were opened together do not ask together. */
export function probeDelay(seconds: number, random: () => number = Math.random): number {
  return seconds * 1000 * (0.9 + random() / 5);
}

/** 2 s while something is running, 10 s while something waits, 30 s when there is nothing. */
export function queuePollInterval(queue: QueueState | undefined): number {
  const items = queue?.items.filter((one) => !FINISHED.has(one.status)) ?? [];
  if (items.some((one) => one.status !== 'queued')) return 2000;
  return items.length > 0 ? 10_000 : 30_000;
}
