"""Labs on a page: their settings, figures, questions and data."""

import html
import json
import uuid
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from core import book, charts, export, pictures, tables
from core.lab import Frame, Guess, Lab, knobs, replace, settings
from core.ui import links, prose, scripts, share
from core.ui.controls import controls, take
from core.ui.panel import Panel, begin

if TYPE_CHECKING:
    import pandas as pd


def open_panels(slug: str, found: dict[str, Any]) -> None:
    """Make a reader's panels of a chapter, with the settings that a link has given."""
    reader = st.session_state.setdefault("reader", uuid.uuid4().hex)
    for short, params in found.items():
        st.session_state[_slot(slug, short)] = begin(slug, short, reader, params)


def find(slug: str, short: str) -> Panel:
    """The reader's panel of a lab."""
    panel: Panel = st.session_state[_slot(slug, short)]
    return panel


def _settings_of_all(slug: str) -> dict[str, Any]:
    """The settings of a chapter's labs that the reader has: all of them, or the one on the first page."""
    slots = {name: _slot(slug, name) for name in book.labs(slug)}
    return {name: st.session_state[slot].params for name, slot in slots.items() if slot in st.session_state}


def _slot(slug: str, short: str) -> str:
    return f"panel:{slug}.{short}"


@st.fragment
def show(slug: str, short: str, number: int, caption: str, hidden: frozenset[str] = frozenset()) -> None:
    """Draw a lab: its main settings, its figure, caption, further settings and data, less what is ``hidden``.

    What is folded away is drawn when it is opened: most readers open little, and it was more than half of a page.
    """
    panel = find(slug, short)
    with panel.lock:
        panel.changed = False
        if not take(short, panel.version, knobs(type(panel.params)).values()):
            panel.given = panel.params  # The reader has come back to this page, and the widgets begin anew.
        ended, panel.ended = panel.ended, False
    if ended:
        st.rerun()  # The answer to a guess stands outside this fragment.
    st.html(f"<h3 class='wd-title' id='{short}'>Lab {number}. {html.escape(panel.lab.title)}</h3>")
    misses = _settings(panel, hidden, minor=False) if "settings" not in hidden else []
    figure = scripts.component("lab", "<div class='wd-lab'></div>")
    # A tuple, not a list: to see whether that is a table, Streamlit would import pandas before it sends the page.
    mounted = _mount(panel) | {"hidden": tuple(sorted(hidden))}
    figure(key=f"{short}:figure", data=mounted, on_moved_change=lambda: None)
    if "caption" not in hidden:
        st.markdown(f"**Figure {number}.** {caption}", unsafe_allow_html=True)
    if not {"settings", "more"} & hidden:
        more = st.expander("More settings", key=f"{short}:more", on_change=_fold, args=(panel,))
        if more.open:
            with more:
                misses += _settings(panel, hidden, minor=True)
    prose.says(misses, "miss")
    links.write(_settings_of_all(slug))
    if "data" not in hidden:
        _data(panel)


def _fold(panel: Panel) -> None:
    """Take the values of all widgets in sight: what was typed last may come with the click that folds them away.

    Those that are unfolded are others, for a browser remembers what they were.
    """
    with panel.lock:
        every = knobs(type(panel.params)).values()
        panel.params = replace(panel.params, take(panel.short, panel.version, every))
        if st.session_state[f"{panel.short}:more"]:
            panel.give(panel.params)


def _settings(panel: Panel, hidden: frozenset[str], *, minor: bool) -> list[str]:
    """Draw the widgets and take their values, unless the settings were changed elsewhere meanwhile."""
    with panel.lock:
        before, given, version = panel.params, panel.given, panel.version
    values, misses = controls(panel.short, version, given, minor=minor, hidden=hidden)
    with panel.lock:
        if panel.version == version:
            panel.params = replace(before, values)
    return misses


def _mount(panel: Panel) -> dict[str, Any]:
    """What the figure's script must know to ask for the rest; it asks anew whenever this changes."""
    return {
        "lab": panel.short,
        "token": panel.token,
        "play": panel.play,
        "settings": repr(panel.params),
        "height": charts.height(charts.specs(panel.lab, panel.shown)),
    }


def _data(panel: Panel) -> None:
    """The run's numbers as a table and as a file, on demand."""
    with st.container(horizontal=True, vertical_alignment="center", key=f"data-{panel.short}"):
        table = st.toggle("Table", key=f"{panel.short}:table")
        for label, fill in (("Download", _downloads), ("Share", _share)):
            opened = st.popover(label, type="tertiary", key=f"{panel.short}:{label.lower()}", on_change="rerun")
            if opened.open:
                with opened:
                    fill(panel)
    if table and panel.frames:
        st.dataframe(_table(panel), hide_index=True, height=300)


def _table(panel: Panel, curves: bool = False) -> "pd.DataFrame":
    with panel.lock:
        frames, rows = list(panel.frames[: panel.frame + 1]), panel.lab.rows(panel.shown)
    return tables.frames_table(frames, rows, curves)


def _picture(panel: Panel, make: Callable[[Lab[Any], Any, Sequence[Frame]], Any]) -> Any:
    with panel.lock:
        shown, frames = panel.shown, list(panel.frames[: panel.frame + 1])
    return make(panel.lab, shown, frames)


def _downloads(panel: Panel) -> None:
    """The run as files: numbers, figure, and code that runs it elsewhere. Each is made when it is asked for."""
    files: dict[str, tuple[str, str, Callable[[], str | bytes]]] = {
        "Numbers, CSV": ("csv", "text/csv", lambda: _table(panel).to_csv(index=False)),
        "Numbers and curves, Parquet": (
            "parquet",
            "application/vnd.apache.parquet",
            lambda: _table(panel, curves=True).to_parquet(),
        ),
        "Figure, SVG": ("svg", "image/svg+xml", lambda: _picture(panel, pictures.svg)),
        "Figure, PNG": ("png", "image/png", lambda: _picture(panel, pictures.png)),
        "Code, Python": ("py", "text/x-python", lambda: export.script(panel.name, panel.params)),
        "Code, notebook": ("ipynb", "application/x-ipynb+json", lambda: export.notebook(panel.name, panel.params)),
    }
    for label, (ending, mime, make) in files.items():
        st.download_button(
            label,
            make,
            f"{panel.name}.{ending}",
            mime,
            on_click="ignore",
            key=f"{panel.short}:{ending}",
            type="tertiary",
        )


def _share(panel: Panel) -> None:
    """The lab as it stands, to take elsewhere."""
    page = st.context.url or panel.slug
    st.markdown("**Link** to this chapter with these settings")
    st.code(links.address(page, panel.short, panel.params), language=None, wrap_lines=True)
    st.markdown("**This lab alone**, for another page; the page *Teach* says more")
    st.code(share.iframe(page, panel.lab, panel.short, panel.params), language=None, wrap_lines=True)
    st.markdown("**Settings** as JSON")
    st.code(json.dumps({"lab": panel.name, "settings": settings(panel.params)}, indent=1), language=None)


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
    with panel.lock:
        changed, panel.changed = panel.changed, False
    if changed:
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
