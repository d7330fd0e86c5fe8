import type { Api } from './api';
import { Connection } from './connection';
import { Election } from './election';
import { isSeen } from './eventId';
import type { Settings } from './flags';
import type { ConnectionStatus, ServerEvent } from './types';

export interface StreamListener {
  onEvent?(event: ServerEvent): void;
  /** Connected without a cursor: what was fetched before may be out of date. */
  onFresh?(): void;
}

type TabMessage =
  | { kind: 'hello'; types: string[] }
  | { kind: 'probe' }
  | { kind: 'leader'; status: ConnectionStatus; lastId: string }
  | { kind: 'event'; event: ServerEvent };

export const KNOWN_TYPES = [
  'message',
  'heartbeat',
  'gap',
  'download_progress',
  'queue_update',
  'system_notification',
  'analytics_update',
];
const CONTROL_TYPES: ReadonlySet<string> = new Set(['message', 'heartbeat', 'gap']);

/** React unmounts and mounts again when it moves things: not worth a new connection. */
const LINGER_MS = 500;
/** How long hooks may wait with their first request, so that it comes after the stream and need not be repeated. */
const FIRST_CONNECT_MS = 1000;
/** A browser lets the timers of a tab in the background run once a minute. */
const ANNOUNCE_MS = 25_000;
const LEADER_SILENCE_MS = 100_000;

/** One stream of the server as the whole tab sees it: its own connection, or what the leading tab passes on. */
export class Stream {
  private readonly listeners = new Set<StreamListener>();
  private readonly statusWatchers = new Set<() => void>();
  private readonly types = new Set(KNOWN_TYPES);
  private holders = 0;
  private isOpen = false;
  private lastId = '';
  private raw: ConnectionStatus = { state: 'connecting', attempt: 0 };
  private visible: ConnectionStatus = this.raw;
  private connection: Connection | undefined;
  private election: Election | undefined;
  private channel: BroadcastChannel | undefined;
  private linger: ReturnType<typeof setTimeout> | undefined;
  private leaderSilence: ReturnType<typeof setTimeout> | undefined;
  private firstConnect: ReturnType<typeof setTimeout> | undefined;
  private pulse: ReturnType<typeof setInterval> | undefined;
  private readonly isEnabled: boolean;

  constructor(
    private readonly path: string,
    private readonly api: Api,
    private readonly settings: Settings,
  ) {
    this.isEnabled = settings.sseEnabled && typeof EventSource !== 'undefined';
    if (!this.isEnabled) this.raw = { state: 'polling', attempt: 0, reason: 'flag' };
    this.visible = this.raw;
    api.watch(() => this.update());
  }

  /** Keeps the stream open until the answer is called. */
  readonly hold = (): (() => void) => {
    clearTimeout(this.linger);
    if (++this.holders === 1 && !this.isOpen) this.open();
    return () => {
      if (--this.holders === 0) this.linger = setTimeout(() => this.close(), LINGER_MS);
    };
  };

  listen(listener: StreamListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  listenFor(type: string): void {
    if (this.types.has(type)) return;
    this.types.add(type);
    this.connection?.listenFor(type);
    this.post({ kind: 'hello', types: [...this.types] });
  }

  readonly watchStatus = (watcher: () => void): (() => void) => {
    this.statusWatchers.add(watcher);
    return () => this.statusWatchers.delete(watcher);
  };

  readonly status = (): ConnectionStatus => this.visible;

  private open(): void {
    if (!this.isEnabled) return;
    this.isOpen = true;
    globalThis.addEventListener?.('pagehide', this.onPageHide);
    this.firstConnect = setTimeout(
      () => this.raw.state === 'connecting' && this.setStatus({ state: 'reconnecting', attempt: 1 }),
      FIRST_CONNECT_MS,
    );
    if (!this.settings.shareAcrossTabs || !Election.isPossible) return this.lead();
    const name = `hermes-sse:${fingerprint([this.api.url(this.path), this.api.key ?? ''])}`;
    this.channel = new BroadcastChannel(name);
    this.channel.onmessage = (message: MessageEvent<TabMessage>) => this.onTabMessage(message.data);
    this.election = new Election(
      name,
      () => this.lead(),
      () => this.follow(),
    );
    this.follow();
    this.election.enter();
  }

  private close(): void {
    this.isOpen = false;
    this.connection?.stop();
    this.connection = undefined;
    this.election?.withdraw();
    this.election = undefined;
    this.channel?.close();
    this.channel = undefined;
    clearTimeout(this.firstConnect);
    clearTimeout(this.leaderSilence);
    clearInterval(this.pulse);
    globalThis.removeEventListener?.('pagehide', this.onPageHide);
    if (this.isEnabled) this.setStatus({ state: 'connecting', attempt: 0 });
  }

  /* A page that is kept for the way back holds neither a connection nor the lead. */
  private readonly onPageHide = (): void => {
    this.close();
    globalThis.addEventListener('pageshow', () => this.holders > 0 && !this.isOpen && this.open(), { once: true });
  };

  private lead(): void {
    clearTimeout(this.leaderSilence);
    this.connection = new Connection(this.path, this.types, this.api, this.settings, {
      onEvent: (event) => this.receive(event),
      onStatus: (status) => {
        this.setStatus(status);
        this.tellTabs();
      },
      onFresh: () => this.tell('onFresh'),
    });
    this.connection.start(this.lastId, this.raw);
    this.tellTabs();
    this.beat(ANNOUNCE_MS, () => this.tellTabs());
  }

  private beat(ms: number, action: () => void): void {
    clearInterval(this.pulse);
    if (this.channel) this.pulse = setInterval(action, ms);
  }

  private follow(): void {
    this.connection?.stop();
    this.connection = undefined;
    this.post({ kind: 'hello', types: [...this.types] });
    this.watchLeader();
    this.beat(
      this.settings.probeIntervalSeconds * 1000,
      () => this.raw.state === 'polling' && this.post({ kind: 'probe' }),
    );
  }

  private watchLeader(): void {
    clearTimeout(this.leaderSilence);
    this.leaderSilence = setTimeout(
      () => {
        this.setStatus({ state: 'reconnecting', attempt: 1 });
        this.election?.steal();
      },
      LEADER_SILENCE_MS * (1 + Math.random() / 5),
    );
  }

  private onTabMessage(message: TabMessage): void {
    if (this.connection) {
      if (message.kind === 'probe') this.connection.probe();
      if (message.kind !== 'hello') return;
      for (const type of message.types) this.connection.listenFor(type);
      return this.tellTabs();
    }
    if (message.kind === 'event') this.receive(message.event);
    else if (message.kind === 'leader') this.onLeader(message.status, message.lastId);
    if (message.kind === 'event' || message.kind === 'leader') this.watchLeader();
  }

  /* Whoever joins late has missed what the leader heard before. */
  private onLeader(status: ConnectionStatus, lastId: string): void {
    const missed =
      status.state === 'connected' && lastId !== this.lastId && (!this.lastId || !isSeen(lastId, this.lastId));
    this.setStatus(status);
    if (!missed) return;
    this.lastId = lastId;
    this.tell('onFresh');
  }

  private receive(event: ServerEvent): void {
    const isControl = CONTROL_TYPES.has(event.type);
    if (event.id && this.lastId && !isControl && isSeen(event.id, this.lastId)) return;
    if (event.id && !(isControl && isSeen(event.id, this.lastId))) this.lastId = event.id;
    if (this.connection) this.post({ kind: 'event', event });
    this.tell('onEvent', event);
  }

  private tellTabs(): void {
    this.post({ kind: 'leader', status: this.raw, lastId: this.lastId });
  }

  private post(message: TabMessage): void {
    this.channel?.postMessage(message);
  }

  private tell(what: 'onFresh'): void;
  private tell(what: 'onEvent', event: ServerEvent): void;
  private tell(what: 'onFresh' | 'onEvent', event?: ServerEvent): void {
    for (const listener of [...this.listeners]) {
      if (what === 'onFresh') listener.onFresh?.();
      else if (event) listener.onEvent?.(event);
    }
  }

  private setStatus(status: ConnectionStatus): void {
    this.raw = status;
    this.update();
  }

  private update(): void {
    const next = this.judge();
    const { state, attempt, reason } = this.visible;
    if (state === next.state && attempt === next.attempt && reason === next.reason) return;
    this.visible = next;
    for (const watcher of [...this.statusWatchers]) watcher();
  }

  private judge(): ConnectionStatus {
    if (this.api.unauthorized) return { state: 'disconnected', attempt: 0, reason: 'unauthorized' };
    if (this.raw.state === 'polling' && !this.api.reachable)
      return { state: 'disconnected', attempt: 0, reason: 'unreachable' };
    return this.raw;
  }
}

/** Tabs with different keys are different clients, and a lock's name is no place for a key. FNV-1a, twice, of 32 bits each. */
function fingerprint(parts: string[]): string {
  const text = parts.join('\n');
  let forward = 0x811c9dc5;
  let backward = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    forward = Math.imul(forward ^ text.charCodeAt(i), 0x01000193);
    backward = Math.imul(backward ^ text.charCodeAt(text.length - 1 - i), 0x01000193);
  }
  return [forward, backward].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');
}
