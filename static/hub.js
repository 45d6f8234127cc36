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

/** The address of a stream. An EventSource can't set headers: the id goes in the query. */
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

/** Why a stream was refused. An EventSource does not tell, so the same is asked once more. */
export async function whyRefused(url) {
  const abort = new AbortController();
  try {
    const response = await fetch(url, { signal: abort.signal, cache: 'no-store' });
    if (response.ok) return 'The hub refused the stream, but would accept it now: connect again.';
    const reason = await response.json().then((answer) => answer.error.message, () => '');
    return `The hub refused the stream with ${response.status}${reason && `: ${reason}`}.`;
  } catch {
    return 'The hub can’t be reached.';
  } finally {
    abort.abort();
  }
}
