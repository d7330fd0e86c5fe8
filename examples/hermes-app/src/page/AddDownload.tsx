import { useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent, type ReactElement } from 'react';
import { hermesKeys, noteAdded, useConnectionStatus, useHermesClient } from '../sse';
import { keepAddress, see } from './downloadNames';

export function AddDownload(): ReactElement {
  const { api } = useHermesClient();
  const { isConnected } = useConnectionStatus();
  const cache = useQueryClient();
  const [url, setUrl] = useState('');
  const [error, setError] = useState('');

  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setError('');
    try {
      const made = await api.json<{ download_id: string }>('/api/v1/download', {
        method: 'POST',
        body: JSON.stringify({ url }),
      });
      noteAdded(cache, made.download_id);
      keepAddress(made.download_id, url);
      see(made.download_id);
      setUrl('');
      if (!isConnected) void cache.invalidateQueries({ queryKey: hermesKeys.queue });
    } catch (reason) {
      setError((reason as Error).message);
    }
  };

  return (
    <form id="add-form" className="card" onSubmit={submit}>
      <label htmlFor="url">Address to download</label>
      <div className="row">
        <input
          id="url"
          type="url"
          placeholder="https://"
          required
          value={url}
          aria-describedby="add-error"
          onChange={(event) => setUrl(event.target.value)}
        />
        <button type="submit">Download</button>
      </div>
      <p id="add-error" className="error" role="alert">
        {error}
      </p>
    </form>
  );
}
