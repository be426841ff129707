"""One function, many curvatures: a ReLU net's layers rescaled against each other (Dinh et al., 2017)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np

from core import charts as look
from core.data import digits
from core.experiments.sharp_flat_minima.minima import keskar_sharpness
from core.experiments.sharp_flat_minima.scaling import (
    blocks,
    bound,
    flattest,
    loss_along,
    mean_loss,
    outputs,
    predicted,
    random_direction,
    rescale,
    top,
)
from core.lab import Array, Columns, Frame, Guess, Lab, knob, spread

SAMPLES, HIDDEN, CLASSES = 100, 10, 10
TRAINING_FRAMES = 8
SWEPT = np.logspace(-1, 1, 13)
"""The α that every run measures, beside the one that is set."""
SLOWER = 2
"""The Hessian of one net takes as long as so many frames of training."""
SLICE = np.linspace(-3, 3, 41)
"""How far the loss is followed along a random direction."""
BETWEEN_IMAGES = np.linspace(-0.5, 1.5, 41)
SHOWN = (3, 8)
"""The function is drawn on the line through the first unseen images of these digits."""
EPSILON = 1e-3
"""The box of Keskar's φ: each weight may move by this share of its size plus one."""
ROUNDING = 1e-10
"""Outputs of some ten that differ by less are the same."""
MEASURES = {"trace": "trace", "top": "greatest eigenvalue", "phi": "Keskar’s φ"}
ROLES = {"trace": look.NET, "top": look.BETWEEN, "phi": look.OTHER}
BEFORE, AFTER = "as trained", "rescaled"


@dataclass(frozen=True)
class Params:
    """What a reader can set."""

    alpha: float = knob(
        5.0,
        low=0.1,
        high=10,
        log=True,
        label="Scale α",
        help="The first layer is multiplied by α, the second layer's weights are divided by it.",
    )
    activation: str = knob(
        "ReLU", choices=("ReLU", "tanh"), label="Activation", help="Only max(0, αz) = α max(0, z) for α > 0."
    )
    scaled: str = knob(
        "weights and biases",
        choices=("weights and biases", "weights only"),
        label="Scaled in the first layer",
        help="The biases of the first layer must be scaled, too.",
    )
    training: int = knob(
        200, choices=(0, 50, 200, 1000), label="Training steps", help="The law holds anywhere: also before training."
    )
    replicas: int = knob(
        3, choices=(1, 3, 8), label="Nets", help="Nets that differ in their random start only.", minor=True
    )
    seed: int = knob(0, low=0, high=9999, label="Seed", minor=True)


def run(params: Params) -> Iterator[Frame]:
    """Measure the nets as trained, at every α of ``SWEPT``, and at the one that is set; see :func:`sweep`."""
    return sweep(params, (1.0, *SWEPT[SWEPT != 1], params.alpha))


def sweep(params: Params, scales: Sequence[float]) -> Iterator[Frame]:
    """Train S nets of 64, 10 and 10 units on 100 digits, then measure T_α of each for the α of ``scales``, 1 first.

    Frames, float64: ``alpha``, ``loss``, ``accuracy`` on the other digits, and at this α ``trace``, ``top`` (the
    greatest eigenvalue), ``phi`` (Keskar's φ in per cent) and ``difference`` (the largest of any output on any digit),
    each (S,); ``traces`` and ``tops`` (3, S) of the diagonal blocks at α = 1; of the first net ``slice`` (41,), the
    loss along a random direction, and ``function`` (2, 41), two outputs between two images. While training lasts α
    is NaN.
    """
    from core.classification import Classification
    from core.curvature import Objective
    from core.nets import MLP

    images, labels = digits()
    x, y = images[:SAMPLES], labels[:SAMPLES]
    unseen, unseen_labels = images[SAMPLES:], labels[SAMPLES:]
    net = MLP((images.shape[1], HIDDEN, CLASSES), params.activation)
    nets = Classification(net, x, y, replicas=params.replicas, learning_rate=0.1, momentum=0.9, seed=params.seed)
    ends = [unseen[unseen_labels == digit][0] for digit in SHOWN]
    path = ends[0] + BETWEEN_IMAGES[:, np.newaxis] * (ends[1] - ends[0])
    direction = random_direction([part.shape[1:] for part in nets.parameters], params.seed)

    known: dict[str, Array] = {name: np.full(params.replicas, np.nan) for name in (*MEASURES, "difference")}
    known |= {name: np.full((3, params.replicas), np.nan) for name in ("traces", "tops")}
    known["alpha"] = np.array(np.nan)

    def values(now: list[Array]) -> dict[str, Array]:
        right = outputs(now, unseen, params.activation).argmax(axis=2) == unseen_labels
        return {
            **known,
            "loss": mean_loss(now, x, y, params.activation),
            "accuracy": right.mean(axis=1),
            "slice": loss_along(now, direction, SLICE, x, y, params.activation),
            "function": outputs(now, path, params.activation)[0].T[list(SHOWN)],
        }

    trained = TRAINING_FRAMES if params.training else 0
    total = trained + SLOWER * len(scales) * params.replicas
    for step in range(trained):
        yield Frame(step, total, values([part.astype(float) for part in nets.parameters]))
        nets.advance(params.training * (step + 1) // trained - params.training * step // trained)
    start = [part.astype(float) for part in nets.parameters]
    objective = Objective(net, tuple(part.shape[1:] for part in start), x, y)
    reference = outputs(start, images, params.activation)
    step, shown = trained, values(start)
    for alpha in scales:
        now = rescale(start, alpha, params.scaled == "weights and biases")
        point = objective.pack(now)
        found: list[Array] = []
        for one in point:
            if found or alpha != scales[0]:
                yield Frame(step, total, shown)
            found.append(objective.hessian(one))
            step += SLOWER
        hessian = np.stack(found)
        if np.isnan(known["alpha"]):
            parts = [hessian[:, block, block] for block in blocks(start)]
            known["traces"] = np.stack([np.trace(part, axis1=1, axis2=2) for part in parts])
            known["tops"] = np.stack([top(part) for part in parts])
        known |= {
            "alpha": np.array(alpha),
            "trace": np.trace(hessian, axis1=1, axis2=2),
            "top": top(hessian),
            "phi": keskar_sharpness(objective, point, EPSILON),
            "difference": np.abs(outputs(now, images, params.activation) - reference).max(axis=(1, 2)),
        }
        shown = values(now)
    yield Frame(step, total, shown)


def charts(params: Params) -> Sequence[Any]:
    """Curvature against α, two outputs of the first net, and its loss along a random direction."""
    return _law_panel(params), _function_panel(params), _slice_panel(params)


def _highest(params: Params) -> float:
    """The largest ratio that is drawn: no law bounds the curvature of another function."""
    return 150 if params.activation == "ReLU" and params.scaled == "weights and biases" else 2000


def _law_panel(params: Params) -> Any:
    def axis(name: str, low: float, high: float, ticks: list[float], title: str) -> dict[str, Any]:
        scale = alt.Scale(type="log", domain=[low, high], nice=False)
        return {"field": name, "type": "quantitative", "scale": scale, "axis": alt.Axis(values=ticks), "title": title}

    x = alt.X(**axis("alpha", 0.09, 11, [0.1, 0.2, 0.5, 1, 2, 5, 10], "scale α"))
    ticks = [0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]

    def y(name: str) -> alt.Y:
        return alt.Y(**axis(name, 0.4, _highest(params), ticks, "times as large as at α = 1"))

    names = list(MEASURES.values())
    colour = look.legend([(MEASURES[name], ROLES[name]) for name in MEASURES])
    shape = alt.Scale(domain=names, range=["circle", "square", "diamond"])
    legend = alt.Legend(title=None, orient="top")
    tooltip = [alt.Tooltip("what:N", title="measured"), alt.Tooltip("alpha:Q", title="α"), alt.Tooltip("times:Q")]
    encoding = {
        "x": x,
        "y": y("times"),
        "color": alt.Color("what:N", scale=colour, legend=legend),
        "shape": alt.Shape("what:N", scale=shape, legend=legend),
    }
    return look.panel(
        look.layer("law", x=x, y=y("low"), y2="high:Q").mark_area(color=look.NET, opacity=0.2, clip=True),
        look.layer("law", x=x, y=y("trace")).mark_line(color=look.NET, strokeWidth=1.6, clip=True),
        look.layer("law", x=x, y=y("bound")).mark_line(
            color=look.BETWEEN, strokeWidth=1.6, strokeDash=[6, 4], clip=True
        ),
        look.layer("marks", x=x).mark_rule(color=look.QUIET, strokeDash=[2, 3]),
        look.layer("marks", x=x, text="label:N", y=alt.Y("times:Q")).mark_text(
            color=look.QUIET, align="left", baseline="top", dx=5
        ),
        look.layer("every", x=x, y=y("times"), detail="net:N").mark_line(
            color=look.INK, strokeWidth=0.6, opacity=0.5, clip=True
        ),
        look.layer("pinned_measured", x=x, y=y("times"), detail="what:N").mark_line(
            color=look.PINNED, strokeDash=[4, 3], strokeWidth=1.5, clip=True
        ),
        look.layer("measured", **encoding, tooltip=tooltip).mark_point(size=60, strokeWidth=2.2, opacity=1, clip=True),
        look.layer("here", x=x, y=y("times")).mark_point(
            color=look.INK, size=260, strokeWidth=1.5, opacity=1, clip=True
        ),
        title="Curvature, median: measured (marks), the trace’s exact law (line), the eigenvalue’s bound (dashed)",
    )


def _function_panel(params: Params) -> Any:
    high = 18 if params.training else 3
    first, second = SHOWN
    x = alt.X(
        "place:Q",
        scale=alt.Scale(domain=[-0.5, 1.5], nice=False),
        axis=alt.Axis(values=[-0.5, 0, 0.5, 1, 1.5]),
        title=f"from an image of a {first} (0) to one of a {second} (1)",
    )
    y = alt.Y("output:Q", scale=alt.Scale(domain=[-high, high], nice=False), title="output")
    of = {"x": x, "y": y, "detail": "digit:N"}
    label = look.layer("digits", x=x, y=y, text="label:N")
    return look.panel(
        look.layer("trained", **of).mark_line(color=look.QUIET, strokeWidth=6, opacity=0.45, clip=True),
        look.layer("rescaled", **of).mark_point(color=look.NET, filled=True, size=16, opacity=1, clip=True),
        label.transform_filter("datum.place < 0").mark_text(color=look.INK, align="left", dx=4, dy=-9, clip=True),
        label.transform_filter("datum.place > 0").mark_text(color=look.INK, align="right", dx=-4, dy=-9, clip=True),
        look.layer("difference", text="label:N").mark_text(
            color=look.INK, align="left", x=alt.ExprRef("8"), y=alt.ExprRef("height - 10")
        ),
        title="One net’s function: as trained (band), rescaled (dots)",
        height=240,
        columns=6,
    )


def _slice_panel(params: Params) -> Any:
    high = 2 if params.training else 6
    x = alt.X("far:Q", scale=alt.Scale(domain=[SLICE[0], SLICE[-1]], nice=False), title="along a random direction")
    y = alt.Y("loss:Q", scale=alt.Scale(domain=[0, high], nice=False), title="loss")
    names = [BEFORE, AFTER]
    legend = alt.Legend(title=None, orient="top", symbolSize=400)
    return look.panel(
        look.layer(
            "slice",
            x=x,
            y=y,
            color=alt.Color("net:N", scale=look.legend([(BEFORE, look.QUIET), (AFTER, look.NET)]), legend=legend),
            strokeDash=alt.StrokeDash("net:N", scale=alt.Scale(domain=names, range=[[6, 3], [1, 0]]), legend=legend),
        ).mark_line(strokeWidth=2.4, clip=True),
        title="Its loss, moved through weight space",
        height=240,
        columns=6,
    )


def measured(frames: Sequence[Frame]) -> list[Frame]:
    """The first frame of each α that was measured: while the next is, it is shown again."""
    known = [frame for frame in frames if np.isfinite(frame.values["alpha"])]
    return [f for i, f in enumerate(known) if not i or f.values["alpha"] != known[i - 1].values["alpha"]]


def data(params: Params, frames: Sequence[Frame], every: bool) -> dict[str, Columns]:
    """The data sets of the panels."""
    done = measured(frames)
    before, now = (done or frames[-1:])[0].values, frames[-1].values
    filled: dict[str, Columns] = {
        "law": {name: [] for name in ("alpha", "low", "trace", "high", "bound")},
        "marks": {"alpha": [], "times": [], "label": []},
        "measured": {"alpha": [], "what": [], "times": []},
        "here": {"alpha": [], "times": []},
        "every": {"net": [], "alpha": [], "times": []},
        "rescaled": {"digit": [], "place": [], "output": []},
        "difference": {"label": []},
    }
    filled["trained"] = _lines(before["function"])
    # At its higher end a line leaves room for its label.
    ends = before["function"][:, [0, -1]]
    filled["digits"] = {
        "place": BETWEEN_IMAGES[[0, -1]][ends.argmax(axis=1)].tolist(),
        "output": look.fixed(ends.max(axis=1), 2),
        "label": [f"output {digit}" for digit in SHOWN],
    }
    filled["slice"] = {
        "net": [name for name in (BEFORE, AFTER)[: 2 if done else 1] for _ in SLICE],
        "far": look.fixed(SLICE) * (2 if done else 1),
        "loss": look.fixed(np.concatenate([before["slice"], now["slice"]] if done else [before["slice"]])),
    }
    if not done:
        return filled
    alphas = np.logspace(-1, 1, 41)
    low, middle, high = look.band(predicted(before["traces"][:, :, np.newaxis], alphas) / before["trace"][:, None])
    bounds = bound(before["tops"][:, :, np.newaxis], alphas) / before["top"][:, None]
    curves = {"low": low, "trace": middle, "high": high, "bound": look.band(bounds)[1]}
    filled["law"] = {"alpha": look.rounded(alphas), **{name: look.rounded(curve) for name, curve in curves.items()}}
    least = float(np.median(flattest(before["traces"])))
    filled["marks"] = {
        "alpha": [round(least, 3)],
        "times": [0.8 * _highest(params)],
        "label": [f"least trace: α = {least:.2f}"],
    }
    ordered = sorted(done, key=lambda frame: float(frame.values["alpha"]))
    places = [frame.values["alpha"] for frame in ordered]
    ratios = {name: np.stack([frame.values[name] / before[name] for frame in ordered]) for name in MEASURES}
    filled["measured"] = {
        "alpha": look.rounded(np.array(places * len(MEASURES))),
        "what": [what for what in MEASURES.values() for _ in ordered],
        "times": look.rounded(np.concatenate([np.median(ratio, axis=1) for ratio in ratios.values()])),
    }
    times = [float(np.median(now[name] / before[name])) for name in MEASURES]
    filled["here"] = {"alpha": look.rounded(np.full(3, now["alpha"])), "times": look.rounded(np.array(times))}
    if every:
        nets = [(name, net) for name in MEASURES for net in range(params.replicas)]
        filled["every"] = {
            "net": [f"{name} {net}" for name, net in nets for _ in ordered],
            "alpha": look.rounded(np.array(places * len(nets))),
            "times": look.rounded(np.concatenate([ratios[name][:, net] for name, net in nets])),
        }
    filled["rescaled"] = _lines(now["function"])
    filled["difference"] = {"label": [f"α = {now['alpha']:.3g}: largest difference {_size(now['difference'].max())}"]}
    return filled


def _size(difference: float) -> str:
    return f"{difference:.2g}" if difference > 1e-3 else f"{difference:.0e}" if difference else "0"


def _lines(function: Array) -> Columns:
    return {
        "digit": [digit for digit in SHOWN for _ in BETWEEN_IMAGES],
        "place": look.fixed(BETWEEN_IMAGES) * len(SHOWN),
        "output": look.fixed(function.ravel(), 2),
    }


def result(params: Params, frames: Sequence[Frame]) -> dict[str, Any]:
    """At the last α measured: ``output_difference``, the largest of all nets; and, as medians over the nets, ``trace``,
    ``predicted_trace`` (the law, from α = 1), ``top_eigenvalue``, ``keskar_sharpness`` (φ in per cent), and the ratios
    of the four to α = 1, ``…_times``.

    Also ``flattest_alpha``, where the law has its least trace, ``least_trace_times``, ``law_deviation``, the largest
    |trace/law − 1| of all nets, ``loss`` and ``accuracy``. What is not known yet is NaN.
    """
    done = measured(frames)
    before, now = (done or frames[-1:])[0].values, frames[-1].values
    found = {
        "trace": now["trace"],
        "predicted_trace": predicted(now["traces"], now["alpha"]),
        "top_eigenvalue": now["top"],
        "keskar_sharpness": now["phi"],
        "trace_times": now["trace"] / before["trace"],
        "predicted_trace_times": predicted(now["traces"], now["alpha"]) / before["trace"],
        "top_eigenvalue_times": now["top"] / before["top"],
        "keskar_sharpness_times": now["phi"] / before["phi"],
        "flattest_alpha": flattest(now["traces"]),
        "least_trace_times": predicted(now["traces"], flattest(now["traces"])) / before["trace"],
        "loss": now["loss"],
        "accuracy": now["accuracy"],
    }
    spreads = {name: spread(values) for name, values in found.items()}
    return {
        **{name: numbers["median"] for name, numbers in spreads.items()},
        "alpha": float(now["alpha"]),
        "output_difference": float(now["difference"].max()),
        "law_deviation": float(np.abs(found["trace"] / found["predicted_trace"] - 1).max()),
        "spread": spreads,
    }


def sentence(params: Params, frames: Sequence[Frame]) -> str:
    """What this run shows."""
    numbers = result(params, frames)
    one = params.replicas == 1
    if not measured(frames):
        steps = params.training * min(frames[-1].step, TRAINING_FRAMES) // TRAINING_FRAMES
        who = "the net" if one else f"the median of {params.replicas} nets"
        return f"After {steps:,} steps of training {who} has a loss of {numbers['loss']:.2g}."

    def times(name: str, digits: str = ".3g") -> str:
        found = numbers["spread"][name]
        inner = "" if one else f" ({found['low']:{digits}} to {found['high']:{digits}})"
        return f"{found['median']:{digits}}{inner}"

    off, alpha = numbers["output_difference"], f"{numbers['alpha']:.3g}"
    nets = "the net" if one else f"any of {params.replicas} nets"
    same = off < ROUNDING
    if same:
        text = f"At α = {alpha} no output of {nets} on any of 1,797 digits has changed by more than {_size(off)}: "
        text += "it is the same function as before. " if one else "they are the same functions as before. "
    else:
        text = f"At α = {alpha} outputs of {nets} have changed by up to {_size(off)}: {_reason(params)}. "
    text += f"The trace of the Hessian is {times('trace_times')} times as large as at α = 1"
    text += "" if one else " (median, and the middle 80 % of nets, here and below)"
    if same:
        text += f", as the exact law says, to within {_size(numbers['law_deviation'])}; "
    else:
        text += f", where the law for the same function says {times('predicted_trace_times')}; "
    text += f"the greatest eigenvalue {times('top_eigenvalue_times')} times, Keskar’s φ "
    text += f"{times('keskar_sharpness_times')} times. "
    if same:
        text += f"By that law the trace is least at α = {times('flattest_alpha', '.2f')}: "
        text += f"{times('least_trace_times', '.3f')} times that at α = 1. "
    return text.rstrip()


def _reason(params: Params) -> str:
    reasons = ["tanh(αz) is not α tanh z"] if params.activation == "tanh" else []
    reasons += ["the biases were not scaled"] if params.scaled == "weights only" else []
    return f"another function, since {' and '.join(reasons)}"


def _which(params: Params, frames: Sequence[Frame]) -> int:
    times = result(params, frames)["trace_times"]
    return 0 if 0.8 < times < 1.25 else 1 if times < 8 else 2


def _reveal(params: Params, frames: Sequence[Frame]) -> str:
    numbers = result(params, frames)
    return (
        f"{numbers['trace_times']:.3g} times as large (median of {params.replicas} nets), while no output has changed "
        f"by more than {_size(numbers['output_difference'])}."
    )


LAB = Lab(
    title="Make a minimum sharp",
    Params=Params,
    run=run,
    charts=charts,
    data=data,
    result=result,
    sentence=sentence,
    guess=Guess(
        question="Every weight and bias of a trained net’s first layer is multiplied by 5, every weight of its second "
        "layer divided by 5. Its outputs stay what they were. What becomes of the trace of the Hessian?",
        options=("It stays what it was", "It grows, less than eightfold", "It grows more than eightfold"),
        settings={"alpha": 5.0, "activation": "ReLU", "scaled": "weights and biases", "training": 200},
        answer=_which,
        reveal=_reveal,
    ),
)
