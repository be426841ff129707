// What every page can do: measure a claim where its number stands, in the text or in the list of evidence.

const BETWEEN_LOOKS = 500; // Milliseconds.
const LOST = "The server does not answer.";

const under_way = new Set();
let listening = false;

export function draw() {
  if (listening) return;
  listening = true;
  document.documentElement.dataset.measures = "yes";
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a.wd-claim");
    const button = event.target.closest?.("button.wd-measure");
    const all = event.target.closest?.("button.wd-measure-all");
    if (link) {
      event.preventDefault();
      measure(link.dataset.claim);
    } else if (button) {
      measure(button.dataset.claim);
    } else if (all) {
      measureAll([...document.querySelectorAll("button.wd-measure")].map((one) => one.dataset.claim));
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && document.activeElement?.classList.contains("wd-tipped")) document.activeElement.blur();
  });
}

export function leave() {}

async function measureAll(claims) {
  for (const claim of claims) await measure(claim); // One at a time, as the server does.
}

async function measure(claim) {
  if (under_way.has(claim)) return;
  under_way.add(claim);
  try {
    let state = await ask(claim, "POST");
    say(claim, state);
    while (state.running) {
      await new Promise((resolve) => setTimeout(resolve, BETWEEN_LOOKS));
      state = await ask(claim, "GET");
      say(claim, state);
    }
  } catch {
    say(claim, { note: LOST });
  } finally {
    under_way.delete(claim);
  }
}

async function ask(claim, method) {
  const response = await fetch(new URL(`../claims/${claim}`, import.meta.url), { method });
  if (!response.ok) throw new Error(response.statusText);
  return response.json();
}

function say(claim, state) {
  const text = state.running
    ? `Measuring: ${state.elapsed.toFixed(0)} s …`
    : state.note ||
      `${state.holds ? "✓ holds" : "✗ misses"}: measured ${state.measured} just now, in ${state.took}.`;
  for (const place of document.querySelectorAll(`.wd-verdict[data-claim="${claim}"]`)) {
    place.textContent = text;
    place.classList.toggle("wd-holds", !state.running && state.holds === true);
    place.classList.toggle("wd-misses", !state.running && state.holds === false);
  }
}
