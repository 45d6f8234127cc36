// npm `@microsoft/fetch-event-source`: resumes by itself, and reconnects when `onclose` throws.
// Its arguments: the URL, and a token if need be.

import { fetchEventSource } from "@microsoft/fetch-event-source";

const say = (what) => console.log(JSON.stringify(what));

// It is made for browsers, and uses these of their globals.
globalThis.window = globalThis;
globalThis.document = { removeEventListener() {} };

const [url, token] = process.argv.slice(2);

await fetchEventSource(url, {
  headers: token ? { Authorization: `Bearer ${token}` } : {},
  // Otherwise it listens for the tab to be hidden, and there is no tab.
  openWhenHidden: true,
  async onopen({ status }) {
    if (status !== 200) throw new Error(`status ${status}`);
    say({ what: "open" });
  },
  onmessage: ({ id, event, data }) =>
    say({ what: "message", id: id || null, type: event || "message", data }),
  onclose() {
    throw new Error("the stream has ended");
  },
  onerror: ({ message }) => say({ what: "error", message }),
});
