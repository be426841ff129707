"""The numbers that the chapter states, and how each is measured."""

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import numpy as np

from core.data import TARGETS, Floats, runge, sample_target, sine
from core.experiments.sine_fits import beyond, curves, fit, rivals
from core.experiments.sine_fits.rivals import polynomial
from core.lab import Claim, Frame, replace

FINE = np.linspace(-1, 1, 20_001)
SEEDS = 3
"""Runs pooled for a claim about trained nets: with 16 nets each, the median of 48; of 24 beyond the points."""
RANDOM_NETS = 300


def _runge_polynomial(points: int, spacing: str) -> float:
    nodes, heights = sample_target("Runge", points, 0.0, spacing, 0)
    return float(np.abs(polynomial(nodes, heights, FINE) - runge(FINE)).max())


def _lines(target: str, points: int) -> float:
    x, y = sample_target(target, points, 0.0, "even", 0)
    return float(np.abs(np.interp(FINE, x, y) - TARGETS[target](FINE)).max())


def _weights(width: int) -> float:
    from core.nets import initial_mlp

    return float(sum(array.size for array in initial_mlp((1, width, 1), 1, 0)))


def _most_pieces(width: int) -> float:
    from core.nets import initial_mlp

    nets = initial_mlp((1, width, 1), RANDOM_NETS, 0)
    return float(curves.bends(nets, bound=width)["pieces"].max())


def _most_deviation(width: int) -> float:
    from core.nets import initial_mlp

    nets = initial_mlp((1, width, 1), RANDOM_NETS, 0, np.float64)
    return float(beyond.deviations(nets, curves.bends(nets, bound=width)["last_hinge"]).max())


def best_sup(pieces: int, target: Floats) -> float:
    """The smallest largest error of any ``pieces`` straight pieces, joined or not, to within 1e-5.

    A greedy walk finds the fewest pieces that an error allows; the error is found by bisection.
    """
    low, high = 0.0, float(np.ptp(target))
    while high - low > 1e-5:
        middle = (low + high) / 2
        low, high = (low, middle) if _pieces_needed(middle, target) <= pieces else (middle, high)
    return high


def _pieces_needed(error: float, target: Floats) -> int:
    """How many pieces a walk from the left needs that makes each as long as ``error`` allows."""
    start, pieces = 0, 0
    while start < len(target) - 1:
        reach, step = start + 1, 1
        while step:  # Double the step while a line fits, then halve it.
            tried = min(reach + step, len(target) - 1)
            if tried > reach and _line_error(target[start : tried + 1]) <= error:
                reach, step = tried, step * 2
            else:
                step //= 2
        start, pieces = reach, pieces + 1
    return pieces


def _line_error(heights: Floats) -> float:
    """Half the widest vertical gap of the hull of evenly spaced points: what the best line misses them by."""
    x = np.arange(len(heights), dtype=float)
    upper, lower = _hull(heights), _hull(-heights)
    corners = np.union1d(upper, lower)
    gap = np.interp(corners, x[upper], heights[upper]) - np.interp(corners, x[lower], heights[lower])
    return float(gap.max() / 2)


def _hull(heights: Floats) -> Any:
    hull: list[int] = []
    for i in range(len(heights)):
        while len(hull) > 1:
            a, b = hull[-2:]
            if (heights[b] - heights[a]) * (i - a) > (heights[i] - heights[a]) * (b - a):
                break
            hull.pop()
        hull.append(i)
    return np.array(hull)


def _tree_outside() -> float:
    params = beyond.Params()
    grid = np.linspace(-params.reach, params.reach, 8001)
    outside = np.abs(grid) > 1
    drawn = beyond.grow_tree(*beyond.points(params), grid)
    return float(np.sqrt(np.mean((drawn - sine(grid))[outside] ** 2)))


@cache
def _trained(run: Callable[[Any], Iterator[Frame]], params: Any) -> dict[str, Any]:
    """The last numbers of every net of three runs that differ in their seed, by name."""
    ends = []
    for seed in range(SEEDS):
        *_, last = run(replace(params, {"seed": seed}))
        ends.append({name: v for name, v in last.values.items() if v.shape == (params.replicas,)})
    return {name: np.concatenate([end[name] for end in ends]) for name in ends[0]}


def _median(run: Callable[[Any], Iterator[Frame]], params: Any, number: str) -> float:
    return float(np.median(_trained(run, params)[number]))


CLAIMS: tuple[Claim, ...] = (
    Claim(
        "runge_even_11",
        "The polynomial through 11 even points of Runge's bell is off by 1.92 at worst.",
        kind="exact",
        source="runge1901",
        expected=1.916,
        tolerance=0.001,  # the fourth digit
        measure=partial(_runge_polynomial, 11, "even"),
        shown="{:.2f}",
    ),
    Claim(
        "runge_even_21",
        "With 21 even points it is off by 59.8.",
        kind="exact",
        source="runge1901",
        expected=59.82,
        tolerance=0.01,
        measure=partial(_runge_polynomial, 21, "even"),
        shown="{:.1f}",
    ),
    Claim(
        "runge_chebyshev_11",
        "With 11 points at the roots of a Chebyshev polynomial it is off by 0.109.",
        kind="exact",
        source="trefethen2013",
        expected=0.1092,
        tolerance=0.0001,
        measure=partial(_runge_polynomial, 11, "Chebyshev"),
        shown="{:.3f}",
    ),
    Claim(
        "runge_chebyshev_21",
        "With 21 such points it is off by 0.0153.",
        kind="exact",
        source="trefethen2013",
        expected=0.01533,
        tolerance=0.00001,
        measure=partial(_runge_polynomial, 21, "Chebyshev"),
        shown="{:.4f}",
    ),
    Claim(
        "runge_linear_11",
        "Straight lines through 11 even points of the bell are off by 0.067.",
        kind="exact",
        expected=0.0674,
        tolerance=0.0001,
        measure=partial(_lines, "Runge", 11),
        shown="{:.3f}",
    ),
    Claim(
        "runge_linear_21",
        "Straight lines through 21 even points of it are off by 0.042.",
        kind="exact",
        expected=0.0418,
        tolerance=0.0001,
        measure=partial(_lines, "Runge", 21),
        shown="{:.3f}",
    ),
    Claim(
        "runge_41_ratio",
        "With 41 points, straight lines are off by 48 times as much as the Chebyshev polynomial.",
        kind="exact",
        expected=48.5,
        tolerance=0.4,
        measure=lambda: _lines("Runge", 41) / _runge_polynomial(41, "Chebyshev"),
        shown="{:.0f}",
    ),
    *(
        Claim(
            f"linear_sine_{pieces}",
            f"{pieces} equal straight pieces through points of the sine are off by {error:.2g} at worst.",
            kind="exact",
            expected=error,
            tolerance=5e-5,  # the digits shown
            measure=partial(_lines, "sine", pieces + 1),
            shown="{:.4f}",
        )
        for pieces, error in ((8, 0.0704), (16, 0.0188), (32, 0.0048))
    ),
    Claim(
        "linear_sine_formula",
        "For 32 pieces the formula (2π/k)²/8 for that error is right to within one per cent.",
        kind="exact",
        expected=1.0,
        tolerance=0.01,
        measure=lambda: _lines("sine", 33) / ((2 * np.pi / 32) ** 2 / 8),
    ),
    Claim(
        "best_nine_pieces",
        "The best nine straight pieces, not even joined, miss the sine by 0.016 at worst.",
        kind="exact",
        expected=0.0161,
        tolerance=0.0002,  # the sine is taken at 1601 points
        measure=lambda: best_sup(9, sine(np.linspace(-1, 1, 1601))),
        shown="{:.3f}",
    ),
    Claim(
        "parameters_32",
        "A net of one input, 32 hidden units and one output has 97 weights.",
        kind="exact",
        expected=97,
        measure=partial(_weights, 32),
    ),
    Claim(
        "parameters_128",
        "With 128 hidden units it has 385.",
        kind="exact",
        expected=385,
        measure=partial(_weights, 128),
    ),
    Claim(
        "pieces_32",
        f"Of {RANDOM_NETS} random ReLU nets of one layer of 32 units, none has more than 33 pieces.",
        kind="exact",
        expected=33,
        measure=partial(_most_pieces, 32),
    ),
    Claim(
        "straight_beyond",
        f"Beyond its last hinge, each of {RANDOM_NETS} such nets is straight, to rounding.",
        kind="exact",
        relation="at most",
        expected=1e-12,  # some thousand roundings of 1e-16
        measure=partial(_most_deviation, 32),
        shown="{:.0e}",
    ),
    Claim(
        "tree_outside",
        "From ±1 to ±4 a tree grown on ten points of the sine is constant, and misses it by 1/√2.",
        kind="exact",
        expected=0.7071,
        tolerance=0.0001,
        measure=_tree_outside,
        shown="{:.2f}",
    ),
    # Trained nets: the tolerances are three standard deviations and more of such a median under other seeds.
    Claim(
        "ten_points_train",
        "Nets of 32 units miss the ten points they were trained on by less than 0.005.",
        kind="measured",
        relation="at most",
        expected=0.005,
        measure=partial(_median, fit.run, fit.Params(), "train_rmse"),
    ),
    Claim(
        "ten_points_dense",
        "Between the ten points they miss the sine by 0.03.",
        kind="measured",
        expected=0.031,
        tolerance=0.01,
        measure=partial(_median, fit.run, fit.Params(), "dense_rmse"),
        shown="{:.2f}",
    ),
    Claim(
        "last_hinge",
        "Nets of 32 units trained on [−1, 1] bend for the last time at |x| = 12.",
        kind="measured",
        expected=12,
        tolerance=7,
        measure=partial(_median, fit.run, fit.Params(), "last_hinge"),
    ),
    Claim(
        "bends_outside",
        "Of their 32 bends, 10 lie outside the interval of the points.",
        kind="measured",
        expected=10,
        tolerance=2,
        measure=lambda: _median(fit.run, fit.Params(), "pieces") - 1 - _median(fit.run, fit.Params(), "inside"),
    ),
    Claim(
        "two_hundred_points_dense",
        "Nets of 32 units trained on 200 points miss the sine by 0.008.",
        kind="measured",
        expected=0.008,
        tolerance=0.004,
        measure=partial(_median, fit.run, fit.Params(points=200), "dense_rmse"),
        slow=True,
    ),
    Claim(
        "many_units_train",
        "Nets of 128 units miss ten points by less than 0.0001.",
        kind="measured",
        relation="at most",
        expected=1e-4,
        measure=partial(_median, fit.run, fit.Params(width=128), "train_rmse"),
        shown="{:.4f}",
        slow=True,
    ),
    Claim(
        "many_units_dense",
        "Between the ten points, nets of 128 units miss the sine by 0.018.",
        kind="measured",
        expected=0.018,
        tolerance=0.006,
        measure=partial(_median, fit.run, fit.Params(width=128), "dense_rmse"),
        slow=True,
    ),
    Claim(
        "eight_units_best",
        "The best of 48 nets of 8 units, trained on 200 points, misses it by more.",
        kind="measured",
        relation="at least",
        expected=0.0161,
        measure=lambda: float(min(_trained(fit.run, fit.Params(points=200, width=8))["dense_sup"])),
        slow=True,
    ),
    Claim(
        "net_runge_11",
        "Nets of 32 units trained on 11 even points of Runge's bell are off by 0.07 at worst.",
        kind="measured",
        expected=0.0675,
        tolerance=0.005,
        measure=partial(_median, rivals.run, rivals.Params(), "dense_sup"),
        shown="{:.2f}",
    ),
    Claim(
        "net_runge_21",
        "With 21 even points they are off by 0.04.",
        kind="measured",
        expected=0.042,
        tolerance=0.008,
        measure=partial(_median, rivals.run, rivals.Params(points=21), "dense_sup"),
        shown="{:.2f}",
    ),
    Claim(
        "relu_outside",
        "From ±1 to ±4, ReLU nets trained on ten points of the sine miss it by 4.4.",
        kind="measured",
        expected=4.4,
        tolerance=0.4,
        measure=partial(_median, beyond.run, beyond.Params(), "relu_outside"),
        slow=True,
    ),
    Claim(
        "tanh_outside",
        "Tanh nets miss it there by 2.6.",
        kind="measured",
        expected=2.6,
        tolerance=0.3,
        measure=partial(_median, beyond.run, beyond.Params(), "tanh_outside"),
        slow=True,
    ),
    Claim(
        "sine_outside",
        "Nets of sines miss it there by 1.0.",
        kind="measured",
        expected=1.0,
        tolerance=0.3,
        measure=partial(_median, beyond.run, beyond.Params(), "sine_outside"),
        shown="{:.1f}",
        slow=True,
    ),
    Claim(
        "deep_dense",
        "Nets of two layers of 64 units trained on 200 points miss the sine by 0.002.",
        kind="measured",
        expected=0.002,
        tolerance=0.001,
        measure=partial(_median, fit.run, fit.Params(points=200, width=64, depth=2), "dense_rmse"),
        slow=True,
    ),
    Claim(
        "deep_pieces",
        "Those nets have some 125 linear pieces, of at most 4,225.",
        kind="measured",
        expected=125,
        tolerance=20,
        measure=partial(_median, fit.run, fit.Params(points=200, width=64, depth=2), "pieces"),
        slow=True,
    ),
)
