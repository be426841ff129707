"""A lab as one reader has it: the settings, the run, and the answers to what the browser asks.

The browser asks for frames by number (``assets/lab.js``), past Streamlit: a rerun for each frame made the browser
build the whole page again, and a chapter with four labs came to 8 frames a second. Each question is answered with
everything that its frame needs, less what the browser says it holds already. Nothing here draws: that is
:mod:`core.ui.labs`.
"""

import asyncio
import hashlib
import threading
import uuid
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson

from core import book, charts, readings, stored
from core.engine import EngineError, Waiting
from core.lab import Frame, Lab, describe, knobs, read_settings, replace
from core.sketch import Sketch
from core.ui.engine import engine
from core.ui.shared import shared_runs

MOST_FRAMES_A_QUESTION = 16
"""A reader who draws seldom may skip this many frames; the run must not hold the page up for longer."""
PATIENCE = 0.25
FINISHED = "A finished run of these settings, made earlier."
SHARED = "A finished run of these settings, made earlier on this server."
INSTEAD = "Meanwhile, this is a finished run of these settings, made earlier."

_composing = threading.Lock()
"""One answer is made at a time: more would share one interpreter, and take it from pages that are being drawn."""

OPEN: "weakref.WeakValueDictionary[str, Panel]" = weakref.WeakValueDictionary()
"""The panels of all sessions by their secret names; a session that ends lets go of its own."""


@dataclass(frozen=True)
class _Drawn:
    """What an answer was made from, and what can be said again without making it anew: who waits asks often."""

    last: Frame | None
    shown: Any
    every: bool
    pinned: tuple[Any, Sequence[Frame]] | None
    hashes: dict[str, str]
    sentence: str
    readings: dict[str, str]

    def shows(self, panel: "Panel") -> bool:
        """Whether the panel would be drawn the same way."""
        same = self.last is panel.last and self.pinned is panel.pinned
        return same and (self.every, self.shown) == (panel.every, panel.shown)


@dataclass(eq=False)
class Panel:
    """A lab as one reader has it. Asked by the browser and drawn by the page, in different threads: hold ``lock``."""

    slug: str
    short: str
    reader: str
    params: Any
    """The settings as they stand now."""
    shown: Any
    """The settings of the run that is drawn."""
    frames: Sequence[Frame] = ()
    frame: int = 0
    run: str = ""
    stored: str = ""
    """Where the run that is drawn comes from, in a sentence, if it was not computed for this reader."""
    every: bool = False
    pinned: tuple[Any, Sequence[Frame]] | None = None
    note: str = ""
    waiting: bool = False
    place: int = 0
    """The place of the run in the queue, 0 when it is not queued: the browser asks less often."""
    refused: bool = False
    """The run just asked for was not opened: the browser must not play what is drawn in its place."""
    play: int = 0
    """Counts the server's requests to play: a changed number starts the browser's playing."""
    held: frozenset[str] = frozenset()
    eager: bool = False
    """The reader came by a link with settings of its own: the browser runs the lab as soon as it is in sight."""
    given: Any = None
    """The settings at which the widgets in sight began."""
    version: int = 0
    """Counts what widgets were given: each time there are others, and what a browser says of the last is not heard."""
    changed: bool = False
    """There was such a change, and the widgets in sight are those before it."""
    ended: bool = False
    """A run has just ended: the rest of the page reports on it."""
    guessed: int | None = None
    revealed: str = ""
    drawn: _Drawn | None = None
    sketched: tuple[float, ...] | None = None
    """The heights that the reader has drawn, to be compared with a run."""
    verdict: str = ""
    """How they compared with the last run that could say."""
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)
    """Held by the question that is being answered: those that wait for it take no thread from other readers."""

    @property
    def name(self) -> str:
        """The lab as ``chapter.name``."""
        return f"{self.slug}.{self.short}"

    @property
    def lab(self) -> Lab[Any]:
        """The lab itself."""
        return book.lab(self.name)

    @property
    def last(self) -> Frame | None:
        """The frame that is drawn, if there is one."""
        return self.frames[self.frame] if self.frame < len(self.frames) else None

    @property
    def finished(self) -> bool:
        """Whether the run that is drawn went to its end."""
        return bool(self.frames) and self.frames[-1].step >= self.frames[-1].total

    def start(self) -> None:
        """Open a run with the settings as they stand. When that is refused, a finished run of them takes its place;
        without one, what is drawn is kept.
        """
        engine().close(self.run)
        self.run, self.eager, self.refused = "", False, False
        try:
            self.run = engine().open(self.name, self.params, self.reader)
        except EngineError as refusal:
            self.ended = self.recall(self.params, f"{refusal} {INSTEAD}")
            if not self.ended:
                self.note, self.refused = str(refusal), True
        else:
            self.shown, self.frames, self.frame, self.stored = self.params, [], 0, ""

    def recall(self, params: Any, why: str = "") -> bool:
        """Draw the finished run of these settings from its start, if one is known; whether it is."""
        default = params == self.lab.Params()
        frames = stored.load(self.name) if default else shared_runs().find(self.name, params)
        if frames is not None:
            self.shown, self.frames, self.frame = params, frames, 0
            self.stored = why or (FINISHED if default else SHARED)
        return frames is not None

    def pull(self, frame: int) -> None:
        """Bring the run as far as ``frame``, or as far as patience reaches, and draw that.

        While the run is queued, a finished run of the same settings is drawn, if one is known.
        """
        frames = self.frames if isinstance(self.frames, list) else []
        while self.run and len(frames) <= frame:
            try:
                answer = engine().next(self.run, 0 if self.stored else PATIENCE)
            except EngineError as loss:
                self.note, self.run = str(loss), ""
                break
            if isinstance(answer, Waiting):
                if answer.place and not (frames or self.stored):
                    self.ended = self.recall(self.shown)
                self.note = f"{answer.note} {INSTEAD}" if self.stored else answer.note
                self.waiting, self.place = not self.stored, answer.place
                break
            if self.stored:
                self.frames, self.stored = frames, ""
                frame = 0
            if answer is None:
                self.run = ""
                break
            frames.append(answer)
            if answer.step >= answer.total:
                engine().close(self.run)
                self.run, self.ended = "", True
                shared_runs().keep(self.name, self.shown, tuple(frames))
        self.frame = max(0, min(frame, len(self.frames) - 1))

    def give(self, params: Any) -> None:
        """Change the settings, and have widgets that begin at these."""
        self.params = self.given = params
        self.version += 1

    def set(self, params: Any) -> None:
        """Change the settings from elsewhere than the widgets, and run."""
        self.give(params)
        self.start()
        self.changed = True
        if not self.refused:
            self.play += 1


def begin(slug: str, short: str, reader: str, params: Any) -> Panel:
    """A reader's panel: at the end of a finished run of these settings or, without one, of the defaults."""
    panel = Panel(slug, short, reader, params, book.labs(slug)[short].Params(), given=params)
    if panel.recall(params) or panel.recall(panel.shown):
        panel.frame = len(panel.frames) - 1
    panel.eager = panel.params != panel.shown
    OPEN[panel.token] = panel
    engine().warm(panel.name)
    return panel


def reply(panel: Panel, ask: Mapping[str, Any]) -> dict[str, Any]:
    """Do what the browser asks, and say what it should draw."""
    with panel.lock:
        answer(panel, ask)
        with _composing:
            return snapshot(panel)


def answer(panel: Panel, ask: Mapping[str, Any]) -> None:
    """Do what the browser asks: an act, if it names one, then the frame. What it cannot mean is ignored."""
    panel.note, panel.waiting, panel.place, panel.refused = "", False, 0, False
    frame, held = ask.get("frame"), ask.get("held")
    panel.held = frozenset(str(h) for h in held[:64]) if isinstance(held, list) else frozenset()
    act = ask.get("act")
    if isinstance(act, dict):
        _act(panel, act)
    if isinstance(frame, int) and not isinstance(frame, bool) and not panel.refused:
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
    elif kind == "sketch" and panel.lab.sketch:
        _sketch(panel, panel.lab.sketch, act.get("heights"))
    elif kind == "pin":
        panel.pinned = None if panel.pinned else (panel.shown, list(panel.frames[: panel.frame + 1]))
    elif kind == "every":
        panel.every = not panel.every


def _sketch(panel: Panel, sketch: Sketch, heights: object) -> None:
    """Take the reader's curve and start the run that answers it; none takes it back."""
    panel.verdict, panel.sketched = "", sketch.read(heights)
    if panel.sketched:
        panel.set(replace(panel.lab.Params(), sketch.settings))


def _compare(panel: Panel) -> dict[str, Any]:
    """The reader's curve, whether the run in sight is the one that answers it, and how they compare."""
    sketch = panel.lab.sketch
    if sketch is None:
        return {}
    answers = panel.shown == replace(panel.lab.Params(), sketch.settings)
    at_end = panel.finished and panel.frame == len(panel.frames) - 1
    if panel.sketched and answers and at_end:
        panel.verdict = sketch.verdict(panel.sketched, panel.shown, panel.frames)
    return {"heights": panel.sketched, "answers": answers, "verdict": panel.verdict}


def snapshot(panel: Panel) -> dict[str, Any]:
    """All that the browser needs to draw the panel's frame, less what it holds."""
    lab = panel.lab
    frames = panel.frames[: panel.frame + 1]
    drawn = panel.drawn
    send: dict[str, Any] = {}
    if not (drawn and drawn.shows(panel) and panel.held.issuperset(drawn.hashes.values())):
        parts = _parts(panel, frames)
        hashes = {name: _hash(part) for name, part in parts.items() if name != "spec"}
        hashes["spec"] = _spec_hash(panel.name, panel.shown)
        send = {name: part for name, part in parts.items() if hashes[name] not in panel.held}
        sentence = lab.sentence(panel.shown, frames) if frames else ""
        read = readings.of(panel.name, panel.shown, frames)
        drawn = panel.drawn = _Drawn(panel.last, panel.shown, panel.every, panel.pinned, hashes, sentence, read)
    settings = knobs(type(panel.params))
    return {
        "lab": panel.short,
        "title": lab.title,
        "parts": drawn.hashes,
        "send": send,
        "frame": panel.frame,
        "drawn": len(panel.frames),
        "step": frames[-1].step if frames else 0,
        "total": frames[-1].total if frames else 0,
        "open": bool(panel.run),
        "eager": panel.eager,
        "stored": panel.stored,
        "stale": panel.params != panel.shown,
        "waiting": panel.waiting,
        "place": panel.place,
        "refused": panel.refused,
        "play": panel.play,
        "moved": panel.changed or panel.ended,
        "every": panel.every,
        "replicated": "every" in drawn.hashes,
        "compares": _compares(panel.name, panel.shown),
        "pinned": describe(panel.pinned[0]) if panel.pinned else "",
        "note": panel.note,
        "device": engine().status().device,
        "sentence": drawn.sentence,
        "readings": drawn.readings,
        "seeds": [name for name in ("seed", "data_seed") if name in settings],
        "draws": lab.drawn,
        "sketch": _compare(panel),
    }


def _parts(panel: Panel, frames: Sequence[Frame]) -> dict[str, Any]:
    """The figure's spec, what the reader may draw on it, and its data sets for the last of ``frames``."""
    parts: dict[str, Any] = {"spec": _spec(panel.name, panel.shown)}
    if sketch := panel.lab.sketch:
        parts["sketch"] = {name: getattr(sketch, name) for name in ("question", "at", "places", "start", "keep")}
    if frames:
        parts |= panel.lab.data(panel.shown, frames, panel.every)
        if panel.pinned and panel.pinned[1]:
            before = panel.lab.data(*panel.pinned, False)
            parts |= {f"pinned_{name}": columns for name, columns in before.items()}
    return parts


@lru_cache(maxsize=256)
def _spec(name: str, params: Any) -> dict[str, Any]:
    return {"panels": charts.specs(book.lab(name), params), "light": charts.LIGHT, "dark": charts.DARK}


@lru_cache(maxsize=256)
def _spec_hash(name: str, params: Any) -> str:
    return _hash(_spec(name, params))


@lru_cache(maxsize=256)
def _compares(name: str, params: Any) -> bool:
    """Whether the figure has a place for a pinned run."""
    return b'"pinned_' in orjson.dumps(_spec(name, params))


def _hash(part: Any) -> str:
    return hashlib.blake2s(orjson.dumps(part), digest_size=5).hexdigest()
