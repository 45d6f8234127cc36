// Why the hub refuses, and what to do about it.

import { decode, granted } from './jwt.js';
import { token } from './token.js';

const LIST_ORIGIN = 'The hub takes a cookie only from pages that FANFARE_PUBLISH_ORIGINS lists, such as '
  + `${location.origin}. Or send the token in the header.`;
const WANTS_ACCESS_TOKEN = 'Mercure 1.0 takes access tokens alone ("typ": "at+jwt", authorization_details). '
  + 'With this one, ask by topic.';
const NO_MERCURE = 'The hub speaks Mercure once it has a key (FANFARE_SUBSCRIBER_JWT_KEY), or with '
  + 'FANFARE_ANONYMOUS.';

/** What was said with an answer that is no success: `{ code, message }`. */
export function reason(response, text) {
  try {
    const { code, message } = JSON.parse(text).error;
    return { code, message };
  } catch {
    const challenge = response.headers.get('www-authenticate') ?? '';
    return { code: /error="([^"]*)"/.exec(challenge)?.[1] ?? '', message: text.trim().slice(0, 200) };
  }
}

/** What to do after a 401 or 403; empty for others. `action` is `publish` or `subscribe`. */
export function advice(status, code, action) {
  if (status !== 401 && status !== 403) return '';
  if (token.problem) return token.problem;
  if (code === 'origin_refused') return LIST_ORIGIN;
  if (!token.text) return 'Paste a token under Token.';
  if (hasExpired(status, code)) return 'Paste a new one under Token.';
  const claims = read();
  if (!claims) return 'What is under Token is none.';
  // Mercure 1.0: it takes no other tokens.
  if (code === 'invalid_token' && !claims.authorization_details) return WANTS_ACCESS_TOKEN;
  // Mercure 0.x says no more than 401.
  if (code && !['not_granted', 'insufficient_scope'].includes(code)) return '';
  const cookie = token.way === 'cookie' && action === 'publish' ? ` ${LIST_ORIGIN}` : '';
  return `The token lets you ${action}: ${granted(claims, action).join(', ') || 'nothing'}.${cookie}`;
}

/** Whether it is the token's time that is over. Mercure 0.x does not tell: then the token does. */
export function hasExpired(status, code) {
  return status === 401 && (code === 'token_expired' || token.isExpired);
}

/** The claims of the token, where it is one. */
function read() {
  try {
    return decode(token.text).claims;
  } catch {
    return null;
  }
}

/** Why an answer is no stream, as `{ state, text }`; `null` where it is one. */
export async function whyNoStream(response) {
  const { status } = response;
  if (status === 200) {
    const type = response.headers.get('content-type') ?? 'no type';
    const isStream = /^text\/event-stream *(;|$)/i.test(type);
    return isStream ? null : { state: 'closed', text: `The answer is no event stream: ${type}.` };
  }
  const { code, message } = reason(response, await response.text().catch(() => ''));
  const what = `The hub refused the stream with ${status}${message && `: ${message}`}.`;
  const whatToDo = status === 405 ? NO_MERCURE : advice(status, code, 'subscribe');
  return { state: stateOf(status, code), text: [what, whatToDo].filter((part) => part).join(' ') };
}

function stateOf(status, code) {
  if (hasExpired(status, code)) return 'expired';
  return status === 401 || status === 403 ? 'refused' : 'closed';
}
