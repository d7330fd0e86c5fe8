import type { QueryClient } from '@tanstack/react-query';
import { Api } from './api';
import { bindCache } from './cache';
import { resolveSettings, type RuntimeConfig, type Settings } from './flags';
import { Stream } from './stream';

/** Everything that Hermes pushes; the hooks share it. */
export const STREAM_PATH = '/api/v1/events/stream';

/** One server as one user sees it. A new key or address is a new client. */
export class HermesClient {
  readonly api: Api;
  private readonly streams = new Map<string, Stream>();
  private readonly bindings = new WeakMap<QueryClient, { users: number; unbind: () => void }>();

  constructor(
    readonly settings: Settings,
    apiKey?: string,
  ) {
    this.api = new Api(settings, apiKey);
  }

  /** The one stream of this path, whoever asks. */
  stream(path: string = STREAM_PATH): Stream {
    const known = this.streams.get(path);
    if (known) return known;
    const stream = new Stream(path, this.api, this.settings);
    this.streams.set(path, stream);
    return stream;
  }

  /** Keeps the stream open, and this cache up to date by it, until the answer is called. */
  attach(cache: QueryClient): () => void {
    const stream = this.stream();
    const binding = this.bindings.get(cache) ?? { users: 0, unbind: bindCache(cache, stream) };
    const release = stream.hold();
    binding.users++;
    this.bindings.set(cache, binding);
    return () => {
      release();
      if (--binding.users > 0) return;
      binding.unbind();
      this.bindings.delete(cache);
    };
  }
}

export function createHermesClient(
  options: RuntimeConfig & { apiKey?: string | undefined } = {},
  config: RuntimeConfig = {},
): HermesClient {
  const { apiKey, ...properties } = options;
  return new HermesClient(resolveSettings(properties, config), apiKey);
}
