// A list of the hub's in pages: filtered, sorted and cut there, shown here.
//
// Rows stay the same elements from answer to answer, so that focus and selection stay where they are.

import { element, write } from './element.js';
import { count } from './amounts.js';
import { operator } from './operator.js';

const LIMIT = 25;
/** How long someone types. */
const TYPING = 250;

export class Table {
  #path;
  #columns;
  #key;
  #pairs;
  #changed;
  #sort;
  #page = 1;
  #asked = 0;
  #rows = new Map();
  #body = element('tbody');
  #heads = [];
  #said = element('p', 'bar');
  #back = element('button', '', 'Back');
  #next = element('button', '', 'Next');

  /** `root` has a `.tools` with fields; `pairs()` is what they say, as a query. `columns` have
      `label`, `show(row, cell)`, and `sort` with `first`, the order that it begins with. `changed()`
      is called when something else is to be shown. */
  constructor(root, { path, columns, key, pairs, sort, empty, changed }) {
    Object.assign(this, { empty });
    this.#path = path;
    this.#columns = columns;
    this.#key = key;
    this.#pairs = pairs;
    this.#changed = changed;
    this.#sort = sort;
    this.#said.setAttribute('role', 'status');
    root.append(this.#said, this.#table(root.dataset.title), this.#turns());
    let typing = 0;
    root.querySelector('.tools').addEventListener('input', () => {
      clearTimeout(typing);
      typing = setTimeout(() => this.#restart(), TYPING);
    });
    this.#mark();
  }

  /** Asks for what is to be shown, and shows it. */
  async load() {
    const asked = ++this.#asked;
    const pairs = [...this.#pairs(), ['sort', this.#sort.by], ['order', this.#sort.order],
      ['page', this.#page], ['limit', LIMIT]];
    let answer;
    try {
      answer = await operator.read(this.#path, pairs);
    } catch (refused) {
      if (refused.status !== 400) throw refused;
      write(this.#said, refused.message);
      return;
    }
    // Another was asked for meanwhile.
    if (asked !== this.#asked) return;
    if (this.#page > answer.pages) {
      this.#page = answer.pages;
      this.#changed();
      return;
    }
    this.#show(answer);
  }

  #restart() {
    this.#page = 1;
    this.#changed();
  }

  #table(title) {
    const table = element('table');
    // Said, since on a narrow screen the cells are no table's to the style sheet.
    table.setAttribute('role', 'table');
    table.setAttribute('aria-label', title);
    const head = element('thead');
    const line = element('tr');
    line.setAttribute('role', 'row');
    this.#columns.forEach(({ label, sort, first, number }) => {
      const cell = element('th', number ? 'number' : '', sort ? '' : label);
      cell.setAttribute('role', 'columnheader');
      cell.scope = 'col';
      if (sort) {
        const button = element('button', '', label);
        button.type = 'button';
        button.addEventListener('click', () => {
          const { by, order } = this.#sort;
          const turned = order === 'asc' ? 'desc' : 'asc';
          this.#sort = { by: sort, order: by === sort ? turned : first ?? 'desc' };
          this.#mark();
          this.#restart();
        });
        cell.append(button);
        this.#heads.push([cell, sort]);
      }
      line.append(cell);
    });
    head.append(line);
    table.append(head, this.#body);
    const frame = element('div', 'rows');
    frame.append(table);
    return frame;
  }

  #turns() {
    const turns = element('div', 'turns');
    [[this.#back, -1], [this.#next, 1]].forEach(([button, step]) => {
      button.type = 'button';
      button.disabled = true;
      button.addEventListener('click', () => {
        this.#page += step;
        this.#changed();
      });
    });
    turns.append(this.#back, this.#next);
    return turns;
  }

  #mark() {
    this.#heads.forEach(([cell, sort]) => {
      const words = { asc: 'ascending', desc: 'descending' };
      cell.ariaSort = sort === this.#sort.by ? words[this.#sort.order] : 'none';
    });
  }

  #show({ rows, total, page, pages }) {
    const first = (page - 1) * LIMIT + 1;
    const all = total > rows.length ? `${count(first)} to ${count(first + rows.length - 1)} of ${count(total)}` : `${count(total)} in all`;
    write(this.#said, total === 0 ? this.empty() : all);
    this.#back.disabled = page === 1;
    this.#next.disabled = page === pages;
    const focused = document.activeElement;
    const known = this.#rows;
    this.#rows = new Map(rows.map((row) => {
      const key = this.#key(row);
      const line = known.get(key) ?? this.#line();
      [...line.cells].forEach((cell, at) => this.#columns[at].show(row, cell));
      return [key, line];
    }));
    const lines = [...this.#rows.values()];
    const same = lines.length === this.#body.rows.length && lines.every((line, at) => line === this.#body.rows[at]);
    if (same) return;
    this.#body.replaceChildren(...lines);
    // What is moved loses the focus.
    if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
  }

  #line() {
    const line = element('tr');
    line.setAttribute('role', 'row');
    this.#columns.forEach(({ label, number }) => {
      const cell = element('td', number ? 'number' : '');
      cell.setAttribute('role', 'cell');
      cell.dataset.label = label;
      line.append(cell);
    });
    return line;
  }
}
