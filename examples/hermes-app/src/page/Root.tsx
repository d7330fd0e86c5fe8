import { useState, type ReactElement } from 'react';
import { HermesSSEProvider, type RuntimeConfig } from '../sse';
import { App } from './App';

const STORED_KEY = 'hermes-api-key';

/** Holds the key, and begins anew with each one that is entered. */
export function Root({ config }: { config: RuntimeConfig }): ReactElement {
  const [login, setLogin] = useState(() => ({ key: sessionStorage.getItem(STORED_KEY) ?? undefined, attempt: 0 }));
  const enter = (key: string): void => {
    sessionStorage.setItem(STORED_KEY, key);
    setLogin(({ attempt }) => ({ key, attempt: attempt + 1 }));
  };
  return (
    <HermesSSEProvider key={login.attempt} config={config} apiKey={login.key}>
      <App hasKey={login.key !== undefined} onKey={enter} />
    </HermesSSEProvider>
  );
}
