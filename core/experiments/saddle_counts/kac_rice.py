"""Critical points of a stationary isotropic Gaussian field by their index, after Kac and Rice.

At a critical point of a field of covariance e^{−r²/2} the Hessian is √2 (G − x), G a GOE matrix and x = f/√2 normal
of variance ½, and the density weights it by its |determinant|. The fractions hold for every such covariance
(Azaïs and Delmas, 2022; Cheng and Schwartzman, 2018): the Nth fraction of index k is

    E[e^{−λ_(k+1)²/2}] / Σ_j E[e^{−λ_(j)²/2}],

with λ_(1) < λ_(2) < … the eigenvalues of a GOE matrix of size N + 1.
"""

import math
from functools import cache
from typing import NamedTuple

import numpy as np

from core.data import Floats
from core.experiments.saddle_counts import orthogonal_ensemble as goe

EXTREMA_3 = (29 - 6 * math.sqrt(6)) / 116
FRACTIONS = {1: (0.5, 0.5), 2: (0.25, 0.5, 0.25), 3: (EXTREMA_3, 0.5 - EXTREMA_3, 0.5 - EXTREMA_3, EXTREMA_3)}
"""Exact shares by index; in three dimensions after Bardeen, Bond, Kaiser and Szalay (1986)."""
DENSITY = {
    1: math.sqrt(3) / math.pi,
    2: 2 / (math.sqrt(3) * math.pi),
    3: 29 * math.sqrt(3) / (18 * math.pi**2),
}
"""Exact critical points in a unit of volume, for the covariance e^{−r²/2}."""
HEIGHTS = np.linspace(-8, 8, 49)
"""Where the integral over x is taken; even steps are exact to rounding for a smooth, quickly falling function."""


class Exact(NamedTuple):
    """In N dimensions: ``fractions`` and mean ``heights`` of the critical points by index, (N + 1,), and their
    ``density`` for the covariance e^{−r²/2}."""

    fractions: Floats
    heights: Floats
    density: float


@cache
def exact(dimension: int) -> Exact:
    """By quadrature, to some 10 digits.

    For each x, marking every eigenvalue below x by z makes E|det(G − x)| a polynomial in z whose coefficients belong
    to the indices; its values at roots of unity are their Fourier transform.
    """
    u = goe.line().x
    odd = dimension + 1 + dimension % 2
    z = np.exp(-2j * np.pi * np.arange(odd // 2 + 1) / odd)
    weight = np.abs(u) * np.exp(-((u + HEIGHTS[:, np.newaxis]) ** 2) / 2)
    marked = np.where(u < 0, z[:, np.newaxis, np.newaxis], 1) * weight
    determinants = np.fft.irfft(goe.partition(dimension, marked, np.broadcast_to(weight, marked.shape)), odd, axis=0)
    density_of_x = np.exp(-(HEIGHTS**2)) / np.sqrt(np.pi) * (HEIGHTS[1] - HEIGHTS[0])
    shares = determinants[: dimension + 1] / goe.normaliser(dimension) * density_of_x
    by_index = shares.sum(axis=1)
    return Exact(
        by_index / by_index.sum(),
        math.sqrt(2) * (shares @ HEIGHTS) / by_index,
        float(by_index.sum()) / np.pi ** (dimension / 2),
    )


def weights(dimension: int, count: int, rng: np.random.Generator) -> Floats:
    """e^{−λ²/2} for the rising eigenvalues of ``count`` matrices of size N + 1, (count, N + 1), up to a factor.

    The mean eigenvalue is independent of the others' distances from it, and normal: it is integrated out, which
    takes much of the scatter from the rare indices.
    """
    size = dimension + 1
    eigenvalues = np.linalg.eigvalsh(goe.sample(size, count, rng))
    away = eigenvalues - eigenvalues.mean(axis=1, keepdims=True)
    return np.asarray(np.exp(-(away**2) / (2 * (1 + 1 / size))))


def moments(weights: Floats) -> Floats:
    """What the estimate needs of samples ``(count, N + 1)``, (4, N + 1); those of two sets of samples add up."""
    total = weights.sum(axis=1, keepdims=True)
    return np.stack([part.sum(axis=0) for part in (weights, weights**2, weights * total, total**2 + 0 * weights)])


def estimate(moments: Floats) -> tuple[Floats, Floats]:
    """Fractions by index, and their standard errors by the delta method for a ratio of means, (N + 1,) each."""
    first, squares, crossed, total_squares = moments
    total = first.sum()
    fractions = first / total
    variance = squares - 2 * fractions * crossed + fractions**2 * total_squares
    return fractions, np.sqrt(np.maximum(variance, 0)) / total
