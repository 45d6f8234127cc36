// The Mercure protocol, 0.x and 1.0, as the hub has it at `/.well-known/mercure`.

import { HUB, address } from './hub.js';
import { onlyTopic } from './names.js';

const FORM = 'application/x-www-form-urlencoded';

export const MERCURE = {
  /** It may be found elsewhere on this origin (`discovery`). */
  hub: new URL('.well-known/mercure', HUB),
  tickets: false,

  /** The address of a stream; `by` is the parameter that topics go in: `topic` is 0.x's, the others
      are 1.0's. */
  stream({ topics, by, lastEventId }) {
    const cursor = by === 'topic' ? 'lastEventID' : 'last_event_id';
    return address('', [...topics.map((topic) => [by, topic]), [cursor, lastEventId]], this.hub);
  },

  /** The request that publishes an event: everything is a field of the form. */
  event({ topics = [], type, id, retry, isPrivate, body }) {
    const all = [...topics.map((topic) => ['topic', topic]), ['type', type], ['id', id],
      ['retry', retry], ['private', isPrivate && 'on']];
    const fields = [...all.filter(([, value]) => value), ['data', body]];
    return { url: this.hub.href, contentType: FORM, body: String(new URLSearchParams(fields)), fields };
  },

  idIn: (answer) => answer,

  onlyTopic({ topics, by }) {
    const exact = topics.length === 1 && topics[0] !== '*';
    if (by === 'topic') return topics.length > 0 ? onlyTopic(topics) : '';
    return by === 'match' && exact ? topics[0] : '';
  },

  noTopics: '',

  /** The address of the list of active subscriptions. */
  subscriptions() {
    return `${this.hub.href}/subscriptions`;
  },
};
