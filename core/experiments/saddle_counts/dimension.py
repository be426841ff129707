"""The share of minima among critical points, from one dimension to ten: sampled, exact, and as coin flips."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np

from core import charts as look
from core.experiments.saddle_counts import kac_rice
from core.experiments.saddle_counts import orthogonal_ensemble as goe
from core.lab import Columns, Frame, Lab, knob
from core.sketch import Sketch

HIGHEST = 10
DIMENSIONS = range(1, HIGHEST + 1)
LEAST = 3e-4
"""Where the shares' axis ends; the rarest, minima in ten dimensions, are twice as many."""
FRAMES, MOST_A_FRAME = 50, 2000
SURPRISE = 3.0
"""A sample farther than this many standard errors from the exact value is reported as a miss."""
LABELS = (
    ("coin flips, 1/2^N", 5.4, 0.15, look.BETWEEN),
    ("minima", 6.1, 1.2e-3, look.NET),
    ("3^(−N²/4)", 7.7, 4e-7, look.QUIET),
    ("positive GOE matrix", 3.2, 3e-8, look.OTHER),
)
"""The curves' names, where they stand, and their colours."""


@dataclass(frozen=True)
class Params:
    """What a reader can set."""

    dimension: int = knob(
        10, low=1, high=HIGHEST, label="Dimensions", help="Up to this many; the indices are shown for the last."
    )
    samples: int = knob(
        100_000,
        choices=(1000, 10_000, 100_000, 400_000),
        label="Random matrices",
        help="Drawn for each number of dimensions.",
    )
    seed: int = knob(0, low=0, high=9999, label="Seed", minor=True)


def run(params: Params) -> Iterator[Frame]:
    """Sample all dimensions side by side.

    Frames, a row for each dimension from 1 to 10 and a column for each index from 0 to 10, NaN where there is none:
    ``fractions``, their standard ``errors``, and ``exact`` fractions, (10, 11); of these ``minima`` and their
    ``minima_error``, and the probability that a GOE matrix is ``positive``, (10,).
    """
    shape = (HIGHEST, HIGHEST + 1)
    exact = np.full(shape, np.nan)
    for n in DIMENSIONS:
        exact[n - 1, : n + 1] = kac_rice.exact(n).fractions
    positive = np.array([goe.positive_probability(n) for n in DIMENSIONS])
    sampled = range(1, params.dimension + 1)
    streams = {n: np.random.default_rng([params.seed, n]) for n in sampled}
    sums = {n: np.zeros((4, n + 1)) for n in sampled}
    chunk = min(params.samples // FRAMES, MOST_A_FRAME)
    for step in range(chunk, params.samples + 1, chunk):
        fractions, errors = np.full(shape, np.nan), np.full(shape, np.nan)
        for n in sampled:
            sums[n] += kac_rice.moments(kac_rice.weights(n, chunk, streams[n]))
            fractions[n - 1, : n + 1], errors[n - 1, : n + 1] = kac_rice.estimate(sums[n])
        values = {"minima": fractions[:, 0], "minima_error": errors[:, 0], "positive": positive}
        yield Frame(step, params.samples, {**values, "fractions": fractions, "errors": errors, "exact": exact})


def charts(params: Params) -> Sequence[Any]:
    """The share of minima against dimension, as a multiple of the coin flips, and the share of every index."""
    return _shares(params), _multiples(params), _indices(params)


def _x(last: float) -> Any:
    axis = alt.Axis(values=list(DIMENSIONS), format="d")
    return alt.X("dimension:Q", scale=alt.Scale(domain=[0.6, last], nice=False), axis=axis, title="dimensions N")


def _shares(params: Params) -> Any:
    powers = [10.0**-k for k in range(0, 15, 2)]
    scale = alt.Scale(type="log", domain=[1e-14, 2], nice=False)

    def y(column: str) -> Any:
        return alt.Y(f"{column}:Q", scale=scale, axis=alt.Axis(values=powers, format="~e"), title="probability")

    x = _x(10.4)
    lines = [
        look.layer("exact", x=x, y=y(column)).mark_line(color=colour, strokeWidth=width, strokeDash=dash, clip=True)
        for column, colour, width, dash in (
            ("asymptote", look.QUIET, 1.4, [2, 3]),
            ("positive", look.OTHER, 2.2, [1, 0]),
            ("coins", look.BETWEEN, 2.0, [7, 4]),
            ("minima", look.NET, 2.2, [1, 0]),
        )
    ]
    colour = alt.Color("text:N", scale=look.legend([(text, colour) for text, _, _, colour in LABELS]), legend=None)
    return look.panel(
        *lines,
        look.layer("sampled", x=x, y=y("minima")).mark_point(
            filled=True, color=look.NET, size=46, opacity=1, clip=True
        ),
        look.layer("labels", x=x, y=y("y"), text="text:N", color=colour).mark_text(align="left", fontSize=12),
        title="How likely all directions are up (lines: exact)",
        height=330,
    )


def _multiples(params: Params) -> Any:
    x = _x(10.6)
    scale = alt.Scale(domain=[0.5, 1.1], nice=False)

    def y(column: str) -> Any:
        return alt.Y(f"{column}:Q", scale=scale, title="minima / coin flips")

    return look.panel(
        look.layer("exact", x=x, y=y("one")).mark_line(color=look.BETWEEN, strokeWidth=2, strokeDash=[7, 4], clip=True),
        look.layer("exact", x=x, y=y("multiple")).mark_line(color=look.NET, strokeWidth=2, clip=True),
        look.layer("sampled", x=x, y=y("low"), y2="high:Q").mark_rule(color=look.NET, strokeWidth=2, clip=True),
        look.layer("pinned_sampled", x=x, y=y("multiple")).mark_point(
            shape="diamond", color=look.PINNED, size=70, strokeWidth=1.5, clip=True
        ),
        look.layer("sampled", x=x, y=y("multiple")).mark_point(
            filled=True, color=look.NET, size=46, opacity=1, clip=True
        ),
        title="Minima ÷ coin flips (± standard error)",
        height=260,
        columns=6,
    )


def _indices(params: Params) -> Any:
    last = params.dimension
    axis = alt.Axis(values=list(range(last + 1)), format="d")
    x = alt.X("index:Q", scale=alt.Scale(domain=[-0.5, last + 0.5], nice=False), axis=axis, title="directions down")
    scale = alt.Scale(type="log", domain=[LEAST, 1], nice=False, clamp=True)
    ticks = alt.Axis(values=[1e-3, 1e-2, 0.1, 1], format="~g")

    def y(column: str) -> Any:
        return alt.Y(f"{column}:Q", scale=scale, axis=ticks, title="share of the critical points")

    kinds = (("exact", look.NET), ("this run", look.NET), ("coin flips", look.BETWEEN))
    shapes = alt.Scale(domain=[kind for kind, _ in kinds], range=["stroke", "circle", "diamond"])
    legend = alt.Legend(title=None, orient="top", symbolSize=80)
    shape = alt.Shape("kind:N", scale=shapes, legend=legend)
    colour = alt.Color("kind:N", scale=look.legend(kinds), legend=legend)
    return look.panel(
        look.layer("by_index", x=x, y=y("low"), y2="high:Q").mark_rule(color=look.NET, strokeWidth=2, clip=True),
        look.layer("by_index", x=x, y=y("share"), shape=shape, color=colour).mark_point(
            size=90, strokeWidth=2, opacity=1, clip=True
        ),
        look.layer("pinned_by_index", x=x, y=y("share"))
        .transform_filter("datum.kind == 'this run'")
        .mark_point(shape="square", color=look.PINNED, size=110, strokeDash=[2, 2], clip=True),
        title=f"Every index in {last} dimension{'s' if last > 1 else ''}",
        height=260,
        columns=6,
    )


def data(params: Params, frames: Sequence[Frame], every: bool) -> dict[str, Columns]:
    """The data sets of the panels."""
    values = frames[-1].values
    n = np.array(DIMENSIONS)
    coins = 0.5**n
    exact, drawn = values["exact"], n <= params.dimension
    fractions, errors = values["minima"], values["minima_error"]
    multiple, scatter = fractions / coins, errors / coins
    row = slice(0, params.dimension + 1)
    flips = np.array([math.comb(params.dimension, k) for k in range(params.dimension + 1)]) / 2**params.dimension
    run, error = values["fractions"][params.dimension - 1, row], values["errors"][params.dimension - 1, row]
    sets = (
        ("exact", exact[params.dimension - 1, row], 0 * error),
        ("this run", run, error),
        ("coin flips", flips, 0 * error),
    )
    return {
        "exact": {
            "dimension": n.tolist(),
            "minima": look.rounded(exact[:, 0], 3),
            "coins": look.rounded(coins, 3),
            "positive": look.rounded(values["positive"], 3),
            "asymptote": look.rounded(np.array([goe.positive_asymptote(k) for k in DIMENSIONS]), 3),
            "multiple": look.rounded(exact[:, 0] / coins, 3),
            "one": [1] * HIGHEST,
        },
        "sampled": {
            "dimension": n[drawn].tolist(),
            "minima": look.rounded(fractions[drawn], 3),
            "multiple": look.rounded(multiple[drawn], 4),
            "low": look.rounded((multiple - scatter)[drawn], 4),
            "high": look.rounded((multiple + scatter)[drawn], 4),
        },
        "by_index": {
            "kind": [kind for kind, _, _ in sets for _ in range(params.dimension + 1)],
            "index": list(range(params.dimension + 1)) * len(sets),
            "share": look.rounded(np.concatenate([share for _, share, _ in sets]), 3),
            "low": look.rounded(np.concatenate([np.maximum(share - error, LEAST) for _, share, error in sets]), 3),
            "high": look.rounded(np.concatenate([share + error for _, share, error in sets]), 3),
        },
        "labels": {
            "text": [text for text, _, _, _ in LABELS],
            "dimension": [x for _, x, _, _ in LABELS],
            "y": [y for _, _, y, _ in LABELS],
        },
    }


def result(params: Params, frames: Sequence[Frame]) -> dict[str, Any]:
    """For the chosen dimension ``fraction_by_index``, ``fraction_of_minima`` and their standard errors, both also
    ``exact_…``, ``coin_flip``, and ``goe_positive_probability`` with its ``goe_positive_asymptote``; and for every
    dimension up to it ``minima_by_dimension`` with ``standard_error_by_dimension``."""
    values, n = frames[-1].values, params.dimension
    fractions, errors, exact = (values[name][n - 1, : n + 1] for name in ("fractions", "errors", "exact"))
    return {
        "fraction_by_index": fractions.tolist(),
        "standard_error_by_index": errors.tolist(),
        "exact_fraction_by_index": exact.tolist(),
        "fraction_of_minima": float(fractions[0]),
        "standard_error": float(errors[0]),
        "exact_fraction_of_minima": float(exact[0]),
        "coin_flip": 0.5**n,
        "goe_positive_probability": float(values["positive"][n - 1]),
        "goe_positive_asymptote": goe.positive_asymptote(n),
        "minima_by_dimension": values["minima"][:n].tolist(),
        "standard_error_by_dimension": values["minima_error"][:n].tolist(),
    }


def sentence(params: Params, frames: Sequence[Frame]) -> str:
    """What this run shows."""
    numbers, n = result(params, frames), params.dimension
    minima, error, exact = (numbers[k] for k in ("fraction_of_minima", "standard_error", "exact_fraction_of_minima"))
    text = f"In {n} dimension{'s' if n > 1 else ''}, {minima:.3g} of the critical points of a random landscape are "
    text += f"minima (standard error {max(error, 0.0):.1g}, from {frames[-1].step:,} random matrices; exact: "
    text += f"{exact:.4g}). Coin flips say {numbers['coin_flip']:.3g}; the exact share is {exact * 2**n:.3g} times "
    text += "that. A random symmetric matrix (GOE) of that size has only positive eigenvalues with probability "
    text += f"{numbers['goe_positive_probability']:.4g}, exactly: "
    text += "the same, in one dimension only. " if n == 1 else "a different question. "
    misses = _misses(params, frames)
    if misses > SURPRISE:
        text += f"The run misses an exact share by {misses:.1f} standard errors. "
    return text.rstrip()


def _misses(params: Params, frames: Sequence[Frame]) -> float:
    """The farthest that a sampled fraction of the chosen dimension is from its exact value, in standard errors."""
    numbers = result(params, frames)
    run, exact, error = (
        np.array(numbers[k]) for k in ("fraction_by_index", "exact_fraction_by_index", "standard_error_by_index")
    )
    return float((np.abs(run - exact) / np.maximum(error, 1e-9)).max())


def _minima(params: Params, frames: Sequence[Frame]) -> list[float]:
    minima: list[float] = frames[-1].values["minima"].tolist()
    return minima


LAB = Lab(
    title="Minima by dimension",
    Params=Params,
    run=run,
    charts=charts,
    data=data,
    result=result,
    sentence=sentence,
    rows=lambda params: {"dimension": DIMENSIONS},
    sketch=Sketch(
        question="At a flat point of a random smooth landscape the ground curves up or down in each of N directions. "
        "If it curves up in all of them, the point is a minimum: one flat point in two, on a line. Draw what share "
        "are minima in up to ten dimensions. (The axis goes by powers of ten.)",
        settings={"dimension": 10},
        at=tuple(float(n) for n in DIMENSIONS),
        curve=_minima,
        start=0.5,
        near=1.5,
        place="N\u00a0=\u00a0{:.0f}",
        log=True,
    ),
)
