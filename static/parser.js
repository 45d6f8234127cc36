// The wire format, read as WHATWG HTML 9.2.6 has it: every event, whatever its type.

const LINE_END = /\r\n|\n|\r(?!$)/;

export class Parser {
  /** Where to resume. */
  lastEventId;
  /** The reconnection time that was sent last, in ms. */
  retry = null;
  #rest = '';
  #block = emptyBlock();

  constructor(lastEventId = '') {
    this.lastEventId = lastEventId;
  }

  /** A new connection: what was unfinished is forgotten. */
  begin() {
    this.#rest = '';
    this.#block = emptyBlock();
  }

  /** Takes the next piece, and returns the events that it completes, as `{ type, data, id }`; the
      id is `null` where an event has none of its own. */
  push(text) {
    const lines = (this.#rest + text).split(LINE_END);
    // Also a CR: the LF that belongs to it may come next.
    this.#rest = lines.pop();
    return lines.map((line) => this.#read(line)).filter((event) => event);
  }

  #read(line) {
    if (!line) return this.#end();
    const [, name, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line);
    if (name === 'event') this.#block.type = value;
    if (name === 'data') this.#block.data.push(value);
    if (name === 'id' && !value.includes('\0')) this.#block.id = value;
    if (name === 'retry' && /^\d+$/.test(value)) this.retry = Number(value);
    return null;
  }

  #end() {
    const { type, data, id } = this.#block;
    this.#block = emptyBlock();
    this.lastEventId = id ?? this.lastEventId;
    return data.length > 0 ? { type: type || 'message', data: data.join('\n'), id } : null;
  }
}

function emptyBlock() {
  return { type: '', data: [], id: null };
}
