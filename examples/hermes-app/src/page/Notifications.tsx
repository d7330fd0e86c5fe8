import { useState, type ReactElement } from 'react';
import { STREAM_PATH, useSSE, useSystemEventsSSE } from '../sse';

interface Missed {
  key: string;
  received_at: number;
  notification_type: string;
  message: string;
}

const KEPT = 20;
const time = (at: number): string =>
  new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit' });

/** Gaps belong to the stream, not to the system: the page tells of them beside its notifications. */
function useGaps(): Missed[] {
  const [gaps, setGaps] = useState<Missed[]>([]);
  useSSE(STREAM_PATH, {
    onGap: ({ reason, to }) => {
      const message = `Some events were missed (${reason}); what may have changed was fetched again.`;
      setGaps((known) =>
        [
          { key: `gap ${to} ${known.length}`, received_at: Date.now(), notification_type: 'warning', message },
          ...known,
        ].slice(0, KEPT),
      );
    },
  });
  return gaps;
}

export function Notifications(): ReactElement {
  const { notifications, connection } = useSystemEventsSSE();
  const gaps = useGaps();
  const all = [...notifications, ...gaps].sort((a, b) => b.received_at - a.received_at).slice(0, KEPT);
  const empty = connection.isConnected ? 'None yet.' : 'None yet; they arrive by the live connection only.';
  return (
    <section className="card" aria-labelledby="notes-title">
      <div className="card-head">
        <h2 id="notes-title">Notifications</h2>
      </div>
      {all.length === 0 && <p className="hint">{empty}</p>}
      <ol id="notes" role="log" aria-live="polite" aria-relevant="additions">
        {all.map((note) => (
          <li key={note.key} className={`note note-${note.notification_type}`}>
            <span>{note.message}</span>
            <time dateTime={new Date(note.received_at).toISOString()}>{time(note.received_at)}</time>
          </li>
        ))}
      </ol>
    </section>
  );
}
