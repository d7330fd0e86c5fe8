import { useQueryClient } from '@tanstack/react-query';
import { hermesKeys } from './cache';
import { reduceDownload } from './reduce';
import { DOWNLOAD_POLL_MS } from './timing';
import { isFinished, type DownloadProgress, type QueueState } from './types';
import { useLiveQuery, type LiveResult } from './useLiveQuery';

/** One download, live. What the queue already told is shown at once. */
export function useDownloadProgressSSE(downloadId: string | null | undefined): LiveResult<DownloadProgress> {
  const cache = useQueryClient();
  const id = downloadId ?? '';
  return useLiveQuery<DownloadProgress>({
    queryKey: hermesKeys.download(id),
    path: `/api/v1/download/${encodeURIComponent(id)}`,
    reduce: reduceDownload,
    pollEvery: (known) => !isFinished(known) && DOWNLOAD_POLL_MS,
    enabled: id !== '',
    initial: () => {
      const queue = cache.getQueryState<QueueState>(hermesKeys.queue);
      const data = queue?.data?.items.find((one) => one.download_id === id);
      return data && { data, at: queue?.dataUpdatedAt };
    },
  });
}
