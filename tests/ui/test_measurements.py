"""Claims measured at a reader's click, over HTTP."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.engine import Refused, RunLost, Waiting
from core.engine.inline import InlineEngine
from core.ui import measurements, server

CLAIM = "sine_fits.runge_even_11"


@pytest.fixture
def client() -> TestClient:
    return TestClient(Starlette(routes=server.ROUTES, middleware=server.MIDDLEWARE))


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[InlineEngine]:
    engine = InlineEngine()
    monkeypatch.setattr(measurements, "engine", lambda: engine)
    monkeypatch.setattr(measurements, "_held", {})
    yield engine
    engine.stop()


def ask_until_done(client: TestClient, state: dict[str, Any]) -> dict[str, Any]:
    deadline = time.monotonic() + 20
    while state["running"] and time.monotonic() < deadline:
        state = client.get(f"/claims/{CLAIM}").json()
    return state


def test_a_claim_is_measured_at_a_click(client: TestClient, engine: InlineEngine) -> None:
    assert client.get(f"/claims/{CLAIM}").json()["measured"] == ""
    state = ask_until_done(client, client.post(f"/claims/{CLAIM}").json())
    assert state["holds"] is True and state["measured"] == "1.916" and not state["note"]
    assert engine.status().runs == 0
    assert measurements.known()[CLAIM] == client.get(f"/claims/{CLAIM}").json()


def test_many_clicks_are_one_measurement(client: TestClient, engine: InlineEngine) -> None:
    opened = []
    honest = engine.open
    engine.open = lambda *args: opened.append(args) or honest(*args)  # type: ignore[method-assign,func-returns-value]
    measurements._held[CLAIM] = measurements.Measurement(run=engine.open(f"claim:{CLAIM}", None, "claims"))
    client.post(f"/claims/{CLAIM}")
    assert len(opened) == 1


def test_an_unknown_claim_is_not_found(client: TestClient, engine: InlineEngine) -> None:
    assert client.post("/claims/sine_fits.nothing").status_code == 404
    assert client.get("/claims/nothing").status_code == 404


@pytest.mark.parametrize("method", ["open", "next"])
def test_a_full_or_lost_engine_is_a_sentence(
    client: TestClient, engine: InlineEngine, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    def fail(*args: object) -> None:
        raise Refused("Full.") if method == "open" else RunLost("It was lost.")

    monkeypatch.setattr(engine, method, fail)
    state = client.post(f"/claims/{CLAIM}").json()
    assert not state["running"] and state["note"].endswith(".") and state["holds"] is None


def test_a_measurement_that_waits_for_a_worker_goes_on(
    client: TestClient, engine: InlineEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "next", lambda run, patience: Waiting("Starting."))
    assert client.post(f"/claims/{CLAIM}").json()["running"]
