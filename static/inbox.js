// What has arrived and is not shown yet: the newest only, as in the list that it is for.

import { soon } from './soon.js';

export class Inbox {
  /** Nothing is taken out meanwhile. */
  paused = false;
  items = [];
  #longest;
  #drawSoon;

  /** `draw(items)` gets all that came since the last frame; nothing while it is paused. */
  constructor(longest, draw) {
    this.#longest = longest;
    this.#drawSoon = soon(() => draw(this.paused ? [] : this.items.splice(0)));
  }

  add(item) {
    this.items.push(item);
    if (this.items.length > this.#longest) this.items.shift();
    this.#drawSoon();
  }

  pause(paused) {
    this.paused = paused;
    this.#drawSoon();
  }

  clear() {
    this.items = [];
    this.#drawSoon();
  }
}
