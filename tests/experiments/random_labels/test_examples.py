"""What is spoilt is spoilt as said, and groups of nets learn until they have every label right."""

from itertools import pairwise

import numpy as np
import pytest

from core.data import digits
from core.experiments.random_labels import examples as given
from core.experiments.random_labels.examples import Group, Task, examples, learn, net_of, redrawn, still_right, task

from ..checks import check_run


@pytest.mark.parametrize(("source", "tests", "inputs"), [("digits", 797, 64), ("MNIST-1D", 1000, 40)])
def test_examples_are_standardised_and_tested_on_others(source: str, tests: int, inputs: int) -> None:
    some, all_ = examples(source, 250, 3), examples(source, 1000, 3)
    assert some.x.shape == (250, inputs) and all_.x.shape == (1000, inputs)
    assert some.x_test.shape == all_.x_test.shape == (tests, inputs)
    assert np.array_equal(some.y_test, all_.y_test) and np.array_equal(some.y, all_.y[:250])
    assert all_.x.mean() == pytest.approx(0, abs=1e-5) and all_.x.std() == pytest.approx(1, abs=1e-5)
    assert not np.array_equal(all_.y, examples(source, 1000, 4).y)


def test_no_digit_is_both_trained_and_tested_on() -> None:
    known = examples("digits", 1000, 0)
    rows = {row.tobytes() for row in np.round(known.x, 3)} | {row.tobytes() for row in np.round(known.x_test, 3)}
    assert len(rows) == len(digits()[0]) == 1797


def test_a_share_of_labels_is_redrawn_once() -> None:
    labels = np.arange(5000) % 10
    drawn = redrawn(labels, 0.4, 3, 0)
    assert np.array_equal(drawn, redrawn(labels, 0.4, 3, 0))
    # Three times 5,000 labels: the share's standard error is 0.004.
    assert np.mean(drawn == labels) == pytest.approx(still_right(0.4), abs=0.016)
    assert still_right(0.4) == pytest.approx(0.64)
    assert np.array_equal(redrawn(labels, 0.0, 2, 0), [labels, labels])
    assert np.mean(redrawn(labels, 1.0, 3, 0) == labels) == pytest.approx(0.1, abs=0.01)


def test_each_net_has_random_labels_of_its_own_however_many_there_are() -> None:
    labels = np.arange(1000) % 10
    few, many = redrawn(labels, 1.0, 2, 5), redrawn(labels, 1.0, 4, 5)
    assert np.array_equal(few, many[:2])
    assert np.mean(many[0] == many[1]) < 0.2
    assert not np.array_equal(few, redrawn(labels, 1.0, 2, 6))


def test_more_random_labels_keep_those_drawn_at_a_smaller_share() -> None:
    labels = np.arange(1000) % 10
    some, more = redrawn(labels, 0.2, 1, 0), redrawn(labels, 0.6, 1, 0)
    assert np.array_equal(some[some != labels], more[some != labels])


def test_one_shuffle_is_the_same_for_every_image_of_a_net() -> None:
    known = examples("digits", 250, 0)
    spoilt = task(known, "one shuffle", 0.0, 2, 0)
    # Where each pixel went can be read off: columns are told apart by what they hold in all images.
    whole = np.vstack((known.x, known.x_test))
    for x, x_test in zip(spoilt.x, spoilt.x_test, strict=True):
        moved = np.vstack((x, x_test))
        assert sorted(column.tobytes() for column in whole.T) == sorted(column.tobytes() for column in moved.T)
        assert not np.array_equal(whole, moved)
    assert not np.array_equal(spoilt.x[0], spoilt.x[1])
    assert np.array_equal(spoilt.y, [known.y, known.y])


def test_a_shuffle_each_keeps_the_pixels_of_an_image_only() -> None:
    known = examples("digits", 250, 0)
    spoilt = task(known, "a shuffle each", 0.0, 1, 0)
    assert np.array_equal(np.sort(spoilt.x[0], axis=1), np.sort(known.x, axis=1))
    assert np.array_equal(np.sort(spoilt.x_test[0], axis=1), np.sort(known.x_test, axis=1))
    columns = {column.tobytes() for column in known.x.T}
    assert not any(column.tobytes() in columns for column in spoilt.x[0].T)


def test_noise_has_the_mean_and_variance_of_images_and_nothing_else() -> None:
    known = examples("digits", 1000, 0)
    spoilt = task(known, "Gaussian", 0.0, 1, 0)
    assert spoilt.x[0].mean() == pytest.approx(0, abs=0.02) and spoilt.x[0].std() == pytest.approx(1, abs=0.02)
    assert abs(np.corrcoef(spoilt.x[0].ravel(), known.x.ravel())[0, 1]) < 0.02
    assert abs(np.corrcoef(spoilt.x[0, :797].ravel(), spoilt.x_test[0].ravel())[0, 1]) < 0.02


def test_real_inputs_and_true_labels_stay() -> None:
    known = examples("MNIST-1D", 250, 0)
    same = task(known, "real", 0.0, 2, 0)
    assert np.array_equal(same.x, [known.x, known.x]) and np.array_equal(same.x_test[1], known.x_test)
    assert np.array_equal(same.y, [known.y, known.y])


def easy(replicas: int = 2) -> Task:
    """Ten far corners, each with its own label, of which half the test labels are wrong."""
    x = np.tile(4 * np.eye(10, dtype=np.float32), (7, 1))
    labels = np.tile(np.arange(10, dtype=np.int32), 7)
    x_test, y_test = x[:20], np.where(np.arange(20) < 10, labels[:20], (labels[:20] + 1) % 10).astype(np.int32)
    each, given_labels, tested = (np.stack([part] * replicas) for part in (x, labels, x_test))
    return Task(each, given_labels, tested, y_test)


def test_a_group_stops_at_the_epoch_at_which_each_net_first_has_every_label_right() -> None:
    from core.nets import MLP

    group = Group(MLP((10, 16, 10)), easy(), 0.02, 0)
    history = [group.train_accuracy]
    assert np.isnan(group.epochs_to_fit).all() and not group.rests
    while not group.rests and group.epoch < 200:
        group.advance()
        history.append(group.train_accuracy)
    first = [next(epoch for epoch, shares in enumerate(history) if shares[net] == 1) for net in range(2)]
    assert group.epochs_to_fit.tolist() == first and max(first) == group.epoch > 1
    assert group.test_accuracy.tolist() == [0.5, 0.5]
    group.advance()
    assert group.epoch == max(first)


def test_nets_that_diverge_are_missing_and_their_group_rests() -> None:
    from core.nets import MLP

    group = Group(MLP((10, 16, 16, 10)), easy(), 1e12, 0)
    for _ in range(10):
        group.advance()
    assert group.rests and group.epoch < 10
    for numbers in (group.train_accuracy, group.test_accuracy, group.epochs_to_fit):
        assert np.isnan(numbers).all()


class Counted:
    """A group of one net that has learned its task after some epochs."""

    def __init__(self, needed: int) -> None:
        self.needed, self.epoch = needed, 0
        self.train_accuracy = self.test_accuracy = self.epochs_to_fit = np.zeros(1)

    @property
    def rests(self) -> bool:
        return self.epoch >= self.needed

    def advance(self) -> None:
        if not self.rests:
            self.epoch += 1


@pytest.mark.parametrize("needed", [(3, 8, 2, 9), (99, 99, 99, 99), (99, 1, 1, 1), (1, 1, 1, 99), (0, 0, 0, 0)])
def test_groups_take_turns_and_frames_stand_at_the_same_steps(needed: tuple[int, ...]) -> None:
    groups = [Counted(epochs) for epochs in needed]
    frames = list(learn(groups, 10))  # type: ignore[arg-type]
    check_run(frames, 40)
    assert [frame.step for frame in frames] == [*range(0, 40, given.TOGETHER), 40]
    assert not frames[0].values["epoch"].any()
    for before, after in pairwise(frames):
        assert 0 <= np.sum(after.values["epoch"] - before.values["epoch"]) <= given.TOGETHER
    last = given.by_group(frames[-1])
    assert last["epoch"].tolist() == [min(epochs, 10) for epochs in needed]
    assert last["train_accuracy"].shape == (4, 1) and frames[-1].values["group"].tolist() == [0, 1, 2, 3]


def test_epochs_drawn_are_few_and_hold_the_ends() -> None:
    assert given.drawn_epochs(0, 18).tolist() == [0]
    assert given.drawn_epochs(1, 18).tolist() == [0, 1]
    for now in (2, 7, 60, 160):
        drawn = given.drawn_epochs(now, 18)
        assert drawn[0] == 0 and drawn[-1] == now and len(drawn) <= 19 and (np.diff(drawn) > 0).all()


@pytest.mark.parametrize("source", given.SOURCES)
@pytest.mark.parametrize("kind", ["MLP", "CNN"])
def test_nets_fit_the_examples(kind: str, source: str) -> None:
    net, known = net_of(kind, 32, 2, source), examples(source, 250, 0)
    assert net(net.initial(2, 0), known.x[:5]).shape == (2, 5, 10)
