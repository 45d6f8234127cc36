// Schemas of a description, in words: of what type something is, and what its members are.

import { element } from './element.js';
import { prose } from './prose.js';

/** What a reference leads to; anything else is itself. */
export function resolve(description, it) {
  if (!it?.$ref) return it;
  return it.$ref.slice(2).split('/').reduce((at, key) => at[key], description);
}

/** A type in a few words. */
export function typeOf(description, given) {
  const schema = resolve(description, given) ?? {};
  const of = (one) => typeOf(description, one);
  if (schema.enum) return schema.enum.map((word) => (word === '' ? '(empty)' : String(word))).join(' | ');
  const either = schema.anyOf ?? schema.oneOf;
  if (either) return [...new Set(either.map(of))].join(' or ');
  if (schema.allOf) return 'object';
  const types = [schema.type ?? 'any JSON'].flat();
  return types.map((type) => {
    if (type === 'array') return `list of ${of(schema.items)}`;
    if (type === 'object' && schema.additionalProperties) return `object of ${of(schema.additionalProperties)}`;
    return type === 'string' && schema.format ? schema.format : type;
  }).join(' or ');
}

/** What a value has to keep to, besides its type. */
export function limitsOf(description, given) {
  const schema = resolve(description, given) ?? {};
  const { minimum, maximum, minLength, maxLength, maxItems, items } = schema;
  const said = [];
  if (maximum !== undefined) said.push(`${minimum ?? 0} to ${maximum}`);
  else if (minimum > 0) said.push(`from ${minimum} on`);
  if (maxLength !== undefined) said.push(`${minLength ?? 0} to ${maxLength} characters`);
  else if (minLength > 0) said.push('not empty');
  if (maxItems !== undefined) said.push(`at most ${maxItems}`);
  if (items?.maxLength !== undefined) said.push(`each ${items.minLength ?? 0} to ${items.maxLength} characters`);
  if (schema.default !== undefined) said.push(`default ${schema.default}`);
  return said.join(' · ');
}

/** A list of the members of an object, and of theirs; null where there are none. */
export function membersOf(description, given, above = []) {
  const schema = holder(description, given);
  // One that holds itself has no end.
  if (!schema || above.includes(schema)) return null;
  const rows = pairs(description, schema).map(([name, member, required]) => {
    const row = element('li');
    row.append(entry(name, typeOf(description, member), [required ? '' : 'optional', limitsOf(description, member)]));
    const about = member.description ?? resolve(description, member)?.description;
    if (about) row.append(prose(about, 'hint'));
    const inner = membersOf(description, member, [...above, schema]);
    if (inner) row.append(inner);
    return row;
  });
  if (!rows.length) return null;
  const list = element('ul', 'members');
  list.append(...rows);
  return list;
}

/** A name, its type, and remarks, on a line. */
export function entry(name, type, remarks) {
  const line = element('p', 'entry');
  line.append(element('code', 'name', name), ' ', element('span', 'type', type));
  for (const remark of remarks.filter(Boolean)) line.append(' ', element('span', 'remark', remark));
  return line;
}

/** What has members: the thing itself, or what a list is of. */
function holder(description, given) {
  const schema = resolve(description, given);
  const [first, second] = schema?.oneOf ?? schema?.anyOf ?? [];
  // Something, or null.
  if (second && [first, second].some(({ type }) => type === 'null')) {
    return holder(description, first.type === 'null' ? second : first);
  }
  return schema?.items ? holder(description, schema.items) : schema;
}

/** `[name, schema, required]` of all members. */
function pairs(description, schema) {
  if (schema.allOf) return schema.allOf.flatMap((part) => pairs(description, resolve(description, part)));
  const { properties = {}, required = [] } = schema;
  return Object.entries(properties).map(([name, member]) => [name, member, required.includes(name)]);
}
