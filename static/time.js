// Times and sizes, for people.

const two = (number) => String(number).padStart(2, '0');

/** `14:03:09` */
export function clock(date) {
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
}

/** `14:03:09.042` */
export function preciseClock(date) {
  return `${clock(date)}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

/** `0.8 ms`, `12 ms`, `1.5 s` */
export function span(ms) {
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`;
  return `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
}

/** `84 B`, `1.2 KiB` */
export function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  const kib = bytes / 1024;
  return kib < 1024 ? `${kib.toFixed(1)} KiB` : `${(kib / 1024).toFixed(1)} MiB`;
}
