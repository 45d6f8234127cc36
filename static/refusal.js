// Why the hub refuses, and what to do about it.

import { decode, granted } from './jwt.js';
import { token } from './token.js';

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
  if (code === 'origin_refused') {
    return `The hub takes a cookie only from pages that FANFARE_PUBLISH_ORIGINS lists, such as ${
      location.origin}. Or send the token in the header.`;
  }
  if (!token.text) return 'Paste a token under Token.';
  if (hasExpired(status, code)) return 'Paste a new one under Token.';
  const covered = ['not_granted', 'insufficient_scope'].includes(code) || status === 403;
  if (covered) return `The token lets you ${action}: ${grants(action)}.`;
  return 'See under Token what it says, and whether it is one for this hub.';
}

/** Whether it is the token's time that is over. Mercure 0.x does not tell: then the token does. */
export function hasExpired(status, code) {
  return status === 401 && (code === 'token_expired' || token.isExpired);
}

function grants(action) {
  try {
    return granted(decode(token.text).claims, action).join(', ') || 'nothing';
  } catch {
    return 'nothing';
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
  const state = hasExpired(status, code) ? 'expired' : 'refused';
  return { state, text: [what, advice(status, code, 'subscribe')].filter((part) => part).join(' ') };
}
