"""A figure as a file: its panels below each other, in light colours, as SVG or PNG."""

import json
import re
from collections.abc import Sequence
from typing import Any

from core import charts
from core.lab import Frame, Lab

WIDTH = 640
SCALE = 2
"""Pixels of a PNG for each pixel of the figure."""
CHANNELS = ("color", "shape", "strokeDash")
"""What has a legend. Panels below each other would share it, and the colours of the first."""


def svg(lab: Lab[Any], params: Any, frames: Sequence[Frame]) -> str:
    """The figure of the last frame as SVG."""
    import vl_convert

    return vl_convert.vegalite_to_svg(_spec(lab, params, frames))


def png(lab: Lab[Any], params: Any, frames: Sequence[Frame]) -> bytes:
    """The figure of the last frame as PNG."""
    import vl_convert

    return vl_convert.vegalite_to_png(_spec(lab, params, frames), scale=SCALE)


def _spec(lab: Lab[Any], params: Any, frames: Sequence[Frame]) -> str:
    data = lab.data(params, frames, False)
    panels = [charts.fill(panel, data) | {"width": WIDTH} for panel in lab.charts(params)]
    # Vega-Lite reads data sets at the top alone: of those that a panel among others holds, nothing is drawn.
    datasets = panels[0]["datasets"]
    for panel in panels:
        del panel["$schema"], panel["datasets"]
    panels = [_placed(panel, {"width": WIDTH, "height": panel["height"]}) for panel in panels]
    return json.dumps(
        {
            "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
            "vconcat": panels,
            "datasets": datasets,
            "resolve": {"scale": dict.fromkeys(CHANNELS, "independent")},
            "config": {"background": "white", "view": {"stroke": None}, "axis": {"gridColor": charts.LIGHT["grid"]}},
            "description": lab.sentence(params, frames),
            "title": {"text": lab.title, "anchor": "start"},
        }
    )


def _placed(spec: Any, size: dict[str, int]) -> Any:
    """``spec`` with its panel's size in place of ``width`` and ``height``, which mean the whole figure in Vega-Lite."""
    if isinstance(spec, dict):
        return {
            key: re.sub(r"\b(width|height)\b", lambda name: str(size[name[0]]), value)
            if key == "expr"
            else _placed(value, size)
            for key, value in spec.items()
        }
    return [_placed(part, size) for part in spec] if isinstance(spec, list) else spec
