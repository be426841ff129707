"""What a host's monitor is told."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core import book, stored
from core.engine import Refused, RunLost, Status
from core.engine.inline import InlineEngine
from core.engine.limits import Limits
from core.lab import Frame
from core.shared import SharedRuns
from core.ui import farewell, guard, metrics, panel, server
from core.ui.metrics import LONGEST_WAIT, Counted

NAME = "sine_fits.fit"


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counted]:
    three = [Frame(step, 2, {}) for step in range(3)]
    monkeypatch.setattr("core.engine.inline.frames", lambda lab, params: iter(three))
    engine = Counted(InlineEngine())
    monkeypatch.setattr(server, "engine", lambda: engine)
    yield engine
    engine.stop()


@pytest.fixture
def client() -> TestClient:
    return TestClient(Starlette(routes=server.ROUTES, middleware=server.MIDDLEWARE))


def scrape(client: TestClient) -> dict[str, float]:
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        sample.name + "".join(f":{value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_a_run_is_counted_from_its_start_to_its_first_frame(client: TestClient, engine: Counted) -> None:
    run = engine.open(NAME, None, "me")
    assert scrape(client)["wdlw_runs_open"] == 1
    engine.next(run)
    engine.next(run)
    engine.close(run)
    now = scrape(client)
    assert now["wdlw_runs_total:lab"] == 1 and now["wdlw_frames_total"] == 2
    assert now["wdlw_first_frame_seconds_count"] == 1
    assert now["wdlw_runs_open"] == 0 and now["wdlw_workers_ready"] == 1


def test_what_is_counted_is_what_the_document_lists(client: TestClient, engine: Counted) -> None:
    answer = client.get("/metrics").text
    counted = {line.split()[2] for line in answer.splitlines() if line.startswith("# TYPE")}
    listed = set(re.findall(r"`(wdlw_\w+)`", (book.ROOT / "docs" / "hosting.md").read_text("utf-8")))
    assert listed == {name for name in counted if not name.endswith("_created")}


def test_refusals_and_losses_are_counted_and_passed_on(
    client: TestClient, engine: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> str:
        raise Refused("Full.")

    with pytest.raises(RunLost):
        engine.next("no run")
    monkeypatch.setattr(engine._inner, "open", refuse)
    with pytest.raises(Refused):
        engine.open("claim:sine_fits.runge_even_11", None, "claims")
    now = scrape(client)
    assert now["wdlw_runs_lost_total"] == 1 and now["wdlw_runs_refused_total:claim"] == 1


def test_finished_runs_that_were_found_are_counted_and_those_that_were_not(
    client: TestClient, engine: Counted, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    runs = SharedRuns(tmp_path, 1)
    monkeypatch.setattr(metrics, "shared_runs", lambda: runs)
    monkeypatch.setattr(panel, "shared_runs", lambda: runs)
    monkeypatch.setattr(panel, "engine", lambda: engine)
    params = book.lab(NAME).Params(steps=100)
    panel.begin("sine_fits", "fit", "early", params)
    runs.keep(NAME, params, stored.read(NAME))
    runs.wait()
    panel.begin("sine_fits", "fit", "late", params)
    now = scrape(client)
    assert now["wdlw_shared_runs_lookups_total:miss"] == 1 and now["wdlw_shared_runs_lookups_total:hit"] == 1


def test_runs_whose_readers_left_before_a_frame_are_forgotten(engine: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = 1000.0
    monkeypatch.setattr("core.ui.metrics.time.monotonic", lambda: begun)
    for _ in range(5):
        engine.open(NAME, None, "me")
    begun += LONGEST_WAIT + 1
    engine.open(NAME, None, "me")
    assert len(engine._opened) == 1


def test_the_server_is_alive_at_once_and_ready_with_its_first_worker(
    client: TestClient, engine: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 200
    monkeypatch.setattr(engine, "status", lambda: Status("local", 0, 1, "", 0))
    starting = client.get("/readyz")
    assert starting.status_code == 503 and starting.text == "No worker is ready yet.\n"
    assert client.get("/healthz").status_code == 200


def test_a_full_or_leaving_server_is_not_ready(
    client: TestClient, engine: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "limits", lambda: Limits(sessions=1))
    monkeypatch.setattr(guard.SESSIONS, "open", 1)
    assert "WDLW_SESSIONS" in client.get("/readyz").text
    monkeypatch.setattr(guard.SESSIONS, "open", 0)
    farewell.LEAVING.set()
    try:
        assert client.get("/readyz").status_code == 503
    finally:
        farewell.LEAVING.clear()
