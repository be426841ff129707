"""What the labs of this chapter share: nets trained on points of a line, and how such a fit is drawn."""

from collections.abc import Iterator, Sequence
from typing import Any

import altair as alt
import numpy as np

from core import charts
from core.data import Floats
from core.hinges import hinges
from core.lab import Array, Columns, Frame, spread

GRID = np.linspace(-1, 1, 161)
"""Where a fit is drawn."""
DENSE = np.linspace(-1, 1, 641)
"""Where the error between the points is measured."""
FRAMES = 150
SHOWN_HINGES = 192


def train(
    x: Floats,
    y: Floats,
    truth: Floats | None,
    *,
    width: int,
    depth: int,
    activation: str,
    optimizer: str,
    learning_rate: float,
    weight_decay: float,
    batch_size: int,
    steps: int,
    replicas: int,
    seed: int,
) -> Iterator[Frame]:
    """Train nets on points ``(n,)``; ``truth`` ``(641,)`` is the target on ``DENSE``, if there is one.

    Frames: ``prediction`` (S, 161) on ``GRID``, ``train_rmse`` (S,), with a target also what :func:`misses`
    measures, and for ReLU nets what :func:`bends` finds.
    """
    from core.nets import initial_mlp
    from core.training import Training

    sizes = (1, *[width] * depth, 1)
    nets = Training(
        x,
        y,
        initial_mlp(sizes, replicas, seed),
        activation=activation,
        optimizer=optimizer,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        batch_size=batch_size,
        seed=seed,
    )
    inputs = np.concatenate((DENSE, x))
    chunk = max(1, steps // FRAMES)
    while True:
        outputs = nets.predict(inputs)
        prediction, at_points = outputs[:, : len(DENSE)], outputs[:, len(DENSE) :]
        values = {
            "prediction": prediction[:, :: (len(DENSE) - 1) // (len(GRID) - 1)],
            "train_rmse": np.sqrt(np.mean((at_points - y) ** 2, axis=1)),
        }
        if truth is not None:
            values |= misses(prediction, truth)
        if activation == "ReLU":
            values |= bends(nets.parameters, bound=piece_bound(width, depth) - 1)
        yield Frame(nets.step, steps, values)
        if nets.step >= steps:
            return
        nets.advance(min(chunk, steps - nets.step))


def misses(curves: Array, truth: Floats) -> dict[str, Array]:
    """How far curves ``(S, 641)`` on ``DENSE`` are from the truth ``(641,)``, each ``(S,)``.

    ``dense_rmse`` and ``dense_sup`` are the root-mean-square and the largest error; ``largest_jump`` is the
    largest step between neighbouring points of ``DENSE``: at most slope / 320 where a curve does not jump.
    """
    return {
        "dense_rmse": np.sqrt(np.mean((curves - truth) ** 2, axis=1)),
        "dense_sup": np.abs(curves - truth).max(axis=1),
        "largest_jump": np.abs(np.diff(curves, axis=1)).max(axis=1),
    }


def bends(parameters: list[Array], bound: int) -> dict[str, Array]:
    """Where ReLU nets bend: ``pieces`` (S,) on the whole line, ``inside`` (S,) bends in [−1, 1],
    ``last_hinge`` (S,), the largest |x| of a bend, and the first net's ``hinges`` nearest 0.

    All are NaN for a net that diverged.
    """
    nets = [[p[replica] for p in parameters] for replica in range(len(parameters[0]))]
    found = [hinges(net) if all(np.isfinite(p).all() for p in net) else None for net in nets]
    shown = np.full(min(bound, SHOWN_HINGES), np.nan)
    if found[0] is not None:
        nearest = found[0][np.argsort(np.abs(found[0]), kind="stable")[: len(shown)]]
        shown[: len(nearest)] = np.sort(nearest)
    numbers = [
        (np.nan,) * 3 if bends is None else (len(bends) + 1, len(_inside(bends)), np.abs(bends).max(initial=0.0))
        for bends in found
    ]
    pieces, inside, last_hinge = np.array(numbers, float).T
    return {"pieces": pieces, "inside": inside, "last_hinge": last_hinge, "hinges": shown}


def piece_bound(width: int, depth: int) -> int:
    """The most linear pieces that a ReLU net of one input can have: a layer cuts each piece into width + 1.

    For one layer H + 1 is reached; for deeper nets the bound is loose.
    """
    return int((width + 1) ** depth)


def fit_panel(domain: tuple[float, float], *, title: str, height: int = 340, columns: int = 7) -> Any:
    """Points, target, median net with its band, the first net's bends as ticks, and a pinned run behind."""
    x = alt.X("x:Q", scale=alt.Scale(domain=[-1, 1], nice=False), title="x")
    scale = alt.Scale(domain=list(domain), nice=False)
    y = alt.Y("y:Q", scale=scale, title="y")
    return charts.panel(
        charts.layer("target", x=x, y=y).mark_line(color=charts.QUIET, strokeWidth=1.5, strokeDash=[5, 4], clip=True),
        charts.layer("fit", x=x, y=alt.Y("low:Q", scale=scale, title="y"), y2="high:Q").mark_area(
            color=charts.NET, opacity=0.22, clip=True
        ),
        charts.layer("every", x=x, y=y, detail="net:N").mark_line(
            color=charts.NET, strokeWidth=0.8, opacity=0.55, clip=True
        ),
        charts.layer("pinned_fit", x=x, y=alt.Y("median:Q", scale=scale, title="y")).mark_line(
            color=charts.PINNED, strokeWidth=2, strokeDash=[2, 2], clip=True
        ),
        charts.layer("fit", x=x, y=alt.Y("median:Q", scale=scale, title="y")).mark_line(
            color=charts.NET, strokeWidth=2.5, clip=True
        ),
        charts.layer("bends", x=x).mark_tick(
            color=charts.NET, opacity=0.9, size=12, thickness=1.5, y=alt.ExprRef("height - 6")
        ),
        charts.layer("points", x=x, y=y, tooltip=[alt.Tooltip("x:Q"), alt.Tooltip("y:Q")]).mark_point(
            filled=True, color=charts.INK, size=38, opacity=1, clip=True
        ),
        title=title,
        height=height,
        columns=columns,
    )


def error_panel(
    steps: int, *, between: bool, height: int = 340, columns: int = 5, title: str = "Root-mean-square error"
) -> Any:
    """Error at the points and, where there is a target, between them, against steps, on a log axis."""
    x = alt.X("step:Q", scale=alt.Scale(domain=[0, steps], nice=False), title="steps")
    scale = alt.Scale(type="log", domain=[1e-5, 3], nice=False, clamp=True)
    axis = alt.Axis(values=[1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1], format="~g")
    kinds = (("at the points", charts.NET), ("between them", charts.BETWEEN))[: 2 if between else 1]
    scale_of = charts.legend(kinds)
    legend = alt.Legend(title=None, orient="top-right")

    def y(name: str) -> alt.Y:
        return alt.Y(f"{name}:Q", scale=scale, axis=axis, title=None)

    layers = []
    for (where, _), name in zip(kinds, ("train", "dense"), strict=False):
        colour = alt.Color("where:N", scale=scale_of, legend=legend)
        layers += [
            charts.layer(f"pinned_{name}_error", x=x, y=y("median")).mark_line(
                color=charts.PINNED, strokeWidth=1.5, strokeDash=[2, 2]
            ),
            charts.layer(f"{name}_error", x=x, y=y("low"), y2="high:Q", color=colour)
            .transform_calculate(where=f"'{where}'")
            .mark_area(opacity=0.22),
            charts.layer(f"{name}_error", x=x, y=y("median"), color=colour)
            .transform_calculate(where=f"'{where}'")
            .mark_line(strokeWidth=2.2),
        ]
    return charts.panel(*layers, title=title, height=height, columns=columns)


def fit_data(x: Floats, y: Floats, target: Floats | None, frames: Sequence[Frame], every: bool) -> Any:
    """The data sets of :func:`fit_panel` and :func:`error_panel` for the last of ``frames``."""
    values = frames[-1].values
    low, median, high = charts.band(values["prediction"])
    drawn = {"x": charts.fixed(GRID, 4), "low": charts.fixed(low), "median": charts.fixed(median)}
    data: dict[str, Columns] = {
        "points": {"x": charts.fixed(x, 4), "y": charts.fixed(y, 4)},
        "fit": {**drawn, "high": charts.fixed(high)},
        "train_error": error(frames, "train_rmse"),
        "bends": {"x": charts.fixed(_inside(values["hinges"])) if "hinges" in values else []},
        "every": _every(values["prediction"]) if every else {"net": [], "x": [], "y": []},
    }
    if target is None:
        return {**data, "target": {"x": [], "y": []}}
    data["target"] = {"x": charts.fixed(DENSE[::4], 4), "y": charts.fixed(target[::4])}
    data["dense_error"] = error(frames, "dense_rmse")
    return data


def error(frames: Sequence[Frame], name: str) -> Columns:
    """Band of a named error over the frames so far, thinned to what a figure can show."""
    chosen = [frames[i] for i in charts.thinned(len(frames))]
    low, median, high = charts.band(np.stack([frame.values[name] for frame in chosen], axis=1))
    return {
        "step": [frame.step for frame in chosen],
        "low": charts.rounded(low),
        "median": charts.rounded(median),
        "high": charts.rounded(high),
    }


def result(frames: Sequence[Frame], names: Sequence[str]) -> dict[str, Any]:
    """The median over replicas of each named number at the end, and their spread."""
    values = frames[-1].values
    spreads = {name: spread(values[name]) for name in names if name in values}
    return {**{name: s["median"] for name, s in spreads.items()}, "spread": spreads}


def whole_range(numbers: dict[str, Any]) -> str:
    """The middle 80 % of whole numbers, from their :func:`core.lab.spread`: “18 to 27”."""
    low, high = round(numbers["low"]), round(numbers["high"])
    return f"{low}" if low == high else f"{low} to {high}"


def _inside(bends: Array) -> Array:
    return bends[np.abs(bends) <= 1]


def _every(prediction: Array) -> Columns:
    shown = prediction[:, ::2]
    nets, points = shown.shape
    return {
        "net": [net for net in range(nets) for _ in range(points)],
        "x": charts.fixed(GRID[::2], 4) * nets,
        "y": charts.fixed(shown.ravel()),
    }
