// Requests of the operator. The token is kept for this tab alone, in its session storage; it is sent
// in a header, and never stands in a URL.

import { address } from './hub.js';

const KEPT = 'fanfare-operator';
/** How long an answer may take: longer than the hub gives itself. */
const PATIENCE = 8000;

/** An answer that is no success; without a status where there was none. */
export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    Object.assign(this, { status, code });
  }
}

class Operator {
  #token = '';

  constructor() {
    try {
      this.#token = sessionStorage.getItem(KEPT) ?? '';
    } catch {
      // A page may be kept from storing: then the token lasts as long as the page.
    }
  }

  get hasToken() {
    return this.#token !== '';
  }

  set token(text) {
    this.#token = text.replace(/^\s*Bearer\s/i, '').trim();
    try {
      if (this.#token) sessionStorage.setItem(KEPT, this.#token);
      else sessionStorage.removeItem(KEPT);
    } catch {
      // As above.
    }
  }

  /** What is at a path under `admin/`. Rejects with [Refused]. */
  read(path, pairs = []) {
    return this.#ask('GET', path, pairs);
  }

  remove(path) {
    return this.#ask('DELETE', path);
  }

  put(path, what) {
    return this.#ask('PUT', path, [], JSON.stringify(what));
  }

  async #ask(method, path, pairs, body) {
    if (!/^[!-~]*$/.test(this.#token)) throw new Refused(401, 'token_invalid', 'No token has such characters.');
    const headers = this.#token ? { Authorization: `Bearer ${this.#token}` } : {};
    const signal = AbortSignal.timeout(PATIENCE);
    const options = { method, headers, body, signal, cache: 'no-store', credentials: 'omit' };
    let status;
    let answer;
    try {
      const response = await fetch(address(`admin/${path}`, pairs), options);
      status = response.status;
      answer = await response.json();
    } catch {
      throw new Refused(status, '', status ? `The hub answered ${status}.` : 'The hub does not answer.');
    }
    if (answer.success) return answer;
    throw new Refused(status, answer.error?.code, answer.error?.message ?? `The hub answered ${status}.`);
  }
}

export const operator = new Operator();
