"""Settings are stated once and read with care; claims hold or not; a spread leaves out what diverged."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.lab import LONGEST_QUOTE, Claim, Unfit, knob, knobs, plain, quote, read_settings, replace, spread
from core.lab import settings as values_of


def parse_even(text: str) -> None:
    if len(text) % 2:
        raise Unfit("The text must be of even length.")


@dataclass(frozen=True)
class Params:
    width: int = knob(32, choices=(4, 8, 32), label="Width")
    steps: int = knob(300, low=1, high=1000, label="Steps")
    rate: float = knob(0.01, low=1e-4, high=0.1, log=True, label="Rate")
    kind: str = knob("ReLU", choices=("ReLU", "tanh"), label="Kind", minor=True)
    text: str = knob("ab", parse=parse_even, label="Text")


ARABIC, FULLWIDTH = "٣٢", "\uff13\uff12"
"""32 in the digits of other alphabets."""
NUMBERS = st.floats() | st.integers()
TEXTS = (
    st.text(max_size=60)
    | NUMBERS.map(str)
    | st.sampled_from([ARABIC, FULLWIDTH, "1_0", "1e400", "-inf", "nan", "0x10", " 32 ", "1e2", "TRUE", "³²"])
    | st.text(alphabet="0123456789.e-", min_size=3000, max_size=6000)
)
VALUES = TEXTS | NUMBERS | st.booleans() | st.none() | st.lists(st.integers(), max_size=3)


@settings(max_examples=300, deadline=None)
@given(name=st.sampled_from(sorted(knobs(Params))), raw=VALUES)
def test_knob_reads_a_value_within_range_or_refuses_in_one_sentence(name: str, raw: object) -> None:
    known = knobs(Params)[name]
    try:
        value = known.read(raw)
    except Unfit as miss:
        sentence = str(miss)
        assert sentence.endswith(".") and "\n" not in sentence and len(sentence) < 300
        return
    assert type(value) is known.type
    if known.choices:
        assert value in known.choices
    elif known.parse is None:
        assert isinstance(value, int | float) and known.low is not None and known.high is not None
        assert known.low <= value <= known.high
    assert known.read(value) == value


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(knobs(Params))) | st.text(max_size=50), VALUES, max_size=6))
def test_settings_are_read_from_anything_with_a_sentence_for_each_miss(raw: dict[str, object]) -> None:
    params, misses = read_settings(Params, raw)
    assert len(misses) <= len(raw)
    assert all(miss.endswith(".") and "\n" not in miss for miss in misses)
    kept = values_of(params)
    default = values_of(Params())
    assert sum(kept[name] != default[name] for name in kept) <= len(raw) - len(misses)


@pytest.mark.parametrize(
    "raw", [ARABIC, FULLWIDTH, "1_0", "1e400", "nan", "0", "1001", "3.5", "", "ten", True, None, [3]]
)
def test_whole_number_refuses(raw: object) -> None:
    with pytest.raises(Unfit):
        knobs(Params)["steps"].read(raw)


@pytest.mark.parametrize(("raw", "value"), [("32", 32), (" 7 ", 7), ("1e2", 100), (8.0, 8), (np.int64(9), 9)])
def test_whole_number_reads(raw: object, value: int) -> None:
    assert knobs(Params)["steps"].read(raw) == value


@pytest.mark.parametrize("raw", ["3", "320", "32.5", "4 8", "", "8x", 5, True, None, math.nan])
def test_choice_refuses_what_is_not_among_them(raw: object) -> None:
    with pytest.raises(Unfit, match="Width must be one of 4, 8, 32, not"):
        knobs(Params)["width"].read(raw)


@pytest.mark.parametrize("raw", ["32", " 32 ", 32, 32.0, np.int64(32)])
def test_choice_reads_the_one_that_is_meant(raw: object) -> None:
    value = knobs(Params)["width"].read(raw)
    assert value == 32 and type(value) is int


def test_truth_is_not_the_number_one() -> None:
    @dataclass(frozen=True)
    class Few:
        nets: int = knob(1, choices=(1, 4), label="Nets")

    with pytest.raises(Unfit):
        knobs(Few)["nets"].read(True)


def test_refusal_names_the_range_and_the_value() -> None:
    with pytest.raises(Unfit, match=r"Rate must be a number from 0\.0001 to 0\.1, not “2”\."):
        knobs(Params)["rate"].read("2")
    with pytest.raises(Unfit, match=r"Kind must be one of ReLU, tanh, not “relu”\."):
        knobs(Params)["kind"].read("relu")


def test_unknown_setting_is_named_and_the_rest_is_read() -> None:
    params, misses = read_settings(Params, {"depth": "2", "width": "8", "steps": "0"})
    assert params == Params(width=8)
    assert misses[0] == "There is no setting “depth”."
    assert misses[1].endswith("The default, 300, is used.")


def test_knobs_keep_their_order_and_defaults() -> None:
    assert list(knobs(Params)) == ["width", "steps", "rate", "kind", "text"]
    assert values_of(Params()) == {name: known.default for name, known in knobs(Params).items()}


def test_replace_changes_what_is_named_only() -> None:
    assert replace(Params(), {"width": 4}) == Params(width=4)


@given(st.text())
def test_quote_is_short_and_printable(text: str) -> None:
    quoted = quote(text)
    assert quoted.isprintable() and len(quoted) <= LONGEST_QUOTE + 3
    assert quoted[0] == "“" and quoted[-1] == "”"


@pytest.mark.parametrize(("value", "text"), [(0.005, "0.005"), (5e-05, "5e-05"), (32, "32"), ("tanh", "tanh")])
def test_plain_writes_as_a_reader_does(value: object, text: str) -> None:
    assert plain(value) == text


@pytest.mark.parametrize(
    ("relation", "measured", "holds"),
    [
        ("equals", 1.1, True),
        ("equals", 0.9, True),
        ("equals", 1.2, False),
        ("at most", -5.0, True),
        ("at most", 1.2, False),
        ("at least", 5.0, True),
        ("at least", 0.8, False),
        ("equals", math.nan, False),
        ("at most", math.nan, False),
        ("at least", math.nan, False),
    ],
)
def test_claim_holds_within_its_tolerance(relation: str, measured: float, holds: bool) -> None:
    claim = Claim("c", "A.", "measured", 1.0, None, tolerance=0.101, relation=relation)  # type: ignore[arg-type]
    assert claim.holds(measured) is holds


def test_claim_prints_its_number_as_shown() -> None:
    assert Claim("c", "A.", "exact", 59.82, lambda: 0.0, shown="{:.1f}").text == "59.8"


def test_spread_leaves_out_what_diverged() -> None:
    numbers = spread(np.array([1.0, np.nan, 3.0, np.inf, 2.0]))
    assert numbers["median"] == 2 and numbers["low"] == pytest.approx(1.2) and numbers["high"] == pytest.approx(2.8)
    assert numbers["replicas"] == [1.0, None, 3.0, None, 2.0]


def test_spread_of_nothing_finite_is_nan() -> None:
    numbers = spread(np.array([np.nan, np.inf]))
    assert math.isnan(numbers["median"]) and numbers["replicas"] == [None, None]
