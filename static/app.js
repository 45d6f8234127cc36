// Puts the panels together. Each knows its own elements; what one has to tell another goes
// through here.

import { Connect } from './connect.js';
import { $ } from './element.js';
import { Events } from './events.js';
import { Frames } from './frames.js';
import { HUB } from './hub.js';
import { Latency } from './latency.js';
import { Publish } from './publish.js';
import { tabs } from './tabs.js';

$('hub-address').textContent = HUB.host + HUB.pathname.replace(/\/$/, '');

const events = new Events();
const connect = new Connect({
  began: () => events.begin(),
  received: (event) => events.add(event),
  paused: (paused) => events.pause(paused),
});
const published = (id, topics) => events.name(id, topics);
new Publish({ publishing: (type) => connect.listen(type), published });
new Frames({
  asked: () => ({ selectors: connect.selectors, lastEventId: connect.lastEventId }),
  typeSeen: (type) => connect.listen(type),
});
new Latency({ published });
tabs(document.querySelector('[role=tablist]'));
