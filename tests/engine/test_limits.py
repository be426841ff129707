import math

import pytest

from core.engine.limits import Limits, read_limits
from core.lab import knobs

DEFAULT = Limits()


def test_nothing_set_gives_the_defaults() -> None:
    assert read_limits({"PATH": "/bin", "WORKERS": "3"}) == (DEFAULT, [])


def test_each_limit_is_read_from_its_variable() -> None:
    lowest = {name: knob.low for name, knob in knobs(Limits).items()}
    limits, misses = read_limits({f"WDLW_{name.upper()}": str(low) for name, low in lowest.items()})
    assert not misses
    assert vars(limits) == lowest


@pytest.mark.parametrize("value", ["0", "-1", "65", "1.5", "nan", "inf", "", "many", "1e9"])
def test_what_cannot_be_read_is_one_sentence_and_the_default(value: str) -> None:
    limits, [miss] = read_limits({"WDLW_WORKERS": value, "WDLW_RUNS_PER_READER": "2"})
    assert limits.workers == DEFAULT.workers and limits.runs_per_reader == 2
    assert miss.startswith("WDLW_WORKERS must be a whole number from 1 to 64") and miss.endswith("is used.")


def test_an_unknown_limit_is_named() -> None:
    limits, [miss] = read_limits({"WDLW_WROKERS": "2"})
    assert limits == DEFAULT and "wrokers" in miss.lower()


def test_every_limit_has_a_range_and_help() -> None:
    for knob in knobs(Limits).values():
        assert knob.low is not None and knob.high is not None and knob.help
        assert knob.low <= getattr(DEFAULT, knob.name) <= knob.high
        assert math.isfinite(knob.high)
