// The settings in force. They change with a restart alone, but for the log's.

import { $, element } from './element.js';
import { operator } from './operator.js';

export class Settings {
  #shown = '';
  #all = [];

  constructor() {
    $('setting-filter').addEventListener('input', () => this.#filter());
  }

  async load() {
    const { settings } = await operator.read('settings');
    const text = JSON.stringify(settings);
    if (text === this.#shown) return;
    this.#shown = text;
    this.#all = settings.map(({ name, value, source }) => {
      const row = element('div');
      row.dataset.source = source;
      row.append(element('dt', '', name), element('dd', '', value ?? '–'), element('dd', 'source', source));
      return row;
    });
    $('setting-list').replaceChildren(...this.#all);
    this.#filter();
  }

  #filter() {
    const wanted = $('setting-filter').value.trim().toLowerCase();
    this.#all.forEach((row) => { row.hidden = !row.textContent.toLowerCase().includes(wanted); });
  }
}
