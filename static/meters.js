// The numbers at the top of the dashboard, each with its last two minutes.

import { count, flow, rate } from './amounts.js';
import { element, write } from './element.js';
import { Spark } from './spark.js';
import { size } from './time.js';

/** What each shows: a title, its number of now or since the last answer, and a line below. */
const METERS = [
  {
    title: 'Subscribers', name: 'subscribers', value: ({ streams }) => streams.open, shown: count,
    below: ({ streams: { limit, behind, resuming } }) => [
      `of ${count(limit)}`, behind && `${count(behind)} behind`, resuming && `${count(resuming)} resuming`,
    ],
  },
  {
    title: 'Published', name: 'published', total: ({ events }) => events.published, shown: rate,
    below: ({ events }) => [`${count(events.published)} in all`],
  },
  {
    title: 'Delivered', name: 'delivered', total: ({ events: { live, replayed } }) => live.events + replayed.events,
    shown: rate,
    below: ({ events: { live, replayed } }) => [
      `${count(live.events + replayed.events)} in all`, replayed.events && `${count(replayed.events)} replayed`,
    ],
  },
  {
    title: 'Sent', name: 'sent', total: ({ events: { live, replayed } }) => live.bytes + replayed.bytes, shown: flow,
    below: ({ events: { live, replayed } }) => [`${size(live.bytes + replayed.bytes)} in all`],
  },
  {
    title: 'Queued', name: 'queued', value: ({ queued }) => queued.events, shown: count,
    below: ({ queued }) => [`${size(queued.bytes)}`],
  },
  {
    title: 'History', name: 'history', value: ({ history }) => history?.events ?? 0, shown: count,
    below: ({ history }) => (history
      ? [`${size(history.bytes)} in ${history.kind}`, history.health !== 'ok' && history.health]
      : ['does not answer']),
  },
];

class Meter {
  #of;
  #spark = new Spark();
  #number = element('dd', 'number', '–');
  #below = element('dd', 'below');

  constructor(of) {
    this.#of = of;
    this.element = element('div', 'meter');
    this.element.id = `meter-${of.name}`;
    this.element.append(element('dt', '', of.title), this.#number, this.#below, this.#spark.element);
  }

  show(now, before) {
    const { value, total, shown, below } = this.#of;
    const passed = before ? now.uptime_seconds - before.uptime_seconds : 0;
    // A hub that was started again has counted anew.
    if (passed < 0) this.#spark.clear();
    const number = value ? value(now) : passed > 0 && (total(now) - total(before)) / passed;
    if (number !== false) {
      write(this.#number, shown(number));
      this.#spark.add(number);
    }
    write(this.#below, below(now).filter((part) => part).join(' · '));
  }
}

export class Meters {
  #meters = METERS.map((of) => new Meter(of));
  #before = null;

  constructor(list) {
    list.append(...this.#meters.map((meter) => meter.element));
  }

  show(stats) {
    this.#meters.forEach((meter) => meter.show(stats, this.#before));
    this.#before = stats;
  }
}
