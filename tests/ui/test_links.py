"""Addresses are read, never trusted."""

from hypothesis import given, settings
from hypothesis import strategies as st

from core import book
from core.lab import knobs
from core.ui import links

LABS = book.labs("sine_fits")
KEYS = [f"{name}.{knob}" for name, lab in LABS.items() for knob in knobs(lab.Params)]


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(KEYS) | st.text(max_size=40),
        st.text(max_size=60) | st.floats().map(str) | st.integers().map(str) | st.text(min_size=3000, max_size=3001),
        max_size=6,
    )
)
def test_any_address_gives_settings_in_range_and_a_sentence_for_each_miss(query: dict[str, str]) -> None:
    found, misses = links.read(LABS, query)
    assert set(found) == set(LABS)
    for params in found.values():
        for name, knob in knobs(type(params)).items():
            assert knob.read(getattr(params, name)) == getattr(params, name)
    assert all(len(miss) < 400 and miss.endswith(".") and "\n" not in miss for miss in misses)


def test_streamlits_own_words_are_left_to_streamlit() -> None:
    assert links.read(LABS, {"embed": "true", "embed_options": "dark_theme"})[1] == []


def test_good_and_bad_side_by_side() -> None:
    found, misses = links.read(LABS, {"fit.width": "64", "fit.points": "many"})
    assert found["fit"].width == 64 and found["fit"].points == 10
    assert len(misses) == 1 and "“many”" in misses[0] and "10" in misses[0]
