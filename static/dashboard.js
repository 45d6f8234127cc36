// The dashboard: what it asks for, and what it says where it may not.

import { age } from './amounts.js';
import { Counts } from './counts.js';
import { $, write } from './element.js';
import { Log } from './log.js';
import { Meters } from './meters.js';
import { operator } from './operator.js';
import { Poll } from './poll.js';
import { Settings } from './settings.js';
import { subscribers } from './subscribers.js';
import { tabs } from './tabs.js';
import { topics } from './topics.js';

/** Why nothing is shown, by the status of the refusal. */
const WHY = {
  401: (hadToken) => (hadToken ? 'The hub does not take this token.' : ''),
  404: () => 'off',
};

export class Dashboard {
  #poll = new Poll(() => this.#ask());
  #meters = new Meters($('meters'));
  #counts = new Counts();
  #log = new Log();
  #settings = new Settings();
  #tables;

  constructor() {
    const changed = () => this.#poll.now();
    this.#tables = {
      'dash-subscribers': subscribers({ changed }),
      'dash-topics': topics({ changed }),
      'dash-settings': this.#settings,
    };
    tabs($('dash-tabs'), changed);
    $('operator-form').addEventListener('submit', (event) => {
      event.preventDefault();
      operator.token = $('operator-token').value;
      this.#poll.now();
    });
    $('operator-leave').addEventListener('click', () => {
      operator.token = '';
      this.#poll.now();
    });
  }

  show(shown) {
    this.#poll.show(shown);
  }

  async #ask() {
    const view = $('dash-tabs').querySelector('[aria-selected=true]').getAttribute('aria-controls');
    try {
      const stats = await operator.read('stats');
      this.#open();
      this.#meters.show(stats);
      this.#counts.show(stats);
      this.#log.show(stats.log);
      const { version, uptime_seconds: up, draining } = stats;
      write($('dash-about'), `Fanfare ${version} · up ${age(up)}${draining ? ' · draining' : ''}`);
      await this.#tables[view]?.load();
      write($('dash-problem'), '');
      return true;
    } catch (refused) {
      return this.#refuse(refused);
    }
  }

  /** The token is good. */
  #open() {
    if (!$('dash').hidden) return;
    // It is kept where nobody reads it.
    $('operator-token').value = '';
    $('operator').hidden = true;
    $('dash').hidden = false;
  }

  /** Answers whether it is worth to ask again. */
  #refuse({ status, message }) {
    const why = WHY[status]?.(operator.hasToken);
    // What was shown stays, where the hub is away for a moment.
    if (why === undefined && !$('dash').hidden) {
      write($('dash-problem'), `${message} What is shown is not of now.`);
      return true;
    }
    const wasOpen = !$('dash').hidden;
    $('dash').hidden = true;
    $('operator').hidden = false;
    $('operator-form').hidden = why === 'off';
    $('operator-off').hidden = why !== 'off';
    write($('operator-problem'), why === 'off' ? '' : why ?? message);
    if (wasOpen && why !== 'off') $('operator-token').focus();
    return why === undefined;
  }
}
