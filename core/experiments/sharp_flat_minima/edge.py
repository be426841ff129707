"""Full-batch gradient descent drives the sharpness up to what its learning rate can bear (Cohen et al., 2021)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np

from core import charts as look
from core.data import digits
from core.lab import Array, Columns, Frame, Lab, knob, spread
from core.sketch import Sketch

SAMPLES = 300
SCALE, WHITE = 0.12, 16
SIZES = (64, 32, 32, 10)
SHRINK = 0.5
"""Weights of variance 0.5/fan-in, half as long as He's, biases 0: that starts flat."""
FRAMES = 75
FIRST_STEPS, NEXT_STEPS = 40, 10
"""Steps of Lanczos at the random start, and later, from the last eigenvector found."""
AT_FIRST = {
    ("squared", "scaled"): 3.0,
    ("squared", "raw"): 90.0,
    ("cross-entropy", "scaled"): 4.0,
    ("cross-entropy", "raw"): 30.0,
}
"""About the largest sharpness before the threshold tells, by loss and inputs: the axis holds it."""
LOSSES = {
    ("squared", "scaled"): (1e-3, 1.0),
    ("squared", "raw"): (1e-3, 10.0),
    ("cross-entropy", "scaled"): (1e-4, 10.0),
    ("cross-entropy", "raw"): (1e-4, 10.0),
}
"""The losses that are drawn."""
NEAR = 0.15
"""A mean sharpness this close to the threshold, as a share of it, is at the threshold."""
LOST = 1e3
"""A net of a larger loss has diverged."""


@dataclass(frozen=True)
class Params:
    """What a reader can set."""

    learning_rate: float = knob(0.3, low=0.02, high=5, log=True, label="Learning rate η")
    momentum: float = knob(
        0.0, low=0.0, high=0.95, label="Momentum β", help="The share of the last step that is kept (Polyak)."
    )
    loss: str = knob(
        "squared", choices=("squared", "cross-entropy"), label="Loss", help="Squared: half the squared distance."
    )
    inputs: str = knob(
        "scaled",
        choices=("scaled", "raw"),
        label="Inputs",
        help="Standardised pixels times 0.12, or raw ones from 0 to 16, which start much sharper.",
    )
    steps: int = knob(1500, choices=(300, 750, 1500, 3000, 6000), label="Steps", minor=True)
    replicas: int = knob(
        4, choices=(1, 4, 8), label="Nets", help="Nets that differ in their random start only.", minor=True
    )
    seed: int = knob(0, low=0, high=9999, label="Seed", minor=True)


def threshold(learning_rate: float, momentum: float = 0.0) -> float:
    """(2 + 2β)/η: the largest curvature of a quadratic on which descent with momentum (Polyak, 1964) is stable."""
    return (2 + 2 * momentum) / learning_rate


def examples(inputs: str) -> tuple[Array, Array]:
    """The first 300 digits, raw or with every pixel standardised over them, times 0.12; and their labels."""
    images, labels = digits()
    x, y = images[:SAMPLES], labels[:SAMPLES]
    if inputs == "raw":
        return WHITE * x, y
    deviation = x.std(axis=0)
    return SCALE * (x - x.mean(axis=0)) / np.where(deviation > 0, deviation, 1), y


def run(params: Params) -> Iterator[Frame]:
    """Train S tanh nets of 64, 32, 32 and 10 units on 300 digits by full-batch descent.

    Frames, float64, each (S,): ``loss``, and ``sharpness``, the Hessian's greatest eigenvalue, NaN where a net has
    diverged.
    """
    from core.classification import Classification, Loss
    from core.curvature import Objective, lanczos
    from core.nets import MLP

    x, y = examples(params.inputs)
    net = MLP(SIZES, "tanh")
    # He's weights have variance 2/fan-in.
    start = [
        part * np.float32(np.sqrt(SHRINK / 2) if part.shape[1] > 1 else 0)
        for part in net.initial(params.replicas, params.seed)
    ]
    loss: Loss = "squared" if params.loss == "squared" else "cross-entropy"
    nets = Classification(
        net,
        x,
        y,
        replicas=params.replicas,
        learning_rate=params.learning_rate,
        momentum=params.momentum,
        loss=loss,
        parameters=start,
    )
    objective = Objective(net, tuple(part.shape[1:] for part in start), x, y, loss=loss, dtype=np.float32)
    chunk = max(1, params.steps // FRAMES)
    near, steps = None, FIRST_STEPS
    while True:
        now = nets.training_scores().loss.astype(float)
        lost = ~(now < LOST)
        sharpness = np.full(params.replicas, np.nan)
        if not lost.all():
            point = np.where(lost[:, np.newaxis], 0, objective.pack(nets.parameters))
            found = lanczos(objective.product(point), params.replicas, point.shape[1], steps, params.seed, near)
            near, steps = found.high_vector, NEXT_STEPS
            sharpness = np.where(lost, np.nan, found.high)
        yield Frame(nets.step, params.steps, {"loss": np.where(lost, np.nan, now), "sharpness": sharpness})
        if nets.step >= params.steps:
            return
        nets.advance(min(chunk, params.steps - nets.step))


def charts(params: Params) -> Sequence[Any]:
    """The sharpness beside the threshold, and the loss, against steps."""
    key = (params.loss, params.inputs)
    x = alt.X("step:Q", scale=alt.Scale(domain=[0, params.steps], nice=False), title="steps")
    bare = alt.X("step:Q", scale=alt.Scale(domain=[0, params.steps], nice=False), title=None)
    highest = max(1.4 * threshold(params.learning_rate, params.momentum), 1.2 * AT_FIRST[key])
    y = alt.Y("median:Q", scale=alt.Scale(domain=[0, highest], nice=False), title="greatest eigenvalue")
    label = look.layer("threshold", y=y, text="label:N")
    sharpness = look.panel(
        look.layer("sharpness", x=bare, y=_lower(y), y2="high:Q").mark_area(color=look.NET, opacity=0.2, clip=True),
        look.layer("threshold", y=y).mark_rule(color=look.BETWEEN, strokeWidth=1.8, strokeDash=[6, 4]),
        label.mark_text(color=look.BETWEEN, align="right", baseline="top", dy=5, x=alt.ExprRef("width - 6")),
        look.layer("every", x=bare, y=y, detail="net:N").mark_line(
            color=look.INK, strokeWidth=0.6, opacity=0.5, clip=True
        ),
        look.layer("pinned_sharpness", x=bare, y=y).mark_line(
            color=look.PINNED, strokeWidth=1.5, strokeDash=[2, 2], clip=True
        ),
        look.layer("sharpness", x=bare, y=y).mark_line(color=look.NET, strokeWidth=2.4, clip=True),
        look.layer("start", x=bare, y=y).mark_point(color=look.NET, filled=True, size=50, opacity=1, clip=True),
        title="Sharpness: median net and middle 80 %; dashed: stable up to here",
        height=280,
    )
    scale = alt.Scale(type="log", domain=list(LOSSES[key]), nice=False)
    axis = alt.Axis(values=[10.0**k for k in range(-4, 2)], format="~g")
    loss = alt.Y("median:Q", scale=scale, axis=axis, title="loss")
    return sharpness, look.panel(
        look.layer("loss", x=x, y=_lower(loss), y2="high:Q").mark_area(color=look.NET, opacity=0.2, clip=True),
        look.layer("pinned_loss", x=x, y=loss).mark_line(
            color=look.PINNED, strokeWidth=1.5, strokeDash=[2, 2], clip=True
        ),
        look.layer("loss", x=x, y=loss).mark_line(color=look.NET, strokeWidth=2.4, clip=True),
        title="Loss on the 300 digits",
        height=150,
    )


def _lower(y: alt.Y) -> alt.Y:
    lower = y.copy()
    lower.shorthand = "low:Q"
    return lower


def _history(frames: Sequence[Frame], name: str) -> Array:
    """One number of every net at every frame, ``(S, T)``."""
    return np.stack([frame.values[name] for frame in frames], axis=1)


def data(params: Params, frames: Sequence[Frame], every: bool) -> dict[str, Columns]:
    """The data sets of the panels."""
    chosen = [frames[i] for i in look.thinned(len(frames), 60)]
    steps = [frame.step for frame in chosen]
    filled: dict[str, Columns] = {}
    for name in ("sharpness", "loss"):
        low, median, high = map(look.rounded, _band(_history(chosen, name)))
        filled[name] = {"step": steps, "low": low, "median": median, "high": high}
    most = threshold(params.learning_rate, params.momentum)
    filled["threshold"] = {
        "median": look.rounded(np.array([most])),
        "label": [f"{_formula(params)} = {most:.3g}, exact for a quadratic"],
    }
    start = look.rounded(np.median(frames[0].values["sharpness"], keepdims=True))
    filled["start"] = {"step": [0], "median": start}
    nets = range(params.replicas if every else 0)
    filled["every"] = {
        "net": [net for net in nets for _ in chosen],
        "step": steps * len(nets),
        "median": look.rounded(_history(chosen, "sharpness").ravel()) if every else [],
    }
    return filled


def _band(history: Array) -> tuple[Array, Array, Array]:
    """As :func:`core.charts.band`, at each frame of the nets that are there: some diverge later."""
    columns = [look.band(column[:, np.newaxis]) for column in history.T]
    low, median, high = (np.concatenate(part) for part in zip(*columns, strict=True))
    return low, median, high


def _formula(params: Params) -> str:
    return "(2 + 2β)/η" if params.momentum else "2/η"


def result(params: Params, frames: Sequence[Frame]) -> dict[str, Any]:
    """Medians over the nets that have not diverged: ``sharpness``, its mean over the last half of the frames, with its
    ``share_of_threshold``; ``sharpness_at_start``, ``peak_sharpness``, ``loss``; ``loss_rises``, the share of the last
    half’s frames at which the loss was above the frame before.

    Also ``threshold``, exact, and how many nets ``diverged``.
    """
    sharpness, loss = _history(frames, "sharpness"), _history(frames, "loss")
    half = len(frames) // 2
    lost = np.isnan(sharpness[:, -1])
    most = threshold(params.learning_rate, params.momentum)
    rises = np.diff(loss[:, max(half - 1, 0) :], axis=1) > 0
    found = {
        "sharpness": sharpness[:, half:].mean(axis=1),
        "share_of_threshold": sharpness[:, half:].mean(axis=1) / most,
        "sharpness_at_start": np.where(lost, np.nan, sharpness[:, 0]),
        "peak_sharpness": np.where(lost, np.nan, sharpness.max(axis=1)),
        "loss": loss[:, -1],
        "loss_rises": np.where(lost, np.nan, rises.mean(axis=1) if rises.size else 0.0),
    }
    spreads = {name: spread(values) for name, values in found.items()}
    return {
        **{name: numbers["median"] for name, numbers in spreads.items()},
        "threshold": most,
        "diverged": int(lost.sum()),
        "spread": spreads,
    }


def sentence(params: Params, frames: Sequence[Frame]) -> str:
    """What this run shows."""
    numbers = result(params, frames)
    most, lost = f"{_formula(params)} = {numbers['threshold']:.3g}", numbers["diverged"]
    if lost == params.replicas:
        start = float(np.median(frames[0].values["sharpness"]))
        who = "The net" if lost == 1 else f"Every one of {lost} nets"
        return f"{who} diverged: the sharpness at the start was {start:.3g}, and no more than {most} is stable."
    left = params.replicas - lost
    nets = "one net" if left == 1 else f"the median of {left} nets"
    found = numbers["spread"]["sharpness"]
    inner = "" if left == 1 else f" (the middle 80 %: {found['low']:.3g} to {found['high']:.3g})"
    if not frames[-1].step:
        return f"Before training the sharpness of {nets} is {found['median']:.3g}{inner}; the threshold is {most}."
    off = numbers["share_of_threshold"] - 1
    aside = f"{abs(off):.0%} {'above' if off > 0 else 'below'} ".replace("%", " %") if abs(off) >= 0.005 else "at "
    text = (
        f"After {frames[-1].step:,} steps the sharpness of {nets}, averaged over the second half of them, is "
        f"{found['median']:.3g}{inner}, {aside}the threshold {most}. {_story(numbers)}. "
        f"The loss went from {np.nanmedian(frames[0].values['loss']):.2g} to {numbers['loss']:.2g}"
    )
    rises = numbers["loss_rises"]
    text += f", rising at {rises:.0%} of the second half’s frames. ".replace("%", " %") if rises >= 0.005 else ". "
    if lost:
        text += f"{lost} of {params.replicas} nets diverged and {'is' if lost == 1 else 'are'} left out. "
    return text.rstrip()


def _story(numbers: dict[str, Any]) -> str:
    """Where the sharpness came from, and whether it is at the threshold."""
    most, share = numbers["threshold"], numbers["share_of_threshold"]
    start, peak = numbers["sharpness_at_start"], numbers["peak_sharpness"]
    began = f"It started at {start:.2g}"
    if share > 1 + NEAR:
        return f"{began} and is still above the threshold"
    if start > most:
        return f"{began}, above the threshold, and came down {'to it' if share >= 1 - NEAR else 'to less'}"
    if share >= 1 - NEAR:
        return f"{began}, rose to the threshold and stayed there"
    if numbers["sharpness"] < peak * (1 - 2 * NEAR):
        reached = "above the threshold" if peak > most else f"{peak / most:.0%} of the threshold".replace("%", " %")
        return f"{began}, rose to {peak:.2g}, {reached}, and fell again"
    return f"{began} and has not reached the threshold"


DRAWN = (100, 250, 400, 600, 800, 1000, 1200, 1400)
"""The steps at which the reader draws the sharpness."""


def _course(params: Params, frames: Sequence[Frame]) -> list[float]:
    """The median sharpness at the steps ``DRAWN``."""
    median = _band(_history(frames, "sharpness"))[1]
    course: list[float] = np.interp(DRAWN, [frame.step for frame in frames], median).tolist()
    return course


LAB = Lab(
    title="Train at the edge of stability",
    Params=Params,
    run=run,
    charts=charts,
    data=data,
    result=result,
    sentence=sentence,
    sketch=Sketch(
        question="Full-batch gradient descent with η = 0.3 is stable on a quadratic whose curvature is at most "
        "2/η = 6.7, the dashed rule. The sharpness of this net, its largest curvature, starts at the dot. Draw where "
        "it goes while the net learns.",
        settings={"learning_rate": 0.3, "momentum": 0.0, "loss": "squared", "inputs": "scaled", "steps": 1500},
        at=DRAWN,
        curve=_course,
        start=2.7,
        near=0.5,
        place="step {:,.0f}",
        keep=("threshold", "start"),
    ),
)
