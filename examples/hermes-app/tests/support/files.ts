import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

/** Serves `/<milliseconds>`: 200 kB that take so long. */
export class Files {
  private constructor(private readonly server: Server) {}

  static start(): Promise<Files> {
    const chunk = Buffer.alloc(4000);
    const server = createServer(async (request, response) => {
      const ms = Number(request.url?.slice(1)) || 0;
      response.writeHead(200, { 'Content-Length': chunk.length * 50 });
      for (let i = 0; i < 50 && !response.destroyed; i++) {
        response.write(chunk);
        await wait(ms / 50);
      }
      response.end();
    });
    return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(new Files(server))));
  }

  url(ms: number): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/${ms}`;
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}
