"""Sharpness-aware descent beside plain descent: at equal numbers of gradients, and at equal loss."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core import charts as look
from core.experiments.sharp_flat_minima import minima, panels
from core.lab import Array, Columns, Frame, Guess, Lab, knob, spread

METHODS = ("plain", "SAM")
GRADIENTS = (1, 2)
"""Gradients that each method takes a step."""
AT = ("equal gradients", "equal loss")
STRETCH = 2
"""Epochs of gradients a frame: two of plain descent, one of the other."""
WORK = 4
"""A top eigenvalue takes about as long as this many epochs of gradients."""
HEIGHT = 230
QUANTILES = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36}
"""Standard errors of a mean of so many differences that chance exceeds in one case of twenty (Student, 1908)."""


@dataclass(frozen=True)
class Params:
    """What a reader can set."""

    radius: float = knob(
        0.05, low=0.005, high=0.5, log=True, label="Radius ρ", help="How far uphill the gradient is taken."
    )
    learning_rate: float = knob(0.2, low=0.02, high=0.4, log=True, label="Learning rate")
    batch_size: int = knob(64, choices=(64, 128, 256), label="Batch size")
    budget: int = knob(
        60,
        choices=(20, 40, 60, 100),
        label="Gradients",
        help="In epochs: the budget when compared at equal gradients. A sharpness-aware step costs two.",
    )
    target: float = knob(
        0.1,
        choices=(0.3, 0.1, 0.05),
        label="Loss",
        help="Mean training loss, in nats, when compared at equal loss.",
        minor=True,
    )
    limit: int = knob(
        120,
        choices=(120, 240),
        label="Most gradients",
        help="In epochs: nets still above the loss by then are left out of that comparison.",
        minor=True,
    )
    replicas: int = knob(
        4,
        choices=(4, 6, 8),
        label="Nets",
        help="Of each method; each start and its batches are given to both methods.",
        minor=True,
    )
    seed: int = knob(0, low=0, high=9999, label="Seed", help="Of the starts and the batches.", minor=True)


def run(params: Params) -> Iterator[Frame]:
    """Train with both methods, gradient for gradient, then find the top eigenvalue of each net that was kept.

    Frames, for S nets: ``loss`` and ``test_accuracy`` as they are, (2, S), by ``METHODS``; ``spent``, epochs of
    gradients, (2,); and for what was kept, plain and sharpness-aware at equal gradients, then at equal loss,
    ``kept_loss``, ``kept_accuracy``, ``kept_gradients`` and ``top_eigenvalue``, (4, S), NaN before and for nets
    that never got there.
    """
    descents = [
        minima.Descent(
            params.batch_size,
            params.learning_rate,
            replicas=params.replicas,
            target=params.target,
            radius=radius,
            seed=params.seed,
        )
        for radius in (0.0, params.radius)
    ]
    rows = len(AT) * len(METHODS)
    total = params.limit + WORK * rows * params.replicas
    kept = ("kept_loss", "kept_accuracy", "kept_gradients", "top_eigenvalue")
    values: dict[str, Array] = {name: np.full((rows, params.replicas), np.nan) for name in kept}
    values |= {name: np.full((len(METHODS), params.replicas), np.nan) for name in ("loss", "test_accuracy")}
    values["spent"] = np.zeros(len(METHODS))
    points = [descent.now for descent in descents] * len(AT)
    for spent in range(0, params.limit + 1, STRETCH):
        for row, (descent, cost) in enumerate(zip(descents, GRADIENTS, strict=True)):
            while descent.epoch * cost < spent and (spent <= params.budget or not descent.done):
                descent.train()
            if spent == 0 or descent.epoch * cost == spent:
                _note(values, row, descent, spent)
            if spent == params.budget:
                points[row] = descent.now
                everyone = np.isfinite(descent.loss_now)
                _keep(values, row, everyone, points[row], descent.loss_now, np.full(params.replicas, float(spent)))
            later = row + len(METHODS)
            if np.isfinite(descent.reached).sum() > np.isfinite(values["kept_loss"][later]).sum():
                points[later] = descent.kept
                _keep(values, later, np.isfinite(descent.reached), points[later], descent.loss, cost * descent.reached)
        yield Frame(spent, total, {name: value.copy() for name, value in values.items()})
    loss, step = minima.objective(), params.limit
    for replica in range(params.replicas):
        for row, point in enumerate(points):
            if np.isfinite(values["kept_loss"][row, replica]):
                seed = minima.probe_seed(params.seed, replica)
                found = minima.top_eigenvalue(loss, point[replica : replica + 1], seed)
                values["top_eigenvalue"][row, replica] = found["top_eigenvalue"]
            step += WORK
            yield Frame(step, total, {name: value.copy() for name, value in values.items()})


def _note(values: dict[str, Array], row: int, descent: minima.Descent, spent: int) -> None:
    """Write down how a method does now."""
    values["loss"][row], values["spent"][row] = descent.loss_now, spent
    values["test_accuracy"][row] = minima.test_accuracy(descent.now)


def _keep(values: dict[str, Array], row: int, which: Array, point: Array, loss: Array, gradients: Array) -> None:
    """Write down how the nets do that are kept."""
    numbers = {"kept_loss": loss, "kept_accuracy": minima.test_accuracy(point), "kept_gradients": gradients}
    for name, found in numbers.items():
        values[name][row] = np.where(which, found, np.nan)


def rows(at: str = "") -> list[panels.Row]:
    """Both methods; or, ``at`` one or both comparisons, what was kept of them."""
    styles = [(look.BETWEEN, "square", (6, 3)), (look.NET, "circle", (1, 0))]
    made = [panels.Row(method, method, *style) for method, style in zip(METHODS, styles, strict=True)]
    return [row._replace(key=f"{row.key}, {at}", label=f"{row.label}|at {at}") for row in made] if at else made


def kept_rows() -> list[panels.Row]:
    """Both methods at equal gradients, then at equal loss."""
    return [row for at in AT for row in rows(at)]


def charts(params: Params) -> Sequence[Any]:
    """Loss and test accuracy against gradients; curvature and accuracy of what was kept."""
    clock = panels.clock(STRETCH, params.limit, "gradients, in epochs")
    loss, share = panels.logarithmic(0.001, 3, 0.01, 0.1, 1), panels.percentages(0.3, 0.7)
    budget, goal = panels.rule("budget", x=clock), panels.rule("goal", y=panels.value("loss", *loss, "training loss"))
    top, near = panels.logarithmic(0.3, 30, 1, 3, 10), panels.percentages(0.5, 0.7)
    dashed = "dashed: where nets are compared"
    return (
        panels.curves(
            rows(), "loss", clock, *loss, budget, goal, title=f"Training; {dashed}", name="training loss", height=HEIGHT
        ),
        panels.curves(
            rows(), "accuracy", clock, *share, budget, title="Test accuracy", name="test accuracy", height=HEIGHT
        ),
        panels.strip(kept_rows(), "top_eigenvalue", *top, title="Top eigenvalue of the Hessian", height=HEIGHT),
        panels.strip(kept_rows(), "accuracy", *near, title="Test accuracy of what was kept", height=HEIGHT),
    )


def data(params: Params, frames: Sequence[Frame], every: bool) -> dict[str, Columns]:
    """The data sets of the panels."""
    values, keys = frames[-1].values, [row.key for row in kept_rows()]
    kept = {"top_eigenvalue": values["top_eigenvalue"], "accuracy": values["kept_accuracy"]}
    return {
        "goal": {"loss": [params.target]},
        "budget": {"at": [params.budget]},
        "curves": panels.curve_numbers(METHODS, frames, "spent", {"loss": "loss", "accuracy": "test_accuracy"}),
        **panels.strip_numbers(keys, kept),
    }


def result(params: Params, frames: Sequence[Frame]) -> dict[str, Any]:
    """Medians by method and comparison, such as “SAM, equal loss”, and what sharpness-awareness changes.

    ``top_eigenvalue``, ``test_accuracy``, ``loss`` and ``gradients`` (epochs) by row, with ``spread``;
    ``accuracy_gain`` at each comparison, the mean difference in test accuracy of nets with the same start, and its
    standard ``gain_error``, over the ``counted`` starts; ``eigenvalue_ratio`` at each, of the medians.
    """
    values, keys = frames[-1].values, [row.key for row in kept_rows()]
    sources = {
        "top_eigenvalue": "top_eigenvalue",
        "test_accuracy": "kept_accuracy",
        "loss": "kept_loss",
        "gradients": "kept_gradients",
    }
    spreads = {
        name: {key: spread(values[source][row]) for row, key in enumerate(keys)} for name, source in sources.items()
    }
    numbers: dict[str, Any] = {
        name: {key: found["median"] for key, found in by_key.items()} for name, by_key in spreads.items()
    }
    gains, errors, ratios, counted = {}, {}, {}, {}
    for row, at in enumerate(AT):
        plain, sharp = values["kept_accuracy"][2 * row : 2 * row + 2]
        both = np.isfinite(sharp - plain)
        counted[at], difference = int(both.sum()), (sharp - plain)[both]
        enough = counted[at] > 1
        gains[at] = float(difference.mean()) if enough else np.nan
        errors[at] = float(difference.std(ddof=1) / np.sqrt(counted[at])) if enough else np.nan
        ratios[at] = numbers["top_eigenvalue"][f"SAM, {at}"] / numbers["top_eigenvalue"][f"plain, {at}"]
    numbers |= {"accuracy_gain": gains, "gain_error": errors, "counted": counted, "eigenvalue_ratio": ratios}
    return numbers | {"spread": spreads}


def sentence(params: Params, frames: Sequence[Frame]) -> str:
    """What this run shows."""
    numbers, values = result(params, frames), frames[-1].values
    text = f"Radius {params.radius:.3g}, medians of {params.replicas} nets. "
    if not np.isfinite(values["kept_loss"]).any():
        if not np.isfinite(values["loss"]).any():
            return text + "Every net diverged."
        return text + f"After {frames[-1].step} epochs of gradients the nets are still training."
    for at in AT:
        text += _compare(params, numbers, at)
    for method in METHODS:
        lost = int(np.isnan(values["kept_loss"][2 + METHODS.index(method)]).sum())
        if lost and frames[-1].step >= params.limit:
            text += f"{lost} of {params.replicas} nets trained by {_name(method)} never got below a loss of "
            text += f"{params.target:g}, and are left out there. "
    return text.rstrip()


def _name(method: str) -> str:
    return "plain descent" if method == "plain" else "sharpness-aware descent"


def _compare(params: Params, numbers: dict[str, Any], at: str) -> str:
    clauses = []
    for method in METHODS:
        key = f"{method}, {at}"
        if not np.isfinite(numbers["loss"][key]):
            continue
        said = f"{_name(method)}: "
        if at == AT[0]:
            said += f"training loss {numbers['loss'][key]:.2g}, "
        else:
            said += f"{numbers['gradients'][key]:.0f} epochs of gradients, "
        right, top = (numbers["spread"][name][key] for name in ("test_accuracy", "top_eigenvalue"))
        said += f"test accuracy {minima.percent(right['median'])}"
        if np.isfinite(top["median"]):
            said += f", top eigenvalue {top['median']:.2g} (middle 80 %: {top['low']:.2g} to {top['high']:.2g})"
        clauses.append(said)
    if not clauses:
        return ""
    where = f"With {params.budget} epochs of gradients" if at == AT[0] else f"At a training loss of {params.target:g}"
    text = f"{where}, {'; '.join(clauses)}. "
    gain, error = numbers["accuracy_gain"][at], numbers["gain_error"][at]
    if np.isfinite(gain):
        sign = "+" if gain >= 0 else "−"
        text += f"Sharpness-awareness changes test accuracy by {sign}{100 * abs(gain):.1f} points, standard error "
        text += f"{100 * error:.1f}{'' if _shown(numbers, at) else ': no difference that this many nets show'}. "
    return text


def _shown(numbers: dict[str, Any], at: str) -> bool:
    gain, error = numbers["accuracy_gain"][at], numbers["gain_error"][at]
    return bool(abs(gain) > QUANTILES.get(numbers["counted"][at], np.inf) * error)


def _which(params: Params, frames: Sequence[Frame]) -> int:
    numbers = result(params, frames)
    return 1 if not _shown(numbers, AT[0]) else 0 if numbers["accuracy_gain"][AT[0]] > 0 else 2


def _reveal(params: Params, frames: Sequence[Frame]) -> str:
    return _compare(params, result(params, frames), AT[0]).rstrip()


LAB = Lab(
    title="Look for flat ground",
    Params=Params,
    run=run,
    charts=charts,
    data=data,
    result=result,
    sentence=sentence,
    rows=lambda params: {
        "kept": [f"{method}, {at}" for at in AT for method in METHODS],
        "replica": range(params.replicas),
    },
    guess=Guess(
        question="A sharpness-aware step looks for the worst point nearby and follows the gradient there: two "
        "gradients a step. Plain descent may take the same number of gradients, so twice the steps. Which nets "
        "do better on the test set?",
        options=("The sharpness-aware ones", "No difference that four nets of each show", "The plain ones"),
        settings={"radius": 0.05, "learning_rate": 0.2, "batch_size": 64, "budget": 60, "replicas": 4},
        answer=_which,
        reveal=_reveal,
    ),
)
