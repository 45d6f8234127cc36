// The panel that opens a stream and shows how it is.

import { $ } from './element.js';
import { namesIn, onlyTopic } from './names.js';
import { Stream } from './stream.js';
import { clock } from './time.js';

export class Connect {
  #stream;
  #topics = [];
  #drawing = false;

  /** `began()` is called for a new stream, `received(event)` for each event, `paused(yes)`. */
  constructor({ began, received, paused }) {
    this.#stream = new Stream({
      changed: () => this.#drawSoon(),
      received: (event) => received({ ...event, topic: onlyTopic(this.#topics) }),
    });
    $('connect-form').addEventListener('submit', (event) => {
      event.preventDefault();
      began();
      this.#topics = this.selectors;
      this.#stream.connect(this.#topics, this.lastEventId);
    });
    $('types').addEventListener('input', () => this.#listenToTyped());
    $('pause').addEventListener('click', () => {
      const pause = $('pause').ariaPressed !== 'true';
      $('pause').ariaPressed = pause;
      $('pause').textContent = pause ? 'Continue' : 'Pause';
      paused(pause);
    });
    $('drop').addEventListener('click', () => {
      if (this.#stream.state === 'dropped') this.#stream.resume();
      else this.#stream.drop();
    });
    $('close').addEventListener('click', () => this.#stream.close());
    // What a browser restored into the fields after a reload counts too.
    this.#listenToTyped();
    this.#draw();
  }

  /** What the fields ask for, also before it is connected. */
  get selectors() {
    return namesIn($('topics').value);
  }

  get lastEventId() {
    return $('last-event-id').value.trim();
  }

  /** Adds a type that turned up. It has to happen before its first event. */
  listen(type) {
    const types = namesIn($('types').value);
    if (!type || type === 'message' || type === 'gap' || types.includes(type)) return;
    $('types').value = [...types, type].join(', ');
    this.#stream.listen(type);
  }

  #listenToTyped() {
    namesIn($('types').value).forEach((type) => this.#stream.listen(type));
  }

  /** Once a frame at the most: events can come faster. */
  #drawSoon() {
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#drawing = false;
    const { state, subscriber, lastEventId, since, reconnects, hint } = this.#stream;
    const live = state !== 'closed';
    write($('state'), state);
    $('state').dataset.state = state;
    write($('subscriber'), subscriber || '–');
    write($('last-id'), lastEventId || '–');
    write($('since'), since ? clock(since) : '–');
    write($('reconnects'), String(reconnects));
    write($('connect-hint'), hint);
    write($('open'), live ? 'Reconnect' : 'Connect');
    write($('drop'), state === 'dropped' ? 'Resume now' : 'Drop and resume');
    $('pause').disabled = !live && $('pause').ariaPressed !== 'true';
    $('drop').disabled = !live || !lastEventId;
    $('close').disabled = !live;
  }
}

/** Leaves an element alone that says it already: a live region would say it again. */
function write(target, text) {
  if (target.textContent !== text) target.textContent = text;
}
