// Lists of names, as people write them: topics, selectors, event types.

/** One a line or with commas. Commas inside of a template's braces belong to the template. */
export function namesIn(text) {
  const names = text.split(/\n|,(?![^{}]*\})/).map((name) => name.trim());
  return [...new Set(names.filter((name) => name))];
}

/** The topic of all events that these selectors match, where there can only be one; those of Mercure
    0.x are the same. */
export function onlyTopic(selectors) {
  if (selectors.length === 0) return 'default';
  const [first] = selectors;
  const exact = selectors.length === 1 && first !== '*' && !first.includes('{');
  return exact ? first : '';
}
