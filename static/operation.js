// One thing that can be done: what it takes, and what it answers.

import { copy } from './copy.js';
import { quote } from './curl.js';
import { element } from './element.js';
import { address } from './hub.js';
import { showJson } from './json.js';
import { prose } from './prose.js';
import { entry, limitsOf, membersOf, resolve, typeOf } from './schema.js';

/** Fills an element with it. */
export function showOperation(target, description, { path, method, operation }) {
  const parts = [];
  if (operation.description) parts.push(prose(operation.description));
  parts.push(...section('Who may', who(description, operation)));
  const line = commandLine(path, method, operation);
  parts.push(...section('With curl', [code(line), copyButton(line)]));
  parts.push(...section('Parameters', (operation.parameters ?? []).map((one) => parameter(description, one))));
  if (operation.requestBody) parts.push(...section('Body', body(description, operation.requestBody)));
  const answers = Object.entries(operation.responses);
  parts.push(...section('Answers', answers.map(([status, answer]) => response(description, status, answer))));
  target.replaceChildren(...parts);
}

function section(title, parts) {
  if (!parts.length) return [];
  const whole = element('section');
  whole.append(element('h4', '', title), ...parts);
  return [whole];
}

function code(text) {
  const made = element('pre', '', text);
  made.tabIndex = 0;
  return made;
}

function copyButton(text) {
  const button = element('button', 'small', 'Copy');
  button.type = 'button';
  button.addEventListener('click', () => copy(text, button));
  return button;
}

function who(description, { security }) {
  if (!security) return [element('p', 'hint', 'Anyone.')];
  const schemes = description.components.securitySchemes;
  const list = element('ul', 'members');
  list.append(...security.map((one) => {
    const row = element('li');
    const [name] = Object.keys(one);
    if (!name) row.append(element('p', 'hint', 'Anyone, where the hub has no keys or lets anyone in.'));
    else row.append(entry(name, placeOf(schemes[name]), []), prose(schemes[name].description, 'hint'));
    return row;
  }));
  return [list];
}

const placeOf = ({ scheme, in: place, name }) => (scheme ? 'Authorization: Bearer' : `${place}: ${name}`);

function parameter(description, { name, in: place, required, schema, description: about, example }) {
  const row = element('div', 'parameter');
  const given = example === undefined ? '' : `such as ${[example].flat().join(', ')}`;
  const remarks = [place, required ? 'required' : '', limitsOf(description, schema), given];
  row.append(entry(name, typeOf(description, schema), remarks), prose(about ?? '', 'hint'));
  return row;
}

function body(description, { description: about, content }) {
  return [...(about ? [prose(about, 'hint')] : []), ...Object.entries(content).map(([type, what]) => (
    representation(description, type, what)
  ))];
}

function response(description, status, answer) {
  const row = element('details', 'answer-of');
  const summary = element('summary');
  const about = element('span', 'about');
  about.append(...prose(answer.description).firstElementChild.childNodes);
  summary.append(element('span', `status of-${status[0]}`, status), ' ', about);
  row.append(summary);
  for (const [type, what] of Object.entries(answer.content ?? {})) {
    row.append(representation(description, type, what));
  }
  const headers = Object.entries(answer.headers ?? {}).map(([name, header]) => {
    const { schema, description: said } = resolve(description, header);
    const line = element('div', 'parameter');
    line.append(entry(name, typeOf(description, schema), ['header']), prose(said, 'hint'));
    return line;
  });
  row.append(...headers);
  if (row.childElementCount === 1) row.append(element('p', 'hint', 'No body.'));
  return row;
}

/** A body of one type: what it is made of, and examples. */
function representation(description, type, { schema, example, examples }) {
  const whole = element('div', 'representation');
  whole.append(entry(type, typeOf(description, schema), []));
  const all = Object.entries(examples ?? {});
  // Errors are all alike: each in a line.
  if (all.length) whole.append(...all.map(([name, { value }]) => reason(name, value)));
  const members = all.length ? null : membersOf(description, schema);
  if (members) whole.append(members);
  if (example !== undefined && example !== '') whole.append(sample(example));
  return whole;
}

function reason(name, value) {
  const row = element('div', 'parameter');
  row.append(element('code', 'name', name), prose(value.error?.message ?? String(value), 'hint'));
  return row;
}

function sample(example) {
  const shown = code('');
  shown.ariaLabel = 'Example';
  if (typeof example === 'string') shown.textContent = example;
  else showJson(shown, JSON.stringify(example));
  return shown;
}

/** A command line that does it, with the examples of the description. */
function commandLine(path, method, { parameters = [], requestBody, responses, security }) {
  const given = parameters.filter(({ example }) => example !== undefined);
  const at = (place) => given.filter((one) => one.in === place);
  const filled = at('path').reduce((text, { name, example }) => (
    text.replace(`{${name}}`, encodeURIComponent(example))
  ), path);
  const pairs = at('query').flatMap(({ name, example }) => [example].flat().map((value) => [name, value]));
  // Relative to where the hub is, which may be below a path.
  const url = decodeBraces(address(filled.slice(1), pairs));
  const words = [`curl ${flags(method, responses)}${quote(url)}`];
  if (security && security.every((one) => Object.keys(one).length)) words.push('-H "Authorization: Bearer $TOKEN"');
  const [[type, { example } = {}] = []] = Object.entries(requestBody?.content ?? {});
  if (type === 'application/x-www-form-urlencoded') words.push(...fields(example));
  else if (type) words.push(`-H ${quote(`Content-Type: ${type}`)}`, `--data-raw ${quote(textOf(example))}`);
  return words.join(' \\\n  ');
}

const textOf = (example) => (typeof example === 'string' ? example : JSON.stringify(example));

const fields = (example) => Object.entries(example).flatMap(([name, value]) => (
  [value].flat().map((one) => `--data-urlencode ${quote(`${name}=${one}`)}`)
));

/** What stands for a part of the path stays readable. */
const decodeBraces = (url) => url.replaceAll('%7B', '{').replaceAll('%7D', '}');

function flags(method, responses) {
  if (method === 'head') return '-I ';
  if ('text/event-stream' in (responses['200']?.content ?? {})) return '-N ';
  return method === 'get' ? '' : `-X ${method.toUpperCase()} `;
}
