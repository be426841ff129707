"""A net built by hand, not trained, that memorises any labels with 2n + d weights."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np

from core import charts as look
from core.data import Floats, digits
from core.experiments.random_labels import excerpt
from core.experiments.random_labels.by_hand import Net, condition
from core.lab import Array, Columns, Frame, Guess, Lab, knob, spread

PIXELS = 64
SIZES = 25
"""Numbers of images, evenly apart on a logarithmic axis, for which the net is built."""
DRAWN = 90
"""Images and hinges of the whole line that are drawn."""
NUMBERS = ("residual", "residual32", "right", "right32", "condition", "weight", "swing")
SINGLE, DOUBLE = 2.0**24, 2.0**53
"""Beyond such a condition number, float32 and float64 vouch for no digit."""


@dataclass(frozen=True)
class Params:
    """What a reader can set."""

    samples: int = knob(200, low=2, high=1797, log=True, label="Images", help="How many digits the net must memorise.")
    labels: str = knob("random", choices=("random", "true"), label="Labels")
    hinge: float = knob(
        0.5,
        low=0.05,
        high=0.95,
        label="Place of the hinges",
        help="How far from one image to the next each hinge stands: 0.5 is midway.",
    )
    excerpt: str = knob(
        "start", choices=("start", "middle", "end"), label="Excerpt", help="Which part of the line is drawn large."
    )
    directions: int = knob(
        8,
        choices=(1, 4, 8),
        label="Directions",
        help="Nets that differ in direction and random labels.",
        minor=True,
    )
    seed: int = knob(0, low=0, high=9999, label="Seed", help="Of the random directions and labels.", minor=True)


def run(params: Params) -> Iterator[Frame]:
    """Build the nets for more and more images, one direction after another.

    Frames, each with the nets of the frame's ``size`` built so far, NaN for the rest: ``residual``, the largest
    |c(x_i) − y_i|, ``right``, the share of labels that c names when rounded, both also in float32, ``condition`` of A
    in the 2-norm, ``weight``, the largest |w_j|, ``swing``, the largest |c| at a hinge, (S,); and of the first
    direction the figure's ``excerpt_…`` and ``line_…``.
    """
    sizes = np.unique(np.geomspace(2, params.samples, SIZES).round().astype(int))
    step, total = 0, int(sizes.sum()) * params.directions
    for size in sizes.tolist():
        numbers = {name: np.full(params.directions, np.nan) for name in NUMBERS}
        drawn: dict[str, Array] = {}
        for replica in range(params.directions):
            images, z, labels = problem(params, size, replica)
            exact = Net(z, labels, params.hinge)
            single = Net(z.astype(np.float32), labels.astype(np.float32), params.hinge)
            found = {
                "residual": exact.residual,
                "residual32": single.residual,
                "right": exact.right,
                "right32": single.right,
                "condition": condition(exact.matrix),
                "weight": np.abs(exact.w).max(),
                "swing": np.abs(exact.at_hinges).max(),
            }
            for name, number in found.items():
                numbers[name][replica] = number if np.isfinite(number) else np.nan
            drawn = drawn or excerpt.values(params.excerpt, images, exact, single) | _line(exact)
            step += size
            yield Frame(step, total, {"size": np.array(size), **{k: v.copy() for k, v in numbers.items()}, **drawn})


def problem(params: Params, size: int, replica: int) -> tuple[Floats, Floats, Floats]:
    """The first ``size`` images ``(n, 64)`` in the order of a random line, where on it they lie ``(n,)``, and their
    labels 0 to 9 ``(n,)``."""
    rng = np.random.default_rng([params.seed, replica])
    images, truth = digits()
    direction = rng.normal(size=PIXELS)
    labels = rng.integers(0, 10, len(images)) if params.labels == "random" else truth
    z = images[:size] @ direction
    order = np.argsort(z, kind="stable")
    return images[order], z[order], labels[order].astype(float)


def _line(net: Net) -> dict[str, Array]:
    """Images, hinges and how far the net swings there, of at most ``DRAWN`` along the whole line."""
    chosen = np.union1d(look.thinned(len(net.z), DRAWN - 1), np.abs(net.at_hinges).argmax())
    middle = net.z.mean()
    columns = {"images": net.z - middle, "hinges": net.b - middle, "swings": np.abs(net.at_hinges)}
    return {f"line_{name}": excerpt.padded(values[chosen], DRAWN) for name, values in columns.items()}


def charts(params: Params) -> Sequence[Any]:
    """The net on neighbouring images, the whole line, and how residual and condition number grow."""
    return (excerpt.panel(params.excerpt), _line_panel(), _residual_panel(params), _condition_panel(params))


def _line_panel() -> Any:
    x = alt.X("z:Q", scale=alt.Scale(domain=[-7, 7], nice=False), title="the line: a·x of each image, less the mean")
    scale = alt.Scale(type="log", domain=[1, 1e8], nice=False, clamp=True)
    y = alt.Y("swing:Q", scale=scale, axis=alt.Axis(values=[1, 1e2, 1e4, 1e6, 1e8], format="~e"), title="|output|")
    return look.panel(
        look.layer("window", x=x, x2="end:Q").mark_rect(color=look.QUIET, opacity=0.2, clip=True),
        look.layer("line", x=x, y=y).mark_point(filled=True, color=look.NET, size=16, opacity=0.8, clip=True),
        look.layer("rug", x=x).mark_tick(
            color=look.INK, opacity=0.6, size=10, thickness=1, y=alt.ExprRef("height - 6"), clip=True
        ),
        title="The whole line: images (ticks), how far the net swings at its hinges (dots), the excerpt (shaded)",
        height=190,
    )


def _residual_panel(params: Params) -> Any:
    scale = alt.Scale(type="log", domain=[1e-16, 1e8], nice=False, clamp=True)
    axis = alt.Axis(values=[1e-16, 1e-12, 1e-8, 1e-4, 1, 1e4, 1e8], format="~e")
    series = (("float64", "residual", look.NET, [1, 0]), ("float32", "residual32", look.BETWEEN, [6, 3]))
    return _growth_panel(params, series, scale, axis, "Largest error at an image")


def _condition_panel(params: Params) -> Any:
    scale = alt.Scale(type="log", domain=[1, 1e20], nice=False, clamp=True)
    axis = alt.Axis(values=[1, 1e4, 1e8, 1e12, 1e16, 1e20], format="~e")
    return _growth_panel(params, (("", "condition", look.NET, [1, 0]),), scale, axis, "Condition number of A")


def _growth_panel(params: Params, series: Sequence[Any], scale: alt.Scale, axis: alt.Axis, title: str) -> Any:
    """Medians and bands over directions against n, and the limits that hold for any net."""
    across = alt.Scale(type="log", domain=[2, max(10, params.samples)], nice=False)
    ticks = [n for n in (2, 5, 10, 20, 50, 100, 200, 500, 1000) if n <= max(10, params.samples)]
    x = alt.X("n:Q", scale=across, axis=alt.Axis(values=ticks, format=",", labelOverlap=True), title="images n")

    def y(column: str) -> alt.Y:
        return alt.Y(f"{column}:Q", scale=scale, axis=axis, title=None)

    name = series[0][1]
    layers = [
        look.layer(f"limits_{name}", y=y("limit")).mark_rule(color=look.QUIET, strokeDash=[2, 3]),
        look.layer(f"limits_{name}", y=y("limit"), text="name:N").mark_text(
            color=look.QUIET, align="left", baseline="bottom", x=6, dy=-3
        ),
    ]
    for label, column, colour, dash in series:
        layers += [
            look.layer("growth", x=x, y=y(f"{column}_low"), y2=f"{column}_high:Q").mark_area(
                color=colour, opacity=0.22
            ),
            look.layer("pinned_growth", x=x, y=y(column)).mark_line(
                color=look.PINNED, strokeWidth=1.8, strokeDash=[2, 2]
            ),
            look.layer("growth", x=x, y=y(column)).mark_line(color=colour, strokeWidth=2.4, strokeDash=dash),
        ]
        if label:
            layers.append(
                look.layer("growth_end", x=x, y=y(column))
                .transform_calculate(label=f"'{label}'")
                .encode(text="label:N")
                .mark_text(color=colour, align="right", baseline="bottom", dx=-2, dy=-6, fontWeight="bold")
            )
    return look.panel(*layers, title=title, height=260, columns=6)


def data(params: Params, frames: Sequence[Frame], every: bool) -> dict[str, Columns]:
    """The data sets of the panels."""
    values, growth = frames[-1].values, _growth(frames)
    drawn = np.isfinite(values["line_images"])
    line = {name: values[f"line_{name}"][drawn] for name in ("images", "hinges", "swings")}
    return {
        **excerpt.data(values, params.hinge),
        "window": {"z": look.fixed(values["excerpt_ends"][:1]), "end": look.fixed(values["excerpt_ends"][1:])},
        "rug": {"z": look.fixed(line["images"], 2)},
        "line": {"z": look.fixed(line["hinges"], 2), "swing": look.rounded(np.maximum(line["swings"], 1))},
        "growth": growth,
        "growth_end": {name: column[-1:] for name, column in growth.items()},
        "limits_residual": {"limit": [0.5], "name": ["above: another class is nearer"]},
        "limits_condition": {
            "limit": [SINGLE, DOUBLE],
            "name": ["float32 vouches for no digit", "float64 vouches for no digit"],
        },
    }


def _growth(frames: Sequence[Frame]) -> Columns:
    latest = list({int(frame.values["size"]): frame.values for frame in frames}.values())
    columns: Columns = {"n": [int(values["size"]) for values in latest]}
    for name in ("residual", "residual32", "condition"):
        bands = (look.rounded(quantile) for quantile in np.array([look.band(values[name]) for values in latest]).T)
        columns |= dict(zip((f"{name}_low", name, f"{name}_high"), bands, strict=True))
    return columns


def result(params: Params, frames: Sequence[Frame]) -> dict[str, Any]:
    """For the last number of images reached: ``samples``, ``parameters`` (2n + d), and medians over directions.

    ``max_residual``, ``condition_number``, ``largest_weight``, ``largest_output`` (at a hinge), ``fitted`` (the share
    of labels that the rounded output names), ``float32_residual``, ``float32_fitted``; and their ``spread``.
    """
    values = frames[-1].values
    names = {
        "max_residual": "residual",
        "condition_number": "condition",
        "largest_weight": "weight",
        "largest_output": "swing",
        "fitted": "right",
        "float32_residual": "residual32",
        "float32_fitted": "right32",
    }
    spreads = {name: spread(values[column]) for name, column in names.items()}
    size = int(values["size"])
    return {
        "samples": size,
        "parameters": 2 * size + PIXELS,
        **{name: s["median"] for name, s in spreads.items()},
        "spread": spreads,
    }


def sentence(params: Params, frames: Sequence[Frame]) -> str:
    """What this run shows."""
    numbers = result(params, frames)
    built = sum(value is not None for value in numbers["spread"]["fitted"]["replicas"])
    size, residual, single = numbers["samples"], numbers["max_residual"], numbers["float32_residual"]
    text = f"The first {size:,} of {params.samples:,} images" if size < params.samples else f"All {size:,} images"
    text += " with random labels, " if params.labels == "random" else " with their true labels, "
    text += f"one hidden layer of {size:,} hinges, {numbers['parameters']:,} weights, "
    text += "built along one direction: " if built == 1 else f"built along {built} random directions: "
    if not np.isfinite(residual):
        text += "the net exists on paper, but its weights outgrow float64, which ends at 1e308. "
    else:
        text += f"in float64 it {_missed(numbers, 'max_residual')}"
        if numbers["fitted"] < 1:
            text += f" and names {_percent(numbers['fitted'])} of them when rounded. "
            text += "The theorem holds for real numbers; here it does not survive rounding"
        text += f". Between images it swings out to {_short(numbers['largest_output'])}. "
    if np.isfinite(numbers["condition_number"]):
        text += f"The condition number is {_of(numbers, 'condition_number')}. "
    if not np.isfinite(single):
        return text + "In float32 no net comes out at all."
    text += f"In float32 the same recipe {_missed(numbers, 'float32_residual')}"
    text += f" and names {_percent(numbers['float32_fitted'])} of them when rounded. "
    if lost := built - sum(value is not None for value in numbers["spread"]["float32_residual"]["replicas"]):
        text += f"Along {lost} of the directions no float32 net comes out at all. "
    return text.rstrip()


def _missed(numbers: dict[str, Any], name: str) -> str:
    last_digit = 1e-14 if name == "max_residual" else 5e-6
    if numbers[name] < last_digit:
        return "meets the labels to the last digits"
    return f"misses the labels by {_of(numbers, name)} at worst"


def _of(numbers: dict[str, Any], name: str) -> str:
    found = numbers["spread"][name]
    text = _short(found["median"])
    if sum(value is not None for value in found["replicas"]) < 2:
        return text
    return f"{text} (the middle 80 %: {_short(found['low'])} to {_short(found['high'])})"


def _short(number: float) -> str:
    return f"{float(f'{number:.2g}'):,.0f}" if 10 <= number < 1e5 else f"{number:.2g}"


def _percent(share: float) -> str:
    return f"{np.floor(1000 * share) / 10:g} %"


def _how_many(params: Params, frames: Sequence[Frame]) -> int:
    each = result(params, frames)["parameters"] / params.samples
    return 0 if each < 4 else 1 if each < 100 else 2


def _reveal(params: Params, frames: Sequence[Frame]) -> str:
    numbers = result(params, frames)
    return (
        f"{numbers['parameters']:,}: two for each image and one for each pixel. With them the net misses no label by "
        f"more than {_short(numbers['max_residual'])}, the median of {params.directions} directions."
    )


LAB = Lab(
    title="Memorise by construction",
    Params=Params,
    run=run,
    charts=charts,
    data=data,
    result=result,
    sentence=sentence,
    rows=lambda params: {"direction": range(params.directions)},
    guess=Guess(
        question="200 pictures of 64 pixels each are given random labels, 0 to 9. A net with one hidden layer is to "
        "reproduce every one of them. How many weights does it need, at most?",
        options=("Fewer than 4 an image", "From 4 to 100 an image", "100 or more an image"),
        settings={"samples": 200, "labels": "random", "hinge": 0.5},
        answer=_how_many,
        reveal=_reveal,
    ),
)
