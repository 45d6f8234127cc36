// A small client: an EventSource that comes back after every error, buys a ticket for each
// connection, and is one for all tabs. docs/client.md tells how to use it.

/** The first wait after an error, and the longest, in ms. */
const [FIRST, LONGEST] = [500, 30000];
/** So many ids tell what has been here before, when another tab takes over. */
const REMEMBERED = 500;
/** A stream's own events; none that are published as these get through. */
const OWN = ['state', 'greeting', 'open', 'error'];

export function subscribe(
  url,
  { topics = [], lastEventId = '', ticket, share, withCredentials = false } = {},
) {
  const stream = Object.assign(new EventTarget(), {
    /** `connecting`, `open` or `closed`. */
    state: 'connecting',
    lastEventId,
    addEventListener(type, ...rest) {
      EventTarget.prototype.addEventListener.call(stream, type, ...rest);
      want(type);
      tell({ types: [type] });
    },
    close,
  });
  const address = new URL(url, location);
  [topics].flat().forEach((topic) => address.searchParams.append('topic', topic));

  const types = new Set(['message', 'gap']);
  let source, attempt, timer;
  let tries = 0;
  // Of the connection: its last id, and whether it has just been opened.
  let last, fresh;

  const set = (state) => {
    if (stream.state === state) return;
    stream.state = state;
    if (release) tell({ state });
    stream.dispatchEvent(new MessageEvent('state', { data: state }));
  };

  /** An EventSource tells only of types that it was asked for. */
  const want = (type) => {
    if (types.has(type) || OWN.includes(type)) return;
    types.add(type);
    source?.addEventListener(type, receive);
  };

  const again = () => {
    source?.close();
    set('connecting');
    const wait = Math.min(LONGEST, FIRST * 2 ** tries++);
    // Not all clients at once.
    timer = setTimeout(connect, wait * (0.5 + Math.random() / 2));
  };

  const connect = async () => {
    const mine = attempt = {};
    const bought = await Promise.resolve().then(ticket).catch(() => false);
    if (attempt !== mine) return;
    // No ticket is like no hub.
    if (bought === false) return again();
    const target = new URL(address);
    if (stream.lastEventId) target.searchParams.set('lastEventID', stream.lastEventId);
    if (bought) target.searchParams.set('ticket', bought);
    source = new EventSource(target, { withCredentials });
    last = '';
    source.onopen = () => {
      fresh = true;
      set('open');
    };
    source.onerror = () => {
      // Open: an event was published under this name.
      if (source.readyState === EventSource.OPEN) return;
      // By itself it would come back with the same ticket.
      if (source.readyState === EventSource.CLOSED || ticket) again();
      else set('connecting');
    };
    types.forEach((type) => source.addEventListener(type, receive));
  };

  const receive = ({ type, data, lastEventId }) => {
    tries = 0;
    // The hub's own events have no id. The first of a connection is its greeting.
    const id = lastEventId === last ? '' : lastEventId;
    if (fresh && !id && type === 'message') type = 'greeting';
    fresh = false;
    last = lastEventId;
    const event = { type, data, id };
    tell({ event });
    take(event, me);
  };

  const seen = new Map();
  const take = ({ type, data, id }, from) => {
    if (id) {
      // A tab that takes over begins where itself was; others may have heard more.
      if ((seen.get(id) ?? from) !== from) return;
      seen.set(id, from);
      if (seen.size > REMEMBERED) seen.delete(seen.keys().next().value);
      stream.lastEventId = id;
    }
    stream.dispatchEvent(new MessageEvent(type, { data, lastEventId: stream.lastEventId }));
  };

  // Between tabs. Whose turn it is has the connection, and `release`.
  const me = Math.random();
  const turn = new AbortController();
  let channel, release;
  const tell = (what) => channel?.postMessage({ from: me, ...what });
  const hear = ({ data: { from, join, types: others, state, last, event } }) => {
    others?.forEach(want);
    if (state && !release) set(state);
    stream.lastEventId ||= last ?? '';
    if (event) take(event, from);
    if (!join) return;
    tell({ types: [...types], ...(release && { state: stream.state, last: stream.lastEventId }) });
  };

  function close() {
    attempt = null;
    clearTimeout(timer);
    source?.close();
    turn.abort();
    channel?.close();
    channel = null;
    set('closed');
    release?.();
  }

  // Without HTTPS only this machine has locks; elsewhere each tab has a stream.
  if (share && navigator.locks) {
    const name = `fanfare ${share} ${address}`;
    channel = new BroadcastChannel(name);
    channel.onmessage = hear;
    tell({ join: true });
    const lead = () => turn.signal.aborted || new Promise((done) => {
      release = done;
      set('connecting');
      connect();
    });
    // It fails where the stream is closed before its turn.
    navigator.locks.request(name, { signal: turn.signal }, lead).catch(() => {});
  } else connect();
  return stream;
}
