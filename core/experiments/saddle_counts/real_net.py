"""Every eigenvalue of the Hessian of small nets that learn digits, as their loss falls."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np

from core import charts as look
from core.lab import Array, Columns, Frame, Guess, Lab, knob, spread

INPUTS = 16
"""The 8×8 images are averaged over squares of 2×2 pixels."""
REFERENCE = 0.25
"""Outliers are counted when the loss has fallen to this share of ln C, the loss of guessing among C classes.

The same rule finds other counts much earlier, when none stand apart yet, and much later, when one outgrows the rest.
"""
MOMENTS = (math.inf, REFERENCE, 0.03, 0.6, 0.1, 0.4, 0.06, 0.8, 0.15)
"""Losses, as shares of ln C, at which spectra are taken, the most wanted first; the first is the start."""
BUDGET = 40.0
"""Seconds of one core for all spectra of a run: the larger the nets, the fewer moments."""
TOGETHER = 128
"""Columns of a Hessian computed at once."""
SPECTRUM_FRAMES = 100
GROWTH = 10
"""Between two looks at the loss the nets take one step, later a tenth of the steps they have taken."""
CLEAR = 1e-3
"""A negative eigenvalue is called clear if its size is at least this share of the largest eigenvalue."""
MEASURED = ("at_loss", "norm", "share", "clear_share", "deepest", "outliers")
ROUNDING = 1e-10
"""Eigenvalues this small, as a share of the largest, are taken for 0."""
SIGNS = ("negative", "zero or positive", "above the widest gap")
LINEAR = 1e-5
"""Eigenvalues are drawn on a scale that is linear up to this and logarithmic beyond."""
BINS = 80
EDGE = 5.0
HEIGHT = 270
NUMBERS = {"negative_share": "share", "clear_share": "clear_share", "deepest": "deepest", "gradient": "norm"}
"""What a result says of the spectra at one loss: the name there, and in the frames."""


@dataclass(frozen=True)
class Params:
    """What a reader can set."""

    classes: int = knob(10, low=2, high=10, label="Classes", help="The digits 0 to this many less one.")
    width: int = knob(16, choices=(4, 8, 16, 32, 64), label="Hidden units", help="64 units make 1,738 weights.")
    activation: str = knob("tanh", choices=("tanh", "ReLU"), label="Activation")
    learning_rate: float = knob(0.2, low=0.01, high=1.0, log=True, label="Learning rate")
    examples: int = knob(300, choices=(100, 200, 300), label="Images", help="How many the nets learn.", minor=True)
    steps: int = knob(
        1000, choices=(300, 1000, 3000), label="Steps", help="At most: a run ends at a small loss.", minor=True
    )
    replicas: int = knob(
        5, choices=(1, 3, 5), label="Nets", help="Nets that differ in their random start only.", minor=True
    )
    seed: int = knob(0, low=0, high=9999, label="Seed of the nets", minor=True)
    data_seed: int = knob(0, low=0, high=9999, label="Seed of the data", minor=True)


def parameters(params: Params) -> int:
    """The number P of weights and biases of a net."""
    return (INPUTS + 1) * params.width + (params.width + 1) * params.classes


def moments(params: Params) -> Array:
    """The losses at which spectra are taken, falling, ``(M,)``: as many as :data:`BUDGET` allows, 3 to 9."""
    size = parameters(params)
    seconds = 2e-9 * size**2 * params.examples + 1.5e-10 * size**3
    count = min(len(MOMENTS), max(3, int(BUDGET / (seconds * params.replicas))))
    return np.sort(MOMENTS[:count])[::-1] * math.log(params.classes)


def examples(params: Params) -> tuple[Array, Array]:
    """Centred images ``(n, 16)`` and labels ``(n,)``, drawn at random from those of the classes."""
    from core.data import digits

    images, labels = digits()
    chosen = np.random.default_rng([params.data_seed, params.classes]).permutation(
        np.flatnonzero(labels < params.classes)
    )[: params.examples]
    pooled = images.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(-1, INPUTS)[chosen]
    return pooled - pooled.mean(axis=0), labels[chosen]


def outliers(eigenvalues: Array, classes: int) -> int:
    """How many eigenvalues lie above the widest gap, as a ratio of neighbours, among the 2C largest.

    ``eigenvalues`` ``(P,)`` fall.
    """
    top = np.maximum(eigenvalues[: 2 * classes], 1e-12 * eigenvalues[0])
    return int(np.argmax(top[:-1] / top[1:])) + 1


def run(params: Params) -> Iterator[Frame]:
    """Train R nets by full-batch descent with momentum 0.9, and take exact spectra as their losses pass ``moments``.

    Frames: ``trained`` (), the training steps; ``loss`` and ``gradient`` (its norm), (R,); ``spectrum`` (P,), the
    latest of the first net, falling, taken at ``spectrum_loss`` (); ``top`` (R, 2C), the largest eigenvalues at the
    reference loss. Of each spectrum (R, M): ``at_loss``, ``norm`` of the gradient, ``share`` of negative eigenvalues,
    ``clear_share`` of clear ones, ``deepest``, the least over the largest, and ``outliers``. NaN until known.
    """
    from core.classification import Classification
    from core.curvature import Objective
    from core.nets import MLP

    x, y = examples(params)
    net = MLP((INPUTS, params.width, params.classes), params.activation)
    nets = Classification(
        net, x, y, replicas=params.replicas, learning_rate=params.learning_rate, momentum=0.9, seed=params.seed
    )
    shapes = tuple(part.shape[1:] for part in nets.parameters)
    objective = Objective(net, shapes, x, y)
    levels, size = moments(params), parameters(params)
    blocks = -(-size // TOGETHER)
    together = -(-blocks * params.replicas * len(levels) // SPECTRUM_FRAMES)
    parts = -(-blocks // together)
    looks = _looks(params.steps)
    total = len(looks) + parts * params.replicas * len(levels)
    measured: dict[str, Array] = {name: np.full((params.replicas, len(levels)), np.nan) for name in MEASURED}
    measured["top"] = np.full((params.replicas, 2 * params.classes), np.nan)
    measured |= {"spectrum": np.full(size, np.nan), "spectrum_loss": np.array(np.nan)}
    taken = np.zeros(params.replicas, int)
    done = 0
    for until in looks:
        nets.advance(until - nets.step)
        point = objective.pack(nets.parameters)
        now = {"trained": np.array(float(until)), "loss": objective.loss(point)}
        now["gradient"] = np.linalg.norm(objective.gradient(point), axis=1)
        done += 1
        yield Frame(done, total, {**now, **{name: value.copy() for name, value in measured.items()}})
        for r in range(params.replicas):
            passed = int(np.sum(now["loss"][r] <= levels))
            if passed <= taken[r]:
                continue
            done += parts * (passed - taken[r] - 1)  # What fell past several at once is measured at the last.
            taken[r] = passed
            for part, hessian in enumerate(_filled(objective, point[r], together), 1):
                if part == parts:
                    _take(measured, eigenvalues(hessian), r, passed - 1, now, params.classes, levels)
                done += 1
                yield Frame(done, total, {**now, **{name: value.copy() for name, value in measured.items()}})
        if (taken == len(levels)).all():
            break
    if done < total:
        yield Frame(total, total, {**now, **measured})


def _looks(steps: int) -> list[int]:
    """The steps after which the loss is looked at."""
    looks = [0]
    while looks[-1] < steps:
        looks.append(min(steps, looks[-1] + max(1, looks[-1] // GROWTH)))
    return looks


def _filled(objective: Any, point: Array, together: int) -> Iterator[Array]:
    """The Hessian ``(P, P)`` at ``(P,)``, again and again, each time with that many blocks of rows more."""
    size = len(point)
    blocks = -(-size // TOGETHER)
    hessian = np.zeros((size, size))
    here = np.repeat(point[np.newaxis], min(TOGETHER, size), axis=0)
    for block in range(blocks):
        begin = min(block * TOGETHER, max(size - TOGETHER, 0))
        vectors = np.eye(len(here), size, begin)
        hessian[begin : begin + len(here)] = objective.hessian_vector_product(here, vectors)
        if (block + 1) % together == 0 or block + 1 == blocks:
            yield hessian


def eigenvalues(hessian: Array) -> Array:
    """All eigenvalues of a symmetric ``(P, P)``, falling, ``(P,)``."""
    import tensorflow as tf

    # numpy's would share this process's cores with TensorFlow's threads, which makes it many times as slow.
    return np.asarray(tf.linalg.eigvalsh((hessian + hessian.T) / 2))[::-1]


def _take(
    measured: dict[str, Array], found: Array, net: int, moment: int, now: dict[str, Array], classes: int, levels: Array
) -> None:
    numbers = {
        "at_loss": now["loss"][net],
        "norm": now["gradient"][net],
        "share": np.mean(found < -ROUNDING * found[0]),
        "clear_share": np.mean(found < -CLEAR * found[0]),
        "deepest": found[-1] / found[0],
        "outliers": outliers(found, classes),
    }
    for name, number in numbers.items():
        measured[name][net, moment] = number
    if levels[moment] == REFERENCE * math.log(classes):
        measured["top"][net] = found[: 2 * classes]
    if net == 0:
        measured["spectrum"][:] = found
        measured["spectrum_loss"][...] = now["loss"][0]


def charts(params: Params) -> Sequence[Any]:
    """Loss and gradient against steps, negative eigenvalues against loss, a whole spectrum, and its largest."""
    return _training_panel(params), _share_panel(params), _spectrum_panel(params), _top_panel(params)


def _training_panel(params: Params) -> Any:
    x = alt.X("step:Q", scale=alt.Scale(domain=[0, params.steps], nice=False), title="training steps")
    scale = alt.Scale(type="log", domain=[1e-3, 5], nice=False, clamp=True)
    axis = alt.Axis(values=[1e-3, 1e-2, 0.1, 1], format="~g")
    legend = alt.Legend(title=None, orient="top")
    kinds = {"loss": ("loss", look.NET), "gradient": ("norm of its gradient", look.BETWEEN)}
    roles = look.legend(tuple(kinds.values()))
    dash = alt.Scale(domain=[kind for kind, _ in kinds.values()], range=[[1, 0], [6, 3]])

    def y(column: str) -> alt.Y:
        return alt.Y(f"{column}:Q", scale=scale, axis=axis, title=None)

    layers: list[Any] = []
    for name, (kind, role) in kinds.items():
        colour = alt.Color("kind:N", scale=roles, legend=legend)
        dashes = alt.StrokeDash("kind:N", scale=dash, legend=legend)
        base = look.layer("training", x=x).transform_calculate(kind=f"'{kind}'")
        layers += [
            base.encode(y=y(f"{name}_low"), y2=f"{name}_high:Q").mark_area(color=role, opacity=0.2),
            look.layer("pinned_training", x=x, y=y(name)).mark_line(
                color=look.PINNED, strokeWidth=1.5, strokeDash=[2, 2]
            ),
            base.encode(y=y(name), color=colour, strokeDash=dashes).mark_line(strokeWidth=2.2),
        ]
    layers.append(
        look.layer("every", x=x, y=y("loss"), detail="net:N").mark_line(color=look.NET, strokeWidth=0.8, opacity=0.6)
    )
    return look.panel(*layers, title="Training", height=HEIGHT, columns=6)


def _loss_axis(params: Params) -> alt.X:
    most = 1.6 * math.log(params.classes)
    scale = alt.Scale(type="log", domain=[most, 0.012 * most], nice=False, clamp=True)
    ticks = [tick for tick in (5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01) if 0.012 * most < tick < most]
    return alt.X("loss:Q", scale=scale, axis=alt.Axis(values=ticks, format="~g"), title="loss (training goes right)")


def _share_panel(params: Params) -> Any:
    x = _loss_axis(params)
    y = alt.Y("share:Q", scale=alt.Scale(domain=[0, 0.6], nice=False), axis=alt.Axis(format="%"), title=None)
    names = ["all", "clear: over 0.1 % of the largest in size"]
    roles = alt.Scale(domain=[0, 1], range=[look.NET, look.BETWEEN])
    shapes = alt.Scale(domain=[0, 1], range=["circle", "diamond"])
    legend = alt.Legend(title=None, orient="top", labelLimit=260, labelExpr=f"{names}[datum.value]")
    colour, shape = alt.Color("kind:N", scale=roles, legend=legend), alt.Shape("kind:N", scale=shapes, legend=legend)
    return look.panel(
        look.layer("pinned_moments", x=x, y=y, detail="kind:N").mark_line(
            color=look.PINNED, strokeWidth=1.5, strokeDash=[2, 2], clip=True
        ),
        look.layer("moments", x=x, y=y, color=colour).mark_line(strokeWidth=2, clip=True),
        look.layer("spectra", x=x, y=y, color=colour, shape=shape).mark_point(
            size=26, filled=True, opacity=0.75, clip=True
        ),
        title="Share of negative eigenvalues, every net",
        height=HEIGHT,
        columns=6,
    )


def _spectrum_panel(params: Params) -> Any:
    scale = alt.Scale(type="symlog", constant=LINEAR, domain=[-EDGE, EDGE], nice=False)
    axis = alt.Axis(values=[-1, -0.01, -1e-4, 0, 1e-4, 0.01, 1], format="~g", grid=False)
    x = alt.X("low:Q", scale=scale, axis=axis, title="eigenvalue (logarithmic beyond ±0.00001)")
    counts = alt.Scale(type="log", domain=[0.7, 500], nice=False, clamp=True)
    y = alt.Y("count:Q", scale=counts, axis=alt.Axis(values=[1, 10, 100], format="~g"), title="eigenvalues")
    roles = alt.Scale(domain=[0, 1, 2], range=[look.BETWEEN, look.NET, look.OTHER])
    legend = alt.Legend(title=None, orient="top", labelExpr=f"{list(SIGNS)}[datum.value]", labelLimit=200)
    colour = alt.Color("sign:N", scale=roles, legend=legend)
    return look.panel(
        look.layer("spectrum", x=x, x2="high:Q", y=y, y2=alt.datum(0.7), color=colour).mark_rect(clip=True),
        title="All eigenvalues of the first net at its latest stop",
        height=HEIGHT,
        columns=6,
    )


def _top_panel(params: Params) -> Any:
    ranks = 2 * params.classes
    scale = alt.Scale(domain=[0.3, ranks + 0.7], nice=False)
    x = alt.X("rank:Q", scale=scale, axis=alt.Axis(tickMinStep=1, grid=False, format="d"), title="rank")
    values = alt.Scale(type="log", domain=[0.005, 1.5], nice=False, clamp=True)
    ticks = alt.Axis(values=[0.01, 0.03, 0.1, 0.3, 1], format="~g")
    y = alt.Y("value:Q", scale=values, axis=ticks, title="eigenvalue, as a share of the largest")
    label = look.layer("guide", x=x, text="label:N")
    return look.panel(
        look.layer("guide", x=x).mark_rule(color=look.INK, strokeDash=[5, 4], strokeWidth=1.2),
        label.mark_text(color=look.INK, align="left", dx=5, y=alt.ExprRef("12")),
        look.layer("pinned_top", x=x, y=y, detail="net:N").mark_line(
            color=look.PINNED, strokeWidth=1, strokeDash=[2, 2], clip=True
        ),
        look.layer("top", x=x, y=y, detail="net:N").mark_line(color=look.QUIET, strokeWidth=0.8, clip=True),
        look.layer(
            "top", x=x, y=y, color=alt.condition("datum.above", alt.value(look.OTHER), alt.value(look.NET))
        ).mark_point(filled=True, size=28, opacity=0.85, clip=True),
        title="The largest eigenvalues of every net at loss ¼ ln C",
        height=HEIGHT,
        columns=6,
    )


def data(params: Params, frames: Sequence[Frame], every: bool) -> dict[str, Columns]:
    """The data sets of the panels."""
    values = frames[-1].values
    looks = [i for i, frame in enumerate(frames) if not i or frame.values["trained"] > frames[i - 1].values["trained"]]
    chosen = [frames[looks[i]] for i in look.thinned(len(looks))]
    training: Columns = {"step": [int(frame.values["trained"]) for frame in chosen]}
    for name in ("loss", "gradient"):
        bounds = look.band(np.stack([frame.values[name] for frame in chosen], axis=1))
        parts = (look.rounded(bound) for bound in bounds)
        training |= dict(zip((f"{name}_low", name, f"{name}_high"), parts, strict=True))
    return {
        "training": training,
        **_shares(values),
        "spectrum": histogram(values["spectrum"], params.classes),
        "guide": {"rank": [params.classes - 0.5], "label": ["C − 1"]},
        "top": _top(values["top"], params.classes),
        "every": _every(chosen) if every else {"net": [], "step": [], "loss": []},
    }


def _shares(values: Any) -> dict[str, Columns]:
    spectra: Columns = {"kind": [], "loss": [], "share": []}
    lines: Columns = {"kind": [], "loss": [], "share": []}
    for kind, name in enumerate(("share", "clear_share")):
        known = np.isfinite(values[name])
        spectra["kind"] += [kind] * int(known.sum())
        spectra["loss"] += look.rounded(values["at_loss"][known])
        spectra["share"] += look.fixed(values[name][known], 4)
        columns = [m for m in range(known.shape[1]) if known[:, m].any()]
        lines["kind"] += [kind] * len(columns)
        lines["loss"] += look.rounded(np.array([np.nanmedian(values["at_loss"][:, m]) for m in columns]))
        lines["share"] += look.fixed(np.array([np.nanmedian(values[name][:, m]) for m in columns]), 4)
    return {"spectra": spectra, "moments": lines}


def histogram(found: Array, classes: int) -> Columns:
    """Counts of eigenvalues ``(P,)`` in bins of equal width on the drawn scale, by sign; those above the gap apart."""
    columns: Columns = {"low": [], "high": [], "count": [], "sign": []}
    if np.isnan(found).any():
        return columns
    half = np.log1p(EDGE / LINEAR)
    middles = np.linspace(-half, half, BINS + 1)
    edges = np.sign(middles) * LINEAR * np.expm1(np.abs(middles))
    above = np.arange(len(found)) < outliers(found, classes)
    negative = found < -ROUNDING * found[0]
    for sign, kept in enumerate((negative, ~negative & ~above, above)):
        counts = np.histogram(np.clip(found[kept], edges[0], edges[-1]), edges)[0]
        full = np.flatnonzero(counts)
        columns["low"] += look.rounded(edges[full])
        columns["high"] += look.rounded(edges[full + 1])
        columns["count"] += counts[full].tolist()
        columns["sign"] += [sign] * len(full)
    return columns


def _top(top: Array, classes: int) -> Columns:
    columns: Columns = {"net": [], "rank": [], "value": [], "above": []}
    for net, found in enumerate(top):
        if np.isnan(found).any():
            continue
        count = outliers(found, classes)
        columns["net"] += [net] * len(found)
        columns["rank"] += list(range(1, len(found) + 1))
        columns["value"] += look.rounded(found / found[0])
        columns["above"] += [rank < count for rank in range(len(found))]
    return columns


def _every(chosen: Sequence[Frame]) -> Columns:
    history = np.stack([frame.values["loss"] for frame in chosen], axis=1)
    return {
        "net": [net for net in range(len(history)) for _ in chosen],
        "step": [int(frame.values["trained"]) for frame in chosen] * len(history),
        "loss": look.rounded(history.ravel()),
    }


def result(params: Params, frames: Sequence[Frame]) -> dict[str, Any]:
    """``outliers`` at the reference loss, and at the start and the last stop ``…_negative_share``,
    ``…_clear_share``, ``…_deepest`` and ``…_gradient``: medians over the nets that got there.

    ``stops`` lists the same medians, with ``loss``, for every loss at which spectra were taken.
    """
    values, levels = frames[-1].values, moments(params)
    reference = int(np.flatnonzero(levels == REFERENCE * math.log(params.classes))[0])
    reached = [m for m in range(len(levels)) if np.isfinite(values["share"][:, m]).any()]
    spreads = {"outliers": spread(values["outliers"][:, reference]), "final_loss": spread(values["loss"])}
    for end, m in (("start", 0), ("last", reached[-1] if reached else 0)):
        for number, name in NUMBERS.items():
            spreads[f"{end}_{number}"] = spread(values[name][:, m])
    listed = {**NUMBERS, "loss": "at_loss", "outliers": "outliers"}
    stops = [{number: float(np.nanmedian(values[name][:, m])) for number, name in listed.items()} for m in reached]
    return {
        "parameters": parameters(params),
        **{name: found["median"] for name, found in spreads.items()},
        "stops": stops,
        "spread": spreads,
    }


def sentence(params: Params, frames: Sequence[Frame]) -> str:
    """What this run shows."""
    numbers = result(params, frames)
    final = numbers["spread"]["final_loss"]
    lost = sum(value is None for value in final["replicas"])
    if lost == params.replicas:
        return "Every net diverged: the learning rate is too large for these settings."
    one = params.replicas == 1
    text = f"After {int(frames[-1].values['trained']):,} training steps "
    text += f"{'one net' if one else f'{params.replicas - lost} nets'} of {numbers['parameters']:,} weights "
    text += f"{'has a loss' if one else 'have a median loss'} of {final['median']:.2g}. "
    stops = numbers["stops"]
    if stops:
        text += f"Negative eigenvalues: {100 * stops[0]['negative_share']:.0f} % of all at loss {stops[0]['loss']:.2g}"
        text += f" (the least is {-stops[0]['deepest']:.2g} times the largest in size)"
    if len(stops) > 1:
        last = stops[-1]
        text += f", {100 * last['negative_share']:.0f} % at {last['loss']:.2g} ({-last['deepest']:.1g} times)"
    text += ". " if stops else ""
    counted = _counted(params, numbers["spread"]["outliers"])
    text += counted
    if counted:
        ends = f"{stops[0]['outliers']:.0f} at the start and {stops[-1]['outliers']:.0f} at the last stop"
        text += f"The same rule gives {ends} (medians). "
    if stops:
        text += f"No stop is a critical point: the norm of the gradient is {stops[0]['gradient']:.2g} at the first"
        text += f", {stops[-1]['gradient']:.1g} at the last. " if len(stops) > 1 else ". "
    if lost:
        text += f"{lost} of {params.replicas} nets diverged and are left out. "
    return text.rstrip()


def _counted(params: Params, counts: dict[str, Any]) -> str:
    known = sorted(value for value in counts["replicas"] if value is not None)
    if not known:
        return ""
    low, high = known[0], known[-1]
    several = f"{low:.0f} eigenvalue{'s' * (high > 1)}" if low == high else f"{low:.0f} to {high:.0f} eigenvalues"
    nets = "one net" if len(known) == 1 else f"{len(known)} nets"
    text = f"At a loss of {REFERENCE * math.log(params.classes):.2g}, {several} of each net stand"
    text += f"{'s' * (low == high == 1)} above the widest gap ({nets}); there are {params.classes} classes. "
    return text


def _which(params: Params, frames: Sequence[Frame]) -> int:
    count = result(params, frames)["outliers"]
    return 0 if count <= 3 else 1 if count <= 2 * params.classes else 2


def _reveal(params: Params, frames: Sequence[Frame]) -> str:
    numbers = result(params, frames)
    counted = (
        _counted(params, numbers["spread"]["outliers"]) or "No net has reached the loss at which they are counted."
    )
    return f"Each Hessian has {numbers['parameters']:,} eigenvalues. {counted}".rstrip()


LAB = Lab(
    title="A real net's Hessian",
    Params=Params,
    run=run,
    charts=charts,
    data=data,
    result=result,
    sentence=sentence,
    rows=lambda params: {"replica": range(params.replicas), "level": moments(params).tolist()},
    guess=Guess(
        question="Nets of 442 weights learn ten digits. Half-way, the Hessian has 442 eigenvalues, most of them close "
        "to 0. How many stand clearly apart as the largest?",
        options=("One to three", "About as many as there are classes", "More than twenty"),
        settings={"classes": 10, "width": 16, "activation": "tanh"},
        answer=_which,
        reveal=_reveal,
    ),
)
