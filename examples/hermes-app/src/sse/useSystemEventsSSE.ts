import { useQuery } from '@tanstack/react-query';
import { hermesKeys } from './cache';
import type { ReceivedNotification } from './types';
import { useAttached } from './useLiveQuery';
import type { UseSSEResult } from './useSSE';

export interface SystemEvents {
  /** the newest first */
  notifications: ReceivedNotification[];
  connection: UseSSEResult;
}

/** Notifications come by the stream only: the server keeps none that could be polled. */
export function useSystemEventsSSE(): SystemEvents {
  const connection = useAttached();
  const { data } = useQuery<ReceivedNotification[]>({
    queryKey: hermesKeys.notifications,
    queryFn: () => [],
    enabled: false,
    initialData: [],
    staleTime: Infinity,
    gcTime: Infinity,
  });
  return { notifications: data, connection };
}
