"""Figures as files."""

import pytest

from core import book, pictures, stored

NAME = "sine_fits.fit"


@pytest.mark.parametrize("name", ["sine_fits.fit", "sine_fits.beyond"])
def test_svg_holds_titles_and_the_text_alternative(name: str) -> None:
    lab = book.lab(name)
    frames = stored.load(name)
    assert frames is not None
    drawn = pictures.svg(lab, lab.Params(), frames)
    assert drawn.startswith("<svg") and lab.title in drawn and "role:" not in drawn
    for panel in lab.charts(lab.Params()):
        assert panel.to_dict()["title"]["text"] in drawn


def test_png_is_one() -> None:
    lab = book.lab(NAME)
    frames = stored.load(NAME)
    assert frames is not None
    assert pictures.png(lab, lab.Params(), frames).startswith(b"\x89PNG")
