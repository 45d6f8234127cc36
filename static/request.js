// Requests to the hub, with the token.

import { token } from './token.js';

/** Publishes. Rejects when there is no answer. */
export async function send({ url, contentType, body }) {
  const headers = { 'Content-Type': contentType, ...token.headers() };
  const response = await fetch(url, { method: 'POST', headers, body });
  return { response, text: await response.text() };
}

/** Asks for a stream, whose address takes a ticket or not. Rejects when there is no answer. */
export async function openStream(address, tickets, signal) {
  const headers = { Accept: 'text/event-stream' };
  const options = { headers, signal, cache: 'no-store' };
  if (token.way !== 'ticket' || !tickets || !token.text) {
    return fetch(address, { ...options, headers: { ...headers, ...token.headers() } });
  }
  const { ticket, refused } = await token.buyTicket(signal);
  return refused ?? fetch(withTicket(address, ticket), options);
}

/** The address of a stream for an EventSource, which can't send a header. */
export async function streamAddressWithTicket(address) {
  const needsTicket = Object.keys(token.headers()).length > 0;
  if (!needsTicket) return address;
  const { ticket, refused } = await token.buyTicket();
  if (refused) throw new Error(`the hub answered ${refused.status}: ${await refused.text()}`);
  return withTicket(address, ticket);
}

function withTicket(address, ticket) {
  const url = new URL(address);
  if (ticket) url.searchParams.set('ticket', ticket);
  return url.href;
}

/** Asks for a document. Rejects when there is no answer. */
export async function read(url) {
  const response = await fetch(url, { headers: token.headers(), cache: 'no-store' });
  return { response, text: await response.text() };
}
