import type { Settings } from './flags';
import type { Health } from './types';

export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

export interface EphemeralToken {
  token: string;
  expires_at: string;
  scope: string;
  permissions: string[];
  /** seconds */
  ttl: number;
}

/** A connection that died without a word answers nothing for many minutes. */
const REQUEST_MS = 10_000;
/** A server that takes longer is as good as away. */
const HEALTH_MS = 5000;

/** The server's plain requests, and what they tell about it: whether it answers, and whether it knows us. */
export class Api {
  reachable = true;
  unauthorized = false;
  private readonly watchers = new Set<() => void>();

  constructor(
    private readonly settings: Settings,
    readonly key: string | undefined,
  ) {}

  url(path: string): string {
    return /^https?:/.test(path) ? path : this.settings.apiBaseUrl + path;
  }

  watch(watcher: () => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  async json<T>(path: string, init: RequestInit = {}): Promise<T> {
    const headers = new Headers(init.headers);
    if (this.key) headers.set('Authorization', `Bearer ${this.key}`);
    if (init.body) headers.set('Content-Type', 'application/json');
    const limit = timeLimit(init.signal);
    try {
      const response = await this.send(path, { ...init, headers, signal: limit.signal });
      if (response.status === 401) this.note({ unauthorized: true });
      if (!response.ok) throw new ApiError(await detailOf(response), response.status);
      return (await response.json()) as T;
    } finally {
      limit.clear();
    }
  }

  token(scope: string): Promise<EphemeralToken> {
    const body = JSON.stringify({ scope, ttl: this.settings.tokenTtlSeconds });
    return this.json('/api/v1/events/token', { method: 'POST', body });
  }

  /** Undefined when the server cannot be reached, or what answers is not Hermes. Sent without the key: health asks for none. */
  async health(): Promise<Health | undefined> {
    try {
      const response = await this.send('/api/v1/events/health', {
        cache: 'no-store',
        signal: AbortSignal.timeout(HEALTH_MS),
      });
      const health = (await response.json()) as Health;
      if (response.ok && typeof health.enabled === 'boolean') return health;
    } catch {
      // told below
    }
    this.note({ reachable: false });
    return undefined;
  }

  /** Asks whether a stream would be refused for want of a key; HEAD takes no place. */
  async verdict(path: string): Promise<void> {
    const response = await this.send(path, { method: 'HEAD', signal: AbortSignal.timeout(HEALTH_MS) }).catch(
      () => undefined,
    );
    if (response?.status === 401) this.note({ unauthorized: true });
  }

  private async send(path: string, init: RequestInit): Promise<Response> {
    try {
      const response = await fetch(this.url(path), init);
      this.note({ reachable: response.status < 502 || response.status > 504 || (await isHermes(response)) });
      return response;
    } catch (error) {
      if (!init.signal?.aborted || (error as Error).name === 'TimeoutError') this.note({ reachable: false });
      throw error;
    }
  }

  private note(news: { reachable?: boolean; unauthorized?: boolean }): void {
    const { reachable, unauthorized } = this;
    Object.assign(this, news);
    if (reachable !== this.reachable || unauthorized !== this.unauthorized)
      for (const watcher of [...this.watchers]) watcher();
  }
}

async function detailOf(response: Response): Promise<string> {
  const body = (await response.json().catch(() => ({}))) as { detail?: unknown };
  return typeof body.detail === 'string' ? body.detail : response.statusText || `status ${response.status}`;
}

/** A proxy whose server is away answers 502 to 504 in its own words; the server's own 503 is JSON. */
async function isHermes(response: Response): Promise<boolean> {
  return response
    .clone()
    .json()
    .then(
      (body) => typeof body.detail === 'string',
      () => false,
    );
}

/* AbortSignal.any() is younger than some of the browsers in use. */
function timeLimit(signal: AbortSignal | null | undefined): { signal: AbortSignal; clear: () => void } {
  const controller = new AbortController();
  const abort = (): void => controller.abort(signal?.reason);
  const timer = setTimeout(
    () => controller.abort(new DOMException('The server took too long', 'TimeoutError')),
    REQUEST_MS,
  );
  signal?.addEventListener('abort', abort);
  if (signal?.aborted) abort();
  const clear = (): void => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  };
  return { signal: controller.signal, clear };
}
