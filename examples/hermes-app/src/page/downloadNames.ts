import { useSyncExternalStore } from 'react';
import { StoredList } from './storedList';

const KEPT_NAMES = 200;
const KEPT_SEEN = 30;

/** `id address`: the server tells ids only, so whoever adds a download keeps its address for all tabs. */
const names = new StoredList(() => localStorage, 'hermes-names', KEPT_NAMES);
/** The downloads that this tab has seen. */
const seen = new StoredList(() => sessionStorage, 'hermes-seen', KEPT_SEEN);

export const see = (...ids: string[]): void => seen.add(...ids);
export const forget = (...ids: string[]): void => seen.remove(ids);
export const keepAddress = (id: string, url: string): void => names.add(`${id} ${url}`);
export const useSeen = (): string[] => useSyncExternalStore(seen.watch, seen.read);

export function useAddress(id: string): string | undefined {
  const entry = useSyncExternalStore(names.watch, names.read).find((one) => one.startsWith(`${id} `));
  return entry?.slice(id.length + 1);
}

export function nameOf(id: string, url: string | undefined): string {
  if (!url) return `Download ${id.slice(0, 8)}`;
  try {
    const { pathname, hostname } = new URL(url);
    return decodeURIComponent(pathname.split('/').filter(Boolean).pop() ?? hostname);
  } catch {
    return url;
  }
}
