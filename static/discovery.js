// The part of Connect that finds a resource's hub, as Mercure's clients do.

import { $ } from './element.js';
import { short } from './hub.js';
import { links, related } from './link.js';
import { MERCURE } from './mercure.js';

export class Discovery {
  #found;
  #running = false;

  /** `found()` is called when hub and topic are filled in. */
  constructor({ found }) {
    this.#found = found;
    $('look').addEventListener('click', () => this.#look());
    $('resource').addEventListener('keydown', (event) => {
      if (event.key === 'Enter') this.#look();
    });
  }

  async #look() {
    const typed = $('resource').value.trim();
    if (this.#running || !typed) return;
    if (!URL.canParse(typed, location.href)) {
      this.#show('', 'This is no URL.');
      return;
    }
    this.#running = true;
    this.#show('', 'Looking');
    const resource = new URL(typed, location.href);
    const answer = await ask(resource.href);
    this.#running = false;
    this.#show(answer.link ?? '', this.#take(resource, answer));
  }

  /** Fills in what an answer says; returns what it means. */
  #take(resource, { problem, status, url, link }) {
    const foreign = resource.origin !== location.origin;
    if (problem) {
      return foreign ? `It can’t be read: it is not there, or its server does not allow this origin (${problem}).`
        : `It can’t be read: ${problem}.`;
    }
    const all = links(link ?? '');
    const [hub] = related(all, 'mercure');
    if (!hub) {
      const hidden = foreign && link === null;
      return `${status}, without a link to a hub${
        hidden ? ', or its server does not let pages see it (Access-Control-Expose-Headers: Link)' : ''}.`;
    }
    if (!URL.canParse(hub.target, url)) return 'The link to the hub is no URL.';
    const address = new URL(hub.target, url);
    if (address.origin !== location.origin) {
      return `Its hub is ${address.href}. This page speaks to its own origin alone: use that hub’s page.`;
    }
    const [self] = related(all, 'self');
    MERCURE.hub = new URL(address.pathname, address);
    $('topics').value = self && URL.canParse(self.target, url) ? new URL(self.target, url).href : resource.href;
    $('last-event-id').value = hub['last-event-id'] ?? '';
    this.#found();
    return `Its hub is ${short(address)}: filled in, with its topic.`;
  }

  #show(link, text) {
    $('link').hidden = !link;
    $('link').textContent = link;
    $('look-hint').textContent = text;
  }
}

/** What a resource answers. */
async function ask(address) {
  const worker = new Worker(new URL('look.js', import.meta.url));
  const answer = new Promise((done) => {
    worker.onmessage = ({ data }) => done(data);
    worker.onerror = () => done({ problem: 'the worker does not start' });
  });
  worker.postMessage(address);
  try {
    return await answer;
  } finally {
    worker.terminate();
  }
}
