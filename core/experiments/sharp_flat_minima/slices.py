"""Slices of the loss around minima, in one and two directions, and how little of its curvature they hold."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import altair as alt
import numpy as np

from core import charts as look
from core.experiments.sharp_flat_minima import cuts, minima, panels, pictures
from core.lab import Array, Columns, Frame, Guess, Lab, knob, spread

KINDS = ("small", "large")
CHOICES = ("random", "of the path", "eigenvectors")
ALONG = dict(zip(CHOICES, ("at random", "along the path", "along the steepest direction"), strict=True))
SIDE = 21
"""Points of a slice, and of each side of a plane."""
DIRECTIONS = 4
EPOCHS = 3
"""Epochs a frame."""
LANCZOS_STEPS = 24
ROWS = 2
"""Rows of a plane a frame."""
WORK = 4
"""A frame after training takes about as long as this many epochs."""
DRAWN = look.LINE_POINTS
HEIGHT = 260


@dataclass(frozen=True)
class Params:
    """What a reader can set."""

    small: int = knob(64, choices=(16, 32, 64, 128), label="Small batch")
    large: int = knob(256, choices=(128, 256, 512), label="Large batch")
    directions: str = knob(
        "random",
        choices=CHOICES,
        label="Directions",
        help="Random, the principal directions of the path of training, or the steepest direction and the flattest.",
    )
    normalised: bool = knob(
        True,
        choices=(False, True),
        label="Filter normalisation",
        help="Each unit's part of a random direction is as long as the unit's weights.",
    )
    direction_seed: int = knob(0, low=0, high=9999, label="Seed of the directions")
    reach: float = knob(
        0.5,
        low=0.02,
        high=2.0,
        log=True,
        label="Reach",
        help="How far to go; 1 is as far as the weights are long.",
        minor=True,
    )
    learning_rate: float = knob(0.2, low=0.05, high=0.4, log=True, label="Learning rate", minor=True)
    target: float = knob(
        0.1, choices=(0.3, 0.1, 0.05), label="Loss", help="Mean training loss of the nets, in nats.", minor=True
    )
    limit: int = knob(
        150,
        choices=(150, 300),
        label="Most epochs",
        help="Nets still above the loss by then are left out.",
        minor=True,
    )
    seed: int = knob(0, low=0, high=9999, label="Seed of the nets", minor=True)


REPLICAS = 3
"""Nets of each kind; of the first of each a plane is drawn."""


def grid(params: Params) -> Array:
    """Where a slice is evaluated, ``(21,)``, in lengths of the weights."""
    return np.linspace(-params.reach, params.reach, SIDE)


def run(params: Params) -> Iterator[Frame]:
    """Train with small batches and large to the same loss, then cut the loss along directions around each net.

    Frames, for small batches, then large, and S nets: ``loss`` and ``reached`` (epochs; NaN above the loss), (2, S);
    ``trained``, epochs, (2,); ``top`` and ``least`` eigenvalue, their ``residual``, and the ``length`` of the
    directions, (2, S); ``line`` (2, S, K, 21), the loss along K directions; ``along`` (2, S, K), the exact curvature
    d·Hd / d·d along them; and of each first net ``plane`` (2, 21, 21), the loss in the plane of the first two
    directions, its ``path`` of training projected there, (2, 40, 2), and ``path_share`` (2,), how much of the path's
    variance the plane holds.
    """
    descents = [
        minima.Descent(batch, params.learning_rate, replicas=REPLICAS, target=params.target, seed=params.seed)
        for batch in (params.small, params.large)
    ]
    ways = DIRECTIONS if params.directions == CHOICES[0] else 2
    each = ("loss", "reached", "top", "least", "residual", "length")
    shapes: dict[str, tuple[int, ...]] = {name: (REPLICAS,) for name in each}
    shapes |= {"line": (REPLICAS, ways, SIDE), "along": (REPLICAS, ways), "plane": (SIDE, SIDE)}
    shapes |= {"path": (DRAWN, 2), "path_share": (), "trained": ()}
    values = {name: np.full((len(KINDS), *shape), np.nan) for name, shape in shapes.items()}
    for name in ("line", "plane", "path"):
        values[name] = values[name].astype(np.float32)
    planes = -(-SIDE // ROWS)
    total = params.limit + WORK * len(KINDS) * (2 * REPLICAS + planes)

    def frame(step: int) -> Frame:
        return Frame(step, total, {name: value.copy() for name, value in values.items()})

    paths: list[list[Array]] = [[descent.now] for descent in descents]
    for step in [*range(0, params.limit, EPOCHS), params.limit]:
        for kind, descent in enumerate(descents):
            while descent.epoch < step and not descent.done:
                descent.train()
                paths[kind].append(descent.kept)
            values["loss"][kind], values["reached"][kind] = descent.loss, descent.reached
            values["trained"][kind] = descent.epoch
        yield frame(step)
    step = params.limit
    for _ in _cut(params, values, [np.stack(path) for path in paths]):
        step += WORK
        yield frame(step)


def _cut(params: Params, values: dict[str, Array], paths: Sequence[Array]) -> Iterator[None]:
    """Fill in curvatures, lines and planes, some of a net at a time."""
    from core.curvature import lanczos

    loss, positions, planes = minima.objective(), grid(params), {}
    for replica, kind in product(range(REPLICAS), range(len(KINDS))):
        at = (kind, replica)
        if np.isnan(values["reached"][at]):
            yield from (None, None)
            continue
        path = paths[kind][: int(values["reached"][at]) + 1, replica]
        point = path[-1]
        times = loss.product(point[np.newaxis])
        ends = lanczos(times, 1, len(point), LANCZOS_STEPS, minima.probe_seed(params.seed, replica))
        values["top"][at], values["least"][at] = ends.high[0], ends.low[0]
        values["residual"][at] = max(ends.high_residual[0], ends.low_residual[0])
        yield
        if params.directions == CHOICES[0]:
            ways = cuts.random_directions(point, DIRECTIONS, params.normalised, params.direction_seed, replica)
        elif params.directions == CHOICES[1]:
            ways = cuts.path_directions(path, 2)
        else:
            ways = cuts.scaled(np.concatenate([ends.high_vector, ends.low_vector]), cuts.weights_length(point))
        values["length"][at] = np.linalg.norm(ways[0])
        for number, way in enumerate(ways):
            values["line"][(*at, number)] = minima.training_loss(point + positions[:, np.newaxis] * way)
            unit = cuts.scaled(way[np.newaxis], 1)
            values["along"][(*at, number)] = np.sum(unit * times(unit))
        if replica == 0:
            planes[kind] = ways[:2]
            inside, values["path_share"][kind] = cuts.project(path, ways[:2])
            values["path"][kind] = inside[np.linspace(0, len(path) - 1, DRAWN).round().astype(int)]
        yield
    for kind, row in product(range(len(KINDS)), range(SIDE)):
        if kind in planes:
            across, up = planes[kind]
            cells = paths[kind][-1, 0] + positions[row] * up + positions[:, np.newaxis] * across
            values["plane"][kind, row] = minima.training_loss(cells)
        if row % ROWS == ROWS - 1 or row == SIDE - 1:
            yield


def rows(params: Params) -> list[panels.Row]:
    """The two kinds of nets."""
    styles = [(look.NET, "circle", (1, 0)), (look.BETWEEN, "square", (6, 3))]
    return [
        panels.Row(kind, f"batch {getattr(params, kind)}", *style) for kind, style in zip(KINDS, styles, strict=True)
    ]


def _curvature_rows(params: Params) -> list[panels.Row]:
    names = {"top": "top eigenvalue", "along": "along the slices", "least": "least eigenvalue"}
    return [
        row._replace(key=f"{row.key} {which}", label=f"{name}|{row.label}")
        for which, name in names.items()
        for row in rows(params)
    ]


def charts(params: Params) -> Sequence[Any]:
    """Training, curvature, the slices, and a plane for each kind of net."""
    loss, name = panels.logarithmic(0.03, 3, 0.1, 0.3, 1), "training loss"
    goal = panels.rule("goal", y=panels.value("loss", *loss, name))
    clock = panels.clock(EPOCHS, params.limit, "epochs")
    signed = alt.Scale(type="symlog", constant=0.005, domain=[-1, 100], nice=False, clamp=True)
    ticks = alt.Axis(values=[-1, -0.1, 0, 0.1, 1, 10, 100], labelExpr="format(datum.value, '~g')")
    title = "Curvature: what there is, and what is cut"
    kinds = "median, middle 80 %; dotted: parabola of the exact curvature"
    return (
        panels.curves(
            rows(params), "loss", clock, *loss, goal, title="Training; dashed: cut here", name=name, height=HEIGHT
        ),
        panels.strip(_curvature_rows(params), "curvature", signed, ticks, title=title, height=HEIGHT),
        pictures.lines(rows(params), params.reach, title=f"Slices {ALONG[params.directions]}; {kinds}", height=HEIGHT),
        *(pictures.plane(row, params.reach, SIDE, height=HEIGHT + 70) for row in rows(params)),
    )


def _drawn(params: Params, values: Mapping[str, Array]) -> tuple[Array, Array]:
    """The lines that are drawn and the curvatures along them: of all random directions, else of the first."""
    several = slice(None) if params.directions == CHOICES[0] else slice(1)
    return values["line"][:, :, several], values["along"][:, :, several]


def data(params: Params, frames: Sequence[Frame], every: bool) -> dict[str, Columns]:
    """The data sets of the panels."""
    values = frames[-1].values
    line, along = _drawn(params, values)
    curvatures = (values["top"], np.median(along, axis=2), values["least"])
    lines: Columns = {name: [] for name in ("row", "x", "low", "median", "high", "parabola")}
    filled: dict[str, Columns] = {}
    for number, kind in enumerate(KINDS):
        for name, found in zip(("low", "median", "high"), look.band(line[number].reshape(-1, SIDE)), strict=True):
            lines[name] += look.rounded(found)
        bent = along[number] * values["length"][number][:, np.newaxis] ** 2
        _, (bottom, bend), _ = look.band(np.stack([values["loss"][number], np.median(bent, axis=1)], axis=1))
        lines["parabola"] += look.rounded(bottom + bend * grid(params) ** 2 / 2)
        lines["row"] += [kind] * SIDE
        lines["x"] += look.fixed(grid(params))
        filled[f"plane_{kind}"] = {"loss": look.rounded(values["plane"][number].ravel(), 2)}
        x, y = values["path"][number].T
        filled[f"path_{kind}"] = {"x": look.fixed(x), "y": look.fixed(y), "step": list(range(DRAWN))}
    return {
        "goal": {"loss": [params.target]},
        "curves": panels.curve_numbers(KINDS, frames, "trained", {"loss": "loss"}),
        **panels.strip_numbers([row.key for row in _curvature_rows(params)], {"curvature": np.concatenate(curvatures)}),
        "lines": lines,
        **filled,
        "net": {"x": [0], "y": [0]},
    }


def result(params: Params, frames: Sequence[Frame]) -> dict[str, Any]:
    """Medians over nets, for “small” and “large”.

    ``top_eigenvalue``; ``least_eigenvalue``, which is at most this; ``along``, the median curvature along a net's
    slices, and its ``share_of_top``; ``halfway``, the median loss of its slices half the reach away, and
    ``halfway_range``, the largest of its slices over the smallest; ``epochs``. ``path_share`` is the first net's.
    """
    values = frames[-1].values
    quarter = SIDE // 4
    line, bent = _drawn(params, values)
    halfway = line[..., [quarter, SIDE - 1 - quarter]].mean(axis=-1)
    along = np.median(bent, axis=2)
    measured = {
        "top_eigenvalue": values["top"],
        "least_eigenvalue": values["least"],
        "along": along,
        "share_of_top": along / values["top"],
        "halfway": np.median(halfway, axis=2),
        "halfway_range": halfway.max(axis=2) / halfway.min(axis=2),
        "epochs": values["reached"],
    }
    spreads = {
        name: {kind: spread(found[number]) for number, kind in enumerate(KINDS)} for name, found in measured.items()
    }
    medians = {name: {kind: found["median"] for kind, found in by_kind.items()} for name, by_kind in spreads.items()}
    shares = {kind: float(values["path_share"][number]) for number, kind in enumerate(KINDS)}
    return {**medians, "path_share": shares, "spread": spreads}


def sentence(params: Params, frames: Sequence[Frame]) -> str:
    """What this run shows."""
    numbers, values = result(params, frames), frames[-1].values
    missed = {kind: int(np.isnan(values["reached"][number]).sum()) for number, kind in enumerate(KINDS)}
    slices = dict(zip(CHOICES, ("a slice", "the path’s first direction", "the steepest"), strict=True))[
        params.directions
    ]
    training = [kind for kind in KINDS if missed[kind] and frames[-1].step < params.limit]
    text = f"Nets at their first epoch below a training loss of {params.target:g}; medians, in brackets the middle "
    text += "80 %. "
    for number, row in enumerate(rows(params)):
        kind = row.key
        text += row.label.capitalize()
        if kind in training or missed[kind] == REPLICAS:
            lost = not np.isfinite(values["loss"][number]).any()
            text += f": {'every net diverged' if lost else 'not there'} after {values['trained'][number]:.0f} epochs. "
            continue
        text += f", {REPLICAS - missed[kind]} nets: {numbers['epochs'][kind]:.0f} epochs"
        top, halfway = numbers["spread"]["top_eigenvalue"][kind], numbers["spread"]["halfway"][kind]
        if np.isfinite(top["median"]):
            text += f"; top eigenvalue {top['median']:.2g} ({top['low']:.2g} to {top['high']:.2g}), least at most "
            text += f"{numbers['least_eigenvalue'][kind]:.1g}".replace("-", "−")
        if np.isfinite(halfway["median"]):
            share = f"{_percent(numbers['share_of_top'][kind])} of the top"
            text += (
                f"; curvature along {slices} {numbers['along'][kind]:.2g}, {share}; {params.reach / 2:.2g} lengths of "
            )
            text += f"the weights away it stands at a loss of {halfway['median']:.2g} ({halfway['low']:.2g} to "
            text += f"{halfway['high']:.2g})"
            several = params.directions == CHOICES[0]
            text += (
                f", up to {numbers['halfway_range'][kind]:.2g} times as high along one as another" if several else ""
            )
        if np.isfinite(numbers["path_share"][kind]):
            text += f"; the plane holds {_percent(numbers['path_share'][kind])} of the variance of the path"
        text += ". "
    return text.rstrip()


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"


def _which(params: Params, frames: Sequence[Frame]) -> int:
    share = result(params, frames)["share_of_top"]["small"]
    return 0 if share > 0.5 else 1 if share > 0.05 else 2


def _reveal(params: Params, frames: Sequence[Frame]) -> str:
    numbers = result(params, frames)
    return (
        f"Median of {REPLICAS} nets: {numbers['along']['small']:.2g} along a slice, "
        f"{numbers['top_eigenvalue']['small']:.2g} in the steepest direction: the slice shows "
        f"{_percent(numbers['share_of_top']['small'])} of it."
    )


LAB = Lab(
    title="Pictures of a minimum",
    Params=Params,
    run=run,
    charts=charts,
    data=data,
    result=result,
    sentence=sentence,
    rows=lambda params: {"batch_size": (params.small, params.large), "replica": range(REPLICAS)},
    guess=Guess(
        question="A picture of the loss around a minimum cuts it along a random direction out of 15,210. How much of "
        "the curvature of the steepest direction does such a slice show?",
        options=("More than half", "Between a half and a twentieth", "Less than a twentieth"),
        settings={"directions": "random", "normalised": True, "small": 64, "large": 256},
        answer=_which,
        reveal=_reveal,
    ),
)
