// The panel that publishes.

import { copy } from './copy.js';
import { curl } from './curl.js';
import { $ } from './element.js';
import { jsonError, showJson } from './json.js';
import { MERCURE } from './mercure.js';
import { namesIn } from './names.js';
import { protocol } from './protocol.js';
import { advice, reason } from './refusal.js';
import { send } from './request.js';
import { span } from './time.js';
import { token } from './token.js';

const EXAMPLES = {
  json: '{\n  "message": "hello"\n}',
  form: 'message=hello',
  // Mercure takes any text.
  text: 'hello',
};

export class Publish {
  /** What was typed, for each format. */
  #texts = { ...EXAMPLES };
  #format = 'json';
  #published;

  /** `published(id, topics)` is called for each event that the hub has taken; topics as a text. */
  constructor({ published }) {
    this.#published = published;
    $('data').value = this.#texts[this.#format];
    formats().forEach((choice) => {
      choice.checked = choice.value === this.#format;
      choice.addEventListener('change', () => this.#choose());
    });
    $('publish-form').addEventListener('input', () => this.#check());
    $('publish-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#send();
    });
    $('data').addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) this.#send();
    });
    $('copy-curl').addEventListener('click', () => copy(this.#curl(), $('copy-curl')));
    this.#check();
  }

  /** Another protocol, or another token. */
  update() {
    this.#choose();
  }

  #choose() {
    this.#texts[this.#format] = $('data').value;
    const any = protocol() === MERCURE;
    this.#format = any ? 'text' : formats().find((choice) => choice.checked).value;
    $('data').value = this.#texts[this.#format];
    $('publish-topics').placeholder = protocol().noTopics;
    this.#check();
  }

  /** Says what is wrong with the data, and shows the request. */
  #check() {
    const problem = this.#format === 'json' ? jsonError($('data').value) : '';
    $('data-error').textContent = problem && `Not JSON: ${problem}`;
    $('data').ariaInvalid = Boolean(problem);
    $('curl').textContent = this.#curl();
    return !problem;
  }

  #curl() {
    return curl(this.#request(), token.text !== '');
  }

  #request() {
    const [form, text] = [this.#format === 'form', $('data').value];
    return protocol().event({
      topics: this.#topics(),
      type: $('type').value.trim(),
      id: $('id').value.trim(),
      retry: $('retry').value.trim(),
      isPrivate: $('private').checked,
      contentType: form ? 'application/x-www-form-urlencoded' : 'application/json',
      body: form ? String(new URLSearchParams(fields(text))) : text,
    });
  }

  #topics() {
    return namesIn($('publish-topics').value);
  }

  async #send() {
    if (!this.#check()) {
      $('data').focus();
      return;
    }
    const [spoken, topics] = [protocol(), this.#topics()];
    const begun = performance.now();
    try {
      const { response, text } = await send(this.#request());
      const [{ ok, status }, took] = [response, span(performance.now() - begun)];
      const { code } = reason(response, text);
      this.#show(`${status} in ${took}`, text, ok, advice(status, code, 'publish'));
      if (ok) this.#published(spoken.idIn(text), topics.join(', ') || spoken.noTopics);
    } catch (error) {
      this.#show('No answer', error.message, false);
    }
  }

  #show(status, body, ok, whatToDo = '') {
    $('answer').dataset.ok = ok;
    $('answer-status').textContent = status;
    $('answer-advice').textContent = whatToDo;
    showJson($('answer-body'), body);
  }
}

const formats = () => [...document.getElementsByName('format')];

/** The fields of a form, one `name=value` a line. */
function fields(text) {
  const lines = text.split('\n').filter((line) => line.trim());
  return lines.map((line) => {
    const at = line.indexOf('=');
    return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
  });
}
