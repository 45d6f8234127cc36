// The hub's own interface: `GET /events`, `POST /send-event`.

import { HUB, address } from './hub.js';
import { onlyTopic } from './names.js';

const named = (topics) => topics.map((topic) => ['topic', topic]);

export const FANFARE = {
  hub: HUB,
  /** Whether its streams open with tickets. */
  tickets: true,

  /** The address of a stream. The id goes in the query: an EventSource can't set headers, and a
      header can't have all characters of an id. */
  stream: ({ topics, lastEventId }) => address('events', [...named(topics), ['lastEventID', lastEventId]]),

  /** The request that publishes an event: its metadata is in the query, the body is its data. */
  event({ topics = [], type, id, retry, isPrivate, contentType, body }) {
    const pairs = [...named(topics), ['type', type], ['id', id], ['retry', retry]];
    return { url: address('send-event', [...pairs, ['private', isPrivate && '1']]), contentType, body };
  },

  /** The id in the answer to that. */
  idIn: (answer) => JSON.parse(answer).id,

  /** The topic of all that a stream brings, where there can only be one. */
  onlyTopic: ({ topics }) => onlyTopic(topics),

  /** The topics of an event that was published without one. */
  noTopics: 'default',
};
