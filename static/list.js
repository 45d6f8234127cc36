// A list that grows at its end, and shows its newest entries.

/** A few pixels short of the end is the end too. */
const NEAR = 24;

export class List {
  /** Whether the view stays at the end. Who scrolls up ends that; who scrolls back, resumes it. */
  following = true;
  #element;
  #longest;

  /** Keeps the newest `longest` entries. */
  constructor(element, longest) {
    this.#element = element;
    this.#longest = longest;
    element.addEventListener('scroll', () => { this.following = this.#isAtEnd(); });
    // What came while the list was hidden could not be scrolled to.
    new ResizeObserver(() => this.scroll()).observe(element);
  }

  append(...entries) {
    this.#element.append(...entries);
    while (this.#element.childElementCount > this.#longest) this.#element.firstElementChild.remove();
    this.scroll();
  }

  clear() {
    this.#element.replaceChildren();
    this.following = true;
  }

  /** Goes to the end, if it follows. */
  scroll() {
    if (this.following) this.#element.scrollTop = this.#element.scrollHeight;
  }

  #isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.#element;
    return scrollHeight - scrollTop - clientHeight < NEAR;
  }
}
