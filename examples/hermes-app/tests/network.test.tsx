import { waitFor } from '@testing-library/react';
import { afterEach, describe, expect, it } from 'vitest';
import { useQueueUpdatesSSE } from '../src/sse';
import { render } from './support/render';
import { long, suite } from './support/suite';
import { Wire } from './support/wire';

const { file, start } = suite();
let wire: Wire;

afterEach(() => wire.stop());

describe('between the page and the server', () => {
  it('a proxy that answers 502 is no server: disconnected, and back by itself', async () => {
    const hermes = await start();
    wire = await Wire.start(hermes.port);
    const { result } = render(useQueueUpdatesSSE, { sseEnabled: true, apiBaseUrl: wire.base });
    await waitFor(() => expect(result.current.connection.state).toBe('connected'), long);
    wire.refuse();
    await waitFor(
      () => expect(result.current.connection).toMatchObject({ state: 'disconnected', reason: 'unreachable' }),
      long,
    );
    wire.pass();
    await waitFor(() => expect(result.current.connection.state).toBe('connected'), long);
    await hermes.add(file(5000));
    await waitFor(() => expect(result.current.data?.total).toBe(1), long);
  });

  it('a peer that vanished without a word is noticed by its missing heartbeats', async () => {
    const hermes = await start({ HERMES_SSE_HEARTBEAT_INTERVAL: '1' });
    wire = await Wire.start(hermes.port);
    const states: string[] = [];
    const { result } = render(
      () => {
        const queue = useQueueUpdatesSSE();
        if (states[states.length - 1] !== queue.connection.state) states.push(queue.connection.state);
        return queue;
      },
      { sseEnabled: true, apiBaseUrl: wire.base, heartbeatSeconds: 0.8 },
    );
    await waitFor(() => expect(result.current.connection.state).toBe('connected'), long);
    await waitFor(() => expect(result.current.data?.total).toBe(0), long);
    wire.freeze();
    await hermes.add(file(20_000));
    wire.pass();
    await waitFor(() => expect(result.current.data?.total).toBe(1), long);
    await waitFor(() => expect(result.current.connection.state).toBe('connected'), long);
    expect(states).toContain('reconnecting');
  });
});
