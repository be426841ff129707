"""Nets learn true labels, random labels, shuffled pixels and noise, until they have every training label right."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import altair as alt
import numpy as np

from core import charts as look
from core.experiments.random_labels.examples import (
    BEFORE,
    BEFORE_TITLE,
    CHANCE,
    MEASURED,
    SOURCES,
    Group,
    Series,
    by_group,
    drawn_epochs,
    epochs_axis,
    examples,
    learn,
    line_legend,
    line_style,
    net_of,
    share_axis,
    task,
)
from core.lab import Array, Columns, Frame, Guess, Lab, knob, plain, spread

FEWER = 4
"""Nets of each kind where each costs as much as several others: CNNs, and several layers of 512 units."""
WIDE = 512
POINTS = 18
ROOM = 2.2
"""How far beyond the last epoch the axis of the last panel reaches, for its words."""


class Condition(NamedTuple):
    """What nets are given to learn, and how it is drawn: ``share`` of random labels, −1 for the reader's."""

    line: Series
    inputs: str
    share: float


CONDITIONS = {
    "true": Condition(Series("true labels", look.NET, [1, 0]), "real", 0.0),
    "one_shuffle": Condition(Series("one pixel shuffle", look.NET, [3, 3]), "one shuffle", 0.0),
    "shuffle_each": Condition(Series("each image shuffled", look.OTHER, [1, 0]), "a shuffle each", 0.0),
    "gaussian": Condition(Series("Gaussian noise", look.OTHER, [3, 3]), "Gaussian", 0.0),
    "partly_random": Condition(Series("partly random labels", look.BETWEEN, [3, 3]), "real", -1.0),
    "random": Condition(Series("random labels", look.BETWEEN, [1, 0]), "real", 1.0),
}
"""The conditions of Zhang et al. (2017), figure 1, by the name of their numbers."""
LINES = [condition.line for condition in CONDITIONS.values()]
NAMES = [line.name for line in LINES]


@dataclass(frozen=True)
class Params:
    """What a reader can set."""

    examples: str = knob("digits", choices=SOURCES, label="Examples", help="What the nets are shown.")
    share: float = knob(
        0.4,
        low=0.0,
        high=1.0,
        label="Share of random labels",
        help="Where labels are partly random: each is drawn anew with this probability, once, from all ten.",
    )
    net: str = knob(
        "MLP",
        choices=("MLP", "CNN"),
        label="Net",
        help="Fully connected, or two convolutions with a sixteenth and an eighth as many channels as units.",
    )
    width: int = knob(512, choices=(32, 128, 512), label="Hidden units", help="Units in each layer.")
    depth: int = knob(1, choices=(1, 2, 3), label="Hidden layers", help="Of the fully connected net.")
    samples: int = knob(
        1000, choices=(250, 500, 1000), label="Training images", help="The test images stay the same.", minor=True
    )
    learning_rate: float = knob(0.05, choices=(0.01, 0.02, 0.05), label="Learning rate", minor=True)
    epochs: int = knob(
        60, choices=(20, 60, 100), label="Epochs", help="At most; nets that have all labels right stop.", minor=True
    )
    seeds: int = knob(
        8,
        choices=(4, 8),
        label="Nets of each kind",
        help="They differ in their start and in their random labels, shuffles or noise. CNNs, and wide deep nets: 4.",
        minor=True,
    )
    seed: int = knob(0, low=0, high=9999, label="Seed", minor=True)


def replicas(params: Params) -> int:
    """How many nets of each kind are trained."""
    heavy = params.net == "CNN" or (params.depth > 1 and params.width == WIDE)
    return min(params.seeds, FEWER) if heavy else params.seeds


def run(params: Params) -> Iterator[Frame]:
    """Train nets under all conditions, in the order of ``CONDITIONS``; see :func:`learn` for what a frame holds."""
    known = examples(params.examples, params.samples, params.seed)
    net = net_of(params.net, params.width, params.depth, params.examples)
    tasks = (
        task(known, condition.inputs, _share(params, condition), replicas(params), params.seed)
        for condition in CONDITIONS.values()
    )
    groups = [Group(net, each, params.learning_rate, params.seed) for each in tasks]
    yield from learn(groups, params.epochs)


def _share(params: Params, condition: Condition) -> float:
    return params.share if condition.share < 0 else condition.share


def charts(params: Params) -> Sequence[Any]:
    """Training and test accuracy against epochs, and the epochs until every training label is right."""
    return (
        _accuracy_panel(params, "train", "Right on the training labels", words=True),
        _accuracy_panel(params, "test", "Right on test images, by their true labels", words=False),
        _epochs_panel(params),
    )


def _accuracy_panel(params: Params, which: str, title: str, *, words: bool) -> Any:
    x = epochs_axis("epoch", params.epochs, BEFORE_TITLE, params.epochs)
    y = partial(share_axis, title="share right" if words else None)
    colour, dash = line_style(LINES, line_legend(2))
    return look.panel(
        look.layer("chance", y=y("accuracy")).mark_rule(color=look.QUIET, strokeWidth=1.2),
        look.layer("chance", x=x, y=y("accuracy"), text="name:N").mark_text(
            color=look.QUIET, align="right", baseline="bottom", dx=-4, dy=-3
        ),
        look.layer("curves", x=x, y=y(f"{which}_low"), y2=f"{which}_high:Q", color=colour).mark_area(
            opacity=0.18, clip=True
        ),
        look.layer("every", x=x, y=y(which), color=colour, detail="net:N").mark_line(
            strokeWidth=0.7, opacity=0.5, clip=True
        ),
        look.layer("pinned_curves", x=x, y=y(which), detail="name:N").mark_line(
            color=look.PINNED, strokeWidth=1.8, strokeDash=[2, 2], clip=True
        ),
        look.layer("curves", x=x, y=y(which), color=colour, strokeDash=dash).mark_line(strokeWidth=2.2, clip=True),
        look.layer("ends", x=x, y=y(which), color=colour).mark_point(filled=True, size=50, opacity=1, clip=True),
        title=title,
        height=370,
        columns=6,
    )


def _epochs_panel(params: Params) -> Any:
    title = "epochs (tick: a net; dot and line: median and middle 80 % of all)"
    axis = partial(epochs_axis, epochs=params.epochs, title=title, farthest=params.epochs * ROOM)
    low, median = axis("low"), axis("median")
    y = alt.Y("name:N", scale=alt.Scale(domain=NAMES), title=None, axis=alt.Axis(labelLimit=220, grid=True))
    colour, _ = line_style(LINES, None)
    tooltip = [alt.Tooltip("name:N"), alt.Tooltip("median:Q"), alt.Tooltip("low:Q"), alt.Tooltip("high:Q")]
    return look.panel(
        look.layer("nets", x=axis("epoch"), y=y, color=colour).mark_tick(size=16, thickness=1.5, opacity=0.7),
        look.layer("pinned_fits", x=median, y=y).mark_point(shape="diamond", color=look.PINNED, size=110),
        look.layer("fits", x=low, x2="high:Q", y=y, color=colour).mark_rule(strokeWidth=2.5, clip=True),
        look.layer("fits", x=median, y=y, color=colour, tooltip=tooltip).mark_point(filled=True, size=80, opacity=1),
        look.layer("fits", y=y, text="words:N").mark_text(align="right", color=look.INK, x=alt.ExprRef("width - 6")),
        title="Epochs until every training label is right, and times those of true labels",
        height=210,
    )


def data(params: Params, frames: Sequence[Frame], every: bool) -> dict[str, Columns]:
    """The data sets of the panels."""
    every_epoch, train, test = (
        np.array([frame.values[name] for frame in frames]).reshape(len(frames), len(CONDITIONS), -1)
        for name in ("epoch", "train_accuracy", "test_accuracy")
    )
    epochs, fitted = every_epoch[:, :, 0], by_group(frames[-1])["epochs_to_fit"]
    curves: dict[str, list[Any]] = {}
    singles: dict[str, list[Any]] = {name: [] for name in ("name", "net", "epoch", "train", "test")}
    ends: dict[str, list[Any]] = {name: [] for name in ("name", "epoch", "train", "test")}
    for row, name in enumerate(NAMES):
        now = int(epochs[-1, row])
        kept = drawn_epochs(now, POINTS)
        chosen = np.searchsorted(epochs[:, row], kept)
        x = look.rounded(np.maximum(kept, BEFORE))
        part: dict[str, list[Any]] = {"name": [name] * len(x), "epoch": x}
        for which, values in (("train", train), ("test", test)):
            low, middle, high = (look.fixed(quantile, 3) for quantile in look.band(values[chosen, row].T))
            part |= {which: middle, f"{which}_low": low, f"{which}_high": high}
        curves = {column: [*curves.get(column, []), *cells] for column, cells in part.items()}
        if np.isfinite(fitted[row]).all():
            for column in ends:
                ends[column].append(part[column][-1])
        for net in range(train.shape[2]) if every else ():
            singles["name"] += [name] * len(x)
            singles["net"] += [f"{name} {net}"] * len(x)
            singles["epoch"] += x
            singles["train"] += look.fixed(train[chosen, row, net])
            singles["test"] += look.fixed(test[chosen, row, net])
    return {
        "chance": {"epoch": [params.epochs], "accuracy": [CHANCE], "name": ["chance"]},
        "curves": curves,
        "every": singles,
        "ends": ends,
        "nets": {
            "name": [name for name, row in zip(NAMES, fitted, strict=True) for _ in row[np.isfinite(row)]],
            "epoch": fitted[np.isfinite(fitted)].astype(int).tolist(),
        },
        "fits": _fits(fitted),
    }


def _fits(fitted: Array) -> Columns:
    shown = [spread(row) if np.isfinite(row).all() else None for row in fitted]
    true = shown[0]
    words = []
    for row, numbers in zip(fitted, shown, strict=True):
        if numbers is None:
            words.append(f"{np.isfinite(row).sum()} of {len(row)} nets")
        else:
            words.append("" if true is None else f"{numbers['median'] / true['median']:.1f} ×")
    return {
        "name": NAMES,
        **{
            quantile: [None if numbers is None else round(numbers[quantile], 2) for numbers in shown]
            for quantile in ("low", "median", "high")
        },
        "words": words,
    }


def result(params: Params, frames: Sequence[Frame]) -> dict[str, Any]:
    """``train_accuracy``, ``test_accuracy`` and ``epochs_to_fit`` by the name of the condition, medians over the nets.

    ``epochs_to_fit`` is NaN unless all nets of a condition have every training label right. ``slowdown`` is that of
    random labels over that of true ones; its spread is over nets of the same start. ``spread`` holds each net.
    """
    last = by_group(frames[-1])
    spreads: dict[str, Any] = {
        name: {key: spread(row) for key, row in zip(CONDITIONS, last[name], strict=True)} for name in MEASURED
    }
    numbers: dict[str, Any] = {
        name: {key: each["median"] for key, each in rows.items()} for name, rows in spreads.items()
    }
    fits = numbers["epochs_to_fit"]
    for key, row in zip(CONDITIONS, last["epochs_to_fit"], strict=True):
        if not np.isfinite(row).all():
            fits[key] = np.nan
    true, random = (last["epochs_to_fit"][list(CONDITIONS).index(key)] for key in ("true", "random"))
    spreads["slowdown"] = spread(random / true)
    return {**numbers, "slowdown": fits["random"] / fits["true"], "spread": spreads}


def sentence(params: Params, frames: Sequence[Frame]) -> str:
    """What this run shows."""
    last, numbers, nets = by_group(frames[-1]), result(params, frames), replicas(params)
    lost = np.isnan(last["train_accuracy"])
    if lost.all():
        return "Every net diverged: the learning rate is too large for these settings."
    kind = "a CNN" if params.net == "CNN" else f"an MLP of {params.depth} × {params.width} units"
    what = "digits" if params.examples == "digits" else "signals of MNIST-1D"
    text = f"On {params.samples:,} {what}, {kind}, {nets} nets of each kind (medians; in brackets the middle 80 %). "
    if not last["epoch"].any():
        return text + "Nothing is trained yet."
    ended = frames[-1].step == frames[-1].total
    text += "Epochs until every training label is right: "
    text += "; ".join(_fit_words(name, last, row, ended) for row, name in enumerate(NAMES)) + ". "
    if np.isfinite(numbers["slowdown"]):
        text += f"Random labels take {numbers['slowdown']:.1f} times as long as true ones. "
    right = numbers["test_accuracy"]
    shown = [f"{name} {right[key]:.2f}" for key, name in zip(CONDITIONS, NAMES, strict=True) if np.isfinite(right[key])]
    text += f"On test images, treated alike and with their true labels: {', '.join(shown)}; chance is {CHANCE:g}. "
    text += f"Partly random: {100 * params.share:.0f} % are drawn anew, and one in ten of those is right again. "
    if lost.any():
        text += f"{lost.sum()} of {lost.size} nets diverged and are left out. "
    return text.rstrip()


def _fit_words(name: str, last: Mapping[str, Array], row: int, ended: bool) -> str:
    fits, nets = spread(last["epochs_to_fit"][row]), len(last["epochs_to_fit"][row])
    done = sum(value is not None for value in fits["replicas"])
    if done == nets:
        return f"{name} {plain(fits['median'])} ({plain(round(fits['low'], 1))} to {plain(round(fits['high'], 1))})"
    words = f"{name}, {done or 'none'} of {nets} nets " + (f"within {last['epoch'][row]:.0f}" if ended else "so far")
    right = spread(last["train_accuracy"][row])["median"]
    return words + (f" ({right:.2f} right)" if right < 0.995 else "")


def _slowdown(params: Params, frames: Sequence[Frame]) -> int:
    slowdown = result(params, frames)["slowdown"]
    return 0 if not np.isfinite(slowdown) else 1 if slowdown < 3 else 2 if slowdown < 10 else 3


def _reveal(params: Params, frames: Sequence[Frame]) -> str:
    numbers = result(params, frames)
    fits, right = numbers["epochs_to_fit"], numbers["test_accuracy"]["random"]
    if not np.isfinite(numbers["slowdown"]):
        return f"Within {params.epochs} epochs, not every one of {replicas(params)} nets had all random labels right."
    return (
        f"Median of {replicas(params)} nets: {plain(fits['true'])} epochs for true labels, {plain(fits['random'])} for "
        f"random ones, {numbers['slowdown']:.1f} times as many. On test images those nets are right in {right:.2f}."
    )


LAB = Lab(
    title="Memorise",
    Params=Params,
    run=run,
    charts=charts,
    data=data,
    result=result,
    sentence=sentence,
    rows=lambda params: {"condition": NAMES, "replica": range(replicas(params))},
    guess=Guess(
        question="A net of 512 hidden units is shown 1,000 images of digits, each with a label drawn at random. How "
        "long does it take to have every label right, compared with the true labels?",
        options=(
            "It never has them all right",
            "Less than three times as long",
            "Three to ten times as long",
            "More than ten times as long",
        ),
        settings={"examples": "digits", "net": "MLP", "width": 512, "depth": 1, "samples": 1000},
        answer=_slowdown,
        reveal=_reveal,
    ),
)
