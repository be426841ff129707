"""A random smooth landscape, and every one of its critical points in a box.

The search splits the box into ever smaller cells. A cell is settled when Taylor's theorem shows that the gradient
cannot vanish in it, or that it lies within the ball in which a point already found is the only one. When no cell is
left, every critical point has been found, up to rounding.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.data import Floats
from core.lab import Array

FIRST_CELL = 0.8
"""Largest side of a cell of the first grid; the landscape's hills are some 2 wide."""
SMALLEST_CELL = 1e-8
MOST_CELLS, MOST_POINTS = 30_000, 2_000
"""The search gives up with more: the critical points then form lines."""
GRADIENT = 1e-10
"""Newton's method has arrived where the gradient is shorter, and so was its last step (times 100)."""
SAME = 1e-6
CHUNK = 2_000_000


class Jet(NamedTuple):
    """A field at P points: ``value`` (P,), ``gradient`` (P, N), the Hessian's ``curvatures`` (P, N), rising, and
    ``axes`` (P, N, N), their directions in columns, and ``third`` (P,), the norm of all third derivatives."""

    value: Floats
    gradient: Floats
    curvatures: Floats
    axes: Floats
    third: Floats

    @property
    def along(self) -> Floats:
        """The gradient along the axes of the Hessian, (P, N)."""
        return np.asarray(np.einsum("pn,pna->pa", self.gradient, self.axes))

    def only(self, kept: NDArray[np.bool_]) -> "Jet":
        """The jet at the points ``kept`` (P,)."""
        return Jet(*(part[kept] for part in self))


@dataclass(frozen=True)
class Field:
    """√(2/M) Σ cos(w·x + b) over M ``waves`` (M, N) with ``phases`` (M,)."""

    waves: Floats
    phases: Floats

    @property
    def dimension(self) -> int:
        """N."""
        return int(self.waves.shape[1])

    @cached_property
    def fourth(self) -> float:
        """A bound on every fourth derivative, everywhere: √(2/M) Σ|w|⁴."""
        return float(np.sqrt(2 / len(self.waves)) * (np.square(self.waves).sum(axis=1) ** 2).sum())

    @cached_property
    def _columns(self) -> tuple[Floats, Floats, Floats]:
        """What the cosines sum to (value, second derivatives), what the sines do (first, third), and how often a
        full tensor repeats each third derivative."""
        axes = range(self.dimension)
        pairs = list(itertools.combinations_with_replacement(axes, 2))
        triples = list(itertools.combinations_with_replacement(axes, 3))
        w = self.waves.T
        size = np.sqrt(2 / len(self.waves))
        even = np.stack([np.ones(len(self.waves)), *(-w[i] * w[j] for i, j in pairs)], axis=1)
        odd = np.stack([*(-w), *(w[i] * w[j] * w[k] for i, j, k in triples)], axis=1)
        repeats = np.array([len(set(itertools.permutations(triple))) for triple in triples], float)
        return size * even, size * odd, repeats

    def jet(self, points: Floats, offsets: Floats | None = None) -> Jet:
        """Value and derivatives at ``points`` (P, N), or at each point plus each of ``offsets`` (K, N), P·K rows.

        With offsets, cosines and sines are taken at the points only; the rest is cos(a+b) and sin(a+b).
        """
        even, odd, repeats = self._columns
        shifts = (np.zeros((1, self.dimension)) if offsets is None else offsets) @ self.waves.T
        cosines, sines = np.cos(shifts)[:, :, np.newaxis], np.sin(shifts)[:, :, np.newaxis]
        of_cosine = np.concatenate([cosines * even, sines * odd], axis=2)
        of_sine = np.concatenate([-sines * even, cosines * odd], axis=2)
        table = np.concatenate([of_cosine, of_sine], axis=1).transpose(1, 0, 2).reshape(2 * len(self.waves), -1)
        parts = []
        for chunk in np.array_split(points, max(1, len(points) * len(self.waves) // CHUNK)):
            angles = chunk @ self.waves.T + self.phases
            parts.append(np.concatenate([np.cos(angles), np.sin(angles)], axis=1) @ table)
        rows = np.concatenate(parts).reshape(-1, even.shape[1] + odd.shape[1])
        n = self.dimension
        value, second, gradient, third = np.split(rows, np.cumsum([1, even.shape[1] - 1, n]), axis=1)
        hessian = np.empty((len(rows), n, n))
        upper = np.triu_indices(n)
        hessian[:, upper[0], upper[1]] = hessian[:, upper[1], upper[0]] = second
        curvatures, axes = np.linalg.eigh(hessian)
        return Jet(value[:, 0], gradient, curvatures, axes, np.sqrt(third**2 @ repeats))

    def held(self, places: tuple[float | None, ...]) -> "Field":
        """The field on a face of a box: coordinates that ``places`` gives are held there, the others are free."""
        free = [axis for axis, place in enumerate(places) if place is None]
        at = np.array([0.0 if place is None else place for place in places])
        return Field(self.waves[:, free], self.phases + self.waves @ at)


def random_field(dimension: int, features: int, rng: np.random.Generator, period: float | None = None) -> Field:
    """A stationary field of covariance e^{−r²/2} up to order 1/M (Rahimi and Recht, 2007).

    Waves are normal; for a field that repeats itself after ``period`` they are drawn from the multiples of
    2π/period, with the normal density as weights.
    """
    if period is None:
        waves = rng.normal(size=(features, dimension))
    else:
        most = int(np.ceil(10 * period / (2 * np.pi)))
        allowed = np.arange(-most, most + 1) * 2 * np.pi / period
        weights = np.exp(-(allowed**2) / 2)
        waves = rng.choice(allowed, size=(features, dimension), p=weights / weights.sum())
    return Field(waves, rng.uniform(0, 2 * np.pi, features))


class Level(NamedTuple):
    """What is known after a grid: the side of its ``cell``, ``points`` (n, N) in the box, ``cells`` left."""

    cell: float
    points: Floats
    cells: int


def search(field: Field, side: float) -> Iterator[Level]:
    """Find the critical points in [0, side]^N, on one grid after another, until no cell is left.

    Degenerate points leave cells of ``SMALLEST_CELL``, or make the search give up; the last level says how many.
    """
    n = field.dimension
    along = int(np.ceil(side / FIRST_CELL))
    cell = side / along
    centres = _grid((np.arange(along) + 0.5) * cell, n)
    corners = _grid(np.array([-0.25, 0.25]), n)
    jet = field.jet(centres)
    found = np.empty((0, n))
    while True:
        radius = cell * np.sqrt(n) / 2
        # In the ball around a cell the gradient along an axis of the Hessian is g + μδ, give or take this much.
        slack = jet.third * radius**2 / 2 + field.fourth * radius**3 / 6
        possible = (np.abs(jet.along) <= np.abs(jet.curvatures) * radius + slack[:, np.newaxis]).all(axis=1)
        centres, jet = centres[possible], jet.only(possible)
        near = np.linalg.norm(newton_step(jet), axis=1) <= radius
        found = merge(found, newton(field, centres[near], radius))
        centres = centres[~_settled(centres, radius, found, field)]
        inside = ((found >= 0) & (found <= side)).all(axis=1)
        yield Level(cell, found[inside], len(centres))
        if not len(centres) or cell < SMALLEST_CELL or len(centres) > MOST_CELLS or len(found) > MOST_POINTS:
            return
        jet = field.jet(centres, corners * cell)
        centres = (centres[:, np.newaxis] + corners * cell).reshape(-1, n)
        cell /= 2


def _grid(values: Array, dimension: int) -> Floats:
    """Every combination of the values, (len(values)^N, N)."""
    return np.stack(np.meshgrid(*[values] * dimension, indexing="ij"), axis=-1).reshape(-1, dimension)


def newton_step(jet: Jet) -> Floats:
    """−H⁻¹∇f, (P, N)."""
    curvatures = np.where(jet.curvatures == 0, np.finfo(float).tiny, jet.curvatures)
    with np.errstate(over="ignore"):
        step = np.clip(-jet.along / curvatures, -1e100, 1e100)
    return np.asarray(np.einsum("pna,pa->pn", jet.axes, step))


def newton(field: Field, starts: Floats, reach: float) -> Floats:
    """Where Newton's method ends from each start ``(P, N)``, steps no longer than ``reach``: the ends that are
    critical points no farther than four times that from their start."""
    x, origin, ends = starts, starts, [np.empty((0, field.dimension))]
    for _ in range(30):
        if not len(x):
            break
        jet = field.jet(x)
        step = newton_step(jet)
        length = np.linalg.norm(step, axis=1)
        there = (np.linalg.norm(jet.gradient, axis=1) < GRADIENT) & (length < 100 * GRADIENT)
        ends.append(x[there])
        x = x + step * np.minimum(1, reach / np.maximum(length, reach))[:, np.newaxis]
        going = ~there & (np.linalg.norm(x - origin, axis=1) <= 4 * reach)
        x, origin = x[going], origin[going]
    return np.concatenate(ends)


def merge(found: Floats, ends: Floats) -> Floats:
    """``found`` (n, N) and those of ``ends`` (m, N) that are new, each once: many starts end at one point."""
    points = list(found)
    left = ends
    for point in found:
        left = left[np.linalg.norm(left - point, axis=1) > SAME]
    while len(left):
        points.append(left[0])
        left = left[np.linalg.norm(left - left[0], axis=1) > SAME]
    return np.array(points).reshape(-1, found.shape[1])


def _settled(
    centres: Floats, radius: float, found: Floats, field: Field
) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Which cells lie in the ball around a found point that holds no other.

    At distance t the gradient is at least σt − Tt²/2 − Kt³/6: σ the least |curvature|, T the third derivatives
    there, K the bound on the fourth. That is positive up to a root.
    """
    settled = np.zeros(len(centres), bool)
    if not len(found):
        return settled
    jet = field.jet(found)
    least = np.abs(jet.curvatures).min(axis=1)
    balls = 2 * least / (jet.third / 2 + np.sqrt(jet.third**2 / 4 + 2 / 3 * field.fourth * least))
    for point, ball in zip(found, balls, strict=True):
        settled |= np.linalg.norm(centres - point, axis=1) + radius < ball
    return settled


def balance(field: Field, points: Floats) -> int:
    """Σ (−1)^index over critical points ``(n, N)``."""
    return int(np.sign(field.jet(points).curvatures).prod(axis=1).sum()) if len(points) else 0


def boundary_balance(field: Field, side: float) -> int:
    """What faces, edges and corners of the box add to the balance of the inside; the sum is 1, that of a box.

    Morse theory for a box (Adler and Taylor, 2007, ch. 9): a critical point of the field on a face counts, with its
    index on that face, where the field falls towards the outside in every direction that the face holds fixed.
    """
    total = 0
    for places in itertools.product((None, 0.0, side), repeat=field.dimension):
        fixed = [axis for axis, place in enumerate(places) if place is not None]
        if not fixed:
            continue
        face = field.held(places)
        points = np.empty((1, 0))
        if face.dimension:
            *_, last = search(face, side)
            points = last.points
        whole = np.tile([0.0 if place is None else place for place in places], (len(points), 1))
        whole[:, [axis for axis, place in enumerate(places) if place is None]] = points
        outwards = np.array([-1.0 if places[axis] == 0 else 1.0 for axis in fixed])
        falls = (field.jet(whole).gradient[:, fixed] * outwards < 0).all(axis=1)
        total += balance(face, points[falls]) if face.dimension else int(falls.sum())
    return total
