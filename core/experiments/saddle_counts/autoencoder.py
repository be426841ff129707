"""Gradient descent on a linear autoencoder, all of whose critical points are known, passes from saddle to saddle."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import altair as alt
import numpy as np

from core import charts as look
from core.data import Floats
from core.experiments.saddle_counts.linear_autoencoder import (
    Critical,
    critical_points,
    descents,
    hessian,
    slope,
    tolerance,
)
from core.lab import Columns, Frame, Guess, Lab, Unfit, knob, quote, spread

FRAMES = 160
FEWEST, MOST = 2, 8
SMALLEST, LARGEST = 1e-3, 1e3
NEAR = 0.02
"""A loss counts as that of a critical point within this share of it."""
LONGEST = 200
SHOWN = 0.1
"""Eigenvalues are drawn on a scale that is linear up to this and logarithmic beyond."""
SIGNS = ("negative: a way down", "zero, to the tolerance", "positive")


def parse_eigenvalues(text: str) -> Floats:
    """The distinct positive numbers that a text lists, ``(d,)``. Raises :class:`Unfit` for anything else."""
    parts = _parts(text, "The eigenvalues")
    if not FEWEST <= len(parts) <= MOST:
        raise Unfit(f"There must be {FEWEST} to {MOST} eigenvalues, not {len(parts)}.")
    try:
        values = [float(part) for part in parts]
    except ValueError:
        raise Unfit(f"The eigenvalues must be numbers such as 8, 2, 0.5, not {quote(text)}.") from None
    if not all(SMALLEST <= value <= LARGEST for value in values):  # Also not NaN.
        raise Unfit(f"Each eigenvalue must lie between {SMALLEST:g} and {LARGEST:,g}.")
    ranked = sorted(values)
    if any(upper < 1.01 * lower for lower, upper in pairwise(ranked)):
        raise Unfit("The eigenvalues must be distinct, each at least 1 % larger than the next smaller.")
    return np.array(values)


def parse_subset(text: str) -> tuple[int, ...]:
    """The distinct whole numbers from 1 to 8 that a text lists, possibly none. Raises :class:`Unfit` otherwise."""
    parts = _parts(text, "The numbers")
    if not all(part in "12345678" and len(part) == 1 for part in parts):
        raise Unfit(f"Start near takes whole numbers from 1 to {MOST} such as 2, 3, or nothing, not {quote(text)}.")
    numbers = tuple(int(part) for part in parts)
    if len(set(numbers)) < len(numbers):
        raise Unfit(f"Start near must not repeat a number, as {quote(text)} does.")
    return numbers


def _parts(text: str, name: str) -> list[str]:
    # Python would also take 1_0 and the digits of other alphabets for numbers.
    if len(text) > LONGEST or not text.isascii() or "_" in text:
        raise Unfit(f"{name} must be written in at most {LONGEST} plain characters, not {quote(text)}.")
    return [part.strip() for part in text.split(",")] if text.strip() else []


@dataclass(frozen=True)
class Params:
    """What a reader can set."""

    eigenvalues: str = knob(
        "8, 2, 0.5, 0.2, 0.1",
        parse=parse_eigenvalues,
        label="Eigenvalues",
        help="Of the data's covariance: 2 to 8 distinct positive numbers. They are numbered 1, 2, … as written.",
    )
    bottleneck: int = knob(2, low=1, high=8, label="Hidden units", help="The width p of the linear bottleneck.")
    start: str = knob(
        "",
        parse=parse_subset,
        label="Start near",
        help="The critical point that passes on these eigenvectors, such as 3, 5; empty: all weights near zero.",
    )
    scale: float = knob(
        1e-4,
        low=1e-8,
        high=1.0,
        log=True,
        label="Distance of the start",
        help="Standard deviation of each weight's distance from that critical point.",
    )
    learning_rate: float = knob(0.01, low=1e-4, high=1.0, log=True, label="Learning rate")
    steps: int = knob(1000, choices=(300, 1000, 3000, 10000, 30000), label="Steps", minor=True)
    replicas: int = knob(
        8, choices=(1, 4, 8, 16, 32), label="Runs", help="Runs that differ in their random start only.", minor=True
    )
    seed: int = knob(0, low=0, high=9999, label="Seed", minor=True)


def started(params: Params) -> tuple[int, ...]:
    """The critical point where runs start: of the eigenvectors asked for, the first that exist and fit."""
    size = len(parse_eigenvalues(params.eigenvalues))
    fit = [i for i in parse_subset(params.start) if i <= size][: params.bottleneck]
    return tuple(sorted(fit))


def weights(params: Params) -> tuple[Floats, Floats]:
    """W₂ ``(S, d, p)`` and W₁ ``(S, p, d)`` at the start."""
    d, p = len(parse_eigenvalues(params.eigenvalues)), params.bottleneck
    place = np.zeros((d, p))
    for unit, number in enumerate(started(params)):
        place[number - 1, unit] = 1.0
    streams = [np.random.default_rng([params.seed, replica]) for replica in range(params.replicas)]
    outer = np.stack([place + params.scale * rng.normal(size=(d, p)) for rng in streams])
    inner = np.stack([place.T + params.scale * rng.normal(size=(p, d)) for rng in streams])
    return outer, inner


def run(params: Params) -> Iterator[Frame]:
    """Descend from random starts, S of them.

    Frames: ``loss``, ``gradient`` (its norm), ``index`` of the Hessian, each (S,), and the ``eigenvalues`` of the
    first run's, (2dp,). For each of the C critical points (S, C): ``steps`` spent within 2 % of its loss so far,
    and, where the gradient was smallest in them, ``flattest`` (its norm), ``level`` (the loss) and ``plateau_index``.
    A run that diverged is NaN.
    """
    # numpy's eigenvalues, of more than some 64 rows, wait for threads of their own wherever cores are few.
    import tensorflow as tf

    eigenvalues = parse_eigenvalues(params.eigenvalues)
    points = critical_points(tuple(eigenvalues.tolist()), params.bottleneck)
    number = {sum(1 << i - 1 for i in point.subset): c for c, point in enumerate(points)}
    table = np.array([number.get(bits, -1) for bits in range(1 << len(eigenvalues))])
    powers = 1 << np.arange(len(eigenvalues))
    levels = np.array([point.loss for point in points])
    margin = NEAR * np.maximum(levels, eigenvalues.min() / 2)
    below = -tolerance(tuple(eigenvalues.tolist()), params.bottleneck)
    outer, inner = weights(params)
    rows = np.arange(params.replicas)
    spent = np.zeros((params.replicas, len(points)))
    noted = {name: np.full(spent.shape, np.nan) for name in ("flattest", "level", "plateau_index")}
    highest = 1e3 * max(float(slope(outer, inner, eigenvalues)[0].max()), eigenvalues.sum())
    chunk = max(1, params.steps // FRAMES)
    for step in range(params.steps + 1):
        loss, along_outer, along_inner = slope(outer, inner, eigenvalues)
        lost = ~(loss < highest)
        outer[lost], inner[lost], loss[lost] = np.nan, np.nan, np.nan
        passed_on = np.einsum("sik,ski->si", outer, inner) > 0.5
        at = table[passed_on @ powers]
        near = (at >= 0) & (np.abs(loss - levels[at]) <= margin[at])
        spent[rows[near], at[near]] += 1
        if step % chunk == 0 or step == params.steps:
            norm = np.sqrt(np.sum(along_outer**2, axis=(1, 2)) + np.sum(along_inner**2, axis=(1, 2)))
            norm[lost] = np.nan
            spectrum = np.array(tf.linalg.eigvalsh(np.nan_to_num(hessian(outer, inner, eigenvalues))))
            spectrum[lost] = np.nan
            index = np.where(lost, np.nan, np.sum(spectrum < below, axis=1))
            flatter = near & ~(norm >= noted["flattest"][rows, at])
            for name, values in zip(noted, (norm, loss, index), strict=True):
                noted[name][rows[flatter], at[flatter]] = values[flatter]
            copies = {name: values.copy() for name, values in noted.items()}
            now = {"loss": loss, "gradient": norm, "index": index, "eigenvalues": spectrum[0]}
            yield Frame(step, params.steps, {**now, "steps": spent.copy(), **copies})
        outer, inner = outer - params.learning_rate * along_outer, inner - params.learning_rate * along_inner


def shown(subset: Sequence[int]) -> str:
    """A subset as a reader writes it: “{1, 2}”, “nothing”."""
    return "{" + ", ".join(map(str, subset)) + "}" if subset else "nothing"


def points_of(params: Params) -> tuple[Critical, ...]:
    """The critical points for these settings."""
    return critical_points(tuple(parse_eigenvalues(params.eigenvalues).tolist()), params.bottleneck)


def charts(params: Params) -> Sequence[Any]:
    """Loss against steps, index against loss, and the Hessian's eigenvalues."""
    return _loss_panel(params), _index_panel(params), _spectrum_panel(params)


def _loss_panel(params: Params) -> Any:
    losses = sorted({point.loss for point in points_of(params)})
    low = losses[0] / 1.6 if losses[0] else losses[1] / 4
    scale = alt.Scale(type="log", domain=[low, 1.4 * losses[-1]], nice=False, clamp=True)
    x = alt.X("step:Q", scale=alt.Scale(domain=[0, params.steps], nice=False), title="steps")
    ticks = [digit * 10.0**power for power in range(-5, 5) for digit in (1, 2, 5)]
    axis = alt.Axis(values=[tick for tick in ticks if low < tick < 1.4 * losses[-1]], format="~g")

    def y(column: str) -> alt.Y:
        return alt.Y(f"{column}:Q", scale=scale, axis=axis, title="loss")

    label = look.layer("named", y=y("loss"), text="level:N")
    return look.panel(
        look.layer("named", y=y("loss")).mark_rule(color=look.INK, strokeDash=[5, 4], strokeWidth=1),
        label.mark_text(color=look.INK, align="right", baseline="bottom", dy=-3, x=alt.ExprRef("width - 4")),
        look.layer("descent", x=x, y=y("low"), y2="high:Q").mark_area(color=look.NET, opacity=0.22),
        look.layer("every", x=x, y=y("loss"), detail="run:N").mark_line(color=look.NET, strokeWidth=0.8, opacity=0.55),
        look.layer("pinned_descent", x=x, y=y("median")).mark_line(color=look.PINNED, strokeWidth=2, strokeDash=[2, 2]),
        look.layer("descent", x=x, y=y("median")).mark_line(color=look.NET, strokeWidth=2.5),
        title="Loss; dashed: exact losses of critical points",
        columns=6,
    )


def _index_panel(params: Params) -> Any:
    points = points_of(params)
    most = max(point.index for point in points)
    highest = max(point.loss for point in points)
    scale = alt.Scale(domain=[-0.07 * max(most, 4), 1.09 * max(most, 4)], nice=False)
    x = alt.X(
        "loss:Q", scale=alt.Scale(domain=[-0.03 * highest, 1.2 * highest], nice=False), axis=alt.Axis(format="~g")
    )
    y = alt.Y("index:Q", scale=scale, axis=alt.Axis(tickMinStep=1), title="negative eigenvalues of the Hessian")
    tooltip = [alt.Tooltip("label:N", title="passes on"), alt.Tooltip("loss:Q"), alt.Tooltip("index:Q")]
    label = look.layer("named", x=x, y=y, text="label:N")
    return look.panel(
        look.layer("pinned_path", x=x, y=y, order="frame:Q").mark_line(
            color=look.PINNED, strokeWidth=1.5, strokeDash=[2, 2], clip=True
        ),
        look.layer("path", x=x, y=y, order="frame:Q").mark_line(color=look.NET, strokeWidth=1.5, clip=True),
        look.layer("critical", x=x, y=y, tooltip=tooltip).mark_point(
            color=look.INK, filled=False, size=70, strokeWidth=1.4, opacity=1
        ),
        look.layer("now", x=x, y=y).mark_point(color=look.NET, filled=True, size=40, opacity=0.8, clip=True),
        label.mark_text(color=look.INK, align="left", baseline="top", dx=5, dy=4),
        title="Circles: all critical points, exact. Line and dots: runs",
        columns=6,
    )


def _spectrum_panel(params: Params) -> Any:
    largest = 3 * parse_eigenvalues(params.eigenvalues).max()
    scale = alt.Scale(type="symlog", constant=SHOWN, domain=[-largest, largest], nice=False)
    ticks = [10.0**k for k in range(-1, 4) if 10.0**k < largest]
    axis = alt.Axis(values=[-t for t in reversed(ticks)] + [0] + ticks, format="~g", grid=False)
    x = alt.X("eigenvalue:Q", scale=scale, axis=axis, title="eigenvalue (linear to ±0.1, logarithmic beyond)")
    roles = alt.Scale(domain=list(range(3)), range=[look.BETWEEN, look.QUIET, look.NET])
    legend = alt.Legend(title=None, orient="top", labelExpr=f"{list(SIGNS)}[datum.value]", labelLimit=220)
    kind = alt.Color("sign:N", scale=roles, legend=legend)
    row = alt.Y("sign:N", scale=alt.Scale(domain=list(range(3))), axis=None)
    return look.panel(
        look.layer("spectrum", x=x, y=row, color=kind).mark_tick(thickness=1.8, size=20, clip=True, opacity=0.75),
        title="The eigenvalues of the first run's Hessian",
        height=110,
    )


def data(params: Params, frames: Sequence[Frame], every: bool) -> dict[str, Columns]:
    """The data sets of the panels."""
    points = points_of(params)
    values = frames[-1].values
    chosen = look.thinned(len(frames), 80)
    history = np.stack([frames[i].values["loss"] for i in chosen], axis=1)
    low, median, high = (look.rounded(quantile) for quantile in look.band(history))
    steps = [frames[i].step for i in chosen]
    named = [points[c] for c in _named(params, frames)]
    eigenvalues = values["eigenvalues"][np.isfinite(values["eigenvalues"])]
    limit = tolerance(tuple(parse_eigenvalues(params.eigenvalues).tolist()), params.bottleneck)
    signs = np.where(eigenvalues < -limit, 0, np.where(eigenvalues <= limit, 1, 2))
    path = np.array([(frame.values["loss"][0], frame.values["index"][0]) for frame in frames])
    path = path[np.isfinite(path).all(axis=1)]
    moves = path[
        np.append(True, np.any(np.abs(np.diff(path, axis=0)) > (1e-3 * points[0].loss, 0), axis=1))[: len(path)]
    ]
    there = np.isfinite(values["loss"])
    return {
        "critical": {
            "label": [shown(point.subset) for point in points],
            "loss": look.fixed(np.array([point.loss for point in points]), 6),
            "index": [point.index for point in points],
        },
        "named": {
            # Among more circles than this, labels would hide them.
            "label": [shown(point.subset) if len(points) <= 40 else "" for point in named],
            "level": [f"{shown(point.subset)}: {point.loss:.3g}" for point in named],
            "loss": look.fixed(np.array([point.loss for point in named]), 6),
            "index": [point.index for point in named],
        },
        "descent": {"step": steps, "low": low, "median": median, "high": high},
        "path": {
            "frame": list(range(len(moves))),
            "loss": look.rounded(moves[:, 0]),
            "index": look.rounded(moves[:, 1]),
        },
        "now": {"loss": look.rounded(values["loss"][there]), "index": look.rounded(values["index"][there])},
        "spectrum": {"eigenvalue": look.rounded(eigenvalues), "sign": signs.tolist()},
        "every": _every(frames) if every else {"run": [], "step": [], "loss": []},
    }


def _every(frames: Sequence[Frame]) -> Columns:
    chosen = [frames[i] for i in look.thinned(len(frames))]
    history = np.stack([frame.values["loss"] for frame in chosen], axis=1)
    return {
        "run": [run for run in range(len(history)) for _ in chosen],
        "step": [frame.step for frame in chosen] * len(history),
        "loss": look.rounded(history.ravel()),
    }


def _visited(params: Params, frames: Sequence[Frame]) -> list[int]:
    """The critical points that half of the runs came near, the highest loss first."""
    points = points_of(params)
    kept = np.flatnonzero(np.median(frames[-1].values["steps"], axis=0) > 0).tolist()
    return sorted(kept, key=lambda c: -points[c].loss)


def _named(params: Params, frames: Sequence[Frame]) -> list[int]:
    """The critical points to label: where runs start, those they came near, and the minimum."""
    points = points_of(params)
    first = [c for c, point in enumerate(points) if point.subset == started(params)]
    last = [c for c, point in enumerate(points) if not point.index]
    return list(dict.fromkeys(first + _visited(params, frames) + last))


def result(params: Params, frames: Sequence[Frame]) -> dict[str, Any]:
    """``critical_points``, exact: subset, loss and index of each, the highest loss first.

    Also ``minimum_loss`` (exact), ``final_loss`` (median), and ``plateaus``: of every critical point that half of
    the runs came within 2 % of, the exact loss and index, the medians of ``steps`` there and, where it was flattest,
    of ``measured_loss`` and ``measured_index``; ``lingered`` says whether that took longer than its saddle repels by
    a factor e. ``spread`` has the final loss and the steps.
    """
    points, values = points_of(params), frames[-1].values
    eigenvalues = tuple(parse_eigenvalues(params.eigenvalues).tolist())
    plateaus, spreads = [], {"final_loss": spread(values["loss"])}
    for c in _visited(params, frames):
        point = points[c]
        steps = spreads[f"steps at {shown(point.subset)}"] = spread(values["steps"][:, c])
        escape = max(descents(eigenvalues, params.bottleneck, point.subset), default=math.inf)
        plateaus.append(
            {
                **_listed(point),
                "steps": steps["median"],
                "measured_loss": spread(values["level"][:, c])["median"],
                "measured_index": spread(values["plateau_index"][:, c])["median"],
                "lingered": bool(steps["median"] * params.learning_rate * escape > 1),
            }
        )
    ordered = sorted(points, key=lambda point: -point.loss)
    return {
        "critical_points": [_listed(point) for point in ordered],
        "minimum_loss": min(point.loss for point in points),
        "final_loss": spreads["final_loss"]["median"],
        "plateaus": plateaus,
        "spread": spreads,
    }


def _listed(point: Critical) -> dict[str, Any]:
    return {"subset": list(point.subset), "loss": point.loss, "index": point.index}


def sentence(params: Params, frames: Sequence[Frame]) -> str:
    """What this run shows."""
    numbers = result(params, frames)
    saddles = sum(point["index"] > 0 for point in numbers["critical_points"])
    final = numbers["spread"]["final_loss"]
    lost = sum(value is None for value in final["replicas"])
    if lost == params.replicas:
        return "Every run diverged: the learning rate is too large for these settings."
    runs = params.replicas - lost
    text = f"After {frames[-1].step:,} steps "
    text += "one run has" if runs == 1 else f"{runs} runs have"
    text += f" a loss of {final['median']:.3g}" if runs == 1 else f" a median loss of {final['median']:.3g}"
    text += f"; the smallest possible is {numbers['minimum_loss']:.3g} (exact). "
    stops = [_stop(numbers, plateau, runs) for plateau in numbers["plateaus"] if plateau["lingered"]]
    text += f"Within 2 % of the exact loss of a critical point: {'; '.join(stops)}. " if stops else ""
    text += _passed([plateau for plateau in numbers["plateaus"] if not plateau["lingered"]])
    text += f"Of the {len(numbers['critical_points'])} critical points {saddles} are saddles. "
    if lost:
        text += f"{lost} of {params.replicas} runs diverged and are left out. "
    return text.rstrip()


def _stop(numbers: dict[str, Any], plateau: dict[str, Any], runs: int) -> str:
    steps = numbers["spread"][f"steps at {shown(plateau['subset'])}"]
    text = f"{shown(plateau['subset'])}, {plateau['loss']:.3g}, for {steps['median']:,.0f} steps"
    if runs > 1 and steps["high"] > steps["low"]:
        text += f" (the middle 80 %: {steps['low']:,.0f} to {steps['high']:,.0f})"
    if math.isfinite(plateau["measured_index"]):
        count = plateau["measured_index"]
        text += f" with {count:g} negative eigenvalue{'s' * (count != 1)} (exact: {plateau['index']})"
    return text


def _passed(brief: list[dict[str, Any]]) -> str:
    if len(brief) > 2:
        return f"They pass {len(brief)} more too quickly for a plateau. "
    named = [f"{shown(p['subset'])}, {p['loss']:.3g}, in {p['steps']:g} steps" for p in brief]
    return f"Passed too quickly for a plateau: {'; '.join(named)}. " if named else ""


def _lingered(params: Params, frames: Sequence[Frame]) -> list[str]:
    plateaus = result(params, frames)["plateaus"]
    return [shown(plateau["subset"]) for plateau in plateaus if plateau["index"] and plateau["lingered"]]


def _which(params: Params, frames: Sequence[Frame]) -> int:
    ended = result(params, frames)
    if not ended["final_loss"] <= ended["minimum_loss"] + NEAR * ended["critical_points"][0]["loss"]:
        return 3
    few = len(_lingered(params, frames))
    return 0 if not few else 1 if few <= 3 else 2


def _reveal(params: Params, frames: Sequence[Frame]) -> str:
    ended, stops = result(params, frames), _lingered(params, frames)
    where = f"that pass on {' and '.join(stops)}" if stops else "no longer than it takes to leave them"
    return (
        f"Median of {params.replicas} runs: they linger at saddles {where}, and end at a loss of "
        f"{ended['final_loss']:.3g}; the minimum is {ended['minimum_loss']:.3g}."
    )


LAB = Lab(
    title="From saddle to saddle",
    Params=Params,
    run=run,
    charts=charts,
    data=data,
    result=result,
    sentence=sentence,
    rows=lambda params: {
        "replica": range(params.replicas),
        "passed_on": [shown(point.subset) for point in points_of(params)],
    },
    guess=Guess(
        question="A linear autoencoder with two hidden units and five inputs has 16 critical points, of which 15 are "
        "saddles. Descent starts with all weights near zero. What does it do on its way?",
        options=(
            "It slides past all saddles without a pause",
            "It lingers at one to three saddles, then finds the minimum",
            "It lingers at most of the saddles, then finds the minimum",
            "It ends at a saddle",
        ),
        settings={"eigenvalues": "8, 2, 0.5, 0.2, 0.1", "bottleneck": 2, "start": ""},
        answer=_which,
        reveal=_reveal,
    ),
)
