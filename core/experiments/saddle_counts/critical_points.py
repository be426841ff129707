"""Every critical point of a random landscape in one, two or three dimensions: found, sorted by index, and counted."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.data import Floats
from core.experiments.saddle_counts import kac_rice
from core.experiments.saddle_counts import landscape_figure as figure
from core.experiments.saddle_counts.fields import Field, balance, boundary_balance, random_field, search
from core.experiments.saddle_counts.kac_rice import DENSITY, FRACTIONS
from core.experiments.saddle_counts.landscape_figure import CURVE, LEVELS, SEEN
from core.experiments.saddle_counts.planes import TONES, middles
from core.lab import Array, Columns, Frame, Guess, Lab, knob, spread

ENOUGH, SURPRISE = 6, 3.0
"""From this many landscapes on, more than three standard errors from an exact value are reported."""
MOST = 256
"""Points of a field that a frame has room for, more than twice the most expected."""


@dataclass(frozen=True)
class Params:
    """What a reader can set."""

    dimension: int = knob(2, choices=(1, 2, 3), label="Dimensions")
    fields: int = knob(
        24, choices=(1, 3, 6, 12, 24), label="Landscapes", help="Drawn at random and searched one after another."
    )
    box: int = knob(
        100,
        choices=(25, 50, 100),
        label="Size of the box",
        help="How many critical points it should hold on average; its side follows from that.",
    )
    features: int = knob(
        400,
        choices=(25, 50, 100, 200, 400),
        label="Waves",
        help="Cosines that make up a landscape; with few of them it is not quite Gaussian.",
        minor=True,
    )
    edges: str = knob(
        "open",
        choices=("open", "joined"),
        label="Edges of the box",
        help="Joined: whoever leaves on one side enters on the other.",
        minor=True,
    )
    seed: int = knob(0, low=0, high=9999, label="Seed", minor=True)


def side_of(params: Params) -> float:
    """The side of the box that should hold ``params.box`` points."""
    return float((params.box / DENSITY[params.dimension]) ** (1 / params.dimension))


def field_of(params: Params, number: int) -> Field:
    """One of the landscapes."""
    period = side_of(params) if params.edges == "joined" else None
    return random_field(params.dimension, params.features, np.random.default_rng([params.seed, number]), period)


def drawn(params: Params, field: Field) -> dict[str, Array]:
    """The ``landscape`` as it is drawn: heights on a line (1, 241), or tones of tiles (40, 40); none in space."""
    if params.dimension == 1:
        line = np.linspace(0, min(SEEN, side_of(params)), CURVE)
        return {"landscape": field.jet(line[:, np.newaxis]).value[np.newaxis].astype(np.float32)}
    if params.dimension == 3:
        return {}
    places = middles(0, side_of(params))
    across, up = (np.exp(1j * np.outer(places, wave)) for wave in field.waves.T)
    heights = ((up * np.exp(1j * field.phases)) @ across.T).real * np.sqrt(2 / params.features)
    return {"landscape": np.clip((heights + 3) / 6 * TONES, 0, TONES - 1).astype(np.int8)}


def run(params: Params) -> Iterator[Frame]:
    """Search one landscape after another, each on finer and finer grids.

    Frames, for F fields, G = 6 grids and N + 1 indices, NaN for what is to come: ``found`` (F,) points so far and
    ``counts`` (F, G, N + 1) of those found with each grid, the last being final; ``heights`` (F, N + 1), sums over the
    points; ``balance`` (F,), Σ (−1)^k n_k; ``boundary`` (F,), what faces, edges and corners add to it; ``unsettled``
    (F,) cells at the end; ``points`` (256, N + 2), position, height and index of those found so far in the last field,
    and its ``landscape``, see :func:`drawn`; and the exact mean heights, ``exact_heights`` (1, N + 1).
    """
    shape, side = (params.fields, LEVELS), side_of(params)
    counts = np.full((*shape, params.dimension + 1), np.nan)
    heights = np.full((params.fields, params.dimension + 1), np.nan)
    total, balances, boundary, unsettled = (np.full(params.fields, np.nan) for _ in range(4))
    exact_heights = kac_rice.exact(params.dimension).heights[np.newaxis]
    for number in range(params.fields):
        field = field_of(params, number)
        levels, landscape = search(field, side), drawn(params, field)
        for grid in range(LEVELS):
            for level in levels if grid == LEVELS - 1 else itertools.islice(levels, 1):
                found = level
            jet = field.jet(found.points)
            index = (jet.curvatures < 0).sum(axis=1)
            counts[number, grid] = np.bincount(index, minlength=params.dimension + 1)
            total[number] = len(index)
            if grid == LEVELS - 1:
                heights[number] = np.bincount(index, jet.value, params.dimension + 1)
                balances[number] = balance(field, found.points)
                boundary[number] = 0 if params.edges == "joined" else boundary_balance(field, side)
                unsettled[number] = found.cells
            points = np.full((MOST, params.dimension + 2), np.nan)
            rows = np.column_stack([found.points, jet.value, index])[:MOST]
            points[: len(rows)] = rows
            values = {
                "found": total.copy(),
                "counts": counts.copy(),
                "heights": heights.copy(),
                "balance": balances.copy(),
                "boundary": boundary.copy(),
                "unsettled": unsettled.copy(),
                "points": points,
                "exact_heights": exact_heights,
                **landscape,
            }
            yield Frame(number * LEVELS + grid + 1, params.fields * LEVELS, values)


def charts(params: Params) -> Sequence[Any]:
    """The landscape searched, the shares by index, the density found by each grid, and the balances."""
    return figure.panels(params.dimension, side_of(params), params.fields)


def data(params: Params, frames: Sequence[Frame], every: bool) -> dict[str, Columns]:
    """The data sets of the panels."""
    values = frames[-1].values
    return figure.filled(side_of(params), values, _demanded(params, values), result(params, frames))


def _demanded(params: Params, values: Any) -> Array:
    """What Σ (−1)^k n_k inside must be, (F,): 1 less what the boundary adds, or 0 where there is none."""
    return np.asarray((1 if params.edges == "open" else 0) - values["boundary"])


def _ratio(above: Floats, below: Floats) -> tuple[Floats, Floats]:
    """Σ above / Σ below over fields ``(F, …)``, and its standard error from the scatter between fields."""
    fields, total = len(above), below.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = above.sum(axis=0) / total
        squares = ((above - ratio * below) ** 2).sum(axis=0) * fields / (fields - 1 if fields > 1 else np.nan)
        return ratio, np.sqrt(squares) / total


def result(params: Params, frames: Sequence[Frame]) -> dict[str, Any]:
    """``fraction_by_index``, ``density`` and ``count``, over the fields that are done (before that, over the points
    found in the first), with standard errors and ``exact_…``; see the code for the rest."""
    values = frames[-1].values
    volume = side_of(params) ** params.dimension
    started = np.isfinite(values["counts"][:, :, 0]).any(axis=1)
    done = np.isfinite(values["unsettled"])
    used = done if done.any() else started
    grid = np.isfinite(values["counts"][used, :, 0]).sum(axis=1) - 1
    counts = values["counts"][used, grid]
    totals = counts.sum(axis=1, keepdims=True)
    shares, share_errors = _ratio(counts, totals)
    density, density_error = _ratio(totals, np.full_like(totals, volume))
    by_grid = [values["counts"][np.isfinite(values["counts"][:, g, 0]), g].sum(axis=1) for g in range(LEVELS)]
    grids = [_ratio(found, np.full_like(found, volume)) for found in by_grid]
    heights, height_errors = _ratio(values["heights"][done], values["counts"][done, -1])
    balances = values["balance"][done]
    return {
        "fraction_by_index": shares.tolist(),
        "standard_error_by_index": share_errors.tolist(),
        "exact_fraction_by_index": list(FRACTIONS[params.dimension]),
        "density": float(density[0]),
        "density_error": float(density_error[0]),
        "exact_density": DENSITY[params.dimension],
        "count": int(totals.sum()),
        "count_by_index": [int(count) for count in counts.sum(axis=0)],
        "density_by_grid": [float(ratio) for ratio, _ in grids],
        "density_error_by_grid": [float(error) for _, error in grids],
        "mean_height_by_index": heights.tolist(),
        "mean_height_error_by_index": height_errors.tolist(),
        "exact_mean_height_by_index": values["exact_heights"][0].tolist(),
        "mean_balance": float(balances.mean()) if len(balances) else math.nan,
        "mean_balance_error": float(balances.std(ddof=1) / math.sqrt(len(balances))) if len(balances) > 1 else math.nan,
        "balance_as_demanded": int((balances == _demanded(params, values)[done]).sum()),
        "fields": int(done.sum()),
        "unsettled": int(values["unsettled"][done].sum()),
        "spread": {"density": spread(values["counts"][done, -1].sum(axis=1) / volume)},
    }


def sentence(params: Params, frames: Sequence[Frame]) -> str:
    """What this run shows."""
    numbers, n = result(params, frames), params.dimension
    fields, many = numbers["fields"], numbers["fields"] > 1
    where = f"of {n} dimension{'s' if n > 1 else ''}"
    if not fields:
        return f"So far {numbers['count']} critical points in the first landscape {where}; the search goes on."
    shares = zip(
        figure.KINDS[n],
        *(numbers[f"{name}_by_index"] for name in ("fraction", "standard_error", "exact_fraction")),
        strict=True,
    )
    parts = [
        f"{100 * share:.1f}{f' ± {100 * error:.1f}' if many else ''} % {kind} (exact: {100 * exact:.4g} %)"
        for kind, share, error, exact in shares
    ]
    density = f"{numbers['density']:.4f}" + (f" ± {numbers['density_error']:.4f} (standard errors)" if many else "")
    text = f"In {fields} landscape{'s' if many else ''} {where}: {numbers['count']:,} critical points, "
    text += f"{', '.join(parts)}. "
    text += f"Points per unit of {('length', 'area', 'volume')[n - 1]}: {density}, exact {DENSITY[n]:.4f}. "
    misses = _misses(numbers)
    if fields >= ENOUGH and misses > SURPRISE:
        text += f"One of these is {misses:.1f} standard errors from its exact value. "
    if numbers["unsettled"]:
        text += f"{numbers['unsettled']} tiny cells could not be settled: a point may be missing there. "
    else:
        text += "Every cell of the grids is settled, so no point is missing. "
    balance = f"{numbers['mean_balance']:.2f} ± {numbers['mean_balance_error']:.2f} on average (expected: 0)"
    balance = (balance if many else f"{numbers['mean_balance']:.0f}").replace("-", "−")
    demanded = numbers["balance_as_demanded"]
    each = "in each landscape" if demanded == fields and many else f"in {demanded} of {fields}"
    rule = "what the edges of the box demand" if params.edges == "open" else "exactly 0, as joined edges demand"
    return text + f"{figure.BALANCES[n]}: {balance}; {each} it is {rule}."


def _misses(numbers: dict[str, Any]) -> float:
    """The farthest that a share or the density is from its exact value, in standard errors."""
    run = np.array([*numbers["fraction_by_index"], numbers["density"]])
    exact = np.array([*numbers["exact_fraction_by_index"], numbers["exact_density"]])
    error = np.array([*numbers["standard_error_by_index"], numbers["density_error"]])
    return float((np.abs(run - exact) / np.maximum(error, 1e-9)).max())


def _which(params: Params, frames: Sequence[Frame]) -> int:
    share = result(params, frames)["fraction_by_index"][0]
    return int(np.argmin([abs(share - guess) for guess in (1 / 2, 1 / 3, 1 / 4, 1 / 10)]))


def _reveal(params: Params, frames: Sequence[Frame]) -> str:
    numbers = result(params, frames)
    counts = zip(numbers["count_by_index"], figure.KINDS[params.dimension], strict=True)
    many = f"In {numbers['fields']} landscape{'s' if numbers['fields'] > 1 else ''}"
    return (
        f"{many}: {', '.join(f'{count:,} {kind}' for count, kind in counts)}. Minima are "
        f"{100 * numbers['fraction_by_index'][0]:.1f} % of them, and {100 * FRACTIONS[params.dimension][0]:.4g} % of "
        "all such landscapes' points."
    )


LAB = Lab(
    title="Every critical point",
    Params=Params,
    run=run,
    charts=charts,
    data=data,
    result=result,
    sentence=sentence,
    rows=lambda params: {"field": range(params.fields)},
    guess=Guess(
        question="A random hilly landscape over a plane: find every point where the ground is level. What share of "
        "them are minima?",
        options=("Half", "A third", "A quarter", "A tenth or less"),
        settings={"dimension": 2},
        answer=_which,
        reveal=_reveal,
    ),
)
