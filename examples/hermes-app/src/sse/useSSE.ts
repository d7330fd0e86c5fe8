import { useEffect, useRef, useSyncExternalStore } from 'react';
import { useHermesClient } from './provider';
import type { Stream } from './stream';
import type { ConnectionStatus, Gap, ServerEvent } from './types';

export interface UseSSEOptions {
  /** false: no connection is wanted for now */
  enabled?: boolean;
  /** every event, heartbeats and the greeting (type `message`) included */
  onEvent?: (event: ServerEvent) => void;
  /** by type, with the parsed data */
  events?: Record<string, (data: unknown, event: ServerEvent) => void>;
  /** something is missing: fetch afresh what may have changed */
  onGap?: (gap: Gap) => void;
}

export interface UseSSEResult extends ConnectionStatus {
  isConnected: boolean;
}

export function useStreamStatus(stream: Stream): UseSSEResult {
  const status = useSyncExternalStore(stream.watchStatus, stream.status, stream.status);
  return { ...status, isConnected: status.state === 'connected' };
}

/** Follows a stream of the server. All users of one URL share one connection. With the flag off nothing is ever opened. */
export function useSSE(url: string, options: UseSSEOptions = {}): UseSSEResult {
  const stream = useHermesClient().stream(url);
  const { enabled = true, events = {} } = options;
  const latest = useRef(options);
  const types = Object.keys(events).sort().join('\n');

  useEffect(() => {
    latest.current = options;
  });
  useEffect(() => {
    if (!enabled) return undefined;
    for (const type of types.split('\n').filter(Boolean)) stream.listenFor(type);
    const unlisten = stream.listen({
      onEvent: (event) => {
        latest.current.onEvent?.(event);
        latest.current.events?.[event.type]?.(event.data, event);
        if (event.type === 'gap') latest.current.onGap?.(event.data as Gap);
      },
    });
    const release = stream.hold();
    return () => {
      release();
      unlisten();
    };
  }, [stream, enabled, types]);
  return useStreamStatus(stream);
}
