import { useEffect, type ReactElement } from 'react';
import { STREAM_PATH, useQueueUpdatesSSE, useSSE, type DownloadProgress, type QueueUpdate } from '../sse';
import { forget, see, useSeen } from './downloadNames';
import { DownloadRow } from './DownloadRow';

function List({
  id,
  title,
  downloads,
  empty,
  action,
}: {
  id: string;
  title: string;
  downloads: string[];
  empty: string;
  action?: ReactElement | false;
}): ReactElement {
  return (
    <section className="card" aria-labelledby={`${id}-title`}>
      <div className="card-head">
        <h2 id={`${id}-title`}>
          {title} <span className="count">{downloads.length}</span>
        </h2>
        {action}
      </div>
      {downloads.length === 0 ? (
        <p className="hint">{empty}</p>
      ) : (
        <ul id={id} className="downloads">
          {downloads.map((one) => (
            <DownloadRow key={one} id={one} />
          ))}
        </ul>
      )}
    </section>
  );
}

/** Who runs comes first, then who waits, in the order in which they will be started. */
function inOrder(items: DownloadProgress[]): string[] {
  const oldestFirst = [...items].reverse();
  return [
    ...oldestFirst.filter((one) => one.status !== 'queued'),
    ...oldestFirst.filter((one) => one.status === 'queued'),
  ].map((one) => one.download_id);
}

/** What has come and gone between two renders was never in a queue that this tab has shown. */
function useSeeing(active: string[]): void {
  const ids = active.join(' ');
  useSSE(STREAM_PATH, { events: { queue_update: (data) => see((data as QueueUpdate).download_id) } });
  useEffect(() => see(...ids.split(' ').filter(Boolean)), [ids]);
}

export function Downloads(): ReactElement {
  const { data: queue } = useQueueUpdatesSSE();
  const seen = useSeen();
  const active = inOrder(queue?.items ?? []);
  const ended = queue ? seen.filter((id) => !active.includes(id)) : [];
  useSeeing(active);

  const clear = (
    <button type="button" className="quiet" onClick={() => forget(...ended)}>
      Clear the list
    </button>
  );
  return (
    <>
      <List
        id="queue"
        title="Queue"
        downloads={active}
        empty="Nothing is running or waiting. Paste an address above."
      />
      <List
        id="ended"
        title="Finished"
        downloads={ended}
        empty="What has ended shows up here."
        action={ended.length > 0 && clear}
      />
    </>
  );
}
