// The panel that publishes.

import { copy } from './copy.js';
import { curl } from './curl.js';
import { $ } from './element.js';
import { publishRequest, send } from './hub.js';
import { jsonError, showJson } from './json.js';
import { namesIn } from './names.js';
import { span } from './time.js';

const EXAMPLES = {
  json: '{\n  "message": "hello"\n}',
  form: 'message=hello',
};

export class Publish {
  /** What was typed, for each format. */
  #texts = { ...EXAMPLES };
  #format = 'json';
  #published;

  /** `published(id, topics)` is called for each event that the hub has taken. */
  constructor({ published }) {
    this.#published = published;
    $('data').value = this.#texts[this.#format];
    document.getElementsByName('format').forEach((choice) => {
      choice.checked = choice.value === this.#format;
      choice.addEventListener('change', () => this.#choose(choice.value));
    });
    $('publish-form').addEventListener('input', () => this.#check());
    $('publish-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#send();
    });
    $('data').addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) this.#send();
    });
    $('copy-curl').addEventListener('click', () => copy(curl(this.#request()), $('copy-curl')));
    this.#check();
  }

  #choose(format) {
    this.#texts[this.#format] = $('data').value;
    this.#format = format;
    $('data').value = this.#texts[format];
    this.#check();
  }

  /** Says what is wrong with the data, and shows the request. */
  #check() {
    const problem = this.#format === 'json' ? jsonError($('data').value) : '';
    $('data-error').textContent = problem && `Not JSON: ${problem}`;
    $('data').ariaInvalid = Boolean(problem);
    $('curl').textContent = curl(this.#request());
    return !problem;
  }

  #request() {
    const [json, text] = [this.#format === 'json', $('data').value];
    return publishRequest({
      topics: this.#topics(),
      type: $('type').value.trim(),
      id: $('id').value.trim(),
      retry: $('retry').value.trim(),
      contentType: json ? 'application/json' : 'application/x-www-form-urlencoded',
      body: json ? text : String(new URLSearchParams(fields(text))),
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
    const topics = this.#topics();
    const begun = performance.now();
    try {
      const answer = await send(this.#request());
      this.#show(`${answer.status} in ${span(performance.now() - begun)}`, answer.text, answer.ok);
      if (answer.ok) this.#published(JSON.parse(answer.text).id, topics);
    } catch (error) {
      this.#show('No answer', error.message, false);
    }
  }

  #show(status, body, ok) {
    $('answer').dataset.ok = ok;
    $('answer-status').textContent = status;
    showJson($('answer-body'), body);
  }
}

/** The fields of a form, one `name=value` a line. */
function fields(text) {
  const lines = text.split('\n').filter((line) => line.trim());
  return lines.map((line) => {
    const at = line.indexOf('=');
    return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
  });
}
