import { waitFor } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { useDownloadProgressSSE, useQueueUpdatesSSE } from '../src/sse';
import { sleep } from './support/hermes';
import { render } from './support/render';
import { long, on, suite } from './support/suite';

const { file, start } = suite();

describe('when the server goes', () => {
  it('says so, comes back by itself, and a gap has only the doubtful fetched again', async () => {
    const hermes = await start();
    const ended = await hermes.add(file(0));
    const running = await hermes.add(file(60_000));
    const { result } = render(
      () => ({
        ended: useDownloadProgressSSE(ended),
        running: useDownloadProgressSSE(running),
        queue: useQueueUpdatesSSE(),
      }),
      on(hermes),
    );
    await waitFor(() => expect(result.current.ended.data?.status).toBe('completed'), long);
    await waitFor(() => expect(result.current.running.data?.status).toBe('downloading'), long);
    await waitFor(() => expect(result.current.queue.connection.state).toBe('connected'), long);

    await hermes.stop('SIGKILL');
    await waitFor(() => expect(result.current.queue.connection.state).toBe('reconnecting'), long);
    expect(result.current.queue.connection.attempt).toBeGreaterThanOrEqual(1);
    await hermes.start();
    await waitFor(
      () => expect(result.current.queue.connection).toMatchObject({ state: 'connected', attempt: 0 }),
      long,
    );
    await waitFor(() => expect(result.current.queue.data?.total).toBe(0), long);
    await waitFor(() => expect(result.current.running.error?.message).toBe('no such download'), long);
    await sleep(2500);
    const reopened = hermes.requests.lastIndexOf('GET /api/v1/events/stream');
    const counted = hermes.counted(reopened + 1);
    expect(counted[`GET /api/v1/download/${ended}`]).toBeUndefined();
    expect(counted[`GET /api/v1/download/${running}`]).toBe(1);
    expect(counted['GET /api/v1/download/queue']).toBe(1);
    expect(result.current.ended.data?.status).toBe('completed');
  });
});
