import { JSDOM } from 'jsdom';
import { EventSource } from 'eventsource';

// Only what React needs of a browser: jsdom's own events and signals do not go with node's fetch.
if (!globalThis.window) {
  const { window } = new JSDOM('<!doctype html><title>tests</title>', { url: 'http://localhost/' });
  Object.assign(globalThis, { window, document: window.document, HTMLElement: window.HTMLElement, EventSource });
  if (!globalThis.navigator) Object.assign(globalThis, { navigator: window.navigator });
}
