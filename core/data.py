"""Data sets, one function each. Plain numpy, so that a page can draw them without a worker."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NOISE_OF_NOISY_SINE = 0.2
MNIST_1D = Path(__file__).parents[1] / "assets" / "mnist1d.npz"


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


class Labelled(NamedTuple):
    """Training and test examples: inputs ``(n, d)`` float32, labels ``(n,)`` int32 from 0."""

    x: NDArray[np.float32]
    y: NDArray[np.int32]
    x_test: NDArray[np.float32]
    y_test: NDArray[np.int32]


def generate_mnist_1d() -> None:
    """Write MNIST-1D to its file, with the settings of its authors, by their package ``mnist1d``."""
    from mnist1d.data import get_dataset_args, make_dataset

    made = make_dataset(get_dataset_args())
    whole = Labelled(
        made["x"].astype(np.float32),
        made["y"].astype(np.int32),
        made["x_test"].astype(np.float32),
        made["y_test"].astype(np.int32),
    )
    np.savez_compressed(MNIST_1D, allow_pickle=False, **whole._asdict())


@cache
def mnist_1d() -> Labelled:
    """MNIST-1D (Greydanus and Kobak, 2024): 4,000 training and 1,000 test rows of 40 numbers, ten classes.

    Ten templates, each shifted, scaled, sheared and blurred at random; read from ``assets/mnist1d.npz``.
    """
    if not MNIST_1D.exists():
        generate_mnist_1d()
    with np.load(MNIST_1D, allow_pickle=False) as arrays:
        whole = Labelled(*(arrays[name] for name in Labelled._fields))
    for array in whole:
        array.flags.writeable = False  # Every caller is handed the same arrays.
    return whole


@cache
def digits() -> tuple[Floats, NDArray[np.int64]]:
    """Images ``(1797, 64)`` of hand-written digits, 8×8 pixels from 0 to 1, and which digit each is, ``(1797,)``.

    From the wheel of scikit-learn, after Alpaydin and Kaynak (1998). No two images are alike.
    """
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    images = images / 16
    for array in (images, labels):
        array.flags.writeable = False  # Every caller is handed the same arrays.
    return images, labels
