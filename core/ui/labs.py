"""Labs on a page: their settings, figures, questions and data."""

import hashlib
import html
import uuid
from functools import lru_cache, partial
from typing import Any

import streamlit as st

from core import book, tables
from core.lab import Guess, replace
from core.ui import links, prose
from core.ui.controls import controls, put
from core.ui.panel import Panel, begin


def open_panels(slug: str, found: dict[str, Any]) -> None:
    """Make a reader's panels of a chapter, with the settings that a link has given."""
    reader = st.session_state.setdefault("reader", uuid.uuid4().hex)
    for short, params in found.items():
        st.session_state[_slot(slug, short)] = begin(slug, short, reader, params)


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
    _follow(panel)
    with panel.lock:
        ended, panel.ended = panel.ended, False
    if ended:
        st.rerun()  # The answer to a guess stands outside this fragment.
    st.html(f"<h3 class='wd-title' id='{short}'>Lab {number}. {html.escape(panel.lab.title)}</h3>")
    misses = _settings(panel, minor=False)
    _component()(key=f"{short}:figure", data=_mount(panel), on_moved_change=lambda: None)
    st.markdown(f"**Figure {number}.** {caption}", unsafe_allow_html=True)
    with st.expander("More settings"):
        misses += _settings(panel, minor=True)
    prose.says(misses, "miss")
    links.write(short, panel.params)
    _data(panel)


def _follow(panel: Panel) -> bool:
    """Bring the lab's widgets, not yet drawn, in line with settings that were changed elsewhere; whether they were."""
    with panel.lock:
        changed, panel.changed = panel.changed, False
        if changed:
            put(panel.short, panel.params)
        return changed


def _settings(panel: Panel, *, minor: bool) -> list[str]:
    """Draw the widgets and take their values, unless the settings were changed elsewhere meanwhile."""
    params, misses = controls(panel.short, panel.params, minor=minor)
    with panel.lock:
        if not panel.changed:
            panel.params = params
    return misses


def _mount(panel: Panel) -> dict[str, Any]:
    """What the figure's script must know to ask for the rest; it asks anew whenever this changes."""
    return {"lab": panel.short, "token": panel.token, "play": panel.play, "settings": repr(panel.params)}


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
    if _follow(panel):
        st.rerun()  # The lab's widgets stand outside this fragment.
    if panel.guessed is not None:
        _reveal(panel, question)


def _guessed(slug: str, short: str) -> None:
    panel = find(slug, short)
    first, panel.guessed = panel.guessed is None, st.session_state[f"{short}:guess"]
    if first and panel.lab.guess is not None:
        with panel.lock:
            panel.set(replace(panel.lab.Params(), panel.lab.guess.settings))


def _reveal(panel: Panel, question: Guess) -> None:
    answering = replace(panel.lab.Params(), question.settings)
    if panel.shown == answering and panel.finished:
        right = question.answer(answering, panel.frames)
        verdict = (
            "That is what the run gave."
            if right == panel.guessed
            else (f"The run gave another answer: “{question.options[right]}”.")
        )
        panel.revealed = f"{verdict} {question.reveal(answering, panel.frames)}"
    prose.says([panel.revealed or "The figure below is running to answer you."], "reveal")


@lru_cache(maxsize=1)
def _loader() -> str:
    version = hashlib.blake2s((book.ASSETS / "lab.js").read_bytes(), digest_size=5).hexdigest()
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
