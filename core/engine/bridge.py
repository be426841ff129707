"""The server's way to a Ray cluster: ``python -m core.engine.bridge ACTORS FRAMES SECONDS CPUS GPUS``.

A process of its own, spoken to over pipes as a worker is, because Ray ends the process that has lost its cluster: here
that is this one, which the server starts again, and no page is lost. It asks the cluster for actors, passes on what
the server says to each, and says which have died; others are asked for in their place. Where they stand, and whether
nodes are added for them, is Ray's to decide. The server's own code is sent along: a node needs the libraries only.
"""

import contextlib
import logging
import os
import pickle
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import ray
from ray.exceptions import RayError

from core.engine.actor import Actor
from core.engine.worker import BEAT, LONGEST_START

log = logging.getLogger("cluster")

ROOT = Path(__file__).parents[2]
SENT = ("core", "pages", "assets")
"""What of the project goes to the nodes: these folders, so none of a host's secrets."""
NOT_SENT = shutil.ignore_patterns("__pycache__", "runs", "fonts", "vega.js")
LONGEST_SILENCE = 20.0
"""Seconds without a sign of life after which an actor is given up, however long Ray takes to notice."""
LONGEST_PAUSE = 30.0
LONGEST_KNOCK = 5.0
LONGEST_GAP = 10
"""Seconds that a connection by ``ray://`` may be interrupted before its runs are given up."""
LEAVING = threading.Event()
LONGEST_FAREWELL = 2.0
THREADS = 4


@dataclass(frozen=True)
class Order:
    """What is asked of the cluster: so many actors, each with its limits and its share of a node."""

    actors: int
    frames: int
    seconds: float
    cpus: float
    gpus: float


class Place(threading.Thread):
    """A place for an actor: asks for one, passes messages on, and asks for another when it dies."""

    def __init__(self, order: Order, say: Callable[[tuple[Any, ...]], None]) -> None:
        super().__init__(name="place", daemon=True)
        self.waits = True
        """Whether it has no actor that has answered."""
        self._order = order
        self._say = say
        self._changing = threading.Lock()
        self._actor: Any = None
        self._told = 0
        self._unsent: list[tuple[Any, ...]] = []
        self._deaf = False

    def tell(self, message: tuple[Any, ...]) -> None:
        """Pass a message on; what was meant for an actor that has died is dropped, until the server knows of that."""
        with self._changing:
            if message == ("again",):
                self._deaf = False
            elif self._deaf:
                return
            elif self._actor is None:
                self._unsent.append(message)
            else:
                self._pass(message)

    def run(self) -> None:
        """Keep an actor for as long as there is a cluster."""
        try:
            self._keep()
        except BaseException as error:
            if LEAVING.is_set():
                return
            # What Ray raises when its connection ends is expected; all else is worth a traceback.
            log.error("The cluster is lost: %s", first_line(error), exc_info=not isinstance(error, OSError))
            os._exit(1)

    def _keep(self) -> None:
        pause = 0.5
        while True:
            begun = time.monotonic()
            actor = self._ask()
            with self._changing:
                self._actor, self._told = actor, 0
                for message in self._unsent:
                    self._pass(message)
                self._unsent.clear()
            try:
                self._listen(actor)
            except RayError as error:
                if LEAVING.is_set():
                    return
                log.warning("A worker on the cluster is lost: %s", first_line(error))
            with self._changing:
                self._actor, self._deaf, self.waits = None, True, True
            self._say(("lost",))
            ray.kill(actor)
            pause = 0.5 if time.monotonic() - begun > 60 else min(LONGEST_PAUSE, pause * 2)
            time.sleep(pause)

    def _ask(self) -> Any:
        actors: Any = ray.remote(Actor)
        share = actors.options(
            num_cpus=self._order.cpus,
            num_gpus=self._order.gpus,
            max_concurrency=THREADS,
            scheduling_strategy="SPREAD",
        )
        return share.remote(self._order.frames, self._order.seconds)

    def _listen(self, actor: Any) -> None:
        # The first answer waits for a node with room, and perhaps for the node itself.
        messages = ray.get(actor.listen.remote())
        self.waits = False
        longest = LONGEST_START
        while True:
            for message in messages:
                self._say(message)
                if message[0] == "ready":
                    longest = LONGEST_SILENCE
            messages = ray.get(actor.listen.remote(), timeout=longest)

    def _pass(self, message: tuple[Any, ...]) -> None:
        self._actor.tell.remote(self._told, message)
        self._told += 1


class Bridge:
    """Speaks with the server over two pipes, and with one actor for each place."""

    def __init__(self, order: Order, output: IO[bytes]) -> None:
        self._output = output
        self._writing = threading.Lock()
        self._head = ""
        self._places = [Place(order, self._speaker(number)) for number in range(order.actors)]

    def connect(self) -> None:
        """Reach the cluster that ``RAY_ADDRESS`` names, else the one of this machine, and ask it for actors."""
        address = os.environ.get("RAY_ADDRESS") or "auto"
        os.environ.setdefault("RAY_CLIENT_RECONNECT_GRACE_PERIOD", str(LONGEST_GAP))
        environment = {"OPENBLAS_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "2"}
        try:
            with tempfile.TemporaryDirectory() as code:
                for folder in SENT:
                    shutil.copytree(ROOT / folder, Path(code, folder), ignore=NOT_SENT)
                knock(address)
                ray.init(
                    address,
                    logging_level=logging.ERROR,
                    runtime_env={"working_dir": code, "env_vars": environment},
                )
        except BaseException as error:
            log.debug("No connection.", exc_info=True)
            self._say(None, ("unreachable", address, first_line(error)))
            os._exit(1)
        self._head = address if "://" in address else ray.get_runtime_context().gcs_address
        self._say(None, ("connected",))
        for place in self._places:
            place.start()

    def beat(self) -> None:
        """Give signs of life; while an actor is waited for, see whether the cluster's head is still there.

        Ray itself takes a minute to find out that it is not.
        """
        while not LEAVING.is_set():
            self._say(None, ("alive",))
            try:
                if any(place.waits for place in self._places):
                    self._reach()
            except OSError as error:
                log.error("The cluster is lost: %s", first_line(error))
                os._exit(1)
            time.sleep(BEAT)

    def serve(self, requests: IO[bytes]) -> None:
        """Pass on what the server says, until it ends."""
        while True:
            number, message = pickle.load(requests)
            self._places[number].tell(message)

    def _reach(self) -> None:
        """Raise OSError when the cluster's head is gone, and not back soon."""
        try:
            knock(self._head)
        except OSError:
            time.sleep(LONGEST_GAP)
            knock(self._head)

    def _speaker(self, number: int) -> Callable[[tuple[Any, ...]], None]:
        return lambda message: self._say(number, message)

    def _say(self, number: int | None, message: tuple[Any, ...]) -> None:
        # When the server is gone there is nobody to tell, and this process is about to end.
        with self._writing, contextlib.suppress(OSError):
            pickle.dump((number, message), self._output, protocol=pickle.HIGHEST_PROTOCOL)
            self._output.flush()


def knock(address: str) -> None:
    """Raise OSError at once when nobody listens there: Ray itself tries for half a minute, or for two."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), LONGEST_KNOCK).close()


def first_line(error: BaseException) -> str:
    """An error in one line of a log."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def leave() -> None:
    """Give the actors back, and end; not being answered must not hold that up."""
    LEAVING.set()
    threading.Timer(LONGEST_FAREWELL, os._exit, (0,)).start()
    ray.shutdown()
    os._exit(0)


def main() -> None:
    """Serve until the server closes the pipe or dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches every process; the server decides.
    logging.basicConfig(level=logging.WARNING)
    # Whatever a library prints must not end up among the messages.
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    actors, frames, seconds, cpus, gpus = sys.argv[1:]
    bridge = Bridge(Order(int(actors), int(frames), float(seconds), float(cpus), float(gpus)), output)
    threading.Thread(target=bridge.beat, name="beat", daemon=True).start()
    threading.Thread(target=bridge.connect, name="connect", daemon=True).start()
    try:
        bridge.serve(sys.stdin.buffer)
    except EOFError:
        leave()
    except BaseException:
        log.exception("The cluster is lost.")
    finally:
        os._exit(1)


if __name__ == "__main__":
    main()
