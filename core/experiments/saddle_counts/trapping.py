"""Two landscapes with traps, and how likely a start from the standard normal distribution ends in one.

One dip in a surface that falls everywhere else catches what starts inside its rim. Pairs of wells, one pair for every
coordinate, catch what starts on the wrong side of any of the ridges between them.
"""

import math

import numpy as np

from core.data import Floats
from core.lab import Array

NEAR = 0.25
"""A coordinate has settled in a well when it is this near its bottom."""
CONFIDENCE = 1.96


def dip_height(theta: Floats, radius: float) -> Floats:
    """R² (ln(1+s) − s/2), s = |θ|²/R², of points (P, d): a dip at 0, a rim at R, falling ever after."""
    s = np.square(theta).sum(axis=1) / radius**2
    return np.asarray(radius**2 * (np.log1p(s) - s / 2))


def dip_slope(theta: Floats, radius: float) -> Floats:
    """Its gradient, θ(1−s)/(1+s)."""
    s = np.square(theta).sum(axis=1, keepdims=True) / radius**2
    return np.asarray(theta * ((1 - s) / (1 + s)))


def wells_height(theta: Floats, tilt: float) -> Floats:
    """Σ (θ_i² − 1)² + ε θ_i of points (P, d): every coordinate has a good well near −1 and a bad one near 1."""
    return np.asarray(((theta**2 - 1) ** 2 + tilt * theta).sum(axis=1))


def wells_slope(theta: Floats, tilt: float) -> Floats:
    """Its gradient."""
    return 4 * theta * (theta**2 - 1) + tilt


def wells(tilt: float) -> tuple[float, float, float]:
    """Where that slope is 0: the bottom of the good well, the ridge, the bottom of the bad well."""
    good, ridge, bad = np.sort(np.roots([4, 0, -4, tilt]).real)
    return float(good), float(ridge), float(bad)


def inside_probability(dimension: int, radius: float) -> float:
    """P(χ²_d < R²), that a standard normal point lies within R of 0: the incomplete gamma function's series."""
    a, x = dimension / 2, radius**2 / 2
    term = total = 1.0
    for n in range(1, 200):
        term *= x / (a + n)
        total += term
    return total * math.exp(a * math.log(x) - x - math.lgamma(a + 1))


def good_probability(dimension: int, tilt: float) -> float:
    """Φ(ridge)^d, that every coordinate of a standard normal point lies on the good side; 2^{−d} without tilt."""
    return float((0.5 * (1 + math.erf(wells(tilt)[1] / math.sqrt(2)))) ** dimension)


def dip_fates(theta: Floats, radius: float) -> tuple[Array, Array]:
    """Which points (P, d) are trapped, half-way down the dip, and which are free, beyond twice its radius."""
    squares = np.square(theta).sum(axis=1)
    return np.asarray(squares < (radius / 2) ** 2), np.asarray(squares > (2 * radius) ** 2)


def wells_fates(theta: Floats, tilt: float) -> tuple[Array, Array]:
    """Which points (P, d) are trapped, a coordinate near the bottom of a bad well, and which have all in good ones."""
    good, _, bad = wells(tilt)
    return np.asarray((np.abs(theta - bad) < NEAR).any(axis=1)), np.asarray((np.abs(theta - good) < NEAR).all(axis=1))


def interval(counts: Array, trials: int) -> tuple[Array, Array]:
    """Wilson's 95 % interval (1927) for a probability, from counts ``(…,)`` among ``trials``."""
    z = CONFIDENCE
    middle = (counts + z**2 / 2) / (trials + z**2)
    half = z * np.sqrt(counts * (trials - counts) / trials + z**2 / 4) / (trials + z**2)
    return np.maximum(middle - half, 0), np.minimum(middle + half, 1)
