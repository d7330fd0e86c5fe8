import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

interface Delay {
  what: string;
  ms: number;
}

type Mood = 'passing' | 'frozen' | 'bad gateway';

const BAD_GATEWAY = 'HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n';

/** What may lie between a browser and a server: passes everything on, or nothing any more, or answers in the server's stead. */
export class Wire {
  private mood: Mood = 'passing';
  private delayed: Delay | undefined;
  private held: Delay | undefined;
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly to: number,
  ) {
    server.on('connection', (socket) => this.onConnection(socket));
  }

  static start(to: number): Promise<Wire> {
    const server = createServer();
    return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(new Wire(server, to))));
  }

  get base(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Connections that are open stay open, and get nothing: a laptop that slept, a router that forgot. */
  freeze(): void {
    for (const socket of this.sockets) socket.pause();
    this.mood = 'frozen';
  }

  /** As proxies do when the server behind them is away. */
  refuse(): void {
    this.mood = 'bad gateway';
    for (const socket of this.sockets) socket.destroy();
  }

  /** Answers to requests that contain this come late. */
  delay(what: string, ms: number): void {
    this.delayed = { what, ms };
  }

  /** Requests that contain this reach the server late. */
  hold(what: string, ms: number): void {
    this.held = { what, ms };
  }

  /** For new connections; frozen ones stay so. */
  pass(): void {
    this.mood = 'passing';
  }

  stop(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private onConnection(client: Socket): void {
    client.on('error', () => client.destroy());
    if (this.mood === 'bad gateway') client.once('data', () => client.end(BAD_GATEWAY));
    if (this.mood !== 'passing') return this.keep(client);
    const server = connect(this.to, '127.0.0.1').on('error', () => client.destroy());
    this.keep(client);
    this.keep(server);
    let late = 0;
    client.on('data', (request) => {
      late = timeFor(request, this.delayed);
      after(timeFor(request, this.held), () => server.write(request));
    });
    server.on('data', (answer) => after(late, () => client.write(answer)));
    client.on('close', () => server.destroy());
    server.on('close', () => client.destroy());
  }

  private keep(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
  }
}

const timeFor = (request: Buffer, delay: Delay | undefined): number =>
  delay && request.includes(delay.what) ? delay.ms : 0;

function after(ms: number, action: () => void): void {
  if (ms > 0) setTimeout(action, ms);
  else action();
}
