import { useState, type FormEvent, type ReactElement } from 'react';

export function KeyPrompt({ isRetry, onKey }: { isRetry: boolean; onKey: (key: string) => void }): ReactElement {
  const [key, setKey] = useState('');
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    onKey(key);
  };
  return (
    <form id="key-form" className="card prompt" onSubmit={submit}>
      <label htmlFor="key">This server asks for an API key</label>
      <div className="row">
        <input
          id="key"
          type="password"
          autoComplete="off"
          required
          autoFocus
          value={key}
          aria-describedby="key-error key-hint"
          onChange={(event) => setKey(event.target.value)}
        />
        <button type="submit">Use it</button>
      </div>
      <p id="key-hint" className="hint">
        Kept in this tab until it is closed.
      </p>
      <p id="key-error" className="error" role="alert">
        {isRetry ? 'The last key is not accepted.' : ''}
      </p>
    </form>
  );
}
