export { ApiError } from './api';
export { hermesKeys, noteAdded } from './cache';
export { createHermesClient, HermesClient, STREAM_PATH } from './client';
export { loadRuntimeConfig, parseFlag, readConfig, resolveSettings, type RuntimeConfig, type Settings } from './flags';
export { HermesSSEProvider, useHermesClient, type HermesSSEProviderProps } from './provider';
export { queuePollInterval, reconnectDelay } from './timing';
export { useAnalyticsSSE } from './useAnalyticsSSE';
export { useConnectionStatus } from './useConnectionStatus';
export { useDownloadProgressSSE } from './useDownloadProgressSSE';
export type { LiveResult } from './useLiveQuery';
export { useQueueUpdatesSSE } from './useQueueUpdatesSSE';
export { useSSE, type UseSSEOptions, type UseSSEResult } from './useSSE';
export { useSystemEventsSSE, type SystemEvents } from './useSystemEventsSSE';
export { isFinished } from './types';
export type {
  Analytics,
  ConnectionState,
  ConnectionStatus,
  DownloadProgress,
  DownloadStatus,
  Gap,
  Health,
  QueueState,
  QueueUpdate,
  ReceivedNotification,
  ServerEvent,
  SystemNotification,
} from './types';
