import type { ReactElement } from 'react';
import { useConnectionStatus } from '../sse';
import { AddDownload } from './AddDownload';
import { Analytics } from './Analytics';
import { ConnectionBadge } from './ConnectionBadge';
import { Downloads } from './Downloads';
import { KeyPrompt } from './KeyPrompt';
import { Notifications } from './Notifications';
import { ThemeToggle } from './ThemeToggle';

function Panels(): ReactElement {
  return (
    <div className="columns">
      <div className="column">
        <AddDownload />
        <Downloads />
      </div>
      <div className="column">
        <Analytics />
        <Notifications />
      </div>
    </div>
  );
}

export function App({ hasKey, onKey }: { hasKey: boolean; onKey: (key: string) => void }): ReactElement {
  const { reason } = useConnectionStatus();
  return (
    <>
      <a className="skip" href="#content">
        Skip to the downloads
      </a>
      <header className="top">
        <h1>
          <img src="/icon.svg" alt="" width="28" height="28" /> Hermes
        </h1>
        <div className="top-right">
          <ConnectionBadge />
          <ThemeToggle />
        </div>
      </header>
      <main id="content">{reason === 'unauthorized' ? <KeyPrompt isRetry={hasKey} onKey={onKey} /> : <Panels />}</main>
    </>
  );
}
