"""Real clusters of Ray on this machine, of two nodes with one processor each, so with a worker on each."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import psutil
import pytest

from core import book
from core.engine import Engine, Refused, RunLost, Waiting, local
from core.engine.inline import InlineEngine
from core.engine.limits import Limits
from core.engine.local import DIED, ROOT, SILENT
from core.engine.ray import STARTING, UNREACHABLE, Cluster, RayEngine, read_cluster
from core.lab import Frame, knobs, plain
from tests.browser.server import free_port
from tests.engine import ray_cluster
from tests.engine.ray_cluster import RayCluster

LAB = "sine_fits.fit"
SHORT = book.lab(LAB).Params(steps=300, width=8, replicas=4)
LONG = book.lab(LAB).Params(steps=10_000, width=8, replicas=4)
SWEEP = "saddle_counts.dimension"
LIMITS = Limits(workers=2, runs_per_worker=3)
PATIENT = 240.0
"""Seconds that a worker may take to start on a busy machine."""
NOBODY = "127.0.0.1:9"


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    with ray_cluster.start() as started:
        started.add()
        yield started


@pytest.fixture(scope="module")
def engine(cluster: RayCluster) -> Iterator[RayEngine]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ADDRESS", cluster.address)
        started = RayEngine(LIMITS, Cluster())
        yield started
        started.stop()


def pull(engine: Engine, run: str) -> Frame | None:
    """The next frame, however long it takes."""
    deadline = time.monotonic() + PATIENT
    while isinstance(answer := engine.next(run), Waiting):
        assert time.monotonic() < deadline, answer.note
    return answer


def collect(engine: Engine, lab: str, params: Any) -> list[Frame]:
    run = engine.open(lab, params, "collector")
    frames = []
    while (frame := pull(engine, run)) is not None:
        frames.append(frame)
    return frames


def wait(engine: Engine, ready: int) -> None:
    deadline = time.monotonic() + PATIENT
    while engine.status().workers_ready < ready:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def refusal(engine: Engine) -> str:
    """What a reader is told who presses Run, once it is not that a worker is starting."""
    deadline = time.monotonic() + PATIENT
    while time.monotonic() < deadline:
        try:
            run = engine.open(LAB, SHORT, "reader")
            engine.next(run)
            engine.close(run)
        except (Refused, RunLost) as why:
            return str(why)
    raise TimeoutError


def test_a_reader_who_comes_early_is_told_why_nothing_moves(engine: RayEngine) -> None:
    early = engine.status().workers_ready == 0
    run = engine.open(LAB, SHORT, "early")
    assert not early or engine.next(run, patience=0.01) == Waiting(STARTING)
    first = pull(engine, run)
    assert first is not None and first.step == 0
    engine.close(run)
    status = engine.status()
    assert (status.engine, status.workers, status.runs) == ("ray", 2, 0) and status.device


@pytest.mark.parametrize(("lab", "params"), [(LAB, SHORT), (SWEEP, book.lab(SWEEP).Params(samples=1000))])
def test_frames_are_those_of_inline_bit_for_bit(engine: RayEngine, lab: str, params: Any) -> None:
    here, there = collect(InlineEngine(), lab, params), collect(engine, lab, params)
    assert [(f.step, f.total) for f in here] == [(f.step, f.total) for f in there]
    for one, other in zip(here, there, strict=True):
        assert list(one.values) == list(other.values)
        for name, array in one.values.items():
            assert array.dtype == other.values[name].dtype
            np.testing.assert_array_equal(array, other.values[name])


@pytest.mark.slow
def test_a_sweep_is_spread_over_the_actors(cluster: RayCluster) -> None:
    widths = (4, 8, 16, 32)
    command = [sys.executable, "-m", "core", "sweep", LAB, "--over", "width=4,8,16,32", "--set", "steps=300", "--json"]
    environment = os.environ | {"RAY_ADDRESS": cluster.address, "WDLW_WORKERS": "2"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as sweep:
        actors: set[int] = set()
        while sweep.poll() is None:
            actors |= {actor.pid for actor in cluster.actors()}
            time.sleep(0.5)
        assert sweep.stdout is not None
        found = json.loads(sweep.stdout.read())["runs"]
    assert len(actors) >= 2 and sweep.returncode == 0
    for width, run in zip(widths, found, strict=True):
        params = book.lab(LAB).Params(width=width, steps=300)
        frames = collect(InlineEngine(), LAB, params)
        assert run["result"]["dense_rmse"] == book.lab(LAB).result(params, frames)["dense_rmse"]


def test_a_killed_node_costs_its_runs_and_no_others(engine: RayEngine, cluster: RayCluster) -> None:
    wait(engine, 2)
    assert cluster.free() == 0
    runs = [engine.open(LAB, LONG, "reader") for _ in range(2)]
    assert len({engine._runs[run].worker for run in runs}) == 2
    for run in runs:
        assert pull(engine, run) is not None
    cluster.kill()
    lost: list[str] = []
    deadline = time.monotonic() + PATIENT
    while not lost and time.monotonic() < deadline:
        for run in runs:
            try:
                engine.next(run)
            except RunLost as why:
                assert str(why) == DIED
                lost.append(run)
    [kept] = set(runs) - set(lost)
    assert pull(engine, kept) is not None
    again = collect(engine, LAB, SHORT)
    assert again[-1].step == SHORT.steps
    engine.close(kept)


@pytest.mark.slow
def test_a_node_that_is_added_gets_the_worker_that_was_lost(engine: RayEngine, cluster: RayCluster) -> None:
    cluster.add()
    wait(engine, 2)


def test_stop_gives_the_processors_back(engine: RayEngine, cluster: RayCluster) -> None:
    engine.stop()
    assert engine._bridge.process is None
    deadline = time.monotonic() + PATIENT
    while cluster.free() == 0:
        assert time.monotonic() < deadline


def test_without_a_cluster_readers_are_told_so(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    monkeypatch.setenv("RAY_ADDRESS", NOBODY)
    engine = RayEngine(LIMITS, Cluster())
    try:
        assert refusal(engine) == UNREACHABLE
        [word] = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
        assert f"The Ray cluster at {NOBODY} cannot be reached" in word and "refused" in word
        assert engine.status().workers_ready == 0
    finally:
        engine.stop()


@pytest.mark.slow
def test_without_a_cluster_this_machine_trains_when_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", NOBODY)
    engine = RayEngine(LIMITS, Cluster(fallback="local"))
    try:
        wait(engine, 1)
        assert collect(engine, LAB, SHORT)[-1].step == SHORT.steps
    finally:
        engine.stop()


@pytest.mark.slow
def test_a_cluster_with_too_little_room_strands_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    with ray_cluster.start() as cluster:
        monkeypatch.setenv("RAY_ADDRESS", cluster.address)
        engine = RayEngine(Limits(workers=3), Cluster())
        try:
            early = [engine.open(LAB, SHORT, f"early {n}") for n in range(6)]
            assert all(pull(engine, run) is not None for run in early)
            assert engine.status().workers_ready == 1 and cluster.free() == 0
            cluster.add()
            wait(engine, 2)
            late = engine.open(LAB, SHORT, "late")
            assert pull(engine, late) is not None
            assert engine._runs[late].worker is not engine._runs[early[0]].worker
        finally:
            engine.stop()


@pytest.mark.slow
def test_what_hangs_on_the_way_is_ended_and_begun_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    with ray_cluster.start() as cluster:
        monkeypatch.setenv("RAY_ADDRESS", cluster.address)
        monkeypatch.setattr(local, "LONGEST_SILENCE", 15.0)
        engine = RayEngine(Limits(workers=1), Cluster())
        try:
            for hanging, sentence in (("actor", DIED), ("bridge", SILENT)):
                run = engine.open(LAB, LONG, "reader")
                assert pull(engine, run) is not None
                assert engine._bridge.process is not None
                [actor] = cluster.actors()
                process = actor if hanging == "actor" else psutil.Process(engine._bridge.process.pid)
                process.suspend()
                with pytest.raises(RunLost) as why:
                    while pull(engine, run):
                        pass
                assert str(why.value) == sentence
                assert collect(engine, LAB, SHORT)[-1].step == SHORT.steps
                assert not process.is_running()
        finally:
            engine.stop()


@pytest.mark.slow
@pytest.mark.parametrize("address", ["127.0.0.1:{port}", "ray://127.0.0.1:{client}"])
def test_a_cluster_that_was_lost_is_used_again(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ports = {"port": free_port(), "client": free_port()}
    monkeypatch.setenv("RAY_ADDRESS", address.format(**ports))
    with ray_cluster.start(**ports):
        engine = RayEngine(Limits(workers=1), Cluster())
        run = engine.open(LAB, LONG, "reader")
        assert pull(engine, run) is not None
    try:
        with pytest.raises(RunLost) as why:
            while pull(engine, run):
                pass
        assert str(why.value) in (DIED, UNREACHABLE)
        assert refusal(engine) == UNREACHABLE
        with ray_cluster.start(**ports):
            wait(engine, 1)
            assert collect(engine, LAB, SHORT)[-1].step == SHORT.steps
            engine.stop()
    finally:
        engine.stop()


PARENT = f"""
import sys, time
from core import book
from core.engine import Waiting
from core.engine.limits import Limits
from core.engine.ray import Cluster, RayEngine
engine = RayEngine(Limits(workers=1), Cluster())
run = engine.open("{LAB}", book.lab("{LAB}").Params(), "reader")
while isinstance(engine.next(run), Waiting):
    pass
assert not {{"ray", "tensorflow", "keras"}} & set(sys.modules)
print("trains", flush=True)
time.sleep(600)
"""


@pytest.mark.slow
def test_a_server_that_is_killed_gives_its_workers_back() -> None:
    with ray_cluster.start() as cluster:
        command = [sys.executable, "-c", PARENT]
        environment = os.environ | {"RAY_ADDRESS": cluster.address}
        with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as parent:
            assert parent.stdout is not None and parent.stdout.readline() == "trains\n"
            assert cluster.free() == 0
            parent.kill()
        deadline = time.monotonic() + PATIENT
        while cluster.free() == 0:
            assert time.monotonic() < deadline


def test_each_setting_is_in_the_table_with_its_default() -> None:
    text = (ROOT / "docs" / "cluster.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `(WDLW_\w+)` \| ([^|]+) \|", text, re.MULTILINE))
    rows.pop("WDLW_WORKERS")
    assert rows == {knob.label: plain(knob.default) for knob in knobs(Cluster).values()}


def test_each_setting_is_read_from_its_variable() -> None:
    environment = {"WDLW_ENGINE": "ray", "WDLW_FALLBACK": "local", "WDLW_RAY_CPUS": "0.5", "WDLW_RAY_GPUS": "0.25"}
    assert read_cluster(environment) == (Cluster("ray", "local", 0.5, 0.25), [])


def test_what_cannot_be_read_is_one_sentence_and_the_default() -> None:
    cluster, [miss] = read_cluster({"WDLW_ENGINE": "rya", "WDLW_RAY_CPUS": "2"})
    assert cluster == Cluster(ray_cpus=2.0)
    assert miss.startswith("WDLW_ENGINE must be") and miss.endswith("is used.")
