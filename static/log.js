// The newest warnings and errors, and what the log lets through.

import { $, element, write } from './element.js';
import { operator } from './operator.js';
import { clock } from './time.js';

export class Log {
  #shown = '';
  #filter = null;

  constructor() {
    $('log-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#set($('log-filter').value.trim());
    });
  }

  show({ filter, recent }) {
    // What someone types is left alone.
    if (filter !== this.#filter) $('log-filter').value = filter;
    this.#filter = filter;
    const text = JSON.stringify(recent);
    if (text === this.#shown) return;
    this.#shown = text;
    $('log-list').replaceChildren(...recent.map(({ time, level, message }) => {
      const line = element('li');
      line.dataset.level = level;
      const at = element('time', '', clock(new Date(time)));
      at.dateTime = time;
      at.title = time;
      line.append(at, element('span', 'level', level), element('span', 'message', message));
      return line;
    }));
  }

  async #set(filter) {
    const field = $('log-filter');
    try {
      this.#filter = (await operator.put('log-level', { filter })).filter;
      field.ariaInvalid = false;
      write($('log-said'), `Set: ${filter}`);
    } catch ({ message }) {
      field.ariaInvalid = true;
      write($('log-said'), message);
    }
  }
}
