import type { Query, QueryClient } from '@tanstack/react-query';
import { justAdded, reduceAnalytics, reduceDownload, reduceQueue } from './reduce';
import type { Stream } from './stream';
import {
  isFinished,
  type Analytics,
  type DownloadProgress,
  type QueueState,
  type ReceivedNotification,
  type ServerEvent,
  type SystemNotification,
} from './types';

/** Where the hooks' results lie in the query cache. */
export const hermesKeys = {
  all: ['hermes'] as const,
  download: (id: string) => ['hermes', 'download', id] as const,
  queue: ['hermes', 'queue'] as const,
  analytics: ['hermes', 'analytics'] as const,
  notifications: ['hermes', 'notifications'] as const,
};

const NOTIFICATIONS_KEPT = 50;
const COUNTERS_SETTLE_MS = 500;
const COUNTERS_APART_MS = 5000;

/** What may have changed without our hearing of it: not what was never fetched, nor what has ended. */
function mayHaveChanged(query: Query): boolean {
  const [, kind] = query.queryKey;
  if (kind === 'download') return !isFinished(query.state.data as DownloadProgress | undefined);
  return kind === 'queue' || kind === 'analytics';
}

function addNotification(cache: QueryClient, event: ServerEvent): void {
  cache.setQueryData<ReceivedNotification[]>(hermesKeys.notifications, (known = []) => {
    const received_at = Date.now();
    const key = event.id || `${received_at}-${known.length}`;
    return [{ ...(event.data as SystemNotification), key, received_at }, ...known].slice(0, NOTIFICATIONS_KEPT);
  });
}

/** Hermes may have no analytics events yet: the end of a download then has the counters fetched, once for those that end together. */
class CounterRefresh {
  private due: ReturnType<typeof setTimeout> | undefined;
  private last = 0;
  private isTold = false;

  constructor(private readonly cache: QueryClient) {}

  onEvent(event: ServerEvent): void {
    if (event.type === 'analytics_update') this.isTold = true;
    if (this.isTold) return this.stop();
    if (
      event.type !== 'queue_update' ||
      (event.data as { action?: string }).action !== 'removed' ||
      this.due !== undefined
    )
      return;
    this.due = setTimeout(
      () => this.refresh(),
      Math.max(COUNTERS_SETTLE_MS, this.last + COUNTERS_APART_MS - Date.now()),
    );
  }

  stop(): void {
    clearTimeout(this.due);
    this.due = undefined;
  }

  private refresh(): void {
    this.due = undefined;
    this.last = Date.now();
    void this.cache.invalidateQueries({ queryKey: hermesKeys.analytics });
  }
}

/* Progress is whole in each event: a hook that comes later need not ask. */
function firstSeen(event: ServerEvent): DownloadProgress | undefined {
  return event.type === 'download_progress' ? (event.data as DownloadProgress) : undefined;
}

function apply(cache: QueryClient, event: ServerEvent): void {
  const id = (event.data as { download_id?: unknown } | null)?.download_id;

  if (typeof id === 'string') {
    cache.setQueryData<DownloadProgress>(hermesKeys.download(id), (known) =>
      known ? reduceDownload(known, event) : firstSeen(event),
    );
    cache.setQueryData<QueueState>(hermesKeys.queue, (known) => known && reduceQueue(known, event));
  } else if (event.type === 'analytics_update') {
    cache.setQueryData<Analytics>(hermesKeys.analytics, (known) => known && reduceAnalytics(known, event));
  } else if (event.type === 'system_notification') {
    addNotification(cache, event);
  }
}

/** What the answer to a POST tells, unless the stream was faster. */
export function noteAdded(cache: QueryClient, id: string): void {
  if (cache.getQueryData(hermesKeys.download(id))) return;
  cache.setQueryData<DownloadProgress>(hermesKeys.download(id), justAdded(id));
  apply(cache, { type: 'queue_update', data: { action: 'added', download_id: id, status: 'queued' }, id: '' });
}

/** Keeps a cache up to date by what a stream carries. */
export function bindCache(cache: QueryClient, stream: Stream): () => void {
  const counters = new CounterRefresh(cache);
  const refetch = (): void => void cache.invalidateQueries({ queryKey: hermesKeys.all, predicate: mayHaveChanged });
  const unlisten = stream.listen({
    onFresh: refetch,
    onEvent: (event) => {
      if (event.type === 'gap') refetch();
      else apply(cache, event);
      counters.onEvent(event);
    },
  });

  return () => {
    unlisten();
    counters.stop();
  };
}

/**
 * Fetches, and applies what the stream told meanwhile: an answer may be older than an event that overtook it, and whatever changes
 * after that event is told by another.
 */
export async function fetchAlong<T>(
  stream: Stream,
  fetcher: () => Promise<T>,
  reduce: (known: T, event: ServerEvent) => T,
): Promise<T> {
  const meanwhile: ServerEvent[] = [];
  const unlisten = stream.listen({ onEvent: (event) => meanwhile.push(event) });
  try {
    return meanwhile.reduce(reduce, await fetcher());
  } finally {
    unlisten();
  }
}
