import { createContext, useContext, useMemo, type ReactElement, type ReactNode } from 'react';
import { createHermesClient, type HermesClient } from './client';
import type { RuntimeConfig } from './flags';

const ClientContext = createContext<HermesClient | undefined>(undefined);
let fromBuildFlags: HermesClient | undefined;

export interface HermesSSEProviderProps extends RuntimeConfig {
  /** what config.json said; the properties beside it win */
  config?: RuntimeConfig | undefined;
  /** streams are then opened with ephemeral tokens */
  apiKey?: string | undefined;
  children?: ReactNode;
}

/** Overrides the build flags for what is below it. Without one the hooks go by the build flags alone. */
export function HermesSSEProvider({ children, config, apiKey, ...properties }: HermesSSEProviderProps): ReactElement {
  const options = JSON.stringify([properties, config ?? {}]);
  const client = useMemo(() => {
    const [own, found] = JSON.parse(options) as [RuntimeConfig, RuntimeConfig];
    return createHermesClient({ ...own, apiKey }, found);
  }, [options, apiKey]);
  return <ClientContext.Provider value={client}>{children}</ClientContext.Provider>;
}

export function useHermesClient(): HermesClient {
  const provided = useContext(ClientContext);
  return provided ?? (fromBuildFlags ??= createHermesClient());
}
