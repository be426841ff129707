"""The numbers that the chapter states, and how each is measured."""

from functools import cache, partial
from itertools import product
from typing import Any

import numpy as np

from core.data import Floats
from core.experiments.random_labels import by_hand, capacity, early, examples, features, one_weight, theorem
from core.lab import Claim, replace

ALL = 1797
"""Every digit there is."""
DRAWS = 600
"""Draws of points and labels behind a measured share: its standard error is 0.02 at one half."""

RUNS = 3
"""Runs, of seeds 0 to 2, that are pooled where nets are trained: 8 nets each, but 4 CNNs."""


@cache
def _built(**changes: Any) -> dict[str, Floats]:
    """What eight nets built by hand come to, by name, in float64 and, under “…32”, in float32, each ``(8,)``."""
    params = replace(theorem.Params(), changes)
    found: dict[str, list[float]] = {}
    for replica in range(params.directions):
        _, z, labels = theorem.problem(params, params.samples, replica)
        for suffix, dtype in (("", np.float64), ("32", np.float32)):
            net = by_hand.Net(z.astype(dtype), labels.astype(dtype), params.hinge)
            found.setdefault("residual" + suffix, []).append(net.residual)
            found.setdefault("right" + suffix, []).append(net.right)
            found.setdefault("swing" + suffix, []).append(float(np.abs(net.at_hinges).max()))
    return {name: np.array(numbers) for name, numbers in found.items()}


def _built_median(name: str, **changes: Any) -> float:
    return float(np.nanmedian(_built(**changes)[name]))


def _condition(**changes: Any) -> float:
    params = replace(theorem.Params(), changes)
    nets = (
        by_hand.Net(*theorem.problem(params, params.samples, replica)[1:], params.hinge)
        for replica in range(params.directions)
    )
    return float(np.median([by_hand.condition(net.matrix) for net in nets]))


def _weights_by_hand() -> float:
    params = replace(theorem.Params(), {"samples": ALL})
    images, z, labels = theorem.problem(params, ALL, 0)
    net = by_hand.Net(z, labels, params.hinge)
    return float(images.shape[1] + len(net.b) + len(net.w))


def _separable(trials: int, **changes: Any) -> float:
    params = replace(capacity.Params(), changes)
    draws = (capacity.draw(params, params.samples, trial) for trial in range(trials))
    return float(np.mean([capacity.separable(*draw) for draw in draws]))


@cache
def _wide(**changes: Any) -> dict[str, Floats]:
    """Last layers on features of 200 images, by number: the fewest features that fit ``(8,)``, and a fit of each."""
    params = replace(features.Params(), changes)
    problems = [features.Problem(params, replica) for replica in range(params.replicas)]
    n = params.samples
    found = {"width_to_fit": np.array([float(problem.width_to_fit(n // 2, 2 * n)) for problem in problems])}
    for width in (n // 2, n, features.WIDEST * n):
        fits = [problem.fit(width) for problem in problems]
        found |= {f"{name}_{width}": np.array([fit[name] for fit in fits]) for name in fits[0]}
    return found


def _sine_labellings(points: int) -> float:
    """How many of all labellings of so many points one weight gives, in exact arithmetic."""
    given = 0
    for labels in product((1, -1), repeat=points):
        turns = one_weight.turns(one_weight.multiple(np.array(labels)), points)
        given += bool((np.sign(np.sin(np.pi * turns)) == labels).all())
    return float(given)


def _sine_floats(precision: str) -> float:
    return float(one_weight.bits_kept(one_weight.survival(0)[precision]))


@cache
def _learned(source: str, inputs: str, share: float, kind: str = "MLP", width: int = 512) -> dict[str, Floats]:
    """What the nets of three runs come to that learn 1,000 examples: as in the lab, but up to 100 epochs."""
    runs = []
    for seed in range(RUNS):
        known, net = examples.examples(source, 1000, seed), examples.net_of(kind, width, 1, source)
        given = examples.task(known, inputs, share, 8 if kind == "MLP" else 4, seed)
        group = examples.Group(net, given, 0.05, seed)
        while group.epoch < 100 and not group.rests:
            group.advance()
        runs.append({name: np.asarray(getattr(group, name)) for name in examples.MEASURED})
    return {name: np.concatenate([run[name] for run in runs]) for name in examples.MEASURED}


def _median_of(name: str, *condition: Any, **changes: Any) -> float:
    return float(np.median(_learned(*condition, **changes)[name]))


@cache
def _all_signals(share: float) -> dict[str, Floats]:
    """What four nets come to that learn all 4,000 signals, for 150 epochs at most."""
    known = examples.examples("MNIST-1D", 4000, 0)
    net = examples.net_of("MLP", 512, 1, "MNIST-1D")
    group = examples.Group(net, examples.task(known, "real", share, 4, 0), 0.05, 0)
    while group.epoch < 150 and not group.rests:
        group.advance()
    return {name: np.asarray(getattr(group, name)) for name in examples.MEASURED}


def _random_signals_right() -> float:
    """The median share of 4,000 random labels that the nets have right, NaN if any net ever had them all."""
    learned = _all_signals(1.0)
    return float(np.median(learned["train_accuracy"])) if np.isnan(learned["epochs_to_fit"]).all() else np.nan


def _slowdown(source: str, share: float) -> float:
    """How many times the epochs of true labels a share of random ones takes."""
    return _median_of("epochs_to_fit", source, "real", share) / _median_of("epochs_to_fit", source, "real", 0.0)


@cache
def _stopped(source: str) -> dict[str, Floats]:
    """The last numbers of the nets of three runs on 40 % random labels, by name."""
    ends = []
    for seed in range(RUNS):
        *_, last = early.run(early.Params(examples=source, seed=seed))
        ends.append(last.values)
    return {name: np.concatenate([np.atleast_1d(end[name]) for end in ends]) for name in ends[0]}


def _stopped_median(source: str, name: str) -> float:
    return float(np.median(_stopped(source)[name]))


def _zhang(id: str, sentence: str, expected: float, shown: str) -> Claim:
    """A number of the nets of Zhang et al. (2017, Table 1), which learned CIFAR10 without regularisation."""
    return Claim(id, sentence, "published", expected, None, source="zhang2017", shown=shown)


CLAIMS: tuple[Claim, ...] = (
    _zhang("zhang_weights", "Their Inception net has 1,649,402 weights.", 1649402, "{:,.0f}"),
    _zhang("zhang_true_test", "With true labels that net is right on 85.75 % of the test images.", 0.8575, "{:.2%}"),
    _zhang("zhang_random_test", "With random labels it is right on 9.78 % of them.", 0.0978, "{:.2%}"),
    _zhang("zhang_alexnet", "Of random labels, AlexNet has 99.82 % right.", 0.9982, "{:.2%}"),
    _zhang("zhang_mlp", "Of random labels, a net of one layer of 512 units has 99.34 % right.", 0.9934, "{:.2%}"),
    Claim(
        "memoriser_weights",
        "A net of one hidden layer built by hand for 1,797 images of 64 pixels has 3,658 weights.",
        kind="exact",
        expected=3658,
        measure=_weights_by_hand,
        shown="{:,.0f}",
    ),
    Claim(
        "memoriser_misses",
        "In float64 none of eight such nets misses any of the 1,797 random labels by more than 0.01.",
        kind="measured",
        relation="at most",
        expected=0.01,  # 2e-4 in forty directions, more or less with other linear algebra
        measure=lambda: float(_built(samples=ALL)["residual"].max()),
    ),
    Claim(
        "memoriser_condition",
        "The condition number of its equations is 3e11.",
        kind="measured",
        expected=3.2e11,
        tolerance=1.9e11,  # medians of eight directions: 2.7e11 to 5.2e11
        measure=partial(_condition, samples=ALL),
        shown="{:.0e}",
    ),
    Claim(
        "memoriser_swing",
        "Between the images its output, which should be from 0 to 9, swings beyond 100,000.",
        kind="measured",
        relation="at least",
        expected=1e5,
        measure=partial(_built_median, "swing", samples=ALL),
        shown="{:,.0f}",
    ),
    Claim(
        "memoriser_float32_misses",
        "The same recipe in float32 misses some label by more than 10,000.",
        kind="measured",
        relation="at least",
        expected=1e4,
        measure=partial(_built_median, "residual32", samples=ALL),
        shown="{:,.0f}",
    ),
    Claim(
        "memoriser_float32_names",
        "Rounded, it names some 16 % of the 1,797 labels.",
        kind="measured",
        expected=0.16,
        tolerance=0.09,  # medians of eight directions: 0.14 to 0.23
        measure=partial(_built_median, "right32", samples=ALL),
        shown="{:.0%}",
    ),
    Claim(
        "memoriser_quarter_condition",
        "With each hinge a quarter of the way to the next image, instead of half, the condition number is 7e9.",
        kind="measured",
        expected=7e9,
        tolerance=4e9,  # medians of eight directions: 3.7e9 to 7.6e9
        measure=partial(_condition, samples=ALL, hinge=0.25),
        shown="{:.0e}",
    ),
    Claim(
        "memoriser_quarter_float32",
        "Then float32 names some 70 % of the labels.",
        kind="measured",
        expected=0.7,
        tolerance=0.2,  # medians of eight directions: 0.56 to 0.76
        measure=partial(_built_median, "right32", samples=ALL, hinge=0.25),
        shown="{:.0%}",
    ),
    Claim(
        "memoriser_late_hinges",
        "With each hinge 60 % of the way, float64 misses a label by more than 1e15 with 200 images already.",
        kind="measured",
        relation="at least",
        expected=1e15,
        measure=partial(_built_median, "residual", samples=200, hinge=0.6),
        shown="{:.0e}",
    ),
    Claim(
        "cover_four",
        "A straight line gives 14 of the 16 labellings of four points in the plane.",
        kind="exact",
        expected=14,
        measure=lambda: float(capacity.labellings(4, 3)),
    ),
    Claim(
        "cover_before",
        "In 30 dimensions, labels of 45 points by coin flip are separable with a chance of 0.989.",
        kind="exact",
        expected=0.98869,
        tolerance=1e-5,
        measure=partial(capacity.probability, 45, 30),
        shown="{:.3f}",
    ),
    Claim(
        "cover_half",
        "With 60 points, two a dimension, the chance is one half.",
        kind="exact",
        expected=0.5,
        measure=partial(capacity.probability, 60, 30),
    ),
    Claim(
        "cover_after",
        "With 75 points it is 0.040.",
        kind="exact",
        expected=0.040253,
        tolerance=1e-6,
        measure=partial(capacity.probability, 75, 30),
        shown="{:.3f}",
    ),
    Claim(
        "cover_thousand",
        "In 1,000 dimensions, 2,200 points are separable with a chance of 1e-5.",
        kind="exact",
        expected=9.872e-6,
        tolerance=1e-9,
        measure=partial(capacity.probability, 2200, 1000),
        shown="{:.0e}",
    ),
    Claim(
        "cover_measured",
        f"Of {DRAWS} draws of 60 Gaussian points in 30 dimensions with random labels, half are separable.",
        kind="measured",
        expected=0.5,
        tolerance=0.06,  # three standard errors
        measure=partial(_separable, DRAWS),
        shown="{:.1f}",
    ),
    Claim(
        "cover_digits",
        "With images of digits, mapped to 30 dimensions, in place of noise, it is half as well.",
        kind="measured",
        expected=0.5,
        tolerance=0.06,
        measure=partial(_separable, DRAWS, data="digits"),
        shown="{:.1f}",
        slow=True,
    ),
    Claim(
        "cover_digits_60",
        "In 60 dimensions, 120 images are no longer in general position: 10 % of the draws are separable.",
        kind="measured",
        expected=0.1,
        tolerance=0.05,
        measure=partial(_separable, DRAWS, data="digits", dimension=60, samples=120),
        shown="{:.0%}",
        slow=True,
    ),
    Claim(
        "wide_cosine",
        "A last layer on random cosines fits 200 random labels from 200 features on, in each of eight draws.",
        kind="exact",
        expected=200,
        measure=lambda: float(_wide()["width_to_fit"].max()),
    ),
    Claim(
        "wide_relu",
        "On random ReLUs it takes 202.",
        kind="measured",
        expected=202,
        tolerance=2,  # 200 to 205 in 64 draws
        measure=lambda: float(np.median(_wide(kind="ReLU")["width_to_fit"])),
    ),
    Claim(
        "wide_half",
        "Half as many cosines as images name 88 % of their random labels.",
        kind="measured",
        expected=0.88,
        tolerance=0.04,
        measure=lambda: float(np.median(_wide()["train_100"])),
        shown="{:.0%}",
    ),
    Claim(
        "wide_random_test",
        "Three times as many cosines as images, fitted to random labels, name 10 % of the other images.",
        kind="measured",
        expected=0.1,
        tolerance=0.03,  # medians of eight draws: 0.10 to 0.115
        measure=lambda: float(np.median(_wide()["test_600"])),
        shown="{:.0%}",
    ),
    Claim(
        "wide_true_test",
        "Fitted to the true labels, the same layer names 91 % of them.",
        kind="measured",
        expected=0.91,
        tolerance=0.03,
        measure=lambda: float(np.median(_wide(labels="true")["test_600"])),
        shown="{:.0%}",
    ),
    Claim(
        "wide_true_dip",
        "With just as many cosines as images it names 18 % of them.",
        kind="measured",
        expected=0.18,
        tolerance=0.06,  # medians of eight draws: 0.15 to 0.20
        measure=lambda: float(np.median(_wide(labels="true")["test_200"])),
        shown="{:.0%}",
    ),
    Claim(
        "sine_labellings",
        "One weight gives all 4,096 labellings of 12 points.",
        kind="exact",
        expected=4096,
        measure=partial(_sine_labellings, 12),
        shown="{:,.0f}",
    ),
    Claim(
        "sine_digits",
        "For 12 labels that weight, as a multiple of π, is a whole number of 13 digits.",
        kind="exact",
        expected=13,
        measure=lambda: float(len(str(one_weight.multiple(one_weight.draw(12, 0))))),
    ),
    Claim(
        "sine_float64",
        f"In float64 it gives each of {one_weight.LABELLINGS} random labellings of up to 15 points, and not of 16.",
        kind="measured",
        expected=15,
        tolerance=1,
        measure=partial(_sine_floats, "float64"),
    ),
    Claim(
        "sine_float32",
        "In float32 it gives them up to 6 points.",
        kind="measured",
        expected=6,
        tolerance=1,
        measure=partial(_sine_floats, "float32"),
    ),
    # Trained nets: the tolerances are three standard deviations and more of such a median under other seeds.
    Claim(
        "memorise_true_epochs",
        "24 nets of 512 units (8 in each of 3 runs, seeds 0 to 2) have all 1,000 true labels of digits right after a "
        "median of 7 epochs.",
        kind="measured",
        expected=7,
        tolerance=3,
        measure=partial(_median_of, "epochs_to_fit", "digits", "real", 0.0),
    ),
    Claim(
        "memorise_random_epochs",
        "With labels drawn at random 24 such nets take a median of 44 epochs.",
        kind="measured",
        expected=44,
        tolerance=6,
        measure=partial(_median_of, "epochs_to_fit", "digits", "real", 1.0),
        slow=True,
    ),
    Claim(
        "memorise_random_fitted",
        "All of those 24 nets have every random label right within 100 epochs.",
        kind="measured",
        relation="at least",
        expected=1.0,
        measure=lambda: float(np.isfinite(_learned("digits", "real", 1.0)["epochs_to_fit"]).mean()),
        shown="{:.0%}",
        slow=True,
    ),
    Claim(
        "memorise_slowdown",
        "On digits, random labels take some 6 times as many epochs as true ones (24 nets).",
        kind="measured",
        expected=6,
        tolerance=2.5,
        measure=partial(_slowdown, "digits", 1.0),
        shown="{:.0f}",
        slow=True,
    ),
    Claim(
        "memorise_true_test",
        "24 nets of 512 units that learned the true labels of 1,000 digits have 97 % of the other digits right.",
        kind="measured",
        expected=0.97,
        tolerance=0.02,
        measure=partial(_median_of, "test_accuracy", "digits", "real", 0.0),
        shown="{:.0%}",
    ),
    Claim(
        "memorise_random_test",
        "The 24 that learned random labels have 0.10 of the other digits right, as chance would.",
        kind="measured",
        expected=0.1,
        tolerance=0.03,
        measure=partial(_median_of, "test_accuracy", "digits", "real", 1.0),
        shown="{:.0%}",
        slow=True,
    ),
    Claim(
        "memorise_shuffle_test",
        "24 nets that learned digits whose pixels were all shuffled alike still have 97 % of the others right.",
        kind="measured",
        expected=0.97,
        tolerance=0.02,
        measure=partial(_median_of, "test_accuracy", "digits", "one shuffle", 0.0),
        shown="{:.0%}",
        slow=True,
    ),
    Claim(
        "memorise_noise_epochs",
        "Gaussian noise in place of the digits takes 9 epochs (24 nets), far fewer than random labels.",
        kind="measured",
        expected=9,
        tolerance=2,
        measure=partial(_median_of, "epochs_to_fit", "digits", "Gaussian", 0.0),
    ),
    Claim(
        "memorise_shuffle_each_epochs",
        "Digits with each image shuffled by itself take 9 epochs too (24 nets).",
        kind="measured",
        expected=9,
        tolerance=2,
        measure=partial(_median_of, "epochs_to_fit", "digits", "a shuffle each", 0.0),
        slow=True,
    ),
    Claim(
        "memorise_signals_slowdown",
        "On 1,000 signals of MNIST-1D, random labels take 1.5 times as many epochs as true ones (24 nets).",
        kind="measured",
        expected=1.5,
        tolerance=0.25,
        measure=partial(_slowdown, "MNIST-1D", 1.0),
        shown="{:.1f}",
        slow=True,
    ),
    Claim(
        "memorise_signals_epochs",
        "There the true labels take 19 epochs (24 nets).",
        kind="measured",
        expected=19,
        tolerance=3,
        measure=partial(_median_of, "epochs_to_fit", "MNIST-1D", "real", 0.0),
        slow=True,
    ),
    Claim(
        "memorise_all_signals_true_epochs",
        "The true labels of all 4,000 signals take a median of 32 epochs (4 nets).",
        kind="measured",
        expected=32,
        tolerance=4,
        measure=lambda: float(np.median(_all_signals(0.0)["epochs_to_fit"])),
        slow=True,
    ),
    Claim(
        "memorise_all_signals_random",
        "Of 4,000 random labels four nets have 93 % right after 150 epochs, and none has them all.",
        kind="measured",
        expected=0.93,
        tolerance=0.06,
        measure=_random_signals_right,
        shown="{:.0%}",
        slow=True,
    ),
    Claim(
        "memorise_signals_noise_epochs",
        "Noise in place of the signals takes 12, fewer than the true labels (24 nets).",
        kind="measured",
        expected=12,
        tolerance=2,
        measure=partial(_median_of, "epochs_to_fit", "MNIST-1D", "Gaussian", 0.0),
        slow=True,
    ),
    Claim(
        "memorise_signals_shuffle_each_test",
        "Of signals each shuffled by itself, 24 nets still name 0.21 rightly: the values alone say something.",
        kind="measured",
        expected=0.21,
        tolerance=0.04,
        measure=partial(_median_of, "test_accuracy", "MNIST-1D", "a shuffle each", 0.0),
        shown="{:.0%}",
        slow=True,
    ),
    Claim(
        "memorise_signals_test",
        "Trained on the signals as they are, 24 nets of 512 units have 0.42 of test signals right.",
        kind="measured",
        expected=0.42,
        tolerance=0.04,
        measure=partial(_median_of, "test_accuracy", "MNIST-1D", "real", 0.0),
        shown="{:.0%}",
        slow=True,
    ),
    Claim(
        "memorise_signals_shuffle_test",
        "With one shuffle for all signals it is 0.41 (24 nets): a net without a notion of neighbours hardly minds.",
        kind="measured",
        expected=0.41,
        tolerance=0.04,
        measure=partial(_median_of, "test_accuracy", "MNIST-1D", "one shuffle", 0.0),
        shown="{:.0%}",
        slow=True,
    ),
    Claim(
        "memorise_cnn_test",
        "CNNs (12 nets) have 0.62 of test signals right.",
        kind="measured",
        expected=0.62,
        tolerance=0.05,
        measure=partial(_median_of, "test_accuracy", "MNIST-1D", "real", 0.0, "CNN"),
        shown="{:.0%}",
        slow=True,
    ),
    Claim(
        "memorise_cnn_shuffle_test",
        "With one shuffle for all signals the 12 CNNs fall to 0.42, no better than a fully connected net.",
        kind="measured",
        expected=0.42,
        tolerance=0.05,
        measure=partial(_median_of, "test_accuracy", "MNIST-1D", "one shuffle", 0.0, "CNN"),
        shown="{:.0%}",
        slow=True,
    ),
    Claim(
        "memorise_narrow",
        "24 nets of 32 units have 51 % of 1,000 random labels of digits right after 100 epochs.",
        kind="measured",
        expected=0.51,
        tolerance=0.06,
        measure=partial(_median_of, "train_accuracy", "digits", "real", 1.0, width=32),
        shown="{:.0%}",
        slow=True,
    ),
    Claim(
        "corruption_labels_right",
        "Of labels of which 40 % are drawn at random from ten, 64 % are expected to be right.",
        kind="exact",
        expected=0.64,
        tolerance=1e-9,
        measure=partial(examples.still_right, 0.4),
        shown="{:.0%}",
    ),
    Claim(
        "corruption_test",
        "Nets of 512 units that learned such labels of 1,000 digits by heart have 73 % of the others right (24 nets).",
        kind="measured",
        expected=0.73,
        tolerance=0.04,
        measure=partial(_median_of, "test_accuracy", "digits", "real", 0.4),
        shown="{:.0%}",
        slow=True,
    ),
    Claim(
        "corruption_most_test",
        "With 80 % of the labels drawn at random, 28 % of all right, 24 nets still have 32 % of the others right.",
        kind="measured",
        expected=0.32,
        tolerance=0.05,
        measure=partial(_median_of, "test_accuracy", "digits", "real", 0.8),
        shown="{:.0%}",
        slow=True,
    ),
    Claim(
        "corruption_tenth_epochs",
        "A tenth of the labels drawn at random takes a median of 31 epochs (24 nets).",
        kind="measured",
        expected=31,
        tolerance=5,
        measure=partial(_median_of, "epochs_to_fit", "digits", "real", 0.1),
        slow=True,
    ),
    Claim(
        "corruption_tenth_slowdown",
        "That is 4 times as many as the true labels take (24 nets).",
        kind="measured",
        expected=4.4,
        tolerance=1.8,
        measure=partial(_slowdown, "digits", 0.1),
        shown="{:.0f}",
        slow=True,
    ),
    Claim(
        "early_stop_epoch",
        "On digits with 40 % of the labels drawn at random, validation is best at a median of 7 epochs (24 nets).",
        kind="measured",
        expected=7,
        tolerance=4,
        measure=partial(_stopped_median, "digits", "stop"),
        slow=True,
    ),
    Claim(
        "early_test_at_stop",
        "Stopped there, the 24 nets have 86 % of test images right.",
        kind="measured",
        expected=0.86,
        tolerance=0.04,
        measure=partial(_stopped_median, "digits", "test_at_stop"),
        shown="{:.0%}",
        slow=True,
    ),
    Claim(
        "early_test_at_end",
        "After 80 epochs the 24 nets have 73 % right.",
        kind="measured",
        expected=0.73,
        tolerance=0.03,
        measure=partial(_stopped_median, "digits", "test"),
        shown="{:.0%}",
        slow=True,
    ),
    Claim(
        "early_helps",
        "Each of the 24 nets has more test images right at its stop than at the end.",
        kind="measured",
        relation="at least",
        expected=1.0,
        measure=lambda: float(np.mean(_stopped("digits")["test_at_stop"] > _stopped("digits")["test"])),
        shown="{:.0%}",
        slow=True,
    ),
    Claim(
        "early_true_label",
        "At the stop the 24 nets give 80 % of the training images with a wrong label their true one.",
        kind="measured",
        expected=0.8,
        tolerance=0.1,
        measure=partial(_stopped_median, "digits", "true_label_at_stop"),
        shown="{:.0%}",
        slow=True,
    ),
    Claim(
        "early_given_label",
        "At the end the 24 nets give at least 99 % of them the wrong label they came with.",
        kind="measured",
        relation="at least",
        expected=0.99,
        measure=partial(_stopped_median, "digits", "given_label"),
        shown="{:.0%}",
        slow=True,
    ),
    Claim(
        "early_signals_at_stop",
        "On MNIST-1D 24 such nets have 0.26 of test signals right at the stop.",
        kind="measured",
        expected=0.26,
        tolerance=0.03,
        measure=partial(_stopped_median, "MNIST-1D", "test_at_stop"),
        shown="{:.0%}",
        slow=True,
    ),
    Claim(
        "early_signals_at_end",
        "The 24 nets have 0.26 at the end: stopping early gains nothing there.",
        kind="measured",
        expected=0.26,
        tolerance=0.03,
        measure=partial(_stopped_median, "MNIST-1D", "test"),
        shown="{:.0%}",
        slow=True,
    ),
)
