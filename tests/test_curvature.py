"""Second derivatives are exact: beside closed forms, differences away from kinks, and numpy's eigenvalues."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from core.classification import Loss
from core.curvature import Objective, hutchinson, lanczos
from core.lab import Array
from core.nets import CNN, MLP, Net


def examples(samples: int, inputs: int, classes: int = 3) -> tuple[Array, Array]:
    rng = np.random.default_rng(5)
    return rng.normal(size=(samples, inputs)), rng.integers(classes, size=samples)


def objective(net: Net, loss: Loss = "cross-entropy", **changes: Any) -> tuple[Objective, Array]:
    """An objective on twenty examples, and a point ``(2, P)`` of random nets."""
    parameters = net.initial(2, 3, np.float64)
    shapes = tuple(tuple(p.shape[1:]) for p in parameters)
    inputs = net.sizes[0] if isinstance(net, MLP) else 16
    found = Objective(net, shapes, *examples(20, inputs), loss=loss, **changes)
    return found, found.pack(parameters)


def differences(of: Callable[[Array], Array], point: Array, step: float = 1e-5) -> Array:
    """Central differences of ``of`` at ``(P,)`` in every parameter: ``(P, …)``."""
    moves = step * np.eye(len(point))
    ahead, behind = np.split(of(np.concatenate([point + moves, point - moves])), 2)
    return np.asarray((ahead - behind) / (2 * step))


def test_packed_parameters_come_apart_again() -> None:
    net = MLP((4, 5, 3))
    parameters = net.initial(2, 3, np.float64)
    found, point = objective(net)
    assert point.shape == (2, 4 * 5 + 5 + 5 * 3 + 3)
    np.testing.assert_array_equal(point, np.concatenate([p.reshape(2, -1) for p in parameters], axis=1))
    for part, wanted in zip(found.unpack(point), parameters, strict=True):
        np.testing.assert_array_equal(part, wanted)


def test_hessian_of_softmax_regression_is_the_closed_form() -> None:
    x, y = examples(20, 4)
    found, point = objective(MLP((4, 3)))
    weights, bias = (part[0] for part in found.unpack(point))
    chances = np.exp(x @ weights + bias)
    chances /= chances.sum(axis=1, keepdims=True)
    loss = -np.log(chances[np.arange(20), y]).mean()
    wide = np.column_stack([x, np.ones(20)])
    slope = wide.T @ (chances - np.eye(3)[y]) / 20
    hessian = np.zeros((15, 15))
    for row, p in zip(wide, chances, strict=True):
        hessian += np.kron(np.outer(row, row), np.diag(p) - np.outer(p, p)) / 20
    assert found.loss(point)[0] == pytest.approx(loss, rel=1e-13)
    np.testing.assert_allclose(found.gradient(point)[0], slope.ravel(), atol=1e-14)
    np.testing.assert_allclose(found.hessian(point[0]), hessian, atol=1e-14)


def test_hessian_of_least_squares_is_the_closed_form() -> None:
    x, _ = examples(20, 4)
    found, point = objective(MLP((4, 3)), loss="squared")
    wide = np.column_stack([x, np.ones(20)])
    np.testing.assert_allclose(found.hessian(point[0]), np.kron(wide.T @ wide / 20, np.eye(3)), atol=1e-14)


@pytest.mark.parametrize(
    ("net", "loss"),
    [(MLP((4, 5, 5, 3), "tanh"), "cross-entropy"), (MLP((4, 5, 3)), "squared"), (CNN((4, 4), (2, 3), 3), "squared")],
)
def test_derivatives_are_those_of_differences(net: Net, loss: Loss) -> None:
    found, point = objective(net, loss)
    gradient, hessian = found.gradient(point), found.hessian(point[0])
    for replica in range(2):  # An example that had its kink within the reach of a difference would spoil it.
        np.testing.assert_allclose(gradient[replica], differences(found.loss, point[replica]), atol=1e-8)
    np.testing.assert_allclose(hessian, differences(found.gradient, point[0]), atol=1e-8)
    assert np.abs(hessian).max() > 0.1
    vectors = np.random.default_rng(0).normal(size=point.shape)
    products = found.hessian_vector_product(point, vectors)
    for replica in range(2):
        wanted = found.hessian(point[replica]) @ vectors[replica]
        np.testing.assert_allclose(products[replica], wanted, rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(found.product(point)(vectors), products)


def test_hessian_is_whole_when_it_takes_several_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    found, point = objective(MLP((4, 3)))
    whole = found.hessian(point[0])
    monkeypatch.setattr("core.curvature.COLUMNS_TOGETHER", 4)  # 15 parameters: the last part overlaps.
    np.testing.assert_allclose(found.hessian(point[0]), whole, atol=1e-14)


def test_single_precision_is_close() -> None:
    found, point = objective(MLP((4, 5, 3)), "squared")
    short, there = objective(MLP((4, 5, 3)), "squared", dtype=np.float32)
    vectors = np.random.default_rng(0).normal(size=point.shape)
    product = short.hessian_vector_product(there, vectors)
    assert product.dtype == np.float32
    np.testing.assert_allclose(product, found.hessian_vector_product(point, vectors), rtol=1e-4, atol=1e-5)


def rotated(*spectra: Array) -> tuple[Array, Callable[[Array], Array]]:
    """Symmetric matrices ``(S, P, P)`` with these eigenvalues, and their products."""
    rng = np.random.default_rng(9)
    turns = [np.linalg.qr(rng.normal(size=(len(spectrum), len(spectrum))))[0] for spectrum in spectra]
    matrices = np.stack([turn * spectrum @ turn.T for turn, spectrum in zip(turns, spectra, strict=True)])
    return matrices, lambda vectors: np.einsum("spq,sq->sp", matrices, vectors)


SPECTRA = {
    "spread": np.linspace(-1, 3, 12),
    "negative extreme": np.array([-50.0, *np.linspace(0, 1, 11)]),
    "all negative": -np.linspace(1, 7, 12),
    "degenerate top": np.array([0.0] * 8 + [1.0] + [4.0] * 3),
    "two values": np.array([-2.0] * 6 + [2.0] * 6),
    "identity": np.ones(12),
    "minus identity": -np.ones(12),
    "rank one": np.array([0.0] * 11 + [5.0]),
    "tiny": 1e-9 * np.linspace(-1, 3, 12),
}


@pytest.mark.parametrize("steps", [12, 40])
def test_lanczos_finds_both_ends_of_every_spectrum(steps: int) -> None:
    matrices, product = rotated(*SPECTRA.values())
    found = lanczos(product, len(matrices), 12, steps, seed=0)
    for row, (name, matrix) in enumerate(zip(SPECTRA, matrices, strict=True)):
        values, size = np.linalg.eigvalsh(matrix), np.abs(matrix).max()
        for value, vector, residual, wanted in (
            (found.low[row], found.low_vector[row], found.low_residual[row], values[0]),
            (found.high[row], found.high_vector[row], found.high_residual[row], values[-1]),
        ):
            assert value == pytest.approx(wanted, abs=1e-12 * size), name
            assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-12), name
            assert np.linalg.norm(matrix @ vector - wanted * vector) < 1e-7 * size, name
            assert residual < 1e-7 * size, name


def test_lanczos_of_nothing_is_nothing() -> None:
    found = lanczos(np.zeros_like, 2, 5, 4, seed=0)
    assert not found.low.any() and not found.high.any() and not found.high_residual.any()


@pytest.mark.parametrize("size", [1, 2])
def test_lanczos_of_the_smallest_matrices(size: int) -> None:
    _, product = rotated(np.arange(1.0, size + 1))
    found = lanczos(product, 1, size, 30, seed=0)
    assert found.low[0] == pytest.approx(1) and found.high[0] == pytest.approx(size)


def test_lanczos_knows_the_end_of_a_start_that_two_steps_exhaust() -> None:
    start = np.random.default_rng([0, 0]).normal(size=6)
    start /= np.linalg.norm(start)
    other = np.roll(start, 1) - start * (start @ np.roll(start, 1))
    other /= np.linalg.norm(other)
    matrix = np.outer(start, other) + np.outer(other, start)  # its diagonal along the start is 0
    found = lanczos(lambda vectors: vectors @ matrix, 1, 6, 6, seed=0)
    assert (found.low[0], found.high[0]) == pytest.approx((-1, 1), abs=1e-12)


def test_lanczos_stopped_early_says_how_far_off_it_is() -> None:
    matrices, product = rotated(*(np.random.default_rng(s).normal(size=200) for s in range(3)))
    found = lanczos(product, 3, 200, 15, seed=0)
    values = np.linalg.eigvalsh(matrices)
    for row in range(3):
        assert 1e-6 < found.high_residual[row] < 0.5
        assert np.abs(values[row] - found.high[row]).min() <= found.high_residual[row]
        assert np.abs(values[row] - found.low[row]).min() <= found.low_residual[row]
        assert values[row, -1] - 0.2 < found.high[row] <= values[row, -1] + 1e-12
        moved = matrices[row] @ found.high_vector[row] - found.high[row] * found.high_vector[row]
        assert np.linalg.norm(moved) == pytest.approx(found.high_residual[row], rel=1e-6)


def test_lanczos_of_a_replica_does_not_depend_on_the_others() -> None:
    matrices, product = rotated(*(np.random.default_rng(s).normal(size=50) for s in range(3)))
    together = lanczos(product, 3, 50, 10, seed=4)
    alone = lanczos(lambda vectors: vectors @ matrices[0].T, 1, 50, 10, seed=4)
    assert together.high[0] == pytest.approx(alone.high[0], rel=1e-12)
    other = lanczos(product, 3, 50, 10, seed=5)
    assert abs(other.high[0] - together.high[0]) > 1e-9


def test_lanczos_that_starts_near_needs_fewer_steps() -> None:
    matrices, product = rotated(*(np.random.default_rng(s).normal(size=200) for s in range(3)))
    values, vectors = np.linalg.eigh(matrices)
    cold = lanczos(product, 3, 200, 5, seed=0)
    warm = lanczos(product, 3, 200, 5, seed=0, near=vectors[:, :, -1])
    assert (warm.high_residual < cold.high_residual / 2).all()
    assert (np.abs(values[:, -1] - warm.high) < np.abs(values[:, -1] - cold.high) / 4).all()


def test_lanczos_gives_up_on_a_replica_that_is_not_finite() -> None:
    matrices, product = rotated(SPECTRA["spread"], SPECTRA["spread"])
    matrices[0, 2, 3] = np.nan
    found = lanczos(product, 2, 12, 12, seed=0)
    assert all(np.isnan(part[0]).all() and np.isfinite(part[1]).all() for part in found)
    assert found.high[1] == pytest.approx(3)
    again = lanczos(product, 2, 12, 12, seed=0, near=found.high_vector)
    assert np.isnan(again.high[0]) and again.high[1] == pytest.approx(3)


def test_lanczos_agrees_with_the_hessian_of_a_net() -> None:
    found, point = objective(MLP((4, 5, 3)), "squared")
    ends = lanczos(found.product(point), 2, point.shape[1], 43, seed=0)
    for row in range(2):
        values = np.linalg.eigvalsh(found.hessian(point[row]))
        assert (ends.low[row], ends.high[row]) == pytest.approx((values[0], values[-1]), rel=1e-9)


def test_hutchinson_is_right_within_its_error() -> None:
    matrices, product = rotated(*(np.random.default_rng(s).normal(size=60) for s in range(8)))
    found = hutchinson(product, 8, 60, 400, seed=0)
    exact = np.trace(matrices, axis1=1, axis2=2)
    assert (np.abs(found.mean - exact) < 4 * found.error).all()
    off_diagonal = np.array([2 * (m**2).sum() - 2 * (np.diag(m) ** 2).sum() for m in matrices])
    np.testing.assert_allclose(found.error, np.sqrt(off_diagonal / 400), rtol=0.2)


def test_hutchinson_of_a_block_sees_that_block_only() -> None:
    matrices, product = rotated(np.linspace(-1, 9, 40), np.linspace(-1, 9, 40))
    block = np.arange(40) < 10
    found = hutchinson(product, 2, 40, 300, seed=1, block=block)
    exact = np.array([np.trace(m[:10, :10]) for m in matrices])
    assert (np.abs(found.mean - exact) < 4 * found.error).all()
    assert (found.error < hutchinson(product, 2, 40, 300, seed=1).error / 2).all()


def test_hutchinson_has_no_error_on_a_diagonal() -> None:
    diagonal = np.arange(1.0, 9)
    found = hutchinson(lambda vectors: vectors * diagonal, 1, 8, 3, seed=0)
    assert found.mean[0] == diagonal.sum() and found.error[0] == 0
    assert np.isnan(hutchinson(lambda vectors: vectors * diagonal, 1, 8, 1, seed=0).error[0])
