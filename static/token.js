// The token, and how it is sent. It is kept for this tab alone, in its session storage, and goes to
// this hub alone: the page's policy (`connect-src 'self'`) lets it go nowhere else.

import { HUB, address } from './hub.js';
import { decode, secondsLeft } from './jwt.js';

const KEPT = 'fanfare-token';
/** The cookie, where the hub is not told another name. */
export const USUAL_COOKIE = 'mercureAuthorization';

class Token {
  text = '';
  /** `header`, `cookie` or `ticket`. */
  way = 'header';
  /** The name of the cookie. */
  cookie = USUAL_COOKIE;

  constructor() {
    Object.assign(this, recall());
    this.#setCookie();
    // The cookie is of all tabs. It goes with this one, and comes back with it.
    addEventListener('pagehide', () => this.#dropCookie());
    addEventListener('pageshow', () => this.#setCookie());
  }

  /** Takes what was typed. */
  set({ text = this.text, way = this.way, cookie = this.cookie }) {
    this.#dropCookie();
    Object.assign(this, { text: text.replace(/^\s*Bearer\s/i, '').replaceAll(/\s/g, ''), way, cookie });
    keep(this.text && JSON.stringify({ text: this.text, way, cookie }));
    this.#setCookie();
  }

  /** What keeps it from being sent; empty where nothing does. */
  get problem() {
    if (!/^[!-:<-~]*$/.test(this.text)) return 'No token has such characters: it is not sent.';
    if (!this.#usesCookie) return '';
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(this.cookie)) return 'No cookie can have this name.';
    return document.cookie.split('; ').includes(this.#pair) ? ''
      : 'The browser does not take this cookie: over 4096 characters it takes none, and a name that '
        + 'begins with __Secure- or __Host- needs https.';
  }

  /** The headers of a request. It comes before each: then the cookie is set once more, which may have
      gone with another tab. */
  headers() {
    this.#setCookie();
    const sent = this.text && this.way !== 'cookie' && !this.problem;
    return sent ? { Authorization: `Bearer ${this.text}` } : {};
  }

  /** Whether its time is over, as far as it says so itself. */
  get isExpired() {
    try {
      const left = secondsLeft(decode(this.text).claims);
      return left !== null && left <= 0;
    } catch {
      return false;
    }
  }

  /** Buys a ticket. Answers `{ ticket }`, or the `refused` response. */
  async buyTicket(signal) {
    const request = { method: 'POST', headers: this.headers(), signal };
    const response = await fetch(address('ticket'), request);
    if (response.ok) return { ticket: (await response.json()).ticket };
    // Where anyone may subscribe there is none to be had, and none needed.
    return response.status === 404 ? {} : { refused: response };
  }

  get #usesCookie() {
    return this.way === 'cookie' && this.text !== '';
  }

  get #pair() {
    return `${this.cookie}=${this.text}`;
  }

  /** One that can't be set is a problem that is told. */
  #setCookie() {
    const plain = !/[;\s]/.test(this.#pair);
    if (this.#usesCookie && plain) document.cookie = `${this.#pair}; ${this.#place}`;
  }

  #dropCookie() {
    if (this.#usesCookie) document.cookie = `${this.cookie}=; Max-Age=0; ${this.#place}`;
  }

  get #place() {
    // A name with `__Host-` wants the root.
    const path = this.cookie.startsWith('__Host-') ? '/' : HUB.pathname;
    return `Path=${path}; SameSite=Strict${location.protocol === 'https:' ? '; Secure' : ''}`;
  }
}

/** A browser that may keep nothing has no storage: then the token goes with the page. */
function recall() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT));
  } catch {
    return null;
  }
}

function keep(text) {
  try {
    if (text) sessionStorage.setItem(KEPT, text);
    else sessionStorage.removeItem(KEPT);
  } catch {
    // See above.
  }
}

/** The one of this tab. */
export const token = new Token();
