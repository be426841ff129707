"""Test accuracy, and the time to fit every training label, against the share of labels drawn at random."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import altair as alt
import numpy as np

from core import charts as look
from core.experiments.random_labels.examples import (
    CHANCE,
    MEASURED,
    SOURCES,
    Group,
    by_group,
    examples,
    learn,
    net_of,
    share_axis,
    still_right,
    task,
)
from core.lab import Array, Columns, Frame, Lab, knob, plain, spread
from core.sketch import Sketch

SHARES = (0.0, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
NEAR = 0.03
"""Accuracies that differ by less count as alike in the answer to the sketch."""
KINDS = {"test": "test images, true labels", "train": "training labels given"}


@dataclass(frozen=True)
class Params:
    """What a reader can set."""

    examples: str = knob("digits", choices=SOURCES, label="Examples", help="What the nets are shown.")
    width: int = knob(512, choices=(32, 128, 512), label="Hidden units", help="Units of the nets' one layer.")
    samples: int = knob(1000, choices=(250, 500, 1000), label="Training images", help="The test images stay the same.")
    learning_rate: float = knob(0.05, choices=(0.01, 0.02, 0.05), label="Learning rate", minor=True)
    epochs: int = knob(
        60, choices=(20, 60, 100), label="Epochs", help="At most; nets that have all labels right stop.", minor=True
    )
    seeds: int = knob(
        8,
        choices=(4, 8),
        label="Nets at each share",
        help="They differ in their start and in their random labels.",
        minor=True,
    )
    seed: int = knob(0, low=0, high=9999, label="Seed", minor=True)


def run(params: Params) -> Iterator[Frame]:
    """Train nets at all of ``SHARES`` side by side.

    Frames: see :func:`learn`; and of each net the ``share`` of random labels, and ``labels_right``, the share of its
    training labels that are the true ones, (C·S,).
    """
    known = examples(params.examples, params.samples, params.seed)
    net = net_of("MLP", params.width, 1, params.examples)
    tasks = [task(known, "real", share, params.seeds, params.seed) for share in SHARES]
    right = np.array([np.mean(each.y == known.y, axis=1) for each in tasks])
    groups = [Group(net, each, params.learning_rate, params.seed) for each in tasks]
    constant = {"share": np.repeat(SHARES, params.seeds), "labels_right": right.ravel()}
    for frame in learn(groups, params.epochs):
        yield Frame(frame.step, frame.total, {**frame.values, **constant})


def charts(params: Params) -> Sequence[Any]:
    """Accuracies, and the epochs until every label is right, against the share of random labels."""
    return (_accuracy_panel(), _epochs_panel(params))


def _share() -> alt.X:
    scale = alt.Scale(domain=[-0.03, 1.03], nice=False)
    axis = alt.Axis(values=[0, 0.2, 0.4, 0.6, 0.8, 1], format="%")
    return alt.X("share:Q", scale=scale, axis=axis, title="labels drawn at random")


def _accuracy_panel() -> Any:
    x = _share()

    y = partial(share_axis, title="share right")
    legend = alt.Legend(title=None, orient="top", symbolOpacity=1)
    names = list(KINDS.values())
    colour = alt.Color(
        "kind:N", scale=look.legend(list(zip(names, (look.NET, look.BETWEEN), strict=True))), legend=legend
    )
    shape = alt.Shape("kind:N", scale=alt.Scale(domain=names, range=["circle", "diamond"]), legend=legend)
    tooltip = [
        alt.Tooltip("kind:N"),
        alt.Tooltip("share:Q"),
        alt.Tooltip("right:Q"),
        alt.Tooltip("low:Q"),
        alt.Tooltip("high:Q"),
    ]
    return look.panel(
        look.layer("exact", x=x, y=y("right")).mark_line(color=look.INK, strokeWidth=1.6, strokeDash=[6, 3]),
        look.layer("exact_name", x=x, y=y("right"), text="name:N").mark_text(
            color=look.INK, align="left", dx=6, dy=-10
        ),
        look.layer("chance", y=y("right")).mark_rule(color=look.QUIET, strokeWidth=1.2),
        look.layer("chance", x=x, y=y("right"), text="name:N").mark_text(
            color=look.QUIET, align="left", baseline="top", dy=4
        ),
        look.layer("accuracies", x=x, y=y("low"), y2="high:Q", color=colour).mark_area(opacity=0.18),
        look.layer("every", x=x, y=y("right"), color=colour).mark_point(size=12, opacity=0.6, filled=True),
        look.layer("pinned_accuracies", x=x, y=y("right"), detail="kind:N").mark_line(
            color=look.PINNED, strokeWidth=1.8, strokeDash=[2, 2]
        ),
        look.layer("accuracies", x=x, y=y("right"), color=colour).mark_line(strokeWidth=2),
        look.layer("accuracies", x=x, y=y("right"), color=colour, shape=shape, tooltip=tooltip).mark_point(
            filled=True, size=60, opacity=1
        ),
        title="Accuracy so far",
        height=370,
        columns=6,
    )


def _epochs_panel(params: Params) -> Any:
    x = _share()

    def y(column: str) -> alt.Y:
        scale = alt.Scale(domain=[0, params.epochs * 1.04], nice=False)
        return alt.Y(f"{column}:Q", scale=scale, axis=alt.Axis(tickCount=6), title="epochs")

    tooltip = [alt.Tooltip("share:Q"), alt.Tooltip("epochs:Q"), alt.Tooltip("low:Q"), alt.Tooltip("high:Q")]
    return look.panel(
        look.layer("every", x=x, y=y("epochs")).mark_point(size=12, opacity=0.6, filled=True, color=look.OTHER),
        look.layer("pinned_fits", x=x, y=y("epochs")).mark_line(color=look.PINNED, strokeWidth=1.8, strokeDash=[2, 2]),
        look.layer("fits", x=x, y=y("low"), y2="high:Q").mark_rule(color=look.OTHER, strokeWidth=2.5),
        look.layer("fits", x=x, y=y("epochs"), tooltip=tooltip).mark_point(
            filled=True, size=80, opacity=1, color=look.OTHER
        ),
        look.layer("waiting", x=x, y=y("epochs")).mark_point(shape="triangle-up", size=60, color=look.QUIET, opacity=1),
        look.layer("waiting", x=x, y=y("epochs"), text="words:N").mark_text(color=look.QUIET, baseline="top", dy=9),
        title="Epochs until all are right (hollow: not yet)",
        height=370,
        columns=6,
    )


def data(params: Params, frames: Sequence[Frame], every: bool) -> dict[str, Columns]:
    """The data sets of the panels."""
    last = by_group(frames[-1])
    accuracies: Columns = {name: [] for name in ("kind", "share", "right", "low", "high")}
    for which, kind in KINDS.items():
        low, middle, high = (look.fixed(quantile) for quantile in look.band(last[f"{which}_accuracy"].T))
        accuracies["kind"] += [kind] * len(SHARES)
        accuracies["share"] += SHARES
        accuracies["right"] += middle
        accuracies["low"] += low
        accuracies["high"] += high
    by_share = dict(zip(SHARES, last["epochs_to_fit"], strict=True))
    fits = {share: spread(row) for share, row in by_share.items() if np.isfinite(row).all()}
    waiting = {share: row for share, row in by_share.items() if share not in fits}
    return {
        "exact": {"share": [0.0, 1.0], "right": [still_right(0), round(still_right(1), 3)]},
        "exact_name": {"share": [0.0], "right": [0.5], "name": ["right labels (exact)"]},
        "chance": {"share": [0.0], "right": [CHANCE], "name": ["chance"]},
        "accuracies": accuracies,
        "fits": {
            "share": list(fits),
            "epochs": [round(each["median"], 2) for each in fits.values()],
            **{end: [round(each[end], 2) for each in fits.values()] for end in ("low", "high")},
        },
        "waiting": {
            "share": list(waiting),
            "epochs": [params.epochs] * len(waiting),
            "words": [f"{np.isfinite(row).sum()}/{len(row)}" for row in waiting.values()],
        },
        "every": _every(last) if every else {name: [] for name in ("kind", "share", "right", "epochs")},
    }


def _every(last: Mapping[str, Array]) -> Columns:
    nets = last["epochs_to_fit"].shape[1]
    return {
        "kind": [KINDS["test"]] * (nets * len(SHARES)),
        "share": [share for share in SHARES for _ in range(nets)],
        "right": look.fixed(last["test_accuracy"].ravel()),
        "epochs": look.fixed(last["epochs_to_fit"].ravel()),
    }


def result(params: Params, frames: Sequence[Frame]) -> dict[str, Any]:
    """Of each of ``shares``: ``test_accuracy``, ``train_accuracy``, ``epochs_to_fit`` (NaN unless all nets fitted) and
    ``labels_right``, medians over the nets, and ``labels_right_exact``. ``spread`` holds each net.

    ``slowdown_tenth`` and ``slowdown`` are the epochs to fit a tenth of random labels, and nothing else, over those of
    true ones; their spreads are over nets of the same start.
    """
    last = by_group(frames[-1])
    last["labels_right"] = frames[-1].values["labels_right"].reshape(len(SHARES), -1)
    spreads: dict[str, Any] = {name: [spread(row) for row in last[name]] for name in (*MEASURED, "labels_right")}
    numbers: dict[str, Any] = {name: [each["median"] for each in rows] for name, rows in spreads.items()}
    each = last["epochs_to_fit"]
    fits = np.where(np.isfinite(each).all(axis=1), numbers["epochs_to_fit"], np.nan)
    spreads |= {"slowdown_tenth": spread(each[1] / each[0]), "slowdown": spread(each[-1] / each[0])}
    return {
        "shares": list(SHARES),
        **numbers,
        "epochs_to_fit": fits.tolist(),
        "labels_right_exact": [still_right(share) for share in SHARES],
        "slowdown_tenth": float(fits[1] / fits[0]),
        "slowdown": float(fits[-1] / fits[0]),
        "spread": spreads,
    }


def sentence(params: Params, frames: Sequence[Frame]) -> str:
    """What this run shows."""
    last, numbers = by_group(frames[-1]), result(params, frames)
    lost = np.isnan(last["train_accuracy"])
    if lost.all():
        return "Every net diverged: the learning rate is too large for these settings."
    what = "digits" if params.examples == "digits" else "signals of MNIST-1D"
    text = f"On {params.samples:,} {what}, nets of {params.width} units, {params.seeds} at each share of random labels "
    text += "(medians). "
    if not last["epoch"].any():
        return text + "Nothing is trained yet."
    shown = [
        f"{100 * share:.0f} % {right:.2f}"
        for share, right in zip(SHARES, numbers["test_accuracy"], strict=True)
        if np.isfinite(right)
    ]
    text += f"Right on test images: {', '.join(shown)}. "
    text += _against_labels(numbers)
    text += _times(last, numbers)
    if lost.any():
        text += f"{lost.sum()} of {lost.size} nets diverged and are left out. "
    return text.rstrip()


def _against_labels(numbers: dict[str, Any]) -> str:
    """How the nets that have fitted do on test images, beside the share of labels that are right."""
    between = [row for row in range(1, len(SHARES) - 1) if np.isfinite(numbers["epochs_to_fit"][row])]
    if not between:
        return ""
    better = sum(numbers["test_accuracy"][row] > numbers["labels_right_exact"][row] for row in between)
    return (
        f"A share q drawn at random leaves 1 − {1 - CHANCE:g}q of the labels right; in {better} of the {len(between)} "
        "mixtures that every net has learned, the nets are right on test images more often than that. "
    )


def _times(last: Mapping[str, Array], numbers: dict[str, Any]) -> str:
    fits = numbers["epochs_to_fit"]
    text = "Epochs until every training label is right: "
    parts = []
    for share, fit, row, epoch in zip(SHARES, fits, last["epochs_to_fit"], last["epoch"], strict=True):
        nets = f"{np.isfinite(row).sum() or 'none'} of {len(row)} nets by {epoch:.0f}"
        parts.append(f"{100 * share:.0f} % {plain(fit) if np.isfinite(fit) else nets}")
    text += f"{', '.join(parts)}. "
    if np.isfinite(numbers["slowdown_tenth"]):
        text += f"A tenth at random takes {numbers['slowdown_tenth']:.1f} times as long as none"
        text += f", all at random {numbers['slowdown']:.1f} times. " if np.isfinite(numbers["slowdown"]) else ". "
    return text


def _right_on_test(params: Params, frames: Sequence[Frame]) -> list[float]:
    accuracies: list[float] = result(params, frames)["test_accuracy"]
    return accuracies


LAB = Lab(
    title="Spoil the labels",
    Params=Params,
    run=run,
    charts=charts,
    data=data,
    result=result,
    sentence=sentence,
    rows=lambda params: {"random_share": SHARES, "replica": range(params.seeds)},
    sketch=Sketch(
        question="Of the labels of 1,000 digits a share is drawn at random; the dashed line says how many are right "
        "all the same. Nets learn until they have every label they were given, the wrong ones too. Draw how many test "
        "images they then get right.",
        settings={"examples": "digits", "width": 512, "samples": 1000},
        at=SHARES,
        curve=_right_on_test,
        start=0.5,
        near=NEAR,
        place="{:.0%} random",
        keep=("exact", "exact_name", "chance"),
    ),
)
