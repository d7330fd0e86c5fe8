/** A list of strings in one of the browser's stores, as React's useSyncExternalStore wants it. */
export class StoredList {
  private readonly watchers = new Set<() => void>();
  private text: string | null = null;
  private list: string[] = [];

  constructor(
    private readonly storage: () => Storage,
    private readonly name: string,
    private readonly most: number,
  ) {}

  readonly watch = (watcher: () => void): (() => void) => {
    this.watchers.add(watcher);
    window.addEventListener('storage', watcher);
    return () => {
      this.watchers.delete(watcher);
      window.removeEventListener('storage', watcher);
    };
  };

  readonly read = (): string[] => {
    const stored = this.storage().getItem(this.name) ?? '[]';
    if (stored === this.text) return this.list;
    this.text = stored;
    try {
      this.list = (JSON.parse(stored) as unknown[]).filter((one): one is string => typeof one === 'string');
    } catch {
      this.list = [];
    }
    return this.list;
  };

  /** The newest come first. */
  add(...news: string[]): void {
    const fresh = news.filter((one) => !this.read().includes(one));
    if (fresh.length > 0) this.write([...fresh, ...this.read()].slice(0, this.most));
  }

  remove(gone: string[]): void {
    this.write(this.read().filter((one) => !gone.includes(one)));
  }

  private write(next: string[]): void {
    this.storage().setItem(this.name, JSON.stringify(next));
    for (const watcher of this.watchers) watcher();
  }
}
