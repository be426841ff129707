"""The same net brought to the same loss with small batches and with large: how sharp is the minimum it finds?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import altair as alt
import numpy as np

from core import charts as look
from core.experiments.sharp_flat_minima import minima, panels
from core.lab import Array, Columns, Frame, Guess, Lab, knob, spread

Pair = tuple[int, float]

REFERENCE: tuple[Pair, ...] = ((16, 0.05), (64, 0.2), (64, 0.05))
"""Batch sizes and learning rates beside the reader's own; the first two have the same noise scale."""
STOPS = ("equal loss", "equal epochs")
EVERY_EPOCH, EPOCHS = 40, 3
"""A frame an epoch up to here, then one every so many."""
MEASURED = ("top_eigenvalue", "trace", "sharpness")
WORK = 4
"""Measuring one number of one net takes about as long as this many epochs."""
LENGTHS = tuple(10.0**-exponent for exponent in range(1, 9))
"""Step lengths at which the trace is also taken by differences of gradients."""
USUAL_LENGTH = 1e-3
RATIOS = (0.25, 8.0)
"""Ratios beyond these are drawn at the edge."""
OWN = "yours"
HEIGHT = 210


@dataclass(frozen=True)
class Params:
    """What a reader can set."""

    batch_size: int = knob(
        512,
        choices=(16, 32, 64, 128, 256, 512),
        label="Your batch size",
        help="Beside the pairs 16 at rate 0.05, 64 at 0.2 and 64 at 0.05.",
    )
    learning_rate: float = knob(0.2, low=0.02, high=0.4, log=True, label="Your learning rate")
    stop: str = knob(
        "equal loss",
        choices=STOPS,
        label="Compare at",
        help="Keep each net at its first epoch below the loss, or all of them at the same epoch.",
    )
    epochs: int = knob(
        30, low=5, high=100, label="Epochs", help="Of every net, when compared at equal epochs.", minor=True
    )
    target: float = knob(
        0.1,
        choices=(0.3, 0.1, 0.05),
        label="Loss",
        help="Mean training loss, in nats, when compared at equal loss.",
        minor=True,
    )
    epsilon: float = knob(
        1e-3,
        choices=(5e-4, 1e-3, 2e-3),
        label="Box of φ",
        help="Keskar's ε: how far each weight may move, as a share of its size plus one.",
        minor=True,
    )
    limit: int = knob(
        300,
        choices=(100, 200, 300),
        label="Most epochs",
        help="Nets still above the loss by then are left out.",
        minor=True,
    )
    replicas: int = knob(
        3, choices=(3, 4, 6), label="Nets", help="Of each pair; they differ in their random start.", minor=True
    )
    seed: int = knob(0, low=0, high=9999, label="Seed", help="Of the starts and the batches.", minor=True)


def pairs(params: Params) -> tuple[Pair, ...]:
    """Batch sizes and rates that are compared: the reference pairs, and the reader's if it is none of them."""
    own = (params.batch_size, params.learning_rate)
    return (*REFERENCE, *(() if own in REFERENCE else (own,)))


def name(pair: Pair) -> str:
    """What a pair is called."""
    return f"{pair[0]} at {pair[1]:.3g}"


def longest(params: Params) -> int:
    """Epochs after which no net trains any further."""
    return params.epochs if params.stop == "equal epochs" else params.limit


def run(params: Params) -> Iterator[Frame]:
    """Train the nets of all pairs side by side, then measure where they were kept.

    Frames, for C pairs and S nets: ``loss``; ``epochs``, after how many a net was kept, NaN before and for nets that
    do not count; ``test_accuracy``, ``top_eigenvalue`` and its ``residual``, ``trace`` and its standard
    ``trace_error``, ``sharpness`` (φ in per cent), (C, S); ``trained``, epochs, (C,); and for the first net of each
    pair that counts, ``difference_ratio`` (C, 8): its trace by differences of each of ``LENGTHS`` over the exact one
    with the same probes.
    """
    chosen, last = pairs(params), longest(params)
    equal_loss = params.stop == STOPS[0]
    target = params.target if equal_loss else 0.0
    descents = [minima.Descent(*pair, replicas=params.replicas, target=target, seed=params.seed) for pair in chosen]
    total = last + WORK * len(chosen) * (len(MEASURED) * params.replicas + len(LENGTHS))
    names = (*MEASURED, "residual", "trace_error", "test_accuracy", "loss", "epochs")
    values: dict[str, Array] = {name: np.full((len(chosen), params.replicas), np.nan) for name in names}
    values["difference_ratio"] = np.full((len(chosen), len(LENGTHS)), np.nan)
    values["trained"] = np.zeros(len(chosen))
    for step in sorted({*range(min(EVERY_EPOCH, last)), *range(EVERY_EPOCH, last, EPOCHS), last}):
        for row, descent in enumerate(descents):
            descent.advance(step - descent.epoch)
            kept = descent.reached.copy()
            if not equal_loss and step == last:
                kept[np.isfinite(descent.loss)] = last
            if not np.array_equal(kept, values["epochs"][row], equal_nan=True):
                right = minima.test_accuracy(descent.kept)
                values["test_accuracy"][row] = np.where(np.isfinite(kept), right, np.nan)
            values["trained"][row], values["loss"][row], values["epochs"][row] = descent.epoch, descent.loss, kept
        yield Frame(step, total, _copy(values))
    step = last
    for _ in _measure(params, values, [descent.kept for descent in descents]):
        step += WORK
        yield Frame(step, total, _copy(values))


def _copy(values: Mapping[str, Array]) -> dict[str, Array]:
    return {name: value.copy() for name, value in values.items()}


def _measure(params: Params, values: dict[str, Array], points: Sequence[Array]) -> Iterator[None]:
    """Fill in the numbers of the nets that were kept, one number at a time."""
    loss, precise = minima.objective(), minima.objective(double=True)
    counts = np.isfinite(values["epochs"])
    for replica, row in product(range(params.replicas), range(len(points))):
        if not counts[row, replica]:
            yield from [None] * len(MEASURED)
            continue
        point, seed = points[row][replica : replica + 1], minima.probe_seed(params.seed, replica)
        for numbers in minima.measures(loss, point, params.epsilon, seed):
            for name, number in numbers.items():
                values[name][row, replica] = number
            yield
    for row, kept in enumerate(counts):
        if not kept.any():
            yield from [None] * len(LENGTHS)
            continue
        first = points[row][kept][:1]
        for column, ratio in enumerate(minima.difference_ratios(loss, precise, first, LENGTHS)):
            values["difference_ratio"][row, column] = ratio
            yield


def rows(params: Params) -> list[panels.Row]:
    """The pairs in order; the reader's own keeps its key when it changes."""
    made = []
    for pair, style in zip(pairs(params), panels.STYLES, strict=False):
        key = name(pair) if pair in REFERENCE else OWN
        own = f"{OWN}: " if key == OWN else ""
        made.append(panels.Row(key, f"{own}{name(pair)}|noise scale {minima.noise_scale(*pair):.3g}", *style))
    return made


def charts(params: Params) -> Sequence[Any]:
    """Training, the numbers of each net, and what differences make of the trace."""
    scales = [minima.noise_scale(*pair) for pair in pairs(params)]
    made = rows(params)
    ordered = [made[index] for index in sorted(range(len(made)), key=lambda index: -scales[index])]
    clock, loss = panels.clock(1, longest(params), "epochs"), panels.logarithmic(0.03, 3, 0.1, 0.3, 1)
    name = "training loss"
    goal = {"y": panels.value("loss", *loss, name)} if params.stop == STOPS[0] else {"x": clock}
    y, top, trace = (
        panels.upright(ordered),
        panels.logarithmic(1, 100, 3, 10, 30),
        panels.logarithmic(30, 1000, 100, 300),
    )
    bounds = look.layer("bounds", x=panels.along("bound", *top), y=y)
    bounds = bounds.mark_tick(color=look.QUIET, thickness=3, size=26)
    errors = look.layer("nets", x=panels.along("trace_low", *trace), x2="trace_high:Q", y=y, color=panels.colour(made))
    errors = errors.mark_rule(opacity=0.5, clip=True)
    share = panels.percentages(0.5 if params.stop == STOPS[0] else 0.3, 0.7)
    strips: tuple[tuple[str, str, tuple[alt.Scale, alt.Axis], list[alt.Chart]], ...] = (
        ("top_eigenvalue", "Top eigenvalue; grey: 2 / learning rate", top, [bounds]),
        ("trace", "Trace of the Hessian, ± its standard error", trace, [errors]),
        ("sharpness", f"Keskar’s φ in %, ε = {params.epsilon:g}", panels.logarithmic(0.5, 50, 1, 2, 5, 10, 20), []),
        ("test_accuracy", "Test accuracy", share, []),
    )
    title = "Training; dashed: where nets are compared"
    return (
        panels.curves(made, "loss", clock, *loss, panels.rule("goal", **goal), title=title, name=name, height=HEIGHT),
        *(
            panels.strip(ordered, column, *scale, *under, title=title, height=HEIGHT)
            for column, title, scale, under in strips
        ),
        _difference_panel(made),
    )


def _difference_panel(rows: Sequence[panels.Row]) -> Any:
    scale = alt.Scale(type="log", domain=[min(LENGTHS), max(LENGTHS)], nice=False)
    x = alt.X("length:Q", scale=scale, axis=alt.Axis(values=list(LENGTHS[1::2]), format=".0e"), title="length of step")
    y = panels.value("ratio", *panels.logarithmic(*RATIOS, 0.5, 1, 2, 4), "times the exact")
    found = look.layer("differences", x=x, y=y, color=panels.colour(rows), strokeDash=panels.dash(rows))
    title = "A trap: the trace by differences; dashed: exact"
    return look.panel(
        panels.rule("exact", y=y), found.mark_line(strokeWidth=2.2, clip=True), title=title, height=HEIGHT, columns=6
    )


def data(params: Params, frames: Sequence[Frame], every: bool) -> dict[str, Columns]:
    """The data sets of the panels."""
    values, keys = frames[-1].values, [row.key for row in rows(params)]
    columns = {column: values[column] for column in (*MEASURED, "test_accuracy")}
    columns["trace_low"] = values["trace"] - values["trace_error"]
    columns["trace_high"] = values["trace"] + values["trace_error"]
    return {
        "goal": {"loss": [params.target]} if params.stop == STOPS[0] else {"at": [params.epochs]},
        "curves": panels.curve_numbers(keys, frames, "trained", {"loss": "loss"}),
        "bounds": {"row": keys, "bound": look.rounded(np.array([2 / rate for _, rate in pairs(params)]))},
        **panels.strip_numbers(keys, columns),
        "exact": {"ratio": [1]},
        "differences": {
            "row": np.repeat(keys, len(LENGTHS)).tolist(),
            "length": list(LENGTHS) * len(keys),
            "ratio": look.rounded(np.clip(values["difference_ratio"].ravel(), *RATIOS)),
        },
    }


def result(params: Params, frames: Sequence[Frame]) -> dict[str, Any]:
    """Medians by pair, and how the pairs compare.

    ``top_eigenvalue``, ``trace``, ``sharpness``, ``test_accuracy``, ``epochs``, ``final_loss`` and ``noise_scale`` by
    pair, ``difference_trace`` (times the exact one, by steps of 0.001) likewise, ``missed``, the nets that do not
    count; ``equal_noise_ratio`` and ``own_ratio``, the top eigenvalue of 64 at 0.2 over that of 16 at 0.05, and the
    reader's over that of 64 at 0.2.
    """
    values, chosen = frames[-1].values, pairs(params)
    names = [name(pair) for pair in chosen]
    columns = {column: column for column in (*MEASURED, "test_accuracy", "epochs")} | {"final_loss": "loss"}
    spreads = {
        key: {pair: spread(values[column][row]) for row, pair in enumerate(names)} for key, column in columns.items()
    }
    top = {pair: found["median"] for pair, found in spreads["top_eigenvalue"].items()}
    usual = LENGTHS.index(USUAL_LENGTH)
    own = name((params.batch_size, params.learning_rate))
    return {
        **{key: {pair: found["median"] for pair, found in by_pair.items()} for key, by_pair in spreads.items()},
        "noise_scale": {name(pair): minima.noise_scale(*pair) for pair in chosen},
        "difference_trace": {pair: float(values["difference_ratio"][row, usual]) for row, pair in enumerate(names)},
        "missed": {pair: int(np.isnan(values["epochs"][row]).sum()) for row, pair in enumerate(names)},
        "equal_noise_ratio": top[names[1]] / top[names[0]],
        "own_ratio": top[own] / top[names[1]],
        "spread": spreads,
    }


def sentence(params: Params, frames: Sequence[Frame]) -> str:
    """What this run shows."""
    numbers, values = result(params, frames), frames[-1].values
    equal_loss = params.stop == STOPS[0]
    text = f"Each net at its first epoch below a training loss of {params.target:g}" if equal_loss else ""
    text += "" if equal_loss else f"Every net after {params.epochs} epochs, whatever its loss"
    text += f"; medians of {params.replicas} nets, in brackets the middle 80 %. "
    for pair in sorted(pairs(params), key=lambda pair: -minima.noise_scale(*pair)):
        text += _describe(params, numbers, values, pair)
    losses = [loss for loss in numbers["final_loss"].values() if np.isfinite(loss)]
    if not equal_loss and frames[-1].step >= params.epochs and losses and max(losses) > 1.5 * min(losses):
        text += f"Their losses differ, from {min(losses):.2g} to {max(losses):.2g}: these are nets at different "
        text += "stages of training, and their curvatures do not compare minima. "
    ratio = numbers["equal_noise_ratio"]
    if np.isfinite(ratio):
        text += f"The two pairs of noise scale 12.5 differ by a factor of {max(ratio, 1 / ratio):.2f} in their top "
        text += "eigenvalue. " if 0.6 <= ratio <= 1.6 else "eigenvalue: here they do not lie together. "
    off = [found for found in numbers["difference_trace"].values() if np.isfinite(found)]
    if len(off) > 1:
        text += f"Differences of gradients with steps of {USUAL_LENGTH:g} give {min(off):.2f} to {max(off):.2f} times "
        text += "the exact trace. "
    return text.rstrip()


def _describe(params: Params, numbers: dict[str, Any], values: Mapping[str, Array], pair: Pair) -> str:
    row, label = pairs(params).index(pair), name(pair)
    text = f"Batch {pair[0]} at rate {pair[1]:.3g}, noise scale {minima.noise_scale(*pair):.3g}: "
    missed = numbers["missed"][label]
    if missed == params.replicas:
        diverged = not np.isfinite(values["loss"][row]).any()
        return text + (
            "every net diverged. " if diverged else f"none there after {values['trained'][row]:.0f} epochs. "
        )
    epochs, top, right = (numbers["spread"][key][label] for key in ("epochs", "top_eigenvalue", "test_accuracy"))
    text += f"{epochs['median']:.0f} epochs, "
    if np.isfinite(top["median"]):
        text += f"top eigenvalue {top['median']:.1f} ({top['low']:.1f} to {top['high']:.1f}), "
    text += f"test accuracy {minima.percent(right['median'])} ({minima.percent(right['low'])} to "
    text += f"{minima.percent(right['high'])})"
    return text + (f"; {missed} of {params.replicas} nets not there, and left out. " if missed else ". ")


def _which(params: Params, frames: Sequence[Frame]) -> int:
    ratio = result(params, frames)["own_ratio"]
    return 0 if ratio < 0.8 else 1 if ratio < 1.25 else 2


def _reveal(params: Params, frames: Sequence[Frame]) -> str:
    numbers = result(params, frames)
    own, other = name((params.batch_size, params.learning_rate)), name(REFERENCE[1])
    top, right = numbers["top_eigenvalue"], numbers["test_accuracy"]
    return (
        f"Median of {params.replicas} nets each: top eigenvalue {top[own]:.1f} with batches of {params.batch_size}, "
        f"{top[other]:.1f} with batches of 64; test accuracy {minima.percent(right[own])} and "
        f"{minima.percent(right[other])}."
    )


LAB = Lab(
    title="Small batches, large batches",
    Params=Params,
    run=run,
    charts=charts,
    data=data,
    result=result,
    sentence=sentence,
    rows=lambda params: {
        "batch_size_and_rate": [name(pair) for pair in pairs(params)],
        "replica": range(params.replicas),
    },
    guess=Guess(
        question="Nets trained at rate 0.2 with batches of 64, and others with batches of 512, which need some seven "
        "times as many epochs, are stopped at the same training loss. How curved is the loss there, in its steepest "
        "direction, for the batches of 512?",
        options=("Less than for batches of 64", "About the same", "More than for batches of 64"),
        settings={"batch_size": 512, "learning_rate": 0.2, "stop": "equal loss", "target": 0.1},
        answer=_which,
        reveal=_reveal,
    ),
)
