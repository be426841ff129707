"""A claim's measurement, by itself and as a run."""

import time

import pytest

from core import evidence
from core.evidence import measure, measuring
from core.lab import Claim

begun: list[float] = []


def slow_two() -> float:
    begun.append(time.monotonic())
    time.sleep(0.2)
    return 2.0


def broken() -> float:
    raise ZeroDivisionError("by nothing")


TWO = Claim("two", "It is 2.", "measured", 2.0, slow_two, tolerance=0.1)
BROKEN = Claim("broken", "It is 2.", "measured", 2.0, broken)


@pytest.fixture(autouse=True)
def claims(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "claims", lambda: {"a.two": TWO, "a.broken": BROKEN})


def test_a_verdict_says_what_was_measured() -> None:
    verdict = measure("a.two", TWO)
    assert verdict.holds and verdict.measured == 2.0 and verdict.seconds >= 0.2 and not verdict.error


def test_what_goes_wrong_is_a_miss() -> None:
    verdict = measure("a.broken", BROKEN)
    assert not verdict.holds and verdict.error == "ZeroDivisionError: by nothing"


def test_a_measurement_is_a_run_whose_last_frame_has_the_number() -> None:
    frames = list(measuring("a.two"))
    assert len(frames) > 2
    assert all(frame.step < frame.total for frame in frames[:-1]) and frames[-1].step == frames[-1].total
    assert frames[-1].values["measured"] == 2.0 and frames[-1].values["seconds"] >= 0.2


def test_a_measurement_that_fails_ends_the_run_with_its_error() -> None:
    with pytest.raises(RuntimeError, match="by nothing"):
        list(measuring("a.broken"))


def test_a_measurement_that_nobody_waits_for_is_not_begun() -> None:
    begun.clear()
    first, second = measuring("a.two"), measuring("a.two")
    next(first), next(second)
    second.close()  # type: ignore[attr-defined]
    assert list(first)[-1].values["measured"] == 2.0
    evidence.MEASURING.submit(lambda: None).result()
    assert len(begun) == 1
