import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Health } from '../../src/sse';

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** A real hermes-server on a free loopback port; what it is asked for is read from its log. */
export class Hermes {
  readonly requests: string[] = [];
  private readonly directory = mkdtempSync(join(tmpdir(), 'hermes-app-'));
  private process: ChildProcess | undefined;

  private constructor(
    readonly port: number,
    private readonly settings: Record<string, string>,
  ) {}

  static async start(settings: Record<string, string> = {}): Promise<Hermes> {
    const hermes = new Hermes(await freePort(), settings);
    await hermes.start();
    return hermes;
  }

  get base(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async start(changed: Record<string, string> = {}): Promise<void> {
    const binary = process.env.HERMES_SERVER;
    if (!binary) throw new Error('HERMES_SERVER: the path of a built hermes-server is needed');
    const env = {
      PATH: process.env.PATH,
      API_PORT: String(this.port),
      HERMES_ENABLE_SSE: 'true',
      ...this.settings,
      ...changed,
    };
    this.process = spawn(binary, { cwd: this.directory, env, stdio: ['ignore', 'ignore', 'pipe'] });
    createInterface({ input: this.process.stderr! }).on('line', (line) => {
      const match = /method=(\S+) path="([^"]*)"/.exec(line);
      if (match) this.requests.push(`${match[1]} ${match[2]}`);
    });
    for (let i = 0; i < 200; i++) {
      if (await this.health().catch(() => undefined)) return;
      await sleep(20);
    }
    throw new Error('hermes-server did not start');
  }

  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const { process } = this;
    this.process = undefined;
    if (!process || process.exitCode !== null) return Promise.resolve();
    return new Promise((resolve) => {
      process.once('exit', () => resolve());
      process.kill(signal);
    });
  }

  async dispose(): Promise<void> {
    await this.stop('SIGKILL');
    rmSync(this.directory, { recursive: true, force: true });
  }

  async health(): Promise<Health> {
    return (await fetch(`${this.base}/api/v1/events/health`)).json() as Promise<Health>;
  }

  async add(url: string, key?: string): Promise<string> {
    const headers = { 'Content-Type': 'application/json', ...(key ? { Authorization: `Bearer ${key}` } : {}) };
    const response = await fetch(`${this.base}/api/v1/download`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ url }),
    });
    return ((await response.json()) as { download_id: string }).download_id;
  }

  /** How often each request was made since `from`, health and the test's own POSTs aside. */
  counted(from = 0): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const request of this.requests.slice(from)) {
      if (request.endsWith('/health') || request === 'POST /api/v1/download') continue;
      counts[request] = (counts[request] ?? 0) + 1;
    }
    return counts;
  }
}
