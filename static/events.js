// The list of events as they arrive.

import { $ } from './element.js';
import { Inbox } from './inbox.js';
import { List } from './list.js';
import { Marks } from './marks.js';
import { Row } from './row.js';

/** How many are shown; what is older goes. */
const SHOWN = 500;

export class Events {
  #list = new List($('event-list'), SHOWN);
  #rows = [];
  #inbox = new Inbox(SHOWN, (fresh) => this.#draw(fresh));
  #marks = new Marks();
  /** The topics of what this page published, by id. */
  #topics = new Map();
  #total = 0;
  #held = 0;

  constructor() {
    $('filter').addEventListener('input', () => this.#filter());
    $('clear').addEventListener('click', () => this.#clear());
    document.getElementsByName('shape').forEach((choice) => {
      choice.addEventListener('change', () => {
        this.#rows.forEach((row) => row.setShape(shape()));
        this.#list.scroll();
      });
    });
    $('follow').addEventListener('change', () => {
      this.#list.following = $('follow').checked;
      this.#list.scroll();
    });
    $('event-list').addEventListener('scroll', () => { $('follow').checked = this.#list.following; });
    $('event-list').addEventListener('keydown', step);
  }

  add(event) {
    const mark = markOf(event, this.#marks);
    const topic = this.#topics.get(event.id) ?? event.topic;
    this.#total += 1;
    if (this.#inbox.paused) this.#held += 1;
    this.#inbox.add({ event: { ...event, topic }, mark });
  }

  /** Says which topics an event has that this page published; it may be in the list already. */
  name(id, text) {
    this.#topics.set(id, text);
    if (this.#topics.size > SHOWN) this.#topics.delete(this.#topics.keys().next().value);
    this.#inbox.items.filter(({ event }) => event.id === id).forEach(({ event }) => { event.topic = text; });
    this.#rows.filter((row) => row.id === id).forEach((row) => row.setTopic(text));
  }

  /** Stops showing; what arrives is held. */
  pause(paused) {
    this.#held = 0;
    this.#inbox.pause(paused);
  }

  /** A new stream: what it replays is no duplicate of what the last one brought. */
  begin() {
    this.#marks = new Marks();
  }

  #clear() {
    this.#rows = [];
    this.#total = 0;
    this.#held = 0;
    this.#inbox.clear();
    this.#list.clear();
    $('follow').checked = true;
    this.begin();
    this.#count();
  }

  #draw(fresh) {
    const [text, as] = [filterText(), shape()];
    const rows = fresh.map(({ event, mark }) => new Row(event, mark, as));
    rows.forEach((row) => row.filter(text));
    this.#rows = [...this.#rows, ...rows].slice(-SHOWN);
    this.#list.append(...rows.map((row) => row.element));
    this.#count();
  }

  #filter() {
    const text = filterText();
    this.#rows.forEach((row) => row.filter(text));
    this.#count();
    this.#list.scroll();
  }

  #count() {
    const number = (count) => count.toLocaleString('en');
    const visible = this.#rows.filter((row) => !row.element.hidden).length;
    const parts = [`${number(visible)} of ${number(this.#total)} shown`];
    const { paused } = this.#inbox;
    if (paused) parts.push(`paused, ${number(this.#held)} held`);
    $('event-bar').textContent = this.#total > 0 || paused ? parts.join(' · ') : 'No events yet';
    $('event-count').textContent = number(this.#total);
  }
}

function markOf(event, marks) {
  if (event.greeting) return 'greeting';
  if (event.gap) return 'gap';
  return marks.of(event.id);
}

const filterText = () => $('filter').value.trim().toLowerCase();
const shape = () => document.querySelector('[name=shape]:checked').value;

/** The arrow keys move from one visible row's button to the next. */
function step(event) {
  const back = event.key === 'ArrowUp';
  if (!back && event.key !== 'ArrowDown') return;
  const rows = [...event.currentTarget.children].filter((row) => !row.hidden);
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const next = at < 0 ? rows.at(-1) : rows[at + (back ? -1 : 1)];
  if (!next) return;
  event.preventDefault();
  next.querySelector('button').focus();
}
