// Puts the panels together. Each knows its own elements; what one has to tell another goes
// through here.

import { Access } from './access.js';
import { Api } from './api.js';
import { Connect } from './connect.js';
import { Dashboard } from './dashboard.js';
import { Discovery } from './discovery.js';
import { $ } from './element.js';
import { Events } from './events.js';
import { Frames } from './frames.js';
import { short } from './hub.js';
import { Latency } from './latency.js';
import { protocol, watchProtocol } from './protocol.js';
import { Publish } from './publish.js';
import { Subscriptions } from './subscriptions.js';
import { tabs } from './tabs.js';

const events = new Events();
const frames = new Frames();
const published = (id, topics) => events.name(id, topics);
const publish = new Publish({ published });
const views = tabs($('view-tabs'));

new Connect({
  began: () => [events, frames].forEach((view) => view.begin()),
  arrived: (text, bytes) => frames.add(text, bytes),
  received: (event) => events.add(event),
  paused: (paused) => [events, frames].forEach((view) => view.pause(paused)),
});
new Latency({ published });
new Access({ changed: () => publish.update() });
new Subscriptions();

const update = () => {
  $('hub-address').textContent = short(protocol().hub);
  publish.update();
};
new Discovery({ found: update });
watchProtocol(() => {
  update();
  views.update();
});

const pages = { dashboard: new Dashboard(), api: new Api() };
tabs($('page-tabs'), (chosen) => {
  Object.entries(pages).forEach(([name, page]) => page.show(name === chosen));
  // So that it can be bookmarked, and is there again after a reload.
  history.replaceState(null, '', chosen in pages ? `#${chosen}` : location.pathname + location.search);
});
const asked = location.hash.slice(1);
if (Object.hasOwn(pages, asked)) $(`tab-${asked}`).click();
