import { waitFor } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { hermesKeys } from '../src/sse';
import { refetchInterval, render } from './support/render';
import { everything, long, on, suite } from './support/suite';

const { file, start } = suite();

describe('without SSE', () => {
  it('the flag off: no stream, no token, no question, and polling brings the news', async () => {
    const hermes = await start();
    const id = await hermes.add(file(2500));
    const before = hermes.requests.length;
    const { result, cache } = render(everything(id), on(hermes, { sseEnabled: false }));
    expect(result.current.download.connection).toMatchObject({ state: 'polling', reason: 'flag' });
    await waitFor(() => expect(result.current.download.data?.status).toBe('downloading'), long);
    await waitFor(() => expect(result.current.queue.data?.total).toBe(1), long);
    expect(
      [hermesKeys.download(id), hermesKeys.queue, hermesKeys.analytics].map((key) => refetchInterval(cache, key)),
    ).toEqual([2000, 2000, 30_000]);
    await waitFor(() => expect(result.current.download.data?.status).toBe('completed'), long);
    expect(hermes.requests.slice(before).filter((request) => request.includes('/events/'))).toEqual([]);
    expect(hermes.counted(before)[`GET /api/v1/download/${id}`]).toBeGreaterThanOrEqual(2);
  });

  it('the server off: polling with a probe, and SSE by itself once it is on', async () => {
    const hermes = await start({ HERMES_ENABLE_SSE: 'false' });
    const id = await hermes.add(file(2500));
    const { result } = render(everything(id), on(hermes, { probeIntervalSeconds: 1 }));
    await waitFor(
      () => expect(result.current.download.connection).toMatchObject({ state: 'polling', reason: 'disabled' }),
      long,
    );
    await waitFor(() => expect(result.current.download.data?.status).toBe('completed'), long);
    expect(hermes.requests.filter((request) => request.endsWith('/events/stream'))).toHaveLength(1);
    await hermes.stop();
    await hermes.start({ HERMES_ENABLE_SSE: 'true' });
    await waitFor(() => expect(result.current.queue.connection.state).toBe('connected'), long);
  });

  it('the server full: attempts with growing pauses, polling meanwhile, and SSE once there is room', async () => {
    const hermes = await start({ HERMES_SSE_MAX_CONNECTIONS: '1' });
    const other = await fetch(`${hermes.base}/api/v1/events/stream`);
    const id = await hermes.add(file(1500));
    const { result } = render(everything(id), on(hermes));
    await waitFor(() => expect(result.current.queue.connection.attempt).toBeGreaterThanOrEqual(2), long);
    expect(result.current.queue.connection.state).toBe('reconnecting');
    await waitFor(() => expect(result.current.download.data?.status).toBe('completed'), long);
    await other.body?.cancel();
    await waitFor(() => expect(result.current.queue.connection.state).toBe('connected'), long);
  });
});
