// The list of active subscriptions, as Mercure has it.

import { $, element } from './element.js';
import { showJson } from './json.js';
import { MERCURE } from './mercure.js';
import { advice, reason } from './refusal.js';
import { read } from './request.js';
import { clock } from './time.js';

export class Subscriptions {
  constructor() {
    $('refresh').addEventListener('click', () => this.#refresh());
    $('tab-subscriptions').addEventListener('click', () => this.#refresh());
  }

  async #refresh() {
    try {
      const { response, text } = await read(MERCURE.subscriptions());
      if (response.ok) this.#show(JSON.parse(text), response);
      else this.#tell([], refusal(response, text));
    } catch (error) {
      this.#tell([], `No answer: ${error.message}`);
    }
  }

  #show({ subscriptions, lastEventID }, response) {
    // 1.0 has it in a header alone, escaped.
    const last = lastEventID ?? decodeURIComponent(response.headers.get('etag') ?? '').replaceAll('"', '');
    const count = `${subscriptions.length} ${subscriptions.length === 1 ? 'subscription' : 'subscriptions'}`;
    const parts = [count, `at ${clock(new Date())}`, last && `last event id ${last}`];
    this.#tell(subscriptions.map(row), parts.filter((part) => part).join(' · '));
  }

  #tell(rows, text) {
    $('subscription-list').replaceChildren(...rows);
    $('subscriptions-bar').textContent = text;
  }
}

function refusal(response, text) {
  const { status } = response;
  if (status === 404) return '404: the hub lists none (FANFARE_SUBSCRIPTIONS is off)';
  const { code, message } = reason(response, text);
  const [said, whatToDo] = [`${status}${message && `: ${message}`}`, advice(status, code, 'subscribe')];
  return whatToDo ? `${said}. ${whatToDo}` : said;
}

/** One subscription: 0.x says `topic`, 1.0 `match` and `match_type`. */
function row({ topic, match, match_type: type, subscriber, payload }) {
  const made = element('li');
  const meta = element('div', 'meta');
  meta.append(
    element('span', 'topic', topic ?? match),
    element('span', 'type', type),
    element('span', 'id', subscriber),
  );
  made.append(meta);
  if (payload !== undefined) {
    const data = element('pre', 'data');
    showJson(data, JSON.stringify(payload));
    made.append(data);
  }
  return made;
}
