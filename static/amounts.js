// Amounts, for people.

import { size } from './time.js';

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const few = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

/** `12,345` */
export const count = (number) => whole.format(number);

/** `0.4/s`, `1,250/s` */
export const rate = (number) => `${(number < 10 ? few : whole).format(number)}/s`;

/** `1.2 KiB/s` */
export const flow = (bytes) => `${size(Math.round(bytes))}/s`;

/** `42 s`, `12 min`, `3 h 5 min`, `2 d 4 h` */
export function age(seconds) {
  const [minutes, hours, days] = [60, 3600, 86400].map((unit) => Math.floor(seconds / unit));
  if (days > 0) return `${days} d ${hours % 24} h`;
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min` : `${Math.floor(seconds)} s`;
}
