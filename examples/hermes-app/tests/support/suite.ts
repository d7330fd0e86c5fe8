import { cleanup } from '@testing-library/react';
import { afterAll, afterEach, beforeAll } from 'vitest';
import {
  useAnalyticsSSE,
  useDownloadProgressSSE,
  useQueueUpdatesSSE,
  useSystemEventsSSE,
  type HermesSSEProviderProps,
} from '../../src/sse';
import { Files } from './files';
import { Hermes } from './hermes';

/** For waitFor */
export const long = { timeout: 12_000, interval: 25 };

/** A file server for the whole file, and servers that are gone after each test. */
export function suite() {
  const running: Hermes[] = [];
  let files: Files;

  beforeAll(async () => void (files = await Files.start()));
  afterAll(() => files.stop());
  afterEach(async () => {
    cleanup();
    await Promise.all(running.splice(0).map((hermes) => hermes.dispose()));
  });
  return {
    file: (ms: number): string => files.url(ms),
    start: async (settings: Record<string, string> = {}): Promise<Hermes> => {
      const hermes = await Hermes.start(settings);
      running.push(hermes);
      return hermes;
    },
  };
}

export const on = (hermes: Hermes, more: HermesSSEProviderProps = {}): HermesSSEProviderProps => ({
  sseEnabled: true,
  apiBaseUrl: hermes.base,
  ...more,
});

export const everything = (id: string) => () => ({
  download: useDownloadProgressSSE(id),
  queue: useQueueUpdatesSSE(),
  analytics: useAnalyticsSSE(),
  system: useSystemEventsSSE(),
});
