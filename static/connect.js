// The panel that opens a stream and shows how it is.

import { $ } from './element.js';
import { namesIn, onlyTopic } from './names.js';
import { soon } from './soon.js';
import { Stream } from './stream.js';
import { clock } from './time.js';

export class Connect {
  #stream;
  #topics = [];

  /** `began()` is called for a new stream, `arrived(text, bytes)` for what comes at a time,
      `received(event)` for each event, `paused(yes)`. */
  constructor({ began, arrived, received, paused }) {
    this.#stream = new Stream({
      changed: soon(() => this.#draw()),
      arrived,
      received: (event) => received({ ...event, topic: onlyTopic(this.#topics) }),
    });
    $('connect-form').addEventListener('submit', (event) => {
      event.preventDefault();
      began();
      this.#topics = namesIn($('topics').value);
      this.#stream.connect(this.#topics, $('last-event-id').value.trim());
    });
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
    this.#draw();
  }

  #draw() {
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
