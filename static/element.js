// Elements. All text goes in as text: what events carry is never read as HTML.

export const $ = (id) => document.getElementById(id);

/** Leaves an element alone that says it already: a live region would say it again. */
export function write(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

export function element(tag, className = '', text = '') {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}
