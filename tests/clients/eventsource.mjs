// npm `eventsource`: the browsers' EventSource for Node. It reconnects and resumes by itself.

import { EventSource } from "eventsource";

const say = (what) => console.log(JSON.stringify(what));

const source = new EventSource(process.argv[2]);
source.onopen = () => say({ what: "open" });
source.onerror = ({ message = "the stream has ended" }) => say({ what: "error", message });
// As in a browser, a type that nobody listens to is not seen.
for (const type of ["message", "note", "gap"]) {
  source.addEventListener(type, ({ lastEventId, data }) =>
    say({ what: "message", id: lastEventId || null, type, data }),
  );
}
