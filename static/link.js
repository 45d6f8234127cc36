// The header `Link` (RFC 8288, 3).

const LINK = /\s*<([^>]*)>((?:\s*;\s*[^\s=;,]+\s*(?:=\s*(?:"(?:[^"\\]|\\.)*"|[^\s",;]*))?)*)\s*(?:,|$)/y;
const PARAMETER = /;\s*([^\s=;,]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",;]*)))?/g;

/** The links of a header as `{ target, rel, ... }`, up to what is none. Of a parameter that is there
    twice the first counts. */
export function links(header) {
  const found = [];
  const link = new RegExp(LINK);
  for (let next = link.exec(header); next; next = link.exec(header)) {
    const parameters = [...next[2].matchAll(PARAMETER)].map(([, name, quoted, plain = '']) => (
      [name.toLowerCase(), quoted?.replaceAll(/\\(.)/g, '$1') ?? plain]
    ));
    found.push({ ...Object.fromEntries(parameters.reverse()), target: next[1] });
  }
  return found;
}

/** Those with a relation. */
export const related = (all, name) => all.filter(({ rel = '' }) => rel.toLowerCase().split(/\s+/).includes(name));
