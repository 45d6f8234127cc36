// The stream as it is on the wire.

import { $, element } from './element.js';
import { Inbox } from './inbox.js';
import { List } from './list.js';
import { preciseClock, size, span } from './time.js';

/** How many chunks are shown. */
const SHOWN = 300;
/** What is shown of one chunk, in characters. */
const LONGEST = 10_000;

export class Frames {
  #list = new List($('frame-list'), SHOWN);
  #inbox = new Inbox(SHOWN, (fresh) => this.#draw(fresh));
  #last = 0;
  #chunks = 0;
  #bytes = 0;

  constructor() {
    $('frames-clear').addEventListener('click', () => {
      this.#inbox.clear();
      this.#list.clear();
    });
  }

  /** A new stream. */
  begin() {
    this.#last = this.#chunks = this.#bytes = 0;
  }

  add(text, bytes) {
    const now = performance.now();
    const delta = this.#last ? now - this.#last : 0;
    this.#last = now;
    this.#chunks += 1;
    this.#bytes += bytes;
    this.#inbox.add({ time: new Date(), delta, text, bytes });
  }

  /** Stops showing; what arrives is held. */
  pause(paused) {
    this.#inbox.pause(paused);
  }

  #draw(fresh) {
    this.#list.append(...fresh.map(row));
    const chunks = `${this.#chunks} ${this.#chunks === 1 ? 'chunk' : 'chunks'}`;
    const parts = [chunks, size(this.#bytes), this.#inbox.paused && 'paused'];
    $('frames-bar').textContent = parts.filter((part) => part).join(' · ');
  }
}

function row({ time, delta, text, bytes }) {
  const made = element('li');
  const meta = element('div', 'meta');
  meta.append(
    element('time', '', preciseClock(time)),
    element('span', 'delta', `+${span(delta)}`),
    element('span', 'size', size(bytes)),
  );
  if (/^(:\n)+$/.test(text)) {
    made.className = 'heartbeat';
    meta.append(element('span', 'mark', 'heartbeat'));
  }
  made.append(meta, lines(text.slice(0, LONGEST)));
  return made;
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
