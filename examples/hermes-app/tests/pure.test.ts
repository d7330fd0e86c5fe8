import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isSeen } from '../src/sse/eventId';
import { parseFlag, readConfig, resolveSettings } from '../src/sse/flags';
import { probeDelay, queuePollInterval, reconnectDelay } from '../src/sse/timing';
import { reduceQueue } from '../src/sse/reduce';
import type { DownloadProgress, DownloadStatus, QueueState } from '../src/sse';

describe('the flag', () => {
  it('is off by default, with relative URLs', () => {
    expect(resolveSettings({}, {}, {})).toMatchObject({ sseEnabled: false, apiBaseUrl: '' });
  });

  it('comes from the build', () => {
    const settings = resolveSettings({}, {}, { VITE_SSE_ENABLED: 'true', VITE_API_BASE_URL: 'http://localhost:8000/' });
    expect(settings).toMatchObject({ sseEnabled: true, apiBaseUrl: 'http://localhost:8000' });
  });

  it.each([
    ['true', { sseEnabled: false }, {}, false],
    ['false', { sseEnabled: true }, {}, true],
    ['true', { sseEnabled: false }, { sseEnabled: true }, true],
    ['false', { sseEnabled: true }, { sseEnabled: false }, false],
  ])('build %s, config.json %o, property %o: %s', (build, config, property, expected) => {
    expect(resolveSettings(property, config, { VITE_SSE_ENABLED: build }).sseEnabled).toBe(expected);
  });

  it("takes the server's spellings, and nothing else", () => {
    expect(['true', 'YES', 'on', '1'].map(parseFlag)).toEqual([true, true, true, true]);
    expect(['false', 'No', 'off', '0'].map(parseFlag)).toEqual([false, false, false, false]);
    expect(['', 'maybe', 3, null].map(parseFlag)).toEqual([undefined, undefined, undefined, undefined]);
  });

  it('survives a broken config.json', () => {
    expect(readConfig(null)).toEqual({});
    expect(readConfig({ sseEnabled: 'perhaps', apiBaseUrl: 7, probeIntervalSeconds: -1 })).toEqual({});
  });
});

describe('times', () => {
  it('back off from 1 s to 30 s, never in step', () => {
    for (const random of [() => 0, () => 0.999]) {
      const delays = Array.from({ length: 12 }, (_, i) => reconnectDelay(i + 1, random));
      expect(Math.min(...delays)).toBeGreaterThanOrEqual(1000);
      expect(Math.max(...delays)).toBeLessThanOrEqual(30_000);
      expect([...delays].sort((a, b) => a - b)).toEqual(delays);
    }
    expect(reconnectDelay(5, () => 0)).toBeLessThan(reconnectDelay(5, () => 0.9));
  });

  it('leave room for SSE again within 40 s of the switch', () => {
    expect(probeDelay(30, () => 1)).toBeLessThan(35_000);
  });

  it('poll the queue by what is in it', () => {
    const queue = (...states: DownloadStatus[]): QueueState => ({
      items: states.map((status, i) => download(String(i), status)),
      total: states.length,
    });
    expect(queuePollInterval(queue('queued', 'downloading'))).toBe(2000);
    expect(queuePollInterval(queue('processing'))).toBe(2000);
    expect(queuePollInterval(queue('queued'))).toBe(10_000);
    expect(queuePollInterval(queue())).toBe(30_000);
    expect(queuePollInterval(undefined)).toBe(30_000);
  });
});

describe('ids', () => {
  it('are compared within a run, and as times between Redis ids', () => {
    expect(isSeen('1234567890123456-5', '1234567890123456-9')).toBe(true);
    expect(isSeen('1234567890123456-10', '1234567890123456-9')).toBe(false);
    expect(isSeen('1700000000000-0', '1700000000001-0')).toBe(true);
    expect(isSeen('9999999999999999-1', '1234567890123456-9')).toBe(false);
    expect(isSeen('', '1-1')).toBe(false);
  });
});

describe('the queue', () => {
  const event = (type: string, data: unknown) => ({ type, data, id: '' });

  it('takes what is added, and drops what has ended, however often it is told', () => {
    const empty: QueueState = { items: [], total: 0 };
    const added = event('queue_update', { action: 'added', download_id: 'a', status: 'queued' });
    const done = event('download_progress', download('a', 'completed'));
    const one = [added, added].reduce(reduceQueue, empty);
    expect(one).toMatchObject({ total: 1, items: [{ download_id: 'a', status: 'queued' }] });
    expect([done, done].reduce(reduceQueue, one)).toEqual(empty);
  });
});

it('the lock file names no registry', () => {
  expect(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8')).not.toContain('"resolved"');
});

function download(download_id: string, status: DownloadStatus): DownloadProgress {
  return {
    download_id,
    status,
    progress: 0,
    downloaded_bytes: 0,
    total_bytes: null,
    download_speed: null,
    eta: null,
    error_message: null,
  };
}
