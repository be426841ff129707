"""A last layer wider than the sample fits any labels; and so does one single weight."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from typing import Any

import altair as alt
import numpy as np

from core import charts as look
from core.data import Floats, digits
from core.experiments.random_labels import one_weight
from core.lab import Columns, Frame, Guess, Lab, knob, spread

PIXELS, CLASSES = 64, 10
WIDTHS = (0.1, 0.25, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.25, 1.5, 2.0, 3.0)
"""Features per training image that are tried."""
WIDEST = 3


@dataclass(frozen=True)
class Params:
    """What a reader can set."""

    samples: int = knob(200, low=20, high=400, label="Images", help="How many digits the last layer is fitted to.")
    kind: str = knob("cosine", choices=("cosine", "ReLU"), label="Features", help="What random units compute.")
    labels: str = knob("random", choices=("random", "true"), label="Labels")
    bits: int = knob(
        12, low=1, high=30, label="Labels for one weight", help="How many random labels ±1 the sine must give."
    )
    replicas: int = knob(
        8, choices=(1, 4, 8, 16), label="Draws", help="Of images, labels and random features.", minor=True
    )
    seed: int = knob(0, low=0, high=9999, label="Seed", minor=True)


def widths(params: Params) -> list[int]:
    """Numbers of features tried, rising."""
    return sorted({max(1, round(share * params.samples)) for share in WIDTHS})


def run(params: Params) -> Iterator[Frame]:
    """Fit last layers of growing width by least squares, one draw after another.

    Frames, NaN for what is to come: ``train`` and ``test`` accuracy, ``rank`` of the features on the training images,
    ``residual``, the root-mean-square error of the fit, (S, W) for :func:`widths`, ``width_to_fit``, the fewest
    features that reach rank n, (S,), and of the one weight ``float32`` and ``float64``, the shares of random labellings
    of 1 … 24 points that it gives in that precision, (24,).
    """
    tried = widths(params)
    survived = one_weight.survival(params.seed)
    values = {name: np.full((params.replicas, len(tried)), np.nan) for name in ("train", "test", "rank", "residual")}
    fit = np.full(params.replicas, np.nan)
    problems: list[Problem] = []
    step, total = 0, sum(tried) * params.replicas
    for column, width in enumerate(tried):
        for replica in range(params.replicas):
            if column == 0:
                problems.append(Problem(params, replica))
            for name, number in problems[replica].fit(width).items():
                values[name][replica, column] = number
            if np.isnan(fit[replica]) and values["rank"][replica, column] == params.samples:
                fit[replica] = problems[replica].width_to_fit(tried[column - 1], width)
            step += width
            now = {name: value.copy() for name, value in values.items()}
            yield Frame(step, total, {**now, "width_to_fit": fit.copy(), **survived})


class Problem:
    """Training images with their labels, the other images with the true ones, and random features of all."""

    def __init__(self, params: Params, replica: int) -> None:
        rng = np.random.default_rng([params.seed, replica])
        images, truth = digits()
        order = rng.permutation(len(images))
        n = self.samples = params.samples
        images, truth = images[order], truth[order]
        labels = rng.integers(0, CLASSES, n) if params.labels == "random" else truth[:n]
        self.labels, self.truth = labels, truth[n:]
        scale = images[:n].std(axis=0)
        standard = (images - images[:n].mean(axis=0)) / np.where(scale > 0, scale, 1)
        # A feature's numbers are drawn together, so that wider layers hold the narrower ones.
        drawn = rng.normal(size=(WIDEST * n, PIXELS + 1))
        sums, offset = standard @ drawn[:, :PIXELS].T / np.sqrt(PIXELS), drawn[:, PIXELS]
        self.features = np.cos(sums + np.pi * offset) if params.kind == "cosine" else np.maximum(sums + offset, 0)

    def fit(self, width: int) -> dict[str, float]:
        """The smallest of the best last layers on the first ``width`` features, for targets 1 and 0 per class.

        By singular values; those below rounding, which count as 0, set the rank.
        """
        train, test = self.features[: self.samples, :width], self.features[self.samples :, :width]
        with one_thread():
            left, values, right = np.linalg.svd(train, full_matrices=False)
        rank = int((values > _rounding(train, values)).sum())
        targets = np.eye(CLASSES)[self.labels]
        weights = right[:rank].T @ ((left[:, :rank].T @ targets) / values[:rank, np.newaxis])
        outputs = train @ weights
        return {
            "train": float(np.mean(outputs.argmax(axis=1) == self.labels)),
            "test": float(np.mean((test @ weights).argmax(axis=1) == self.truth)),
            "rank": rank,
            "residual": float(np.sqrt(np.mean((outputs - targets) ** 2))),
        }

    def width_to_fit(self, low: int, high: int) -> int:
        """The fewest features of rank n, known to be more than ``low`` and at most ``high``: by bisection."""
        while high - low > 1:
            middle = (low + high) // 2
            train = self.features[: self.samples, :middle]
            with one_thread():
                values = np.linalg.svd(train, compute_uv=False)
            full = (values > _rounding(train, values)).sum() == self.samples
            low, high = (low, middle) if full else (middle, high)
        return high


@cache
def _threads() -> Any:
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

    return ThreadpoolController()


def one_thread() -> AbstractContextManager[None]:
    """Keeps linear algebra on one thread: for matrices this small, threads cost more than they save."""
    limited: AbstractContextManager[None] = _threads().limit(limits=1, user_api="blas")
    return limited


def _rounding(matrix: Floats, values: Floats) -> float:
    """Singular values up to this are rounding: the rule of numpy's ``matrix_rank``."""
    return float(values[0] * max(matrix.shape) * np.finfo(float).eps)


def charts(params: Params) -> Sequence[Any]:
    """Accuracy, rank and residual against width; the one weight's wave; and what finite precision makes of it."""
    return (
        _accuracy_panel(),
        _rank_panel(),
        _residual_panel(),
        one_weight.wave_panel(params.bits),
        one_weight.survival_panel(),
    )


def _width_panel(layers: Sequence[Any], title: str) -> Any:
    rule = look.layer("enough", x=_width()).mark_rule(color=look.QUIET, strokeWidth=1)
    return look.panel(rule, *layers, title=title, height=250, columns=4)


def _width() -> alt.X:
    axis = alt.Axis(values=[0, 1, 2, 3])
    return alt.X("width:Q", scale=alt.Scale(domain=[0, WIDEST], nice=False), axis=axis, title="features per image")


def _bands(name: str, scale: alt.Scale, colour: str, axis: alt.Axis | None = None, dash: Sequence[int] = (1, 0)) -> Any:
    def y(column: str) -> alt.Y:
        return alt.Y(f"{column}:Q", scale=scale, axis=axis or alt.Axis(tickCount=5), title=None)

    return [
        look.layer("widths", x=_width(), y=y(f"{name}_low"), y2=f"{name}_high:Q").mark_area(
            color=colour, opacity=0.22, clip=True
        ),
        look.layer("pinned_widths", x=_width(), y=y(name)).mark_line(
            color=look.PINNED, strokeWidth=1.8, strokeDash=[2, 2], clip=True
        ),
        look.layer("widths", x=_width(), y=y(name)).mark_line(
            color=colour, strokeWidth=2.4, strokeDash=list(dash), clip=True
        ),
    ]


def _accuracy_panel() -> Any:
    scale = alt.Scale(domain=[0, 1.05], nice=False)
    y = alt.Y("accuracy:Q", scale=scale, axis=alt.Axis(tickCount=5), title=None)
    name = look.layer("names", x=_width(), y=y, text="name:N")
    return _width_panel(
        [
            look.layer("chance", y=y).mark_rule(color=look.QUIET, strokeDash=[2, 3]),
            *_bands("train", scale, look.NET),
            *_bands("test", scale, look.BETWEEN, dash=(5, 3)),
            name.transform_filter("datum.name == 'training'").mark_text(color=look.NET, fontWeight="bold", dy=12),
            name.transform_filter("datum.name != 'training'").mark_text(color=look.BETWEEN, fontWeight="bold", dy=-12),
        ],
        "Accuracy; chance is 0.1 (dotted)",
    )


def _rank_panel() -> Any:
    scale = alt.Scale(domain=[0, 1.05], nice=False)
    y = alt.Y("rank:Q", scale=scale, axis=alt.Axis(tickCount=5), title=None)
    most = look.layer("most", x=_width(), y=y).mark_line(color=look.QUIET, strokeWidth=4, opacity=0.6)
    return _width_panel([most, *_bands("rank", scale, look.NET)], "Rank per image; at most (grey)")


def _residual_panel() -> Any:
    scale = alt.Scale(type="log", domain=[1e-16, 1], nice=False, clamp=True)
    axis = alt.Axis(values=[1e-16, 1e-12, 1e-8, 1e-4, 1], format="~e")
    return _width_panel(_bands("residual", scale, look.NET, axis), "Error of the fit (r.m.s.)")


def data(params: Params, frames: Sequence[Frame], every: bool) -> dict[str, Columns]:
    """The data sets of the panels."""
    values = frames[-1].values
    tried = np.array(widths(params)) / params.samples
    begun = np.isfinite(values["rank"]).any(axis=0)
    drawn: Columns = {"width": look.fixed(tried[begun])}
    shares = {name: values[name][:, begun] for name in ("train", "test", "residual")}
    shares["rank"] = values["rank"][:, begun] / params.samples
    for name, columns in shares.items():
        bands = np.array([look.band(column) for column in columns.T]).T
        drawn |= {f"{name}{end}": look.rounded(b) for end, b in zip(("_low", "", "_high"), bands, strict=True)}
    return {
        "widths": drawn,
        "enough": {"width": [1]},
        "chance": {"accuracy": [1 / CLASSES]},
        "names": {
            "width": [2, 2],
            "accuracy": [1, 1 / CLASSES if params.labels == "random" else 0.6],
            "name": ["training", "other images"],
        },
        "most": {"width": [0, 1, WIDEST], "rank": [0, 1, 1]},
        **one_weight.wave_data(params.bits, params.seed),
        **one_weight.survival_data(values),
    }


def result(params: Params, frames: Sequence[Frame]) -> dict[str, Any]:
    """Of the widest layers so far ``features``, and medians ``train_accuracy``, ``test_accuracy``, ``residual``;
    ``rank`` of n features and ``width_to_fit``, the fewest of rank n, (with ``spread``); and for the one weight
    ``bits``, ``digits`` that θ needs, and up to how many labels floats gave all labellings: ``float32_bits``,
    ``float64_bits``."""
    values, tried = frames[-1].values, widths(params)
    labels = one_weight.draw(params.bits, params.seed)[np.newaxis]
    last = int(np.flatnonzero(np.isfinite(values["rank"]).any(axis=0))[-1])
    spreads = {
        "train_accuracy": spread(values["train"][:, last]),
        "test_accuracy": spread(values["test"][:, last]),
        "residual": spread(values["residual"][:, last]),
        "rank": spread(values["rank"][:, tried.index(params.samples)]),
        "width_to_fit": spread(values["width_to_fit"]),
    }
    return {
        "features": tried[last],
        **{name: s["median"] for name, s in spreads.items()},
        "bits": params.bits,
        "digits": one_weight.digits_needed(params.bits, params.seed),
        "float64_errors": int((~one_weight.survive(labels, np.float64)).sum()),
        **{f"{name}_bits": one_weight.bits_kept(values[name]) for name in one_weight.PRECISIONS},
        "spread": spreads,
    }


def sentence(params: Params, frames: Sequence[Frame]) -> str:
    """What this run shows."""
    numbers = result(params, frames)
    n, kind = params.samples, "cosines" if params.kind == "cosine" else "ReLUs"
    text = f"A last layer on random {kind}, {n} images with {'random' if params.labels == 'random' else 'their true'} "
    text += "labels: "
    if np.isfinite(numbers["width_to_fit"]):
        text += (
            f"from {_whole(numbers['spread']['width_to_fit'])} features on their rank is {n}, and every label is met. "
        )
    else:
        text += f"up to {numbers['features']} features their rank is below {n}, and the labels are not met exactly. "
    train, test = numbers["spread"]["train_accuracy"], numbers["spread"]["test_accuracy"]
    done = [value for value in test["replicas"] if value is not None]
    text += (
        f"With {numbers['features']:,}, {'one draw' if len(done) == 1 else f'the median of {len(done)} draws'} names "
    )
    text += f"{_percent(train['median'])} of these labels and {_percent(test['median'])} of the other images"
    if len(done) > 1:
        text += f" (the middle 80 %: {_percent(test['low'])} to {_percent(test['high'])})"
    text += "; chance is 10 %. " if params.labels == "random" else ". "
    text += f"One weight, θ to {numbers['digits']} decimal digits, gives {params.bits} random "
    text += f"label{'s' if params.bits > 1 else ''} as sign sin θx"
    if wrong := numbers["float64_errors"]:
        text += f"; a θ in float64 gets {wrong} of them wrong"
    text += f". Of {one_weight.LABELLINGS} random labellings of k points float64 gives all up to "
    return text + f"k = {numbers['float64_bits']}, float32 up to k = {numbers['float32_bits']}."


def _percent(share: float) -> str:
    return f"{np.floor(1000 * share) / 10:g} %"


def _whole(numbers: dict[str, Any]) -> str:
    found = [int(value) for value in numbers["replicas"] if value is not None]
    low, high = min(found), max(found)
    return f"{low}" if low == high else f"{low} to {high}"


GUESSES = (PIXELS, 200, 200 * CLASSES)


def _nearest(params: Params, frames: Sequence[Frame]) -> int:
    found = result(params, frames)["width_to_fit"]
    return int(np.argmin(np.abs(np.log(found / np.array(GUESSES))))) if np.isfinite(found) else len(GUESSES) - 1


def _reveal(params: Params, frames: Sequence[Frame]) -> str:
    numbers = result(params, frames)
    if not np.isfinite(numbers["width_to_fit"]):
        return f"Not up to {numbers['features']:,} features."
    return (
        f"With {_whole(numbers['spread']['width_to_fit'])}, in {params.replicas} draws. Of the other images these "
        f"layers name {_percent(numbers['test_accuracy'])}."
    )


LAB = Lab(
    title="A wide last layer, and a single weight",
    Params=Params,
    run=run,
    charts=charts,
    data=data,
    result=result,
    sentence=sentence,
    rows=lambda params: {"replica": range(params.replicas), "width": widths(params)},
    guess=Guess(
        question="200 pictures of 64 pixels with random labels, 0 to 9. The hidden layer stays random; only the last "
        "layer is fitted. From how many hidden units on does it meet every label exactly?",
        options=("64, one for each pixel", "200, one for each picture", "2,000, one for each picture and label"),
        settings={"samples": 200, "kind": "cosine", "labels": "random"},
        answer=_nearest,
        reveal=_reveal,
    ),
)
