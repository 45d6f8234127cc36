// Which of its two interfaces the hub is spoken to by.

import { FANFARE } from './own.js';
import { MERCURE } from './mercure.js';

const PROTOCOLS = { fanfare: FANFARE, mercure: MERCURE };
const choices = () => [...document.getElementsByName('protocol')];

/** The one that is chosen. */
export const protocol = () => PROTOCOLS[choices().find((choice) => choice.checked).value];

/** Shows what belongs to the one that is chosen, now and whenever another is; then `changed()`. */
export function watchProtocol(changed) {
  const show = () => {
    document.querySelectorAll('[data-for]').forEach((part) => {
      part.hidden = PROTOCOLS[part.dataset.for] !== protocol();
    });
    changed();
  };
  choices().forEach((choice) => choice.addEventListener('change', show));
  choices()[0].checked = true;
  show();
}
