"""A lab for another page: the iframe that holds it, and how high that must be."""

import html
from collections.abc import Iterable
from typing import Any

from core import charts
from core.lab import Lab, knobs
from core.ui import links

AROUND = 520
"""Pixels of a lab that are not its panels: title, sentence, buttons, caption."""
WIDGETS = 95
"""Pixels of a row of settings."""


def iframe(page: str, lab: Lab[Any], short: str, params: Any, hidden: Iterable[str] = ()) -> str:
    """HTML that shows the lab alone; ``page`` is the chapter's address."""
    source = html.escape(links.address(page, short, params, alone=True, hidden=hidden))
    title = html.escape(f"{lab.title}: a lab of Why Deep Learning Works", quote=True)
    style = f"width: 100%; height: {height(lab, params, hidden)}px; border: 0"
    return f'<iframe src="{source}" title="{title}" style="{style}" loading="lazy"></iframe>'


def height(lab: Lab[Any], params: Any, hidden: Iterable[str] = ()) -> int:
    """How many pixels the lab takes in a text column of some 700 pixels, with its further settings folded away."""
    shown = [knob for knob in knobs(lab.Params).values() if not knob.minor and knob.name not in hidden]
    widgets = 0 if "settings" in hidden else -(-len(shown) // 3) * WIDGETS
    return charts.height(charts.specs(lab, params), narrow=True) + widgets + AROUND
