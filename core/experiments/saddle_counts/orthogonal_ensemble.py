"""Random symmetric matrices (the Gaussian orthogonal ensemble): samples, and exact averages of their eigenvalues.

An entry on the diagonal has variance 1, one off it ½; the rising eigenvalues x have density ∝ Δ(x) Π e^{−x²/2} with
Δ(x) = Π_{i<j} (x_j − x_i).
"""

import math
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

from core.data import Floats

NODES, REACH = 60, 13.0
"""The line is cut at 0 and integrated from −13 to 13 by Gauss's rule with 60 nodes a side."""


def sample(size: int, count: int, rng: np.random.Generator) -> Floats:
    """``count`` matrices, (count, size, size)."""
    entries = rng.normal(size=(count, size, size))
    return (entries + entries.transpose(0, 2, 1)) / 2


class Line(NamedTuple):
    """A quadrature on the line: ``x`` (Q,), ``dx`` (Q,), and ``below`` (Q, Q), which integrates up to each node."""

    x: Floats
    dx: Floats
    below: Floats


@cache
def line() -> Line:
    """Gauss–Legendre on either side of 0, exact for the integrals up to a node as well."""
    nodes, weights = legendre.leggauss(NODES)
    powers = np.linalg.inv(legendre.legvander(nodes, NODES - 1))
    up_to = legendre.legval(nodes, legendre.legint(powers, lbnd=-1)).T
    half, none = REACH / 2, np.zeros((NODES, NODES))
    left = np.broadcast_to(weights, (NODES, NODES))
    below = np.block([[up_to, none], [left, up_to]])
    return Line(np.concatenate([nodes - 1, nodes + 1]) * half, np.concatenate([weights, weights]) * half, below * half)


def partition(size: int, weight: NDArray[Any], scale: Floats) -> NDArray[Any]:
    """∫_{x_1<…<x_N} Δ(x) Π w(x_i) dx for each ``weight`` (…, Q) at the nodes of :func:`line`, (…).

    It is a Pfaffian of ∫∫_{x<y} (p_i(x) p_j(y) − p_j(x) p_i(y)) w(x) w(y), bordered by ∫ p_i w for odd N (de
    Bruijn, 1955), with any monic p_i of degree i. Those orthogonal under the positive ``scale`` (…, Q) keep all
    digits of a result as small as 1e-14.
    """
    x, dx, below = line()
    mass = scale * dx
    p = [np.ones_like(mass)]
    norms = [mass.sum(axis=-1)]
    for k in range(size - 1):
        following = (x - ((mass * p[k] ** 2 * x).sum(axis=-1) / norms[k])[..., np.newaxis]) * p[k]
        if k:
            following = following - (norms[k] / norms[k - 1])[..., np.newaxis] * p[k - 1]
        p.append(following)
        norms.append((mass * following**2).sum(axis=-1))
    sizes = np.sqrt(np.stack(norms, axis=-1))
    terms = np.stack(p, axis=-2) / sizes[..., np.newaxis] * weight[..., np.newaxis, :]
    # One product of two large matrices; many products of small ones would wait on threads.
    up_to = (terms.reshape(-1, len(x)) @ below.T).reshape(terms.shape)
    half = np.einsum("...iq,...jq->...ij", terms * dx, up_to)
    matrix = np.swapaxes(half, -1, -2) - half
    if size % 2:
        border = (terms * dx).sum(axis=-1)[..., np.newaxis]
        row = np.concatenate([-np.swapaxes(border, -1, -2), np.zeros((*border.shape[:-2], 1, 1))], axis=-1)
        matrix = np.concatenate([np.concatenate([matrix, border], axis=-1), row], axis=-2)
    return np.asarray(pfaffian(matrix) * sizes.prod(axis=-1))


def pfaffian(matrices: NDArray[Any]) -> NDArray[Any]:
    """The Pfaffians of antisymmetric matrices ``(…, 2m, 2m)``, by elimination of two rows at a time."""
    left, value = matrices, np.ones(matrices.shape[:-2], matrices.dtype)
    while left.shape[-1]:
        pivot = left[..., 0, 1]
        value = value * pivot
        first, second = left[..., 0, 2:] / pivot[..., np.newaxis], left[..., 1, 2:]
        outer = first[..., :, np.newaxis] * second[..., np.newaxis, :]
        left = left[..., 2:, 2:] + np.swapaxes(outer, -1, -2) - outer
    return value


@cache
def normaliser(size: int) -> float:
    """The integral of the density of the rising eigenvalues, Δ(x) Π e^{−x²/2}."""
    weight = np.exp(-(line().x ** 2) / 2)
    return float(partition(size, weight, weight))


@cache
def positive_probability(size: int) -> float:
    """The probability that all eigenvalues are positive, to some 12 digits."""
    weight = np.where(line().x > 0, np.exp(-(line().x ** 2) / 2), 0)
    return float(partition(size, weight, weight)) / normaliser(size)


def positive_asymptote(size: int) -> float:
    """3^{−N²/4}, the leading order of that probability (Dean and Majumdar, 2006)."""
    return math.exp(-math.log(3) / 4 * size**2)
