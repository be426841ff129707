"""A lab on a page: its settings, its figure, and the run behind it.

The browser asks for frames by number (``assets/lab.js``); each question is answered by one rerun of the inner
fragment with everything that frame needs. What the browser says it holds already is not sent again.
"""

import hashlib
import html
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import streamlit as st

from core import book, charts, stored, tables
from core.engine import EngineError, Waiting
from core.lab import Frame, Guess, Lab, knobs, read_settings, replace
from core.ui import links, prose
from core.ui.controls import controls, key, put
from core.ui.server import ASSETS, engine

MOST_FRAMES_A_QUESTION = 16
"""A reader who draws seldom may skip this many frames; the run must not hold the page up for longer."""
PATIENCE = 0.25


@dataclass
class Panel:
    """A lab as one reader has it."""

    slug: str
    short: str
    params: Any
    """The settings as they stand now."""
    shown: Any
    """The settings of the run that is drawn."""
    frames: Sequence[Frame] = ()
    frame: int = 0
    run: str = ""
    stored: bool = False
    every: bool = False
    pinned: tuple[Any, Sequence[Frame]] | None = None
    note: str = ""
    waiting: bool = False
    play: int = 0
    """Counts the server's requests to play: a changed number starts the browser's playing."""
    asked: int = 0
    held: frozenset[str] = frozenset()
    moved: bool = False
    """Set when more than the figure is out of date: settings were changed elsewhere, or a run has ended."""
    widgets: tuple[Any, ...] = ()
    """The widgets' values when the lab was last drawn."""
    guessed: int | None = None
    revealed: str = ""

    @property
    def name(self) -> str:
        return f"{self.slug}.{self.short}"

    @property
    def lab(self) -> Lab[Any]:
        return book.lab(self.name)

    @property
    def finished(self) -> bool:
        return bool(self.frames) and self.frames[-1].step >= self.frames[-1].total

    def start(self) -> None:
        """Drop the run that is drawn, and open one with the settings as they stand."""
        engine().close(self.run)
        self.shown, self.frames, self.frame, self.stored = self.params, [], 0, False
        self.run = ""
        try:
            self.run = engine().open(self.name, self.params, reader())
        except EngineError as refusal:
            self.note = str(refusal)

    def pull(self, frame: int) -> None:
        """Bring the run as far as ``frame``, or as far as patience reaches, and draw that."""
        frames = self.frames if isinstance(self.frames, list) else []
        while self.run and len(frames) <= frame:
            try:
                answer = engine().next(self.run, PATIENCE)
            except EngineError as loss:
                self.note, self.run = str(loss), ""
                break
            if isinstance(answer, Waiting):
                self.note, self.waiting = answer.note, True
                break
            if answer is None:
                self.run = ""
                break
            frames.append(answer)
            if answer.step >= answer.total:
                engine().close(self.run)
                self.run, self.moved = "", True
        self.frame = max(0, min(frame, len(self.frames) - 1))

    def set(self, params: Any) -> None:
        """Change the settings from elsewhere than the widgets, and run."""
        self.params = params
        put(self.short, params)
        self.start()
        self.moved = True
        self.play += 1


def reader() -> str:
    """A name for this browser tab."""
    return str(st.session_state.setdefault("reader", uuid.uuid4().hex))


def begin(slug: str, short: str, params: Any) -> None:
    """Make a reader's panel: on the stored run when the settings are the defaults, else empty and ready to run."""
    lab = book.labs(slug)[short]
    panel = Panel(slug, short, params, lab.Params())
    frames = stored.load(panel.name)
    if frames is not None:
        panel.frames, panel.stored, panel.frame = frames, True, len(frames) - 1
    st.session_state[_slot(slug, short)] = panel


def find(slug: str, short: str) -> Panel:
    """The reader's panel of a lab."""
    panel: Panel = st.session_state[_slot(slug, short)]
    return panel


def _slot(slug: str, short: str) -> str:
    return f"panel:{slug}.{short}"


@st.fragment
def show(slug: str, short: str, number: int, caption: str) -> None:
    """Draw a lab: its main settings, its figure, caption, further settings and data."""
    panel = find(slug, short)
    st.html(f"<h3 class='wd-title' id='{short}'>Lab {number}. {html.escape(panel.lab.title)}</h3>")
    panel.params, misses = controls(short, panel.params, minor=False)
    _figure(slug, short)
    st.markdown(f"**Figure {number}.** {caption}", unsafe_allow_html=True)
    with st.expander("More settings"):
        panel.params, more = controls(short, panel.params, minor=True)
    prose.says(misses + more, "miss")
    links.write(short, panel.params)
    _data(panel)
    panel.widgets = _widgets(short, panel)


@st.fragment
def _figure(slug: str, short: str) -> None:
    """The figure alone: the part that is drawn again with every frame."""
    panel = find(slug, short)
    # A widget moved in the very moment of a question comes in with it, and Streamlit then draws the figure only.
    if panel.widgets and panel.widgets != _widgets(short, panel):
        panel.widgets, panel.moved = (), True
    _redraw_if_moved(slug)
    _component()(
        key=_slot(slug, short) + ":figure",
        data=snapshot(panel),
        on_ask_change=partial(_answer, slug, short),
    )


def _widgets(short: str, panel: Panel) -> tuple[Any, ...]:
    keys = [key(short, name) for name in knobs(type(panel.params))] + [f"{short}:table"]
    return tuple(st.session_state.get(name) for name in keys)


def _redraw_if_moved(slug: str) -> None:
    moved = [panel for short in book.labs(slug) if (panel := find(slug, short)).moved]
    if moved:
        for panel in moved:
            panel.moved = False
        st.rerun()


def _answer(slug: str, short: str) -> None:
    panel = find(slug, short)
    ask = st.session_state[_slot(slug, short) + ":figure"].get("ask")
    if isinstance(ask, dict):
        answer(panel, ask)


def answer(panel: Panel, ask: Mapping[str, Any]) -> None:
    """Do what the browser asks: an act, if it names one, then the frame. What it cannot mean is ignored."""
    panel.note, panel.waiting = "", False
    number, frame, held = ask.get("n"), ask.get("frame"), ask.get("held")
    panel.asked = number if isinstance(number, int) else 0
    panel.held = frozenset(str(h) for h in held[:64]) if isinstance(held, list) else frozenset()
    act = ask.get("act")
    if isinstance(act, dict):
        _act(panel, act)
    if isinstance(frame, int) and not isinstance(frame, bool):
        furthest = max(len(panel.frames) - 1, 0) + MOST_FRAMES_A_QUESTION
        panel.pull(max(0, min(frame, furthest)))


def _act(panel: Panel, act: Mapping[str, Any]) -> None:
    kind, changes = act.get("do"), act.get("settings")
    if kind == "run":
        panel.start()
    elif kind in ("seed", "data_seed") and kind in knobs(type(panel.params)):
        panel.set(replace(panel.params, {kind: (getattr(panel.params, kind) + 1) % 10_000}))
    elif kind == "set" and isinstance(changes, dict):
        # A phrase of the essay speaks of one case: what it does not name is at its default.
        params, _ = read_settings(type(panel.params), changes)
        panel.set(params)
    elif kind == "draw" and panel.lab.drawn and isinstance(changes, dict):
        fresh, misses = read_settings(type(panel.params), {panel.lab.drawn: changes.get(panel.lab.drawn, "")})
        if not misses:
            panel.set(replace(panel.params, {panel.lab.drawn: getattr(fresh, panel.lab.drawn)}))
        else:
            panel.note = misses[0]
    elif kind == "pin":
        panel.pinned = None if panel.pinned else (panel.shown, list(panel.frames[: panel.frame + 1]))
    elif kind == "every":
        panel.every = not panel.every


def snapshot(panel: Panel) -> dict[str, Any]:
    """All that the browser needs to draw the panel's frame, less what it holds."""
    lab = panel.lab
    parts: dict[str, Any] = {"spec": _spec(panel.name, panel.shown)}
    sentence = ""
    frames = panel.frames[: panel.frame + 1]
    if frames:
        parts |= lab.data(panel.shown, frames, panel.every)
        sentence = lab.sentence(panel.shown, frames)
        if panel.pinned and panel.pinned[1]:
            before = lab.data(*panel.pinned, False)
            parts |= {f"pinned_{name}": columns for name, columns in before.items()}
    hashes = {name: _hash(part) for name, part in parts.items()}
    settings = knobs(type(panel.params))
    return {
        "lab": panel.short,
        "title": lab.title,
        "asked": panel.asked,
        "parts": hashes,
        "send": {name: part for name, part in parts.items() if hashes[name] not in panel.held},
        "frame": panel.frame,
        "drawn": len(panel.frames),
        "step": frames[-1].step if frames else 0,
        "total": frames[-1].total if frames else 0,
        "open": bool(panel.run),
        "stored": panel.stored,
        "stale": panel.params != panel.shown,
        "waiting": panel.waiting,
        "play": panel.play,
        "every": panel.every,
        "pinned": describe(panel.pinned[0], lab.Params()) if panel.pinned else "",
        "note": panel.note,
        "sentence": sentence,
        "seeds": [name for name in ("seed", "data_seed") if name in settings],
        "draws": lab.drawn,
    }


def describe(params: Any, default: Any) -> str:
    """What sets these settings apart from the defaults, in words."""
    differing = [
        f"{knob.label.lower()} {getattr(params, name)}"
        for name, knob in knobs(type(params)).items()
        if getattr(params, name) != getattr(default, name) and knob.parse is None
    ]
    return ", ".join(differing) or "the default settings"


@lru_cache(maxsize=256)
def _spec(name: str, params: Any) -> dict[str, Any]:
    panels = [chart.to_dict() for chart in book.lab(name).charts(params)]
    return {"panels": panels, "light": charts.LIGHT, "dark": charts.DARK}


def _hash(part: Any) -> str:
    return hashlib.blake2s(json.dumps(part).encode(), digest_size=5).hexdigest()


def _data(panel: Panel) -> None:
    """The run's numbers as a table and as a file, on demand."""
    with st.container(horizontal=True, vertical_alignment="center", key=f"data-{panel.short}"):
        table = st.toggle("Table", key=f"{panel.short}:table")
        st.download_button(
            "Numbers as CSV",
            lambda: tables.frames_table(panel.frames).to_csv(index=False).encode(),
            file_name=f"{panel.name}.csv",
            mime="text/csv",
            on_click="ignore",
            disabled=not panel.frames,
            key=f"{panel.short}:csv",
            type="tertiary",
        )
    if table and panel.frames:
        st.dataframe(tables.frames_table(panel.frames[: panel.frame + 1]), hide_index=True, height=300)


@st.fragment
def guess(slug: str, short: str) -> None:
    """The lab's question, asked before its run; the run answers it."""
    panel = find(slug, short)
    question = panel.lab.guess
    if question is None:
        return
    st.radio(
        f"**Guess first.** {question.question}",
        range(len(question.options)),
        index=None,
        format_func=lambda option: question.options[option],
        key=f"{short}:guess",
        on_change=partial(_guessed, slug, short),
    )
    _redraw_if_moved(slug)
    if panel.guessed is not None:
        _reveal(panel, question)


def _guessed(slug: str, short: str) -> None:
    panel = find(slug, short)
    first, panel.guessed = panel.guessed is None, st.session_state[f"{short}:guess"]
    if first and panel.lab.guess is not None:
        panel.set(replace(panel.lab.Params(), panel.lab.guess.settings))


def _reveal(panel: Panel, question: Guess) -> None:
    answering = replace(panel.lab.Params(), question.settings)
    if panel.shown == answering and panel.finished:
        right = question.answer(answering, panel.frames)
        verdict = "That is what the run gave." if right == panel.guessed else (
            f"The run gave another answer: “{question.options[right]}”."
        )
        panel.revealed = f"{verdict} {question.reveal(answering, panel.frames)}"
    prose.says([panel.revealed or "The figure below is running to answer you."], "reveal")


@lru_cache(maxsize=1)
def _loader() -> str:
    version = hashlib.blake2s((ASSETS / "lab.js").read_bytes(), digest_size=5).hexdigest()
    # Streamlit sends a component's script with every message: this one only fetches the real one.
    return f"""
const loaded = import(new URL("assets/lab.js?{version}", document.baseURI).href);
export default function (component) {{
  loaded.then((lab) => lab.draw(component));
  return () => loaded.then((lab) => lab.leave(component));
}}
"""


def _component() -> Any:
    return st.components.v2.component("lab", html="<div class='wd-lab'></div>", js=_loader(), isolate_styles=False)
