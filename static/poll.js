// Asking again and again, while someone looks.

const EVERY = 2000;

export class Poll {
  #ask;
  #shown = false;
  #timer = 0;
  #busy = false;
  #again = false;

  /** `ask` is called at once when it is shown, and then every two seconds; never twice at a time, nor
      again where it has answered false. It must not reject. */
  constructor(ask) {
    this.#ask = ask;
    document.addEventListener('visibilitychange', () => this.now());
  }

  show(shown) {
    this.#shown = shown;
    this.now();
  }

  /** Asks without waiting, if it is shown at all. */
  async now() {
    clearTimeout(this.#timer);
    if (!this.#shown || document.hidden) return;
    if (this.#busy) {
      this.#again = true;
      return;
    }
    this.#busy = true;
    const goesOn = await this.#ask();
    this.#busy = false;
    const soon = this.#again;
    this.#again = false;
    if (soon) this.now();
    else if (goesOn && this.#shown) this.#timer = setTimeout(() => this.now(), EVERY);
  }
}
