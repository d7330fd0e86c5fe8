import { useQuery, useQueryClient, type QueryKey, type QueryState } from '@tanstack/react-query';
import { useEffect } from 'react';
import { ApiError } from './api';
import { fetchAlong } from './cache';
import { useHermesClient } from './provider';
import type { ServerEvent } from './types';
import { useStreamStatus, type UseSSEResult } from './useSSE';

export interface LiveQuery<T> {
  queryKey: QueryKey;
  path: string;
  reduce: (known: T, event: ServerEvent) => T;
  /** milliseconds between two polls while there is no stream; false: it cannot change any more */
  pollEvery: (known: T) => number | false;
  initial?: () => { data: T; at: number | undefined } | undefined;
  enabled?: boolean;
}

export interface LiveResult<T> {
  data: T | undefined;
  error: Error | null;
  isLoading: boolean;
  isFetching: boolean;
  refetch: () => Promise<unknown>;
  connection: UseSSEResult;
}

/** After a first request that failed. */
const UNKNOWN_POLL_MS = 2000;

/** Whether there is nothing to poll for: the stream tells, or the server no longer knows it. What a gap made doubtful is asked until answered. */
function isSettled(
  { error, status, isInvalidated }: Pick<QueryState<unknown, Error>, 'error' | 'status' | 'isInvalidated'>,
  isConnected: boolean,
): boolean {
  if (error instanceof ApiError && error.status === 404) return true;
  return isConnected && status !== 'error' && !isInvalidated;
}

/** Keeps the shared stream open and the cache bound to it while enabled. */
export function useAttached(enabled = true): UseSSEResult {
  const client = useHermesClient();
  const cache = useQueryClient();
  useEffect(() => (enabled ? client.attach(cache) : undefined), [client, cache, enabled]);
  return useStreamStatus(client.stream());
}

/** A query that the stream keeps up to date while it is connected, and polling otherwise. */
export function useLiveQuery<T>({
  queryKey,
  path,
  reduce,
  pollEvery,
  initial,
  enabled = true,
}: LiveQuery<T>): LiveResult<T> {
  const client = useHermesClient();
  const connection = useAttached(enabled);
  const { isConnected, state, reason } = connection;
  const { data, error, isPending, isFetching, refetch } = useQuery<T>({
    queryKey,
    queryFn: ({ signal }) => fetchAlong(client.stream(), () => client.api.json<T>(path, { signal }), reduce),
    enabled: enabled && state !== 'connecting' && reason !== 'unauthorized',
    refetchInterval: ({ state: { data: known, ...rest } }) =>
      !isSettled(rest, isConnected) && (known === undefined ? UNKNOWN_POLL_MS : pollEvery(known)),
    staleTime: isConnected ? Infinity : 0,
    refetchOnWindowFocus: !isConnected,
    refetchOnReconnect: !isConnected,
    networkMode: 'always',
    retry: false,
    initialData: () => initial?.()?.data,
    initialDataUpdatedAt: () => initial?.()?.at,
  });
  return { data, error, isLoading: enabled && isPending, isFetching, refetch, connection };
}
