"""What the measuring of the chapter's claims rests on."""

import numpy as np
import pytest

from core.experiments.sine_fits.claims import best_sup


@pytest.mark.parametrize(
    ("pieces", "target", "error"),
    [
        (1, lambda x: 3 * x + 1, 0.0),
        (1, np.abs, 0.5),
        (2, np.abs, 0.0),
        (1, np.square, 0.5),
        (2, np.square, 0.125),
        (8, np.square, 1 / 128),
    ],
)
def test_best_pieces_of_known_curves(pieces: int, target: object, error: float) -> None:
    x = np.linspace(-1, 1, 801)
    assert best_sup(pieces, target(x)) == pytest.approx(error, abs=4e-4)  # type: ignore[operator]
