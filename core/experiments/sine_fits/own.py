"""Nets learn points that the reader sets."""

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.data import Floats
from core.experiments.sine_fits import curves
from core.lab import Columns, Frame, Guess, Lab, Unfit, knob, quote

Points = tuple[tuple[float, float], ...]

FEWEST, MOST = 2, 200
LONGEST = 10_000
WIDEST, HIGHEST = 1.0, 1.5
"""Points lie in |x| ≤ 1 and |y| ≤ 1.5."""
DEFAULT = "-0.9, -0.6; -0.65, 0.5; -0.4, 0.7; -0.15, -0.2; 0.1, -0.9; 0.35, -0.7; 0.6, 0.9; 0.9, 0.3"
TWO_HEIGHTS = "-0.8, -0.4; -0.4, 0.1; 0, 0.9; 0, -0.3; 0.4, 0.1; 0.8, -0.4"


def parse_points(text: str) -> Points:
    """The points that a text lists: “x, y” pairs, one a line or separated by “;”.

    Raises :class:`Unfit` for what is not a number, not finite or out of range, and for too few or too many.
    """
    if len(text) > LONGEST:
        raise Unfit(f"The points must be written in at most {LONGEST:,} characters, not {len(text):,}.")
    pairs = [pair.strip() for pair in re.split(r"[;\n]", text) if pair.strip()]
    if not FEWEST <= len(pairs) <= MOST:
        raise Unfit(f"There must be {FEWEST} to {MOST} points, not {len(pairs)}.")
    return tuple(_parse_point(number, pair) for number, pair in enumerate(pairs, start=1))


def _parse_point(number: int, pair: str) -> tuple[float, float]:
    parts = pair.split(",")
    try:
        # Python would also take 1_0 and the digits of other alphabets for numbers.
        if len(parts) != 2 or not pair.isascii() or "_" in pair:
            raise ValueError
        x, y = float(parts[0]), float(parts[1])
    except ValueError:
        raise Unfit(f"Point {number} must be two numbers such as 0.25, -0.5, not {quote(pair)}.") from None
    for name, value, most in (("x", x, WIDEST), ("y", y, HIGHEST)):
        if not math.isfinite(value):
            raise Unfit(f"Point {number} must be finite, not {quote(pair)}.")
        if abs(value) > most:
            raise Unfit(f"Point {number} must have {name} from {-most:g} to {most:g}, not {quote(pair)}.")
    return x, y


def format_points(points: Sequence[tuple[float, float]]) -> str:
    """Points as a short text for links, to 3 decimals; :func:`parse_points` reads it."""
    return "; ".join(f"{_short(x)}, {_short(y)}" for x, y in points)


def _short(number: float) -> str:
    return f"{round(number, 3) + 0.0:g}"


@dataclass(frozen=True)
class Params:
    """What a reader can set."""

    points: str = knob(
        DEFAULT,
        parse=parse_points,
        label="Points",
        help="“x, y” pairs, one a line or separated by “;”: x in [−1, 1], y in [−1.5, 1.5]. Or draw them.",
    )
    width: int = knob(32, choices=(4, 8, 16, 32, 64, 128), label="Hidden units", help="Units in each layer.")
    depth: int = knob(1, choices=(1, 2, 3, 4), label="Hidden layers")
    activation: str = knob("ReLU", choices=("ReLU", "tanh", "sigmoid", "sine"), label="Activation")
    learning_rate: float = knob(5e-3, low=1e-4, high=1e-1, log=True, label="Learning rate")
    optimizer: str = knob("Adam", choices=("SGD", "momentum", "Adam"), label="Optimiser", minor=True)
    weight_decay: float = knob(
        0.0,
        low=0.0,
        high=1.0,
        label="Weight decay",
        help="Decoupled: each step shrinks every weight.",
        minor=True,
    )
    steps: int = knob(3000, choices=(300, 1000, 3000, 10000), label="Steps", minor=True)
    replicas: int = knob(
        16,
        choices=(1, 4, 8, 16),
        label="Nets",
        help="Nets that differ in their random start only.",
        minor=True,
    )
    seed: int = knob(0, low=0, high=9999, label="Seed of the nets", minor=True)


def points(params: Params) -> tuple[Floats, Floats]:
    """The points ``x``, ``y`` that these settings stand for, in the reader's order."""
    x, y = np.array(parse_points(params.points)).T
    return x, y


def run(params: Params) -> Iterator[Frame]:
    """Train the nets; see :func:`curves.train` for what a frame holds."""
    x, y = points(params)
    return curves.train(
        x,
        y,
        None,
        width=params.width,
        depth=params.depth,
        activation=params.activation,
        optimizer=params.optimizer,
        learning_rate=params.learning_rate,
        weight_decay=params.weight_decay,
        batch_size=0,
        steps=params.steps,
        replicas=params.replicas,
        seed=params.seed,
    )


def charts(params: Params) -> Sequence[Any]:
    """The fit, and its error at the points against steps."""
    return (
        curves.fit_panel((-HIGHEST, HIGHEST), title="The nets and your points"),
        curves.error_panel(params.steps, between=False, title="Root-mean-square error at the points"),
    )


def data(params: Params, frames: Sequence[Frame], every: bool) -> dict[str, Columns]:
    """The data sets of the panels."""
    filled: dict[str, Columns] = curves.fit_data(*points(params), None, frames, every)
    return filled


def result(params: Params, frames: Sequence[Frame]) -> dict[str, Any]:
    """``train_rmse`` and ``least_rmse``, which no function can beat; for ReLU nets ``pieces``, ``inside`` and
    ``last_hinge``."""
    numbers: dict[str, Any] = curves.result(frames, ("train_rmse", "pieces", "inside", "last_hinge"))
    return {**numbers, "least_rmse": least_rmse(parse_points(params.points))}


def least_rmse(points: Points) -> float:
    """The smallest root-mean-square error of any function: that of the mean height at each x."""
    x, y = np.array(points).T
    group = np.unique(x, return_inverse=True)[1]
    means = np.bincount(group, y) / np.bincount(group)
    return float(np.sqrt(np.mean((y - means[group]) ** 2)))


def shared(points: Points) -> dict[float, tuple[float, ...]]:
    """The heights, lowest first, at every x at which points differ."""
    heights = defaultdict(set)
    for x, y in points:
        heights[x].add(y)
    return {x: tuple(sorted(ys)) for x, ys in heights.items() if len(ys) > 1}


def sentence(params: Params, frames: Sequence[Frame]) -> str:
    """What this run shows."""
    numbers, listed = result(params, frames), parse_points(params.points)
    train = numbers["spread"]["train_rmse"]
    lost = sum(value is None for value in train["replicas"])
    if lost == params.replicas:
        return "Every net diverged: the learning rate is too large for these settings."
    one = params.replicas - lost == 1
    text = f"After {frames[-1].step:,} steps: "
    text += "one net" if one else f"the median of {params.replicas - lost} nets"
    text += f" misses the {len(listed)} points by {train['median']:.2g} (root mean square"
    text += "). " if one else f"; the middle 80 %: {train['low']:.2g} to {train['high']:.2g}). "
    if params.activation == "ReLU":
        inside, last = numbers["spread"]["inside"], numbers["last_hinge"]
        text += f"Bends inside the interval: {curves.whole_range(inside)}; the last of all: at |x| = {last:.3g}"
        text += ". " if one else " (median). "
    twice = shared(listed)
    if twice:
        where = ", ".join(f"{x:g}".replace("-", "−") for x in list(twice)[:3])
        where += " and elsewhere" if len(twice) > 3 else ""
        text += f"Points at x = {where} differ in height: no function passes through them all, or misses them by "
        text += f"less than {numbers['least_rmse']:.2g}. "
    if lost:
        text += f"{lost} of {params.replicas} nets diverged and are left out. "
    return text.rstrip()


def _share(params: Params, frames: Sequence[Frame]) -> tuple[float, float]:
    """The median net's height at the first x that has several, and how far up between them that is."""
    x, heights = next(iter(shared(parse_points(params.points)).items()))
    median = np.nanmedian(frames[-1].values["prediction"], axis=0)
    height = float(np.interp(x, curves.GRID, median))
    return height, (height - heights[0]) / (heights[-1] - heights[0])


def _which(params: Params, frames: Sequence[Frame]) -> int:
    share = _share(params, frames)[1]
    return 0 if share > 2 / 3 else 2 if share < 1 / 3 else 1


def _reveal(params: Params, frames: Sequence[Frame]) -> str:
    height, share = _share(params, frames)
    return (
        f"Median of {params.replicas} nets: it passes at y = {height:.2g}, {100 * share:.0f} % of the way "
        "from the lower point to the upper. The squared error is least at the mean."
    )


LAB = Lab(
    title="Your own points",
    Params=Params,
    run=run,
    charts=charts,
    data=data,
    result=result,
    sentence=sentence,
    guess=Guess(
        question="Two of six points lie one above the other, at x = 0. Where do the nets pass?",
        options=("Through the upper one", "Half-way between", "Through the lower one"),
        settings={"points": TWO_HEIGHTS},
        answer=_which,
        reveal=_reveal,
    ),
    drawn="points",
)
