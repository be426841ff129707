"""How fast plain descent, momentum and Adam leave a saddle, beside the exact growth rates."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np

from core import charts as look
from core.data import Floats
from core.lab import Columns, Frame, Guess, Lab, knob, spread

METHODS = {"plain": "plain descent", "momentum": "momentum", "adam": "Adam"}
ROLES = dict(zip(METHODS, (look.NET, look.BETWEEN, look.OTHER), strict=True))
DASHES = dict(zip(METHODS, ([1, 0], [8, 3], [2, 2]), strict=True))
LEFT = 0.1
"""A run has left the saddle at this distance from the ridge, a tenth of the way to a minimum."""
WINDOW = (1e-3, 1e-2)
"""Growth is measured from the first of these distances to the second."""
FIRST, SECOND, EPSILON = 0.9, 0.999, 1e-8
"""Adam's numbers, as published (Kingma and Ba, 2015)."""
FRAMES = 160
SWEPT = np.logspace(-4, 0, 17)
"""ηλ of the runs that sweep it."""
SWEEP_STEPS = 120_000
FARTHEST = 1e3
"""A run that gets this far has diverged."""


@dataclass(frozen=True)
class Params:
    """What a reader can set."""

    learning_rate: float = knob(0.01, low=1e-3, high=0.5, log=True, label="Learning rate", help="η, of all methods.")
    momentum: float = knob(0.9, low=0.0, high=0.999, label="Momentum", help="β: the share of the last step kept.")
    curvature: float = knob(
        1.0, low=0.1, high=2.0, log=True, label="Curvature downhill", help="λ: the ridge bends down by λ across it."
    )
    offset: float = knob(
        1e-6,
        choices=(0, 1e-12, 1e-9, 1e-6, 1e-4),
        label="Distance from the ridge",
        help="Standard deviation of the start's distance from the ridge; 0 starts exactly on it.",
    )
    noise: float = knob(
        0,
        choices=(0, 1e-6, 0.001, 0.1),
        label="Noise",
        help="Standard deviation of the error in each gradient, as if from small batches.",
    )
    uphill: float = knob(
        1.0, low=0.1, high=2.0, log=True, label="Curvature uphill", help="Along the ridge.", minor=True
    )
    steps: int = knob(1500, choices=(300, 1500, 10000, 50000), label="Steps", minor=True)
    replicas: int = knob(
        16, choices=(1, 4, 8, 16, 32), label="Runs", help="Runs that differ in start and noise only.", minor=True
    )
    seed: int = knob(0, low=0, high=9999, label="Seed", minor=True)


def growth_roots(momentum: float | Floats, rate: float | Floats) -> tuple[Any, Any]:
    """The factors r₁ > 1 and r₂ = β/r₁ of a distance from the ridge, exact; ``rate`` is ηλ.

    The step y ← y + ηλy + β(y − y₋₁) (Polyak, 1964) has solutions rᵗ with r² − (1 + β + ηλ)r + β = 0.
    """
    total = 1 + momentum + rate
    # (1+β+ηλ)² − 4β, without its cancellation for β near 1.
    half = np.sqrt((1 - momentum) ** 2 + 2 * rate * (1 + momentum) + rate**2) / 2
    upper = total / 2 + half
    return upper, momentum / upper


def speed_up(momentum: float, rate: float | Floats) -> Any:
    """ln r_β / ln r_0: how many times as fast as plain descent momentum grows, exact."""
    return np.log(growth_roots(momentum, rate)[0]) / np.log1p(rate)


def exact_steps(momentum: float, rate: float, distances: Floats) -> Floats:
    """Steps from rest at ``distances`` (S,) to ``LEFT`` without noise and wall, from r₁'s part of the start alone."""
    upper, lower = growth_roots(momentum, rate)
    with np.errstate(divide="ignore"):
        share = np.abs(distances) * (1 + rate - lower) / (upper - lower)
        return np.asarray(np.ceil(np.log(LEFT / share) / np.log(upper)))


def starts(params: Params) -> Floats:
    """Distances from the ridge at the start, one a run, ``(S,)``."""
    return np.array([params.offset * np.random.default_rng([params.seed, r]).normal() for r in range(params.replicas)])


def slope(x: Floats, y: Floats, params: Params) -> tuple[Floats, Floats]:
    """The gradient of ½λ₊x² − ½λy² + ¼λy⁴: a saddle at 0, a quartic wall, minima at y = ±1."""
    return params.uphill * x, -params.curvature * (y - y**3)


def run(params: Params) -> Iterator[Frame]:
    """Descend by the three methods, S runs each, from x = 1 and close to the ridge y = 0.

    Frames: ``x``, ``y``, ``left`` (the step at which |y| first reached ``LEFT``) and ``growth`` (the factor a step
    from 0.001 to 0.01), each (3, S), NaN until known; ``swept`` (2, 17), the steps that plain descent and momentum
    need without noise to leave from the offset, for ηλ of ``SWEPT``.
    """
    shape = (len(METHODS), params.replicas)
    x, y = np.ones(shape), np.tile(starts(params), (len(METHODS), 1))
    velocity, squares = np.zeros((2, *shape)), np.zeros((2, *shape))
    left, entered, growth = (np.full(shape, np.nan) for _ in range(3))
    reached = np.full(shape, np.nan)
    streams = [np.random.default_rng([params.seed, r, 1]) for r in range(params.replicas)]
    sweep = _Sweep(params)
    chunk = max(1, params.steps // FRAMES)
    step = 0
    while True:
        values = {"x": x, "y": y, "left": left, "growth": growth, "swept": sweep.left}
        yield Frame(step, params.steps, {name: value.copy() for name, value in values.items()})
        if step >= params.steps:
            return
        ahead = min(chunk, params.steps - step)
        sweep.advance(-(-SWEEP_STEPS * ahead // params.steps))
        errors = params.noise * np.stack([rng.normal(size=(ahead, 2)) for rng in streams], axis=2)
        for error in errors:
            step += 1
            gradient = np.stack(slope(x, y, params)) + error[:, np.newaxis]
            move = _moves(params, gradient, velocity, squares, step)
            x, y = x + move[0], y + move[1]
            gone = ~(np.maximum(np.abs(x), np.abs(y)) < FARTHEST)
            x[gone], y[gone] = np.nan, np.nan
            distance = np.abs(y)
            crossing = np.isnan(left) & (distance >= LEFT)
            left[crossing] = step
            first = np.isnan(entered) & (distance >= WINDOW[0])
            entered[first], reached[first] = step, distance[first]
            last = np.isnan(growth) & (distance >= WINDOW[1]) & (step > entered)
            growth[last] = (distance[last] / reached[last]) ** (1 / (step - entered[last]))


def _moves(params: Params, gradient: Floats, velocity: Floats, squares: Floats, step: int) -> Floats:
    """What each method adds to x and y, ``(2, 3, S)``, at gradients of that shape; its state moves on, too."""
    keep = np.array([0.0, params.momentum, FIRST])[:, np.newaxis]
    share = np.array([1.0, 1.0, 1 - FIRST])[:, np.newaxis]
    velocity *= keep
    velocity += share * gradient
    squares *= SECOND
    squares += (1 - SECOND) * gradient**2
    move = -params.learning_rate * velocity
    move[:, 2] /= (1 - FIRST**step) * (np.sqrt(squares[:, 2] / (1 - SECOND**step)) + EPSILON)
    return move


class _Sweep:
    """Plain descent and momentum on the same saddle for every ηλ of ``SWEPT``, until they leave."""

    def __init__(self, params: Params) -> None:
        self._keep = np.array([[0.0], [params.momentum]])
        self._y = np.full((2, len(SWEPT)), params.offset, float)
        self._move = np.zeros_like(self._y)
        self.left = np.full_like(self._y, np.nan)
        self._step = 0

    def advance(self, steps: int) -> None:
        """Go on by ``steps``; stop early where all have left."""
        for _ in range(steps):
            waiting = np.isnan(self.left)
            if not waiting.any() or not self._y.any():
                return
            self._step += 1
            self._move = np.where(waiting, self._keep * self._move + SWEPT * (self._y - self._y**3), 0.0)
            self._y = self._y + self._move
            self.left[waiting & (np.abs(self._y) >= LEFT)] = self._step


def charts(params: Params) -> Sequence[Any]:
    """Distance from the ridge against steps, the saddle from above, and the speed-up against ηλ."""
    return _growth_panel(params), _saddle_panel(params), _speed_panel(params)


def lowest(params: Params) -> float:
    """The smallest distance that is drawn; what is nearer to the ridge is drawn there."""
    return params.offset / 100 if params.offset else 1e-12


def _by_method(layer: alt.Chart, name: str, legend: alt.Legend | None) -> alt.Chart:
    names = list(METHODS.values())
    colour = alt.Scale(domain=names, range=list(ROLES.values()))
    dash = alt.Scale(domain=names, range=list(DASHES.values()))
    encoded = layer.transform_calculate(method=f"'{METHODS[name]}'").encode(
        color=alt.Color("method:N", scale=colour, legend=legend),
        strokeDash=alt.StrokeDash("method:N", scale=dash, legend=legend),
    )
    return encoded


def _growth_panel(params: Params) -> Any:
    x = alt.X("step:Q", scale=alt.Scale(domain=[0, params.steps], nice=False), title="steps")
    low = lowest(params)
    scale = alt.Scale(type="log", domain=[low, 4], nice=False, clamp=True)
    powers = [10.0**k for k in range(-14, 1) if 10.0**k >= low]
    axis = alt.Axis(values=[*powers[:: 1 + len(powers) // 8][:-1], LEFT, 1], format="~g")

    def y(column: str) -> alt.Y:
        return alt.Y(f"{column}:Q", scale=scale, axis=axis, title="distance from the ridge")

    legend = alt.Legend(title=None, orient="bottom-right", symbolSize=400)
    layers: list[Any] = [
        look.layer("marks", y=y("y")).mark_rule(color=look.QUIET, strokeWidth=1),
        look.layer("marks", y=y("y"), text="label:N").mark_text(
            color=look.QUIET, align="left", baseline="top", dy=3, x=alt.ExprRef("width * 0.3")
        ),
    ]
    for name in METHODS:
        area = look.layer("growth", x=x, y=y(f"{name}_low"), y2=f"{name}_high:Q").mark_area(
            color=ROLES[name], opacity=0.2
        )
        pinned = look.layer("pinned_growth", x=x, y=y(name)).mark_line(
            color=look.PINNED, strokeWidth=1.5, strokeDash=[2, 2]
        )
        line = look.layer("growth", x=x, y=y(name)).mark_line(strokeWidth=2.6)
        layers += [area, pinned, _by_method(line, name, legend)]
    layers.append(
        look.layer("exact", x=x, y=y("y"), detail="method:N").mark_line(color=look.INK, strokeWidth=1, clip=True)
    )
    layers.append(
        look.layer("every", x=x, y=y("y"), detail="run:N").mark_line(color=look.INK, strokeWidth=0.6, opacity=0.4)
    )
    return look.panel(*layers, title="Median distance from the ridge; thin lines: exact growth", columns=7)


def _saddle_panel(params: Params) -> Any:
    x = alt.X("x:Q", scale=alt.Scale(domain=[-1.25, 1.25], nice=False), title="x, along the ridge")
    y = alt.Y("y:Q", scale=alt.Scale(domain=[-1.6, 1.6], nice=False), title="y, away from it")
    layers: list[Any] = [
        look.layer("contours", x=x, y=y, detail="line:N", order="point:Q").mark_line(
            color=look.QUIET, strokeWidth=0.9, opacity=0.7, clip=True
        ),
        look.layer("places", x=x, y=y, text="label:N").mark_text(color=look.INK, align="right", dx=-9),
        look.layer("places", x=x, y=y).mark_point(color=look.QUIET, shape="cross", size=50, opacity=1),
    ]
    names = list(METHODS.values())
    colour = alt.Color("method:N", scale=look.legend(tuple(zip(names, ROLES.values(), strict=True))), legend=None)
    dash = alt.StrokeDash("method:N", scale=alt.Scale(domain=names, range=list(DASHES.values())), legend=None)
    shape = alt.Shape("method:N", scale=alt.Scale(domain=names), legend=None)
    path = look.layer("paths", x=x, y=y, order="step:Q", color=colour, strokeDash=dash)
    layers += [
        path.mark_line(strokeWidth=2, clip=True),
        look.layer("ends", x=x, y=y, shape=shape, color=colour).mark_point(
            filled=True, size=45, opacity=0.8, clip=True
        ),
    ]
    return look.panel(*layers, title="The saddle from above, with the first runs", columns=5)


def _speed_panel(params: Params) -> Any:
    scale = alt.Scale(type="log", domain=[1e-4, 1], nice=False)
    axis = alt.Axis(values=[1e-4, 1e-3, 1e-2, 0.1, 1], format="~g")
    x = alt.X("rate:Q", scale=scale, axis=axis, title="learning rate × curvature, ηλ")
    folk = 1 / (1 - params.momentum)
    most = max(2.0, 1.25 * folk)
    wide = most > 25
    heights = alt.Scale(type="log" if wide else "linear", domain=[0.9 if wide else 0, most], nice=False, clamp=True)
    y = alt.Y("factor:Q", scale=heights, axis=alt.Axis(tickCount=6, format="~g"), title="times as fast")
    tooltip = [alt.Tooltip("rate:Q", title="ηλ"), alt.Tooltip("factor:Q", title="times as fast")]
    label = look.layer("folk", y=y, text="label:N")
    limit = look.layer("limit", x=x, text="label:N")
    return look.panel(
        look.layer("folk", y=y).mark_rule(color=look.INK, strokeDash=[5, 4], strokeWidth=1.2),
        label.mark_text(color=look.INK, align="right", baseline="top", dy=4, x=alt.ExprRef("width - 4")),
        look.layer("limit", x=x).mark_rule(color=look.QUIET, strokeDash=[2, 3], clip=True),
        limit.mark_text(color=look.QUIET, align="left", dx=4, y=alt.ExprRef("height - 8"), clip=True),
        look.layer("speed", x=x, y=y).mark_line(color=look.BETWEEN, strokeWidth=2.2, clip=True),
        look.layer("pinned_swept", x=x, y=y).mark_point(color=look.PINNED, shape="diamond", size=50, clip=True),
        look.layer("swept", x=x, y=y, tooltip=tooltip).mark_point(
            color=look.INK, filled=True, size=40, opacity=1, clip=True
        ),
        look.layer("here", x=x, y=y).mark_point(
            color=look.BETWEEN, shape="square", size=130, strokeWidth=2, opacity=1, clip=True
        ),
        title="Momentum against plain descent: exact growth (line), steps to leave (dots), these settings (square)",
        height=240,
    )


def data(params: Params, frames: Sequence[Frame], every: bool) -> dict[str, Columns]:
    """The data sets of the panels."""
    rate = params.learning_rate * params.curvature
    # Denser at the start, where Adam and momentum leave.
    places = np.unique(np.round((len(frames) - 1) * np.linspace(0, 1, 36) ** 2).astype(int))
    chosen = [frames[i] for i in places]
    low = lowest(params)
    growth: Columns = {"step": [frame.step for frame in chosen]}
    distances = np.stack([np.abs(frame.values["y"]) for frame in chosen], axis=2)
    for name, runs in zip(METHODS, np.maximum(distances, low), strict=True):
        bounds = (look.rounded(quantile) for quantile in look.band(runs))
        growth |= dict(zip((f"{name}_low", name, f"{name}_high"), bounds, strict=True))
    factor = float(speed_up(params.momentum, rate))
    line = np.logspace(-4, 0, 81)
    times = ratios(frames)
    known = np.isfinite(times)
    return {
        "marks": {"y": [LEFT, 1], "label": ["left the saddle", "minimum"]},
        "growth": growth,
        "exact": _exact(params),
        **_plane(params, frames),
        "folk": {"factor": [round(1 / (1 - params.momentum), 4)], "label": ["1/(1 − β)"]},
        "limit": {"rate": look.rounded(np.array([(1 - params.momentum) ** 2])), "label": ["ηλ = (1 − β)²"]},
        "speed": {"rate": look.rounded(line), "factor": look.rounded(speed_up(params.momentum, line))},
        "swept": {"rate": look.rounded(SWEPT[known]), "factor": look.rounded(times[known])},
        "here": {"rate": [float(f"{rate:.3g}")], "factor": [float(f"{factor:.3g}")]},
        "every": _every(chosen, low) if every else {"run": [], "step": [], "y": []},
    }


def ratios(frames: Sequence[Frame]) -> Floats:
    """How many times as many steps as momentum plain descent needs to leave, for ηλ of ``SWEPT``, NaN if not yet."""
    swept = frames[-1].values["swept"]
    return np.asarray(swept[0] / swept[1])


def _exact(params: Params) -> Columns:
    """Straight lines from the median start to the distance 1, for the two methods that have a growth rate."""
    drawn: Columns = {"method": [], "step": [], "y": []}
    start = float(np.median(np.abs(starts(params))))
    if start == 0 or params.noise:
        return drawn
    for method, momentum in (("plain", 0.0), ("momentum", params.momentum)):
        rate = params.learning_rate * params.curvature
        upper, lower = growth_roots(momentum, rate)
        share = start * (1 + rate - lower) / (upper - lower)
        last = min(params.steps, math.log(1 / share) / math.log(upper))
        drawn["method"] += [method] * 2
        drawn["step"] += [0, round(last, 2)]
        drawn["y"] += look.rounded(np.array([share, share * upper**last]))
    return drawn


def _plane(params: Params, frames: Sequence[Frame]) -> dict[str, Columns]:
    y = np.linspace(-1.6, 1.6, 81)
    valley = params.curvature * (y**2 / 2 - y**4 / 4)
    lines = []
    for level in np.array([-0.2, -0.12, -0.05, 0, 0.08, 0.2, 0.4]) * params.curvature:
        squares = 2 * (level + valley) / params.uphill
        closing = (squares < 0) & (np.convolve(squares >= 0, np.ones(3), "same") > 0)
        side = np.sqrt(np.where(squares >= 0, squares, np.where(closing, 0, np.nan)))
        lines += [side, -side]
    values = frames[-1].values
    chosen = [frames[i] for i in look.thinned(len(frames))]
    x_path, y_path = (np.stack([frame.values[axis][:, 0] for frame in chosen], axis=1).ravel() for axis in "xy")
    return {
        "contours": {
            "line": [line for line in range(len(lines)) for _ in y],
            "point": list(range(len(y))) * len(lines),
            "x": look.fixed(np.concatenate(lines)),
            "y": look.fixed(y) * len(lines),
        },
        "places": {"x": [0, 0, 0], "y": [0, 1, -1], "label": ["saddle", "minimum", "minimum"]},
        "paths": {
            "method": [method for method in METHODS.values() for _ in chosen],
            "step": [frame.step for frame in chosen] * len(METHODS),
            "x": look.fixed(x_path),
            "y": look.fixed(y_path),
        },
        "ends": {
            "method": [METHODS[name] for name in METHODS for _ in range(params.replicas)],
            "x": look.fixed(values["x"].ravel()),
            "y": look.fixed(values["y"].ravel()),
        },
    }


def _every(chosen: Sequence[Frame], low: float) -> Columns:
    history = np.stack([np.abs(frame.values["y"]).ravel() for frame in chosen], axis=1)
    return {
        "run": [run for run in range(len(history)) for _ in chosen],
        "step": [frame.step for frame in chosen] * len(history),
        "y": look.rounded(np.maximum(history, low).ravel()),
    }


def result(params: Params, frames: Sequence[Frame]) -> dict[str, Any]:
    """Of each method the medians ``…_steps`` to leave and ``…_growth``, the factor a step, as measured.

    Of plain descent and momentum also ``…_root``, that factor, exact, and ``…_steps_exact`` (the median, without
    noise); ``speed_up``, exact, the ``folk_factor`` 1/(1 − β) and ``measured_speed_up``, in steps to leave.
    ``at_ridge`` counts the runs of all methods that have not moved off y = 0 at all. Adam divides by the size of the
    gradient: it has no growth rate, only a pace.
    """
    values, rate = frames[-1].values, params.learning_rate * params.curvature
    spreads = {}
    for row, name in enumerate(METHODS):
        spreads[f"{name}_steps"] = spread(values["left"][row])
        spreads[f"{name}_growth"] = spread(values["growth"][row])
    numbers: dict[str, Any] = {name: found["median"] for name, found in spreads.items()}
    for name, momentum in (("plain", 0.0), ("momentum", params.momentum)):
        numbers[f"{name}_root"] = float(growth_roots(momentum, rate)[0])
        numbers[f"{name}_steps_exact"] = float(np.median(exact_steps(momentum, rate, starts(params))))
    return {
        **numbers,
        "speed_up": float(speed_up(params.momentum, rate)),
        "measured_speed_up": numbers["plain_steps"] / numbers["momentum_steps"],
        "folk_factor": 1 / (1 - params.momentum),
        "at_ridge": int(np.sum(values["y"] == 0)),
        "spread": spreads,
    }


def sentence(params: Params, frames: Sequence[Frame]) -> str:
    """What this run shows."""
    numbers, values = result(params, frames), frames[-1].values
    runs = params.replicas
    if numbers["at_ridge"] == values["y"].size:
        return (
            f"Started exactly on the ridge, none of the {values['y'].size} runs has moved off it after "
            f"{frames[-1].step:,} steps: the gradient has no part that points away from it."
        )
    each = "one run" if runs == 1 else f"medians of {runs} runs (the middle 80 % in brackets)"
    parts = [_leaving(numbers, name, runs) for name in METHODS]
    text = f"After {frames[-1].step:,} steps, {each} of each method: {', '.join(parts)}. "
    known = [name for name in ("plain", "momentum") if math.isfinite(numbers[f"{name}_growth"])]
    if known:
        exact = "exact, without noise" if params.noise else "exact"
        grown = [
            f"{METHODS[name]} {numbers[f'{name}_growth']:.4f} ({exact}: {numbers[f'{name}_root']:.4f})"
            for name in known
        ]
        text += f"Measured growth a step: {', '.join(grown)}. "
    text += f"By its growth rate momentum is {numbers['speed_up']:.3g} times as fast as plain descent (exact)"
    if math.isfinite(numbers["measured_speed_up"]):
        text += f", by the steps it needs {numbers['measured_speed_up']:.3g} times"
    folk = numbers["folk_factor"]
    text += f"; 1/(1 − β) promises {folk:,.0f}. " if folk >= 100 else f"; 1/(1 − β) promises {folk:.3g}. "
    lost = int(np.sum(~np.isfinite(values["y"])))
    if lost:
        text += f"{lost} of {values['y'].size} runs diverged. "
    return text.rstrip()


def _leaving(numbers: dict[str, Any], name: str, runs: int) -> str:
    steps = numbers["spread"][f"{name}_steps"]
    gone = sum(value is not None for value in steps["replicas"])
    if not gone:
        return f"{METHODS[name]} has not left the saddle"
    text = f"{METHODS[name]} leaves the saddle at step {steps['median']:,.0f}"
    if gone < runs:
        return f"{text} in the {gone} runs that have left"
    return (
        text if runs == 1 or steps["low"] == steps["high"] else f"{text} ({steps['low']:,.0f} to {steps['high']:,.0f})"
    )


def _which(params: Params, frames: Sequence[Frame]) -> int:
    share = result(params, frames)["measured_speed_up"] * (1 - params.momentum)
    return 0 if share >= 0.9 else 1 if share >= 0.5 else 2


def _reveal(params: Params, frames: Sequence[Frame]) -> str:
    numbers = result(params, frames)
    if not math.isfinite(numbers["measured_speed_up"]):
        return f"Not all runs have left; the growth rates differ {numbers['speed_up']:.2g}-fold (exact)."
    return (
        f"Median of {params.replicas} runs: {numbers['plain_steps']:,.0f} steps against "
        f"{numbers['momentum_steps']:,.0f}, {numbers['measured_speed_up']:.2g} times as fast; the growth rates differ "
        f"{numbers['speed_up']:.2g}-fold (exact)."
    )


LAB = Lab(
    title="Leave a saddle",
    Params=Params,
    run=run,
    charts=charts,
    data=data,
    result=result,
    sentence=sentence,
    rows=lambda params: {"method": list(METHODS.values()), "replica": range(params.replicas)},
    guess=Guess(
        question="Momentum β = 0.9 adds up the last ten steps or so, and is said to make descent 1/(1 − β) = 10 times "
        "as fast. How much sooner does it leave this saddle, at ηλ = 0.01?",
        options=("Ten times as soon, or nearly", "Five to nine times as soon", "Less than five times as soon"),
        settings={"momentum": 0.9, "learning_rate": 0.01, "curvature": 1.0},
        answer=_which,
        reveal=_reveal,
    ),
)
