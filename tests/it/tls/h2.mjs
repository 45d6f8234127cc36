// A client of HTTP/2 that shares no code with the hub: nghttp2, in Node.
// Arguments: URL, file of the CA, what to do, and how.
import { readFileSync } from 'node:fs';
import { connect, constants } from 'node:http2';

const [url, ca, what, ...rest] = process.argv.slice(2);
const session = connect(url, ca === '-' ? {} : { ca: readFileSync(ca) });
session.on('error', (error) => console.log(`session error ${error.code}`));
session.on('goaway', () => console.log('goaway'));
session.on('close', () => console.log('session closed'));

// Opens a stream; tells of its head, of each of its blocks, and of its end.
function open(path, headers, told) {
  const request = session.request({ ':path': path, ...headers });
  let text = '';
  request.setEncoding('utf8');
  request.on('response', (head) => told.head?.(head[':status'], head));
  request.on('data', (piece) => {
    text += piece;
    const end = text.lastIndexOf('\n\n');
    if (end >= 0) {
      const blocks = text.slice(0, end).split('\n\n');
      text = text.slice(end + 2);
      for (const block of blocks) told.block?.(block);
    }
  });
  request.on('error', () => {});
  request.on('close', () => told.end?.(request.rstCode, text));
  return request;
}

const isGreeting = (block) => block.startsWith('data: {"id":"');

const tasks = {
  // Streams that all receive the same; ends when each has seen the last event.
  many(count, lastEventId) {
    const headers = lastEventId ? { 'last-event-id': lastEventId } : {};
    let greeted = 0;
    let done = 0;
    const texts = new Map();
    for (let n = 0; n < Number(count); n += 1) {
      let seen = '';
      open('/events', headers, {
        block(block) {
          if (isGreeting(block)) {
            greeted += 1;
            if (greeted === Number(count)) console.log('greeted');
            return;
          }
          seen += `${block.replace(/^:\n/gm, '')}\n\n`;
          if (block.endsWith('data: "last"')) {
            texts.set(seen, (texts.get(seen) ?? 0) + 1);
            done += 1;
            if (done === Number(count)) {
              console.log(JSON.stringify([...texts]));
              session.destroy();
            }
          }
        },
      });
    }
  },
  // One stream is read, and another, of the same connection, is not.
  stalled() {
    const stuck = open('/events', {}, { end: (code) => console.log(`stalled ended ${code}`) });
    stuck.pause();
    let received = 0;
    open('/events', {}, {
      block(block) {
        if (isGreeting(block)) return console.log('greeted');
        received += 1;
        console.log(`healthy ${received}`);
      },
      end: (code) => console.log(`healthy ended ${code}`),
    });
  },
  // Opens streams, and resets the first when told to by the time.
  reset() {
    let greeted = 0;
    const block = (text) => {
      if (!isGreeting(text)) return console.log(text.split('\n').pop());
      greeted += 1;
      if (greeted === 2) first.close(constants.NGHTTP2_CANCEL, () => console.log('reset'));
    };
    const first = open('/events', {}, { block });
    open('/events', {}, { block });
  },
  // Streams until they end.
  until_the_end(count) {
    let greeted = 0;
    const ends = [];
    for (let n = 0; n < Number(count); n += 1) {
      let last = '';
      open('/events', {}, {
        block(block) {
          last = block;
          greeted += isGreeting(block) ? 1 : 0;
          if (greeted === Number(count) && isGreeting(block)) console.log('greeted');
        },
        end(code, rest) {
          ends.push(`${code} ${/^retry: \d+$/m.test(`${last}\n${rest}`)}`);
          if (ends.length === Number(count)) console.log(JSON.stringify([...new Set(ends)]));
        },
      });
    }
  },
  // What each of many streams is answered.
  statuses(count) {
    const statuses = {};
    let answered = 0;
    for (let n = 0; n < Number(count); n += 1) {
      open('/events', {}, {
        head(status) {
          statuses[status] = (statuses[status] ?? 0) + 1;
          answered += 1;
          if (answered === Number(count)) console.log(JSON.stringify(statuses));
        },
      });
    }
  },
  // A connection that asks nothing.
  idle() {
    session.on('connect', () => console.log('connected'));
  },
  // Bodies: of this many bytes each, one after another on one connection.
  async publish(...sizes) {
    for (const size of sizes) {
      const body = JSON.stringify('x'.repeat(Number(size) - 2));
      const headers = { ':method': 'POST', ':path': '/send-event', 'content-type': 'application/json' };
      const request = session.request(headers);
      request.on('error', () => {});
      const status = await new Promise((resolve) => {
        request.on('response', (head) => resolve(head[':status']));
        request.end(body);
      });
      request.resume();
      console.log(`status ${status}`);
    }
    session.destroy();
  },
};

await tasks[what](...rest);
