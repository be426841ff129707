"""Panels of slices of the loss around nets: lines along one direction, and planes of shaded cells."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from core import charts as look
from core.experiments.sharp_flat_minima import panels

LEVELS = (0.15, 0.4, 1, 2.5, 6)
SHADES = (1, 0.78, 0.56, 0.38, 0.22, 0.08)
"""Losses that part the shades of a plane, and how opaque the cells between them are, the lowest first."""


def lines(rows: Sequence[panels.Row], reach: float, *, title: str, height: int) -> Any:
    """The panel of ``lines``: the loss along slices, ``low``, ``median`` and ``high``, and its ``parabola``."""
    loss, shade = panels.logarithmic(0.05, 50, 0.1, 0.3, 1, 3, 10), panels.colour(rows, panels.line_legend(rows))
    domain, name = alt.Scale(domain=[-reach, reach], nice=False), "distance from the net, in lengths of its weights"
    x = alt.X("x:Q", scale=domain, axis=alt.Axis(tickCount=9, format="~g"), title=name)

    def y(column: str) -> alt.Y:
        return panels.value(column, *loss, "training loss")

    drawn = look.layer("lines", x=x, y=y("median"), color=shade, strokeDash=panels.dash(rows))
    return look.panel(
        look.layer("lines", x=x, y=y("low"), y2="high:Q", color=shade).mark_area(opacity=0.2, clip=True),
        look.layer("lines", x=x, y=y("parabola"), color=shade).mark_line(strokeWidth=1, strokeDash=[2, 3], clip=True),
        look.layer("pinned_lines", x=x, y=y("median"), detail="row:N").mark_line(
            color=look.PINNED, strokeWidth=1.5, strokeDash=[2, 2], clip=True
        ),
        drawn.mark_line(strokeWidth=2.4, clip=True),
        title=title,
        height=height,
    )


def plane(row: panels.Row, reach: float, side: int, *, height: int) -> Any:
    """The panel of ``plane_…``, whose column ``loss`` goes through the cells row by row, and of ``path_…``."""
    width = 2 * reach / (side - 1)
    edge = reach + width / 2
    domain, axis = alt.Scale(domain=[-edge, edge], nice=False), alt.Axis(tickCount=5, format="~g", grid=False)

    def x(column: str) -> alt.X:
        return alt.X(f"{column}:Q", scale=domain, axis=axis, title="first direction")

    def y(column: str) -> alt.Y:
        return alt.Y(f"{column}:Q", scale=domain, axis=axis, title="second direction")

    shades = alt.Scale(type="threshold", domain=list(LEVELS), range=list(SHADES))
    legend = alt.Legend(title="training loss", orient="top", symbolType="square", columns=3)
    shade = alt.Opacity("loss:Q", scale=shades, legend=legend)
    cells = (
        look.layer(f"plane_{row.key}", x=x("left"), x2="right:Q", y=y("low"), y2="high:Q", opacity=shade)
        .transform_window(number="row_number()")
        .transform_calculate(
            left=f"(datum.number - 1) % {side} * {width} - {edge}",
            low=f"floor((datum.number - 1) / {side}) * {width} - {edge}",
        )
        .transform_calculate(right=f"datum.left + {width}", high=f"datum.low + {width}")
        .transform_filter("isValid(datum.loss)")
    )
    path = look.layer(f"path_{row.key}", x=x("x"), y=y("y"), order=alt.Order("step:Q"))
    return look.panel(
        cells.mark_rect(color=row.colour, clip=True),
        path.mark_line(color=look.INK, strokeWidth=1.6, clip=True),
        look.layer("net", x=x("x"), y=y("y")).mark_point(shape="cross", filled=True, color=look.INK, size=60),
        title=f"The first net of {row.label}, and its path",
        height=height,
        columns=6,
    )
