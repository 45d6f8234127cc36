// The panel that opens a stream and shows how it is.

import { $, write } from './element.js';
import { namesIn } from './names.js';
import { protocol } from './protocol.js';
import { openStream } from './request.js';
import { soon } from './soon.js';
import { Stream } from './stream.js';
import { clock } from './time.js';

/** The states of a stream that is there, or about to be. */
const LIVE = ['connecting', 'open', 'dropped'];
/** Those from which it goes on where it was. */
const AWAY = ['dropped', 'refused', 'expired'];
const HELPED_BY_TOKEN = ['refused', 'expired'];

export class Connect {
  #stream;
  /** The topic of all that comes, where there can only be one. */
  #topic = '';

  /** `began()` is called for a new stream, `arrived(text, bytes)` for what comes at a time,
      `received(event)` for each event, `paused(yes)`. */
  constructor({ began, arrived, received, paused }) {
    this.#stream = new Stream({
      changed: soon(() => this.#draw()),
      arrived,
      received: (event) => received({ ...event, topic: this.#topic }),
    });
    $('connect-form').addEventListener('submit', (event) => {
      event.preventDefault();
      began();
      this.#connect();
    });
    parameters().forEach((choice) => choice.addEventListener('change', explainParameter));
    explainParameter();
    $('pause').addEventListener('click', () => {
      const pause = $('pause').ariaPressed !== 'true';
      $('pause').ariaPressed = pause;
      $('pause').textContent = pause ? 'Continue' : 'Pause';
      paused(pause);
    });
    $('drop').addEventListener('click', () => {
      if (AWAY.includes(this.#stream.state)) this.#stream.resume();
      else this.#stream.drop();
    });
    $('close').addEventListener('click', () => this.#stream.close());
    this.#draw();
  }

  #connect() {
    const [spoken, topics, by] = [protocol(), namesIn($('topics').value), chosenParameter()];
    this.#topic = spoken.onlyTopic({ topics, by });
    const open = (lastEventId, signal) => (
      openStream(spoken.stream({ topics, by, lastEventId }), spoken.tickets, signal)
    );
    this.#stream.connect(open, $('last-event-id').value.trim());
  }

  #draw() {
    const { state, subscriber, lastEventId, since, reconnects, hint } = this.#stream;
    const live = LIVE.includes(state);
    const away = AWAY.includes(state);
    // There is what helps.
    if (HELPED_BY_TOKEN.includes(state) && $('state').dataset.state !== state) $('access').open = true;
    write($('state'), state);
    $('state').dataset.state = state;
    write($('subscriber'), subscriber || '–');
    write($('last-id'), lastEventId || '–');
    write($('since'), since ? clock(since) : '–');
    write($('reconnects'), String(reconnects));
    write($('connect-hint'), hint);
    write($('open'), live ? 'Reconnect' : 'Connect');
    write($('drop'), away ? 'Resume now' : 'Drop and resume');
    $('pause').disabled = !live && $('pause').ariaPressed !== 'true';
    $('drop').disabled = !(live || away) || !lastEventId;
    $('close').disabled = !live;
  }
}

const parameters = () => [...document.getElementsByName('by')];
const chosenParameter = () => parameters().find((choice) => choice.checked).value;

function explainParameter() {
  $('by-hint').textContent = parameters().find((choice) => choice.checked).parentElement.title;
}
