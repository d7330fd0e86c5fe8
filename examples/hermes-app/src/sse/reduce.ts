import {
  isFinished,
  type Analytics,
  type DownloadProgress,
  type QueueState,
  type QueueUpdate,
  type ServerEvent,
} from './types';

/* What one event makes of what is known. All of it is absolute: an event that is applied twice does no harm. */

export function reduceDownload(download: DownloadProgress, event: ServerEvent): DownloadProgress {
  if (event.type !== 'download_progress') return download;
  const progress = event.data as DownloadProgress;
  return progress.download_id === download.download_id ? { ...download, ...progress } : download;
}

export function reduceQueue(queue: QueueState, event: ServerEvent): QueueState {
  if (event.type === 'download_progress') return put(queue, event.data as DownloadProgress);
  if (event.type !== 'queue_update') return queue;
  const { action, download_id, status } = event.data as QueueUpdate;
  const known = queue.items.find((one) => one.download_id === download_id);
  if (action === 'removed') return without(queue, download_id);
  return known || action === 'added' ? put(queue, { ...(known ?? justAdded(download_id)), status }) : queue;
}

export function reduceAnalytics(analytics: Analytics, event: ServerEvent): Analytics {
  return event.type === 'analytics_update' && typeof event.data === 'object'
    ? { ...analytics, ...event.data }
    : analytics;
}

function put(queue: QueueState, download: DownloadProgress): QueueState {
  if (isFinished(download)) return without(queue, download.download_id);
  const at = queue.items.findIndex((one) => one.download_id === download.download_id);
  const items =
    at < 0 ? [download, ...queue.items] : queue.items.map((one, i) => (i === at ? { ...one, ...download } : one));
  return { ...queue, items, total: items.length };
}

function without(queue: QueueState, id: string): QueueState {
  const items = queue.items.filter((one) => one.download_id !== id);
  return items.length === queue.items.length ? queue : { ...queue, items, total: items.length };
}

export function justAdded(download_id: string): DownloadProgress {
  return {
    download_id,
    status: 'queued',
    progress: 0,
    downloaded_bytes: 0,
    total_bytes: null,
    download_speed: null,
    eta: null,
    error_message: null,
  };
}
