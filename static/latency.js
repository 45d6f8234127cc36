// The panel that tells how quick the way is, and what to do where it is not.

import { $, element } from './element.js';
import { cameInBursts, median, probe, times } from './probe.js';
import { span } from './time.js';

/** In ms. A proxy that waits for more before it sends adds 200; a far network adds less. */
const SLOW = 150;

const NGINX = 'nginx: proxy_buffering off, where it does not get the hub’s X-Accel-Buffering: no. '
  + 'A second nginx in between takes that away.';
const NOT_OPEN = ['The stream stays in connecting.',
  'Over HTTP/1.1 a browser opens six connections to a host, those of all its tabs together: close '
  + 'other tabs with streams of this hub, or put HTTP/2 in front of it.',
  'If this is the only one, a proxy holds back the whole answer.',
  NGINX];
const HELD_BACK = ['Something on the way holds events back, most likely a proxy that buffers.',
  NGINX,
  'HAProxy: option http-no-delay; without it, an event waits up to 200 ms.',
  'Any: no compression of text/event-stream.'];

export class Latency {
  #running = false;
  #published;

  /** `published(id, topics)` is called for each event it publishes. */
  constructor({ published }) {
    this.#published = published;
    $('measure').addEventListener('click', () => this.#measure());
  }

  async #measure() {
    if (this.#running) return;
    this.#running = true;
    $('latency-bar').textContent = 'Measuring';
    this.#show([], null);
    try {
      const result = await probe(this.#published);
      const all = times(result);
      const there = all.filter((time) => time !== null);
      this.#show(all, advice(result, there));
      const arrived = `${there.length} of ${all.length} events arrived`;
      $('latency-bar').textContent = (result.opened ? arrived : 'The stream does not open') + protocol();
    } catch (error) {
      $('latency-bar').textContent = `Failed: ${error.message}`;
    } finally {
      this.#running = false;
    }
  }

  #show(all, warning) {
    const there = all.filter((time) => time !== null);
    const text = (number) => (there.length > 0 ? span(number) : '–');
    $('latency-min').textContent = text(Math.min(...there));
    $('latency-median').textContent = text(median(there));
    $('latency-max').textContent = text(Math.max(...there));
    const longest = Math.max(...there, 10);
    $('latency-bars').replaceChildren(...all.map((time) => {
      const bar = element('li');
      const fill = element('span', time === null ? 'lost' : '');
      fill.style.height = `${time === null ? 100 : Math.max(2, (100 * time) / longest)}%`;
      bar.append(fill, element('small', '', time === null ? 'lost' : span(time)));
      return bar;
    }));
    const [title, ...steps] = warning ?? [];
    const list = element('ul');
    list.append(...steps.map((step) => element('li', '', step)));
    $('latency-warning').replaceChildren(...(title ? [element('strong', '', title), list] : []));
  }
}

function advice(result, there) {
  if (!result.opened) return NOT_OPEN;
  const slow = there.length < result.sent.length || median(there) > SLOW || cameInBursts(result);
  return slow ? HELD_BACK : null;
}

/** What the page itself came by: the streams come by the same. */
function protocol() {
  const [page] = performance.getEntriesByType('navigation');
  return page?.nextHopProtocol ? ` · ${page.nextHopProtocol}` : '';
}
