"""What is asked for is found, whatever is asked."""

from hypothesis import given, settings
from hypothesis import strategies as st

from core import search


def test_text_labs_terms_and_references_are_found() -> None:
    assert "Text" in {place.kind for place in search.find("Chebyshev")}
    assert any(place.address == "sine_fits#rivals" for place in search.find("rivals"))
    assert any(place.address == "glossary#hessian" for place in search.find("hessian"))
    assert any(place.address == "references#barron1993" for place in search.find("Barron"))


def test_the_words_are_marked_and_may_be_begun_only() -> None:
    place = search.find("polynom")[0]
    assert search.MARK[0] in place.title + place.excerpt or "polynom" in place.title.lower()


def test_no_mark_of_the_essay_is_shown() -> None:
    for word in ("net", "curve", "points"):
        for place in search.find(word):
            assert "try:" not in place.excerpt and "claim:" not in place.excerpt and "@" not in place.excerpt


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=100))
def test_anything_may_be_asked(words: str) -> None:
    assert len(search.find(words)) <= search.MOST
