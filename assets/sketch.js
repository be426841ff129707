// A curve that the reader draws over a panel, by pointer or by keys: one height at each of a few places.
//
// It is an overlay of its own, placed by the panel's scales, so that each place is an element that can have the focus.

const SVG = "http://www.w3.org/2000/svg";
const STEP = 1 / 40; // Of the panel's height, for an arrow key.
const STRIDE = 1 / 8; // For Page Up and Page Down.

export class Sketch {
  // `heights` were drawn before; without them every place is at `start`, until it or a neighbour is touched.
  constructor({ at, places, start }, heights) {
    this.at = at;
    this.places = places;
    this.heights = heights ? [...heights] : at.map(() => start);
    this.touched = at.map(() => Boolean(heights));
    this.current = 0; // The place that the Tab key comes to.
  }

  get begun() {
    return this.touched.some(Boolean);
  }

  // Over a panel of `cell`, drawn by `view`. With `changed` it can be drawn, else it is only seen.
  show(cell, view, { colour, changed }) {
    this.remove();
    Object.assign(this, { cell, view, changed });
    this.svg = element("svg", { class: "wd-sketch" });
    this.svg.style.setProperty("--guess", colour);
    this.line = element("polyline", {});
    this.name = element("text", {});
    this.name.textContent = "your guess";
    this.marks = this.at.map(() => element("circle", { r: changed ? 6 : 4 }));
    this.svg.append(this.line, ...this.marks, this.name);
    cell.append(this.svg);
    if (changed) this.letDraw();
    else {
      const words = this.places.map((place, i) => `${place}: ${short(this.heights[i])}`);
      this.set(this.svg, { role: "img", "aria-label": `Your guess. ${words.join("; ")}.` });
    }
    this.place();
  }

  remove() {
    this.svg?.remove();
    this.svg = null;
  }

  // Where the scales put it; to be called again when they change.
  place() {
    if (!this.svg) return;
    const canvas = this.cell.querySelector("canvas").getBoundingClientRect();
    const box = this.cell.getBoundingClientRect();
    const [left, top] = this.view.origin();
    Object.assign(this.svg.style, { left: `${canvas.left - box.left + left}px`, top: `${canvas.top - box.top + top}px` });
    this.set(this.svg, { width: this.view.width(), height: this.view.height() });
    const x = this.across();
    const y = this.heights.map((height) => clamp(this.view.scale("y")(height), 0, this.view.height()));
    this.set(this.line, { points: x.map((each, i) => `${each},${y[i]}`).join(" ") });
    this.marks.forEach((mark, i) => this.set(mark, { cx: x[i], cy: y[i], class: this.touched[i] ? "wd-touched" : "" }));
    const middle = Math.floor(x.length / 2);
    this.set(this.name, { x: x[middle], y: y[middle] < 30 ? y[middle] + 26 : y[middle] - 14, "text-anchor": "middle" });
    if (this.changed) this.describe();
  }

  describe() {
    const scale = this.view.scale("y");
    const share = (height) => 1 - clamp(scale(height) / this.view.height(), 0, 1);
    this.marks.forEach((mark, i) =>
      this.set(mark, {
        role: "slider",
        tabindex: i === this.current ? 0 : -1,
        "aria-orientation": "vertical",
        "aria-label": `Your guess at ${this.places[i]}`,
        // Where it stands on the axis, in per cent: a power of ten such as 1e-14 is no number to ARIA.
        "aria-valuemin": 0,
        "aria-valuemax": 100,
        "aria-valuenow": Math.round(100 * share(this.heights[i])),
        "aria-valuetext": short(this.heights[i]),
        "data-height": this.heights[i],
      }),
    );
  }

  set(node, attributes) {
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  }

  across() {
    return this.at.map((x) => this.view.scale("x")(x));
  }

  letDraw() {
    this.svg.classList.add("wd-drawing");
    let before = null;
    const at = (event) => {
      const box = this.svg.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top };
    };
    this.svg.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      this.svg.setPointerCapture(event.pointerId);
      before = at(event);
      const x = this.across();
      const nearest = x.reduce((best, each, i) => (Math.abs(each - before.x) < Math.abs(x[best] - before.x) ? i : best), 0);
      this.raise(nearest, before.y);
      this.focus(nearest);
    });
    this.svg.addEventListener("pointermove", (event) => {
      if (!before) return;
      const now = at(event);
      const [from, to] = extent([before.x, now.x]);
      this.across().forEach((x, i) => {
        // A quick hand skips places: those it passed are on its way.
        if (x >= from && x <= to) this.raise(i, before.y + ((now.y - before.y) * (x - before.x)) / (now.x - before.x || 1));
      });
      before = now;
    });
    for (const end of ["pointerup", "pointercancel"]) this.svg.addEventListener(end, () => (before = null));
    this.svg.addEventListener("keydown", (event) => this.press(event));
  }

  press(event) {
    const i = this.marks.indexOf(event.target);
    if (i < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const height = this.view.height();
    const now = this.view.scale("y")(this.heights[i]);
    const up = { ArrowUp: STEP, ArrowDown: -STEP, PageUp: STRIDE, PageDown: -STRIDE, Home: -1, End: 1 }[event.key];
    const aside = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (up) this.raise(i, now - up * height);
    else if (aside) this.focus(clamp(i + aside, 0, this.at.length - 1));
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  focus(i) {
    this.current = i;
    this.describe();
    this.marks[i].focus({ preventScroll: true });
  }

  raise(i, pixel) {
    const scale = this.view.scale("y");
    this.touched[i] = true;
    this.heights[i] = scale.invert(clamp(pixel, 0, this.view.height()));
    this.follow();
    this.place();
    this.changed();
  }

  // Places not yet touched lie between their neighbours that were, or level with the nearest.
  follow() {
    const scale = this.view.scale("y");
    const x = this.across();
    const own = this.at.map((_, i) => i).filter((i) => this.touched[i]);
    this.touched.forEach((touched, i) => {
      if (touched) return;
      const left = own.findLast((j) => j < i) ?? own[0];
      const right = own.find((j) => j > i) ?? own.at(-1);
      const share = left === right ? 0 : clamp((x[i] - x[left]) / (x[right] - x[left]), 0, 1);
      const [a, b] = [scale(this.heights[left]), scale(this.heights[right])];
      this.heights[i] = scale.invert(a + (b - a) * share);
    });
  }
}

function element(name, attributes) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}

function extent(values) {
  return [Math.min(...values), Math.max(...values)];
}

function short(number) {
  return Math.abs(number) >= 1e-3 || number === 0 ? String(Number(number.toPrecision(2))) : number.toExponential(0);
}
