/**
 * One tab of a browser at a time holds a named lock, and leads; the browser hands it on when that tab goes. What is granted can be
 * taken away only by `steal`, meant for a leader that no longer answers.
 */
export class Election {
  private readonly withdrawal = new AbortController();
  private release: (() => void) | undefined;

  constructor(
    private readonly name: string,
    private readonly onLead: () => void,
    private readonly onDeposed: () => void,
  ) {}

  static get isPossible(): boolean {
    return typeof navigator !== 'undefined' && !!navigator.locks && typeof BroadcastChannel !== 'undefined';
  }

  enter(): void {
    this.request({ signal: this.withdrawal.signal });
  }

  steal(): void {
    if (!this.release) this.request({ steal: true });
  }

  withdraw(): void {
    this.withdrawal.abort();
    this.release?.();
    this.release = undefined;
  }

  private request(options: LockOptions): void {
    const hold = (): Promise<void> | undefined => {
      if (this.withdrawal.signal.aborted || this.release) return undefined;
      const held = new Promise<void>((resolve) => (this.release = resolve));
      this.onLead();
      return held;
    };
    navigator.locks.request(this.name, options, hold).catch((error: unknown) => this.onRefused(error));
  }

  private onRefused(error: unknown): void {
    if (this.withdrawal.signal.aborted) return;
    if (this.release) {
      this.release = undefined;
      this.onDeposed();
      this.enter();
    } else if ((error as Error).name === 'SecurityError') {
      this.onLead(); // no locks here after all: every tab for itself
    }
  }
}
