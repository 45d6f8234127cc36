// Who has a stream, and ending it.

import { age, count } from './amounts.js';
import { $, element, write } from './element.js';
import { ending } from './ending.js';
import { Table } from './table.js';
import { size } from './time.js';

const text = (read) => (row, cell) => write(cell, read(row));

function selectors({ selectors: all, selectors_total: total }) {
  const more = total - all.length;
  return all.join(', ') + (more > 0 ? ` and ${count(more)} more` : '');
}

export function subscribers({ changed }) {
  const end = (row, cell) => {
    let button = cell.querySelector('button');
    if (!button) {
      button = element('button', 'end-stream', 'End');
      button.type = 'button';
      button.addEventListener('click', async () => {
        if (await ending(button.row)) changed();
      });
      cell.append(button);
    }
    button.row = row;
    button.ariaLabel = `End the stream ${row.id}`;
  };
  const since = ({ since: time, seconds }, cell) => {
    write(cell, `${age(seconds)} ago`);
    cell.title = time;
  };
  const columns = [
    { label: 'Id', sort: 'id', first: 'asc', show: (row, cell) => {
      write(cell, row.id.slice(0, 8));
      cell.title = row.id;
    } },
    { label: 'Subject', sort: 'subject', first: 'asc', show: text(({ subject }) => subject ?? '–') },
    { label: 'Address', sort: 'address', first: 'asc', show: text(({ address }) => address) },
    { label: 'Asks for', show: text(selectors) },
    { label: 'State', sort: 'state', show: (row, cell) => {
      write(cell, row.state);
      cell.dataset.state = row.state;
    } },
    { label: 'Opened', sort: 'since', number: true, show: since },
    { label: 'Events', sort: 'events', number: true, show: text(({ events }) => count(events)) },
    { label: 'Bytes', sort: 'bytes', number: true, show: text(({ bytes }) => size(bytes)) },
    { label: 'Queued', sort: 'queued', number: true, show: text((row) => (row.queued_events === 0 ? '0'
      : `${count(row.queued_events)}, ${size(row.queued_bytes)}`)) },
    { label: 'Last id', show: text(({ last_id: id }) => id ?? '–') },
    { label: '', show: end },
  ];
  return new Table($('dash-subscribers'), {
    path: 'subscribers',
    columns,
    key: ({ id }) => id,
    pairs: () => [[$('subscriber-by').value, $('subscriber-filter').value.trim()], ['state', $('subscriber-state').value]],
    sort: { by: 'since', order: 'desc' },
    empty: () => ($('subscriber-filter').value || $('subscriber-state').value ? 'Nobody like this' : 'Nobody listens'),
    changed,
  });
}
