"""Every number of every chapter is measured again."""

import pytest

from core import book
from core.lab import Claim

CLAIMS = [(chapter.slug, claim) for chapter in book.chapters() for claim in book.claims(chapter.slug).values()]
MEASURED = [case for case in CLAIMS if case[1].measure is not None]
QUICK = [case for case in MEASURED if not case[1].slow]
SLOW = [case for case in MEASURED if case[1].slow]


def ids(case: object) -> str:
    return case.id if isinstance(case, Claim) else str(case)


@pytest.mark.parametrize(("slug", "claim"), QUICK, ids=ids)
def test_claim_holds(slug: str, claim: Claim) -> None:
    assert claim.measure is not None
    measured = claim.measure()
    assert claim.holds(measured), f"{claim.sentence} Measured: {measured:.6g}."


@pytest.mark.slow
@pytest.mark.parametrize(("slug", "claim"), SLOW, ids=ids)
def test_slow_claim_holds(slug: str, claim: Claim) -> None:
    assert claim.measure is not None
    measured = claim.measure()
    assert claim.holds(measured), f"{claim.sentence} Measured: {measured:.6g}."


@pytest.mark.parametrize(("slug", "claim"), CLAIMS, ids=ids)
def test_what_is_not_measured_here_was_published(slug: str, claim: Claim) -> None:
    assert claim.measure is not None or (claim.kind == "published" and claim.source)


@pytest.mark.parametrize(("slug", "claim"), MEASURED, ids=ids)
def test_claim_would_notice(slug: str, claim: Claim) -> None:
    assert claim.tolerance <= 0.6 * abs(claim.expected)
    wrong = claim.expected * {"at most": 3, "at least": 1 / 3, "equals": 2}[claim.relation]
    assert not claim.holds(wrong)
    assert claim.relation == "equals" or claim.tolerance == 0


@pytest.mark.parametrize(("slug", "claim"), CLAIMS, ids=ids)
def test_number_printed_is_within_tolerance(slug: str, claim: Claim) -> None:
    shown = claim.shown.format(claim.expected)
    number = shown.replace(",", "").rstrip("%")
    mantissa, _, exponent = number.partition("e")
    half = 0.5 * 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
    percent = 100 if shown.endswith("%") else 1
    assert abs(float(number) / percent - claim.expected) <= half / percent + 1e-12 * abs(claim.expected)
