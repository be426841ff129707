"""The numbers that the chapter states, and how each is measured."""

from functools import cache, partial
from typing import Any

import numpy as np

from core.experiments.sharp_flat_minima import edge, minima, rescale, sam, scaling, slices
from core.lab import Array, Claim, Frame

SCALES = (1.0, 2.0, 5.0, 10.0)
NETS = 8
"""Nets of which a claim about rescaling is the median."""


@cache
def _rescaled(activation: str = "ReLU", training: int = 200, scales: tuple[float, ...] = SCALES) -> list[Frame]:
    """The frames at ``scales`` of a small sweep."""
    params = rescale.Params(replicas=NETS, activation=activation, training=training)
    return rescale.measured(list(rescale.sweep(params, scales)))


def _times(number: str, alpha: float) -> float:
    """How many times as large as at α = 1 a number is, median net."""
    frames = _rescaled()
    return float(np.median(frames[SCALES.index(alpha)].values[number] / frames[0].values[number]))


def _largest_difference() -> float:
    return float(max(frame.values["difference"].max() for frame in _rescaled()))


def _law_deviation() -> float:
    laws = [scaling.predicted(frame.values["traces"], float(frame.values["alpha"])) for frame in _rescaled()]
    return float(max(np.abs(f.values["trace"] / law - 1).max() for f, law in zip(_rescaled(), laws, strict=True)))


def _least_over_bound() -> float:
    bounds = [scaling.bound(frame.values["tops"], float(frame.values["alpha"])) for frame in _rescaled()]
    return float(min((f.values["top"] / least).min() for f, least in zip(_rescaled(), bounds, strict=True)))


def _flattest(training: int) -> float:
    frames = _rescaled() if training else _rescaled(training=0, scales=(1.0,))
    return float(np.median(scaling.flattest(frames[0].values["traces"])))


def _tanh_difference() -> float:
    return float(_rescaled("tanh", scales=(1.0, 5.0))[-1].values["difference"].min())


def _critical_curvature(rate: float, momentum: float) -> float:
    """The curvature of a quadratic from which on descent with momentum grows, by bisection."""
    low, high = 0.0, 100.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        step = np.array([[1 + momentum - rate * middle, -momentum], [1, 0]])
        stable = np.abs(np.linalg.eigvals(step)).max() < 1 + 1e-12
        low, high = (middle, high) if stable else (low, middle)
    return low


@cache
def _edge(**settings: Any) -> dict[str, Any]:
    params = edge.Params(**settings)
    return edge.result(params, list(edge.run(params)))


def _first_sharpness(inputs: str) -> float:
    first = next(edge.run(edge.Params(replicas=8, inputs=inputs)))
    return float(np.median(first.values["sharpness"]))


def _diverged() -> float:
    params = edge.Params(replicas=8, inputs="raw", learning_rate=0.2, steps=100)
    return float(edge.result(params, list(edge.run(params)))["diverged"] / params.replicas)


SMALL_BATCH, LARGE_BATCH, SMALL_STEPS = (64, 0.2), (512, 0.2), (64, 0.05)
SAME_NOISE = (16, 0.05)
KEPT = 6
"""Nets of a pair of batch size and learning rate of which a claim is the median, or the mean."""


@cache
def _descent(pair: tuple[int, float], epochs: int = 0) -> minima.Descent:
    """Nets kept at a training loss of 0.1 or, if given, after so many epochs."""
    descent = minima.Descent(*pair, replicas=KEPT, target=0.0 if epochs else 0.1, seed=0)
    descent.advance(epochs or 300)
    return descent


@cache
def _measured(pair: tuple[int, float], number: str, epochs: int = 0) -> Array:
    """One number of those nets, ``(6,)``."""
    descent = _descent(pair, epochs)
    if number == "epochs":
        return descent.reached
    if number == "accuracy":
        return minima.test_accuracy(descent.kept)
    if number == "phi":
        return minima.keskar_sharpness(minima.objective(), descent.kept, 1e-3)
    loss = minima.objective()
    nets = [descent.kept[net : net + 1] for net in range(KEPT)]
    tops = [minima.top_eigenvalue(loss, net, minima.probe_seed(0, n)) for n, net in enumerate(nets)]
    return np.array([top["top_eigenvalue"] for top in tops])


def _of(pair: tuple[int, float], number: str) -> float:
    return float(np.median(_measured(pair, number)))


def _batch_ratio(number: str, epochs: int = 0) -> float:
    """Batches of 512 over batches of 64, at rate 0.2."""
    large, small = (np.median(_measured(pair, number, epochs)) for pair in (LARGE_BATCH, SMALL_BATCH))
    return float(large / small)


def _points(better: tuple[int, float], worse: tuple[int, float], epochs: int = 0) -> float:
    """The difference in mean test accuracy, in percentage points."""
    return float(100 * (_measured(better, "accuracy", epochs) - _measured(worse, "accuracy", epochs)).mean())


def _difference_trace() -> float:
    """The trace by differences with steps of 0.001 over the exact one, of the first net."""
    first = _descent(SMALL_STEPS).kept[:1]
    return next(minima.difference_ratios(minima.objective(), minima.objective(double=True), first, (1e-3,)))


def _digits_difference() -> float:
    """The same with steps of 0.0001 on digits, learned by full batches and Adam; the median of three nets."""
    from core.classification import Classification
    from core.curvature import Objective, hutchinson
    from core.data import digits
    from core.nets import MLP

    images, labels = digits()
    nets = Classification(
        MLP((64, 100, 100, 10)),
        images.astype(np.float32),
        labels,
        replicas=3,
        learning_rate=1e-3,
        optimizer="Adam",
    )
    while nets.training_scores().loss.max() >= 0.01:
        nets.advance(20)
    shapes = tuple(part.shape[1:] for part in nets.parameters)
    loss = Objective(MLP((64, 100, 100, 10)), shapes, images, labels)
    point = loss.pack(nets.parameters)
    here = loss.gradient(point)
    products = (loss.product(point), lambda v: (loss.gradient(point + 1e-4 * v) - here) / 1e-4)
    exact, found = (hutchinson(times, 3, point.shape[1], 4, minima.PROBE_SEEDS).mean for times in products)
    return float(np.median(found / exact))


@cache
def _sharpness_aware(radius: float) -> dict[str, Any]:
    params = sam.Params(radius=radius, replicas=6)
    return sam.result(params, list(sam.run(params)))


def _gain(radius: float, at: str) -> float:
    """What sharpness-awareness adds to test accuracy, in percentage points."""
    return float(100 * _sharpness_aware(radius)["accuracy_gain"][at])


@cache
def _sliced(**settings: Any) -> dict[str, Any]:
    params = slices.Params(**settings)
    return slices.result(params, list(slices.run(params)))


def _keskar(id: str, sentence: str, expected: float, shown: str) -> Claim:
    """A number of the net F1 of Keskar et al. (2017, Tables 2 and 3)."""
    return Claim(id, sentence, "published", expected, None, source="keskar2017", shown=shown)


CLAIMS: tuple[Claim, ...] = (
    _keskar("keskar_small", "With small batches the loss rises by 1.23 % at most in a small box.", 1.23, "{:.2f}"),
    _keskar("keskar_large", "With large batches it rises by 205.14 %.", 205.14, "{:.2f}"),
    _keskar("keskar_small_test", "With small batches that net is right on 98.03 % of the test set.", 0.9803, "{:.2%}"),
    _keskar("keskar_large_test", "With large batches it is right on 97.81 %.", 0.9781, "{:.2%}"),
    # Rescaled nets: medians of eight; the tolerances hold the medians of eight others under four more seeds.
    Claim(
        "rescale_output",
        "Rescaled by α = 2, 5 or 10, no output of eight ReLU nets on any of 1,797 digits changes by more than 1e-13.",
        kind="exact",
        source="dinh2017",
        relation="at most",
        expected=1e-13,  # outputs of some ten, and a hundred roundings of 1e-16
        measure=_largest_difference,
        shown="{:.0e}",
    ),
    Claim(
        "rescale_law",
        "The trace of their Hessian is what the law tr H₁₁/α² + α² tr H_W₂W₂ + tr H_b₂b₂ says, to within 1e-13.",
        kind="exact",
        source="dinh2017",
        relation="at most",
        expected=1e-13,
        measure=_law_deviation,
        shown="{:.0e}",
    ),
    Claim(
        "rescale_bound",
        "Its greatest eigenvalue is at least that of either layer’s block: the ratio is never below 1.",
        kind="exact",
        source="dinh2017",
        relation="at least",
        expected=1.0,
        measure=_least_over_bound,
        shown="{:.0f}",
    ),
    Claim(
        "rescale_trace",
        "As trained, the trace of the Hessian of such a net is 2.3.",
        kind="measured",
        expected=2.3,
        tolerance=0.6,
        measure=lambda: float(np.median(_rescaled()[0].values["trace"])),
        shown="{:.1f}",
    ),
    *(
        Claim(
            f"rescale_trace_{alpha:g}",
            f"At α = {alpha:g} the trace is {times:.2g} times as large as at α = 1.",
            kind="measured",
            expected=times,
            tolerance=tolerance,
            measure=partial(_times, "trace", alpha),
            shown="{:.2g}",
        )
        for alpha, times, tolerance in ((2.0, 2.14, 0.25), (5.0, 12.6, 1.8), (10.0, 50.4, 7.0))
    ),
    Claim(
        "rescale_eigenvalue_10",
        "At α = 10 the greatest eigenvalue is 54 times as large as at α = 1.",
        kind="measured",
        expected=54,
        tolerance=9,
        measure=partial(_times, "top", 10.0),
    ),
    Claim(
        "rescale_phi_2",
        "Keskar’s φ is 0.96 times as large at α = 2: it falls where the trace has doubled.",
        kind="measured",
        expected=0.96,
        tolerance=0.03,
        measure=partial(_times, "phi", 2.0),
        shown="{:.2f}",
    ),
    Claim(
        "rescale_phi_10",
        "At α = 10 Keskar’s φ is 3.1 times as large as at α = 1.",
        kind="measured",
        expected=3.1,
        tolerance=0.7,
        measure=partial(_times, "phi", 10.0),
        shown="{:.1f}",
    ),
    Claim(
        "rescale_flattest",
        "Of all α, the trace of trained nets is least at 0.99.",
        kind="measured",
        expected=0.99,
        tolerance=0.06,
        measure=partial(_flattest, 200),
        shown="{:.2f}",
    ),
    Claim(
        "rescale_flattest_untrained",
        "Before training it is least at α = 1.6.",
        kind="measured",
        expected=1.6,
        tolerance=0.3,
        measure=partial(_flattest, 0),
        shown="{:.1f}",
    ),
    Claim(
        "rescale_tanh",
        "Outputs of each of eight tanh nets change by more than 5 at α = 5.",
        kind="measured",
        relation="at least",
        expected=5,
        measure=_tanh_difference,
        slow=True,
    ),
    # The edge of stability: medians of four nets (at the start, of eight) under four seeds.
    Claim(
        "edge_threshold",
        "Gradient descent with η = 0.3 is stable on quadratics of curvature up to 2/η = 6.67.",
        kind="exact",
        source="cohen2021",
        expected=6.667,
        tolerance=0.001,  # the fourth digit
        measure=partial(_critical_curvature, 0.3, 0.0),
        shown="{:.2f}",
    ),
    Claim(
        "edge_threshold_momentum",
        "With momentum β = 0.5 and η = 0.6 the threshold (2 + 2β)/η is 5.00.",
        kind="exact",
        source="cohen2021",
        expected=5,
        tolerance=1e-6,
        measure=partial(_critical_curvature, 0.6, 0.5),
        shown="{:.2f}",
    ),
    Claim(
        "edge_start",
        "Before training the sharpness is 2.7.",
        kind="measured",
        expected=2.7,
        tolerance=0.2,
        measure=partial(_first_sharpness, "scaled"),
        shown="{:.1f}",
    ),
    Claim(
        "edge_sharpness",
        "After 750 of 1,500 steps with η = 0.3 it is 6.9 on average.",
        kind="measured",
        expected=6.88,
        tolerance=0.1,
        measure=lambda: float(_edge()["sharpness"]),
        shown="{:.1f}",
        slow=True,
    ),
    Claim(
        "edge_excess",
        "That is 3 per cent above the threshold.",
        kind="measured",
        expected=0.03,
        tolerance=0.015,
        measure=lambda: float(_edge()["share_of_threshold"]) - 1,
        shown="{:.0%}",
        slow=True,
    ),
    Claim(
        "edge_loss_rises",
        "Meanwhile the loss is above what it was twenty steps before at 46 per cent of all looks.",
        kind="measured",
        expected=0.46,
        tolerance=0.06,
        measure=lambda: float(_edge()["loss_rises"]),
        shown="{:.0%}",
        slow=True,
    ),
    Claim(
        "edge_momentum",
        "With momentum, at a threshold of 5, the sharpness is 5.1.",
        kind="measured",
        expected=5.09,
        tolerance=0.06,
        measure=lambda: float(_edge(learning_rate=0.6, momentum=0.5)["sharpness"]),
        shown="{:.1f}",
        slow=True,
    ),
    Claim(
        "edge_raw_start",
        "On raw pixels the sharpness starts at 54.",
        kind="measured",
        expected=54,
        tolerance=12,
        measure=partial(_first_sharpness, "raw"),
    ),
    Claim(
        "edge_raw",
        "With η = 0.1, and a threshold of 20, it comes down to 19.",
        kind="measured",
        expected=19,
        tolerance=2,
        measure=lambda: float(_edge(inputs="raw", learning_rate=0.1)["sharpness"]),
        slow=True,
    ),
    Claim(
        "edge_raw_diverged",
        "With η = 0.2, and a threshold of 10, all of eight nets diverge.",
        kind="measured",
        expected=1,
        measure=_diverged,
        shown="{:.0%}",
    ),
    Claim(
        "edge_entropy_peak",
        "With cross-entropy and η = 1, a threshold of 2, the sharpness rises to 1.8.",
        kind="measured",
        expected=1.83,
        tolerance=0.3,
        measure=lambda: float(_edge(loss="cross-entropy", learning_rate=1.0)["peak_sharpness"]),
        shown="{:.1f}",
        slow=True,
    ),
    Claim(
        "edge_entropy_end",
        "Later it falls to 0.08.",
        kind="measured",
        expected=0.078,
        tolerance=0.01,
        measure=lambda: float(_edge(loss="cross-entropy", learning_rate=1.0)["sharpness"]),
        shown="{:.2f}",
        slow=True,
    ),
    Claim(
        "edge_not_reached",
        "With η = 0.1 and β = 0.9 it has reached 17 of 38 after 1,500 steps.",
        kind="measured",
        expected=16.6,
        tolerance=3,
        measure=lambda: float(_edge(learning_rate=0.1, momentum=0.9)["sharpness"]),
        shown="{:.0f}",
        slow=True,
    ),
    # Batch size: medians (test accuracy: means) of six nets; the tolerances hold what twelve under four seeds spread.
    Claim(
        "noise_scale",
        "Batches of 16 at rate 0.05 and batches of 64 at rate 0.2 have the same noise scale εN/B, 12.5.",
        kind="exact",
        expected=12.5,
        tolerance=1e-9,
        measure=lambda: minima.noise_scale(*SAME_NOISE) / 2 + minima.noise_scale(*SMALL_BATCH) / 2,
        shown="{:.1f}",
    ),
    *(
        Claim(
            name,
            f"Batches of {pair[0]} at rate {pair[1]:g} reach a training loss of 0.1 after {epochs} epochs.",
            kind="measured",
            expected=epochs,
            tolerance=tolerance,
            measure=partial(_of, pair, "epochs"),
            slow=True,
        )
        for name, pair, epochs, tolerance in (
            ("epochs_same_noise", SAME_NOISE, 29, 3),
            ("epochs_small_batch", SMALL_BATCH, 30, 3),
            ("epochs_small_steps", SMALL_STEPS, 94, 6),
            ("epochs_large_batch", LARGE_BATCH, 210, 15),
        )
    ),
    *(
        Claim(
            name,
            f"There the greatest eigenvalue of the Hessian is {top:g} with batches of {pair[0]} at rate {pair[1]:g}.",
            kind="measured",
            expected=top,
            tolerance=tolerance,
            measure=partial(_of, pair, "top"),
            shown="{:.2g}",
            slow=True,
        )
        for name, pair, top, tolerance in (
            ("top_same_noise", SAME_NOISE, 5.6, 0.5),
            ("top_small_batch", SMALL_BATCH, 4.8, 0.5),
            ("top_small_steps", SMALL_STEPS, 12, 1),
            ("top_large_batch", LARGE_BATCH, 8.9, 0.5),
        )
    ),
    Claim(
        "batch_top_ratio",
        "At rate 0.2 it is 1.9 times as large with batches of 512 as with batches of 64.",
        kind="measured",
        expected=1.86,
        tolerance=0.25,
        measure=partial(_batch_ratio, "top"),
        shown="{:.1f}",
        slow=True,
    ),
    Claim(
        "batch_phi_ratio",
        "Keskar’s φ is 1.35 times as large.",
        kind="measured",
        expected=1.35,
        tolerance=0.3,
        measure=partial(_batch_ratio, "phi"),
        slow=True,
    ),
    Claim(
        "batch_phi_ratio_equal_epochs",
        "Compared after 30 epochs each, φ is 0.7 times as large with batches of 512: they seem the flatter.",
        kind="measured",
        expected=0.7,
        tolerance=0.25,
        measure=partial(_batch_ratio, "phi", 30),
        slow=True,
    ),
    Claim(
        "batch_accuracy_gap",
        "At equal loss nets of batches of 64 do better on the test set than those of 512, by 3 points.",
        kind="measured",
        expected=3,
        tolerance=1.5,
        measure=partial(_points, SMALL_BATCH, LARGE_BATCH),
        slow=True,
    ),
    Claim(
        "batch_accuracy_gap_equal_epochs",
        "After 30 epochs each they do better by 15 points.",
        kind="measured",
        expected=15,
        tolerance=3,
        measure=partial(_points, SMALL_BATCH, LARGE_BATCH, 30),
        slow=True,
    ),
    Claim(
        "same_noise_accuracy",
        "The two pairs of noise scale 12.5 differ in test accuracy by less than 2 points.",
        kind="measured",
        relation="at most",
        expected=2,
        measure=lambda: abs(_points(SAME_NOISE, SMALL_BATCH)),
        slow=True,
    ),
    Claim(
        "difference_trace",
        "Differences of gradients with steps of 0.001 give 1.45 times the exact trace.",
        kind="measured",
        expected=1.45,
        tolerance=0.1,
        measure=_difference_trace,
        slow=True,
    ),
    Claim(
        "digits_difference_trace",
        "On digits, learned by Adam with full batches, differences with steps of 0.0001 give 7 times the exact trace.",
        kind="measured",
        expected=7,
        tolerance=3,
        measure=_digits_difference,
        slow=True,
    ),
    # Slices: three nets of each kind, four directions; the tolerances hold two seeds of nets and two of directions.
    Claim(
        "slice_share",
        "A random slice shows 0.3 per cent of the curvature of the steepest direction.",
        kind="measured",
        expected=0.0028,
        tolerance=0.0004,
        measure=lambda: float(_sliced()["share_of_top"]["small"]),
        shown="{:.1%}",
        slow=True,
    ),
    Claim(
        "slice_range",
        "A quarter of the weights’ length away, one random slice stands 1.2 times as high as another.",
        kind="measured",
        expected=1.2,
        tolerance=0.1,
        measure=lambda: float(_sliced()["halfway_range"]["small"]),
        slow=True,
    ),
    Claim(
        "slice_contrast",
        "There slices around nets of large batches stand 1.2 times as high as those around nets of small ones.",
        kind="measured",
        expected=1.24,
        tolerance=0.1,
        measure=lambda: float(_sliced()["halfway"]["large"] / _sliced()["halfway"]["small"]),
        shown="{:.1f}",
        slow=True,
    ),
    Claim(
        "slice_top_ratio",
        "The greatest eigenvalues of the same nets stand 1.75 to one.",
        kind="measured",
        expected=1.75,
        tolerance=0.15,
        measure=lambda: float(_sliced()["top_eigenvalue"]["large"] / _sliced()["top_eigenvalue"]["small"]),
        slow=True,
    ),
    Claim(
        "slice_least",
        "The least eigenvalue is below zero: at most -0.06.",
        kind="measured",
        expected=-0.06,
        tolerance=0.03,
        measure=lambda: float(_sliced()["least_eigenvalue"]["small"]),
        slow=True,
    ),
    Claim(
        "plane_share_random",
        "A random plane holds less than 0.1 per cent of the variance of the path of training.",
        kind="measured",
        relation="at most",
        expected=0.001,
        measure=lambda: float(max(_sliced()["path_share"].values())),
        shown="{:.1%}",
        slow=True,
    ),
    Claim(
        "plane_share_path",
        "The plane of its first two principal directions holds 98 per cent.",
        kind="measured",
        expected=0.983,
        tolerance=0.01,
        measure=lambda: float(_sliced(directions="of the path")["path_share"]["small"]),
        shown="{:.0%}",
        slow=True,
    ),
    # Sharpness-aware descent: six nets of each method; the tolerances hold twelve under three seeds.
    Claim(
        "sam_top_ratio",
        "At equal loss and radius 0.05 sharpness-aware nets have 0.66 times the greatest eigenvalue of plain ones.",
        kind="measured",
        expected=0.66,
        tolerance=0.08,
        measure=lambda: float(_sharpness_aware(0.05)["eigenvalue_ratio"]["equal loss"]),
        slow=True,
    ),
    Claim(
        "sam_gain",
        "On the test set that gains them less than 2 points.",
        kind="measured",
        relation="at most",
        expected=2,
        measure=partial(_gain, 0.05, "equal loss"),
        slow=True,
    ),
    Claim(
        "sam_gradients",
        "To get there they take 67 epochs of gradients.",
        kind="measured",
        expected=67,
        tolerance=4,
        measure=lambda: float(_sharpness_aware(0.05)["gradients"]["SAM, equal loss"]),
        slow=True,
    ),
    Claim(
        "sam_gain_equal_gradients",
        "At equal gradients it gains them less than 1 point.",
        kind="measured",
        relation="at most",
        expected=1,
        measure=partial(_gain, 0.05, "equal gradients"),
        slow=True,
    ),
    Claim(
        "plain_top_later",
        "After 60 epochs of gradients the greatest eigenvalue of plain nets has fallen to 1.4.",
        kind="measured",
        expected=1.4,
        tolerance=0.15,
        measure=lambda: float(_sharpness_aware(0.05)["top_eigenvalue"]["plain, equal gradients"]),
        slow=True,
    ),
    Claim(
        "sam_wide_top_ratio",
        "With radius 0.2 the ratio of greatest eigenvalues at equal loss is 0.3.",
        kind="measured",
        expected=0.3,
        tolerance=0.05,
        measure=lambda: float(_sharpness_aware(0.2)["eigenvalue_ratio"]["equal loss"]),
        slow=True,
    ),
    Claim(
        "sam_wide_gain",
        "With radius 0.2 sharpness-aware nets do better at equal loss by 3 points.",
        kind="measured",
        expected=3.3,
        tolerance=1.3,
        measure=partial(_gain, 0.2, "equal loss"),
        shown="{:.0f}",
        slow=True,
    ),
    Claim(
        "sam_wide_gain_equal_gradients",
        "At equal gradients they do better by 2 points.",
        kind="measured",
        expected=2,
        tolerance=1.1,
        measure=partial(_gain, 0.2, "equal gradients"),
        slow=True,
    ),
)
