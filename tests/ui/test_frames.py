"""What a figure asks of ``/frames``, over HTTP."""

import asyncio
import gzip
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from httpx2 import ASGITransport, AsyncClient
from starlette.applications import Starlette
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Send

from core import book
from core.engine.inline import InlineEngine
from core.ui import panel as panels
from core.ui import server
from core.ui.panel import Panel, begin

NAME = "sine_fits.fit"
T = TypeVar("T")


@pytest.fixture
def client() -> TestClient:
    return TestClient(Starlette(routes=server.ROUTES, middleware=server.MIDDLEWARE))


@pytest.fixture
def panel(monkeypatch: pytest.MonkeyPatch) -> Panel:
    engine = InlineEngine()
    monkeypatch.setattr(panels, "engine", lambda: engine)
    return begin("sine_fits", "fit", "me", book.lab(NAME).Params())


def in_a_loop(work: Coroutine[Any, Any, T]) -> T:
    with ThreadPoolExecutor() as thread:  # The browser that other tests drive has a loop in this one.
        return thread.submit(asyncio.run, work).result()


def put(panel: Panel, receive: Receive, send: Send) -> None:
    scope = {"type": "http", "method": "POST", "path": f"/frames/{panel.token}", "headers": [], "query_string": b""}

    async def ask() -> None:
        await server.Frames(Starlette())(scope, receive, send)

    in_a_loop(ask())


def test_a_question_is_answered_with_a_frame(client: TestClient, panel: Panel) -> None:
    answer = client.post(f"/frames/{panel.token}", json={"frame": 3, "held": []})
    assert answer.status_code == 200
    assert answer.json()["frame"] == 3
    held = list(answer.json()["parts"].values())
    again = client.post(f"/frames/{panel.token}", json={"frame": 3, "held": held})
    assert again.json()["send"] == {} and len(again.content) < 2000


def test_a_server_below_a_path_answers_too(client: TestClient, panel: Panel) -> None:
    assert client.post(f"/a/path/frames/{panel.token}", json={"frame": 3}).json()["frame"] == 3


def test_a_stranger_learns_nothing(client: TestClient) -> None:
    answer = client.post("/frames/0123456789abcdef", json={"frame": 3})
    assert answer.status_code == 404
    assert answer.json() == {"gone": True}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[1]", 400),
        (b"[" * 30_000, 400),
        (b"\xff\xfe", 400),
        (b'{"frame": NaN}', 200),
        (b"9" * 100_000, 413),
    ],
)
def test_a_body_that_makes_no_sense_is_refused(client: TestClient, panel: Panel, body: bytes, status: int) -> None:
    assert client.post(f"/frames/{panel.token}", content=body).status_code == status


def test_a_question_that_never_ends_is_given_up(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "SLOWEST_QUESTION", 0.05)
    said: list[Message] = []

    async def receive() -> Message:
        if said:
            return {"type": "http.disconnect"}
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b" ", "more_body": True}

    async def send(message: Message) -> None:
        said.append(message)

    put(panel, receive, send)
    assert said[0]["status"] == 408


def test_a_client_that_leaves_in_the_middle_of_its_question_is_no_error(panel: Panel) -> None:
    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        pass

    put(panel, receive, send)


def test_a_crowd_that_asks_of_one_lab_takes_a_single_thread(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    busy, most = set[int](), []

    def answer(held: Panel, ask: dict[str, Any], zipped: bool) -> bytes:
        busy.add(ask["frame"])
        most.append(len(busy))
        time.sleep(0.01)
        busy.remove(ask["frame"])
        return gzip.compress(b"{}")

    monkeypatch.setattr(server, "_answer", answer)

    async def crowd() -> list[int]:
        async with AsyncClient(transport=ASGITransport(server.Frames(Starlette())), base_url="http://test") as client:
            asked = [client.post(f"/frames/{panel.token}", json={"frame": number}) for number in range(20)]
            return [answer.status_code for answer in await asyncio.gather(*asked)]

    assert in_a_loop(crowd()) == [200] * 20
    assert most == [1] * 20


def test_a_frame_is_packed_for_who_can_unpack_it(client: TestClient, panel: Panel) -> None:
    question = {"frame": 3, "held": []}
    packed = client.post(f"/frames/{panel.token}", json=question)
    plain = client.post(f"/frames/{panel.token}", json=question, headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip" and "content-encoding" not in plain.headers
    refused = client.post(f"/frames/{panel.token}", json=question, headers={"accept-encoding": "br, gzip; q=0"})
    assert "content-encoding" not in refused.headers
    assert packed.json() == plain.json() == refused.json()
    assert int(packed.headers["content-length"]) < 0.5 * int(plain.headers["content-length"])


def test_every_answer_carries_the_headers_and_assets_are_asked_for_anew(client: TestClient) -> None:
    script = client.get("/assets/lab.js")
    assert script.headers["x-content-type-options"] == "nosniff"
    assert script.headers["cache-control"] == "no-cache"
    assert "cache-control" not in client.get("/frames/none").headers
    assert client.get("/assets/../pyproject.toml").status_code == 404
    assert client.get("/assets/%2e%2e/pyproject.toml").status_code == 404


def test_no_frame_holds_what_json_does_not_know(client: TestClient, panel: Panel) -> None:
    for frame in (0, 75, 150):
        text = client.post(f"/frames/{panel.token}", json={"frame": frame}).text
        assert "NaN" not in text and "Infinity" not in text
