import { useEffect, useState, type ReactElement } from 'react';
import { ApiError, isFinished, useDownloadProgressSSE, useHermesClient, type DownloadProgress } from '../sse';
import { forget, nameOf, useAddress } from './downloadNames';
import { bytes, duration } from './format';

const WORDS: Record<string, string> = {
  queued: 'Waiting',
  downloading: 'Downloading',
  processing: 'Processing',
  completed: 'Completed',
  failed: 'Failed',
  cancelled: 'Cancelled',
};

function detail(download: DownloadProgress): string {
  const { status, progress, downloaded_bytes, total_bytes, download_speed, eta, error_message } = download;
  if (status === 'downloading') {
    const size =
      total_bytes === null
        ? bytes(downloaded_bytes)
        : `${Math.floor(progress)} % · ${bytes(downloaded_bytes)} of ${bytes(total_bytes)}`;
    return [size, `${bytes(download_speed)}/s`, eta !== null && `${duration(eta)} left`].filter(Boolean).join(' · ');
  }
  if (status === 'completed') return bytes(downloaded_bytes);
  return error_message ?? '';
}

function Bar({ download, label }: { download: DownloadProgress; label: string }): ReactElement {
  const isUnknown = download.status === 'downloading' && download.total_bytes === null;
  return isUnknown ? (
    <progress aria-label={label} />
  ) : (
    <progress aria-label={label} max={100} value={download.progress} />
  );
}

export function DownloadRow({ id }: { id: string }): ReactElement | null {
  const { api } = useHermesClient();
  const { data, error } = useDownloadProgressSSE(id);
  const [refusal, setRefusal] = useState('');
  const isUnknown = error instanceof ApiError && error.status === 404;
  const address = useAddress(id);
  const name = nameOf(id, address);

  // A restarted server has forgotten what it did before.
  useEffect(() => {
    if (isUnknown && !isFinished(data)) forget(id);
  }, [isUnknown, data, id]);

  if (!data) return null;
  const cancel = (): void =>
    void api.json(`/api/v1/download/${id}`, { method: 'DELETE' }).catch((reason: Error) => setRefusal(reason.message));
  return (
    <li className="download" data-status={data.status} data-id={id}>
      <div className="download-head">
        <span className="name" title={address ?? id}>
          {name}
        </span>
        <span className="state">{WORDS[data.status] ?? data.status}</span>
        {!isFinished(data) && (
          <button type="button" className="quiet" aria-label={`Cancel ${name}`} onClick={cancel}>
            Cancel
          </button>
        )}
      </div>
      <Bar download={data} label={`Progress of ${name}`} />
      <div className="detail">{refusal || detail(data)}</div>
    </li>
  );
}
