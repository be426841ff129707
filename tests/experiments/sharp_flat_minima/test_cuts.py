"""Directions have the length they should, and a plane holds the share of a path that lies in it."""

from collections.abc import Iterator
from unittest.mock import patch

import numpy as np
import pytest

from core.experiments.sharp_flat_minima import cuts, minima
from core.lab import Array
from core.nets import MLP

WIDTHS = (7, 5, 3)
SIZE = 7 * 5 + 5 + 5 * 3 + 3


@pytest.fixture(autouse=True)
def narrow() -> Iterator[None]:
    with patch.object(minima, "WIDTHS", WIDTHS):
        yield


def point(replica: int = 0) -> Array:
    parts = MLP(WIDTHS).initial(replica + 1, 0)
    return np.concatenate([part[replica].ravel() for part in parts])


def weights(flat: Array) -> tuple[Array, Array]:
    return flat[:35].reshape(7, 5), flat[40:55].reshape(5, 3)


def biases(flat: Array) -> Array:
    return np.concatenate([flat[35:40], flat[55:]])


def test_filter_normalisation_gives_each_unit_the_length_of_its_weights() -> None:
    here = point()
    ways = cuts.random_directions(here, 3, True, 5, 0)
    for way in ways:
        for part, own in zip(weights(way), weights(here), strict=True):
            assert np.allclose(np.linalg.norm(part, axis=0), np.linalg.norm(own, axis=0), rtol=1e-5)
        assert not biases(way).any()


def test_without_it_only_the_whole_is_as_long() -> None:
    here = point()
    length = np.sqrt(sum(np.sum(own**2) for own in weights(here)))
    ways = cuts.random_directions(here, 3, False, 5, 0)
    assert np.allclose(np.linalg.norm(ways, axis=1), length, rtol=1e-5) and cuts.weights_length(here) == pytest.approx(
        length, rel=1e-5
    )
    assert not np.allclose(np.linalg.norm(weights(ways[0])[0], axis=0), np.linalg.norm(weights(here)[0], axis=0))
    assert not biases(ways[0]).any()


def test_directions_depend_on_seed_and_net_only() -> None:
    here = point()
    same = cuts.random_directions(here, 4, True, 5, 0)[:2]
    assert np.array_equal(cuts.random_directions(here, 2, True, 5, 0), same)
    for seed, replica in ((6, 0), (5, 1)):
        assert not np.allclose(cuts.random_directions(here, 2, True, seed, replica), same)


def test_random_directions_are_not_the_numbers_that_the_nets_start_from() -> None:
    with patch.object(minima, "WIDTHS", (40, 100, 100, 10)):
        for replica in range(3):
            parts = MLP(minima.WIDTHS).initial(replica + 1, 0)
            start = np.concatenate([part[replica].ravel() for part in parts])
            (way,) = cuts.random_directions(start, 1, True, 0, replica)
            assert abs(way @ start) / (np.linalg.norm(way) * np.linalg.norm(start)) < 0.04


def test_a_path_in_a_plane_lies_in_its_principal_directions() -> None:
    rng = np.random.default_rng(0)
    plane = np.linalg.qr(rng.normal(size=(SIZE, 2)))[0].T
    along = np.stack([np.linspace(3, 0, 20), np.sin(np.linspace(0, np.pi, 20))], axis=1)
    path = point().astype(float) + along @ plane
    ways = cuts.path_directions(path, 2)
    inside, share = cuts.project(path, ways)
    assert share == pytest.approx(1)
    assert np.allclose(inside @ ways, path - path[-1])
    assert inside[0, 0] > 0 and abs(ways[0] @ ways[1]) < 1e-6 * (ways[0] @ ways[0])


def test_the_share_is_that_of_the_variance() -> None:
    path = np.zeros((3, SIZE))
    path[0, :2], path[1, 2] = (3, 4), 5
    plane = np.eye(SIZE)[:2] * 7
    inside, share = cuts.project(path, plane)
    assert share == pytest.approx(25 / 50)
    assert np.allclose(inside, np.array([(3, 4), (0, 0), (0, 0)]) / 7)
