import { useHermesClient } from './provider';
import { useStreamStatus, type UseSSEResult } from './useSSE';

/** The state of the shared stream, for those who only show it: opens nothing. */
export function useConnectionStatus(): UseSSEResult {
  return useStreamStatus(useHermesClient().stream());
}
