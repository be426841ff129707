"""The linear autoencoder's loss ½E‖x − W₂W₁x‖², its critical points, all of which are known, and its Hessian."""

import math
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np

from core.data import Floats


@dataclass(frozen=True)
class Critical:
    """A critical manifold: which eigenvectors the net passes on, its loss, its index."""

    subset: tuple[int, ...]
    loss: float
    index: int


@cache
def critical_points(eigenvalues: tuple[float, ...], bottleneck: int) -> tuple[Critical, ...]:
    """Every critical manifold of ½E‖x − W₂W₁x‖², exact; subsets are numbered from 1 as the eigenvalues are given.

    At a critical point W₂W₁ projects on the span of q ≤ p eigenvectors, S: the loss is ½Σ_{i∉S}λ_i, and the
    index #{(i∈S, j∉S): λ_j > λ_i} + (p − q)(d − q). Only the p largest have index 0 (Baldi and Hornik, 1989).
    """
    d = len(eigenvalues)
    found = []
    for q in range(min(bottleneck, d) + 1):
        for chosen in combinations(range(d), q):
            others = [eigenvalues[j] for j in range(d) if j not in chosen]
            swaps = sum(other > eigenvalues[i] for i in chosen for other in others)
            index = swaps + (bottleneck - q) * (d - q)
            found.append(Critical(tuple(i + 1 for i in chosen), sum(others) / 2, index))
    return tuple(found)


def descents(eigenvalues: tuple[float, ...], bottleneck: int, subset: tuple[int, ...]) -> list[float]:
    """The negative curvatures at the balanced point of ``subset`` (W₁ = W₂ᵀ), exact, without their sign.

    A unit that is not used turns to a missing eigenvector j at λ_j; one that passes on i turns to j at the
    eigenvalue of [[λ_i, −λ_j], [−λ_j, λ_j]] below 0.
    """
    inside = [eigenvalues[i - 1] for i in subset]
    outside = [value for i, value in enumerate(eigenvalues, 1) if i not in subset]
    swaps = [(math.hypot(a - b, 2 * b) - a - b) / 2 for a in inside for b in outside if b > a]
    return swaps + outside * (bottleneck - len(subset))


@cache
def tolerance(eigenvalues: tuple[float, ...], bottleneck: int) -> float:
    """Eigenvalues below minus this count as negative: a quarter of the weakest exact one of any critical point."""
    points = critical_points(eigenvalues, bottleneck)
    return min((min(descents(eigenvalues, bottleneck, p.subset)) for p in points if p.index), default=1.0) / 4


def slope(outer: Floats, inner: Floats, eigenvalues: Floats) -> tuple[Floats, Floats, Floats]:
    """Losses ``(S,)`` and gradients at W₂ = ``outer`` ``(S, d, p)`` and W₁ = ``inner`` ``(S, p, d)``."""
    missed = (np.eye(len(eigenvalues)) - outer @ inner) * eigenvalues
    loss = 0.5 * np.sum(missed**2 / eigenvalues, axis=(1, 2))
    return loss, -missed @ inner.transpose(0, 2, 1), -outer.transpose(0, 2, 1) @ missed


def hessian(outer: Floats, inner: Floats, eigenvalues: Floats) -> Floats:
    """All second derivatives ``(S, 2dp, 2dp)`` of the loss, in closed form; W₂ before W₁."""
    runs, d, p = outer.shape
    weighted = inner * eigenvalues
    missed = (np.eye(d) - outer @ inner) * eigenvalues
    mixed = np.einsum("sil,skj->siklj", outer, weighted) - np.einsum("kl,sij->siklj", np.eye(p), missed)
    full = np.empty((runs, 2, d * p, 2, d * p))
    shape = (runs, d * p, d * p)
    full[:, 0, :, 0] = np.einsum("ij,skl->sikjl", np.eye(d), weighted @ inner.transpose(0, 2, 1)).reshape(shape)
    full[:, 1, :, 1] = np.einsum("skl,ij->skilj", outer.transpose(0, 2, 1) @ outer, np.diag(eigenvalues)).reshape(shape)
    full[:, 0, :, 1] = mixed.reshape(shape)
    full[:, 1, :, 0] = mixed.reshape(shape).transpose(0, 2, 1)
    return full.reshape(runs, 2 * d * p, 2 * d * p)
