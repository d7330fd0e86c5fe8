import type { ReactElement } from 'react';
import { useConnectionStatus, type ConnectionStatus } from '../sse';

function wording({ state, attempt, reason }: ConnectionStatus): { text: string; detail: string } {
  switch (state) {
    case 'connecting':
      return { text: 'Connecting', detail: 'The stream is being opened.' };
    case 'connected':
      return { text: 'Connected', detail: 'Updates arrive as they happen.' };
    case 'reconnecting':
      return { text: `Reconnecting (attempt ${attempt})`, detail: 'The stream broke; meanwhile the page polls.' };
    case 'polling':
      return { text: 'Polling', detail: reason === 'flag' ? 'SSE is off in this page.' : 'SSE is off on the server.' };
    case 'disconnected':
      return {
        text: 'Disconnected',
        detail: reason === 'unauthorized' ? 'A key is needed.' : 'The server cannot be reached.',
      };
  }
}

export function ConnectionBadge(): ReactElement {
  const status = useConnectionStatus();
  const { text, detail } = wording(status);
  return (
    <p
      id="status"
      className="badge"
      role="status"
      data-state={status.state}
      data-attempt={status.attempt}
      title={detail}
    >
      {text}
    </p>
  );
}
