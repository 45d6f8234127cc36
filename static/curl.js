// The same request as a command line.

/** A text as one word of a POSIX shell. Inside of single quotes all is literal, but for one. */
function quote(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** `--data-raw`: with `--data`, a body that begins with `@` would name a file. */
export function curl({ url, contentType, body }) {
  const header = `Content-Type: ${contentType}`;
  return `curl ${quote(url)} \\\n  -H ${quote(header)} \\\n  --data-raw ${quote(body)}`;
}
