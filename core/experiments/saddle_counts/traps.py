"""Two landscapes with traps: more dimensions empty the one and fill the other."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np

from core import charts as look
from core.data import Floats
from core.experiments.saddle_counts import planes
from core.experiments.saddle_counts.trapping import (
    dip_fates,
    dip_height,
    dip_slope,
    good_probability,
    inside_probability,
    interval,
    wells,
    wells_fates,
    wells_height,
    wells_slope,
)
from core.lab import Array, Columns, Frame, Guess, Lab, knob

STEPS, FRAMES = 400, 50
DIP_RATE, WELLS_RATE = 0.05, 0.008
"""Learning rates. Larger ones would throw a start five standard deviations out across the ridge between two wells."""
PATHS, PATH_POINTS = 28, {"dip": 2, "wells": 8}
"""Descents drawn, and points of each; those from the dip are straight."""
GRID = np.stack(np.meshgrid(*[planes.middles(-planes.REACH, planes.REACH)] * 2), axis=-1).reshape(-1, 2)
"""The middles of the tiles, row by row."""
SURPRISE = 4.0
LINEAR = 12
"""With more dimensions than this, their axis is logarithmic."""


@dataclass(frozen=True)
class Params:
    """What a reader can set."""

    dimension: int = knob(10, low=3, high=100, label="Dimensions", help="Up to this many.")
    radius: float = knob(
        0.6745, low=0.2, high=4.0, label="Radius of the dip", help="0.6745 traps half of the starts in one dimension."
    )
    tilt: float = knob(
        0.1, low=0.0, high=1.0, label="Tilt of the wells", help="How much the good well of a pair is favoured."
    )
    starts: int = knob(5000, choices=(100, 1000, 5000, 10_000), label="Starts", help="In each number of dimensions.")
    seed: int = knob(0, low=0, high=9999, label="Seed", minor=True)


def dimensions(params: Params) -> list[int]:
    """The numbers of dimensions tried: all up to twelve, else some ten between 1 and the largest."""
    if params.dimension <= LINEAR:
        return list(range(1, params.dimension + 1))
    spaced = np.geomspace(1, params.dimension, 11).round().astype(int)
    return sorted({1, 2, 3, *spaced.tolist()})


def run(params: Params) -> Iterator[Frame]:
    """Descend from the same starts in both landscapes.

    Frames, for D numbers of dimensions, how many starts have met their fate so far, (D,): ``dip_trapped`` and
    ``dip_free``, see :func:`dip_fates`, ``wells_trapped`` and ``wells_free``, see :func:`wells_fates`; and where the
    first 28 are in two dimensions, ``dip_paths`` and ``wells_paths`` (28, 2).
    """
    tried = dimensions(params)
    starts = [np.random.default_rng([params.seed, d]).normal(size=(params.starts, d)) for d in tried]
    dips, pairs = [start.copy() for start in starts], [start.copy() for start in starts]
    flat, every = tried.index(2), STEPS // FRAMES
    for step in range(0, STEPS + 1, every):
        dip_counts = np.array([[fate.sum() for fate in dip_fates(theta, params.radius)] for theta in dips])
        wells_counts = np.array([[fate.sum() for fate in wells_fates(theta, params.tilt)] for theta in pairs])
        values = {
            "dip_trapped": dip_counts[:, 0],
            "dip_free": dip_counts[:, 1],
            "wells_trapped": wells_counts[:, 0],
            "wells_free": wells_counts[:, 1],
            "dip_paths": dips[flat][:PATHS].copy(),
            "wells_paths": pairs[flat][:PATHS].copy(),
        }
        yield Frame(step, STEPS, values)
        if step == STEPS:
            return
        for dip, pair in zip(dips, pairs, strict=True):
            for _ in range(every):
                dip -= DIP_RATE * dip_slope(dip, params.radius)
                pair -= WELLS_RATE * wells_slope(pair, params.tilt)


def charts(params: Params) -> Sequence[Any]:
    """Descents in both landscapes in two dimensions, and the fractions by dimension on a plain and a log axis."""
    return (
        planes.descents("dip", "One dip: inside the rim, trapped"),
        planes.descents("wells", "Double wells: one is good, three are not"),
        _fractions(params),
        _rare(params),
    )


def _x(params: Params) -> Any:
    tried = dimensions(params)
    log = params.dimension > LINEAR
    domain = [0.9, 1.15 * tried[-1]] if log else [0.5, tried[-1] + 0.5]
    kind: dict[str, Any] = {"type": "log"} if log else {}
    axis = alt.Axis(values=tried, format="d", labelOverlap=True)
    return alt.X("dimension:Q", scale=alt.Scale(domain=domain, nice=False, **kind), axis=axis, title="dimensions")


SERIES = {
    "dip": ("in the one dip", look.NET, "circle", (1, 0)),
    "wells": ("in a bad well", look.BETWEEN, "square", (6, 3)),
    "free": ("in good wells only", look.OTHER, "diamond", (6, 3)),
}


def _series(name: str, x: Any, y: Any, both: Sequence[str], least: float = -1.0) -> list[Any]:
    """One of ``both`` series of a panel: its exact line, what this run counts, and a pinned run's counts.

    Fractions up to ``least`` are left out: of none among the starts a log axis shows the interval only.
    """
    text, colour, shape, dash = SERIES[name]
    named = [SERIES[other] for other in both]
    legend = alt.Legend(title=None, orient="top", symbolSize=70)
    roles = alt.Color("series:N", scale=look.legend([(text, role) for text, role, _, _ in named]), legend=legend)
    shapes = alt.Scale(domain=[text for text, _, _, _ in named], range=[shape for _, _, shape, _ in named])
    return [
        look.layer("exact", x=x, y=y(name)).mark_line(color=colour, strokeWidth=1.8, strokeDash=dash, clip=True),
        look.layer("fractions", x=x, y=y(f"{name}_low"), y2=f"{name}_high:Q").mark_rule(
            color=colour, strokeWidth=2, clip=True
        ),
        look.layer("pinned_fractions", x=x, y=y(name))
        .transform_filter(f"datum.{name} > {least}")
        .mark_point(shape=shape, color=look.PINNED, size=110, strokeDash=[2, 2], clip=True),
        look.layer("fractions", x=x, y=y(name), color=roles, shape=alt.Shape("series:N", scale=shapes, legend=legend))
        .transform_filter(f"datum.{name} > {least}")
        .transform_calculate(series=f"'{text}'")
        .mark_point(filled=True, size=55, opacity=1, clip=True),
    ]


def _fractions(params: Params) -> Any:
    x, scale, both = _x(params), alt.Scale(domain=[0, 1.05], nice=False), ("dip", "wells")

    def y(column: str) -> Any:
        return alt.Y(f"{column}:Q", scale=scale, title="fraction of starts")

    return look.panel(
        *(part for name in both for part in _series(name, x, y, both)),
        title="Trapped (lines: exact; bars: 95 %)",
        height=260,
        columns=6,
    )


def _rare(params: Params) -> Any:
    least, x, both = _least(params), _x(params), ("dip", "free")
    scale = alt.Scale(type="log", domain=[least, 1.3], nice=False)
    powers = [10.0**-k for k in range(round(-math.log10(least)) + 1)]

    def y(column: str) -> Any:
        return alt.Y(f"{column}:Q", scale=scale, axis=alt.Axis(values=powers, format="~g"), title="fraction of starts")

    return look.panel(
        look.layer("exact", x=x, y=y("halves")).mark_line(color=look.QUIET, strokeDash=[2, 3], clip=True),
        *(part for name in both for part in _series(name, x, y, both, least=0.0)),
        title="What becomes rare (dotted: 1/2^d)",
        height=260,
        columns=6,
    )


def _least(params: Params) -> float:
    """Where the logarithmic axis ends: below what one start among all would be."""
    return float(10.0 ** -math.ceil(math.log10(params.starts) + 0.7))


def data(params: Params, frames: Sequence[Frame], every: bool) -> dict[str, Columns]:
    """The data sets of the panels."""
    tried, least = dimensions(params), _least(params)
    measured: Columns = {"dimension": list(tried)}
    values = frames[-1].values
    for name, kind in (("dip", "dip_trapped"), ("wells", "wells_trapped"), ("free", "wells_free")):
        low, high = interval(values[kind], params.starts)
        measured[name] = look.rounded(values[kind] / params.starts, 3)
        measured[f"{name}_low"] = look.rounded(np.maximum(low, least), 3)
        measured[f"{name}_high"] = look.rounded(high, 3)
    fine = np.arange(1, tried[-1] + 1).tolist()
    dip = np.array([inside_probability(d, params.radius) for d in fine])
    free = np.array([good_probability(d, params.tilt) for d in fine])
    return {
        "fractions": measured,
        "exact": {
            "dimension": fine,
            "dip": look.rounded(np.maximum(dip, least / 10), 3),
            "wells": look.rounded(1 - free, 3),
            "free": look.rounded(np.maximum(free, least / 10), 3),
            "halves": look.rounded(np.maximum(0.5 ** np.array(fine), least / 10), 3),
        },
        **planes.descent_data("dip", dip_height(GRID, params.radius), *_paths("dip", params, frames)),
        **planes.descent_data("wells", wells_height(GRID, params.tilt), *_paths("wells", params, frames)),
        **_rims(params),
    }


def _paths(name: str, params: Params, frames: Sequence[Frame]) -> tuple[Floats, Array, Array]:
    """Points of the paths so far (28, T, 2), early ones closer together, for descents slow down; and their fates."""
    early = np.linspace(0, 1, PATH_POINTS[name]) ** 2
    chosen = np.unique((early * (len(frames) - 1)).round().astype(int))
    paths = np.stack([frames[k].values[f"{name}_paths"] for k in chosen], axis=1)
    ends = paths[:, -1]
    return paths, *(dip_fates(ends, params.radius) if name == "dip" else wells_fates(ends, params.tilt))


def _rims(params: Params) -> dict[str, Columns]:
    """The rim of the dip, and the ridges between wells: what parts the starts."""
    angle = np.linspace(0, 2 * np.pi, 61)
    ridge = wells(params.tilt)[1]
    across, along = [-planes.REACH, planes.REACH], [ridge, ridge]
    circle = params.radius * np.stack([np.cos(angle), np.sin(angle)])
    return {
        "dip_rims": {"rim": [0] * 61, "time": list(range(61)), "x": look.fixed(circle[0]), "y": look.fixed(circle[1])},
        "wells_rims": {
            "rim": [0, 0, 1, 1],
            "time": [0, 1, 0, 1],
            "x": look.fixed(np.array(across + along)),
            "y": look.fixed(np.array(along + across)),
        },
    }


def result(params: Params, frames: Sequence[Frame]) -> dict[str, Any]:
    """For every number of ``dimensions`` the fractions ``trapped_in_dip``, ``trapped_in_wells`` and ``free_of_wells``
    with their ``…_interval`` and ``exact_…``, and ``last_…`` for the most dimensions; the fraction ``under_way`` in
    either landscape; and ``coin_flip``."""
    values, tried = frames[-1].values, dimensions(params)
    free = [good_probability(d, params.tilt) for d in tried]
    numbers: dict[str, Any] = {"dimensions": tried, "coin_flip": [0.5**d for d in tried]}
    for name, kind, exact in (
        ("trapped_in_dip", "dip_trapped", [inside_probability(d, params.radius) for d in tried]),
        ("trapped_in_wells", "wells_trapped", [1 - p for p in free]),
        ("free_of_wells", "wells_free", free),
    ):
        low, high = interval(values[kind], params.starts)
        numbers[name] = (values[kind] / params.starts).tolist()
        numbers[f"{name}_interval"] = np.stack([low, high], axis=1).tolist()
        numbers[f"exact_{name}"] = exact
        numbers[f"last_{name}"] = numbers[name][-1]
    met = [values[f"{name}_trapped"] + values[f"{name}_free"] for name in ("dip", "wells")]
    numbers["under_way"] = float(1 - np.mean(met) / params.starts)
    return numbers


def sentence(params: Params, frames: Sequence[Frame]) -> str:
    """What this run shows."""
    numbers = result(params, frames)
    tried = numbers["dimensions"]
    shown = [tried.index(d) for d in (1, 2, tried[-1])]
    text = f"From {params.starts:,} starts in each of 1 to {tried[-1]} dimensions, after {frames[-1].step} steps. "
    parts = []
    for name, what in (("trapped_in_dip", f"a dip of radius {params.radius:g}"), ("trapped_in_wells", "a bad well")):
        run = ", ".join(f"{_percent(numbers[name][k])} in {tried[k]}" for k in shown)
        exact = ", ".join(_percent(numbers[f"exact_{name}"][k]) for k in shown)
        parts.append(f"Trapped in {what}: {run} (exact: {exact}). ")
    text += "".join(parts)
    last = shown[-1]
    low, high = numbers["free_of_wells_interval"][last]
    text += f"In good wells only, in {tried[-1]} dimensions: {_percent(numbers['free_of_wells'][last])} (95 % interval "
    text += f"{_percent(low)} to {_percent(high)}), exactly {_percent(numbers['exact_free_of_wells'][last])}. "
    if numbers["under_way"] > 0:
        text += f"Still under way: {_percent(numbers['under_way'])}. "
    misses = _misses(params, frames)
    if numbers["under_way"] < 1e-3 and misses > SURPRISE:
        text += f"The run misses an exact fraction by {misses:.1f} standard errors. "
    return text.rstrip()


def _percent(fraction: float) -> str:
    percent = 100 * fraction
    digits = ".2f" if 99.9 < percent < 100 else ".1f" if 1 <= percent < 100 else ".2g" if percent < 1 else ".0f"
    return f"{percent:{digits}} %"


def _misses(params: Params, frames: Sequence[Frame]) -> float:
    """The farthest that a fraction is from its exact value, in standard errors of that."""
    numbers = result(params, frames)
    worst = 0.0
    for name in ("trapped_in_dip", "free_of_wells"):
        run, exact = np.array(numbers[name]), np.array(numbers[f"exact_{name}"])
        error = np.sqrt((exact * (1 - exact) + 1 / params.starts) / params.starts)
        worst = max(worst, float((np.abs(run - exact) / error).max()))
    return worst


def _rise(params: Params, frames: Sequence[Frame]) -> tuple[float, float]:
    """How much the fraction trapped grows from the first to the last number of dimensions: dip, and wells."""
    numbers = result(params, frames)
    dip, pairs = numbers["trapped_in_dip"], numbers["trapped_in_wells"]
    return dip[-1] - dip[0], pairs[-1] - pairs[0]


def _which(params: Params, frames: Sequence[Frame]) -> int:
    dip, pairs = _rise(params, frames)
    return 0 if max(dip, pairs) < 0 else 1 if min(dip, pairs) > 0 else 2


def _reveal(params: Params, frames: Sequence[Frame]) -> str:
    numbers = result(params, frames)
    dip, pairs = numbers["trapped_in_dip"], numbers["trapped_in_wells"]
    return (
        f"From 1 to {numbers['dimensions'][-1]} dimensions the dip goes from {_percent(dip[0])} of {params.starts:,} "
        f"starts to {_percent(dip[-1])}, the wells from {_percent(pairs[0])} to {_percent(pairs[-1])}."
    )


LAB = Lab(
    title="Traps by dimension",
    Params=Params,
    run=run,
    charts=charts,
    data=data,
    result=result,
    sentence=sentence,
    rows=lambda params: {"dimension": dimensions(params)},
    guess=Guess(
        question="Two landscapes, each of which traps half of all descents in one dimension: one round dip in the "
        "middle of a falling surface, and a good and a bad well for every coordinate. What do ten dimensions do?",
        options=("Fewer are trapped in both", "More are trapped in both", "Fewer in one, more in the other"),
        settings={"dimension": 10, "radius": 0.6745},
        answer=_which,
        reveal=_reveal,
    ),
)
