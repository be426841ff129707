"""One weight that memorises any labels: the classifier sign sin(θx) on the points x_j = 10^−j, j = 1 … k.

The construction behind its infinite capacity (Vapnik, 1995): the decimal digits of θ/π list the labels. Here digit j is
4 for a label +1 and 5 for −1, so that θ x_j / π = … d_j . d_{j−1} … d_0 lies between 0.4 and 0.56 beyond an even or
an odd number: near a crest of the wave for +1, near a trough for −1. Textbooks take 0 and 1 for digits, which gives the
same signs with less room for error.
"""

from collections.abc import Mapping
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import cache
from typing import Any

import altair as alt
import numpy as np

from core import charts as look
from core.data import Floats
from core.lab import Array, Columns

PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534211706798")
"""To 102 digits."""
MOST_BITS, LABELLINGS = 24, 200
"""So many random labels, and so many times, are given to floating-point arithmetic."""
PRECISIONS: dict[str, type[np.floating[Any]]] = {"float32": np.float32, "float64": np.float64}


def draw(points: int, seed: int) -> Array:
    """Random labels ±1 of the points 10^−1 … 10^−k, ``(k,)``."""
    labels: Array = np.random.default_rng([seed, points]).choice([-1, 1], points)
    return labels


def multiple(labels: Array) -> int:
    """θ/π for labels ±1 ``(k,)``: a whole number of k + 1 digits, the first label's the last but one."""
    digits = "4" + "".join("4" if label > 0 else "5" for label in labels)
    return int(digits[::-1])


def turns(theta_over_pi: int, points: int) -> Floats:
    """θ x_j / π less whole periods, 0 to 2, for j = 1 … ``points``: by exact fractions, rounded once, ``(k,)``."""
    return np.array([float(Fraction(theta_over_pi, 10**j) % 2) for j in range(1, points + 1)])


def signs(theta: Decimal, points: int) -> Array:
    """sign sin(θ x_j) ``(k,)``, for a θ that is taken as it is; right up to some 90 digits."""
    with localcontext() as context:
        context.prec = 140
        return np.array([1 if theta.scaleb(-j) % (2 * PI) < PI else -1 for j in range(1, points + 1)])


def kept(theta_over_pi: int, digits: int) -> Decimal:
    """θ rounded to that many decimal digits."""
    with localcontext() as context:
        context.prec = digits
        return +(PI * theta_over_pi)


@cache
def digits_needed(points: int, seed: int) -> int:
    """The fewest digits of θ that still give all the labels that are drawn for so many points."""
    labels = draw(points, seed)
    whole = multiple(labels)
    return next(d for d in range(1, points + 10) if (signs(kept(whole, d), points) == labels).all())


def survive(labels: Array, dtype: type[np.floating[Any]]) -> Array:
    """Which of the labels ``(R, k)`` the construction gives when θ, x and θx are floats of ``dtype``, ``(R, k)``."""
    x = np.array([10.0**-j for j in range(1, labels.shape[1] + 1)], dtype)
    theta = np.array([multiple(row) for row in labels], dtype) * dtype(np.pi)
    angles = (theta[:, np.newaxis] * x).astype(float)
    right: Array = np.sign(np.sin(angles)) == labels
    return right


def survival(seed: int) -> dict[str, Floats]:
    """The shares of random labellings of 1 … 24 points that the construction gives, by precision, each ``(24,)``."""
    labels = np.random.default_rng([seed, 0]).choice([-1, 1], (LABELLINGS, MOST_BITS))
    counts = range(1, MOST_BITS + 1)
    return {
        name: np.array([survive(labels[:, :k], dtype).all(axis=1).mean() for k in counts])
        for name, dtype in PRECISIONS.items()
    }


def bits_kept(shares: Floats) -> int:
    """Up to how many labels every labelling was given, from what :func:`survival` finds ``(24,)``."""
    return int(np.argmin(np.append(shares, 0) == 1))


def wave_panel(bits: int) -> Any:
    """The wave through the labelled points, on a logarithmic axis."""
    x = alt.X(
        "x:Q",
        scale=alt.Scale(domain=[-(bits + 0.8), -0.4], nice=False),
        axis=alt.Axis(values=[-j for j in range(1, bits + 1)], labelExpr="'1e' + datum.value", labelOverlap=True),
        title="x (at the left the wave as it is; then one period about each point, magnified)",
    )
    y = alt.Y(
        "y:Q", scale=alt.Scale(domain=[-1.25, 1.25], nice=False), axis=alt.Axis(values=[-1, 0, 1]), title="sin θx"
    )
    kinds = alt.Scale(domain=["label +1", "label −1", "float64 errs"], range=[look.NET, look.BETWEEN, look.INK])
    shapes = alt.Scale(domain=kinds.domain, range=["triangle-up", "triangle-down", "cross"])
    legend = alt.Legend(title=None, orient="top")
    return look.panel(
        look.layer("zero", y=y).mark_rule(color=look.QUIET),
        look.layer("wave", x=x, y=y, detail="piece:N").mark_line(color=look.OTHER, strokeWidth=1.8, clip=True),
        look.layer(
            "labels",
            x=x,
            y=y,
            color=alt.Color("kind:N", scale=kinds, legend=legend),
            shape=alt.Shape("kind:N", scale=shapes, legend=legend),
        ).mark_point(filled=True, size=110, opacity=1, clip=True),
        title=f"One weight θ gives {bits} random label{'s' if bits > 1 else ''}",
        height=240,
        columns=8,
    )


def survival_panel() -> Any:
    """What :func:`survival` finds, against the number of labels."""
    x = alt.X("bits:Q", scale=alt.Scale(domain=[1, MOST_BITS], nice=False), axis=alt.Axis(tickCount=6), title="labels")

    def y(column: str) -> alt.Y:
        return alt.Y(
            f"{column}:Q", scale=alt.Scale(domain=[0, 1.05], nice=False), axis=alt.Axis(tickCount=5), title=None
        )

    layers = []
    for name, colour, dash in (("float32", look.BETWEEN, [6, 3]), ("float64", look.NET, [1, 0])):
        layers += [
            look.layer("survival", x=x, y=y(name)).mark_line(color=colour, strokeWidth=2.4, strokeDash=dash),
            look.layer("half", x=x, y=y("share"), text="name:N")
            .transform_filter(f"datum.name == '{name}'")
            .mark_text(color=colour, fontWeight="bold", align="left", dx=7),
        ]
    return look.panel(*layers, title="Labellings that floats can give", height=240, columns=4)


@cache
def wave_data(bits: int, seed: int) -> dict[str, Columns]:
    """The wave up to the smallest point, pieces of it about each point, the points, and where float64 errs."""
    labels = draw(bits, seed)
    angles = turns(multiple(labels), bits)
    # In units of the smallest point, whose angle is a few turns only.
    start = np.geomspace(0.1, 1, 70)
    pieces = [("start", -bits + np.log10(start), start * (multiple(labels) / 10**bits))]
    about = np.linspace(-0.5, 0.5, 15)
    pieces += [(str(j), -j + 0.4 * about, angles[j - 1] + 2 * about) for j in range(1, bits)]
    wrong = ~survive(labels[np.newaxis], np.float64)[0]
    at = -np.arange(1, bits + 1)
    heights = np.sin(np.pi * angles)
    return {
        "zero": {"y": [0]},
        "wave": {
            "piece": [name for name, x, _ in pieces for _ in x],
            "x": look.fixed(np.concatenate([x for _, x, _ in pieces]), 2),
            "y": look.fixed(np.concatenate([np.sin(np.pi * angle) for _, _, angle in pieces]), 2),
        },
        "labels": {
            "x": [*at.tolist(), *at[wrong].tolist()],
            "y": look.fixed(np.append(heights, np.full(wrong.sum(), -0.0)), 2),
            "kind": [*("label +1" if label > 0 else "label −1" for label in labels), *["float64 errs"] * wrong.sum()],
        },
    }


def survival_data(shares: Mapping[str, Array]) -> dict[str, Columns]:
    """The data of :func:`survival_panel`; each name stands where its curve falls below one half."""
    falls = {name: int(np.argmax(shares[name] < 0.5)) for name in PRECISIONS}
    return {
        "survival": {
            "bits": list(range(1, MOST_BITS + 1)),
            **{name: look.fixed(shares[name]) for name in PRECISIONS},
        },
        "half": {
            "bits": [at + 1 for at in falls.values()],
            "share": look.fixed(np.array([shares[name][at] for name, at in falls.items()])),
            "name": list(falls),
        },
    }
