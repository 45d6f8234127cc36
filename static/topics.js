// What is asked for, and what is published.

import { count, rate } from './amounts.js';
import { $, write } from './element.js';
import { Table } from './table.js';
import { clock } from './time.js';

export function topics({ changed }) {
  const text = (read) => (row, cell) => write(cell, read(row));
  const known = (value, show) => (value === null ? '–' : show(value));
  const columns = [
    { label: 'Name', sort: 'name', first: 'asc', show: text(({ name }) => name) },
    { label: 'Kind', show: text(({ kind }) => kind) },
    { label: 'Subscribers', sort: 'subscribers', number: true, show: text((row) => count(row.subscribers)) },
    { label: 'Rate', sort: 'rate', number: true, show: text((row) => known(row.rate, rate)) },
    { label: 'Events', sort: 'events', number: true, show: text((row) => known(row.events, count)) },
    { label: 'Last', number: true, show: text((row) => known(row.last_time, (time) => clock(new Date(time)))) },
    { label: 'Last id', show: text((row) => row.last_id ?? '–') },
  ];
  return new Table($('dash-topics'), {
    path: 'topics',
    columns,
    key: ({ kind, name }) => `${kind} ${name}`,
    pairs: () => [['contains', $('topic-filter').value], ['kind', $('topic-kind').value]],
    sort: { by: 'rate', order: 'desc' },
    empty: () => ($('topic-filter').value || $('topic-kind').value ? 'No topic like this' : 'Nothing is asked for or published'),
    changed,
  });
}
