"""Nets learn a curve from a few of its points, bend by bend."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from core.data import TARGETS, sample_target
from core.experiments.sine_fits import curves
from core.lab import Columns, Frame, Guess, Lab, knob


@dataclass(frozen=True)
class Params:
    """What a reader can set."""

    target: str = knob("sine", choices=tuple(TARGETS), label="Target", help="The curve the points come from.")
    points: int = knob(10, low=4, high=200, label="Points", help="How many points the nets are shown.")
    width: int = knob(32, choices=(4, 8, 16, 32, 64, 128), label="Hidden units", help="Units in each layer.")
    depth: int = knob(1, choices=(1, 2, 3, 4), label="Hidden layers")
    activation: str = knob("ReLU", choices=("ReLU", "tanh", "sigmoid", "sine"), label="Activation")
    learning_rate: float = knob(5e-3, low=1e-4, high=1e-1, log=True, label="Learning rate")
    noise: float = knob(
        0.0,
        low=0.0,
        high=0.5,
        label="Noise",
        help="Standard deviation of the error in each point.",
        minor=True,
    )
    spacing: str = knob("even", choices=("even", "random"), label="Spacing of the points", minor=True)
    optimizer: str = knob("Adam", choices=("SGD", "momentum", "Adam"), label="Optimiser", minor=True)
    weight_decay: float = knob(
        0.0,
        low=0.0,
        high=1.0,
        label="Weight decay",
        help="Decoupled: each step shrinks every weight.",
        minor=True,
    )
    batch_size: int = knob(
        0, choices=(0, 1, 4, 16, 64), label="Batch size", help="Points a step; 0 is all of them.", minor=True
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
    data_seed: int = knob(0, low=0, high=9999, label="Seed of the data", minor=True)


def points(params: Params) -> Any:
    """The points ``x``, ``y`` that these settings stand for."""
    return sample_target(params.target, params.points, params.noise, params.spacing, params.data_seed)


def run(params: Params) -> Iterator[Frame]:
    """Train the nets; see :func:`curves.train` for what a frame holds."""
    x, y = points(params)
    return curves.train(
        x,
        y,
        TARGETS[params.target](curves.DENSE),
        width=params.width,
        depth=params.depth,
        activation=params.activation,
        optimizer=params.optimizer,
        learning_rate=params.learning_rate,
        weight_decay=params.weight_decay,
        batch_size=params.batch_size,
        steps=params.steps,
        replicas=params.replicas,
        seed=params.seed,
    )


def charts(params: Params) -> Sequence[Any]:
    """The fit, and its error against steps."""
    low = -0.6 if params.target in ("Runge", "|x|") else -1.7
    return (
        curves.fit_panel((low, 1.7), title="The nets, the target (dashed) and the points"),
        curves.error_panel(params.steps, between=True),
    )


def data(params: Params, frames: Sequence[Frame], every: bool) -> dict[str, Columns]:
    """The data sets of the panels."""
    x, y = points(params)
    filled: dict[str, Columns] = curves.fit_data(x, y, TARGETS[params.target](curves.DENSE), frames, every)
    return filled


def result(params: Params, frames: Sequence[Frame]) -> dict[str, Any]:
    """``train_rmse``, ``dense_rmse``, and for ReLU nets ``pieces``, ``last_hinge`` and ``piece_bound``."""
    numbers = curves.result(frames, ("train_rmse", "dense_rmse", "pieces", "inside", "last_hinge"))
    if params.activation == "ReLU":
        numbers["piece_bound"] = curves.piece_bound(params.width, params.depth)
    return numbers


def sentence(params: Params, frames: Sequence[Frame]) -> str:
    """What this run shows."""
    numbers = result(params, frames)
    train, dense = numbers["spread"]["train_rmse"], numbers["spread"]["dense_rmse"]
    lost = sum(value is None for value in train["replicas"])
    if lost == params.replicas:
        return "Every net diverged: the learning rate is too large for these settings."
    one = params.replicas - lost == 1
    nets = "one net" if one else f"the median of {params.replicas - lost} nets"
    text = (
        f"After {frames[-1].step:,} steps: {nets} misses the points by "
        f"{train['median']:.2g} and the curve between them by {dense['median']:.2g} (root mean square"
    )
    text += "). " if one else f"; the middle 80 %: {dense['low']:.2g} to {dense['high']:.2g}). "
    if params.activation == "ReLU":
        pieces, inside = (curves.whole_range(numbers["spread"][name]) for name in ("pieces", "inside"))
        text += f"Linear pieces on the whole line: {pieces}, of at most {numbers['piece_bound']:,}; "
        text += f"bends inside the interval: {inside}. "
    if lost:
        text += f"{lost} of {params.replicas} nets diverged and are left out. "
    return text.rstrip()


def _which(params: Params, frames: Sequence[Frame]) -> int:
    numbers = result(params, frames)
    ratio = numbers["dense_rmse"] / max(numbers["train_rmse"], 1e-12)
    return 0 if ratio < 2 else 1 if ratio < 20 else 2


def _reveal(params: Params, frames: Sequence[Frame]) -> str:
    numbers = result(params, frames)
    ratio = numbers["dense_rmse"] / max(numbers["train_rmse"], 1e-12)
    times = f"{float(f'{ratio:.2g}'):,.0f}" if ratio >= 10 else f"{ratio:.2g}"
    return (
        f"Median of {params.replicas} nets: {numbers['train_rmse']:.2g} at the points, {numbers['dense_rmse']:.2g} "
        f"between them, {times} times as much."
    )


LAB = Lab(
    title="Fit a curve",
    Params=Params,
    run=run,
    charts=charts,
    data=data,
    result=result,
    sentence=sentence,
    guess=Guess(
        question="Sixteen nets of 128 units each, far more weights than points, train on ten points of a "
        "sine. How does their error between the points compare with their error at the points?",
        options=("About the same", "Two to twenty times as large", "More than twenty times as large"),
        settings={"target": "sine", "points": 10, "width": 128, "noise": 0.0},
        answer=_which,
        reveal=_reveal,
    ),
)
