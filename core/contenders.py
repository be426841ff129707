"""Ways to train the same nets, ours and others, each as a process of its own that waits for its turn.

``python -m core.contenders NAME`` reads a net and a time from each line of its input, and answers with a speed:
net-steps a second, optimiser steps of Adam on the full batch times the nets that take them.
"""

import importlib
import importlib.util
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from core import book
from core.data import sample_target
from core.engine import Waiting
from core.engine.limits import Limits
from core.engine.local import LocalEngine
from core.lab import Array

CHUNK = 500
LEARNING_RATE = 5e-3
ENGINE_LAB = "sine_fits.fit"


class Net(NamedTuple):
    """A fully connected ReLU net with one input and one output, and the number of its points."""

    width: int
    depth: int
    points: int

    @property
    def sizes(self) -> tuple[int, ...]:
        """Layer widths, from input to output."""
        return (1, *[self.width] * self.depth, 1)

    @property
    def title(self) -> str:
        """For example “1-32-1, 10 points”."""
        return f"{'-'.join(map(str, self.sizes))}, {self.points} points"

    def data(self) -> tuple[Array, Array]:
        """Points of a sine, float32 ``(n, 1)`` each."""
        x, y = sample_target("sine", self.points, 0.0, "even", 0)
        return x[:, np.newaxis].astype(np.float32), y[:, np.newaxis].astype(np.float32)

    def start(self) -> list[Array]:
        """Weights ``(in, out)`` and biases ``(out,)`` to start from."""
        rng = np.random.default_rng(0)
        arrays: list[Array] = []
        for fan_in, fan_out in zip(self.sizes[:-1], self.sizes[1:], strict=True):
            arrays += [rng.normal(size=(fan_in, fan_out)) * np.sqrt(2 / fan_in), rng.uniform(-1, 1, fan_out)]
        return [array.astype(np.float32) for array in arrays]


NETS = (Net(32, 1, 10), Net(64, 2, 64))
"""The default net of the first chapter, and one in which matrix products count."""

Take = Callable[[], int]
"""Take some steps, wait for them to end, and return how many net-steps they were."""


@dataclass(frozen=True)
class Contender:
    """A way to train: ``prepare`` readies a net of it, ``needs`` is the package without which it cannot run.

    ``threads`` bounds the threads of one TensorFlow operation; 0 leaves that to TensorFlow, as our workers do.
    """

    title: str
    nets: int
    needs: str
    prepare: Callable[[Net], Take]
    threads: int = 0

    @property
    def installed(self) -> bool:
        """Whether the package is there."""
        return importlib.util.find_spec(self.needs) is not None


def engine(replicas: int) -> Callable[[Net], Take]:
    """Whole runs of a lab in a worker process, every frame measured and pulled as a page pulls it."""

    def prepare(net: Net) -> Take:
        local = _local()
        lab = book.lab(ENGINE_LAB)
        params = lab.Params(width=net.width, depth=net.depth, points=net.points, replicas=replicas)

        def take() -> int:
            run, step = local.open(ENGINE_LAB, params, "bench"), 0
            while (frame := local.next(run)) is not None:
                step = step if isinstance(frame, Waiting) else frame.step
            return step * replicas

        return take

    return prepare


@cache
def _local() -> LocalEngine:
    return LocalEngine(Limits(workers=1, runs_per_reader=1))


def compiled(replicas: int) -> Callable[[Net], Take]:
    """Our compiled steps alone, without frames."""

    def prepare(net: Net) -> Take:
        from core.nets import initial_mlp
        from core.training import Training

        x, y = net.data()
        parameters = initial_mlp(net.sizes, replicas, 0)
        training = Training(
            x[:, 0], y[:, 0], parameters, activation="ReLU", optimizer="Adam", learning_rate=LEARNING_RATE
        )

        def take() -> int:
            training.advance(CHUNK)
            assert len(training.parameters) == len(parameters)  # Reading them waits for them.
            return CHUNK * replicas

        return take

    return prepare


def keras(method: str) -> Callable[[Net], Take]:
    """Keras as its guides use it: ``fit``, or ``train_on_batch`` in a loop."""

    def prepare(net: Net) -> Take:
        keras = importlib.import_module("keras")
        layers = [keras.layers.Dense(size, activation="relu") for size in net.sizes[1:-1]]
        model = keras.Sequential([keras.Input((1,)), *layers, keras.layers.Dense(1)])
        model.compile(keras.optimizers.Adam(LEARNING_RATE), "mse")
        x, y = net.data()

        def fit() -> int:
            model.fit(x, y, batch_size=len(x), epochs=50, verbose=0)
            return 50

        def train_on_batch() -> int:
            for _ in range(50):
                model.train_on_batch(x, y)
            return 50

        return fit if method == "fit" else train_on_batch

    return prepare


def by_hand(net: Net) -> Take:
    """Forward, backward and Adam written out in numpy."""
    x, y = net.data()
    weights = net.start()
    first, second = ([np.zeros_like(w) for w in weights] for _ in range(2))
    step = 0

    def take() -> int:
        nonlocal step
        for _ in range(CHUNK):
            step += 1
            layers = [x]
            for index in range(0, len(weights), 2):
                layer = layers[-1] @ weights[index] + weights[index + 1]
                layers.append(layer if index == len(weights) - 2 else np.maximum(layer, 0, out=layer))
            slope = (layers.pop() - y) * np.float32(2 / len(x))
            rate = LEARNING_RATE / (1 - 0.9**step)
            scale = 1 / (1 - 0.999**step)
            for index in range(len(weights) - 2, -1, -2):
                layer = layers.pop()
                gradients = (layer.T @ slope, slope.sum(axis=0))
                if index:
                    slope = slope @ weights[index].T
                    slope *= layer > 0
                for offset, gradient in enumerate(gradients):
                    m, v = first[index + offset], second[index + offset]
                    m *= 0.9
                    m += 0.1 * gradient
                    v *= 0.999
                    v += 0.001 * (gradient * gradient)
                    weights[index + offset] -= rate * m / (np.sqrt(v * scale) + 1e-8)
        return CHUNK

    return take


def torch_eager(net: Net) -> Take:
    """PyTorch as its guides use it, with the fused Adam, on one thread."""
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    layers: list[Any] = []
    for fan_in, fan_out in zip(net.sizes[:-1], net.sizes[1:], strict=True):
        layers += [torch.nn.Linear(fan_in, fan_out), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, fused=True)
    x, y = map(torch.from_numpy, net.data())

    def take() -> int:
        for _ in range(CHUNK):
            optimizer.zero_grad(set_to_none=True)
            loss = torch.nn.functional.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
        return CHUNK

    return take


def jax_scan(replicas: int) -> Callable[[Net], Take]:
    """JAX with the steps in a jitted ``lax.scan``; several nets by ``vmap``."""

    def prepare(net: Net) -> Take:
        jax = importlib.import_module("jax")
        jnp = importlib.import_module("jax.numpy")
        x, y = map(jnp.asarray, net.data())

        def loss(weights: list[Any]) -> Any:
            hidden = x
            for index in range(0, len(weights), 2):
                hidden = hidden @ weights[index] + weights[index + 1]
                hidden = hidden if index == len(weights) - 2 else jax.nn.relu(hidden)
            return jnp.mean((hidden - y) ** 2)

        def update(state: Any, _: None) -> Any:
            weights, first, second, step = state
            gradients, step = jax.grad(loss)(weights), step + 1
            first = [0.9 * m + 0.1 * g for m, g in zip(first, gradients, strict=True)]
            second = [0.999 * v + 0.001 * g * g for v, g in zip(second, gradients, strict=True)]
            rate, scale = LEARNING_RATE / (1 - 0.9**step), 1 / (1 - 0.999**step)
            moments = zip(weights, first, second, strict=True)
            weights = [w - rate * m / (jnp.sqrt(v * scale) + 1e-8) for w, m, v in moments]
            return (weights, first, second, step), None

        def chunk(state: Any) -> Any:
            return jax.lax.scan(update, state, None, length=CHUNK)[0]

        one = (net.start(), *([np.zeros_like(w) for w in net.start()] for _ in range(2)), np.float32(0))
        state = one if replicas == 1 else jax.tree.map(lambda leaf: np.stack([leaf] * replicas), one)
        advance = jax.jit(chunk if replicas == 1 else jax.vmap(chunk))

        def take() -> int:
            nonlocal state
            state = jax.block_until_ready(advance(state))
            return CHUNK * replicas

        return take

    return prepare


CONTENDERS = {
    "engine-16": Contender("Here, as a page sees it", 16, "tensorflow", engine(16)),
    "engine-1": Contender("Here, as a page sees it", 1, "tensorflow", engine(1)),
    "compiled-16": Contender("Here, the compiled steps alone", 16, "tensorflow", compiled(16)),
    "compiled-1": Contender("Here, the compiled steps alone", 1, "tensorflow", compiled(1)),
    "compiled-1-thread": Contender("Here, the compiled steps alone, 1 thread", 1, "tensorflow", compiled(1), threads=1),
    "keras-fit": Contender("Keras, fit", 1, "keras", keras("fit")),
    "keras-batch": Contender("Keras, train_on_batch", 1, "keras", keras("train_on_batch")),
    "numpy": Contender("numpy, by hand", 1, "numpy", by_hand),
    "torch": Contender("PyTorch, eager, fused Adam, 1 thread", 1, "torch", torch_eager),
    "jax-1": Contender("JAX, jitted scan", 1, "jax", jax_scan(1)),
    "jax-16": Contender("JAX, jitted scan, vmap", 16, "jax", jax_scan(16)),
}


def speed(take: Take, seconds: float) -> float:
    """Net-steps a second over at least ``seconds``."""
    begun, taken = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - begun) < seconds or not taken:
        taken += take()
    return taken / elapsed


def contend(name: str) -> None:
    """Answer each line of standard input, a net and a time, with a speed, or with what went wrong."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # Whatever a library prints must not end up among the answers.
    takes: dict[int, Take] = {}
    for line in sys.stdin:
        try:
            net, seconds = json.loads(line)
            if net not in takes:
                takes[net] = CONTENDERS[name].prepare(NETS[net])
                takes[net]()
            answer: float | str = speed(takes[net], seconds)
        except Exception as error:
            answer = f"{type(error).__name__}: {error}"
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    contend(sys.argv[1])
