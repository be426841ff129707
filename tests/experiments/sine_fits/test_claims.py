"""Every number of the chapter is measured again."""

import numpy as np
import pytest

from core.experiments.sine_fits.claims import CLAIMS, best_sup
from core.lab import Claim


def names(claim: Claim) -> str:
    return claim.id


@pytest.mark.parametrize("claim", [c for c in CLAIMS if not c.slow], ids=names)
def test_claim_holds(claim: Claim) -> None:
    measured = claim.measure()
    assert claim.holds(measured), f"{claim.sentence} Measured: {measured:.6g}."


@pytest.mark.slow
@pytest.mark.parametrize("claim", [c for c in CLAIMS if c.slow], ids=names)
def test_slow_claim_holds(claim: Claim) -> None:
    measured = claim.measure()
    assert claim.holds(measured), f"{claim.sentence} Measured: {measured:.6g}."


def test_ids_are_used_once() -> None:
    assert len({claim.id for claim in CLAIMS}) == len(CLAIMS)


@pytest.mark.parametrize("claim", CLAIMS, ids=names)
def test_claim_would_notice(claim: Claim) -> None:
    assert claim.tolerance <= 0.6 * abs(claim.expected)
    wrong = claim.expected * {"at most": 3, "at least": 1 / 3, "equals": 2}[claim.relation]
    assert not claim.holds(wrong)
    assert claim.relation == "equals" or claim.tolerance == 0


@pytest.mark.parametrize("claim", CLAIMS, ids=names)
def test_number_printed_is_within_tolerance(claim: Claim) -> None:
    half = 0.5 * 10 ** -len(claim.text.partition(".")[2])
    assert abs(float(claim.text) - claim.expected) <= half + 1e-12


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
