// One event in the list.

import { copy } from './copy.js';
import { element } from './element.js';
import { showJson } from './json.js';
import { preciseClock, size } from './time.js';

/** What is shown of large data, in characters; copying takes all. */
const SHOWN = 10_000;

const measure = new TextEncoder();

export class Row {
  #event;
  #topic = element('span', 'topic');
  #data = element('pre', 'data');
  #text;

  constructor(event, mark, shape) {
    this.#event = event;
    this.element = element('li', mark && 'marked');
    this.element.dataset.id = event.id;
    this.element.dataset.type = event.type;
    this.element.dataset.mark = mark;
    const meta = element('div', 'meta');
    const type = element('span', 'type', event.type);
    type.dataset.standard = event.type === 'message';
    const button = element('button', 'copy', 'Copy');
    button.type = 'button';
    // The list is one stop of the Tab key; the arrow keys move inside of it.
    button.tabIndex = -1;
    button.addEventListener('click', () => copy(event.data, button));
    meta.append(
      element('time', '', preciseClock(event.time)),
      type,
      this.#topic,
      element('span', 'id', event.id),
      element('span', 'size', size(measure.encode(event.data).length)),
    );
    if (mark) meta.append(element('span', 'mark', mark));
    meta.append(button);
    this.element.append(meta, this.#data);
    this.setTopic(event.topic);
    this.setShape(shape);
  }

  get id() {
    return this.#event.id;
  }

  setTopic(topic) {
    this.#topic.textContent = topic;
    const { id, type, data } = this.#event;
    this.#text = [id, type, topic, data].join('\n').toLowerCase();
  }

  /** `pretty` or `raw`. */
  setShape(shape) {
    const { data } = this.#event;
    if (data.length > SHOWN) {
      const rest = (data.length - SHOWN).toLocaleString('en');
      this.#data.textContent = `${data.slice(0, SHOWN)} … and ${rest} more characters`;
    } else if (shape === 'pretty') {
      showJson(this.#data, data);
    } else {
      this.#data.textContent = data;
    }
  }

  /** Hides it unless it contains the text, which is in lower case. */
  filter(text) {
    this.element.hidden = !this.#text.includes(text);
  }
}
