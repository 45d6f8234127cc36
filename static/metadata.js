// What the hub says of itself to those who want to send it a token (RFC 9728).

import { HUB } from './hub.js';

const PLACE = '.well-known/oauth-protected-resource/.well-known/mercure';
/** What Mercure 1.0 calls its cookie where no name is set: it is read besides the usual one. */
const OF_1_0 = '__Secure-mercure_access_token';

/** The name that is set for the cookie; empty where none is, or the hub does not say. */
export async function cookieName() {
  try {
    const response = await fetch(new URL(PLACE, HUB));
    const name = response.ok ? (await response.json()).mercure_cookie : '';
    return name === OF_1_0 ? '' : name;
  } catch {
    return '';
  }
}
