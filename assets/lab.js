// The figure of a lab. It draws the panels that Altair declared, and asks the server for frames by number: the next
// one when the last is drawn, none while it is off the screen or its tab is hidden. Frames come past Streamlit, which
// would build the page anew for each; it is told only when more than the figure is out of date.

import "./address.js";
import * as paper from "./paper.js";
import { tell } from "./readings.js";
import { Sketch } from "./sketch.js";

const FRAMES_A_SECOND = 15;
const STRIDE_IN_CALM = 15; // With reduced motion: so many frames at a time, once a second.
const QUEUED = 2000; // Milliseconds between questions while there is nothing to do but to queue.
const PATIENCE = 10_000; // Milliseconds after which a question is given up.
const TELL_AGAIN = 1000; // Milliseconds after which the page is told again that it is out of date.
const TITLE = 24; // Pixels of a panel that its title takes, in one line.
const NARROW = 600; // Pixels of a figure below which the titles of axes break into lines.
const LOST = "The server does not answer; trying again.";
const GONE = "The server has forgotten this page, which asks it anew; reload it if this stays.";

const labs = new Map(); // A lab outlives the element it is drawn in, which Streamlit may replace.
let vega;

window.addEventListener("beforeprint", () => {
  paper.unfold();
  for (const lab of labs.values()) lab.print();
});

function loadVega() {
  vega ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.type = "module";
    script.src = new URL("vega.js", import.meta.url).href;
    script.onload = () => resolve(window.vegaEmbed);
    script.onerror = reject;
    document.head.append(script);
  });
  return vega;
}

export function draw(component) {
  const { data, parentElement, setTriggerValue } = component;
  let lab = labs.get(data.lab);
  if (!lab) labs.set(data.lab, (lab = new LabFigure(data.lab)));
  lab.tellPage = () => setTriggerValue("moved", true);
  lab.attach(parentElement.querySelector(".wd-lab") ?? parentElement);
  lab.mount(data);
}

export function leave(component) {
  for (const lab of labs.values()) {
    if (lab.root && component.parentElement.contains(lab.root)) lab.detach();
  }
}

class LabFigure {
  constructor(name) {
    this.name = name;
    this.data = null; // The server's last answer.
    this.playing = false;
    this.parts = {}; // The last content of each part, by name.
    this.hashes = {};
    this.seenPlay = 0;
    this.asked = 0;
    this.due = 0; // When the next frame is to be asked for.
    this.answered = true;
    this.trouble = "";
    this.toldAt = -Infinity;
    this.rate = null; // Steps a second, smoothed.
    this.asking = null; // Whether the reader is to draw what the run will give; not known before the first answer.
    this.guessHidden = false;
    this.calm = window.matchMedia("(prefers-reduced-motion: reduce)");
    document.addEventListener("visibilitychange", () => this.go());
    document.addEventListener("click", (event) => this.follow(event));
  }

  // What the page knows has changed: another session, other settings, or a wish to play.
  mount(data) {
    this.part(".wd-panels").style.minHeight ||= `${data.height}px`; // Nothing jumps when the figure is drawn.
    this.root.dataset.hidden = (data.hidden ?? []).join(" ");
    const changed = JSON.stringify(data) !== this.mounted;
    this.mounted = JSON.stringify(data);
    if (data.token !== this.token) this.begun = false; // Another session: after a restart it has only the link to go by.
    this.token = data.token;
    if (data.play > this.seenPlay) {
      this.playing = true;
      this.rate = null;
    }
    this.seenPlay = data.play;
    if (changed || !this.data) this.ask(null);
    else {
      this.show();
      this.paint();
    }
  }

  // --- the element -----------------------------------------------------------------------------------------

  attach(root) {
    if (this.root === root && root.dataset.ready) return;
    this.detach();
    this.root = root;
    root.dataset.ready = "yes";
    root.innerHTML = `
      <div class="wd-guess" hidden>
        <p class="wd-question"></p>
        <p class="wd-verdict-drawn" role="status"></p>
        <div class="wd-bar">
          <button class="wd-draw">Draw a guess</button>
          <button class="wd-answer">Compare with a run</button>
          <button class="wd-undraw">Start again</button>
          <button class="wd-skip">Show without guessing</button>
          <button class="wd-veil" aria-pressed="false">Hide my guess</button>
          <button class="wd-forget">Remove it</button>
        </div>
      </div>
      <div class="wd-panels"></div>
      <p class="wd-sentence"></p>
      <progress class="wd-progress" max="1" value="0" aria-label="Progress of the run"></progress>
      <div class="wd-bar" role="toolbar">
        <button class="wd-run">Run</button>
        <button class="wd-step" title="Draw the next frame only">Step</button>
        <button class="wd-reset" title="Back to before the first step">Reset</button>
        <button class="wd-replay" title="Show the frames drawn so far again">Replay</button>
        <input class="wd-scrub" type="range" min="0" max="0" value="0" aria-label="Go to a frame">
        <output class="wd-clock"></output>
      </div>
      <p class="wd-keys">Keys: r runs or pauses, s steps, 0 resets, p replays.</p>
      <div class="wd-bar wd-second">
        <button class="wd-seed" data-seed="seed" title="Other random numbers, the same settings">New seed</button>
        <button class="wd-data" data-seed="data_seed" title="Other data, the same random starts">New data</button>
        <button class="wd-pin" aria-pressed="false" title="Keep this run in the figure, to compare the next with it">Pin</button>
        <button class="wd-every" aria-pressed="false" title="Draw each seed by itself, not only the spread">Every seed</button>
        <button class="wd-fresh">Run with the new settings</button>
        <span class="wd-note" role="status"></span>
      </div>`;
    root.querySelector(".wd-sentence").id = `${this.name}-sentence`;
    const on = (name, act) => root.querySelector(name).addEventListener("click", act);
    on(".wd-run", () => this.runOrPause());
    on(".wd-fresh", () => this.run());
    on(".wd-step", () => this.step());
    on(".wd-reset", () => this.pauseAnd(() => this.ask(0, { do: "run" })));
    on(".wd-replay", () => this.replay());
    on(".wd-pin", () => this.ask(null, { do: "pin" }));
    on(".wd-every", () => this.ask(null, { do: "every" }));
    on(".wd-draw", () => this.askToDraw(true));
    on(".wd-answer", () => this.ask(0, { do: "sketch", heights: this.sketch.heights }));
    on(".wd-undraw", () => this.askToDraw(true, null));
    on(".wd-skip", () => this.askToDraw(false));
    on(".wd-forget", () => this.ask(null, { do: "sketch", heights: null }));
    on(".wd-veil", () => {
      this.guessHidden = !this.guessHidden;
      this.show();
      this.overlay();
    });
    for (const button of root.querySelectorAll("[data-seed]")) {
      button.addEventListener("click", () => this.ask(0, { do: button.dataset.seed }));
    }
    root.querySelector(".wd-scrub").addEventListener("input", (event) => {
      this.playing = false;
      this.wanted = Number(event.target.value);
      if (this.answered) this.ask(this.wanted);
    });
    root.tabIndex = 0;
    root.addEventListener("keydown", (event) => this.press(event));
    this.visible = false;
    this.sight = new IntersectionObserver((entries) => {
      this.visible = entries.at(-1).isIntersecting;
      this.begin();
      this.go();
    });
    this.sight.observe(root);
    let width = root.clientWidth;
    this.resize = new ResizeObserver(() => {
      if (root.clientWidth !== width) root.style.removeProperty("--room"); // Its sentence breaks into other lines now.
      width = root.clientWidth;
      this.paint();
    });
    this.resize.observe(root);
    this.embedded = null;
  }

  detach() {
    this.sight?.disconnect();
    this.resize?.disconnect();
    this.views?.forEach((view) => view.finalize());
    this.views = null;
    this.root = null;
    clearTimeout(this.timer);
  }

  part(name) {
    return this.root.querySelector(name);
  }

  // --- asking ----------------------------------------------------------------------------------------------

  async ask(frame, act = null) {
    if (this.acting && !act) {
      this.later = frame; // Two questions may be answered in either order: what an act has done must be seen.
      return;
    }
    this.acting = Boolean(act);
    if (act || frame !== null) this.asking &&= false; // Whoever runs the lab wants to see it.
    clearTimeout(this.timer);
    const number = (this.asked += 1);
    this.lastFrame = frame;
    this.answered = false;
    try {
      const response = await fetch(new URL(`../frames/${this.token}`, import.meta.url), {
        method: "POST",
        body: JSON.stringify({ frame, act, held: Object.values(this.hashes) }),
        signal: AbortSignal.timeout(PATIENCE),
      });
      if (number !== this.asked) return; // Overtaken by a later question.
      this.acting = false;
      if (response.status === 404) {
        this.playing = false;
        this.trouble = GONE;
        this.show();
        // Where another server has taken the connection over, Streamlit makes nothing anew: the address has it all.
        if (this.gone) reload();
        this.gone = true;
        this.timer = setTimeout(() => this.ask(null), 4 * TELL_AGAIN);
        return;
      }
      const data = await response.json();
      if (number !== this.asked) return;
      this.answered = true;
      this.trouble = "";
      this.gone = false;
      await this.receive(data);
      const { later } = this;
      this.later = undefined;
      if (later !== undefined && !this.acting) this.ask(later);
    } catch {
      if (number !== this.asked) return;
      this.acting = false;
      this.trouble = LOST;
      this.show();
      // The act is not repeated: it may have been done, and only its answer lost.
      this.timer = setTimeout(() => this.ask(frame), 2000);
    }
  }

  // A run that plays asks for its next frame; called whenever something that may have held it up has changed.
  go() {
    if (!this.answered || !this.root || !this.data) return;
    // Asking keeps the place in the queue, while one reads on or looks at another tab.
    const queued = this.data.place > 0 && (this.data.waiting || this.atEnd() || !this.visible || document.hidden);
    if (!queued && (!this.visible || document.hidden)) return;
    // A single step, too, is asked for until its frame has come.
    if (!this.playing && !(this.data.waiting && this.data.open && this.lastFrame !== null)) return;
    clearTimeout(this.timer);
    const calm = this.calm.matches;
    const next = this.data.waiting && this.lastFrame !== null ? this.lastFrame : this.data.frame + (calm ? STRIDE_IN_CALM : 1);
    const interval = queued ? QUEUED : 1000 / (calm ? 1 : FRAMES_A_SECOND);
    const now = performance.now();
    // Counted from when the last frame was due, not from when it came: small delays do not add up.
    this.due = Math.max(this.due + interval, now);
    if (this.due > now + interval) this.due = now + interval;
    this.timer = setTimeout(() => this.ask(next), this.due - now);
  }

  // Only while the figure has the focus, and not while something is typed.
  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea, select")) return;
    const button = { r: ".wd-run", s: ".wd-step", 0: ".wd-reset", p: ".wd-replay" }[event.key];
    if (!button || this.part(button).disabled) return;
    event.preventDefault();
    this.part(button).click();
  }

  // A link with settings of its own opens on a run of exactly those, once it can be seen.
  begin() {
    if (!this.data?.drawn && !this.data?.eager) return;
    if (this.begun || !this.visible || document.hidden) return;
    this.begun = true;
    const shownOff = this.root.matches('[data-hidden~="replay"]') && !this.calm.matches;
    if (this.data.eager) this.run();
    else if (shownOff) this.replay();
  }

  run() {
    this.playing = true;
    this.rate = null;
    this.ask(0, { do: "run" });
  }

  runOrPause() {
    if (this.playing) {
      this.playing = false;
      this.show();
    } else if (!this.data) {
      return;
    } else if (this.data.stale || (!this.data.open && (this.data.stored || this.atEnd()))) {
      this.run();
    } else {
      this.playing = true;
      this.ask(this.data.frame + 1);
    }
  }

  step() {
    this.pauseAnd(() => {
      if ((this.data.stored && this.atEnd()) || (this.data.drawn === 0 && !this.data.open)) this.ask(0, { do: "run" });
      else if (this.data.drawn === 0) this.ask(0);
      else this.ask(this.data.frame + 1);
    });
  }

  replay() {
    if (this.data.drawn === 0) return;
    this.playing = true;
    this.ask(0);
  }

  pauseAnd(act) {
    this.playing = false;
    act();
  }

  atEnd() {
    return this.data.frame >= this.data.drawn - 1;
  }

  // A phrase of the essay that speaks of a case of this lab, <a href="#fit?width=8&depth=2">, or a number of its run.
  follow(event) {
    const link = event.target.closest?.("a.wd-try, a.wd-live");
    if (!link || !this.root) return;
    const [name, query] = new URL(link.href).hash.slice(1).split("?");
    if (name !== this.name) return;
    event.preventDefault();
    const settings = Object.fromEntries(new URLSearchParams(query));
    const behavior = this.calm.matches ? "auto" : "smooth";
    this.root.scrollIntoView({ behavior, block: "center" });
    if (link.matches(".wd-try")) this.ask(0, { do: "set", settings });
  }

  // --- drawing ---------------------------------------------------------------------------------------------

  async receive(data) {
    const before = this.data;
    this.data = data;
    this.pace(before, data);
    Object.assign(this.parts, data.send);
    this.hashes = data.parts;
    if (this.parts.sketch) {
      const { heights, answers } = data.sketch;
      this.asking ??= data.stored && answers && !heights && !data.eager && !this.root?.matches("[data-hidden~='guess'], [data-hidden~='replay']");
      const known = this.asking ? this.sketch : String(this.sketch?.heights) === String(heights ?? undefined);
      if (!known) this.sketch = this.asking || heights ? new Sketch(this.parts.sketch, heights) : null;
    }
    if (data.play > this.seenPlay) {
      this.seenPlay = data.play;
      this.playing = true;
      this.rate = null;
    }
    if (data.refused || (this.playing && !data.waiting && this.atEnd() && !data.open)) this.playing = false;
    if (data.moved && performance.now() - this.toldAt > TELL_AGAIN) {
      this.toldAt = performance.now();
      this.tellPage();
    }
    this.show();
    await this.paint();
    this.begin();
    const { wanted } = this;
    this.wanted = undefined;
    if (wanted !== undefined && wanted !== data.frame && wanted < data.drawn) this.ask(wanted);
    else this.go();
  }

  // How fast the run goes, for an honest word on how long it will take.
  pace(before, data) {
    const now = performance.now();
    if (before && data.step > before.step && this.playing) {
      const rate = ((data.step - before.step) * 1000) / (now - this.drawnAt);
      this.rate = this.rate === null ? rate : 0.9 * this.rate + 0.1 * rate;
    }
    this.drawnAt = now;
  }

  show() {
    const { data } = this;
    if (!this.root || !data) return;
    const text = (name, value) => {
      const element = this.part(name);
      if (element.textContent !== value) element.textContent = value;
    };
    const resumable = data.open || !this.atEnd();
    text(
      ".wd-run",
      this.playing
        ? "Pause"
        : data.stored && !data.open && !data.stale
          ? "Run it live"
          : data.stale || !data.drawn || (resumable && data.frame === 0)
            ? "Run"
            : resumable
              ? "Resume"
              : "Run again",
    );
    this.showGuess(text);
    const sentence = this.part(".wd-sentence");
    const words = this.asking ? "" : data.sentence;
    // The buttons below stay under the finger when a long sentence gives way to a short one.
    if (words.length < sentence.textContent.length) this.root.style.setProperty("--room", `${sentence.offsetHeight}px`);
    text(".wd-sentence", words);
    tell(this.name, data.readings, this.playing);
    const left = this.playing && data.open && !data.stored && this.rate ? (data.total - data.step) / this.rate : 0;
    text(
      ".wd-clock",
      data.total
        ? `step ${data.step.toLocaleString("en-GB")} of ${data.total.toLocaleString("en-GB")}` + (left > 1 ? `, ${Math.ceil(left)} s left` : "")
        : "not run yet",
    );
    const stale = data.stale && data.drawn > 0;
    text(
      ".wd-note",
      this.trouble ||
        data.note ||
        (stale
          ? this.playing
            ? "This run goes on with its old settings."
            : "The settings have changed since this run."
          : data.stored
            ? data.stored
            : data.pinned
              ? `Pinned: ${data.pinned}.`
              : data.drawn && !data.stored && data.device
                ? `Computed live on the server (${data.device}).`
                : ""),
    );
    this.part(".wd-fresh").hidden = !(stale && this.playing);
    for (const button of this.root.querySelectorAll("[data-seed]")) {
      button.hidden = !data.seeds.includes(button.dataset.seed);
    }
    text(".wd-pin", data.pinned ? "Unpin" : "Pin");
    this.part(".wd-pin").setAttribute("aria-pressed", String(Boolean(data.pinned)));
    this.part(".wd-every").setAttribute("aria-pressed", String(data.every));
    this.part(".wd-every").hidden = !data.replicated;
    this.part(".wd-pin").hidden = !data.compares;
    this.part(".wd-step").disabled = !data.stored && data.drawn > 0 && !data.open && this.atEnd();
    this.part(".wd-replay").disabled = data.drawn < 2;
    this.part(".wd-pin").disabled = data.drawn < 1;
    const progress = this.part(".wd-progress");
    progress.value = data.total ? data.step / data.total : 0;
    const scrub = this.part(".wd-scrub");
    scrub.max = Math.max(0, data.drawn - 1);
    scrub.disabled = data.drawn < 2;
    if (this.wanted === undefined) scrub.value = data.frame;
    scrub.setAttribute("aria-valuetext", `step ${data.step}`);
    this.root.setAttribute("role", "group");
    this.root.setAttribute("aria-label", data.title);
    this.root.dataset.state = this.playing ? "playing" : "still";
    this.root.dataset.frame = data.frame;
    this.root.dataset.step = data.step;
    this.root.classList.toggle("wd-waiting", data.waiting);
  }

  // --- the reader's guess ----------------------------------------------------------------------------------

  // Take the answer out of sight and let the reader draw, from the curve drawn before; or show it again.
  askToDraw(asking, heights = this.data?.sketch.heights) {
    if (!this.parts.sketch || (!asking && !this.asking)) return;
    this.asking = asking;
    this.playing = false;
    this.sketch = asking || heights ? new Sketch(this.parts.sketch, heights) : null;
    this.show();
    this.paint();
  }

  showGuess(text) {
    const { data, asking, sketch } = this;
    const guess = this.part(".wd-guess");
    guess.hidden = !this.parts.sketch;
    if (guess.hidden) return;
    const drawn = Boolean(data.sketch.heights) && !asking;
    this.root.dataset.asking = asking ? "yes" : "";
    text(".wd-question", asking || !drawn ? `Guess first. ${this.parts.sketch.question}` : "");
    text(
      ".wd-verdict-drawn",
      asking
        ? "Drag across the figure. By keys: ← and → go from place to place, ↑ and ↓ move it."
        : drawn
          ? data.sketch.verdict || "The run is drawing its answer."
          : "",
    );
    const shown = { draw: !asking, answer: asking, undraw: asking, skip: asking, veil: drawn, forget: drawn };
    for (const [name, wanted] of Object.entries(shown)) this.part(`.wd-${name}`).hidden = !wanted;
    text(".wd-draw", drawn ? "Draw another" : "Draw a guess");
    text(".wd-veil", this.guessHidden ? "Show my guess" : "Hide my guess");
    this.part(".wd-veil").setAttribute("aria-pressed", String(this.guessHidden));
    for (const name of [".wd-answer", ".wd-undraw"]) this.part(name).disabled = !sketch?.begun;
  }

  // The reader's curve over the first panel: to be drawn, or beside the run that answers it.
  overlay() {
    if (!this.views || !this.parts.sketch) return;
    const { asking, sketch } = this;
    const key = asking ? "asking" : sketch && this.data.sketch.answers && !this.guessHidden ? "seen" : "";
    if (sketch === this.overlaid?.sketch && key === this.overlaid?.key && sketch?.svg?.isConnected) return sketch.place();
    this.overlaid?.sketch?.remove();
    this.overlaid = { sketch, key };
    if (!key) return;
    const colours = isDark(this.root) ? this.parts.spec.dark : this.parts.spec.light;
    const changed = asking ? () => this.show() : null;
    sketch.show(this.part(".wd-panel"), this.views[0].vega, { colour: colours.pinned, changed });
  }

  async paint() {
    const { root } = this;
    if (!root || !this.data || !root.clientWidth) return; // Without room nothing is drawn; getting some comes here again.
    const dark = isDark(root);
    root.dataset.scheme = dark ? "dark" : "light";
    const drawing = `${this.hashes.spec}${dark}${root.clientWidth < NARROW}`;
    if (this.embedded !== drawing) {
      this.embedded = drawing;
      await this.embed(dark);
    }
    if (!this.views || this.root !== root) return;
    // Until a new run has its first frame, the last one stays in sight.
    if (!this.data.drawn && this.data.waiting) return;
    const pending = [];
    for (const view of this.views) {
      const width = view.canvas.clientWidth;
      let changed = width > 0 && width !== view.width;
      if (changed) view.vega.width((view.width = width)); // Vega itself follows the window's width only.
      for (const name of view.names) {
        const content = this.parts[name];
        const away = !(name in this.data.parts) || (this.asking && !this.parts.sketch.keep.includes(name));
        const hash = away ? "none" : this.data.parts[name];
        if (view.shown[name] === hash || name === this.dragging) continue;
        view.shown[name] = hash;
        view.vega.data(name, away || !content ? [] : rows(content));
        changed = true;
      }
      if (changed) pending.push(view.vega.runAsync());
    }
    await Promise.all(pending);
    this.overlay();
    root.dataset.drawn = this.data.frame;
  }

  async embed(dark) {
    const embed = await loadVega();
    if (!this.root) return;
    this.views?.forEach((view) => view.finalize());
    this.views = null;
    const host = this.part(".wd-panels");
    const { panels, light, dark: night } = this.parts.spec;
    const colours = dark ? night : light;
    host.replaceChildren();
    const views = [];
    for (const panel of panels) {
      const cell = document.createElement("div");
      cell.className = "wd-panel";
      cell.style.setProperty("--columns", panel.usermeta?.columns ?? 12);
      cell.style.minHeight = `${panel.height}px`;
      const heading = document.createElement("p");
      heading.className = "wd-panel-title";
      heading.textContent = panel.title.text;
      heading.ariaHidden = "true"; // It names the picture below.
      const canvas = document.createElement("div");
      cell.append(heading, canvas);
      host.append(cell);
      const { title, ...untitled } = coloured(panel, colours);
      const spec = { ...broken(untitled, cell.clientWidth), height: panel.height - TITLE };
      const { view } = await embed(canvas, spec, {
        actions: false,
        renderer: "canvas",
        tooltip: { theme: dark ? "dark" : "light" },
        config: look(colours, this.root),
      });
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", title.text);
      canvas.setAttribute("aria-describedby", `${this.name}-sentence`);
      views.push({
        vega: view,
        canvas,
        width: canvas.clientWidth,
        names: namesIn(panel),
        shown: {},
        finalize: () => view.finalize(),
      });
    }
    host.style.minHeight = "1px";
    if (!this.root) return;
    this.root.dataset.embeds = Number(this.root.dataset.embeds ?? 0) + 1;
    this.views = views;
    views[0].vega.addResizeListener(() => requestAnimationFrame(() => this.sketch?.place()));
    if (this.data.draws) this.letDraw(views[0].vega, host.querySelector("canvas"));
  }

  print() {
    if (!this.views) return;
    this.askToDraw(false);
    const { panels, light } = this.parts.spec;
    const cells = this.root.querySelectorAll(".wd-panel");
    this.views.forEach(({ names, shown }, index) => {
      const { title, ...untitled } = coloured(panels[index], light);
      const spec = { ...broken(untitled, cells[index].clientWidth), height: panels[index].height - TITLE };
      const data = Object.fromEntries(names.filter((name) => (shown[name] ?? "none") !== "none").map((name) => [name, rows(this.parts[name])]));
      paper.draw(window.vegaEmbed, cells[index], spec, data, look(light, this.root));
    });
  }

  // --- points of the reader's own --------------------------------------------------------------------------

  letDraw(view, canvas) {
    const near = 14;
    const place = (event) => {
      const box = canvas.getBoundingClientRect();
      const [left, top] = view.origin();
      const clamp = (value, [a, b]) => Math.min(Math.max(value, Math.min(a, b)), Math.max(a, b));
      const along = (name, pixel) => clamp(view.scale(name).invert(pixel), view.scale(name).domain());
      return {
        x: along("x", event.clientX - box.left - left),
        y: along("y", event.clientY - box.top - top),
      };
    };
    const find = (event, points) => {
      const box = canvas.getBoundingClientRect();
      const [left, top] = view.origin();
      const away = (p) =>
        Math.hypot(
          view.scale("x")(p.x) + left - (event.clientX - box.left),
          view.scale("y")(p.y) + top - (event.clientY - box.top),
        );
      const index = points.findIndex((p) => away(p) < near);
      return index;
    };
    const send = (points) => {
      const text = points.map((p) => `${p.x.toFixed(3)}, ${p.y.toFixed(3)}`).join("; ");
      this.ask(0, { do: "draw", settings: { [this.data.draws]: text } });
    };
    let points = null;
    let held = -1;
    canvas.style.touchAction = "pan-y";
    canvas.style.cursor = "crosshair";
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      points = rows(this.parts.points);
      held = find(event, points);
      if (held < 0) held = points.push(place(event)) - 1;
      this.dragging = "points";
      canvas.setPointerCapture(event.pointerId);
      view.data("points", points).runAsync();
    });
    canvas.addEventListener("pointermove", (event) => {
      if (held < 0) return;
      points[held] = place(event);
      view.data("points", points.map((p) => ({ ...p }))).runAsync();
    });
    const drop = (keep) => {
      if (held < 0) return;
      held = -1;
      this.dragging = null;
      if (keep) send(points);
    };
    canvas.addEventListener("pointerup", () => drop(true));
    canvas.addEventListener("pointercancel", () => drop(false));
    canvas.addEventListener("dblclick", (event) => {
      points = rows(this.parts.points);
      const index = find(event, points);
      if (index >= 0) {
        points.splice(index, 1);
        send(points);
      }
    });
  }
}

// --- specs and data ------------------------------------------------------------------------------------------

// Once a minute at most: it must not go round and round where no server ever knows its pages.
function reload() {
  const again = performance.getEntriesByType("navigation")[0]?.type === "reload";
  if (!again || performance.now() > 60_000) location.reload();
}

function rows(columns) {
  const names = Object.keys(columns);
  const length = names.length ? columns[names[0]].length : 0;
  return Array.from({ length }, (_, i) => Object.fromEntries(names.map((name) => [name, columns[name][i]])));
}

function namesIn(spec) {
  const names = new Set();
  JSON.stringify(spec, (key, value) => {
    if (key === "data" && value?.name) names.add(value.name);
    return value;
  });
  return [...names];
}

function coloured(node, colours) {
  if (Array.isArray(node)) return node.map((value) => coloured(value, colours));
  if (node && typeof node === "object") {
    return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, coloured(value, colours)]));
  }
  return typeof node === "string" && node.startsWith("role:") ? colours[node.slice(5)] : node;
}

// The titles of axes in lines no longer than a panel ``width`` pixels wide has room for: Vega cuts off what is longer.
function broken(panel, width) {
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = "12px sans-serif";
  const room = { x: 0.62 * width, y: panel.height - 80 }; // Not all of it: they stand in the middle of the plot.
  const lines = (text, most) =>
    text.split(" ").reduce((all, word) => {
      const longer = `${all.at(-1) ?? ""} ${word}`.trim();
      return all.length && pen.measureText(longer).width <= most ? [...all.slice(0, -1), longer] : [...all, word];
    }, []);
  const walk = (node, key) => {
    if (Array.isArray(node)) return node.map((value) => walk(value));
    if (!node || typeof node !== "object") return node;
    const inner = Object.fromEntries(Object.entries(node).map(([name, value]) => [name, walk(value, name)]));
    if (!(key in room)) return inner;
    if (typeof inner.title === "string") inner.title = lines(inner.title, room[key]);
    if (typeof inner.axis?.title === "string") inner.axis.title = lines(inner.axis.title, room[key]);
    return inner;
  };
  return walk(panel);
}

function look(colours, root) {
  const font = getComputedStyle(root).fontFamily;
  const text = { labelColor: colours.quiet, titleColor: colours.quiet, labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal" };
  return {
    background: "transparent",
    font,
    padding: { left: 0, right: 8, top: 0, bottom: 5 },
    autosize: { type: "fit", contains: "padding" },
    view: { stroke: null },
    title: { color: colours.ink, fontSize: 13, fontWeight: "normal", offset: 10, font },
    axis: { ...text, gridColor: colours.grid, domainColor: colours.grid, tickColor: colours.grid, tickCount: 6 },
    legend: text,
    text: { color: colours.ink },
  };
}

function isDark(element) {
  const colour = getComputedStyle(element).getPropertyValue("--st-background-color").trim();
  const probe = document.createElement("canvas").getContext("2d");
  probe.fillStyle = colour || "#fff";
  const [red, green, blue] = probe.fillStyle.match(/\w\w/g).map((part) => parseInt(part, 16));
  return 0.299 * red + 0.587 * green + 0.114 * blue < 128;
}
