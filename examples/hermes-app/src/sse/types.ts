export type DownloadStatus = 'queued' | 'downloading' | 'processing' | 'completed' | 'failed' | 'cancelled';

export interface DownloadProgress {
  download_id: string;
  status: DownloadStatus;
  /** 0 to 100 */
  progress: number;
  downloaded_bytes: number;
  total_bytes: number | null;
  /** bytes a second */
  download_speed: number | null;
  /** seconds */
  eta: number | null;
  error_message: string | null;
}

export interface QueueState {
  items: DownloadProgress[];
  total: number;
}

export interface QueueUpdate {
  action: 'added' | 'removed' | 'status_changed';
  download_id: string;
  status: DownloadStatus;
}

export interface SystemNotification {
  notification_type: 'info' | 'warning' | 'error';
  message: string;
}

/** One notification as it lies in the cache; the id is the event's, or a number of our own. */
export interface ReceivedNotification extends SystemNotification {
  key: string;
  received_at: number;
}

export type Analytics = Record<string, unknown>;

export interface Gap {
  from: string | null;
  to: string | null;
  missed: number | null;
  reason: 'expired' | 'restarted' | 'unknown' | 'slow' | 'bridge';
}

export interface Health {
  enabled: boolean;
  active_connections: number;
  max_connections: number;
  /** seconds */
  heartbeat_interval: number;
}

export interface ServerEvent {
  /** 'message' for the greeting, which has no name */
  type: string;
  /** the parsed JSON, or the text where it is none */
  data: unknown;
  id: string;
}

export type ConnectionState = 'connecting' | 'connected' | 'reconnecting' | 'disconnected' | 'polling';

export interface ConnectionStatus {
  state: ConnectionState;
  /** of the reconnection that is under way; 0 otherwise */
  attempt: number;
  /** why there is no stream, where that is known */
  reason?: 'flag' | 'disabled' | 'unreachable' | 'unauthorized';
}

export const FINISHED: ReadonlySet<string> = new Set(['completed', 'failed', 'cancelled']);

export const isFinished = (download: { status: string } | undefined): boolean =>
  !!download && FINISHED.has(download.status);
