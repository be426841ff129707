"""Figures as files."""

import json
from collections import Counter
from xml.etree import ElementTree

import pytest
import vl_convert

from core import book, charts, pictures, stored

NAME = "sine_fits.fit"
SVG = "{http://www.w3.org/2000/svg}"
PROPERTIES = ("stroke", "fill", "transform", "d")
Marks = Counter[tuple[str | None, ...]]


def marks(svg: str) -> Marks:
    """How many marks are drawn, by their lines' colour, their filling, their place in the panel and their outline."""
    groups = [e for e in ElementTree.fromstring(svg).iter(f"{SVG}g") if "role-mark" in e.get("class", "")]
    drawn = {f"{SVG}{tag}" for tag in ("path", "line", "text", "image")}
    found = (e for group in groups for e in group.iter() if e.tag in drawn)
    return Counter(tuple(e.get(name) for name in PROPERTIES) for e in found)


@pytest.mark.parametrize("name", book.lab_names())
def test_panels_below_each_other_are_drawn_like_each_by_itself(name: str) -> None:
    lab = book.lab(name)
    frames, params = stored.load(name), lab.Params()
    assert frames is not None
    data = lab.data(params, frames, False)
    alone: Marks = Counter()
    for panel in lab.charts(params):
        spec = charts.fill(panel, data) | {"width": pictures.WIDTH}
        found = marks(vl_convert.vegalite_to_svg(json.dumps(spec)))
        assert found.total() > 0
        alone += found
    assert marks(pictures.svg(lab, params, frames)) == alone


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
