// JSON, laid out for reading. It works on the text and not on the parsed value, which would change
// large numbers and lose repeated keys.

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;
/** What fits on one line stays on one. */
const LINE = 76;

/** The first thing that is wrong with a text as JSON; empty where nothing is. */
export function jsonError(text) {
  try {
    JSON.parse(text);
    return '';
  } catch (error) {
    return error.message;
  }
}

/** Pieces of `{ kind, text }` that make up the whole; `null` where the text is not JSON. */
export function pretty(text) {
  if (jsonError(text)) return null;
  const tokens = text.match(TOKEN);
  const widths = widthsOf(tokens);
  // For each bracket that is open: whether all in it stands on one line.
  const flat = [];
  const newLine = () => (flat.at(-1) ? '' : newLineAt(flat.length));
  return tokens.map((token, index) => {
    const next = tokens[index + 1];
    if (isOpening(token)) {
      flat.push(flat.at(-1) || isClosing(next) || 2 * flat.length + widths[index] <= LINE);
      return { kind: '', text: token + newLine() };
    }
    if (isClosing(token)) {
      const wasFlat = flat.pop();
      return { kind: '', text: (wasFlat ? '' : newLineAt(flat.length)) + token };
    }
    if (token === ',') return { kind: '', text: `,${newLine() || ' '}` };
    if (token === ':') return { kind: '', text: ': ' };
    if (token.startsWith('"')) return { kind: next === ':' ? 'key' : 'string', text: token };
    return { kind: 'literal', text: token };
  });
}

const newLineAt = (depth) => `\n${'  '.repeat(depth)}`;
const isOpening = (token) => token === '{' || token === '[';
const isClosing = (token) => token === '}' || token === ']';

/** For each opening bracket, how long it is on one line, up to and with its closing one. */
function widthsOf(tokens) {
  const widths = [];
  const open = [];
  let length = 0;
  tokens.forEach((token, index) => {
    if (isOpening(token)) open.push({ index, from: length });
    length += token.length + (token === ',' || token === ':' ? 1 : 0);
    if (isClosing(token)) {
      const { index: opening, from } = open.pop();
      widths[opening] = length - from;
    }
  });
  return widths;
}

/** Fills an element with a text, laid out where it is JSON. */
export function showJson(target, text) {
  const pieces = pretty(text);
  if (!pieces) {
    target.textContent = text;
    return;
  }
  target.replaceChildren(...pieces.map(({ kind, text: part }) => {
    if (!kind) return part;
    const marked = document.createElement('span');
    marked.className = kind;
    marked.textContent = part;
    return marked;
  }));
}
