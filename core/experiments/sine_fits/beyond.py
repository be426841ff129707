"""What nets draw beyond the points they were shown, and where they become straight."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np

from core import charts as look
from core.data import TARGETS, Floats, sample_target
from core.experiments.sine_fits import curves
from core.lab import Array, Columns, Frame, Lab, knob
from core.sketch import Sketch

NETS = {"relu": "ReLU", "tanh": "tanh", "sine": "sine"}
"""The three kinds of nets, by the name of their numbers: the activation."""
METHODS = {"relu": "ReLU nets", "tanh": "Tanh nets", "sine": "Sine nets", "tree": "A decision tree"}
MEASURED, DRAWN = 1025, 129
"""Points from −reach to reach at which errors are measured, and at which nets are drawn."""
HEIGHT = 220
FAR = 10.0
"""Straightness is measured out to this many times the last hinge."""


@dataclass(frozen=True)
class Params:
    """What a reader can set."""

    target: str = knob("sine", choices=tuple(TARGETS), label="Target", help="The curve the points come from.")
    points: int = knob(10, low=4, high=200, label="Points", help="How many points of [−1, 1] are shown.")
    width: int = knob(32, choices=(4, 8, 16, 32, 64), label="Hidden units", help="Units in each layer.")
    depth: int = knob(1, choices=(1, 2, 3, 4), label="Hidden layers")
    learning_rate: float = knob(5e-3, low=1e-4, high=1e-1, log=True, label="Learning rate")
    reach: float = knob(
        4.0,
        low=1.0,
        high=4.0,
        label="Reach",
        help="How far to look, in multiples of the interval of the points.",
    )
    noise: float = knob(
        0.0,
        low=0.0,
        high=0.5,
        label="Noise",
        help="Standard deviation of the error in each point.",
        minor=True,
    )
    steps: int = knob(3000, choices=(300, 1000, 3000, 10000), label="Steps", minor=True)
    replicas: int = knob(
        8,
        choices=(1, 4, 8, 16),
        label="Nets of each kind",
        help="Nets that differ in their random start only.",
        minor=True,
    )
    seed: int = knob(0, low=0, high=9999, label="Seed of the nets", minor=True)
    data_seed: int = knob(0, low=0, high=9999, label="Seed of the data", minor=True)


def points(params: Params) -> tuple[Floats, Floats]:
    """The points ``x``, ``y`` that these settings stand for."""
    return sample_target(params.target, params.points, params.noise, "even", params.data_seed)


def run(params: Params) -> Iterator[Frame]:
    """Train ReLU, tanh and sine nets side by side, and fit a decision tree.

    Frames: ``relu``, ``tanh`` and ``sine`` (S, 129) and ``tree`` (1, 1025) from −reach to reach; their errors
    ``…_inside`` [−1, 1] and ``…_outside`` (NaN for reach 1); what :func:`curves.bends` finds in the ReLU
    nets, ``bends_outside`` [−1, 1], and ``linear_deviation``, see :func:`deviations`, (S,).
    """
    from core.nets import initial_mlp
    from core.training import Training

    x, y = points(params)
    sizes = (1, *[params.width] * params.depth, 1)
    nets = {
        name: Training(
            x,
            y,
            initial_mlp(sizes, params.replicas, params.seed),
            activation=activation,
            optimizer="Adam",
            learning_rate=params.learning_rate,
        )
        for name, activation in NETS.items()
    }
    grid = np.linspace(-params.reach, params.reach, MEASURED)
    truth = TARGETS[params.target](grid)
    tree = grow_tree(x, y, grid)[np.newaxis]
    fixed = {"tree": tree.astype(np.float32), **_errors("tree", tree, truth, grid)}
    chunk = max(1, params.steps // curves.FRAMES)
    while True:
        values = dict(fixed)
        for name, training in nets.items():
            outputs = training.predict(grid)
            values[name] = outputs[:, :: (MEASURED - 1) // (DRAWN - 1)]
            values |= _errors(name, outputs, truth, grid)
        weights = nets["relu"].parameters
        values |= curves.bends(weights, bound=curves.piece_bound(params.width, params.depth) - 1)
        values["bends_outside"] = values["pieces"] - 1 - values["inside"]
        values["linear_deviation"] = deviations(weights, values["last_hinge"])
        step = nets["relu"].step
        yield Frame(step, params.steps, values)
        if step >= params.steps:
            return
        for training in nets.values():
            training.advance(min(chunk, params.steps - step))


def grow_tree(x: Floats, y: Floats, grid: Floats) -> Floats:
    """A regression tree grown until each leaf holds one point, evaluated at ``grid``."""
    from sklearn.tree import DecisionTreeRegressor

    tree = DecisionTreeRegressor(random_state=0).fit(x[:, np.newaxis], y)
    return np.asarray(tree.predict(grid[:, np.newaxis]))


def deviations(parameters: Sequence[Array], last_hinges: Array) -> Array:
    """How far each ReLU net ``(S, …)`` is from a straight line beyond its last hinge, ``(S,)``.

    On both sides, from the last hinge out to ten times as far, the largest distance from the chord between
    the ends, relative to the net's largest value there. Computed in float64: a straight line deviates by
    rounding only.
    """
    return np.array(
        [
            _deviation([np.asarray(p[replica], np.float64) for p in parameters], last)
            for replica, last in enumerate(last_hinges)
        ]
    )


def _deviation(parameters: Sequence[Floats], last: float) -> float:
    if not np.isfinite(last):
        return np.nan
    share = np.linspace(0, 1, 65)
    away = max(last, 1.0) * (1 + (FAR - 1) * share)
    worst = 0.0
    for x in (away, -away):
        values = x[:, np.newaxis]
        for layer in range(0, len(parameters), 2):
            values = values @ parameters[layer] + parameters[layer + 1]
            values = np.maximum(values, 0) if layer < len(parameters) - 2 else values
        line = values[:, 0]
        chord = line[0] * (1 - share) + line[-1] * share
        size = np.abs(line).max()
        worst = max(worst, float(np.abs(line - chord).max() / size) if size > 0 else 0.0)
    return worst


def _errors(name: str, outputs: Array, truth: Floats, grid: Floats) -> dict[str, Array]:
    """Root-mean-square errors ``(S,)`` inside the interval of the points and outside it."""
    inside = np.abs(grid) <= 1
    squares = (outputs - truth) ** 2
    outside = squares[:, ~inside].mean(axis=1) if not inside.all() else np.full(len(outputs), np.nan)
    return {f"{name}_inside": np.sqrt(squares[:, inside].mean(axis=1)), f"{name}_outside": np.sqrt(outside)}


def charts(params: Params) -> Sequence[Any]:
    """One panel for each kind of net, and one for the tree."""
    titles = {**METHODS, "relu": "ReLU nets, and the bends of one of them"}
    return [_panel(params, name, titles[name]) for name in METHODS]


def _heights(params: Params) -> tuple[float, float]:
    """Between which heights the picture reaches."""
    low = -1.0 if params.target in ("Runge", "|x|") else -3.0
    return low, low + 6


def _panel(params: Params, name: str, title: str) -> Any:
    axis = alt.Axis(tickCount=8, format="~g")
    x = alt.X("x:Q", scale=alt.Scale(domain=[-params.reach, params.reach], nice=False), axis=axis, title="x")
    scale = alt.Scale(domain=list(_heights(params)), nice=False)

    def y(column: str) -> alt.Y:
        return alt.Y(f"{column}:Q", scale=scale, title="y")

    shown = [
        look.layer("interval", x=x, x2="end:Q").mark_rect(color=look.QUIET, opacity=0.14, clip=True),
        look.layer("target", x=x, y=y("y")).mark_line(color=look.QUIET, strokeWidth=1.5, strokeDash=[5, 4], clip=True),
    ]
    if name == "tree":
        shown.append(look.layer("tree", x=x, y=y("y")).mark_line(color=look.OTHER, strokeWidth=2.2, clip=True))
    else:
        shown += [
            look.layer("nets", x=x, y=y(f"{name}_low"), y2=f"{name}_high:Q").mark_area(
                color=look.NET, opacity=0.22, clip=True
            ),
            look.layer("every", x=x, y=y(name), detail="net:N").mark_line(
                color=look.NET, strokeWidth=0.8, opacity=0.55, clip=True
            ),
            look.layer("pinned_nets", x=x, y=y(name)).mark_line(
                color=look.PINNED, strokeWidth=2, strokeDash=[2, 2], clip=True
            ),
            look.layer("nets", x=x, y=y(name)).mark_line(color=look.NET, strokeWidth=2.5, clip=True),
        ]
    if name == "relu":
        shown += [
            look.layer("last_hinge", x=x).mark_rule(color=look.BETWEEN, strokeWidth=1.8, strokeDash=[6, 3], clip=True),
            look.layer("bends", x=x).mark_tick(
                color=look.NET, opacity=0.9, size=12, thickness=1.5, y=alt.ExprRef("height - 6"), clip=True
            ),
        ]
    shown.append(
        look.layer("points", x=x, y=y("y")).mark_point(filled=True, color=look.INK, size=24, opacity=1, clip=True)
    )
    return look.panel(*shown, title=title, height=HEIGHT, columns=6)


def data(params: Params, frames: Sequence[Frame], every: bool) -> dict[str, Columns]:
    """The data sets of the panels."""
    values = frames[-1].values
    x, y = points(params)
    grid = np.linspace(-params.reach, params.reach, MEASURED)
    drawn = grid[:: (MEASURED - 1) // (DRAWN - 1)]
    nets: Columns = {"x": look.fixed(drawn)}
    for name in NETS:
        low, median, high = (look.fixed(quantile, 2) for quantile in look.band(values[name]))
        nets |= {f"{name}_low": low, name: median, f"{name}_high": high}
    last = look.band(values["last_hinge"])[1]
    bends = values["hinges"][np.abs(values["hinges"]) <= params.reach]
    steps = values["tree"][0]
    corners = np.flatnonzero((np.diff(steps, prepend=np.nan) != 0) | (np.diff(steps, append=np.nan) != 0))
    return {
        "interval": {"x": [-1], "end": [1]},
        "target": {"x": look.fixed(grid[::2]), "y": look.fixed(TARGETS[params.target](grid[::2]))},
        "points": {"x": look.fixed(x, 4), "y": look.fixed(y, 4)},
        "tree": {"x": look.fixed(grid[corners]), "y": look.fixed(steps[corners])},
        "nets": nets,
        "last_hinge": {"x": look.fixed(np.array([-last, last])) if last <= params.reach else []},
        "bends": {"x": look.fixed(bends)},
        "every": _every(params, values) if every else {"net": [], "x": [], **{name: [] for name in NETS}},
    }


def _every(params: Params, values: Any) -> Columns:
    shown = {name: values[name][:, ::2] for name in NETS}
    nets, points = shown["relu"].shape
    return {
        "net": [net for net in range(nets) for _ in range(points)],
        "x": look.fixed(np.linspace(-params.reach, params.reach, points), 2) * nets,
        **{name: look.fixed(outputs.ravel(), 2) for name, outputs in shown.items()},
    }


def result(params: Params, frames: Sequence[Frame]) -> dict[str, Any]:
    """Of the ReLU nets ``last_hinge``, ``linear_deviation``, ``pieces``, ``inside`` and ``bends_outside``, of
    each method ``…_inside`` and ``…_outside``: medians, and their ``spread``."""
    errors = [f"{name}_{where}" for name in METHODS for where in ("inside", "outside")]
    names = ("last_hinge", "linear_deviation", "pieces", "inside", "bends_outside", *errors)
    numbers: dict[str, Any] = curves.result(frames, names)
    return numbers


def sentence(params: Params, frames: Sequence[Frame]) -> str:
    """What this run shows."""
    numbers = result(params, frames)
    lost = sum(value is None for name in NETS for value in numbers["spread"][f"{name}_inside"]["replicas"])
    if lost == len(NETS) * params.replicas:
        return "Every net diverged: the learning rate is too large for these settings."
    each = "one net" if params.replicas == 1 else f"medians of {params.replicas} nets"
    text = f"After {frames[-1].step:,} steps, {each} of each kind (root-mean-square error): on [−1, 1] "
    text += _list(numbers, "inside")
    if params.reach > 1:
        text += f"; from there out to ±{params.reach:g} {_list(numbers, 'outside')}"
    text += ". "
    if np.isfinite(numbers["last_hinge"]):
        text += _straight(params, numbers)
    if lost:
        text += f"{lost} of {len(NETS) * params.replicas} nets diverged and are left out. "
    return text.rstrip()


def _list(numbers: dict[str, Any], where: str) -> str:
    parts = [(name, numbers[f"{name}_{where}"]) for name in METHODS]
    return ", ".join(f"{NETS.get(name, name)} {value:.2g}" for name, value in parts if np.isfinite(value))


def _straight(params: Params, numbers: dict[str, Any]) -> str:
    one, last = params.replicas == 1, numbers["spread"]["last_hinge"]
    text = f"The ReLU {'net bends' if one else 'nets bend'} for the last time at |x| = {last['median']:.3g}"
    text += "" if one else f" (the middle 80 %: {last['low']:.3g} to {last['high']:.3g})"
    if last["median"] > 1:
        text += f", {'in' if last['median'] <= params.reach else 'outside'} this picture"
    deviation = max(v for v in numbers["spread"]["linear_deviation"]["replicas"] if v is not None)
    text += f", with {numbers['bends_outside']:.3g} bends beyond ±1; from there on {'it' if one else 'each'} is "
    return text + f"straight to within {deviation:.1g} of its size. "


AHEAD = (1.3, 2.2, 3.1, 4.0)
"""The places beyond the points at which the reader draws what the nets will do."""


def _ahead(params: Params, frames: Sequence[Frame]) -> list[float]:
    """The median ReLU net at ``AHEAD``, no farther than the picture reaches."""
    median = look.band(frames[-1].values["relu"])[1]
    heights = np.interp(AHEAD, np.linspace(-params.reach, params.reach, DRAWN), median)
    ahead: list[float] = np.clip(heights, *_heights(params)).tolist()
    return ahead


LAB = Lab(
    title="Beyond the points",
    Params=Params,
    run=run,
    charts=charts,
    data=data,
    result=result,
    sentence=sentence,
    sketch=Sketch(
        question="ReLU nets of one hidden layer learn ten points of a sine from −1 to 1, where they meet it closely. "
        "Draw how the median net goes on to the right of the points. (What leaves the picture counts as at its edge.)",
        settings={"target": "sine", "points": 10, "width": 32, "depth": 1, "reach": 4.0},
        at=AHEAD,
        curve=_ahead,
        start=0.0,
        near=0.3,
        place="x\u00a0=\u00a0{:g}",
        keep=("interval", "points"),
    ),
)
