import { act, waitFor } from '@testing-library/react';
import { afterEach, expect, it } from 'vitest';
import { useDownloadProgressSSE } from '../src/sse';
import { render } from './support/render';
import { long, suite } from './support/suite';
import { Wire } from './support/wire';

const { file, start } = suite();
let wire: Wire;

afterEach(() => wire.stop());

it('an answer that events have overtaken does not turn the time back', async () => {
  const hermes = await start();
  wire = await Wire.start(hermes.port);
  const id = await hermes.add(file(2000));
  const { result } = render(() => useDownloadProgressSSE(id), { sseEnabled: true, apiBaseUrl: wire.base });
  await waitFor(() => expect(result.current.data?.status).toBe('downloading'), long);
  wire.delay(`/api/v1/download/${id}`, 3000);
  let answered = false;
  void result.current.refetch().then(() => (answered = true));
  await waitFor(() => expect(result.current.data?.status).toBe('completed'), long);
  expect(answered).toBe(false);
  await waitFor(() => expect(answered).toBe(true), long);
  await act(async () => undefined);
  expect(result.current.data).toMatchObject({ status: 'completed', progress: 100 });
});
