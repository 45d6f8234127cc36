// A stream: the browser's own EventSource, as users' pages have it, and what is known about it.

import { streamAddress, whyRefused } from './hub.js';

/** A greeting and a gap are the hub's own; they are always listened to. */
const ALWAYS = ['message', 'gap'];
/** How long a dropped stream stays away: what browsers wait by default. */
const AWAY = 3000;
/** After so long without an answer or an error, the browser itself holds the request back. */
const STUCK = 4000;

const SIX = 'Still connecting. Over HTTP/1.1 a browser opens six connections to a host, those of all '
  + 'its tabs together: close other tabs with streams of this hub, or put HTTP/2 in front of it.';
const TURNED_AWAY = 'The hub is full or about to stop: it ended the stream before its greeting, and '
  + 'told the browser when to come back.';

export class Stream {
  /** `connecting`, `open`, `dropped` (and about to resume) or `closed`. */
  state = 'closed';
  subscriber = '';
  lastEventId = '';
  since = null;
  reconnects = 0;
  hint = '';

  #source = null;
  #topics = [];
  #types = new Set(ALWAYS);
  #opened = false;
  #greeted = false;
  #timer = 0;
  #changed;
  #received;

  /** `changed()` is called for each new state, `received(event)` for each event. */
  constructor({ changed, received }) {
    this.#changed = changed;
    this.#received = received;
  }

  connect(topics, lastEventId) {
    this.#leave();
    this.#topics = topics;
    this.#opened = false;
    Object.assign(this, { lastEventId: '', subscriber: '', since: null, reconnects: 0 });
    this.#open(lastEventId);
  }

  /** Also hears events of this type. An EventSource can't listen to all. */
  listen(type) {
    this.#types.add(type);
    this.#source?.addEventListener(type, this.#onEvent);
  }

  /** Closes, and opens again from the last id after a while. */
  drop() {
    this.#leave();
    this.#timer = setTimeout(() => this.resume(), AWAY);
    this.#set('dropped');
  }

  resume() {
    this.#leave();
    this.#open(this.lastEventId);
  }

  close() {
    this.#leave();
    this.#set('closed');
  }

  #leave() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  #open(lastEventId) {
    const source = new EventSource(streamAddress(this.#topics, lastEventId));
    this.#source = source;
    this.#types.forEach((type) => source.addEventListener(type, this.#onEvent));
    source.addEventListener('open', this.#onOpen);
    source.addEventListener('error', this.#onError);
    this.#timer = setTimeout(() => this.#set('connecting', SIX), STUCK);
    this.#set('connecting');
  }

  #set(state, hint = '') {
    this.state = state;
    this.hint = hint;
    this.#changed();
  }

  #onOpen = (event) => {
    // Events of the types `open` and `error` come in at the same doors.
    if (event instanceof MessageEvent) return;
    clearTimeout(this.#timer);
    if (this.#opened) this.reconnects += 1;
    this.#opened = true;
    this.#greeted = false;
    this.since = new Date();
    this.#set('open');
  };

  #onError = async (event) => {
    if (event instanceof MessageEvent) return;
    clearTimeout(this.#timer);
    const source = this.#source;
    if (source.readyState !== EventSource.CLOSED) {
      this.#set('connecting', this.state === 'open' && !this.#greeted ? TURNED_AWAY : '');
      return;
    }
    this.#set('closed', 'The stream was refused.');
    const reason = await whyRefused(source.url);
    if (this.#source === source) this.#set('closed', reason);
  };

  #onEvent = (event) => {
    if (!(event instanceof MessageEvent)) return;
    const { type, data, lastEventId } = event;
    const greeting = !this.#greeted && type === 'message';
    if (greeting) {
      this.#greeted = true;
      this.subscriber = subscriberIn(data);
    }
    // `lastEventId` is that of an earlier event where one has none: the hub's own have none.
    const gap = type === 'gap' && (!lastEventId || lastEventId === this.lastEventId);
    const id = greeting || gap ? '' : lastEventId;
    if (id) this.lastEventId = id;
    this.#received({ time: new Date(), type, data, id, greeting, gap });
    this.#changed();
  };
}

function subscriberIn(greeting) {
  try {
    return JSON.parse(greeting).id ?? '';
  } catch {
    return '';
  }
}
