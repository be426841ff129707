"""Nets on partly wrong labels learn patterns before noise; stopping early keeps the patterns."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import altair as alt
import numpy as np

from core import charts as look
from core.experiments.random_labels.examples import (
    BATCH,
    BEFORE,
    BEFORE_TITLE,
    CHANCE,
    MOMENTUM,
    SOURCES,
    Series,
    drawn_epochs,
    epochs_axis,
    examples,
    line_legend,
    line_style,
    net_of,
    redrawn,
    share_axis,
    still_right,
)
from core.lab import Array, Columns, Frame, Guess, Lab, knob, plain, spread

HELD_OUT = 300
"""Test examples set apart for choosing when to stop; accuracy is reported on the others."""
POINTS = 24
CURVES = {
    "train": Series("training labels given", look.BETWEEN, [1, 0]),
    "validation": Series("validation labels", look.OTHER, [5, 3]),
    "test": Series("test images, true labels", look.NET, [1, 0]),
}
FATES = {
    "true_label": Series("their true label", look.NET, [1, 0]),
    "given_label": Series("the wrong label they came with", look.BETWEEN, [1, 0]),
}
KEPT = ("test", "true_label", "given_label")
"""What is noted at the stop."""
ENDS = {"at_stop": ("at the stop", look.NET, "circle"), "at_end": ("now", look.BETWEEN, "diamond")}


@dataclass(frozen=True)
class Params:
    """What a reader can set."""

    examples: str = knob("digits", choices=SOURCES, label="Examples", help="What the nets are shown.")
    share: float = knob(
        0.4,
        low=0.0,
        high=1.0,
        label="Share of random labels",
        help="Each label is drawn anew with this probability, once, from all ten.",
    )
    learning_rate: float = knob(0.02, choices=(0.01, 0.02, 0.05), label="Learning rate")
    width: int = knob(512, choices=(32, 128, 512), label="Hidden units", help="Units of the nets' one layer.")
    validation: str = knob(
        "noisy",
        choices=("noisy", "true"),
        label="Validation labels",
        help="As random as the training labels, or all true.",
    )
    samples: int = knob(1000, choices=(250, 500, 1000), label="Training images", minor=True)
    epochs: int = knob(80, choices=(40, 80, 160), label="Epochs", minor=True)
    seeds: int = knob(
        8,
        choices=(4, 8, 16),
        label="Nets",
        help="They differ in their start and in their random labels.",
        minor=True,
    )
    seed: int = knob(0, low=0, high=9999, label="Seed", minor=True)


def run(params: Params) -> Iterator[Frame]:
    """Train nets on partly random labels, and note when each is best on held-out labels.

    Frames, all (S,): ``train`` on the labels given, ``validation`` and ``test``, shares right; of the training images
    whose label is wrong the shares ``true_label`` and ``given_label`` that a net gives that label (NaN if there are
    none); ``stop``, the first epoch at which validation was best so far, and ``test``, ``true_label`` and
    ``given_label`` there, ``…_at_stop``.
    """
    from core.classification import Classification

    known = examples(params.examples, params.samples, params.seed)
    net, held = net_of("MLP", params.width, 1, params.examples), known.y_test[:HELD_OUT]
    given = redrawn(np.concatenate((known.y, held)), params.share, params.seeds, params.seed)
    labels, chosen_by = given[:, : params.samples], given[:, params.samples :]
    if params.validation == "true":
        chosen_by = held[np.newaxis]
    nets = Classification(
        net,
        known.x,
        labels,
        replicas=params.seeds,
        learning_rate=params.learning_rate,
        momentum=MOMENTUM,
        batch_size=BATCH,
        seed=params.seed,
    )
    inputs = np.concatenate((known.x, known.x_test))
    wrong = labels != known.y
    total = params.epochs * nets.steps_per_epoch
    best = {name: np.full(params.seeds, np.nan) for name in ("validation", "stop", *KEPT)}
    for epoch in range(params.epochs + 1):
        outputs = np.asarray(net(nets.parameters, inputs))
        lost = ~np.isfinite(outputs).all(axis=(1, 2))
        seen, unseen = np.split(outputs.argmax(axis=-1), [params.samples], axis=1)
        now = {
            "train": np.mean(seen == labels, axis=1),
            "validation": np.mean(unseen[:, :HELD_OUT] == chosen_by, axis=1),
            "test": np.mean(unseen[:, HELD_OUT:] == known.y_test[HELD_OUT:], axis=1),
            "true_label": _share(seen == known.y, wrong),
            "given_label": _share(seen == labels, wrong),
            "stop": np.full(params.seeds, float(epoch)),
        }
        now = {name: np.where(lost, np.nan, values) for name, values in now.items()}
        better = (now["validation"] > best["validation"]) | (np.isnan(best["validation"]) & ~lost)
        best = {name: np.where(better, now[name], values) for name, values in best.items()}
        kept = {f"{name}_at_stop": best[name] for name in KEPT}
        values = {name: value for name, value in now.items() if name != "stop"}
        yield Frame(nets.step, total, {"epoch": np.array(epoch), **values, "stop": best["stop"], **kept})
        if epoch < params.epochs:
            nets.advance(nets.steps_per_epoch)


def _share(hits: Array, among: Array) -> Array:
    counts = among.sum(axis=1)
    return np.where(counts > 0, (hits & among).sum(axis=1) / np.maximum(counts, 1), np.nan)


def charts(params: Params) -> Sequence[Any]:
    """Accuracies against epochs with the stop, the fate of the wrong labels, and each net at the stop and now."""
    return (_accuracy_panel(params), _fate_panel(params), _net_panel(params))


def _epochs(params: Params, column: str = "epoch") -> alt.X:
    return epochs_axis(column, params.epochs, BEFORE_TITLE, params.epochs)


def _lines(params: Params, data: str, shown: Mapping[str, Series], singles: Sequence[str]) -> Any:
    """Medians and bands of the series of ``data``, single nets of some, and the dashed medians of a pinned run."""
    x, y = _epochs(params), partial(share_axis, title="share of images")
    colour, dash = line_style(list(shown.values()), line_legend(2))
    return [
        look.layer("stop", x=_epochs(params, "low"), x2="high:Q").mark_rect(color=look.QUIET, opacity=0.16, clip=True),
        look.layer("stop", x=_epochs(params, "median")).mark_rule(color=look.INK, strokeWidth=1.4, clip=True),
        look.layer(data, x=x, y=y("low"), y2="high:Q", color=colour).mark_area(opacity=0.18, clip=True),
        *(
            look.layer("every", x=x, y=y(name), detail="net:N").mark_line(
                color=shown[name].colour, strokeWidth=0.7, opacity=0.5, clip=True
            )
            for name in singles
        ),
        look.layer(f"pinned_{data}", x=x, y=y("right"), detail="name:N").mark_line(
            color=look.PINNED, strokeWidth=1.8, strokeDash=[2, 2], clip=True
        ),
        look.layer(data, x=x, y=y("right"), color=colour, strokeDash=dash).mark_line(strokeWidth=2.4, clip=True),
    ]


def _accuracy_panel(params: Params) -> Any:
    x, y = _epochs(params), alt.Y("right:Q", title="share of images")
    return look.panel(
        look.layer("chance", y=y).mark_rule(color=look.QUIET, strokeWidth=1.2),
        look.layer("chance", x=x, y=y, text="name:N").mark_text(
            color=look.QUIET, align="right", baseline="top", dx=-4, dy=4
        ),
        look.layer("labels", y=y).mark_rule(color=look.INK, strokeWidth=1.4, strokeDash=[6, 3]),
        look.layer("labels", x=x, y=y, text="name:N").mark_text(
            color=look.INK, align="right", baseline="top", dx=-4, dy=4
        ),
        *_lines(params, "accuracies", CURVES, ("test",)),
        look.layer("stop", x=_epochs(params, "median"), text="name:N").mark_text(
            color=look.INK, align="left", baseline="bottom", dx=5, y=alt.ExprRef("height - 6")
        ),
        title="Share right; shaded: where the nets would stop",
        height=360,
    )


def _fate_panel(params: Params) -> Any:
    return look.panel(
        *_lines(params, "fates", FATES, tuple(FATES)),
        title="Training images with a wrong label are given",
        height=320,
        columns=6,
    )


def _net_panel(params: Params) -> Any:
    scale = alt.Scale(domain=[0, 1], nice=False)
    y = alt.Y("net:O", scale=alt.Scale(domain=list(range(1, params.seeds + 1))), title="net", axis=alt.Axis(grid=True))

    def x(column: str) -> alt.X:
        return alt.X(f"{column}:Q", scale=scale, axis=alt.Axis(tickCount=5), title="test images right")

    names = [name for name, _, _ in ENDS.values()]
    legend = alt.Legend(title=None, orient="top")
    colours = look.legend([(name, colour) for name, colour, _ in ENDS.values()])
    shapes = alt.Scale(domain=names, range=[shape for _, _, shape in ENDS.values()])
    return look.panel(
        look.layer("nets", x=x("at_stop"), x2="at_end:Q", y=y).mark_rule(color=look.QUIET, strokeWidth=1.5),
        look.layer(
            "ends",
            x=x("right"),
            y=y,
            color=alt.Color("when:N", scale=colours, legend=legend),
            shape=alt.Shape("when:N", scale=shapes, legend=legend),
        ).mark_point(filled=True, size=70, opacity=1, clip=True),
        title="Each net at its stop, and now",
        height=320,
        columns=6,
    )


def data(params: Params, frames: Sequence[Frame], every: bool) -> dict[str, Columns]:
    """The data sets of the panels."""
    last = frames[-1].values
    kept = drawn_epochs(len(frames) - 1, POINTS)
    x = look.rounded(np.maximum(kept, BEFORE))
    history = {name: np.array([frames[i].values[name] for i in kept]) for name in (*CURVES, *FATES)}
    stops = spread(last["stop"])
    return {
        "chance": {"epoch": [params.epochs], "right": [CHANCE], "name": ["chance"]},
        "labels": {
            "epoch": [params.epochs],
            "right": [round(still_right(params.share), 3)],
            "name": ["labels that are right (exact)"],
        },
        "stop": {
            "median": [max(stops["median"], BEFORE)] if np.isfinite(stops["median"]) else [],
            **{end: [max(round(stops[end], 2), BEFORE)] if np.isfinite(stops[end]) else [] for end in ("low", "high")},
            "name": ["stop"] if np.isfinite(stops["median"]) else [],
        },
        "accuracies": _series(x, history, CURVES),
        "fates": _series(x, history, FATES),
        "nets": {
            "net": list(range(1, params.seeds + 1)),
            "at_stop": look.fixed(last["test_at_stop"]),
            "at_end": look.fixed(last["test"]),
        },
        "ends": {
            "net": [*range(1, params.seeds + 1)] * len(ENDS),
            "when": [name for name, _, _ in ENDS.values() for _ in range(params.seeds)],
            "right": look.fixed(np.concatenate((last["test_at_stop"], last["test"]))),
        },
        "every": {
            "net": [net for net in range(params.seeds) for _ in kept] if every else [],
            "epoch": x * params.seeds if every else [],
            **{
                name: look.fixed(history[name].T.ravel()) if every else []
                for name in ("test", "true_label", "given_label")
            },
        },
    }


def _series(x: list[Any], history: Mapping[str, Array], shown: Mapping[str, Series]) -> Columns:
    columns: Columns = {name: [] for name in ("name", "epoch", "right", "low", "high")}
    for key, line in shown.items():
        low, middle, high = (look.fixed(quantile) for quantile in look.band(history[key].T))
        columns["name"] += [line.name] * len(x)
        columns["epoch"] += x
        columns["right"] += middle
        columns["low"] += low
        columns["high"] += high
    return columns


def result(params: Params, frames: Sequence[Frame]) -> dict[str, Any]:
    """``stop_epoch``; ``test_at_stop``, ``test_at_end`` and their difference ``gain``; ``train_at_end`` and
    ``validation_at_end``; of images with a wrong label the shares ``true_label_…`` and ``given_label_…``,
    ``…_at_stop`` and ``…_at_end``: medians over the nets, and their ``spread``."""
    last = frames[-1].values
    values = {
        "stop_epoch": last["stop"],
        "test_at_stop": last["test_at_stop"],
        "test_at_end": last["test"],
        "gain": last["test_at_stop"] - last["test"],
        "train_at_end": last["train"],
        "validation_at_end": last["validation"],
        **{f"{name}_at_stop": last[f"{name}_at_stop"] for name in FATES},
        **{f"{name}_at_end": last[name] for name in FATES},
    }
    spreads = {name: spread(numbers) for name, numbers in values.items()}
    return {**{name: each["median"] for name, each in spreads.items()}, "spread": spreads}


def sentence(params: Params, frames: Sequence[Frame]) -> str:
    """What this run shows."""
    numbers = result(params, frames)
    last, gains = frames[-1].values, numbers["spread"]["gain"]
    lost = int(np.isnan(last["train"]).sum())
    if lost == params.seeds:
        return "Every net diverged: the learning rate is too large for these settings."
    what = "digits" if params.examples == "digits" else "signals of MNIST-1D"
    text = (
        f"On {params.samples:,} {what}, {100 * params.share:.0f} % of the labels drawn at random, {params.seeds} nets "
    )
    text += "(medians; in brackets the middle 80 %). "
    if frames[-1].step == 0:
        return text + "Nothing is trained yet."
    epoch = int(last["epoch"])
    text += f"After {epoch} epoch{'' if epoch == 1 else 's'} {numbers['train_at_end']:.2f} of the training labels are "
    text += f"right. Validation was best at epoch {_range(numbers, 'stop_epoch', plain)}; stopped there, the nets have "
    text += f"{_range(numbers, 'test_at_stop')} of the test images right, now {_range(numbers, 'test_at_end')}: "
    better = sum(value is not None and value > 0 for value in gains["replicas"])
    text += f"the stop is better in {better} of {params.seeds - lost} nets. "
    if np.isfinite(numbers["true_label_at_end"]):
        text += f"Of the images with a wrong label, the nets give {numbers['true_label_at_stop']:.2f} their true label "
        text += f"at the stop and {numbers['given_label_at_stop']:.2f} the wrong one; now "
        text += f"{numbers['true_label_at_end']:.2f} and {numbers['given_label_at_end']:.2f}. "
    if lost:
        text += f"{lost} of {params.seeds} nets diverged and are left out. "
    return text.rstrip()


def _range(numbers: dict[str, Any], name: str, write: Callable[[float], str] = "{:.2f}".format) -> str:
    low, middle, high = (round(numbers["spread"][name][quantile], 3) for quantile in ("low", "median", "high"))
    return f"{write(middle)} ({write(low)} to {write(high)})"


def _fate(params: Params, frames: Sequence[Frame]) -> int:
    numbers = result(params, frames)
    true, given = numbers["true_label_at_stop"], numbers["given_label_at_stop"]
    return int(np.argmax([given, true, 1 - given - true]))


def _reveal(params: Params, frames: Sequence[Frame]) -> str:
    numbers = result(params, frames)
    return (
        f"Median of {params.seeds} nets, at epoch {plain(numbers['stop_epoch'])}: {numbers['true_label_at_stop']:.2f} "
        f"get their true label, {numbers['given_label_at_stop']:.2f} the wrong one they came with. After "
        f"{params.epochs} epochs: {numbers['true_label_at_end']:.2f} and {numbers['given_label_at_end']:.2f}."
    )


LAB = Lab(
    title="Stop early",
    Params=Params,
    run=run,
    charts=charts,
    data=data,
    result=result,
    sentence=sentence,
    rows=lambda params: {"replica": range(params.seeds)},
    guess=Guess(
        question="Of 1,000 digits, 40 % get a label drawn at random, and nets learn all of them as given. Stop after a "
        "few epochs, when validation is best: which label do they give the training images whose label is wrong?",
        options=("Mostly the wrong label they came with", "Mostly their true label", "Mostly neither"),
        settings={"examples": "digits", "share": 0.4, "learning_rate": 0.02, "width": 512},
        answer=_fate,
        reveal=_reveal,
    ),
)
