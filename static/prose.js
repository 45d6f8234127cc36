// Texts of a description: paragraphs, with code between backticks.

import { element } from './element.js';

export function prose(text, className = '') {
  const whole = element('div', className);
  whole.append(...text.trim().split(/\n{2,}/).map((paragraph) => {
    const made = element('p');
    made.append(...paragraph.split('`').map((part, index) => (index % 2 ? element('code', '', part) : part)));
    return made;
  }));
  return whole;
}
