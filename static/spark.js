// A line of the last two minutes, without a scale: which way a number goes.

const SVG = 'http://www.w3.org/2000/svg';
const [WIDTH, HEIGHT, POINTS] = [120, 30, 60];

function shape(name) {
  const made = document.createElementNS(SVG, name);
  made.setAttribute('class', `spark-${name}`);
  return made;
}

export class Spark {
  #values = [];
  #area = shape('polygon');
  #line = shape('polyline');

  constructor() {
    this.element = shape('svg');
    this.element.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    this.element.setAttribute('preserveAspectRatio', 'none');
    // The number beside it says it.
    this.element.setAttribute('aria-hidden', 'true');
    this.element.append(this.#area, this.#line);
  }

  clear() {
    this.#values = [];
    this.#draw();
  }

  add(value) {
    this.#values = [...this.#values, value].slice(-POINTS);
    this.#draw();
  }

  #draw() {
    const highest = Math.max(...this.#values, 1e-9);
    const step = WIDTH / (POINTS - 1);
    // The newest is at the right end, from the first on.
    const left = WIDTH - (this.#values.length - 1) * step;
    const y = (value) => (HEIGHT - 2 - (value / highest) * (HEIGHT - 4)).toFixed(1);
    const points = this.#values.map((value, at) => `${(left + at * step).toFixed(1)},${y(value)}`);
    this.#line.setAttribute('points', points.join(' '));
    const under = points.length > 1 ? [`${left.toFixed(1)},${HEIGHT}`, ...points, `${WIDTH},${HEIGHT}`] : [];
    this.#area.setAttribute('points', under.join(' '));
  }
}
