// Follows one stream with npm's eventsource, and prints what happens as a JSON object per line.
//   node follow.mjs URL [TYPE...]
import { EventSource } from 'eventsource';

const [url, ...types] = process.argv.slice(2);
const say = (on, what) => console.log(JSON.stringify({ on, at_ms: Math.round(performance.now()), ...what }));

// The EventSource interface shows neither the header that it sends nor the retry that it was told.
function tapOfRetries() {
  const decoder = new TextDecoder();
  let text = '';
  return new TransformStream({
    transform(bytes, controller) {
      const lines = (text + decoder.decode(bytes, { stream: true })).split('\n');
      text = lines.pop();
      for (const line of lines)
        if (line.startsWith('retry:')) say('retry', { ms: Number(line.slice(6)) });
      controller.enqueue(bytes);
    },
  });
}

const source = new EventSource(url, {
  fetch: async (input, init) => {
    say('request', { last_event_id: new Headers(init.headers).get('last-event-id') });
    const { body, url, status, redirected, headers } = await fetch(input, init);
    return { body: body?.pipeThrough(tapOfRetries()), url, status, redirected, headers };
  },
});
for (const type of ['message', ...types])
  source.addEventListener(type, (e) => say('event', { type: e.type, data: JSON.parse(e.data), id: e.lastEventId }));
source.addEventListener('open', () => say('open'));
source.addEventListener('error', (e) => say('error', { code: e.code, closed: source.readyState === EventSource.CLOSED }));
