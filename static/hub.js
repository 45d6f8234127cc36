// Where the hub is, and the requests that this page makes to it.

// The page is `<hub>/` and `<hub>/static/index.html`, and a proxy may put the hub under a path.
const here = location.origin + location.pathname;
export const HUB = new URL(here.endsWith('/static/index.html') ? '../' : './', here);

/** The address of a path of the hub; pairs without a value are left out. */
function address(path, pairs) {
  const url = new URL(path, HUB);
  url.search = new URLSearchParams(pairs.filter(([, value]) => value));
  return url.href;
}

const named = (topics) => topics.map((topic) => ['topic', topic]);

/** The address of a stream. The id goes in the query: an EventSource can't set headers, and a header
    can't have all characters of an id. */
export function streamAddress(topics, lastEventId) {
  return address('events', [...named(topics), ['lastEventID', lastEventId]]);
}

/** The request that publishes an event: its metadata is in the query, the body is its data. */
export function publishRequest({ topics = [], type, id, retry, contentType, body }) {
  const pairs = [...named(topics), ['type', type], ['id', id], ['retry', retry]];
  return { url: address('send-event', pairs), contentType, body };
}

/** Sends such a request. Rejects when there is no answer. */
export async function send({ url, contentType, body }) {
  const headers = { 'Content-Type': contentType };
  const response = await fetch(url, { method: 'POST', headers, body });
  return { ok: response.ok, status: response.status, text: await response.text() };
}

/** Asks for a stream. Rejects when there is no answer. */
export function openStream(topics, lastEventId, signal) {
  const headers = { Accept: 'text/event-stream' };
  return fetch(streamAddress(topics, lastEventId), { headers, signal, cache: 'no-store' });
}

/** Why the answer to that is no stream; empty where it is one. */
export async function whyRefused(response) {
  const type = response.headers.get('content-type') ?? 'no type';
  if (response.status !== 200) {
    const reason = await response.json().then((answer) => answer.error.message, () => '');
    return `The hub refused the stream with ${response.status}${reason && `: ${reason}`}.`;
  }
  return /^text\/event-stream *(;|$)/i.test(type) ? '' : `The answer is no event stream: ${type}.`;
}
