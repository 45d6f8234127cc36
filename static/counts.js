// What has happened since the start, by reason; and how long it took.

import { count } from './amounts.js';
import { $, element } from './element.js';
import { span } from './time.js';

const mean = ({ count: times, seconds }) => (times ? span((seconds / times) * 1000) : '–');
const pairs = (reasons) => Object.entries(reasons).map(([name, number]) => [name, count(number)]);

function groups({ streams, events, everywhere, history }) {
  const all = [
    ['Streams', [['opened', count(streams.opened)], ['live', count(streams.live)], ['written to directly', count(streams.direct)],
      ['behind', count(streams.behind)], ['resuming', count(streams.resuming)]]],
    ['Streams that ended', pairs(streams.ended)],
    ['Streams refused', pairs(streams.refused)],
    ['Publishing refused', pairs(events.refused)],
    ['Told of a gap', pairs(events.gaps)],
    ['On average', [['a publisher waits', mean(events.publishing)], ['all are written to in', mean(events.writing)]]],
  ];
  if (history) {
    const { oldest, newest, limits, epoch, place } = history;
    all.push(['History', [['place', place], ['epoch', String(epoch)], ['oldest', oldest?.id ?? '–'], ['newest', newest?.id ?? '–'],
      ['most events', count(limits.events)], ['most bytes', count(limits.bytes)]]]);
  }
  if (everywhere) all.push(['All nodes', [['nodes', count(everywhere.nodes)], ['streams', count(everywhere.streams)]]]);
  return all;
}

export class Counts {
  #shown = '';

  show(stats) {
    const all = groups(stats);
    const text = JSON.stringify(all);
    if (text === this.#shown) return;
    this.#shown = text;
    $('dash-counts').replaceChildren(...all.map(([title, rows]) => {
      const group = element('section', 'group');
      const list = element('dl');
      list.append(...(rows.length ? rows : [['none', '0']]).map(([name, value]) => {
        const row = element('div');
        const shown = element('dd', '', value);
        shown.title = value;
        row.append(element('dt', '', name.replaceAll('_', ' ')), shown);
        return row;
      }));
      group.append(element('h3', '', title), list);
      return group;
    }));
  }
}
