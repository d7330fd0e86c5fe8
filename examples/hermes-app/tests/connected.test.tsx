import { waitFor } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { hermesKeys, useSSE, type ServerEvent } from '../src/sse';
import { refetchInterval, render } from './support/render';
import { everything, long, on, suite } from './support/suite';

const { file, start } = suite();

describe('with SSE', () => {
  it('all hooks share one connection, and nothing is polled', async () => {
    const hermes = await start();
    const id = await hermes.add(file(3500));
    const { result, cache } = render(everything(id), on(hermes));
    await waitFor(() => expect(result.current.queue.connection.state).toBe('connected'), long);
    await waitFor(
      () =>
        expect(
          result.current.queue.isFetching || result.current.download.isFetching || result.current.analytics.isFetching,
        ).toBe(false),
      long,
    );
    expect((await hermes.health()).active_connections).toBe(1);

    for (const key of [hermesKeys.download(id), hermesKeys.queue, hermesKeys.analytics])
      expect(refetchInterval(cache, key)).toBe(false);
    const before = hermes.requests.length;
    const seen = new Set<number>();
    await waitFor(() => {
      seen.add(result.current.download.data?.progress ?? -1);
      expect(result.current.download.data?.status).toBe('completed');
    }, long);
    expect(seen.size).toBeGreaterThan(5);
    expect(result.current.download.data).toMatchObject({ progress: 100, downloaded_bytes: 200_000 });
    await waitFor(() => expect(result.current.queue.data).toEqual({ items: [], total: 0 }), long);
    await waitFor(() => expect(result.current.system.notifications[0]?.message).toContain('completed'), long);
    const counted = hermes.counted(before);
    delete counted['GET /api/v1/stats/']; // once at the end of a download, as this server may tell no analytics
    expect(counted).toEqual({});
  });

  it('useSSE gives the events of any stream, and users of one URL share it', async () => {
    const hermes = await start();
    const events: ServerEvent[] = [];
    const actions: string[] = [];
    const { result, unmount } = render(
      () => [
        useSSE('/api/v1/events/queue', { onEvent: (event) => events.push(event) }),
        useSSE('/api/v1/events/queue', {
          events: { queue_update: (data) => actions.push((data as { action: string }).action) },
        }),
      ],
      on(hermes),
    );
    await waitFor(() => expect(result.current[0]?.isConnected).toBe(true), long);
    expect(events[0]).toMatchObject({ type: 'message', data: { type: 'connected' } });
    await hermes.add(file(0));
    await waitFor(() => expect(actions).toContain('removed'), long);
    expect((await hermes.health()).active_connections).toBe(1);
    unmount();
    await waitFor(async () => expect((await hermes.health()).active_connections).toBe(0), long);
  });
});
