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
const frames = new Frames();
new Connect({
  began: () => [events, frames].forEach((view) => view.begin()),
  arrived: (text, bytes) => frames.add(text, bytes),
  received: (event) => events.add(event),
  paused: (paused) => [events, frames].forEach((view) => view.pause(paused)),
});
const published = (id, topics) => events.name(id, topics);
new Publish({ published });
new Latency({ published });
tabs(document.querySelector('[role=tablist]'));
