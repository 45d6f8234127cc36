// What is odd about an event's place: it came before, or later than its followers.

/** How many ids are remembered. */
const REMEMBERED = 10_000;

/** The hub's own ids are places in its history, `#<epoch>-<sequence>`. */
function position(id) {
  const found = /^#(\d+)-(\d+)$/.exec(id);
  return found && { epoch: Number(found[1]), sequence: Number(found[2]) };
}

const isBefore = (a, b) => a.epoch < b.epoch || (a.epoch === b.epoch && a.sequence < b.sequence);

export class Marks {
  #seen = new Set();
  #furthest = null;

  /** Takes the next event's id; answers `duplicate`, `out of order` or nothing. */
  of(id) {
    if (!id) return '';
    if (this.#seen.has(id)) return 'duplicate';
    this.#remember(id);
    const place = position(id);
    if (!place) return '';
    if (this.#furthest && isBefore(place, this.#furthest)) return 'out of order';
    this.#furthest = place;
    return '';
  }

  #remember(id) {
    this.#seen.add(id);
    if (this.#seen.size > REMEMBERED) {
      const [oldest] = this.#seen;
      this.#seen.delete(oldest);
    }
  }
}
