// The question before a stream is ended.

import { $, write } from './element.js';
import { operator } from './operator.js';

/** Asks, and ends it. Answers whether it has ended. */
export function ending({ id, subject, address }) {
  const dialog = $('ending');
  write($('ending-whom'), `${id}, ${subject ? `of ${subject}, ` : ''}at ${address}`);
  write($('ending-problem'), '');
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise((resolve) => {
    const confirm = async (event) => {
      event.preventDefault();
      try {
        await operator.remove(`subscribers/${id}`);
        dialog.close('ended');
      } catch ({ message }) {
        write($('ending-problem'), message);
      }
    };
    $('ending-yes').onclick = confirm;
    $('ending-no').onclick = () => dialog.close('');
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'ended'), { once: true });
  });
}
