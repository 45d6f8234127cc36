// Measures how long an event takes from here to the hub and back.

import { FANFARE } from './own.js';
import { advice, reason } from './refusal.js';
import { send, streamAddressWithTicket } from './request.js';

const COUNT = 10;
/** They are sent one after the other, whether or not they arrive: who holds them back shows it
    by letting several go at once. */
const APART = 100;
/** How long the stream may take to open, and the last event to arrive. */
const PATIENCE = 5000;

const pause = (ms) => new Promise((done) => { setTimeout(done, ms); });

/** Answers `{ opened, sent, arrived }`: times in ms, `arrived[n]` is missing where it did not.
    `published(id, topics)` hears of each event. */
export async function probe(published) {
  const topic = `latency-${Date.now()}-${Math.random().toString(36).slice(2)}`;
  const source = new EventSource(await streamAddressWithTicket(FANFARE.stream({ topics: [topic] })));
  const result = { opened: false, sent: [], arrived: [] };
  try {
    result.opened = await within(PATIENCE, new Promise((done) => { source.onopen = done; }));
    if (!result.opened) return result;
    const all = new Promise((done) => {
      source.onmessage = ({ data, lastEventId }) => {
        // The greeting has no id.
        if (!lastEventId) return;
        result.arrived[JSON.parse(data).number] = performance.now();
        if (Object.keys(result.arrived).length === COUNT) done();
      };
    });
    await publishAll(topic, result.sent, published);
    await within(PATIENCE, all);
    return result;
  } finally {
    source.close();
  }
}

async function publishAll(topic, sent, published) {
  for (let number = 0; number < COUNT; number += 1) {
    const body = JSON.stringify({ number });
    const request = FANFARE.event({ topics: [topic], contentType: 'application/json', body });
    sent[number] = performance.now();
    const [{ response, text }] = await Promise.all([send(request), pause(APART)]);
    if (!response.ok) throw new Error(refusal(response, text));
    published(FANFARE.idIn(text), topic);
  }
}

function refusal(response, text) {
  const { code, message } = reason(response, text);
  return `the hub answered ${response.status}: ${message}. ${advice(response.status, code, 'publish')}`;
}

async function within(ms, promise) {
  return Promise.race([promise.then(() => true), pause(ms).then(() => false)]);
}

/** How long each took; `null` where it did not arrive. */
export function times({ sent, arrived }) {
  return sent.map((at, number) => (arrived[number] ? arrived[number] - at : null));
}

export function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Whether at least half of them came together with the one before. */
export function cameInBursts({ arrived }) {
  const gaps = arrived.slice(1).map((at, index) => at - arrived[index]);
  return gaps.filter((gap) => gap < APART / 5).length >= (COUNT - 1) / 2;
}
