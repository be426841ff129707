"""Addresses are read, never trusted."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import book
from core.lab import knobs, replace
from core.ui import links, share

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


def test_a_lab_alone_with_parts_hidden() -> None:
    view, misses = links.view(LABS, {"embed": "true", "lab": "fit", "hide": "data, width,colour", "v": "1"})
    assert view == links.View("fit", frozenset({"data", "width"}))
    assert len(misses) == 1 and "“colour”" in misses[0]


@pytest.mark.parametrize(("query", "word"), [({"lab": "nothing"}, "nothing"), ({"v": "7"}, "7"), ({"lab": ""}, "")])
def test_a_view_that_does_not_exist_is_the_whole_page(query: dict[str, str], word: str) -> None:
    view, misses = links.view(LABS, query)
    assert view == links.View()
    assert [f"“{word}”" in miss for miss in misses] == [True] * bool(word)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(["lab", "hide", "v"]), st.text(max_size=200)))
def test_any_view_is_read(query: dict[str, str]) -> None:
    view, misses = links.view(LABS, query)
    assert view.lab in ("", *LABS)
    assert all(miss.endswith(".") and "\n" not in miss for miss in misses)


def test_an_address_that_is_made_is_read_again() -> None:
    params = replace(LABS["fit"].Params(), {"width": 64, "learning_rate": 0.0042})
    made = links.address("https://example.org/sine_fits", "fit", params, alone=True, hidden=["data", "width"])
    query = dict(parse_qsl(urlsplit(made).query))
    assert links.view(LABS, query) == (links.View("fit", frozenset({"data", "width"})), [])
    found, misses = links.read(LABS, query)
    assert found["fit"] == params and not misses


def test_a_frame_is_html_that_a_page_can_take() -> None:
    lab = LABS["own"]
    made = share.iframe("https://example.org/own", lab, "own", lab.Params(), ["data"])
    assert made.startswith('<iframe src="https://example.org/own?embed=true&amp;lab=own&amp;hide=data')
    assert share.height(lab, lab.Params(), ["settings"]) < share.height(lab, lab.Params())
