"""Widgets for a lab's settings, made from its ``Params``."""

import contextlib
import math
from collections.abc import Container, Iterable
from typing import Any

import streamlit as st

from core.lab import Knob, Unfit, Value, knobs, plain

SHORT = 40
"""Letters of a text setting that fit into one line."""


def controls(
    lab: str, version: int, given: Any, *, minor: bool, hidden: Container[str] = ()
) -> tuple[dict[str, Value], list[str]]:
    """Draw the widgets of a lab's major or minor settings; their values, and what could not be read.

    They begin at ``given``, which is to stay the same until there is another ``version``, which has other widgets. So a
    browser that has missed one drawing of a widget knows from the next where it stands.
    """
    chosen = [knob for knob in knobs(type(given)).values() if knob.minor == minor and knob.name not in hidden]
    values: dict[str, Value] = {}
    misses: list[str] = []
    # A grid of the style sheet's: Streamlit's columns would be four messages more for each row of three.
    with st.container(key=f"settings-{lab}-{'minor' if minor else 'major'}"):
        for knob in chosen:
            raw = _widget(knob, key(lab, knob.name, version), getattr(given, knob.name))
            try:
                values[knob.name] = knob.read(raw)
            except Unfit as miss:
                misses.append(f"{miss} What was set before is kept.")
    return values, misses


def key(lab: str, name: str, version: int) -> str:
    """The session's key of a setting's widget."""
    return f"{lab}.{name}.{version}"


def take(lab: str, version: int, chosen: Iterable[Knob]) -> dict[str, Value]:
    """The values of a lab's widgets that stand on the page and can be read, before they are drawn."""
    values = {}
    for knob in chosen:
        with contextlib.suppress(KeyError, Unfit):
            values[knob.name] = knob.read(st.session_state[key(lab, knob.name, version)])
    return values


def steps(knob: Knob, current: float) -> list[float]:
    """The stops of a logarithmic slider: 1, 2, 3, 5, 7 in every power of ten, both ends, and where it begins."""
    assert knob.low is not None and knob.high is not None
    powers = range(math.floor(math.log10(knob.low)), math.ceil(math.log10(knob.high)) + 1)
    stops = {round(digit * 10.0**power, 12) for power in powers for digit in (1, 2, 3, 5, 7)}
    return sorted({stop for stop in stops if knob.low <= stop <= knob.high} | {knob.low, knob.high, current})


def _widget(knob: Knob, key: str, value: Any) -> object:
    help = knob.help or None
    if knob.parse is not None:
        if len(str(knob.default)) <= SHORT:
            return st.text_input(knob.label, value, key=key, help=help)
        return st.text_area(knob.label, value, key=key, help=help, height=110)
    if knob.choices:
        if len(knob.choices) > 2 and not isinstance(knob.choices[0], str):
            return st.select_slider(knob.label, knob.choices, value, key=key, help=help)
        place = knob.choices.index(value)
        return st.selectbox(knob.label, knob.choices, place, key=key, help=help, format_func=_said)
    if knob.log:
        return st.select_slider(knob.label, steps(knob, value), value, format_func=plain, key=key, help=help)
    assert knob.low is not None and knob.high is not None
    if knob.type is int and knob.high - knob.low > 1000:
        return st.number_input(knob.label, int(knob.low), int(knob.high), value, key=key, help=help)
    if knob.type is int:
        return st.slider(knob.label, int(knob.low), int(knob.high), value, key=key, help=help)
    # A slider snaps to its stops: what a link says between them must remain what it said.
    return st.number_input(
        knob.label, knob.low, knob.high, value, key=key, help=help, step=(knob.high - knob.low) / 20, format="%.4g"
    )


def _said(choice: Value) -> str:
    return ("no", "yes")[choice] if isinstance(choice, bool) else str(choice)
