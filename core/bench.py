"""How fast nets train here, beside what else trains such nets: ``python -m core bench``.

Rounds go through all contenders, each in a process of its own and idle until its turn, so that a noisy moment strikes
every one; the best round counts.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from core.contenders import CONTENDERS, NETS, Net
from core.engine import EngineError
from core.engine.local import ROOT

BASES = {"keras-fit": "Keras fit", "numpy": "numpy", "torch": "PyTorch", "jax-1": "JAX"}
"""What ratios are given to."""
GOALS = {"keras-fit": (16, 500.0), "numpy": (16, 5.0), "torch": (16, 10.0), "jax-1": (1, 0.8)}
"""How many nets at once, and how many times as many net-steps a second they should take."""


def rows(speeds: dict[str, float]) -> list[dict[str, Any]]:
    """One net's table: a row for each contender that was measured, with its ratios."""
    return [
        {
            "how": CONTENDERS[name].title,
            "nets": CONTENDERS[name].nets,
            "net_steps_per_second": speed,
            "ratios": {BASES[base]: speed / speeds[base] for base in BASES if base in speeds},
        }
        for name, speed in speeds.items()
    ]


def goals(speeds: dict[str, float]) -> list[dict[str, Any]]:
    """One net's goals and how near our ways come. A lone net's frames cost more than its steps: they have no goal."""
    found = []
    for base, (nets, goal) in GOALS.items():
        for name, speed in speeds.items():
            way = CONTENDERS[name]
            ours = name.startswith("compiled") or (name.startswith("engine") and nets > 1)
            if ours and way.nets == nets and base in speeds:
                ratio = speed / speeds[base]
                how = {"how": way.title, "nets": nets, "against": BASES[base]}
                found.append({**how, "goal": goal, "ratio": ratio, "met": ratio >= goal})
    return found


def measure(rounds: int, seconds: float, say: Callable[[int, int, str], None]) -> dict[Net, dict[str, float]]:
    """The best speed of every installed contender for every net, after a first round that does not count."""
    speeds: dict[Net, dict[str, float]] = {net: {} for net in NETS}
    with ExitStack() as stack:
        processes = {name: stack.enter_context(process(name)) for name, way in CONTENDERS.items() if way.installed}
        turns = [(turn, name, net) for turn in range(rounds + 1) for name in processes for net in NETS]
        for done, (turn, name, net) in enumerate(turns):
            say(done, len(turns), CONTENDERS[name].title)
            speed = ask(processes[name], name, NETS.index(net), seconds)
            if turn:
                speeds[net][name] = max(speed, speeds[net].get(name, 0.0))
    return speeds


@contextmanager
def process(name: str) -> Iterator["subprocess.Popen[str]"]:
    """A contender in a process of its own, until the block ends."""
    command = [sys.executable, "-m", "core.contenders", name]
    threads = CONTENDERS[name].threads
    environment = {**os.environ, "TF_NUM_INTRAOP_THREADS": str(threads)} if threads else None
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def ask(process: "subprocess.Popen[str]", name: str, net: int, seconds: float) -> float:
    """Net-steps a second of the contender ``name`` on the net of that number. Raises :class:`EngineError`."""
    assert process.stdin is not None and process.stdout is not None
    try:
        print(json.dumps([net, seconds]), file=process.stdin, flush=True)
        answer = json.loads(process.stdout.readline())
    except (OSError, ValueError):
        raise EngineError(f"{CONTENDERS[name].title}: it ended without an answer.") from None
    if isinstance(answer, str):
        raise EngineError(f"{CONTENDERS[name].title}: {answer}")
    return float(answer)
