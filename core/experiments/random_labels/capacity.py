"""Which labels one hyperplane can give: Cover's count, and coin flips put to a linear programme."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import altair as alt
import numpy as np

from core import charts as look
from core.data import Floats, digits
from core.lab import Array, Columns, Frame, Guess, Lab, knob

LOADS = (1.0, 1.5, 1.8, 2.0, 2.2, 2.5, 3.0)
"""Points per free weight at which labels are drawn, besides the number that the reader asks for."""
FARTHEST = 4
SHARPENING = 5
"""The quiet curves are of this many times fewer, and more, free weights."""
FRAMES = 100
SHARES = alt.Scale(domain=[-0.03, 1.03], nice=False)
NORMAL = 1.96
"""Standard deviations of a 95 % interval."""


@dataclass(frozen=True)
class Params:
    """What a reader can set."""

    samples: int = knob(60, low=2, high=240, label="Points", help="How many points get a random label each.")
    dimension: int = knob(30, low=2, high=60, label="Dimension", help="In how many dimensions the points lie.")
    data: str = knob(
        "Gaussian",
        choices=("Gaussian", "digits"),
        label="Points from",
        help="Gaussian noise, or random images of digits, mapped to that many dimensions at random.",
    )
    bias: bool = knob(
        False,
        choices=(False, True),
        label="Bias",
        help="Without it the hyperplane passes through the origin; with it there is one weight more.",
    )
    trials: int = knob(200, choices=(100, 200, 400), label="Trials", help="At each number of points.", minor=True)
    seed: int = knob(0, low=0, high=9999, label="Seed", help="Of the points and their labels.", minor=True)


def weights(params: Params) -> int:
    """Free weights of the hyperplane: one a dimension, and one for the bias."""
    return params.dimension + params.bias


def labellings(points: int, dimension: int) -> int:
    """How many of the 2^N labellings of N points in general position a hyperplane through the origin gives.

    C(N, d) = 2 Σ_{k<d} binom(N−1, k) (Cover, 1965), as a whole number of any size.
    """
    term, total = 1, 0
    for k in range(min(dimension, points)):
        total += term
        term = term * (points - 1 - k) // (k + 1)
    return 2 * total


def probability(points: int, dimension: int) -> float:
    """C(N, d) / 2^N, the chance that random labels are linearly separable, to the last digit of a float."""
    chance: float = labellings(points, dimension) / 2**points
    return chance


def separable(points: Floats, labels: Floats) -> bool:
    """Whether some w has y_i (w·x_i) ≥ 1 for all i: a linear programme without an objective, for ``(N, d)``.

    Exact but for the programme's tolerance of 1e-7, where a perceptron would have to give up some time.
    """
    from scipy.optimize import linprog  # type: ignore[import-untyped]

    count, dimension = points.shape
    rows = -labels[:, np.newaxis] * points
    found = linprog(np.zeros(dimension), A_ub=rows, b_ub=-np.ones(count), bounds=(None, None), method="highs")
    return bool(found.status == 0)


def sizes(params: Params) -> list[int]:
    """Numbers of points at which labels are drawn, rising, the reader's among them."""
    free = weights(params)
    return sorted({params.samples, *(max(1, round(load * free)) for load in LOADS)})


def run(params: Params) -> Iterator[Frame]:
    """Draw points and labels, and ask whether a hyperplane gives them.

    Frames: ``tried`` and ``separable``, how many trials there were at each of :func:`sizes`, and how many of them
    a hyperplane separates, (K,).
    """
    counts = sizes(params)
    won = np.zeros(len(counts))
    batch = params.trials // FRAMES
    for trial in range(params.trials):
        won += [separable(*draw(params, count, trial)) for count in counts]
        if (trial + 1) % batch == 0:
            tried = np.full(len(counts), trial + 1.0)
            yield Frame(trial + 1, params.trials, {"tried": tried, "separable": won.copy()})


def draw(params: Params, count: int, trial: int) -> tuple[Floats, Floats]:
    """Points ``(N, d)``, with a column of ones for the bias, and their random labels ±1 ``(N,)``."""
    rng = np.random.default_rng([params.seed, count, trial])
    if params.data == "digits":
        images = digits()[0]
        chosen = images[rng.choice(len(images), count, replace=False)]
        points = chosen @ rng.normal(size=(images.shape[1], params.dimension))
    else:
        points = rng.normal(size=(count, params.dimension))
    labels = rng.choice([-1.0, 1.0], count)
    return (np.hstack((points, np.ones((count, 1)))) if params.bias else points), labels


def interval(successes: Array, trials: Array) -> tuple[Array, Array]:
    """The 95 % interval of Wilson (1927) for a probability, which stays within 0 and 1."""
    share, z = successes / trials, NORMAL
    centre = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * np.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    return np.maximum(centre - half, 0), np.minimum(centre + half, 1)


def charts(params: Params) -> Sequence[Any]:
    """The chance of separability against points per weight, and the share measured as trials go on."""
    return (_curve_panel(params), _share_panel(params))


def _names(params: Params) -> dict[int, str]:
    """Free weights of the three curves, and what they are called."""
    free = weights(params)
    few, many = max(1, free // SHARPENING), free * SHARPENING
    return {count: f"exact, {count} weight{'s' if count > 1 else ''}" for count in (few, free, many)}


def _curve_panel(params: Params) -> Any:
    title = "points per free weight"
    x = alt.X("load:Q", scale=alt.Scale(domain=[0, FARTHEST], nice=False), axis=alt.Axis(tickCount=9), title=title)

    def y(column: str) -> alt.Y:
        return alt.Y(f"{column}:Q", scale=SHARES, axis=alt.Axis(tickCount=5), title="chance, or share of trials")

    names = list(_names(params).values())
    legend = alt.Legend(title=None, orient="top-right", symbolType="stroke", symbolStrokeWidth=2)
    colours = alt.Scale(domain=names, range=[look.QUIET, look.INK, look.QUIET])
    dashes = alt.Scale(domain=names, range=[[2, 3], [1, 0], [7, 3]])
    curve = look.layer(
        "exact",
        x=x,
        y=y("chance"),
        color=alt.Color("name:N", scale=colours, legend=legend),
        strokeDash=alt.StrokeDash("name:N", scale=dashes, legend=legend),
    )
    tooltip = [alt.Tooltip("points:Q"), alt.Tooltip("share:Q"), alt.Tooltip("expected:Q", title="exact")]
    return look.panel(
        look.layer("half", x=x).mark_rule(color=look.QUIET, strokeWidth=1),
        look.layer("half", y=y("chance")).mark_rule(color=look.QUIET, strokeWidth=1),
        curve.mark_line(strokeWidth=1.8, clip=True),
        look.layer("pinned_measured", x=x, y=y("share")).mark_point(
            shape="diamond", color=look.PINNED, size=70, clip=True
        ),
        look.layer("measured", x=x, y=y("low"), y2="high:Q").mark_rule(color=look.NET, strokeWidth=2, clip=True),
        look.layer("measured", x=x, y=y("share"), tooltip=tooltip).mark_point(
            filled=True, color=look.NET, size=70, opacity=1, clip=True
        ),
        look.layer("asked", x=x, y=y("share")).mark_point(
            color=look.BETWEEN, size=260, strokeWidth=2.2, opacity=1, clip=True
        ),
        title="Random labels, one hyperplane (ring: the points asked for)",
        height=330,
        columns=7,
    )


def _share_panel(params: Params) -> Any:
    scale = alt.Scale(domain=[0, params.trials], nice=False)
    x = alt.X("trial:Q", scale=scale, axis=alt.Axis(tickCount=4), title="trials (shaded: where 95 % of shares fall)")

    def y(column: str) -> alt.Y:
        return alt.Y(f"{column}:Q", scale=SHARES, axis=alt.Axis(tickCount=5), title=None)

    return look.panel(
        look.layer("expected", x=x, y=y("low"), y2="high:Q").mark_area(color=look.QUIET, opacity=0.2),
        look.layer("expected", x=x, y=y("chance")).mark_line(color=look.INK, strokeWidth=1.8),
        look.layer("exact_name", x=x, y=y("chance"), text="name:N").mark_text(
            color=look.INK, align="right", baseline="bottom", dx=-4, dy=-3
        ),
        look.layer("pinned_share", x=x, y=y("share")).mark_line(color=look.PINNED, strokeWidth=1.8, strokeDash=[2, 2]),
        look.layer("share", x=x, y=y("share")).mark_line(color=look.BETWEEN, strokeWidth=2.4),
        title=f"{params.samples} points: exact, and share so far",
        height=330,
        columns=5,
    )


def data(params: Params, frames: Sequence[Frame], every: bool) -> dict[str, Columns]:
    """The data sets of the panels."""
    counts, free = sizes(params), weights(params)
    last = frames[-1].values
    low, high = interval(last["separable"], last["tried"])
    share = last["separable"] / last["tried"]
    asked = counts.index(params.samples)
    chosen = [frames[i] for i in look.thinned(len(frames), 60)]
    exact = probability(params.samples, free)
    trials = np.unique(np.geomspace(1, params.trials, 25).round())
    half = NORMAL * np.sqrt(exact * (1 - exact) / trials)
    curves = [(name, *point) for weight, name in _names(params).items() for point in _curve(weight)]
    return {
        "half": {"load": [2], "chance": [0.5]},
        "exact": dict(zip(("name", "load", "chance"), (list(c) for c in zip(*curves, strict=True)), strict=True)),
        "measured": {
            "load": look.fixed(np.array(counts) / free),
            "points": list(counts),
            "share": look.fixed(share),
            "low": look.fixed(low),
            "high": look.fixed(high),
            "expected": look.rounded(np.array([probability(count, free) for count in counts])),
        },
        "asked": {"load": look.fixed(np.array([params.samples / free])), "share": look.fixed(share[[asked]])},
        "expected": {
            "trial": trials.astype(int).tolist(),
            "chance": look.fixed(np.full(len(trials), exact)),
            "low": look.fixed(np.maximum(exact - half, 0)),
            "high": look.fixed(np.minimum(exact + half, 1)),
        },
        "exact_name": {"trial": [params.trials], "chance": look.fixed(np.array([exact])), "name": ["exact"]},
        "share": {
            "trial": [frame.step for frame in chosen],
            "share": look.fixed(np.array([f.values["separable"][asked] / f.values["tried"][asked] for f in chosen])),
        },
    }


@cache
def _curve(free: int) -> list[tuple[float, float]]:
    """(N / d, chance) for numbers of points N up to four a weight, denser about two."""
    loads = np.concatenate((np.linspace(0, 1.6, 17), np.linspace(1.65, 2.35, 29), np.linspace(2.4, FARTHEST, 17)))
    counts = np.unique(np.maximum(1, (loads * free).round()).astype(int)).tolist()
    return [(round(count / free, 4), round(probability(count, free), 4)) for count in counts]


def result(params: Params, frames: Sequence[Frame]) -> dict[str, Any]:
    """``exact_probability`` and ``measured_probability`` for the reader's points, with the latter's ``standard_error``
    and 95 % interval ``low`` to ``high``, ``trials`` and free ``weights``; and ``points``, ``exact`` and ``measured``
    for every number of points."""
    counts, last = sizes(params), frames[-1].values
    asked = counts.index(params.samples)
    share = last["separable"] / last["tried"]
    low, high = interval(last["separable"], last["tried"])
    exact = [probability(count, weights(params)) for count in counts]
    return {
        "exact_probability": exact[asked],
        "measured_probability": float(share[asked]),
        "standard_error": float(np.sqrt(share[asked] * (1 - share[asked]) / last["tried"][asked])),
        "low": float(low[asked]),
        "high": float(high[asked]),
        "trials": int(last["tried"][asked]),
        "weights": weights(params),
        "points": counts,
        "exact": exact,
        "measured": share.tolist(),
    }


def sentence(params: Params, frames: Sequence[Frame]) -> str:
    """What this run shows."""
    numbers = result(params, frames)
    trials, exact = numbers["trials"], numbers["exact_probability"]
    kind = "Gaussian points" if params.data == "Gaussian" else "images of digits"
    plane = "a hyperplane with a bias" if params.bias else "a hyperplane through the origin"
    text = f"Labels by coin flip, {params.samples} {kind} in {params.dimension} dimensions: {plane}, "
    text += f"{numbers['weights']} free weights, separates {numbers['measured_probability']:.3g} of {trials} draws "
    text += f"(95 % interval {numbers['low']:.2g} to {numbers['high']:.2g}). Exact, by counting: {_chance(exact)}. "
    if not numbers["low"] <= exact <= numbers["high"]:
        text += "This run misses the exact value. "
        if params.data == "digits":
            text += "The count is of points in general position, and images are so only nearly. "
        else:
            text += "One such interval in twenty does so by chance. "
    return text.rstrip()


def _chance(chance: float) -> str:
    return f"{chance:.3g}" if chance <= 0.999 or chance == 1 else f"1 − {1 - chance:.1g}"


def _how_often(params: Params, frames: Sequence[Frame]) -> int:
    share = result(params, frames)["measured_probability"]
    return 0 if share < 0.25 else 1 if share <= 0.75 else 2


def _reveal(params: Params, frames: Sequence[Frame]) -> str:
    numbers = result(params, frames)
    return (
        f"In {numbers['measured_probability']:.0%} of {numbers['trials']} draws. The exact chance is "
        f"{_chance(numbers['exact_probability'])}."
    )


LAB = Lab(
    title="Count the labels",
    Params=Params,
    run=run,
    charts=charts,
    data=data,
    result=result,
    sentence=sentence,
    rows=lambda params: {"points": sizes(params)},
    guess=Guess(
        question="60 random points in 30 dimensions; a coin decides for each whether it is heads or tails. How often "
        "does some hyperplane through the origin part the heads from the tails?",
        options=("Almost never", "About half the time", "Almost always"),
        settings={"samples": 60, "dimension": 30, "data": "Gaussian", "bias": False},
        answer=_how_often,
        reveal=_reveal,
    ),
)
