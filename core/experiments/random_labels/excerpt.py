"""Some neighbours on the line of a net built by hand, drawn large: pictures, labels, hinges and the net itself."""

import base64
import struct
import zlib
from collections.abc import Mapping
from typing import Any

import altair as alt
import numpy as np

from core import charts as look
from core.data import Floats
from core.experiments.random_labels.by_hand import Net
from core.lab import Array, Columns

SHOWN = 12
"""Images in an excerpt."""
LOWEST, HIGHEST = -20.0, 35.0
"""Outputs that there is room for; the pictures stand below."""


def values(part: str, images: Floats, exact: Net, single: Net) -> dict[str, Array]:
    """What :func:`data` draws, of images ``(n, 64)`` in the order of the line and their net in two precisions."""
    n = len(images)
    first = max(0, {"start": 0, "middle": (n - SHOWN) // 2, "end": n - SHOWN}[part])
    chosen = slice(first, first + SHOWN)
    # A hinge and its image alternate.
    curves = [np.stack((net.at_hinges[chosen], net.at_images[chosen]), axis=1).ravel() for net in (exact, single)]
    return {
        "excerpt_first": np.array(first),
        "excerpt_pictures": padded((images[chosen] * 16).astype(np.uint8), SHOWN),
        "excerpt_labels": padded(exact.y[chosen], SHOWN),
        "excerpt_curve64": padded(curves[0], 2 * SHOWN),
        "excerpt_curve32": padded(curves[1].astype(float), 2 * SHOWN),
        "excerpt_ends": np.array([exact.b[first], exact.z[chosen][-1]]) - exact.z.mean(),
    }


def padded(array: Array, length: int) -> Array:
    """An array made ``length`` long with NaN, or with 0 if it holds whole numbers."""
    room = np.full((length, *array.shape[1:]), np.nan if array.dtype.kind == "f" else 0, array.dtype)
    room[: len(array)] = array
    return room


def panel(part: str) -> Any:
    """Both nets, images as pictures with their labels, and hinges as ticks."""
    where = {"start": "the first", "middle": "the middle", "end": "the last"}[part]
    x = alt.X("place:Q", scale=alt.Scale(domain=[-0.5, SHOWN], nice=False), axis=None)
    scale = alt.Scale(domain=[LOWEST - 12, HIGHEST], nice=False)
    axis = alt.Axis(values=[-20, -10, 0, 10, 20, 30])

    def y(column: str) -> alt.Y:
        return alt.Y(f"{column}:Q", scale=scale, axis=axis, title="output of the net")

    colour = alt.Color(
        "precision:N",
        scale=look.legend((("float64", look.NET), ("float32", look.BETWEEN))),
        legend=alt.Legend(title=None, orient="top", symbolType="stroke", symbolStrokeWidth=2.5),
    )
    lines = [
        look.layer(f"curve{bits}", x=x, y=y("output"), color=colour)
        .transform_calculate(precision=f"'float{bits}'")
        .mark_line(strokeWidth=2.4, strokeDash=dash, clip=True)
        for bits, dash in ((64, [1, 0]), (32, [5, 4]))
    ]
    tooltip = [alt.Tooltip("label:Q"), alt.Tooltip("image:Q", title="place on the line")]
    return look.panel(
        *lines,
        look.layer("hinges", x=x).mark_tick(color=look.NET, size=10, thickness=1.5, y=5),
        look.layer("excerpt", x=x, y=y("label"), tooltip=tooltip).mark_point(
            filled=True, color=look.INK, size=60, opacity=1, clip=True
        ),
        look.layer("excerpt", x=x, url="picture:N").mark_image(
            width=34, height=34, smooth=False, y=alt.ExprRef("height - 36"), baseline="middle", align="center"
        ),
        look.layer("excerpt", x=x, text="label:Q").mark_text(
            color=look.INK, fontSize=13, fontWeight="bold", y=alt.ExprRef("height - 9")
        ),
        title=f"The net on {where} {SHOWN} images of the line, set evenly apart: hinges (ticks), pictures, labels",
        height=340,
    )


def data(values: Mapping[str, Array], hinge: float) -> dict[str, Columns]:
    """The data sets of :func:`panel`; images are set evenly apart, which keeps the pieces of the net straight."""
    labels = values["excerpt_labels"][np.isfinite(values["excerpt_labels"])].astype(int).tolist()
    images = np.arange(len(labels))
    hinges = images - 0.5 + hinge
    places = np.stack((hinges, images + 0.5), axis=1).ravel()
    return {
        **{f"curve{bits}": _curve(places, values[f"excerpt_curve{bits}"]) for bits in (64, 32)},
        "hinges": {"place": look.fixed(hinges, 2)},
        "excerpt": {
            "place": look.fixed(images + 0.5, 1),
            "label": labels,
            "image": (images + 1 + int(values["excerpt_first"])).tolist(),
            "picture": [picture(pixels) for pixels in values["excerpt_pictures"][: len(labels)]],
        },
    }


def _curve(x: Array, y: Array) -> Columns:
    """A net as a line through hinges and images, cut where it leaves the room for it."""
    y = y[: len(x)]
    for edge in (LOWEST, HIGHEST):
        with np.errstate(all="ignore"):
            share = (edge - y[:-1]) / np.diff(y)
        crossed = np.flatnonzero((share > 0) & (share < 1))
        x = np.insert(x, crossed + 1, x[crossed] + share[crossed] * np.diff(x)[crossed])
        y = np.insert(y, crossed + 1, edge)
    return {"place": look.fixed(x), "output": look.fixed(np.where((y < LOWEST) | (y > HIGHEST), np.nan, y), 2)}


def picture(pixels: Array) -> str:
    """An 8×8 image ``(64,)`` of whole numbers 0 to 16 as a PNG of grey ink on nothing, in a data address."""
    ink = (pixels.reshape(8, 8) * 255.0 / 16).astype(np.uint8)
    rows = np.zeros((8, 17), np.uint8)  # Each row is led by its filter, 0: none.
    rows[:, 1::2], rows[:, 2::2] = 128, ink
    header = struct.pack(">IIBBBBB", 8, 8, 8, 4, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b""))
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    return "data:image/png;base64," + base64.b64encode(png).decode()
