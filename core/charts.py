"""The shared look of every figure: colours by role, named data, bands, and numbers short enough to send."""

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

import altair as alt
import numpy as np

from core.lab import Array, Columns, Lab

LIGHT = {
    "ink": "#1f2430",
    "quiet": "#6f7384",
    "grid": "#e5e7eb",
    "net": "#0b42d6",
    "between": "#b84a00",
    "other": "#00845c",
    "pinned": "#891f80",
}
DARK = {
    "ink": "#e8eaed",
    "quiet": "#b0b2b8",
    "grid": "#363b45",
    "net": "#51aef2",
    "between": "#f0a14d",
    "other": "#1aeda6",
    "pinned": "#bd71ab",
}
"""Colours by role: any two can be told apart with any colour vision, on paper and on a dark page (simulated after
Machado, Oliveira and Fernandes, 2009, in the tests)."""

INK, QUIET, NET, BETWEEN, OTHER, PINNED = (
    f"role:{role}" for role in ("ink", "quiet", "net", "between", "other", "pinned")
)

AROUND_A_PANEL = 40
"""Pixels that a panel's title and axis take."""

LINE_POINTS = 40
"""Points of a history that a figure shows; more could not be told apart."""


def rounded(values: Array, digits: int = 3) -> list[float | None]:
    """Numbers to ``digits`` significant digits, ``None`` for what is not finite."""
    return [float(f"{v:.{digits}g}") if math.isfinite(v) else None for v in np.asarray(values, float).tolist()]


def fixed(values: Array, decimals: int = 3) -> list[float | None]:
    """Numbers to ``decimals`` places, ``None`` for what is not finite."""
    array = np.round(np.asarray(values, float), decimals)
    numbers: list[float | None] = array.tolist()
    return numbers if np.isfinite(array).all() else [v if v is not None and math.isfinite(v) else None for v in numbers]


def band(values: Array) -> tuple[Array, Array, Array]:
    """10 % quantile, median and 90 % quantile over the first axis, diverged replicas left out."""
    kept = values[np.isfinite(values).reshape(len(values), -1).all(axis=1)]
    if not len(kept):
        kept = np.full_like(values[:1], np.nan, dtype=float)
    low, median, high = np.quantile(kept, (0.1, 0.5, 0.9), axis=0)
    return low, median, high


def thinned(length: int, most: int = LINE_POINTS) -> Array:
    """Indices of at most ``most`` of ``length`` frames, the first and the last among them."""
    return np.unique(np.linspace(0, length - 1, min(length, most)).round().astype(int))


def layer(data: str, **encoding: Any) -> alt.Chart:
    """An empty chart on the data set named ``data``, to be filled as frames arrive."""
    return alt.Chart(alt.NamedData(data)).encode(**encoding)


def panel(*layers: alt.Chart | alt.LayerChart, title: str, height: int = 320, columns: int = 12) -> alt.LayerChart:
    """One panel of a figure: layers of fixed height, ``columns`` of twelve wide (all of it on a phone)."""
    chart = alt.layer(*layers).properties(
        width="container",
        height=height,
        title=alt.TitleParams(title, anchor="start"),
        usermeta={"columns": columns},
    )
    return cast(alt.LayerChart, chart)


_building = threading.Lock()


def specs(lab: Lab[Any], params: Any) -> list[dict[str, Any]]:
    """The Vega-Lite specs of a lab's panels, without data. Kept for whoever asks next: not to be changed."""
    with _building:  # Building takes a tenth of a second: of many who ask at once, one builds.
        return _build(lab.charts, params)


@lru_cache(maxsize=512)
def _build(charts: Callable[[Any], Sequence[alt.LayerChart]], params: Any) -> list[dict[str, Any]]:
    # To validate takes twice as long again: a test does it for every lab, and no reader waits for it.
    return [panel.to_dict(validate=False) for panel in charts(params)]


def height(specs: Sequence[Mapping[str, Any]], *, narrow: bool = False) -> int:
    """How many pixels panels take: side by side where their columns allow it, or all below each other."""
    rows, filled = [0], 0
    for spec in specs:
        columns = spec["usermeta"]["columns"]
        if narrow or filled + columns > 12:
            rows.append(0)
            filled = 0
        filled += columns
        rows[-1] = max(rows[-1], spec["height"] + AROUND_A_PANEL)
    return sum(rows)


def fill(chart: alt.LayerChart, data: dict[str, Columns]) -> dict[str, Any]:
    """The panel's Vega-Lite spec with its data inside, in light colours: for exports and tests."""
    spec: dict[str, Any] = chart.to_dict()
    spec["datasets"] = {name: rows(columns) for name, columns in data.items()}
    coloured: dict[str, Any] = _coloured(spec)
    return coloured


def rows(columns: Columns) -> list[dict[str, Any]]:
    """Columns as the row objects that Vega reads."""
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def legend(entries: Sequence[tuple[str, str]]) -> alt.Scale:
    """A colour scale from series names to roles."""
    return alt.Scale(domain=[name for name, _ in entries], range=[colour for _, colour in entries])


def _coloured(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _coloured(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_coloured(value) for value in node]
    if isinstance(node, str) and node.startswith("role:"):
        return LIGHT[node.removeprefix("role:")]
    return node
