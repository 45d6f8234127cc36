// The stream as it is on the wire: a second one, read as text.

import { $, element } from './element.js';
import { streamAddress } from './hub.js';
import { List } from './list.js';
import { preciseClock, size, span } from './time.js';

/** How many chunks are shown. */
const SHOWN = 300;
/** What is shown of one chunk, in characters. */
const LONGEST = 10_000;

export class Frames {
  #list = new List($('frame-list'), SHOWN);
  #abort = null;
  #last = 0;
  #chunks = 0;
  #bytes = 0;
  #line = '';
  #asked;
  #typeSeen;

  /** `asked()` gives the selectors and the last event id; `typeSeen(type)` hears of types. */
  constructor({ asked, typeSeen }) {
    this.#asked = asked;
    this.#typeSeen = typeSeen;
    $('frames-start').addEventListener('click', () => {
      if (this.#abort) this.#abort.abort();
      else this.#run();
    });
    $('frames-clear').addEventListener('click', () => this.#list.clear());
  }

  async #run() {
    const abort = this.#abort = new AbortController();
    $('frames-start').textContent = 'Stop';
    this.#chunks = this.#bytes = 0;
    this.#line = '';
    $('frames-bar').textContent = 'Connecting';
    try {
      await this.#read(abort.signal);
      $('frames-bar').textContent = 'The hub ended the stream';
    } catch (error) {
      $('frames-bar').textContent = abort.signal.aborted ? 'Stopped' : `Failed: ${error.message}`;
    } finally {
      this.#abort = null;
      $('frames-start').textContent = 'Start';
    }
  }

  async #read(signal) {
    const { selectors, lastEventId } = this.#asked();
    const url = streamAddress(selectors, lastEventId);
    const headers = { Accept: 'text/event-stream' };
    const response = await fetch(url, { headers, signal, cache: 'no-store' });
    $('frames-bar').textContent = `${response.status} ${response.headers.get('content-type') ?? ''}`;
    this.#last = performance.now();
    const reader = response.body.getReader();
    // A chunk may end in the midst of a character.
    const decoder = new TextDecoder();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      this.#show(decoder.decode(value, { stream: true }), value.length);
    }
  }

  #show(text, bytes) {
    const now = performance.now();
    this.#chunks += 1;
    this.#bytes += bytes;
    const row = element('li');
    const meta = element('div', 'meta');
    meta.append(
      element('time', '', preciseClock(new Date())),
      element('span', 'delta', `+${span(now - this.#last)}`),
      element('span', 'size', size(bytes)),
    );
    if (/^(:\n)+$/.test(text)) {
      row.className = 'heartbeat';
      meta.append(element('span', 'mark', 'heartbeat'));
    }
    row.append(meta, lines(text.slice(0, LONGEST)));
    this.#last = now;
    this.#list.append(row);
    this.#lookForTypes(text);
    const chunks = `${this.#chunks} ${this.#chunks === 1 ? 'chunk' : 'chunks'}`;
    $('frames-bar').textContent = `${chunks} · ${size(this.#bytes)}`;
  }

  /** A chunk may end in the midst of a line. */
  #lookForTypes(text) {
    const whole = (this.#line + text).split('\n');
    this.#line = whole.pop();
    whole.forEach((line) => {
      const type = /^event: ?(.+)$/.exec(line)?.[1];
      if (type) this.#typeSeen(type);
    });
  }
}

/** The text, with each end of a line made visible. */
function lines(text) {
  const block = element('pre', 'data');
  const parts = text.split(/(?<=\n)/);
  block.append(...parts.map((part) => {
    const name = /^(event|id|data|retry)(?=:)/.exec(part)?.[0] ?? '';
    const line = element('span', part.startsWith(':') ? 'comment' : '');
    const rest = part.slice(name.length).replace(/\n$/, '');
    if (name) line.append(element('span', 'key', name));
    line.append(rest);
    if (part.endsWith('\n')) line.append(element('span', 'end', '↵'), '\n');
    return line;
  }));
  return block;
}
