import { EventSource } from 'eventsource';
import { waitFor } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { useQueueUpdatesSSE, useSSE, type ServerEvent } from '../src/sse';
import { sleep, type Hermes } from './support/hermes';
import { render } from './support/render';
import { long, on, suite } from './support/suite';
import { Wire } from './support/wire';

const { file, start } = suite();

describe('with a key', () => {
  const key = 'a-long-enough-key';

  /** The ids of all events, by a connection that is never renewed. */
  async function follow(hermes: Hermes, key: string) {
    const headers = { Authorization: `Bearer ${key}` };
    const source = new EventSource(`${hermes.base}/api/v1/events/stream`, {
      fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, ...headers } }),
    });
    const seen: { id: string; type: string }[] = [];
    for (const type of ['download_progress', 'queue_update', 'system_notification', 'analytics_update'])
      source.addEventListener(type, (event) => seen.push({ id: event.lastEventId, type }));
    await new Promise((resolve) => source.addEventListener('message', resolve, { once: true }));
    return { seen: () => seen, stop: () => source.close() };
  }

  it('streams with a token, renews it in time, and misses nothing', async () => {
    const hermes = await start({ HERMES_API_KEYS: key });
    const wire = await Wire.start(hermes.port);
    wire.hold('/events/stream', 300);
    const events: ServerEvent[] = [];
    const states = new Set<string>();
    const { result } = render(
      () => {
        const status = useSSE('/api/v1/events/stream', { onEvent: (event) => events.push(event) });
        states.add(status.state);
        return status;
      },
      { sseEnabled: true, apiBaseUrl: wire.base, apiKey: key, tokenTtlSeconds: 60, tokenRenewAt: 0.02 },
    );
    await waitFor(() => expect(result.current.state).toBe('connected'), long);
    const everything = await follow(hermes, key);
    await hermes.add(file(3000), key);
    await waitFor(
      () => expect(events.some(({ data }) => (data as { status?: string }).status === 'completed')).toBe(true),
      long,
    );
    expect(hermes.requests.filter((request) => request === 'POST /api/v1/events/token').length).toBeGreaterThanOrEqual(
      3,
    );
    everything.stop();
    await waitFor(async () => expect((await hermes.health()).active_connections).toBe(1), long);
    expect([...states]).toEqual(['connecting', 'connected']);
    expect(events.filter((event) => event.type === 'gap')).toEqual([]);
    const came = events.filter((event) => !['message', 'heartbeat'].includes(event.type));
    const lasting = (all: { id: string | null; type: string }[]) =>
      all.filter(({ type }) => type !== 'download_progress').map(({ id }) => id);
    // either of the two may be an event ahead of the other
    const [mine, sent] = [lasting(came), lasting(everything.seen())];
    const both = Math.min(mine.length, sent.length);
    expect(mine.slice(0, both)).toEqual(sent.slice(0, both));
    expect(both).toBeGreaterThanOrEqual(5);
    // of a download's progress whoever comes back gets the newest, and nothing twice
    const ids = came.map((event) => event.id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeGreaterThan(10);
    wire.stop();
  });

  it('without the right one says that it is not known, and asks no further', async () => {
    const hermes = await start({ HERMES_API_KEYS: key });
    const { result } = render(useQueueUpdatesSSE, on(hermes, { apiKey: 'a-wrong-key-here' }));
    await waitFor(
      () => expect(result.current.connection).toMatchObject({ state: 'disconnected', reason: 'unauthorized' }),
      long,
    );
    await sleep(200);
    const before = hermes.requests.length;
    await sleep(2500);
    expect(hermes.requests.slice(before)).toEqual([]);
  });

  it('a stream alone finds out too that it needs one', async () => {
    const hermes = await start({ HERMES_API_KEYS: key });
    const { result } = render(() => useSSE('/api/v1/events/system'), on(hermes));
    await waitFor(() => expect(result.current).toMatchObject({ state: 'disconnected', reason: 'unauthorized' }), long);
  });

  it('a token that is no longer known is replaced', async () => {
    const hermes = await start({ HERMES_API_KEYS: key });
    const { result } = render(useQueueUpdatesSSE, on(hermes, { apiKey: key }));
    await waitFor(() => expect(result.current.connection.state).toBe('connected'), long);
    await hermes.stop('SIGKILL');
    await waitFor(() => expect(result.current.connection.state).toBe('reconnecting'), long);
    await hermes.start();
    await waitFor(() => expect(result.current.connection.state).toBe('connected'), long);
    expect(hermes.requests.filter((request) => request === 'POST /api/v1/events/token')).toHaveLength(2);
  });
});
