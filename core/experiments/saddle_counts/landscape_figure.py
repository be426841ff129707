"""How a landscape, its critical points and their counts are drawn."""

import math
from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np

from core import charts as look
from core.experiments.saddle_counts.fields import FIRST_CELL
from core.experiments.saddle_counts.kac_rice import DENSITY, FRACTIONS
from core.experiments.saddle_counts.planes import tiles
from core.lab import Columns

KINDS = {
    1: ("minima", "maxima"),
    2: ("minima", "saddles", "maxima"),
    3: ("minima", "one down", "two down", "maxima"),
}
"""Critical points by index; in three dimensions there are saddles with one direction down, and with two."""
SHAPES = {"minima": "triangle-down", "saddles": "diamond", "one down": "diamond", "two down": "square"}
SHAPES["maxima"] = "triangle-up"
COLOURS = {"minima": look.NET, "saddles": look.OTHER, "one down": look.OTHER, "two down": look.INK}
COLOURS["maxima"] = look.BETWEEN
BALANCES = {1: "Minima − maxima", 2: "Minima − saddles + maxima", 3: "Even indices − odd indices"}
LEVELS = 6
"""Frames of a field: a grid each, and a last one for all the finer grids together."""
SEEN = 40.0
"""How much of the box is drawn in one dimension."""
CURVE = 241
HIGHEST = 3.6


def panels(dimension: int, side: float, fields: int) -> Sequence[Any]:
    """The landscape searched, the shares by index, the density found by each grid, and the balances."""
    landscape = {1: _curve, 2: _map, 3: _heights}[dimension]
    return landscape(side), _shares(dimension), _densities(dimension, side), _balances(dimension, fields)


def _kind(dimension: int, legend: Any = None) -> dict[str, Any]:
    kinds = KINDS[dimension]
    shapes = alt.Scale(domain=list(kinds), range=[SHAPES[kind] for kind in kinds])
    return {
        "shape": alt.Shape("kind:N", scale=shapes, legend=legend),
        "color": alt.Color("kind:N", scale=look.legend([(kind, COLOURS[kind]) for kind in kinds]), legend=legend),
    }


def _curve(side: float) -> Any:
    seen = min(SEEN, side)
    x = alt.X("x:Q", scale=alt.Scale(domain=[0, seen], nice=False), title="x")
    y = alt.Y("height:Q", scale=alt.Scale(domain=[-HIGHEST, HIGHEST], nice=False), title="height")
    return look.panel(
        look.layer("landscape", x=x, y=y).mark_line(color=look.QUIET, strokeWidth=1.8, clip=True),
        look.layer("points", x=x, y=y, **_kind(1)).mark_point(filled=True, size=70, opacity=1, clip=True),
        title="A landscape, and the points found in it" if seen < SEEN else f"The first {SEEN:g} units of a landscape",
        height=340,
        columns=7,
    )


def _map(side: float) -> Any:
    scale = alt.Scale(domain=[0, side], nice=False)
    bare = alt.Axis(grid=False)
    x, y = alt.X("x:Q", scale=scale, axis=bare, title="x"), alt.Y("y:Q", scale=scale, axis=bare, title="y")
    tooltip = [alt.Tooltip(f"{name}:{type}") for name, type in (("kind", "N"), ("height", "Q"))]
    return look.panel(
        tiles("landscape", 0, side, x, y),
        look.layer("points", x=x, y=y, tooltip=tooltip, **_kind(2)).mark_point(
            filled=True, size=60, opacity=1, clip=True
        ),
        title="A landscape (dark: high), and the points found",
        height=340,
        columns=7,
    )


def _heights(side: float) -> Any:
    kinds = KINDS[3]
    heights = alt.Scale(domain=[-4.5, 4.5], nice=False)
    x, exact = (alt.X(f"{column}:Q", scale=heights, title="height") for column in ("height", "exact"))
    names = " : ".join(f"datum.value == {row} ? '{kind}'" for row, kind in enumerate(kinds))
    axis = alt.Axis(values=list(range(len(kinds))), labelExpr=f"{names} : ''", grid=False, ticks=False)
    scale = alt.Scale(domain=[-0.5, len(kinds) - 0.5], nice=False)

    def y(column: str) -> Any:
        return alt.Y(f"{column}:Q", scale=scale, axis=axis, title=None)

    return look.panel(
        look.layer("points", x=x, y=y("row"), **_kind(3)).mark_point(filled=True, size=30, opacity=0.7, clip=True),
        look.layer("means", x=exact, y=y("low"), y2="high:Q").mark_rule(
            color=look.INK, strokeWidth=2, strokeDash=[5, 3], clip=True
        ),
        title="Heights in one landscape (dashed: exact means)",
        height=340,
        columns=7,
    )


def _shares(dimension: int) -> Any:
    x = alt.X("kind:N", scale=alt.Scale(domain=list(KINDS[dimension])), title=None, axis=alt.Axis(labelAngle=0))
    scale = alt.Scale(domain=[0, 0.7], nice=False)

    def y(column: str) -> Any:
        return alt.Y(f"{column}:Q", scale=scale, title="share of the critical points")

    return look.panel(
        look.layer("shares", x=x, y=y("share"), color=_kind(dimension)["color"]).mark_bar(opacity=0.35, clip=True),
        look.layer("shares", x=x, y=y("exact")).mark_tick(color=look.INK, thickness=2, size=44, clip=True),
        look.layer("shares", x=x, y=y("low"), y2="high:Q").mark_rule(color=look.INK, strokeWidth=2, clip=True),
        look.layer("pinned_shares", x=x, y=y("share")).mark_point(
            shape="diamond", color=look.PINNED, size=90, strokeDash=[2, 2], clip=True
        ),
        look.layer("shares", x=x, y=y("share"), **_kind(dimension)).mark_point(
            filled=True, size=70, opacity=1, clip=True
        ),
        look.layer("shares", x=x, y=y("over"), text="number:N").mark_text(color=look.INK, dy=-10, clip=True),
        title="Shares, ± standard error (ticks: exact)",
        height=340,
        columns=5,
    )


def _grids(side: float) -> list[str]:
    """The grids by the side of their cells; the last stands for all that are finer."""
    first = side / math.ceil(side / FIRST_CELL)
    return [*(f"{first / 2**grid:.2g}" for grid in range(LEVELS - 1)), "finer"]


def _densities(dimension: int, side: float) -> Any:
    exact = DENSITY[dimension]
    x = alt.X("grid:N", scale=alt.Scale(domain=_grids(side)), title="cells of the grid", axis=alt.Axis(labelAngle=0))
    scale = alt.Scale(domain=[0.5 * exact, 1.3 * exact], nice=False)

    def y(column: str) -> Any:
        return alt.Y(f"{column}:Q", scale=scale, title="points per unit", axis=alt.Axis(tickCount=6))

    return look.panel(
        look.layer("exact", y=y("density")).mark_rule(color=look.INK, strokeWidth=1.5, strokeDash=[6, 3]),
        look.layer("exact", y=y("density"), text="text:N").mark_text(
            color=look.INK, align="left", dy=-8, x=6, clip=True
        ),
        look.layer("densities", x=x, y=y("low"), y2="high:Q").mark_rule(color=look.NET, strokeWidth=2, clip=True),
        look.layer("densities", x=x, y=y("density")).mark_line(color=look.NET, strokeWidth=1.2, clip=True),
        look.layer("densities", x=x, y=y("density")).mark_point(
            filled=True, color=look.NET, size=60, opacity=1, clip=True
        ),
        title="Found so far, grid after grid",
        height=220,
        columns=6,
    )


def _balances(dimension: int, fields: int) -> Any:
    most = {1: 2, 2: 12, 3: 15}[dimension]
    axis = alt.Axis(format="d", tickMinStep=1)
    numbers = alt.Axis(format="d", values=list(range(1, fields + 1, 1 if fields <= 12 else 2)), labelOverlap=True)
    x = alt.X("field:Q", scale=alt.Scale(domain=[0, fields + 1], nice=False), axis=numbers, title="landscape")
    scale = alt.Scale(domain=[-most, most], nice=False)
    y = alt.Y("balance:Q", scale=scale, axis=axis, title="balance")
    whats = (("counted inside", look.NET), ("demanded by the edges", look.BETWEEN))
    legend = alt.Legend(title=None, orient="top", symbolSize=80)
    colour = alt.Color("what:N", scale=look.legend(whats), legend=legend)
    shape = alt.Shape(
        "what:N", scale=alt.Scale(domain=[what for what, _ in whats], range=["circle", "diamond"]), legend=legend
    )
    size = alt.Size("what:N", scale=alt.Scale(domain=[what for what, _ in whats], range=[24, 130]), legend=None)
    return look.panel(
        look.layer("exact", y=y).mark_rule(color=look.INK, strokeDash=[6, 3]),
        look.layer("balances", x=x, y=y, color=colour, shape=shape, size=size).mark_point(
            opacity=1, strokeWidth=2, clip=True
        ),
        title=f"{BALANCES[dimension]}, in each",
        height=220,
        columns=6,
    )


def filled(side: float, values: Any, demanded: Any, numbers: dict[str, Any]) -> dict[str, Columns]:
    """The data sets of :func:`panels`: the ``values`` of a frame, the balance ``demanded`` of each field (F,), and the
    run's ``numbers``."""
    n = len(numbers["fraction_by_index"]) - 1
    kinds = KINDS[n]
    rows = values["points"][np.isfinite(values["points"][:, -1])]
    points: Columns = {
        "kind": [kinds[int(index)] for index in rows[:, -1]],
        "height": look.fixed(rows[:, -2], 2),
    }
    if n == 3:
        points["row"] = look.fixed(rows[:, -1] + 0.6 * (rows[:, 0] / side - 0.5), 2)
    else:
        points |= {name: look.fixed(rows[:, axis], 2) for axis, name in enumerate("xy"[:n])}
    share, error = (np.array(numbers[name]) for name in ("fraction_by_index", "standard_error_by_index"))
    around = np.nan_to_num(error)
    found, errors = np.array(numbers["density_by_grid"]), np.array(numbers["density_error_by_grid"])
    done = np.flatnonzero(np.isfinite(values["unsettled"]))
    shown: dict[str, Columns] = {
        "points": points,
        "shares": {
            "kind": list(kinds),
            "share": look.fixed(share, 4),
            "low": look.fixed(share - around, 4),
            "high": look.fixed(share + around, 4),
            "over": look.fixed(np.maximum(share + around, FRACTIONS[n]), 4),
            "exact": look.fixed(np.array(FRACTIONS[n]), 4),
            "number": [f"{count:,}" for count in numbers["count_by_index"]],
        },
        "densities": {
            "grid": _grids(side),
            "density": look.fixed(found, 4),
            "low": look.fixed(found - np.nan_to_num(errors), 4),
            "high": look.fixed(found + np.nan_to_num(errors), 4),
        },
        "exact": {
            "density": look.fixed(np.array([DENSITY[n]]), 4),
            "text": [f"exact: {DENSITY[n]:.4f}"],
            "balance": [0],
        },
        "balances": {
            "what": [what for what in ("demanded by the edges", "counted inside") for _ in done],
            "field": [int(number) + 1 for number in done] * 2,
            "balance": [int(v) for v in (*demanded[done], *values["balance"][done])],
        },
    }
    if n == 1:
        x = np.linspace(0, min(SEEN, side), CURVE)
        return {**shown, "landscape": {"x": look.fixed(x, 2), "height": look.fixed(values["landscape"][0], 2)}}
    if n == 2:
        return {**shown, "landscape": {"tone": values["landscape"].ravel().tolist()}}
    row = np.arange(n + 1)
    means: Columns = {
        "exact": look.fixed(values["exact_heights"][0]),
        "low": look.fixed(row - 0.42),
        "high": look.fixed(row + 0.42),
    }
    return {**shown, "means": means}
