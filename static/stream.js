// A stream, and what is known about it. It reconnects and resumes as a browser's EventSource does,
// which itself would not do here: it tells only of events whose types it was asked for.

import { Parser } from './parser.js';
import { whyNoStream } from './refusal.js';

/** How long a stream stays away where the hub has not said, in ms: what browsers wait. */
const AWAY = 3000;
/** At the least: with a `retry` of 0 it would do nothing but reconnect. */
const LEAST = 1000;
/** After so long without an answer or an error, the browser itself holds the request back. */
const STUCK = 4000;

const SIX = 'Still connecting. Over HTTP/1.1 a browser opens six connections to a host, those of all '
  + 'its tabs together: close other tabs with streams of this hub, or put HTTP/2 in front of it.';
const TURNED_AWAY = 'The hub is full or about to stop: it ended the stream before any event, and '
  + 'said when to come back.';
const UNREACHABLE = 'The hub can’t be reached. It is asked again.';

export class Stream {
  /** `connecting`, `open`, `dropped` (and about to resume), `closed`; or closed because the hub
      does not take the token, `refused`, or no longer, `expired`. */
  state = 'closed';
  subscriber = '';
  lastEventId = '';
  since = null;
  reconnects = 0;
  hint = '';

  #open;
  #parser = new Parser();
  #abort = null;
  #heard = false;
  #timer = 0;
  #changed;
  #arrived;
  #received;

  /** `changed()` is called for each new state, `arrived(text, bytes)` for what comes at a time,
      `received(event)` for each event. */
  constructor({ changed, arrived, received }) {
    this.#changed = changed;
    this.#arrived = arrived;
    this.#received = received;
  }

  /** `open(lastEventId, signal)` asks for a stream. */
  connect(open, lastEventId) {
    this.#open = open;
    this.#parser = new Parser(lastEventId);
    Object.assign(this, { lastEventId: '', subscriber: '', since: null, reconnects: 0 });
    this.resume();
  }

  /** Closes, and opens again from the last id after a while. */
  drop() {
    this.#leave();
    this.#timer = setTimeout(() => this.resume(), AWAY);
    this.#set('dropped');
  }

  resume() {
    this.#leave();
    this.#set('connecting');
    this.#listen();
  }

  close() {
    this.#leave();
    this.#set('closed');
  }

  #leave() {
    clearTimeout(this.#timer);
    this.#abort?.abort();
  }

  #set(state, hint = '') {
    this.state = state;
    this.hint = hint;
    this.#changed();
  }

  /** One connection, from the request to its end. */
  async #listen() {
    const { signal } = this.#abort = new AbortController();
    this.#timer = setTimeout(() => this.#set('connecting', SIX), STUCK);
    const asked = this.#parser.lastEventId;
    const request = this.#open(asked, signal);
    const response = await request.catch(() => null);
    if (signal.aborted) return;
    clearTimeout(this.#timer);
    if (!response) {
      this.#comeBack(UNREACHABLE);
      return;
    }
    const refused = await whyNoStream(response);
    if (signal.aborted) return;
    if (refused) {
      this.#leave();
      this.#set(refused.state, refused.text);
      return;
    }
    this.#begin(whatIsLost(response, asked));
    await this.#read(response.body.getReader(), signal);
    const turnedAway = !this.#heard && this.#parser.retry !== null;
    if (!signal.aborted) this.#comeBack(turnedAway ? TURNED_AWAY : '');
  }

  #comeBack(hint) {
    this.#set('connecting', hint);
    this.#timer = setTimeout(() => this.#listen(), Math.max(this.#parser.retry ?? AWAY, LEAST));
  }

  #begin(hint) {
    if (this.since) this.reconnects += 1;
    this.since = new Date();
    this.#heard = false;
    this.#parser.begin();
    this.#set('open', hint);
  }

  async #read(reader, signal) {
    // A piece may end in the midst of a character.
    const decoder = new TextDecoder();
    for (;;) {
      // A connection that breaks is one that ends.
      const { done, value } = await reader.read().catch(() => ({ done: true }));
      if (done || signal.aborted) return;
      const text = decoder.decode(value, { stream: true });
      this.#arrived(text, value.length);
      this.#parser.push(text).forEach((event) => this.#take(event));
      this.#changed();
    }
  }

  #take({ type, data, id }) {
    // What is published has an id; the hub's own events have none.
    const own = id === null;
    const [greeting, gap] = [own && type === 'message', own && type === 'gap'];
    this.#heard = true;
    if (greeting) this.subscriber = subscriberIn(data);
    this.lastEventId = id ?? this.lastEventId;
    this.#received({ time: new Date(), type, data, id: id ?? '', greeting, gap });
  }
}

/** Mercure says in the head of an answer from where it resumes: another id than the one that was
    asked for means that what followed that one is gone. Fanfare's own streams send a `gap`. */
function whatIsLost(response, asked) {
  const headers = ['mercure-last-event-id', 'last-event-id'].map((name) => response.headers.get(name));
  const from = headers.find((value) => value !== null);
  const comparable = /^[!-~]+$/.test(asked) && asked !== 'earliest';
  const lost = comparable && from !== undefined && from !== asked;
  return lost ? `The hub knows no event ${asked} any more: what was published since is lost.` : '';
}

function subscriberIn(greeting) {
  try {
    return JSON.parse(greeting).id ?? '';
  } catch {
    return '';
  }
}
