"""The colours of the figures, seen with every kind of colour vision: simulated after Machado et al. (2009)."""

import itertools
import json
import re
import tomllib

import numpy as np
import pytest
from colorspacious import cspace_convert, deltaE

from core import book, charts
from core.lab import Array

PALETTES = {"light": charts.LIGHT, "dark": charts.DARK}
VISIONS = ("typical", "protanomaly", "deuteranomaly", "tritanomaly")
LEAST_DIFFERENCE = 15
"""In CAM02-UCS, where 1 can just be seen side by side; lines and dots are small and lie apart."""
LEAST_CONTRAST = 4.5
"""As WCAG asks of text, since names are written beside lines in their colours."""


def _rgb(colour: str) -> Array:
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255


def _seen(colour: str, vision: str) -> Array:
    if vision == "typical":
        return _rgb(colour)
    # The anomaly in full: none of that kind of cone is left.
    space = {"name": "sRGB1+CVD", "cvd_type": vision, "severity": 100}
    seen: Array = np.clip(cspace_convert(_rgb(colour), space, "sRGB1"), 0, 1)
    return seen


def _luminance(colour: str) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in _rgb(colour)]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("scheme", PALETTES)
def test_any_two_colours_can_be_told_apart(scheme: str, vision: str) -> None:
    roles = {role: colour for role, colour in PALETTES[scheme].items() if role != "grid"}
    for (one, first), (other, second) in itertools.combinations(roles.items(), 2):
        difference = deltaE(_seen(first, vision), _seen(second, vision), input_space="sRGB1")
        assert difference >= LEAST_DIFFERENCE, (one, other)


@pytest.mark.parametrize("scheme", PALETTES)
def test_colours_stand_out_from_the_page(scheme: str) -> None:
    theme = tomllib.loads((book.ROOT / ".streamlit" / "config.toml").read_text("utf-8"))["theme"]
    for role, colour in PALETTES[scheme].items():
        contrast = _contrast(colour, theme[scheme]["backgroundColor"])
        assert contrast >= LEAST_CONTRAST or (role == "grid" and contrast < 2), role


def test_the_simulation_knows_a_pair_that_is_often_confused() -> None:
    red, green = "#c04000", "#708000"
    assert deltaE(_seen(red, "typical"), _seen(green, "typical"), input_space="sRGB1") > 30
    assert deltaE(_seen(red, "deuteranomaly"), _seen(green, "deuteranomaly"), input_space="sRGB1") < 15


@pytest.mark.parametrize("name", book.lab_names())
def test_a_figure_has_no_other_colours(name: str) -> None:
    lab = book.lab(name)
    for chart in lab.charts(lab.Params()):
        spec = json.dumps(chart.to_dict())
        assert not re.findall(r"#[0-9a-fA-F]{3,8}\b|rgba?\(", spec)
        assert set(re.findall(r"role:(\w+)", spec)) <= set(charts.LIGHT) == set(charts.DARK)
