"""Runs on a Ray cluster: the local engine's rules, with actors on the cluster's nodes for worker processes.

The server speaks to one process beside it (:mod:`core.engine.bridge`), which speaks to the cluster; neither Ray nor
TensorFlow is imported here. A node or the whole cluster can be lost: its runs' readers are told, and can run again.
"""

import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.engine import Refused
from core.engine.limits import PREFIX, Limits
from core.engine.local import LocalEngine, _Worker
from core.lab import knob, knobs, read_settings

log = logging.getLogger(__name__)

STARTING = "A worker is starting on the cluster; this takes a minute or two when a machine must be added for it."
UNREACHABLE = (
    "The cluster that trains the nets cannot be reached just now; the server keeps trying. Run again in a minute."
)


@dataclass(frozen=True)
class Cluster:
    """Whether and how a cluster is used. Each field is an environment variable, as in :class:`Limits`."""

    engine: str = knob(
        "auto",
        choices=("auto", "local", "ray"),
        label="WDLW_ENGINE",
        help="Where nets are trained: in worker processes (local) or on a Ray cluster (ray); auto takes the cluster "
        "when RAY_ADDRESS is set.",
    )
    fallback: str = knob(
        "none",
        choices=("none", "local"),
        label="WDLW_FALLBACK",
        help="What trains while the cluster cannot be reached: nothing, or worker processes of the server's own.",
    )
    ray_cpus: float = knob(1.0, low=0.0, high=1024.0, label="WDLW_RAY_CPUS", help="Processors of each worker.")
    ray_gpus: float = knob(
        0.0, low=0.0, high=64.0, label="WDLW_RAY_GPUS", help="GPUs of each worker; 0.25 lets four share one."
    )


def read_cluster(environment: Mapping[str, str]) -> tuple[Cluster, list[str]]:
    """What the environment says of a cluster, and one sentence for each value that cannot be read."""
    named = {name: f"{PREFIX}{name.upper()}" for name in knobs(Cluster)}
    raw = {name: environment[variable] for name, variable in named.items() if variable in environment}
    return read_settings(Cluster, raw)


class RayEngine(LocalEngine):
    """The engine of an app with a cluster; see :class:`core.engine.Engine`."""

    name = "ray"

    def __init__(self, limits: Limits, cluster: Cluster) -> None:
        self._cluster = cluster
        self._unreachable = False
        self._spares: list[_Spare] = []
        self._bridge = _Bridge(self)
        super().__init__(limits)
        self._bridge.start()

    def open(self, lab: str, params: Any, reader: str) -> str:
        """Start a run on the actor with the fewest runs. Raises :class:`Refused`."""
        if self._unreachable and not self._spares:
            raise Refused(UNREACHABLE)
        return super().open(lab, params, reader)

    def _processes(self) -> list[_Worker]:
        return [self._bridge, *super()._processes()]

    def _make_workers(self) -> list[_Worker]:
        return [_Actor(self, number) for number in range(self._limits.workers)]

    def _connected(self) -> None:
        with self._lock:
            if self._unreachable:
                log.warning("The Ray cluster can be reached again.")
            self._unreachable = False

    def _not_connected(self, address: str, why: str) -> None:
        with self._lock:
            if self._unreachable:
                return
            self._unreachable = True
            log.error("The Ray cluster at %s cannot be reached, which is tried again and again: %s", address, why)
            if self._cluster.fallback == "none":
                for run in self._queue:
                    self._fail(run, UNREACHABLE)
                self._queue.clear()
            elif not self._spares:
                log.warning("Nets are trained on this machine meanwhile, as WDLW_FALLBACK asks.")
                self._spares = [_Spare(self) for _ in range(Limits().workers)]
                self._workers += self._spares
                for spare in self._spares:
                    spare.start()
                self._admit()


class _Bridge(_Worker):
    """Keeps the process that speaks to the cluster, and passes on what it says."""

    noun = "The way to the Ray cluster"

    def __init__(self, engine: RayEngine) -> None:
        super().__init__(engine)
        self._cluster_engine = engine

    def _command(self) -> list[str]:
        limits, cluster = self._engine._limits, self._cluster_engine._cluster
        order = (
            limits.workers, limits.frames_per_run, limits.seconds_per_run, cluster.ray_cpus, cluster.ray_gpus,
        )  # fmt: skip
        return [sys.executable, "-m", "core.engine.bridge", *map(str, order)]

    def _hear(self, message: tuple[Any, ...]) -> None:
        number, (kind, *rest) = message
        engine = self._cluster_engine
        if kind == "alive":
            self.ready = True
        elif kind == "connected":
            engine._connected()
        elif kind == "unreachable":
            engine._not_connected(*rest)
        else:
            worker = engine._workers[number]
            if kind == "lost":
                with engine._lock:
                    worker.send(("again",))  # What is sent after this is for the next actor.
                    engine._lose(worker)
            else:
                engine._receive(worker, (kind, *rest))

    def _lose(self) -> None:
        engine = self._cluster_engine
        for worker in engine._workers:
            if isinstance(worker, _Actor):
                worker.fault = UNREACHABLE if engine._unreachable else self.fault
                engine._lose(worker)
        self.ready, self.fault = False, ""


class _Actor(_Worker):
    """An actor on the cluster, by its number; :class:`core.engine.bridge.Place` has the actor itself."""

    starting = STARTING

    def __init__(self, engine: RayEngine, number: int) -> None:
        super().__init__(engine)
        self._cluster_engine = engine
        self._number = number

    @property
    def takes_runs(self) -> bool:
        """Not before it is ready: the cluster may never have room for it."""
        return self.ready

    def send(self, message: tuple[Any, ...]) -> None:
        self._cluster_engine._bridge.send((self._number, message))

    def start(self) -> None:
        """Nothing: the bridge asks for it."""

    def end(self) -> None:
        """Nothing: it ends with the bridge."""

    def join(self, timeout: float | None = None) -> None:
        """Nothing: it is no thread."""


class _Spare(_Worker):
    """A worker process for the time that the cluster cannot be reached."""

    @property
    def rank(self) -> int:
        return super().rank + 1  # What the cluster has ready comes first.
