import { QueryClient, QueryClientProvider, type QueryKey } from '@tanstack/react-query';
import { renderHook, type RenderHookResult } from '@testing-library/react';
import type { ReactNode } from 'react';
import { HermesSSEProvider, type HermesSSEProviderProps } from '../../src/sse';

export interface Rendered<T> extends RenderHookResult<T, unknown> {
  cache: QueryClient;
}

/** The hooks as an application has them. */
export function render<T>(hook: () => T, options: HermesSSEProviderProps): Rendered<T> {
  const cache = new QueryClient();
  const wrapper = ({ children }: { children: ReactNode }) => (
    <QueryClientProvider client={cache}>
      <HermesSSEProvider {...options}>{children}</HermesSSEProvider>
    </QueryClientProvider>
  );
  return { ...renderHook(hook, { wrapper }), cache };
}

/** What a query's refetchInterval comes to now. */
export function refetchInterval(cache: QueryClient, queryKey: QueryKey): unknown {
  const query = cache.getQueryCache().find({ queryKey });
  const interval = query?.observers[0]?.options.refetchInterval;
  return query && typeof interval === 'function' ? interval(query) : interval;
}
