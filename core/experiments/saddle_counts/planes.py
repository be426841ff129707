"""A landscape over the plane, drawn as shaded tiles, and descents on it."""

from typing import Any

import altair as alt
import numpy as np

from core import charts as look
from core.data import Floats
from core.lab import Array, Columns

TILES, TONES = 40, 10
"""A square of 40 by 40 tiles in ten tones."""
REACH, EDGE = 3.0, 2.9
"""Descents are seen in [−3, 3]²; what has left it is marked just inside."""
FATES = (("trapped", look.BETWEEN, "square"), ("free", look.OTHER, "diamond"), ("under way", look.INK, "cross"))


def middles(low: float, high: float) -> Floats:
    """The middles of the tiles along one side."""
    return low + (np.arange(TILES) + 0.5) * (high - low) / TILES


def tiles(name: str, low: float, high: float, x: Any, y: Any) -> Any:
    """The tiles of a data set whose only column is their ``tone``, row by row: short to send."""
    side = (high - low) / TILES
    tone = alt.Opacity("tone:Q", scale=alt.Scale(domain=[0, TONES - 1], range=[0.02, 0.75]), legend=None)
    return (
        look.layer(name, x=x, x2="right:Q", y=y, y2="top:Q", opacity=tone)
        .transform_window(row="row_number()")
        .transform_calculate(
            x=f"((datum.row - 1) % {TILES}) * {side} + ({low})",
            y=f"floor((datum.row - 1) / {TILES}) * {side} + ({low})",
        )
        .transform_calculate(right=f"datum.x + {side}", top=f"datum.y + {side}")
        .mark_rect(color=look.QUIET, clip=True)
    )


def descents(name: str, title: str) -> Any:
    """A panel: the landscape, its rims, paths down it, and the fates of those who went."""
    scale, axis = alt.Scale(domain=[-REACH, REACH], nice=False), alt.Axis(grid=False, tickCount=6)
    x, y = (alt.X("x:Q", scale=scale, axis=axis, title=None), alt.Y("y:Q", scale=scale, axis=axis, title=None))
    legend = alt.Legend(title=None, orient="top")
    fates = [fate for fate, _, _ in FATES]
    colour = alt.Color("fate:N", scale=look.legend([(fate, role) for fate, role, _ in FATES]), legend=legend)
    shape = alt.Shape("fate:N", scale=alt.Scale(domain=fates, range=[mark for _, _, mark in FATES]), legend=legend)
    return look.panel(
        tiles(f"{name}_tones", -REACH, REACH, x, y),
        look.layer(f"{name}_rims", x=x, y=y, detail="rim:N", order=alt.Order("time:Q")).mark_line(
            color=look.BETWEEN, strokeWidth=2, strokeDash=[5, 4], clip=True
        ),
        look.layer(f"{name}_paths", x=x, y=y, detail="start:N", order=alt.Order("time:Q")).mark_line(
            color=look.INK, strokeWidth=1, opacity=0.7, clip=True
        ),
        look.layer(f"{name}_ends", x=x, y=y, color=colour, shape=shape).mark_point(
            filled=True, size=50, opacity=1, clip=True
        ),
        title=title,
        height=300,
        columns=6,
    )


def descent_data(name: str, heights: Floats, paths: Floats, trapped: Array, free: Array) -> dict[str, Columns]:
    """Tones of the tiles by the rank of their heights (1600,), ``paths`` (S, T, 2) up to now, and which starts (S,)
    are trapped or free."""
    paths = paths * np.minimum(1, EDGE / np.abs(paths).max(axis=-1, keepdims=True))
    return {
        f"{name}_tones": {"tone": (heights.argsort().argsort() * TONES // len(heights)).tolist()},
        f"{name}_paths": {
            "start": [start for start in range(len(paths)) for _ in range(paths.shape[1])],
            "time": list(range(paths.shape[1])) * len(paths),
            "x": look.fixed(paths[..., 0].ravel(), 2),
            "y": look.fixed(paths[..., 1].ravel(), 2),
        },
        f"{name}_ends": {
            "fate": [FATES[0 if t else 1 if f else 2][0] for t, f in zip(trapped, free, strict=True)],
            "x": look.fixed(paths[:, -1, 0], 2),
            "y": look.fixed(paths[:, -1, 1], 2),
        },
    }
