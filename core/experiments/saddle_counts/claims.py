"""The numbers that the chapter states, and how each is measured."""

from functools import cache, partial
from typing import Any

import numpy as np

from core.experiments.saddle_counts import (
    autoencoder,
    critical_points,
    dimension,
    kac_rice,
    linear_autoencoder,
    momentum,
    real_net,
    trapping,
    traps,
)
from core.experiments.saddle_counts import orthogonal_ensemble as goe
from core.lab import Claim, replace


@cache
def _descended(eigenvalues: str) -> dict[str, Any]:
    """The result of 32 runs of the linear autoencoder from near zero."""
    params = autoencoder.Params(eigenvalues=eigenvalues, replicas=32)
    *_, last = autoencoder.run(params)
    return autoencoder.result(params, [last])


def _plateau(subset: tuple[int, ...], number: str, eigenvalues: str = autoencoder.Params.eigenvalues) -> float:
    plateaus = _descended(eigenvalues)["plateaus"]
    return float(next(plateau[number] for plateau in plateaus if plateau["subset"] == list(subset)))


def _critical_points() -> tuple[linear_autoencoder.Critical, ...]:
    return autoencoder.points_of(autoencoder.Params())


def _indices_agreeing() -> float:
    """Of how many critical points the Hessian has as many negative eigenvalues as the formula says."""
    eigenvalues = autoencoder.parse_eigenvalues(autoencoder.Params.eigenvalues)
    agreeing = 0
    for point in _critical_points():
        outer = np.zeros((1, len(eigenvalues), autoencoder.Params.bottleneck))
        for unit, number in enumerate(point.subset):
            outer[0, number - 1, unit] = 1
        full = linear_autoencoder.hessian(outer, outer.transpose(0, 2, 1), eigenvalues)[0]
        agreeing += int(np.sum(np.linalg.eigvalsh(full) < -1e-9)) == point.index
    return float(agreeing)


@cache
def _left(beta: float, offset: float = 1e-6, noise: float = 0) -> dict[str, Any]:
    """The result of 32 runs of each method from near the ridge of a saddle, at ηλ = 0.01."""
    params = momentum.Params(momentum=beta, offset=offset, noise=noise, replicas=32)
    *_, last = momentum.run(params)
    return momentum.result(params, [last])


@cache
def _digits() -> dict[str, Any]:
    """The result of five nets of 442 weights that learn ten digits."""
    params = real_net.Params()
    *_, last = real_net.run(params)
    return real_net.result(params, [last])


def _outliers(classes: int) -> float:
    """The median count of outliers of five nets at the reference loss."""
    params = real_net.Params(classes=classes)
    for frame in real_net.run(params):
        if np.isfinite(frame.values["top"]).all():
            break
    return float(real_net.result(params, [frame])["outliers"])


@cache
def _landscapes(params: critical_points.Params) -> dict[str, Any]:
    """The result of a search of random landscapes."""
    *_, last = critical_points.run(params)
    return critical_points.result(params, [last])


def _share_of_first_grid(params: critical_points.Params) -> float:
    numbers = _landscapes(params)
    return float(numbers["density_by_grid"][0] / numbers["density"])


@cache
def _minima(n: int) -> float:
    """The exact share of minima among the critical points of a random landscape of n dimensions."""
    return float(kac_rice.exact(n).fractions[0])


def _sampled_minima(n: int, samples: int) -> float:
    params = dimension.Params(dimension=n, samples=samples)
    *_, last = dimension.run(params)
    return float(dimension.result(params, [last])["fraction_of_minima"])


@cache
def _descents() -> dict[str, Any]:
    """The result of 10,000 descents in each of 1 to 10 dimensions, in both landscapes with traps."""
    params = traps.Params(starts=10_000)
    *_, last = traps.run(params)
    return traps.result(params, [last])


def _halving_radius(n: int) -> float:
    """The radius of the dip that traps half of all starts, by bisection."""
    low, high = 0.0, 20.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if trapping.inside_probability(n, middle) < 0.5 else (low, middle)
    return high


HALVING = 0.6745
"""The radius of a dip that traps half of all starts in one dimension."""
PLANE, SPACE = critical_points.Params(), critical_points.Params(dimension=3, fields=6, features=200)
CLOSE = "5, 4, 3, 2, 1"
"""Eigenvalues of which none is much larger than the next."""


CLAIMS: tuple[Claim, ...] = (
    # The linear autoencoder, and descent on it: tolerances are four deviations of such a median under other seeds.
    Claim(
        "autoencoder_points",
        "A linear autoencoder of five inputs and two hidden units has 16 critical points, told apart by W₂W₁.",
        kind="exact",
        expected=16,
        measure=lambda: float(len(_critical_points())),
    ),
    Claim(
        "autoencoder_minima",
        "Only 1 of them is a minimum; the other 15 are saddles.",
        kind="exact",
        expected=1,
        measure=lambda: float(sum(not point.index for point in _critical_points())),
    ),
    Claim(
        "autoencoder_indices",
        "At all 16 the exact Hessian has as many negative eigenvalues as the formula says.",
        kind="exact",
        expected=16,
        measure=_indices_agreeing,
    ),
    *(
        Claim(
            f"autoencoder_level_{name}",
            f"With the eigenvalues 8, 2, 0.5, 0.2 and 0.1, descent from near 0 lingers at a loss of {level}: {what}.",
            kind="exact",
            expected=level,
            tolerance=0.001,  # runs pass close to a saddle, not through it
            measure=partial(_plateau, subset, "measured_loss"),
        )
        for name, subset, level, what in (
            ("start", (), 5.4, "half the sum of all five"),
            ("middle", (1,), 1.4, "half the sum of all but the first"),
            ("end", (1, 2), 0.4, "half the sum of all but the first two, the minimum"),
        )
    ),
    Claim(
        "autoencoder_steps_start",
        "Descent stays within 2 % of the first level for 98 steps, the median of 32 runs.",
        kind="measured",
        expected=98,
        tolerance=8,
        measure=partial(_plateau, (), "steps"),
        shown="{:.0f}",
    ),
    Claim(
        "autoencoder_steps_middle",
        "It stays within 2 % of the middle level for 250 steps, the median of 32 runs.",
        kind="measured",
        expected=250,
        tolerance=40,
        measure=partial(_plateau, (1,), "steps"),
        shown="{:.0f}",
    ),
    Claim(
        "autoencoder_index_start",
        "At the first level the Hessian of 20 weights has 10 negative eigenvalues.",
        kind="exact",
        expected=10,
        measure=partial(_plateau, (), "measured_index"),
    ),
    Claim(
        "autoencoder_index_middle",
        "At the middle level it has 4.",
        kind="exact",
        expected=4,
        measure=partial(_plateau, (1,), "measured_index"),
    ),
    Claim(
        "autoencoder_steps_close",
        "With the eigenvalues 5, 4, 3, 2 and 1 descent passes the middle level in 8 steps, the median of 32 runs.",
        kind="measured",
        expected=8,
        tolerance=4.5,
        measure=partial(_plateau, (1,), "steps", CLOSE),
        shown="{:.0f}",
    ),
    # Leaving a saddle.
    Claim(
        "saddle_growth_plain",
        "At ηλ = 0.01 plain descent's distance from the ridge grows by 0.0100 a step.",
        kind="exact",
        expected=0.01,
        tolerance=5e-5,  # the digits shown
        measure=lambda: float(momentum.growth_roots(0.0, 0.01)[0]) - 1,
        shown="{:.4f}",
    ),
    Claim(
        "saddle_growth_half",
        "With momentum 0.5 it grows by 0.0196 a step, not by the 0.0200 that 1/(1 − β) promises.",
        kind="exact",
        expected=0.0196,
        tolerance=5e-5,
        measure=lambda: float(momentum.growth_roots(0.5, 0.01)[0]) - 1,
        shown="{:.4f}",
    ),
    Claim(
        "saddle_growth_half_run",
        "Runs with momentum 0.5 were measured to grow by 0.0196 a step.",
        kind="measured",
        expected=0.0196,
        tolerance=5e-5,
        measure=lambda: float(_left(0.5)["momentum_growth"]) - 1,
        shown="{:.4f}",
    ),
    Claim(
        "saddle_speed_up",
        "With momentum 0.9, at ηλ = 0.01, it grows 6.3 times as fast as without, not ten times.",
        kind="exact",
        expected=6.2967,
        tolerance=0.0005,
        measure=lambda: float(momentum.speed_up(0.9, 0.01)),
        shown="{:.1f}",
    ),
    Claim(
        "saddle_speed_up_limit",
        "At ηλ = (1 − β)², for β near 1, the speed-up is 0.618 of 1/(1 − β): the golden ratio less one.",
        kind="exact",
        expected=0.6180,
        tolerance=0.0005,
        measure=lambda: float(momentum.speed_up(1 - 1e-5, 1e-10)) * 1e-5,
        shown="{:.3f}",
    ),
    Claim(
        "saddle_steps_plain",
        "From some millionth of the way plain descent needs 1,200 steps to leave the saddle, the median of 32 runs.",
        kind="measured",
        expected=1200,
        tolerance=90,  # four deviations of such a median under other seeds
        measure=lambda: float(_left(0.9)["plain_steps"]),
        shown="{:,.0f}",
    ),
    Claim(
        "saddle_steps_momentum",
        "Momentum 0.9 needs 196 steps.",
        kind="measured",
        expected=196,
        tolerance=15,
        measure=lambda: float(_left(0.9)["momentum_steps"]),
        shown="{:.0f}",
    ),
    Claim(
        "saddle_steps_adam",
        "Adam needs 11: it divides by the size of the gradient, however small that is.",
        kind="measured",
        expected=11,
        tolerance=1,
        measure=lambda: float(_left(0.9)["adam_steps"]),
    ),
    Claim(
        "saddle_steps_noise",
        "Started exactly on the ridge, with gradients that err by 0.001, plain descent leaves after 765 steps.",
        kind="measured",
        expected=765,
        tolerance=70,
        measure=lambda: float(_left(0.9, 0, 0.001)["plain_steps"]),
        shown="{:.0f}",
    ),
    # Nets that learn digits: tolerances cover five other seeds of nets and data.
    *(
        Claim(
            f"digits_outliers_{classes}",
            f"Of five nets that learn {classes} digits the median has {classes - 1} eigenvalues above the widest gap.",
            kind="measured",
            expected=classes - 1,
            tolerance=0.4,
            measure=partial(_outliers, classes),
            slow=True,
        )
        for classes in (2, 5, 10)
    ),
    Claim(
        "digits_negative_start",
        "Before training, 43 % of the eigenvalues of nets of 442 weights are negative.",
        kind="measured",
        expected=0.43,
        tolerance=0.03,
        measure=lambda: float(_digits()["start_negative_share"]),
        shown="{:.0%}",
        slow=True,
    ),
    Claim(
        "digits_negative_end",
        "When the loss has fallen to 3 % of ln 10, 26 % of them are still negative.",
        kind="measured",
        expected=0.26,
        tolerance=0.02,
        measure=lambda: float(_digits()["last_negative_share"]),
        shown="{:.0%}",
        slow=True,
    ),
    Claim(
        "digits_deepest_start",
        "Before training, the most negative eigenvalue has 0.23 of the size of the largest.",
        kind="measured",
        expected=0.23,
        tolerance=0.07,
        measure=lambda: -float(_digits()["start_deepest"]),
        shown="{:.2f}",
        slow=True,
    ),
    Claim(
        "digits_deepest_end",
        "At the end it has 0.0017 of the size of the largest.",
        kind="measured",
        expected=0.0017,
        tolerance=0.001,
        measure=lambda: -float(_digits()["last_deepest"]),
        shown="{:.4f}",
        slow=True,
    ),
    Claim(
        "digits_gradient_end",
        "The norm of the gradient is then 0.009: no critical point.",
        kind="measured",
        expected=0.009,
        tolerance=0.004,
        measure=lambda: float(_digits()["last_gradient"]),
        shown="{:.3f}",
        slow=True,
    ),
    # Random landscapes: tolerances are three deviations under other seeds.
    *(
        Claim(
            f"density_{n}",
            f"A random landscape of {n} dimension{'s' if n > 1 else ''} has {density:.3f} critical points in a unit of "
            f"{unit}, {closed}, for the covariance exp(−r²/2).",
            kind="exact",
            expected=density,
            tolerance=1e-9,
            measure=partial(lambda n: kac_rice.exact(n).density, n),
            shown="{:.3f}",
        )
        for n, density, unit, closed in (
            (1, kac_rice.DENSITY[1], "length", "√3/π"),
            (2, kac_rice.DENSITY[2], "area", "2/(√3π)"),
            (3, kac_rice.DENSITY[3], "volume", "29√3/(18π²)"),
        )
    ),
    Claim(
        "minima_2",
        "In two dimensions 25 % of the critical points of a random landscape are minima.",
        kind="exact",
        expected=0.25,
        tolerance=1e-9,
        measure=partial(_minima, 2),
        shown="{:.0%}",
    ),
    Claim(
        "saddles_2",
        "In two dimensions 50 % are saddles.",
        kind="exact",
        expected=0.5,
        tolerance=1e-9,
        measure=lambda: float(kac_rice.exact(2).fractions[1]),
        shown="{:.0%}",
    ),
    Claim(
        "minima_3",
        "In three dimensions 12.3 % are minima, (29 − 6√6)/116.",
        kind="exact",
        expected=(29 - 6 * 6**0.5) / 116,
        tolerance=1e-9,
        measure=partial(_minima, 3),
        shown="{:.1%}",
    ),
    Claim(
        "saddles_3",
        "In three dimensions 75.3 % are saddles of either kind.",
        kind="exact",
        expected=1 - (29 - 6 * 6**0.5) / 58,
        tolerance=1e-9,
        measure=lambda: float(kac_rice.exact(3).fractions[1:3].sum()),
        shown="{:.1%}",
    ),
    *(
        Claim(
            f"depth_{name}",
            f"In {words} dimensions {what} lie {depth:.2f} standard deviations below the mean height, on average.",
            kind="exact",
            expected=depth,
            tolerance=0.0005,
            measure=partial(lambda n, index: -float(kac_rice.exact(n).heights[index]), n, index),
            shown="{:.2f}",
        )
        for name, words, n, what, index, depth in (
            ("minima_2", "two", 2, "minima", 0, 1.3029),
            ("minima_3", "three", 3, "minima", 0, 1.8004),
            ("saddles_3", "three", 3, "saddles with one direction down", 1, 0.5893),
            ("minima_10", "ten", 10, "minima", 0, 4.3076),
        )
    ),
    Claim(
        "counted_points",
        "A search of 24 random landscapes in the plane found some 2,370 critical points.",
        kind="measured",
        expected=2370,
        tolerance=180,
        measure=lambda: float(_landscapes(PLANE)["count"]),
        shown="{:,.0f}",
        slow=True,
    ),
    Claim(
        "counted_minima",
        "Of the points found, 25 % were minima.",
        kind="measured",
        expected=0.25,
        tolerance=0.014,
        measure=lambda: float(_landscapes(PLANE)["fraction_by_index"][0]),
        shown="{:.0%}",
        slow=True,
    ),
    Claim(
        "counted_balances",
        "In 24 of the 24 landscapes minima − saddles + maxima is the number that the edges of the box demand.",
        kind="exact",
        expected=24,
        measure=lambda: float(_landscapes(PLANE)["balance_as_demanded"]),
        slow=True,
    ),
    Claim(
        "joined_balances",
        "With joined edges minima − saddles + maxima is exactly 0, in 12 of 12 landscapes.",
        kind="exact",
        expected=12,
        measure=lambda: float(
            _landscapes(replace(PLANE, {"fields": 12, "box": 25, "features": 100, "edges": "joined"}))[
                "balance_as_demanded"
            ]
        ),
    ),
    Claim(
        "first_grid_2",
        "Newton's method from a grid with cells of 0.8 finds 81 % of the critical points in the plane.",
        kind="measured",
        expected=0.81,
        tolerance=0.02,
        measure=partial(_share_of_first_grid, PLANE),
        shown="{:.0%}",
        slow=True,
    ),
    Claim(
        "first_grid_3",
        "In three dimensions such a grid finds 77 % of them.",
        kind="measured",
        expected=0.77,
        tolerance=0.04,
        measure=partial(_share_of_first_grid, SPACE),
        shown="{:.0%}",
        slow=True,
    ),
    # Minima by dimension.
    Claim(
        "minima_10",
        "In ten dimensions 0.06 % of the critical points of a random landscape are minima.",
        kind="exact",
        expected=0.000612036,
        tolerance=1e-9,
        measure=partial(_minima, 10),
        shown="{:.2%}",
    ),
    Claim(
        "minima_10_one_in",
        "In ten dimensions one critical point in 1,634 is a minimum.",
        kind="exact",
        expected=1633.9,
        tolerance=0.1,
        measure=lambda: 1 / _minima(10),
        shown="{:,.0f}",
    ),
    Claim(
        "coins_10",
        "Ten coin flips all show heads in 0.10 % of cases.",
        kind="exact",
        expected=2.0**-10,
        measure=lambda: 2.0**-10,
        shown="{:.2%}",
    ),
    Claim(
        "coins_10_one_in",
        "That is one in 1,024.",
        kind="exact",
        expected=1024,
        measure=lambda: 2.0**10,
        shown="{:,.0f}",
    ),
    *(
        Claim(
            f"minima_by_coins_{n}",
            f"In {words} dimensions there are {times:.3f} times as many minima as coin flips say.",
            kind="exact",
            expected=times,
            tolerance=5e-5,
            measure=partial(lambda n: _minima(n) * 2**n, n),
            shown=shown,
        )
        for n, words, times, shown in ((3, "three", 0.98642, "{:.3f}"), (10, "ten", 0.62672, "{:.2f}"))
    ),
    Claim(
        "minima_fall_10",
        "From nine dimensions to ten minima become 2.2 times rarer.",
        kind="exact",
        expected=2.1971,
        tolerance=0.0005,
        measure=lambda: _minima(9) / _minima(10),
        shown="{:.1f}",
    ),
    Claim(
        "minima_10_sampled",
        "Ten thousand random matrices put the share of minima in ten dimensions at 0.0006.",
        kind="measured",
        expected=0.000612,
        tolerance=0.00005,  # four standard errors
        measure=partial(_sampled_minima, 10, 10_000),
        shown="{:.4f}",
    ),
    *(
        Claim(
            f"positive_{n}",
            f"A GOE matrix of size {n} has positive eigenvalues only with probability {shown.format(probability)}.",
            kind="exact",
            expected=probability,
            tolerance=2e-5 * probability,
            measure=partial(goe.positive_probability, n),
            shown=shown,
        )
        for n, probability, shown in (
            (2, 0.146447, "{:.3f}"),
            (3, 0.0249209, "{:.4f}"),
            (4, 0.00245671, "{:.5f}"),
            (8, 9.69455e-10, "{:.1e}"),
            (10, 2.26565e-14, "{:.1e}"),
        )
    ),
    Claim(
        "positive_asymptote_8",
        "The leading asymptotic, 3^(−N²/4), is 24 times too large at N = 8.",
        kind="exact",
        expected=23.9625,
        tolerance=0.001,
        measure=lambda: goe.positive_asymptote(8) / goe.positive_probability(8),
        shown="{:.0f}",
    ),
    # Traps: tolerances of counts are three standard errors of 10,000 starts.
    *(
        Claim(
            f"dip_{n}",
            f"A dip that traps half of all starts in one dimension traps {100 * share:.1f} % of them in {words}.",
            kind="exact",
            expected=share,
            tolerance=5e-5,
            measure=partial(trapping.inside_probability, n, HALVING),
            shown="{:.1%}",
        )
        for n, words, share in ((2, "two", 0.20345), (3, "three", 0.07132))
    ),
    Claim(
        "dip_10_one_in",
        "In ten dimensions the dip traps one start in 238,000.",
        kind="exact",
        expected=238_000,
        tolerance=1000,
        measure=lambda: 1 / trapping.inside_probability(10, HALVING),
        shown="{:,.0f}",
    ),
    Claim(
        "dip_radius_10",
        "To trap half of all starts in ten dimensions, a dip needs a radius of 3.06.",
        kind="exact",
        expected=3.0565,
        tolerance=0.0005,
        measure=partial(_halving_radius, 10),
        shown="{:.2f}",
    ),
    Claim(
        "dip_2_counted",
        "Of 10,000 descents in two dimensions the dip trapped 20 %.",
        kind="measured",
        expected=0.2035,
        tolerance=0.012,
        measure=lambda: float(_descents()["trapped_in_dip"][1]),
        shown="{:.0%}",
    ),
    Claim(
        "wells_10",
        "With a good and a bad well for each of ten coordinates, equally deep, 99.9 % of the starts end in a bad one.",
        kind="exact",
        expected=1 - 2.0**-10,
        tolerance=1e-9,
        measure=lambda: 1 - trapping.good_probability(10, 0.0),
        shown="{:.1%}",
    ),
    Claim(
        "wells_10_good",
        "Only 0.10 % end in ten good wells.",
        kind="exact",
        expected=2.0**-10,
        tolerance=1e-9,
        measure=partial(trapping.good_probability, 10, 0.0),
        shown="{:.2%}",
    ),
    Claim(
        "wells_10_tilted",
        "With a tilt of 0.1, 0.12 % of the starts end in ten good wells.",
        kind="exact",
        expected=0.00118993,
        tolerance=1e-7,
        measure=partial(trapping.good_probability, 10, 0.1),
        shown="{:.2%}",
    ),
    Claim(
        "wells_2_counted",
        "Of 10,000 descents in two dimensions, with that tilt, 74 % ended in a bad well.",
        kind="measured",
        expected=0.74,
        tolerance=0.013,
        measure=lambda: float(_descents()["trapped_in_wells"][1]),
        shown="{:.0%}",
    ),
)
