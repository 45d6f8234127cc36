// The same request as a command line.

/** A text as one word of a POSIX shell. Inside of single quotes all is literal, but for one. */
export function quote(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** With a token, it is the shell's variable TOKEN: a line is pasted and kept where no token should be.
    `--data-raw`: with `--data`, a body that begins with `@` would name a file. */
export function curl({ url, contentType, body, fields }, withToken) {
  const data = fields?.map(([name, value]) => `--data-urlencode ${quote(`${name}=${value}`)}`)
    ?? [`-H ${quote(`Content-Type: ${contentType}`)}`, `--data-raw ${quote(body)}`];
  const token = withToken ? ['-H "Authorization: Bearer $TOKEN"'] : [];
  return [`curl ${quote(url)}`, ...token, ...data].join(' \\\n  ');
}
