// The reader of `openapi.json`: what the hub's interface is. It is fetched when it is first shown.

import { $, element, write } from './element.js';
import { address } from './hub.js';
import { showOperation } from './operation.js';
import { prose } from './prose.js';

/** In which order the methods of a path stand. */
const METHODS = ['get', 'head', 'post', 'put', 'delete'];

export class Api {
  #loaded = false;

  constructor() {
    $('api-filter').addEventListener('input', () => this.#filter());
    $('api-file').href = address('openapi.json');
  }

  async show(shown) {
    if (!shown || this.#loaded) return;
    this.#loaded = true;
    try {
      const response = await fetch(address('openapi.json'), { cache: 'no-cache' });
      if (!response.ok) throw new Error(`The hub answered ${response.status}.`);
      this.#write(await response.json());
    } catch (error) {
      this.#loaded = false;
      write($('api-said'), `There is no description: ${error.message}`);
    }
  }

  #write(description) {
    $('api-about').replaceChildren(prose(description.info.description));
    const all = Object.entries(description.paths).flatMap(([path, item]) => (
      METHODS.filter((method) => item[method]).map((method) => ({ path, method, operation: item[method] }))
    ));
    $('api-list').replaceChildren(...description.tags.map((tag) => {
      const part = element('section', 'panel');
      const title = element('h2', '', tag.name);
      part.append(title, prose(tag.description, 'hint'));
      const own = all.filter(({ operation }) => operation.tags.includes(tag.name));
      part.append(...own.map((one) => row(description, one)));
      return part;
    }));
    this.#filter();
  }

  #filter() {
    const words = $('api-filter').value.toLowerCase().split(/\s+/).filter(Boolean);
    const rows = [...$('api-list').querySelectorAll('.operation')];
    rows.forEach((one) => { one.hidden = !words.every((word) => one.dataset.text.includes(word)); });
    $('api-list').querySelectorAll(':scope > section').forEach((part) => {
      part.hidden = !part.querySelector('.operation:not([hidden])');
    });
    const shown = rows.filter((one) => !one.hidden).length;
    write($('api-said'), `${shown} of ${rows.length} operations`);
  }
}

/** A long one breaks where a part of it begins. */
function pathOf(path) {
  const made = element('code', 'path');
  made.append(...path.split(/(?=\/)/).flatMap((part) => [element('wbr'), part]));
  return made;
}

/** Filled when it is first opened. */
function row(description, one) {
  const { path, method, operation } = one;
  const whole = element('details', 'operation');
  whole.dataset.text = `${method} ${path} ${operation.summary} ${operation.operationId}`.toLowerCase();
  const summary = element('summary');
  summary.append(
    element('span', `method of-${method}`, method.toUpperCase()), ' ',
    pathOf(path), ' ', element('span', 'about', operation.summary),
  );
  const inside = element('div', 'inside');
  whole.append(summary, inside);
  whole.addEventListener('toggle', () => {
    if (whole.open && !inside.childElementCount) showOperation(inside, description, one);
  });
  return whole;
}
