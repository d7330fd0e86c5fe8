import type { Api } from './api';
import type { Settings } from './flags';
import { probeDelay, reconnectDelay } from './timing';
import type { ConnectionStatus, ServerEvent } from './types';

export interface ConnectionEvents {
  onEvent(event: ServerEvent): void;
  onStatus(status: ConnectionStatus): void;
  /** The first event of a stream that could not say where it left off: what was fetched before may be out of date. */
  onFresh(): void;
}

/** A stream that is silent for so many of its heartbeats' intervals is dead. */
const INTERVALS_OF_SILENCE = 2.5;
/** How long a planned change of connection may take before it is shown. */
const SETTLE_MS = 2000;

/**
 * One EventSource at a time: while it is connecting, the browser's own retry rules; once it is closed, the server's health decides
 * between another attempt and polling with a probe now and then.
 */
export class Connection {
  private source: EventSource | undefined;
  private status: ConnectionStatus = { state: 'connecting', attempt: 0 };
  private lastId = '';
  private attempt = 0;
  private heard = false;
  private turn = 0;
  private askedAt = 0;
  private silenceMs: number;
  private readonly types: Set<string>;
  private readonly timers: Record<
    'next' | 'renewal' | 'silence' | 'settle',
    ReturnType<typeof setTimeout> | undefined
  > = {
    next: undefined,
    renewal: undefined,
    silence: undefined,
    settle: undefined,
  };
  private readonly stopWatching: () => void;

  constructor(
    private readonly path: string,
    types: Iterable<string>,
    private readonly api: Api,
    private readonly settings: Settings,
    private readonly events: ConnectionEvents,
  ) {
    this.types = new Set(types);
    this.silenceMs = settings.heartbeatSeconds * 1000 * INTERVALS_OF_SILENCE;
    this.stopWatching = api.watch(() => api.unauthorized && this.giveUp());
    globalThis.addEventListener?.('online', this.onOnline);
  }

  start(lastId: string, status: ConnectionStatus): void {
    this.lastId = lastId;
    this.show(status);
    void this.open();
  }

  stop(): void {
    this.stopWatching();
    globalThis.removeEventListener?.('online', this.onOnline);
    this.giveUp();
  }

  /** The EventSource interface delivers named events only to those who ask by name. */
  listenFor(type: string): void {
    if (this.types.has(type)) return;
    this.types.add(type);
    this.source?.addEventListener(type, this.onEvent);
  }

  /** Asks before its time, for a tab that is in the background, where timers are slow. */
  probe(): void {
    const isDue = Date.now() - this.askedAt > this.settings.probeIntervalSeconds * 800;
    if (this.timers.next && isDue) void this.ask(false);
  }

  private async open(): Promise<void> {
    const turn = ++this.turn;
    const query = new URLSearchParams();
    let renewIn: number | undefined;

    this.clear('next');
    if (this.api.unauthorized) return this.giveUp();
    if (this.api.key) {
      const token = await this.api.token('all').catch(() => undefined);
      if (turn !== this.turn) return;
      if (!token) return this.withoutToken();
      query.set('token', token.token);
      renewIn = token.ttl * 1000 * this.settings.tokenRenewAt;
    }
    if (this.lastId) query.set('last_event_id', this.lastId);
    this.connect(String(query));
    if (renewIn !== undefined) this.after('renewal', renewIn, () => void this.open());
  }

  private connect(query: string): void {
    const url = this.api.url(this.path);
    this.close();
    this.heard = false;
    this.source = new EventSource(query ? `${url}${url.includes('?') ? '&' : '?'}${query}` : url);
    this.source.onerror = () => this.onError();
    for (const type of this.types) this.source.addEventListener(type, this.onEvent);
    if (this.status.state === 'connected')
      this.after('settle', SETTLE_MS, () => this.show({ state: 'reconnecting', attempt: ++this.attempt }));
  }

  /** A stream that is still there is kept until its end. */
  private withoutToken(): void {
    if (this.source && this.source.readyState !== EventSource.CLOSED)
      this.after('renewal', reconnectDelay(1), () => void this.open());
    else void this.ask(true);
  }

  private readonly onEvent = (event: MessageEvent<string>): void => {
    if (event.target !== this.source) return;
    const fresh = !this.heard && !this.lastId;
    this.heard = true;
    this.attempt = 0;
    this.lastId = event.lastEventId || this.lastId;
    this.clear('settle');
    this.after('silence', this.silenceMs, () => void this.onSilence());
    this.show({ state: 'connected', attempt: 0 });
    if (fresh) this.events.onFresh();
    this.events.onEvent({ type: event.type, data: parse(event.data), id: event.lastEventId });
  };

  private onError(): void {
    this.heard = false;
    this.clear('settle');
    this.clear('silence');
    if (this.source?.readyState === EventSource.CLOSED) void this.ask(true);
    else this.show({ state: 'reconnecting', attempt: ++this.attempt });
  }

  private async ask(refused: boolean): Promise<void> {
    const turn = ++this.turn;
    this.askedAt = Date.now();
    this.close();
    if (refused) this.attempt++;
    if (this.status.state === 'connected' || this.status.state === 'reconnecting')
      this.show({ state: 'reconnecting', attempt: this.attempt });
    const health = await this.api.health();
    if (turn !== this.turn) return;
    if (health?.enabled) return refused ? this.retry(turn) : this.open();
    this.show({ state: 'polling', attempt: 0, reason: health ? 'disabled' : 'unreachable' });
    const probe = probeDelay(this.settings.probeIntervalSeconds);
    this.after('next', health ? probe : Math.min(probe, reconnectDelay(++this.attempt)), () => void this.ask(false));
  }

  /** The server is there, SSE is on, and yet it refused: full, or it does not know us, which EventSource cannot tell. */
  private async retry(turn: number): Promise<void> {
    if (!this.api.key) await this.api.verdict(this.path);
    if (turn !== this.turn) return;
    this.show({ state: 'reconnecting', attempt: this.attempt });
    this.after('next', reconnectDelay(this.attempt), () => void this.open());
  }

  /** An EventSource never notices a peer that vanished without a word; heartbeats do. */
  private async onSilence(): Promise<void> {
    const turn = this.turn;
    const health = await this.api.health();
    if (turn !== this.turn) return;
    const learned = health ? health.heartbeat_interval * 1000 * INTERVALS_OF_SILENCE : this.silenceMs;
    const more = learned - this.silenceMs;
    this.silenceMs = learned;
    if (health?.enabled && more > 0) return this.after('silence', more, () => void this.onSilence());
    this.attempt++;
    this.show({ state: 'reconnecting', attempt: this.attempt });
    void this.ask(false);
  }

  private readonly onOnline = (): void => {
    if (this.timers.next) void this.ask(false);
  };

  private giveUp(): void {
    this.turn++;
    this.clear('next');
    this.close();
  }

  private close(): void {
    this.source?.close();
    this.source = undefined;
    this.clear('renewal');
    this.clear('silence');
    this.clear('settle');
  }

  private show(status: ConnectionStatus): void {
    const { state, attempt, reason } = this.status;
    this.status = status;
    if (state !== status.state || attempt !== status.attempt || reason !== status.reason) this.events.onStatus(status);
  }

  private after(which: keyof Connection['timers'], ms: number, action: () => void): void {
    clearTimeout(this.timers[which]);
    this.timers[which] = setTimeout(() => {
      this.timers[which] = undefined;
      action();
    }, ms);
  }

  private clear(which: keyof Connection['timers']): void {
    clearTimeout(this.timers[which]);
    this.timers[which] = undefined;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
