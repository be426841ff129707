"""What nets are to learn, as it is or spoilt, and groups of nets that learn it until they have every label right."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import altair as alt
import numpy as np

from core import charts as look
from core.data import Labelled, digits, mnist_1d
from core.lab import Array, Frame

if TYPE_CHECKING:
    from core.nets import Net

SOURCES = ("digits", "MNIST-1D")
INPUTS = ("real", "one shuffle", "a shuffle each", "Gaussian")
"""What becomes of the inputs: nothing, pixels shuffled alike or for each image anew, or noise instead."""
CLASSES = 10
CHANCE = 1 / CLASSES
MOST = 1000
"""Examples to train on; of the 1,797 digits, those left are for testing."""
MOMENTUM, BATCH = 0.9, 64
MEASURED = ("train_accuracy", "test_accuracy", "epochs_to_fit")
TOGETHER = 3
"""Turns of groups between two frames."""
BEFORE = 0.5
"""Where a logarithmic axis of epochs draws what nets do before they are trained."""
BEFORE_TITLE = "epochs (left edge: before training)"
DRAWS = 11
"""Sets the random draws made here apart from those of a net's start and of its batches."""


def examples(source: str, samples: int, seed: int) -> Labelled:
    """``samples`` examples to train on, drawn by ``seed``, and the same test examples whatever ``samples`` is.

    Inputs are standardised by one mean and one standard deviation, those of all training values: pixels keep their
    contrast with each other, and noise of mean 0 and variance 1 matches them.
    """
    rng = np.random.default_rng([seed, 0, 0, DRAWS])
    if source == "digits":
        images, labels = digits()
        order = rng.permutation(len(images))
        parts: list[Array] = [
            part[rows] for rows in (order[:MOST][:samples], order[MOST:]) for part in (images, labels)
        ]
    else:
        whole = mnist_1d()
        rows = rng.permutation(len(whole.x))[:samples]
        parts = [whole.x[rows], whole.y[rows], whole.x_test, whole.y_test]
    x, y, x_test, y_test = (np.asarray(part, np.float64) for part in parts)
    middle, size = x.mean(), x.std()
    x, x_test = ((part - middle) / size for part in (x, x_test))
    return Labelled(x.astype(np.float32), y.astype(np.int32), x_test.astype(np.float32), y_test.astype(np.int32))


def redrawn(labels: Array, share: float, replicas: int, seed: int) -> Array:
    """Labels ``(S, n)`` of which a ``share`` is drawn anew from all ten, once, for each replica its own.

    Each label is drawn anew with that probability, independently; one in ten of those comes out right again. Those
    redrawn at a share are redrawn alike at every larger one.
    """
    drawn = []
    for replica in range(replicas):
        rng = np.random.default_rng([seed, replica, 1, DRAWS])
        chosen, others = rng.random(len(labels)) < share, rng.integers(0, CLASSES, len(labels))
        drawn.append(np.where(chosen, others, labels))
    return np.array(drawn, np.int32)


def still_right(share: float) -> float:
    """The share of labels expected to be right when ``share`` is drawn anew: 1 − 0.9 ``share``."""
    return 1 - share * (1 - CHANCE)


class Task(NamedTuple):
    """What S nets learn, and are tested on: inputs ``(S, n, d)`` and labels ``(S, n)`` of each net's own."""

    x: Array
    y: Array
    x_test: Array
    y_test: Array


def task(known: Labelled, inputs: str, share: float, replicas: int, seed: int) -> Task:
    """The examples with inputs of one of ``INPUTS`` and a ``share`` of random labels.

    Test inputs are treated as the training inputs are: by the same shuffle, by a shuffle each, or replaced by fresh
    noise. Test labels are the true ones, so those of noise have nothing to do with it.
    """
    drawn = []
    for replica in range(replicas):
        rng = np.random.default_rng([seed, replica, 2 + INPUTS.index(inputs), DRAWS])
        drawn.append([part.astype(np.float32) for part in _treated(known, inputs, rng)])
    x, x_test = (np.stack(parts) for parts in zip(*drawn, strict=True))
    return Task(x, redrawn(known.y, share, replicas, seed), x_test, known.y_test)


def _treated(known: Labelled, inputs: str, rng: np.random.Generator) -> tuple[Array, Array]:
    x, x_test = known.x, known.x_test
    if inputs == "one shuffle":
        places = rng.permutation(x.shape[1])
        return x[:, places], x_test[:, places]
    if inputs == "a shuffle each":
        return rng.permuted(x, axis=1), rng.permuted(x_test, axis=1)
    if inputs == "Gaussian":
        return rng.normal(size=x.shape), rng.normal(size=x_test.shape)
    return x, x_test


def net_of(kind: str, width: int, depth: int, source: str) -> "Net":
    """A fully connected ReLU net of ``depth`` layers of ``width`` units; or a CNN of two convolutions, with a
    sixteenth and an eighth as many channels."""
    from core.nets import CNN, MLP

    if kind == "MLP":
        return MLP((64 if source == "digits" else 40, *[width] * depth, CLASSES))
    channels = (width // 16, width // 8)
    return CNN((8, 8), channels, CLASSES, 3) if source == "digits" else CNN((1, 40), channels, CLASSES, 5)


class Group:
    """S nets that learn one task by SGD of momentum 0.9 in batches of 64, until each had every label right.

    ``train_accuracy`` is on the labels given; ``epochs_to_fit`` is the first epoch at whose end a net has all of them
    right. Both, and ``test_accuracy``, are ``(S,)``, NaN for nets that diverged, or have not fitted yet.
    """

    def __init__(self, net: "Net", task: Task, learning_rate: float, seed: int) -> None:
        from core.classification import Classification

        replicas = len(task.x)
        self._nets = Classification(
            net,
            task.x,
            task.y,
            replicas=replicas,
            learning_rate=learning_rate,
            momentum=MOMENTUM,
            batch_size=BATCH,
            which=np.arange(replicas),
            seed=seed,
        )
        self._task = task
        self.epoch = 0
        self.epochs_to_fit = np.full(replicas, np.nan)
        self._measure()

    @property
    def rests(self) -> bool:
        """Whether every net fitted, or diverged."""
        return bool(np.all(np.isfinite(self.epochs_to_fit) | np.isnan(self.train_accuracy)))

    def advance(self) -> None:
        """Train for an epoch, unless there is nothing left to learn."""
        if not self.rests:
            self._nets.advance(self._nets.steps_per_epoch)
            self.epoch += 1
            self._measure()

    def _measure(self) -> None:
        loss, train = self._nets.training_scores()
        test = self._nets.scores(self._task.x_test, self._task.y_test).accuracy
        self.train_accuracy, self.test_accuracy = (np.where(np.isfinite(loss), part, np.nan) for part in (train, test))
        now = (self.train_accuracy == 1) & np.isnan(self.epochs_to_fit)
        self.epochs_to_fit = np.where(now, self.epoch, self.epochs_to_fit)


def learn(groups: Sequence[Group], epochs: int) -> Iterator[Frame]:
    """Train C groups of S nets in turn, an epoch each; a group that rests passes.

    Frames, after every ``TOGETHER`` turns, of every net, one group after the other, (C·S,): ``group``, ``epoch``, and
    a :class:`Group`'s ``train_accuracy``, ``test_accuracy`` and ``epochs_to_fit``. The frames stand at the same steps
    however soon the groups rest.
    """
    total = len(groups) * epochs
    yield _frame(groups, 0, total)
    for step in range(1, total + 1):
        groups[(step - 1) % len(groups)].advance()
        if step % TOGETHER == 0 or step == total:
            yield _frame(groups, step, total)


def _frame(groups: Sequence[Group], step: int, total: int) -> Frame:
    nets = len(groups[0].epochs_to_fit)
    values = {
        "group": np.repeat(np.arange(len(groups)), nets),
        "epoch": np.repeat([group.epoch for group in groups], nets),
        **{name: np.concatenate([getattr(group, name) for group in groups]) for name in MEASURED},
    }
    return Frame(step, total, values)


def by_group(frame: Frame) -> dict[str, Array]:
    """What :func:`learn` says of every net, ``(C, S)``, and the ``epoch`` of each group ``(C,)``."""
    groups = int(frame.values["group"].max()) + 1
    values = {name: frame.values[name].reshape(groups, -1) for name in MEASURED}
    return {"epoch": frame.values["epoch"].reshape(groups, -1)[:, 0], **values}


class Series(NamedTuple):
    """A line of a figure: what it is called, its colour's role and its dashes."""

    name: str
    colour: str
    dash: list[int]


def line_style(series: Sequence[Series], legend: alt.Legend | None) -> tuple[alt.Color, alt.StrokeDash]:
    """Colour and dashes of lines told apart by their column ``name``.

    All layers of a panel need the same ``legend``: where one goes without, all do.
    """
    colours = look.legend([(line.name, line.colour) for line in series])
    dashes = alt.Scale(domain=[line.name for line in series], range=[line.dash for line in series])
    return alt.Color("name:N", scale=colours, legend=legend), alt.StrokeDash("name:N", scale=dashes, legend=legend)


def line_legend(columns: int) -> alt.Legend:
    """A legend above a panel of lines, with bands behind them."""
    return alt.Legend(
        title=None,
        orient="top",
        columns=columns,
        labelLimit=240,
        symbolType="stroke",
        symbolStrokeWidth=2.5,
        symbolOpacity=1,
    )


def epochs_axis(column: str, epochs: int, title: str, farthest: float) -> alt.X:
    """A logarithmic axis from before training, drawn at ``BEFORE``, to ``farthest``, with ticks up to ``epochs``."""
    scale = alt.Scale(type="log", domain=[BEFORE, farthest], nice=False)
    ticks = [tick for tick in (1, 2, 5, 10, 20, 50, 100) if tick <= epochs]
    return alt.X(f"{column}:Q", scale=scale, axis=alt.Axis(values=ticks, format="~g"), title=title)


def share_axis(column: str, title: str | None) -> alt.Y:
    """An axis for shares from 0 to 1."""
    scale = alt.Scale(domain=[0, 1.02], nice=False)
    return alt.Y(f"{column}:Q", scale=scale, axis=alt.Axis(tickCount=5), title=title)


def drawn_epochs(now: int, most: int) -> Array:
    """At most some ``most`` epochs up to ``now``, evenly apart on a logarithmic axis, 0 among them."""
    return np.unique([0, *np.geomspace(1, max(now, 1), most).round()]).astype(int)[: now + 1]
