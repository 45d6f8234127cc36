// What a token says, read here and sent nowhere. Whether it is true only the hub can tell: it has
// the keys.

const DETAIL = 'https://mercure.rocks/authorization-detail';

/** `{ claims, text }`, the text being that of the claims; throws what is wrong with what is no JWT. */
export function decode(token) {
  const parts = token.split('.');
  if (parts.length !== 3) throw new Error(`it has three parts with dots between them, this has ${parts.length}`);
  object(parts[0], 'first');
  return object(parts[1], 'second');
}

function object(part, which) {
  try {
    const binary = atob(part.replaceAll('-', '+').replaceAll('_', '/'));
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    const claims = JSON.parse(text);
    if (claims && typeof claims === 'object' && !Array.isArray(claims)) return { claims, text };
  } catch {
    // Said below.
  }
  throw new Error(`its ${which} part is no JSON object in Base64`);
}

/** The topics that an action is granted for, `publish` or `subscribe`, as texts. */
export function granted(claims, action) {
  const claim = claims['https://mercure.rocks/'] ?? claims.mercure;
  const own = list(claim?.[action]).filter((topic) => typeof topic === 'string');
  const details = list(claims.authorization_details)
    .filter((detail) => detail?.type === DETAIL && list(detail.actions).includes(action));
  return [...own, ...details.flatMap(({ topics }) => list(topics).map((topic) => topic?.match ?? ''))];
}

const list = (value) => (Array.isArray(value) ? value : []);

/** How long it is good for, in seconds: negative when it has expired, `null` where it never does. */
export function secondsLeft(claims) {
  return typeof claims.exp === 'number' ? claims.exp - Date.now() / 1000 : null;
}
