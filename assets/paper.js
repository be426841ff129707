// Figures for paper: when the browser is about to print, each is drawn anew as SVG, in the colours of a light page and
// as wide as a sheet. Printing waits for what is drawn before the event is over, not for what a server would answer.

const WIDTH = 673; // Pixels of A4 between the margins that style.css sets.
const FLATTER = 0.85; // Than on the screen, so that a figure with its caption finds room on a sheet.
const GAP = 21; // Pixels between panels side by side.

// Draws ``spec``, a panel's Vega-Lite with its colours filled in, with its data into ``cell``. Pictures would load too
// late: a panel that has some is printed as it stands on the screen.
export async function draw(embed, cell, spec, data, config) {
  if (JSON.stringify(spec).includes('"type":"image"')) return;
  const height = Math.round(FLATTER * spec.height);
  const columns = spec.usermeta?.columns ?? 12;
  const width = Math.round(((WIDTH + GAP) * columns) / 12 - GAP);
  cell.querySelector(".wd-paper")?.remove();
  const sheet = document.createElement("div");
  sheet.className = "wd-paper";
  sheet.ariaHidden = "true"; // The canvas beside it has the words.
  cell.append(sheet);
  const { view } = await embed(sheet, { ...spec, width, height }, { actions: false, renderer: "svg", config });
  for (const [name, rows] of Object.entries(data)) view.data(name, rows);
  await view.runAsync();
}

// What is folded away is read on paper too.
export function unfold() {
  const folded = [...document.querySelectorAll('[class*="st-key-prose"] details:not([open])')];
  for (const fold of folded) fold.open = true;
  window.addEventListener("afterprint", () => folded.forEach((fold) => (fold.open = false)), { once: true });
}
