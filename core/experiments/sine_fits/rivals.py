"""The same points given to polynomials, straight lines, a tree, neighbours, a kernel machine, and nets."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np

from core import charts as look
from core.data import TARGETS, Floats, sample_target
from core.experiments.sine_fits import curves
from core.lab import Array, Columns, Frame, Guess, Lab, knob, replace

METHODS = {
    "polynomial_even": "polynomial (even points)",
    "polynomial_chebyshev": "polynomial (Chebyshev points)",
    "piecewise_linear": "straight lines",
    "tree": "decision tree",
    "neighbours": "nearest neighbours",
    "kernel": "Gaussian kernel",
    "net": "nets",
}
"""Every method by the name of its numbers; the net, the last, is the one that trains."""
RIVALS = tuple(METHODS)[:-1]
ERRORS = {"at_points": "at the points", "rmse": "on all of [−1, 1]", "sup": "at worst"}
"""The errors drawn: root mean square at the points and on a dense grid, and the largest there."""
SMALLEST = 1e-4
"""Smaller errors are drawn here, at the edge of the logarithmic axis."""
CLIPPED = 50.0
HEIGHT = 180


@dataclass(frozen=True)
class Params:
    """What a reader can set."""

    target: str = knob("Runge", choices=tuple(TARGETS), label="Target", help="The curve the points come from.")
    points: int = knob(11, low=4, high=60, label="Points", help="How many points each method is given.")
    noise: float = knob(0.0, low=0.0, high=0.5, label="Noise", help="Standard deviation of the error in each point.")
    neighbours: int = knob(
        3,
        low=1,
        high=20,
        label="Neighbours",
        help="The mean of this many nearest points, or of all there are.",
    )
    kernel_width: float = knob(
        0.2, low=0.02, high=2.0, log=True, label="Kernel width", help="Standard deviation of the Gaussian."
    )
    tree_depth: int = knob(
        0, low=0, high=10, label="Depth of the tree", help="0 grows it until each leaf holds one point."
    )
    ridge: float = knob(
        1e-6, low=1e-10, high=1.0, log=True, label="Ridge", help="Penalty of the kernel machine.", minor=True
    )
    width: int = knob(
        32,
        choices=(4, 8, 16, 32, 64, 128),
        label="Hidden units",
        help="Units of the nets' one layer.",
        minor=True,
    )
    learning_rate: float = knob(5e-3, low=1e-4, high=1e-1, log=True, label="Learning rate", minor=True)
    steps: int = knob(3000, choices=(300, 1000, 3000, 10000), label="Steps", minor=True)
    replicas: int = knob(
        16,
        choices=(1, 4, 8, 16, 32),
        label="Nets",
        help="Nets that differ in their random start only.",
        minor=True,
    )
    seed: int = knob(0, low=0, high=9999, label="Seed of the nets", minor=True)
    data_seed: int = knob(0, low=0, high=9999, label="Seed of the data", minor=True)


def points(params: Params, spacing: str = "even") -> tuple[Floats, Floats]:
    """The points ``x``, ``y`` that these settings stand for."""
    return sample_target(params.target, params.points, params.noise, spacing, params.data_seed)


def run(params: Params) -> Iterator[Frame]:
    """Fit the rivals, then train the nets.

    Frames: what :func:`curves.train` yields, ``rivals`` (1, 6, 161) on ``GRID``, and of each the errors
    ``rivals_at_points``, ``rivals_rmse``, ``rivals_sup`` and ``rivals_largest_jump``, (1, 6).
    """
    fitted = fit_rivals(params)
    x, y = points(params)
    for frame in curves.train(
        x,
        y,
        TARGETS[params.target](curves.DENSE),
        width=params.width,
        depth=1,
        activation="ReLU",
        optimizer="Adam",
        learning_rate=params.learning_rate,
        weight_decay=0.0,
        batch_size=0,
        steps=params.steps,
        replicas=params.replicas,
        seed=params.seed,
    ):
        yield Frame(frame.step, frame.total, {**frame.values, **fitted})


def fit_rivals(params: Params) -> dict[str, Array]:
    """The methods that need no training, in the order of ``RIVALS``; see :func:`run` for the names."""
    from sklearn.kernel_ridge import KernelRidge
    from sklearn.neighbors import KNeighborsRegressor
    from sklearn.tree import DecisionTreeRegressor

    x, y = points(params)
    nodes, heights = points(params, "Chebyshev")
    tree = DecisionTreeRegressor(max_depth=params.tree_depth or None, random_state=0)
    neighbours = KNeighborsRegressor(min(params.neighbours, params.points))
    kernel = KernelRidge(alpha=params.ridge, kernel="rbf", gamma=1 / (2 * params.kernel_width**2))
    dense = [
        polynomial(x, y, curves.DENSE),
        polynomial(nodes, heights, curves.DENSE),
        np.interp(curves.DENSE, x, y),
    ]
    at_points = [polynomial(x, y, x) - y, polynomial(nodes, heights, nodes) - heights, np.zeros_like(y)]
    for machine in (tree, neighbours, kernel):
        machine.fit(x[:, np.newaxis], y)
        dense.append(machine.predict(curves.DENSE[:, np.newaxis]))
        at_points.append(machine.predict(x[:, np.newaxis]) - y)
    drawn = np.stack(dense)
    missed = curves.misses(drawn, TARGETS[params.target](curves.DENSE))
    fitted = {
        "rivals": drawn[:, ::4].astype(np.float32),
        "rivals_at_points": np.sqrt(np.mean(np.square(at_points), axis=1)),
        "rivals_rmse": missed["dense_rmse"],
        "rivals_sup": missed["dense_sup"],
        "rivals_largest_jump": missed["largest_jump"],
    }
    return {name: numbers[np.newaxis] for name, numbers in fitted.items()}


def polynomial(nodes: Floats, heights: Floats, x: Floats) -> Floats:
    """The polynomial of lowest degree through points ``(n,)``, at ``x``, in barycentric form.

    Σ w_j y_j/(x−x_j) / Σ w_j/(x−x_j) with w_j = 1/Π(x_j−x_i) (Trefethen, 2013, ch. 5). Solving for
    coefficients would add errors of its own; this leaves the rounding of the heights, which many even points
    enlarge.
    """
    gaps = nodes[:, np.newaxis] - nodes + np.eye(len(nodes))
    logarithms = -np.log(np.abs(gaps)).sum(axis=1)
    weights = np.sign(gaps).prod(axis=1) * np.exp(logarithms - logarithms.max())
    away = x[:, np.newaxis] - nodes
    exact = away == 0
    ratios = weights / np.where(exact, 1.0, away)
    values = (ratios @ heights) / ratios.sum(axis=1)
    at_x: Floats = np.where(exact.any(axis=1), heights[exact.argmax(axis=1)], values)
    return at_x


def charts(params: Params) -> Sequence[Any]:
    """One panel for each method, and their errors."""
    low = -0.6 if params.target in ("Runge", "|x|") else -1.7
    return [*(_panel(name, (low, 1.7)) for name in METHODS), _error_panel()]


def _panel(name: str, domain: tuple[float, float]) -> Any:
    axis = alt.Axis(tickCount=5, format="~g")
    x = alt.X("x:Q", scale=alt.Scale(domain=[-1, 1], nice=False), axis=axis, title=None)
    scale = alt.Scale(domain=list(domain), nice=False)

    def y(column: str) -> alt.Y:
        return alt.Y(f"{column}:Q", scale=scale, title=None)

    shown = [
        look.layer("target", x=x, y=y("y")).mark_line(color=look.QUIET, strokeWidth=1.5, strokeDash=[5, 4], clip=True)
    ]
    data, column, colour = ("fit", "median", look.NET) if name == "net" else ("rivals", name, look.OTHER)
    if name == "net":
        shown += [
            look.layer("fit", x=x, y=y("low"), y2="high:Q").mark_area(color=look.NET, opacity=0.22, clip=True),
            look.layer("every", x=x, y=y("y"), detail="net:N").mark_line(
                color=look.NET, strokeWidth=0.8, opacity=0.55, clip=True
            ),
        ]
    shown += [
        look.layer(f"pinned_{data}", x=x, y=y(column)).mark_line(
            color=look.PINNED, strokeWidth=2, strokeDash=[2, 2], clip=True
        ),
        look.layer(data, x=x, y=y(column)).mark_line(color=colour, strokeWidth=2.2, clip=True),
        look.layer("nodes" if name == "polynomial_chebyshev" else "points", x=x, y=y("y")).mark_point(
            filled=True, color=look.INK, size=18, opacity=1, clip=True
        ),
    ]
    return look.panel(*shown, title=METHODS[name][0].upper() + METHODS[name][1:], height=HEIGHT, columns=4)


def _error_panel() -> Any:
    # A domain stated, not found in the data: the labels have their room before the data come.
    methods = alt.Scale(domain=list(METHODS.values()))
    y = alt.Y("method:N", scale=methods, title=None, axis=alt.Axis(labelLimit=220, grid=True))
    scale = alt.Scale(type="log", domain=[SMALLEST, 100], nice=False, clamp=True)
    x = alt.X(
        "error:Q",
        scale=scale,
        axis=alt.Axis(values=[1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100], format="~g"),
        title="error (at the left edge: 0.0001 or less; at the right: 100 or more)",
    )
    roles = zip(ERRORS.values(), (look.NET, look.BETWEEN, look.INK), strict=True)
    colour = alt.Color(
        "kind:N", scale=look.legend(tuple(roles)), legend=alt.Legend(title=None, orient="top", columns=2)
    )
    tooltip = [alt.Tooltip("method:N"), alt.Tooltip("kind:N"), alt.Tooltip("error:Q")]
    return look.panel(
        look.layer("pinned_errors", x=x, y=y).mark_point(shape="diamond", color=look.PINNED, size=60),
        look.layer("errors", x=x, y=y, color=colour, tooltip=tooltip).mark_point(filled=True, size=60, opacity=0.9),
        title="Errors of all, the median of the nets",
        height=HEIGHT + 80,  # A row for each rival, under a legend of two lines, on a phone too.
        columns=8,
    )


def data(params: Params, frames: Sequence[Frame], every: bool) -> dict[str, Columns]:
    """The data sets of the panels."""
    values = frames[-1].values
    target = TARGETS[params.target](curves.DENSE)
    drawn = curves.fit_data(*points(params), target, frames[-1:], every)
    nodes, heights = points(params, "Chebyshev")
    numbers = result(params, frames)
    shown = [(name, kind) for name in METHODS for kind in ERRORS]
    clipped = np.clip(values["rivals"][0], -CLIPPED, CLIPPED)
    return {
        **{name: drawn[name] for name in ("points", "target", "fit", "every")},
        "nodes": {"x": look.fixed(nodes, 4), "y": look.fixed(heights, 4)},
        "rivals": {
            "x": look.fixed(curves.GRID, 4),
            **{name: look.fixed(curve) for name, curve in zip(RIVALS, clipped, strict=True)},
        },
        "errors": {
            "method": [METHODS[name] for name, _ in shown],
            "kind": [ERRORS[kind] for _, kind in shown],
            "error": look.rounded(np.array([max(numbers[f"{name}_{kind}"], SMALLEST) for name, kind in shown])),
        },
    }


def result(params: Params, frames: Sequence[Frame]) -> dict[str, Any]:
    """For each method ``…_at_points``, ``…_rmse``, ``…_sup`` and ``…_largest_jump``; the net's are medians.

    See :func:`curves.misses` for the last three.
    """
    values = frames[-1].values
    numbers = {
        f"{name}_{kind}": float(values[f"rivals_{kind}"][0, row])
        for row, name in enumerate(RIVALS)
        for kind in ("at_points", "rmse", "sup", "largest_jump")
    }
    names = {
        "train_rmse": "at_points",
        "dense_rmse": "rmse",
        "dense_sup": "sup",
        "largest_jump": "largest_jump",
    }
    nets = curves.result(frames, tuple(names))
    spreads = {f"net_{kind}": nets["spread"][name] for name, kind in names.items()}
    return {**numbers, **{name: s["median"] for name, s in spreads.items()}, "spread": spreads}


def sentence(params: Params, frames: Sequence[Frame]) -> str:
    """What this run shows."""
    numbers = result(params, frames)
    nets = numbers["spread"]["net_rmse"]
    lost = sum(value is None for value in nets["replicas"])
    ranked = sorted((numbers[f"{name}_rmse"], name) for name in METHODS if np.isfinite(numbers[f"{name}_rmse"]))
    order = ", ".join(f"{METHODS[name]} {_short(error)}" for error, name in ranked)
    text = f"Root-mean-square error on [−1, 1] from {params.points} points, smallest first: {order}. "
    even, chebyshev = numbers["polynomial_even_sup"], numbers["polynomial_chebyshev_sup"]
    text += f"At worst the polynomial is off by {_short(even)} with even points, by {_short(chebyshev)} with "
    text += "Chebyshev points. "
    if lost == params.replicas:
        return text + "Every net diverged: the learning rate is too large for these settings."
    if params.replicas - lost == 1:
        text += f"The nets: one, after {frames[-1].step:,} steps. "
    else:
        text += f"The nets: the median of {params.replicas - lost} after {frames[-1].step:,} steps; the middle "
        text += f"80 %: {nets['low']:.2g} to {nets['high']:.2g}. "
    if lost:
        text += f"{lost} of {params.replicas} nets diverged and are left out. "
    return text.rstrip()


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.2g}"


FEWER = 11


def _growth(params: Params) -> tuple[float, float]:
    """The polynomial's largest error with ``FEWER`` even points, and with as many as these settings say."""
    truth = TARGETS[params.target](curves.DENSE)
    few, many = (
        np.abs(polynomial(*points(p), curves.DENSE) - truth).max() for p in (replace(params, {"points": FEWER}), params)
    )
    return float(few), float(many)


def _which(params: Params, frames: Sequence[Frame]) -> int:
    few, many = _growth(params)[0], result(params, frames)["polynomial_even_sup"]
    return 0 if many < few else 1 if many < 10 * few else 2


def _reveal(params: Params, frames: Sequence[Frame]) -> str:
    numbers = result(params, frames)
    few, many = _growth(params)[0], numbers["polynomial_even_sup"]
    return (
        f"Largest error of the polynomial: {_short(few)} with {FEWER} points, {_short(many)} with "
        f"{params.points}. Straight lines through the same {params.points} points: "
        f"{_short(numbers['piecewise_linear_sup'])}; the nets, median of {params.replicas}: "
        f"{_short(numbers['net_sup'])}."
    )


LAB = Lab(
    title="Rivals",
    Params=Params,
    run=run,
    charts=charts,
    data=data,
    result=result,
    sentence=sentence,
    guess=Guess(
        question=f"The polynomial through {FEWER} even points of the bell 1/(1+25x²) misses it near the "
        "ends. With 21 points, what becomes of its largest error?",
        options=("It shrinks", "It grows, up to tenfold", "It grows more than tenfold"),
        settings={"target": "Runge", "points": 21, "noise": 0.0},
        answer=_which,
        reveal=_reveal,
    ),
)
