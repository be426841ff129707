"""What the figures of nets trained in several ways share: their training, and a strip of numbers for each way."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import altair as alt
import numpy as np

from core import charts as look
from core.lab import Array, Columns, Frame


class Row(NamedTuple):
    """A way of training: its key in the data, its label (“|” breaks the line), and its marks."""

    key: str
    label: str
    colour: str
    shape: str
    dash: tuple[int, ...]


STYLES = (
    (look.NET, "circle", (1, 0)),
    (look.OTHER, "square", (6, 3)),
    (look.BETWEEN, "triangle-up", (2, 2)),
    (look.INK, "diamond", (8, 2, 2, 2)),
)
"""Colour, shape and dashes of rows, told apart by each of them."""


def colour(rows: Sequence[Row], legend: alt.Legend | None = None) -> alt.Color:
    """The rows' colours."""
    return alt.Color("row:N", scale=look.legend([(row.key, row.colour) for row in rows]), legend=legend)


def dash(rows: Sequence[Row]) -> alt.StrokeDash:
    """The rows' dashes."""
    scale = alt.Scale(domain=[row.key for row in rows], range=[list(row.dash) for row in rows])
    return alt.StrokeDash("row:N", scale=scale, legend=None)


def line_legend(rows: Sequence[Row]) -> alt.Legend:
    """A legend of lines, two a row."""
    labels = {row.key: row.label.partition("|")[0] for row in rows}
    legend = alt.Legend(title=None, orient="top", columns=2, labelExpr=f"{labels}[datum.label]")
    legend.symbolType, legend.symbolStrokeWidth, legend.symbolOpacity = "stroke", 3, 1
    return legend


def logarithmic(low: float, high: float, *between: float) -> tuple[alt.Scale, alt.Axis]:
    """A logarithmic scale from ``low`` to ``high``, and an axis with these ticks."""
    scale = alt.Scale(type="log", domain=[low, high], nice=False, clamp=True)
    return scale, alt.Axis(values=[low, *between, high], format="~g")


def percentages(low: float, high: float) -> tuple[alt.Scale, alt.Axis]:
    """A scale of shares, and an axis in per cent."""
    return alt.Scale(domain=[low, high], nice=False, clamp=True), alt.Axis(tickCount=5, format=".0%")


def clock(first: float, last: float, title: str) -> alt.X:
    """How far training is, on a logarithmic axis."""
    scale = alt.Scale(type="log", domain=[first, last], nice=False)
    axis = alt.Axis(values=[tick for tick in (1, 3, 10, 30, 100, 300) if first <= tick <= last], format="~g")
    return alt.X("at:Q", scale=scale, axis=axis, title=title)


def value(column: str, scale: alt.Scale, axis: alt.Axis, title: str) -> alt.Y:
    """The upright axis of :func:`curves`, for one of their columns."""
    return alt.Y(f"{column}:Q", scale=scale, axis=axis, title=title)


def rule(data: str, **encoding: Any) -> Any:
    """A dashed line at a number of its own data set: where nets are compared."""
    return look.layer(data, **encoding).mark_rule(color=look.QUIET, strokeDash=[4, 3], clip=True)


def curves(
    rows: Sequence[Row],
    column: str,
    x: alt.X,
    scale: alt.Scale,
    axis: alt.Axis,
    *under: alt.Chart,
    title: str,
    name: str,
    height: int,
) -> Any:
    """The panel of one column of :func:`curve_numbers` against the clock ``x``, with its band, over ``under``."""
    shade, y = colour(rows, line_legend(rows)), value(column, scale, axis, name)
    low = value(f"{column}_low", scale, axis, name)
    layers = [
        *under,
        look.layer("curves", x=x, y=low, y2=f"{column}_high:Q", color=shade).mark_area(opacity=0.2, clip=True),
        look.layer("pinned_curves", x=x, y=y, detail="row:N").mark_line(
            color=look.PINNED, strokeWidth=1.5, strokeDash=[2, 2], clip=True
        ),
        look.layer("curves", x=x, y=y, color=shade, strokeDash=dash(rows)).mark_line(strokeWidth=2.2, clip=True),
    ]
    return look.panel(*layers, title=title, height=height, columns=6)


def curve_numbers(keys: Sequence[str], frames: Sequence[Frame], clock: str, columns: Mapping[str, str]) -> Columns:
    """The data set ``curves``: medians and middle 80 % over nets, each row as long as its ``clock`` (C,) ran.

    ``columns`` names the values ``(C, S)`` of a frame that each column is of.
    """
    numbers: Columns = {"row": [], "at": []}
    clocks = np.array([frame.values[clock] for frame in frames])
    for number, key in enumerate(keys):
        moved = np.flatnonzero(np.diff(clocks[:, number], prepend=0) > 0)
        shown = moved[look.thinned(len(moved))] if len(moved) else moved
        numbers["row"] += [key] * len(shown)
        numbers["at"] += clocks[shown, number].astype(int).tolist()
        for column, source in columns.items():
            nets = np.array([frames[index].values[source][number] for index in shown])
            bounds = look.band(nets.T) if len(shown) else nets.reshape(3, 0)
            for suffix, found in zip(("_low", "", "_high"), bounds, strict=True):
                numbers.setdefault(column + suffix, []).extend(look.rounded(found))
    return numbers


def along(column: str, scale: alt.Scale, axis: alt.Axis) -> alt.X:
    """The level axis of :func:`strip`, for one of its columns."""
    return alt.X(f"{column}:Q", scale=scale, axis=axis, title=None)


def upright(rows: Sequence[Row]) -> alt.Y:
    """The rows, the first on top."""
    labels = {row.key: row.label for row in rows}
    axis = alt.Axis(labelExpr=f"split({labels}[datum.label], '|')", labelLimit=160, grid=True)
    return alt.Y("row:N", scale=alt.Scale(domain=[row.key for row in rows]), title=None, axis=axis)


def strip(
    rows: Sequence[Row],
    column: str,
    scale: alt.Scale,
    axis: alt.Axis,
    *under: alt.Chart,
    title: str,
    height: int,
) -> Any:
    """The panel of one column of :func:`strip_numbers`, over ``under``: a mark for each net, a bar at each median."""
    x, y = along(column, scale, axis), upright(rows)
    shapes = alt.Scale(domain=[row.key for row in rows], range=[row.shape for row in rows])
    shape = alt.Shape("row:N", scale=shapes, legend=None)
    tooltip = [alt.Tooltip("row:N"), alt.Tooltip(f"{column}:Q", format=".3~g")]
    nets = look.layer("nets", x=x, y=y, color=colour(rows), shape=shape, tooltip=tooltip)
    layers = [
        *under,
        look.layer("pinned_medians", x=x, y=y).mark_tick(color=look.PINNED, thickness=2, size=30),
        look.layer("medians", x=x, y=y, color=colour(rows)).mark_tick(thickness=2.5, size=22),
        nets.mark_point(filled=True, size=45, opacity=0.65),
    ]
    return look.panel(*layers, title=title, height=height, columns=6)


def strip_numbers(keys: Sequence[str], columns: Mapping[str, Array]) -> dict[str, Columns]:
    """The data sets ``nets`` and ``medians`` of rows ``keys`` (C,), from columns ``(C, S)``."""
    replicas = next(iter(columns.values())).shape[1]
    nets = {column: look.rounded(found.ravel(), 4) for column, found in columns.items()}
    middles = {column: look.rounded(_medians(found), 4) for column, found in columns.items()}
    return {"nets": {"row": np.repeat(keys, replicas).tolist(), **nets}, "medians": {"row": list(keys), **middles}}


def _medians(values: Array) -> Array:
    finite = [row[np.isfinite(row)] for row in values]
    return np.array([np.median(row) if row.size else np.nan for row in finite])
