// The part of Connect that takes the token, and shows what it says.

import { $, write } from './element.js';
import { decode, granted, secondsLeft } from './jwt.js';
import { showJson } from './json.js';
import { cookieName } from './metadata.js';
import { USUAL_COOKIE, token } from './token.js';

const WAYS = {
  header: 'As Authorization: Bearer, with each request of this page.',
  cookie: 'As a cookie, which the browser sends with every request to this origin, from any tab, and '
    + 'from no other site’s page (SameSite=Strict). It goes when you leave this page.',
  ticket: 'As a ticket, which is bought with it (POST /ticket) for each stream, as pages with an '
    + 'EventSource do. What is published, and Mercure, takes the header.',
};

export class Access {
  #changed;

  /** `changed()` is called when the token or its way is another. */
  constructor({ changed }) {
    this.#changed = changed;
    $('token').value = token.text;
    $('cookie').value = token.cookie;
    ways().forEach((choice) => {
      choice.checked = choice.value === token.way;
      choice.addEventListener('change', () => this.#set({ way: choice.value }));
    });
    ['input', 'change'].forEach((event) => {
      $('token').addEventListener(event, () => this.#set({ text: $('token').value }));
    });
    $('cookie').addEventListener('change', () => this.#set({ cookie: $('cookie').value.trim() }));
    $('show-token').addEventListener('click', () => {
      const hidden = $('token').type === 'password';
      $('token').type = hidden ? 'text' : 'password';
      $('show-token').textContent = hidden ? 'Hide' : 'Show';
      $('show-token').ariaPressed = hidden;
    });
    setInterval(() => this.#drawTime(), 1000);
    this.#draw();
    this.#nameCookie();
  }

  #set(part) {
    token.set(part);
    this.#draw();
    this.#changed();
    if (part.way) this.#nameCookie();
  }

  /** Where a cookie is wanted, it has the name that the hub says, unless it was given another here. */
  async #nameCookie() {
    if (token.way !== 'cookie' || token.cookie !== USUAL_COOKIE) return;
    const name = await cookieName();
    if (!name || token.cookie !== USUAL_COOKIE) return;
    $('cookie').value = name;
    this.#set({ cookie: name });
  }

  #draw() {
    $('way-hint').textContent = WAYS[token.way];
    $('cookie-name').hidden = token.way !== 'cookie';
    const said = read();
    $('token-problem').textContent = said.problem;
    $('token').ariaInvalid = Boolean(said.problem);
    $('claims').hidden = !said.claims;
    if (said.claims) {
      $('may-publish').textContent = topics(said.claims, 'publish');
      $('may-subscribe').textContent = topics(said.claims, 'subscribe');
      showJson($('payload'), said.text);
    }
    this.#drawTime();
  }

  /** The countdown. Only what is another text is written. */
  #drawTime() {
    const { claims } = read();
    const time = claims ? expiry(claims) : '';
    const summary = token.text ? [token.way, claims ? time : 'no JWT'].join(' · ') : 'none';
    write($('expiry'), time);
    write($('token-state'), summary);
    $('token-state').classList.toggle('over', token.isExpired);
  }
}

const ways = () => [...document.getElementsByName('way')];

/** What can be read of it: `{ claims, text, problem }`. */
function read() {
  if (!token.text) return { claims: null, problem: '' };
  try {
    return { ...decode(token.text), problem: token.problem };
  } catch (error) {
    return { claims: null, problem: token.problem || `Not a JWT: ${error.message}.` };
  }
}

const topics = (claims, action) => granted(claims, action).join(', ') || 'nothing';

/** `expires in 4 min 9 s`, `expired 10 s ago`, `never expires` */
function expiry(claims) {
  const left = secondsLeft(claims);
  if (left === null) return 'never expires';
  return left > 0 ? `expires in ${long(left)}` : `expired ${long(-left)} ago`;
}

/** The two largest units of a time in seconds. */
function long(seconds) {
  const units = [['d', 86400], ['h', 3600], ['min', 60], ['s', 1]];
  const first = units.findIndex(([, length]) => seconds >= length);
  let rest = Math.floor(seconds);
  return units.slice(first).slice(0, 2).map(([unit, length]) => {
    const count = Math.floor(rest / length);
    rest -= count * length;
    return `${count} ${unit}`;
  }).join(' ') || '0 s';
}
