"""Data sets, one function each. Plain numpy, so that a page can draw them without a worker."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NOISE_OF_NOISY_SINE = 0.2


def sine(x: Floats) -> Floats:
    """sin(πx): one full period on [−1, 1]."""
    return np.sin(np.pi * x)


def step(x: Floats) -> Floats:
    """−1 left of 0, +1 right of it: one jump, which no continuous function meets."""
    return np.where(x < 0, -1.0, 1.0)


def runge(x: Floats) -> Floats:
    """1/(1+25x²), the bell on which equispaced polynomials fail (Runge, 1901)."""
    return 1 / (1 + 25 * x**2)


def chirp(x: Floats) -> Floats:
    """sin(2π(x+1)²): four periods on [−1, 1], each shorter than the last."""
    return np.sin(2 * np.pi * (x + 1) ** 2)


def absolute(x: Floats) -> Floats:
    """|x|: two straight pieces and one kink."""
    return np.abs(x)


TARGETS: dict[str, Callable[[Floats], Floats]] = {
    "sine": sine,
    "noisy sine": sine,
    "step": step,
    "Runge": runge,
    "chirp": chirp,
    "|x|": absolute,
}
"""Functions on [−1, 1] by the name a reader chooses; “noisy sine” brings noise of its own."""


def sample_target(target: str, points: int, noise: float, spacing: str, seed: int) -> tuple[Floats, Floats]:
    """``points`` pairs (x, y) of a target on [−1, 1], x sorted, y with Gaussian noise of that deviation.

    ``spacing`` is “even” (both ends included), “random” (uniform) or “Chebyshev” (the roots of T_n, dense at the
    ends). The same arguments give the same points.
    """
    rng = np.random.default_rng([seed, points])
    if spacing == "even":
        x = np.linspace(-1, 1, points)
    elif spacing == "Chebyshev":
        x = -np.cos((2 * np.arange(points) + 1) * np.pi / (2 * points))
    else:
        x = np.sort(rng.uniform(-1, 1, points))
    own = NOISE_OF_NOISY_SINE if target == "noisy sine" else 0.0
    return x, TARGETS[target](x) + rng.normal(size=points) * np.hypot(noise, own)
