// Numbers of a run in the text: what a figure shows, the words about it say too.

const SELDOM = 300; // Milliseconds between two changes while a run plays: words must stay readable.

const labs = new Map(); // By lab: its readings, and when they were last written.

export function tell(lab, readings, playing) {
  if (!labs.size) {
    // Streamlit draws the text after the figure, and anew when a reader comes back.
    new MutationObserver((changes) => {
      if (changes.some(({ addedNodes }) => [...addedNodes].some(holdsReadings))) for (const name of labs.keys()) write(name);
    }).observe(document.body, { childList: true, subtree: true });
  }
  const now = performance.now();
  const state = labs.get(lab) ?? { at: -Infinity };
  labs.set(lab, state);
  if (Object.keys(readings).length) state.readings = readings; // A new run without a frame yet: the old numbers stay.
  state.playing = playing;
  if (playing && now - state.at < SELDOM) return;
  state.at = now;
  write(lab);
}

function holdsReadings(node) {
  return node.nodeType === Node.ELEMENT_NODE && (node.matches("[data-run]") || node.querySelector("[data-run]"));
}

function write(lab) {
  const { readings, playing } = labs.get(lab);
  if (!readings) return;
  for (const place of document.querySelectorAll(`[data-run="${lab}"]`)) {
    const text = readings[place.dataset.reading];
    if (text === undefined) continue;
    // While numbers change their places only grow: lines that break anew with every frame could not be read.
    const before = parseFloat(place.style.minWidth) || 0;
    place.style.display = playing && place.dataset.reading ? "inline-block" : "";
    place.style.minWidth = playing && place.dataset.reading ? `${Math.max(before, text.length)}ch` : "";
    // The text node is Streamlit's own: it is written over, not replaced.
    if (place.firstChild && place.firstChild.nodeValue !== text) place.firstChild.nodeValue = text;
  }
}
